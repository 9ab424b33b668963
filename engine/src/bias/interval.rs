//! Intervals by formula: score intervals for shares and their differences (Wilson 1927; Newcombe 1998, method 10), the logarithm for
//! the ratio of two shares (Katz et al. 1978), and the delta method for what else is smooth in the counts. docs/theory.md says which
//! metric has which, and where there is none.

use super::cells::{Split, Sums};
use super::formula::metric;
use super::request::Mode;
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Where a denominator of the delta method counts fewer rows, a normal interval is not to be had.
const FEWEST: f64 = 10.0;
/// Step of the numerical derivative, as a share of the count: its own error is its square, that of rounding ε over it.
const STEP: f64 = 1e-5;

const A: usize = 0;
const D: usize = 1;

/// An interval and the formula that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Analytic {
    pub low: f64,
    pub high: f64,
    pub method: &'static str,
}

/// The two-sided normal quantile of a share: 1.96 of 0.95.
pub fn normal(level: f64) -> f64 {
    Normal::standard().inverse_cdf(0.5 * (1.0 + level))
}

/// Wilson's score interval of `k` of `n`; none of no rows.
pub fn wilson(k: f64, n: f64, z: f64) -> Option<(f64, f64)> {
    if n <= 0.0 {
        return None;
    }
    let (p, z2) = (k / n, z * z);
    let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    // At the ends the two terms are equal but for rounding.
    let low = if k == 0.0 { 0.0 } else { middle - half };
    let high = if k == n { 1.0 } else { middle + half };
    Some((low.max(0.0), high.min(1.0)))
}

/// Newcombe's interval of the difference of two independent shares, the first minus the second.
pub fn newcombe([k1, n1]: [f64; 2], [k2, n2]: [f64; 2], z: f64) -> Option<(f64, f64)> {
    let ((l1, u1), (l2, u2)) = (wilson(k1, n1, z)?, wilson(k2, n2, z)?);
    let (p1, p2) = (k1 / n1, k2 / n2);
    let low = p1 - p2 - (p1 - l1).hypot(u2 - p2);
    Some((low, p1 - p2 + (u1 - p1).hypot(p2 - l2)))
}

/// Katz's interval of the ratio of two independent shares, the first over the second; none where either is 0.
pub fn katz([k1, n1]: [f64; 2], [k2, n2]: [f64; 2], z: f64) -> Option<(f64, f64)> {
    if k1 <= 0.0 || k2 <= 0.0 {
        return None;
    }
    let spread = (1.0 / k1 - 1.0 / n1 + 1.0 / k2 - 1.0 / n2).sqrt();
    let ratio = (k1 / n1) / (k2 / n2);
    Some((ratio * (-z * spread).exp(), ratio * (z * spread).exp()))
}

/// Welch's interval of the difference of two means, given each mean, the variance of its estimate, and its rows.
pub fn welch([m1, v1, n1]: [f64; 3], [m2, v2, n2]: [f64; 3], level: f64) -> Option<(f64, f64)> {
    if n1 < 2.0 || n2 < 2.0 {
        return None;
    }
    let spread = (v1 + v2).sqrt();
    if spread == 0.0 {
        return Some((m1 - m2, m1 - m2));
    }
    let freedom = (v1 + v2).powi(2) / (v1 * v1 / (n1 - 1.0) + v2 * v2 / (n2 - 1.0));
    let t = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.5 * (1.0 + level));
    Some((m1 - m2 - t * spread, m1 - m2 + t * spread))
}

