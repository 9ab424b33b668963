//! Pairwise Shapley interaction values: against shapiq, the definition, games that are known, and their own intervals.

use ndarray::{Array2, ArrayView2, s};
use pellucid::data::Background;
use pellucid::design::{Budget, DesignChoice, player_pairs};
use pellucid::explain::{Explanation, Interactions, KernelShap, Link, total};
use pellucid::model::HostFn;
use pellucid::{Device, Error};
use pellucid_tests::{devices, fixture};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

fn names(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("x{i}")).collect()
}

fn table(rows: usize, columns: usize, seed: u64) -> Array2<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array2::from_shape_fn((rows, columns), |_| rng.random_range(-1.5..1.5))
}

/// Explains rows by a function of a row, with interactions.
fn explain<F>(
    function: F,
    (choice, budget, seed): (DesignChoice, Budget, u64),
    (background, rows): (&Array2<f32>, &Array2<f32>),
    device: &Device,
) -> Explanation
where
    F: Fn(&[f32]) -> f32 + Send + Sync + 'static,
{
    let predict = move |rows: ArrayView2<f32>| {
        let values: Vec<f32> = rows.outer_iter().map(|row| function(&row.to_vec())).collect();
        Array2::from_shape_vec((rows.nrows(), 1), values).unwrap()
    };
    let model = HostFn::new(names(background.ncols()), vec!["y".into()], predict);
    KernelShap::builder(model, Background::uniform(background.clone()))
        .design(choice)
        .budget(budget)
        .seed(seed)
        .pilot(table(16, background.ncols(), 9))
        .interactions()
        .build(device)
        .unwrap()
        .explain(rows.view())
        .unwrap()
}

fn interactions(explanation: &Explanation) -> &Interactions {
    explanation.interactions.as_ref().unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

#[test]
fn a_random_game_as_shapiq_has_it() {
    let oracle: Value =
        serde_json::from_str(&std::fs::read_to_string(fixture("oracles/shapley_interactions.json")).unwrap()).unwrap();
    let (n, game) = (oracle["n_players"].as_u64().unwrap() as usize, numbers(&oracle["game"]));
    let largest = game.iter().fold(0.0, |a: f64, x| a.max(x.abs()));
    // Contrasts of four values and a matrix of numbers whose absolute values sum to at most 2 are f32; so are products and their sums.
    let tolerance = 16.0 * f64::from(f32::EPSILON) * 2.0 * 4.0 * largest;
    for device in devices() {
        let values = game.clone();
        let lookup =
            move |row: &[f32]| values[row.iter().enumerate().map(|(i, x)| (*x as usize) << i).sum::<usize>()] as f32;
        let (ends, row) = (Array2::zeros((1, n)), Array2::ones((1, n)));
        let found = explain(lookup, (DesignChoice::Exact, Budget::Exact, 0), (&ends, &row), &device);
        let shapley: Vec<f64> = found.values.slice(s![0, 0, ..]).iter().map(|&x| x.into()).collect();
        let matrix = interactions(&found).matrix(0, 0, &shapley);
        for ((i, j), expected) in player_pairs(n).zip(numbers(&oracle["sii"])) {
            assert!((matrix[(i, j)] - expected).abs() < tolerance, "{i} {j}: {} for {expected}", matrix[(i, j)]);
        }
        for (i, expected) in numbers(&oracle["k_sii_mains"]).into_iter().enumerate() {
            assert!((matrix[(i, i)] - expected).abs() < n as f64 * tolerance, "{i}: {} for {expected}", matrix[(i, i)]);
        }
        assert!(interactions(&found).stderr.iter().all(|&e| e == 0.0));
        let gain = game[game.len() - 1] - game[0];
        assert!((total(matrix.view()) - gain).abs() < (n * n) as f64 * tolerance);
    }
}

/// The definition, term by term, of a game whose values are means over the background.
#[test]
fn exact_values_are_the_definition() {
    const N: usize = 5;
    let function = |row: &[f32]| (row[0] * row[1] + row[2]).sin() + row[1] * row[3] * row[4] - row[0];
    let (background, rows) = (table(7, N, 1), table(3, N, 2));
    let found = explain(function, (DesignChoice::Exact, Budget::Exact, 0), (&background, &rows), &Device::cpu());
    let factorial = |k: usize| (1..=k).product::<usize>() as f64;
    for (r, row) in rows.outer_iter().enumerate() {
        let value = |coalition: usize| {
            let mixed = background.outer_iter().map(|b| {
                let cells: Vec<f32> = (0..N).map(|i| if coalition >> i & 1 == 1 { row[i] } else { b[i] }).collect();
                f64::from(function(&cells))
            });
            mixed.sum::<f64>() / 7.0
        };
        for (at, (i, j)) in player_pairs(N).enumerate() {
            let without = (0..1usize << N).filter(|c| c >> i & 1 == 0 && c >> j & 1 == 0);
            let expected: f64 = without
                .map(|c| {
                    let s = c.count_ones() as usize;
                    let second = value(c | 1 << i | 1 << j) - value(c | 1 << i) - value(c | 1 << j) + value(c);
                    factorial(s) * factorial(N - s - 2) / factorial(N - 1) * second
                })
                .sum();
            // Outputs up to 8 in f32, in sums of 32 of them.
            let tolerance = 32.0 * 8.0 * f64::from(f32::EPSILON);
            let got = f64::from(interactions(&found).values[(r, 0, at)]);
            assert!((got - expected).abs() < tolerance, "row {r}, {i} and {j}: {got} for {expected}");
        }
    }
}

/// Second-order games have no more unknowns than a sample of pairs tells.
#[test]
fn a_sample_tells_a_second_order_game_exactly() {
    const N: usize = 9;
    let function = |row: &[f32]| row[0] * row[1] - 2.0 * row[2] * row[7] + 0.5 * row[8] * row[8] + row[4];
    let (background, rows) = (table(1, N, 3), table(4, N, 4));
    for choice in [DesignChoice::Crossed, DesignChoice::Permutation] {
        let found = explain(function, (choice, Budget::Rows(241), 5), (&background, &rows), &Device::cpu());
        for (r, row) in rows.outer_iter().enumerate() {
            for (at, (i, j)) in player_pairs(N).enumerate() {
                let step = |i: usize| row[i] - background[(0, i)];
                let expected = match (i, j) {
                    (0, 1) => step(0) * step(1),
                    (2, 7) => -2.0 * step(2) * step(7),
                    _ => 0.0,
                };
                let got = interactions(&found).values[(r, 0, at)];
                // The variance of what the game lacks is not below 10⁻⁷ of the rest: 3·10⁻⁴ of the largest effect, 18.
                assert!((got - expected).abs() < 3e-4 * 18.0, "{choice:?}, row {r}, {i} and {j}: {got} for {expected}");
            }
        }
    }
}

const PLAYERS: usize = 12;
const ROWS: usize = 40;

/// A small network with fixed random weights: interactions of every order.
fn network() -> impl Fn(&[f32]) -> f32 + Send + Sync + Copy + 'static {
    let mut rng = ChaCha8Rng::seed_from_u64(99);
    let inner: [[f32; 16]; PLAYERS] = std::array::from_fn(|_| std::array::from_fn(|_| rng.random_range(-0.8..0.8)));
    let outer: [f32; 16] = std::array::from_fn(|_| rng.random_range(-1.0..1.0));
    move |row| {
        let unit = |j: usize| row.iter().zip(&inner).map(|(x, w)| x * w[j]).sum::<f32>().tanh();
        (0..16).map(|j| outer[j] * unit(j)).sum()
    }
}

