//! How a cell compares with the values asked for, under every type its column may turn out to have. So one pass suffices, although
//! the type of a column is known only at its end.

use super::cell::{Cell, bool_of, python_float};
use super::request::Value;

/// Bits of a comparison.
pub type Signature = u16;

pub const MISSING: Signature = 1;
/// Equals a text among the values.
pub const TEXT: Signature = 1 << 1;
/// Equals a value written as Python writes it.
pub const TEXT_CAST: Signature = 1 << 2;
/// Equals a number or boolean among the values.
pub const NUMBER: Signature = 1 << 3;
/// Equals a value after `int(value)`, or `float(value)` of a text that is no whole number.
pub const INTEGER_CAST: Signature = 1 << 4;
/// Equals a value after `float(value)`.
pub const NUMBER_CAST: Signature = 1 << 5;
/// Is a boolean equal to a boolean, 0 or 1 among the values.
pub const BOOL: Signature = 1 << 6;
/// The same after Python's `bool(value)`, by which every text but the empty one is true.
pub const BOOL_CAST: Signature = 1 << 7;
/// The same after reading texts for what they say.
pub const BOOL_READ: Signature = 1 << 8;
/// Is a number above the one value.
pub const ABOVE: Signature = 1 << 9;

pub fn signature(cell: Cell, values: &[Value]) -> Signature {
    let mut bits = 0;
    let mut set = |bit: Signature, holds: bool| bits |= if holds { bit } else { 0 };
    match cell {
        Cell::Missing => return MISSING,
        Cell::Text(text) | Cell::Raw(text) => {
            set(TEXT, values.iter().any(|v| matches!(v, Value::Text(value) if value == text)));
            set(TEXT_CAST, values.iter().any(|v| v.python() == text));
        }
        _ => {}
    }
    if let Some(flag) = cell.bool() {
        set(BOOL, values.iter().any(|v| v.plain_number() == Some(f64::from(u8::from(flag)))));
        set(BOOL_CAST, values.iter().any(|v| v.truth() == flag));
        set(BOOL_READ, values.iter().any(|v| v.bool_read() == Some(flag)));
    }
    if let Some(number) = cell.number() {
        set(NUMBER, values.iter().any(|v| v.plain_number() == Some(number)));
        set(INTEGER_CAST, values.iter().any(|v| v.integer_cast() == Some(number)));
        set(NUMBER_CAST, values.iter().any(|v| v.number() == Some(number)));
        set(ABOVE, values.len() == 1 && values[0].number().is_some_and(|threshold| number > threshold));
    }
    bits
}

impl Value {
    /// As Python's `str` writes it.
    pub fn python(&self) -> String {
        match self {
            Value::Bool(true) => "True".into(),
            Value::Bool(false) => "False".into(),
            Value::Integer(value) => value.to_string(),
            Value::Number(value) => python_float(*value),
            Value::Text(value) => value.clone(),
        }
    }

    /// Numbers, and booleans as 0 and 1; not texts.
    fn plain_number(&self) -> Option<f64> {
        match self {
            Value::Bool(value) => Some(f64::from(u8::from(*value))),
            Value::Integer(value) => Some(*value as f64),
            Value::Number(value) => Some(*value),
            Value::Text(_) => None,
        }
    }

    /// As a number, texts read.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Text(text) => text.trim().parse().ok(),
            other => other.plain_number(),
        }
    }

    fn integer_cast(&self) -> Option<f64> {
        match self {
            Value::Number(value) => Some(value.trunc()),
            other => other.number(),
        }
    }

    fn truth(&self) -> bool {
        match self {
            Value::Text(text) => !text.is_empty(),
            other => other.plain_number() != Some(0.0),
        }
    }

    fn bool_read(&self) -> Option<bool> {
        match self {
            Value::Text(text) => bool_of(text.trim()).or(match text.trim() {
                "1" => Some(true),
                "0" => Some(false),
                _ => None,
            }),
            Value::Bool(value) => Some(*value),
            Value::Integer(value @ 0..=1) => Some(*value == 1),
            _ => None,
        }
    }
}
