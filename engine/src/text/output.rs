//! Attributions of texts to a file: a line for each player and output, or an object for each text.

use super::beside::Cell;
use super::explanation::TextExplanation;
use super::players::Span;
use crate::data::{BatchWriter, FileKind, OutputFormat, Pending, Sink, require_unique};
use crate::design::player_pairs;
use crate::{Error, Result};
use arrow::array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use ndarray::{Array3, s};
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// What a file of text attributions has.
#[derive(Debug, Clone, Default)]
pub struct TextLayout {
    /// Columns of the table that are carried along.
    pub ids: Fields,
    pub outputs: Vec<String>,
    /// The name of the column of texts.
    pub column: String,
    /// Whether columns beside the text play.
    pub beside: bool,
    pub stderr: bool,
}

/// Writes attributions of texts. Dropped before [`TextWriter::finish`], it leaves nothing behind.
///
/// | format | layout |
/// | --- | --- |
/// | Parquet, CSV | a line for each text, player and output: the ids, `row`, `player`, `start`, `end`, `text`, `output`, `attribution`, `stderr` if asked for, `base_value`, `prediction` |
/// | JSON Lines | an object for each text: `row`, the ids, `text`, `outputs`, `players` with their `start` and `end`; `columns` and `interactions` where there are any |
/// | Clarify | an object for each text, as SageMaker Clarify's `out.jsonl`: `partial_text`, `start_idx` |
///
/// Positions are in characters from 0; `end` is the place behind the last one. With columns beside the text, lines have the `column` that
/// a player is of, and those of columns their value as `text` and no position.
pub struct TextWriter {
    layout: TextLayout,
    form: Form,
}

enum Form {
    Tidy(BatchWriter),
    Objects { pending: Pending, sink: Sink, clarify: bool },
}

impl TextWriter {
    /// # Errors
    /// An existing file without `force`, a folder that is missing or cannot be written to, an id of the name of another column.
    pub fn create(path: impl AsRef<Path>, format: OutputFormat, layout: TextLayout, force: bool) -> Result<Self> {
        let path = path.as_ref();
        let schema = schema(&layout);
        require_unique(schema.fields().iter().map(|field| field.name().as_str()), "columns of the output")?;
        let kind = match format {
            OutputFormat::Parquet => FileKind::Parquet,
            OutputFormat::Csv => FileKind::Csv,
            OutputFormat::JsonLines | OutputFormat::Clarify => {
                let pending = Pending::create(path, force)?;
                let sink = pending.sink()?;
                let clarify = format == OutputFormat::Clarify;
                return Ok(Self { layout, form: Form::Objects { pending, sink, clarify } });
            }
        };
        let form = Form::Tidy(BatchWriter::create(path, kind, Arc::new(schema), force)?);
        Ok(Self { layout, form })
    }

    /// Adds texts. `ids` holds the layout's id columns for the same texts.
    pub fn write(&mut self, texts: &[TextExplanation], ids: Option<&RecordBatch>) -> Result<()> {
        match &mut self.form {
            Form::Tidy(writer) => {
                let columns = tidy(&self.layout, texts, ids)?;
                let batch = RecordBatch::try_new(writer.schema().clone(), columns);
                writer.write(&batch.map_err(|e| Error::input(format!("the id columns do not fit: {e}")))?)
            }
            Form::Objects { pending, sink, clarify } => {
                let mut lines = String::new();
                for (at, text) in texts.iter().enumerate() {
                    let object = match clarify {
                        true => clarify_object(&self.layout.column, text),
                        false => object(&self.layout, text, ids, at),
                    };
                    lines.push_str(&object.to_string());
                    lines.push('\n');
                }
                sink.write_all(lines.as_bytes()).map_err(|e| Error::io("write", pending.path(), e))
            }
        }
    }

