//! JSON and JSON Lines as one object a row: features, label and prediction found by JMESPath.

use super::config::{Column, Config, DatasetType, Place};
use jmespath::Expression;
use pellucid::data::of_file;
use pellucid::{Error, Result};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

/// Where the parts of a record are.
struct Paths {
    features: Expression<'static>,
    /// Label and prediction: path and column name.
    others: Vec<(Expression<'static>, String)>,
    headers: Option<Vec<String>>,
}

/// Writes the rows of a file to `to` as JSON Lines, a key a column; returns the columns' names.
///
/// # Errors
/// JSON that is malformed, paths that are or that find no plain values, rows of different length.
pub fn flatten(path: &Path, config: &Config, to: &Path) -> Result<Vec<String>> {
    let paths = Paths::new(config)?;
    let unwritten = |error| Error::io("write", to, error);
    let mut out = BufWriter::new(File::create(to).map_err(unwritten)?);
    let mut names: Vec<String> = Vec::new();
    let mut put = |features: Vec<Value>, others: Vec<Value>, row: usize| -> Result<()> {
        if names.is_empty() {
            names = paths.names(features.len())?;
        }
        if features.len() + others.len() != names.len() {
            return Err(Error::input(format!(
                "row {row} has {} features, those before have {}",
                features.len(),
                names.len() - others.len()
            ))
            .hint("`features` must find as many values in each row"));
        }
        let cells = names.iter().zip(features.into_iter().chain(others));
        writeln!(out, "{}", line(cells)).map_err(unwritten)
    };
    let read = match config.kind {
        DatasetType::Json => matrix(path, &paths, &mut put),
        _ => lines(path, &paths, &mut put),
    };
    read.map_err(|error| of_file(path, error))?;
    out.flush().map_err(unwritten)?;
    Ok(names)
}

/// An object in one line, keys in order.
fn line<'a>(cells: impl Iterator<Item = (&'a String, Value)>) -> String {
    let cells: Vec<String> = cells.map(|(name, value)| format!("{}:{value}", Value::from(name.as_str()))).collect();
    format!("{{{}}}", cells.join(","))
}

type Put<'a> = &'a mut dyn FnMut(Vec<Value>, Vec<Value>, usize) -> Result<()>;

fn lines(path: &Path, paths: &Paths, put: Put) -> Result<()> {
    let reader = BufReader::new(File::open(path).map_err(|error| Error::io("open", path, error))?);
    for (row, line) in reader.lines().enumerate() {
        let line = line.map_err(|error| Error::io("read", path, error))?;
        if line.trim().is_empty() {
            continue;
        }
        let record: Value = serde_json::from_str(&line).map_err(|error| malformed(&error, row + 1))?;
        let features = paths.search(&paths.features, &record)?;
        let features = list(features, &paths.features, row + 1)?;
        let others = paths.others.iter().map(|(path, _)| scalar(paths.search(path, &record)?, path.as_str(), row + 1));
        put(plain(features, row + 1)?, others.collect::<Result<_>>()?, row + 1)?;
    }
    Ok(())
}

fn matrix(path: &Path, paths: &Paths, put: Put) -> Result<()> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
    let all: Value = serde_json::from_str(&text).map_err(|error| malformed(&error, 0))?;
    let rows = list(paths.search(&paths.features, &all)?, &paths.features, 0)?;
    let mut others = Vec::new();
    for (path, name) in &paths.others {
        let found = list(paths.search(path, &all)?, path, 0)?;
        if found.len() != rows.len() {
            return Err(Error::input(format!(
                "`{}` finds {} values for {name}, `{}` finds {} rows",
                path.as_str(),
                found.len(),
                paths.features.as_str(),
                rows.len()
            ))
            .hint("each row needs one"));
        }
        others.push((path, found.into_iter()));
    }
    for (row, features) in rows.into_iter().enumerate() {
        let cells =
            others.iter_mut().map(|(path, found)| scalar(found.next().unwrap_or_default(), path.as_str(), row + 1));
        let cells = cells.collect::<Result<Vec<_>>>()?;
        put(plain(list(features, &paths.features, row + 1)?, row + 1)?, cells, row + 1)?;
    }
    Ok(())
}

fn malformed(error: &serde_json::Error, row: usize) -> Error {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    match row {
        0 => Error::input(format!("line {}, column {}: {what}", error.line(), error.column())),
        row => {
            Error::input(format!("line {row}, column {}: {what}", error.column())).hint("each line is one JSON value")
        }
    }
}

fn list(value: Value, path: &Expression, row: usize) -> Result<Vec<Value>> {
    match value {
        Value::Array(items) => Ok(items),
        other => {
            let place = if row > 0 { format!("row {row}: ") } else { String::new() };
            let found = if other.is_null() { "nothing".to_string() } else { kind(&other).to_string() };
            Err(Error::input(format!("{place}`{}` finds {found}, not a list", path.as_str()))
                .hint("a JMESPath such as `features`, or `[*].features` for one JSON document"))
        }
    }
}

