//! What the benches share: the reference network and its forward by different roads.
//!
//! The network is 30-256-256-1 with ReLU between the layers, f32, seeded random weights: 146,944 flops a row.

pub mod clock;
pub mod games;

use burn::tensor::{Device, Distribution, Tensor, activation::relu};
use pellucid::kernels::{Activation, AffineLayer, Tile, affine_chain, affine_tiled};
use rayon::prelude::*;

/// Widths of the reference network.
pub const WIDTHS: [usize; 4] = [30, 256, 256, 1];

/// Multiplications and additions of one row, each counted.
pub fn flops_a_row() -> f64 {
    WIDTHS.windows(2).map(|w| 2.0 * (w[0] * w[1]) as f64).sum()
}

/// The reference network on a device.
pub fn network(device: &Device) -> Vec<AffineLayer> {
    device.seed(1);
    let layers = WIDTHS.windows(2).zip([Activation::Relu, Activation::Relu, Activation::None]);
    let layer = |(w, activation): (&[usize], Activation)| AffineLayer {
        weight: Tensor::random([w[0], w[1]], Distribution::Normal(0.0, (2.0 / w[0] as f64).sqrt()), device),
        bias: Tensor::random([w[1]], Distribution::Normal(0.0, 0.1), device),
        activation,
    };
    layers.map(layer).collect()
}

/// `rows` random rows as tiles of at most `tile` rows.
pub fn tiles(rows: usize, tile: usize, device: &Device) -> Vec<Tensor<2>> {
    let starts = (0..rows).step_by(tile);
    let shape = |start| [tile.min(rows - start), WIDTHS[0]];
    starts.map(|start| Tensor::random(shape(start), Distribution::Normal(0.0, 1.0), device)).collect()
}

/// A way to compute the forward of one tile.
#[derive(Clone, Copy, Debug)]
pub enum Road {
    /// burn's own product, addition and activation.
    Burn,
    /// `affine`, layer by layer, with this tile on a GPU.
    Affine(Tile),
    /// `affine_chain`.
    Chain,
}

impl Road {
    pub fn forward(self, x: Tensor<2>, layers: &[AffineLayer]) -> Tensor<2> {
        match self {
            Road::Burn => layers.iter().fold(x, |x, layer| {
                let y = x.matmul(layer.weight.clone()) + layer.bias.clone().unsqueeze();
                if layer.activation == Activation::Relu { relu(y) } else { y }
            }),
            Road::Affine(tile) => layers.iter().fold(x, |x, l| affine_tiled(x, &l.weight, &l.bias, l.activation, tile)),
            Road::Chain => affine_chain(x, layers),
        }
    }

    /// All tiles: side by side on the cores of a CPU, one after the other on a GPU. Returns when the device is done: the
    /// sum of one output of each tile is read back.
    pub fn run(self, tiles: &[Tensor<2>], layers: &[AffineLayer], is_cpu: bool) -> f32 {
        let first = |x: &Tensor<2>| self.forward(x.clone(), layers).slice([0..1, 0..1]).sum();
        if is_cpu {
            return tiles.par_iter().map(|x| first(x).into_scalar::<f32>()).sum();
        }
        let sum = tiles.iter().map(first).reduce(|a, b| a + b);
        sum.map_or(0.0, |sum| sum.into_scalar::<f32>())
    }
}
