//! Affine layers: both devices against f64 sums, at sizes around the tiles' edges.

use burn::tensor::{Tensor, TensorData};
use pellucid::kernels::{Activation, AffineLayer, Tile, affine, affine_chain, affine_tiled};
use pellucid_tests::devices;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Values in \[−1, 1\).
fn values(count: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// The normal distribution function, by its series around 0, whose terms have one sign.
fn normal(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for k in 1..400 {
        term *= x * x / (2 * k + 1) as f64;
        sum += term;
    }
    let density = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if x.abs() > 9.0 { f64::from(x > 0.0) } else { (0.5 + density * sum).clamp(0.0, 1.0) }
}

/// One layer's operands on the host.
struct Case {
    rows: usize,
    inputs: usize,
    outputs: usize,
    x: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Case {
    fn new([rows, inputs, outputs]: [usize; 3]) -> Self {
        let (x, weight, bias) = (values(rows * inputs, 1), values(inputs * outputs, 2), values(outputs, 3));
        Self { rows, inputs, outputs, x, weight, bias }
    }

    fn run(&self, device: &burn::tensor::Device, activation: Activation, tile: Tile) -> Vec<f32> {
        let x = Tensor::from_data(TensorData::new(self.x.clone(), [self.rows, self.inputs]), device);
        let weight = Tensor::from_data(TensorData::new(self.weight.clone(), [self.inputs, self.outputs]), device);
        let bias = Tensor::from_data(TensorData::new(self.bias.clone(), [self.outputs]), device);
        affine_tiled(x, &weight, &bias, activation, tile).into_data().try_to_vec().unwrap()
    }

    /// The sum of the terms of an output and the sum of their sizes, in f64.
    fn exact(&self, row: usize, column: usize) -> (f64, f64) {
        let bias = self.bias[column] as f64;
        (0..self.inputs).fold((bias, bias.abs()), |(sum, size), k| {
            let term = self.x[row * self.inputs + k] as f64 * self.weight[k * self.outputs + column] as f64;
            (sum + term, size + term.abs())
        })
    }

    /// Each output of a layer with `activation` lies within its bound: the error of the sum, at most (inputs + 2)·ε·Σ|terms|
    /// for any order of summation, which no activation here enlarges (slopes ≤ 1, the gelu's ≤ 1.13), and 16 ε of the result for the
    /// activation itself (what Vulkan grants exp for arguments below 4, and a division); for the gelu 16 ε of its argument.
    fn check(&self, out: &[f32], activation: Activation, what: &str) {
        assert_eq!(out.len(), self.rows * self.outputs);
        let apply = |v: f64| match activation {
            Activation::None => v,
            Activation::Relu => v.max(0.0),
            Activation::Sigmoid => 1.0 / (1.0 + (-v).exp()),
            Activation::Tanh => v.tanh(),
            Activation::Gelu => v * normal(v),
        };
        let epsilon = f32::EPSILON as f64;
        for (i, &value) in out.iter().enumerate() {
            let (row, column) = (i / self.outputs, i % self.outputs);
            let (sum, size) = self.exact(row, column);
            let expected = apply(sum);
            let (slope, own) = match activation {
                Activation::None | Activation::Relu => (1.0, 0.0),
                Activation::Sigmoid | Activation::Tanh => (1.0, 16.0 * expected.abs()),
                Activation::Gelu => (1.13, 16.0 * sum.abs()),
            };
            let bound = slope * (self.inputs + 2) as f64 * epsilon * size + own * epsilon;
            let error = (value as f64 - expected).abs();
            let shape = [self.rows, self.inputs, self.outputs];
            assert!(
                error <= bound,
                "{what} {shape:?} {activation:?} at {row},{column}: {value}, not {expected} ± {bound:e}"
            );
        }
    }
}

#[test]
fn layers_agree_with_f64_around_the_tiles_edges() {
    let shapes = [
        [1, 1, 1],
        [1, 30, 256],
        [7, 33, 5],
        [8, 256, 1],
        [9, 31, 4],
        [65, 257, 3],
        [127, 15, 127],
        [128, 16, 128],
        [129, 17, 129],
        [300, 64, 130],
    ];
    for device in devices() {
        for shape in shapes {
            let case = Case::new(shape);
            for activation in
                [Activation::None, Activation::Relu, Activation::Sigmoid, Activation::Tanh, Activation::Gelu]
            {
                case.check(&case.run(device.burn(), activation, Tile::DEFAULT), activation, device.name());
            }
        }
    }
}

#[test]
fn other_tiles_give_the_same_sums() {
    let case = Case::new([150, 50, 140]);
    for device in devices() {
        for tile in [Tile { rows: 64, columns: 64, depth: 8 }, Tile { rows: 64, columns: 128, depth: 32 }] {
            case.check(&case.run(device.burn(), Activation::Relu, tile), Activation::Relu, device.name());
        }
    }
}

#[test]
fn a_dispatch_longer_than_one_dimension() {
    // 8 rows a workgroup, 65,535 workgroups along x: the rest goes over y.
    let case = Case::new([8 * 65_535 + 9, 2, 1]);
    for device in devices() {
        case.check(&case.run(device.burn(), Activation::None, Tile::DEFAULT), Activation::None, device.name());
    }
}

#[test]
fn nan_and_infinity_pass_on_every_device() {
    for device in devices() {
        for outputs in [1, 3, 20] {
            let device = device.burn();
            let x = Tensor::from_data([[f32::NAN, 1.0], [f32::INFINITY, 1.0], [f32::NEG_INFINITY, -1.0]], device);
            let weight = Tensor::ones([2, outputs], device);
            let out = affine(x, &weight, &Tensor::zeros([outputs], device), Activation::Relu);
            let out: Vec<f32> = out.into_data().try_to_vec().unwrap();
            assert!(out[..outputs].iter().all(|v| v.is_nan()), "{out:?}");
            assert!(out[outputs..2 * outputs].iter().all(|&v| v == f32::INFINITY), "{out:?}");
            assert!(out[2 * outputs..].iter().all(|&v| v == 0.0), "{out:?}");
        }
    }
}

#[test]
fn a_chain_is_its_layers_in_turn_and_takes_views() {
    for device in devices() {
        let device = device.burn();
        let tensor = |shape: [usize; 2], seed| {
            Tensor::<2>::from_data(TensorData::new(values(shape[0] * shape[1], seed), shape), device)
        };
        let layer = |inputs, outputs, activation| AffineLayer {
            weight: tensor([outputs, inputs], 4).transpose(),
            bias: tensor([1, outputs], 5).reshape([outputs]),
            activation,
        };
        let layers =
            [layer(20, 40, Activation::Tanh), layer(40, 7, Activation::Relu), layer(7, 2, Activation::Sigmoid)];
        let x = tensor([23, 150], 6).transpose().slice([3..140, 1..21]);
        let chain = affine_chain(x.clone(), &layers);
        let in_turn = layers.iter().fold(x, |x, l| affine(x, &l.weight, &l.bias, l.activation));
        assert_eq!(chain.dims(), [137, 2]);
        assert_eq!(chain.into_data(), in_turn.into_data());
    }
}
