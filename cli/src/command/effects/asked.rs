//! The effects of some columns: their grids and pairs, and all of it computed.

use super::Material;
use crate::args::{EffectArgs, GridKind, RunArgs};
use crate::command::open::Opened;
use crate::progress;
use crate::terminal::Terminal;
use pellucid::data::Background;
use pellucid::effect::{Axis, Effects, Grid, GridChoice, Loss, associations};
use pellucid::explain::{GlobalExplanation, Players, Provenance};
use pellucid::model::onnx::OnnxModel;
use pellucid::report::{ColumnCard, Findings};
use pellucid::{Error, Result};

/// Points of each side of a joint effect, at most.
const SURFACE_POINTS: usize = 20;
/// Columns that depend on each other at least this much are told.
const ASSOCIATED: f64 = 0.7;

/// The rows, the columns and the pairs that effects are asked of, all checked before any work.
pub struct Asked {
    rows: Background,
    axes: Vec<Axis>,
    grids: Vec<Grid>,
    /// Pairs drawn as surfaces.
    drawn: Vec<(Grid, Grid)>,
    /// Pairs whose interaction is measured.
    measured: Vec<(Axis, Axis)>,
    truth: Option<(Loss, Vec<Vec<f64>>)>,
}

impl Asked {
    /// `global`: what drives the model, to take the strongest columns first and for `--top-k`; may be empty.
    pub fn new(
        opened: &Opened,
        args: &EffectArgs,
        material: Material,
        global: &[GlobalExplanation],
        terminal: &Terminal,
    ) -> Result<Self> {
        let Material { rows, all, names, truth } = material;
        let chosen = match names.features.is_empty() {
            true => by_strength(all, opened.input.players(), global).into_iter().take(args.top_k.unwrap_or(usize::MAX)),
            false => names.features.clone().into_iter().take(usize::MAX),
        };
        let (mut axes, mut grids) = (Vec::new(), Vec::new());
        for axis in chosen {
            let grid = match names.points(&axis) {
                Some(points) => Grid::new(&axis, rows.rows.view(), &rows.weights, &GridChoice::Points(points.to_vec())),
                None => grid(&axis, &rows, args, args.grid_points),
            };
            match grid {
                Ok(grid) => {
                    tell_left_out(&axis, &grid, terminal);
                    axes.push(axis);
                    grids.push(grid);
                }
                // A column nobody asked for by name is left out, but not in silence.
                Err(error) if !names.name(&axis) => terminal.warn(&format!("left out: {error}")),
                Err(error) => return Err(error),
            }
        }
        if axes.is_empty() {
            return Err(Error::input("no column varies: there is no effect to show")
                .hint("give a table whose rows differ, or name columns with `--features`"));
        }
        let side = |axis: &Axis| grid(axis, &rows, args, SURFACE_POINTS);
        let drawn: Vec<(Grid, Grid)> =
            names.pairs.iter().map(|(a, b)| Ok((side(a)?, side(b)?))).collect::<Result<_>>()?;
        let sides = names.pairs.iter().zip(&drawn).flat_map(|((a, b), (x, y))| [(a, x), (b, y)]);
        let mut told: Vec<&Axis> = axes.iter().collect();
        for (axis, grid) in sides {
            if !told.contains(&axis) {
                tell_left_out(axis, grid, terminal);
                told.push(axis);
            }
        }
        let mut measured = names.pairs.clone();
        if names.all_pairs {
            measured.extend(all_pairs(&axes));
        }
        Ok(Self { rows, axes, grids, drawn, measured: unique(measured), truth })
    }

    /// In addition: the interactions of all pairs of the first `n` columns.
    pub fn measure_pairs_of_first(&mut self, n: usize) {
        let first: Vec<Axis> = self.axes.iter().take(n).cloned().collect();
        self.measured.extend(all_pairs(&first));
    }

    pub fn compute(self, opened: &Opened, args: &EffectArgs, run: &RunArgs, terminal: &Terminal) -> Result<Findings> {
        let effects = effects(opened, self.rows.clone(), run)?;
        let working = progress::working(terminal, "effects", &opened.control);
        let found = self.with(&effects, opened, args, run);
        drop(working);
        opened.tell(terminal);
        found
    }

    fn with(self, effects: &Effects, opened: &Opened, args: &EffectArgs, run: &RunArgs) -> Result<Findings> {
        let curves = effects.curves(&self.grids, args.ice)?;
        let surfaces = effects.surfaces(&self.drawn)?;
        let ale = if args.ale_bins > 0 { effects.ale(&self.ordered(), args.ale_bins)? } else { Vec::new() };
        let interactions = match self.measured.is_empty() {
            true => Vec::new(),
            false => effects.interactions(&self.measured, args.interaction_rows)?,
        };
        let named = |output| GlobalExplanation {
            output,
            base_value: f64::NAN,
            rows: 0,
            values: Vec::new(),
            interactions: Vec::new(),
        };
        let mut findings = Findings {
            global: opened.outputs().into_iter().map(named).collect(),
            provenance: Provenance { link: run.link.name().into(), ..Provenance::default() },
            curves,
            surfaces,
            ale,
            interactions,
            ..Findings::default()
        };
        if let Some((loss, truth)) = &self.truth {
            findings.loss = Some(*loss);
            findings.importances = effects.permutation(&self.axes, truth, *loss, args.repeats, run.seed)?;
        }
        findings.associations = associations(&self.axes, self.rows.rows.view(), &self.rows.weights, ASSOCIATED);
        findings.effects_over = self.rows.description;
        Ok(findings)
    }

