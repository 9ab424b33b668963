//! Bias drift: metrics that are farther from "no difference" than they were.

use super::constraints::{Constraint, Constraints, same_group};
use crate::bias::cell::python_float;
use crate::bias::{BiasReport, FacetBias, Metric, MetricValue, number, pair};
use crate::{Error, Result};
use serde::Serialize;

/// When a metric is worse than its baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BiasRule {
    /// As SageMaker Clarify decides: |value| > |baseline|, however uncertain both are, and for DI too, whose value of no difference is 1.
    Reference,
    /// An allowed range A around the value of no difference ν, reaching as far on either side as the baseline b: ν ± |b − ν|, for DI, a
    /// ratio, from min(b, 1/b) to max(b, 1/b). An interval C around the new value. Worse where A and C have no value in common.
    ///
    /// C is the normal bootstrap interval: the value ± half the length of its bootstrap interval (for DI and for unbounded intervals that
    /// interval itself, the value included; intervals by formula where nothing was drawn). Distances as TVD cannot be below 0, so that their percentile interval misses a true
    /// 0. Without an interval C is the value alone.
    ///
    /// `widened`: A reaches to the far end of the baseline's own interval, where there is one. Without it the baseline counts as if it were
    /// without error: one as large as the new data, and away from ν, is then exceeded by chance in one run of twelve (at a level of 95 %,
    /// P(Z > 1.96/√2)), with it in one of 350 (P(Z > 2·1.96/√2)).
    Interval { widened: bool },
}

/// One metric of one group then and now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BiasDrift {
    pub facet: String,
    /// As the baseline has it: the upper end of `(40.0, 79.2]` is the largest value of the table at hand.
    pub facet_value: String,
    /// Short name: `DPL`.
    pub metric: String,
    #[serde(serialize_with = "number")]
    pub value: Option<f64>,
    /// C of [`BiasRule::Interval`].
    #[serde(serialize_with = "pair")]
    pub interval: Option<(f64, f64)>,
    #[serde(serialize_with = "number")]
    pub baseline: Option<f64>,
    /// What the value, or its interval, was to meet; it does not reach below the least value of the metric.
    #[serde(serialize_with = "pair")]
    pub allowed: Option<(f64, f64)>,
    pub drifted: bool,
    /// Why it could not be compared.
    pub error: Option<String>,
}

/// Compares every metric that both have. The notes tell what only one has.
///
/// # Errors
/// Constraints without bias metrics, of another label, or without a facet that was measured.
pub fn bias_drift(
    constraints: &Constraints,
    found: &BiasReport,
    rule: BiasRule,
) -> Result<(Vec<BiasDrift>, Vec<String>)> {
    require_label(constraints, found)?;
    let (mut all, mut notes) = (Vec::new(), Vec::new());
    for facet in &found.facets {
        let here: Vec<&Constraint> = constraints.of_facet(&facet.facet).collect();
        if here.is_empty() {
            return Err(other_facet(constraints, facet));
        }
        let group: Vec<&Constraint> =
            here.into_iter().filter(|c| same_group(&c.facet_value, &facet.value_or_threshold)).collect();
        if group.is_empty() {
            notes.push(format!("the constraints have no group {} of {}", facet.value_or_threshold, facet.facet));
        }
        all.extend(group.into_iter().filter_map(|constraint| one(constraint, facet, rule)));
    }
    let measured = |c: &&Constraint| {
        found.facets.iter().any(|f| f.facet == c.facet && same_group(&c.facet_value, &f.value_or_threshold))
    };
    let mut unmeasured: Vec<String> = constraints
        .metrics
        .iter()
        .filter(|c| !measured(c))
        .map(|c| format!("the constraints are also of {} = {}, which was not measured", c.facet, c.facet_value))
        .collect();
    unmeasured.dedup();
    notes.extend(unmeasured);
    Ok((all, notes))
}

fn require_label(constraints: &Constraints, found: &BiasReport) -> Result<()> {
    let Some((label, value)) = &constraints.label else {
        return Err(Error::input("the constraints hold no bias metrics")
            .hint("make them with `--baseline` and the options of `pellucid bias`, or leave the facets out"));
    };
    if *label == found.label && same_group(value, &found.label_value_or_threshold) {
        return Ok(());
    }
    Err(Error::input(format!(
        "the constraints are of the label {label} = {value}, here it is {} = {}",
        found.label, found.label_value_or_threshold
    ))
    .hint("give the same `--label` and `--positive` or `--label-threshold` as the baseline had"))
}

fn other_facet(constraints: &Constraints, facet: &FacetBias) -> Error {
    let mut names: Vec<&String> = constraints.metrics.iter().map(|c| &c.facet).collect();
    names.dedup();
    Error::input(format!("the constraints have no facet `{}`", facet.facet))
        .hint(format!("their facets are {}", crate::data::list_of(names)))
}

