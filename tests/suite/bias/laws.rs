//! Laws that hold for any table.

use super::{csv, measured, request, text};
use pellucid::bias::{FacetBias, Mode};
use proptest::prelude::*;

const DIFFERENCES: [&str; 11] = ["CI", "DPL", "DPPL", "DCA", "DCR", "RD", "SD", "DAR", "DRR", "AD", "TE"];

/// Sums of equal terms in another order, or of twice the terms: a few roundings of numbers of size 1.
fn same(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a == b || (a - b).abs() <= 1e-12 * (1.0 + a.abs()),
        (a, b) => a.is_none() && b.is_none(),
    }
}

fn rows() -> impl Strategy<Value = Vec<(char, u8, u8, u8)>> {
    let row = (prop::bool::ANY, 0u8..2, 0u8..2, 0u8..3).prop_map(|(d, l, p, g)| (if d { 'd' } else { 'a' }, l, p, g));
    prop::collection::vec(row, 2..60)
}

fn facet(rows: &[(char, u8, u8, u8)], mode: Mode) -> Option<FacetBias> {
    measured(&csv(rows), &request(mode)).ok().map(|report| report.facets[0].clone())
}

fn value(facet: &FacetBias, name: &str) -> Option<f64> {
    facet.metric(name).and_then(|m| m.value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn swapping_the_groups_flips_the_signs(rows in rows()) {
        let swapped: Vec<_> = rows.iter().map(|&(f, l, p, g)| (if f == 'd' { 'a' } else { 'd' }, l, p, g)).collect();
        let (one, other) = (facet(&rows, Mode::Correct).unwrap(), facet(&swapped, Mode::Correct).unwrap());
        for name in DIFFERENCES {
            let flipped = value(&other, name).map(|v| -v);
            prop_assert!(same(value(&one, name), flipped), "{name}: {:?}, {flipped:?}", value(&one, name));
        }
        for name in ["LP", "TVD", "KS", "JS", "GE"] {
            prop_assert!(same(value(&one, name), value(&other, name)), "{name}");
        }
        for name in ["CDDL", "CDDPL"] {
            prop_assert!(same(value(&one, name), value(&other, name).map(|v| -v)), "{name}");
        }
        let inverse = value(&other, "DI").map(|v| 1.0 / v);
        prop_assert!(same(value(&one, "DI"), inverse));
    }

    #[test]
    fn the_order_of_rows_does_not_matter(rows in rows(), seed in 0usize..100) {
        let mut moved = rows.clone();
        moved.rotate_left(seed % rows.len());
        moved.reverse();
        for mode in [Mode::Correct, Mode::Clarify] {
            let (one, other) = (facet(&rows, mode).unwrap(), facet(&moved, mode).unwrap());
            for metric in one.pre.iter().chain(&one.post).filter(|m| m.name != "FT") {
                prop_assert!(same(metric.value, value(&other, metric.name)), "{mode:?} {}", metric.name);
            }
        }
    }

    #[test]
    fn rows_twice_change_nothing(rows in rows()) {
        let twice = [rows.clone(), rows.clone()].concat();
        let (one, other) = (facet(&rows, Mode::Correct).unwrap(), facet(&twice, Mode::Correct).unwrap());
        for metric in one.pre.iter().chain(&one.post).filter(|m| m.name != "FT") {
            prop_assert!(same(metric.value, value(&other, metric.name)), "{}", metric.name);
        }
    }

    #[test]
    fn values_are_in_their_ranges(rows in rows()) {
        let found = facet(&rows, Mode::Correct).unwrap();
        for metric in found.pre.iter().chain(&found.post) {
            let Some(value) = metric.value else {
                prop_assert!(metric.error.is_some());
                continue;
            };
            let (low, high) = match metric.name {
                "KL" | "DI" => (0.0, f64::INFINITY),
                "JS" => (0.0, std::f64::consts::LN_2),
                "LP" => (0.0, std::f64::consts::SQRT_2),
                "TVD" | "KS" => (0.0, 1.0),
                "GE" => (0.0, (rows.len() as f64 - 1.0) / 2.0),
                "DCA" | "DCR" | "TE" => (f64::NEG_INFINITY, f64::INFINITY),
                _ => (-1.0, 1.0),
            };
            prop_assert!(low - 1e-12 <= value && value <= high + 1e-12, "{} = {value}", metric.name);
        }
    }
}

/// 40 of a, 24 positive; 20 of d, 6 positive; worked out by hand.
#[test]
fn by_hand() {
    let group = |f: char, counts: [[usize; 2]; 2]| {
        let cell = move |l: usize, p: usize| std::iter::repeat_n((f, l as u8, p as u8, 0), counts[l][p]);
        (0..2).flat_map(move |l| (0..2).flat_map(move |p| cell(l, p))).collect::<Vec<_>>()
    };
    let rows = [group('a', [[12, 4], [4, 20]]), group('d', [[12, 2], [3, 3]])].concat();
    let found = facet(&rows, Mode::Correct).unwrap();
    let expected = [
        ("CI", 20.0 / 60.0),
        ("DPL", 0.6 - 0.3),
        ("KS", 0.3),
        ("TVD", 0.3),
        ("LP", 0.3 * 2f64.sqrt()),
        ("KL", 0.6 * 2f64.ln() + 0.4 * (4f64 / 7.0).ln()),
        ("DPPL", 0.6 - 0.25),
        ("DI", 0.25 / 0.6),
        ("DCA", 24.0 / 24.0 - 6.0 / 5.0),
        ("DCR", 14.0 / 15.0 - 16.0 / 16.0),
        ("RD", 20.0 / 24.0 - 3.0 / 6.0),
        ("SD", 12.0 / 14.0 - 12.0 / 16.0),
        ("DAR", 20.0 / 24.0 - 3.0 / 5.0),
        ("DRR", 12.0 / 15.0 - 12.0 / 16.0),
        ("AD", 32.0 / 40.0 - 15.0 / 20.0),
        ("TE", 3.0 / 2.0 - 4.0 / 4.0),
        ("CDDL", 14.0 / 30.0 - 6.0 / 30.0),
        ("CDDPL", 15.0 / 31.0 - 5.0 / 29.0),
        // benefits: 47 of 1, 6 of 2, 7 of 0; mean 59/60
        ("GE", (47.0 * (60f64 / 59.0).powi(2) + 6.0 * (120f64 / 59.0).powi(2) - 60.0) / 120.0),
    ];
    for (name, expected) in expected {
        assert!(same(value(&found, name), Some(expected)), "{name}: {:?} for {expected}", value(&found, name));
    }
    assert!(!found.four_fifths.unwrap().passes);
    assert_eq!((found.a.rows, found.d.rows, found.d.false_negative), (40, 20, 3));
}

/// Each d has 9 neighbours or fewer in a, so the nearest decides: one d refused beside an accepted a, one the other way, one alike.
#[test]
fn flips_by_hand() {
    let table = "f,l,p,x,y\na,1,1,0,0\na,0,0,10,0\nd,1,0,1,0\nd,0,1,9,0\nd,1,0,2,1\nd,1,1,-5,2\n";
    for (mode, expected) in [(Mode::Correct, 0.25), (Mode::Clarify, -0.25)] {
        let mut request = request(mode);
        request.group = None;
        request.facets[0].values = vec![text("d")];
        let found = measured(table, &request).unwrap().facets[0].clone();
        assert_eq!(value(&found, "FT"), Some(expected), "{mode:?}");
        assert_eq!(found.metric("FT").unwrap().other.as_ref().unwrap().value, Some(-expected));
    }
}

/// A 95 % interval of DPL against the normal one, √(Σ q(1 − q)/n)·1.96; 1,000 replicates know its ends within about a tenth.
#[test]
fn intervals_are_as_wide_as_theory_says() {
    let rows: Vec<_> =
        (0..2000).map(|i| (if i % 4 == 0 { 'd' } else { 'a' }, u8::from(i % 5 < 2 + i % 2), 1, 0)).collect();
    let mut request = request(Mode::Correct);
    request.bootstrap = Some(pellucid::bias::Bootstrap::default());
    let found = measured(&csv(&rows), &request).unwrap().facets[0].clone();
    let metric = found.metric("DPL").unwrap();
    let variance = |c: &pellucid::bias::GroupCounts| {
        let q = c.positive as f64 / c.rows as f64;
        q * (1.0 - q) / c.rows as f64
    };
    let width = 2.0 * 1.96 * (variance(&found.a) + variance(&found.d)).sqrt();
    let (low, high) = metric.interval.unwrap();
    assert!(low < metric.value.unwrap() && metric.value.unwrap() < high);
    assert!(((high - low) / width - 1.0).abs() < 0.12, "{} for {width}", high - low);
    let again = measured(&csv(&rows), &request).unwrap().facets[0].clone();
    assert_eq!(again.metric("DPL").unwrap().interval, metric.interval, "same seed, same interval");
}