/// 95 % intervals of sampled values hold the exact one about as often as they say; errors of a run go together, so six seeds scatter.
#[test]
fn intervals_cover_exact_values_and_errors_fall_with_the_budget() {
    let (background, rows) = (table(10, PLAYERS, 1), table(ROWS, PLAYERS, 2));
    let run = |choice, budget, seed| explain(network(), (choice, budget, seed), (&background, &rows), &Device::cpu());
    let exact = run(DesignChoice::Exact, Budget::Exact, 0);
    let exact = interactions(&exact).values.clone();
    let rms = |x: &ndarray::Array3<f32>| (x.iter().map(|v| f64::from(v * v)).sum::<f64>() / x.len() as f64).sqrt();
    let mut errors = Vec::new();
    for (choice, budget) in [(DesignChoice::Auto, 801), (DesignChoice::Auto, 3201), (DesignChoice::Crossed, 6401)] {
        let (mut covered, mut squares, mut cells) = (0, 0.0, 0);
        for seed in 1..=6 {
            let found = run(choice, Budget::Rows(budget), seed);
            let Interactions { values, stderr } = interactions(&found);
            let error = values - &exact;
            covered += error.iter().zip(stderr).filter(|(e, se)| e.abs() <= 1.96 * **se).count();
            squares += error.iter().map(|e| f64::from(e * e)).sum::<f64>();
            cells += error.len();
        }
        let (share, error) = (covered as f64 / cells as f64, (squares / cells as f64).sqrt());
        println!("{choice:?} at {budget}: {:.1} % covered, error {error:.5} of {:.5}", 100.0 * share, rms(&exact));
        assert!((0.90..=0.99).contains(&share), "{choice:?} at {budget} rows covers {:.1} %", 100.0 * share);
        errors.push(error);
    }
    // Between 801 and 3201 rows the standard error of plain sampling would halve.
    assert!(errors[1] < 0.6 * errors[0], "{errors:?}");
    assert!(errors[0] < 0.75 * rms(&exact) && errors[2] < 0.125 * rms(&exact), "{errors:?}");
}

#[test]
fn what_cannot_be_had_is_refused() {
    let build = |n: usize, per_row: bool| {
        let model = HostFn::new(names(n), vec!["y".into()], |rows: ArrayView2<f32>| rows.slice(s![.., ..1]).to_owned());
        let builder = KernelShap::builder(model, Background::uniform(table(4, n, 1))).budget(Budget::Rows(400));
        let builder = if per_row { builder.draw_per_row() } else { builder };
        builder.link(Link::Identity).interactions().build(&Device::cpu()).map(|_| ())
    };
    let message = |result: Result<(), Error>| result.unwrap_err().to_string();
    assert!(message(build(1, false)).contains("2 to 64"), "{}", message(build(1, false)));
    assert!(message(build(65, false)).contains("there are 65"));
    assert!(message(build(12, true)).contains("one design for all rows"));
    assert!(build(2, false).is_ok());
}