    /// Completes the file and gives it its name; see [`BatchWriter::finish`].
    pub fn finish(self, provenance: &[(String, String)]) -> Result<()> {
        match self.form {
            Form::Tidy(writer) => writer.finish(provenance),
            Form::Objects { pending, sink, .. } => {
                drop(sink);
                pending.commit()
            }
        }
    }
}

fn schema(layout: &TextLayout) -> Schema {
    let column = |name: &str, kind: DataType| Arc::new(Field::new(name, kind, false));
    let stderr = layout.stderr.then(|| column("stderr", DataType::Float32));
    let (integer, text) = (|name| column(name, DataType::Int64), |name| column(name, DataType::Utf8));
    let place = |name: &str| Arc::new(Field::new(name, DataType::Int64, layout.beside));
    let fields = layout.ids.iter().cloned().chain([integer("row"), integer("player")]);
    let fields = fields.chain(layout.beside.then(|| text("column")));
    let fields = fields.chain([place("start"), place("end"), text("text"), text("output")]);
    let fields = fields.chain([column("attribution", DataType::Float32)]).chain(stderr);
    let of_text = [column("base_value", DataType::Float64), column("prediction", DataType::Float64)];
    Schema::new(fields.chain(of_text).collect::<Fields>())
}

/// Columns of the tidy form: texts, in each its players, for each player the outputs.
fn tidy(layout: &TextLayout, texts: &[TextExplanation], ids: Option<&RecordBatch>) -> Result<Vec<ArrayRef>> {
    let outputs = layout.outputs.len();
    let of = |(at, text): (usize, &TextExplanation)| {
        (0..text.n_players()).flat_map(move |player| (0..outputs).map(move |k| (at, player, k)))
    };
    let lines: Vec<(usize, usize, usize)> = texts.iter().enumerate().flat_map(of).collect();
    let lines = || lines.iter().copied();
    let origin = Int64Array::from_iter_values(lines().map(|(at, _, _)| at as i64));
    let ids = ids.map_or(&[][..], |ids| ids.columns());
    let ids = ids.iter().map(|column| take(column, &origin, None).map_err(|e| Error::input(e.to_string())));
    let mut columns = ids.collect::<Result<Vec<_>>>()?;
    let integers = |of: &dyn Fn(&TextExplanation, usize) -> usize| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(lines().map(|(at, player, _)| of(&texts[at], player) as i64)))
    };
    columns.push(integers(&|text, _| text.row));
    columns.push(integers(&|_, player| player));
    let cell = |at: usize, player: usize| player.checked_sub(texts[at].players.len()).map(|c| &texts[at].columns[c]);
    let places = |of: fn(&Span) -> usize| -> ArrayRef {
        let place = |(at, player, _): (usize, usize, usize)| texts[at].players.get(player).map(|span| of(span) as i64);
        Arc::new(lines().map(place).collect::<Int64Array>())
    };
    let strings = |of: &dyn Fn(usize, usize) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(lines().map(|(at, player, _)| of(at, player))))
    };
    if layout.beside {
        let name = |at, player| cell(at, player).map_or_else(|| layout.column.clone(), |cell| cell.column.clone());
        columns.push(strings(&name));
    }
    columns.push(places(|span| span.chars.start));
    columns.push(places(|span| span.chars.end));
    let text = |at: usize, player: usize| {
        cell(at, player).map_or_else(|| texts[at].part(player).to_owned(), |cell| cell.value.text.clone())
    };
    columns.push(strings(&text));
    columns.push(Arc::new(StringArray::from_iter_values(lines().map(|(_, _, k)| &layout.outputs[k]))));
    let values = lines().map(|(at, player, k)| texts[at].values[(k, player)]);
    columns.push(Arc::new(Float32Array::from_iter_values(values)));
    if layout.stderr {
        let stderr = lines().map(|(at, player, k)| texts[at].stderr[(k, player)]);
        columns.push(Arc::new(Float32Array::from_iter_values(stderr)));
    }
    columns.push(Arc::new(Float64Array::from_iter_values(lines().map(|(at, _, k)| texts[at].base_values[k]))));
    columns.push(Arc::new(Float64Array::from_iter_values(lines().map(|(at, _, k)| texts[at].predictions[k]))));
    Ok(columns)
}

