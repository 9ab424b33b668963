//! To which part of a facet, or to which side of a label, a cell belongs: decided cell by cell, so that it can be done on every pass.

use crate::bias::cell::{Cell, Cells};
use crate::bias::column::{Column, Type};
use crate::bias::request::{Kind, Mode, Selection, Value};
use crate::bias::resolve::{Chosen, Members, resolve};
use crate::bias::signature::{MISSING, Signature, Targets};
use crate::{Error, Result};
use arrow::array::RecordBatch;
use std::collections::HashMap;

/// What all rows but those named are called.
pub const OTHERS: &str = "others";

/// A column, and how its cells fall into parts.
#[derive(Debug, Clone)]
pub struct Sides {
    pub column: String,
    /// Names of the parts. Of a selection with values: those selected, then the others.
    pub parts: Vec<String>,
    /// As a bias report writes them.
    pub shown: Vec<String>,
    pub reading: Reading,
    rule: Rule,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Rows with one of some values, and the others.
    Values,
    /// Rows above a number, and the others.
    Above,
    /// A part for each value.
    Each,
}

#[derive(Debug, Clone)]
enum Rule {
    Selected { targets: Targets, bits: Signature },
    Each { kind: Type, places: HashMap<String, u32> },
}

impl Sides {
    /// How a column that was read falls into parts.
    ///
    /// # Errors
    /// A threshold that is no number, more than 1,000 values.
    pub fn new(column: &Column, selection: &Selection) -> Result<Sides> {
        let found = resolve(column, selection, Mode::Correct).map_err(|reason| {
            Error::input(format!("`{}` cannot be used: {reason}", selection.column))
                .hint("name the values that make a group, or a number above which a row belongs to it")
        })?;
        let name = selection.column.clone();
        if let [Chosen { members: Members::Bits(bits), text, .. }] = &found.groups[..] {
            let reading = if found.kind == Kind::Continuous { Reading::Above } else { Reading::Values };
            let parts = vec![named(selection, found.kind), OTHERS.to_string()];
            let rule = Rule::Selected { targets: Targets::new(&selection.values), bits: *bits };
            return Ok(Sides { column: name, parts, shown: vec![text.clone(), String::new()], reading, rule });
        }
        let kind = column.dtype();
        let shown: Vec<String> = found.groups.into_iter().map(|group| group.text).collect();
        let parts: Vec<String> = shown.iter().map(|text| canonical(text, kind)).collect();
        let places = parts.iter().enumerate().map(|(place, part)| (part.clone(), place as u32)).collect();
        Ok(Sides { column: name, parts, shown, reading: Reading::Each, rule: Rule::Each { kind, places } })
    }

    /// `sex = Female`, `age > 40`.
    pub fn name(&self, part: &str) -> String {
        match self.reading == Reading::Above && part != OTHERS {
            true => format!("{} {part}", self.column),
            false => format!("{} = {part}", self.column),
        }
    }

    /// The part of each class of the column that was read.
    pub fn of_classes(&self, column: &Column) -> Vec<Option<u32>> {
        let part = |class: &crate::bias::column::Class| match &self.rule {
            Rule::Selected { bits, .. } => selected(class.signature, *bits),
            Rule::Each { .. } => class.value.as_ref().and_then(|value| self.part(value.cell()).ok().flatten()),
        };
        column.classes.iter().map(part).collect()
    }

    /// The part of each row; none where the cell is missing. `raw`: texts come from a file without types. `first_row` is the number of the
    /// batch's first row, from 1.
    ///
    /// # Errors
    /// A value that the first pass did not see, with its row.
    pub fn of(&self, batch: &RecordBatch, raw: bool, first_row: usize) -> Result<Vec<Option<u32>>> {
        let name = &self.column;
        let array = batch.column_by_name(name).ok_or_else(|| Error::input(format!("there is no column `{name}`")))?;
        let cells = Cells::of(array, name, raw)?;
        let mut known: HashMap<&str, Option<u32>> = HashMap::new();
        let part = |row: usize| {
            let cell = cells.get(row);
            let (Cell::Text(text) | Cell::Raw(text)) = cell else { return self.part(cell) };
            if let Some(&part) = known.get(text) {
                return Ok(part);
            }
            let part = self.part(cell)?;
            known.insert(text, part);
            Ok(part)
        };
        let located = |(row, part): (usize, Result<Option<u32>, String>)| {
            part.map_err(|value| {
                let among = crate::data::list_of(&self.parts);
                Error::input(format!("row {}: `{name}` is `{value}`, a group that is not known", first_row + row))
                    .hint(format!("the known groups are {among}; leave such rows out, or fit anew with them"))
            })
        };
        (0..batch.num_rows()).map(part).enumerate().map(located).collect()
    }

    fn part(&self, cell: Cell) -> Result<Option<u32>, String> {
        match (&self.rule, cell) {
            (_, Cell::Missing) => Ok(None),
            (Rule::Selected { targets, bits }, cell) => Ok(selected(targets.signature(cell), *bits)),
            (Rule::Each { kind, places }, cell) => {
                let value = value(cell, *kind);
                places.get(&value).copied().map(Some).ok_or(value)
            }
        }
    }
}

fn selected(found: Signature, bits: Signature) -> Option<u32> {
    (found & MISSING == 0).then_some(u32::from(found & bits == 0))
}

/// `Black,Other`, `> 40`.
fn named(selection: &Selection, kind: Kind) -> String {
    let values = selection.values.iter().map(Value::python).collect::<Vec<_>>().join(",");
    match (kind, selection.values.first().and_then(Value::number)) {
        (Kind::Continuous, Some(limit)) => format!("> {limit}"),
        _ => values,
    }
}

/// A cell as the name of a part: `1`, `1.0` and `01` of a column of numbers are one.
fn value(cell: Cell, kind: Type) -> String {
    match cell {
        Cell::Missing => String::new(),
        Cell::Text(text) | Cell::Raw(text) => canonical(text, kind),
        Cell::Bool(value) => value.to_string(),
        Cell::Integer(value) => value.to_string(),
        Cell::Number(value) => canonical(&value.to_string(), Type::Float),
    }
}

fn canonical(text: &str, kind: Type) -> String {
    match (kind, text.trim().parse::<f64>()) {
        (Type::Integer | Type::Float, Ok(number)) => format!("{}", number + 0.0),
        (Type::Bool, _) => text.trim().to_ascii_lowercase(),
        _ => text.into(),
    }
}
