//! The class of every cell of a batch: known values are looked up, many batches at a time; new ones get their classes in the table's order.

use super::cell::{Cell, Cells};
use super::column::{Column, Held, Seen};
use super::signature::MISSING;
use arrow::array::Array;
use std::hash::{BuildHasherDefault, Hasher};

/// No class yet.
pub const NONE: u32 = u32::MAX;
/// Whole numbers from 0 to below this have their classes in an array.
pub const SMALL: usize = 256;
const SMALL_END: i64 = SMALL as i64;

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
        match cells {
            Cells::Integer(array) => coding.fill(array, self, |seen, row| match array.value(row) {
                value @ 0..SMALL_END => Some(self.small[value as usize]),
                value => self.known(Cell::Integer(value), seen),
            }),
            Cells::Number(array) if !Reading::of(self, true).by_value => {
                let (mut any, mut max) = (false, f64::NEG_INFINITY);
                coding.fill(array, self, |_, row| match array.value(row) {
                    value if value.is_nan() => None,
                    value => {
                        any = true;
                        max = if value > max { value } else { max };
                        Some(self.shared[self.targets.of_number(value) as usize])
                    }
                });
                if any {
                    coding.seen.note(Cell::Number(max));
                }
            }
            Cells::Keyed { keys, values } => {
                const UNSEEN: u32 = NONE - 1;
                const MISSING: u32 = NONE - 2;
                let mut classes = vec![UNSEEN; values.len()];
                coding.fill(keys, self, |seen, row| {
                    let key = keys.value(row) as usize;
                    if classes[key] == UNSEEN {
                        classes[key] = self.known(values.get(key), seen).unwrap_or(MISSING);
                    }
                    (classes[key] != MISSING).then_some(classes[key])
                });
            }
            Cells::Bool(array) => coding.fill(array, self, |seen, row| self.known(Cell::Bool(array.value(row)), seen)),
            Cells::Number(array) => coding.fill(array, self, |seen, row| match array.value(row) {
                value if value.is_nan() => None,
                value => self.known(Cell::Number(value), seen),
            }),
            // A known text is not missing.
            Cells::Text { cells: array, .. } => coding.fill(array, self, |seen, row| {
                self.texts.get(array.value(row)).copied().or_else(|| self.known(cells.get(row), seen))
            }),
        }
        coding
    }

    /// The class of a cell as far as is known, or none if it is missing.
    #[inline(always)]
    fn known(&self, cell: Cell, seen: &mut Seen) -> Option<u32> {
        let (number, known) = match cell {
            Cell::Missing => return None,
            Cell::Text(text) | Cell::Raw(text) => (false, self.texts.get(text)),
            Cell::Bool(value) => (true, self.numbers.get(&u64::from(value))),
            Cell::Integer(value) => (true, self.numbers.get(&(value as u64))),
            Cell::Number(value) => (true, self.numbers.get(&key(value))),
        };
        Some(known.copied().unwrap_or_else(|| {
            if !Reading::of(self, number).full {
                return NONE;
            }
            seen.note(cell);
            self.shared[self.targets.signature(cell) as usize]
        }))
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
        let class = self.class_of(cell);
        if let Cell::Integer(value @ 0..SMALL_END) = cell {
            self.small[value as usize] = class;
        }
        class
    }

    fn class_of(&mut self, cell: Cell) -> u32 {
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
}

impl Coding {
    /// `class` gives none for a missing cell.
    #[inline(always)]
    fn fill(&mut self, array: &impl Array, column: &Column, mut class: impl FnMut(&mut Seen, usize) -> Option<u32>) {
        let Coding { classes, new, missing, seen } = self;
        let (nulls, of_missing) = (array.nulls(), column.shared[MISSING as usize]);
        classes.extend((0..array.len()).map(|row| {
            let class = if nulls.is_none_or(|nulls| nulls.is_valid(row)) { class(seen, row) } else { None };
            *missing += u64::from(class.is_none());
            let class = class.unwrap_or(of_missing);
            if class == NONE {
                new.push(row as u32);
            }
            class
        }));
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
