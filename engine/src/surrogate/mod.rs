//! Surrogates: boosted trees that stand in for a game, and what they say of its attributions.
//!
//! Where a few players act together, and only few do, trees learn the game from coalitions (ProxySPEX, Butler et al. 2025); their Shapley values
//! are known exactly, and the estimator has only their errors left to do (regression-adjusted Monte Carlo, Witter, Liu & Musco 2025).
//! With s_k the trees that have not seen fold k of the pairs, d^s_p the contrast of pair p under the trees of its own fold, and
//! φ̃(s) = φ(s) − (s(all) − s(nobody))/n,
//! ```text
//! φ = (v1 − v0)/n + λ Σ_k (m_k/m) φ̃(s_k) + M (d − λ d^s).
//! ```
//! The derivation is in docs/theory.md, Surrogates; λ and the variances behind M come from a pilot ([`crate::design::Plan::fit_beside`]).

mod boost;
mod shapley;
mod trees;

use crate::design::Design;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use trees::Rows;

/// Fewer players than this are never given a surrogate by [`SurrogateChoice::Auto`].
pub const LEAST_PLAYERS: usize = 60;

/// Whether boosted trees stand in for the game of each row and output, so that the design only has their errors to estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SurrogateChoice {
    #[default]
    None,
    /// Always, with a share that the pilot fits.
    Trees,
    /// From [`LEAST_PLAYERS`] players on, if coalitions are on the whole background and the pilot's contrasts are then predicted
    /// better from each other.
    Auto,
}

/// Parts of the pairs, each judged by trees of the others.
const FOLDS: usize = 5;

/// What surrogates of any game over a design's pairs have in common.
pub struct Surrogate {
    table: Rows,
    tilts: Vec<f64>,
    /// `[pairs]`
    fold_of: Vec<usize>,
}

/// The surrogate of one game.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// `[pairs]`: d^s, the contrast of each pair under the trees that have not seen it.
    pub contrasts: Vec<f64>,
    /// `[players]`: the mean of φ̃(s_k); adds up to 0.
    pub attributions: Vec<f64>,
}

impl Surrogate {
    pub fn pairs(&self) -> usize {
        self.table.pairs
    }

    /// Deals the pairs of a design into folds.
    pub fn new(design: &Design, seed: u64, round: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(u64::MAX / 4 - round as u64);
        let mut fold_of: Vec<usize> = (0..design.n_pairs()).map(|pair| pair % FOLDS).collect();
        fold_of.shuffle(&mut rng);
        let tilts = design.tilts().into_iter().map(f64::from).collect();
        Self { table: Rows::new(&design.pairs), tilts, fold_of }
    }

    /// Fits the game with these odd and even contrasts `[pairs]` and v1 − v0 = `gain`. Up to a number that no attribution depends on,
    /// v(z) = (e + d + t·gain)/2 and v(z̄) = (e − d − t·gain)/2.
    pub fn fit(&self, odd: &[f64], even: &[f64], gain: f64) -> Fitted {
        let (pairs, n) = (self.table.pairs, self.table.players);
        let value = |row: usize| {
            let (pair, side) = (row % pairs, if row < pairs { 0.5 } else { -0.5 });
            0.5 * even[pair] + side * (odd[pair] + self.tilts[pair] * gain)
        };
        let values: Vec<f64> = (0..self.table.len()).map(value).collect();
        let ensembles = boost::fit(&self.table, &values, &self.fold_of, FOLDS);
        let mut attributions = vec![0.0; n];
        let mut gains = [0.0; FOLDS];
        for (k, trees) in ensembles.trees.iter().enumerate() {
            let values = shapley::shapley(trees, n);
            gains[k] = values.iter().sum::<f64>();
            let share = self.fold_of.iter().filter(|&&fold| fold == k).count() as f64 / pairs as f64;
            attributions.iter_mut().zip(values).for_each(|(sum, value)| *sum += share * (value - gains[k] / n as f64));
        }
        let held = &ensembles.held_out;
        let contrast = |pair: usize| held[pair] - held[pairs + pair] - self.tilts[pair] * gains[self.fold_of[pair]];
        Fitted { contrasts: (0..pairs).map(contrast).collect(), attributions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Background;
    use crate::design::{Budget, DesignChoice, Request};
    use crate::explain::Link;
    use ndarray::Array2;

    /// Ensembles grow side by side, each in an order of its own.
    #[test]
    fn threads_change_no_bit() {
        let background = Background::uniform(Array2::zeros((1, 40)));
        let player_of: Vec<u32> = (0..40).collect();
        let request = Request {
            hierarchy: None,
            n_players: 40,
            player_of: &player_of,
            background: &background,
            link: Link::Identity,
            budget: Budget::Rows(401),
            choice: DesignChoice::Crossed,
            surrogate: true,
            seed: 3,
        };
        let plan = request.plan(1).unwrap();
        let design = &plan.rounds[0];
        let surrogate = Surrogate::new(design, 3, 0);
        let of = |p: usize, i: usize| f64::from(u8::from(design.pairs.contains(p, i)));
        let odd: Vec<f64> = (0..design.n_pairs()).map(|p| of(p, 1) * of(p, 2) - (1.0 - of(p, 1)) * of(p, 5)).collect();
        let even: Vec<f64> = (0..design.n_pairs()).map(|p| of(p, 1) * of(p, 3)).collect();
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| surrogate.fit(&odd, &even, 0.5))
        };
        let one = with(1);
        assert_eq!(one, with(4));
        assert!(one.contrasts.iter().any(|c| c.abs() > 0.1) && one.attributions.iter().sum::<f64>().abs() < 1e-12);
    }
}
