//! The estimator of random designs: kriging, the best linear prediction of the Shapley values from the contrasts.
//!
//! The contrasts of a design are taken for draws of a random game with five parts and noise, each with a variance of its own:
//! ```text
//! cov(d_p, d_q) = τ₁ K_one + τ_o K_own + τ_c K_cross + τ_r K_row + τ₃ K_tri + σ [p = q]/w_p
//!   K_one    s̃_p · s̃_q                         every player on its own
//!   K_own    o_p · o_q,  o = s̃_i h(b_i)          player i against the value it replaces in the background
//!   K_cross  (s̃_p · s̃_q)(r_p · r_q)             every player against the whole background row
//!   K_row    (s̃_p · s̃_q)(c_pq − 1)               every player against each background row, whatever its values
//!   K_tri    Σ_T (χ_T(p) − t_p)(χ_T(q) − t_q)    all triples of players; χ_T the product of their signs
//! ```
//! with signs s = 2z − 1, tilt t = mean(s), s̃ = s − t, h standardised values, squares and steps of a background feature, and r the
//! standardised background row over √features, both averaged over a pair's run, and c_pq the share of background rows that two runs have in
//! common, over what even weights and long runs would give. h, r and c − 1 average to zero over the background, so only K_one
//! and K_tri carry Shapley values. A pair's difference drops the even orders, and a triple shares its value among three players:
//! ```text
//! cov(φ_i, d_p) = F_ip = τ₁ s̃_i + τ₃ Σ_T ([i ∈ T]/3 − 1/n)(χ_T − t),    φ = (v1 − v0)/n + F A⁻¹ d,  A = cov(d)
//! ```
//! Rows of F add up to zero over players, so the attributions always add up. Sums over all triples are closed forms, for signs with sum S:
//! e₃(S) = (S³ − (3n − 2)S)/6 = Σ_T χ_T. The variances are fitted on the contrasts of a few pilot rows (below), which replaces a choice
//! between orders, ridges and background designs: what the model lacks gets no variance.
//!
//! Cost: one f64 factorisation of pairs × pairs a run, whatever the number of rows, outputs and models.
//! Sources: Krige/Matheron best linear prediction; Fumagalli et al. 2026 (odd orders, PolySHAP and OddSHAP, are the basis of K_tri);
//! Lange 2016 and Zhou et al. 2019 (multiplicative updates for variance components); Efron & Stein 1981 (jackknife).

use super::estimator::{Estimator, widening};
use super::{Design, components};
use crate::data::Background;
use faer::linalg::solvers::{DenseSolveCore, Llt, Solve};
use faer::{Mat, Side};
use ndarray::{Array2, ArrayView1, ArrayView2};
use rand::Rng;
use rand::seq::SliceRandom;

/// Above this many covariate columns only the standardised values are used, not their squares and steps.
const MANY_COLUMNS: usize = 384;

/// Variances of the parts of the random game.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variances {
    pub one: f64,
    pub own: f64,
    pub cross: f64,
    pub row: f64,
    pub tri: f64,
    pub noise: f64,
}

/// What the covariance needs to know of each pair.
pub struct Features {
    n: usize,
    /// `[pairs, players]`
    signs: Mat<f64>,
    /// `[pairs]`
    tilts: Vec<f64>,
    /// `[pairs, covariates]`; none for runs over the whole background.
    own: Mat<f64>,
    /// `[pairs, features]`, likewise.
    cross: Mat<f64>,
    runs: Runs,
    weights: Vec<f64>,
}

/// Where the pairs' runs lie on the circle of background rows.
struct Runs {
    start: Vec<u32>,
    length: usize,
    /// Weight of each background row.
    of_rows: Vec<f64>,
}

impl Runs {
    /// c − 1 of two pairs: Σ over the rows in both runs of 1/(L² π_b), less 1; averages to 0 over the background, and is 0 for runs over all
    /// of it. Rows of different weight come in runs of one.
    fn common(&self, p: usize, q: usize) -> f64 {
        let (rows, length) = (self.of_rows.len(), self.length);
        if length >= rows {
            return 0.0;
        }
        let apart = (self.start[p] as usize + rows - self.start[q] as usize) % rows;
        let shared = length.saturating_sub(apart) + if apart > 0 { length.saturating_sub(rows - apart) } else { 0 };
        shared as f64 / (length * length) as f64 / self.of_rows[self.start[p] as usize] - 1.0
    }
}

