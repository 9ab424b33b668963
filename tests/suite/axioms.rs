//! Axioms of the Shapley value (Shapley 1953), and identities of the design matrix that need no model.

use burn::tensor::Tensor;
use ndarray::{Array2, ArrayView2};
use pellucid::Device;
use pellucid::data::Background;
use pellucid::design::{Budget, Design, DesignChoice, Estimator, Request, Variances};
use pellucid::explain::{Explanation, KernelShap, Link};
use pellucid::model::HostFn;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Attributions go through f32 outputs of size ≤ 20 and sums of a few hundred of them.
const TOLERANCE: f32 = 2e-5 * 20.0;

const DESIGNS: [DesignChoice; 4] =
    [DesignChoice::Exact, DesignChoice::Permutation, DesignChoice::Crossed, DesignChoice::PerBackground];

fn table(rows: usize, columns: usize, seed: u64) -> Array2<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array2::from_shape_fn((rows, columns), |_| rng.random_range(-2.0..2.0))
}

fn names(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("x{i}")).collect()
}

/// A smooth function with interactions of order three.
fn wavy(row: &[f32], weights: &[f32]) -> f32 {
    let linear: f32 = row.iter().zip(weights).map(|(x, w)| x * w).sum();
    let product = row[0] * row[row.len() / 2] * row[row.len() - 1];
    linear.sin() + 0.5 * product + linear
}

fn explain<F>(function: F, n: usize, choice: DesignChoice, background: &Array2<f32>, rows: &Array2<f32>) -> Explanation
where
    F: Fn(&[f32]) -> f32 + Send + Sync + 'static,
{
    explain_all(move |row| vec![function(row)], 1, n, choice, background, rows)
}

fn explain_all<F>(
    function: F,
    outputs: usize,
    n: usize,
    choice: DesignChoice,
    background: &Array2<f32>,
    rows: &Array2<f32>,
) -> Explanation
where
    F: Fn(&[f32]) -> Vec<f32> + Send + Sync + 'static,
{
    let predict = move |rows: ArrayView2<f32>| {
        let values: Vec<f32> = rows.outer_iter().flat_map(|row| function(&row.to_vec())).collect();
        Array2::from_shape_vec((rows.nrows(), outputs), values).unwrap()
    };
    let budget = if choice == DesignChoice::Exact { Budget::Exact } else { Budget::Rows(40 * n * background.nrows()) };
    let names_of_outputs = (0..outputs).map(|k| format!("y{k}")).collect();
    KernelShap::builder(HostFn::new(names(n), names_of_outputs, predict), Background::uniform(background.clone()))
        .design(choice)
        .budget(budget)
        .seed(7)
        .build(&Device::cpu())
        .unwrap()
        .explain(rows.view())
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn efficiency(seed in 0u64..1000, n in 2usize..9, which in 0usize..4) {
        let weights: Vec<f32> = table(1, n, seed + 1).into_iter().collect();
        let got = explain(move |row| wavy(row, &weights), n, DESIGNS[which], &table(5, n, seed), &table(3, n, seed + 2));
        prop_assert!(got.worst_additivity_gap() < f64::from(TOLERANCE), "gap {}", got.worst_additivity_gap());
    }

    /// φ(2f − g) = 2φ(f) − φ(g), as three outputs of one run: a run's matrix is fixed.
    #[test]
    fn linearity(seed in 0u64..1000, n in 2usize..9, which in 0usize..4) {
        let a: Vec<f32> = table(1, n, seed + 1).into_iter().collect();
        let b: Vec<f32> = table(1, n, seed + 3).into_iter().collect();
        let three = move |row: &[f32]| {
            let (f, g) = (wavy(row, &a), wavy(row, &b));
            vec![f, g, 2.0 * f - g]
        };
        let got = explain_all(three, 3, n, DESIGNS[which], &table(4, n, seed), &table(2, n, seed + 2)).values;
        for (row, i) in ndarray::indices((2, n)) {
            let expected = 2.0 * got[(row, 0, i)] - got[(row, 1, i)];
            prop_assert!((got[(row, 2, i)] - expected).abs() < TOLERANCE, "{} for {expected}", got[(row, 2, i)]);
        }
    }

    #[test]
    fn dummy_and_symmetry(seed in 0u64..1000, n in 3usize..8) {
        let mut background = table(4, n, seed);
        let mut rows = table(2, n, seed + 2);
        for table in [&mut background, &mut rows] {
            let first = table.column(0).to_owned();
            table.column_mut(1).assign(&first);
        }
        let got = explain(|row| (row[0] + row[1]).cos() * (1.0 + row[0] * row[1]), n, DesignChoice::Exact, &background, &rows);
        for row in 0..2 {
            let value = |i| got.values[(row, 0, i)];
            prop_assert!((value(0) - value(1)).abs() < TOLERANCE);
            prop_assert!((2..n).all(|i| value(i).abs() < TOLERANCE));
        }
    }
}

