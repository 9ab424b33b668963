use super::*;
use crate::affine::affine;

/// Deterministic values in \[−1, 1\].
fn values(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Weights and biases of a network; every seventh weight of the first layer is 0.
struct Network {
    parameters: Vec<(Vec<f32>, Vec<f32>)>,
    activations: Vec<Activation>,
}

impl Network {
    fn new(widths: &[usize], activations: &[Activation]) -> Self {
        let scaled = |count: usize, seed, inputs: usize| -> Vec<f32> {
            values(count, seed).iter().map(|v| v * (6.0 / inputs as f32).sqrt()).collect()
        };
        let pairs = widths.windows(2).zip(1..);
        let mut parameters: Vec<_> =
            pairs.map(|(w, seed)| (scaled(w[0] * w[1], seed, w[0]), values(w[1], 100 + seed))).collect();
        parameters[0].0.iter_mut().step_by(7).for_each(|weight| *weight = 0.0);
        Self { parameters, activations: activations.to_vec() }
    }

    fn layers(&self) -> Vec<Layer<'_>> {
        self.parameters.iter().zip(&self.activations).map(|((w, b), &kind)| Layer::new(w, b, kind)).collect()
    }

    /// Outputs in f64, and what they would be if every term had its size: what errors are measured by.
    fn exact(&self, x: &[f32], sizes: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let mut y: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
        let mut size = sizes.to_vec();
        for layer in self.layers() {
            let sum = |x: &[f64], of: fn(f64) -> f64, column: usize| {
                let terms =
                    x.iter().enumerate().map(|(k, v)| v * of(f64::from(layer.weight[k * layer.outputs() + column])));
                terms.sum::<f64>() + of(f64::from(layer.bias[column]))
            };
            let apply = |v: f64| match layer.activation {
                Activation::None => v,
                Activation::Relu => v.max(0.0),
                Activation::Sigmoid => 1.0 / (1.0 + (-v).exp()),
                Activation::Tanh => v.tanh(),
                Activation::Gelu => unreachable!("no case has one"),
            };
            let next: Vec<f64> = (0..layer.outputs()).map(|column| apply(sum(&y, |w| w, column))).collect();
            // No activation here is steeper than 1; its own error is a few units of at most 1.
            let own =
                if layer.activation == Activation::Relu || layer.activation == Activation::None { 0.0 } else { 1.0 };
            size = (0..layer.outputs()).map(|column| sum(&size, f64::abs, column) + own).collect();
            y = next;
        }
        (y, size)
    }

    /// The bound that [`sweep`] states, half of it for either side of a comparison.
    fn tolerance(&self) -> f64 {
        let layers = self.layers();
        let c = layers.iter().map(|layer| layer.inputs() + 2).sum::<usize>() + layers[0].outputs();
        c as f64 * f64::from(f32::EPSILON)
    }

    /// Compares a sweep with f64; the greatest error in units of the sum of sizes.
    fn check(&self, x: &[f32], rows: usize, sweeps: &[Sweep]) {
        let layers = self.layers();
        let (inputs, outputs) = (layers[0].inputs(), layers[layers.len() - 1].outputs());
        let found = sweep(x, rows, &layers, sweeps);
        let mut places = found.chunks_exact(rows * outputs);
        for sweep in sweeps {
            for &point in &sweep.points {
                let place = places.next().expect("a place for each point");
                for row in 0..rows {
                    let mut masked = x[row * inputs..][..inputs].to_vec();
                    let own = std::mem::replace(&mut masked[sweep.feature], point);
                    let mut sizes: Vec<f64> = masked.iter().map(|v| f64::from(v.abs())).collect();
                    let reached = if own.is_finite() { 2.0 * f64::from(own.abs()) } else { 0.0 };
                    sizes[sweep.feature] += reached.min(16.0 * f64::from(farthest(&sweep.points)));
                    let (exact, size) = self.exact(&masked, &sizes);
                    for k in 0..outputs {
                        let error = (f64::from(place[row * outputs + k]) - exact[k]).abs();
                        let bound = self.tolerance() * size[k];
                        assert!(
                            error <= bound,
                            "feature {} from {own} at {point}, output {k}: {} for {}, error {error:e} > {bound:e}",
                            sweep.feature,
                            place[row * outputs + k],
                            exact[k]
                        );
                    }
                }
            }
        }
        assert!(places.next().is_none());
    }
}

