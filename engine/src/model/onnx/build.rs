//! From the nodes of a file to a plan.
//!
//! Only what the wanted values need becomes a step. What depends on constants alone is computed here, once. Everything that cannot be
//! prepared is collected, so that one error tells all of it.

use super::args::Args;
use super::fuse::Fused;
use super::node::Node;
use super::ops::{self, Operand, Prepared};
use super::plan::{Place, Plan, Source, Step, in_step};
use super::stored;
use super::value::{Host, Value};
use super::whole::{self, Whole};
use crate::{Error, Result};
use burn::tensor::Device;
use onnx_ir::{GraphProto, NodeProto, TensorProto};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// A result computed from constants is kept if it is not larger than this, or not larger than the constants.
const LARGEST_FOLD: usize = 1 << 22;

/// What holds for all graphs of a file.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    /// Version of the standard operator set.
    pub opset: i64,
    /// The batch size written in the file, if it is to be freed.
    pub fixed_batch: Option<i64>,
    /// Where data files lie.
    pub folder: Option<&'a Path>,
}

/// The nodes that values need, in order, and every name they read.
pub fn needed(graph: &GraphProto, wanted: impl Iterator<Item = String>) -> (Vec<usize>, HashSet<String>) {
    let mut values: HashSet<String> = wanted.collect();
    let mut nodes = Vec::new();
    for (i, node) in graph.node.iter().enumerate().rev() {
        if node.output.iter().any(|o| values.contains(o)) {
            nodes.push(i);
            values.extend(reads(node));
        }
    }
    nodes.reverse();
    (nodes, values)
}

/// The names a node reads, those that its inner graphs take from outside among them.
pub fn reads(node: &NodeProto) -> Vec<String> {
    let inner = node.attribute.iter().filter_map(|a| a.g.as_ref()).flat_map(taken_from_outside);
    node.input.iter().filter(|name| !name.is_empty()).cloned().chain(inner).collect()
}

/// The names that a graph reads and does not define, each once.
pub fn taken_from_outside(graph: &GraphProto) -> Vec<String> {
    let inputs = graph.input.iter().map(|v| v.name.clone()).chain(graph.initializer.iter().map(|t| t.name.clone()));
    let mut seen: HashSet<String> = inputs.chain(graph.node.iter().flat_map(|n| n.output.clone())).collect();
    let read = graph.node.iter().flat_map(reads).chain(graph.output.iter().map(|v| v.name.clone()));
    read.filter(|name| seen.insert(name.clone())).collect()
}

pub struct Builder<'a> {
    pub graph: &'a GraphProto,
    settings: Settings<'a>,
    stored: HashMap<&'a str, &'a TensorProto>,
    /// Constants by name, as they were first asked for.
    known: HashMap<String, Arc<Host>>,
    constants: Vec<Arc<Host>>,
    steps: Vec<Step>,
    n_slots: usize,
    named: HashMap<String, Source>,
    /// Nodes that read a value; outputs count as a reader past the last node.
    readers: HashMap<String, Vec<usize>>,
    /// Nodes that are part of an earlier step, or not needed.
    pub done: Vec<bool>,
    /// Steps for several nodes that are still to be added, by their last node.
    pub whole: BTreeMap<usize, Whole>,
    problems: Vec<Error>,
}

impl<'a> Builder<'a> {
    /// A plan from values of these names to values of those. `known` are constants of an outer graph.
    pub fn build(
        graph: &'a GraphProto,
        inputs: &[String],
        outputs: &[String],
        known: HashMap<String, Arc<Host>>,
        settings: Settings<'a>,
    ) -> Result<Plan> {
        let mut builder = Self::new(graph, inputs, outputs, known, settings);
        builder.constant_nodes();
        builder.whole = whole::find(&mut builder);
        for i in 0..graph.node.len() {
            if let Some(whole) = builder.whole.remove(&i) {
                builder.add_whole(i, whole)?;
            } else if !builder.done[i]
                && let Err(problem) = builder.add(i)
            {
                builder.problems.push(problem);
                graph.node[i].output.iter().for_each(|name| builder.new_slot(name));
            }
        }
        builder.finish(outputs)
    }

