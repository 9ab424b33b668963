//! Convolutions of random shapes, and what follows them in the same step, against loops in f64.

use pellucid::Device;
use pellucid::model::onnx::{Network, Value};
use pellucid_tests::compare::noise;
use pellucid_tests::devices;
use pellucid_tests::onnx_file::{OnnxFile, Setting};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One axis: sizes of the operand, the window and the result, and zeros before.
#[derive(Clone, Copy, Debug)]
struct Axis {
    size: usize,
    window: usize,
    stride: usize,
    dilation: usize,
    before: usize,
    after: usize,
    out: usize,
}

#[derive(Debug)]
struct Case {
    batch: usize,
    groups: usize,
    /// Channels of a group.
    inputs: usize,
    outputs: usize,
    axes: Vec<Axis>,
    auto: &'static str,
    follows: Vec<Follow>,
}

/// What may follow, as nodes of a file write it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Follow {
    Relu,
    Clip,
    HardSwish,
    /// x · clip(x + 3, 0, 6) / 6
    WrittenOut,
    /// x · sigmoid(x)
    Silu,
    HardSigmoid,
    Tanh,
    BatchNorm,
    /// Times a number a channel.
    Scale,
    /// Another input added.
    Add,
}

const FOLLOWS: [Follow; 10] = [
    Follow::Relu,
    Follow::Clip,
    Follow::HardSwish,
    Follow::WrittenOut,
    Follow::Silu,
    Follow::HardSigmoid,
    Follow::Tanh,
    Follow::BatchNorm,
    Follow::Scale,
    Follow::Add,
];

fn one_of<T: Copy>(rng: &mut impl Rng, list: &[T]) -> T {
    list[rng.random_range(0..list.len())]
}

