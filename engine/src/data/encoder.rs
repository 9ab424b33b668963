//! Table columns to model features: `[rows, features]`, f32, row-major. Missing cells are NaN.

use super::cells;
use super::matching::{Roles, Source, match_columns};
use super::names;
use super::schema::{Encoding, Schema};
use super::text::text;
use crate::effect::{Axis, Category};
use crate::explain::FeatureValue;
use crate::{Error, Result};
use arrow::array::{Array, AsArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Float64Type, Schema as Columns};
use ndarray::Array2;
use rayon::prelude::*;
use std::collections::HashMap;

/// Rows that one thread fills at a time.
const ROWS_A_TASK: usize = 1024;

/// Features that are one player together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    pub name: String,
    /// Places in the model, ascending.
    pub features: Vec<usize>,
}

/// The fixed way from a table's columns to a model's features; see [`Encoder::new`].
#[derive(Debug, Clone)]
pub struct Encoder {
    sources: Vec<Source>,
    features: Vec<String>,
    groups: Vec<Group>,
    finite: bool,
}

/// One source's cells, ready to be written.
enum Cells {
    Numbers(Float64Array),
    /// Position of the row's category, or none if it is missing.
    Categories(Vec<Option<usize>>),
}

impl Encoder {
    /// Matches the columns of a table to the features of a model, by name if the table has all of them, else by order if the
    /// model's names are generic (`input[0]`, `x1`); with a schema, its columns and their `column=category` features count.
    /// Columns that feed nothing must be ids, ignored, or called `target`.
    ///
    /// # Errors
    /// Missing and left-over columns with the nearest names; groups that name no feature, or one twice.
    pub fn new(table: &Columns, model_features: &[String], schema: Option<&Schema>, roles: &Roles) -> Result<Encoder> {
        let found = match_columns(table, model_features, schema, roles)?;
        let declared = schema.map_or(&[][..], |s| &s.groups);
        let groups = groups(declared, &found.features, &found.sources)?;
        Ok(Encoder { sources: found.sources, features: found.features, groups, finite: false })
    }

    /// For a model that takes neither NaN nor infinity: from now on such a cell is an error.
    pub fn finite(self) -> Encoder {
        Encoder { finite: true, ..self }
    }

    /// Names to show, in the model's order: the table's own where the match is by order.
    pub fn feature_names(&self) -> &[String] {
        &self.features
    }

    /// The players: the schema's groups, then each one-hot column as one, then each other feature alone; by first feature.
    pub fn default_groups(&self) -> &[Group] {
        &self.groups
    }

    /// The raw columns as [`Axis`]es, in the model's order: a number, or a category with what each of its values feeds the model.
    pub fn axes(&self) -> Vec<Axis> {
        let mut axes: Vec<Axis> = self.sources.iter().map(axis).collect();
        axes.sort_by_key(|axis| axis.features.first().copied());
        axes
    }

    /// Rows `[rows, features]`. `first_row` is the number of the batch's first row, from 1, for messages.
    ///
    /// # Errors
    /// Text that is no number, a category that is not declared, a column of dates or lists, a missing value under
    /// [`Encoder::finite`]: with row, column and value.
    pub fn encode(&self, batch: &RecordBatch, first_row: usize) -> Result<Array2<f32>> {
        let cells = self.sources.iter().map(|s| cells_of(s, batch, first_row)).collect::<Result<Vec<_>>>()?;
        let width = self.features.len();
        let mut rows = vec![0f32; batch.num_rows() * width];
        rows.par_chunks_mut(ROWS_A_TASK * width).enumerate().for_each(|(task, chunk)| {
            for (i, row) in chunk.chunks_exact_mut(width).enumerate() {
                for (source, cells) in self.sources.iter().zip(&cells) {
                    fill(row, source, cells, task * ROWS_A_TASK + i);
                }
            }
        });
        let rows = Array2::from_shape_vec((batch.num_rows(), width), rows).expect("one value a cell");
        if self.finite {
            require_finite(&rows, &self.features, first_row)?;
        }
        Ok(rows)
    }