impl Features {
    /// The features of a design over this background, with regression weights `[pairs]` of mean 1.
    pub fn new(design: &Design, weights: &[f64], background: &Background, player_of: &[u32]) -> Self {
        let (n, pairs, run, start) = (design.n_players, design.n_pairs(), design.run, &design.start);
        let signs = Mat::from_fn(pairs, n, |p, i| design.pairs.sign(p, i));
        let tilts: Vec<f64> = design.tilts().into_iter().map(f64::from).collect();
        let rows = background.rows.nrows();
        let whole = run >= rows;
        let standard = if whole { Vec::new() } else { standardised(background) };
        let mean = |column: &[f64], p: usize| {
            (0..run).map(|l| column[(start[p] as usize + l) % rows]).sum::<f64>() / run as f64
        };
        let transforms = if 6 * standard.len() > MANY_COLUMNS { 1 } else { 6 };
        let covariates: Vec<(usize, Vec<f64>)> = standard
            .iter()
            .zip(player_of)
            .flat_map(|(column, &player)| {
                transformed(column, &background.weights, transforms).into_iter().map(move |h| (player as usize, h))
            })
            .collect();
        let own = Mat::from_fn(pairs, covariates.len(), |p, j| {
            let (player, column) = &covariates[j];
            (signs[(p, *player)] - tilts[p]) * mean(column, p)
        });
        let scale = (standard.len() as f64).sqrt();
        let cross = Mat::from_fn(pairs, standard.len(), |p, f| mean(&standard[f], p) / scale);
        let runs = Runs { start: start.clone(), length: run, of_rows: background.weights.clone() };
        Self { n, signs, tilts, own, cross, runs, weights: weights.to_vec() }
    }

    pub fn n_pairs(&self) -> usize {
        self.tilts.len()
    }

    /// K_one, K_own, K_cross, K_row, K_tri, `[pairs, pairs]` each.
    fn parts(&self) -> [Mat<f64>; 5] {
        let products = self.products();
        std::array::from_fn(|part| {
            Mat::from_fn(self.n_pairs(), self.n_pairs(), |p, q| self.parts_at(&products, p, q)[part])
        })
    }

    /// s · s', o · o' and r · r', `[pairs, pairs]` each.
    fn products(&self) -> [Mat<f64>; 3] {
        [&self.signs, &self.own, &self.cross].map(|columns| columns * columns.transpose())
    }

    /// The five parts of the covariance of two pairs.
    fn parts_at(&self, [dot, own, rows]: &[Mat<f64>; 3], p: usize, q: usize) -> [f64; 5] {
        let (n, a, b) = (self.n as f64, self.tilts[p], self.tilts[q]);
        let one = dot[(p, q)] - n * a * b;
        let tri =
            odd_three(dot[(p, q)], n) - b * odd_three(n * a, n) - a * odd_three(n * b, n) + a * b * triples(self.n);
        [one, own[(p, q)], one * rows[(p, q)], one * self.runs.common(p, q), tri]
    }

    /// A: the covariance of the contrasts.
    fn covariance(&self, products: &[Mat<f64>; 3], v: &Variances) -> Mat<f64> {
        Mat::from_fn(self.n_pairs(), self.n_pairs(), |p, q| {
            let [one, own, cross, row, tri] = self.parts_at(products, p, q);
            let noise = if p == q { v.noise / self.weights[p] } else { 0.0 };
            v.one * one + v.own * own + v.cross * cross + v.row * row + v.tri * tri + noise
        })
    }

    /// F: the covariance of the attributions with the contrasts, `[pairs, players]`.
    fn targets(&self, v: &Variances) -> Mat<f64> {
        let n = self.n as f64;
        let (triples, with_player) = (triples(self.n), (n - 1.0) * (n - 2.0) / 2.0);
        Mat::from_fn(self.n_pairs(), self.n, |p, i| {
            let (s, t) = (self.signs[(p, i)], self.tilts[p]);
            let sum = n * t;
            let of_player = s * ((sum - s).powi(2) - (n - 1.0)) / 2.0 - t * with_player;
            let of_all = odd_three(sum, n) - t * triples;
            v.one * (s - t) + v.tri * (of_player / 3.0 - of_all / n)
        })
    }
}

impl Features {
    pub(super) fn n_players(&self) -> f64 {
        self.n as f64
    }

    pub(super) fn sign(&self, pair: usize, player: usize) -> f64 {
        self.signs[(pair, player)]
    }

    pub(super) fn sign_sum(&self, pair: usize) -> f64 {
        self.n as f64 * self.tilts[pair]
    }

    /// s · s', `[pairs, pairs]`.
    pub(super) fn dots(&self) -> Mat<f64> {
        &self.signs * self.signs.transpose()
    }

