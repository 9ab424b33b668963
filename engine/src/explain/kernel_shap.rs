//! Kernel SHAP: one fixed design, evaluated on every row, solved by one fixed matrix.
//!
//! For a block of rows: mask → predict → value → project on the device, one read-back, then the last sums in f64 on the host.
//! The theory is at the top of [`crate::design`].

use super::builder::Builder;
use super::estimate::{Estimate, Rounds, settled};
use super::interactions::Interactions;
use super::per_row;
use super::placed::{Placed, Stage};
use super::predictor::Predictor;
use super::tiles::{Tile, join, tiles};
use super::{Explanation, Provenance};
use crate::data::Background;
use crate::design::{Design, Estimator, RowDesigns};
use crate::kernels::{self, Averaging};
use crate::model::Model;
use crate::{Error, Result};
use burn::tensor::{Int, Tensor};
use ndarray::{Array1, Array2, ArrayView2, s};
use rayon::prelude::*;

/// A kernel SHAP explainer, ready to explain rows. Immutable and shareable between threads.
pub struct KernelShap {
    pub(super) predictor: Predictor,
    /// `[background rows and the first ones again, features]`
    pub(super) background: Tensor<2>,
    pub(super) weights: Tensor<1>,
    pub(super) base_values: Array1<f64>,
    /// `[background rows, outputs]`: the model's outputs on the background.
    pub(super) base_of_rows: Array2<f32>,
    pub(super) player_of: Vec<u32>,
    pub(super) designs: Vec<Placed>,
    /// In place of `designs`, if every row has a draw of its own.
    pub(super) row_designs: Option<RowDesigns>,
    pub(super) tolerance: Option<f64>,
    /// Whether interactions are computed too.
    pub(super) interactions: bool,
    /// Whether even contrasts are computed beside the odd ones: for interactions, or for a surrogate.
    pub(super) even: bool,
    pub(super) provenance: Provenance,
}

impl KernelShap {
    pub fn builder(model: impl Model + 'static, background: Background) -> Builder {
        Builder::new(Box::new(model), background)
    }

    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Model rows spent on each explained row, at most.
    pub fn rows_per_instance(&self) -> usize {
        self.provenance.rows_per_instance
    }

    /// How many rows to give [`Self::explain`] at a time: enough to fill the device, few enough to keep memory flat.
    pub fn block_rows(&self) -> usize {
        let tiles = if self.predictor.device.is_cpu() { 512 } else { 1 };
        (self.predictor.tile_rows() * tiles / self.rows_per_instance()).clamp(1, 8192)
    }

    /// Explains rows `[rows, features]`. A tile that does not fit the device's memory is halved and tried again; the run's
    /// [`Control`](super::Control) says so.
    ///
    /// # Errors
    /// Rows that do not fit the model, predictions that are not finite, [`Error::Interrupted`] when stopped, [`Error::Device`] when the
    /// device fails even on the smallest tile.
    pub fn explain(&self, rows: ArrayView2<f32>) -> Result<Explanation> {
        self.explain_from(rows, 1)
    }

    /// The same for a block of a table: `first_row` is the number of its first row, for messages.
    pub fn explain_from(&self, rows: ArrayView2<f32>, first_row: usize) -> Result<Explanation> {
        let features = self.predictor.model.feature_names().len();
        if rows.ncols() != features {
            return Err(Error::input(format!(
                "the rows have {} columns, the model takes {features} features",
                rows.ncols()
            )));
        }
        self.predictor.shrinking(|tile_rows| self.explain_block(rows, tile_rows, first_row))
    }

