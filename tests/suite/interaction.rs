//! Friedman's H against direct sums over pairs of rows in f64, closed forms, and its jackknife against leaving rows out.

use ndarray::{Array2, ArrayView2};
use pellucid::data::Background;
use pellucid::effect::{Axis, Effects, Interaction};
use pellucid::explain::Link;
use pellucid::model::HostFn;
use pellucid::{Device, Error};
use pellucid_tests::compare::{noise, rounding};
use pellucid_tests::devices;
use pellucid_tests::effects::{model, names, one_hot, random_rows, weighted};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Means over a group's rows, here at most 4, are summed in f32 on a GPU: rounded weights, products, sums, the division.
const MEAN: usize = 8;
const GROUPS: usize = 10;

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Features 3 and 4 are a one-hot column.
fn outputs(x: &[f32]) -> [f32; 2] {
    [sigmoid(x[0] * x[1] + 0.5 * x[0] + 0.3 * x[3]), sigmoid(x[0].sin() + x[1] * x[3] - x[2] * x[4])]
}

/// Partial dependence of output k on `set` at `rows` and over them, centred: O(rows²).
fn partial_dependence(rows: ArrayView2<f32>, weights: &[f64], set: &[usize], k: usize, link: Link) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    let at = |point: usize| {
        let of_row = |row: usize| {
            let mut x = rows.row(row).to_vec();
            set.iter().for_each(|&feature| x[feature] = rows[(point, feature)]);
            weights[row] * f64::from(outputs(&x)[k])
        };
        link.apply((0..rows.nrows()).map(of_row).sum::<f64>() / total)
    };
    let values: Vec<f64> = (0..rows.nrows()).map(at).collect();
    let centre = values.iter().zip(weights).map(|(v, w)| v * w).sum::<f64>() / total;
    values.into_iter().map(|value| value - centre).collect()
}

/// H, the strength, and the root of the mean square of the joint effect.
fn direct(rows: ArrayView2<f32>, weights: &[f64], pair: [&[usize]; 2], k: usize, link: Link) -> [f64; 3] {
    let of = |set: &[usize]| partial_dependence(rows, weights, set, k, link);
    let (a, b, both) = (of(pair[0]), of(pair[1]), of(&pair.concat()));
    let total: f64 = weights.iter().sum();
    let size = |value: &dyn Fn(usize) -> f64| {
        ((0..weights.len()).map(|row| weights[row] * value(row).powi(2)).sum::<f64>() / total).sqrt()
    };
    let (joint, all) = (size(&|row| both[row] - a[row] - b[row]), size(&|row| both[row]));
    [joint / all, joint, all]
}

/// The same with errors from leaving out each tenth of the rows.
fn jackknife(
    rows: ArrayView2<f32>,
    weights: &[f64],
    pair: [&[usize]; 2],
    k: usize,
    link: Link,
) -> ([f64; 3], [f64; 2]) {
    let m = rows.nrows();
    let without = |group: usize| {
        let kept: Vec<usize> =
            (0..m).filter(|row| !(group * m / GROUPS..(group + 1) * m / GROUPS).contains(row)).collect();
        let weights: Vec<f64> = kept.iter().map(|&row| weights[row]).collect();
        direct(rows.select(ndarray::Axis(0), &kept).view(), &weights, pair, k, link)
    };
    let without: Vec<[f64; 3]> = (0..GROUPS).map(without).collect();
    let error = |which: usize| {
        let mean = without.iter().map(|w| w[which]).sum::<f64>() / GROUPS as f64;
        let squares: f64 = without.iter().map(|w| (w[which] - mean).powi(2)).sum();
        (squares * (GROUPS - 1) as f64 / GROUPS as f64).sqrt()
    };
    (direct(rows, weights, pair, k, link), [error(0), error(1)])
}

#[test]
fn h_and_its_error_equal_direct_sums() {
    let mut rows = random_rows(1, (40, 5), -1.0, 1.0);
    (0..40).for_each(|row| {
        rows[(row, 3)] = f32::from(u8::from(row % 3 == 0));
        rows[(row, 4)] = 1.0 - rows[(row, 3)];
    });
    let weights = noise(2, 40, 0.2, 1.0);
    let (a, b, hot) = (Axis::number("a", 0), Axis::number("b", 1), one_hot("hot", &[3, 4]));
    let pairs = [(a.clone(), b.clone()), (b, hot.clone()), (hot, a)];
    for device in devices() {
        for link in [Link::Identity, Link::Logit] {
            let background = weighted(rows.clone(), &weights);
            let effects = Effects::builder(model(5, outputs), background).link(link).seed(5).build(&device).unwrap();
            // All rows, and the first of them.
            for m in [40, 23] {
                let found = effects.interactions(&pairs, m).unwrap();
                assert_eq!(found.len(), 2 * pairs.len());
                let sample = effects.rows().slice_move(ndarray::s![..m, ..]);
                for (at, found) in found.iter().enumerate() {
                    let (pair, k) = (&pairs[at / 2], at % 2);
                    assert_eq!((&found.a, &found.b, &found.output), (&pair.0.name, &pair.1.name, &format!("y{k}")));
                    let features = [&pair.0.features[..], &pair.1.features[..]];
                    let (expected, errors) = jackknife(sample, &effects.weights()[..m], features, k, link);
                    // A mean is off by δ; scores are at most 1.85, so that the logit stretches probabilities by at most 9. Three effects,
                    // each less its centre, make the joint one.
                    let delta = rounding(MEAN, if link == Link::Logit { 9.0 } else { 1.0 });
                    let strength = 6.0 * delta;
                    let h = (strength + 2.0 * expected[0] * delta) / expected[2];
                    // Each of ten measures moves an error by at most √(9/10·10) = 3 of its own.
                    let near = |what: &str, found: f64, expected: f64, tolerance: f64| {
                        assert!(tolerance < 0.02, "{what}: tolerance {tolerance}");
                        assert!(
                            (found - expected).abs() <= tolerance,
                            "{what} {link:?} {at}: {found} for {expected} ± {tolerance:.1e}"
                        );
                    };
                    near("h", found.h, expected[0], h);
                    near("strength", found.strength, expected[1], strength);
                    near("h error", found.h_stderr, errors[0], 4.0 * h);
                    near("strength error", found.strength_stderr, errors[1], 3.0 * strength);
                }
            }
        }
    }
}

