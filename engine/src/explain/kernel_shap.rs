//! Kernel SHAP: one fixed design, evaluated on every row, solved by one fixed matrix.
//!
//! For a block of rows: mask → predict → value → project on the device, one read-back, then the last sums in f64 on the host.
//! The theory is at the top of [`crate::design`].

use super::builder::Builder;
use super::control::Control;
use super::estimate::{Estimate, settled};
use super::tiles::{Tile, tiles};
use super::{Explanation, Link, Provenance};
use crate::data::Background;
use crate::design::{Design, Estimator, RowDesigns};
use crate::kernels::{self, Averaging, Pairs};
use crate::model::Model;
use crate::{Device, Error, Result};
use burn::tensor::{Int, Tensor};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Below this a tile is not made smaller when the device runs out of memory.
const SMALLEST_TILE: usize = 64;

/// A kernel SHAP explainer, ready to explain rows. Immutable and shareable between threads.
pub struct KernelShap {
    pub(super) model: Box<dyn Model>,
    pub(super) device: Device,
    /// Columns of the model's outputs that are explained.
    pub(super) targets: Vec<usize>,
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
    pub(super) link: Link,
    pub(super) tile_rows: AtomicUsize,
    pub(super) control: Control,
    pub(super) provenance: Provenance,
}

