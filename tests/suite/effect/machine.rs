//! The machine behind the curves: what they are in theory, and that tiles, weights, links and devices do not change it.

use burn::tensor::Tensor;
use ndarray::{Array2, ArrayView2, Axis as Dimension, array};
use pellucid::data::Background;
use pellucid::design::Budget;
use pellucid::effect::{Axis, Builder, Category, Curve, Effects, Grid, GridChoice};
use pellucid::explain::{Control, KernelShap, Link, Players};
use pellucid::kernels::read_count;
use pellucid::model::onnx::{Graph, OnnxModel};
use pellucid::model::{HostFn, Model, TensorFn};
use pellucid::{Device, Error};
use pellucid_tests::compare::{alone, assert_close, assert_same_bits, noise, rounding};
use pellucid_tests::{devices, fixture};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const FEATURES: usize = 5;

fn names(stem: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{stem}{i}")).collect()
}

fn table(seed: u64, rows: usize) -> Array2<f32> {
    Array2::from_shape_vec((rows, FEATURES), noise(seed, rows * FEATURES, -1.0, 1.0)).unwrap()
}

/// Weights that sum to 1, one of them 0.
fn weighted(rows: Array2<f32>) -> Background {
    let weights: Vec<f64> = noise(9, rows.nrows(), 0.1, 2.0).iter().map(|&w| f64::from(w)).collect();
    let weights = weights.iter().enumerate().map(|(row, &w)| if row == 3 { 0.0 } else { w });
    let total: f64 = weights.clone().sum();
    Background { weights: weights.map(|w| w / total).collect(), ..Background::uniform(rows) }
}

fn sum(rows: Tensor<2>) -> Tensor<2> {
    rows.sum_dim(1)
}

/// Two probabilities in which features meet.
fn mixed() -> impl Model {
    TensorFn::new(names("x", FEATURES), names("p", 2), |rows: Tensor<2>| {
        let neighbours = |from: usize| rows.clone().slice([0..rows.dims()[0], from..from + FEATURES - 1]);
        let p = sum(neighbours(0).mul(neighbours(1))).tanh().mul_scalar(0.4).add_scalar(0.5);
        Tensor::cat(vec![p.clone(), p.mul_scalar(-1.0).add_scalar(1.0)], 1)
    })
}

fn effects(builder: Builder, device: &Device) -> Effects {
    builder.build(device).unwrap()
}

fn grid(effects: &Effects, feature: usize, choice: GridChoice) -> Grid {
    let axis = Axis::number(effects.features()[feature].clone(), feature);
    Grid::new(&axis, effects.rows(), effects.weights(), &choice).unwrap()
}

fn grids(effects: &Effects, points: usize) -> Vec<Grid> {
    (0..FEATURES).map(|feature| grid(effects, feature, GridChoice::Quantiles(points + feature))).collect()
}

