//! Whether attributions that were read back explain the rows they are shown beside.

use super::Explanation;
use crate::kernels;
use crate::model::Model;
use crate::{Device, Error, Result};
use ndarray::{Array2, ArrayView2};

/// Predictions of one row on two devices agree to this share of the value, or of 1 if that is more.
const SAME: f32 = 1e-3;

impl Explanation {
    /// Predicts the rows again and compares. `rows` `[rows, features]` are those that this explains, the first of which has the number
    /// `first_row`; `targets` are the model's outputs that were explained.
    ///
    /// # Errors
    /// A row whose prediction is another: the rows are not the ones that were explained.
    pub fn recheck(
        &self,
        model: &dyn Model,
        targets: &[usize],
        rows: ArrayView2<f32>,
        first_row: usize,
        device: &Device,
    ) -> Result<()> {
        let found = kernels::read(model.predict(kernels::matrix(rows, device))?)?;
        let found = Array2::from_shape_vec((rows.nrows(), model.output_names().len()), found)
            .expect("predict gives [rows, outputs]");
        for ((row, k), &then) in self.predictions.indexed_iter() {
            let now = found[(row, targets[k])];
            if (now - then).abs() > SAME * then.abs().max(1.0) {
                let (number, output) = (first_row + row, &model.output_names()[targets[k]]);
                return Err(Error::input(format!(
                    "the explanation is of other rows: for row {number} it has {then} as the output `{output}`, the model gives {now}"
                ))
                .hint("give the table that was explained, with its rows in the same order"));
            }
        }
        Ok(())
    }
}
