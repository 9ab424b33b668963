//! What one column held: its type as pandas would have it, and a class for each kind of cell.

use super::cell::{Cell, python_float};
use super::coding::{ByFolding, NONE, SMALL};
use super::request::Value;
use super::signature::{BITS, Signature, Targets};
use std::collections::HashMap;

/// Different values that are counted exactly. Beyond, a column of whole numbers is taken for continuous whatever its length.
const DISTINCT: usize = 1 << 18;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Integer,
    Float,
    Bool,
    Text,
    /// A dictionary of a typed file, pandas' `category`.
    Category,
}

/// Cells that count as one: one value, or all values that compare alike with those asked for.
#[derive(Debug, Clone)]
pub struct Class {
    pub signature: Signature,
    /// Its value where it has only one.
    pub value: Option<Held>,
}

/// A cell kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Held {
    Missing,
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    Raw(String),
}

impl Held {
    pub fn cell(&self) -> Cell<'_> {
        match self {
            Held::Missing => Cell::Missing,
            Held::Bool(value) => Cell::Bool(*value),
            Held::Integer(value) => Cell::Integer(*value),
            Held::Number(value) => Cell::Number(*value),
            Held::Text(text) => Cell::Text(text),
            Held::Raw(text) => Cell::Raw(text),
        }
    }

    fn of(cell: Cell) -> Held {
        match cell {
            Cell::Missing => Held::Missing,
            Cell::Bool(value) => Held::Bool(value),
            Cell::Integer(value) => Held::Integer(value),
            Cell::Number(value) => Held::Number(value),
            Cell::Text(text) => Held::Text(text.into()),
            Cell::Raw(text) => Held::Raw(text.into()),
        }
    }
}

/// A column being read.
#[derive(Debug)]
pub struct Column {
    pub name: String,
    /// In order of first appearance.
    pub classes: Vec<Class>,
    pub rows: u64,
    pub missing: u64,
    pub max: f64,
    /// Values beyond the limit share classes.
    pub crowded: bool,
    category: bool,
    /// Values that get a class of their own.
    pub(super) limit: usize,
    /// Numbers need not be told apart unless they have classes of their own.
    pub(super) numbers_alike: bool,
    pub(super) targets: Targets,
    pub(super) texts: HashMap<Box<str>, u32, ByFolding>,
    pub(super) numbers: HashMap<u64, u32, ByFolding>,
    /// The class of each of the first whole numbers.
    pub(super) small: [u32; SMALL],
    /// The class of the other values of each signature.
    pub(super) shared: Vec<u32>,
    own: usize,
    seen: Seen,
}

/// What all cells are that are not missing.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    max: f64,
    all_integers: bool,
    all_numbers: bool,
    all_bools: bool,
    typed_text: bool,
}

impl Default for Seen {
    fn default() -> Seen {
        Seen { max: f64::NEG_INFINITY, all_integers: true, all_numbers: true, all_bools: true, typed_text: false }
    }
}

impl Seen {
    #[inline]
    pub fn note(&mut self, cell: Cell) {
        let number = cell.number();
        self.all_integers &= cell.integer().is_some();
        self.all_numbers &= number.is_some() && cell.bool().is_none();
        self.all_bools &= cell.bool().is_some();
        self.typed_text |= matches!(cell, Cell::Text(_));
        self.max = number.map_or(self.max, |n| self.max.max(n));
    }
}

impl Column {
    pub fn new(name: &str, values: &[Value], limit: usize, category: bool) -> Column {
        Column {
            name: name.into(),
            classes: Vec::new(),
            rows: 0,
            missing: 0,
            max: f64::NEG_INFINITY,
            crowded: false,
            category,
            limit,
            numbers_alike: false,
            targets: Targets::new(values),
            texts: HashMap::default(),
            numbers: HashMap::default(),
            small: [NONE; SMALL],
            shared: vec![NONE; 1 << BITS],
            own: 0,
            seen: Seen::default(),
        }
    }

    /// The same column, whose numbers are only compared with the values and not counted: how it is read is known.
    pub fn uncounted_numbers(self) -> Column {
        Column { numbers_alike: true, ..self }
    }

    pub(super) fn see(&mut self, seen: &Seen) {
        self.seen.all_integers &= seen.all_integers;
        self.seen.all_numbers &= seen.all_numbers;
        self.seen.all_bools &= seen.all_bools;
        self.seen.typed_text |= seen.typed_text;
        self.seen.max = self.seen.max.max(seen.max);
        self.max = self.seen.max;
    }

    pub(super) fn new_value(&mut self, cell: Cell) -> u32 {
        let mut seen = Seen::default();
        seen.note(cell);
        self.see(&seen);
        let signature = self.targets.signature(cell);
        if self.own < self.limit {
            self.own += 1;
            return self.push(Class { signature, value: Some(Held::of(cell)) });
        }
        self.crowded = true;
        self.share(signature, None)
    }

    pub(super) fn share(&mut self, signature: Signature, value: Option<Held>) -> u32 {
        if self.shared[signature as usize] == NONE {
            self.shared[signature as usize] = self.push(Class { signature, value });
        }
        self.shared[signature as usize]
    }

    fn push(&mut self, class: Class) -> u32 {
        self.classes.push(class);
        (self.classes.len() - 1) as u32
    }

    /// Different texts seen, in order; not all of them where there are more than are counted.
    pub fn texts(&self) -> Vec<&str> {
        let mut seen: Vec<&str> = self.texts.keys().map(|text| &**text).collect();
        seen.sort_unstable();
        seen
    }

    /// Different values seen, at most 2^18.
    pub fn distinct(&self) -> usize {
        self.texts.len() + self.numbers.len()
    }

    /// Whether there were more values than are counted.
    pub fn uncounted(&self) -> bool {
        self.distinct() >= DISTINCT
    }

    pub fn has(&self, bits: Signature) -> bool {
        self.classes.iter().any(|c| c.signature & bits != 0)
    }

    pub fn dtype(&self) -> Type {
        let empty = self.rows == self.missing;
        match () {
            () if self.category => Type::Category,
            () if empty => Type::Float,
            () if self.seen.typed_text => Type::Text,
            () if self.seen.all_integers && self.missing == 0 => Type::Integer,
            () if self.seen.all_numbers => Type::Float,
            () if self.seen.all_bools => Type::Bool,
            () => Type::Text,
        }
    }

    /// A column of texts that are all whole numbers.
    pub fn texts_of_integers(&self) -> bool {
        self.seen.typed_text && self.seen.all_integers && self.missing == 0
    }

    /// The value as Python prints it, given the column's type; so `01` and `1` of a column of whole numbers are one.
    pub fn shown(&self, value: &Held) -> String {
        let cell = value.cell();
        match (self.dtype(), value) {
            (_, Held::Missing) => "nan".into(),
            (Type::Bool, _) => {
                if cell.bool() == Some(true) {
                    "True".into()
                } else {
                    "False".into()
                }
            }
            (Type::Integer, _) => cell.integer().unwrap_or_default().to_string(),
            (Type::Float, _) => cell.number().map(python_float).unwrap_or_default(),
            (_, Held::Text(text) | Held::Raw(text)) => text.clone(),
            (_, Held::Bool(value)) => Value::Bool(*value).python(),
            (_, Held::Integer(value)) => value.to_string(),
            (_, Held::Number(value)) => python_float(*value),
        }
    }
}
