//! Coalition designs and the matrix that turns model outputs into Shapley values.
//!
//! # Theory
//! A game has n players; v_b(z) is the model's output where the players of coalition z keep the row's values and the others take those of
//! background row b; v(z) = Σ_b π_b v_b(z). Every design here is a list of complementary pairs (z, z̄), each averaged over a run of
//! background rows, and gives the contrast
//! ```text
//! d_p = v(z_p) − v(z̄_p) − t_p (v1 − v0),   t_p = (2|z_p| − n)/n,
//! ```
//! which is what is left of the pair once the even split of v1 − v0 is taken out; v and v0 are means over the pair's own run. A Shapley value
//! depends only on such contrasts, and every estimator used here is linear in them: φ = (v1 − v0)/n + M d. M depends on the design alone,
//! so it is solved for once per run and serves every row and output.
//!
//! | symbol | name in code |
//! |---|---|
//! | n | `n_players` |
//! | z_p | `Design::pairs` |
//! | t_p | `Design::tilts` |
//! | M | `Estimator::matrix` |
//! | length of the run | `Design::run`: all background rows (crossed), 1 (per background row), or between |

mod coalitions;
mod components;
mod draw;
mod estimator;
mod exact;
mod hierarchy;
mod interaction;
mod kriging;
mod plan;
mod unfold;
mod walsh;

pub use coalitions::Coalitions;
pub use estimator::Estimator;
pub(crate) use estimator::widening;
pub use hierarchy::{Hierarchy, Nested};
pub use interaction::{EvenVariances, MOST_PLAYERS, player_pairs};
pub use kriging::Variances;
pub use plan::{AUTO_ROWS, Budget, DesignChoice, EXACT_PLAYERS, Plan, Request, RowDesigns};
pub use unfold::{Part, Unfolding};

/// Which coalitions are evaluated on which background rows.
#[derive(Debug, Clone)]
pub struct Design {
    pub n_players: usize,
    /// The first coalition of each pair; the second is its complement.
    pub pairs: Coalitions,
    /// `[pairs]`: the first background row of each pair's run.
    pub start: Vec<u32>,
    /// Background rows averaged for each coalition, from `start` on, past the last row from the first again.
    pub run: usize,
    solver: Solver,
}

/// How the matrix of a design comes about.
#[derive(Debug, Clone)]
enum Solver {
    /// Known on paper.
    Known(Estimator),
    /// Kriging with these regression weights `[pairs]`.
    Kriging(Vec<f64>),
}

impl Design {
    pub fn n_pairs(&self) -> usize {
        self.pairs.len()
    }

    /// Model rows for one explained row.
    pub fn model_rows(&self) -> usize {
        2 * self.n_pairs() * self.run
    }

    /// Whether the matrix needs the variances of a pilot.
    pub fn wants_pilot(&self) -> bool {
        matches!(self.solver, Solver::Kriging(_))
    }

    /// Whether nothing in the design is random.
    pub fn is_exact(&self) -> bool {
        matches!(&self.solver, Solver::Known(estimator) if estimator.is_exact())
    }

    /// `[pairs]`: (2|z| − n)/n, the share of v1 − v0 that an even split gives to the pair's contrast.
    pub fn tilts(&self) -> Vec<f32> {
        let n = self.n_players as f64;
        (0..self.n_pairs()).map(|p| ((2.0 * self.pairs.size(p) as f64 - n) / n) as f32).collect()
    }

    /// Some of the pairs as a design of their own, for a pilot.
    pub fn select(&self, pairs: &[usize]) -> Self {
        let mut chosen = Coalitions::new(self.n_players);
        pairs.iter().for_each(|&p| chosen.push((0..self.n_players).filter(|&i| self.pairs.contains(p, i))));
        let start = pairs.iter().map(|&p| self.start[p]).collect();
        let weights = match &self.solver {
            Solver::Kriging(weights) => pairs.iter().map(|&p| weights[p]).collect(),
            Solver::Known(_) => vec![1.0; pairs.len()],
        };
        Self { pairs: chosen, start, solver: Solver::Kriging(weights), ..*self }
    }
}
