//! `pellucid analyze`: an analysis configuration of SageMaker Clarify, run on this machine.

mod baseline;
mod bias;
mod columns;
mod config;
mod dataset;
mod document;
mod flatten;
mod join;
mod keys;
mod layout;
mod methods;
mod model;
mod ordered;
mod page;
mod pdp;
mod predictor;
mod reading;
mod shap;
mod told;
mod uri;

use super::bias::stoppable;
use super::open::file_name;
use crate::args::{AnalyzeArgs, Compat};
use crate::interrupt::Interrupt;
use crate::terminal::Terminal;
use crate::{Exit, progress};
use bias::Bias;
use config::Config;
use dataset::Dataset;
use document::Found;
use layout::Output;
use model::Model;
use pdp::Dependence;
use pellucid::bias::Predicted;
use pellucid::data::{Layout, Schema, Table};
use pellucid::explain::{Control, GlobalExplanation};
use pellucid::{Error, Result};
use serde_json::Value;
use std::path::Path;

pub fn run(args: &AnalyzeArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<Exit> {
    let config = Config::open(&args.analysis_config)?;
    config.remarks.iter().for_each(|remark| terminal.note(remark));
    layout::check(args, &config)?;
    let mut control = Control::default();
    control.stop = interrupt.flag();
    let folder = tempfile::tempdir().map_err(|error| Error::io("create", std::env::temp_dir(), error))?;
    let schema = args.schema.as_ref().map(Schema::open).transpose()?;
    let mut dataset = Dataset::open(&config, args.data.as_deref(), &args.uri, schema.as_ref(), &folder)?;
    dataset.table = stoppable(dataset.table.clone(), &control);
    let run = Run { args, config: &config, dataset: &dataset, control, terminal, folder: folder.path() };
    run.all(schema.as_ref()).map_err(|error| dataset.disclose(error))?;
    Ok(Exit::Done)
}

/// One analysis, its parts in the order of the document.
struct Run<'a> {
    args: &'a AnalyzeArgs,
    config: &'a Config,
    dataset: &'a Dataset,
    control: Control,
    terminal: &'a Terminal,
    folder: &'a Path,
}