/// The interval of a metric by formula; none where there is no sound one.
pub fn analytic(name: &str, sums: &Sums, mode: Mode, level: f64) -> Option<Analytic> {
    let z = normal(level);
    let [[tn_a, fp_a], [fn_a, tp_a]] = sums.confusion[A];
    let [[tn_d, fp_d], [fn_d, tp_d]] = sums.confusion[D];
    let share = |split: &Split, g: usize| [split[g][1], split[g][0] + split[g][1]];
    let (labels, predictions) = (&sums.observed, &sums.predicted);
    let score = |interval: Option<(f64, f64)>| named(interval, "Newcombe");
    match name {
        "CI" => {
            let [a, d] = Sums::rows(labels);
            named(wilson(d, a + d, z).map(|(low, high)| (1.0 - 2.0 * high, 1.0 - 2.0 * low)), "Wilson")
        }
        "DPL" => score(newcombe(share(labels, A), share(labels, D), z)),
        "DPPL" => score(newcombe(share(predictions, A), share(predictions, D), z)),
        "AD" => score(newcombe([tp_a + tn_a, tp_a + tn_a + fp_a + fn_a], [tp_d + tn_d, tp_d + tn_d + fp_d + fn_d], z)),
        "RD" => score(newcombe([tp_a, tp_a + fn_a], [tp_d, tp_d + fn_d], z)),
        "SD" => score(newcombe([tn_d, tn_d + fp_d], [tn_a, tn_a + fp_a], z)),
        "DAR" => score(newcombe([tp_a, tp_a + fp_a], [tp_d, tp_d + fp_d], z)),
        "DRR" => score(newcombe([tn_d, tn_d + fn_d], [tn_a, tn_a + fn_a], z)),
        "DI" => named(katz(share(predictions, D), share(predictions, A), z), "Katz"),
        "TVD" | "KS" => size(newcombe(share(labels, A), share(labels, D), z)?, 1.0),
        "LP" => size(newcombe(share(labels, A), share(labels, D), z)?, std::f64::consts::SQRT_2),
        "KL" | "JS" => {
            // Where the groups may be alike the derivative may be 0, and the error is no longer normal.
            let (low, high) = newcombe(share(labels, A), share(labels, D), z)?;
            if low <= 0.0 && 0.0 <= high {
                return None;
            }
            let counted = labels.map(|[negative, positive]| [[negative, 0.0], [0.0, positive]]);
            let known = labels.iter().flatten().all(|&n| n >= FEWEST);
            delta(name, counted, mode, z).filter(|_| known).map(|found| Analytic { low: found.low.max(0.0), ..found })
        }
        "DCA" => delta(name, sums.confusion, mode, z).filter(|_| enough([tp_a + fp_a, tp_d + fp_d])),
        "DCR" => delta(name, sums.confusion, mode, z).filter(|_| enough([tn_a + fn_a, tn_d + fn_d])),
        "TE" => delta(name, sums.confusion, mode, z).filter(|_| enough([fp_a, fp_d])),
        "GE" => {
            let [[_, fp], [fnn, _]] = sums.whole;
            let found = delta(name, [sums.whole, Split::default()], mode, z).filter(|_| fp + fnn >= FEWEST);
            found.map(|found| Analytic { low: found.low.max(0.0), ..found })
        }
        "CDDL" => disparity(&sums.observed_in, z),
        "CDDPL" => disparity(&sums.predicted_in, z),
        _ => None,
    }
}

fn enough(under: [f64; 2]) -> bool {
    under.iter().all(|&n| n >= FEWEST)
}

fn named(interval: Option<(f64, f64)>, method: &'static str) -> Option<Analytic> {
    interval.map(|(low, high)| Analytic { low, high, method })
}

/// What the size of a difference may be, given what the difference may be: it covers at least as often.
fn size((low, high): (f64, f64), times: f64) -> Option<Analytic> {
    let ends = [low.abs() * times, high.abs() * times];
    let from = if low <= 0.0 && 0.0 <= high { 0.0 } else { ends[0].min(ends[1]) };
    named(Some((from, ends[0].max(ends[1]))), "Newcombe")
}

/// Value ± z √(Σ n (∂/∂n)²): the variance of a function of independent Poisson counts to first order, and of multinomial counts too
/// where the function depends on shares alone. The derivative is numerical, of the metric's own formula.
fn delta(name: &str, counts: [Split; 2], mode: Mode, z: f64) -> Option<Analytic> {
    let at = |counts: [Split; 2]| metric(name, &Sums::of_confusion(counts), mode).ok().filter(|v| v.is_finite());
    let value = at(counts)?;
    let mut variance = 0.0;
    for (g, l, p) in (0..8).map(|i| (i / 4, i / 2 % 2, i % 2)) {
        let n = counts[g][l][p];
        let moved = |by: f64| {
            let mut counts = counts;
            counts[g][l][p] += by;
            at(counts)
        };
        if n > 0.0 {
            variance += n * ((moved(STEP * n)? - moved(-STEP * n)?) / (2.0 * STEP * n)).powi(2);
        }
    }
    let half = z * variance.sqrt();
    (half > 0.0).then_some(Analytic { low: value - half, high: value + half, method: "delta" })
}

