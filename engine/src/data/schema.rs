//! The schema file: what each raw column of a table means to the model. TOML or JSON.
//!
//! ```toml
//! id = ["customer"]            # copied to the output
//! ignore = ["target"]          # neither feature nor id
//!
//! [[column]]                   # in the order of the model's features
//! name = "age"
//! kind = "numeric"
//!
//! [[column]]
//! name = "workclass"           # becomes the features workclass=?, workclass=Private, …
//! kind = "one-hot"
//! categories = ["?", "Private", "State-gov"]
//! missing = "?"                # the category of an empty cell; without it the cell is NaN
//!
//! [[column]]
//! name = "grade"
//! kind = "ordinal"             # codes 0, 1, 2 unless `codes = [...]` gives others
//! categories = ["low", "middle", "high"]
//!
//! [groups]                     # features that are one player together
//! person = ["age", "grade"]
//! ```
//!
//! A second form lists encoded features: `columns = ["age", "workclass=?", …]` with `categorical = ["workclass"]`;
//! `numeric`, `codes`, `label`, `labels`, `protected` and `shape` may stand beside it and are not read.

use super::names;
use crate::{Error, Result};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::path::Path;

/// What the raw columns mean, in the order of the model's features.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schema {
    pub columns: Vec<Column>,
    /// Player name → features, by name.
    pub groups: Vec<(String, Vec<String>)>,
    pub id: Vec<String>,
    pub ignore: Vec<String>,
}

/// One raw column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub name: String,
    pub encoding: Encoding,
    /// The category that an empty cell counts as; without it the cell is NaN.
    pub missing: Option<String>,
}

/// How a raw column becomes features.
#[derive(Debug, Clone, PartialEq)]
pub enum Encoding {
    Numeric,
    /// One feature a category, called `column=category`: 1 for the row's category, 0 for the others.
    OneHot {
        categories: Vec<String>,
    },
    /// One feature: the code of the row's category. One code a category.
    Ordinal {
        categories: Vec<String>,
        codes: Vec<f32>,
    },
}

impl Column {
    /// Names of the features this column becomes.
    pub fn features(&self) -> Vec<String> {
        match &self.encoding {
            Encoding::OneHot { categories } => categories.iter().map(|c| format!("{}={c}", self.name)).collect(),
            _ => vec![self.name.clone()],
        }
    }

    pub fn is_categorical(&self) -> bool {
        self.encoding != Encoding::Numeric
    }
}

impl Schema {
    /// Reads a `.toml` or `.json` file.
    pub fn open(path: impl AsRef<Path>) -> Result<Schema> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
        let json = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"));
        let schema = if json { Schema::from_json(&text) } else { Schema::from_toml(&text) };
        schema.map_err(|e| super::table::of_file(path, e))
    }

    pub fn from_toml(text: &str) -> Result<Schema> {
        let file: File = toml::from_str(text).map_err(|e| unreadable(e.to_string().trim_end()))?;
        file.check()
    }

    pub fn from_json(text: &str) -> Result<Schema> {
        let file: File = serde_json::from_str(text).map_err(|e| unreadable(&e.to_string()))?;
        file.check()
    }

    /// Names of the columns that are to be read as text: categories and ids.
    pub fn text_columns(&self) -> Vec<String> {
        let categorical = self.columns.iter().filter(|c| c.is_categorical()).map(|c| c.name.clone());
        categorical.chain(self.id.iter().cloned()).collect()
    }
}

fn unreadable(message: &str) -> Error {
    Error::input(format!("not a schema: {message}"))
        .hint("a schema file lists [[column]] tables with `name` and `kind` (numeric, one-hot, ordinal), and [groups]")
}

