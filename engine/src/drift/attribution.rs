//! How far two global explanations are apart: in order, and in size.

use crate::data::AttributionReader;
use crate::explain::Summary;
use crate::{Error, Result};
use serde::Serialize;
use std::path::Path;

const BATCH_ROWS: usize = 1 << 12;

/// What moves one output: mean |φ| of each player.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Importance {
    pub output: String,
    /// The scale of the values, `identity` or `logit`; empty where it is not known.
    pub link: String,
    pub players: Vec<String>,
    pub values: Vec<f64>,
    /// Standard errors over the rows; NaN where they are not known.
    pub stderr: Vec<f64>,
    /// Mean prediction over the background.
    pub base_value: f64,
}

impl Importance {
    /// Of each output of a Parquet file of `pellucid shap`, by one pass over it.
    ///
    /// # Errors
    /// What [`AttributionReader`] refuses.
    pub fn read(path: impl AsRef<Path>) -> Result<Vec<Importance>> {
        let reader = AttributionReader::open(path)?;
        let layout = reader.layout();
        let mut summary = Summary::new(layout.outputs.clone(), layout.players.clone(), 0);
        for block in reader.batches(BATCH_ROWS)? {
            summary.add(&block?.0);
        }
        let of = |global: crate::explain::GlobalExplanation| Importance {
            link: reader.provenance().link.clone(),
            players: global.values.iter().map(|v| v.player.clone()).collect(),
            values: global.values.iter().map(|v| v.mean_abs).collect(),
            stderr: global.values.iter().map(|v| if global.rows < 2 { f64::NAN } else { v.mean_abs_stderr }).collect(),
            base_value: global.base_value,
            output: global.output,
        };
        Ok(summary.finish().into_iter().map(of).collect())
    }

    /// The same players in another order.
    pub(super) fn ordered(&self, players: &[String]) -> Result<Importance> {
        let place = |name: &String| self.players.iter().position(|p| p == name);
        let places: Option<Vec<usize>> = players.iter().map(place).collect();
        let Some(places) = places.filter(|_| players.len() == self.players.len()) else {
            let only = |a: &[String], b: &[String]| crate::data::list_of(a.iter().filter(|p| !b.contains(p)));
            let (here, there) = (only(&self.players, players), only(players, &self.players));
            let said =
                |names: String, whose: &str| if names.is_empty() { names } else { format!("; {names} only {whose}") };
            return Err(Error::input(format!(
                "output `{}`: the explanations have other players{}{}",
                self.output,
                said(there, "in the baseline"),
                said(here, "in the new data")
            ))
            .hint("explain both tables with the same model, `--schema` and `--groups`"));
        };
        let pick = |from: &[f64]| places.iter().map(|&at| from[at]).collect();
        Ok(Importance {
            players: players.to_vec(),
            values: pick(&self.values),
            stderr: pick(&self.stderr),
            ..self.clone()
        })
    }
}

/// The normalised discounted cumulative gain of the new order of players, with the baseline's values as gains, in (0, 1]: 1 where the
/// order is the same. As SageMaker Clarify's attribution drift and scikit-learn's `ndcg_score(baseline, data)`: gains
/// a(i)/log₂(place + 1), where players with equal new values share the mean discount of their places (Järvelin & Kekäläinen 2002;
/// McSherry & Najork 2008 for ties).
///
/// It sees order alone: if every attribution shrinks tenfold it stays 1. [`attribution_distance`] sees that.
///
/// # Errors
/// Why there is none: fewer than two players, a gain that is negative (signed medians) or no number, no gain at all.
pub fn ndcg(baseline: &[f64], data: &[f64]) -> Result<f64, String> {
    match () {
        () if baseline.len() != data.len() => return Err("the explanations have different numbers of players".into()),
        () if baseline.len() < 2 => return Err("one player alone has no order".into()),
        () if baseline.iter().chain(data).any(|x| !x.is_finite()) => {
            return Err("an attribution is not a finite number".into());
        }
        () if baseline.iter().any(|&x| x < 0.0) => {
            return Err("the baseline has negative values, which are no gains; aggregate |φ| or φ²".into());
        }
        () if baseline.iter().all(|&x| x == 0.0) => return Err("all attributions of the baseline are 0".into()),
        () => {}
    }
    let mut ideal = baseline.to_vec();
    ideal.sort_by(|a, b| b.total_cmp(a));
    let best: f64 = ideal.iter().enumerate().map(|(place, gain)| gain * discount(place)).sum();
    Ok((dcg(baseline, data) / best).min(1.0))
}

fn discount(place: usize) -> f64 {
    (place as f64 + 2.0).log2().recip()
}

fn dcg(gains: &[f64], scores: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let (mut from, mut sum) = (0, 0.0);
    while from < order.len() {
        let tied = order[from..].iter().take_while(|&&i| scores[i] == scores[order[from]]).count();
        let gain: f64 = order[from..from + tied].iter().map(|&i| gains[i]).sum();
        let places: f64 = (from..from + tied).map(discount).sum();
        sum += gain / tied as f64 * places;
        from += tied;
    }
    sum
}

/// Σ ||a| − |b|| / Σ max(|a|, |b|), the distance of Jaccard for weights (Ružička 1958): the share of all attribution, taken together, that
/// is on one side only. A metric in [0, 1]: 0 for equal attributions, 1 where nothing is shared, and 1 − c where all of them
/// shrink to the share c. 0 where both are all 0.
pub fn attribution_distance(baseline: &[f64], data: &[f64]) -> f64 {
    let pairs = || baseline.iter().zip(data).map(|(a, b)| (a.abs(), b.abs()));
    let (apart, all): (f64, f64) = (pairs().map(|(a, b)| (a - b).abs()).sum(), pairs().map(|(a, b)| a.max(b)).sum());
    if all > 0.0 { apart / all } else { 0.0 }
}

/// The standard error of [`attribution_distance`] from those of the values, to first order and as if players were independent; NaN if
/// one is not known, and no better than the distance itself where the two sides are almost equal.
pub(super) fn distance_stderr(a: &Importance, b: &Importance) -> f64 {
    let distance = attribution_distance(&a.values, &b.values);
    let all: f64 = a.values.iter().zip(&b.values).map(|(a, b)| a.abs().max(b.abs())).sum();
    if all == 0.0 {
        return 0.0;
    }
    let term = |i: usize| {
        let (x, y) = (a.values[i].abs(), b.values[i].abs());
        // Of the larger side d rises by (1 − d)/Σmax for each unit, of the smaller it falls by 1/Σmax.
        let slope = |x: f64, y: f64| if x >= y { (1.0 - distance) / all } else { 1.0 / all };
        (slope(x, y) * a.stderr[i]).powi(2) + (slope(y, x) * b.stderr[i]).powi(2)
    };
    (0..a.values.len()).map(term).sum::<f64>().sqrt()
}
