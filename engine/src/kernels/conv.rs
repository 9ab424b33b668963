//! Convolutions on the CPU with what follows them element by element, and pools. On a GPU burn's own run.

use super::launch::{contiguous, elements, tensor};
use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;
use pellucid_shaders::conv::conv as kernel;
pub use pellucid_shaders::conv::{After, Shape, Weights};
pub use pellucid_shaders::pool::{Kind as PoolKind, Shape as PoolShape};

/// Packs a weight \[outputs, inputs / groups · window\] and a bias \[outputs\] of a convolution in so many groups, whose window has so
/// many elements; none if they are not on the CPU.
pub fn conv_weights(weight: &Tensor<2>, bias: &Tensor<1>, groups: usize, window: usize) -> Option<Weights> {
    let weight = contiguous(weight.clone().try_into_primitive::<Flex>().ok()?);
    let bias = contiguous(bias.clone().try_into_primitive::<Flex>().ok()?);
    Some(Weights::new(elements(&weight), elements(&bias), groups, window))
}

/// The convolution of `x` \[batch, inputs, height, width\], each element passed through `after` in turn; every [`After::Add`] takes
/// the next of `others`, which have the shape of the result. None if `x` is not on the CPU.
///
/// # Panics
/// If sizes do not fit each other.
pub fn conv(
    x: Tensor<4>,
    shape: &Shape,
    weights: &Weights,
    after: &[After],
    others: Vec<Tensor<4>>,
) -> Option<Tensor<4>> {
    let x = contiguous(x.try_into_primitive::<Flex>().ok()?);
    let others: Vec<FlexTensor> = others
        .into_iter()
        .map(|other| contiguous(other.try_into_primitive::<Flex>().expect("operands on one device")))
        .collect();
    let others: Vec<&[f32]> = others.iter().map(elements).collect();
    let [height, width] = shape.out().expect("a window that fits");
    let out = kernel(elements(&x), shape, weights, after, &others);
    Some(Tensor::from_primitive::<Flex>(tensor(out, [shape.batch, shape.outputs, height, width])))
}

/// The pool of `x`, whose first two axes are the planes; None if it is not on the CPU.
///
/// # Panics
/// If sizes do not fit each other.
pub fn pool(x: Tensor<4>, shape: &PoolShape, kind: PoolKind) -> Option<Tensor<4>> {
    let [batch, channels, ..] = x.dims();
    let x = contiguous(x.try_into_primitive::<Flex>().ok()?);
    let out = pellucid_shaders::pool::pool(elements(&x), shape, kind);
    Some(Tensor::from_primitive::<Flex>(tensor(out, [batch, channels, shape.out[0], shape.out[1]])))
}