    fn explain_block(&self, rows: ArrayView2<f32>, tile_rows: usize, first_row: usize) -> Result<Explanation> {
        let (n_rows, n_outputs) = (rows.nrows(), self.predictor.outputs.len());
        let mut explanation =
            Explanation::empty(n_rows, &self.base_values, self.provenance.players.len(), self.predictor.link);
        if n_rows == 0 {
            return Ok(explanation);
        }
        let x = kernels::matrix(rows, &self.predictor.device);
        explanation.predictions = self.predictor.predict_rows(&x, tile_rows, ("row", Some(first_row)))?;
        let full = self.linked(&explanation.predictions);
        let n_players = self.provenance.players.len();
        let mut sums = Estimate::zeros(n_rows * n_outputs, n_players);
        let mut together = Estimate::zeros(n_rows * n_outputs, n_players * (n_players - 1) / 2);
        explanation.interactions = self.interactions.then(|| Interactions::zeros(n_rows, n_outputs, n_players));
        let mut open: Vec<usize> = (0..n_rows).collect();
        if let Some(designs) = &self.row_designs {
            let part = self.run_rows(designs, rows, &x, &full, tile_rows)?;
            let model_rows = 2 * designs.n_pairs() * designs.run();
            let rounds = Rounds::new(1, per_row::GROUPS - 1);
            for &row in &open {
                self.check_mixed(&part, row, first_row + row)?;
                self.settle(&mut explanation, &mut sums, &part, (row, row, rounds, model_rows));
            }
        }
        for (round, placed) in self.designs.iter().enumerate() {
            let (part, even) =
                self.run(placed, &select(&x, &open, n_rows), &select(&full, &open, n_rows), tile_rows)?;
            let model_rows = placed.design.model_rows();
            let [rounds, rounds_even] = [&placed.solver, &placed.interactions]
                .map(|solver| Rounds::new(round + 1, solver.as_ref().map_or(0, |(_, estimator)| estimator.degrees())));
            for (position, &row) in open.iter().enumerate() {
                self.check_mixed(&part, position, first_row + row)?;
                self.settle(&mut explanation, &mut sums, &part, (row, position, rounds, model_rows));
                if let (Some(interactions), Some(even)) = (&mut explanation.interactions, &even) {
                    for k in 0..n_outputs {
                        let at = row * n_outputs + k;
                        together.add(at, even, position * n_outputs + k);
                        interactions.set(row, k, &together, at, rounds_even);
                    }
                }
            }
            if let Some(tolerance) = self.tolerance {
                open.retain(|&row| !settled(&explanation, row, tolerance));
            }
            if open.is_empty() {
                break;
            }
        }
        Ok(explanation)
    }

    /// Adds a round's part of a row (its `position` in the round) and writes what the row stands at after so many rounds.
    fn settle(
        &self,
        explanation: &mut Explanation,
        sums: &mut Estimate,
        part: &Estimate,
        (row, position, rounds, model_rows): (usize, usize, Rounds, usize),
    ) {
        let outputs = self.predictor.outputs.len();
        explanation.spent[row] += model_rows as u64;
        for k in 0..outputs {
            let at = row * outputs + k;
            sums.add(at, part, position * outputs + k);
            let gain = self.predictor.link.apply(f64::from(explanation.predictions[(row, k)])) - self.base_values[k];
            let (values, stderr) = sums.mean(at, rounds, gain);
            explanation.values.slice_mut(s![row, k, ..]).assign(&values);
            explanation.stderr.slice_mut(s![row, k, ..]).assign(&stderr);
        }
    }

    /// One round: its contrasts times its matrix, `[row · output][player]`, and its even contrasts times theirs, `[row · output][pair of
    /// players]`, if there is one.
    fn run(
        &self,
        placed: &Placed,
        x: &Tensor<2>,
        full: &Tensor<2>,
        tile_rows: usize,
    ) -> Result<(Estimate, Option<Estimate>)> {
        let (rows, outputs) = (x.dims()[0], self.predictor.outputs.len());
        let (Some(solver), pairs @ 1..) = (&placed.solver, placed.design.n_pairs()) else {
            return Ok((Estimate::zeros(rows * outputs, placed.design.n_players), None));
        };
        let contrasts = self.contrasts(placed, x, full, tile_rows)?;
        let part = |k: usize| contrasts.clone().slice([0..rows, 0..pairs, k..k + outputs]);
        let odd = match &placed.beside {
            Some(beside) => self.solve_beside(solver, beside, contrasts.clone(), full)?,
            None => self.solve(solver, part(0))?,
        };
        let even = placed.interactions.as_ref().map(|even| self.solve(even, part(outputs))).transpose()?;
        Ok((odd, even))
    }

    /// A matrix times contrasts `[rows, pairs, outputs]`, read back.
    pub(super) fn solve(&self, (matrix, estimator): &(Tensor<2>, Estimator), contrasts: Tensor<3>) -> Result<Estimate> {
        let pairs = contrasts.dims()[1];
        let whole = Tensor::<1, Int>::from_data(kernels::list(vec![0, pairs as i32]), self.predictor.device.burn());
        let products = kernels::read(kernels::project(contrasts, matrix.clone(), whole)?)?;
        let (values, variances) =
            products.par_chunks_exact(matrix.dims()[0]).map(|product| estimator.finish(product)).unzip();
        Ok(Estimate { values, variances })
    }

