//! What every method opens first: the output, the table, the roles of its columns.

use crate::args::{LabelArgs, MaybeLabelArgs, MetricArgs, ModelArgs, OutputArgs, PredictionArgs};
use crate::command::bias::model::predicted_by;
use crate::command::bias::{request, stoppable};
use crate::command::open::file_name;
use crate::interrupt::Interrupt;
use crate::terminal::Terminal;
use pellucid::bias::{BiasReport, BiasRequest, Bootstrap, Mode, Predicted, Selection, measure};
use pellucid::data::{ReadOptions, Schema, Table};
use pellucid::explain::Control;
use pellucid::mitigate::Destination;
use pellucid::{Error, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Metrics of labels, and of predictions: those that need no strata and no neighbours.
pub const OF_LABELS: [&str; 7] = ["CI", "DPL", "JS", "KL", "KS", "LP", "TVD"];
pub const OF_PREDICTIONS: [&str; 11] = ["AD", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "GE", "RD", "SD", "TE"];

/// A table, and where its copy goes.
pub struct Opened<'a> {
    pub table: Table,
    schema: Option<Schema>,
    pub control: Control,
    terminal: &'a Terminal,
    metrics: &'a MetricArgs,
    path: PathBuf,
    destination: Option<Destination>,
}

impl<'a> Opened<'a> {
    /// Opens the output, then the table. `others`: further files that are read.
    pub fn new(
        data: &Path,
        output: &OutputArgs,
        model: &ModelArgs,
        metrics: &'a MetricArgs,
        others: &[&Path],
        (terminal, interrupt): (&'a Terminal, &Interrupt),
    ) -> Result<Opened<'a>> {
        if metrics.bootstrap > 0 && metrics.bootstrap < 20 {
            let message = format!("{} replicates at level {} give no interval", metrics.bootstrap, metrics.level);
            return Err(Error::input(message).hint("take at least 20 replicates, or 0 for no intervals"));
        }
        let mut inputs: Vec<&Path> = vec![data];
        inputs.extend(others.iter().copied().chain(model.model.as_deref()).chain(model.schema.as_deref()));
        if let Some(path) = &output.output {
            Destination::refuse_inputs(path, &inputs)?;
        }
        let path = output.output.as_deref().filter(|_| !output.dry_run);
        let destination = path.map(|path| Destination::create(path, &inputs, output.force)).transpose()?;
        let mut control = Control::default();
        control.stop = interrupt.flag();
        let schema = model.schema.as_ref().map(Schema::open).transpose()?;
        let text = schema.iter().flat_map(Schema::text_columns).collect();
        let table = Table::open(data, &ReadOptions { text, ..ReadOptions::default() })?;
        let table = stoppable(table, &control);
        Ok(Opened { table, schema, control, terminal, metrics, path: data.to_path_buf(), destination })
    }

    /// The facets as typed.
    pub fn facets(&self, typed: &[String]) -> Result<Vec<Selection>> {
        typed.iter().map(|text| request::facet(text, &self.table, Mode::Correct)).collect()
    }

    /// What is measured of a table: two facets are measured together too.
    pub fn request(&self, label: &Selection, facets: &[Selection], metrics: &[&str]) -> BiasRequest {
        let mut request = BiasRequest::new(label.clone(), facets.to_vec());
        request.metrics = metrics.iter().map(|name| name.to_string()).collect();
        let n = facets.len();
        request.intersections = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect();
        let MetricArgs { bootstrap, level, seed } = *self.metrics;
        request.bootstrap = (bootstrap > 0).then_some(Bootstrap { replicates: bootstrap, level, seed });
        request
    }

    /// The metrics of predictions in a table.
    pub fn predictions(&self, table: &Table, request: &BiasRequest, predicted: Predicted) -> Result<BiasReport> {
        let mut request = request.clone();
        request.metrics = OF_PREDICTIONS.iter().map(|name| name.to_string()).collect();
        request.predicted = Some(predicted);
        measure(table, &request)
    }

    /// The table with the model's scores beside its columns, and what they are called. `threshold` is only told.
    pub fn scored(
        &self,
        table: &Table,
        model: &ModelArgs,
        threshold: Option<f64>,
        request: &BiasRequest,
        terminal: &Terminal,
    ) -> Result<(Table, Predicted)> {
        let Some(path) = &model.model else {
            return Err(Error::input("no model was given").hint("name one with `--model`"));
        };
        let args = PredictionArgs {
            predicted: None,
            scores: None,
            model: Some(path.clone()),
            threshold,
            target: model.target.clone(),
            schema: model.schema.clone(),
            ignore: Vec::new(),
            device: model.device,
        };
        let mut request = request.clone();
        self.table.positions(&model.ignore)?;
        request.ignore = model.ignore.clone();
        predicted_by(path, &args, None, (table.clone(), self.schema.clone()), &request, (&self.control, terminal))
    }

    /// Writes the changed table if it was asked for, with what was done in the file's metadata.
    pub fn write(&mut self, table: &Table, method: &str) -> Result<()> {
        let Some(destination) = self.destination.take() else { return Ok(()) };
        let path = destination.path().to_path_buf();
        let provenance = [
            ("version", env!("CARGO_PKG_VERSION").to_string()),
            ("method", format!("mitigate {method}")),
            ("command", crate::command::typed::command()),
        ];
        let rows = destination.write(table, &provenance.map(|(key, value)| (key.to_string(), value)))?;
        self.terminal.note(&format!("wrote {}: {} rows", path.display(), crate::number::thousands(rows)));
        Ok(())
    }

    /// Everything that is told as JSON, whatever the method.
    pub fn document(&self, method: &str, output: &OutputArgs, more: Value) -> Value {
        let mut document = json!({
            "method": method,
            "data": file_name(&self.path),
            "output": output.output.as_deref().filter(|_| !output.dry_run).map(file_name),
            "version": env!("CARGO_PKG_VERSION"),
        });
        if let (Some(document), Value::Object(more)) = (document.as_object_mut(), more) {
            document.extend(more);
        }
        document
    }

    /// Prints the result, as JSON or as text, and what the engine had to say.
    pub fn tell(&self, document: &Value, text: &str) -> Result<()> {
        self.control.take_notes().iter().for_each(|note| self.terminal.warn(note));
        match self.terminal.json() {
            true => self.terminal.data(&format!("{document:#}")),
            false => self.terminal.data(text),
        }
    }
}

/// The label as typed.
pub fn label(args: &LabelArgs, table: &Table) -> Result<Selection> {
    selection(&args.label, &args.positive, args.label_threshold, table)
}

/// The label as typed, if it was.
pub fn maybe_label(args: &MaybeLabelArgs, table: &Table) -> Result<Option<Selection>> {
    let of = |label: &String| selection(label, &args.positive, args.label_threshold, table);
    args.label.as_ref().map(of).transpose()
}

fn selection(column: &str, positive: &[String], threshold: Option<f64>, table: &Table) -> Result<Selection> {
    table.positions(&[column.to_string()])?;
    Ok(match threshold {
        Some(threshold) => request::above(column.into(), threshold),
        None => request::one_of(column.into(), positive, table, Mode::Correct),
    })
}

/// # Errors
/// Neither an output nor a dry run.
pub fn require_output(output: &OutputArgs) -> Result<()> {
    match output.output.is_some() || output.dry_run {
        true => Ok(()),
        false => Err(Error::input("there is nowhere to write the changed table to")
            .hint("name a file with `--output`, or print the metrics only with `--dry-run`")),
    }
}