fn plain(cells: Vec<Value>, row: usize) -> Result<Vec<Value>> {
    cells.into_iter().enumerate().map(|(i, cell)| scalar(cell, &format!("feature {i}"), row)).collect()
}

fn scalar(cell: Value, what: &str, row: usize) -> Result<Value> {
    match cell {
        Value::Array(_) | Value::Object(_) => {
            Err(Error::input(format!("row {row}: {what} is {}, not one value", kind(&cell)))
                .hint("a feature or label is a number, text, true, false or null"))
        }
        cell => Ok(cell),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
        Value::String(_) => "text",
        Value::Null => "null",
        _ => "one value",
    }
}

impl Paths {
    fn new(config: &Config) -> Result<Self> {
        let features = config.features.as_deref().unwrap_or_default();
        let mut others = Vec::new();
        for (column, default) in [(&config.label, "label"), (&config.predicted_label, "predicted_label")] {
            let Some(Column { at, place }) = column else { continue };
            let Place::Name(path) = place else {
                return Err(Error::input(format!("`{at}` is a number; for JSON it is a JMESPath, as \"label\"")));
            };
            let word = !path.is_empty() && path.chars().all(|c| c.is_alphanumeric() || c == '_');
            others.push((compile(at, path)?, if word { path.clone() } else { default.to_string() }));
        }
        Ok(Self { features: compile("features", features)?, others, headers: config.headers.clone() })
    }

    fn search(&self, path: &Expression, record: &Value) -> Result<Value> {
        let wrong = |error: &dyn std::fmt::Display| Error::input(format!("`{}`: {error}", path.as_str()));
        let found = path.search(record).map_err(|error| wrong(&error))?;
        serde_json::to_value(&*found).map_err(|error| wrong(&error))
    }

    /// Headers name the features, then the label, then the prediction.
    fn names(&self, features: usize) -> Result<Vec<String>> {
        let all = features + self.others.len();
        let given = self.headers.clone().unwrap_or_default();
        if !given.is_empty() && given.len() != features && given.len() != all {
            return Err(Error::input(format!(
                "`headers` has {} names for {features} features and {} other columns",
                given.len(),
                self.others.len()
            ))
            .hint("name the features, then the label, then the predicted label"));
        }
        let feature = |i: usize| given.get(i).cloned().unwrap_or_else(|| format!("column_{i}"));
        let other = |(i, (_, name)): (usize, &(Expression, String))| {
            given.get(features + i).cloned().unwrap_or_else(|| name.clone())
        };
        Ok((0..features).map(feature).chain(self.others.iter().enumerate().map(other)).collect())
    }
}

fn compile(at: &str, path: &str) -> Result<Expression<'static>> {
    jmespath::compile(path).map_err(|error| {
        Error::input(format!(
            "`{at}` is \"{path}\", which is not a JMESPath: {}",
            error.to_string().lines().next().unwrap_or_default()
        ))
        .hint("see https://jmespath.org; a name alone, as `label`, is one")
    })
}

/// Rows of an inline or stored baseline in JSON: lists, or records in which `features` finds them.
///
/// # Errors
/// Anything but lists of plain values.
pub fn rows(value: &Value, features: Option<&str>) -> Result<Vec<Vec<Value>>> {
    let path = features.map(|path| compile("features", path)).transpose()?;
    let find = |value: &Value, path: &Expression| -> Result<Value> {
        let found = path.search(value).map_err(|error| Error::input(format!("`{}`: {error}", path.as_str())))?;
        serde_json::to_value(&*found).map_err(|error| Error::input(error.to_string()))
    };
    let is_matrix =
        |value: &Value| value.as_array().is_some_and(|rows| !rows.is_empty() && rows.iter().all(Value::is_array));
    let all = match (&path, value) {
        _ if is_matrix(value) => value.clone(),
        // The whole has the shape of the data set, or each item has that of a line.
        (Some(path), whole) => match find(whole, path)? {
            found if is_matrix(&found) => found,
            found if found.is_array() && whole.is_object() => Value::Array(vec![found]),
            _ => Value::Array(
                whole.as_array().into_iter().flatten().map(|item| find(item, path)).collect::<Result<_>>()?,
            ),
        },
        (None, other) => other.clone(),
    };
    let wrong = || {
        Error::input("a baseline is a list of rows, each a list of values")
            .hint("as [[39, \"Private\", 13], …], or [{\"features\": [39, …]}, …] with `features`")
    };
    let rows = all.as_array().filter(|rows| !rows.is_empty()).ok_or_else(wrong)?;
    let row = |(i, row): (usize, &Value)| plain(row.as_array().ok_or_else(wrong)?.clone(), i + 1);
    rows.iter().enumerate().map(row).collect()
}
