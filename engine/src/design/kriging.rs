//! The estimator of random designs: kriging, the best linear prediction of the Shapley values from the contrasts.
//!
//! The contrasts of a design are taken for draws of a random game with six parts and noise, each with a variance of its own:
//! ```text
//! cov(d_p, d_q) = τ₁ K_1 + τ_o K_own + τ_c K_cross + τ_r K_row + τ₃ K_3 + τ₅ K_5 + σ [p = q]/w_p
//!   K_m      Σ_{|T| = m} (χ_T(p) − t_p)(χ_T(q) − t_q)    all sets of m players; χ_T the product of their signs
//!   K_own    o_p · o_q,  o = s̃_i h(b_i)                  player i against the value it replaces in the background
//!   K_cross  K_1 (r_p · r_q)                             every player against the whole background row
//!   K_row    K_1 (c_pq − 1)                              every player against each background row, whatever its values
//! ```
//! with signs s = 2z − 1, tilt t = mean(s), s̃ = s − t, h standardised values, squares and steps of a background feature, and r the
//! standardised background row over √features, both averaged over a pair's run, and c_pq the share of background rows that two runs have in
//! common, over what even weights and long runs would give. h, r and c − 1 average to zero over the background, so they carry no Shapley
//! values. The noise is the rest of the game: a number of its own for each pair and background row, and its Shapley value counts. So a design
//! of all pairs is exact whatever the variances, and errors shrink as the pairs that are left out become few. With a_i the exact
//! coefficient of a pair, 1/(k C(n, k)) for its k members and −1/((n − k) C(n, k)) for the others, and L of B background rows a run,
//! ```text
//! cov(φ_i, d_p) = F_ip = Σ_m τ_m Σ_{|T| = m} ([i ∈ T]/m − 1/n)(χ_T − t) + (L/B) σ a_i/w_p,    φ = (v1 − v0)/n + F A⁻¹ d,  A = cov(d)
//! ```
//! Rows of F add up to zero over players, so the attributions always add up. Sums over all sets are closed forms ([`elementary`]). The variances
//! are fitted on the contrasts of a few pilot rows (below), which replaces a choice between orders, ridges and background designs: what the
//! model lacks gets no variance.
//!
//! A row's own contrasts may be larger or smaller than those of the pilot. With a scale of its own, s², of density ∝ 1/s² before any is known,
//! the error of φ_i follows Student's distribution with as many degrees of freedom as there are pairs and the variance
//! ```text
//! s² (cov φ − F A⁻¹ Fᵀ)_ii,    s² = dᵀ A⁻¹ d / pairs
//! ```
//!
//! Cost: one f64 factorisation of pairs × pairs a run, whatever the number of rows, outputs and models.
//! Sources: Krige/Matheron best linear prediction; Fumagalli et al. 2026 (odd orders, PolySHAP and OddSHAP, are the basis of K_3 and K_5);
//! Lange 2016 and Zhou et al. 2019 (multiplicative updates for variance components); Shah, Wilson & Ghahramani 2014 (Student processes).

use super::coalitions::ln_choose;
use super::estimator::Estimator;
use super::walsh::elementary;
use super::{Design, components};
use crate::data::Background;
use faer::linalg::solvers::{DenseSolveCore, Llt, Solve};
use faer::linalg::triangular_solve::solve_upper_triangular_in_place;
use faer::{Mat, Side};
use ndarray::{Array2, ArrayView1, ArrayView2};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

/// Above this many covariate columns only the standardised values are used, not their squares and steps.
const MANY_COLUMNS: usize = 384;
/// Rows of the matrix that measure the scale of a row's contrasts at most.
const PROBES: usize = 64;
/// Turns of fitting variances and the share of a surrogate; more change neither by a percent.
const TURNS: usize = 4;

/// Variances of the parts of the random game.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variances {
    pub one: f64,
    pub own: f64,
    pub cross: f64,
    pub row: f64,
    pub three: f64,
    pub five: f64,
    pub noise: f64,
}

