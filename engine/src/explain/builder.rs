//! The settings of a kernel SHAP run, checked once.

use super::control::Control;
use super::kernel_shap::KernelShap;
use super::placed::Placed;
use super::predictor::Predictor;
use super::surrogate::{Beside, Judged};
use super::{Link, Players, Provenance};
use crate::data::Background;
use crate::design::{Budget, DesignChoice, EvenVariances, Hierarchy, MOST_PLAYERS, Plan, Request, Variances};
use crate::kernels;
use crate::model::Model;
use crate::surrogate::{LEAST_PLAYERS, Surrogate, SurrogateChoice};
use crate::{Device, Error, Result};
use ndarray::{Array2, Axis};

/// Rounds that a budget is cut into when a tolerance is set: a row can stop after any of them.
const TOLERANCE_ROUNDS: usize = 8;
/// Pairs below which trees have nothing to learn from.
const LEAST_PAIRS: usize = 20;
/// Rows that the variances of the design are fitted on.
const PILOT_ROWS: usize = 16;

/// The settings of a [`KernelShap`]; `build` checks them all.
pub struct Builder {
    model: Box<dyn Model>,
    background: Background,
    behind: Option<(Array2<f32>, Vec<u32>)>,
    model_name: String,
    model_sha256: String,
    players: Option<Players>,
    hierarchy: Option<Hierarchy>,
    targets: Option<Vec<usize>>,
    budget: Budget,
    choice: DesignChoice,
    tolerance: Option<f64>,
    link: Link,
    seed: u64,
    memory: Option<u64>,
    pilot: Option<Array2<f32>>,
    per_row: bool,
    interactions: bool,
    surrogate: SurrogateChoice,
    control: Control,
}

impl Builder {
    pub(super) fn new(model: Box<dyn Model>, background: Background) -> Self {
        Self {
            model,
            background,
            behind: None,
            model_name: String::new(),
            model_sha256: String::new(),
            players: None,
            hierarchy: None,
            targets: None,
            budget: Budget::Auto,
            choice: DesignChoice::Auto,
            tolerance: None,
            link: Link::Identity,
            seed: 0,
            memory: None,
            pilot: None,
            per_row: false,
            interactions: false,
            surrogate: SurrogateChoice::None,
            control: Control::default(),
        }
    }

    /// What the provenance says of the model: its name, and the SHA-256 of its file (empty if there is none).
    pub fn model(mut self, name: impl Into<String>, sha256: impl Into<String>) -> Self {
        self.model_name = name.into();
        self.model_sha256 = sha256.into();
        self
    }

    /// Who plays. Default: every feature on its own.
    pub fn players(mut self, players: Players) -> Self {
        self.players = Some(players);
        self
    }

    /// For a model whose rows are codes: the values behind those of the background, `[background rows, columns]`, and the player that each
    /// column belongs to. The design regresses on them. Default: the background's own rows.
    pub(crate) fn behind(mut self, rows: Array2<f32>, player_of: Vec<u32>) -> Self {
        self.behind = Some((rows, player_of));
        self
    }

    /// Groups of players, and groups of groups: Owen values (Owen 1977; Winter 1989) in place of Shapley values. A player's contributions are averaged
    /// over the orders in which every group stays together. Not with [`Self::interactions`]. Default: none.
    pub fn hierarchy(mut self, hierarchy: Hierarchy) -> Self {
        self.hierarchy = Some(hierarchy);
        self
    }

    /// Which outputs to explain, as columns of the model's outputs. Default: all.
    pub fn targets(mut self, targets: Vec<usize>) -> Self {
        self.targets = Some(targets);
        self
    }

    /// Model rows to spend on each explained row; never exceeded. Default: [`Budget::Auto`].
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Which coalitions to draw. Default: [`DesignChoice::Auto`].
    pub fn design(mut self, choice: DesignChoice) -> Self {
        self.choice = choice;
        self
    }

    /// Stop working on a row once max(standard error) / (max φ − min φ) of each of its outputs is at most this. The budget is then
    /// spent in rounds. Default: the whole budget on every row.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// The units of the attributions. Default: identity, the model's own outputs.
    pub fn link(mut self, link: Link) -> Self {
        self.link = link;
        self
    }

    /// Everything random follows from it. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Bytes that tiles may take on the device. Default: the device's own figure.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Rows `[rows, features]` like those to be explained: the first 16 of them fit the variances of a random design, at the price of
    /// about one explanation each or less. Default: background rows.
    pub fn pilot(mut self, rows: Array2<f32>) -> Self {
        self.pilot = Some(rows);
        self
    }

    /// Draws a design for each row instead of one for all, so that sampling errors average out of global explanations; single rows are less
    /// exact, since the estimator is the plain regression of order 1. Default: one design for all rows.
    pub fn draw_per_row(mut self) -> Self {
        self.per_row = true;
        self
    }

