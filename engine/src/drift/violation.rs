//! `constraint_violations.json`, as SageMaker's monitors write it.

use super::check::{Check, CheckKind};
use serde_json::{Value, json};

/// The checks that are violated, in the form of the reference: bias and attributions as its Clarify monitors have them, columns as its
/// data-quality monitor.
pub fn violations<'a>(checks: impl IntoIterator<Item = &'a Check>) -> Value {
    let all: Vec<Value> = checks.into_iter().filter(|check| check.violated).map(violation).collect();
    json!({"version": "1.0", "violations": all})
}

fn violation(check: &Check) -> Value {
    let kind = check_type(check);
    match check.kind {
        CheckKind::Bias => json!({
            "facet": check.facet,
            "facet_value": check.facet_value,
            "metric_name": check.name,
            "constraint_check_type": kind,
            "description": check.message,
        }),
        CheckKind::Attribution => json!({
            "label": check.name,
            "metric_name": "shap",
            "constraint_check_type": kind,
            "description": check.message,
        }),
        _ => json!({"feature_name": check.name, "constraint_check_type": kind, "description": check.message}),
    }
}

fn check_type(check: &Check) -> &'static str {
    match (check.kind, check.measure.as_str()) {
        (CheckKind::Bias, _) => "bias_drift_check",
        (CheckKind::Attribution, _) => "feature_attribution_drift_check",
        (CheckKind::Missing, _) => "completeness_check",
        (CheckKind::Schema, "kind") => "data_type_check",
        (CheckKind::Schema, _) => "missing_column_check",
        _ => "baseline_drift_check",
    }
}
