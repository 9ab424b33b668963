//! The host's part of the solve: rounds added up, the even split put back, in f64.

use super::Explanation;
use crate::design::widening;
use ndarray::{Array1, s};

/// M d and its variance, summed over rounds, `[row · output][player]`.
pub(super) struct Estimate {
    pub values: Vec<Vec<f64>>,
    pub variances: Vec<Vec<f64>>,
}

/// So many rounds, and how much wider than the normal distribution's their intervals are.
#[derive(Clone, Copy)]
pub(super) struct Rounds {
    pub count: f64,
    pub widening: f64,
}

impl Rounds {
    /// Rounds whose variances have so many degrees of freedom each: those of their mean are taken for as many together.
    pub fn new(count: usize, degrees: usize) -> Self {
        Self { count: count as f64, widening: widening(count * degrees) }
    }

    /// The standard error of a mean over rounds, from the sum of their variances.
    pub fn stderr(&self, variance: f64) -> f32 {
        (variance.sqrt() / self.count * self.widening) as f32
    }
}

impl Estimate {
    pub fn zeros(cells: usize, n_players: usize) -> Self {
        Self { values: vec![vec![0.0; n_players]; cells], variances: vec![vec![0.0; n_players]; cells] }
    }

    pub fn add(&mut self, to: usize, other: &Estimate, from: usize) {
        for i in 0..self.values[to].len() {
            self.values[to][i] += other.values[from][i];
            self.variances[to][i] += other.variances[from][i];
        }
    }

    /// Attributions and standard errors of one row and output: the mean over `rounds`, plus the even split of `gain` = v1 − v0. What f32
    /// left of a sum other than zero in M d is taken out evenly, so that the attributions add up to `gain`.
    pub fn mean(&self, at: usize, rounds: Rounds, gain: f64) -> (Array1<f32>, Array1<f32>) {
        let n = self.values[at].len() as f64;
        let excess = self.values[at].iter().sum::<f64>() / rounds.count / n;
        let values = self.values[at].iter().map(|v| (v / rounds.count - excess + gain / n) as f32).collect();
        (values, self.variances[at].iter().map(|&v| rounds.stderr(v)).collect())
    }
}

/// Whether every output of a row has max(standard error) ≤ tolerance · (max φ − min φ).
pub(super) fn settled(explanation: &Explanation, row: usize, tolerance: f64) -> bool {
    (0..explanation.predictions.ncols()).all(|k| {
        let values = explanation.values.slice(s![row, k, ..]);
        let worst =
            explanation.stderr.slice(s![row, k, ..]).iter().fold(0.0f32, |a, &b| if b.is_nan() { b } else { a.max(b) });
        let (low, high) = values.iter().fold((f32::MAX, f32::MIN), |(l, h), &v| (l.min(v), h.max(v)));
        f64::from(worst) <= tolerance * f64::from(high - low)
    })
}
