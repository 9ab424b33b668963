//! The model that takes the endpoint's place, opened once, and the labels that it predicts.

use super::config::Config;
use super::dataset::Dataset;
use super::predictor::Chosen;
use crate::args::AnalyzeArgs;
use crate::command::input::Input;
use crate::command::open::{Opened, file_name, open_device};
use crate::terminal::Terminal;
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema as Columns};
use ndarray::{Array2, ArrayView1};
use pellucid::bias::{Predicted, Value};
use pellucid::data::{Roles, Schema, Table};
use pellucid::explain::{Control, Scores};
use pellucid::model::onnx::{Graph, OnnxModel};
use pellucid::{Error, Result};
use std::path::PathBuf;
use std::sync::Arc;

/// A score is a positive prediction above this share, unless the configuration has another.
const THRESHOLD: f64 = 0.5;

pub struct Model {
    pub opened: Opened,
    pub chosen: Chosen,
}

impl Model {
    /// # Errors
    /// No model; one that cannot be run, or does not take the columns of the data set.
    pub fn open(
        config: &Config,
        args: &AnalyzeArgs,
        dataset: &Dataset,
        schema: Option<&Schema>,
        control: &Control,
        terminal: &Terminal,
    ) -> Result<Self> {
        let path = path(config, args)?;
        let device = open_device(args.compute.device, terminal)?;
        let graph = Graph::load(&path)?;
        let chosen = config.predictor.choose(graph.outputs())?;
        if let Some(why) = &chosen.why {
            terminal.note(why);
        }
        let roles = |id: Vec<String>| Roles { id, ignore: dataset.apart() };
        let input = |roles| {
            Input::of(dataset.table.clone(), schema.cloned(), roles, graph.feature_names(), !graph.takes_missing())
        };
        let ids: Vec<String> = dataset.joinsource.iter().cloned().collect();
        // Facets and strata are features if the model takes them, and need not be.
        let asides = config.facets.iter().map(|facet| &facet.column).chain(&config.group);
        let asides = asides.map(|column| dataset.column(column)).collect::<Result<Vec<_>>>()?;
        let beside = asides.into_iter().filter(|name| !ids.contains(name));
        let input = input(roles(ids.clone())).or_else(|error| {
            let ids = ids.iter().cloned().chain(beside).fold(Vec::new(), |mut all: Vec<String>, name| {
                if !all.contains(&name) {
                    all.push(name);
                }
                all
            });
            input(roles(ids)).map_err(|_| reworded(error))
        })?;
        let opened = Opened {
            device,
            graph,
            model: file_name(&path),
            input,
            targets: chosen.targets.clone(),
            control: control.clone(),
        };
        Ok(Self { opened, chosen })
    }

    /// The table with the predicted label of each row beside its columns, and how it is read. Predictions are computed batch by batch as the
    /// table is read.
    ///
    /// # Errors
    /// Several outputs without names for the labels they stand for.
    pub fn predict(&self, config: &Config, dataset: &Dataset, terminal: &Terminal) -> Result<(Table, Predicted)> {
        let Opened { graph, device, control, model, .. } = &self.opened;
        let rule = self.rule(config)?;
        let read = dataset.table.clone();
        let column = unused(format!("prediction of {model}"), &read);
        let (predicted, told) = rule.predicted(&column);
        terminal.note(&told);
        let targets = match &rule {
            Rule::Threshold(target, _) | Rule::Value(target) => vec![*target],
            Rule::Largest(_) => self.chosen.targets.clone(),
        };
        let scores = Scores::several(OnnxModel::new(graph, device)?, targets, control.clone(), device)?;
        let field = Arc::new(Field::new(&column, rule.kind(), true));
        let with = move |columns: &Columns| {
            Arc::new(Columns::new(columns.fields().iter().chain([&field]).cloned().collect::<Vec<_>>()))
        };
        let input = self.opened.input.clone();
        let table = read.clone().through(with(read.schema()), move |batch, first_row| {
            let rows = input.encode(&batch, first_row)?;
            let cells =
                batch.columns().iter().cloned().chain([rule.cells(&scores.table(rows.view(), first_row)?)]).collect();
            RecordBatch::try_new(with(&batch.schema()), cells).map_err(|error| Error::input(error.to_string()))
        });
        Ok((table, predicted))
    }

