//! Permutation importance: closed forms, columns that move together, and who the truth belongs to.

use ndarray::Array2;
use pellucid::data::Background;
use pellucid::effect::{Axis, Effects, Importance, Loss};
use pellucid::{Device, Error};
use pellucid_tests::compare::{noise, rounding};
use pellucid_tests::devices;
use pellucid_tests::effects::{model, one_hot, random_rows, weighted};

fn line(x: &[f32]) -> [f32; 1] {
    [3.0 * x[0] - 0.5 * x[1]]
}

fn truth_of(rows: &Array2<f32>, function: fn(&[f32]) -> [f32; 1]) -> Vec<Vec<f64>> {
    vec![rows.outer_iter().map(|row| f64::from(function(&row.to_vec())[0])).collect()]
}

/// Weighted variance of a column.
fn variance(background: &Background, feature: usize) -> f64 {
    let values = || background.rows.column(feature).into_iter().map(|&v| f64::from(v)).zip(&background.weights);
    let mean: f64 = values().map(|(v, w)| v * w).sum();
    values().map(|(v, w)| w * (v - mean).powi(2)).sum()
}

#[test]
fn a_line_has_a_closed_form() {
    const REPEATS: usize = 60;
    let background = Background::uniform(random_rows(1, (150, 3), -1.0, 2.0));
    let truth = truth_of(&background.rows, line);
    for device in devices() {
        let effects = Effects::builder(model(3, line), background.clone()).seed(9).build(&device).unwrap();
        let axes = [Axis::number("a", 0), Axis::number("b", 1), Axis::number("unused", 2)];
        let found = effects.permutation(&axes, &truth, Loss::SquaredError, REPEATS, 4).unwrap();
        for (found, slope) in found.iter().zip([3.0, -0.5f64]) {
            // The truth is the model's own output, row by row, although the rows are shuffled.
            assert_eq!(found.loss, 0.0);
            let of_axis =
                slope * slope * variance(&background, axes.iter().position(|a| a.name == found.axis).unwrap());
            // Σ x·x' over random permutations has variance (Σ(x − x̄)²)²/(n − 1), so a repeat's rise 2β²v(1 ± 1/√(n − 1)).
            let error = 2.0 * of_axis / (149.0 * REPEATS as f64).sqrt();
            assert!((found.rise - 2.0 * of_axis).abs() < 4.0 * error, "{found:?} for {} ± {error}", 2.0 * of_axis);
            // A standard error from 60 repeats is itself off by 1/√(2·59) = 9 %.
            assert!((found.stderr / error - 1.0).abs() < 0.37, "{found:?}: stderr for {error}");
        }
        assert_eq!((found[2].rise, found[2].stderr), (0.0, 0.0), "the model does not look at it");
    }
}

#[test]
fn weights_choose_rows_and_donors() {
    let weights: Vec<f32> = noise(2, 120, 0.0, 1.0).iter().map(|w| if *w < 0.2 { 0.0 } else { w * w }).collect();
    let background = weighted(random_rows(3, (120, 2), -1.0, 2.0), &weights);
    let mut truth = truth_of(&background.rows, line);
    // Rows of no weight do not count, whatever their truth.
    (0..120).filter(|&row| weights[row] == 0.0).for_each(|row| truth[0][row] = 1e6);
    assert!(weights.contains(&0.0));
    for device in devices() {
        let effects = Effects::builder(model(2, line), background.clone()).build(&device).unwrap();
        let found = effects.permutation(&[Axis::number("a", 0)], &truth, Loss::SquaredError, 80, 5).unwrap().remove(0);
        assert_eq!(found.loss, 0.0);
        let expected = 2.0 * 9.0 * variance(&background, 0);
        assert!((found.rise - expected).abs() < 4.0 * found.stderr, "{found:?} for {expected}");
        assert!(found.stderr < 0.05 * expected, "{found:?}: wide enough for any answer");
    }
}

#[test]
fn features_of_an_axis_move_together() {
    let hot = Array2::from_shape_fn((30, 2), |(row, feature)| f32::from(u8::from(row % 2 == feature)));
    let sum = |x: &[f32]| [x[0] + x[1]];
    let truth = truth_of(&hot, sum);
    for device in devices() {
        let effects = Effects::builder(model(2, sum), Background::uniform(hot.clone())).build(&device).unwrap();
        let axes = [one_hot("hot", &[0, 1]), Axis::number("half", 0)];
        let found = effects.permutation(&axes, &truth, Loss::SquaredError, 5, 0).unwrap();
        assert_eq!(found[0].rise, 0.0, "every category sums to 1");
        assert!(found[1].rise > 0.1, "{:?}", found[1]);
    }
}

