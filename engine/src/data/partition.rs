//! The parts of a table that a column tells apart: its categories, or ranges of its numbers.
//!
//! One pass decides: up to 8 different values are a part each; more numbers are cut at their quartiles; of more categories the 8 most
//! frequent are kept and the rest is one part. Missing cells are a part of their own. Memory holds at most 10,000 categories, and
//! quartiles are those of at most 65,536 rows drawn at random.

use super::encoder::texts;
use super::reservoir::{Reservoir, put};
use super::table::Table;
use crate::{Error, Result};
use arrow::array::{Array, RecordBatch};
use std::collections::BTreeMap;

const BATCH_ROWS: usize = 8192;
/// Parts at most, beside the rest and the missing cells.
const PARTS: usize = 8;
const CATEGORIES: usize = 10_000;
const NUMBERS: usize = 1 << 16;
const ANOTHER: &str = "name a column with a few categories, or with numbers, which are cut at their quartiles";

/// Which part of a table each row belongs to.
#[derive(Debug, Clone)]
pub struct Partition {
    by: String,
    names: Vec<String>,
    rule: Rule,
    /// The part of missing cells, if there are any.
    missing: Option<usize>,
}

#[derive(Debug, Clone)]
enum Rule {
    /// The part of each category; others are in the last but the missing one.
    Categories(BTreeMap<String, usize>),
    /// The largest number of each part but the last, ascending.
    Ranges(Vec<f64>),
}

impl Partition {
    /// Looks through the first `rows` rows of a table, or all. `seed` draws the rows for quartiles.
    ///
    /// # Errors
    /// A column that is not there, has one value only, or more than 10,000 categories, and whatever the table refuses.
    pub fn read(table: &Table, by: &str, rows: Option<usize>, seed: u64) -> Result<Partition> {
        table.positions(&[by.to_string()])?;
        let mut scan = Scan::new(seed);
        let mut left = rows.unwrap_or(usize::MAX);
        for batch in table.batches(BATCH_ROWS)? {
            let batch = batch?;
            let batch = batch.slice(0, batch.num_rows().min(left));
            left -= batch.num_rows();
            cells(&batch, by, |cell| scan.add(cell)).map_err(|e| table.blame(e))?;
            if left == 0 {
                break;
            }
        }
        scan.partition(by).map_err(|e| table.blame(e))
    }

    /// The column.
    pub fn by(&self) -> &str {
        &self.by
    }

    /// Names of the parts: categories, the most frequent first; numbers and ranges (`17 to 28`) ascending; `other (3 categories)`;
    /// `missing`.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The part of each row of a batch, as a position in the names.
    pub fn parts(&self, batch: &RecordBatch) -> Result<Vec<usize>> {
        let mut parts = Vec::with_capacity(batch.num_rows());
        let last = self.names.len() - 1 - usize::from(self.missing.is_some());
        cells(batch, &self.by, |cell| {
            parts.push(match (cell, &self.rule) {
                (None, _) => self.missing.unwrap_or(last),
                (Some(cell), Rule::Categories(parts)) => parts.get(cell).copied().unwrap_or(last),
                (Some(cell), Rule::Ranges(bounds)) => {
                    let number = number(cell).unwrap_or(f64::INFINITY);
                    bounds.iter().position(|&bound| number <= bound).unwrap_or(last)
                }
            });
        })?;
        Ok(parts)
    }
}

/// The cells of a column as text; none where there is no value.
fn cells(batch: &RecordBatch, by: &str, mut each: impl FnMut(Option<&str>)) -> Result<()> {
    let column = batch.column_by_name(by).ok_or_else(|| Error::input(format!("there is no column `{by}`")))?;
    let texts = texts(column, by)?;
    (0..texts.len()).for_each(|r| {
        let cell = if texts.is_null(r) { "" } else { texts.value(r) };
        each(if matches!(cell, "" | "NaN") { None } else { Some(cell) });
    });
    Ok(())
}