    /// mask → predict → value over all tiles: `[rows, pairs, outputs]`, left on the device; with interactions twice as many outputs, odd
    /// contrasts first.
    fn contrasts(&self, placed: &Placed, x: &Tensor<2>, full: &Tensor<2>, tile_rows: usize) -> Result<Tensor<3>> {
        let tiles = tiles(x.dims()[0], placed.design.n_pairs(), 2 * placed.design.run, tile_rows);
        let stage = placed.stage.as_ref().expect("tiles are made of pairs");
        Ok(join(self.predictor.over(&tiles, |tile| self.evaluate(stage, x, full, tile))?, &tiles))
    }

    /// The contrasts of a tile, as [`Self::contrasts`].
    pub(super) fn evaluate(&self, stage: &Stage, x: &Tensor<2>, full: &Tensor<2>, tile: &Tile) -> Result<Tensor<3>> {
        let entries = stage.entries(x.dims()[0], tile);
        let pairs = stage.pairs.tile(entries.clone())?;
        let rows = x.clone().slice([tile.rows.clone()]);
        let predictions = self.predictor.predict(kernels::mask(rows, self.background.clone(), &pairs)?)?;
        let averaging = Averaging {
            pairs: &pairs,
            weights: self.weights.clone(),
            link: self.predictor.link,
            tilt: stage.tilt.clone().slice([entries]),
            full: full.clone().slice([tile.rows.clone()]),
            base: stage.base.clone(),
            even: false,
        };
        if !self.even {
            return kernels::value(predictions, averaging);
        }
        let even = kernels::value(predictions.clone(), Averaging { even: true, ..averaging.clone() })?;
        Ok(Tensor::cat(vec![kernels::value(predictions, averaging)?, even], 2))
    }

    /// The contrasts of a pilot design, `[rows][pairs][outputs]`, as [`Self::contrasts`], and v1 − v0, `[rows][outputs]`.
    pub(super) fn pilot(&self, design: Design, rows: ArrayView2<f32>) -> Result<(Vec<f32>, Vec<f64>)> {
        let placed = self.place(design, None, None)?;
        let x = kernels::matrix(rows, &self.predictor.device);
        self.predictor.shrinking(|tile_rows| {
            let full = self.linked(&self.predictor.predict_rows(&x, tile_rows, ("a pilot row", None))?);
            let gains = self.gains(&full)?;
            Ok((kernels::read(self.contrasts(&placed, &x, &full, tile_rows)?)?, gains))
        })
    }

    /// Outputs that are finite on the rows and on the background need not be so on mixtures of the two.
    fn check_mixed(&self, part: &Estimate, position: usize, row: usize) -> Result<()> {
        let cells = part.values[position * self.predictor.outputs.len()..].iter().zip(&self.predictor.outputs);
        match cells.into_iter().find(|(values, _)| values.iter().any(|value| !value.is_finite())) {
            None => Ok(()),
            Some((_, output)) => Err(Error::input(format!(
                "the model's output `{output}` is not finite when some features of row {row} are replaced by those of background rows"
            ))
            .hint(
                "attributions need finite outputs: give a background of rows that go with these, or group the features that depend on \
                 each other with `--groups`",
            )),
        }
    }

    fn linked(&self, predictions: &Array2<f32>) -> Tensor<2> {
        kernels::matrix(
            predictions.mapv(|p| self.predictor.link.apply(f64::from(p)) as f32).view(),
            &self.predictor.device,
        )
    }

    pub(super) fn predict_background(&mut self, background: &Background) -> Result<()> {
        let rows = self.background.clone().narrow(0, 0, background.rows.nrows());
        self.base_of_rows = self.predictor.predict_background(&rows)?;
        let mean = |column: ndarray::ArrayView1<f32>| {
            column.iter().zip(&background.weights).map(|(&y, &w)| f64::from(y) * w).sum::<f64>()
        };
        self.base_values =
            self.base_of_rows.columns().into_iter().map(|column| self.predictor.link.apply(mean(column))).collect();
        Ok(())
    }
}

fn select(rows: &Tensor<2>, open: &[usize], n_rows: usize) -> Tensor<2> {
    if open.len() == n_rows {
        return rows.clone();
    }
    let index = kernels::list(open.iter().map(|&row| row as i32).collect());
    rows.clone().select(0, Tensor::<1, Int>::from_data(index, &rows.device()))
}