fn probabilities(x: &[f32]) -> [f32; 2] {
    let p = 1.0 / (1.0 + (-2.0 * x[0]).exp());
    [1.0 - p, if x[0] > 0.95 { 1.0 } else { p }]
}

#[test]
fn log_loss_is_of_the_probability_of_what_was_true() {
    let rows = random_rows(4, (50, 1), -1.0, 1.0);
    let truth: Vec<Vec<f64>> =
        [1.0, 0.0].iter().map(|&of| (0..50).map(|row| if row % 4 == 0 { of } else { 1.0 - of }).collect()).collect();
    for device in devices() {
        let effects =
            Effects::builder(model(1, probabilities), Background::uniform(rows.clone())).build(&device).unwrap();
        let found = effects.permutation(&[Axis::number("a", 0)], &truth, Loss::LogLoss, 3, 0).unwrap();
        for (k, found) in found.iter().enumerate() {
            let term = |row: usize| {
                let p = f64::from(probabilities(&[rows[(row, 0)]])[k])
                    .clamp(f64::from(f32::EPSILON), 1.0 - f64::from(f32::EPSILON));
                -(if truth[k][row] == 1.0 { p } else { 1.0 - p }).ln()
            };
            let loss = (0..50).map(term).sum::<f64>() / 50.0;
            // The same outputs and formula; only the order of 50 terms below 16 differs.
            assert!((found.loss - loss).abs() < 50.0 * 16.0 * f64::EPSILON, "{k}: {} for {loss}", found.loss);
            assert!(found.rise.is_finite() && found.output == format!("y{k}"));
        }
    }
}

fn run(seed: u64, repeats: usize, device: &Device) -> Vec<Importance> {
    let background = Background::uniform(random_rows(6, (40, 2), 0.0, 1.0));
    let truth = truth_of(&background.rows, |x| [x[0]]);
    let effects = Effects::builder(model(2, line), background).build(device).unwrap();
    effects
        .permutation(&[Axis::number("a", 0), Axis::number("b", 1)], &truth, Loss::SquaredError, repeats, seed)
        .unwrap()
}

#[test]
fn a_seed_gives_the_same_shuffles() {
    for device in devices() {
        let rises = |seed: u64| run(seed, 4, &device).iter().map(|found| found.rise).collect::<Vec<f64>>();
        assert_eq!(rises(1), rises(1));
        assert_ne!(rises(1), rises(2));
    }
    let (cpu, once) = (run(1, 4, &Device::cpu()), run(1, 1, &Device::cpu()));
    assert!(once.iter().all(|found| found.stderr.is_nan()), "one repeat has no error");
    for device in devices() {
        for (one, other) in run(1, 4, &device).iter().zip(&cpu) {
            assert!((one.rise - other.rise).abs() <= rounding(4, 9.0), "{one:?} {other:?}");
        }
    }
}

#[test]
fn wrong_truths_are_refused() {
    let background = Background::uniform(random_rows(7, (6, 2), 2.0, 3.0));
    let effects = Effects::builder(model(2, line), background).build(&Device::cpu()).unwrap();
    let refused = |truth: &[Vec<f64>], loss: Loss, repeats: usize| {
        let found = effects.permutation(&[Axis::number("a", 0)], truth, loss, repeats, 0);
        let Err(Error::Input { message, hint: Some(_) }) = found else { panic!("not refused: {found:?}") };
        message
    };
    assert!(refused(&[vec![0.0; 6]], Loss::SquaredError, 0).contains("at least 1 repeat"));
    assert!(refused(&[vec![0.0; 5]], Loss::SquaredError, 2).contains("(1, 6)"));
    assert!(refused(&[], Loss::SquaredError, 2).contains("(1, 6)"));
    assert!(refused(&[vec![0.0, 1.0, f64::NAN, 0.0, 0.0, 0.0]], Loss::SquaredError, 2).contains("row 3"));
    assert!(refused(&[vec![0.0, 1.0, 0.0, 0.5, 0.0, 0.0]], Loss::LogLoss, 2).contains("0 or 1"));
    assert!(refused(&[vec![1.0; 6]], Loss::LogLoss, 2).contains("probabilities"), "outputs are above 1");
}
