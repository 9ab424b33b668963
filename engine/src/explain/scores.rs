//! One output of a model for rows of a table, without an explanation.

use super::{Control, Predictor, chunks};
use crate::kernels::{self, Link};
use crate::model::Model;
use crate::{Device, Error, Result};
use ndarray::{ArrayView2, Axis};
use std::ops::Range;

/// A model whose one output scores rows. `of` may be called from many threads.
pub struct Scores {
    predictor: Predictor,
}

impl Scores {
    /// `target` is a column of the model's outputs.
    ///
    /// # Errors
    /// A model without features, a target that it has not.
    pub fn new(model: impl Model + 'static, target: usize, control: Control, device: &Device) -> Result<Scores> {
        let predictor = Predictor::new(Box::new(model), Some(vec![target]), Link::Identity, None, control, device)?;
        Ok(Scores { predictor })
    }

    /// A score for each of the rows `[rows, features]`, in tiles that fit the device. `first_row` is the number of the first, from 1, for
    /// messages.
    ///
    /// # Errors
    /// A score that is NaN; a stop; whatever the device refuses.
    pub fn of(&self, rows: ArrayView2<f32>, first_row: usize) -> Result<Vec<f32>> {
        let scores = self.predictor.shrinking(|tile_rows| {
            let tiles: Vec<Range<usize>> = chunks(rows.nrows(), tile_rows).collect();
            let tile = |range: &Range<usize>| {
                let part = rows.slice_axis(Axis(0), range.clone().into());
                kernels::read(self.predictor.predict(kernels::matrix(part, &self.predictor.device))?)
            };
            Ok(self.predictor.over(&tiles, tile)?.concat())
        })?;
        match scores.iter().position(|score| score.is_nan()) {
            None => Ok(scores),
            Some(row) => {
                let output = &self.predictor.outputs[0];
                Err(Error::input(format!("the model's output `{output}` is NaN for row {}", first_row + row))
                    .hint("is that row in the range the model was made for? has it missing values?"))
            }
        }
    }
}
