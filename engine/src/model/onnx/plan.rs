//! The steps of a graph in order, with the slots they read and write, and the constants they share.
//!
//! A plan belongs to no device. Values are dropped after their last use, so steps may work in place.

use super::args::Args;
use super::array::Array;
use super::ops::{self, Cost, Op};
use super::value::{Host, Numbers, Value};
use crate::kernels::{self, Activation, Sweep};
use crate::{Error, Result};
use burn::tensor::{Device, Tensor};
use std::sync::Arc;
use std::time::Instant;

/// Constants of at most this many numbers are kept on the host and on the device.
const SMALL: usize = 4096;

/// Lists that are not longer are sizes, axes or indices, which stay on the host.
pub const LONGEST_LIST: usize = 256;

/// Where a step finds an operand.
#[derive(Clone, Copy)]
pub enum Source {
    Constant(usize),
    /// A slot, and whether this is its last use.
    Slot(usize, bool),
    Absent,
}

pub struct Step {
    /// Operator and node, for messages.
    pub name: String,
    pub op: Op,
    pub operands: Vec<Source>,
    /// Slots of the values the operator returns; none for those that nothing reads.
    pub outputs: Vec<Option<usize>>,
    pub cost: Cost,
    /// Numbers it holds in between for each row.
    pub scratch: usize,
    /// Activations of a chain of affine layers.
    pub chain: Option<Vec<Activation>>,
}

/// A graph ready to run. Slots `0..n` are its inputs in order.
pub struct Plan {
    pub constants: Vec<Arc<Host>>,
    pub steps: Vec<Step>,
    pub n_slots: usize,
    pub outputs: Vec<Source>,
}

/// What is told of a step when it is done.
pub struct Done<'a> {
    /// Operator and node.
    pub step: &'a str,
    /// Time on the calling thread; a GPU may still be at work.
    pub seconds: f64,
    pub flops: u64,
    /// Numbers it made.
    pub numbers: usize,
}

/// What a run is over, beside its inputs.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub constants: &'a [Value],
    pub device: &'a Device,
    /// Rows in the tile, if the inputs are rows of a table.
    pub n_rows: Option<usize>,
}

impl Plan {
    /// Finds the last use of each slot. Once, when all steps are there.
    pub fn finish(mut self) -> Self {
        let mut used = vec![false; self.n_slots];
        let all = self.steps.iter_mut().rev().map(|s| &mut s.operands);
        for operands in std::iter::once(&mut self.outputs).chain(all) {
            for source in operands.iter_mut().rev() {
                if let Source::Slot(slot, last) = source {
                    *last = !std::mem::replace(&mut used[*slot], true);
                }
            }
        }
        self
    }

    /// Uploads the constants: once a device. Lists of integers and small arrays stay on the host too.
    pub fn upload(&self, device: &Device) -> Result<Vec<Value>> {
        let upload = |host: &Arc<Host>| match &host.numbers {
            numbers if numbers.len() == 0 => Ok(Value::Host(host.clone())),
            Numbers::Float(v) if v.len() > SMALL => host.upload(device),
            _ if host.dims.len() > super::array::MAX_RANK => Ok(Value::Host(host.clone())),
            _ => Ok(Value::Both(host.clone(), Box::new(host.upload(device)?))),
        };
        self.constants.iter().map(upload).collect()
    }

    /// Runs the steps; `watch` hears of each.
    pub fn run(&self, inputs: Vec<Value>, place: Place, watch: &mut dyn FnMut(Done)) -> Result<Vec<Value>> {
        let slots = inputs.into_iter().map(Some).collect();
        self.follow(&self.steps, slots, place, watch)
    }

    /// The plan's outputs for rows of the only input with one feature at a time set to points, `points of all sweeps · rows` in all;
    /// None if it does not begin with layers that can be swept and alone read the input.
    pub fn sweep(&self, rows: &Tensor<2>, sweeps: &[Sweep], place: Place) -> Result<Option<Vec<Value>>> {
        let Some((Step { chain: Some(kinds), operands, outputs, .. }, rest)) = self.steps.split_first() else {
            return Ok(None);
        };
        let [Source::Slot(0, true), parameters @ ..] = &operands[..] else { return Ok(None) };
        let Some(&Some(output)) = outputs.first() else { return Ok(None) };
        let mut slots = vec![];
        let parameters = parameters.iter().map(|&source| fetch(source, &mut slots, place.constants));
        let values = std::iter::once(Ok(None)).chain(parameters).collect::<Result<_>>()?;
        let layers = ops::layers(&mut Args { values, device: place.device, n_rows: Some(rows.dims()[0]) }, kinds)?;
        let Some(swept) = kernels::sweep(rows, &layers, sweeps)? else { return Ok(None) };
        let place = Place { n_rows: Some(swept.dims()[0]), ..place };
        slots.resize(self.n_slots, None);
        slots[output] = Some(Value::Float(Array::R2(swept)));
        self.follow(rest, slots, place, &mut |_| ()).map(Some)
    }