/// None for a metric that was not asked for.
fn one(constraint: &Constraint, facet: &FacetBias, rule: BiasRule) -> Option<BiasDrift> {
    let name = constraint.metric.as_str();
    let found = facet.metric(name)?;
    let (neutral, least) = Metric::named(name).map_or((0.0, f64::NEG_INFINITY), |m| (m.neutral, m.least()));
    let interval = match rule {
        BiasRule::Reference => None,
        BiasRule::Interval { .. } => found.value.and_then(|v| around(v, interval_of(found)?, neutral)),
    };
    let allowed = constraint.value.map(|b| match rule {
        BiasRule::Reference => (-b.abs(), b.abs()),
        BiasRule::Interval { widened } => {
            let ends = constraint.interval.filter(|_| widened).map_or([b, b], |(low, high)| [low, high]);
            let ranges = [ends[0], b, ends[1]].map(|end| allowed(end, neutral));
            ranges.into_iter().fold(ranges[1], |all, range| (all.0.min(range.0), all.1.max(range.1)))
        }
    });
    let outside = |value: f64, (low, high): (f64, f64)| {
        let interval = interval.unwrap_or((value, value));
        interval.1 < low || interval.0 > high
    };
    let error = match (found.value, constraint.value) {
        (None, _) => Some(found.error.clone().unwrap_or_else(|| "it has no value in the new data".into())),
        (_, None) => Some("it has no value in the baseline".into()),
        _ => None,
    };
    Some(BiasDrift {
        facet: facet.facet.clone(),
        facet_value: constraint.facet_value.clone(),
        metric: name.into(),
        value: found.value,
        interval,
        baseline: constraint.value,
        allowed: allowed.map(|(low, high)| (low.max(least), high)),
        drifted: found.value.zip(allowed).is_some_and(|(value, allowed)| outside(value, allowed)),
        error,
    })
}

/// The bootstrap interval, or else that by formula.
pub(super) fn interval_of(found: &MetricValue) -> Option<(f64, f64)> {
    found.interval.or_else(|| found.shown_interval(true))
}

/// C: see [`BiasRule::Interval`].
fn around(value: f64, (low, high): (f64, f64), neutral: f64) -> Option<(f64, f64)> {
    let half = 0.5 * (high - low);
    Some(match half.is_finite() && value.is_finite() && neutral == 0.0 {
        true => (value - half, value + half),
        false => (low.min(value), high.max(value)),
    })
}

/// A: see [`BiasRule::Interval`]. Where no difference is 1, values are ratios.
fn allowed(baseline: f64, neutral: f64) -> (f64, f64) {
    match neutral == 1.0 {
        true => (baseline.min(1.0 / baseline), baseline.max(1.0 / baseline)),
        false => (neutral - (baseline - neutral).abs(), neutral + (baseline - neutral).abs()),
    }
}

impl BiasDrift {
    /// Who is compared with the rest: `sex = Female`, `age > 40`.
    pub fn group(&self) -> String {
        group(&self.facet, &self.facet_value)
    }

    pub(super) fn sentence(&self, rule: BiasRule) -> String {
        if let Some(why) = &self.error {
            return format!("Not compared: {why}");
        }
        if rule == BiasRule::Reference {
            let of = |x: Option<f64>| x.map_or("none".into(), shown);
            let (value, baseline) = (of(self.value), of(self.baseline));
            return match self.drifted {
                true => format!("Metric value {value} doesn't meet the baseline constraint requirement {baseline}"),
                false => format!("Metric value {value} meets the baseline constraint requirement {baseline}"),
            };
        }
        let of = |x: Option<f64>| x.map_or("none".into(), short);
        let (value, baseline) = (of(self.value), of(self.baseline));
        let interval = self.interval.map(|(low, high)| format!(" (interval {} to {})", short(low), short(high)));
        let (low, high) = self.allowed.unwrap_or((f64::NAN, f64::NAN));
        let meets = match (self.drifted, interval.is_some()) {
            (true, _) => "lies outside",
            (false, true) => "reaches into",
            (false, false) => "lies in",
        };
        let interval = interval.unwrap_or_default();
        format!(
            "Metric value {value}{interval} {meets} the range that the baseline {baseline} allows, {} to {}",
            short(low),
            short(high)
        )
    }
}

/// `sex = Female`; of an interval above a threshold `age > 40`.
pub fn group(facet: &str, value: &str) -> String {
    let interval = value.strip_prefix('(').filter(|_| value.ends_with(']') && !value.contains('×'));
    match interval.and_then(|inside| inside.split_once(", ")) {
        Some((low, _)) => format!("{facet} > {}", low.strip_suffix(".0").unwrap_or(low)),
        None => format!("{facet} = {value}"),
    }
}

/// Six significant digits, for people; a number in full is in the files.
pub(super) fn short(x: f64) -> String {
    if !x.is_finite() {
        return shown(x);
    }
    if x == 0.0 {
        return "0".into();
    }
    let rounded: f64 = format!("{x:.5e}").parse().unwrap_or(x);
    if (1e-4..1e7).contains(&rounded.abs()) { rounded.to_string() } else { format!("{rounded:e}") }
}

/// A number in full, as the reference writes it.
pub(super) fn shown(x: f64) -> String {
    match x {
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        x => python_float(x),
    }
}
