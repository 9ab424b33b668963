//! The steps of a graph in order, with the slots they read and write, and the constants they share.
//!
//! A plan belongs to no device. Values are dropped after their last use, so steps may work in place.

use super::ops::{self, Constant, Context, Cost, Op, Operand, Weights};
use super::value::{Args, Array, Value, map_rank, upload_floats};
use crate::kernels::{self, Activation, Sweep};
use crate::{Error, Result};
use burn::tensor::{Device, Tensor};
use onnx_ir::{Argument, Node, OnnxGraph};
use std::collections::HashMap;

/// Where a step finds an operand.
#[derive(Clone, Copy)]
enum Source {
    Constant(usize),
    /// A slot, and whether this is its last use.
    Slot(usize, bool),
    Absent,
}

struct Step {
    name: String,
    op: Op,
    operands: Vec<Source>,
    /// Slots of the values the operator returns.
    outputs: Vec<usize>,
    cost: Cost,
    /// Numbers it holds in between for each row.
    scratch: usize,
    /// Activations of a chain of affine layers.
    chain: Option<Vec<Activation>>,
}

/// A graph ready to run.
pub struct Plan {
    constants: Vec<Constant>,
    steps: Vec<Step>,
    n_slots: usize,
    outputs: Vec<Source>,
}

impl Plan {
    /// Slots `0..n` are the graph's inputs in order. `fixed_batch` is the batch size written in the file, if any.
    pub fn build(graph: &OnnxGraph, opset: i64, fixed_batch: Option<i64>) -> Result<Self> {
        let mut builder = Builder::new(graph, opset, fixed_batch);
        graph.inputs.iter().for_each(|input| {
            builder.new_slot(&input.name);
        });
        for i in 0..graph.nodes.len() {
            builder.add(i)?;
        }
        let outputs = graph.outputs.iter().map(|o| builder.source(o)).collect::<Result<_>>()?;
        let mut plan = Plan { constants: builder.constants, steps: builder.steps, n_slots: builder.n_slots, outputs };
        plan.mark_last_uses();
        Ok(plan)
    }

    fn mark_last_uses(&mut self) {
        let mut used = vec![false; self.n_slots];
        let all = self.steps.iter_mut().rev().map(|s| &mut s.operands);
        for operands in std::iter::once(&mut self.outputs).chain(all) {
            for source in operands.iter_mut().rev() {
                if let Source::Slot(slot, last) = source {
                    *last = !std::mem::replace(&mut used[*slot], true);
                }
            }
        }
    }

    /// Uploads the constants: once a device.
    pub fn upload(&self, device: &Device) -> Result<Vec<Value>> {
        self.constants.iter().map(|c| upload(c, device)).collect()
    }

    /// Runs the steps. `watch` sees each step's floating-point operations and the numbers it makes.
    pub fn run(
        &self,
        inputs: Vec<Value>,
        constants: &[Value],
        n_rows: usize,
        device: &Device,
        watch: &mut dyn FnMut(u64, usize),
    ) -> Result<Vec<Value>> {
        let slots = inputs.into_iter().map(Some).collect();
        self.follow(&self.steps, slots, constants, n_rows, device, watch)
    }

    /// The plan's outputs for rows of the only input with one feature at a time set to points, `points of all sweeps · rows` in all;
    /// None if it does not begin with layers that can be swept and alone read the input.
    pub fn sweep(
        &self,
        rows: &Tensor<2>,
        sweeps: &[Sweep],
        constants: &[Value],
        device: &Device,
    ) -> Result<Option<Vec<Value>>> {
        let Some((Step { chain: Some(kinds), operands, outputs, .. }, rest)) = self.steps.split_first() else {
            return Ok(None);
        };
        let [Source::Slot(0, true), parameters @ ..] = &operands[..] else { return Ok(None) };
        let mut slots = vec![];
        let parameters = parameters.iter().map(|&source| fetch(source, &mut slots, constants));
        let values = std::iter::once(Ok(None)).chain(parameters).collect::<Result<_>>()?;
        let layers = ops::layers(&mut Args { values, device, n_rows: rows.dims()[0] }, kinds)?;
        let Some(swept) = kernels::sweep(rows, &layers, sweeps)? else { return Ok(None) };
        let n_rows = swept.dims()[0];
        slots.resize(self.n_slots, None);
        slots[outputs[0]] = Some(Value::Float(Array::R2(swept)));
        self.follow(rest, slots, constants, n_rows, device, &mut |_, _| ()).map(Some)
    }

