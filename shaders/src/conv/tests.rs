use super::*;
use crate::affine::Activation;
use crate::affine::lanes;
use planes::Planes;
use tile::Block;

/// Deterministic numbers: values in \[−1, 1\] and sizes.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        self.0 >> 33
    }

    fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| (self.next() >> 7) as f32 / (1u64 << 23) as f32 - 1.0).collect()
    }

    fn one_of<const N: usize>(&mut self, sizes: [usize; N]) -> usize {
        sizes[self.next() as usize % N]
    }
}

/// A convolution with everything it needs.
struct Case {
    shape: Shape,
    x: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Case {
    fn new(shape: Shape, draw: &mut Draw) -> Self {
        let x = draw.values(shape.batch * shape.inputs * shape.size[0] * shape.size[1]);
        let weight = draw.values(shape.outputs * (shape.inputs / shape.groups) * shape.taps());
        Self { shape, x, weight, bias: draw.values(shape.outputs) }
    }

    /// A shape of any kind: one or two axes, groups, one channel a group.
    fn random(draw: &mut Draw) -> Self {
        let groups = draw.one_of([1, 1, 2, 3]);
        let (inputs, outputs) = (groups * draw.one_of([1, 1, 2, 5, 9]), groups * draw.one_of([1, 2, 3, 7, 8, 13, 22]));
        let flat = draw.next().is_multiple_of(4);
        let mut along = |n: usize| {
            if flat && n == 0 {
                [1, 1, 1, 1, 0, 0]
            } else {
                let window = draw.one_of([1, 1, 2, 3, 5, 7]);
                let dilation = draw.one_of([1, 1, 2, 3]);
                let reach = (window - 1) * dilation + 1;
                let pads = [draw.one_of([0, 0, 1, 2, reach]), draw.one_of([0, 1, 2, 4])];
                let size = draw.one_of([1, 4, 7, 14, 23, 50]).max(reach.saturating_sub(pads[0] + pads[1])).max(1);
                [size, window, draw.one_of([1, 1, 2, 2, 3]), dilation, pads[0], pads[1]]
            }
        };
        let [y, x] = [along(0), along(1)];
        let shape = Shape {
            batch: draw.one_of([1, 2, 3]),
            inputs,
            outputs,
            groups,
            size: [y[0], x[0]],
            kernel: [y[1], x[1]],
            strides: [y[2], x[2]],
            dilations: [y[3], x[3]],
            pads: [(y[4], y[5]), (x[4], x[5])],
        };
        Self::new(shape, draw)
    }

    fn weights(&self) -> Weights {
        Weights::new(&self.weight, &self.bias, self.shape.groups, self.shape.taps())
    }

    /// Sum of the terms of one element of the result, and of their sizes, in f64.
    fn element(&self, at: usize) -> (f64, f64) {
        let (shape, [height, width]) = (&self.shape, self.shape.out().unwrap());
        let (x, y, channel) = (at % width, at / width % height, at / (width * height) % shape.outputs);
        let sample = at / (width * height * shape.outputs);
        let [channels, each] = [shape.inputs / shape.groups, shape.outputs / shape.groups];
        let bias = f64::from(self.bias[channel]);
        let (mut sum, mut size) = (bias, bias.abs());
        for k in 0..channels * shape.taps() {
            let (input, ky, kx) = (k / shape.taps(), k / shape.kernel[1] % shape.kernel[0], k % shape.kernel[1]);
            let row = (y * shape.strides[0] + ky * shape.dilations[0]).wrapping_sub(shape.pads[0].0);
            let column = (x * shape.strides[1] + kx * shape.dilations[1]).wrapping_sub(shape.pads[1].0);
            if row < shape.size[0] && column < shape.size[1] {
                let plane = sample * shape.inputs + channel / each * channels + input;
                let value = self.x[(plane * shape.size[0] + row) * shape.size[1] + column];
                let term = f64::from(value) * f64::from(self.weight[channel * channels * shape.taps() + k]);
                (sum, size) = (sum + term, size + term.abs());
            }
        }
        (sum, size)
    }

    /// Compares a result with f64 sums. Bound: a product and an addition for each term and one for the bias, γ ≤ (terms + 2)·ε of
    /// the sum of the terms' sizes.
    fn check(&self, got: &[f32], what: &str) {
        for (at, &value) in got.iter().enumerate() {
            let (sum, size) = self.element(at);
            let terms = self.weight.len() / self.shape.outputs + 2;
            let (error, bound) = ((f64::from(value) - sum).abs(), terms as f64 * f64::from(f32::EPSILON) * size);
            assert!(error <= bound, "{what} {:?} at {at}: {value} not {sum}, error {error} > {bound}", self.shape);
        }
    }
}

type Kernel = (&'static str, fn(Block), fn(Planes));

/// The registers this CPU has.
fn kernels() -> Vec<Kernel> {
    fn portable(task: impl lanes::Task) {
        unsafe { task.run::<lanes::Portable>() }
    }
    let mut kernels: Vec<Kernel> = vec![("portable", |t| portable(t), |t| portable(t))];
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            kernels.push(("avx2", |t| unsafe { lanes::avx2(t) }, |t| unsafe { lanes::avx2(t) }));
        }
        if is_x86_feature_detected!("avx512f") {
            kernels.push(("avx512", |t| unsafe { lanes::avx512(t) }, |t| unsafe { lanes::avx512(t) }));
        }
    }
    kernels
}