fn number(cell: &str) -> Option<f64> {
    cell.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// What is known of a column so far.
struct Scan {
    counts: BTreeMap<String, u64>,
    more: bool,
    missing: bool,
    /// Whether all cells are numbers.
    numeric: bool,
    reservoir: Reservoir,
    numbers: Vec<f64>,
    low: f64,
    high: f64,
}

impl Scan {
    fn new(seed: u64) -> Self {
        Self {
            counts: BTreeMap::new(),
            more: false,
            missing: false,
            numeric: true,
            reservoir: Reservoir::new(NUMBERS, seed),
            numbers: Vec::new(),
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
        }
    }

    fn add(&mut self, cell: Option<&str>) {
        let Some(cell) = cell else {
            self.missing = true;
            return;
        };
        let room = self.counts.len() < CATEGORIES;
        match self.counts.get_mut(cell) {
            Some(count) => *count += 1,
            None if room => {
                self.counts.insert(cell.to_string(), 1);
            }
            None => self.more = true,
        }
        match number(cell) {
            Some(number) if self.numeric => {
                (self.low, self.high) = (self.low.min(number), self.high.max(number));
                if let Some(place) = self.reservoir.place() {
                    put(&mut self.numbers, place, number);
                }
            }
            _ => self.numeric = false,
        }
    }

    fn partition(self, by: &str) -> Result<Partition> {
        let different = self.counts.len();
        if different + usize::from(self.missing) < 2 {
            return Err(Error::input(format!("column `{by}` is the same in every row: there is nothing to compare"))
                .hint(ANOTHER));
        }
        if self.more && !self.numeric {
            return Err(Error::input(format!("column `{by}` has more than {CATEGORIES} categories")).hint(ANOTHER));
        }
        let missing = self.missing;
        let (mut names, rule) = if self.numeric && different > PARTS { self.ranges() } else { self.categories() };
        if missing {
            names.push("missing".into());
        }
        Ok(Partition { by: by.into(), missing: missing.then(|| names.len() - 1), names, rule })
    }

    fn categories(self) -> (Vec<String>, Rule) {
        let mut found: Vec<(String, u64)> = self.counts.into_iter().collect();
        match self.numeric {
            true => found.sort_by(|a, b| number(&a.0).partial_cmp(&number(&b.0)).unwrap_or(std::cmp::Ordering::Equal)),
            false => found.sort_by_key(|part| std::cmp::Reverse(part.1)),
        }
        let mut names: Vec<String> = found.into_iter().map(|(name, _)| name).collect();
        let rest = names.len().saturating_sub(PARTS);
        names.truncate(PARTS);
        let parts = names.iter().enumerate().map(|(part, name)| (name.clone(), part)).collect();
        if rest > 0 {
            names.push(format!("other ({rest} {})", if rest == 1 { "category" } else { "categories" }));
        }
        (names, Rule::Categories(parts))
    }

    /// Cut at the quartiles; equal numbers stay together.
    fn ranges(mut self) -> (Vec<String>, Rule) {
        self.numbers.sort_by(f64::total_cmp);
        let numbers = &self.numbers;
        let largest = numbers[numbers.len() - 1];
        let mut bounds: Vec<f64> = (1..4).map(|quarter| numbers[(numbers.len() * quarter).div_ceil(4) - 1]).collect();
        bounds.dedup();
        bounds.retain(|&bound| bound < largest);
        if bounds.is_empty() {
            bounds.extend(numbers.iter().rev().find(|&&number| number < largest));
        }
        let from = |part: usize| match part {
            0 => self.low,
            part => numbers.iter().copied().find(|&number| number > bounds[part - 1]).unwrap_or(self.high),
        };
        let ends: Vec<(f64, f64)> =
            (0..=bounds.len()).map(|part| (from(part), bounds.get(part).copied().unwrap_or(self.high))).collect();
        (named(&ends), Rule::Ranges(bounds))
    }
}

/// `17 to 28`, `29`: with as many digits as it takes to tell the ends apart.
fn named(ends: &[(f64, f64)]) -> Vec<String> {
    let all: Vec<f64> = ends.iter().flat_map(|&(low, high)| [low, high]).collect();
    let apart = |digits: &usize| {
        all.windows(2).all(|pair| pair[0] == pair[1] || shortened(pair[0], *digits) != shortened(pair[1], *digits))
    };
    let digits = (4..17).find(apart).unwrap_or(17);
    let name = |&(low, high): &(f64, f64)| match low == high {
        true => shortened(low, digits),
        false => format!("{} to {}", shortened(low, digits), shortened(high, digits)),
    };
    ends.iter().map(name).collect()
}

/// A number in so many significant digits; whole ones as they are.
fn shortened(number: f64, digits: usize) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return format!("{number:.0}");
    }
    let rounded: f64 = format!("{number:.*e}", digits - 1).parse().unwrap_or(number);
    rounded.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of(cells: impl IntoIterator<Item = String>) -> Vec<String> {
        let mut scan = Scan::new(0);
        cells.into_iter().for_each(|cell| scan.add(Some(cell.as_str()).filter(|cell| !cell.is_empty())));
        scan.partition("c").unwrap().names
    }

    #[test]
    fn numbers_are_cut_at_their_quartiles() {
        assert_eq!(names_of((1..=100).map(|i| i.to_string())), ["1 to 25", "26 to 50", "51 to 75", "76 to 100"]);
        let zeros = |n: usize, rest: usize| (0..n).map(|_| "0".to_string()).chain((1..=rest).map(|i| i.to_string()));
        assert_eq!(names_of(zeros(60, 40)), ["0", "1 to 15", "16 to 40"]);
        assert_eq!(names_of(zeros(900, 20)), ["0", "1 to 20"]);
        // Nearly all rows have the largest value.
        assert_eq!(names_of(zeros(1, 9).chain((0..90).map(|_| "9.5".into()))), ["0 to 9", "9.5"]);
        let fine = (0..40).map(|i| format!("{}", 1.0 + f64::from(i) * 1e-7));
        assert_eq!(names_of(fine)[0], "1 to 1.0000009");
    }

    #[test]
    fn few_numbers_are_in_order_and_categories_by_frequency() {
        assert_eq!(names_of([10, 9, 10, 2, 10].map(|i| i.to_string())), ["2", "9", "10"]);
        let letters = "aaabbbbccd".chars().map(String::from);
        assert_eq!(names_of(letters.chain(["".into()])), ["b", "a", "c", "d", "missing"]);
        let many = (0..200).map(|i| format!("n{}", i % 20)).chain(["n7".into()]);
        let names = names_of(many);
        assert_eq!((names.len(), names[0].as_str(), names[8].as_str()), (9, "n7", "other (12 categories)"));
    }
}
