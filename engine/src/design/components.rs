//! Variance components: a random vector with covariance Σ_k τ_k K_k + σ D, D diagonal, and how large each part is.

use faer::linalg::solvers::{DenseSolveCore, Solve};
use faer::{Mat, Side};
use ndarray::ArrayView2;
use rayon::prelude::*;

/// Rounds of multiplicative updates; more change no attribution by more than a percent of its error.
const UPDATES: usize = 30;

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

/// Fits τ and σ, in place, to columns of samples by maximum likelihood: multiplicative updates τ ← τ √(aᵀK a / tr(A⁻¹K)), a = A⁻¹d, averaged
/// over columns (Lange 2016; Zhou et al. 2019). `noise` is the diagonal of D. Without columns nothing changes.
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
                *tau *= (quadratic(part, &a) / trace_of_product(&inverse, part)).max(0.0).sqrt();
            }
        }
        let top: f64 = (0..a.nrows()).map(|p| noise[p] * (0..a.ncols()).map(|j| a[(p, j)].powi(2)).sum::<f64>()).sum();
        let bottom: f64 = (0..a.nrows()).map(|p| noise[p] * inverse[(p, p)]).sum();
        *sigma *= (top / a.ncols() as f64 / bottom).max(0.0).sqrt();
        floor(tau, sigma, &scales);
    }
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

/// Mean over columns a of aᵀ K a.
fn quadratic(matrix: &Mat<f64>, a: &Mat<f64>) -> f64 {
    let product = matrix * a;
    let sum: f64 = (0..a.ncols()).map(|j| (0..a.nrows()).map(|p| a[(p, j)] * product[(p, j)]).sum::<f64>()).sum();
    sum / a.ncols() as f64
}

fn trace_of_product(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    (0..a.ncols())
        .into_par_iter()
        .map(|q| (0..a.nrows()).map(|p| a[(p, q)] * b[(p, q)]).sum::<f64>())
        .collect::<Vec<_>>()
        .iter()
        .sum()
}