/// What the covariance needs to know of each pair.
pub struct Features {
    n: usize,
    /// `[pairs, players]`
    signs: Mat<f64>,
    /// `[pairs]`
    tilts: Vec<f64>,
    /// `[pairs]`: e₀ … e₅ of the signs.
    sums: Vec<[f64; 6]>,
    /// `[0 ..= players]`: the same of signs of which so many are +1.
    of_ones: Vec<[f64; 6]>,
    /// Sets of 0 … 5 of the n players, and of the others than a player.
    sets: [f64; 6],
    others: [f64; 6],
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

impl Runs {
    /// The weight of the background that a pair's run averages: L/B for even weights.
    fn share(&self, pair: usize) -> f64 {
        if self.length >= self.of_rows.len() {
            return 1.0;
        }
        self.length as f64 * self.of_rows[self.start[pair] as usize]
    }

    /// The same, averaged by weight over where a run can start.
    fn mean_share(&self) -> f64 {
        if self.length >= self.of_rows.len() {
            return 1.0;
        }
        self.length as f64 * self.of_rows.iter().map(|weight| weight * weight).sum::<f64>()
    }
}

impl Features {
    /// The features of a design over this background, with regression weights `[pairs]` of mean 1.
    pub fn new(design: &Design, weights: &[f64], background: &Background, player_of: &[u32]) -> Self {
        let (n, pairs, run, start) = (design.n_players, design.n_pairs(), design.run, &design.start);
        let signs = Mat::from_fn(pairs, n, |p, i| design.pairs.sign(p, i));
        let tilts: Vec<f64> = design.tilts().into_iter().map(f64::from).collect();
        let sums = tilts.iter().map(|tilt| elementary((n as f64 * tilt).round(), n as f64)).collect();
        let of_ones = (0..=n).map(|ones| elementary(2.0 * ones as f64 - n as f64, n as f64)).collect();
        let [sets, others] = [n as f64, n as f64 - 1.0].map(|n| elementary(n, n));
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
        Self { n, signs, tilts, sums, of_ones, sets, others, own, cross, runs, weights: weights.to_vec() }
    }

    pub fn n_pairs(&self) -> usize {
        self.tilts.len()
    }

    /// K_1, K_own, K_cross, K_row, K_3, K_5, `[pairs, pairs]` each.
    fn parts(&self) -> [Mat<f64>; 6] {
        let products = self.products();
        components::symmetric(self.n_pairs(), |p, q| self.parts_at(&products, p, q))
    }

    /// s · s', o · o' and r · r', `[pairs, pairs]` each.
    fn products(&self) -> [Mat<f64>; 3] {
        [&self.signs, &self.own, &self.cross].map(|columns| columns * columns.transpose())
    }

    /// The six parts of the covariance of two pairs.
    fn parts_at(&self, products: &[Mat<f64>; 3], p: usize, q: usize) -> [f64; 6] {
        let [dot, own, rows] = products.each_ref().map(|product| product.col_as_slice(q)[p]);
        let (a, b) = (self.tilts[p], self.tilts[q]);
        // Sums of ±1: whole numbers, and n + dot is even.
        let both = &self.of_ones[((self.n as f64 + dot) / 2.0) as usize];
        let (of_p, of_q) = (&self.sums[p], &self.sums[q]);
        let order = |m: usize| both[m] - b * of_p[m] - a * of_q[m] + a * b * self.sets[m];
        let one = order(1);
        [one, own, one * rows, one * self.runs.common(p, q), order(3), order(5)]
    }

    /// A: the covariance of the contrasts.
    fn covariance(&self, products: &[Mat<f64>; 3], v: &Variances) -> Mat<f64> {
        let [sum] = components::symmetric(self.n_pairs(), |p, q| {
            let [one, own, cross, row, three, five] = self.parts_at(products, p, q);
            let noise = if p == q { v.noise / self.weights[p] } else { 0.0 };
            [v.one * one + v.own * own + v.cross * cross + v.row * row + v.three * three + v.five * five + noise]
        });
        sum
    }