    /// Runs some of the steps from what is known.
    fn follow(
        &self,
        steps: &[Step],
        mut slots: Vec<Option<Value>>,
        constants: &[Value],
        n_rows: usize,
        device: &Device,
        watch: &mut dyn FnMut(u64, usize),
    ) -> Result<Vec<Value>> {
        slots.resize(self.n_slots, None);
        for step in steps {
            let values =
                step.operands.iter().map(|&source| fetch(source, &mut slots, constants)).collect::<Result<_>>()?;
            let mut args = Args { values, device, n_rows };
            let shapes = operand_shapes(step.cost, &args);
            let results = (step.op)(&mut args).map_err(|e| in_step(e, &step.name))?;
            let made =
                results.iter().map(|y| y.dims().iter().product::<usize>()).sum::<usize>() + step.scratch * n_rows;
            watch(results.first().map_or(0, |y| flops(step.cost, &shapes, &y.dims())), made);
            for (&slot, value) in step.outputs.iter().zip(results) {
                slots[slot] = Some(value);
            }
        }
        let read = |&source| fetch(source, &mut slots, constants)?.ok_or_else(|| Error::input("an output is absent"));
        self.outputs.iter().map(read).collect()
    }
}

fn in_step(error: Error, name: &str) -> Error {
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

fn upload(constant: &Constant, device: &Device) -> Result<Value> {
    Ok(match constant {
        Constant::Float(values, dims) => Value::Float(upload_floats(values.clone(), dims, device)?),
        Constant::Int(values, dims) => Value::Host { values: values.clone(), dims: dims.clone() },
        Constant::Bool(values, dims) => {
            let numbers: Vec<f32> = values.iter().map(|&b| f32::from(b)).collect();
            let flat = upload_floats(numbers, dims, device)?;
            Value::Bool(map_rank!(flat, t => t.not_equal_scalar(0.0)))
        }
    })
}

/// Shapes of the operands that a cost depends on.
fn operand_shapes(cost: Cost, args: &Args) -> Vec<Vec<usize>> {
    match cost {
        Cost::PerOutput(_) | Cost::PerRow(_) => vec![],
        _ => args.values.iter().map(|v| v.as_ref().map_or(vec![], Value::dims)).collect(),
    }
}

fn flops(cost: Cost, operands: &[Vec<usize>], output: &[usize]) -> u64 {
    let (first, n) = (operands.first(), output.iter().product::<usize>());
    let count = match cost {
        Cost::PerOutput(each) => each * n,
        Cost::PerRow(each) => each * n / output.last().unwrap_or(&1).max(&1),
        Cost::PerInput(each) => each * first.map_or(0, |d| d.iter().product()),
        Cost::Contraction => 2 * n * first.and_then(|d| d.last()).unwrap_or(&0),
        Cost::Window { volume, groups } => 2 * n * volume * first.and_then(|d| d.get(1)).unwrap_or(&0) / groups.max(1),
    };
    count as u64
}

struct Builder<'a> {
    graph: &'a OnnxGraph,
    opset: i64,
    fixed_batch: Option<i64>,
    constants: Vec<Constant>,
    steps: Vec<Step>,
    n_slots: usize,
    named: HashMap<String, Source>,
    /// Nodes that read a value; graph outputs count as a reader past the last node.
    readers: HashMap<String, Vec<usize>>,
    /// Nodes that are part of an earlier step.
    fused: Vec<bool>,
}

impl<'a> Builder<'a> {
    fn new(graph: &'a OnnxGraph, opset: i64, fixed_batch: Option<i64>) -> Self {
        let mut readers: HashMap<String, Vec<usize>> = HashMap::new();
        let inputs = graph.nodes.iter().enumerate().flat_map(|(i, n)| n.inputs().iter().map(move |a| (i, a)));
        for (i, argument) in inputs.chain(graph.outputs.iter().map(|a| (graph.nodes.len(), a))) {
            readers.entry(argument.name.clone()).or_default().push(i);
        }
        let fused = vec![false; graph.nodes.len()];
        let (constants, steps, named) = (vec![], vec![], HashMap::new());
        Self { graph, opset, fixed_batch, constants, steps, n_slots: 0, named, readers, fused }
    }

    fn new_slot(&mut self, name: &str) -> usize {
        self.named.insert(name.into(), Source::Slot(self.n_slots, false));
        self.n_slots += 1;
        self.n_slots - 1
    }

    fn new_constant(&mut self, constant: Constant) -> Source {
        self.constants.push(constant);
        Source::Constant(self.constants.len() - 1)
    }

    fn source(&mut self, argument: &Argument) -> Result<Source> {
        if argument.is_optional() {
            return Ok(Source::Absent);
        }
        if let Some(&source) = self.named.get(&argument.name).filter(|_| !argument.name.is_empty()) {
            return Ok(source);
        }
        match ops::constant(argument)? {
            Some(constant) => {
                let source = self.new_constant(constant);
                if !argument.name.is_empty() {
                    self.named.insert(argument.name.clone(), source);
                }
                Ok(source)
            }
            None => Err(Error::input(format!("the value {:?} is read, but no step calculates it", argument.name))),
        }
    }

