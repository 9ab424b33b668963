//! Feature-attribution drift: does the model rest on the same players, as much as before?

use super::attribution::{Importance, attribution_distance, distance_stderr, ndcg};
use crate::{Error, Result};
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};

/// From when on attributions drift.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AttributionLimits {
    /// nDCG below which the order has changed: the reference's 0.90.
    pub ndcg: f64,
    /// [`attribution_distance`] above which the sizes have, by the whole interval; none: they are not judged, as in the reference.
    pub distance: Option<f64>,
    /// Share of the interval.
    pub level: f64,
}

impl Default for AttributionLimits {
    fn default() -> Self {
        AttributionLimits { ndcg: 0.9, distance: Some(0.25), level: 0.95 }
    }
}

/// One player then and now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlayerChange {
    pub player: String,
    pub baseline: f64,
    pub baseline_stderr: Option<f64>,
    pub data: f64,
    pub data_stderr: Option<f64>,
}

/// One output's attributions then and now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttributionDrift {
    pub output: String,
    pub limits: AttributionLimits,
    pub ndcg: Option<f64>,
    /// Why there is no nDCG.
    pub ndcg_error: Option<String>,
    pub distance: f64,
    /// Around the distance, to first order; none where a standard error is not known.
    pub interval: Option<(f64, f64)>,
    /// In the baseline's order.
    pub players: Vec<PlayerChange>,
    pub order_drifted: bool,
    pub size_drifted: bool,
}

/// Compares each output of the new explanation with the baseline's of the same name; one output on each side is compared whatever its name.
///
/// # Errors
/// Other outputs, other players, another link.
pub fn attribution_drift(
    baseline: &[Importance],
    data: &[Importance],
    limits: AttributionLimits,
) -> Result<Vec<AttributionDrift>> {
    let find = |new: &Importance| match (baseline, data) {
        ([only], [_]) => Ok(only),
        _ => baseline.iter().find(|old| old.output == new.output).ok_or_else(|| {
            let names = crate::data::list_of(baseline.iter().map(|old| &old.output));
            Error::input(format!("the baseline does not explain the output `{}`, but {names}", new.output))
                .hint("explain the same outputs of the same model, with `--target`")
        }),
    };
    data.iter().map(|new| one(find(new)?, new, limits)).collect()
}

fn one(old: &Importance, new: &Importance, limits: AttributionLimits) -> Result<AttributionDrift> {
    let new = new.ordered(&old.players)?;
    if !old.link.is_empty() && !new.link.is_empty() && old.link != new.link {
        let message =
            format!("the baseline's attributions are on the scale {}, the new ones on {}", old.link, new.link);
        return Err(Error::input(message).hint("explain both with the same `--link`"));
    }
    let order = ndcg(&old.values, &new.values);
    let distance = attribution_distance(&old.values, &new.values);
    let stderr = distance_stderr(old, &new);
    let reach = Normal::standard().inverse_cdf(0.5 + 0.5 * limits.level) * stderr;
    let interval = (!reach.is_nan()).then(|| ((distance - reach).max(0.0), (distance + reach).min(1.0)));
    let players = (0..old.players.len()).map(|i| PlayerChange {
        player: old.players[i].clone(),
        baseline: old.values[i],
        baseline_stderr: Some(old.stderr[i]).filter(|e| !e.is_nan()),
        data: new.values[i],
        data_stderr: Some(new.stderr[i]).filter(|e| !e.is_nan()),
    });
    Ok(AttributionDrift {
        output: new.output.clone(),
        limits,
        ndcg: order.as_ref().ok().copied(),
        order_drifted: order.as_ref().is_ok_and(|&order| order < limits.ndcg),
        ndcg_error: order.err(),
        distance,
        interval,
        players: players.collect(),
        size_drifted: limits.distance.is_some_and(|limit| interval.map_or(distance, |i| i.0) > limit),
    })
}