fn f32s(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

#[test]
fn a_linear_model_gives_its_line() {
    let slopes = [2.0f32, -3.0, 0.5, 0.0, 1.0];
    for device in devices() {
        let weights = Tensor::<1>::from_floats(slopes, device.burn()).reshape([FEATURES as i32, 1]);
        let model = TensorFn::new(names("x", FEATURES), names("y", 1), move |rows: Tensor<2>| {
            rows.matmul(weights.clone()).add_scalar(1.0)
        });
        let background = weighted(table(1, 700));
        let means: Vec<f64> = (0..FEATURES)
            .map(|f| background.rows.column(f).iter().zip(&background.weights).map(|(&x, &w)| f64::from(x) * w).sum())
            .collect();
        let effects = effects(Effects::builder(model, background), &device);
        let elsewhere =
            |f: usize| -> f64 { (0..FEATURES).filter(|&g| g != f).map(|g| f64::from(slopes[g]) * means[g]).sum() };
        for (f, curve) in effects.curves(&grids(&effects, 20), 3).unwrap().iter().enumerate() {
            let at = |point: &pellucid::effect::Point| f64::from(slopes[f]) * point.position + elsewhere(f) + 1.0;
            let line: Vec<f64> = curve.grid.points.iter().map(at).collect();
            // Five products and a constant of at most 7.5 in all, then the mean of 700 rows by 128 lanes: 6 rows each, 7 halvings.
            let bound = rounding(6 + 6 + 7, 7.5);
            assert_close(&format!("x{f} on {}", device.name()), &f32s(&curve.mean), &f32s(&line), |_| bound);
            let slope = curve.derivative().unwrap().ice.concat();
            let interval = curve.grid.points.windows(2).map(|p| p[1].position - p[0].position).fold(f64::MAX, f64::min);
            let far = slope.iter().map(|s| (s - f64::from(slopes[f])).abs()).fold(0.0, f64::max);
            assert!(far <= rounding(2 * 6, 7.5) / interval, "x{f}: slope off by {far}");
        }
    }
}

/// A grid of any features is a coalition: its curve is v(S) of rows with those values. All coalitions together give the Shapley values
/// that the exact design of kernel SHAP finds.
#[test]
fn curves_of_coalitions_make_kernel_shaps_values() {
    let groups = [vec![0, 1, 2], vec![3, 9], vec![4, 5, 6, 7, 8]];
    let load = |device: &Device| {
        OnnxModel::new(&Graph::load(fixture("models/diabetes_mlp_regression.onnx")).unwrap(), device).unwrap()
    };
    let text = std::fs::read_to_string(fixture("data/diabetes/train.csv")).unwrap();
    let cells = |line: &str| line.split(',').take(10).map(|cell| cell.parse().unwrap()).collect::<Vec<f32>>();
    let cells: Vec<f32> = text.lines().skip(1).take(60).flat_map(cells).collect();
    let all = Array2::from_shape_vec((60, 10), cells).unwrap();
    let (rows, background) = all.view().split_at(Dimension(0), 4);
    let background = Background::uniform(background.to_owned());
    for device in devices() {
        let model = load(&device);
        let features = model.feature_names().to_vec();
        let named = |(i, group): (usize, &Vec<usize>)| {
            (format!("g{i}"), group.iter().map(|&f| features[f].clone()).collect::<Vec<_>>())
        };
        let players = Players::grouped(&features, &groups.iter().enumerate().map(named).collect::<Vec<_>>()).unwrap();
        let shap = KernelShap::builder(model, background.clone()).players(players).budget(Budget::Exact);
        let expected = shap.build(&device).unwrap().explain(rows).unwrap();

        let effects = effects(Effects::builder(load(&device), background.clone()), &device);
        let axis = |set: usize| {
            let features: Vec<usize> = (0..3).filter(|i| set >> i & 1 == 1).flat_map(|i| groups[i].clone()).collect();
            let values = |r: usize| features.iter().map(|&f| rows[(r, f)]).collect();
            let category = |r: usize| Category { label: r.to_string(), values: values(r) };
            Axis { name: set.to_string(), categories: (0..rows.nrows()).map(category).collect(), features }
        };
        let grid = |set| Grid::new(&axis(set), effects.rows(), effects.weights(), &GridChoice::Quantiles(2)).unwrap();
        let curves = effects.curves(&(1..8).map(grid).collect::<Vec<_>>(), 0).unwrap();
        for r in 0..rows.nrows() {
            let v = |set: usize| if set == 0 { expected.base_values[0] } else { curves[set - 1].mean[r] };
            for i in 0..3 {
                let share = |set: usize| [1.0 / 3.0, 1.0 / 6.0, 1.0 / 3.0][set.count_ones() as usize];
                let without = (0..8usize).filter(|set| set >> i & 1 == 0);
                let phi: f64 = without.map(|set| share(set) * (v(set | 1 << i) - v(set))).sum();
                let found = f64::from(expected.values[(r, 0, i)]);
                // Outputs up to 346 through 3 layers and the mean of 56 rows, in f32 on both sides.
                assert!((phi - found).abs() < rounding(20, 346.0), "row {r} player {i}: {phi}, SHAP {found}");
            }
        }
    }
}

/// Mean and sandwich error of residual rows, written out.
fn direct(values: &[f64], weights: &[f64]) -> (f64, f64) {
    let total: f64 = weights.iter().sum();
    let mean = values.iter().zip(weights).map(|(x, w)| x * w).sum::<f64>() / total;
    let squares: f64 = values.iter().zip(weights).map(|(x, w)| (w * (x - mean)).powi(2)).sum();
    let n = values.len() as f64;
    (mean, squares.sqrt() / total * (n / (n - 1.0)).sqrt())
}

/// Curves on the scale of the model against their own lines, and the same through the logit.
#[test]
fn means_and_errors_are_those_of_the_lines() {
    for device in devices() {
        for memory in [1, 1 << 28] {
            let builder = |link| Effects::builder(mixed(), weighted(table(2, 300))).link(link).memory(memory);
            let (plain, logit) = (effects(builder(Link::Identity), &device), effects(builder(Link::Logit), &device));
            let grids = grids(&plain, 7);
            let (found, linked) = (plain.curves(&grids, 300).unwrap(), logit.curves(&grids, 4).unwrap());
            assert_eq!((plain.rows().nrows(), found[0].ice.len(), linked[0].ice.len()), (299, 299, 4));
            for (curve, linked) in found.iter().zip(&linked) {
                let what = format!("{} of {} on {}", curve.grid.axis.name, curve.output, device.name());
                let points = curve.mean.len();
                let column = |p: usize| curve.ice.iter().map(|line| f64::from(line[p])).collect::<Vec<f64>>();
                let slope = |p: usize| 1.0 / (curve.mean[p] * (1.0 - curve.mean[p]));
                let mut expected: [Vec<f64>; 6] = Default::default();
                for p in 0..points {
                    let (mean, error) = direct(&column(p), plain.weights());
                    let linear = |x: f64, x0: f64| slope(p) * x - slope(0) * x0;
                    let differences: Vec<f64> = column(p).iter().zip(column(0)).map(|(x, x0)| x - x0).collect();
                    let linear: Vec<f64> = column(p).iter().zip(column(0)).map(|(&x, x0)| linear(x, x0)).collect();
                    let logit = (mean / (1.0 - mean)).ln();
                    let centred = [direct(&differences, plain.weights()).1, direct(&linear, plain.weights()).1];
                    for (list, value) in
                        expected.iter_mut().zip([mean, error, centred[0], logit, slope(p) * error, centred[1]])
                    {
                        list.push(value);
                    }
                }
                // Outputs below 1, deviations below 0.8; the mean of a tile's rows by lanes, ≤ 8 terms and 6 halvings, and again for the
                // squares; the logit stretches by at most 1/(0.1·0.9).
                let chain = 2 * (8 + 6) + 10;
                let parts = [
                    &curve.mean,
                    &curve.stderr,
                    &curve.centred_stderr,
                    &linked.mean,
                    &linked.stderr,
                    &linked.centred_stderr,
                ];
                for (at, (part, expected)) in parts.into_iter().zip(&expected).enumerate() {
                    let bound = if at < 3 { rounding(chain, 1.0) } else { rounding(chain, 1.0 / 0.09) };
                    assert_close(&format!("{what}, {at}"), &f32s(part), &f32s(expected), |_| bound);
                }
                let odds =
                    |line: &Vec<f32>| line.iter().map(|&p| Link::Logit.apply(p.into()) as f32).collect::<Vec<_>>();
                assert_same_bits(
                    &what,
                    &linked.ice.concat(),
                    &curve.ice[..4].iter().flat_map(odds).collect::<Vec<_>>(),
                );
                assert_eq!(curve.centred_stderr[0], 0.0);
                let centred = curve.centred();
                assert_eq!((centred.mean[0], centred.ice[5][0]), (0.0, 0.0));
                assert_eq!(centred.mean[points - 1], curve.mean[points - 1] - curve.mean[0]);
                assert_eq!(centred.stderr, curve.centred_stderr);
            }
        }
    }
}

fn assert_same(what: &str, found: &[Curve], expected: &[Curve]) {
    for (found, expected) in found.iter().zip(expected) {
        let what = format!("{what}: {} of {}", found.grid.axis.name, found.output);
        assert_same_bits(&what, &found.ice.concat(), &expected.ice.concat());
        // The outputs are the same bits; sums of 400 of them below 1 run in another order.
        assert_close(&what, &f32s(&found.mean), &f32s(&expected.mean), |_| rounding(20, 1.0));
        assert_close(&what, &f32s(&found.stderr), &f32s(&expected.stderr), |_| rounding(20, expected.stderr[0] * 4.0));
    }
}

#[test]
fn tiles_of_any_size_give_the_same_curves() {
    for device in devices() {
        let of = |memory: u64| {
            let effects = effects(Effects::builder(mixed(), weighted(table(3, 400))).memory(memory), &device);
            let pair = (grid(&effects, 0, GridChoice::Even(9)), grid(&effects, 2, GridChoice::Even(8)));
            (effects.curves(&grids(&effects, 12), 150).unwrap(), effects.surfaces(&[pair]).unwrap())
        };
        let (expected, surfaces) = of(1);
        for memory in [100 * 4 * 60, 1000 * 4 * 60, 7777 * 4 * 60, 1 << 28] {
            let (found, of_pair) = of(memory);
            assert_same(&format!("{memory} bytes on {}", device.name()), &found, &expected);
            for (found, expected) in of_pair.iter().zip(&surfaces) {
                let (found, expected) = (found.mean.concat(), expected.mean.concat());
                assert_close("surface", &f32s(&found), &f32s(&expected), |_| rounding(20, 1.0));
            }
        }
    }
}

#[test]
fn weights_are_repeated_rows() {
    let rows = table(4, 30);
    let times: Vec<usize> = (0..30).map(|row| 1 + row % 4).collect();
    let repeated: Vec<usize> = (0..30).flat_map(|row| std::iter::repeat_n(row, times[row])).collect();
    let total = repeated.len() as f64;
    let weights: Vec<f64> = times.iter().map(|&n| n as f64 / total).collect();
    for device in devices() {
        let once = Background { weights: weights.clone(), ..Background::uniform(rows.clone()) };
        let once = effects(Effects::builder(mixed(), once), &device);
        let repeated = Background::uniform(rows.select(Dimension(0), &repeated));
        let repeated = effects(Effects::builder(mixed(), repeated), &device);
        let grids = grids(&once, 9);
        for (a, b) in once.curves(&grids, 0).unwrap().iter().zip(repeated.curves(&grids, 0).unwrap()) {
            assert_close(device.name(), &f32s(&a.mean), &f32s(&b.mean), |_| rounding(20, 1.0));
            assert!(a.ice.is_empty());
        }
    }
}

/// Where features act alone, rows differ by a constant: the centred curve has no error although the curve has.
#[test]
fn an_additive_model_has_no_centred_error() {
    for device in devices() {
        let model =
            TensorFn::new(names("x", FEATURES), names("y", 1), |rows: Tensor<2>| sum(rows.clone().mul(rows).tanh()));
        let effects = effects(Effects::builder(model, weighted(table(5, 200))), &device);
        for curve in effects.curves(&grids(&effects, 10), 40).unwrap() {
            // Sums of five terms below 0.8; their differences are off by the roundings of two.
            let bound = rounding(2 * 5, 4.0);
            assert!(curve.centred_stderr.iter().all(|&error| error <= bound), "{:?}", curve.centred_stderr);
            assert!(curve.stderr.iter().all(|&error| error > 100.0 * bound), "{:?}", curve.stderr);
            let derivative = curve.derivative().unwrap();
            let narrowest =
                curve.grid.points.windows(2).map(|p| p[1].position - p[0].position).fold(f64::MAX, f64::min);
            assert!(
                derivative.spread.iter().all(|&spread| spread <= 2.0 * bound / narrowest),
                "{:?}",
                derivative.spread
            );
        }
    }
}

/// A surface's diagonal sections and a curve's points: setting two features is setting one, then the other.
#[test]
fn a_surface_of_an_additive_model_is_a_sum_of_curves() {
    for device in devices() {
        let model = TensorFn::new(names("x", FEATURES), names("y", 1), |rows: Tensor<2>| sum(rows.tanh()));
        let effects = effects(Effects::builder(model, weighted(table(6, 90))), &device);
        let (x, y) = (grid(&effects, 1, GridChoice::Even(6)), grid(&effects, 4, GridChoice::Quantiles(5)));
        let surface = &effects.surfaces(&[(x.clone(), y.clone())]).unwrap()[0];
        let curves = effects.curves(&[x, y], 0).unwrap();
        let base =
            effects.predictions().column(0).iter().zip(effects.weights()).map(|(&p, w)| f64::from(p) * w).sum::<f64>();
        for (i, j) in ndarray::indices((6, 5)) {
            let expected = curves[0].mean[i] + curves[1].mean[j] - base;
            assert!((surface.mean[i][j] - expected).abs() <= rounding(4 * 15, 4.0), "{i} {j}");
            assert!(surface.stderr[i][j] > 0.0);
        }
    }
}

/// A model that looks for missing values sees them wherever the column is not set.
#[test]
fn missing_values_pass_through() {
    let missing = |rows: ArrayView2<f32>| rows.map_axis(Dimension(1), |row| f32::from(row[1].is_nan()) + row[0]);
    let rows = array![[1.0, f32::NAN], [2.0, 5.0], [3.0, f32::NAN], [4.0, 6.0]];
    for device in devices() {
        let model = HostFn::new(names("x", 2), names("y", 1), move |rows: ArrayView2<f32>| {
            missing(rows).insert_axis(Dimension(1))
        });
        let effects = effects(Effects::builder(model, Background::uniform(rows.clone())), &device);
        let grids =
            [grid(&effects, 0, GridChoice::Points(vec![0.0, 10.0])), grid(&effects, 1, GridChoice::Quantiles(9))];
        assert_eq!(grids[1].points.len(), 2);
        let curves = effects.curves(&grids, 0).unwrap();
        assert_eq!((&curves[0].mean[..], &curves[1].mean[..]), (&[0.5, 10.5][..], &[2.5, 2.5][..]));
    }
}

#[test]
fn a_stop_ends_the_curves_between_tiles() {
    for device in devices() {
        let control = Control::default();
        let (stop, calls) = (control.stop.clone(), Arc::new(AtomicUsize::new(usize::MAX / 2)));
        let counted = calls.clone();
        let model = TensorFn::new(names("x", FEATURES), names("y", 1), move |rows: Tensor<2>| {
            if counted.fetch_add(1, Relaxed) == 9 {
                stop.store(true, Relaxed);
            }
            sum(rows)
        });
        let builder = Effects::builder(model, Background::uniform(table(7, 200))).memory(1).control(control.clone());
        let effects = effects(builder, &device);
        let grids = grids(&effects, 20);
        calls.store(0, Relaxed);
        assert!(matches!(effects.curves(&grids, 0).unwrap_err(), Error::Interrupted));
        let (called, cores) = (calls.load(Relaxed), std::thread::available_parallelism().unwrap().get());
        assert!((10..=10 + cores).contains(&called), "{called} calls on {}", device.name());
        control.stop.store(false, Relaxed);
        let (before, points) =
            (control.model_rows.load(Relaxed), grids.iter().map(|g| g.points.len() as u64).sum::<u64>());
        effects.curves(&grids, 0).unwrap();
        assert_eq!(control.model_rows.load(Relaxed) - before, 200 * points);
    }
}

/// One read for all curves of a call, however many tiles they take.
#[test]
fn curves_are_read_back_once() {
    alone("effect::machine::curves_are_read_back_once", || {
        for device in devices() {
            for memory in [1, 1 << 28] {
                let builder = Effects::builder(mixed(), Background::uniform(table(8, 150))).memory(memory);
                let effects = effects(builder, &device);
                let grids = grids(&effects, 12);
                let before = read_count();
                effects.curves(&grids, 20).unwrap();
                assert_eq!(read_count() - before, 1, "on {}", device.name());
            }
        }
    });
}

#[test]
fn what_cannot_be_drawn_is_named() {
    let root =
        || TensorFn::new(names("x", FEATURES), names("y", 1), |rows: Tensor<2>| sum(rows.add_scalar(2.0).sqrt()));
    let device = Device::cpu();
    let build = |rows: Array2<f32>| Effects::builder(root(), Background::uniform(rows)).build(&device);
    let effects = build(table(1, 10)).unwrap();
    let far = grid(&effects, 1, GridChoice::Points(vec![0.0, -9.0]));
    let message = |error: Error| match error {
        Error::Input { message, hint } => (message, hint.is_some()),
        other => panic!("{other:?}"),
    };
    let told = "the model's output `y0` is not finite when `x1` is set to -9".to_string();
    assert_eq!(message(effects.curves(std::slice::from_ref(&far), 0).unwrap_err()), (told, true));
    let told = "a surface needs two different features; `x1` and `x1` are one".to_string();
    assert_eq!(message(effects.surfaces(&[(far.clone(), far.clone())]).unwrap_err()), (told, true));
    let mut elsewhere = far;
    elsewhere.axis.features = vec![7];
    let told = "`x1` is at feature 7, the model takes 5 features, from 0".to_string();
    assert_eq!(message(effects.curves(&[elsewhere], 0).unwrap_err()), (told, false));
    assert_eq!(message(build(table(1, 0)).err().unwrap()).0, "the background is empty");
    let outside = Effects::builder(root(), Background::uniform(table(1, 10))).link(Link::Logit).build(&device);
    assert!(message(outside.err().unwrap()).0.starts_with("link logit needs probabilities between 0 and 1"));
}
