//! What one column held: its type as pandas would have it, and a class for each kind of cell.

use super::cell::{Cell, python_float};
use super::request::Value;
use super::signature::{MISSING, Signature, signature};
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
    pub values: Vec<Value>,
    /// In order of first appearance.
    pub classes: Vec<Class>,
    pub rows: u64,
    pub missing: u64,
    pub max: f64,
    /// Values beyond the limit share classes.
    pub crowded: bool,
    category: bool,
    /// Values that get a class of their own.
    limit: usize,
    texts: HashMap<Box<str>, u32>,
    numbers: HashMap<u64, u32>,
    shared: HashMap<Signature, u32>,
    own: usize,
    all_integers: bool,
    all_numbers: bool,
    all_bools: bool,
    typed_text: bool,
}

impl Column {
    pub fn new(name: &str, values: &[Value], limit: usize, category: bool) -> Column {
        Column {
            name: name.into(),
            values: values.to_vec(),
            classes: Vec::new(),
            rows: 0,
            missing: 0,
            max: f64::NEG_INFINITY,
            crowded: false,
            category,
            limit,
            texts: HashMap::new(),
            numbers: HashMap::new(),
            shared: HashMap::new(),
            own: 0,
            all_integers: true,
            all_numbers: true,
            all_bools: true,
            typed_text: false,
        }
    }

    /// The class of the next cell.
    pub fn add(&mut self, cell: Cell) -> u32 {
        self.rows += 1;
        let key = match cell {
            Cell::Missing => {
                self.missing += 1;
                return self.share(MISSING);
            }
            Cell::Text(text) | Cell::Raw(text) => match self.texts.get(text) {
                Some(&class) => return class,
                None => None,
            },
            Cell::Bool(value) => Some(u64::from(value)),
            Cell::Integer(value) => Some(value as u64),
            Cell::Number(value) => Some((value + 0.0).to_bits()),
        };
        if let Some(&class) = key.and_then(|key| self.numbers.get(&key)) {
            return class;
        }
        let class = self.new_value(cell);
        if self.distinct() < DISTINCT {
            match (key, cell) {
                (Some(key), _) => drop(self.numbers.insert(key, class)),
                (None, Cell::Text(text) | Cell::Raw(text)) => drop(self.texts.insert(text.into(), class)),
                _ => {}
            }
        }
        class
    }

    fn new_value(&mut self, cell: Cell) -> u32 {
        let number = cell.number();
        self.all_integers &= cell.integer().is_some();
        self.all_numbers &= number.is_some() && cell.bool().is_none();
        self.all_bools &= cell.bool().is_some();
        self.typed_text |= matches!(cell, Cell::Text(_));
        self.max = number.map_or(self.max, |n| self.max.max(n));
        let signature = signature(cell, &self.values);
        if self.own < self.limit {
            self.own += 1;
            return self.push(Class { signature, value: Some(Held::of(cell)) });
        }
        self.crowded = true;
        self.share(signature)
    }

    fn share(&mut self, signature: Signature) -> u32 {
        if let Some(&class) = self.shared.get(&signature) {
            return class;
        }
        let class = self.push(Class { signature, value: (signature == MISSING).then_some(Held::Missing) });
        self.shared.insert(signature, class);
        class
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
            () if self.typed_text => Type::Text,
            () if self.all_integers && self.missing == 0 => Type::Integer,
            () if self.all_numbers => Type::Float,
            () if self.all_bools => Type::Bool,
            () => Type::Text,
        }
    }

    /// A column of texts that are all whole numbers.
    pub fn texts_of_integers(&self) -> bool {
        self.typed_text && self.all_integers && self.missing == 0
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
