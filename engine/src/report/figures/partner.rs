//! Which other player bends a player's attributions most.

use super::output::{Output, text_of, value_of};
use super::rank::ranks;
use std::collections::BTreeMap;

/// Bins of a number.
const BINS: usize = 8;
/// A partner explains at least so much of the spread within bins.
const LEAST: f64 = 0.03;

/// The partner of `player`: that of the strongest measured interaction, otherwise the one whose value explains most of what is left of
/// φ among rows that hardly differ in the player itself: rows fall into bins of its value, and within each bin R², adjusted for its
/// degrees of freedom, of φ on the rank of a number or on the categories; bins count by their rows. A heuristic: a player that goes
/// with this one in the data can be taken for a partner. None if nothing explains a thirtieth.
pub fn partner(output: &Output, player: usize) -> Option<usize> {
    measured(output, player).or_else(|| {
        let bins = bins(output, player);
        let scores =
            (0..output.global.values.len()).filter(|&i| i != player).map(|i| (i, score(output, player, i, &bins)));
        scores.filter(|s| s.1 > LEAST).max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))).map(|s| s.0)
    })
}

fn measured(output: &Output, player: usize) -> Option<usize> {
    let name = output.player_name(player);
    let of_player =
        output.findings.interactions.iter().filter(|i| i.output == output.name() && (i.a == name || i.b == name));
    let strongest = of_player.filter(|i| i.strength > 0.0).max_by(|a, b| a.strength.total_cmp(&b.strength))?;
    output.find(if strongest.a == name { &strongest.b } else { &strongest.a })
}

/// Rows of the sample in bins of the player's value.
fn bins(output: &Output, player: usize) -> Vec<Vec<usize>> {
    let rows = &output.findings.sample;
    let ranks = ranks(&rows.iter().map(|row| value_of(row, player)).collect::<Vec<_>>());
    let mut bins: BTreeMap<(usize, &str), Vec<usize>> = BTreeMap::new();
    for (r, row) in rows.iter().enumerate().filter(|(_, row)| output.phi(row, player).0.is_finite()) {
        let key = match ranks[r] {
            Some(rank) => (((rank * BINS as f64) as usize).min(BINS - 1), ""),
            None => (BINS, text_of(row, player)),
        };
        bins.entry(key).or_default().push(r);
    }
    bins.into_values().filter(|bin| bin.len() > 5).collect()
}

/// The mean adjusted R² over bins.
fn score(output: &Output, player: usize, other: usize, bins: &[Vec<usize>]) -> f64 {
    let total: usize = bins.iter().map(Vec::len).sum();
    bins.iter().map(|bin| bin.len() as f64 * explained(output, player, other, bin)).sum::<f64>() / total.max(1) as f64
}

fn explained(output: &Output, player: usize, other: usize, bin: &[usize]) -> f64 {
    let rows = &output.findings.sample;
    let phi: Vec<f64> = bin.iter().map(|&r| f64::from(output.phi(&rows[r], player).0)).collect();
    let ranks = ranks(&bin.iter().map(|&r| value_of(&rows[r], other)).collect::<Vec<_>>());
    let n = bin.len() as f64;
    let mean = phi.iter().sum::<f64>() / n;
    let spread: f64 = phi.iter().map(|phi| (phi - mean).powi(2)).sum();
    let (share, parameters) = if ranks.iter().all(Option::is_some) {
        let sums = ranks.iter().zip(&phi).map(|(rank, phi)| (rank.unwrap_or(0.5) - 0.5, phi - mean));
        let (xy, xx) = sums.fold((0.0, 0.0), |(xy, xx), (x, y)| (xy + x * y, xx + x * x));
        (if xx > 0.0 { xy * xy / xx / spread } else { 0.0 }, 2.0)
    } else {
        let mut groups: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for (&r, phi) in bin.iter().zip(&phi) {
            let group = groups.entry(text_of(&rows[r], other)).or_default();
            *group = (group.0 + phi - mean, group.1 + 1.0);
        }
        (groups.values().map(|(sum, n)| sum * sum / n).sum::<f64>() / spread, groups.len() as f64)
    };
    // The largest f32 rounding of φ is no spread.
    let flat = spread <= n * (f64::from(f32::EPSILON) * phi.iter().fold(0.0, |m: f64, p| m.max(p.abs()))).powi(2);
    if flat || n <= parameters { 0.0 } else { 1.0 - (1.0 - share) * (n - 1.0) / (n - parameters) }
}