    /// Runs some of the steps from what is known.
    fn follow(
        &self,
        steps: &[Step],
        mut slots: Vec<Option<Value>>,
        place: Place,
        watch: &mut dyn FnMut(Done),
    ) -> Result<Vec<Value>> {
        slots.resize(self.n_slots, None);
        for step in steps {
            let fetched = step.operands.iter().map(|&source| fetch(source, &mut slots, place.constants));
            let args = Args { values: fetched.collect::<Result<_>>()?, device: place.device, n_rows: place.n_rows };
            let shapes = operand_shapes(step.cost, &args);
            let start = Instant::now();
            let results = perform(step, args).map_err(|e| in_step(e, &step.name))?;
            let made = results.iter().map(|y| y.dims().iter().product::<usize>()).sum::<usize>();
            let flops = results.first().map_or(0, |y| flops(step.cost, &shapes, &y.dims()));
            let numbers = made + between(step.cost, &shapes) + step.scratch * place.n_rows.unwrap_or(0);
            watch(Done { step: &step.name, seconds: start.elapsed().as_secs_f64(), flops, numbers });
            for (slot, value) in step.outputs.iter().zip(results) {
                if let Some(slot) = slot {
                    slots[*slot] = Some(value);
                }
            }
        }
        let missing = || Error::input("an output is not calculated");
        let read = |&source| fetch(source, &mut slots, place.constants)?.ok_or_else(missing);
        self.outputs.iter().map(read).collect()
    }
}

/// Runs a step. What reads nothing but lists and single numbers that are on the host is computed there and stays there.
fn perform(step: &Step, mut args: Args) -> Result<Vec<Value>> {
    let is_list = |v: &Value| v.is_known() && v.dims().len() < 2 && v.dims().iter().all(|&n| n <= LONGEST_LIST);
    let mut given = args.values.iter().flatten().peekable();
    if given.peek().is_none() || !given.all(is_list) {
        return (step.op)(&mut args);
    }
    let here = Device::flex();
    for value in args.values.iter_mut().flatten() {
        *value = Value::Host(value.to_host()?);
    }
    let results = (step.op)(&mut Args { device: &here, ..args })?;
    results.into_iter().map(|value| value.to_host().map(Value::Host)).collect()
}

/// An input error with the step it comes from.
pub fn in_step(error: Error, name: &str) -> Error {
    match error {
        Error::Input { message, hint } => Error::Input { message: format!("{name}: {message}"), hint },
        other => other,
    }
}

fn fetch(source: Source, slots: &mut [Option<Value>], constants: &[Value]) -> Result<Option<Value>> {
    let value = match source {
        Source::Absent => return Ok(None),
        Source::Constant(i) => Some(constants[i].clone()),
        Source::Slot(slot, true) => slots[slot].take(),
        Source::Slot(slot, false) => slots[slot].clone(),
    };
    value.map(Some).ok_or_else(|| Error::input("a value was used before it was calculated"))
}

/// Shapes of the operands that a cost depends on.
fn operand_shapes(cost: Cost, args: &Args) -> Vec<Vec<usize>> {
    match cost {
        Cost::PerOutput(_) | Cost::PerRow(_) => vec![],
        _ => args.values.iter().map(|v| v.as_ref().map_or(vec![], Value::dims)).collect(),
    }
}

/// Numbers that a step may hold in between: the scores and weights of attention, which a GPU writes out.
fn between(cost: Cost, operands: &[Vec<usize>]) -> usize {
    match (cost, operands) {
        (Cost::Attention, [query, key, ..]) => {
            let rows: usize = query.iter().rev().skip(1).product();
            2 * rows * key.last().unwrap_or(&0)
        }
        _ => 0,
    }
}

fn flops(cost: Cost, operands: &[Vec<usize>], output: &[usize]) -> u64 {
    let (first, n) = (operands.first(), output.iter().product::<usize>());
    let count = match cost {
        Cost::PerOutput(each) => each * n,
        Cost::PerRow(each) => each * n / output.last().unwrap_or(&1).max(&1),
        Cost::PerInput(each) => each * first.map_or(0, |d| d.iter().product()),
        // Each output is a sum over keys, each key's score one over the width.
        Cost::Attention => {
            let keys = operands.get(1).and_then(|d| d.last()).unwrap_or(&0);
            2 * n * keys + 2 * keys * first.map_or(0, |d| d.iter().product())
        }
        Cost::Contraction => 2 * n * first.and_then(|d| d.last()).unwrap_or(&0),
        Cost::Window { volume, groups } => 2 * n * volume * first.and_then(|d| d.get(1)).unwrap_or(&0) / groups.max(1),
    };
    count as u64
}