fn farthest(points: &[f32]) -> f32 {
    points.iter().fold(0.0, |most, point| most.max(point.abs()))
}

use Activation::{None as Plain, Relu, Sigmoid, Tanh};

#[test]
fn sweeps_are_the_forward_of_rows_with_the_feature_replaced() {
    let grid: Vec<f32> = (0..50).map(|i| i as f32 * 0.08 - 2.0).collect();
    for (widths, activations) in [
        (&[30, 256, 256, 2][..], &[Relu, Relu, Sigmoid][..]),
        (&[8, 16, 16, 1], &[Relu, Relu, Plain]),
        (&[5, 17, 33, 9, 3], &[Relu, Tanh, Relu, Plain]),
        (&[4, 70, 1], &[Relu, Sigmoid]),
        (&[3, 1, 1], &[Relu, Relu]),
        (&[7, 3], &[Sigmoid]),
        (&[1, 40], &[Plain]),
    ] {
        let network = Network::new(widths, activations);
        let rows = BLOCK + 5;
        let x = values(rows * widths[0], 9);
        let sweeps: Vec<Sweep> = (0..widths[0].min(8)).map(|feature| Sweep { feature, points: grid.clone() }).collect();
        network.check(&x, rows, &sweeps);
    }
}

#[test]
fn points_may_be_unsorted_repeated_the_rows_own_on_a_kink_or_beyond_all() {
    let network = Network::new(&[4, 24, 24, 2], &[Relu, Relu, Plain]);
    let rows = 7;
    let mut x = values(rows * 4, 3);
    x[4] = 0.0;
    let layers = network.layers();
    // Where units of row 2 flip along feature 1, and the numbers just beside.
    let a = affine(&x[8..12], 1, &[Layer { activation: Plain, ..layers[0] }]);
    let kinks = (0..24).map(|u| x[9] - a[u] / layers[0].weight[24 + u]).filter(|kink| kink.is_finite());
    let near = kinks.flat_map(|kink| [kink.next_down(), kink, kink.next_up()]);
    let points: Vec<f32> =
        [3.0, -1.0, x[1], x[5], 3.0, 0.0, -0.0, x[1], 1e3, -1e3, 1e-30].into_iter().chain(near).collect();
    let sweeps = [
        Sweep { feature: 1, points },
        Sweep { feature: 0, points: vec![] },
        Sweep { feature: 3, points: vec![0.25] },
        Sweep { feature: 1, points: vec![0.0] },
        Sweep { feature: 1, points: vec![1e-3, 2e-3] },
    ];
    network.check(&x, rows, &sweeps);
}

#[test]
fn units_at_exactly_zero_flip_where_the_feature_leads_them() {
    // h = relu(±x): the row lies on both kinks.
    let layers =
        [Layer::new(&[1.0, -1.0, 0.0], &[0.0, 0.0, 0.0], Relu), Layer::new(&[1.0, 10.0, 100.0], &[0.5], Plain)];
    let sweeps = [Sweep { feature: 0, points: vec![-2.0, 0.0, 3.0] }];
    assert_eq!(sweep(&[0.0, 1.0, -1.0], 3, &layers, &sweeps), [20.5, 20.5, 20.5, 0.5, 0.5, 0.5, 3.5, 3.5, 3.5]);
}

#[test]
fn what_is_not_finite_is_as_in_the_full_forward() {
    for activations in [&[Relu, Relu, Plain][..], &[Relu, Tanh, Sigmoid]] {
        let network = Network::new(&[3, 20, 20, 2], activations);
        let layers = network.layers();
        let (nan, inf) = (f32::NAN, f32::INFINITY);
        let x = [nan, 1.0, 1.0, 1.0, nan, 1.0, inf, 0.5, 0.5, 0.5, -inf, 0.5, 1e6, 0.0, 0.0, 3e38, -3e38, 1.0];
        let sweeps = [
            Sweep { feature: 0, points: vec![-1.0, 0.5] },
            Sweep { feature: 1, points: vec![inf, 1.0, nan] },
            Sweep { feature: 2, points: vec![-inf, 3e38] },
        ];
        let found = sweep(&x, 6, &layers, &sweeps);
        let mut masked = Vec::new();
        for sweep in &sweeps {
            for &point in &sweep.points {
                let from = masked.len();
                masked.extend_from_slice(&x);
                masked[from..].iter_mut().skip(sweep.feature).step_by(3).for_each(|v| *v = point);
            }
        }
        let full = affine(&masked, masked.len() / 3, &layers);
        for (found, full) in found.iter().zip(full) {
            let close = (found - full).abs() <= 1e-4 * full.abs().max(1.0);
            assert!(
                found.to_bits() == full.to_bits() || found.is_nan() && full.is_nan() || close,
                "{found} for {full}"
            );
        }
    }
}

