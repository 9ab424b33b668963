//! Effects of columns: what `pdp` prints and `report` draws.

use super::open::Opened;
use crate::args::{EffectArgs, GridKind, RowCount, RunArgs};
use crate::progress;
use crate::terminal::Terminal;
use pellucid::data::{Background, BackgroundChoice, did_you_mean};
use pellucid::effect::{Axis, Effects, Grid, GridChoice, associations};
use pellucid::explain::{GlobalExplanation, KernelShap, Players, Provenance, Summary};
use pellucid::model::onnx::OnnxModel;
use pellucid::report::{ColumnCard, Findings};
use pellucid::{Error, Result};

/// Points of each side of a joint effect, at most.
const SURFACE_POINTS: usize = 20;
/// Rows explained to find the strongest columns, and the background they are explained against.
const DRIVER_ROWS: usize = 200;
const DRIVER_BACKGROUND: usize = 100;
/// Pairs of such columns that a warning names.
const ASSOCIATIONS_TOLD: usize = 3;
/// Columns that depend on each other at least this much are told.
const ASSOCIATED: f64 = 0.7;

/// The rows, the columns and the pairs that effects are asked of, all checked before any work.
pub struct Asked {
    rows: Background,
    axes: Vec<Axis>,
    grids: Vec<Grid>,
    /// Pairs drawn as surfaces.
    drawn: Vec<(Axis, Axis)>,
    /// Pairs whose interaction is measured.
    measured: Vec<(Axis, Axis)>,
}

impl Asked {
    /// `global`: what drives the model, to take the strongest columns first and for `--top-k`.
    pub fn new(
        opened: &Opened,
        args: &EffectArgs,
        rows: Background,
        global: &[GlobalExplanation],
        terminal: &Terminal,
    ) -> Result<Self> {
        if args.grid_points < 2 {
            return Err(Error::input(format!("a grid of {} point shows no effect", args.grid_points))
                .hint("give `--grid-points` at least 2"));
        }
        let all = by_strength(opened.input.axes(&rows), opened.input.players(), global);
        let (named, names) = named(args, &all)?;
        let points = Points::parse(&args.points, &all)?;
        let mut axes = Vec::new();
        let mut grids = Vec::new();
        for axis in names {
            match grid(&axis, &rows, args, &points, terminal) {
                Ok(grid) => {
                    axes.push(axis);
                    grids.push(grid);
                }
                // A column nobody asked for by name is left out, but not in silence.
                Err(error) if !named && points.of(&axis).is_none() => terminal.warn(&format!("left out: {error}")),
                Err(error) => return Err(error),
            }
        }
        if axes.is_empty() {
            return Err(Error::input("no column varies: there is no effect to show")
                .hint("give a table whose rows differ, or name columns with `--features`"));
        }
        let (drawn, measured) = pairs(&args.pairs, &axes, &all)?;
        Ok(Self { rows, axes, grids, drawn, measured })
    }

    /// In addition: the interactions of all pairs of the first `n` columns.
    pub fn measure_pairs_of_first(&mut self, n: usize) {
        let first: Vec<Axis> = self.axes.iter().take(n).cloned().collect();
        self.measured.extend(all_pairs(&first));
    }

    pub fn compute(self, opened: &Opened, args: &EffectArgs, run: &RunArgs, terminal: &Terminal) -> Result<Findings> {
        let effects = effects(opened, self.rows.clone(), run)?;
        let working = progress::working(terminal, "effects", &opened.control);
        let found = self.with(&effects, opened, args, run, terminal);
        drop(working);
        opened.tell(terminal);
        found
    }