/// The same for the conditional demographic disparity T = Σ N_g DD_g / N, whose derivatives are known: a row more of stratum g changes
/// T by (DD_g + N_g ∂DD_g − T)/N. None where a stratum lacks one outcome: one row could turn its disparity over.
fn disparity(strata: &[Split], z: f64) -> Option<Analytic> {
    let occupied = || strata.iter().filter(|s| s.iter().flatten().any(|&n| n > 0.0));
    let of = |s: &Split, y: usize| s[A][y] + s[D][y];
    let all: f64 = occupied().flatten().flatten().sum();
    if all == 0.0 || occupied().any(|s| of(s, 0) == 0.0 || of(s, 1) == 0.0) {
        return None;
    }
    let gap = |s: &Split| s[D][0] / of(s, 0) - s[D][1] / of(s, 1);
    let value = occupied().map(|s| gap(s) * (of(s, 0) + of(s, 1))).sum::<f64>() / all;
    let term = |s: &Split| -> f64 {
        let rows = of(s, 0) + of(s, 1);
        let change = |g: usize, y: usize| {
            let other = if g == D { s[A][y] } else { -s[D][y] };
            other / of(s, y).powi(2) * if y == 0 { 1.0 } else { -1.0 }
        };
        let square = |g: usize, y: usize| s[g][y] * ((gap(s) + rows * change(g, y) - value) / all).powi(2);
        (0..4).map(|i| square(i / 2, i % 2)).sum()
    };
    let half = z * occupied().map(term).sum::<f64>().sqrt();
    let ends = ((value - half).max(-1.0), (value + half).min(1.0));
    (half > 0.0).then_some(Analytic { low: ends.0, high: ends.1, method: "delta" })
}

#[cfg(test)]
mod tests {
    use super::super::bootstrap::poisson;
    use super::super::classes;
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    const LEVEL: f64 = 0.95;
    const TABLES: usize = 4000;

    /// Share of the tables whose interval holds the truth, of those that have one; nearly all must.
    fn coverage(truth: f64, intervals: &[Option<(f64, f64)>]) -> f64 {
        let given: Vec<(f64, f64)> = intervals.iter().flatten().copied().collect();
        assert!(given.len() as f64 > 0.99 * intervals.len() as f64, "{} of {}", given.len(), intervals.len());
        given.iter().filter(|(low, high)| *low <= truth && truth <= *high).count() as f64 / given.len() as f64
    }

    /// Five standard errors of a share that is LEVEL, estimated from so many tables.
    fn noise() -> f64 {
        5.0 * (LEVEL * (1.0 - LEVEL) / TABLES as f64).sqrt()
    }

    /// Expected rows `[stratum][group][label][prediction]` of a table of 6,000, alike in nothing.
    const EXPECTED: [[Split; 2]; 2] = [
        [[[900.0, 260.0], [210.0, 830.0]], [[760.0, 120.0], [240.0, 380.0]]],
        [[[500.0, 130.0], [150.0, 520.0]], [[520.0, 110.0], [180.0, 190.0]]],
    ];

    fn sums(strata: &[[Split; 2]; 2]) -> Sums {
        let mut whole = [Split::default(); 2];
        for stratum in strata {
            let of = whole.as_flattened_mut().as_flattened_mut();
            of.iter_mut().zip(stratum.as_flattened().as_flattened()).for_each(|(sum, n)| *sum += n);
        }
        let parts = strata.map(Sums::of_confusion);
        Sums {
            observed_in: parts.iter().map(|s| s.observed).collect(),
            predicted_in: parts.iter().map(|s| s.predicted).collect(),
            no_strata: None,
            ..Sums::of_confusion(whole)
        }
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        let mut random = ChaCha8Rng::seed_from_u64(11);
        let mut draw = || sums(&EXPECTED.map(|s| s.map(|g| g.map(|l| l.map(|n| poisson(n, &mut random))))));
        let tables: Vec<Sums> = (0..TABLES).map(|_| draw()).collect();
        let names = [
            "CI", "DPL", "KL", "JS", "LP", "TVD", "KS", "CDDL", "AD", "CDDPL", "DAR", "DCA", "DCR", "DI", "DPPL",
            "DRR", "GE", "RD", "SD", "TE",
        ];
        for name in names {
            let truth = metric(name, &sums(&EXPECTED), Mode::Correct).unwrap();
            let found = |table: &Sums| analytic(name, table, Mode::Correct, LEVEL).map(|i| (i.low, i.high));
            let intervals: Vec<_> = tables.iter().map(found).collect();
            let coverage = coverage(truth, &intervals);
            assert!((coverage - LEVEL).abs() < noise(), "{name}: {coverage}");
        }
    }

