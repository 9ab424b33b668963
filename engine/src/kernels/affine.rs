//! Affine layers with their activation: the forward of a dense network.
//!
//! On the CPU a chain of layers is one pass: a block of rows goes through all of them before the next block starts. On a GPU
//! it is one dispatch a layer.

use super::launch::{contiguous, elements, empty, launch, tensor};
use burn::backend::flex::FlexTensor;
use burn::backend::wgpu::CubeBackend;
use burn::backend::{Backend, Dispatch, Flex, backend_extension, tensor::FloatTensor};
use burn::tensor::Tensor;
pub use pellucid_shaders::affine::{Activation, Tile};
use pellucid_shaders::{
    Kernel,
    affine::{self as kernel, DOTS, DOTS_OUTPUTS, DOTS_ROWS, Layer, Params},
};

#[backend_extension(Cube, Flex)]
pub trait Affine: Backend {
    fn affine(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
        tile: Tile,
    ) -> FloatTensor<Self>;
}

/// One layer of a chain: `weight` \[inputs, outputs\], `bias` \[outputs\], on the device of the input and row-major
/// (a transposed view is copied at each call).
#[derive(Clone, Debug)]
pub struct AffineLayer {
    pub weight: Tensor<2>,
    pub bias: Tensor<1>,
    pub activation: Activation,
}

/// `activation(x · weight + bias)`: `x` \[rows, inputs\], `weight` \[inputs, outputs\], `bias` \[outputs\] → \[rows, outputs\].
///
/// All f32, on one device. Sums run over the inputs in f32; |error| ≤ (inputs + 2)·ε·Σ|terms| before the activation, whose
/// own relative error is a few ε. ReLU of NaN is NaN.
///
/// # Panics
/// If shapes or devices do not fit together, as burn's own products do.
pub fn affine(x: Tensor<2>, weight: &Tensor<2>, bias: &Tensor<1>, activation: Activation) -> Tensor<2> {
    affine_tiled(x, weight, bias, activation, Tile::DEFAULT)
}

/// [`affine`] with a choice of the GPU's tile, for tuning. Layers of few outputs have no tile.
pub fn affine_tiled(
    x: Tensor<2>,
    weight: &Tensor<2>,
    bias: &Tensor<1>,
    activation: Activation,
    tile: Tile,
) -> Tensor<2> {
    let ([_, inputs], [rows, outputs], [biases]) = (x.dims(), weight.dims(), bias.dims());
    assert!(
        inputs == rows && outputs == biases,
        "affine: x [_, {inputs}], weight [{rows}, {outputs}], bias [{biases}]"
    );
    let (weight, bias) = (weight.clone().into_dispatch(), bias.clone().into_dispatch());
    Tensor::from_dispatch(Dispatch::affine(x.into_dispatch(), weight, bias, activation, tile))
}

/// `x` \[rows, inputs of the first layer\] through all layers in turn: \[rows, outputs of the last\]; see [`affine`].
pub fn affine_chain(x: Tensor<2>, layers: &[AffineLayer]) -> Tensor<2> {
    match x.clone().try_into_primitive::<Flex>() {
        Ok(input) if !layers.is_empty() => {
            let primitive = |layer: &AffineLayer| {
                let weight = layer.weight.clone().try_into_primitive::<Flex>().expect("weights on the input's device");
                let bias = layer.bias.clone().try_into_primitive::<Flex>().expect("biases on the input's device");
                (weight, bias, layer.activation)
            };
            Tensor::from_primitive::<Flex>(through(input, layers.iter().map(primitive).collect()))
        }
        _ => layers.iter().fold(x, |x, layer| affine(x, &layer.weight, &layer.bias, layer.activation)),
    }
}

/// The CPU's chain.
fn through(x: FlexTensor, layers: Vec<(FlexTensor, FlexTensor, Activation)>) -> FlexTensor {
    let x = contiguous(x);
    let layers: Vec<_> = layers.into_iter().map(|(w, b, kind)| (contiguous(w), contiguous(b), kind)).collect();
    let layers: Vec<_> = layers.iter().map(|(w, b, kind)| Layer::new(elements(w), elements(b), *kind)).collect();
    let rows = x.layout().shape()[0];
    let out = kernel::affine(elements(&x), rows, &layers);
    tensor(out, [rows, layers[layers.len() - 1].outputs()])
}

impl Affine for Flex {
    fn affine(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
        _: Tile,
    ) -> FloatTensor<Self> {
        through(x, vec![(weight, bias, activation)])
    }
}

impl Affine for CubeBackend {
    fn affine(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
        tile: Tile,
    ) -> FloatTensor<Self> {
        let [rows, inputs, outputs] = [x.meta.shape()[0], x.meta.shape()[1], weight.meta.shape()[1]];
        let params =
            Params { rows: rows as u32, inputs: inputs as u32, outputs: outputs as u32, activation: activation.code() };
        let out = empty(&x, [rows, outputs]);
        let (kernel, groups): (&'static Kernel, usize) = if outputs <= DOTS_OUTPUTS {
            (&DOTS, rows.div_ceil(DOTS_ROWS))
        } else {
            (tile.kernel(), rows.div_ceil(tile.rows as usize) * outputs.div_ceil(tile.columns as usize))
        };
        launch(kernel, &params, groups, [x, weight, bias], &[&out]);
        out
    }
}
