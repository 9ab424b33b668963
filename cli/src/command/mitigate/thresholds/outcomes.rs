//! What thresholds do to each group, as text.

use super::Outcomes;
use crate::bias_table::{WIDTH, wrap};
use crate::number::{significant, thousands};
use pellucid::mitigate::{Constraint, GroupOutcome, GroupRule, Outcome, Rules, ScoredRows};

impl Outcomes {
    /// The rules, the rates, and on which rows they were fitted and judged.
    pub fn describe(&self, rules: &Rules, randomised: bool, rows: &ScoredRows) -> String {
        let (fitted, judged) = (thousands(rows.fitted.rows()), thousands(rows.judged().rows()));
        let on = match &self.fitted {
            Some(found) => {
                format!("Fitted on {fitted} rows, where {}; judged by {judged} others.", gap(rules.constraint, found))
            }
            None => format!(
                "Fitted and judged on the same {fitted} rows: on new rows the gap will be larger and the accuracy lower. \
                 --holdout 0.3 judges by rows kept apart."
            ),
        };
        let form = match randomised {
            true if rules.is_random() => {
                "Some decisions are drawn by lot, so that rates are met exactly: the rates below are their averages."
            }
            true => "No decision is drawn by lot: single thresholds meet the rates.",
            false => "One threshold a group, without lots.",
        };
        format!("{}\n\n{}", wrap(&format!("{on} {form}"), 0, WIDTH), self.table(rules))
    }

    /// The same for thresholds of a file.
    pub fn describe_applied(&self, rules: &Rules, rows: &ScoredRows) -> String {
        let text = format!("Thresholds of a file, judged on {} rows with labels.", thousands(rows.judged().rows()));
        format!("{text}\n\n{}", self.table(rules))
    }

    fn table(&self, rules: &Rules) -> String {
        let mut lines = Vec::new();
        for (before, after) in self.before.groups.iter().zip(&self.after.groups) {
            lines.push(format!("{}: {} rows", before.group, thousands(before.rows)));
            let rule = rules.groups.iter().find(|rule| rule.group == before.group);
            lines.extend(rule.map(|rule| wrap(&format!("positive {}", said(rule)), 2, WIDTH)));
            lines.push(format!(
                "  {:<8}{:>11}{:>16}{:>17}{:>11}",
                "", "positive", "true positives", "false positives", "accuracy"
            ));
            lines.push(rates("before", before));
            lines.push(rates("after", after));
            lines.push(String::new());
        }
        let threshold = significant(self.threshold);
        let share = |value: Option<f64>| value.map_or("–".to_string(), |value| format!("{:.2} %", 100.0 * value));
        let accuracy = |o: &Outcome| format!("{} (balanced {})", share(o.accuracy), share(o.balanced_accuracy));
        let cost = format!(
            "Cost: accuracy {} with one threshold, {threshold}; {} after.",
            accuracy(&self.before),
            accuracy(&self.after)
        );
        lines.push(wrap(&cost, 0, WIDTH));
        let what = match rules.constraint {
            Constraint::DemographicParity => "rates of positive decisions",
            Constraint::EqualOpportunity => "true-positive rates",
            Constraint::EqualizedOdds => "true- or false-positive rates",
        };
        let points = |gap: Option<f64>| gap.map_or("–".to_string(), |gap| format!("{:.2}", 100.0 * gap));
        let (old, new) = (points(self.before.gap), points(self.after.gap));
        let gap = format!("Largest gap between two groups in {what}: {old} percentage points before, {new} after.");
        lines.push(wrap(&gap, 0, WIDTH));
        lines.join("\n")
    }
}

fn rates(name: &str, group: &GroupOutcome) -> String {
    let share = |value: Option<f64>| value.map_or("–".to_string(), |value| format!("{:.2} %", 100.0 * value));
    format!(
        "  {name:<8}{:>11}{:>16}{:>17}{:>11}",
        share(group.selection_rate),
        share(group.true_positive_rate),
        share(group.false_positive_rate),
        share(group.accuracy)
    )
}

/// `above 0.31 in 62 % of decisions, above 0.35 in 38 %`.
fn said(rule: &GroupRule) -> String {
    let share = |share: f64| format!("{:.2} %", 100.0 * share);
    let bound = |above: f64| match above {
        f64::INFINITY => "never".to_string(),
        f64::NEG_INFINITY => "always".to_string(),
        above => format!("above {}", significant(above)),
    };
    let rest = 1.0 - rule.coin;
    let mut parts: Vec<String> = rule
        .cuts
        .iter()
        .map(|cut| {
            let part = cut.share * rest;
            if part == 1.0 { bound(cut.above) } else { format!("{} in {} of decisions", bound(cut.above), share(part)) }
        })
        .collect();
    if rule.coin > 0.0 {
        parts.push(format!("by a coin with chance {} in {}", share(rule.chance), share(rule.coin)));
    }
    parts.join(", ")
}

fn gap(constraint: Constraint, outcome: &Outcome) -> String {
    let what = match constraint {
        Constraint::DemographicParity => "rates of positive decisions",
        Constraint::EqualOpportunity => "true-positive rates",
        Constraint::EqualizedOdds => "rates",
    };
    match outcome.gap {
        Some(gap) => format!("the gap in {what} is {:.2} percentage points", 100.0 * gap),
        None => "there is no gap to measure".into(),
    }
}
