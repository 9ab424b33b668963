//! One pass over a table, and what a comparison needs of each column.

use super::categories::Categories;
use super::numbers::Numbers;
use crate::data::{Reservoir, Table};
use crate::{Error, Result};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use rayon::prelude::*;

const BATCH_ROWS: usize = 1 << 14;
/// Numbers kept of a table, all columns together: 256 MiB.
const KEPT: usize = 1 << 25;

/// How a table is read.
#[derive(Debug, Clone)]
pub struct ProfileOptions {
    /// Columns left out.
    pub ignore: Vec<String>,
    /// Columns of numbers that are codes, compared as categories.
    pub categorical: Vec<String>,
    /// Rows whose numbers are kept, drawn at random if there are more; fewer in a table of more than 33 columns of numbers.
    pub kept_rows: usize,
    pub seed: u64,
}

impl Default for ProfileOptions {
    fn default() -> Self {
        ProfileOptions { ignore: Vec::new(), categorical: Vec::new(), kept_rows: 1_000_000, seed: 0 }
    }
}

/// A table, read once.
#[derive(Debug, Clone)]
pub struct Profile {
    pub rows: u64,
    /// Rows whose numbers were kept: all of them, or a random sample.
    pub kept_rows: u64,
    pub columns: Vec<ColumnProfile>,
    pub seed: u64,
}

/// One column.
#[derive(Debug, Clone)]
pub struct ColumnProfile {
    pub name: String,
    /// Cells without a value: null, NaN, an empty cell of a text format.
    pub missing: u64,
    pub content: Content,
}

#[derive(Debug, Clone)]
pub enum Content {
    /// Every cell is missing.
    Empty,
    /// Numbers; dates and times as numbers of their unit.
    Numbers(Numbers),
    /// Texts, booleans, and columns named as categorical.
    Categories(Categories),
}

impl Content {
    /// `numbers`, `categories` or `nothing`.
    pub fn kind(&self) -> &'static str {
        match self {
            Content::Empty => "nothing",
            Content::Numbers(_) => "numbers",
            Content::Categories(_) => "categories",
        }
    }
}

impl Profile {
    /// Reads a table once, batch by batch; memory does not grow with its rows.
    ///
    /// # Errors
    /// What the table refuses, and a column whose type is neither number nor text.
    pub fn read(table: &Table, options: &ProfileOptions) -> Result<Profile> {
        let schema = table.schema();
        let named = |field: &&std::sync::Arc<arrow::datatypes::Field>| !options.ignore.contains(field.name());
        let mut columns: Vec<ColumnProfile> =
            schema.fields().iter().filter(named).map(|f| empty(f.name(), f.data_type(), options)).collect();
        let places: Vec<usize> = columns.iter().map(|c| schema.index_of(&c.name).unwrap_or_default()).collect();
        let numeric = columns.iter().filter(|c| matches!(c.content, Content::Numbers(_))).count();
        let capacity = options.kept_rows.min(KEPT / numeric.max(1)).max(1);
        let mut reservoir = Reservoir::new(capacity, options.seed);
        for batch in table.batches(BATCH_ROWS)? {
            let batch = batch?;
            let kept: Vec<Option<usize>> = (0..batch.num_rows()).map(|_| reservoir.place()).collect();
            let read = columns.par_iter_mut().zip(&places).map(|(column, &at)| column.add(batch.column(at), &kept));
            read.collect::<Result<()>>().map_err(|e| table.blame(e))?;
        }
        let rows = reservoir.offered() as u64;
        columns.par_iter_mut().for_each(|column| column.finish(rows));
        Ok(Profile { rows, kept_rows: rows.min(capacity as u64), columns, seed: options.seed })
    }

    pub fn column(&self, name: &str) -> Option<&ColumnProfile> {
        self.columns.iter().find(|column| column.name == name)
    }
}

fn empty(name: &str, kind: &DataType, options: &ProfileOptions) -> ColumnProfile {
    let numbers = kind.is_numeric() || kind.is_temporal() || *kind == DataType::Null;
    let content = match numbers && !options.categorical.iter().any(|c| c == name) {
        true => Content::Numbers(Numbers::new()),
        false => Content::Categories(Categories::default()),
    };
    ColumnProfile { name: name.into(), missing: 0, content }
}

impl ColumnProfile {
    fn add(&mut self, cells: &ArrayRef, kept: &[Option<usize>]) -> Result<()> {
        let mut missing = 0;
        match &mut self.content {
            Content::Empty => {}
            Content::Numbers(numbers) => {
                // Dates and times become numbers only by way of integers.
                let integers = cells.data_type().is_temporal().then(|| to(cells, &DataType::Int64, &self.name));
                let cells = to(integers.transpose()?.as_ref().unwrap_or(cells), &DataType::Float64, &self.name)?;
                let values = cells.as_primitive::<Float64Type>();
                for (row, &place) in kept.iter().enumerate() {
                    let x = if values.is_valid(row) { values.value(row) } else { f64::NAN };
                    missing += u64::from(x.is_nan());
                    numbers.add(x, place);
                }
            }
            Content::Categories(categories) => missing = each_text(cells, &self.name, |text| categories.add(text))?,
        }
        self.missing += missing;
        Ok(())
    }

    fn finish(&mut self, rows: u64) {
        if self.missing == rows {
            self.content = Content::Empty;
        }
        if let Content::Numbers(numbers) = &mut self.content {
            numbers.finish();
        }
    }
}

/// Calls `each` with the cells as texts, numbers in their shortest form (`1`, not `1.0`); gives the number of missing ones.
fn each_text(cells: &ArrayRef, name: &str, mut each: impl FnMut(&str)) -> Result<u64> {
    let mut missing = 0;
    match cells.data_type() {
        kind if kind.is_integer() => {
            for x in to(cells, &DataType::Int64, name)?.as_primitive::<Int64Type>() {
                x.map_or_else(|| missing += 1, |x| each(&x.to_string()));
            }
        }
        kind if kind.is_numeric() => {
            for x in to(cells, &DataType::Float64, name)?.as_primitive::<Float64Type>() {
                x.filter(|x| !x.is_nan()).map_or_else(|| missing += 1, |x| each(&(x + 0.0).to_string()));
            }
        }
        _ => {
            for text in to(cells, &DataType::Utf8, name)?.as_string::<i32>() {
                text.filter(|text| !text.is_empty()).map_or_else(|| missing += 1, &mut each);
            }
        }
    }
    Ok(missing)
}

fn to(cells: &ArrayRef, kind: &DataType, name: &str) -> Result<ArrayRef> {
    cast(cells, kind).map_err(|e| {
        Error::input(format!("column `{name}` cannot be compared: {e}"))
            .hint("leave it out with `--ignore`; numbers, dates, booleans and text can be compared")
    })
}