/// Every pair of x0 in −1, 0, 1 and x1 in −2, −1, 1, 2, and a feature that the model does not look at.
fn factorial() -> Array2<f32> {
    Array2::from_shape_fn((12, 3), |(row, feature)| {
        [[-1.0, 0.0, 1.0][row % 3], [-2.0, -1.0, 1.0, 2.0][row / 3], row as f32][feature]
    })
}

fn of_factorial(function: fn(&[f32]) -> [f32; 1], pair: (Axis, Axis), device: &Device) -> Interaction {
    let effects = Effects::builder(model(3, function), Background::uniform(factorial())).build(device).unwrap();
    effects.interactions(&[pair], 100).unwrap().remove(0)
}

#[test]
fn closed_forms() {
    let pair = || (Axis::number("a", 0), Axis::number("b", 1));
    for device in devices() {
        // x0 and x1 are independent with mean 0, mean squares 2/3 and 5/2; x0·x1 has 5/3.
        let found = of_factorial(|x| [x[0] * x[1]], pair(), &device);
        assert!((found.h - 1.0).abs() < rounding(MEAN, 2.0), "a product is all interaction: {found:?}");
        assert!((found.strength - (5.0f64 / 3.0).sqrt()).abs() < rounding(MEAN, 2.0), "{found:?}");

        let found = of_factorial(|x| [x[0] * x[1] + 2.0 * x[0] - x[1] + 7.0], pair(), &device);
        let h = (5.0 / 3.0 / (5.0 / 3.0 + 4.0 * 2.0 / 3.0 + 5.0 / 2.0f64)).sqrt();
        assert!((found.h - h).abs() < rounding(6 * MEAN, 13.0), "{} for {h}", found.h);

        // The largest output is 29.4; three effects and their centres.
        let found = of_factorial(|x| [x[0].exp() + x[1].powi(3) + 19.0], pair(), &device);
        assert!(found.strength < rounding(6 * MEAN, 30.0), "a sum has no interaction: {found:?}");
        assert!(found.h < rounding(6 * MEAN, 30.0) / 5.0, "the effect of x1 alone is above 5: {found:?}");
        assert!(found.h_stderr < 3.0 * rounding(6 * MEAN, 30.0) / 5.0, "{found:?}");
    }
}

#[test]
fn a_constant_has_no_interaction() {
    for device in devices() {
        for function in [|_: &[f32]| [0.1], |x: &[f32]| [0.1 + x[2]]] {
            let found = of_factorial(function, (Axis::number("a", 0), Axis::number("b", 1)), &device);
            assert_eq!((found.h, found.h_stderr), (0.0, 0.0), "{found:?}");
        }
    }
}

#[test]
fn each_axis_is_evaluated_once() {
    let counted = Arc::new(AtomicUsize::new(0));
    let counter = counted.clone();
    let model = HostFn::new(names("x", 3), names("y", 1), move |rows: ArrayView2<f32>| {
        counter.fetch_add(rows.nrows(), Ordering::Relaxed);
        rows.map_axis(ndarray::Axis(1), |row| row.product()).insert_axis(ndarray::Axis(1))
    });
    let background = Background::uniform(random_rows(7, (30, 3), 0.0, 1.0));
    let effects = Effects::builder(model, background).build(&Device::cpu()).unwrap();
    let before = counted.load(Ordering::Relaxed);
    let axis = |feature: usize| Axis::number(feature.to_string(), feature);
    effects.interactions(&[(axis(0), axis(1)), (axis(0), axis(2)), (axis(1), axis(2))], 20).unwrap();
    assert_eq!(counted.load(Ordering::Relaxed) - before, (3 + 3) * 20 * 20);
}

#[test]
fn wrong_pairs_are_refused() {
    let background = Background::uniform(random_rows(8, (5, 3), 0.0, 1.0));
    let effects = Effects::builder(model(3, |x| [x[0]]), background).build(&Device::cpu()).unwrap();
    let (a, b, hot) = (Axis::number("a", 0), Axis::number("b", 1), one_hot("hot", &[1, 2]));
    let refused = |pairs: &[(Axis, Axis)], rows: usize| {
        let Err(Error::Input { message, hint: Some(_) }) = effects.interactions(pairs, rows) else {
            panic!("not refused")
        };
        message
    };
    assert!(refused(&[(a.clone(), a.clone())], 5).contains("`a` and `a`"));
    assert!(refused(&[(b.clone(), hot)], 5).contains("`b` and `hot`"));
    assert!(refused(&[(a.clone(), b.clone()), (b.clone(), a.clone())], 5).contains("twice"));
    assert!(refused(&[(a.clone(), b.clone())], 1).contains("at least 2"));
    assert!(effects.interactions(&[], 5).unwrap().is_empty());
}