    fn with(
        self,
        effects: &Effects,
        opened: &Opened,
        args: &EffectArgs,
        run: &RunArgs,
        terminal: &Terminal,
    ) -> Result<Findings> {
        let curves = effects.curves(&self.grids, args.ice)?;
        let sides = |axis: &Axis| grid_of(axis, &self.rows, args.grid, SURFACE_POINTS, args, terminal);
        let drawn = self.drawn.iter().map(|(a, b)| Ok((sides(a)?, sides(b)?))).collect::<Result<Vec<_>>>()?;
        let surfaces = effects.surfaces(&drawn)?;
        let ale = if args.ale_bins > 0 { effects.ale(&self.ordered(), args.ale_bins)? } else { Vec::new() };
        let interactions = match self.measured.is_empty() {
            true => Vec::new(),
            false => effects.interactions(&self.measured, args.interaction_rows)?,
        };
        let named = |output| GlobalExplanation { output, base_value: f64::NAN, rows: 0, values: Vec::new() };
        let mut findings = Findings {
            global: opened.outputs().into_iter().map(named).collect(),
            provenance: Provenance { link: run.link.name().into(), ..Provenance::default() },
            curves,
            surfaces,
            ale,
            interactions,
            ..Findings::default()
        };
        if let Some(labels) = &self.rows.labels {
            let (loss, truth) = opened.truth(labels, &args.classes)?;
            findings.loss = Some(loss);
            findings.importances = effects.permutation(&self.axes, &truth, loss, args.repeats, run.seed)?;
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
        let surfaces = self.drawn.len() * SURFACE_POINTS * SURFACE_POINTS;
        let ale = if args.ale_bins > 0 { 2 * self.ordered().len() } else { 0 };
        let sample = args.interaction_rows.min(n);
        let mut sides: Vec<&str> = self.measured.iter().flat_map(|(a, b)| [a.name.as_str(), &b.name]).collect();
        sides.sort_unstable();
        sides.dedup();
        let shuffled = if self.rows.labels.is_some() { self.axes.len() * args.repeats + 1 } else { 0 };
        ((points + surfaces + ale + shuffled) * n + (sides.len() + self.measured.len()) * sample * sample) as u64
    }

    /// Axes whose points have an order.
    fn ordered(&self) -> Vec<Axis> {
        self.axes.iter().filter(|axis| axis.features.len() == 1).cloned().collect()
    }
}

/// The rows that effects are averaged over.
pub fn rows(opened: &Opened, args: &EffectArgs, seed: u64) -> Result<Background> {
    let choice = match args.effect_rows {
        RowCount::Some(rows) if rows < opened.input.n_rows()? => BackgroundChoice::Sample { rows, seed },
        _ => BackgroundChoice::All,
    };
    opened.input.sample(choice, args.weights.as_deref(), args.label.as_deref())
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

/// What drives the model, from a small run of kernel SHAP over some of the rows that effects are averaged over.
pub fn drivers(
    opened: &Opened,
    rows: &Background,
    run: &RunArgs,
    terminal: &Terminal,
) -> Result<Vec<GlobalExplanation>> {
    let part = |n: usize| rows.rows.slice(ndarray::s![..rows.rows.nrows().min(n), ..]).to_owned();
    let working = progress::working(terminal, "strongest columns", &opened.control);
    let model = OnnxModel::new(&opened.graph, &opened.device)?;
    let shap = KernelShap::builder(model, Background::uniform(part(DRIVER_BACKGROUND)))
        .players(opened.input.players().clone())
        .targets(opened.targets.clone())
        .link(run.link.into())
        .seed(run.seed)
        .control(opened.control.clone())
        .build(&opened.device)?;
    let explained = shap.explain(part(DRIVER_ROWS).view())?;
    drop(working);
    let provenance = shap.provenance();
    let mut summary = Summary::new(provenance.outputs.clone(), provenance.players.clone(), provenance.seed);
    summary.add(&explained);
    Ok(summary.finish())
}

/// The axes asked for, and whether they were asked for by name.
fn named(args: &EffectArgs, all: &[Axis]) -> Result<(bool, Vec<Axis>)> {
    if args.features.is_empty() {
        return Ok((false, all.iter().take(args.top_k.unwrap_or(all.len())).cloned().collect()));
    }
    let mut axes: Vec<Axis> = Vec::new();
    for text in &args.features {
        // A name may hold a comma itself.
        let parts: Vec<&str> = if all.iter().any(|axis| axis.name == *text) {
            vec![text]
        } else {
            text.split(',').map(str::trim).collect()
        };
        for part in parts {
            let axis = find(part, all)?;
            if !axes.contains(axis) {
                axes.push(axis.clone());
            }
        }
    }
    Ok((true, axes))
}

fn find<'a>(name: &str, all: &'a [Axis]) -> Result<&'a Axis> {
    all.iter().find(|axis| axis.name == name).ok_or_else(|| {
        let nearest = did_you_mean(name, all.iter().map(|axis| axis.name.as_str()));
        let names: Vec<&str> = all.iter().map(|axis| axis.name.as_str()).collect();
        Error::input(format!("there is no column `{name}` that the model uses{nearest}"))
            .hint(format!("the columns are {}", names.join(", ")))
    })
}

/// Pairs to draw and to measure.
type Pairs = (Vec<(Axis, Axis)>, Vec<(Axis, Axis)>);

