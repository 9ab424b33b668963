//! What decisions do to groups.

use super::{Constraint, Sample};
use serde::Serialize;

/// Rates of one group; a rate is none where it would be divided by no row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupOutcome {
    pub group: String,
    pub rows: u64,
    /// Rows with a positive label.
    pub positive: u64,
    /// Share of positive decisions: of all rows, of those with a positive label, of those with a negative one.
    pub selection_rate: Option<f64>,
    pub true_positive_rate: Option<f64>,
    pub false_positive_rate: Option<f64>,
    /// Share of decisions that are as the label.
    pub accuracy: Option<f64>,
}

/// Rates of all groups, on average over the draws.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    pub groups: Vec<GroupOutcome>,
    pub accuracy: Option<f64>,
    /// Mean of the accuracies of positive and of negative rows.
    pub balanced_accuracy: Option<f64>,
    /// The largest difference, between two groups, of a rate that the constraint wants equal; none where no two groups have one.
    pub gap: Option<f64>,
}

/// Decisions by label.
#[derive(Default, Clone, Copy)]
struct Counts {
    positives: f64,
    negatives: f64,
    true_positives: f64,
    false_positives: f64,
}

impl Outcome {
    /// `chance` tells the chance of a positive decision from a group's place and a score.
    pub fn of(sample: &Sample, constraint: Constraint, chance: impl Fn(usize, f64) -> f64) -> Outcome {
        let counts: Vec<Counts> =
            sample.rows.iter().enumerate().map(|(g, rows)| count(rows, |s| chance(g, s))).collect();
        let groups: Vec<GroupOutcome> = sample.names.iter().zip(&counts).map(|(name, c)| c.outcome(name)).collect();
        let all = counts.iter().fold(Counts::default(), |all, c| Counts {
            positives: all.positives + c.positives,
            negatives: all.negatives + c.negatives,
            true_positives: all.true_positives + c.true_positives,
            false_positives: all.false_positives + c.false_positives,
        });
        let whole = all.outcome("");
        let gap = |rate: fn(&GroupOutcome) -> Option<f64>| gap(groups.iter().filter_map(rate));
        let gap = match constraint {
            Constraint::DemographicParity => gap(|g| g.selection_rate),
            Constraint::EqualOpportunity => gap(|g| g.true_positive_rate),
            Constraint::EqualizedOdds => gap(|g| g.true_positive_rate)
                .zip(gap(|g| g.false_positive_rate))
                .map(|(positive, negative)| positive.max(negative)),
        };
        let balanced = whole.true_positive_rate.zip(whole.false_positive_rate).map(|(t, f)| 0.5 * (t + 1.0 - f));
        Outcome { groups, accuracy: whole.accuracy, balanced_accuracy: balanced, gap }
    }
}

fn count(rows: &[(f64, bool)], chance: impl Fn(f64) -> f64) -> Counts {
    let mut counts = Counts::default();
    for &(score, positive) in rows {
        let chance = chance(score);
        match positive {
            true => {
                (counts.positives, counts.true_positives) = (counts.positives + 1.0, counts.true_positives + chance)
            }
            false => {
                (counts.negatives, counts.false_positives) = (counts.negatives + 1.0, counts.false_positives + chance)
            }
        }
    }
    counts
}

impl Counts {
    fn outcome(&self, group: &str) -> GroupOutcome {
        let rows = self.positives + self.negatives;
        let rate = |over: f64, under: f64| (under > 0.0).then(|| over / under);
        GroupOutcome {
            group: group.into(),
            rows: rows as u64,
            positive: self.positives as u64,
            selection_rate: rate(self.true_positives + self.false_positives, rows),
            true_positive_rate: rate(self.true_positives, self.positives),
            false_positive_rate: rate(self.false_positives, self.negatives),
            accuracy: rate(self.true_positives + self.negatives - self.false_positives, rows),
        }
    }
}

/// The largest less the smallest of at least two.
fn gap(rates: impl Iterator<Item = f64>) -> Option<f64> {
    let rates: Vec<f64> = rates.collect();
    let (low, high) = rates.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &r| (l.min(r), h.max(r)));
    (rates.len() > 1).then_some(high - low)
}