/// The file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    id: Vec<String>,
    #[serde(default)]
    ignore: Vec<String>,
    #[serde(default)]
    column: Vec<ColumnAsWritten>,
    #[serde(default)]
    groups: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    columns: Vec<String>,
    #[serde(default)]
    categorical: Vec<String>,
    #[serde(rename = "numeric", default)]
    _numeric: IgnoredAny,
    #[serde(rename = "codes", default)]
    _codes: IgnoredAny,
    #[serde(rename = "label", default)]
    _label: IgnoredAny,
    #[serde(rename = "labels", default)]
    _labels: IgnoredAny,
    #[serde(rename = "protected", default)]
    _protected: IgnoredAny,
    #[serde(rename = "shape", default)]
    _shape: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnAsWritten {
    name: String,
    kind: Kind,
    #[serde(default)]
    categories: Vec<Category>,
    codes: Option<Vec<f32>>,
    missing: Option<Category>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Numeric,
    OneHot,
    Ordinal,
}

/// A category may be written as a number or a boolean; it is compared as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Category {
    Text(String),
    Boolean(bool),
    Integer(i64),
    Number(f64),
}

impl Category {
    fn text(self) -> String {
        match self {
            Category::Text(text) => text,
            Category::Boolean(value) => value.to_string(),
            Category::Integer(value) => value.to_string(),
            Category::Number(value) => value.to_string(),
        }
    }
}

impl File {
    fn check(self) -> Result<Schema> {
        if !self.column.is_empty() && !self.columns.is_empty() {
            return Err(unreadable("it has both `column` and `columns`"));
        }
        let mut columns = self.column.into_iter().map(ColumnAsWritten::check).collect::<Result<Vec<_>>>()?;
        if columns.is_empty() {
            columns = from_encoded(&self.columns, &self.categorical)?;
        }
        names::require_unique(columns.iter().map(|c| c.name.as_str()), "columns of the schema")?;
        Ok(Schema { columns, groups: self.groups.into_iter().collect(), id: self.id, ignore: self.ignore })
    }
}

impl ColumnAsWritten {
    fn check(self) -> Result<Column> {
        let name = self.name;
        let wrong = |what: &str| Err(unreadable(&format!("column `{name}` {what}")));
        let categories: Vec<String> = self.categories.into_iter().map(Category::text).collect();
        let missing = self.missing.map(Category::text);
        if (self.kind == Kind::Numeric) != categories.is_empty() {
            return wrong("needs `categories` if it is one-hot or ordinal, and takes none if it is numeric");
        }
        if missing.as_ref().is_some_and(|m| !categories.contains(m)) {
            return wrong("has a `missing` that is not one of its categories");
        }
        if self.codes.is_some() && self.kind != Kind::Ordinal {
            return wrong("has `codes`, which only an ordinal column takes");
        }
        let codes = self.codes.unwrap_or_else(|| (0..categories.len()).map(|c| c as f32).collect());
        if codes.len() != categories.len() {
            return wrong(&format!("has {} categories and {} codes", categories.len(), codes.len()));
        }
        names::require_unique(categories.iter().map(String::as_str), &format!("categories of column `{name}`"))?;
        let encoding = match self.kind {
            Kind::Numeric => Encoding::Numeric,
            Kind::OneHot => Encoding::OneHot { categories },
            Kind::Ordinal => Encoding::Ordinal { categories, codes },
        };
        Ok(Column { name, encoding, missing })
    }
}

/// Raw columns from encoded names: `workclass=Private` is a category of `workclass` if that is categorical.
fn from_encoded(encoded: &[String], categorical: &[String]) -> Result<Vec<Column>> {
    let mut columns: Vec<Column> = Vec::new();
    for feature in encoded {
        let raw = categorical.iter().find_map(|c| Some((c, feature.strip_prefix(c.as_str())?.strip_prefix('=')?)));
        let Some((name, category)) = raw else {
            columns.push(Column { name: feature.clone(), encoding: Encoding::Numeric, missing: None });
            continue;
        };
        match columns.last_mut() {
            Some(Column { name: last, encoding: Encoding::OneHot { categories }, .. }) if last == name => {
                categories.push(category.to_string());
            }
            _ => {
                let encoding = Encoding::OneHot { categories: vec![category.to_string()] };
                columns.push(Column { name: name.clone(), encoding, missing: None });
            }
        }
    }
    Ok(columns)
}
