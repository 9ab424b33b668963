//! What a reader must know before trusting a report.

use super::Findings;
use super::figures::Output;
use super::figures::text::{count, list, short};

/// Columns that depend on each other at least so much make partial dependence visit rows that do not occur.
pub const STRONG: f64 = 0.7;
/// Pairs that a warning names.
const NAMED: usize = 5;
/// A single attribution is unsure if its typical standard error is more than this share of its mean size; among so many players.
const UNSURE: f64 = 0.5;
const LOOKED_AT: usize = 10;
/// Attributions should add up to the prediction to this share of the largest mean |φ|.
const GAP: f64 = 0.01;

/// Columns that depend on each other.
pub fn correlated(findings: &Findings) -> Vec<String> {
    let strong: Vec<_> = findings.associations.iter().filter(|a| a.strength >= STRONG).collect();
    let pair = |a: &&crate::effect::Association| format!("{} and {} ({:.2})", a.a, a.b, a.strength);
    let named: Vec<String> = strong.iter().take(NAMED).map(pair).collect();
    if named.is_empty() {
        return Vec::new();
    }
    let more = match strong.len().saturating_sub(NAMED) {
        0 => String::new(),
        n => format!(" and {}", count(n as u64, "more pair")),
    };
    vec![format!(
        "These columns depend on each other: {}{more}. Partial dependence of either visits combinations that do not occur; where the two \
         differ trust ALE. Attributions share out what such columns do together, and permutation importance understates both.",
        list(&named)
    )]
}

/// Pictures that show some rows only.
pub fn sampled(findings: &Findings) -> Vec<String> {
    let rows = findings.global.first().map_or(0, |global| global.rows);
    let drawn = findings.sample.len();
    if drawn as u64 >= rows || drawn == 0 {
        return Vec::new();
    }
    vec![format!(
        "Pictures of single rows are drawn from a uniform sample of {drawn} of {}. Means, standard errors and ranks are over all rows.",
        count(rows, "row")
    )]
}

/// Attributions that do not add up, or are unsure.
pub fn unsure(findings: &Findings) -> Vec<String> {
    let mut warnings = Vec::new();
    let largest = findings.global.iter().flat_map(|global| &global.values).map(|v| v.mean_abs).fold(0.0, f64::max);
    if findings.worst_additivity_gap.is_nan() || findings.worst_additivity_gap > GAP * largest {
        warnings.push(format!(
            "In some row base value and attributions miss the prediction by {}, against a largest mean |φ| of {}.",
            short(findings.worst_additivity_gap),
            short(largest)
        ));
    }
    for output in Output::all(findings).iter().take(super::sections::OUTPUTS) {
        let first = output.ranking().into_iter().take(LOOKED_AT).map(|i| output.player(i));
        let noisy = first.filter(|v| v.typical_stderr > UNSURE * v.mean_abs).map(|v| v.player.clone());
        let noisy: Vec<String> = noisy.collect();
        if !noisy.is_empty() {
            warnings.push(format!(
                "Single attributions of {} to {} are unsure: their standard error is typically more than half of their mean |φ|, which it \
                 inflates. A larger --budget makes it smaller.",
                list(&noisy),
                output.name()
            ));
        }
    }
    warnings
}

/// Outputs that the parts on single features leave out.
pub fn left_out(findings: &Findings) -> Vec<String> {
    let (all, shown) = (findings.global.len(), super::sections::OUTPUTS);
    if all <= shown {
        return Vec::new();
    }
    vec![format!("The model has {all} outputs; figures show the first {shown}.")]
}
