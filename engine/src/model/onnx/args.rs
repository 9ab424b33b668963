//! The operands of one step.

use super::array::{Array, map_rank, upload_ints};
use super::value::{Host, Value, wrong_kind};
use crate::{Error, Result};
use burn::tensor::{Bool, Device, Int};
use std::sync::Arc;

/// The operands of one step: each is taken once.
pub struct Args<'a> {
    pub values: Vec<Option<Value>>,
    pub device: &'a Device,
    /// Rows in this tile, if the graph is run over the rows of a table.
    pub n_rows: Option<usize>,
}

impl Args<'_> {
    pub fn has(&self, i: usize) -> bool {
        self.values.get(i).is_some_and(Option::is_some)
    }

    /// Whether the numbers of an operand are on the host.
    pub fn is_known(&self, i: usize) -> bool {
        self.values.get(i).and_then(Option::as_ref).is_some_and(Value::is_known)
    }

    /// Whether all operands are on the host.
    pub fn all_known(&self) -> bool {
        self.values.iter().flatten().all(Value::is_known)
    }

    pub fn dims(&self, i: usize) -> Vec<usize> {
        self.values.get(i).and_then(Option::as_ref).map(Value::dims).unwrap_or_default()
    }

    pub fn get(&self, i: usize) -> Result<&Value> {
        self.values.get(i).and_then(Option::as_ref).ok_or_else(|| Error::input(format!("operand {i} is missing")))
    }

    pub fn take(&mut self, i: usize) -> Result<Value> {
        self.values.get_mut(i).and_then(Option::take).ok_or_else(|| Error::input(format!("operand {i} is missing")))
    }

    /// An operand on the device.
    pub fn array(&mut self, i: usize) -> Result<Value> {
        self.take(i)?.on(self.device)
    }

    pub fn float(&mut self, i: usize) -> Result<Array> {
        self.array(i)?.into_float()
    }

    /// Floats, or integers and booleans as floats.
    pub fn number(&mut self, i: usize) -> Result<Array> {
        Ok(match self.array(i)? {
            Value::Int(x, _) => map_rank!(x, t => t.float()),
            Value::Bool(x) => map_rank!(x, t => t.float()),
            other => other.into_float()?,
        })
    }

    pub fn int(&mut self, i: usize) -> Result<Array<Int>> {
        match self.array(i)? {
            Value::Int(a, _) => Ok(a),
            other => Err(wrong_kind("integer", &other)),
        }
    }

    pub fn bool(&mut self, i: usize) -> Result<Array<Bool>> {
        match self.array(i)? {
            Value::Bool(a) => Ok(a),
            other => Err(wrong_kind("boolean", &other)),
        }
    }

    /// An operand on the host; read from the device if it is there.
    pub fn host(&mut self, i: usize) -> Result<Arc<Host>> {
        self.take(i)?.to_host()
    }

    /// The integers of an operand, on the host.
    pub fn ints(&mut self, i: usize) -> Result<Vec<i64>> {
        Ok(self.host(i)?.numbers.ints())
    }

    /// The integers of an operand, if it is there.
    pub fn optional_ints(&mut self, i: usize) -> Result<Option<Vec<i64>>> {
        self.has(i).then(|| self.ints(i)).transpose()
    }

    /// The first number of an operand.
    pub fn scalar(&mut self, i: usize) -> Result<f32> {
        let empty = || Error::input(format!("operand {i} is empty; one number is expected"));
        self.host(i)?.numbers.floats().first().copied().ok_or_else(empty)
    }

    /// The first number of an operand, or another one if it is absent.
    pub fn scalar_or(&mut self, i: usize, absent: f32) -> Result<f32> {
        if self.has(i) { self.scalar(i) } else { Ok(absent) }
    }

    /// Integers as a list on the device.
    pub fn upload(&self, values: Vec<i64>) -> Result<Array<Int>> {
        let dims = [values.len()];
        upload_ints(values, &dims, self.device)
    }
}