/// A text and its attributions; those of a player are in the order of `outputs`.
fn object(layout: &TextLayout, text: &TextExplanation, ids: Option<&RecordBatch>, at: usize) -> Value {
    let mut object = Map::from_iter([("row".to_string(), json!(text.row))]);
    for (field, column) in ids.iter().flat_map(|ids| ids.schema_ref().fields().iter().zip(ids.columns())) {
        let cell = ArrayFormatter::try_new(column, &FormatOptions::default()).map(|f| f.value(at).to_string());
        object.insert(field.name().clone(), json!(cell.ok()));
    }
    object.extend(explained(text, &layout.outputs, layout.stderr));
    Value::Object(object)
}

/// What is known of one text, as JSON.
pub fn explained(text: &TextExplanation, outputs: &[String], stderr: bool) -> Map<String, Value> {
    let of_output = |(k, output): (usize, &String)| json!({"output": output, "base_value": text.base_values[k], "prediction": text.predictions[k]});
    let attributed = |mut player: Value, i: usize| {
        player["attributions"] = json!(text.values.column(i).to_vec());
        if stderr {
            player["stderr"] = json!(text.stderr.column(i).to_vec());
        }
        player
    };
    let parts = text.players.len();
    let part = |i: usize| {
        let span = &text.players[i].chars;
        attributed(json!({"text": text.part(i), "start": span.start, "end": span.end}), i)
    };
    let column =
        |(at, cell): (usize, &Cell)| attributed(json!({"column": cell.column, "value": cell.value.text}), parts + at);
    let mut object = Map::from_iter([
        ("text".to_string(), json!(text.text)),
        ("forwards".to_string(), json!(text.spent)),
        ("outputs".to_string(), outputs.iter().enumerate().map(of_output).collect()),
        ("players".to_string(), (0..parts).map(part).collect()),
    ]);
    if !text.columns.is_empty() {
        object.insert("columns".into(), text.columns.iter().enumerate().map(column).collect());
    }
    if let Some(found) = &text.interactions {
        let pair = |(at, (a, b)): (usize, (usize, usize))| {
            let of = |values: &Array3<f32>| values.slice(s![0, .., at]).to_vec();
            // Parts are counted first, then columns.
            let mut pair = json!({"a": a, "b": b, "interactions": of(&found.values)});
            if stderr {
                pair["stderr"] = json!(of(&found.stderr));
            }
            pair
        };
        object.insert("interactions".into(), player_pairs(text.n_players()).enumerate().map(pair).collect());
    }
    if let Some(cut) = &text.cut {
        let chars = |byte: usize| text.text[..byte].chars().count();
        let read = [chars(cut.read.start), chars(cut.read.end)];
        object.insert("cut".into(), json!({"tokens": cut.tokens, "kept": cut.kept, "start": read[0], "end": read[1]}));
    }
    object
}

fn clarify_object(column: &str, text: &TextExplanation) -> Value {
    let player = |i: usize| {
        json!({
            "attribution": text.values.column(i).to_vec(),
            "description": {"partial_text": text.part(i), "start_idx": text.players[i].chars.start},
        })
    };
    let attributions: Vec<Value> = (0..text.players.len()).map(player).collect();
    let words = json!({"feature_name": column, "data_type": "free_text", "attributions": attributions});
    let beside = text.columns.iter().enumerate().map(|(at, cell)| {
        let kind = if cell.value.number.is_some() { "numerical" } else { "categorical" };
        let attribution = text.values.column(text.players.len() + at).to_vec();
        json!({"feature_name": cell.column, "data_type": kind, "attributions": [{"attribution": attribution}]})
    });
    json!({"explanations": std::iter::once(words).chain(beside).collect::<Vec<_>>()})
}
