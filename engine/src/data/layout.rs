//! The columns of a table of attributions.
//!
//! ids, `prediction[.output]`, `base_value[.output]`, `shap.<player>[.<output>]`, `stderr.<player>[.<output>]`; the suffix only when
//! there are several outputs; players vary fastest. With interactions `interaction.<a>*<b>[.<output>]` and `stderr.<a>*<b>[.<output>]`
//! too, pairs of players (0, 1), (0, 2) … (1, 2) … fastest. Clarify's layout: `<player>_<output>`, then the ids.

use super::names;
use crate::design::player_pairs;
use crate::explain::{Explanation, Interactions};
use crate::{Error, Result};
use arrow::array::{ArrayRef, Float32Array, Float64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use ndarray::s;
use std::sync::Arc;

/// What a table of attributions holds beside the numbers.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Columns of the input copied to the output.
    pub ids: Fields,
    pub outputs: Vec<String>,
    pub players: Vec<String>,
    /// Write standard errors too.
    pub stderr: bool,
    /// Write interactions too.
    pub interactions: bool,
}

/// One column of numbers: `k` is an output, `i` and `j` are players, `pair` is the place of theirs.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    Prediction { k: usize },
    Base { k: usize },
    Shap { k: usize, i: usize },
    Stderr { k: usize, i: usize },
    Interaction { k: usize, i: usize, j: usize, pair: usize },
    InteractionStderr { k: usize, i: usize, j: usize, pair: usize },
}

impl Value {
    pub fn is_interaction(self) -> bool {
        matches!(self, Value::Interaction { .. } | Value::InteractionStderr { .. })
    }

    pub fn is_stderr(self) -> bool {
        matches!(self, Value::Stderr { .. } | Value::InteractionStderr { .. })
    }
}

impl Layout {
    /// Columns of numbers in their order.
    pub fn values(&self) -> Vec<Value> {
        let outputs = || 0..self.outputs.len();
        let pairs = || outputs().flat_map(|k| (0..self.players.len()).map(move |i| (k, i)));
        let mut values: Vec<Value> = outputs().map(|k| Value::Prediction { k }).collect();
        values.extend(outputs().map(|k| Value::Base { k }));
        values.extend(pairs().map(|(k, i)| Value::Shap { k, i }));
        if self.stderr {
            values.extend(pairs().map(|(k, i)| Value::Stderr { k, i }));
        }
        if self.interactions {
            let of = |k: usize| player_pairs(self.players.len()).enumerate().map(move |(pair, (i, j))| (k, i, j, pair));
            values.extend(outputs().flat_map(of).map(|(k, i, j, pair)| Value::Interaction { k, i, j, pair }));
            if self.stderr {
                values.extend(outputs().flat_map(of).map(|(k, i, j, pair)| Value::InteractionStderr { k, i, j, pair }));
            }
        }
        values
    }

    /// Only the attributions, as Clarify has them.
    pub fn clarify_values(&self) -> Vec<Value> {
        self.values().into_iter().filter(|v| matches!(v, Value::Shap { .. })).collect()
    }

    pub(super) fn field(&self, value: Value, clarify: bool) -> Field {
        let output = |k: usize| if self.outputs.len() > 1 { format!(".{}", self.outputs[k]) } else { String::new() };
        let name = match value {
            Value::Shap { k, i } if clarify => format!("{}_{}", self.players[i], self.outputs[k]),
            Value::Prediction { k } => format!("prediction{}", output(k)),
            Value::Base { k } => format!("base_value{}", output(k)),
            Value::Shap { k, i } => format!("shap.{}{}", self.players[i], output(k)),
            Value::Stderr { k, i } => format!("stderr.{}{}", self.players[i], output(k)),
            Value::Interaction { k, i, j, .. } => {
                format!("interaction.{}*{}{}", self.players[i], self.players[j], output(k))
            }
            Value::InteractionStderr { k, i, j, .. } => {
                format!("stderr.{}*{}{}", self.players[i], self.players[j], output(k))
            }
        };
        let kind = if matches!(value, Value::Base { .. }) { DataType::Float64 } else { DataType::Float32 };
        Field::new(name, kind, false)
    }

    /// # Errors
    /// Two columns of one name, such as an id called `prediction`.
    pub fn schema(&self, values: &[Value], clarify: bool) -> Result<SchemaRef> {
        let numbers = values.iter().map(|v| Arc::new(self.field(*v, clarify)));
        let ids = self.ids.iter().cloned();
        let fields: Vec<Arc<Field>> = if clarify { numbers.chain(ids).collect() } else { ids.chain(numbers).collect() };
        names::require_unique(fields.iter().map(|f| f.name().as_str()), "columns of the output")?;
        Ok(Arc::new(Schema::new(fields)))
    }

    /// One batch of the output. `ids` holds the layout's id columns of the same rows.
    pub fn batch(
        &self,
        schema: &SchemaRef,
        values: &[Value],
        clarify: bool,
        e: &Explanation,
        ids: Option<&RecordBatch>,
    ) -> Result<RecordBatch> {
        let (rows, outputs, players) = e.values.dim();
        if (outputs, players) != (self.outputs.len(), self.players.len()) {
            return Err(Error::input(format!(
                "an explanation of {outputs} outputs and {players} players does not fit a table of {} and {}",
                self.outputs.len(),
                self.players.len()
            )));
        }
        let ids = ids.map_or(&[][..], RecordBatch::columns);
        if ids.len() != self.ids.len() || ids.iter().any(|c| c.len() != rows) {
            return Err(Error::input(format!(
                "{} id columns of {rows} rows are due, {} were given",
                self.ids.len(),
                ids.len()
            )));
        }
        if self.interactions && e.interactions.is_none() {
            return Err(Error::input("an explanation without interactions does not fit a table of them"));
        }
        let numbers = values.iter().map(|v| column(*v, e));
        let ids = ids.iter().cloned();
        let columns: Vec<ArrayRef> = if clarify { numbers.chain(ids).collect() } else { ids.chain(numbers).collect() };
        RecordBatch::try_new(schema.clone(), columns)
            .map_err(|e| Error::input(format!("the id columns do not fit: {e}")))
    }
}

fn column(value: Value, e: &Explanation) -> ArrayRef {
    let floats = |values: ndarray::ArrayView1<f32>| Arc::new(Float32Array::from(values.to_vec())) as ArrayRef;
    match value {
        Value::Prediction { k } => floats(e.predictions.column(k)),
        Value::Base { k } => Arc::new(Float64Array::from(vec![e.base_values[k]; e.predictions.nrows()])),
        Value::Shap { k, i } => floats(e.values.slice(s![.., k, i])),
        Value::Stderr { k, i } => floats(e.stderr.slice(s![.., k, i])),
        Value::Interaction { k, pair, .. } => floats(interactions(e).values.slice(s![.., k, pair])),
        Value::InteractionStderr { k, pair, .. } => floats(interactions(e).stderr.slice(s![.., k, pair])),
    }
}

fn interactions(e: &Explanation) -> &Interactions {
    e.interactions.as_ref().expect("checked by `Layout::batch`")
}
