//! The background: the rows that stand in for an absent feature, and how much each counts.

use super::encoder::{Encoder, require_finite, texts};
use super::kmeans;
use super::reservoir::{Reservoir, put};
use super::table::{Table, of_file};
use crate::{Error, Result};
use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Float64Type};
use ndarray::{Array2, ArrayView1, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
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
    /// The row nearest to each centre of weighted k-means: rows that exist, whatever their columns stand for. Holds the table in memory.
    Medoids { clusters: usize, seed: u64 },
}

/// Background rows in the order of the table (clusters: of their seeding) and their weights.
#[derive(Debug, Clone)]
pub struct Background {
    /// `[background, features]`, at least one row.
    pub rows: Array2<f32>,
    /// `[background]`, not negative, sum 1.
    pub weights: Vec<f64>,
    /// `[background]`: the cells of the label column, if one was asked for.
    pub labels: Option<Vec<String>>,
    /// For reports and provenance: "100 of 3000 rows of train.csv, sampled with seed 7".
    pub description: String,
}

/// Rows kept so far with their weights before normalisation.
#[derive(Default)]
struct Rows {
    width: usize,
    values: Vec<f32>,
    weights: Vec<f64>,
    labels: Vec<String>,
    /// The number in the table of each row, from 0.
    origins: Vec<usize>,
}

impl Background {
    /// Rows `[background, features]` that all weigh the same.
    pub fn uniform(rows: Array2<f32>) -> Background {
        let n_rows = rows.nrows();
        Background {
            rows,
            weights: vec![1.0 / n_rows.max(1) as f64; n_rows],
            labels: None,
            description: format!("{n_rows} rows given"),
        }
    }

    /// Puts the rows in random order, so that neighbours are as good as any, and says which row came to each place.
    pub(crate) fn shuffle(&mut self, seed: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.rows.nrows()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        self.rows = self.rows.select(Axis(0), &order);
        self.weights = order.iter().map(|&row| self.weights[row]).collect();
        if let Some(labels) = &mut self.labels {
            *labels = order.iter().map(|&row| labels[row].clone()).collect();
        }
        order
    }