    fn rule(&self, config: &Config) -> Result<Rule> {
        let Chosen { targets, classes, .. } = &self.chosen;
        let threshold = config.probability_threshold;
        let wanted: Vec<String> = config.label_values.iter().map(Value::python).collect();
        let outside = matches!(config.label_values[..], [Value::Integer(_) | Value::Number(_)])
            && config.label_values[0].number().is_some_and(|value| !(0.0..=1.0).contains(&value));
        match (&targets[..], classes) {
            (&[one], _) if threshold.is_none() && config.predictor.probability.is_none() && (config.predictor.label.is_some() || outside) => {
                Ok(Rule::Value(one))
            }
            (&[one], _) => Ok(Rule::Threshold(one, threshold.unwrap_or(THRESHOLD))),
            (_, Some(classes)) => match (threshold, classes.iter().position(|class| wanted.contains(class))) {
                (Some(threshold), Some(positive)) if classes.len() == 2 && wanted.len() == 1 => Ok(Rule::Threshold(targets[positive], threshold)),
                (_, None) => Err(Error::input(format!("`label_values_or_threshold` is {}, and the model's labels are {}", wanted.join(", "), classes.join(", ")))
                    .hint("write `predictor.label_headers` as the labels are in the data, in the order of the model's outputs")),
                _ => Ok(Rule::Largest(classes.clone())),
            },
            (&[_, second], None) => Ok(Rule::Threshold(second, threshold.unwrap_or(THRESHOLD))),
            (_, None) => Err(Error::input(format!("the model has {} outputs, and it is not known which labels they stand for", targets.len()))
                .hint("name them with `predictor.label_headers`, in the order of the outputs, or choose one with `predictor.probability`")),
        }
    }
}

/// How scores become predicted labels.
enum Rule {
    /// Positive above the threshold.
    Threshold(usize, f64),
    /// The output is the label, or is positive as the label is.
    Value(usize),
    /// The label of the largest score; of equal ones the first.
    Largest(Vec<String>),
}

impl Rule {
    fn predicted(&self, column: &str) -> (Predicted, String) {
        match self {
            Rule::Threshold(_, threshold) => (
                Predicted::Score { column: column.into(), threshold: *threshold },
                format!("predicted labels: {column}, positive above {threshold}"),
            ),
            Rule::Value(_) => {
                (Predicted::Label(column.into()), format!("predicted labels: {column}, positive as the label is"))
            }
            Rule::Largest(classes) => (
                Predicted::Label(column.into()),
                format!("predicted labels: {column}, the label of the largest score among {}", classes.join(", ")),
            ),
        }
    }

    fn kind(&self) -> DataType {
        match self {
            Rule::Largest(classes) if numbers(classes).is_none() => DataType::Utf8,
            Rule::Largest(_) => DataType::Int64,
            _ => DataType::Float64,
        }
    }

    fn cells(&self, scores: &Array2<f32>) -> ArrayRef {
        let Rule::Largest(classes) = self else {
            return Arc::new(Float64Array::from_iter_values(scores.column(0).iter().map(|&score| f64::from(score))));
        };
        let best = scores.outer_iter().map(largest);
        match numbers(classes) {
            Some(numbers) => Arc::new(Int64Array::from_iter_values(best.map(|class| numbers[class]))),
            None => Arc::new(StringArray::from_iter_values(best.map(|class| &classes[class]))),
        }
    }
}

fn largest(scores: ArrayView1<f32>) -> usize {
    scores.iter().enumerate().fold(0, |best, (i, score)| if *score > scores[best] { i } else { best })
}

/// Classes that are whole numbers, as numbers: so they compare with labels that are.
fn numbers(classes: &[String]) -> Option<Vec<i64>> {
    classes.iter().map(|class| class.parse().ok()).collect()
}

fn path(config: &Config, args: &AnalyzeArgs) -> Result<PathBuf> {
    if let Some(path) = args.model.as_ref().or(config.predictor.model_path.as_ref()) {
        return Ok(path.clone());
    }
    let what = match &config.predictor.hosted {
        Some(key) => format!("`{key}` is a model behind an endpoint; here it runs from a file"),
        None => "SHAP values, partial dependence and predicted labels need a model".into(),
    };
    Err(Error::input(what)
        .hint("give the model as an ONNX file with `--model`, or `predictor.model_path` in the configuration"))
}

/// The engine's hints name options that `analyze` does not have.
fn reworded(error: Error) -> Error {
    match error {
        Error::Input { message, hint: Some(hint) } if hint.contains("--ignore") => {
            Error::Input { message, hint: Some("list columns that the model does not take under `excluded_columns`; `--schema` says how columns of text become numbers".into()) }
        }
        Error::Input { message, hint: Some(hint) } if hint.contains("schema file") => {
            Error::Input { message, hint: Some(format!("{hint} (`--schema`)")) }
        }
        other => other,
    }
}

/// A name that no column has.
fn unused(name: String, table: &Table) -> String {
    match table.schema().column_with_name(&name) {
        None => name,
        Some(_) => unused(format!("{name}'"), table),
    }
}
