//! Disparate-impact repair (Feldman et al. 2015, section 5): in each group a value moves towards the value that stands at the same rank in
//! the median of the groups' distributions. At full repair the groups' distributions are alike, so that the column alone no longer
//! tells the group; ranks within a group stay.

mod distribution;
mod moves;

use super::columns::{appended, numbers, replaced, require_new, retyped, with};
use super::draws::{TIES, draws};
use super::groups::{BATCH_ROWS, Groups};
use crate::data::Table;
use crate::{Error, Result};
use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Schema};
use distribution::Distribution;
use moves::{Moves, cost};
use rand::RngExt;
use serde::Serialize;
use std::sync::Arc;

/// Values held at most, 1 GiB.
const VALUES: usize = 1 << 27;

/// What the repair of a column did, over all rows with a group and a value. Where ties are split, what it does on average over the draws.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// Largest Kolmogorov-Smirnov distance between two groups, in [0, 1], before and after.
    pub distance_before: f64,
    pub distance_after: f64,
    /// Spearman's correlation of old and new values; none where one does not vary. 1: the order of all rows stays.
    pub rank_correlation: Option<f64>,
    /// Squared correlation of old and new values: the share of the variance that the repaired column still tells.
    pub variance_kept: Option<f64>,
    /// Rows whose value changed.
    pub changed: u64,
}

/// A repaired column and what it cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RepairedColumn {
    pub column: String,
    /// Rows without a value, which stay so.
    pub missing: u64,
    pub cost: Cost,
}

/// What becomes of equal values of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ties {
    /// They stay equal: all stand at the middle of their ranks. A value that many rows share keeps groups apart then.
    Together,
    /// Each stands at one of their ranks, drawn at random, so that they spread over the values there. Needs 8 bytes more for each value.
    Split { seed: u64 },
}

/// Columns to repair, and how far.
#[derive(Debug, Clone)]
pub struct Repair {
    groups: Groups,
    columns: Vec<RepairedColumn>,
    ties: Ties,
    /// For each column and group.
    moves: Arc<Vec<Vec<Moves>>>,
}

impl Repair {
    /// Learns the groups' distributions in one pass; memory for every value of the columns (8 bytes each, at most 2^27 of them; about 100 for
    /// those of the column at hand). `amount` is λ in [0, 1]: 0 changes nothing, 1 repairs fully. A missing cell stays missing; a row
    /// without a group keeps its value.
    ///
    /// # Errors
    /// An amount outside [0, 1], no column, one that is a facet or the label, is not in the table, holds text or an infinity, or has no value
    /// in some group; too many values.
    pub fn new(table: &Table, groups: &Groups, columns: &[String], amount: f64, ties: Ties) -> Result<Repair> {
        check(table, groups, columns, amount)?;
        let found = read(table, groups, columns)?;
        let mut repaired = Vec::new();
        let mut moves = Vec::new();
        for (column, (missing, values)) in columns.iter().zip(found) {
            let before: Vec<Distribution> = values.into_iter().map(Distribution::new).collect();
            if let Some(empty) = before.iter().position(|found| found.rows() == 0) {
                let name = &groups.groups[empty].name;
                return Err(Error::input(format!("`{column}` is missing in every row of the group {name}"))
                    .hint("a group's distribution is needed to repair it: leave the column or the group out"));
            }
            let of_column: Vec<Moves> =
                (0..before.len()).map(|group| Moves::new(&before, group, amount, ties)).collect();
            repaired.push(RepairedColumn { column: column.clone(), missing, cost: cost(&before, &of_column) });
            moves.push(of_column);
        }
        Ok(Repair { groups: groups.clone(), columns: repaired, ties, moves: Arc::new(moves) })
    }

    pub fn columns(&self) -> &[RepairedColumn] {
        &self.columns
    }

    /// The table with repaired columns in place of the old ones, and if `keep`, the old ones beside them as `original.NAME`. Whole numbers
    /// become numbers with decimals; cells that do not change stay to the letter.
    ///
    /// # Errors
    /// A name that the table has already.
    pub fn table(&self, table: &Table, keep: bool) -> Result<Table> {
        let names: Vec<String> = self.columns.iter().map(|column| format!("original.{}", column.column)).collect();
        let kept = if keep { &names[..] } else { &[] };
        require_new(table, &kept.iter().map(String::as_str).collect::<Vec<_>>())?;
        let fields: Vec<Arc<Field>> = table.schema().fields().iter().map(|field| self.field(field)).collect();
        let of = |(name, column): (&String, &RepairedColumn)| {
            let (_, field) = table.schema().column_with_name(&column.column).expect("read before");
            Field::new(name, field.data_type().clone(), true)
        };
        let added: Vec<Field> = kept.iter().zip(&self.columns).map(of).collect();
        let schema = with(&Schema::new(fields), &added);
        let this = self.clone();
        Ok(table.clone().through(schema, move |batch, first_row| {
            let old: Vec<ArrayRef> = match keep {
                true => this.columns.iter().filter_map(|c| batch.column_by_name(&c.column)).cloned().collect(),
                false => Vec::new(),
            };
            let named = |(name, cells): (&String, &ArrayRef)| Field::new(name, cells.data_type().clone(), true);
            let added: Vec<Field> = names.iter().zip(&old).map(named).collect();
            appended(&this.moved(&batch, first_row)?, &added, old)
        }))
    }

