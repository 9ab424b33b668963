//! A design with its arrays on the device.

use super::kernel_shap::KernelShap;
use super::surrogate::Beside;
use super::tiles::Tile;
use crate::Result;
use crate::design::{Design, Estimator};
use crate::kernels::{self, Pairs};
use burn::tensor::Tensor;
use ndarray::{Array2, Axis};
use std::ops::Range;

/// A design with its arrays on the device.
pub(super) struct Placed {
    pub design: Design,
    /// None for a design without pairs.
    pub stage: Option<Stage>,
    /// The matrix, and the host's half of the solve; a pilot has none.
    pub solver: Option<(Tensor<2>, Estimator)>,
    /// Stands in for the games, if a surrogate is wanted.
    pub beside: Option<Beside>,
    /// The same for the interactions, if they are wanted.
    pub interactions: Option<(Tensor<2>, Estimator)>,
}

/// Pairs on the device, and what turns their predictions into contrasts.
pub(super) struct Stage {
    pub pairs: Pairs,
    pub tilt: Tensor<1>,
    pub base: Tensor<2>,
}

impl Stage {
    /// The pairs of a tile among the entries: a range of those that `n_rows` rows share, or, if every row has its own, several whole rows
    /// or a part of one.
    pub fn entries(&self, n_rows: usize, tile: &Tile) -> Range<usize> {
        if !self.pairs.per_row {
            return tile.pairs.clone();
        }
        let each = self.pairs.entries() / n_rows;
        tile.rows.start * each + tile.pairs.start..(tile.rows.end - 1) * each + tile.pairs.end
    }
}

impl KernelShap {
    pub(super) fn place(
        &self,
        design: Design,
        estimator: Option<Estimator>,
        interactions: Option<Estimator>,
    ) -> Result<Placed> {
        let rows = self.background.dims()[0];
        let upload =
            |estimator: Estimator| (kernels::matrix(estimator.matrix.view(), &self.predictor.device), estimator);
        let (solver, interactions) = (estimator.map(upload), interactions.map(upload));
        let stage = || {
            let (members, start) = (design.pairs.bits().to_vec(), design.start.clone());
            let pairs =
                Pairs::new(members, start, self.player_of.clone(), design.run, false, rows, &self.predictor.device)?;
            Ok(Stage {
                pairs,
                tilt: kernels::vector(design.tilts(), &self.predictor.device),
                base: self.base(design.run),
            })
        };
        let stage = (design.n_pairs() > 0).then(stage).transpose()?;
        Ok(Placed { stage, solver, beside: None, interactions, design })
    }

    /// v0 of every place a run can start, or of the whole background.
    pub(super) fn base(&self, run: usize) -> Tensor<2> {
        let rows = self.base_of_rows.nrows();
        if run == rows {
            return kernels::matrix(
                self.base_values.mapv(|v| v as f32).insert_axis(Axis(0)).view(),
                &self.predictor.device,
            );
        }
        let places = self.background.dims()[0];
        let mean = |(start, k): (usize, usize)| {
            let outputs = (start..start + run).map(|row| f64::from(self.base_of_rows[(row % rows, k)]));
            (outputs.sum::<f64>() / run as f64) as f32
        };
        kernels::matrix(
            Array2::from_shape_fn((places, self.predictor.outputs.len()), mean).view(),
            &self.predictor.device,
        )
    }
}
