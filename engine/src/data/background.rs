//! The background: the rows that stand in for an absent feature, and how much each counts.

use super::encoder::{Encoder, require_finite};
use super::kmeans;
use super::table::{Table, of_file};
use crate::{Error, Result};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type};
use ndarray::{Array2, ArrayView1, Axis};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const BATCH_ROWS: usize = 8192;
const NO_MISSING: &str =
    "k-means takes no missing values: fill them before, or take a sample of rows as the background";

/// Which rows of a table become the background.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BackgroundChoice {
    /// Every row. Holds the table in memory.
    All,
    /// This many rows without replacement, each row with the same chance; memory holds only them.
    Sample { rows: usize, seed: u64 },
    /// Weighted k-means on standardised columns, each centre snapped to values that occur. Holds the table in memory.
    KMeans { clusters: usize, seed: u64 },
}

/// Background rows in the order of the table (clusters: of their seeding) and their weights.
#[derive(Debug, Clone)]
pub struct Background {
    /// `[background, features]`, at least one row.
    pub rows: Array2<f32>,
    /// `[background]`, not negative, sum 1.
    pub weights: Vec<f64>,
    /// For reports and provenance: "100 of 3000 rows of train.csv, sampled with seed 7".
    pub description: String,
}

/// Rows read so far with their weights before normalisation.
struct Rows {
    width: usize,
    values: Vec<f32>,
    weights: Vec<f64>,
    /// Rows of the table, kept or not.
    offered: usize,
}

impl Background {
    /// Rows `[background, features]` that all weigh the same.
    pub fn uniform(rows: Array2<f32>) -> Background {
        let n_rows = rows.nrows();
        Background {
            rows,
            weights: vec![1.0 / n_rows.max(1) as f64; n_rows],
            description: format!("{n_rows} rows given"),
        }
    }

    /// Puts the rows in random order, so that neighbours are as good as any, and says which row came to each place.
    pub(crate) fn shuffle(&mut self, seed: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.rows.nrows()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        self.rows = self.rows.select(Axis(0), &order);
        self.weights = order.iter().map(|&row| self.weights[row]).collect();
        order
    }

    /// Reads the table once. `weights` names a column of row weights (to be left out of the encoder's columns): a sample keeps the
    /// weights of its rows, k-means adds them up; without it each row weighs the same.
    ///
    /// # Errors
    /// More rows or clusters asked for than there are, none asked for, missing values in k-means, weights that are negative, missing
    /// or all zero, and whatever the table or the encoder refuses.
    pub fn read(
        table: &Table,
        encoder: &Encoder,
        choice: BackgroundChoice,
        weights: Option<&str>,
    ) -> Result<Background> {
        if let Some(name) = weights {
            table.positions(&[name.to_string()])?;
        }
        let of_table = |e| of_file(table.path(), e);
        let mut rows =
            Rows { width: encoder.feature_names().len(), values: Vec::new(), weights: Vec::new(), offered: 0 };
        let mut sampler = match choice {
            BackgroundChoice::Sample { rows, seed } => Some(Reservoir::new(rows, seed)),
            _ => None,
        };
        for batch in table.batches(BATCH_ROWS)? {
            let batch = batch?;
            let encoded = encoder.encode(&batch, rows.offered + 1).map_err(of_table)?;
            let weights =
                weights.map(|name| row_weights(&batch, name, rows.offered + 1)).transpose().map_err(of_table)?;
            for (r, row) in encoded.outer_iter().enumerate() {
                let weight = weights.as_ref().map_or(1.0, |w| w[r]);
                match &mut sampler {
                    None => rows.push(row, weight),
                    Some(sampler) => sampler.offer(rows.offered + r, row, weight, &mut rows),
                }
            }
            rows.offered += batch.num_rows();
        }
        let name = table.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let origins = sampler.map_or(Vec::new(), |s| s.origins);
        rows.choose(choice, &origins, &name, encoder.feature_names()).map_err(of_table)
    }
}

fn require_enough(asked: usize, total: usize, what: &str) -> Result<()> {
    match asked {
        0 => Err(Error::input(format!("the background would be empty: 0 {what} asked for")).hint("ask for at least 1")),
        n if n > total => {
            Err(Error::input(format!("{asked} background {what} asked for, but the table has {total} rows"))
                .hint(format!("ask for at most {total}, or take all rows")))
        }
        _ => Ok(()),
    }
}

impl Rows {
    fn push(&mut self, row: ArrayView1<f32>, weight: f64) {
        self.values.extend(row);
        self.weights.push(weight);
    }