    /// Also estimates the Shapley interaction value of every pair of players, from the same model rows: [`super::Interactions`]. From 2 to
    /// [`MOST_PLAYERS`] players, and not with [`Self::draw_per_row`].
    pub fn interactions(mut self) -> Self {
        self.interactions = true;
        self
    }

    /// Whether boosted trees stand in for each game, on the host: for 60 players and more of which few act together. They learn one game, so
    /// each coalition is then averaged over the whole background, and they need one design for all rows. The pilot evaluates the
    /// whole design. Default: none.
    pub fn surrogate(mut self, choice: SurrogateChoice) -> Self {
        self.surrogate = choice;
        self
    }

    pub fn control(mut self, control: Control) -> Self {
        self.control = control;
        self
    }

    /// Checks the settings, predicts the background, draws the design and solves for its matrix.
    ///
    /// # Errors
    /// A background that does not fit the model or is empty, predictions that are not finite, a budget below the design's minimum, too
    /// many players for an exact run, a logit link on outputs outside [0, 1], [`Error::Interrupted`] when stopped.
    pub fn build(mut self, device: &Device) -> Result<KernelShap> {
        let predictor = Predictor::new(self.model, self.targets, self.link, self.memory, self.control, device)?;
        predictor.check_background(&self.background)?;
        let players = check_players(self.players, predictor.model.feature_names())?;
        if self.tolerance.is_some_and(|t| !(t > 0.0 && t < 1.0)) {
            return Err(Error::input(
                "the tolerance is a share of the spread of a row's attributions, between 0 and 1",
            ));
        }
        let order = self.background.shuffle(self.seed);
        let behind = self.behind.map(|(rows, player_of)| {
            (Background { rows: rows.select(Axis(0), &order), ..self.background.clone() }, player_of)
        });
        let (background, player_of) =
            behind.as_ref().map_or((&self.background, players.player_of()), |(rows, of)| (rows, of.as_slice()));
        let request = Request {
            n_players: players.len(),
            hierarchy: self.hierarchy.as_ref(),
            player_of,
            background,
            link: self.link,
            budget: self.budget,
            choice: self.choice,
            surrogate: self.surrogate == SurrogateChoice::Trees,
            seed: self.seed,
        };
        let plan = request.plan(if self.tolerance.is_some() { TOLERANCE_ROUNDS } else { 1 })?;
        let row_designs = if self.per_row { plan.per_row() } else { None };
        if row_designs.is_some() && self.tolerance.is_some() {
            return Err(Error::input("a tolerance needs one design for all rows: its rounds are shared")
                .hint("leave out `--tolerance` or `--draw per-row`"));
        }
        if row_designs.is_some() && self.surrogate == SurrogateChoice::Trees {
            return Err(Error::input("a surrogate needs one design for all rows")
                .hint("leave out `--surrogate` or `--draw per-row`"));
        }
        if self.interactions {
            if self.hierarchy.is_some() {
                return Err(Error::input("interactions are those of Shapley values, not of a hierarchy")
                    .hint("leave out `--interactions` or `--hierarchy`"));
            }
            check_interactions(players.len(), row_designs.is_some())?;
        }
        let provenance = Provenance {
            version: env!("CARGO_PKG_VERSION").into(),
            device: device.name().into(),
            model: self.model_name,
            model_sha256: self.model_sha256,
            seed: self.seed,
            design: plan.name.clone() + if row_designs.is_some() { ", drawn for each row" } else { "" },
            rows_per_instance: plan.model_rows(),
            budget: self.budget.to_string(),
            tolerance: self.tolerance,
            background_rows: self.background.rows.nrows(),
            background: self.background.description.clone(),
            link: format!("{:?}", self.link).to_lowercase(),
            players: players.names().to_vec(),
            player_of: players.player_of().to_vec(),
            outputs: predictor.outputs.clone(),
        };
        let mut shap = KernelShap {
            background: extended(&self.background, &plan, device),
            weights: kernels::vector(weights(&self.background, &plan), device),
            predictor,
            base_values: Default::default(),
            base_of_rows: Default::default(),
            player_of: players.player_of().to_vec(),
            designs: Vec::new(),
            row_designs,
            tolerance: self.tolerance,
            interactions: self.interactions,
            even: self.interactions,
            provenance,
        };
        shap.predict_background(&self.background)?;
        if shap.row_designs.is_some() {
            return Ok(shap);
        }
        let pilot = self.pilot.filter(|rows| rows.nrows() > 0);
        let pilot = pilot.as_ref().unwrap_or(&self.background.rows);
        let judged = judge(&mut shap, &plan, pilot, self.surrogate)?;
        let (variances, even) = match &judged {
            Some(judged) if !shap.interactions => (Some(judged.variances), None),
            Some(judged) => (Some(judged.variances), fit(&shap, &plan, pilot)?.1),
            None => fit(&shap, &plan, pilot)?,
        };
        let share = judged.and_then(|judged| judged.share);
        let placed = (0..plan.rounds.len()).map(|round| {
            if shap.predictor.control.stopped() {
                return Err(Error::Interrupted);
            }
            let estimator = plan.estimator(round, variances.as_ref());
            let interactions = shap.interactions.then(|| plan.interactions(round, even.as_ref()));
            let design = plan.rounds[round].clone();
            let beside = share.map(|share| Beside { surrogate: Surrogate::new(&design, self.seed, round), share });
            Ok(Placed { beside, ..shap.place(design, Some(estimator), interactions)? })
        });
        let designs: Vec<Placed> = placed.collect::<Result<_>>()?;
        shap.designs = designs;
        Ok(shap)
    }
}

