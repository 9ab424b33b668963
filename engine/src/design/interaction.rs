//! Pairwise Shapley interaction values from even contrasts.
//!
//! The interaction of players i and j is the Shapley interaction index (Grabisch & Roubens 1999),
//! ```text
//! I_ij = Σ_{S ⊆ N∖{i,j}} w_|S| (v(S∪ij) − v(S∪i) − v(S∪j) + v(S)),   w_s = s!(n−s−2)!/(n−1)! = 1/((n−1) C(n−2, s)).
//! ```
//! A coalition and its complement have the same coefficient in it, so it depends on sums of pairs alone, as attributions depend on
//! differences: I = C e with the even contrasts e_p = v(z_p) + v(z̄_p) − (v1 + v0).
//!
//! With all pairs C is known. From a sample it is the best linear prediction, as in [`super::kriging`]: the even part of the game is taken
//! for a draw of random games in the signs s = 2z − 1,
//! ```text
//! cov(e_p, e_q) = τ₂ K_two + τ_r K_row + τ₄ K_four + σ [p = q],   K_m = 4 Σ_{|T| = m} (χ_T(p) − 1)(χ_T(q) − 1),  K_row = K_two (c_pq − 1)
//! cov(I_ij, e_p) = 8 (τ₂ (s_i s_j − 1) + τ₄/3 Σ_{T ⊃ ij, |T| = 4} (χ_T − 1))
//! ```
//! with χ_T the product of the signs of T: a second difference of χ_ij is 4, and a quadruple shares its value in thirds, the mean of
//! χ_kl over the coalitions that w draws. The rest of the even orders is noise. Sums over all T are closed forms in the sum of signs.

use super::coalitions::Coalitions;
use super::components;
use super::estimator::Estimator;
use super::kriging::{Features, factor, predictor};
use super::walsh::elementary;
use faer::Mat;
use faer::linalg::solvers::Solve;
use ndarray::{Array2, ArrayView2};
use rand::Rng;

/// The most players whose interactions are estimated: 2016 pairs of players.
pub const MOST_PLAYERS: usize = 64;

/// Pairs of `n` players in the order of interactions: (0, 1), (0, 2) … (1, 2) ….
pub fn player_pairs(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).flat_map(move |i| (i + 1..n).map(move |j| (i, j)))
}

/// Variances of the parts of the even game.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvenVariances {
    two: f64,
    row: f64,
    four: f64,
    noise: f64,
}

/// C for all 2ⁿ⁻¹ − 1 complementary pairs, `[player pairs, pairs]`. The pair (all, none) has contrast 0 and needs no column.
pub fn enumerated(pairs: &Coalitions) -> Estimator {
    let n = pairs.n_players();
    let weight = |size: usize| 1.0 / ((n - 1) as f64 * choose(n - 2, size));
    let coefficient = |pair: usize, i: usize, j: usize| {
        let size = pairs.size(pair);
        match (pairs.contains(pair, i), pairs.contains(pair, j)) {
            (true, true) => weight(size - 2),
            (false, false) => weight(size),
            _ => -weight(size - 1),
        }
    };
    let mut matrix = Array2::zeros((n * (n - 1) / 2, pairs.len()));
    for (row, (i, j)) in player_pairs(n).enumerate() {
        (0..pairs.len()).for_each(|pair| matrix[(row, pair)] = coefficient(pair, i, j));
    }
    Estimator::exact(matrix)
}

impl EvenVariances {
    /// Fits the variances to even pilot contrasts `[pairs, pilot rows · outputs]`, as [`super::Variances::fit`] does.
    pub fn fit(features: &Features, contrasts: ArrayView2<f64>) -> Self {
        let dots = features.dots();
        let pairs = features.n_pairs();
        let parts = components::symmetric(pairs, |p, q| features.even_parts(&dots, p, q));
        let (mut tau, mut sigma) = components::even(&parts);
        components::fit(&parts, &vec![1.0; pairs], &components::scaled(contrasts), &mut tau, &mut sigma);
        let [two, row, four] = tau;
        Self { two, row, four, noise: sigma }
    }
}

impl Features {
    /// K_two, K_row, K_four of two pairs of coalitions.
    fn even_parts(&self, dots: &Mat<f64>, p: usize, q: usize) -> [f64; 3] {
        let n = self.n_players();
        let (a, b) = (self.sign_sum(p), self.sign_sum(q));
        let [both, of_p, of_q, sets] = [dots[(p, q)], a, b, n].map(|sum| elementary(sum, n));
        let part = |m: usize| 4.0 * (both[m] - of_p[m] - of_q[m] + sets[m]);
        [part(2), part(2) * self.common(p, q), part(4)]
    }

    fn even_covariance(&self, dots: &Mat<f64>, v: &EvenVariances, noise: f64) -> Mat<f64> {
        let [sum] = components::symmetric(self.n_pairs(), |p, q| {
            let [two, row, four] = self.even_parts(dots, p, q);
            [v.two * two + v.row * row + v.four * four + if p == q { noise } else { 0.0 }]
        });
        sum
    }

    /// cov(I, e), `[pairs, player pairs]`.
    fn even_targets(&self, v: &EvenVariances) -> Mat<f64> {
        let n = self.n_players();
        let players: Vec<(usize, usize)> = player_pairs(n as usize).collect();
        let quadruples = elementary(n - 2.0, n - 2.0)[2];
        Mat::from_fn(self.n_pairs(), players.len(), |p, at| {
            let (i, j) = players[at];
            let (s, t) = (self.sign(p, i), self.sign(p, j));
            let others = s * t * elementary(self.sign_sum(p) - s - t, n - 2.0)[2];
            8.0 * (v.two * (s * t - 1.0) + v.four / 3.0 * (others - quadruples))
        })
    }
}

/// The estimator of the interactions from a sample of pairs; errors as in [`super::kriging::predictor`].
pub fn estimator(features: &Features, variances: &EvenVariances, rng: &mut impl Rng) -> Estimator {
    let targets = features.even_targets(variances);
    let dots = features.dots();
    let factor = factor(|noise| features.even_covariance(&dots, variances, noise), variances.noise);
    let matrix = factor.solve(&targets);
    let n = features.n_players();
    let prior = 16.0 * (variances.two + variances.four * elementary(n - 2.0, n - 2.0)[2] / 9.0);
    predictor(&factor, &targets, &matrix, prior, rng)
}

fn choose(n: usize, k: usize) -> f64 {
    super::coalitions::ln_choose(n, k).exp()
}
