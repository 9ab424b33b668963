//! How far two distributions over the same bins are apart.

/// What is added to every count before shares are taken, so that an empty bin has no logarithm of 0: half a row, as for
/// Jeffreys' prior (Krichevsky & Trofimov 1981).
const SMOOTHING: f64 = 0.5;

/// The population stability index Σ (pᵢ − qᵢ) ln(pᵢ/qᵢ) of counts over the same bins, with half a row added to each bin of either side; it
/// is symmetric, the sum of both Kullback-Leibler divergences (Jeffreys 1946).
///
/// Range [0, ∞), 0 for equal shares. By convention below 0.1 is little, from 0.2 (some take 0.25) much (Siddiqi, Credit Risk
/// Scorecards, 2006). Of two samples of n and m rows from one distribution it has about the mean (k − 1)(1/n + 1/m) over k bins.
pub fn psi(baseline: &[u64], data: &[u64]) -> f64 {
    let (p, q) = (smoothed(baseline), smoothed(data));
    p.iter().zip(&q).map(|(p, q)| (p - q) * (p / q).ln()).sum()
}

fn smoothed(counts: &[u64]) -> Vec<f64> {
    let total = counts.iter().sum::<u64>() as f64 + SMOOTHING * counts.len() as f64;
    counts.iter().map(|&n| (n as f64 + SMOOTHING) / total).collect()
}

/// The Jensen-Shannon distance √(½ KL(p‖m) + ½ KL(q‖m)), m = (p + q)/2, with logarithms of base 2, of counts over the same bins. A
/// metric (Endres & Schindelin 2003): symmetric, in [0, 1], 0 for equal shares, 1 where no bin is shared. Nothing is smoothed.
/// NaN if a side has no rows.
pub fn jensen_shannon(baseline: &[u64], data: &[u64]) -> f64 {
    let shares = |counts: &[u64]| -> Vec<f64> {
        let total = counts.iter().sum::<u64>() as f64;
        counts.iter().map(|&n| n as f64 / total).collect()
    };
    let (p, q) = (shares(baseline), shares(data));
    let part = |x: f64, m: f64| if x > 0.0 { x * (x / m).log2() } else { 0.0 * x };
    let terms = p.iter().zip(&q).map(|(&p, &q)| part(p, 0.5 * (p + q)) + part(q, 0.5 * (p + q)));
    let sum: f64 = terms.sum();
    (0.5 * sum).max(if sum.is_nan() { f64::NAN } else { 0.0 }).min(1.0).sqrt()
}
