//! Pairwise interactions of a block of rows, beside its attributions.

use super::estimate::{Estimate, Rounds};
use crate::design::player_pairs;
use ndarray::{Array2, Array3, ArrayView2, s};

/// Shapley interaction values of some rows (Grabisch & Roubens 1999): how much more two players move the output together than each on its own,
/// on average over what the others do. In units of the link.
#[derive(Debug, Clone)]
pub struct Interactions {
    /// `[row, output, pair of players]`, pairs in the order (0, 1), (0, 2) … (1, 2) ….
    pub values: Array3<f32>,
    /// Standard error of each value, same shape; zeros where the design leaves nothing to chance, NaN where it cannot tell.
    pub stderr: Array3<f32>,
}

impl Interactions {
    pub(crate) fn zeros(rows: usize, outputs: usize, n_players: usize) -> Self {
        let shape = (rows, outputs, n_players * n_players.saturating_sub(1) / 2);
        Self { values: Array3::zeros(shape), stderr: Array3::zeros(shape) }
    }

    /// Those of one row.
    pub(crate) fn of_row(&self, row: usize) -> Self {
        let of = |values: &Array3<f32>| values.slice(s![row..row + 1, .., ..]).to_owned();
        Self { values: of(&self.values), stderr: of(&self.stderr) }
    }

    /// Values to be filled in, without standard errors.
    pub(crate) fn unknown(rows: usize, outputs: usize, n_players: usize) -> Self {
        let zeros = Self::zeros(rows, outputs, n_players);
        Self { stderr: zeros.stderr.mapv(|_| f32::NAN), ..zeros }
    }

    /// Writes the mean over `rounds` of what was summed for a row and output.
    pub(super) fn set(&mut self, row: usize, output: usize, sums: &Estimate, at: usize, rounds: Rounds) {
        for pair in 0..sums.values[at].len() {
            self.values[(row, output, pair)] = (sums.values[at][pair] / rounds.count) as f32;
            self.stderr[(row, output, pair)] = rounds.stderr(sums.variances[at][pair]);
        }
    }

    /// A row's values as a symmetric matrix `[player, player]`: I_ij beside the diagonal, and on it the main effects of the 2-SII values,
    /// φ_i − ½ Σ_j I_ij (Bordt & von Luxburg 2023), so that the diagonal and each pair once add up to the sum of `attributions`.
    pub fn matrix(&self, row: usize, output: usize, attributions: &[f64]) -> Array2<f64> {
        let n = attributions.len();
        let mut matrix = Array2::zeros((n, n));
        for ((i, j), &value) in player_pairs(n).zip(self.values.slice(s![row, output, ..])) {
            (matrix[(i, j)], matrix[(j, i)]) = (f64::from(value), f64::from(value));
        }
        let shares: Vec<f64> = (0..n).map(|i| attributions[i] - matrix.row(i).sum() / 2.0).collect();
        shares.into_iter().enumerate().for_each(|(i, main)| matrix[(i, i)] = main);
        matrix
    }
}

/// The sum of a matrix's diagonal and of each pair once.
pub fn total(matrix: ArrayView2<f64>) -> f64 {
    (matrix.sum() + matrix.diag().sum()) / 2.0
}
