//! How many rows have which values, in one pass and before it is known what a column's values mean.

use crate::bias::cell::Cells;
use crate::bias::column::Column;
use crate::{Error, Result};
use arrow::array::RecordBatch;
use std::collections::HashMap;

/// Rows of each combination of classes: classes of one column after the other are interned.
#[derive(Default)]
pub struct Tally {
    pub rows: u64,
    /// For each column: what a prefix and a class become.
    steps: Vec<HashMap<(u32, u32), u32>>,
    /// The same, back.
    pairs: Vec<Vec<(u32, u32)>>,
    counts: Vec<u64>,
}

impl Tally {
    /// Counts a batch. `raw`: texts come from a file without types.
    pub fn add(&mut self, batch: &RecordBatch, columns: &mut [Column], raw: bool) -> Result<()> {
        self.steps.resize(columns.len(), HashMap::new());
        self.pairs.resize(columns.len(), Vec::new());
        let mut codes = vec![0u32; batch.num_rows()];
        for ((column, step), pairs) in columns.iter_mut().zip(&mut self.steps).zip(&mut self.pairs) {
            let name = column.name.clone();
            let missing = || Error::input(format!("there is no column `{name}`"));
            let cells = Cells::of(batch.column_by_name(&name).ok_or_else(missing)?, &name, raw)?;
            for (code, class) in codes.iter_mut().zip(column.classes_of(&cells)) {
                let pair = (*code, class);
                *code = *step.entry(pair).or_insert_with(|| {
                    pairs.push(pair);
                    (pairs.len() - 1) as u32
                });
            }
        }
        self.counts.resize(self.pairs.last().map_or(0, Vec::len), 0);
        codes.iter().for_each(|&code| self.counts[code as usize] += 1);
        self.rows += codes.len() as u64;
        Ok(())
    }

    /// The classes of each combination, one a column, and its rows.
    pub fn cells(&self) -> impl Iterator<Item = (Vec<u32>, u64)> + '_ {
        self.counts.iter().enumerate().map(|(code, &rows)| {
            let mut classes = vec![0; self.pairs.len()];
            let mut code = code as u32;
            for (place, pairs) in self.pairs.iter().enumerate().rev() {
                (code, classes[place]) = pairs[code as usize];
            }
            (classes, rows)
        })
    }
}