fn check_players(players: Option<Players>, features: &[String]) -> Result<Players> {
    let players = players.unwrap_or_else(|| Players::features(features));
    let (held, taken) = (players.player_of().len(), features.len());
    if held != taken {
        return Err(Error::input(format!("the players hold {held} features, the model takes {taken}")));
    }
    Ok(players)
}

/// The background on the device, with its first rows again at the end, for runs that go past it.
fn extended(background: &Background, plan: &Plan, device: &Device) -> burn::tensor::Tensor<2> {
    let rows: Vec<usize> = around(background.rows.nrows(), plan).collect();
    kernels::matrix(background.rows.select(Axis(0), &rows).view(), device)
}

fn weights(background: &Background, plan: &Plan) -> Vec<f32> {
    around(background.weights.len(), plan).map(|row| background.weights[row] as f32).collect()
}

fn around(rows: usize, plan: &Plan) -> impl Iterator<Item = usize> {
    let run = plan.rounds.first().map_or(1, |design| design.run);
    let past = if run < rows { run - 1 } else { 0 };
    (0..rows + past).map(move |row| row % rows)
}

fn check_interactions(players: usize, per_row: bool) -> Result<()> {
    if per_row {
        return Err(Error::input("interactions need one design for all rows")
            .hint("leave out `--interactions` or `--draw per-row`"));
    }
    if !(2..=MOST_PLAYERS).contains(&players) {
        return Err(Error::input(format!(
            "interactions are of pairs of players, 2 to {MOST_PLAYERS} of them; there are {players}"
        ))
        .hint("group features with `--groups`, or leave out `--interactions`"));
    }
    Ok(())
}

/// Surrogates where they are wanted and there is something to estimate: of many players, on the whole background.
fn judge(shap: &mut KernelShap, plan: &Plan, rows: &Array2<f32>, choice: SurrogateChoice) -> Result<Option<Judged>> {
    let (auto, design) = (choice == SurrogateChoice::Auto, &plan.rounds[0]);
    let whole = design.run == shap.provenance.background_rows && design.n_pairs() >= LEAST_PAIRS;
    let many = !auto || design.n_players >= LEAST_PLAYERS;
    if choice == SurrogateChoice::None || !(design.wants_pilot() && whole && many) {
        return Ok(None);
    }
    shap.even = true;
    let rows = rows.slice(ndarray::s![..rows.nrows().min(PILOT_ROWS), ..]);
    let judged = shap.judge(plan, rows, auto)?;
    shap.even = shap.interactions || judged.share.is_some();
    if let Some(share) = judged.share {
        shap.provenance.design += &format!(", {:.0} % of boosted trees", 100.0 * share);
        if auto {
            let n = design.n_players;
            shap.predictor
                .control
                .note(format!("boosted trees stand in for the games of {n} players (`--surrogate none` does without)"));
        }
    }
    Ok(Some(judged))
}

/// The variances of a random design and of its interactions, from its contrasts on a few rows.
fn fit(shap: &KernelShap, plan: &Plan, rows: &Array2<f32>) -> Result<(Option<Variances>, Option<EvenVariances>)> {
    let pilot = if shap.interactions { plan.even_pilot() } else { plan.pilot() };
    let Some(design) = pilot else { return Ok((None, None)) };
    let rows = rows.slice(ndarray::s![..rows.nrows().min(PILOT_ROWS), ..]);
    let (n_rows, pairs, outputs) = (rows.nrows(), design.n_pairs(), shap.predictor.outputs.len());
    let (contrasts, _) = shap.pilot(design.clone(), rows)?;
    let kinds = if shap.interactions { 2 } else { 1 };
    let columns = |kind: usize| {
        let at =
            |row: usize, p: usize, k: usize| f64::from(contrasts[((row * pairs + p) * kinds + kind) * outputs + k]);
        Array2::from_shape_fn((pairs, n_rows * outputs), |(p, column)| at(column / outputs, p, column % outputs))
    };
    let odd = plan.pilot().is_some().then(|| plan.fit(&design, columns(0).view()));
    let even = shap.interactions.then(|| plan.fit_even(&design, columns(1).view()));
    Ok((odd, even))
}
