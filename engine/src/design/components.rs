//! Variance components: a random vector with covariance Σ_k τ_k K_k + σ D, D diagonal, and how large each part is.
//!
//! Symmetric matrices are held by their entries at and below the diagonal; what is above is zero.

use faer::linalg::solvers::{DenseSolveCore, Solve};
use faer::{Mat, Side};
use ndarray::ArrayView2;

/// Rounds of multiplicative updates at most.
const UPDATES: usize = 30;
/// Updates stop when no part's share of the variance moves by this much: going on changes no error of an explanation by more than a few
/// percent.
const STILL: f64 = 0.01;

/// Symmetric matrices `[length, length]` from their entries (p, q) with p ≥ q.
pub fn symmetric<const K: usize>(length: usize, entries: impl Fn(usize, usize) -> [f64; K]) -> [Mat<f64>; K] {
    let mut all: [Mat<f64>; K] = std::array::from_fn(|_| Mat::zeros(length, length));
    for q in 0..length {
        let mut columns = all.each_mut().map(|matrix| &mut matrix.col_as_slice_mut(q)[q..]);
        for p in q..length {
            columns.iter_mut().zip(entries(p, q)).for_each(|(column, entry)| column[p - q] = entry);
        }
    }
    all
}

/// α of the prior τ^α: with ½, a part's sum of squares is divided by its degrees of freedom less one.
const PRIOR: f64 = 0.5;

/// Columns of samples, scaled to mean square 1; columns of zeros are left out. `[length, columns]`
pub fn scaled(samples: ArrayView2<f64>) -> Mat<f64> {
    let columns: Vec<Vec<f64>> = samples
        .columns()
        .into_iter()
        .filter_map(|column| {
            let scale = (column.iter().map(|d| d * d).sum::<f64>() / column.len() as f64).sqrt();
            (scale.is_finite() && scale > 0.0).then(|| column.iter().map(|d| d / scale).collect())
        })
        .collect();
    Mat::from_fn(samples.nrows(), columns.len(), |p, j| columns[j][p])
}

/// Fits τ and σ, in place, to m columns of samples d by their largest posterior density under a prior τ^α: with q = Σ aᵀK a, a = A⁻¹d, and
/// r = m tr(A⁻¹K), τ ← (α + √(α² + q r τ²))/r. For α = 0 these are the updates τ √(q/r) of maximum likelihood (Lange 2016; Zhou et al. 2019),
/// by which a part that few samples speak of can vanish though they do not rule it out: then errors look smaller than they are. Where the
/// updates come to rest, τ (r τ − 2α) = q τ²: the part's share of the samples' degrees of freedom, r τ, counts less by 2α.
/// `noise` is the diagonal of D. Without columns nothing changes; parts with τ = 0 stay so.
pub fn fit<const K: usize>(
    parts: &[Mat<f64>; K],
    noise: &[f64],
    samples: &Mat<f64>,
    tau: &mut [f64; K],
    sigma: &mut f64,
) {
    if samples.ncols() == 0 {
        return;
    }
    let scales = parts.each_ref().map(mean_diagonal);
    let columns = samples.ncols() as f64;
    for _ in 0..UPDATES {
        let before = shares(tau, *sigma, &scales);
        let Ok(factor) = covariance(parts, noise, tau, *sigma).llt(Side::Lower) else { break };
        let inverse = factor.inverse();
        let a = factor.solve(samples);
        for (part, tau) in parts.iter().zip(&mut *tau).filter(|(_, tau)| **tau > 0.0) {
            *tau = update(*tau, quadratic(part, &a), columns * trace_of_product(&inverse, part));
        }
        let top: f64 = (0..a.nrows()).map(|p| noise[p] * (0..a.ncols()).map(|j| a[(p, j)].powi(2)).sum::<f64>()).sum();
        let bottom: f64 = (0..a.nrows()).map(|p| noise[p] * inverse[(p, p)]).sum();
        *sigma = update(*sigma, top, columns * bottom);
        floor(tau, sigma, &scales);
        let moved = |(before, after): (&f64, &f64)| (after - before).abs();
        if before.iter().zip(&shares(tau, *sigma, &scales)).map(moved).all(|by| by < STILL) {
            break;
        }
    }
}

/// The next variance from the present one, Σ aᵀK a and m tr(A⁻¹K).
fn update(tau: f64, squares: f64, traces: f64) -> f64 {
    (PRIOR + (PRIOR * PRIOR + squares.max(0.0) * traces * tau * tau).sqrt()) / traces
}

/// Σ_k τ_k K_k + σ D.
fn covariance<const K: usize>(parts: &[Mat<f64>; K], noise: &[f64], tau: &[f64; K], sigma: f64) -> Mat<f64> {
    let mut sum = Mat::zeros(noise.len(), noise.len());
    for (q, noise) in noise.iter().enumerate() {
        let column = &mut sum.col_as_slice_mut(q)[q..];
        for (part, tau) in parts.iter().zip(tau).filter(|(_, tau)| **tau > 0.0) {
            column.iter_mut().zip(&part.col_as_slice(q)[q..]).for_each(|(sum, entry)| *sum += tau * entry);
        }
        column[0] += sigma * noise;
    }
    sum
}