    #[test]
    fn distances_over_classes_hold_the_truth_too() {
        let [a, d] = [[900.0, 500.0, 400.0, 200.0], [480.0, 490.0, 150.0, 280.0]];
        let mut random = ChaCha8Rng::seed_from_u64(12);
        let tables: Vec<[[f64; 4]; 2]> =
            (0..TABLES).map(|_| [a, d].map(|rows| rows.map(|n| poisson(n, &mut random)))).collect();
        for name in ["KL", "JS", "LP", "TVD"] {
            let truth = classes::between(name, &a, &d, Mode::Correct).unwrap();
            let found =
                |[a, d]: &[[f64; 4]; 2]| classes::analytic(name, a, d, Mode::Correct, LEVEL).map(|i| (i.low, i.high));
            let intervals: Vec<_> = tables.iter().map(found).collect();
            let coverage = coverage(truth, &intervals);
            assert!((coverage - LEVEL).abs() < noise(), "{name}: {coverage}");
        }
        assert_eq!(classes::analytic("KS", &a, &d, Mode::Correct, LEVEL), None);
    }

    /// Welch's interval of groups of 20 and 60 rows with unequal spread.
    #[test]
    fn means_of_few_rows_hold_the_truth() {
        use rand::RngExt;
        let mut random = ChaCha8Rng::seed_from_u64(13);
        let mut normal = || {
            let (u, v): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
            (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
        };
        let mut group = |n: usize, mean: f64, spread: f64| {
            let rows: Vec<f64> = (0..n).map(|_| mean + spread * normal()).collect();
            let average = rows.iter().sum::<f64>() / n as f64;
            let squares: f64 = rows.iter().map(|x| (x - average).powi(2)).sum();
            [average, squares / (n as f64 - 1.0) / n as f64, n as f64]
        };
        let mut table = || welch(group(20, 3.0, 5.0), group(60, 1.0, 1.0), LEVEL);
        let intervals: Vec<_> = (0..TABLES).map(|_| table()).collect();
        let coverage = coverage(2.0, &intervals);
        assert!((coverage - LEVEL).abs() < noise(), "{coverage}");
    }

    /// No interval where its formula does not hold.
    #[test]
    fn where_nothing_is_sound_there_is_nothing() {
        let of = |name: &str, a: Split, d: Split| analytic(name, &Sums::of_confusion([a, d]), Mode::Correct, LEVEL);
        let (plain, few) = ([[50.0, 20.0], [20.0, 50.0]], [[50.0, 2.0], [3.0, 50.0]]);
        let none = [[50.0, 0.0], [20.0, 0.0]];
        assert_eq!(of("DI", plain, none), None, "the logarithm of 0");
        assert_eq!(of("TE", plain, few), None, "two errors in a denominator");
        assert_eq!(of("JS", plain, plain), None, "the derivative is 0");
        assert_eq!(of("FT", plain, plain), None);
        assert_eq!(of("DPL", plain, Split::default()), None, "nobody in d");
        assert!(of("TVD", plain, plain).unwrap().low == 0.0, "a size may be 0");
        let one_sided =
            Sums { observed_in: vec![[[5.0, 5.0], [5.0, 5.0]], [[5.0, 0.0], [5.0, 0.0]]], ..Sums::default() };
        assert_eq!(analytic("CDDL", &one_sided, Mode::Correct, LEVEL), None, "a stratum without positives");
    }
}
