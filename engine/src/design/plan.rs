//! From a budget to a design: what can be afforded, what is best at that price, and the errors when nothing is.

use super::coalitions::Coalitions;
use super::draw::{self, Draw};
use super::estimator::Estimator;
use super::hierarchy::Hierarchy;
use super::interaction::{self, EvenVariances};
use super::kriging::{self, Features, Variances};
use super::{Design, Solver, exact};
use crate::data::Background;
use crate::kernels::Link;
use crate::{Error, Result};
use ndarray::{ArrayView1, ArrayView2, Axis};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

/// More players than this are never enumerated: 2²⁰ coalitions.
pub const EXACT_PLAYERS: usize = 20;
/// Cells of the matrix of an exact run over a hierarchy at most.
const EXACT_CELLS: f64 = (EXACT_PLAYERS << EXACT_PLAYERS) as f64;
/// Model rows per explained row that `auto` spends where exact enumeration costs more than that.
pub const AUTO_ROWS: usize = 4096;
/// Pairs of a design at most: the matrix takes one f64 factorisation of pairs × pairs. Beyond it, pairs run over several background rows,
/// and beyond all of those the budget is spent in independent rounds.
const MAX_PAIRS: usize = 4096;
/// Pairs that the variances are fitted on.
const PILOT_PAIRS: usize = 400;
/// Jackknife groups of a round of permutations.
const GROUPS: usize = 16;
/// What a round must have at least for its standard errors to mean something, where rounds are asked for: pairs for each player, or walks. A
/// smaller prediction leans on its prior, and what that misses does not average out over rounds; fewer walks have few degrees of freedom.
const ROUND_PAIRS: usize = 5;
const ROUND_WALKS: usize = 8;

/// How many model rows to spend on each explained row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// All coalitions when they cost at most [`AUTO_ROWS`], else [`AUTO_ROWS`].
    Auto,
    /// All coalitions on all background rows.
    Exact,
    /// At most this many, the row's own prediction included.
    Rows(usize),
}

impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Budget::Auto => write!(f, "auto"),
            Budget::Exact => write!(f, "exact"),
            Budget::Rows(rows) => write!(f, "{rows}"),
        }
    }
}

/// Which coalitions to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DesignChoice {
    /// Exact where the budget allows; permutations below 2n pairs; else leverage pairs, on as few background rows each as the number of
    /// pairs allows, or on all of them with a link other than identity.
    Auto,
    Exact,
    /// Antithetic permutations.
    Permutation,
    /// Leverage pairs, each on the whole background.
    Crossed,
    /// Leverage pairs, each on one background row.
    PerBackground,
}

impl DesignChoice {
    /// # Errors
    /// A design whose pairs are not those of Owen values.
    pub(crate) fn check_hierarchy(self) -> Result<()> {
        match self {
            Self::Crossed | Self::PerBackground => {
                Err(Error::input("leverage pairs estimate Shapley values; those of a hierarchy are Owen values")
                    .hint("use `--design auto`, `exact` or `permutation`, or leave out `--hierarchy`"))
            }
            _ => Ok(()),
        }
    }
}

/// What a design is made for.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub n_players: usize,
    /// Groups of players: Owen values in place of Shapley values.
    pub hierarchy: Option<&'a Hierarchy>,
    /// `[features]`: the player of each feature.
    pub player_of: &'a [u32],
    pub background: &'a Background,
    pub link: Link,
    pub budget: Budget,
    pub choice: DesignChoice,
    /// Whether the pairs must serve a surrogate: leverage pairs, each on the whole background.
    pub surrogate: bool,
    pub seed: u64,
}

/// Draws a design for each row on its own.
pub struct RowDesigns {
    n_players: usize,
    n_pairs: usize,
    run: usize,
    weights: Vec<f64>,
    seed: u64,
}

/// The designs of a run: independent rounds, averaged, that together keep to the budget.
pub struct Plan<'a> {
    pub name: String,
    pub rounds: Vec<Design>,
    request: Request<'a>,
}

