//! A design for each row: the general path, solved on the device row by row.
//!
//! With one design for all rows their sampling errors are alike and stay in every mean over rows; with a draw for each row they are
//! independent and average out of global explanations. The matrix then differs by row, so instead of one fixed product the device forms
//! each row's weighted normal equations (order 1, Musco & Witter 2025) and solves them under the efficiency constraint:
//! mask → predict → value → gram → solve. Standard errors leave out one group of pairs at a time, by weight 0.

use super::estimate::Estimate;
use super::kernel_shap::KernelShap;
use super::placed::Stage;
use super::tiles::{join, tiles};
use crate::Result;
use crate::design::RowDesigns;
use crate::kernels::{self, Pairs};
use burn::tensor::{Tensor, TensorData};
use ndarray::ArrayView2;
use rayon::prelude::*;

/// Jackknife groups: each costs one more solve.
pub(super) const GROUPS: usize = 8;

impl KernelShap {
    /// A block of rows, each by its own design, `[row · output][player]`.
    pub(super) fn run_rows(
        &self,
        designs: &RowDesigns,
        rows: ArrayView2<f32>,
        x: &Tensor<2>,
        full: &Tensor<2>,
        tile_rows: usize,
    ) -> Result<Estimate> {
        let (n_rows, n_pairs, n) = (rows.nrows(), designs.n_pairs(), self.provenance.players.len());
        let drawn: Vec<_> = (0..n_rows).into_par_iter().map(|row| designs.draw(rows.row(row))).collect();
        let members = drawn.iter().flat_map(|(design, _)| design.pairs.bits().to_vec()).collect();
        let start = drawn.iter().flat_map(|(design, _)| design.start.clone()).collect();
        let tilts: Vec<f32> = drawn.iter().flat_map(|(design, _)| design.tilts()).collect();
        let weights: Vec<f32> = drawn.iter().flat_map(|(_, weights)| weights.iter().map(|&w| w as f32)).collect();
        let background_rows = self.background.dims()[0];
        let player_of = self.player_of.clone();
        let pairs =
            Pairs::new(members, start, player_of, designs.run(), true, background_rows, &self.predictor.device)?;
        let tilt = kernels::vector(tilts, &self.predictor.device);
        let stage = Stage { pairs, tilt, base: self.base(designs.run()) };
        let tiles = tiles(n_rows, n_pairs, 2 * designs.run(), tile_rows);
        let contrasts = join(self.predictor.over(&tiles, |tile| self.evaluate(&stage, x, full, tile))?, &tiles);
        let solve = |left_out: Option<usize>| {
            let kept = |(at, &w): (usize, &f32)| if Some(at % n_pairs % GROUPS) == left_out { 0.0 } else { w };
            let weights: Vec<f32> = weights.iter().enumerate().map(kept).collect();
            let weights = Tensor::from_data(TensorData::new(weights, [n_rows, n_pairs]), self.predictor.device.burn());
            let (gram, right) = kernels::gram(stage.pairs.members.clone(), weights, contrasts.clone(), n)?;
            kernels::solve(gram, right)
        };
        let all = std::iter::once(None).chain((0..GROUPS).map(Some)).map(solve).collect::<Result<Vec<_>>>()?;
        Ok(estimate(&kernels::read(Tensor::cat(all, 0))?, n_rows, n, full.dims()[1]))
    }
}

/// From solutions `[1 + groups][rows][players][outputs]` to values and jackknife variances.
fn estimate(solutions: &[f32], n_rows: usize, n: usize, outputs: usize) -> Estimate {
    let at = |group: usize, row: usize, i: usize, k: usize| {
        f64::from(solutions[((group * n_rows + row) * n + i) * outputs + k])
    };
    let mut estimate = Estimate::zeros(n_rows * outputs, n);
    for (row, k) in ndarray::indices((n_rows, outputs)) {
        for i in 0..n {
            let value = at(0, row, i, k);
            let squares: f64 = (1..=GROUPS).map(|group| (at(group, row, i, k) - value).powi(2)).sum();
            estimate.values[row * outputs + k][i] = value;
            estimate.variances[row * outputs + k][i] = squares * (GROUPS - 1) as f64 / GROUPS as f64;
        }
    }
    estimate
}
