//! What a cell of a text format (CSV) holds, and columns of such cells as typed arrays.

use crate::{Error, Result};
use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, StringArray};
use arrow::datatypes::DataType;
use std::sync::Arc;

/// Cells that stand for a missing value in a column of numbers or booleans; an empty cell is missing everywhere.
const MISSING: [&str; 7] = ["NA", "N/A", "NaN", "nan", "null", "NULL", "None"];

/// The narrowest kind that holds every cell seen so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Missing,
    Boolean,
    Number,
    Text,
}

impl Kind {
    pub fn of(cell: &str) -> Kind {
        let cell = cell.trim();
        match () {
            _ if is_missing(cell) => Kind::Missing,
            _ if boolean(cell).is_some() => Kind::Boolean,
            _ if cell.parse::<f64>().is_ok() => Kind::Number,
            _ => Kind::Text,
        }
    }

    pub fn join(self, other: Kind) -> Kind {
        match (self, other) {
            (a, b) if a == b => a,
            (Kind::Missing, kind) | (kind, Kind::Missing) => kind,
            _ => Kind::Text,
        }
    }

    /// A column without a single value counts as numbers (all missing).
    pub fn data_type(self) -> DataType {
        match self {
            Kind::Missing | Kind::Number => DataType::Float64,
            Kind::Boolean => DataType::Boolean,
            Kind::Text => DataType::Utf8,
        }
    }
}

fn is_missing(cell: &str) -> bool {
    cell.is_empty() || MISSING.contains(&cell)
}

fn boolean(cell: &str) -> Option<bool> {
    match () {
        _ if cell.eq_ignore_ascii_case("true") => Some(true),
        _ if cell.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Text cells as one column of `to` (Float64, Boolean or Utf8). `first_row` is the row number of the first cell, for messages.
pub fn typed(cells: &StringArray, to: &DataType, column: &str, first_row: usize) -> Result<ArrayRef> {
    match to {
        DataType::Float64 => Ok(Arc::new(numbers(cells, column, first_row)?)),
        DataType::Boolean => {
            let parse = |r: usize| match cells.value(r).trim() {
                cell if cells.is_null(r) || is_missing(cell) => Ok(None),
                cell => boolean(cell).map(Some).ok_or_else(|| misfit(cell, "true or false", column, first_row + r)),
            };
            Ok(Arc::new((0..cells.len()).map(parse).collect::<Result<BooleanArray>>()?))
        }
        _ => Ok(Arc::new(cells.clone())),
    }
}

/// Text cells as numbers; missing cells are null.
pub fn numbers(cells: &StringArray, column: &str, first_row: usize) -> Result<Float64Array> {
    let parse = |r: usize| match cells.value(r).trim() {
        cell if cells.is_null(r) || is_missing(cell) => Ok(None),
        cell => cell.parse().map(Some).map_err(|_| misfit(cell, "a number", column, first_row + r)),
    };
    (0..cells.len()).map(parse).collect()
}

/// "row 1017, column `age`: `abc` is not a number".
pub fn misfit(cell: &str, expected: &str, column: &str, row: usize) -> Error {
    let short: String = cell.chars().take(60).collect();
    let dots = if short.len() < cell.len() { "…" } else { "" };
    Error::input(format!("row {row}, column `{column}`: `{short}{dots}` is not {expected}")).hint(format!(
        "correct the cell (leave it empty if the value is missing), or declare `{column}` as categorical in a schema file"
    ))
}