impl<'a> Request<'a> {
    /// Draws the design, if it is random in `rounds` rounds, fewer where these would be too small for their standard errors, more where the
    /// budget needs them.
    ///
    /// # Errors
    /// A budget below the minimum of the design, more players than exact mode allows, runs shorter than the background with a link.
    pub fn plan(self, rounds: usize) -> Result<Plan<'a>> {
        let n = self.n_players;
        self.check_surrogate()?;
        self.check_hierarchy()?;
        let values = if self.hierarchy.is_some() { "Owen values, " } else { "" };
        if n == 1 || self.takes_exact()? {
            let (pairs, estimator) = self.hierarchy.map_or_else(|| exact::enumerate(n), Hierarchy::enumerate);
            let design = self.design(pairs, Vec::new(), self.background_rows(), Solver::Known(estimator));
            return Ok(Plan { name: format!("{values}exact"), rounds: vec![design], request: self });
        }
        let rows = self.rows() - 1;
        let run = self.run(rows)?;
        let n_pairs = rows / (2 * run);
        let permute = match self.choice {
            DesignChoice::Permutation => true,
            _ if self.hierarchy.is_some() => true,
            DesignChoice::Auto => !self.surrogate && n_pairs < 2 * n,
            _ => false,
        };
        let least = if permute { n - 1 } else { n };
        self.check_minimum(rows, least, run)?;
        let enough = if permute { ROUND_WALKS * (n - 1) } else { ROUND_PAIRS * n };
        let rounds = rounds.min(n_pairs / enough).max(n_pairs.div_ceil(MAX_PAIRS)).min(n_pairs / least);
        let rows_of_a_pair = match run {
            1 => "per background row".to_owned(),
            _ if run == self.background_rows() => "crossed".to_owned(),
            _ => format!("on {run} background rows each"),
        };
        let name = format!("{values}{}, {rows_of_a_pair}", if permute { "permutation" } else { "leverage pairs" });
        let draw = |round| self.draw(permute, run, n_pairs / rounds, round as u64);
        Ok(Plan { name, rounds: (0..rounds).map(draw).collect(), request: self })
    }

    /// Model rows to spend on each row, its own prediction included.
    fn rows(&self) -> usize {
        match self.budget {
            Budget::Rows(rows) => rows.max(1),
            _ => AUTO_ROWS,
        }
    }

    fn background_rows(&self) -> usize {
        self.background.rows.nrows()
    }

    /// Background rows averaged for each coalition: all of them where a link comes after the mean, else as few as keep the pairs to
    /// [`MAX_PAIRS`]. Rows of different weight are drawn by weight, one for a pair, or all taken.
    fn run(&self, rows: usize) -> Result<usize> {
        let all = self.background_rows();
        if self.link != Link::Identity {
            if self.choice == DesignChoice::PerBackground {
                return Err(Error::input(
                    "a design of one background row a pair needs link identity: the logit comes after the mean",
                )
                .hint("use `--design crossed` or `--link identity`"));
            }
            return Ok(all);
        }
        let shortest = (rows / 2).div_ceil(MAX_PAIRS).clamp(1, all);
        let even = self.background.weights.iter().all(|w| (w * all as f64 - 1.0).abs() < 1e-9);
        Ok(match self.choice {
            DesignChoice::Crossed => all,
            _ if self.surrogate => all,
            DesignChoice::PerBackground => 1,
            _ if even || shortest == 1 => shortest,
            _ => all,
        })
    }

    /// Trees learn one game: they cannot tell one background row from another. And what walks visit is too alike to learn from.
    fn check_surrogate(&self) -> Result<()> {
        let per_row = self.choice == DesignChoice::PerBackground && self.background_rows() > 1;
        if self.surrogate && (per_row || self.choice == DesignChoice::Permutation) {
            return Err(Error::input("a surrogate needs leverage pairs, each on the whole background")
                .hint("use `--design auto` or `--design crossed`, or leave out `--surrogate`"));
        }
        Ok(())
    }

    fn check_minimum(&self, rows: usize, pairs: usize, run: usize) -> Result<()> {
        if rows / (2 * run) >= pairs {
            return Ok(());
        }
        let least = 2 * pairs * run + 1;
        let fewer = if run > 1 { ", or take fewer background rows" } else { "" };
        Err(Error::input(format!(
            "a budget of {} model rows is below the minimum of {least} for {} players and this design",
            rows + 1,
            self.n_players
        ))
        .hint(format!("use `--budget {least}` or more{fewer}")))
    }

    fn check_hierarchy(&self) -> Result<()> {
        let Some(hierarchy) = self.hierarchy else { return Ok(()) };
        let (held, players) = (hierarchy.n_players(), self.n_players);
        if held != players {
            return Err(Error::input(format!("the hierarchy holds {held} players, there are {players}")));
        }
        if self.surrogate {
            return Err(Error::input("a surrogate stands in for Shapley values, not for those of a hierarchy")
                .hint("leave out `--surrogate` or `--hierarchy`"));
        }
        self.choice.check_hierarchy()
    }

    /// Coalitions of an exact run, those of nobody and of all left out.
    fn coalitions(&self) -> f64 {
        self.hierarchy.map_or((self.n_players as f64).exp2() - 2.0, Hierarchy::coalitions)
    }

    fn enumerable(&self) -> bool {
        match self.hierarchy {
            None => self.n_players <= EXACT_PLAYERS,
            Some(_) => self.coalitions() / 2.0 * self.n_players as f64 <= EXACT_CELLS,
        }
    }

    /// Model rows of an exact run, the row's own prediction included.
    fn exact_rows(&self) -> f64 {
        self.coalitions() * self.background_rows() as f64 + 1.0
    }

    fn takes_exact(&self) -> Result<bool> {
        let asked = self.choice == DesignChoice::Exact || self.budget == Budget::Exact;
        if !asked {
            let affordable = self.enumerable() && self.exact_rows() <= self.rows() as f64;
            return Ok(self.choice == DesignChoice::Auto && affordable);
        }
        if !self.enumerable() {
            let n = self.n_players;
            if self.hierarchy.is_some() {
                let message =
                    format!("exact values of {n} players in these groups take {:.3e} coalitions", self.coalitions());
                return Err(Error::input(message)
                    .hint("make groups of fewer members, groups of groups if need be, or give a `--budget`"));
            }
            return Err(Error::input(format!(
                "an exact run over {n} players needs 2^{n} coalitions; the limit is 2^{EXACT_PLAYERS}"
            ))
            .hint(format!("use `--budget {AUTO_ROWS}`, or group features with `--groups`")));
        }
        match self.budget {
            Budget::Rows(rows) if (rows as f64) < self.exact_rows() => Err(Error::input(format!(
                "an exact run needs {} model rows for each explained row, the budget is {rows}",
                self.exact_rows()
            ))
            .hint("use `--budget exact`, or another design")),
            _ => Ok(true),
        }
    }

    /// Every round has a random stream of its own.
    fn draw(&self, permute: bool, run: usize, n_pairs: usize, round: u64) -> Design {
        let n = self.n_players;
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(1 + round);
        let all = self.background_rows();
        let weights = &self.background.weights;
        if permute {
            let mut walks = n_pairs / (n - 1);
            if run < all && walks > all {
                // Every background row as often as the others: linear models are then exact.
                walks -= walks % all;
            }
            let orders = match self.hierarchy {
                Some(hierarchy) => hierarchy.orders(walks, &mut rng),
                None => exact::orders(n, walks, &mut rng),
            };
            let (pairs, estimator) = exact::permutations(n, &orders, GROUPS);
            let rows = if run == all { vec![0; walks] } else { draw::systematic(weights, walks, &mut rng) };
            let start = rows.into_iter().flat_map(|row| vec![row as u32; n - 1]).collect();
            return self.design(pairs, start, run, Solver::Known(estimator));
        }
        let copies = if run == all { 1 } else { all };
        let Draw { pairs, weights: regression } = draw::leverage(n, n_pairs, copies, &mut rng);
        let start = starts(run, weights, pairs.len(), &mut rng);
        self.design(pairs, start, run, Solver::Kriging(regression))
    }

    fn design(&self, pairs: Coalitions, start: Vec<u32>, run: usize, solver: Solver) -> Design {
        let start = if start.is_empty() { vec![0; pairs.len()] } else { start };
        Design { n_players: self.n_players, pairs, start, run, solver }
    }
}