#[test]
fn every_kernel_agrees_with_f64_at_random_shapes() {
    let draw = &mut Draw(11);
    for _ in 0..600 {
        let case = Case::random(draw);
        let (weights, out) = (case.weights(), case.shape.out().unwrap());
        for (name, block, planes) in kernels() {
            let mut got = vec![f32::NAN; case.shape.batch * case.shape.outputs * out[0] * out[1]];
            let target = Target(got.as_mut_ptr());
            let job = &Job { x: &case.x, shape: case.shape, out, weights: &weights, after: &[], others: &[] };
            if weights.by_plane() {
                planes(Planes {
                    job,
                    target,
                    range: 0..case.shape.batch * case.shape.outputs,
                    scratch: &mut Default::default(),
                });
            } else {
                let pixels = case.shape.batch * out[0] * out[1];
                (0..case.shape.groups).for_each(|group| {
                    block(Block { job, target, group, range: 0..pixels, scratch: &mut Default::default() })
                });
            }
            case.check(&got, name);
        }
    }
}

#[test]
fn bits_depend_neither_on_the_batch_nor_on_the_threads() {
    let draw = &mut Draw(5);
    let square = |inputs, outputs, groups, size, window, stride| Shape {
        batch: 3,
        inputs,
        outputs,
        groups,
        size: [size; 2],
        kernel: [window; 2],
        strides: [stride; 2],
        dilations: [1; 2],
        pads: [(window / 2, window / 2); 2],
    };
    for shape in [square(24, 44, 1, 29, 3, 1), square(3, 16, 1, 61, 7, 2), square(70, 70, 70, 37, 5, 1)] {
        let case = Case::new(shape, draw);
        let (weights, each) = (case.weights(), case.x.len() / 3);
        let whole = conv(&case.x, &shape, &weights, &[], &[]);
        case.check(&whole, "whole");
        let one = Shape { batch: 1, ..shape };
        let apart: Vec<f32> = case.x.chunks(each).flat_map(|x| conv(x, &one, &weights, &[], &[])).collect();
        assert_eq!(whole, apart);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(whole, pool.install(|| conv(&case.x, &shape, &weights, &[], &[])));
    }
}

/// What follows is applied to each element in turn: each step within two roundings of its formula in f64.
#[test]
fn what_follows_is_applied_in_order() {
    let draw = &mut Draw(3);
    let relu = After::Activation(Activation::Relu);
    let gate = After::Gate { alpha: 1.0 / 6.0, beta: 0.5, top: 1.0 };
    for _ in 0..100 {
        let case = Case::random(draw);
        let (weights, shape) = (case.weights(), &case.shape);
        let plain = conv(&case.x, shape, &weights, &[], &[]);
        let (other, more) = (draw.values(plain.len()), draw.values(plain.len()));
        let (scale, shift) = (draw.values(shape.outputs), draw.values(1));
        let channel = |at: usize| at / (plain.len() / shape.batch / shape.outputs) % shape.outputs;
        let check = |after: &[After], others: &[&[f32]], formula: &dyn Fn(usize, f64) -> f64| {
            let got = conv(&case.x, shape, &weights, after, others);
            for (at, (&got, &x)) in got.iter().zip(&plain).enumerate() {
                let expected = formula(at, f64::from(x));
                let bound = 16.0 * f64::from(f32::EPSILON) * (1.0 + f64::from(x.abs()));
                assert!((f64::from(got) - expected).abs() <= bound, "{after:?} of {x} at {at}: {got} not {expected}");
            }
        };
        check(std::slice::from_ref(&relu), &[], &|_, x| x.max(0.0));
        check(std::slice::from_ref(&gate), &[], &|_, x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0));
        check(&[After::Swish { alpha: 1.5 }], &[], &|_, x| x / (1.0 + (-1.5 * x).exp()));
        check(&[After::Clip { low: -0.5, high: 0.25 }], &[], &|_, x| x.clamp(-0.5, 0.25));
        check(&[After::Activation(Activation::Tanh)], &[], &|_, x| x.tanh());
        let scaled = After::Scale { scale: scale.clone(), shift: shift.clone() };
        let moved = |at: usize, x: f64| x * f64::from(scale[channel(at)]) + f64::from(shift[0]);
        check(std::slice::from_ref(&scaled), &[], &moved);
        let added = |at: usize, x: f64| (x + f64::from(other[at])).max(0.0) + f64::from(more[at]);
        check(&[After::Add, relu.clone(), After::Add], &[&other, &more], &added);
        check(&[relu.clone(), scaled], &[], &|at, x| moved(at, x.max(0.0)));
    }
}

#[test]
fn nan_and_infinity_pass() {
    let shape = Shape {
        batch: 1,
        inputs: 1,
        outputs: 8,
        groups: 1,
        size: [1, 4],
        kernel: [1, 1],
        strides: [1; 2],
        dilations: [1; 2],
        pads: [(0, 0); 2],
    };
    let x = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0];
    let relu = [After::Activation(Activation::Relu)];
    let clip = [After::Clip { low: 0.0, high: f32::INFINITY }];
    for (channels, after) in [(8, &relu), (8, &clip), (1, &relu), (1, &clip)] {
        let weights = Weights::new(&vec![1.0; channels], &vec![0.0; channels], 1, 1);
        let got = conv(&x, &Shape { outputs: channels, ..shape }, &weights, after, &[]);
        for row in got.chunks(4) {
            assert!(row[0].is_nan() && row[1..] == [f32::INFINITY, 0.0, 0.0], "{row:?}");
        }
    }
}

#[test]
fn a_window_larger_than_the_operand_has_no_result() {
    let draw = &mut Draw(1);
    let mut shape = Case::random(draw).shape;
    (shape.size, shape.kernel, shape.dilations, shape.pads) = ([3, 3], [3, 2], [2, 1], [(0, 1), (0, 0)]);
    assert_eq!(shape.out(), None);
    shape.pads[0] = (1, 1);
    assert!(shape.out().is_some());
}