impl Run<'_> {
    fn all(&self, schema: Option<&Schema>) -> Result<()> {
        let Run { args, config, dataset, terminal, .. } = *self;
        let methods = &config.methods;
        let explains = methods.shap.is_some() || methods.pdp.is_some();
        let needed = explains || (methods.post.is_some() && dataset.predicted.is_none());
        let model = match needed {
            true => Some(Model::open(config, args, dataset, schema, &self.control, terminal)?),
            false => None,
        };
        if let (None, Some(path)) = (&model, &args.model) {
            terminal.note(&format!("{} is not needed: the predicted labels are in the data", file_name(path)));
        }
        let predictions = self.predictions(model.as_ref())?;
        let prepared = match (&methods.shap, &model) {
            (Some(shap), Some(model)) => {
                Some(shap::Prepared::new(shap, config, dataset, model, args, self.folder, terminal)?)
            }
            _ => None,
        };
        if args.compute.dry_run {
            return self.dry_run(model.as_ref(), prepared.as_ref());
        }
        let local =
            prepared.as_ref().zip(model.as_ref()).filter(|_| methods.shap.as_ref().is_some_and(|shap| shap.save_local));
        let local = local.map(|(prepared, model)| self.local(prepared, model)).transpose()?;
        let mut output = Output::create(args, config, local)?;
        let bias = match methods.bias_at() {
            Some(_) => Some(self.bias(predictions)?),
            None => None,
        };
        let explained = match (&prepared, &model) {
            (Some(prepared), Some(model)) => Some(prepared.explain(model, output.local.as_mut(), terminal)?),
            _ => None,
        };
        let mut global = explained.as_ref().map(|explained| explained.pass.summary.finish()).unwrap_or_default();
        if let Some(model) = &model {
            global.iter_mut().zip(&model.chosen.shown).for_each(|(output, name)| output.output = name.clone());
        }
        let effects = match (&methods.pdp, &model) {
            (Some(method), Some(model)) => Some(self.effects(method, model, &global)?),
            _ => None,
        };
        let dependences = effects.as_ref().map(|effects| &effects.found[..]);
        let labels = model.as_ref().map(|model| model.chosen.labels.clone()).unwrap_or_default();
        let aggregation = methods.shap.as_ref().map(|shap| shap.aggregation);
        let found = Found {
            methods,
            bias: bias.as_ref(),
            shap: prepared
                .as_ref()
                .zip(aggregation)
                .map(|(prepared, aggregation)| (&global[..], &prepared.kept[..], aggregation)),
            pdp: dependences,
            pdp_labels: &self.pdp_labels(&labels),
            labels: &labels,
            clarify: args.compute.compat == Some(Compat::Clarify),
        };
        let text = found.document().text();
        let document: Value = serde_json::from_str(&text).map_err(|error| Error::input(error.to_string()))?;
        document::check(&document)?;
        let page = page::Page {
            dataset,
            model: model.as_ref(),
            bias: bias.as_ref(),
            predictions: self.told(model.as_ref()),
            shap: prepared
                .as_ref()
                .zip(explained.as_ref())
                .map(|(prepared, explained)| (prepared, explained, &global[..])),
            pdp: dependences,
            columns: effects.as_ref().map(|effects| effects.columns.clone()).unwrap_or_default(),
            over: effects.as_ref().map(|effects| effects.over.clone()).unwrap_or_default(),
        };
        let html = methods.report.as_ref().map(|report| page.report(&report.title).html()).transpose()?;
        let baseline = prepared.as_ref().map(|_| without_header(&self.folder.join("baseline.csv"))).transpose()?;
        output.finish(&(text.clone() + "\n"), html, baseline, terminal)?;
        self.print(&text, bias.as_ref(), &global, dependences)
    }

    /// The table with predicted labels, of the data or of the model, if any are asked for.
    fn predictions(&self, model: Option<&Model>) -> Result<(Table, Option<Predicted>)> {
        let table = self.dataset.table.clone();
        Ok(match (&self.config.methods.post, &self.dataset.predicted, model) {
            (None, ..) => (table, None),
            (Some(_), Some(column), _) => (table, Some(Predicted::Label(column.clone()))),
            (Some(_), None, Some(model)) => {
                let (table, predicted) = model.predict(self.config, self.dataset, self.terminal)?;
                (table, Some(predicted))
            }
            (Some(_), None, None) => (table, None),
        })
    }

    fn bias(&self, (table, predicted): (Table, Option<Predicted>)) -> Result<Bias> {
        let working = progress::working(self.terminal, "measuring bias", &self.control);
        let found = bias::bias(self.config, self.dataset, &table, predicted, self.args)?;
        drop(working);
        for facet in &found.all.facets {
            for why in facet.pre_error.iter().chain(&facet.post_error) {
                self.terminal.warn(&format!("{} {}: {why}", facet.facet, facet.value_or_threshold));
            }
        }
        found.all.notes.iter().for_each(|note| self.terminal.warn(note));
        Ok(found)
    }

    fn effects(&self, method: &methods::Pdp, model: &Model, global: &[GlobalExplanation]) -> Result<Effects> {
        let prepared = pdp::Prepared::new(method, self.dataset, model, global)?;
        let (columns, over) = (prepared.cards(), prepared.over().to_string());
        let found = prepared.compute(model, self.args, self.terminal).map_err(pdp::at_key)?;
        for one in &found {
            if let Err(why) = &one.found {
                self.terminal.warn(&format!("no partial dependence of {}: {why}", one.feature));
            }
        }
        Ok(Effects { found, columns, over })
    }

    /// Columns of `out.csv`.
    fn local(&self, prepared: &shap::Prepared, model: &Model) -> Result<Layout> {
        let players = model.opened.input.players().names();
        let schema = self.dataset.table.schema();
        let id = self.dataset.joinsource.iter().filter_map(|name| schema.column_with_name(name));
        Ok(Layout {
            ids: id.map(|(_, field)| field.clone()).collect(),
            outputs: model.chosen.labels.clone(),
            players: prepared.kept.iter().map(|&player| players[player].clone()).collect(),
            stderr: false,
            interactions: false,
        })
    }

    /// Label headers of curves: those of the configuration, else the label's column, if there is one output.
    fn pdp_labels(&self, labels: &[String]) -> Vec<String> {
        match (&self.config.predictor.label_headers.is_empty(), labels.len(), &self.dataset.label) {
            (true, 1, Some(label)) => vec![label.clone()],
            _ => labels.to_vec(),
        }
    }

    /// Where predicted labels come from.
    fn told(&self, model: Option<&Model>) -> String {
        match (&self.config.methods.post, &self.dataset.predicted, model) {
            (Some(_), Some(column), _) => format!("the column {column}"),
            (Some(_), None, Some(model)) => model.opened.model.clone(),
            _ => String::new(),
        }
    }
}

/// Partial dependence, and what the report says of the rows.
struct Effects {
    found: Vec<Dependence>,
    columns: Vec<pellucid::report::ColumnCard>,
    over: String,
}

/// The baseline as the configuration takes it: rows without a header line.
fn without_header(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
    Ok(text.split_once('\n').map(|(_, rows)| rows.to_string()).unwrap_or_default())
}
