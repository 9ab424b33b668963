//! Predictions of a model for the rows of the table, as one more column of it.

use crate::args::PredictionArgs;
use crate::command::input::flags;
use crate::command::open::{file_name, open_device};
use crate::terminal::Terminal;
use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema as Columns};
use pellucid::bias::{BiasRequest, Predicted};
use pellucid::data::{Encoder, Roles, Schema, Table};
use pellucid::explain::{Control, Scores};
use pellucid::model::onnx::{Graph, OnnxModel, Outputs};
use pellucid::{Error, Result};
use std::path::Path;
use std::sync::Arc;

/// The model's output is a positive prediction above this share, unless labels have a threshold of their own.
const THRESHOLD: f64 = 0.5;

/// The table with the model's scores beside its columns, and where they are. Scores are computed batch by batch as it is read.
pub fn predicted_by(
    path: &Path,
    args: &PredictionArgs,
    label_threshold: Option<f64>,
    (table, schema): (Table, Option<Schema>),
    request: &BiasRequest,
    (control, terminal): (&Control, &Terminal),
) -> Result<(Table, Predicted)> {
    let device = open_device(args.device, terminal)?;
    let graph = Graph::load(path)?;
    let target = target(graph.outputs(), args.target.as_deref())?;
    let encoder = encoder(&table, &graph, schema.as_ref(), request).map_err(|e| table.blame(e))?;
    let threshold = args.threshold.or(label_threshold).unwrap_or(THRESHOLD);
    let output = &graph.outputs().names[target];
    let column = unused(format!("{output} of {}", file_name(path)), &table);
    terminal.note(&format!("predictions: {column}, positive above {threshold}"));
    let scores = Scores::new(OnnxModel::new(&graph, &device)?, target, control.clone(), &device)?;
    let field = Arc::new(Field::new(&column, DataType::Float64, true));
    let with_scores = move |columns: &Columns| {
        Arc::new(Columns::new(columns.fields().iter().chain([&field]).cloned().collect::<Vec<_>>()))
    };
    let read = table.clone();
    let table = table.through(with_scores(read.schema()), move |batch, first_row| {
        let rows = encoder.encode(&flags(&batch, read.schema())?, first_row).map_err(|e| read.blame(e))?;
        let found = scores.of(rows.view(), first_row)?;
        let found: ArrayRef = Arc::new(Float64Array::from_iter_values(found.into_iter().map(f64::from)));
        let cells = batch.columns().iter().cloned().chain([found]).collect();
        RecordBatch::try_new(with_scores(&batch.schema()), cells).map_err(|error| Error::input(error.to_string()))
    });
    Ok((table, Predicted::Score { column, threshold }))
}

/// The output that scores the positive outcome.
fn target(outputs: &Outputs, asked: Option<&str>) -> Result<usize> {
    let found = match (asked, outputs.names.len()) {
        (Some(target), _) => outputs.select(target)?,
        (None, 1) => vec![0],
        (None, 2) => vec![1],
        (None, n) => (0..n).collect(),
    };
    match found[..] {
        [one] => Ok(one),
        _ => Err(Error::input(format!("one output scores the positive outcome, not {}", found.len()))
            .hint(format!("choose it with `--target`; the model's outputs are {}", outputs.names.join(", ")))),
    }
}

/// Facets and strata are features if the model takes them, and need not be.
fn encoder(table: &Table, graph: &Graph, schema: Option<&Schema>, request: &BiasRequest) -> Result<Encoder> {
    let ignore: Vec<String> = request.ignore.iter().chain([&request.label.column]).cloned().collect();
    let apart = request.facets.iter().map(|facet| facet.column.clone()).chain(request.group.clone());
    let matched = |roles: Roles| Encoder::new(table.schema(), graph.feature_names(), schema, &roles);
    let found = matched(Roles { ignore: ignore.clone(), id: Vec::new() })
        .or_else(|error| matched(Roles { ignore, id: apart.collect() }).map_err(|_| error))?;
    Ok(if graph.takes_missing() { found } else { found.finite() })
}

/// A name that no column has.
fn unused(name: String, table: &Table) -> String {
    match table.schema().column_with_name(&name) {
        None => name,
        Some(_) => unused(format!("{name} (model)"), table),
    }
}
