//! Layer normalisation with the sum before it.

use super::launch::{contiguous, elements};
use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::{DType, Tensor, module};
use pellucid_shaders::norm as kernel;

/// `(y − mean) / √(variance + ε) · scale + bias` over the rows of `y = x + skip`: `x` and `skip` \[rows, width\], the others \[width\].
///
/// On one device. On the CPU, for f32, in one pass and in the memory of `x` if nothing else holds it; otherwise in burn's operations.
///
/// # Panics
/// If shapes or devices do not fit together, as in burn's own operations.
pub fn norm(
    x: Tensor<2>,
    skip: Option<Tensor<2>>,
    scale: &Tensor<1>,
    bias: Option<&Tensor<1>>,
    epsilon: f64,
) -> Tensor<2> {
    let factor = scale.clone().try_into_primitive::<Flex>();
    let (Ok(factor), DType::F32) = (factor, x.dtype()) else {
        let y = if let Some(skip) = skip { x.add(skip) } else { x };
        return module::layer_norm(y, scale.clone(), bias.cloned(), epsilon);
    };
    let flex = |x: Tensor<2>| contiguous(x.try_into_primitive::<Flex>().expect("all on the CPU"));
    let list = |x: &Tensor<1>| contiguous(x.clone().try_into_primitive::<Flex>().expect("all on the CPU"));
    let (mut x, skip, factor, bias) = (flex(x), skip.map(flex), contiguous(factor), bias.map(list));
    let (skip, bias) = (skip.as_ref().map(elements), bias.as_ref().map(elements));
    kernel::norm(own(&mut x), skip, elements(&factor), bias, epsilon as f32);
    Tensor::from_primitive::<Flex>(x)
}

/// `x · Φ(x)` of each number, the exact gelu: on the CPU in vectors (|error| ≤ 2.5 ε |x|), in the memory of `x` if nothing else holds it.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    match x.clone().try_into_primitive::<Flex>() {
        Ok(primitive) if primitive.dtype() == DType::F32 => {
            drop(x);
            let mut x = contiguous(primitive);
            pellucid_shaders::affine::activate(own(&mut x), pellucid_shaders::affine::Activation::Gelu);
            Tensor::from_primitive::<Flex>(x)
        }
        _ => burn::tensor::activation::gelu(x),
    }
}

/// The elements of a contiguous tensor, its own: copied if something else holds them.
fn own(tensor: &mut FlexTensor) -> &mut [f32] {
    let (from, to) = tensor.layout().contiguous_offsets().expect("made contiguous by the caller");
    &mut tensor.storage_mut()[from..to]
}