#[test]
fn linear_models_are_exact_in_every_design() {
    let n = 12;
    let weights: Vec<f32> = table(1, n, 5).into_iter().collect();
    let (background, rows) = (table(10, n, 6), table(3, n, 7));
    let means = background.mean_axis(ndarray::Axis(0)).unwrap();
    for choice in DESIGNS {
        let w = weights.clone();
        let linear = move |row: &[f32]| row.iter().zip(&w).map(|(x, w)| x * w).sum();
        let got = explain(linear, n, choice, &background, &rows);
        for ((row, _, i), &value) in got.values.indexed_iter() {
            let expected = weights[i] * (rows[(row, i)] - means[i]);
            assert!((value - expected).abs() < TOLERANCE, "{choice:?} row {row} player {i}: {value} for {expected}");
        }
    }
}

/// The contrast of a pair under a game given by its values.
fn contrast(design: &Design, pair: usize, game: &dyn Fn(&[bool]) -> f64) -> f64 {
    let n = design.n_players;
    let z: Vec<bool> = (0..n).map(|i| design.pairs.contains(pair, i)).collect();
    let other: Vec<bool> = z.iter().map(|member| !member).collect();
    let span = game(&vec![true; n]) - game(&vec![false; n]);
    game(&z) - game(&other) - f64::from(design.tilts()[pair]) * span
}

/// A round of a design and its matrix, without a model: order-1 and order-3 terms of equal variance, and next to no noise.
struct Solved {
    design: Design,
    estimator: Estimator,
    name: String,
}

impl Solved {
    fn attributions(&self, game: &dyn Fn(&[bool]) -> f64) -> Vec<f64> {
        let n = self.design.n_players;
        let span = game(&vec![true; n]) - game(&vec![false; n]);
        let d: Vec<f64> = (0..self.design.n_pairs()).map(|p| contrast(&self.design, p, game)).collect();
        let matrix = &self.estimator.matrix;
        (0..n)
            .map(|i| span / n as f64 + d.iter().enumerate().map(|(p, d)| f64::from(matrix[(i, p)]) * d).sum::<f64>())
            .collect()
    }
}

impl Solved {
    /// The matrix is rounded to f32: ε Σ |M_ip d_p|.
    fn rounding(&self, game: &dyn Fn(&[bool]) -> f64) -> f64 {
        let pairs = 0..self.design.n_pairs();
        let column =
            |p: usize| self.estimator.matrix.column(p).iter().take(self.design.n_players).map(|m| m.abs()).sum::<f32>();
        f64::from(f32::EPSILON)
            * pairs.map(|p| f64::from(column(p)) * contrast(&self.design, p, game).abs()).sum::<f64>()
    }
}

fn solve(n: usize, choice: DesignChoice) -> Solved {
    let background = Background::uniform(table(6, n, 1));
    let player_of: Vec<u32> = (0..n as u32).collect();
    let budget = if choice == DesignChoice::Exact { Budget::Exact } else { Budget::Rows(30 * n * 6 * 2) };
    let request = Request {
        hierarchy: None,
        n_players: n,
        player_of: &player_of,
        background: &background,
        link: Link::Identity,
        budget,
        choice,
        surrogate: false,
        seed: 3,
    };
    let plan = request.plan(1).unwrap();
    let variances = Variances { one: 1.0, own: 0.0, cross: 0.0, row: 0.0, three: 0.1, five: 0.0, noise: 1e-6 };
    Solved { design: plan.rounds[0].clone(), estimator: plan.estimator(0, Some(&variances)), name: plan.name.clone() }
}

