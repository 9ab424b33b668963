//! What is explained: rows of features in, rows of outputs out, on one device.

mod closure;
pub mod onnx;

pub use closure::{HostFn, TensorFn};

use crate::Result;
use crate::kernels::Sweep;
use burn::tensor::Tensor;

/// A model on a device. `predict` must treat every row on its own: a row's outputs depend on that row alone.
pub trait Model: Send + Sync {
    /// One name a feature; its length is the number of columns `predict` takes.
    fn feature_names(&self) -> &[String];
    /// One name an output; its length is the number of columns `predict` gives.
    fn output_names(&self) -> &[String];
    /// Floats that the model holds at once for each row at its widest point, beside the row itself: what a tile is sized by.
    fn workspace(&self) -> usize {
        4 * self.feature_names().len().max(self.output_names().len())
    }
    /// Rows `[rows, features]` in, outputs `[rows, outputs]` out, both f32 on the model's device.
    fn predict(&self, rows: Tensor<2>) -> Result<Tensor<2>>;
    /// What `predict` gives for the rows with one feature at a time set to each point of its sweep, `[points of all sweeps · rows,
    /// outputs]`, all rows at the first point first, if the model has a shorter way there than to predict each; None if it has not,
    /// whatever is asked. The calling thread does the work.
    fn sweep(&self, _rows: &Tensor<2>, _sweeps: &[Sweep]) -> Result<Option<Tensor<2>>> {
        Ok(None)
    }
}