    /// Reads the table once. `weights` names a column of row weights (to be left out of the encoder's columns): a sample keeps the
    /// weights of its rows, k-means adds them up; without it each row weighs the same. `label` names the column of what was true,
    /// to be kept as text.
    ///
    /// # Errors
    /// More rows or clusters asked for than there are, none asked for, missing values in k-means, weights that are negative, missing
    /// or all zero, missing labels, labels of k-means centres, and whatever the table or the encoder refuses.
    pub fn read(
        table: &Table,
        encoder: &Encoder,
        choice: BackgroundChoice,
        weights: Option<&str>,
        label: Option<&str>,
    ) -> Result<Background> {
        for name in [weights, label].into_iter().flatten() {
            table.positions(&[name.to_string()])?;
        }
        if let (Some(name), BackgroundChoice::KMeans { .. } | BackgroundChoice::Medoids { .. }) = (label, choice) {
            return Err(Error::input(format!("k-means centres have no label: `{name}` is that of single rows"))
                .hint("take a sample of rows or all rows as the background"));
        }
        let of_table = |e| of_file(table.path(), e);
        let mut rows = Rows { width: encoder.feature_names().len(), ..Rows::default() };
        let (capacity, seed) = match choice {
            BackgroundChoice::Sample { rows, seed } => (rows, seed),
            _ => (usize::MAX, 0),
        };
        let mut sampler = Reservoir::new(capacity, seed);
        for batch in table.batches(BATCH_ROWS)? {
            let batch = batch?;
            let first = sampler.offered();
            let encoded = encoder.encode(&batch, first + 1).map_err(of_table)?;
            let weights = weights.map(|name| row_weights(&batch, name, first + 1)).transpose().map_err(of_table)?;
            let labels = label.map(|name| row_labels(&batch, name, first + 1)).transpose().map_err(of_table)?;
            for (r, row) in encoded.outer_iter().enumerate() {
                let Some(place) = sampler.place() else { continue };
                rows.set(place, row, first + r, weights.as_ref().map_or(1.0, |w| w[r]));
                if let Some(labels) = &labels {
                    put(&mut rows.labels, place, labels.value(r).to_string());
                }
            }
        }
        let name = table.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let background = rows.choose(choice, sampler.offered(), &name, encoder.feature_names()).map_err(of_table)?;
        Ok(Background { labels: background.labels.filter(|_| label.is_some()), ..background })
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
    /// Puts a row into a place, or behind the last one.
    fn set(&mut self, place: usize, row: ArrayView1<f32>, origin: usize, weight: f64) {
        let at = place * self.width;
        self.values.resize(self.values.len().max(at + self.width), 0.0);
        self.values[at..][..self.width].iter_mut().zip(row).for_each(|(to, from)| *to = *from);
        put(&mut self.weights, place, weight);
        put(&mut self.origins, place, origin);
    }

    /// Puts the rows in the order of the table.
    fn sort(&mut self) {
        let mut order: Vec<usize> = (0..self.origins.len()).collect();
        order.sort_unstable_by_key(|&i| self.origins[i]);
        self.values = order.iter().flat_map(|&i| &self.values[i * self.width..][..self.width]).copied().collect();
        self.weights = order.iter().map(|&i| self.weights[i]).collect();
        if !self.labels.is_empty() {
            self.labels = order.iter().map(|&i| std::mem::take(&mut self.labels[i])).collect();
        }
    }

    /// The rows kept of a table of `total` rows as the background asked for.
    fn choose(
        mut self,
        choice: BackgroundChoice,
        total: usize,
        table: &str,
        features: &[String],
    ) -> Result<Background> {
        let read = self.weights.len();
        match choice {
            BackgroundChoice::All => self.finish(format!("all {read} rows of {table}")),
            BackgroundChoice::Sample { rows, seed } => {
                require_enough(rows, total, "rows")?;
                self.sort();
                self.finish(format!("{rows} of {total} rows of {table}, sampled with seed {seed}"))
            }
            BackgroundChoice::KMeans { clusters, seed } | BackgroundChoice::Medoids { clusters, seed } => {
                require_enough(clusters, read, "clusters")?;
                let weights = normalised(self.weights)?;
                let all = Array2::from_shape_vec((read, self.width), self.values).expect("one value a cell");
                require_finite(&all, features, 1).map_err(|e| e.hint(NO_MISSING))?;
                let (rows, weights) = match choice {
                    BackgroundChoice::Medoids { .. } => {
                        let (rows, weights) = kmeans::medoids(&all, &weights, clusters, seed);
                        (all.select(Axis(0), &rows), weights)
                    }
                    _ => kmeans::summarise(&all, &weights, clusters, seed),
                };
                let found = weights.len();
                let fewer = if found < clusters {
                    format!(" (of {clusters} asked; no more rows differ)")
                } else {
                    String::new()
                };
                let description = format!("{found} k-means clusters{fewer} of {read} rows of {table}, seed {seed}");
                Ok(Background { rows, weights, labels: None, description })
            }
        }
    }

    fn finish(self, description: String) -> Result<Background> {
        let rows = Array2::from_shape_vec((self.weights.len(), self.width), self.values).expect("one value a cell");
        Ok(Background { rows, weights: normalised(self.weights)?, labels: Some(self.labels), description })
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

fn row_labels(batch: &RecordBatch, name: &str, first_row: usize) -> Result<StringArray> {
    let column = batch.column_by_name(name).ok_or_else(|| Error::input(format!("there is no column `{name}`")))?;
    let labels = texts(column, name)?;
    let missing = |r: &usize| labels.is_null(*r) || matches!(labels.value(*r), "" | "NaN");
    match (0..labels.len()).find(missing) {
        None => Ok(labels),
        Some(r) => Err(Error::input(format!("row {}, label column `{name}`: the value is missing", first_row + r))
            .hint("give the label of every row, or leave such rows out of the table")),
    }
}