    fn field(&self, field: &Arc<Field>) -> Arc<Field> {
        let repaired = self.columns.iter().any(|column| column.column == *field.name());
        match (repaired, field.data_type()) {
            (true, DataType::Utf8 | DataType::Float32 | DataType::Float64) | (false, _) => field.clone(),
            (true, _) => Arc::new(retyped(field, DataType::Float64)),
        }
    }

    fn moved(&self, batch: &RecordBatch, first_row: usize) -> Result<RecordBatch> {
        let of = self.groups.of(batch, first_row)?;
        let mut cells = Vec::new();
        for (place, (column, moves)) in self.columns.iter().zip(self.moves.iter()).enumerate() {
            let old = numbers(batch, &column.column, self.groups.raw(), first_row)?;
            let mut random = match self.ties {
                Ties::Together => None,
                Ties::Split { seed } => Some(draws(seed, TIES + place as u64, first_row)),
            };
            let new = old.iter().zip(&of).map(|(old, group)| {
                let draw = random.as_mut().map_or(0.5, |random| random.random::<f64>());
                match (old, group) {
                    (Some(old), Some(group)) => Some(moves[*group].of(*old, draw)),
                    _ => *old,
                }
            });
            let new: Vec<Option<f64>> = new.collect();
            let array = batch.column_by_name(&column.column).expect("read above");
            cells.push((column.column.as_str(), written(array, &old, new)));
        }
        replaced(batch, &cells)
    }
}

/// New values as the old ones were held.
fn written(array: &ArrayRef, old: &[Option<f64>], new: Vec<Option<f64>>) -> ArrayRef {
    match array.data_type() {
        DataType::Utf8 => {
            let texts: &StringArray = array.as_string();
            let cell = |row: usize| match (old[row] == new[row], new[row]) {
                (false, Some(new)) => Some(new.to_string()),
                _ => texts.is_valid(row).then(|| texts.value(row).to_string()),
            };
            Arc::new((0..texts.len()).map(cell).collect::<StringArray>())
        }
        // A NaN is read as missing and stays what it is.
        DataType::Float32 => {
            let old = array.as_primitive::<Float32Type>().iter();
            Arc::new(new.into_iter().zip(old).map(|(n, old)| n.map(|n| n as f32).or(old)).collect::<Float32Array>())
        }
        DataType::Float64 => {
            let old = array.as_primitive::<Float64Type>().iter();
            Arc::new(new.into_iter().zip(old).map(|(n, old)| n.or(old)).collect::<Float64Array>())
        }
        _ => Arc::new(Float64Array::from(new)),
    }
}

fn check(table: &Table, groups: &Groups, columns: &[String], amount: f64) -> Result<()> {
    table.positions(columns)?;
    if !(0.0..=1.0).contains(&amount) {
        return Err(Error::input(format!("the amount of repair is {amount}"))
            .hint("0 changes nothing, 1 makes the groups' distributions alike; give a number between them"));
    }
    if columns.is_empty() {
        return Err(Error::input("no column to repair was given").hint("name at least one column of numbers"));
    }
    for (place, column) in columns.iter().enumerate() {
        let role = groups.facets.iter().chain(&groups.label).any(|sides| sides.column == *column);
        if role || columns[..place].contains(column) {
            let what = if role { "is a facet or the label" } else { "was given twice" };
            return Err(Error::input(format!("the column `{column}` {what}"))
                .hint("repair columns that a model learns from, each once"));
        }
    }
    Ok(())
}

/// For each column: rows without a value, and the values of each group.
type Found = Vec<(u64, Vec<Vec<f64>>)>;

fn read(table: &Table, groups: &Groups, columns: &[String]) -> Result<Found> {
    let text = table.as_text();
    let mut found: Found = vec![(0, vec![Vec::new(); groups.groups.len()]); columns.len()];
    let (mut row, mut held) = (1, 0);
    for batch in text.batches(BATCH_ROWS)? {
        let batch = batch?;
        let of = groups.of(&batch, row).map_err(|e| table.blame(e))?;
        for (column, (missing, values)) in columns.iter().zip(&mut found) {
            let cells = numbers(&batch, column, groups.raw(), row).map_err(|e| table.blame(e))?;
            for (cell, group) in cells.into_iter().zip(&of) {
                match (cell, group) {
                    (Some(cell), Some(group)) => values[*group].push(cell + 0.0),
                    (None, _) => *missing += 1,
                    _ => {}
                }
            }
        }
        row += batch.num_rows();
        held += batch.num_rows() * columns.len();
        if held > VALUES {
            return Err(Error::input(format!("{} columns of more than {} rows do not fit", columns.len(), row - 1))
                .hint(format!("at most {VALUES} values are held: repair fewer columns at a time")));
        }
    }
    Ok(found)
}
