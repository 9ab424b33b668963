//! Columns read as numbers, added to batches, and replaced in them.

use crate::bias::cell::{Cell, Cells};
use crate::data::Table;
use crate::{Error, Result};
use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use std::sync::Arc;

/// A column as numbers; none where the cell is missing.
///
/// # Errors
/// A cell that is no number or is infinite, with its row.
pub fn numbers(batch: &RecordBatch, name: &str, raw: bool, first_row: usize) -> Result<Vec<Option<f64>>> {
    let array = batch.column_by_name(name).ok_or_else(|| Error::input(format!("there is no column `{name}`")))?;
    let cells = Cells::of(array, name, raw)?;
    let number = |row: usize| match (cells.get(row), cells.get(row).number()) {
        (Cell::Missing, _) => Ok(None),
        (_, Some(number)) if number.is_finite() => Ok(Some(number)),
        (cell, number) => {
            let what = match (cell, number) {
                (_, Some(_)) => "infinite".to_string(),
                (Cell::Text(text) | Cell::Raw(text), _) => format!("`{text}`, which is not a number"),
                _ => "not a number".into(),
            };
            Err(Error::input(format!("row {}: `{name}` is {what}", first_row + row))
                .hint("name a column of finite numbers; an empty cell is a missing value"))
        }
    };
    (0..batch.num_rows()).map(number).collect()
}

/// # Errors
/// A name that the table has already.
pub fn require_new(table: &Table, names: &[&str]) -> Result<()> {
    match names.iter().find(|name| table.schema().column_with_name(name).is_some()) {
        None => Ok(()),
        Some(name) => Err(Error::input(format!("{}: there is a column `{name}` already", table.path().display()))
            .hint("give the new column another name, or take the old one out of the table")),
    }
}

/// The schema with more columns.
pub fn with(schema: &Schema, fields: &[Field]) -> SchemaRef {
    Arc::new(Schema::new(
        schema.fields().iter().cloned().chain(fields.iter().cloned().map(Arc::new)).collect::<Vec<_>>(),
    ))
}

/// The batch with more columns.
pub fn appended(batch: &RecordBatch, fields: &[Field], cells: Vec<ArrayRef>) -> Result<RecordBatch> {
    let all = batch.columns().iter().cloned().chain(cells).collect();
    RecordBatch::try_new(with(&batch.schema(), fields), all).map_err(|error| Error::input(error.to_string()))
}

/// The batch with other cells in some columns; their types may be others too.
pub fn replaced(batch: &RecordBatch, cells: &[(&str, ArrayRef)]) -> Result<RecordBatch> {
    let schema = batch.schema();
    let of = |field: &Arc<Field>, old: &ArrayRef| match cells.iter().find(|(name, _)| name == field.name()) {
        None => (field.clone(), old.clone()),
        Some((_, new)) => (Arc::new(retyped(field, new.data_type().clone())), new.clone()),
    };
    let (fields, columns): (Vec<_>, Vec<_>) =
        schema.fields().iter().zip(batch.columns()).map(|(f, c)| of(f, c)).unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|error| Error::input(error.to_string()))
}

/// The field with another type, and room for missing cells.
pub fn retyped(field: &Field, kind: DataType) -> Field {
    Field::new(field.name(), kind, true)
}
