//! Partial dependence: the mean output over the background with some features set, and what single rows do.
//!
//! Every point of every grid is a donor, a pseudo-row that puts its values into each background row: mask → predict → moments on the
//! device in full tiles, results read back in batches, runs of rows put together in f64 on the host. Donors of one feature go by
//! [`Model::sweep`] where the model has it: the same predictions by a shorter way.

use super::averages::Averages;
use super::builder::Builder;
use super::donors::{Donors, words};
use super::moments::Run;
use super::tiles::{Tile, batches, tiles};
use crate::data::Background;
use crate::explain::{Predictor, cat, chunks};
use crate::kernels::{self, Pairs, Sweep};
use crate::model::Model;
use crate::{Error, Result};
use burn::tensor::{Int, Tensor};
use ndarray::{Array2, ArrayView2, Axis};
use pellucid_shaders::moments::NUMBERS;
use std::ops::Range;

/// Results on the device at once, before they are read back.
const BATCH_FLOATS: usize = 1 << 22;

/// Looks at a model's outputs over a background while features are set. Immutable and shareable between threads.
pub struct Effects {
    pub(super) predictor: Predictor,
    /// In random order, rows of weight 0 left out.
    background: Background,
    order: Vec<usize>,
    given: usize,
    predictions: Array2<f32>,
    /// The background on the device, `[rows, features]`.
    rows: Tensor<2>,
    /// Its weights as f32 of mean 1, and the same on the device.
    scaled: Vec<f32>,
    weights: Tensor<1>,
}

/// Donors on the device.
struct Placed<'a> {
    donors: &'a Donors,
    rows: Tensor<2>,
    pairs: Pairs,
}

impl Effects {
    pub fn builder(model: impl Model + 'static, background: Background) -> Builder {
        Builder::new(Box::new(model), background)
    }

    pub(super) fn new(predictor: Predictor, mut background: Background, seed: u64) -> Result<Self> {
        let mut order = background.shuffle(seed);
        let given = order.len();
        let scale = background.weights.len() as f64;
        let kept: Vec<usize> = (0..order.len()).filter(|&row| (background.weights[row] * scale) as f32 > 0.0).collect();
        if kept.len() < order.len() {
            order = kept.iter().map(|&row| order[row]).collect();
            background.weights = kept.iter().map(|&row| background.weights[row]).collect();
            background.rows = background.rows.select(Axis(0), &kept);
        }
        let scaled: Vec<f32> = background.weights.iter().map(|w| (w * scale) as f32).collect();
        let rows = kernels::matrix(background.rows.view(), &predictor.device);
        let weights = kernels::vector(scaled.clone(), &predictor.device);
        let predictions = predictor.predict_background(&rows)?;
        Ok(Self { predictor, background, order, given, predictions, rows, scaled, weights })
    }