#[test]
fn a_row_leaves_lines_that_are_too_steep_or_start_too_far() {
    // The slope 1e40 is no number of f32, the output at the row's own value is.
    let steep = [Layer::new(&[1e30], &[1.0], Relu), Layer::new(&[1e10], &[0.0], Plain)];
    assert_eq!(sweep(&[0.0], 1, &steep, &[Sweep { feature: 0, points: vec![0.0, -1e-29] }]), [1e10, 0.0]);
    // At the row's own value the sum is −∞, at the point it is not.
    let far = [Layer::new(&[-2.0, 0.0], &[1.0, 1.0], Relu), Layer::new(&[1.0, 1.0], &[0.0], Plain)];
    let points = vec![-1.0, 3e38];
    assert_eq!(sweep(&[3e38], 1, &far, &[Sweep { feature: 0, points }]), [4.0, 1.0]);
}

#[test]
fn bits_do_not_depend_on_the_other_rows_or_sweeps() {
    let network = Network::new(&[6, 40, 40, 2], &[Relu, Relu, Plain]);
    let layers = network.layers();
    let rows = BLOCK + 3;
    let x = values(rows * 6, 4);
    let points = values(9, 5);
    let sweeps: Vec<Sweep> = (0..6).map(|feature| Sweep { feature, points: points.clone() }).collect();
    let whole = sweep(&x, rows, &layers, &sweeps);
    for row in [0, 7, rows - 1] {
        for (feature, one) in sweeps.iter().enumerate() {
            let alone = sweep(&x[row * 6..][..6], 1, &layers, std::slice::from_ref(one));
            for point in 0..9 {
                let at = ((feature * 9 + point) * rows + row) * 2;
                assert_eq!(whole[at..at + 2], alone[point * 2..][..2]);
            }
        }
    }
    assert_eq!(sweep(&[], 0, &layers, &sweeps), []);
}

#[test]
fn every_kind_of_register_follows_the_same_lines() {
    let network = Network::new(&[2, 37, 139, 1], &[Relu, Relu, Plain]);
    let layers = network.layers();
    let x = [0.3, -0.2];
    let hidden = affine(&x, 1, &[Layer { activation: Plain, ..layers[0] }]);
    let sums = affine(&x, 1, &[layers[0], Layer { activation: Plain, ..layers[1] }]);
    let (weights, slopes) = (&layers[0].weight[..37], values(139, 8));
    let deltas: Vec<f32> = (0..20).map(|i| i as f32 * 0.2 - 2.0).collect();
    let lines = |run: unsafe fn(Trace)| {
        let (mut out, mut flips) = (vec![f32::NAN; 20 * 139], Flips::default());
        let (hidden, sums, slopes, deltas, layer) = (&hidden, &sums, &slopes, &deltas, &layers[1]);
        let flips = &mut flips;
        // SAFETY: sizes fit, and the CPU has the registers.
        unsafe {
            run(Trace { hidden, weights, sums, slopes, layer, deltas, relu: true, flips, out: out.as_mut_ptr() })
        };
        out
    };
    let portable = lines(|trace| unsafe { lanes::Task::run::<lanes::Portable>(trace) });
    assert!(portable.iter().all(|v| v.is_finite()) && portable.iter().any(|&v| v > 0.0));
    let agrees = |other: Vec<f32>| {
        // Up to 37 flips of sizes below 4, rounded with and without fusing.
        let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 37.0 * 4.0 * f32::EPSILON * (4.0 + a.abs());
        assert!(portable.iter().zip(&other).all(close));
    };
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            agrees(lines(|trace| unsafe { lanes::avx2(trace) }));
        }
        if is_x86_feature_detected!("avx512f") {
            agrees(lines(|trace| unsafe { lanes::avx512(trace) }));
        }
    }
    agrees(portable.clone());
}