    fn add(&mut self, i: usize) -> Result<()> {
        let node = &self.graph.nodes[i];
        if self.fused[i] {
            return Ok(());
        }
        if let Node::Constant(constant) = node {
            let value = constant.inputs.first().map(ops::constant).transpose()?.flatten();
            let value = value.ok_or_else(|| Error::input("a Constant without numbers"))?;
            let source = self.new_constant(value);
            self.named.insert(node.outputs()[0].name.clone(), source);
            return Ok(());
        }
        let (prepared, last) = match self.affine(i)? {
            Some((first, weights)) => self.chain(first, weights)?,
            None => {
                let context = Context { opset: self.opset, fixed_batch: self.fixed_batch };
                (ops::prepare(node, &context).map_err(|e| in_step(e, node.name()))?, i)
            }
        };
        let operands = match prepared.operands {
            None => node.inputs().iter().map(|a| self.source(a)).collect::<Result<_>>()?,
            Some(operands) => operands
                .into_iter()
                .map(|o| match o {
                    Operand::Input(k) => self.source(&node.inputs()[k]),
                    Operand::Constant(c) => Ok(self.new_constant(c)),
                })
                .collect::<Result<_>>()?,
        };
        let names = self.graph.nodes[last].outputs();
        let outputs = prepared.outputs.iter().map(|&k| self.new_slot(&names[k].name)).collect();
        let ops::Prepared { op, cost, scratch, chain, .. } = prepared;
        self.steps.push(Step { name: node.name().into(), op, operands, outputs, cost, scratch, chain });
        Ok(())
    }

    /// The affine map that a node is, or that it leads to through nothing but scalings of its columns, which are folded into the weights;
    /// also its node.
    fn affine(&mut self, i: usize) -> Result<Option<(usize, Weights)>> {
        let mut path = vec![i];
        let (end, weights) = loop {
            let last = path[path.len() - 1];
            if let Some(weights) = ops::weights(&self.graph.nodes[last])? {
                break (path.pop(), weights);
            }
            match self.follower(last) {
                Some(next) if ops::may_scale(&self.graph.nodes[last]) => path.push(next),
                _ => return Ok(None),
            }
        };
        let nodes: Vec<&Node> = path.iter().map(|&node| &self.graph.nodes[node]).collect();
        let Some((end, weights)) = end.zip(ops::fold(&nodes, &weights)?) else { return Ok(None) };
        path.iter().skip(1).chain(&[end]).filter(|&&node| node != i).for_each(|&node| self.fused[node] = true);
        Ok(Some((end, weights)))
    }

    /// An affine map with all that follow it directly; also the last node that they cover.
    fn chain(&mut self, i: usize, first: Weights) -> Result<(ops::Prepared, usize)> {
        let (layer, mut last) = self.layer(i, first)?;
        let mut layers = vec![layer];
        while let Some(next) = self.follower(last)
            && let Some(weights) = ops::weights(&self.graph.nodes[next])?
        {
            self.fuse(next);
            let (layer, end) = self.layer(next, weights)?;
            layers.push(layer);
            last = end;
        }
        Ok((ops::affine_step(layers), last))
    }

    /// An affine map with the bias and activation that follow it; also the last node that it covers.
    fn layer(&mut self, i: usize, mut weights: Weights) -> Result<((Weights, Activation), usize)> {
        let mut last = i;
        if let Some(next) = self.sole_reader(last)
            && let Some(bias) = self.added_constant(next, last, weights.n_out)?
        {
            weights.bias.iter_mut().zip(bias).for_each(|(b, extra)| *b += extra);
            last = self.fuse(next);
        }
        let mut activation = Activation::None;
        if let Some(next) = self.sole_reader(last)
            && let Some(found) = ops::activation_of(&self.graph.nodes[next])
        {
            activation = found;
            last = self.fuse(next);
        }
        Ok(((weights, activation), last))
    }

    fn fuse(&mut self, i: usize) -> usize {
        self.fused[i] = true;
        i
    }

    /// The one node that reads the output of a node, if there is exactly one reader and it is a node.
    fn sole_reader(&self, i: usize) -> Option<usize> {
        match self.readers.get(&self.graph.nodes[i].outputs()[0].name).map(Vec::as_slice) {
            Some(&[reader]) if reader < self.graph.nodes.len() => Some(reader),
            _ => None,
        }
    }

    /// The one node that reads the output of a node, if that is its first operand.
    fn follower(&self, i: usize) -> Option<usize> {
        let output = &self.graph.nodes[i].outputs()[0].name;
        self.sole_reader(i).filter(|&next| self.graph.nodes[next].inputs()[0].name == *output)
    }

    /// The vector that an `Add` node adds to the output of a node, if it is such an `Add`.
    fn added_constant(&self, i: usize, from: usize, n_out: usize) -> Result<Option<Vec<f32>>> {
        let Node::Add(add) = &self.graph.nodes[i] else { return Ok(None) };
        let output = &self.graph.nodes[from].outputs()[0];
        let other = add.inputs.iter().find(|a| a.name != output.name).filter(|a| a.ty.rank() <= output.ty.rank());
        other.map_or(Ok(None), |other| ops::bias_of(Some(other), n_out))
    }
}