    /// `[rows, features]`: the background in the order in which its rows become ICE lines; rows of weight 0 are left out.
    pub fn rows(&self) -> ArrayView2<'_, f32> {
        self.background.rows.view()
    }

    /// `[rows]`, sum 1.
    pub fn weights(&self) -> &[f64] {
        &self.background.weights
    }

    /// `[rows]`: where each row stood in the background that was given.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Rows of the background that was given, those of weight 0 too.
    pub fn given(&self) -> usize {
        self.given
    }

    /// `[rows, outputs]`: the model's outputs for the rows as they are.
    pub fn predictions(&self) -> ArrayView2<'_, f32> {
        self.predictions.view()
    }

    pub fn features(&self) -> &[String] {
        self.predictor.model.feature_names()
    }

    pub fn output_names(&self) -> &[String] {
        &self.predictor.outputs
    }

    /// `[donors, outputs]`: weighted means over a range of the rows, before the link.
    pub(super) fn means(&self, donors: &Donors, over: Range<usize>) -> Result<Array2<f64>> {
        let averages = self.averages(donors, &vec![1; donors.len()], over, 0)?;
        let means = averages.cells.iter().map(|cell| cell[0].mean).collect();
        let means = Array2::from_shape_vec((donors.len(), self.predictor.outputs.len()), means).expect("one a cell");
        self.check(&means, |_| "features of some rows are put into others".into())?;
        Ok(means)
    }

    /// `[donors, outputs]`: the outputs where donor t meets the background row `start[t]` only.
    pub(super) fn paired(&self, donors: &Donors, start: Vec<u32>) -> Result<Array2<f32>> {
        let outputs = self.predictor.outputs.len();
        let shape = (donors.len(), outputs);
        if donors.len() == 0 {
            return Ok(Array2::zeros(shape));
        }
        let placed = self.place(donors, start)?;
        let found = self.predictor.shrinking(|tile_rows| {
            let tiles: Vec<Range<usize>> = chunks(donors.len(), tile_rows).collect();
            let mut found = Vec::with_capacity(donors.len() * outputs);
            for batch in batches(tiles.iter().map(|tile| tile.len() * outputs), BATCH_FLOATS) {
                let evaluate = |tile: &Range<usize>| self.predict(&placed, tile, self.rows.clone(), 1);
                found.extend(kernels::read(cat(self.predictor.over(&tiles[batch], evaluate)?, 0))?);
            }
            Ok(found)
        })?;
        let found = Array2::from_shape_vec(shape, found).expect("predict gives [rows, outputs]");
        self.check(&found.mapv(f64::from), |_| "features of some rows are put into others".into())?;
        Ok(found)
    }

    /// Averages over a range of the rows, and the outputs for the first `lines` rows (then the range begins at row 0). `units` are numbers
    /// of donors that belong together.
    pub(super) fn averages(
        &self,
        donors: &Donors,
        units: &[usize],
        over: Range<usize>,
        lines: usize,
    ) -> Result<Averages> {
        let outputs = self.predictor.outputs.len();
        if donors.len() == 0 {
            return Ok(Averages::new(0, outputs, lines));
        }
        let placed = self.place(donors, vec![0; donors.len()])?;
        let back = units.iter().flat_map(|&unit| 0..unit as i32).collect();
        let back = Tensor::<1, Int>::from_data(kernels::list(back), self.predictor.device.burn());
        let swept = self.swept(donors, units)?;
        self.predictor.shrinking(|tile_rows| {
            let tiles = tiles(units, &swept, over.clone(), tile_rows, outputs);
            let mut averages = Averages::new(donors.len(), outputs, lines);
            let floats = |tile: &Tile| tile.donors.len() * outputs * (NUMBERS + tile.lines(lines));
            for batch in batches(tiles.iter().map(floats), BATCH_FLOATS) {
                let tiles = &tiles[batch];
                let parts = self.predictor.over(tiles, |tile| self.evaluate(&placed, &back, tile, lines))?;
                let mut results = &kernels::read(cat(parts, 0))?[..];
                for tile in tiles {
                    let of_tile = results.split_off(..floats(tile)).expect("a result for each tile");
                    averages.add(tile, Run::of(&self.scaled[tile.rows.clone()]), of_tile, lines);
                }
            }
            Ok(averages)
        })
    }

    /// Which units go by sweeps: those whose donors put in one feature each, if the model has sweeps.
    fn swept(&self, donors: &Donors, units: &[usize]) -> Result<Vec<bool>> {
        let rows = self.rows.clone().narrow(0, 0, 1);
        let any = self.predictor.model.sweep(&rows, &[Sweep { feature: 0, points: vec![0.0] }])?.is_some();
        let mut start = 0;
        let simple = |&unit: &usize| {
            start += unit;
            any && (start - unit..start).all(|donor| donors.only(donor).is_some())
        };
        Ok(units.iter().map(simple).collect())
    }

    fn place<'a>(&self, donors: &'a Donors, start: Vec<u32>) -> Result<Placed<'a>> {
        let device = &self.predictor.device;
        let players = (0..self.features().len() as u32).collect();
        let pairs = Pairs::new(donors.members.clone(), start, players, 1, true, self.scaled.len(), device)?.one_sided();
        debug_assert_eq!(pairs.members.dims()[1], words(self.features().len()));
        Ok(Placed { donors, rows: kernels::matrix(donors.rows.view(), device), pairs })
    }

    /// mask → predict: `[donors · run, outputs]` of some donors, each with `run` of the background rows given.
    fn predict(&self, placed: &Placed, donors: &Range<usize>, rows: Tensor<2>, run: usize) -> Result<Tensor<2>> {
        let pairs = Pairs { run, ..placed.pairs.tile(donors.clone())? };
        let masked = kernels::mask(placed.rows.clone().slice([donors.clone()]), rows, &pairs)?;
        self.predictor.predict(masked)
    }

    /// A tile's moments `[donor][output][6]`, then its part of the ICE lines `[donor][line][output]`.
    fn evaluate(&self, placed: &Placed, back: &Tensor<1, Int>, tile: &Tile, lines: usize) -> Result<Tensor<1>> {
        let (donors, run) = (tile.donors.len(), tile.rows.len());
        let rows = self.rows.clone().slice([tile.rows.clone()]);
        let predictions = match tile.swept {
            true => self.predictor.sweep(&rows, &placed.donors.sweeps(tile.donors.clone()))?,
            false => None,
        };
        let predictions = predictions.map_or_else(|| self.predict(placed, &tile.donors, rows, run), Ok)?;
        let weights = self.weights.clone().slice([tile.rows.clone()]);
        let back = back.clone().slice([tile.donors.clone()]);
        let moments = kernels::moments(predictions.clone(), weights, back)?;
        let outputs = moments.dims()[1];
        let moments = moments.reshape([donors * outputs * NUMBERS]);
        let lines = tile.lines(lines);
        if lines == 0 {
            return Ok(moments);
        }
        let ice = predictions.reshape([donors, run, outputs]).slice([0..donors, 0..lines]);
        Ok(Tensor::cat(vec![moments, ice.reshape([donors * lines * outputs])], 0))
    }

    /// Outputs that are usable on the background need not be so when features are set; `when` says what a donor sets.
    pub(super) fn check(&self, means: &Array2<f64>, when: impl Fn(usize) -> String) -> Result<()> {
        let wrong = |((donor, k), &mean): ((usize, usize), &f64)| {
            let output = &self.predictor.outputs[k];
            if !mean.is_finite() {
                let message = format!("the model's output `{output}` is not finite when {}", when(donor));
                return Err(Error::input(message)
                    .hint("effects need finite outputs: choose points that the model was made for"));
            }
            if self.predictor.link == kernels::Link::Logit && !(0.0..=1.0).contains(&mean) {
                let message = format!(
                    "link logit needs probabilities between 0 and 1; output `{output}` is {mean} when {}",
                    when(donor)
                );
                return Err(
                    Error::input(message).hint("use `--link identity`, or choose probability outputs with `--target`")
                );
            }
            Ok(())
        };
        means.indexed_iter().try_for_each(wrong)
    }
}