    /// c − 1 of two pairs.
    pub(super) fn common(&self, p: usize, q: usize) -> f64 {
        self.runs.common(p, q)
    }
}

impl Features {
    /// The variance of an attribution before any contrast is known: τ₁(1 − 1/n) + τ₃ Σ_T ([i ∈ T]/3 − 1/n)², the same for each player.
    fn attribution_variance(&self, v: &Variances) -> f64 {
        let n = self.n as f64;
        let with_player = (n - 1.0) * (n - 2.0) / 2.0;
        v.one * (1.0 - 1.0 / n) + v.tri * (with_player * (1.0 / 9.0 - 2.0 / (3.0 * n)) + triples(self.n) / (n * n))
    }
}

/// e₃: the sum over all triples of the product of three signs, from the sum of n signs.
fn odd_three(sum: f64, n: f64) -> f64 {
    (sum.powi(3) - (3.0 * n - 2.0) * sum) / 6.0
}

fn triples(n: usize) -> f64 {
    let n = n as f64;
    n * (n - 1.0) * (n - 2.0) / 6.0
}

/// Columns of the background with mean 0 and standard deviation 1 under its weights; missing values and constant columns are 0.
fn standardised(background: &Background) -> Vec<Vec<f64>> {
    let values = |column: ArrayView1<f32>| column.iter().map(|&x| f64::from(x)).collect();
    background.rows.columns().into_iter().map(|column| standard(values(column), &background.weights)).collect()
}

fn standard(mut column: Vec<f64>, weights: &[f64]) -> Vec<f64> {
    let known = || column.iter().zip(weights).filter(|(x, _)| x.is_finite());
    let total = known().map(|(_, w)| w).sum::<f64>().max(f64::MIN_POSITIVE);
    let mean = known().map(|(x, w)| w * x).sum::<f64>() / total;
    let deviation = (known().map(|(x, w)| w * (x - mean).powi(2)).sum::<f64>() / total).sqrt();
    let scale = if deviation > 1e-12 * mean.abs() { 1.0 / deviation } else { 0.0 };
    column.iter_mut().for_each(|x| *x = if x.is_finite() { (*x - mean) * scale } else { 0.0 });
    column
}

/// A standardised column, and if `count` is 6 its square and four steps at the quintiles, each standardised.
fn transformed(column: &[f64], weights: &[f64], count: usize) -> Vec<Vec<f64>> {
    let mut all = vec![column.to_vec()];
    if count == 1 {
        return all;
    }
    all.push(standard(column.iter().map(|x| x * x).collect(), weights));
    let mut sorted = column.to_vec();
    sorted.sort_by(f64::total_cmp);
    for fifth in 1..5 {
        let step = sorted[(sorted.len() * fifth / 5).min(sorted.len() - 1)];
        all.push(standard(column.iter().map(|&x| f64::from(u8::from(x >= step))).collect(), weights));
    }
    all
}

impl Variances {
    /// Equal shares of the variance of a pair, for a run without a pilot.
    pub fn even(features: &Features) -> Self {
        Self::of(components::even(&features.parts()))
    }

    /// Fits the variances to pilot contrasts `[pairs, pilot rows · outputs]` by maximum likelihood. Columns are scaled to mean square 1
    /// first; columns of zeros are left out.
    pub fn fit(features: &Features, contrasts: ArrayView2<f64>) -> Self {
        let parts = features.parts();
        let (mut tau, mut sigma) = components::even(&parts);
        let noise: Vec<f64> = features.weights.iter().map(|weight| 1.0 / weight).collect();
        components::fit(&parts, &noise, &components::scaled(contrasts), &mut tau, &mut sigma);
        Self::of((tau, sigma))
    }

    fn of(([one, own, cross, row, tri], noise): ([f64; 5], f64)) -> Self {
        Self { one, own, cross, row, tri, noise }
    }
}

/// The Cholesky factor of A. Noise too small for f64 to tell A from a singular matrix is raised tenfold until it is not.
pub(super) fn factor(covariance: impl Fn(f64) -> Mat<f64>, mut noise: f64) -> Llt<f64> {
    loop {
        match covariance(noise).llt(Side::Lower) {
            Ok(factor) => return factor,
            Err(_) => noise = (10.0 * noise).max(f64::MIN_POSITIVE),
        }
    }
}

