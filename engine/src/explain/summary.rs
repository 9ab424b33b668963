//! Global explanations: what drives the model over a whole table, from the same pass that explains its rows.
//!
//! Per output and player, over the rows r: mean |φ|, mean φ, mean φ², median φ. The first three are running sums in f64 with Welford's
//! update; the median is the P² estimate of Jain & Chlamtac 1985 (exact up to five rows), so memory does not grow with the table.
//! Each mean comes with the standard error of the mean over rows, s/√R. Sampling error of the single attributions inflates mean |φ| where
//! |φ| is below its own standard error; the mean squared standard error is kept beside it so that a reader can see when.
//!
//! The order of the players by mean |φ| is as uncertain as those means: each place comes with the interval of [`super::ranking`].

use super::Explanation;
use super::mean::Mean;
use super::ranking::{Place, Ranking};
use super::together::{GlobalInteraction, Together};
use crate::design::player_pairs;
use ndarray::Axis;
use serde::Serialize;

/// Running totals over explained rows; merge by adding rows in order.
#[derive(Debug, Clone)]
pub struct Summary {
    outputs: Vec<String>,
    players: Vec<String>,
    rows: u64,
    /// `[output][player]`.
    cells: Vec<Vec<Cell>>,
    /// `[output][pair of players]`; empty without interactions.
    together: Vec<Vec<Together>>,
    ranking: Ranking,
    base_values: Vec<f64>,
    worst_gap: f64,
    prediction_range: Vec<(f64, f64)>,
}

#[derive(Debug, Clone, Default)]
struct Cell {
    absolute: Mean,
    signed: Mean,
    squared: Mean,
    median: Median,
    sampling_variance: Mean,
}

/// One player's part in one output, over all rows.
#[derive(Debug, Clone, Serialize, PartialEq)]
pub struct GlobalValue {
    pub player: String,
    /// Mean |φ|, in units of the link.
    pub mean_abs: f64,
    pub mean_abs_stderr: f64,
    pub mean: f64,
    pub mean_stderr: f64,
    pub mean_square: f64,
    pub mean_square_stderr: f64,
    pub median: f64,
    /// √ of the mean squared standard error of single attributions: how much of `mean_abs` may be sampling noise.
    pub typical_stderr: f64,
    /// Place by mean |φ|, from 1; players with the same mean share the better place.
    pub rank: usize,
    /// Places that hold 95 % of bootstrap replicates of the rows; the place itself for a single row.
    pub rank_low: usize,
    pub rank_high: usize,
    /// Standard deviation of the place over the replicates.
    pub rank_stderr: f64,
}

/// The global explanation of one output, players in the model's order.
#[derive(Debug, Clone, Serialize)]
pub struct GlobalExplanation {
    pub output: String,
    pub base_value: f64,
    pub rows: u64,
    pub values: Vec<GlobalValue>,
    /// Of each pair of players, if they were computed; strongest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interactions: Vec<GlobalInteraction>,
}

impl Summary {
    /// `seed` draws the bootstrap of the ranking.
    pub fn new(outputs: Vec<String>, players: Vec<String>, seed: u64) -> Self {
        let cells = vec![vec![Cell::default(); players.len()]; outputs.len()];
        let ranking = Ranking::new(outputs.len(), players.len(), seed);
        let prediction_range = vec![(f64::INFINITY, f64::NEG_INFINITY); outputs.len()];
        let together = vec![Vec::new(); outputs.len()];
        Self {
            outputs,
            players,
            rows: 0,
            cells,
            together,
            ranking,
            base_values: Vec::new(),
            worst_gap: 0.0,
            prediction_range,
        }
    }

    /// Adds a block of explained rows.
    pub fn add(&mut self, block: &Explanation) {
        self.add_rows(block, &(0..block.n_rows()).collect::<Vec<_>>());
    }

    /// Adds some rows of a block, by their positions in it.
    pub(super) fn add_rows(&mut self, block: &Explanation, rows: &[usize]) {
        self.base_values = block.base_values.to_vec();
        self.ranking.add(block.values.view(), rows, self.rows);
        for &row in rows {
            self.rows += 1;
            self.worst_gap = self.worst_gap.max(block.additivity_gap(row));
            for (k, output) in block.values.index_axis(Axis(0), row).outer_iter().enumerate() {
                let prediction = f64::from(block.predictions[(row, k)]);
                let range = &mut self.prediction_range[k];
                *range = (range.0.min(prediction), range.1.max(prediction));
                for (i, &value) in output.iter().enumerate() {
                    self.cells[k][i].add(f64::from(value), f64::from(block.stderr[(row, k, i)]));
                }
            }
            if let Some(interactions) = &block.interactions {
                for (k, output) in interactions.values.index_axis(Axis(0), row).outer_iter().enumerate() {
                    self.together[k].resize(output.len(), Together::default());
                    for (pair, (cell, &value)) in self.together[k].iter_mut().zip(output).enumerate() {
                        cell.add(f64::from(value), f64::from(interactions.stderr[(row, k, pair)]));
                    }
                }
            }
        }
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The largest |base + Σ φ − link(prediction)| of any row and output.
    pub fn worst_additivity_gap(&self) -> f64 {
        self.worst_gap
    }

    /// Smallest and largest prediction of each output.
    pub fn prediction_range(&self) -> &[(f64, f64)] {
        &self.prediction_range
    }

    pub fn finish(&self) -> Vec<GlobalExplanation> {
        let explain = |(k, output): (usize, &String)| {
            let cells = &self.cells[k];
            let means: Vec<f64> = cells.iter().map(|cell| cell.absolute.mean).collect();
            let places = self.ranking.places(k, &means);
            GlobalExplanation {
                output: output.clone(),
                base_value: self.base_values.get(k).copied().unwrap_or(f64::NAN),
                rows: self.rows,
                values: self.players.iter().zip(cells).zip(places).map(|((p, cell), at)| cell.finish(p, at)).collect(),
                interactions: self.interactions(k),
            }
        };
        self.outputs.iter().enumerate().map(explain).collect()
    }
}

impl Summary {
    fn interactions(&self, k: usize) -> Vec<GlobalInteraction> {
        let pairs = player_pairs(self.players.len()).zip(&self.together[k]);
        let name = |i: usize| self.players[i].clone();
        let mut all: Vec<_> = pairs.map(|((i, j), cell)| cell.finish(name(i), name(j))).collect();
        all.sort_by(|x, y| y.mean_abs.total_cmp(&x.mean_abs));
        all
    }
}

impl Cell {
    fn add(&mut self, value: f64, stderr: f64) {
        self.absolute.add(value.abs());
        self.signed.add(value);
        self.squared.add(value * value);
        self.median.add(value);
        self.sampling_variance.add(stderr * stderr);
    }

