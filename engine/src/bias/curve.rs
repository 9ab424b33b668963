//! The threshold curve: what the rates of both groups, and the metrics, would be if a score were positive above another threshold.

use super::cells::{Split, Sums};
use super::formula::metric;
use super::ladder::Ladder;
use super::metric::{Metric, Stage};
use super::report::numbers;
use super::request::Mode;
use serde::Serialize;

/// Rates and metrics at each threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// Scores were counted in bins of this width; thresholds are edges of bins, where counts are exact.
    pub bin_width: f64,
    /// Lowest and highest score of all rows.
    pub scores: (f64, f64),
    /// The threshold in use.
    pub used: f64,
    /// Ascending; a score is positive above one. From 0 to 1 where all scores are there, else over the scores.
    pub thresholds: Vec<f64>,
    pub d: Rates,
    pub a: Rates,
    /// Metrics of predictions that are functions of the counts without strata: all but CDDPL and FT.
    pub metrics: Vec<MetricCurve>,
}

/// Rates of a group at each threshold; none where it has no rows of the kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Rates {
    /// Share of rows predicted positive.
    pub selection: Vec<Option<f64>>,
    /// Share of positive labels predicted positive.
    pub true_positive: Vec<Option<f64>>,
    /// Share of negative labels predicted positive.
    pub false_positive: Vec<Option<f64>>,
    /// Share of positive predictions with the positive label.
    pub precision: Vec<Option<f64>>,
    /// Share of right predictions.
    pub accuracy: Vec<Option<f64>>,
}

/// A metric's value at each threshold; may be infinite.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricCurve {
    pub name: &'static str,
    #[serde(serialize_with = "numbers")]
    pub values: Vec<Option<f64>>,
}

/// Scores of the rows of one label.
#[derive(Debug, Clone, Default)]
pub struct Scored {
    pub ladder: Ladder,
    /// Rows that are negative at every threshold: those without a score, where the mode counts them.
    pub unscored: u64,
}

impl Scored {
    pub fn join(&mut self, other: &Scored) {
        self.ladder.join(&other.ladder);
        self.unscored += other.unscored;
    }
}

/// From the scores of rows `[group][label]`, groups a and d; `others` are the rows of neither group. None without scores.
pub fn curve(
    scores: &[[Scored; 2]; 2],
    others: &[Scored; 2],
    (range, used): ((f64, f64), f64),
    points: usize,
    mode: Mode,
    wanted: &[&'static Metric],
) -> Option<Curve> {
    let mut all = Ladder::default();
    scores.iter().flatten().chain(others).for_each(|scored| all.join(&scored.ladder));
    let (edges, (low, high)) = (all.edges(), all.range()?);
    let grid = match range.0 >= 0.0 && range.1 <= 1.0 {
        true => grid(0, edges.above(1.0), points),
        false => grid(low - 1, high, points),
    };
    // [positive label][threshold]: rows of negative and positive predictions.
    let split = |scored: &Scored| -> Vec<[f64; 2]> {
        let mut ladder = scored.ladder.clone();
        ladder.widen_to(edges);
        let all = ladder.above(&[i64::MIN])[0] + scored.unscored;
        ladder.above(&grid).into_iter().map(|above| [(all - above) as f64, above as f64]).collect()
    };
    let [a, d] = scores.each_ref().map(|labels| labels.each_ref().map(split));
    let others = others.each_ref().map(split);
    let at = |labels: &[Vec<[f64; 2]>; 2], i: usize| -> Split { [labels[0][i], labels[1][i]] };
    let sums: Vec<Sums> = (0..grid.len())
        .map(|i| {
            let mut sums = Sums::of_confusion([at(&a, i), at(&d, i)]);
            let rest = at(&others, i);
            sums.whole.as_flattened_mut().iter_mut().zip(rest.as_flattened()).for_each(|(sum, n)| *sum += n);
            sums
        })
        .collect();
    let of_counts = |m: &&&'static Metric| m.stage == Stage::PostTraining && !matches!(m.name, "CDDPL" | "FT");
    let values = |m: &&'static Metric| MetricCurve {
        name: m.name,
        values: sums.iter().map(|sums| metric(m.name, sums, mode).ok()).collect(),
    };
    Some(Curve {
        bin_width: edges.width(),
        scores: range,
        used,
        thresholds: grid.iter().map(|&k| edges.at(k)).collect(),
        d: rates(&sums, 1),
        a: rates(&sums, 0),
        metrics: wanted.iter().filter(of_counts).map(values).collect(),
    })
}

/// At most `points` evenly spaced edges from `low` to `high` or beyond, at multiples of 1, 2 or 5 times a power of ten.
fn grid(low: i64, high: i64, points: usize) -> Vec<i64> {
    let fits = |step: i64| {
        (high.div_euclid(step) - low.div_euclid(step) + 1 + i64::from(high.rem_euclid(step) > 0)) as usize <= points
    };
    let steps = (0..18).flat_map(|power| [1, 2, 5].map(|m| m * 10i64.pow(power)));
    let step = steps.into_iter().find(|&step| fits(step)).unwrap_or(high - low);
    let first = low.div_euclid(step);
    (first..).map(|i| i * step).take_while(|&edge| edge < high + step).collect()
}

fn rates(sums: &[Sums], group: usize) -> Rates {
    let over = |part: fn([f64; 4]) -> (f64, f64)| -> Vec<Option<f64>> {
        let one = |sums: &Sums| {
            let [[tn, fp], [fnn, tp]] = sums.confusion[group];
            let (over, under) = part([tn, fp, fnn, tp]);
            (under > 0.0).then(|| over / under)
        };
        sums.iter().map(one).collect()
    };
    Rates {
        selection: over(|[tn, fp, fnn, tp]| (fp + tp, tn + fp + fnn + tp)),
        true_positive: over(|[_, _, fnn, tp]| (tp, fnn + tp)),
        false_positive: over(|[tn, fp, _, _]| (fp, tn + fp)),
        precision: over(|[_, fp, _, tp]| (tp, fp + tp)),
        accuracy: over(|[tn, fp, fnn, tp]| (tn + tp, tn + fp + fnn + tp)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_are_round() {
        assert_eq!(grid(0, 1000, 101), (0..=100).map(|i| i * 10).collect::<Vec<_>>());
        assert_eq!(grid(0, 1_000_000_000_000, 11), (0..=10).map(|i| i * 100_000_000_000).collect::<Vec<_>>());
        assert_eq!(grid(-3, 8, 4), [-5, 0, 5, 10]);
        assert_eq!(grid(4, 4, 2), [4]);
    }
}