/// The estimator of the attributions from a design's contrasts.
pub fn estimator(
    features: &Features,
    variances: &Variances,
    groups: usize,
    rounds: usize,
    rng: &mut impl Rng,
) -> Estimator {
    let (n, pairs) = (features.n, features.n_pairs());
    let targets = features.targets(variances);
    let products = features.products();
    let factor = factor(|noise| features.covariance(&products, &Variances { noise, ..*variances }), variances.noise);
    let mut matrix = factor.solve(&targets);
    // Efficiency: what rounding left of the sum over players goes.
    for pair in 0..pairs {
        let mean = (0..n).map(|i| matrix[(pair, i)]).sum::<f64>() / n as f64;
        (0..n).for_each(|i| matrix[(pair, i)] -= mean);
    }
    let prior = features.attribution_variance(variances);
    predictor(&factor, &targets, &matrix, prior, (groups, rounds), rng)
}

/// M = F A⁻¹ (`matrix`, transposed) and, for `groups` random groups a of the pairs, the change when it is left out: −M_a ((A⁻¹)_aa)⁻¹
/// (A⁻¹)_a. Too few pairs for two a group make fewer groups, and none below four pairs.
///
/// An estimator that gains faster than 1/√pairs changes by more than its error when pairs are left out. Under the covariance that made M the
/// jackknife's variance of target i is (g − 1)/g Σ_a (M_a ((A⁻¹)_aa)⁻¹ M_aᵀ)_ii on average, and its error's is (prior − M Fᵀ)_ii: the changes
/// are scaled by the root of their ratio, so that both agree, and by Student's factor for the `rounds` · (groups − 1) degrees of freedom of the
/// run, so that ±1.96 standard errors are a 95 % interval.
pub(super) fn predictor(
    factor: &Llt<f64>,
    targets: &Mat<f64>,
    matrix: &Mat<f64>,
    prior: f64,
    (groups, rounds): (usize, usize),
    rng: &mut impl Rng,
) -> Estimator {
    let (pairs, n) = (matrix.nrows(), matrix.ncols());
    let inverse = factor.inverse();
    let mut order: Vec<usize> = (0..pairs).collect();
    order.shuffle(rng);
    let groups = if pairs < 4 { 0 } else { groups.min(pairs / 2) };
    let mut expected = vec![0.0; n];
    let deletion = |group: usize| {
        let left = &order[group * pairs / groups..(group + 1) * pairs / groups];
        let block = Mat::from_fn(left.len(), left.len(), |p, q| inverse[(left[p], left[q])]);
        let rows = Mat::from_fn(left.len(), n, |p, i| matrix[(left[p], i)]);
        let solved = block.llt(Side::Lower).expect("a principal block of a positive definite matrix").solve(&rows);
        let dot = |i: usize| (0..left.len()).map(|p| rows[(p, i)] * solved[(p, i)]).sum::<f64>();
        (0..n).for_each(|i| expected[i] += dot(i) * (groups - 1) as f64 / groups as f64);
        let across = Mat::from_fn(pairs, left.len(), |p, q| inverse[(p, left[q])]);
        across * solved
    };
    let changes: Vec<Mat<f64>> = (0..groups).map(deletion).collect();
    let scale = |i: usize| {
        let explained: f64 = (0..pairs).map(|p| matrix[(p, i)] * targets[(p, i)]).sum();
        ((prior - explained).max(0.0) / expected[i]).sqrt() * widening(rounds * groups.saturating_sub(1))
    };
    let scales: Vec<f64> = (0..n).map(scale).collect();
    let scaled = |change: &Mat<f64>| Array2::from_shape_fn((n, pairs), |(i, p)| -scales[i] * change[(p, i)]);
    Estimator::new(Array2::from_shape_fn((n, pairs), |(i, p)| matrix[(p, i)]), changes.iter().map(scaled).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A covariate that did not average to zero under the background's weights would take part of the attributions away.
    #[test]
    fn covariates_average_to_zero_under_the_weights() {
        let weights = [0.5, 0.2, 0.1, 0.2];
        let mean = |column: &[f64]| column.iter().zip(weights).map(|(x, w)| w * x).sum::<f64>();
        let square = |column: &[f64]| column.iter().zip(weights).map(|(x, w)| w * x * x).sum::<f64>();
        let column = standard(vec![1.0, 4.0, -2.0, 0.5], &weights);
        for covariate in transformed(&column, &weights, 6) {
            assert!(mean(&covariate).abs() < 1e-14, "{covariate:?}");
            assert!((square(&covariate) - 1.0).abs() < 1e-14 || covariate.iter().all(|&x| x == 0.0), "{covariate:?}");
        }
        let missing = standard(vec![1.0, f64::NAN, 3.0, 4.0], &weights);
        assert!(missing[1] == 0.0 && mean(&missing).abs() < 1e-14);
    }
}