    fn new(
        graph: &'a GraphProto,
        inputs: &[String],
        outputs: &[String],
        known: HashMap<String, Arc<Host>>,
        settings: Settings<'a>,
    ) -> Self {
        let (nodes, _) = needed(graph, outputs.iter().cloned());
        let mut done = vec![true; graph.node.len()];
        let mut readers: HashMap<String, Vec<usize>> = HashMap::new();
        for i in nodes {
            done[i] = false;
            reads(&graph.node[i]).into_iter().for_each(|name| readers.entry(name).or_default().push(i));
        }
        outputs.iter().for_each(|name| readers.entry(name.clone()).or_default().push(graph.node.len()));
        let stored = graph.initializer.iter().map(|t| (t.name.as_str(), t)).collect();
        let (constants, steps, named, problems, whole) = (vec![], vec![], HashMap::new(), vec![], BTreeMap::new());
        let n_slots = 0;
        let mut builder =
            Self { graph, settings, stored, known, constants, steps, n_slots, named, readers, done, whole, problems };
        inputs.iter().for_each(|name| builder.new_slot(name));
        builder
    }

    fn finish(mut self, outputs: &[String]) -> Result<Plan> {
        if self.problems.is_empty() {
            let outputs = outputs.iter().map(|name| self.source(name)).collect::<Result<_>>()?;
            let Self { constants, steps, n_slots, .. } = self;
            return Ok(Plan { constants, steps, n_slots, outputs }.finish());
        }
        // A file that cannot be read is told as such.
        let first = self.problems.iter().position(|e| !matches!(e, Error::Input { .. }));
        let only = first.is_some() || self.problems.len() == 1;
        let first = self.problems.remove(first.unwrap_or(0));
        if only {
            return Err(first);
        }
        let listed: Vec<String> = std::iter::once(&first).chain(&self.problems).map(Error::to_string).collect();
        Err(Error::input(format!("{} nodes cannot be run: {}", listed.len(), listed.join("; "))))
    }

    fn new_slot(&mut self, name: &str) {
        self.named.insert(name.into(), Source::Slot(self.n_slots, false));
        self.n_slots += 1;
    }

    fn new_constant(&mut self, constant: Arc<Host>) -> Source {
        self.constants.push(constant);
        Source::Constant(self.constants.len() - 1)
    }

    /// The constant of this name, if it is one.
    pub fn known(&mut self, name: &str) -> Result<Option<Arc<Host>>> {
        if let Some(known) = self.known.get(name) {
            return Ok(Some(known.clone()));
        }
        if self.named.contains_key(name) {
            return Ok(None);
        }
        let Some(tensor) = self.stored.get(name) else { return Ok(None) };
        let decoded = Arc::new(stored::decode(tensor, self.settings.folder)?);
        self.known.insert(name.into(), decoded.clone());
        Ok(Some(decoded))
    }

    fn source(&mut self, name: &str) -> Result<Source> {
        if name.is_empty() {
            return Ok(Source::Absent);
        }
        if let Some(&source) = self.named.get(name) {
            return Ok(source);
        }
        let missing = || Error::input(format!("the value {name:?} is read, but no step calculates it"));
        let constant = self.known(name)?.ok_or_else(missing)?;
        let source = self.new_constant(constant);
        self.named.insert(name.into(), source);
        Ok(source)
    }