    /// The rows that effects are averaged over, in words.
    pub fn over(&self) -> &str {
        &self.rows.description
    }

    /// The columns as those rows show them.
    pub fn columns(&self) -> Vec<ColumnCard> {
        self.axes.iter().map(|axis| ColumnCard::of(axis, self.rows.rows.view())).collect()
    }

    /// Model rows that all of it takes.
    pub fn model_rows(&self, args: &EffectArgs) -> u64 {
        let n = self.rows.rows.nrows();
        let points: usize = self.grids.iter().map(|grid| grid.points.len()).sum();
        let surfaces: usize = self.drawn.iter().map(|(x, y)| x.points.len() * y.points.len()).sum();
        let ale = if args.ale_bins > 0 { 2 * self.ordered().len() } else { 0 };
        let sample = args.interaction_rows.min(n);
        let mut sides: Vec<&str> = self.measured.iter().flat_map(|(a, b)| [a.name.as_str(), &b.name]).collect();
        sides.sort_unstable();
        sides.dedup();
        let shuffled = if self.truth.is_some() { self.axes.len() * args.repeats + 1 } else { 0 };
        ((points + surfaces + ale + shuffled) * n + (sides.len() + self.measured.len()) * sample * sample) as u64
    }

    /// Axes whose points have an order.
    fn ordered(&self) -> Vec<Axis> {
        self.axes.iter().filter(|axis| axis.features.len() == 1).cloned().collect()
    }
}

fn effects(opened: &Opened, rows: Background, run: &RunArgs) -> Result<Effects> {
    let mut builder = Effects::builder(OnnxModel::new(&opened.graph, &opened.device)?, rows)
        .targets(opened.targets.clone())
        .link(run.link.into())
        .seed(run.seed)
        .control(opened.control.clone());
    if let Some(bytes) = run.memory {
        builder = builder.memory(bytes);
    }
    builder.build(&opened.device)
}

/// Axes by the mean |φ| of their players, summed over outputs, largest first; as they are without a global explanation.
fn by_strength(mut axes: Vec<Axis>, players: &Players, global: &[GlobalExplanation]) -> Vec<Axis> {
    let player = |axis: &Axis| players.player_of()[axis.features[0]] as usize;
    let strength = |axis: &Axis| global.iter().map(|output| output.values[player(axis)].mean_abs).sum::<f64>();
    axes.sort_by(|a, b| strength(b).total_cmp(&strength(a)));
    axes
}

fn all_pairs(axes: &[Axis]) -> impl Iterator<Item = (Axis, Axis)> {
    axes.iter().enumerate().flat_map(|(i, a)| axes[i + 1..].iter().map(move |b| (a.clone(), b.clone())))
}

fn unique(pairs: Vec<(Axis, Axis)>) -> Vec<(Axis, Axis)> {
    let mut kept: Vec<(Axis, Axis)> = Vec::new();
    for (a, b) in pairs {
        if !kept.iter().any(|(c, d)| (&a, &b) == (c, d) || (&a, &b) == (d, c)) {
            kept.push((a, b));
        }
    }
    kept
}

fn grid(axis: &Axis, rows: &Background, args: &EffectArgs, points: usize) -> Result<Grid> {
    let choice = match args.grid {
        GridKind::Quantiles => GridChoice::Quantiles(points),
        GridKind::Even => GridChoice::Even(points),
        GridKind::Buckets => GridChoice::BucketCentres(points),
    };
    let (axis, _) = axis.most_frequent(args.max_categories, rows.rows.view(), &rows.weights);
    Grid::new(&axis, rows.rows.view(), &rows.weights, &choice)
}

/// Says which categories of an axis its grid lacks.
fn tell_left_out(axis: &Axis, grid: &Grid, terminal: &Terminal) {
    let kept = &grid.axis.categories;
    let left_out: Vec<&str> =
        axis.categories.iter().filter(|c| !kept.contains(c)).map(|category| category.label.as_str()).collect();
    if !left_out.is_empty() {
        terminal.warn(&format!(
            "`{}` has {} categories: the {} most frequent are kept (`--max-categories`); left out: {}",
            axis.name,
            axis.categories.len(),
            kept.len(),
            left_out.join(", ")
        ));
    }
}
