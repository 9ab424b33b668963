//! `--fail-if`: which facets break which limits.

use crate::args::{Limit, MeasureArgs};
use pellucid::bias::{BiasReport, FacetBias, Metric, Stage};
use pellucid::report::bias::{LimitCheck, heading};

/// Every limit on every facet.
pub fn check(args: &MeasureArgs, found: &BiasReport) -> Vec<LimitCheck> {
    let of = |limit| found.facets.iter().map(move |facet| one(limit, facet, args.allow_missing));
    args.fail_if.iter().flat_map(of).collect()
}

fn one(limit: &Limit, facet: &FacetBias, allow_missing: bool) -> LimitCheck {
    let (value, why) = value(limit, facet);
    LimitCheck {
        limit: limit.to_string(),
        facet: heading(facet),
        value: value.map_or(String::new(), |value| format!("{value:.4}")),
        broken: value.map_or(!allow_missing, |value| limit.is_broken_by(value)),
        why,
    }
}

/// The metric's value, or why it has none.
fn value(limit: &Limit, facet: &FacetBias) -> (Option<f64>, String) {
    let Some(metric) = Metric::named(&limit.metric) else { return (None, "there is no such metric".into()) };
    match facet.metric(metric.name) {
        Some(found) if found.value.is_some() => (found.value, String::new()),
        Some(found) => (None, found.error.clone().unwrap_or_default()),
        None => {
            let refused = if metric.stage == Stage::PostTraining { &facet.post_error } else { &facet.pre_error };
            (None, refused.clone().unwrap_or_else(|| "it was not measured".into()))
        }
    }
}

/// What a person reads of a broken limit.
pub fn line(check: &LimitCheck) -> String {
    let name = check.limit.split(' ').next().unwrap_or_default();
    match check.why.is_empty() {
        true => format!("limit broken: {} for {}: {name} is {}", check.limit, check.facet, check.value),
        false => format!("limit broken: {} for {}: not computed: {}", check.limit, check.facet, check.why),
    }
}