impl Case {
    fn random(seed: u64) -> Self {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let auto = one_of(rng, &["NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]);
        let n_axes = one_of(rng, &[1, 2, 2]);
        let axes = (0..n_axes).map(|_| axis(rng, auto)).collect();
        let mut follows: Vec<Follow> = (0..rng.random_range(0..4)).map(|_| one_of(rng, &FOLLOWS)).collect();
        follows.dedup();
        let groups = one_of(rng, &[1, 1, 2, 5]);
        let (inputs, outputs) = (one_of(rng, &[1, 1, 3, 10]), one_of(rng, &[1, 2, 9, 24]));
        Self { batch: one_of(rng, &[1, 2, 3]), groups, inputs, outputs, axes, auto, follows }
    }

    fn channels(&self) -> usize {
        self.groups * self.outputs
    }

    fn out(&self) -> usize {
        self.axes.iter().map(|a| a.out).product()
    }
}

/// Padding by the standard's formulas: `SAME` gives ceil(size / stride), the odd zero at the end (upper) or start.
fn axis(rng: &mut impl Rng, auto: &str) -> Axis {
    let (window, stride, dilation) = (one_of(rng, &[1, 2, 3, 5]), one_of(rng, &[1, 1, 2, 3]), one_of(rng, &[1, 1, 2]));
    let reach = (window - 1) * dilation + 1;
    let size: usize = reach + one_of(rng, &[0, 1, 6, 17, 40]);
    let same = (size.div_ceil(stride) - 1) * stride + reach;
    let total = same.saturating_sub(size);
    let (before, after) = match auto {
        "NOTSET" => (one_of(rng, &[0, 1, 2]), one_of(rng, &[0, 1, 3])),
        "SAME_UPPER" => (total / 2, total - total / 2),
        "SAME_LOWER" => (total - total / 2, total / 2),
        _ => (0, 0),
    };
    Axis { size, window, stride, dilation, before, after, out: (size + before + after - reach) / stride + 1 }
}

/// The numbers of a case.
struct Numbers {
    x: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    /// One list a step that takes any.
    lists: Vec<Vec<f32>>,
}

impl Numbers {
    fn new(case: &Case, seed: u64) -> Self {
        let size: usize = case.axes.iter().map(|a| a.size).product();
        let window: usize = case.axes.iter().map(|a| a.window).product();
        let mut at = seed;
        let mut draw = |n: usize| {
            at += 1000;
            noise(at, n, -1.0, 1.0)
        };
        let list = |follow: &Follow| match follow {
            Follow::BatchNorm => 4 * case.channels(),
            Follow::Add => case.batch * case.channels() * case.out(),
            _ => case.channels(),
        };
        Self {
            x: draw(case.batch * case.groups * case.inputs * size),
            weight: draw(case.channels() * case.inputs * window),
            bias: draw(case.channels()),
            lists: case.follows.iter().map(|follow| draw(list(follow))).collect(),
        }
    }
}

/// Writes the file; the names of the inputs are `x` and those of what is added.
fn file(case: &Case, numbers: &Numbers) -> (Vec<u8>, Vec<String>) {
    let mut file = OnnxFile::default();
    let list = |of: fn(&Axis) -> usize| case.axes.iter().map(of).collect::<Vec<_>>();
    let (strides, dilations) = (list(|a| a.stride), list(|a| a.dilation));
    let pads = [list(|a| a.before), list(|a| a.after)].concat();
    let mut dims = vec![case.channels(), case.inputs];
    dims.extend(list(|a| a.window));
    file.constant("w", &numbers.weight, &dims);
    file.constant("b", &numbers.bias, &[case.channels()]);
    let mut settings = vec![
        ("strides", Setting::Ints(&strides)),
        ("dilations", Setting::Ints(&dilations)),
        ("group", Setting::Int(case.groups as i64)),
        ("auto_pad", Setting::Text(case.auto)),
    ];
    if case.auto == "NOTSET" {
        settings.push(("pads", Setting::Ints(&pads)));
    }
    file.node("Conv", &["x", "w", "b"], "y0", &settings);
    let (mut from, mut inputs) = ("y0".to_string(), vec!["x".to_string()]);
    let mut by_channel = vec![case.channels()];
    by_channel.resize(1 + case.axes.len(), 1);
    for (i, (follow, numbers)) in case.follows.iter().zip(&numbers.lists).enumerate() {
        let (to, c) = (format!("y{}", i + 1), |k: usize| format!("c{i}_{k}"));
        let number = |file: &mut OnnxFile, k: usize, value: f32| file.constant(&c(k), &[value], &[]);
        match follow {
            Follow::Relu => file.node("Relu", &[&from], &to, &[]),
            Follow::HardSwish => file.node("HardSwish", &[&from], &to, &[]),
            Follow::Tanh => file.node("Tanh", &[&from], &to, &[]),
            Follow::HardSigmoid => file.node("HardSigmoid", &[&from], &to, &[("alpha", Setting::Float(0.3))]),
            Follow::Clip => {
                [-0.75, 0.5].iter().enumerate().for_each(|(k, &v)| number(&mut file, k, v));
                file.node("Clip", &[&from, &c(0), &c(1)], &to, &[]);
            }
            Follow::WrittenOut => {
                [3.0, 0.0, 6.0].iter().enumerate().for_each(|(k, &v)| number(&mut file, k, v));
                file.node("Add", &[&from, &c(0)], &c(3), &[]);
                file.node("Clip", &[&c(3), &c(1), &c(2)], &c(4), &[]);
                file.node("Mul", &[&from, &c(4)], &c(5), &[]);
                file.node("Div", &[&c(5), &c(2)], &to, &[]);
            }
            Follow::Silu => {
                file.node("Sigmoid", &[&from], &c(0), &[]);
                file.node("Mul", &[&c(0), &from], &to, &[]);
            }
            Follow::BatchNorm => {
                let n = case.channels();
                (0..3).for_each(|k| file.constant(&c(k), &numbers[k * n..][..n], &[n]));
                let variance: Vec<f32> = numbers[3 * n..].iter().map(|v| v.abs() + 0.5).collect();
                file.constant(&c(3), &variance, &[n]);
                file.node("BatchNormalization", &[&from, &c(0), &c(1), &c(2), &c(3)], &to, &[]);
            }
            Follow::Scale => {
                file.constant(&c(0), numbers, &by_channel);
                file.node("Mul", &[&c(0), &from], &to, &[]);
            }
            Follow::Add => {
                file.node("Add", &[&c(0), &from], &to, &[]);
                inputs.push(c(0));
            }
        }
        from = to;
    }
    let names: Vec<&str> = inputs.iter().map(String::as_str).collect();
    (file.finish(&names, &[&from]), inputs)
}

/// An element of the result, and how far f32 may be from it: (terms + 2)·ε·Σ|terms| of the sum, carried through what follows by
/// its slope and with eight roundings a step (exponentials of a GPU among them).
fn element(case: &Case, numbers: &Numbers, at: usize) -> (f64, f64) {
    let (plane, channel) = (case.out(), at / case.out() % case.channels());
    let (sample, group) = (at / plane / case.channels(), channel / case.outputs);
    let window: usize = case.axes.iter().map(|a| a.window).product();
    let size: usize = case.axes.iter().map(|a| a.size).product();
    let bias = f64::from(numbers.bias[channel]);
    let (mut sum, mut terms) = (bias, bias.abs());
    for k in 0..case.inputs * window {
        let (mut tap, mut pixel, mut place, mut step) = (k % window, at % plane, 0, 1);
        let mut inside = true;
        for axis in case.axes.iter().rev() {
            let from = (pixel % axis.out * axis.stride + tap % axis.window * axis.dilation).wrapping_sub(axis.before);
            inside &= from < axis.size;
            place += from.min(axis.size - 1) * step;
            (tap, pixel, step) = (tap / axis.window, pixel / axis.out, step * axis.size);
        }
        let input = (sample * case.groups + group) * case.inputs + k / window;
        if inside {
            let weight = f64::from(numbers.weight[channel * case.inputs * window + k]);
            let term = f64::from(numbers.x[input * size + place]) * weight;
            (sum, terms) = (sum + term, terms + term.abs());
        }
    }
    let epsilon = f64::from(f32::EPSILON);
    let (mut y, mut error) = (sum, (case.inputs * window + 2) as f64 * epsilon * terms);
    for (follow, list) in case.follows.iter().zip(&numbers.lists) {
        let number = |i: usize| f64::from(list[i]);
        let (value, slope, size) = match follow {
            Follow::Relu => (y.max(0.0), 1.0, y.abs()),
            Follow::Clip => (y.clamp(-0.75, 0.5), 1.0, y.abs()),
            Follow::HardSwish | Follow::WrittenOut => (y * (y / 6.0 + 0.5).clamp(0.0, 1.0), 1.5, y.abs()),
            Follow::Silu => (y / (1.0 + (-y).exp()), 1.2, y.abs()),
            Follow::HardSigmoid => ((0.3 * y + 0.5).clamp(0.0, 1.0), 0.3, y.abs() + 1.0),
            Follow::Tanh => (y.tanh(), 1.0, 1.0),
            Follow::BatchNorm => {
                let n = case.channels();
                let scale = number(channel) / (number(3 * n + channel).abs() + 0.5 + 1e-5).sqrt();
                let shift = number(n + channel) - scale * number(2 * n + channel);
                // Folded into the weights, the factors of every term are rounded once more.
                (y * scale + shift, scale.abs(), scale.abs() * (y.abs() + terms) + shift.abs() + 1.0)
            }
            Follow::Scale => (y * number(channel), number(channel).abs(), number(channel).abs() * (y.abs() + terms)),
            Follow::Add => (y + number(at), 1.0, y.abs() + number(at).abs()),
        };
        (y, error) = (value, error * slope + 8.0 * epsilon * (size + value.abs()));
        terms = terms.max(1.0) * slope.max(1.0);
    }
    (y, error)
}

fn check(seed: u64, device: &Device) {
    let case = Case::random(seed);
    let numbers = Numbers::new(&case, seed);
    let (bytes, names) = file(&case, &numbers);
    let mut dims = vec![case.batch, case.channels()];
    dims.extend(case.axes.iter().map(|a| a.out));
    let mut x_dims = vec![case.batch, case.groups * case.inputs];
    x_dims.extend(case.axes.iter().map(|a| a.size));
    let mut inputs = vec![("x", Value::floats(numbers.x.clone(), &x_dims).unwrap())];
    let added = case.follows.iter().zip(&numbers.lists).filter(|(follow, _)| **follow == Follow::Add);
    for (name, (_, list)) in names[1..].iter().zip(added) {
        inputs.push((name, Value::floats(list.clone(), &dims).unwrap()));
    }
    let network = Network::parse(&bytes, "made").unwrap_or_else(|e| panic!("{e} {case:?}"));
    let outputs = network.on(device).and_then(|s| s.run(&inputs)).unwrap_or_else(|e| panic!("{e} {case:?}"));
    assert_eq!(outputs[0].dims(), dims, "{case:?}");
    for (at, got) in outputs[0].to_floats().unwrap().into_iter().enumerate() {
        let (expected, bound) = element(&case, &numbers, at);
        let error = (f64::from(got) - expected).abs();
        assert!(error <= bound, "{got} not {expected} at {at}, {error} > {bound} on {}: {case:?}", device.name());
    }
}

#[test]
fn random_convolutions_with_what_follows_agree_with_f64() {
    (0..300).for_each(|seed| check(seed, &Device::cpu()));
}

/// A few, since every shape is compiled and tuned there.
#[test]
fn devices_agree_on_what_follows() {
    for device in devices().into_iter().filter(|device| !device.is_cpu()) {
        (300..312).for_each(|seed| check(seed, &device));
    }
}

/// An operand that is added with another shape is broadcast.
#[test]
fn what_is_added_may_be_broadcast() {
    let mut file = OnnxFile::default();
    file.constant("w", &[1.0, 2.0], &[2, 1, 1, 1]);
    file.node("Conv", &["x", "w"], "y", &[]);
    file.node("Add", &["y", "other"], "z", &[]);
    file.node("Relu", &["z"], "out", &[]);
    let network = Network::parse(&file.finish(&["x", "other"], &["out"]), "made").unwrap();
    for device in devices() {
        let x = Value::floats(vec![1.0, -2.0, 3.0, -4.0], &[1, 1, 2, 2]).unwrap();
        let other = Value::floats(vec![0.5, -0.5], &[2, 1, 1]).unwrap();
        let outputs = network.on(&device).unwrap().run(&[("x", x), ("other", other)]).unwrap();
        assert_eq!(outputs[0].to_floats().unwrap(), [1.5, 0.0, 3.5, 0.0, 1.5, 0.0, 5.5, 0.0]);
    }
}