impl Plan<'_> {
    /// Model rows spent on each explained row at most, its own prediction included.
    pub fn model_rows(&self) -> usize {
        1 + self.rounds.iter().map(Design::model_rows).sum::<usize>()
    }

    /// The pairs to evaluate on pilot rows, if the design's matrix depends on a pilot.
    pub fn pilot(&self) -> Option<Design> {
        self.rounds.first().filter(|design| design.wants_pilot()).map(|design| self.some_of(design))
    }

    /// Random pairs of a design, enough for a pilot.
    fn some_of(&self, design: &Design) -> Design {
        design.select(&self.some_pairs(design))
    }

    fn some_pairs(&self, design: &Design) -> Vec<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.request.seed);
        let mut chosen = index::sample(&mut rng, design.n_pairs(), PILOT_PAIRS.min(design.n_pairs())).into_vec();
        chosen.sort_unstable();
        chosen
    }

    /// Fits the variances to the contrasts of the pilot `[pairs, pilot rows · outputs]`.
    pub fn fit(&self, pilot: &Design, contrasts: ArrayView2<f64>) -> Variances {
        Variances::fit(&self.features(pilot), contrasts)
    }

    /// Fits the variances to what surrogates leave of the contrasts of the first round, and the share λ of the surrogates that is taken off; both
    /// `[pairs, pilot rows · outputs]`.
    pub fn fit_beside(&self, contrasts: ArrayView2<f64>, surrogates: ArrayView2<f64>) -> (Variances, f64) {
        let design = &self.rounds[0];
        let chosen = self.some_pairs(design);
        let [contrasts, surrogates] = [contrasts, surrogates].map(|all| all.select(Axis(0), &chosen));
        Variances::fit_beside(&self.features(&design.select(&chosen)), contrasts.view(), surrogates.view())
    }

    /// The mean squared error of predicting a contrast of the first round from all others, in regression weights, summed over the columns of
    /// `contrasts` `[pairs, pilot rows · outputs]`.
    pub fn leave_out_error(&self, variances: &Variances, contrasts: ArrayView2<f64>) -> f64 {
        kriging::leave_out_error(&self.features(&self.rounds[0]), variances, contrasts)
    }

    /// The matrix of a round; `variances` are needed if it [wants a pilot](Design::wants_pilot), and are even shares if not given.
    pub fn estimator(&self, round: usize, variances: Option<&Variances>) -> Estimator {
        let design = &self.rounds[round];
        if let Solver::Known(estimator) = &design.solver {
            return estimator.clone();
        }
        let features = self.features(design);
        let variances = variances.copied().unwrap_or_else(|| Variances::even(&features));
        let mut rng = ChaCha8Rng::seed_from_u64(self.request.seed);
        rng.set_stream(u64::MAX - round as u64);
        kriging::estimator(&features, &variances, &mut rng)
    }

    /// Fits the variances of the even game to even contrasts of a pilot `[pairs, pilot rows · outputs]`.
    pub fn fit_even(&self, pilot: &Design, contrasts: ArrayView2<f64>) -> EvenVariances {
        EvenVariances::fit(&self.features(pilot), contrasts)
    }

    /// The pairs to evaluate on pilot rows for the matrix of interactions; none where all pairs are evaluated.
    pub fn even_pilot(&self) -> Option<Design> {
        self.rounds.first().filter(|design| !design.is_exact()).map(|design| self.some_of(design))
    }

    /// The matrix of a round's interactions; `variances` are needed if there is an [even pilot](Self::even_pilot).
    pub fn interactions(&self, round: usize, variances: Option<&EvenVariances>) -> Estimator {
        let design = &self.rounds[round];
        let Some(variances) = variances.filter(|_| !design.is_exact()) else {
            return interaction::enumerated(&design.pairs);
        };
        let mut rng = ChaCha8Rng::seed_from_u64(self.request.seed);
        rng.set_stream(u64::MAX / 2 - round as u64);
        interaction::estimator(&self.features(design), variances, &mut rng)
    }

    fn features(&self, design: &Design) -> Features {
        let weights = match &design.solver {
            Solver::Kriging(weights) => weights.clone(),
            Solver::Known(_) => vec![1.0; design.n_pairs()],
        };
        Features::new(design, &weights, self.request.background, self.request.player_of)
    }
}

