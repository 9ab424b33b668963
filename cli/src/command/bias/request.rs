//! What is asked of the engine, from what was typed.

use super::facet::{self, Named};
use crate::args::{BiasArgs, Compat, DeeperArgs, Interval, Limit, PredictionArgs};
use arrow::datatypes::DataType;
use pellucid::bias::{BiasRequest, Bins, Bootstrap, Kind, Metric, Mode, Predicted, Selection, Stage, Value};
use pellucid::data::{Table, did_you_mean};
use pellucid::{Error, Result};

/// Quantiles whose loss is compared unless others are asked for.
const QUANTILES: [f64; 2] = [0.1, 0.9];

/// Everything but the predictions.
pub fn request(args: &BiasArgs, table: &Table) -> Result<BiasRequest> {
    let mode = match args.measure.compat {
        Some(Compat::Clarify) => Mode::Clarify,
        None => Mode::Correct,
    };
    let facets = args.outcome.facet.iter().map(|text| facet(text, table, mode)).collect::<Result<Vec<_>>>()?;
    let label = label(args, table, mode)?;
    table.positions(args.outcome.group.as_slice())?;
    let mut request = BiasRequest::new(label, facets);
    request.mode = mode;
    table.positions(&args.prediction.ignore)?;
    request.ignore = args.prediction.ignore.clone();
    request.group = args.outcome.group.clone();
    request.metrics = metrics(args)?;
    request.min_group = args.outcome.min_group;
    request.seed = args.measure.seed;
    if args.outcome.intersections {
        let n = request.facets.len();
        request.intersections = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect();
    }
    let (measure, wanted) = (&args.measure, args.measure.interval);
    request.bootstrap = (measure.bootstrap > 0 && wanted == Interval::Bootstrap).then_some(Bootstrap {
        replicates: measure.bootstrap,
        level: measure.level,
        seed: measure.seed,
    });
    let by_formula = wanted == Interval::Analytic || request.bootstrap.is_some();
    request.analytic = by_formula.then_some(measure.level);
    deeper(&args.deeper, &mut request);
    request.label_thresholds = args.outcome.label_threshold.iter().skip(1).copied().collect();
    Ok(request)
}

fn deeper(args: &DeeperArgs, request: &mut BiasRequest) {
    let quantiles = if args.quantile.is_empty() { QUANTILES.to_vec() } else { args.quantile.clone() };
    request.calibration = args.calibration.then_some(Bins { count: args.bins, equal_mass: args.equal_mass });
    request.curve = args.curve.then_some(args.curve_points);
    request.regression = args.regression.then_some(quantiles);
    request.classes = args.each_class;
}

fn label(args: &BiasArgs, table: &Table, mode: Mode) -> Result<Selection> {
    let column = args.outcome.label.clone();
    table.positions(std::slice::from_ref(&column))?;
    Ok(match args.outcome.label_threshold.first() {
        Some(&threshold) => above(column, threshold),
        None => one_of(column, &args.outcome.positive, table, mode),
    })
}

pub fn facet(text: &str, table: &Table, mode: Mode) -> Result<Selection> {
    let (column, named) = facet::parse("facet", text, table)?;
    Ok(match named {
        Named::Each => Selection { column, values: Vec::new(), kind: None },
        Named::Values(values) => one_of(column, &values, table, mode),
        Named::Above(threshold) => above(column, threshold),
    })
}

pub fn above(column: String, threshold: f64) -> Selection {
    Selection { column, values: vec![Value::Number(threshold)], kind: Some(Kind::Continuous) }
}

/// Rows that hold one of some values: what was typed is what is meant, but for Clarify, which goes by the column's looks.
pub fn one_of(column: String, values: &[String], table: &Table, mode: Mode) -> Selection {
    let values = values.iter().map(|text| value(text, &column, table)).collect();
    Selection { column, values, kind: (mode == Mode::Correct).then_some(Kind::Categorical) }
}

/// A value as the cells of its column are.
pub fn value(text: &str, column: &str, table: &Table) -> Value {
    let kind = table.schema().field_with_name(column).map(|field| field.data_type().clone());
    let typed = match kind {
        Ok(DataType::Boolean) => text.to_ascii_lowercase().parse().ok().map(Value::Bool),
        Ok(kind) if kind.is_numeric() => {
            text.parse().ok().map(Value::Integer).or_else(|| text.parse().ok().map(Value::Number))
        }
        _ => None,
    };
    typed.unwrap_or_else(|| Value::Text(text.to_string()))
}

/// The metrics asked for and those with limits, by the names that the engine has for them; none: all.
fn metrics(args: &BiasArgs) -> Result<Vec<String>> {
    let known = |option: &str, name: &str| {
        Metric::named(name).ok_or_else(|| {
            let names = || Metric::ALL.iter().map(|metric| metric.name);
            Error::input(format!("`--{option}`: there is no metric `{name}`{}", did_you_mean(name, names())))
                .hint(format!("the metrics are {}", names().collect::<Vec<_>>().join(", ")))
        })
    };
    let mut names = Vec::new();
    for name in &args.measure.metrics {
        names.push(known("metrics", name.trim())?.name.to_string());
    }
    for limit in &args.measure.fail_if {
        let metric = known("fail-if", &limit.metric)?;
        if metric.stage == Stage::PostTraining && !has_predictions(args) {
            return Err(without_predictions(limit, metric));
        }
        if !names.is_empty() {
            names.push(metric.name.to_string());
        }
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

pub fn has_predictions(args: &BiasArgs) -> bool {
    let PredictionArgs { predicted, scores, model, .. } = &args.prediction;
    predicted.is_some() || scores.is_some() || model.is_some()
}

fn without_predictions(limit: &Limit, metric: &Metric) -> Error {
    Error::input(format!("`--fail-if '{limit}'`: {} compares predictions, and there are none", metric.name))
        .hint("name their column with `--predicted` or `--scores`, or give a model with `--model`")
}

/// Predictions that are a column of the table.
pub fn predicted(args: &PredictionArgs, table: &Table) -> Result<Option<Predicted>> {
    table.positions(args.predicted.as_slice())?;
    table.positions(args.scores.as_slice())?;
    let score =
        args.scores.clone().zip(args.threshold).map(|(column, threshold)| Predicted::Score { column, threshold });
    Ok(args.predicted.clone().map(Predicted::Label).or(score))
}
