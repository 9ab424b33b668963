//! Outputs of a model for rows of a table, without an explanation.

use super::{Control, Predictor, chunks};
use crate::kernels::{self, Link};
use crate::model::Model;
use crate::{Device, Error, Result};
use ndarray::{Array2, ArrayView2, Axis};
use std::ops::Range;

/// A model some of whose outputs score rows. May be called from many threads.
pub struct Scores {
    predictor: Predictor,
}

impl Scores {
    /// `target` is a column of the model's outputs.
    ///
    /// # Errors
    /// A model without features, a target that it has not.
    pub fn new(model: impl Model + 'static, target: usize, control: Control, device: &Device) -> Result<Scores> {
        Self::several(model, vec![target], control, device)
    }

    /// The same of several columns.
    ///
    /// # Errors
    /// A model without features, a target that it has not.
    pub fn several(
        model: impl Model + 'static,
        targets: Vec<usize>,
        control: Control,
        device: &Device,
    ) -> Result<Scores> {
        let predictor = Predictor::new(Box::new(model), Some(targets), Link::Identity, None, control, device)?;
        Ok(Scores { predictor })
    }

    /// The first target's score for each of the rows; see [`Self::table`].
    pub fn of(&self, rows: ArrayView2<f32>, first_row: usize) -> Result<Vec<f32>> {
        Ok(self.table(rows, first_row)?.column(0).to_vec())
    }

    /// `[rows, targets]`: a score for each of the rows `[rows, features]`, in tiles that fit the device. `first_row` is the number of the
    /// first, from 1, for messages.
    ///
    /// # Errors
    /// A score that is NaN; a stop; whatever the device refuses.
    pub fn table(&self, rows: ArrayView2<f32>, first_row: usize) -> Result<Array2<f32>> {
        let scores = self.predictor.shrinking(|tile_rows| {
            let tiles: Vec<Range<usize>> = chunks(rows.nrows(), tile_rows).collect();
            let tile = |range: &Range<usize>| {
                let part = rows.slice_axis(Axis(0), range.clone().into());
                kernels::read(self.predictor.predict(kernels::matrix(part, &self.predictor.device))?)
            };
            Ok(self.predictor.over(&tiles, tile)?.concat())
        })?;
        let targets = self.predictor.outputs.len();
        match scores.iter().position(|score| score.is_nan()) {
            None => Ok(Array2::from_shape_vec((rows.nrows(), targets), scores).expect("one score a row and target")),
            Some(at) => {
                let output = &self.predictor.outputs[at % targets];
                Err(Error::input(format!("the model's output `{output}` is NaN for row {}", first_row + at / targets))
                    .hint("is that row in the range the model was made for? has it missing values?"))
            }
        }
    }
}
