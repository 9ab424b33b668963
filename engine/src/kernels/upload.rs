//! The road from the host to a device.

use crate::Device;
use burn::tensor::{Element, Tensor, TensorData};
use ndarray::ArrayView2;

/// Rows of a host array as a tensor.
pub fn matrix(rows: ArrayView2<f32>, device: &Device) -> Tensor<2> {
    let values: Vec<f32> = rows.iter().copied().collect();
    Tensor::from_data(TensorData::new(values, [rows.nrows(), rows.ncols()]), device.burn())
}

/// Numbers in a row as a tensor.
pub fn vector(values: Vec<f32>, device: &Device) -> Tensor<1> {
    Tensor::from_data(list(values), device.burn())
}

pub(crate) fn list<E: Element>(values: Vec<E>) -> TensorData {
    let length = values.len();
    TensorData::new(values, [length])
}