    /// A node as its operator sees it.
    pub fn node(&mut self, i: usize) -> Result<Node<'a>> {
        let proto = &self.graph.node[i];
        let constants = proto.input.iter().map(|name| self.known(name)).collect::<Result<_>>()?;
        let Settings { opset, fixed_batch, folder } = self.settings;
        Ok(Node { proto, opset, fixed_batch, folder, constants })
    }

    /// Takes the numbers of `Constant` nodes.
    fn constant_nodes(&mut self) {
        for (i, proto) in
            self.graph.node.iter().enumerate().filter(|(_, n)| n.op_type == "Constant" && ops::is_standard(n))
        {
            let read = self.node(i).and_then(|node| ops::constant(&node)).map_err(|e| in_step(e, &label(proto)));
            match (std::mem::replace(&mut self.done[i], true), read) {
                (false, Ok(value)) => drop(self.known.insert(proto.output[0].clone(), Arc::new(value))),
                (false, Err(problem)) => self.problems.push(problem),
                (true, _) => {}
            }
        }
    }

    /// The step of an operation that several nodes write out, the last of them at `i`.
    fn add_whole(&mut self, i: usize, whole: Whole) -> Result<()> {
        let operands = whole.operands.iter().map(|name| self.source(name)).collect::<Result<_>>()?;
        let proto = &self.graph.node[i];
        let outputs = vec![self.output(proto.output.first())];
        let Prepared { op, cost, scratch, chain, .. } = whole.prepared;
        let name = format!("{} {:?}", whole.name, proto.name);
        self.steps.push(Step { name, op, operands, outputs, cost, scratch, chain });
        Ok(())
    }

    fn add(&mut self, i: usize) -> Result<()> {
        let node = self.node(i)?;
        let label = label(node.proto);
        let told = |e| in_step(e, &label);
        let (prepared, last) = match Fused::start(self, i)? {
            Some(fused) => (fused.prepared, fused.last),
            None => (self.prepare(&node).map_err(told)?, i),
        };
        if last == i && self.fold(&node, &prepared).map_err(told)? {
            return Ok(());
        }
        let operands = self.operands(&node, prepared.operands).map_err(told)?;
        let names = &self.graph.node[last].output;
        let outputs = prepared.outputs.iter().map(|&k| self.output(names.get(k))).collect();
        let Prepared { op, cost, scratch, chain, .. } = prepared;
        self.steps.push(Step { name: label, op, operands, outputs, cost, scratch, chain });
        Ok(())
    }

    /// The step of a node; inner graphs see the constants around them.
    fn prepare(&mut self, node: &Node<'a>) -> Result<Prepared> {
        if !node.proto.attribute.iter().any(|a| a.g.is_some()) {
            return ops::prepare(node);
        }
        let mut known = HashMap::new();
        for name in reads(node.proto) {
            if let Some(constant) = self.known(&name)? {
                known.insert(name, constant);
            }
        }
        ops::control::prepare(node, known, self.settings)
    }

    fn operands(&mut self, node: &Node, operands: Option<Vec<Operand>>) -> Result<Vec<Source>> {
        let Some(operands) = operands else { return node.proto.input.iter().map(|name| self.source(name)).collect() };
        let source = |operand| match operand {
            Operand::Input(k) => self.source(&node.proto.input[k]),
            Operand::Named(name) => self.source(&name),
            Operand::Constant(c) => Ok(self.new_constant(c)),
        };
        operands.into_iter().map(source).collect()
    }

    /// The slot of an output; none if nothing reads it.
    fn output(&mut self, name: Option<&String>) -> Option<usize> {
        let name = name.filter(|name| self.readers.contains_key(*name))?;
        self.new_slot(name);
        Some(self.n_slots - 1)
    }

    /// Computes a node that reads nothing but constants; false if it reads something else.
    fn fold(&mut self, node: &Node, prepared: &Prepared) -> Result<bool> {
        let inputs = node.proto.input.iter().enumerate();
        let all_known = inputs.clone().all(|(k, name)| name.is_empty() || node.constants[k].is_some());
        if !all_known || !prepared.pure || node.n_inputs() == 0 || prepared.operands.is_some() {
            return Ok(false);
        }
        let device = Device::flex();
        let values = node.constants.iter().map(|c| c.clone().map(Value::Host)).collect();
        let results = (prepared.op)(&mut Args { values, device: &device, n_rows: None })?;
        let size = |dims: &[usize]| dims.iter().product::<usize>();
        let before: usize = node.constants.iter().flatten().map(|c| size(&c.dims)).sum();
        if results.iter().any(|y| size(&y.dims()) > before.max(LARGEST_FOLD)) {
            return Ok(false);
        }
        for (&k, value) in prepared.outputs.iter().zip(results) {
            if let Some(name) = node.proto.output.get(k).filter(|name| !name.is_empty()) {
                self.known.insert(name.clone(), value.to_host()?);
            }
        }
        Ok(true)
    }

    /// The nodes that read a value, in order; outputs count as a node past the last.
    pub fn readers(&self, name: &str) -> &[usize] {
        self.readers.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether a step before this one makes a value.
    pub fn is_made(&self, name: &str) -> bool {
        self.named.contains_key(name)
    }

    /// The one node that reads the output of a node, if there is exactly one reader and it is a node.
    pub fn sole_reader(&self, i: usize) -> Option<usize> {
        match *self.readers(self.graph.node[i].output.first()?) {
            [reader] if reader < self.graph.node.len() => Some(reader),
            _ => None,
        }
    }

    /// Whether there is a node `i`, of this operator of ONNX's own set.
    pub fn is_node(&self, i: usize, op: &str) -> bool {
        self.graph.node.get(i).is_some_and(|node| whole::is(node, op))
    }
}

/// `Gemm "dense_1"`: an operator with its node, for messages.
fn label(node: &NodeProto) -> String {
    let name = if node.name.is_empty() { node.output.first() } else { Some(&node.name) };
    format!("{} {:?}", ops::full_name(node), name.map_or("", String::as_str))
}

/// What running a plan inside a step takes: the inner graph's inputs first, then what it takes from outside, then its constants.
pub fn run_inner(plan: &Plan, mut values: Vec<Value>, n_inputs: usize, args: &Args) -> Result<Vec<Value>> {
    let constants = values.split_off(n_inputs);
    let place = Place { constants: &constants, device: args.device, n_rows: args.n_rows };
    plan.run(values, place, &mut |_| ())
}
