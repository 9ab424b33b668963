//! Models that are Rust functions: over tensors on the device, or over rows on the host.

use super::Model;
use crate::{Error, Result};
use burn::tensor::{Tensor, TensorData};
use ndarray::{Array2, ArrayView2};

/// A model given as a function of tensors, `[rows, features]` to `[rows, outputs]`.
pub struct TensorFn<F> {
    features: Vec<String>,
    outputs: Vec<String>,
    function: F,
}

impl<F> TensorFn<F>
where
    F: Fn(Tensor<2>) -> Tensor<2> + Send + Sync,
{
    pub fn new(features: Vec<String>, outputs: Vec<String>, function: F) -> Self {
        Self { features, outputs, function }
    }
}

impl<F> Model for TensorFn<F>
where
    F: Fn(Tensor<2>) -> Tensor<2> + Send + Sync,
{
    fn feature_names(&self) -> &[String] {
        &self.features
    }

    fn output_names(&self) -> &[String] {
        &self.outputs
    }

    fn predict(&self, rows: Tensor<2>) -> Result<Tensor<2>> {
        let n_rows = rows.dims()[0];
        let outputs = (self.function)(rows);
        check_shape(outputs.dims(), n_rows, self.outputs.len())?;
        Ok(outputs)
    }
}

/// A model given as a function of host rows: a tree library, a remote service, any code that has no tensors.
/// The rows are read back from the device for it and its outputs are uploaded, so it is the slow road on a GPU.
pub struct HostFn<F> {
    features: Vec<String>,
    outputs: Vec<String>,
    function: F,
}

impl<F> HostFn<F>
where
    F: Fn(ArrayView2<f32>) -> Array2<f32> + Send + Sync,
{
    pub fn new(features: Vec<String>, outputs: Vec<String>, function: F) -> Self {
        Self { features, outputs, function }
    }
}

impl<F> Model for HostFn<F>
where
    F: Fn(ArrayView2<f32>) -> Array2<f32> + Send + Sync,
{
    fn feature_names(&self) -> &[String] {
        &self.features
    }

    fn output_names(&self) -> &[String] {
        &self.outputs
    }

    fn predict(&self, rows: Tensor<2>) -> Result<Tensor<2>> {
        let device = rows.device();
        let [n_rows, n_features] = rows.dims();
        let host = crate::kernels::read(rows)?;
        let view = ArrayView2::from_shape((n_rows, n_features), &host).expect("a tensor's data has its shape");
        let outputs = (self.function)(view);
        check_shape([outputs.nrows(), outputs.ncols()], n_rows, self.outputs.len())?;
        let shape = [outputs.nrows(), outputs.ncols()];
        let values: Vec<f32> = outputs.iter().copied().collect();
        Ok(Tensor::from_data(TensorData::new(values, shape), &device))
    }
}

fn check_shape(given: [usize; 2], n_rows: usize, n_outputs: usize) -> Result<()> {
    if given == [n_rows, n_outputs] {
        return Ok(());
    }
    Err(Error::input(format!(
        "the model function returned a {} x {} array for {n_rows} rows; it must return {n_rows} x {n_outputs}",
        given[0], given[1]
    )))
}
