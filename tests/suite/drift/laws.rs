//! Laws of the distances and tests, and of a table against itself.

use super::{column, drift};
use pellucid::drift::{attribution_distance, chi_square, jensen_shannon, ks_p, ks_statistic, psi};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn counts() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((0u64..200, 0u64..200), 1..12)
        .prop_filter("rows on both sides", |c| c.iter().any(|c| c.0 > 0) && c.iter().any(|c| c.1 > 0))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn distances_are_symmetric_in_their_ranges_and_0_for_equal_shares(counts in counts(), seed in 0usize..50) {
        let (a, b): (Vec<u64>, Vec<u64>) = counts.iter().copied().unzip();
        let (js, moved) = (jensen_shannon(&a, &b), psi(&a, &b));
        prop_assert!((js - jensen_shannon(&b, &a)).abs() < 1e-14 && (0.0..=1.0).contains(&js), "{js}");
        prop_assert!((moved - psi(&b, &a)).abs() < 1e-12 * (1.0 + moved) && moved >= 0.0, "{moved}");
        prop_assert!(psi(&a, &a) == 0.0 && jensen_shannon(&a, &a) < 1e-7);
        let mut turned = counts.clone();
        turned.rotate_left(seed % counts.len());
        let (c, d): (Vec<u64>, Vec<u64>) = turned.into_iter().unzip();
        prop_assert!((psi(&c, &d) - moved).abs() < 1e-12 * (1.0 + moved));
        prop_assert_eq!(chi_square(&a, &b).is_some(), chi_square(&c, &d).is_some());
    }

    #[test]
    fn the_attribution_distance_is_a_metric(players in prop::collection::vec((0.0f64..1.0, 0.0f64..1.0, 0.0f64..1.0), 1..8)) {
        let of = |k: fn(&(f64, f64, f64)) -> f64| players.iter().map(k).collect::<Vec<f64>>();
        let (a, b, c) = (of(|p| p.0), of(|p| p.1), of(|p| p.2));
        let (ab, bc, ac) = (attribution_distance(&a, &b), attribution_distance(&b, &c), attribution_distance(&a, &c));
        prop_assert!((0.0..=1.0).contains(&ab) && (ab - attribution_distance(&b, &a)).abs() < 1e-14);
        prop_assert!(ac <= ab + bc + 1e-14, "{ac} > {ab} + {bc}");
    }

    /// All ways to split n + m numbers into two samples are equally likely: p is their share that is as far apart or farther.
    #[test]
    fn the_exact_p_value_counts_the_splits(n in 1usize..5, m in 1usize..5, pick in 0u32..1000) {
        let splits: Vec<u32> = (0u32..1 << (n + m)).filter(|bits| bits.count_ones() as usize == n).collect();
        let samples = |bits: u32| -> (Vec<f64>, Vec<f64>) {
            let (a, b): (Vec<usize>, Vec<usize>) = (0..n + m).partition(|&i| bits >> i & 1 == 1);
            (a.into_iter().map(|i| i as f64).collect(), b.into_iter().map(|i| i as f64).collect())
        };
        let gap = |bits: u32| { let (a, b) = samples(bits); ks_statistic(&a, &b) };
        let chosen = splits[pick as usize % splits.len()];
        let farther = splits.iter().filter(|&&bits| gap(bits) >= gap(chosen) - 1e-12).count();
        let (a, b) = samples(chosen);
        prop_assert!((ks_p(&a, &b) - farther as f64 / splits.len() as f64).abs() < 1e-12);
    }

    #[test]
    fn a_table_against_itself_in_any_order_does_not_drift(cells in prop::collection::vec((-3i32..3, 0u8..4), 1..80), seed in 0usize..80) {
        let csv = |rows: &[(i32, u8)]| rows.iter().fold("x,c\n".to_string(), |text, (x, c)| format!("{text}{x},k{c}\n"));
        let mut moved = cells.clone();
        moved.rotate_left(seed % cells.len());
        moved.reverse();
        let found = drift(&csv(&cells), &csv(&moved));
        for column in &found.columns {
            prop_assert!(!column.drifted && !column.missing_drifted, "{column:?}");
            prop_assert_eq!(column.psi.unwrap_or(0.0), 0.0);
            prop_assert!(column.p.is_none_or(|p| p > 1.0 - 1e-12), "{:?}", column.p);
        }
    }
}

/// Of many pairs of samples from one distribution the p-values are spread evenly. The largest gap to the even distribution is beyond
/// 1.95/√n in one of a thousand seeds (Kolmogorov), and this seed is not one of them.
#[test]
fn p_values_are_even_where_nothing_drifts() {
    const TRIALS: usize = 1000;
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut sample = |n: usize| -> Vec<f64> {
        let mut values: Vec<f64> = (0..n).map(|_| random.random()).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let ks: Vec<f64> = (0..TRIALS).map(|_| ks_p(&sample(211), &sample(307))).collect();
    let in_bins = |values: Vec<f64>| {
        let mut counts = vec![0u64; 5];
        values.iter().for_each(|x| counts[(x * 5.0) as usize] += 1);
        counts
    };
    let chi: Vec<f64> =
        (0..TRIALS).map(|_| chi_square(&in_bins(sample(400)), &in_bins(sample(900))).unwrap().p).collect();
    for (name, mut p) in [("KS", ks), ("chi-square", chi)] {
        p.sort_by(f64::total_cmp);
        let gap = |(i, p): (usize, &f64)| {
            (p - i as f64 / TRIALS as f64).abs().max((p - (i + 1) as f64 / TRIALS as f64).abs())
        };
        let largest = p.iter().enumerate().map(gap).fold(0.0, f64::max);
        assert!(largest < 1.95 / (TRIALS as f64).sqrt(), "{name}: {largest}");
    }
}

/// A shift of half a standard deviation has a PSI of about 0.25, whatever the number of rows.
#[test]
fn effect_and_significance_are_both_needed() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut normal = |n: usize, mean: f64| {
        let one = |r: &mut ChaCha8Rng| (0..12).map(|_| r.random::<f64>()).sum::<f64>() - 6.0 + mean;
        column("x", (0..n).map(|_| one(&mut random)).collect::<Vec<f64>>())
    };
    let found = drift(&normal(20_000, 0.0), &normal(20_000, 0.6));
    let moved = &found.columns[0];
    assert!(moved.drifted && moved.psi.unwrap() > 0.3 && moved.p.unwrap() < 1e-100, "{moved:?}");
    // Significant but small.
    let found = drift(&normal(20_000, 0.0), &normal(20_000, 0.1));
    let moved = &found.columns[0];
    assert!(!moved.drifted && moved.p_adjusted.unwrap() < 0.001 && moved.psi.unwrap() < 0.05, "{moved:?}");
    // Large but perhaps chance.
    let found = drift(&normal(15, 0.0), &normal(15, 0.3));
    let moved = &found.columns[0];
    assert!(!moved.drifted && moved.psi.unwrap() > 0.2 && moved.p.unwrap() > 0.05, "{moved:?}");
    assert!(moved.notes.iter().any(|note| note.contains("by chance")), "{:?}", moved.notes);
}