    /// F: the covariance of the attributions with the contrasts, `[pairs, players]`.
    fn targets(&self, v: &Variances) -> Mat<f64> {
        let n = self.n as f64;
        let exact: Vec<[f64; 2]> = (0..self.n_pairs()).map(|p| self.exact(p)).collect();
        Mat::from_fn(self.n_pairs(), self.n, |p, i| {
            let (s, t) = (self.signs[(p, i)], self.tilts[p]);
            let others = elementary(self.sign_sum(p) - s, n - 1.0);
            let order = |m: usize| {
                (s * others[m - 1] - t * self.others[m - 1]) / m as f64 - (self.sums[p][m] - t * self.sets[m]) / n
            };
            let noise = self.runs.share(p) * v.noise / self.weights[p] * exact[p][usize::from(s < 0.0)];
            v.one * order(1) + v.three * order(3) + v.five * order(5) + noise
        })
    }

    /// The coefficients of a pair in the exact attributions of its members, and of the other players.
    fn exact(&self, pair: usize) -> [f64; 2] {
        let size = self.size(pair);
        let others = self.n - size;
        let count = ln_choose(self.n, size).exp();
        [1.0 / (size as f64 * count), -1.0 / (others as f64 * count)]
    }

    fn size(&self, pair: usize) -> usize {
        ((self.n as f64 + self.sign_sum(pair)) / 2.0).round() as usize
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
    /// The variance of an attribution before any contrast is known, the same for each player: Σ_m τ_m Σ_{|T| = m} ([i ∈ T]/m − 1/n)², and of the
    /// noise (L/B) σ/w a_i² over all pairs, those not drawn too. A size that none was drawn of has too many pairs for its part to matter.
    fn attribution_variance(&self, v: &Variances) -> f64 {
        let n = self.n as f64;
        let order = |m: usize| {
            let size = m as f64;
            self.others[m - 1] * (1.0 / size - 2.0 / n) / size + self.sets[m] / (n * n)
        };
        let mut sizes: Vec<(usize, usize)> = (0..self.n_pairs()).map(|p| (self.size(p), p)).collect();
        sizes.sort_unstable();
        sizes.dedup_by_key(|(size, _)| *size);
        let of_size = |&(size, p): &(usize, usize)| {
            // C(n, k) pairs, half as many of the middle size; player i is in k of n of them.
            let half = if 2 * size == self.n { 0.5 } else { 1.0 };
            half / (size as f64 * (n - size as f64) * ln_choose(self.n, size).exp() * self.weights[p])
        };
        let noise = self.runs.mean_share() * v.noise * sizes.iter().map(of_size).sum::<f64>();
        v.one * order(1) + v.three * order(3) + v.five * order(5) + noise
    }
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

    /// Fits the variances to pilot contrasts `[pairs, pilot rows · outputs]` (`components::fit`). Columns are scaled to mean square 1
    /// first; columns of zeros are left out.
    pub fn fit(features: &Features, contrasts: ArrayView2<f64>) -> Self {
        let parts = features.parts();
        let (mut tau, mut sigma) = components::even(&parts);
        let noise: Vec<f64> = features.weights.iter().map(|weight| 1.0 / weight).collect();
        components::fit(&parts, &noise, &components::scaled(contrasts), &mut tau, &mut sigma);
        Self::of((tau, sigma))
    }

    /// Fits the variances to contrasts less a share λ of those of surrogates, `[pairs, games]` each, and λ ≥ 0: in turns, the variances as
    /// [`Self::fit`] does and λ by generalised least squares under them, from λ = 0 on. So a surrogate that knows no more of the game
    /// than the random game does gets no share.
    pub fn fit_beside(features: &Features, contrasts: ArrayView2<f64>, surrogates: ArrayView2<f64>) -> (Self, f64) {
        let scale = |column: ArrayView1<f64>| match column.iter().map(|d| d * d).sum::<f64>() {
            squares if squares > 0.0 && squares.is_finite() => squares.sqrt().recip(),
            _ => 0.0,
        };
        let scales: Vec<f64> = contrasts.columns().into_iter().map(scale).collect();
        let [d, s] =
            [&contrasts, &surrogates].map(|of| Mat::from_fn(of.nrows(), of.ncols(), |p, j| scales[j] * of[(p, j)]));
        let products = features.products();
        let (mut share, mut variances) = (0.0, Self::fit(features, contrasts));
        for _ in 0..TURNS {
            let covariance = |noise| features.covariance(&products, &Self { noise, ..variances });
            let whitened = factor(covariance, variances.noise).solve(&s);
            let dot = |of: &Mat<f64>| -> f64 {
                (0..of.ncols()).map(|j| (0..of.nrows()).map(|p| of[(p, j)] * whitened[(p, j)]).sum::<f64>()).sum()
            };
            let known = dot(&s);
            if known <= 0.0 {
                break;
            }
            share = (dot(&d) / known).max(0.0);
            variances = Self::fit(features, (&contrasts - &(&surrogates * share)).view());
        }
        (variances, share)
    }

    fn of(([one, own, cross, row, three, five], noise): ([f64; 6], f64)) -> Self {
        Self { one, own, cross, row, three, five, noise }
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

/// Σ over columns of the mean over pairs of w e², e = A⁻¹d / diag(A⁻¹): what is wrong in predicting a contrast from all others (Dubrule 1983).
pub fn leave_out_error(features: &Features, variances: &Variances, contrasts: ArrayView2<f64>) -> f64 {
    let products = features.products();
    let covariance = |noise| features.covariance(&products, &Variances { noise, ..*variances });
    let inverse = factor(covariance, variances.noise).inverse();
    let solved = &inverse * Mat::from_fn(contrasts.nrows(), contrasts.ncols(), |p, j| contrasts[(p, j)]);
    let error = |p: usize, j: usize| features.weights[p] * (solved[(p, j)] / inverse[(p, p)]).powi(2);
    let (pairs, columns) = contrasts.dim();
    (0..columns).map(|j| (0..pairs).map(|p| error(p, j)).sum::<f64>() / pairs as f64).sum()
}

/// The estimator of the attributions from a design's contrasts.
pub fn estimator(features: &Features, variances: &Variances, rng: &mut impl Rng) -> Estimator {
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
    predictor(&factor, &targets, &matrix, features.attribution_variance(variances), rng)
}

/// M = F A⁻¹ (`matrix`, transposed), the variances of its errors (prior − M Fᵀ)_ii, and probes of the scale s² = dᵀA⁻¹d/pairs.
///
/// With A = L Lᵀ, the contrasts have pairs·s² = |L⁻¹d|². A probe is the sum of some of the numbers L⁻¹d with random signs, each number
/// in one probe: its square is the sum of theirs on average, and theirs exactly where there are no more pairs than probes.
pub(super) fn predictor(
    factor: &Llt<f64>,
    targets: &Mat<f64>,
    matrix: &Mat<f64>,
    prior: f64,
    rng: &mut impl Rng,
) -> Estimator {
    let (pairs, n) = (matrix.nrows(), matrix.ncols());
    let explained = |i: usize| (0..pairs).map(|p| matrix[(p, i)] * targets[(p, i)]).sum::<f64>();
    let variances = (0..n).map(|i| (prior - explained(i)).max(0.0)).collect();
    let mut order: Vec<usize> = (0..pairs).collect();
    order.shuffle(rng);
    let probes = PROBES.min(pairs);
    let mut sums = Mat::zeros(pairs, probes);
    for (at, pair) in order.into_iter().enumerate() {
        sums[(pair, at % probes)] = if rng.random() { 1.0 } else { -1.0 };
    }
    solve_upper_triangular_in_place(factor.L().transpose(), sums.as_mut(), faer::get_global_parallelism());
    let mean = (pairs as f64).sqrt().recip();
    Estimator::scaled(
        Array2::from_shape_fn((n, pairs), |(i, p)| matrix[(p, i)]),
        variances,
        Array2::from_shape_fn((probes, pairs), |(probe, p)| mean * sums[(p, probe)]),
    )
}

#[cfg(test)]
mod tests {
    use super::super::Solver;
    use super::super::draw::{Draw, leverage};
    use super::super::estimator::widening;
    use super::super::exact::enumerate;
    use super::*;
    use ndarray::Array1;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

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

    const PLAYERS: usize = 7;
    const VARIANCES: Variances =
        Variances { one: 1.0, own: 0.0, cross: 0.0, row: 0.0, three: 0.1, five: 0.05, noise: 0.3 };

    /// So many pairs over one background row, and how their errors are predicted.
    fn drawn(n_pairs: usize, rng: &mut ChaCha8Rng) -> (Draw, Estimator) {
        let draw = leverage(PLAYERS, n_pairs, 1, rng);
        let design = Design {
            n_players: PLAYERS,
            start: vec![0; draw.pairs.len()],
            pairs: draw.pairs.clone(),
            run: 1,
            solver: Solver::Kriging(draw.weights.clone()),
        };
        let background = Background::uniform(Array2::zeros((1, PLAYERS)));
        let players: Vec<u32> = (0..PLAYERS as u32).collect();
        let features = Features::new(&design, &draw.weights, &background, &players);
        (draw, estimator(&features, &VARIANCES, rng))
    }

    #[test]
    fn all_pairs_are_exact_whatever_the_variances() {
        let (draw, found) = drawn(63, &mut ChaCha8Rng::seed_from_u64(1));
        let (pairs, exact) = enumerate(PLAYERS);
        for pair in 0..pairs.len() {
            let at = (0..63).find(|&p| draw.pairs.bits()[p] == pairs.bits()[pair]).unwrap();
            for i in 0..PLAYERS {
                // Weights of at most 1/7 in f32, after a factorisation of condition below 10⁴.
                assert!((found.matrix[(i, at)] - exact.matrix[(i, pair)]).abs() < 1e-7, "pair {pair}, player {i}");
            }
        }
        let (_, variances) = found.finish(&found.matrix.dot(&Array1::from_elem(63, 1.0)).to_vec());
        assert!(variances.iter().all(|&v| v < 1e-9), "{variances:?}");
    }

    /// Games drawn as the covariance says, at a scale that it does not know: the error of an attribution over its standard error is Student's.
    #[test]
    fn errors_of_games_of_the_model_follow_student() {
        const GAMES: usize = 4000;
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let (draw, found) = drawn(30, &mut rng);
        let (pairs, exact) = enumerate(PLAYERS);
        let weight_of = |size: usize| draw.weights[(0..30).find(|&p| draw.pairs.size(p) == size).unwrap()];
        let at: Vec<usize> =
            draw.pairs.bits().iter().map(|bits| pairs.bits().iter().position(|b| b == bits).unwrap()).collect();
        let sets: Vec<u32> = (1..1u32 << PLAYERS).filter(|set| [1, 3, 5].contains(&set.count_ones())).collect();
        let mut normal = move || {
            let (u, v): (f64, f64) = (rng.random(), rng.random());
            (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
        };
        let reach = 1.959_963_985 * widening(found.degrees());
        let mut inside = 0;
        for _ in 0..GAMES {
            let scale = (2.0 * normal()).exp();
            let coefficients: Vec<f64> = sets
                .iter()
                .map(|set| match set.count_ones() {
                    1 => normal() * VARIANCES.one.sqrt(),
                    3 => normal() * VARIANCES.three.sqrt(),
                    _ => normal() * VARIANCES.five.sqrt(),
                })
                .collect();
            let contrast = |pair: usize| {
                let tilt = 2.0 * pairs.size(pair) as f64 / PLAYERS as f64 - 1.0;
                let product = |set: u32| if (set & !pairs.bits()[pair]).count_ones() % 2 == 1 { -1.0 } else { 1.0 };
                let sum: f64 = sets.iter().zip(&coefficients).map(|(&set, g)| g * (product(set) - tilt)).sum();
                sum + normal() * (VARIANCES.noise / weight_of(pairs.size(pair))).sqrt()
            };
            let all: Array1<f64> = (0..pairs.len()).map(contrast).map(|d| scale * d).collect();
            let some: Array1<f64> = at.iter().map(|&pair| all[pair]).collect();
            let truth = exact.matrix.row(0).mapv(f64::from).dot(&all);
            let (values, variances) =
                found.finish(&found.matrix.mapv(f64::from).dot(&some).mapv(|x| x as f32).to_vec());
            inside += usize::from((values[0] - truth).abs() <= reach * variances[0].sqrt());
        }
        // Games are independent: a binomial, within 4 of its standard deviations.
        let share = inside as f64 / GAMES as f64;
        assert!((share - 0.95).abs() < 4.0 * (0.05 * 0.95 / GAMES as f64).sqrt(), "{share}");
    }
}