    fn finish(&self, player: &str, place: Place) -> GlobalValue {
        GlobalValue {
            player: player.to_owned(),
            mean_abs: self.absolute.mean,
            mean_abs_stderr: self.absolute.stderr(),
            mean: self.signed.mean,
            mean_stderr: self.signed.stderr(),
            mean_square: self.squared.mean,
            mean_square_stderr: self.squared.stderr(),
            median: self.median.value(),
            typical_stderr: self.sampling_variance.mean.sqrt(),
            rank: place.rank,
            rank_low: place.low,
            rank_high: place.high,
            rank_stderr: place.stderr,
        }
    }
}

/// The P² median: five markers at ranks 1, ¼, ½, ¾, N that follow the data by parabolic steps.
#[derive(Debug, Clone, Default)]
struct Median {
    count: usize,
    height: [f64; 5],
    rank: [f64; 5],
}

impl Median {
    fn add(&mut self, x: f64) {
        if self.count < 5 {
            self.height[self.count] = x;
            self.count += 1;
            self.height[..self.count].sort_by(f64::total_cmp);
            self.rank = [1.0, 2.0, 3.0, 4.0, 5.0];
            return;
        }
        self.count += 1;
        self.height[0] = self.height[0].min(x);
        self.height[4] = self.height[4].max(x);
        let cell = (1..5).find(|&i| x < self.height[i]).unwrap_or(4);
        self.rank[cell..].iter_mut().for_each(|rank| *rank += 1.0);
        for i in 1..4 {
            let wanted = 1.0 + (self.count - 1) as f64 * i as f64 / 4.0;
            self.move_marker(i, wanted - self.rank[i]);
        }
    }

    fn move_marker(&mut self, i: usize, distance: f64) {
        let (below, above) = (self.rank[i - 1] - self.rank[i], self.rank[i + 1] - self.rank[i]);
        let step = if distance >= 1.0 && above > 1.0 {
            1.0
        } else if distance <= -1.0 && below < -1.0 {
            -1.0
        } else {
            return;
        };
        let slope_above = (self.height[i + 1] - self.height[i]) / above;
        let slope_below = (self.height[i - 1] - self.height[i]) / below;
        let parabola =
            self.height[i] + step / (above - below) * ((step - below) * slope_above + (above - step) * slope_below);
        let inside = self.height[i - 1] < parabola && parabola < self.height[i + 1];
        let linear = self.height[i] + step * if step > 0.0 { slope_above } else { slope_below };
        self.height[i] = if inside { parabola } else { linear };
        self.rank[i] += step;
    }

    fn value(&self) -> f64 {
        match self.count {
            0 => f64::NAN,
            n @ 1..=5 if n % 2 == 0 => (self.height[n / 2 - 1] + self.height[n / 2]) / 2.0,
            n @ 1..=5 => self.height[n / 2],
            _ => self.height[2],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn median_of(values: &[f64]) -> f64 {
        let mut median = Median::default();
        values.iter().for_each(|&x| median.add(x));
        median.value()
    }

    #[test]
    fn small_medians_are_exact() {
        assert_eq!(median_of(&[3.0]), 3.0);
        assert_eq!(median_of(&[4.0, 1.0]), 2.5);
        assert_eq!(median_of(&[5.0, 1.0, 3.0]), 3.0);
        assert_eq!(median_of(&[5.0, 1.0, 3.0, 2.0, 9.0]), 3.0);
    }

    #[test]
    fn long_medians_follow_the_data() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let values: Vec<f64> = (0..20_000).map(|_| rng.random::<f64>().powi(3)).collect();
        // The median of U³ is 1/8; P² is within a few standard errors (0.5/√N over the density 4/3) of it.
        let tolerance = 5.0 * 0.5 / 20_000f64.sqrt() * 0.75;
        assert!((median_of(&values) - 0.125).abs() < tolerance, "{}", median_of(&values));
    }
}
