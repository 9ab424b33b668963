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
/// All bits are below this one.
pub const BITS: u32 = 10;

/// The values asked for, read in every way once.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    texts: Vec<String>,
    printed: Vec<String>,
    /// Numbers, and what equality with each means.
    numbers: Vec<(f64, Signature)>,
    /// The one value as a threshold.
    above: Option<f64>,
    /// Of false and of true.
    flags: [Signature; 2],
}

impl Targets {
    pub fn new(values: &[Value]) -> Targets {
        let mut targets = Targets {
            texts: values
                .iter()
                .filter_map(|v| if let Value::Text(text) = v { Some(text.clone()) } else { None })
                .collect(),
            printed: values.iter().map(Value::python).collect(),
            above: if let [value] = values { value.number() } else { None },
            ..Targets::default()
        };
        for value in values {
            let as_number =
                [(value.plain_number(), NUMBER), (value.integer_cast(), INTEGER_CAST), (value.number(), NUMBER_CAST)];
            for (number, bit) in as_number {
                let Some(number) = number else { continue };
                match targets.numbers.iter_mut().find(|(known, _)| *known == number) {
                    Some((_, bits)) => *bits |= bit,
                    None => targets.numbers.push((number, bit)),
                }
            }
            for (place, flag) in [false, true].into_iter().enumerate() {
                let bits = &mut targets.flags[place];
                *bits |= if value.plain_number() == Some(f64::from(u8::from(flag))) { BOOL } else { 0 };
                *bits |= if value.truth() == flag { BOOL_CAST } else { 0 };
                *bits |= if value.bool_read() == Some(flag) { BOOL_READ } else { 0 };
            }
        }
        targets
    }

    pub fn signature(&self, cell: Cell) -> Signature {
        let mut bits = match cell {
            Cell::Missing => return MISSING,
            Cell::Text(text) | Cell::Raw(text) => {
                let equal = |texts: &[String], bit: Signature| if texts.iter().any(|t| t == text) { bit } else { 0 };
                equal(&self.texts, TEXT) | equal(&self.printed, TEXT_CAST)
            }
            _ => 0,
        };
        bits |= cell.bool().map_or(0, |flag| self.flags[usize::from(flag)]);
        bits | cell.number().map_or(0, |number| self.of_number(number))
    }

    /// The bits of a number, however it is written.
    #[inline]
    pub fn of_number(&self, number: f64) -> Signature {
        let equal = self.numbers.iter().fold(0, |bits, &(n, bit)| bits | if n == number { bit } else { 0 });
        equal | if self.above.is_some_and(|threshold| number > threshold) { ABOVE } else { 0 }
    }
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
