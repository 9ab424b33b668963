//! The outputs of affine layers while one feature of each row runs through points.

use super::AffineLayer;
use super::launch::{contiguous, elements, tensor};
use crate::{Error, Result};
use burn::backend::Flex;
use burn::tensor::Tensor;
pub use pellucid_shaders::affine::Sweep;
use pellucid_shaders::affine::{self as kernel, Layer};

/// `rows` \[rows, inputs of the first layer\] with one feature at a time set to each point of its sweep, through all layers:
/// \[points of all sweeps · rows, outputs of the last\], all rows at the first point first. Far cheaper than the forward of so many
/// rows: the kinks of the first layer's units are followed (docs/theory.md, "Sweeps").
///
/// None where there is no such way: on a GPU, and where the first of several layers has another activation than ReLU. The answer
/// depends on the layers and the device alone. The error is at most twice that of [`super::affine_chain`]; what is not finite comes
/// out as there. On the calling thread alone: spread tiles of rows over threads.
///
/// # Errors
/// A feature that the rows have not.
///
/// # Panics
/// If shapes or devices do not fit together.
pub fn sweep(rows: &Tensor<2>, layers: &[AffineLayer], sweeps: &[Sweep]) -> Result<Option<Tensor<2>>> {
    let [n_rows, features] = rows.dims();
    if let Some(sweep) = sweeps.iter().find(|sweep| sweep.feature >= features) {
        let message = format!("a sweep of feature {}, the rows have {features}, from 0", sweep.feature);
        return Err(Error::input(message));
    }
    let kinds: Vec<_> = layers.iter().map(|layer| layer.activation).collect();
    let Ok(x) = rows.clone().try_into_primitive::<Flex>() else { return Ok(None) };
    if !kernel::straight(&kinds) {
        return Ok(None);
    }
    let x = contiguous(x);
    let parameter = |layer: &AffineLayer| {
        let weight = layer.weight.clone().try_into_primitive::<Flex>().expect("weights on the rows' device");
        let bias = layer.bias.clone().try_into_primitive::<Flex>().expect("biases on the rows' device");
        (contiguous(weight), contiguous(bias))
    };
    let parameters: Vec<_> = layers.iter().map(parameter).collect();
    let layers = parameters.iter().zip(&kinds).map(|((w, b), &kind)| Layer::new(elements(w), elements(b), kind));
    let layers: Vec<Layer> = layers.collect();
    let outputs = layers[layers.len() - 1].outputs();
    let out = kernel::sweep(elements(&x), n_rows, &layers, sweeps);
    let shape = [out.len() / outputs, outputs];
    Ok(Some(Tensor::from_primitive::<Flex>(tensor(out, shape))))
}