    /// A player in one row of a batch, as a reader of the table knows it: `39`, `Private`, or `a=1, b=2` for a group of several
    /// columns. Columns that are one-hot already show the category that is 1. A player that is one numeric column has a number too,
    /// unless the cell is missing.
    pub fn raw_value(&self, batch: &RecordBatch, row: usize, group: &Group) -> FeatureValue {
        let in_group = |s: &&Source| s.places.iter().flatten().any(|p| group.features.contains(p));
        let column = |s: &Source| batch.column_by_name(&s.column.name).cloned();
        let sources: Vec<&Source> = self.sources.iter().filter(in_group).collect();
        if let [source] = sources[..] {
            let Some(cells) = column(source) else { return FeatureValue { text: String::new(), number: None } };
            let number = || numbers(&cells.slice(row, 1), &source.column.name, row).ok()?.iter().next()?;
            let number = (source.column.encoding == Encoding::Numeric).then(number).flatten();
            return FeatureValue { text: text(&cells, row), number: number.filter(|n| n.is_finite()) };
        }
        let cell = |s: &Source| column(s).map_or(String::new(), |c| text(&c, row));
        let shown: Vec<(&str, String)> = sources.iter().map(|s| (s.column.name.as_str(), cell(s))).collect();
        let category = |name: &str| name.strip_prefix(&group.name)?.strip_prefix('=').map(str::to_string);
        let ones: Vec<Option<String>> =
            shown.iter().filter(|(_, v)| v == "1").map(|(name, _)| category(name)).collect();
        let text = match &ones[..] {
            [Some(category)] => category.clone(),
            _ => shown.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", "),
        };
        FeatureValue { text, number: None }
    }
}

fn axis(source: &Source) -> Axis {
    let features: Vec<usize> = source.places.iter().flatten().copied().collect();
    let fed = |c: usize| source.places.iter().enumerate().filter(|(_, p)| p.is_some()).map(move |(i, _)| (i, c));
    let categories = match &source.column.encoding {
        Encoding::Numeric => vec![],
        Encoding::OneHot { categories } => {
            let values = |c| fed(c).map(|(i, c)| f32::from(i == c)).collect();
            categories
                .iter()
                .enumerate()
                .map(|(c, label)| Category { label: label.clone(), values: values(c) })
                .collect()
        }
        Encoding::Ordinal { categories, codes } => {
            let category = |(label, &code): (&String, &f32)| Category { label: label.clone(), values: vec![code] };
            categories.iter().zip(codes).map(category).collect()
        }
    };
    Axis { name: source.column.name.clone(), features, categories }
}

fn fill(row: &mut [f32], source: &Source, cells: &Cells, r: usize) {
    match (cells, &source.column.encoding) {
        (Cells::Numbers(numbers), _) => {
            let value = if numbers.is_null(r) { f32::NAN } else { numbers.value(r) as f32 };
            source.places.iter().flatten().for_each(|&p| row[p] = value);
        }
        (Cells::Categories(found), Encoding::Ordinal { codes, .. }) => {
            let value = found[r].map_or(f32::NAN, |c| codes[c]);
            source.places.iter().flatten().for_each(|&p| row[p] = value);
        }
        (Cells::Categories(found), _) => {
            for (category, place) in source.places.iter().enumerate() {
                let value = found[r].map_or(f32::NAN, |c| f32::from(c == category));
                place.iter().for_each(|&p| row[p] = value);
            }
        }
    }
}

fn cells_of(source: &Source, batch: &RecordBatch, first_row: usize) -> Result<Cells> {
    let name = &source.column.name;
    let column = batch.column_by_name(name).ok_or_else(|| {
        Error::input(format!("a later part of the table lacks the column `{name}`"))
            .hint("give a table with one set of columns")
    })?;
    match &source.column.encoding {
        Encoding::Numeric => Ok(Cells::Numbers(numbers(column, name, first_row)?)),
        Encoding::OneHot { categories } | Encoding::Ordinal { categories, .. } => {
            let missing = source.column.missing.as_ref().and_then(|m| categories.iter().position(|c| c == m));
            Ok(Cells::Categories(find_categories(column, name, categories, missing, first_row)?))
        }
    }
}

