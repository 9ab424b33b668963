//! One node of a file as an operator sees it: its settings, and which of its inputs are constants.

use super::ops::Operand;
use super::stored;
use super::value::{Host, Numbers};
use crate::{Error, Result};
use onnx_ir::{AttributeProto, GraphProto, NodeProto};
use std::path::Path;
use std::sync::Arc;

/// A node with what its preparation may need to know.
pub struct Node<'a> {
    pub proto: &'a NodeProto,
    /// Version of the standard operator set.
    pub opset: i64,
    /// The batch size that the exporter fixed, if it did and the graph is run over rows of a table.
    pub fixed_batch: Option<i64>,
    /// Where data files lie.
    pub folder: Option<&'a Path>,
    /// The constants among the inputs.
    pub constants: Vec<Option<Arc<Host>>>,
}

impl Node<'_> {
    pub fn op(&self) -> &str {
        &self.proto.op_type
    }

    pub fn n_inputs(&self) -> usize {
        self.proto.input.len()
    }

    pub fn n_outputs(&self) -> usize {
        self.proto.output.len()
    }

    /// Whether an input is given.
    pub fn has(&self, i: usize) -> bool {
        self.proto.input.get(i).is_some_and(|name| !name.is_empty())
    }

    /// Whether anything reads an output.
    pub fn wants(&self, i: usize) -> bool {
        self.proto.output.get(i).is_some_and(|name| !name.is_empty())
    }

    /// An input as an operand of a step.
    pub fn operand(&self, i: usize) -> Operand {
        Operand::Named(self.proto.input.get(i).cloned().unwrap_or_default())
    }

    pub fn constant(&self, i: usize) -> Option<&Host> {
        self.constants.get(i)?.as_deref()
    }

    /// The constant of an input, if it is one of floats.
    pub fn float_constant(&self, i: usize) -> Option<(&[f32], &[usize])> {
        float_constant(self.constant(i)?)
    }

    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.proto.attribute.iter().find(|a| a.name == name)
    }

    pub fn has_attribute(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    pub fn int(&self, name: &str) -> Option<i64> {
        self.attribute(name).map(|a| a.i)
    }

    /// Whether a number used as a switch is on.
    pub fn flag(&self, name: &str, absent: bool) -> bool {
        self.int(name).map_or(absent, |i| i != 0)
    }

    pub fn float(&self, name: &str, absent: f64) -> f64 {
        self.attribute(name).map_or(absent, |a| a.f.into())
    }

    /// A number that old files store as a float and new ones as an integer.
    pub fn float_or_int(&self, name: &str, absent: f64) -> f64 {
        self.attribute(name).map_or(absent, |a| if a.i != 0 { a.i as f64 } else { a.f.into() })
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.attribute(name).and_then(|a| std::str::from_utf8(&a.s).ok())
    }

    pub fn ints(&self, name: &str) -> Option<Vec<i64>> {
        self.attribute(name).map(|a| a.ints.clone())
    }

    /// A list of sizes.
    pub fn sizes(&self, name: &str) -> Result<Option<Vec<usize>>> {
        let to_sizes = |ints: Vec<i64>| ints.iter().map(|&i| usize::try_from(i).ok()).collect::<Option<_>>();
        let wrong = || Error::input(format!("{name} has a negative number"));
        self.ints(name).map(|ints| to_sizes(ints).ok_or_else(wrong)).transpose()
    }

    pub fn floats(&self, name: &str) -> Option<&[f32]> {
        self.attribute(name).map(|a| a.floats.as_slice())
    }

    pub fn texts(&self, name: &str) -> Vec<String> {
        let text = |s: &[u8]| String::from_utf8_lossy(s).into_owned();
        self.attribute(name).map_or(vec![], |a| a.strings.iter().map(|s| text(s)).collect())
    }

    /// A stored tensor.
    pub fn tensor(&self, name: &str) -> Result<Option<Host>> {
        self.attribute(name).and_then(|a| a.t.as_ref()).map(|t| stored::decode(t, self.folder)).transpose()
    }

    pub fn graph(&self, name: &str) -> Option<&GraphProto> {
        self.attribute(name).and_then(|a| a.g.as_ref())
    }

    /// For settings that would change the answer and are not computed.
    pub fn refuse(&self, what: &str) -> Error {
        Error::input(format!("{} with {what} is not supported", self.op()))
    }
}

/// The floats of a constant with their shape, if it is one of floats.
pub fn float_constant(host: &Host) -> Option<(&[f32], &[usize])> {
    match &host.numbers {
        Numbers::Float(values) => Some((values, &host.dims)),
        _ => None,
    }
}

/// An axis from 0, given one that may count from the end.
pub fn axis(axis: i64, rank: usize) -> Result<usize> {
    let from_start = if axis < 0 { axis + rank as i64 } else { axis };
    let outside = || Error::input(format!("axis {axis} is outside of {rank} axes"));
    usize::try_from(from_start).ok().filter(|&a| a < rank).ok_or_else(outside)
}

/// Axes from 0, given ones that may count from the end.
pub fn axes(given: &[i64], rank: usize) -> Result<Vec<usize>> {
    given.iter().map(|&a| axis(a, rank)).collect()
}
