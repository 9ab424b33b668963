//! Attention on the CPU as one pass over each sequence and head.

use super::launch::tensor;
use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::{DType, Tensor};
use pellucid_shaders::attention::{self as kernel, View};

/// What attention does with its scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scores {
    /// What products of queries and keys are multiplied by.
    pub scale: f32,
    /// Whether weights that are NaN, those of a query that may see nothing, become 0.
    pub guarded: bool,
}

/// `softmax(scale · query · key + mask) · value` over the last axis of the scores: `query` \[batch, heads, queries, width\], `key`
/// \[batch, heads, width, keys\], `value` \[batch, heads, keys, value width\], `mask` of the shape of the scores \[batch, heads, queries,
/// keys\] or with axes of length 1 → \[batch, heads, queries, value width\], in memory \[batch, queries, heads, value width\], so that
/// joining the heads copies nothing. Operands may be views; the error bound is the kernel's.
///
/// None where there is no such kernel: on a GPU, for other numbers than f32, for shapes that do not fit so.
pub fn attention(
    query: &Tensor<4>,
    key: &Tensor<4>,
    value: &Tensor<4>,
    mask: Option<&Tensor<4>>,
    scores: Scores,
) -> Option<Tensor<4>> {
    let ([batch, heads, queries, width], [.., keys]) = (query.dims(), key.dims());
    let value_width = value.dims()[3];
    let shape = [batch, heads, queries, keys];
    let fits = key.dims() == [batch, heads, width, keys]
        && value.dims() == [batch, heads, keys, value_width]
        && mask.is_none_or(|mask| mask.dims().iter().zip(shape).all(|(&d, n)| d == n || d == 1));
    if !fits || keys == 0 || width == 0 {
        return None;
    }
    let [query, key, value] = [query, key, value].map(plain);
    let (query, key, value) = (query?, key?, value?);
    let mask = match mask {
        Some(mask) => Some(plain(mask)?),
        None => None,
    };
    let out = kernel::attention(&kernel::Attention {
        query: view(&query),
        key: view(&key),
        value: view(&value),
        mask: mask.as_ref().map(view),
        sequences: batch,
        heads,
        queries,
        keys,
        width,
        value_width,
        scale: scores.scale,
        guarded: scores.guarded,
    });
    let out: Tensor<4> = Tensor::from_primitive::<Flex>(tensor(out, [batch, queries, heads, value_width]));
    Some(out.swap_dims(1, 2))
}

/// The CPU's f32 tensor, none of its axes backwards.
fn plain(tensor: &Tensor<4>) -> Option<FlexTensor> {
    let tensor = tensor.clone().try_into_primitive::<Flex>().ok().filter(|tensor| tensor.dtype() == DType::F32)?;
    let backwards = tensor.layout().strides().iter().any(|&step| step < 0);
    Some(if backwards { tensor.to_contiguous() } else { tensor })
}

/// The elements from the first on, with steps of 0 along axes of length 1, which are for all.
fn view(tensor: &FlexTensor) -> View<'_> {
    let layout = tensor.layout();
    let axes = layout.strides().iter().zip(layout.shape().iter());
    let mut steps = [0; 4];
    steps.iter_mut().zip(axes).for_each(|(to, (&step, &length))| *to = if length == 1 { 0 } else { step as usize });
    View { values: &tensor.storage()[layout.start_offset()..], steps }
}