/// A design with its arrays on the device.
pub(super) struct Placed {
    design: Design,
    /// None for a design without pairs.
    stage: Option<Stage>,
    /// The matrix, and the host's half of the solve; a pilot has none.
    solver: Option<(Tensor<2>, Estimator)>,
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
    fn entries(&self, n_rows: usize, tile: &Tile) -> Range<usize> {
        if !self.pairs.per_row {
            return tile.pairs.clone();
        }
        let each = self.pairs.entries() / n_rows;
        tile.rows.start * each + tile.pairs.start..(tile.rows.end - 1) * each + tile.pairs.end
    }
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
        let tiles = if self.device.is_cpu() { 512 } else { 1 };
        (self.tile_rows.load(Relaxed) * tiles / self.rows_per_instance()).clamp(1, 8192)
    }

    /// Explains rows `[rows, features]`. A tile that does not fit the device's memory is halved and tried again; the run's
    /// [`Control`] says so.
    ///
    /// # Errors
    /// Rows that do not fit the model, predictions that are not finite, [`Error::Interrupted`] when stopped, [`Error::Device`] when the
    /// device fails even on the smallest tile.
    pub fn explain(&self, rows: ArrayView2<f32>) -> Result<Explanation> {
        self.explain_from(rows, 1)
    }

    /// The same for a block of a table: `first_row` is the number of its first row, for messages.
    pub fn explain_from(&self, rows: ArrayView2<f32>, first_row: usize) -> Result<Explanation> {
        let features = self.model.feature_names().len();
        if rows.ncols() != features {
            return Err(Error::input(format!(
                "the rows have {} columns, the model takes {features} features",
                rows.ncols()
            )));
        }
        self.shrinking(|tile_rows| self.explain_block(rows, tile_rows, first_row))
    }

    /// Works in tiles of so many model rows; where the device fails, in smaller ones from then on.
    pub(super) fn shrinking<T>(&self, work: impl Fn(usize) -> Result<T>) -> Result<T> {
        loop {
            let tile_rows = self.tile_rows.load(Relaxed);
            let smaller = (tile_rows / 2).max(SMALLEST_TILE);
            match work(tile_rows) {
                Err(Error::Device { device, message }) if smaller < tile_rows => {
                    self.tile_rows.store(smaller, Relaxed);
                    self.control
                        .note(format!("device {device}: {message}; going on with tiles of {smaller} model rows"));
                }
                done => return done,
            }
        }
    }

    fn explain_block(&self, rows: ArrayView2<f32>, tile_rows: usize, first_row: usize) -> Result<Explanation> {
        let (n_rows, n_outputs) = (rows.nrows(), self.targets.len());
        let mut explanation = Explanation::empty(n_rows, &self.base_values, self.provenance.players.len(), self.link);
        if n_rows == 0 {
            return Ok(explanation);
        }
        let x = kernels::matrix(rows, &self.device);
        explanation.predictions = self.predict_rows(&x, tile_rows, ("row", Some(first_row)))?;
        let full = self.linked(&explanation.predictions);
        let mut sums = Estimate::zeros(n_rows * n_outputs, self.provenance.players.len());
        let mut open: Vec<usize> = (0..n_rows).collect();
        if let Some(designs) = &self.row_designs {
            let part = self.run_rows(designs, rows, &x, &full, tile_rows)?;
            let model_rows = 2 * designs.n_pairs() * designs.run();
            for &row in &open {
                self.check_mixed(&part, row, first_row + row)?;
                self.settle(&mut explanation, &mut sums, &part, (row, row, 1, model_rows));
            }
        }
        for (round, placed) in self.designs.iter().enumerate() {
            let part = self.run(placed, &select(&x, &open, n_rows), &select(&full, &open, n_rows), tile_rows)?;
            let model_rows = placed.design.model_rows();
            for (position, &row) in open.iter().enumerate() {
                self.check_mixed(&part, position, first_row + row)?;
                self.settle(&mut explanation, &mut sums, &part, (row, position, round + 1, model_rows));
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
        (row, position, rounds, model_rows): (usize, usize, usize, usize),
    ) {
        let outputs = self.targets.len();
        explanation.spent[row] += model_rows as u64;
        for k in 0..outputs {
            let at = row * outputs + k;
            sums.add(at, part, position * outputs + k);
            let gain = self.link.apply(f64::from(explanation.predictions[(row, k)])) - self.base_values[k];
            let (values, stderr) = sums.mean(at, rounds, gain);
            explanation.values.slice_mut(s![row, k, ..]).assign(&values);
            explanation.stderr.slice_mut(s![row, k, ..]).assign(&stderr);
        }
    }

    /// One round: its contrasts times its matrix, `[row · output][player]`.
    fn run(&self, placed: &Placed, x: &Tensor<2>, full: &Tensor<2>, tile_rows: usize) -> Result<Estimate> {
        let cells = x.dims()[0] * self.targets.len();
        let (Some((matrix, estimator)), true) = (&placed.solver, placed.design.n_pairs() > 0) else {
            return Ok(Estimate::zeros(cells, placed.design.n_players));
        };
        let contrasts = self.contrasts(placed, x, full, tile_rows)?;
        let whole =
            Tensor::<1, Int>::from_data(kernels::list(vec![0, placed.design.n_pairs() as i32]), self.device.burn());
        let products = kernels::read(kernels::project(contrasts, matrix.clone(), whole)?)?;
        let (values, variances) =
            products.par_chunks_exact(matrix.dims()[0]).map(|product| estimator.finish(product)).unzip();
        Ok(Estimate { values, variances })
    }

    /// mask → predict → value over all tiles: `[rows, pairs, outputs]`, left on the device.
    fn contrasts(&self, placed: &Placed, x: &Tensor<2>, full: &Tensor<2>, tile_rows: usize) -> Result<Tensor<3>> {
        let tiles = tiles(x.dims()[0], placed.design.n_pairs(), 2 * placed.design.run, tile_rows);
        let stage = placed.stage.as_ref().expect("tiles are made of pairs");
        self.over(&tiles, |tile| self.evaluate(stage, x, full, tile))
    }

    /// The contrasts of all tiles together: side by side on the CPU's cores, one after the other on a GPU's queue.
    pub(super) fn over(
        &self,
        tiles: &[Tile],
        evaluate: impl Fn(&Tile) -> Result<Tensor<3>> + Send + Sync,
    ) -> Result<Tensor<3>> {
        let parts: Vec<Tensor<3>> = if self.device.is_cpu() {
            tiles.par_iter().map(evaluate).collect::<Result<_>>()?
        } else {
            tiles.iter().map(evaluate).collect::<Result<_>>()?
        };
        Ok(join(parts, tiles))
    }

    /// The contrasts of a tile, `[rows, pairs, outputs]`.
    pub(super) fn evaluate(&self, stage: &Stage, x: &Tensor<2>, full: &Tensor<2>, tile: &Tile) -> Result<Tensor<3>> {
        if self.control.stopped() {
            return Err(Error::Interrupted);
        }
        let entries = stage.entries(x.dims()[0], tile);
        let pairs = stage.pairs.tile(entries.clone())?;
        let rows = x.clone().slice([tile.rows.clone()]);
        let predictions = self.predict(kernels::mask(rows, self.background.clone(), &pairs)?)?;
        let averaging = Averaging {
            pairs: &pairs,
            weights: self.weights.clone(),
            link: self.link,
            tilt: stage.tilt.clone().slice([entries]),
            full: full.clone().slice([tile.rows.clone()]),
            base: stage.base.clone(),
        };
        let contrasts = kernels::value(predictions, averaging)?;
        self.control.count(tile.rows.len() * tile.pairs.len() * 2 * stage.pairs.run);
        Ok(contrasts)
    }

    /// The contrasts of a pilot design, `[rows][pairs][outputs]`.
    pub(super) fn pilot(&self, design: Design, rows: ArrayView2<f32>) -> Result<Vec<f32>> {
        let placed = self.place(design, None)?;
        let x = kernels::matrix(rows, &self.device);
        self.shrinking(|tile_rows| {
            let full = self.linked(&self.predict_rows(&x, tile_rows, ("a pilot row", None))?);
            kernels::read(self.contrasts(&placed, &x, &full, tile_rows)?)
        })
    }

    /// The model's chosen outputs, `[rows, targets]`.
    fn predict(&self, rows: Tensor<2>) -> Result<Tensor<2>> {
        let predictions = self.model.predict(rows)?;
        if self.targets.iter().copied().eq(0..predictions.dims()[1]) {
            return Ok(predictions);
        }
        let columns = self.targets.iter().map(|&target| target as i32).collect();
        Ok(predictions.select(1, Tensor::<1, Int>::from_data(kernels::list(columns), self.device.burn())))
    }

    /// Predicts rows as they are and brings the outputs to the host, checked. `of` says for messages what these rows are, and the number
    /// of the first if they are in the order of a table.
    fn predict_rows(&self, rows: &Tensor<2>, tile_rows: usize, of: (&str, Option<usize>)) -> Result<Array2<f32>> {
        let n_rows = rows.dims()[0];
        let tile = |from: usize| self.predict(rows.clone().narrow(0, from, tile_rows.min(n_rows - from)));
        let tiles = (0..n_rows).step_by(tile_rows).map(tile).collect::<Result<Vec<_>>>()?;
        let all = kernels::read(cat(tiles, 0))?;
        self.control.count(n_rows);
        let predictions =
            Array2::from_shape_vec((n_rows, self.targets.len()), all).expect("predict gives [rows, targets]");
        predictions
            .indexed_iter()
            .try_for_each(|((row, k), &value)| self.check(value, k, of.0, of.1.map(|first| first + row)))?;
        Ok(predictions)
    }

    fn check(&self, value: f32, k: usize, what: &str, row: Option<usize>) -> Result<()> {
        let output = &self.provenance.outputs[k];
        let number = row.map_or(String::new(), |row| format!(" {row}"));
        if !value.is_finite() {
            return Err(Error::input(format!("the model's output `{output}` is {value} for {what}{number}"))
                .hint("attributions need finite outputs: is that row in the range the model was made for? has it missing values?"));
        }
        if self.link == Link::Logit && !(0.0..=1.0).contains(&value) {
            return Err(Error::input(format!(
                "link logit needs probabilities between 0 and 1; output `{output}` is {value} for {what}{number}"
            ))
            .hint("use `--link identity`, or choose probability outputs with `--target`"));
        }
        Ok(())
    }

    /// Outputs that are finite on the rows and on the background need not be so on mixtures of the two.
    fn check_mixed(&self, part: &Estimate, position: usize, row: usize) -> Result<()> {
        let cells = part.values[position * self.targets.len()..].iter().zip(&self.provenance.outputs);
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
        kernels::matrix(predictions.mapv(|p| self.link.apply(f64::from(p)) as f32).view(), &self.device)
    }

    pub(super) fn predict_background(&mut self, background: &Background) -> Result<()> {
        let rows = self.background.clone().narrow(0, 0, background.rows.nrows());
        self.base_of_rows =
            self.shrinking(|tile_rows| self.predict_rows(&rows, tile_rows, ("a background row", None)))?;
        let mean = |column: ndarray::ArrayView1<f32>| {
            column.iter().zip(&background.weights).map(|(&y, &w)| f64::from(y) * w).sum::<f64>()
        };
        self.base_values =
            self.base_of_rows.columns().into_iter().map(|column| self.link.apply(mean(column))).collect();
        Ok(())
    }

    pub(super) fn place(&self, design: Design, estimator: Option<Estimator>) -> Result<Placed> {
        let rows = self.background.dims()[0];
        let solver = estimator.map(|estimator| (kernels::matrix(estimator.matrix.view(), &self.device), estimator));
        let stage = || {
            let (members, start) = (design.pairs.bits().to_vec(), design.start.clone());
            let pairs = Pairs::new(members, start, self.player_of.clone(), design.run, false, rows, &self.device)?;
            Ok(Stage { pairs, tilt: kernels::vector(design.tilts(), &self.device), base: self.base(design.run) })
        };
        let stage = (design.n_pairs() > 0).then(stage).transpose()?;
        Ok(Placed { stage, solver, design })
    }

    /// v0 of every place a run can start, or of the whole background.
    pub(super) fn base(&self, run: usize) -> Tensor<2> {
        let rows = self.base_of_rows.nrows();
        if run == rows {
            return kernels::matrix(self.base_values.mapv(|v| v as f32).insert_axis(Axis(0)).view(), &self.device);
        }
        let places = self.background.dims()[0];
        let mean = |(start, k): (usize, usize)| {
            let outputs = (start..start + run).map(|row| f64::from(self.base_of_rows[(row % rows, k)]));
            (outputs.sum::<f64>() / run as f64) as f32
        };
        kernels::matrix(Array2::from_shape_fn((places, self.targets.len()), mean).view(), &self.device)
    }
}

/// Puts tiles back together: pairs side by side, then rows one below the other.
fn join(parts: Vec<Tensor<3>>, tiles: &[Tile]) -> Tensor<3> {
    let mut rows: Vec<Tensor<3>> = Vec::new();
    let mut row: Vec<Tensor<3>> = Vec::new();
    for (at, part) in parts.into_iter().enumerate() {
        row.push(part);
        if tiles.get(at + 1).is_none_or(|next| next.rows != tiles[at].rows) {
            rows.push(cat(std::mem::take(&mut row), 1));
        }
    }
    cat(rows, 0)
}

fn cat<const D: usize>(mut parts: Vec<Tensor<D>>, dimension: usize) -> Tensor<D> {
    if parts.len() == 1 { parts.remove(0) } else { Tensor::cat(parts, dimension) }
}

fn select(rows: &Tensor<2>, open: &[usize], n_rows: usize) -> Tensor<2> {
    if open.len() == n_rows {
        return rows.clone();
    }
    let index = kernels::list(open.iter().map(|&row| row as i32).collect());
    rows.clone().select(0, Tensor::<1, Int>::from_data(index, &rows.device()))
}