impl Plan<'_> {
    /// The same budget with a draw for each row; none for a design that leaves nothing to chance or is no regression.
    pub fn per_row(&self) -> Option<RowDesigns> {
        let design = self.rounds.first().filter(|design| design.wants_pilot())?;
        Some(RowDesigns {
            n_players: design.n_players,
            n_pairs: self.rounds.iter().map(Design::n_pairs).sum(),
            run: design.run,
            weights: self.request.background.weights.clone(),
            seed: self.request.seed,
        })
    }
}

impl RowDesigns {
    pub fn n_pairs(&self) -> usize {
        self.n_pairs
    }

    /// Background rows averaged for each coalition.
    pub fn run(&self) -> usize {
        self.run
    }

    /// The design of a row and its regression weights, `[pairs]`. It depends on the seed and the row's values alone, so it is the same
    /// wherever in a table the row stands. A pair of weight 0 fills up where the draw came out one short.
    pub fn draw(&self, row: ArrayView1<f32>) -> (Design, Vec<f64>) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        // FNV-1a over the bits of the row.
        let hash = |h: u64, x: &f32| (h ^ u64::from(x.to_bits())).wrapping_mul(0x0000_0100_0000_01b3);
        rng.set_stream(row.iter().fold(0xcbf2_9ce4_8422_2325, hash));
        let all = self.weights.len();
        let copies = if self.run == all { 1 } else { all };
        let Draw { mut pairs, mut weights } = draw::leverage(self.n_players, self.n_pairs, copies, &mut rng);
        while pairs.len() < self.n_pairs {
            pairs.push([0]);
            weights.push(0.0);
        }
        let start = starts(self.run, &self.weights, pairs.len(), &mut rng);
        let solver = Solver::Kriging(weights.clone());
        (Design { n_players: self.n_players, pairs, start, run: self.run, solver }, weights)
    }
}

/// Where the runs of pairs start: nowhere else than at the first row if they take them all, by weight if they take one.
fn starts(run: usize, weights: &[f64], pairs: usize, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let rows = match run {
        _ if run == weights.len() => vec![0; pairs],
        1 => draw::systematic(weights, pairs, rng),
        _ => draw::dealt(weights.len(), pairs, rng),
    };
    rows.into_iter().map(|row| row as u32).collect()
}