    fn set(&mut self, i: usize, row: ArrayView1<f32>, weight: f64) {
        self.values[i * self.width..][..self.width].iter_mut().zip(row).for_each(|(to, from)| *to = *from);
        self.weights[i] = weight;
    }

    /// Puts the rows in the order of their row numbers.
    fn sort(&mut self, origins: &[usize]) {
        let mut order: Vec<usize> = (0..origins.len()).collect();
        order.sort_unstable_by_key(|&i| origins[i]);
        self.values = order.iter().flat_map(|&i| &self.values[i * self.width..][..self.width]).copied().collect();
        self.weights = order.iter().map(|&i| self.weights[i]).collect();
    }

    /// All rows of `table` as read, or the sample with the rows it came from, as the background asked for.
    fn choose(
        mut self,
        choice: BackgroundChoice,
        origins: &[usize],
        table: &str,
        features: &[String],
    ) -> Result<Background> {
        let read = self.weights.len();
        match choice {
            BackgroundChoice::All => self.finish(format!("all {read} rows of {table}")),
            BackgroundChoice::Sample { rows, seed } => {
                require_enough(rows, self.offered, "rows")?;
                self.sort(origins);
                let total = self.offered;
                self.finish(format!("{rows} of {total} rows of {table}, sampled with seed {seed}"))
            }
            BackgroundChoice::KMeans { clusters, seed } => {
                require_enough(clusters, read, "clusters")?;
                let weights = normalised(self.weights)?;
                let all = Array2::from_shape_vec((read, self.width), self.values).expect("one value a cell");
                require_finite(&all, features, 1).map_err(|e| e.hint(NO_MISSING))?;
                let (rows, weights) = kmeans::summarise(&all, &weights, clusters, seed);
                let found = weights.len();
                let fewer = if found < clusters {
                    format!(" (of {clusters} asked; no more rows differ)")
                } else {
                    String::new()
                };
                let description = format!("{found} k-means clusters{fewer} of {read} rows of {table}, seed {seed}");
                Ok(Background { rows, weights, description })
            }
        }
    }

    fn finish(self, description: String) -> Result<Background> {
        let rows = Array2::from_shape_vec((self.weights.len(), self.width), self.values).expect("one value a cell");
        Ok(Background { rows, weights: normalised(self.weights)?, description })
    }
}

/// Algorithm R (Vitter 1985): row `i` (from 0) takes a random place among the `n` kept with chance n / (i + 1).
struct Reservoir {
    n: usize,
    random: ChaCha8Rng,
    /// Row number of each row kept.
    origins: Vec<usize>,
}

impl Reservoir {
    fn new(n: usize, seed: u64) -> Self {
        Reservoir { n, random: ChaCha8Rng::seed_from_u64(seed), origins: Vec::new() }
    }

    fn offer(&mut self, i: usize, row: ArrayView1<f32>, weight: f64, kept: &mut Rows) {
        if self.origins.len() < self.n {
            self.origins.push(i);
            return kept.push(row, weight);
        }
        let place = self.random.random_range(0..=i as u64) as usize;
        if place < self.n {
            self.origins[place] = i;
            kept.set(place, row, weight);
        }
    }
}

fn normalised(weights: Vec<f64>) -> Result<Vec<f64>> {
    let sum: f64 = weights.iter().sum();
    match sum > 0.0 && sum.is_finite() {
        true => Ok(weights.into_iter().map(|w| w / sum).collect()),
        false => {
            Err(Error::input("the background weights sum to zero").hint("give at least one row a positive weight"))
        }
    }
}

fn row_weights(batch: &RecordBatch, name: &str, first_row: usize) -> Result<Vec<f64>> {
    let wrong = |r: usize, found: &str| {
        Error::input(format!("row {}, weights column `{name}`: {found} is not a weight", first_row + r))
            .hint("weights are finite numbers of at least 0")
    };
    let column = batch.column_by_name(name).ok_or_else(|| wrong(0, "no value"))?;
    if !column.data_type().is_numeric() {
        return Err(wrong(0, "text"));
    }
    let column = arrow::compute::cast(column, &DataType::Float64).map_err(|e| Error::input(e.to_string()))?;
    let numbers = column.as_primitive::<Float64Type>();
    let weight = |r: usize| match numbers.value(r) {
        _ if numbers.is_null(r) => Err(wrong(r, "a missing value")),
        w if w.is_finite() && w >= 0.0 => Ok(w),
        w => Err(wrong(r, &format!("`{w}`"))),
    };
    (0..numbers.len()).map(weight).collect()
}
