//! Effects of columns: what `pdp` prints and `report` draws.

mod asked;
mod names;

pub use asked::Asked;

use super::open::Opened;
use crate::args::{EffectArgs, RowCount, RunArgs};
use crate::progress;
use crate::terminal::Terminal;
use names::Names;
use pellucid::Result;
use pellucid::data::{Background, BackgroundChoice};
use pellucid::effect::{Axis, Loss};
use pellucid::explain::{GlobalExplanation, KernelShap, Summary};
use pellucid::model::onnx::OnnxModel;
use pellucid::report::Findings;

/// Rows explained to find the strongest columns, and the background they are explained against.
const DRIVER_ROWS: usize = 200;
const DRIVER_BACKGROUND: usize = 100;
/// Pairs of columns that depend on each other which a warning names.
const ASSOCIATIONS_TOLD: usize = 3;

/// What goes in, all of it checked before any work.
pub struct Material {
    /// The rows that effects are averaged over.
    pub rows: Background,
    /// The columns that the model uses.
    pub all: Vec<Axis>,
    names: Names,
    /// What each of the outputs should have been, by row.
    truth: Option<(Loss, Vec<Vec<f64>>)>,
}

impl Material {
    pub fn read(opened: &Opened, args: &EffectArgs, seed: u64) -> Result<Self> {
        let choice = match args.effect_rows {
            RowCount::Some(rows) if rows < opened.input.n_rows()? => BackgroundChoice::Sample { rows, seed },
            _ => BackgroundChoice::All,
        };
        let rows = opened.input.sample(choice, args.weights.as_deref(), args.label.as_deref())?;
        let all = opened.input.axes(&rows);
        let names = Names::parse(args, &all)?;
        let truth = rows.labels.as_ref().map(|labels| opened.truth(labels, &args.classes)).transpose()?;
        Ok(Self { rows, all, names, truth })
    }
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