/// The share of the variance that each part has, the noise last.
fn shares<const K: usize>(tau: &[f64; K], sigma: f64, scales: &[f64; K]) -> Vec<f64> {
    let all: Vec<f64> = tau.iter().zip(scales).map(|(tau, scale)| tau * scale).chain([sigma]).collect();
    let total: f64 = all.iter().sum();
    all.iter().map(|part| part / total).collect()
}

/// Equal shares of the mean variance, 1, for every part and the noise.
pub fn even<const K: usize>(parts: &[Mat<f64>; K]) -> ([f64; K], f64) {
    let share = 1.0 / (K + 1) as f64;
    let part = |part: &Mat<f64>| match mean_diagonal(part) {
        scale if scale > 1e-12 => share / scale,
        _ => 0.0,
    };
    (parts.each_ref().map(part), share)
}

/// No part falls below 10⁻⁷ of the largest share, so that the covariance stays positive definite and a part can come back.
fn floor<const K: usize>(tau: &mut [f64; K], sigma: &mut f64, scales: &[f64; K]) {
    let largest = tau.iter().zip(scales).map(|(tau, scale)| tau * scale).fold(*sigma, f64::max);
    for (tau, scale) in tau.iter_mut().zip(scales) {
        if *scale > 1e-12 {
            *tau = tau.max(1e-7 * largest / scale);
        }
    }
    *sigma = sigma.max(1e-7 * largest);
}

fn mean_diagonal(matrix: &Mat<f64>) -> f64 {
    (0..matrix.nrows()).map(|p| matrix[(p, p)]).sum::<f64>() / matrix.nrows() as f64
}

/// Sum over columns a of aᵀ K a.
fn quadratic(matrix: &Mat<f64>, a: &Mat<f64>) -> f64 {
    let below = matrix * a;
    let twice = |j: usize| 2.0 * (a.col(j).transpose() * below.col(j));
    let diagonal = |j: usize| (0..a.nrows()).map(|p| matrix[(p, p)] * a[(p, j)].powi(2)).sum::<f64>();
    (0..a.ncols()).map(|j| twice(j) - diagonal(j)).sum()
}

/// tr(A K), K symmetric, A whole or not.
fn trace_of_product(a: &Mat<f64>, matrix: &Mat<f64>) -> f64 {
    let column = |q: usize| 2.0 * (a.col(q).transpose() * matrix.col(q)) - a[(q, q)] * matrix[(q, q)];
    (0..a.ncols()).map(column).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples of a known covariance give its variances back.
    #[test]
    fn variances_come_back_from_samples() {
        let (length, columns) = (40, 4000);
        // Two blocks that go together, and a slope.
        let [block, slope] = symmetric(length, |p, q| {
            let centred = |p: usize| (p as f64 - 19.5) / 11.5;
            [f64::from(u8::from(p / 20 == q / 20)), centred(p) * centred(q)]
        });
        let mut state = 1u64;
        let mut normal = || {
            let mut uniform = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as f64 / f64::from(1u32 << 31)
            };
            (0..12).map(|_| uniform()).sum::<f64>() - 6.0
        };
        let samples: Vec<Vec<f64>> = (0..columns)
            .map(|_| {
                let (blocks, slope) = ([normal(), normal()], 0.5 * normal());
                (0..length).map(|p| blocks[p / 20] + slope * (p as f64 - 19.5) / 11.5 + 0.7 * normal()).collect()
            })
            .collect();
        let samples = Mat::from_fn(length, columns, |p, j| samples[j][p]);
        let parts = [block, slope];
        let (mut tau, mut sigma) = even(&parts);
        fit(&parts, &vec![1.0; length], &samples, &mut tau, &mut sigma);
        // Shares of 1, 0.25 and 0.49, within what stopping early and 4,000 columns leave.
        let found = shares(&tau, sigma, &[1.0, 1.0]);
        for (found, true_share) in found.iter().zip([1.0, 0.25, 0.49].map(|part| part / 1.74)) {
            assert!((found - true_share).abs() < 0.03, "{found} for {true_share}");
        }
    }

    #[test]
    fn entries_below_the_diagonal_say_all() {
        let [matrix] = symmetric(3, |p, q| [(10 * p + q) as f64]);
        let whole = Mat::from_fn(3, 3, |p, q| matrix[(p.max(q), p.min(q))]);
        let a = Mat::from_fn(3, 2, |p, j| (1 + p * p + 2 * j) as f64);
        let expected: f64 = (0..2).map(|j| a.col(j).transpose() * (&whole * a.col(j))).sum();
        assert_eq!(quadratic(&matrix, &a), expected);
        let trace: f64 = (0..3).map(|q| (0..3).map(|p| whole[(p, q)] * whole[(p, q)]).sum::<f64>()).sum();
        assert_eq!(trace_of_product(&whole, &matrix), trace);
    }
}