/// Any column of numbers, booleans or numbers written as text.
fn numbers(column: &dyn Array, name: &str, first_row: usize) -> Result<Float64Array> {
    let kind = column.data_type();
    let kind = if let DataType::Dictionary(_, values) = kind { values.as_ref() } else { kind };
    let cast =
        |to: &DataType| arrow::compute::cast(column, to).map_err(|e| Error::input(format!("column `{name}`: {e}")));
    if kind.is_string() {
        return cells::numbers(cast(&DataType::Utf8)?.as_string(), name, first_row);
    }
    if !(kind.is_numeric() || matches!(kind, DataType::Boolean | DataType::Null)) {
        return Err(Error::input(format!("column `{name}` holds {kind}, not numbers"))
            .hint("turn it into a number (a date into days, say) before, or leave it out with `--ignore`"));
    }
    Ok(cast(&DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

fn find_categories(
    column: &dyn Array,
    name: &str,
    categories: &[String],
    missing: Option<usize>,
    first_row: usize,
) -> Result<Vec<Option<usize>>> {
    let texts = texts(column, name)?;
    let positions: HashMap<&str, usize> = categories.iter().enumerate().map(|(c, text)| (text.as_str(), c)).collect();
    let find = |r: usize| match texts.is_null(r) {
        true => Ok(missing),
        false => positions.get(texts.value(r)).copied().map(Some).ok_or_else(|| {
            let value = texts.value(r);
            let nearest = names::did_you_mean(value, categories.iter().map(String::as_str));
            Error::input(format!(
                "row {}, column `{name}`: `{value}` is not a declared category{nearest}; declared are {}",
                first_row + r,
                names::list(categories)
            ))
            .hint(format!(
                "add it to the categories of `{name}` in the schema file if the model knows it, or correct the cell"
            ))
        }),
    };
    (0..texts.len()).map(find).collect()
}

/// Cells as text; whole numbers without a decimal point, so that 1.0 is the category `1`.
pub(super) fn texts(column: &dyn Array, name: &str) -> Result<StringArray> {
    let wrong =
        |e: arrow::error::ArrowError| Error::input(format!("column `{name}` cannot be read as categories: {e}"));
    if column.data_type().is_floating() {
        let numbers = arrow::compute::cast(column, &DataType::Float64).map_err(wrong)?;
        return Ok(numbers.as_primitive::<Float64Type>().iter().map(|v| v.map(|v| v.to_string())).collect());
    }
    Ok(arrow::compute::cast(column, &DataType::Utf8).map_err(wrong)?.as_string().clone())
}

fn groups(declared: &[(String, Vec<String>)], features: &[String], sources: &[Source]) -> Result<Vec<Group>> {
    let mut grouped = vec![false; features.len()];
    let mut groups = Vec::new();
    for (name, members) in declared {
        let mut places = members.iter().map(|m| place(m, name, features)).collect::<Result<Vec<_>>>()?;
        places.sort_unstable();
        if places.is_empty() {
            return Err(
                Error::input(format!("group `{name}` has no features")).hint("take it out, or list its features")
            );
        }
        for &p in &places {
            if std::mem::replace(&mut grouped[p], true) {
                return Err(Error::input(format!("feature `{}` is in group `{name}` and in another", features[p]))
                    .hint("a feature belongs to one group"));
            }
        }
        groups.push(Group { name: name.clone(), features: places });
    }
    for source in sources {
        let mut places: Vec<usize> = source.places.iter().flatten().copied().filter(|&p| !grouped[p]).collect();
        places.sort_unstable();
        if !places.is_empty() {
            groups.push(Group { name: source.column.name.clone(), features: places });
        }
    }
    groups.sort_by_key(|g| g.features[0]);
    names::require_unique(groups.iter().map(|g| g.name.as_str()), "players (groups and single features)")?;
    Ok(groups)
}

fn place(member: &String, group: &str, features: &[String]) -> Result<usize> {
    features.iter().position(|f| f == member).ok_or_else(|| {
        let nearest = names::did_you_mean(member, features.iter().map(String::as_str));
        Error::input(format!("group `{group}` names `{member}`, which is not a feature{nearest}"))
            .hint(format!("the features are {}", names::list(features)))
    })
}

/// For models that take neither NaN nor infinity: an error that names the first such cell. `first_row` as in [`Encoder::encode`].
pub fn require_finite(rows: &Array2<f32>, features: &[String], first_row: usize) -> Result<()> {
    match rows.indexed_iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some(((row, column), value)) => {
            let found = if value.is_nan() { "missing or NaN".to_string() } else { value.to_string() };
            Err(Error::input(format!(
                "row {}, column `{}`: the value is {found}, and the model takes finite numbers only",
                first_row + row,
                features[column]
            ))
            .hint("fill missing values before, or declare a `missing` category in the schema file"))
        }
    }
}
