//! Variance components: a random vector with covariance Σ_k τ_k K_k + σ D, D diagonal, and how large each part is.

use faer::linalg::solvers::{DenseSolveCore, Solve};
use faer::{Mat, Side};
use ndarray::ArrayView2;
use rayon::prelude::*;

/// Rounds of multiplicative updates; more change no attribution by more than a percent of its error.
const UPDATES: usize = 30;

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
/// `noise` is the diagonal of D. Without columns nothing changes.
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
        let covariance = Mat::from_fn(noise.len(), noise.len(), |p, q| {
            let parts: f64 = parts.iter().zip(&*tau).map(|(part, tau)| tau * part[(p, q)]).sum();
            parts + if p == q { *sigma * noise[p] } else { 0.0 }
        });
        let Ok(factor) = covariance.llt(Side::Lower) else { break };
        let inverse = factor.inverse();
        let a = factor.solve(samples);
        for ((part, tau), scale) in parts.iter().zip(&mut *tau).zip(scales) {
            if scale > 1e-12 {
                *tau = update(*tau, quadratic(part, &a), columns * trace_of_product(&inverse, part));
            }
        }
        let top: f64 = (0..a.nrows()).map(|p| noise[p] * (0..a.ncols()).map(|j| a[(p, j)].powi(2)).sum::<f64>()).sum();
        let bottom: f64 = (0..a.nrows()).map(|p| noise[p] * inverse[(p, p)]).sum();
        *sigma = update(*sigma, top, columns * bottom);
        floor(tau, sigma, &scales);
    }
}

/// The next variance from the present one, Σ aᵀK a and m tr(A⁻¹K).
fn update(tau: f64, squares: f64, traces: f64) -> f64 {
    (PRIOR + (PRIOR * PRIOR + squares.max(0.0) * traces * tau * tau).sqrt()) / traces
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
    let product = matrix * a;
    (0..a.ncols()).map(|j| (0..a.nrows()).map(|p| a[(p, j)] * product[(p, j)]).sum::<f64>()).sum()
}

fn trace_of_product(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    (0..a.ncols())
        .into_par_iter()
        .map(|q| (0..a.nrows()).map(|p| a[(p, q)] * b[(p, q)]).sum::<f64>())
        .collect::<Vec<_>>()
        .iter()
        .sum()
}
