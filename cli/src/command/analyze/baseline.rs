//! The baseline: rows that stand for absent features, as given or from clusters, always as a table of the model's columns.

use super::config::Config;
use super::dataset::{Dataset, first_line};
use super::flatten::rows;
use super::methods::{Baseline, Shap};
use super::model::Model;
use super::uri::local;
use crate::args::UriMap;
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema as Columns};
use pellucid::data::{BackgroundChoice, BatchWriter, FileKind, Format, ReadOptions, Table};
use pellucid::effect::Axis;
use pellucid::{Error, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Clusters when neither rows nor a number of clusters is given: the most that the reference takes by itself.
const CLUSTERS: usize = 12;
const AT: &str = "methods.shap.baseline";

/// Rows of text, a cell for each of the model's columns; an empty cell is a missing value.
pub type Rows = Vec<Vec<String>>;

/// The rows, and what they are.
pub fn read(shap: &Shap, config: &Config, dataset: &Dataset, model: &Model, uris: &[UriMap]) -> Result<(Rows, String)> {
    let (rows, what) = match &shap.baseline {
        Some(Baseline::Inline(value)) => (inline(value, config)?, "as given in the configuration".to_string()),
        Some(Baseline::Uri(uri)) => {
            let path = local(uri, AT, uris)?;
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (stored(&path, config, dataset)?, format!("of {file}"))
        }
        None => {
            let most = model.opened.input.n_rows()?;
            let clusters = shap.num_clusters.unwrap_or(CLUSTERS.min(most));
            (
                centres(clusters, shap.seed.unwrap_or(0), dataset, model)?,
                format!("the rows nearest to the centres of {clusters} k-means clusters"),
            )
        }
    };
    check(&rows, dataset)?;
    Ok((rows, what))
}

fn check(rows: &Rows, dataset: &Dataset) -> Result<()> {
    let columns = &dataset.features;
    if rows.is_empty() {
        return Err(Error::input(format!("`{AT}` has no rows")).hint("give at least one row, or `num_clusters`"));
    }
    match rows.iter().position(|row| row.len() != columns.len()) {
        None => Ok(()),
        Some(row) => Err(Error::input(format!(
            "`{AT}[{row}]` has {} values, and the model is sent {} columns",
            rows[row].len(),
            columns.len()
        ))
        .hint(format!("give one value for each of {}", columns.join(", ")))),
    }
}

fn inline(value: &Value, config: &Config) -> Result<Rows> {
    let found = rows(value, config.features.as_deref()).map_err(|error| at(error, AT))?;
    Ok(found.into_iter().map(|row| row.into_iter().map(text).collect()).collect())
}

fn at(error: Error, place: &str) -> Error {
    match error {
        Error::Input { message, hint } => Error::Input { message: format!("`{place}`: {message}"), hint },
        other => other,
    }
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A file in the form of the data set, with the model's columns only.
fn stored(path: &Path, config: &Config, dataset: &Dataset) -> Result<Rows> {
    use super::config::DatasetType::{Csv, Json, JsonLines, Parquet};
    match config.kind {
        Json | JsonLines => {
            let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
            let wrong = |error: serde_json::Error| Error::input(format!("{}: {error}", path.display()));
            let value = match serde_json::from_str(&text) {
                Ok(value) => value,
                Err(_) => Value::Array(
                    text.lines()
                        .filter(|l| !l.trim().is_empty())
                        .map(serde_json::from_str)
                        .collect::<Result<_, _>>()
                        .map_err(wrong)?,
                ),
            };
            // A single line is a list of one row.
            let value = if value.is_object() && config.kind == JsonLines { Value::Array(vec![value]) } else { value };
            inline(&value, config)
        }
        Csv => {
            let own = first_line(path)? == dataset.features;
            let names = if own { Vec::new() } else { dataset.features.clone() };
            cells(path, Format::Csv { delimiter: b',' }, names)
        }
        Parquet => cells(path, Format::Parquet, Vec::new()),
    }
}

fn cells(path: &Path, format: Format, names: Vec<String>) -> Result<Rows> {
    let table = Table::open(path, &ReadOptions { format: Some(format), names, ..ReadOptions::default() })?.as_text();
    let mut rows = Rows::new();
    for batch in table.batches(1024)? {
        let batch = batch?;
        let cell = |row: usize, column: usize| {
            batch.project(&[column]).map(|one| pellucid::data::row_id(&one, row)).unwrap_or_default()
        };
        rows.extend(
            (0..batch.num_rows())
                .map(|row| (0..batch.num_columns()).map(|column| cell(row, column)).collect::<Vec<_>>()),
        );
    }
    Ok(rows)
}

/// The rows nearest to the centres of k-means clusters.
fn centres(clusters: usize, seed: u64, dataset: &Dataset, model: &Model) -> Result<Rows> {
    let input = &model.opened.input;
    let found =
        input.sample(BackgroundChoice::Medoids { clusters, seed }, None, None).map_err(|error| match error {
            Error::Input { message, .. } => Error::input(message)
                .hint("give rows as `methods.shap.baseline`, or another `methods.shap.num_clusters`"),
            other => other,
        })?;
    let axes = input.columns();
    // A column that the model does not take stays empty.
    let cell = |name: &String, row: &[f32]| {
        axes.iter().find(|axis| axis.name == *name).map_or(String::new(), |axis| shown(axis, row))
    };
    let centre = |row: Vec<f32>| dataset.features.iter().map(|name| cell(name, &row)).collect();
    Ok(found.rows.outer_iter().map(|row| centre(row.to_vec())).collect())
}

/// What a row's features say of a column: a number, or the category they stand for.
fn shown(axis: &Axis, row: &[f32]) -> String {
    let is = |values: &[f32]| axis.features.iter().zip(values).all(|(&feature, value)| row[feature] == *value);
    match axis.categories.iter().find(|category| is(&category.values)) {
        Some(category) => category.label.clone(),
        None => row[axis.features[0]].to_string(),
    }
}

/// Writes the rows as CSV with a header, for the run to read.
pub fn write(rows: &Rows, dataset: &Dataset, folder: &Path) -> Result<PathBuf> {
    let path = folder.join("baseline.csv");
    let fields: Vec<Field> = dataset.features.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
    let schema = Arc::new(Columns::new(fields));
    let column = |c: usize| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row[c]))) };
    let cells = (0..dataset.features.len()).map(column).collect();
    let batch = RecordBatch::try_new(schema.clone(), cells).map_err(|error| Error::input(error.to_string()))?;
    let mut writer = BatchWriter::create(&path, FileKind::Csv, schema, true)?;
    writer.write(&batch)?;
    writer.finish(&[])?;
    Ok(path)
}