fn pairs(asked: &[String], axes: &[Axis], all: &[Axis]) -> Result<Pairs> {
    let (mut drawn, mut measured): Pairs = Default::default();
    for text in asked {
        if text == "all" {
            measured.extend(all_pairs(axes));
            continue;
        }
        let (a, b) = split(text, all)?;
        if a.name == b.name {
            return Err(Error::input(format!("`--pairs {text}` names `{}` twice", a.name))
                .hint("a pair is two different columns, as `--pairs age,income`"));
        }
        drawn.push((a.clone(), b.clone()));
        measured.push((a.clone(), b.clone()));
    }
    Ok((drawn, unique(measured)))
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

/// `A,B`, where a name may hold commas itself.
fn split<'a>(text: &str, all: &'a [Axis]) -> Result<(&'a Axis, &'a Axis)> {
    let known = |name: &str| all.iter().find(|axis| axis.name == name.trim());
    let at = |(comma, _)| Some((known(&text[..comma])?, known(&text[comma + 1..])?));
    if let Some(pair) = text.match_indices(',').find_map(at) {
        return Ok(pair);
    }
    match text.split_once(',') {
        Some((a, b)) => Ok((find(a.trim(), all)?, find(b.trim(), all)?)),
        None => Err(Error::input(format!("`--pairs {text}` is not a pair of columns"))
            .hint("write two names with a comma between them, as `--pairs age,income`, or `--pairs all`")),
    }
}

/// `--points NAME=1,2,3`.
struct Points(Vec<(String, Vec<f64>)>);

impl Points {
    fn parse(given: &[String], all: &[Axis]) -> Result<Self> {
        let one = |text: &String| {
            let bad = |what: &str| {
                Error::input(format!("`--points {text}`: {what}"))
                    .hint("write a column, `=`, and its points, as `--points age=20,40,60`")
            };
            let (name, numbers) = text.rsplit_once('=').ok_or_else(|| bad("there is no `=`"))?;
            let axis = find(name, all)?;
            if !axis.categories.is_empty() {
                return Err(bad("a column of categories has its categories as points"));
            }
            let number = |n: &str| n.trim().parse::<f64>().map_err(|_| bad(&format!("`{n}` is not a number")));
            Ok((axis.name.clone(), numbers.split(',').map(number).collect::<Result<Vec<_>>>()?))
        };
        Ok(Self(given.iter().map(one).collect::<Result<_>>()?))
    }

    fn of(&self, axis: &Axis) -> Option<Vec<f64>> {
        self.0.iter().find(|(name, _)| *name == axis.name).map(|(_, points)| points.clone())
    }
}

fn grid(axis: &Axis, rows: &Background, args: &EffectArgs, points: &Points, terminal: &Terminal) -> Result<Grid> {
    match points.of(axis) {
        Some(points) => Grid::new(axis, rows.rows.view(), &rows.weights, &GridChoice::Points(points)),
        None => grid_of(axis, rows, args.grid, args.grid_points, args, terminal),
    }
}

fn grid_of(
    axis: &Axis,
    rows: &Background,
    kind: GridKind,
    points: usize,
    args: &EffectArgs,
    terminal: &Terminal,
) -> Result<Grid> {
    let choice = match kind {
        GridKind::Quantiles => GridChoice::Quantiles(points),
        GridKind::Even => GridChoice::Even(points),
        GridKind::Buckets => GridChoice::BucketCentres(points),
    };
    let (axis, left_out) = axis.most_frequent(args.max_categories, rows.rows.view(), &rows.weights);
    if !left_out.is_empty() {
        terminal.warn(&format!(
            "`{}` has {} categories: the {} most frequent are kept (`--max-categories`); left out: {}",
            axis.name,
            axis.categories.len() + left_out.len(),
            axis.categories.len(),
            left_out.join(", ")
        ));
    }
    Grid::new(&axis, rows.rows.view(), &rows.weights, &choice)
}

/// Says which columns depend on each other: their partial dependence is to be read with care.
pub fn warn(findings: &Findings, terminal: &Terminal) {
    for pair in findings.associations.iter().take(ASSOCIATIONS_TOLD) {
        terminal.warn(&format!(
            "`{}` and `{}` depend on each other ({:.2} of 1): partial dependence of either visits rows that do not occur",
            pair.a, pair.b, pair.strength
        ));
    }
    let more = findings.associations.len().saturating_sub(ASSOCIATIONS_TOLD);
    if more > 0 {
        terminal.warn(&format!("{more} more pairs of columns depend on each other"));
    }
}
