//! tests/fixtures/oracles/drift: SciPy and scikit-learn.

use pellucid::drift::{
    attribution_distance, benjamini_hochberg, chi_square, jensen_shannon, ks_p, ks_statistic, ndcg, psi,
};
use pellucid_tests::fixture;
use serde_json::Value;

/// Relative, of sums of up to a few hundred positive terms in f64; p-values come by way of a logarithm or an incomplete gamma function.
const CLOSE: f64 = 1e-12;
const CLOSE_P: f64 = 1e-10;

fn cases(key: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(fixture("oracles/drift/oracles.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    all[key].as_array().unwrap().clone()
}

fn numbers(case: &Value, key: &str) -> Vec<f64> {
    case[key].as_array().unwrap_or_else(|| panic!("{key} of {case}")).iter().map(|x| x.as_f64().unwrap()).collect()
}

fn counts(case: &Value, key: &str) -> Vec<u64> {
    case[key].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect()
}

#[track_caller]
fn close(found: f64, case: &Value, key: &str, tolerance: f64) {
    let expected = case[key].as_f64().unwrap();
    // Below the spacing of sums of size 1 nothing is left to compare.
    assert!(
        (found - expected).abs() <= tolerance * expected.abs() + 4.0 * f64::EPSILON * tolerance / CLOSE,
        "{key}: {found}, {expected} in {case}"
    );
}

#[test]
fn distances_are_as_written_out_in_numpy_and_by_scipy() {
    let all = cases("counts");
    assert_eq!(all.len(), 11);
    for case in &all {
        let (a, b) = (counts(case, "a"), counts(case, "b"));
        close(psi(&a, &b), case, "psi", CLOSE);
        // A root magnifies the rounding of what is nearly 0.
        let js = jensen_shannon(&a, &b);
        let expected = case["js"].as_f64().unwrap();
        assert!((js * js - expected * expected).abs() <= 1e-15 + CLOSE * expected * expected, "{js}, {expected}");
    }
}

#[test]
fn chi_square_is_scipys() {
    let all = cases("chi_square");
    assert_eq!(all.len(), 6);
    for case in &all {
        let found = chi_square(&counts(case, "a"), &counts(case, "b")).unwrap();
        close(found.statistic, case, "statistic", CLOSE);
        close(found.p, case, "p", CLOSE_P);
        assert_eq!((found.degrees, found.pooled), (case["degrees"].as_u64().unwrap(), 0));
    }
}

#[test]
fn kolmogorov_smirnov_is_scipys() {
    let all = cases("ks");
    assert_eq!(all.len(), 6);
    for case in &all {
        let [mut a, mut b] = [numbers(case, "a"), numbers(case, "b")];
        a.sort_by(f64::total_cmp);
        b.sort_by(f64::total_cmp);
        close(ks_statistic(&a, &b), case, "statistic", CLOSE);
        let (found, expected) = (ks_p(&a, &b), case["p"].as_f64().unwrap());
        assert!((found / expected - 1.0).abs() < CLOSE_P, "{found}, {expected}");
    }
}

/// Beyond 4 million pairs the limit takes over.
#[test]
fn the_limit_is_scipys() {
    let all = cases("limit");
    assert_eq!(all.len(), 4);
    for case in &all {
        let [n, m, shift] = ["n", "m", "shift"].map(|key| case[key].as_u64().unwrap());
        let a: Vec<f64> = (0..n).map(|i| i as f64 / n as f64).collect();
        let b: Vec<f64> = (0..m).map(|i| (i + shift) as f64 / m as f64).collect();
        close(ks_statistic(&a, &b), case, "statistic", CLOSE);
        let (found, expected) = (ks_p(&a, &b), case["p"].as_f64().unwrap());
        assert!((found / expected - 1.0).abs() < 1e-9, "{found}, {expected}");
    }
}

#[test]
fn corrected_p_values_are_scipys() {
    for case in &cases("bh") {
        let found = benjamini_hochberg(&numbers(case, "p"));
        for (found, expected) in found.iter().zip(numbers(case, "adjusted")) {
            assert!((found - expected).abs() < CLOSE, "{found}, {expected}");
        }
    }
    let with_gaps = benjamini_hochberg(&[0.01, f64::NAN, 0.04]);
    assert!(with_gaps[1].is_nan());
    assert_eq!((with_gaps[0], with_gaps[2]), (0.02, 0.04));
}

#[test]
fn ndcg_is_scikit_learns() {
    let all = cases("ndcg");
    assert_eq!(all.len(), 13);
    for case in &all {
        close(ndcg(&numbers(case, "baseline"), &numbers(case, "data")).unwrap(), case, "ndcg", CLOSE);
    }
    // The example of the reference's guide, by hand: (0.05 + 0.5/log₂3 + 0.7/2) / (0.7 + 0.5/log₂3 + 0.05/2).
    let by_hand = (0.05 + 0.5 / 3f64.log2() + 0.35) / (0.7 + 0.5 / 3f64.log2() + 0.025);
    let found = ndcg(&[0.70, 0.50, 0.05], &[0.10, 0.20, 0.70]).unwrap();
    assert!((found - by_hand).abs() < CLOSE && (found - 0.6876).abs() < 5e-5, "{found}");
}

#[test]
fn where_there_is_no_ndcg_the_reason_is_told() {
    for (baseline, data, why) in [
        (&[0.5][..], &[0.5][..], "one player alone has no order"),
        (&[0.5, -0.1], &[0.1, 0.2], "the baseline has negative values, which are no gains; aggregate |φ| or φ²"),
        (&[0.0, 0.0], &[0.1, 0.2], "all attributions of the baseline are 0"),
        (&[0.5, 0.1], &[0.1, f64::NAN], "an attribution is not a finite number"),
        (&[0.5, 0.1], &[0.1], "the explanations have different numbers of players"),
    ] {
        assert_eq!(ndcg(baseline, data).unwrap_err(), why);
    }
}

/// What nDCG cannot see.
#[test]
fn the_distance_sees_size() {
    let baseline = [0.70, 0.50, 0.05];
    let tenth = baseline.map(|x| 0.1 * x);
    assert_eq!(ndcg(&baseline, &tenth), Ok(1.0));
    assert!((attribution_distance(&baseline, &tenth) - 0.9).abs() < CLOSE);
    assert_eq!(attribution_distance(&baseline, &baseline), 0.0);
    assert_eq!(attribution_distance(&[1.0, 0.0], &[0.0, 2.0]), 1.0);
    assert_eq!(attribution_distance(&[0.0], &[0.0]), 0.0);
    // (0.6 + 0.3 + 0.65) / (0.7 + 0.5 + 0.7)
    assert!((attribution_distance(&baseline, &[0.10, 0.20, 0.70]) - 1.55 / 1.9).abs() < CLOSE);
}