/// G needs no model to be tested: every design is exact on games of order ≤ 2 (Fumagalli et al. 2026: pairs make order 1 exact on order 2),
/// and its attributions of any game add up to v1 − v0.
#[test]
fn matrices_are_exact_on_games_of_order_two() {
    let n = 9;
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mains: Vec<f64> = (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
    let twos = Array2::from_shape_fn((n, n), |_| rng.random_range(-1.0f64..1.0));
    let game = |z: &[bool]| {
        let members: Vec<usize> = (0..n).filter(|&i| z[i]).collect();
        let main: f64 = members.iter().map(|&i| mains[i]).sum();
        let pairs: f64 = members
            .iter()
            .flat_map(|&i| members.iter().map(move |&j| (i, j)))
            .filter(|(i, j)| i < j)
            .map(|ij| twos[ij])
            .sum();
        main + pairs + 4.0
    };
    for choice in DESIGNS {
        let solved = solve(n, choice);
        let got = solved.attributions(&game);
        for i in 0..n {
            let shared: f64 = (0..n).filter(|&j| j != i).map(|j| twos[(i.min(j), i.max(j))] / 2.0).sum();
            let expected = mains[i] + shared;
            assert!((got[i] - expected).abs() < 1e-5, "{}: player {i}: {} for {expected}", solved.name, got[i]);
        }
    }
}

#[test]
fn matrices_are_efficient_and_blind_to_constant_games() {
    let n = 9;
    let game =
        |z: &[bool]| z.iter().enumerate().map(|(i, &m)| f64::from(m as u8) * (i as f64 + 1.0)).sum::<f64>().sin() * 3.0;
    for choice in DESIGNS {
        let solved = solve(n, choice);
        let got = solved.attributions(&game);
        let span = game(&[true; 9]) - game(&[false; 9]);
        let tolerance = solved.rounding(&game);
        assert!((got.iter().sum::<f64>() - span).abs() < tolerance, "{}: tolerance {tolerance:e}", solved.name);
        assert!(solved.attributions(&|_| 5.0).iter().all(|value| value.abs() < 1e-6), "{}", solved.name);
    }
}

/// Same seed, same bits; another seed, another draw.
#[test]
fn runs_repeat_bit_for_bit() {
    let n = 14;
    let run = |seed| {
        let model = pellucid::model::TensorFn::new(names(n), vec!["y".into()], |x: Tensor<2>| x.sum_dim(1).sin());
        KernelShap::builder(model, Background::uniform(table(20, n, 1)))
            .budget(Budget::Rows(900))
            .seed(seed)
            .build(&Device::cpu())
            .unwrap()
            .explain(table(9, n, 2).view())
            .unwrap()
    };
    let (first, again, other) = (run(4), run(4), run(5));
    assert_eq!(first.values, again.values);
    assert_eq!(first.stderr, again.stderr);
    assert_ne!(first.values, other.values);
}

/// The general path, with every pair drawn, is the exact one: the regression over all coalitions is the Shapley value.
#[test]
fn designs_by_row_agree_with_the_fixed_matrix() {
    let n = 6;
    let (background, rows) = (table(5, n, 1), table(4, n, 2));
    let weights: Vec<f32> = table(1, n, 3).into_iter().collect();
    for device in pellucid_tests::devices() {
        let run = |choice, budget, by_row: bool| {
            let weights = weights.clone();
            let predict = move |rows: ArrayView2<f32>| {
                let values: Vec<f32> = rows.outer_iter().map(|row| wavy(&row.to_vec(), &weights)).collect();
                Array2::from_shape_vec((rows.nrows(), 1), values).unwrap()
            };
            let model = HostFn::new(names(n), vec!["y".into()], predict);
            let builder =
                KernelShap::builder(model, Background::uniform(background.clone())).design(choice).budget(budget);
            let builder = if by_row { builder.draw_per_row() } else { builder };
            builder.build(&device).unwrap().explain(rows.view()).unwrap()
        };
        let exact = run(DesignChoice::Exact, Budget::Exact, false);
        let all = run(DesignChoice::Crossed, Budget::Rows(5 * 62 + 1), true);
        assert!(
            (&all.values - &exact.values).iter().all(|e| e.abs() < TOLERANCE),
            "{} for {}",
            all.values,
            exact.values
        );
        let some = run(DesignChoice::PerBackground, Budget::Rows(401), true);
        let missed = (&some.values - &exact.values) / &some.stderr;
        assert!(missed.iter().all(|z| z.abs() < 6.0), "errors in standard errors: {missed}");
        assert!(some.worst_additivity_gap() < f64::from(TOLERANCE));
    }
}
