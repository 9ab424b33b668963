//! The class of every cell of a batch: known values are looked up, many batches at a time; new ones get their classes in the table's order.

use super::cell::{Cell, Cells};
use super::column::{Column, Held, Seen};
use super::signature::MISSING;
use arrow::array::Array;
use std::hash::{BuildHasherDefault, Hasher};

/// No class yet.
pub const NONE: u32 = u32::MAX;

/// The class of each row of a batch.
#[derive(Debug, Default)]
pub struct Coding {
    pub classes: Vec<u32>,
    /// Rows without a class.
    new: Vec<u32>,
    missing: u64,
    seen: Seen,
}

impl Column {
    /// Classes by what is known so far.
    pub fn look_up(&self, cells: &Cells) -> Coding {
        let mut coding = Coding::default();
        let (numbers, texts) = (Reading::of(self, true), Reading::of(self, false));
        match cells {
            Cells::Bool(array) => coding.fill(array, self, |seen, row| {
                let flag = array.value(row);
                numbers.number(self, seen, u64::from(flag), Cell::Bool(flag))
            }),
            Cells::Integer(array) => coding.fill(array, self, |seen, row| {
                let value = array.value(row);
                numbers.number(self, seen, value as u64, Cell::Integer(value))
            }),
            Cells::Number(array) => coding.fill(array, self, |seen, row| match array.value(row) {
                value if value.is_nan() => None,
                value => numbers.number(self, seen, key(value), Cell::Number(value)),
            }),
            Cells::Text { cells: array, .. } => coding.fill(array, self, |seen, row| {
                let known = if texts.by_value { self.texts.get(array.value(row)) } else { None };
                known.copied().or_else(|| match cells.get(row) {
                    Cell::Missing => None,
                    cell => Some(texts.other(self, seen, cell)),
                })
            }),
        }
        coding
    }

    /// Gives the values that were not known their classes, in the order of the rows.
    pub fn settle(&mut self, cells: &Cells, coding: &mut Coding) {
        self.rows += coding.classes.len() as u64;
        self.missing += coding.missing;
        self.see(&coding.seen);
        for row in std::mem::take(&mut coding.new) {
            coding.classes[row as usize] = self.add(cells.get(row as usize));
        }
    }

    /// The class of each cell.
    pub fn classes_of(&mut self, cells: &Cells) -> Vec<u32> {
        let mut coding = self.look_up(cells);
        self.settle(cells, &mut coding);
        coding.classes
    }

    fn add(&mut self, cell: Cell) -> u32 {
        let number = match cell {
            Cell::Missing => return self.share(MISSING, Some(Held::Missing)),
            Cell::Text(text) | Cell::Raw(text) => match self.texts.get(text) {
                Some(&class) => return class,
                None => None,
            },
            Cell::Bool(value) => Some(u64::from(value)),
            Cell::Integer(value) => Some(value as u64),
            Cell::Number(value) => Some(key(value)),
        };
        if let Some(&class) = number.and_then(|number| self.numbers.get(&number)) {
            return class;
        }
        let kept = Reading::of(self, number.is_some()).by_value && !self.uncounted();
        let class = self.new_value(cell);
        match (number, cell) {
            _ if !kept => {}
            (Some(number), _) => drop(self.numbers.insert(number, class)),
            (None, Cell::Text(text) | Cell::Raw(text)) => drop(self.texts.insert(text.into(), class)),
            _ => {}
        }
        class
    }
}

fn key(value: f64) -> u64 {
    (value + 0.0).to_bits()
}

/// How the cells of a column are read at a time.
#[derive(Clone, Copy)]
struct Reading {
    /// By their value, which is looked up.
    by_value: bool,
    /// No more values are kept: others share classes.
    full: bool,
}

impl Reading {
    fn of(column: &Column, numbers: bool) -> Reading {
        let uncounted = column.uncounted() || (numbers && column.numbers_alike);
        let by_value = column.limit > 0 || !uncounted;
        Reading { by_value, full: column.uncounted() || !by_value }
    }

    #[inline(always)]
    fn number(self, column: &Column, seen: &mut Seen, key: u64, cell: Cell) -> Option<u32> {
        let known = if self.by_value { column.numbers.get(&key) } else { None };
        Some(known.copied().unwrap_or_else(|| self.other(column, seen, cell)))
    }

    /// The class of a value that is not kept.
    fn other(self, column: &Column, seen: &mut Seen, cell: Cell) -> u32 {
        if !self.full {
            return NONE;
        }
        seen.note(cell);
        column.shared[column.targets.signature(cell) as usize]
    }
}

impl Coding {
    /// `class` gives none for a missing cell.
    #[inline(always)]
    fn fill(&mut self, array: &impl Array, column: &Column, mut class: impl FnMut(&mut Seen, usize) -> Option<u32>) {
        let missing = column.shared[MISSING as usize];
        self.classes.reserve_exact(array.len());
        for row in 0..array.len() {
            let class = if array.is_valid(row) { class(&mut self.seen, row) } else { None };
            self.missing += u64::from(class.is_none());
            let class = class.unwrap_or(missing);
            if class == NONE {
                self.new.push(row as u32);
            }
            self.classes.push(class);
        }
    }
}

/// Hashes by one multiplication for eight bytes, folded.
#[derive(Debug, Clone, Copy, Default)]
pub struct Folded(u64);

pub type ByFolding = BuildHasherDefault<Folded>;

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.write_u64(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, _end_of_text: u8) {}

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.0.rotate_left(23) ^ word ^ 0x243f_6a88_85a3_08d3) * 0x9e37_79b9_7f4a_7c15;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
