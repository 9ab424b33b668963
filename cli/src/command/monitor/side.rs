//! The baseline or the new data: a table with its predictions, read once for its columns and once for its bias.

use super::super::bias::{model, request, stoppable, warn};
use crate::args::{BiasArgs, BiasResultArgs, DeeperArgs, MonitorArgs, PredictionArgs};
use crate::progress;
use crate::terminal::Terminal;
use pellucid::bias::{BiasReport, BiasRequest, Predicted, Selection, measure};
use pellucid::data::{ReadOptions, Schema, Table, did_you_mean};
use pellucid::drift::{Profile, ProfileOptions, Role};
use pellucid::explain::Control;
use pellucid::{Error, Result};
use std::path::Path;

pub struct Side {
    table: Table,
    /// Without facets there are no metrics to measure.
    request: Option<BiasRequest>,
    predicted: Option<Predicted>,
    control: Control,
}

/// What was read of a side.
pub struct Measured {
    pub profile: Profile,
    pub bias: Option<BiasReport>,
    predicted: Option<String>,
}

impl Side {
    pub fn open(
        path: Option<&Path>,
        args: &MonitorArgs,
        (control, terminal): (&Control, &Terminal),
    ) -> Result<Option<Side>> {
        let Some(path) = path else { return Ok(None) };
        let schema = args.prediction.schema.as_ref().map(Schema::open).transpose()?;
        let mut text: Vec<String> = schema.iter().flat_map(|schema| schema.text_columns()).collect();
        text.extend(args.source.categorical.clone());
        let table = Table::open(path, &ReadOptions { text, ..ReadOptions::default() })?;
        table.positions(&args.source.categorical)?;
        let prediction = PredictionArgs { ignore: ignored(args, &table), ..args.prediction.clone() };
        let mut request = asked(args, &prediction, path, &table)?;
        let mut predicted = request::predicted(&prediction, &table)?;
        let mut table = stoppable(table, control);
        if let Some(model) = &prediction.model {
            let roles = request.clone().unwrap_or_else(|| without_facets(args, &prediction));
            let threshold = args.outcome.as_ref().and_then(|outcome| outcome.label_threshold.first().copied());
            let (scored, column) =
                model::predicted_by(model, &prediction, threshold, (table, schema), &roles, (control, terminal))?;
            (table, predicted) = (scored, Some(column));
        }
        if let Some(request) = &mut request {
            request.predicted = predicted.clone();
        }
        Ok(Some(Side { table, request, predicted, control: control.clone() }))
    }

    pub fn measure(self, args: &MonitorArgs, terminal: &Terminal) -> Result<Measured> {
        let _working = progress::working(terminal, "reading", &self.control);
        let mut categorical = args.source.categorical.clone();
        // Labels that are values, and not numbers above a threshold.
        categorical.extend(args.outcome.iter().filter(|o| o.label_threshold.is_empty()).map(|o| o.label.clone()));
        categorical.extend(args.prediction.predicted.clone());
        let options = ProfileOptions {
            ignore: args.prediction.ignore.clone(),
            categorical,
            kept_rows: args.limits.sample_rows,
            seed: args.measure.seed,
        };
        let profile = Profile::read(&self.table, &options)?;
        let bias = self.request.as_ref().map(|request| measure(&self.table, request)).transpose()?;
        bias.iter().for_each(|found| warn(found, terminal));
        Ok(Measured { profile, bias, predicted: self.predicted.map(|p| p.column().to_string()) })
    }
}

impl Measured {
    /// What a column is.
    pub fn role(&self, name: &str, args: &MonitorArgs) -> Role {
        match () {
            () if args.outcome.as_ref().is_some_and(|outcome| outcome.label == name) => Role::Label,
            () if self.predicted.as_deref() == Some(name) => Role::Prediction,
            () => Role::Feature,
        }
    }
}

/// The bias request of one table; none without facets.
fn asked(args: &MonitorArgs, prediction: &PredictionArgs, path: &Path, table: &Table) -> Result<Option<BiasRequest>> {
    let Some(outcome) = &args.outcome else {
        return match args.measure.fail_if.is_empty() {
            true => Ok(None),
            false => Err(Error::input("`--fail-if` limits bias metrics, and there are none")
                .hint("name the label and the groups with `--label`, `--positive` and `--facet`")),
        };
    };
    table.positions(std::slice::from_ref(&outcome.label))?;
    if outcome.facet.is_empty() {
        return Ok(None);
    }
    let as_bias = BiasArgs {
        data: path.to_path_buf(),
        config: None,
        outcome: outcome.clone(),
        prediction: prediction.clone(),
        measure: args.measure.clone(),
        deeper: DeeperArgs::default(),
        result: BiasResultArgs { output: None, report: None, force: false },
    };
    request::request(&as_bias, table).map(Some)
}

/// What a model needs to know of columns that are no features.
fn without_facets(args: &MonitorArgs, prediction: &PredictionArgs) -> BiasRequest {
    let column = args.outcome.as_ref().map_or(String::new(), |outcome| outcome.label.clone());
    let mut request = BiasRequest::new(Selection { column, values: Vec::new(), kind: None }, Vec::new());
    request.ignore = prediction.ignore.clone();
    request
}

/// Of `--ignore`, the columns that this table has.
fn ignored(args: &MonitorArgs, table: &Table) -> Vec<String> {
    let has = |name: &&String| table.schema().column_with_name(name).is_some();
    args.prediction.ignore.iter().filter(has).cloned().collect()
}

/// A column to leave out must be in one of the tables.
pub fn require_known_ignored(args: &MonitorArgs, sides: &[&Option<Side>]) -> Result<()> {
    let columns =
        || sides.iter().copied().flatten().flat_map(|side| side.table.schema().fields().iter().map(|f| f.name()));
    let unknown = args.prediction.ignore.iter().find(|name| columns().all(|column| column != *name));
    match unknown.filter(|_| columns().next().is_some()) {
        None => Ok(()),
        Some(name) => {
            let nearest = did_you_mean(name, columns().map(String::as_str));
            Err(Error::input(format!("`--ignore {name}`: no table has such a column{nearest}"))
                .hint("name a column of the tables"))
        }
    }
}
