//! Partial dependence of each feature asked for, averaged over all rows of the data set.

use super::dataset::Dataset;
use super::methods::Pdp;
use super::model::Model;
use crate::args::AnalyzeArgs;
use crate::number::thousands;
use crate::progress;
use crate::terminal::Terminal;
use pellucid::data::{Background, BackgroundChoice};
use pellucid::effect::{Axis, Curve, Effects, Grid, GridChoice};
use pellucid::explain::GlobalExplanation;
use pellucid::model::onnx::OnnxModel;
use pellucid::report::ColumnCard;
use pellucid::{Error, Result};

/// Single rows drawn beside each curve of the report.
const LINES: usize = 50;

/// One feature, or why there is nothing to see.
pub struct Dependence {
    pub feature: String,
    pub categorical: bool,
    /// One for each output.
    pub found: Result<Vec<Curve>, String>,
}

/// Grids of the features, before the work.
pub struct Prepared {
    rows: Background,
    axes: Vec<(String, Result<Grid, String>)>,
    all: Vec<Axis>,
}

impl Prepared {
    /// `global`: what drives the model, for the strongest features.
    pub fn new(pdp: &Pdp, dataset: &Dataset, model: &Model, global: &[GlobalExplanation]) -> Result<Self> {
        let input = &model.opened.input;
        let rows = input.sample(BackgroundChoice::All, None, None)?;
        let all = input.axes(&rows);
        let names = match pdp.features.is_empty() {
            true => strongest(&all, global, pdp.top_k),
            false => dataset.own.find_all(&pdp.features)?,
        };
        let grid = |name: String| {
            let grid = all
                .iter()
                .find(|axis| axis.name == name)
                .ok_or_else(|| format!("the model does not take {name}"))
                .and_then(|axis| {
                    let made = Grid::new(
                        axis,
                        rows.rows.view(),
                        &rows.weights,
                        &GridChoice::BucketCentres(pdp.grid_resolution),
                    );
                    made.map_err(|error| error.to_string())
                });
            (name, grid)
        };
        let axes = names.into_iter().map(grid).collect();
        Ok(Self { rows, axes, all })
    }

    pub fn model_rows(&self) -> u64 {
        let points: usize = self.axes.iter().flat_map(|(_, grid)| grid).map(|grid| grid.points.len()).sum();
        (points * self.rows.rows.nrows()) as u64
    }

    /// The work in a line.
    pub fn plan(&self) -> String {
        let rows = thousands(self.rows.rows.nrows() as u64);
        format!(
            "partial dependence: {} features over {rows} rows, {} model rows",
            self.axes.len(),
            thousands(self.model_rows())
        )
    }

    pub fn compute(self, model: &Model, args: &AnalyzeArgs, terminal: &Terminal) -> Result<Vec<Dependence>> {
        terminal.note(&self.plan());
        let opened = &model.opened;
        let working = progress::working(terminal, "partial dependence", &opened.control);
        let mut builder = Effects::builder(OnnxModel::new(&opened.graph, &opened.device)?, self.rows)
            .targets(opened.targets.clone())
            .control(opened.control.clone());
        if let Some(bytes) = args.compute.memory {
            builder = builder.memory(bytes);
        }
        let effects = builder.build(&opened.device)?;
        let grids: Vec<Grid> = self.axes.iter().filter_map(|(_, grid)| grid.as_ref().ok()).cloned().collect();
        let mut curves = effects.curves(&grids, LINES)?.into_iter();
        drop(working);
        opened.tell(terminal);
        let categorical = |name: &str| self.all.iter().any(|axis| axis.name == name && !axis.categories.is_empty());
        let one = |(feature, grid): (String, Result<Grid, String>)| Dependence {
            categorical: categorical(&feature),
            found: grid.map(|_| curves.by_ref().take(opened.targets.len()).collect()),
            feature,
        };
        Ok(self.axes.into_iter().map(one).collect())
    }

    /// The columns as the rows show them.
    pub fn cards(&self) -> Vec<ColumnCard> {
        self.all.iter().map(|axis| ColumnCard::of(axis, self.rows.rows.view())).collect()
    }

    pub fn over(&self) -> &str {
        &self.rows.description
    }
}

/// Axes by mean |φ|, summed over outputs, largest first.
fn strongest(all: &[Axis], global: &[GlobalExplanation], most: usize) -> Vec<String> {
    let strength = |name: &str| -> f64 {
        global
            .iter()
            .flat_map(|output| &output.values)
            .filter(|value| value.player == name)
            .map(|value| value.mean_abs)
            .sum()
    };
    let mut names: Vec<String> = all.iter().map(|axis| axis.name.clone()).collect();
    names.sort_by(|a, b| strength(b).total_cmp(&strength(a)));
    names.truncate(most);
    names
}

/// An error that stops the analysis, told with the key.
pub fn at_key(error: Error) -> Error {
    match error {
        Error::Input { message, hint } => Error::Input { message: format!("`methods.pdp`: {message}"), hint },
        other => other,
    }
}
