//! What every explainer does with a model: predict its chosen outputs in tiles that fit the device.

use super::control::Control;
use super::tiles::cat;
use crate::data::Background;
use crate::kernels::{self, Link, Sweep};
use crate::model::Model;
use crate::{Device, Error, Result};
use burn::tensor::{Int, Tensor};
use ndarray::Array2;
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Below this a tile is not made smaller when the device runs out of memory.
const SMALLEST_TILE: usize = 64;
/// Model rows in a tile on the CPU: small enough that a tile's activations stay in a core's cache.
const CPU_TILE_ROWS: usize = 512;

/// A model on a device, the outputs of it that are explained, and the run it belongs to.
pub(crate) struct Predictor {
    pub model: Box<dyn Model>,
    pub device: Device,
    /// Names of the outputs that are explained.
    pub outputs: Vec<String>,
    pub link: Link,
    pub control: Control,
    /// Their columns among the model's outputs.
    targets: Vec<usize>,
    tile_rows: AtomicUsize,
}

impl Predictor {
    /// `targets` are columns of the model's outputs, all of them by default; `memory` the bytes that a tile may take, by default the
    /// device's own figure.
    ///
    /// # Errors
    /// A model without features, a target that it has not, no target.
    pub fn new(
        model: Box<dyn Model>,
        targets: Option<Vec<usize>>,
        link: Link,
        memory: Option<u64>,
        control: Control,
        device: &Device,
    ) -> Result<Self> {
        if model.feature_names().is_empty() {
            return Err(Error::input("the model takes no features: there is nothing to attribute to"));
        }
        let all = model.output_names();
        let targets = targets.unwrap_or_else(|| (0..all.len()).collect());
        if let Some(bad) = targets.iter().find(|&&target| target >= all.len()) {
            let message = format!("output {bad} was asked for, the model has {} outputs, from 0", all.len());
            return Err(Error::input(message));
        }
        if targets.is_empty() {
            return Err(Error::input("no output was chosen to be explained"));
        }
        let outputs = targets.iter().map(|&target| all[target].clone()).collect();
        let tile_rows = AtomicUsize::new(tile_rows(&*model, memory, device));
        Ok(Self { model, device: device.clone(), outputs, link, control, targets, tile_rows })
    }

    /// A background has rows, and they are the model's.
    pub fn check_background(&self, background: &Background) -> Result<()> {
        let (columns, features) = (background.rows.ncols(), self.model.feature_names().len());
        if background.rows.nrows() == 0 {
            return Err(Error::input("the background is empty").hint("give at least one background row"));
        }
        if columns != features {
            let message = format!("the background has {columns} columns, the model takes {features} features");
            return Err(Error::input(message));
        }
        Ok(())
    }

    /// Model rows of a tile as things stand.
    pub fn tile_rows(&self) -> usize {
        self.tile_rows.load(Relaxed)
    }

    /// Works in tiles of so many model rows; where the device fails, in smaller ones from then on.
    pub fn shrinking<T>(&self, work: impl Fn(usize) -> Result<T>) -> Result<T> {
        loop {
            let tile_rows = self.tile_rows();
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

    /// What comes of each tile, in order: side by side on the CPU's cores, one after the other on a GPU's queue. A stop takes effect
    /// between tiles.
    pub fn over<I: Sync, T: Send>(
        &self,
        tiles: &[I],
        evaluate: impl Fn(&I) -> Result<T> + Send + Sync,
    ) -> Result<Vec<T>> {
        let evaluate = |tile| match self.control.stopped() {
            true => Err(Error::Interrupted),
            false => evaluate(tile),
        };
        match self.device.is_cpu() {
            true => tiles.par_iter().map(evaluate).collect(),
            false => tiles.iter().map(evaluate).collect(),
        }
    }

    /// The outputs that are explained, `[rows, outputs]`, left on the device.
    pub fn predict(&self, rows: Tensor<2>) -> Result<Tensor<2>> {
        let predictions = self.model.predict(rows)?;
        self.control.count(predictions.dims()[0]);
        Ok(self.explained(predictions))
    }

    /// The outputs that are explained as [`Model::sweep`] has them, if the model has a short way to them.
    pub fn sweep(&self, rows: &Tensor<2>, sweeps: &[Sweep]) -> Result<Option<Tensor<2>>> {
        let Some(predictions) = self.model.sweep(rows, sweeps)? else { return Ok(None) };
        self.control.count(predictions.dims()[0]);
        Ok(Some(self.explained(predictions)))
    }

    fn explained(&self, predictions: Tensor<2>) -> Tensor<2> {
        if self.targets.iter().copied().eq(0..predictions.dims()[1]) {
            return predictions;
        }
        let columns = self.targets.iter().map(|&target| target as i32).collect();
        predictions.select(1, Tensor::<1, Int>::from_data(kernels::list(columns), self.device.burn()))
    }

    /// Predicts rows as they are and brings the outputs to the host, checked. `of` says for messages what these rows are, and the number
    /// of the first if they are in the order of a table.
    pub fn predict_rows(&self, rows: &Tensor<2>, tile_rows: usize, of: (&str, Option<usize>)) -> Result<Array2<f32>> {
        let n_rows = rows.dims()[0];
        let tile = |from: usize| self.predict(rows.clone().narrow(0, from, tile_rows.min(n_rows - from)));
        let tiles = (0..n_rows).step_by(tile_rows).map(tile).collect::<Result<Vec<_>>>()?;
        let all = kernels::read(cat(tiles, 0))?;
        let predictions =
            Array2::from_shape_vec((n_rows, self.outputs.len()), all).expect("predict gives [rows, outputs]");
        predictions
            .indexed_iter()
            .try_for_each(|((row, k), &value)| self.check(value, k, of.0, of.1.map(|first| first + row)))?;
        Ok(predictions)
    }

    /// A background's outputs, `[rows, outputs]`.
    pub fn predict_background(&self, rows: &Tensor<2>) -> Result<Array2<f32>> {
        self.shrinking(|tile_rows| self.predict_rows(rows, tile_rows, ("a background row", None)))
    }

    fn check(&self, value: f32, k: usize, what: &str, row: Option<usize>) -> Result<()> {
        let output = &self.outputs[k];
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
}

/// Model rows of a tile, from the bytes they may take: a row, its predictions and what the model holds in between.
fn tile_rows(model: &dyn Model, memory: Option<u64>, device: &Device) -> usize {
    let floats = (2 * model.feature_names().len() + 2 * model.workspace()).max(1);
    let bytes = memory.unwrap_or_else(|| device.memory_bytes());
    let fits = usize::try_from(bytes / (4 * floats as u64)).unwrap_or(usize::MAX).clamp(SMALLEST_TILE, 1 << 22);
    if device.is_cpu() { fits.min(CPU_TILE_ROWS) } else { fits }
}
