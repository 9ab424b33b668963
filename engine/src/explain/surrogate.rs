//! Surrogates of the games of a block of rows, and the pilot that says what they are worth.
//!
//! Trees are grown on the host, in f64, a game (row and output) to a core: the contrasts of a block are read back once a round, and what the
//! trees leave of them goes to the device to be solved like any contrasts. The theory is at the top of [`crate::surrogate`].

use super::estimate::Estimate;
use super::kernel_shap::KernelShap;
use crate::Result;
use crate::design::{Estimator, Plan, Variances};
use crate::kernels;
use crate::surrogate::{Fitted, Surrogate};
use burn::tensor::{Tensor, TensorData};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

/// A leave-out error below this share of that without trees is worth their time.
const WORTH: f64 = 0.95;

/// The surrogates beside a design.
pub(super) struct Beside {
    pub surrogate: Surrogate,
    /// λ: how much of them is taken off.
    pub share: f64,
}

/// What a pilot says of surrogates.
pub(super) struct Judged {
    pub variances: Variances,
    /// λ, if there are to be surrogates.
    pub share: Option<f64>,
}

impl KernelShap {
    /// As [`Self::solve`], of contrasts `[rows, pairs, 2 · outputs]`, odd ones first, and full predictions `[rows, outputs]`.
    pub(super) fn solve_beside(
        &self,
        solver: &(Tensor<2>, Estimator),
        Beside { surrogate, share }: &Beside,
        contrasts: Tensor<3>,
        full: &Tensor<2>,
    ) -> Result<Estimate> {
        let [rows, pairs, _] = contrasts.dims();
        let outputs = full.dims()[1];
        let mut contrasts = kernels::read(contrasts)?;
        let fitted = self.fitted(surrogate, &contrasts, &self.gains(full)?);
        for (game, fit) in fitted.iter().enumerate() {
            for (pair, contrast) in fit.contrasts.iter().enumerate() {
                let at = (game / outputs * pairs + pair) * 2 * outputs + game % outputs;
                contrasts[at] = (f64::from(contrasts[at]) - share * contrast) as f32;
            }
        }
        let left = Tensor::<3>::from_data(
            TensorData::new(contrasts, [rows, pairs, 2 * outputs]),
            self.predictor.device.burn(),
        );
        let mut estimate = self.solve(solver, left.slice([0..rows, 0..pairs, 0..outputs]))?;
        for (values, fit) in estimate.values.iter_mut().zip(&fitted) {
            values.iter_mut().zip(&fit.attributions).for_each(|(value, known)| *value += share * known);
        }
        Ok(estimate)
    }

    /// v1 − v0, `[rows][outputs]`, of linked predictions `[rows, outputs]`.
    pub(super) fn gains(&self, full: &Tensor<2>) -> Result<Vec<f64>> {
        let outputs = self.base_values.len();
        let full = kernels::read(full.clone())?;
        Ok(full.iter().enumerate().map(|(at, &value)| f64::from(value) - self.base_values[at % outputs]).collect())
    }

    /// The surrogate of each game, `[row · output]`, from contrasts `[rows][pairs][2 · outputs]`, odd ones first.
    fn fitted(&self, surrogate: &Surrogate, contrasts: &[f32], gains: &[f64]) -> Vec<Fitted> {
        let (outputs, pairs) = (self.base_values.len(), surrogate.pairs());
        let fit = |(game, &gain): (usize, &f64)| {
            let of = |kind: usize| -> Vec<f64> {
                let from = game / outputs * pairs * 2 * outputs + kind * outputs + game % outputs;
                (0..pairs).map(|pair| f64::from(contrasts[from + pair * 2 * outputs])).collect()
            };
            surrogate.fit(&of(0), &of(1), gain)
        };
        gains.par_iter().enumerate().map(fit).collect()
    }

    /// Fits surrogates to pilot `rows` with the first round's design, and variances to what they leave. If they `must_pay` and do not, no share,
    /// and the variances of the contrasts as they are.
    pub(super) fn judge(&self, plan: &Plan, rows: ArrayView2<f32>, must_pay: bool) -> Result<Judged> {
        let design = &plan.rounds[0];
        let (contrasts, gains) = self.pilot(design.clone(), rows)?;
        let fitted = self.fitted(&Surrogate::new(design, self.provenance.seed, 0), &contrasts, &gains);
        let (pairs, outputs, games) = (design.n_pairs(), self.base_values.len(), gains.len());
        let odd = Array2::from_shape_fn((pairs, games), |(p, game)| {
            f64::from(contrasts[(game / outputs * pairs + p) * 2 * outputs + game % outputs])
        });
        let known = Array2::from_shape_fn((pairs, games), |(p, game)| fitted[game].contrasts[p]);
        let (variances, share) = plan.fit_beside(odd.view(), known.view());
        if must_pay {
            let (alone, _) = plan.fit_beside(odd.view(), Array2::zeros(odd.dim()).view());
            let left = &odd - &(&known * share);
            if plan.leave_out_error(&variances, left.view()) > WORTH * plan.leave_out_error(&alone, odd.view()) {
                return Ok(Judged { variances: alone, share: None });
            }
        }
        Ok(Judged { variances, share: Some(share) })
    }
}
