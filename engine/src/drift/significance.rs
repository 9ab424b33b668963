//! Could chance alone have made the difference?

use statrs::distribution::{ChiSquared, ContinuousCDF};

/// Up to this product of row counts the p-value of the Kolmogorov-Smirnov test is exact.
const EXACT: u64 = 4_000_000;
/// Cells of a table are expected to hold at least so many rows (Cochran 1954).
const EXPECTED: f64 = 5.0;

/// The two-sample Kolmogorov-Smirnov statistic D = max |F(x) − G(x)| of ascending numbers, in [0, 1]; 0 if a side is empty. Ties are
/// passed together.
pub fn ks_statistic(baseline: &[f64], data: &[f64]) -> f64 {
    largest_gap(baseline, data) as f64 / (baseline.len() as f64 * data.len() as f64).max(1.0)
}

/// max |i·m − j·n| over the places between different numbers: the statistic without division.
fn largest_gap(a: &[f64], b: &[f64]) -> u64 {
    let (n, m) = (a.len() as i64, b.len() as i64);
    let (mut i, mut j, mut gap) = (0, 0, 0u64);
    while i < a.len() && j < b.len() {
        let x = a[i].min(b[j]);
        while i < a.len() && a[i] <= x {
            i += 1;
        }
        while j < b.len() && b[j] <= x {
            j += 1;
        }
        gap = gap.max((i as i64 * m - j as i64 * n).unsigned_abs());
    }
    gap
}

/// The chance that two samples of one continuous distribution are as far apart as these, ascending and not empty, or farther.
///
/// Exact by counting paths (Hodges 1958) up to 4 million pairs of rows; beyond, the limit 2 Σ (−1)^(j−1) exp(−2 j² λ²) with
/// λ = D √(nm/(n+m)) (Smirnov 1948). With ties both are too large rather than too small.
pub fn ks_p(baseline: &[f64], data: &[f64]) -> f64 {
    let (n, m) = (baseline.len() as u64, data.len() as u64);
    let gap = largest_gap(baseline, data);
    if n * m <= EXACT {
        return path_share(n as usize, m as usize, gap);
    }
    let (n, m) = (n as f64, m as f64);
    kolmogorov(gap as f64 / (n * m) * (n * m / (n + m)).sqrt())
}

/// The share of lattice paths from (0, 0) to (n, m), all equally likely, that meet a point with |i·m − j·n| ≥ `gap`. Every number is an
/// average of two others, so small shares keep their digits.
fn path_share(n: usize, m: usize, gap: u64) -> f64 {
    let meets = |i: usize, j: usize| (i as i64 * m as i64 - j as i64 * n as i64).unsigned_abs() >= gap;
    let mut row: Vec<f64> = Vec::with_capacity(m + 1);
    for i in 0..=n {
        for j in 0..=m {
            let share = match (i, j) {
                _ if meets(i, j) => 1.0,
                (0, _) if j > 0 => row[j - 1],
                (_, 0) if i > 0 => row[0],
                (0, 0) => 0.0,
                _ => (i as f64 * row[j] + j as f64 * row[j - 1]) / (i + j) as f64,
            };
            if i == 0 { row.push(share) } else { row[j] = share }
        }
    }
    row[m]
}

/// The survival function of Kolmogorov's limit; below 1.18 by the theta function's other series, which converges faster there.
fn kolmogorov(x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let square = x * x;
    if x < 1.18 {
        let first = -std::f64::consts::PI.powi(2) / (8.0 * square);
        let sum: f64 = [1.0, 9.0, 25.0, 49.0].iter().map(|odd| (odd * first).exp()).sum();
        return (1.0 - std::f64::consts::TAU.sqrt() / x * sum).clamp(0.0, 1.0);
    }
    let term = |j: i32| (-2.0 * f64::from(j * j) * square).exp();
    (2.0 * (term(1) - term(2) + term(3) - term(4))).clamp(0.0, 1.0)
}

/// Pearson's test that two rows of counts come from one distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChiSquare {
    pub statistic: f64,
    pub degrees: u64,
    pub p: f64,
    /// Categories that were taken together because fewer than five rows were expected of one of them on a side.
    pub pooled: usize,
}

/// Pearson's chi-square test of homogeneity over the same categories, without a correction for continuity. Categories of which
/// fewer than five rows are expected on a side are taken together first (Cochran 1954), and if these are still too few, with the
/// rarest of the others. None where fewer than two categories are left.
pub fn chi_square(baseline: &[u64], data: &[u64]) -> Option<ChiSquare> {
    let totals = [baseline.iter().sum::<u64>() as f64, data.iter().sum::<u64>() as f64];
    let smaller = totals[0].min(totals[1]) / (totals[0] + totals[1]);
    let mut cells: Vec<[f64; 2]> = baseline.iter().zip(data).map(|(&a, &b)| [a as f64, b as f64]).collect();
    cells.retain(|c| c[0] + c[1] > 0.0);
    cells.sort_by(|a, b| (b[0] + b[1]).total_cmp(&(a[0] + a[1])));
    let expected = |c: &[f64; 2]| (c[0] + c[1]) * smaller;
    let (mut rest, mut pooled) = ([0.0; 2], 0);
    while let Some(&last) = cells.last() {
        if expected(&last) >= EXPECTED && (pooled == 0 || expected(&rest) >= EXPECTED) {
            break;
        }
        cells.pop();
        rest = [rest[0] + last[0], rest[1] + last[1]];
        pooled += 1;
    }
    if pooled > 0 {
        cells.push(rest);
    }
    if cells.len() < 2 || smaller.is_nan() || smaller <= 0.0 {
        return None;
    }
    let all = totals[0] + totals[1];
    let term = |c: &[f64; 2], side: usize| {
        let expected = (c[0] + c[1]) * totals[side] / all;
        (c[side] - expected).powi(2) / expected
    };
    let statistic: f64 = cells.iter().map(|c| term(c, 0) + term(c, 1)).sum();
    let degrees = (cells.len() - 1) as u64;
    let p = ChiSquared::new(degrees as f64).ok()?.sf(statistic);
    Some(ChiSquare { statistic, degrees, p, pooled: if pooled > 1 { pooled } else { 0 } })
}

/// p-values such that rejecting those of at most α keeps the expected share of false rejections at α (Benjamini & Hochberg 1995);
/// in the order given, NaN left out of the count.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).filter(|&i| !p[i].is_nan()).collect();
    order.sort_by(|&a, &b| p[b].total_cmp(&p[a]));
    let n = order.len();
    let (mut adjusted, mut smallest) = (vec![f64::NAN; p.len()], 1.0f64);
    for (above, &i) in order.iter().enumerate() {
        smallest = smallest.min(p[i] * n as f64 / (n - above) as f64);
        adjusted[i] = smallest;
    }
    adjusted
}
