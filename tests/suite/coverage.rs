//! Standard errors mean what they say: intervals of ±1.96 standard errors cover the exact value as often as they should.

use ndarray::{Array2, ArrayView2};
use pellucid::Device;
use pellucid::data::Background;
use pellucid::design::{Budget, DesignChoice};
use pellucid::explain::{Explanation, KernelShap};
use pellucid::model::HostFn;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const PLAYERS: usize = 12;
const ROWS: usize = 40;
const SEEDS: u64 = 6;

/// 95 % intervals are to cover 93–97 % of known values. Errors of one run are correlated over rows, so a figure over six seeds scatters by
/// about one percent (the spread over seeds); it may miss by two of those.
const COVERED: std::ops::RangeInclusive<f64> = 0.91..=0.99;

fn table(rows: usize, seed: u64) -> Array2<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array2::from_shape_fn((rows, PLAYERS), |_| rng.random_range(-1.5..1.5))
}

/// A small network with fixed random weights: interactions of every order.
fn network(rows: ArrayView2<f32>) -> Array2<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(99);
    let inner = Array2::from_shape_fn((PLAYERS, 16), |_| rng.random_range(-0.8f32..0.8));
    let outer = Array2::from_shape_fn((16, 1), |_| rng.random_range(-1.0f32..1.0));
    rows.dot(&inner).mapv(f32::tanh).dot(&outer)
}

fn explain(choice: DesignChoice, budget: Budget, seed: u64) -> Explanation {
    let names = (0..PLAYERS).map(|i| format!("x{i}")).collect();
    KernelShap::builder(HostFn::new(names, vec!["y".into()], network), Background::uniform(table(20, 1)))
        .design(choice)
        .budget(budget)
        .seed(seed)
        .pilot(table(16, 3))
        .build(&Device::cpu())
        .unwrap()
        .explain(table(ROWS, 2).view())
        .unwrap()
}

#[test]
fn intervals_cover_exact_values() {
    let exact = explain(DesignChoice::Exact, Budget::Exact, 0);
    for (choice, rows) in [
        (DesignChoice::PerBackground, 801),
        (DesignChoice::Auto, 3201),
        (DesignChoice::Crossed, 12_001),
        (DesignChoice::Permutation, 2001),
    ] {
        let mut covered = 0;
        for seed in 1..=SEEDS {
            let got = explain(choice, Budget::Rows(rows), seed);
            let inside = got
                .values
                .iter()
                .zip(&exact.values)
                .zip(&got.stderr)
                .filter(|((v, e), se)| (*v - *e).abs() <= 1.96 * **se);
            covered += inside.count();
        }
        let share = covered as f64 / (SEEDS as usize * ROWS * PLAYERS) as f64;
        println!("{choice:?} at {rows} rows: {:.1} % covered", 100.0 * share);
        // Walks on single background rows count the rows' differences as chance: on the safe side.
        let safe = choice == DesignChoice::Permutation && share > *COVERED.start();
        assert!(safe || COVERED.contains(&share), "{choice:?} at {rows} rows covers {:.1} %", 100.0 * share);
    }
}
