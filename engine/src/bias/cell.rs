//! Cells of a column as pandas would type them.

use crate::{Error, Result};
use arrow::array::{Array, AsArray, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};

/// Texts that pandas reads as missing.
const MISSING: [&str; 18] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan",
];

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    Missing,
    Bool(bool),
    Integer(i64),
    Number(f64),
    /// A text of a typed file.
    Text(&'a str),
    /// A cell of a CSV file, to the letter: its type depends on the whole column.
    Raw(&'a str),
}

/// A column of one batch.
pub enum Cells {
    Bool(BooleanArray),
    Integer(Int64Array),
    Number(Float64Array),
    Text {
        cells: StringArray,
        raw: bool,
    },
    /// A dictionary: a place among the values for each row.
    Keyed {
        keys: Int32Array,
        values: Box<Cells>,
    },
}

impl Cells {
    /// `raw`: texts come from a file without types.
    pub fn of(column: &dyn Array, name: &str, raw: bool) -> Result<Cells> {
        let to = |kind: DataType| {
            cast(column, &kind).map_err(|e| {
                Error::input(format!("column `{name}` cannot be read: {e}"))
                    .hint("use a column of numbers, booleans or text")
            })
        };
        Ok(match column.data_type() {
            DataType::Dictionary(_, kind) => {
                let coded = to(DataType::Dictionary(Box::new(DataType::Int32), kind.clone()))?;
                let coded = coded.as_dictionary::<Int32Type>();
                Cells::Keyed { keys: coded.keys().clone(), values: Box::new(Cells::of(coded.values(), name, raw)?) }
            }
            DataType::Boolean => Cells::Bool(to(DataType::Boolean)?.as_boolean().clone()),
            kind if kind.is_integer() => Cells::Integer(to(DataType::Int64)?.as_primitive::<Int64Type>().clone()),
            kind if kind.is_numeric() => Cells::Number(to(DataType::Float64)?.as_primitive::<Float64Type>().clone()),
            DataType::Null => Cells::Number(Float64Array::new_null(column.len())),
            _ => Cells::Text { cells: to(DataType::Utf8)?.as_string().clone(), raw },
        })
    }

    pub fn len(&self) -> usize {
        match self {
            Cells::Bool(cells) => cells.len(),
            Cells::Integer(cells) => cells.len(),
            Cells::Number(cells) => cells.len(),
            Cells::Text { cells, .. } => cells.len(),
            Cells::Keyed { keys, .. } => keys.len(),
        }
    }

    pub fn get(&self, row: usize) -> Cell<'_> {
        match self {
            Cells::Bool(cells) if cells.is_valid(row) => Cell::Bool(cells.value(row)),
            Cells::Integer(cells) if cells.is_valid(row) => Cell::Integer(cells.value(row)),
            Cells::Number(cells) if cells.is_valid(row) && !cells.value(row).is_nan() => Cell::Number(cells.value(row)),
            Cells::Text { cells, raw } if cells.is_valid(row) => match (cells.value(row), raw) {
                (text, true) if is_missing(text) => Cell::Missing,
                (text, true) => Cell::Raw(text),
                (text, false) => Cell::Text(text),
            },
            Cells::Keyed { keys, values } if keys.is_valid(row) => values.get(keys.value(row) as usize),
            _ => Cell::Missing,
        }
    }
}

fn is_missing(text: &str) -> bool {
    text.len() < 10 && (MISSING.contains(&text) || text == "null")
}

impl Cell<'_> {
    /// As a number, if it is one or reads as one; booleans are 0 and 1.
    pub fn number(self) -> Option<f64> {
        match self {
            Cell::Missing => None,
            Cell::Bool(value) => Some(f64::from(u8::from(value))),
            Cell::Integer(value) => Some(value as f64),
            Cell::Number(value) => Some(value),
            Cell::Text(text) | Cell::Raw(text) => text.trim().parse().ok().filter(|n: &f64| !n.is_nan()),
        }
    }

    pub fn integer(self) -> Option<i64> {
        match self {
            Cell::Integer(value) => Some(value),
            Cell::Text(text) | Cell::Raw(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub fn bool(self) -> Option<bool> {
        match self {
            Cell::Bool(value) => Some(value),
            Cell::Raw(text) => bool_of(text),
            _ => None,
        }
    }
}

/// `true` or `false` in any case.
pub fn bool_of(text: &str) -> Option<bool> {
    match () {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A number as Python prints a float: `79.2`, `200.0`, `1e+17`, `5.9e-06`.
pub fn python_float(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let shown = format!("{value:e}");
    let (digits, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
    let power: i32 = exponent.parse().unwrap_or(0);
    match (-4..16).contains(&power) {
        true => format!("{value:?}"),
        false => format!("{digits}e{}{:02}", if power < 0 { '-' } else { '+' }, power.abs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_as_python_prints_them() {
        let cases = [(79.2, "79.2"), (200.0, "200.0"), (1e17, "1e+17"), (1e-5, "1e-05"), (1e15, "1000000000000000.0")];
        for (value, text) in cases {
            assert_eq!(python_float(value), text);
        }
        assert_eq!(python_float(5.899999999999999e-6), "5.899999999999999e-06");
        assert_eq!(python_float(-0.0001), "-0.0001");
    }
}
