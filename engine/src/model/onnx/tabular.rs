//! What a file must be to be a model of rows: numeric inputs of static width, and a numeric output.

use super::build::needed;
use super::card::TensorCard;
use super::dtype::Dtype;
use super::file::{File, Port};
use crate::{Error, Result};
use std::collections::HashSet;

/// One model input: `shape` is that of one row.
#[derive(Clone, Debug)]
pub struct Input {
    pub name: String,
    pub shape: Vec<usize>,
    pub is_int: bool,
    /// Whether a numeric output depends on it.
    pub used: bool,
}

impl Input {
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }
}

/// What stands in the way of running the file over rows, the most telling reason first.
pub fn check(file: &File) -> Result<Vec<Input>> {
    check_inputs(file)?;
    if file.numeric.is_empty() {
        let listed: Vec<String> = file.outputs.iter().map(|port| TensorCard::from(port).to_string()).collect();
        return Err(Error::input(format!("{} has no numeric output: {}", file.name, listed.join(", ")))
            .hint("export the model with its scores or probabilities as an output of type float"));
    }
    let (nodes, values) = needed(file.graph(), file.numeric.iter().map(|(_, value)| value.clone()));
    file.check_operators(&nodes)?;
    file.inputs.iter().map(|port| row_shape(port, &values)).collect()
}

fn check_inputs(file: &File) -> Result<()> {
    let strings: Vec<&str> = file.inputs.iter().filter(|i| i.dtype == Dtype::Text).map(|i| i.name.as_str()).collect();
    if !strings.is_empty() {
        let (n, all) = (strings.len(), file.inputs.len());
        return Err(Error::input(format!("{n} of {all} inputs of {} are strings: {}", file.name, strings.join(", ")))
            .hint("export the model without its text encoders and encode categories in the table (a schema file)"));
    }
    if let Some(port) = file.inputs.iter().find(|port| !port.dtype.is_float() && !port.dtype.is_int()) {
        return Err(Error::input(format!("input {} of {} is not numeric", TensorCard::from(port), file.name)));
    }
    if file.inputs.is_empty() {
        return Err(Error::input(format!("{} has no inputs", file.name)));
    }
    Ok(())
}

/// The static shape of one row of an input.
fn row_shape(port: &Port, needed: &HashSet<String>) -> Result<Input> {
    let columns = port.dims.as_deref().and_then(|dims| dims.get(1..)).unwrap_or_default();
    let shape: Option<Vec<usize>> = columns.iter().copied().collect();
    let card = TensorCard::from(port);
    match shape {
        Some(shape) if !columns.is_empty() && !shape.contains(&0) => {
            Ok(Input { name: port.name.clone(), shape, is_int: port.dtype.is_int(), used: needed.contains(&port.name) })
        }
        Some(shape) if shape.contains(&0) => Err(Error::input(format!("input {card} holds no features"))
            .hint("a model without features has nothing to explain; check how it was exported")),
        _ => Err(Error::input(format!(
            "input {card} has no static width: every axis after the batch must have a fixed size"
        ))
        .hint("export the model with the number of features fixed, e.g. FloatTensorType([None, 30])")),
    }
}
