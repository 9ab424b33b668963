//! Labels of more than two outcomes: each class in turn as the positive one, and how far apart the groups' distributions over all
//! classes are.

use super::formula::distance;
use super::interval::{Analytic, normal};
use super::report::{GroupCounts, MetricValue, number};
use super::request::Mode;
use serde::Serialize;

/// Names of the distances.
pub const DISTANCES: [&str; 5] = ["JS", "KL", "KS", "LP", "TVD"];
/// Step of the numerical derivative, as a share of the count.
const STEP: f64 = 1e-5;
/// Rows that each class has in each group for a normal interval.
const FEWEST: f64 = 10.0;

/// The metrics with another choice of positive outcomes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// The class, or the threshold, as text.
    pub positive: String,
    pub d: GroupCounts,
    pub a: GroupCounts,
    /// Before and after training, sorted by short name; without FT.
    pub metrics: Vec<MetricValue>,
}

impl Choice {
    pub fn metric(&self, name: &str) -> Option<&MetricValue> {
        self.metrics.iter().find(|m| m.name == name)
    }
}

/// What was found of a label's classes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Classes {
    /// Each class in turn as positive, in the order of [`super::ClassCounts`].
    pub each: Vec<Choice>,
    /// Distances of the groups' distributions over the classes.
    pub labels: Distribution,
    /// The same of predicted labels; none without them.
    pub predictions: Option<Distribution>,
}

/// Shares of the classes in both groups, and their distances.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Distribution {
    pub classes: Vec<String>,
    /// Rows of each class.
    pub d: Vec<u64>,
    pub a: Vec<u64>,
    pub distances: Vec<Distance>,
}

/// A distance of distributions over classes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Distance {
    pub name: &'static str,
    /// May be infinite.
    #[serde(serialize_with = "number")]
    pub value: Option<f64>,
    pub error: Option<String>,
    /// The interval by formula where the distance is smooth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analytic: Option<Analytic>,
    /// The bootstrap's.
    pub interval: Option<(f64, f64)>,
}

impl Distance {
    /// The interval by formula, or the bootstrap's.
    pub fn shown_interval(&self, by_formula: bool) -> Option<(f64, f64)> {
        if by_formula { self.analytic.map(|found| (found.low, found.high)) } else { self.interval }
    }
}

/// A distance of rows by class in a and in d. Clarify's mode leaves out classes that one group lacks.
pub fn between(name: &str, a: &[f64], d: &[f64], mode: Mode) -> Result<f64, String> {
    let [of_a, of_d] = [a, d].map(|rows| rows.iter().sum::<f64>());
    let common: Vec<(f64, f64)> = a
        .iter()
        .zip(d)
        .filter(|&(&a, &d)| mode == Mode::Correct || (a > 0.0 && d > 0.0))
        .map(|(a, d)| (a / of_a, d / of_d))
        .collect();
    match mode {
        Mode::Correct if of_d == 0.0 => Err("group d has no rows".into()),
        Mode::Correct if of_a == 0.0 => Err("group a has no rows".into()),
        Mode::Clarify if common.is_empty() => Err("No instance of common facet found, dataset may be too small".into()),
        _ => {
            let (a, d): (Vec<f64>, Vec<f64>) = common.into_iter().unzip();
            Ok(distance(name, &a, &d))
        }
    }
}

/// The interval by the delta method, as `interval::delta`; none where the derivative may vanish or jump: where the groups may be alike
/// (χ² of homogeneity), or, of TVD, where a class may be as frequent in both. KS jumps between classes and has none.
pub fn analytic(name: &str, a: &[f64], d: &[f64], mode: Mode, level: f64) -> Option<Analytic> {
    use statrs::distribution::{ChiSquared, ContinuousCDF};
    let z = normal(level);
    let used: Vec<[f64; 2]> = a.iter().zip(d).map(|(&a, &d)| [a, d]).filter(|n| n[0] + n[1] > 0.0).collect();
    if name == "KS" || used.len() < 2 || used.iter().flatten().any(|&n| n < FEWEST) {
        return None;
    }
    let rows = [0, 1].map(|g| used.iter().map(|n| n[g]).sum::<f64>());
    let share = |n: &[f64; 2]| [n[0] / rows[0], n[1] / rows[1]];
    let clear = match name {
        "TVD" => used.iter().all(|n| {
            let [p, q] = share(n);
            (p - q).abs() > z * (p * (1.0 - p) / rows[0] + q * (1.0 - q) / rows[1]).sqrt()
        }),
        _ => {
            let squares = used.iter().flat_map(|n| {
                let all = (n[0] + n[1]) / (rows[0] + rows[1]);
                [0, 1].map(|g| (n[g] - all * rows[g]).powi(2) / (all * rows[g]))
            });
            let limit = ChiSquared::new(used.len() as f64 - 1.0).ok()?.inverse_cdf(level);
            squares.sum::<f64>() > limit
        }
    };
    if !clear {
        return None;
    }
    let at = |counts: &[[f64; 2]]| {
        let (a, d): (Vec<f64>, Vec<f64>) = counts.iter().map(|n| (n[0], n[1])).unzip();
        between(name, &a, &d, mode).ok().filter(|v| v.is_finite())
    };
    let value = at(&used)?;
    let mut variance = 0.0;
    for (i, g) in (0..2 * used.len()).map(|i| (i / 2, i % 2)) {
        let n = used[i][g];
        let moved = |by: f64| {
            let mut counts = used.clone();
            counts[i][g] += by;
            at(&counts)
        };
        variance += n * ((moved(STEP * n)? - moved(-STEP * n)?) / (2.0 * STEP * n)).powi(2);
    }
    let half = z * variance.sqrt();
    Some(Analytic { low: (value - half).max(0.0), high: value + half, method: "delta" })
}
