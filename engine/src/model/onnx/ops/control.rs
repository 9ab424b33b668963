//! Operators with inner graphs: each is a plan of its own, run when its turn comes.

use super::shape::reshaped;
use super::slice::{joined, pick};
use super::{Operand, Prepared};
use crate::model::onnx::args::Args;
use crate::model::onnx::build::{Builder, Settings, run_inner, taken_from_outside};
use crate::model::onnx::node::{Node, axis};
use crate::model::onnx::plan::Plan;
use crate::model::onnx::value::{Host, Value};
use crate::{Error, Result};
use onnx_ir::GraphProto;
use std::collections::HashMap;
use std::sync::Arc;

/// The operators of this file.
pub const NAMES: &[&str] = &["If", "Loop", "Scan"];

/// An inner graph: its plan, and the operands a step must have for it.
struct Inner {
    plan: Plan,
    /// Values from the graph around it, after its own inputs.
    n_taken: usize,
}

impl Inner {
    fn build(
        graph: &GraphProto,
        known: &HashMap<String, Arc<Host>>,
        settings: Settings,
        operands: &mut Vec<Operand>,
    ) -> Result<Self> {
        let taken: Vec<String> =
            taken_from_outside(graph).into_iter().filter(|name| !known.contains_key(name)).collect();
        let own = graph.input.iter().map(|v| v.name.clone());
        let inputs: Vec<String> = own.chain(taken.iter().cloned()).collect();
        let outputs: Vec<String> = graph.output.iter().map(|v| v.name.clone()).collect();
        let plan = Builder::build(graph, &inputs, &outputs, known.clone(), settings)?;
        let n_taken = taken.len();
        operands.extend(taken.into_iter().map(Operand::Named));
        operands.extend(plan.constants.iter().cloned().map(Operand::Constant));
        Ok(Self { plan, n_taken })
    }

    /// The results for its own inputs; `rest` are its other operands in a step.
    fn run(&self, inputs: Vec<Value>, rest: &[Value], args: &Args) -> Result<Vec<Value>> {
        let values = inputs.into_iter().chain(rest.iter().cloned()).collect::<Vec<_>>();
        let n_inputs = values.len() - self.plan.constants.len();
        run_inner(&self.plan, values, n_inputs, args)
    }

    /// Operands that it has in a step.
    fn width(&self) -> usize {
        self.n_taken + self.plan.constants.len()
    }
}

/// The step of a node with inner graphs. `known` are the constants around it.
pub fn prepare(node: &Node, known: HashMap<String, Arc<Host>>, settings: Settings) -> Result<Prepared> {
    match node.op() {
        "If" => branch(node, &known, settings),
        "Loop" => repeat(node, &known, settings),
        "Scan" => scan(node, &known, settings),
        _ => Err(Error::input("this operator is not supported")),
    }
}

/// One of two graphs, by a condition that is read on the host.
fn branch(node: &Node, known: &HashMap<String, Arc<Host>>, settings: Settings) -> Result<Prepared> {
    let graph = |name: &str| node.graph(name).ok_or_else(|| Error::input(format!("it has no {name}")));
    let mut operands = vec![Operand::Input(0)];
    // A branch that a constant condition never takes may hold what cannot be run.
    let condition = node.constant(0).and_then(|c| c.numbers.ints().first().copied());
    let mut inner = |name: &str, taken: bool| match condition {
        Some(holds) if (holds != 0) != taken => Ok(None),
        _ => Inner::build(graph(name)?, known, settings, &mut operands).map(Some),
    };
    let (yes, no) = (inner("then_branch", true)?, inner("else_branch", false)?);
    let step = Prepared::many(node.n_outputs(), move |args| {
        let holds = args.scalar(0)? != 0.0;
        let first = yes.as_ref().map_or(0, Inner::width);
        let (chosen, start) = if holds { (&yes, 1) } else { (&no, 1 + first) };
        let chosen = chosen.as_ref().ok_or_else(|| Error::input("the condition has changed"))?;
        let values: Vec<Value> = (start..start + chosen.width()).map(|i| args.take(i)).collect::<Result<_>>()?;
        run_inner(&chosen.plan, values, chosen.n_taken, args)
    });
    Ok(Prepared { pure: false, ..step.operands(operands) })
}

/// A graph run again and again: iteration, condition and carried values in; condition, carried values and outputs to be stacked out.
/// The condition is read on the host each time.
fn repeat(node: &Node, known: &HashMap<String, Arc<Host>>, settings: Settings) -> Result<Prepared> {
    let body = node.graph("body").ok_or_else(|| Error::input("it has no body"))?;
    let n_carried = node.n_inputs().saturating_sub(2);
    let mut operands: Vec<Operand> = (0..node.n_inputs()).map(|k| node.operand(k)).collect();
    let own = operands.len();
    let inner = Inner::build(body, known, settings, &mut operands)?;
    let n_stacked = body.output.len().saturating_sub(1 + n_carried);
    let step = Prepared::many(n_carried + n_stacked, move |args| {
        let most = args.optional_ints(0)?.and_then(|v| v.first().copied()).unwrap_or(i64::MAX);
        let mut goes_on = args.optional_ints(1)?.and_then(|v| v.first().copied()).unwrap_or(1) != 0;
        let mut carried = (2..own).map(|i| args.take(i)).collect::<Result<Vec<_>>>()?;
        let rest = (own..own + inner.width()).map(|i| args.take(i)).collect::<Result<Vec<_>>>()?;
        let mut stacks: Vec<Vec<Value>> = vec![vec![]; n_stacked];
        let mut i = 0;
        while goes_on && i < most {
            let mut inputs = vec![Host::ints(vec![i], &[]).into(), Host::bools(vec![true], &[]).into()];
            inputs.append(&mut carried);
            let mut results = inner.run(inputs, &rest, args)?;
            let made = results.split_off(1 + n_carried);
            made.into_iter().zip(&mut stacks).for_each(|(value, stack)| stack.push(value));
            carried = results.split_off(1);
            goes_on = results[0].to_ints()?.first() != Some(&0);
            i += 1;
        }
        let stacked = stacks.into_iter().map(|values| stack(values, 0, args)).collect::<Result<Vec<_>>>()?;
        Ok(carried.into_iter().chain(stacked).collect())
    });
    Ok(Prepared { pure: false, ..step.operands(operands) })
}

/// A graph run over slices of its last inputs (axis 0, or those the file states), with carried values before them.
fn scan(node: &Node, known: &HashMap<String, Arc<Host>>, settings: Settings) -> Result<Prepared> {
    let body = node.graph("body").ok_or_else(|| Error::input("it has no body"))?;
    if node.opset < 9 {
        return Err(node.refuse("a batch axis (opset 8)"));
    }
    let n_scanned = node.int("num_scan_inputs").unwrap_or(1).max(1) as usize;
    let own = node.n_inputs();
    let n_carried = own.saturating_sub(n_scanned);
    let n_stacked = body.output.len().saturating_sub(n_carried);
    let list = |name: &str, n: usize| node.ints(name).filter(|v| v.len() == n).unwrap_or_else(|| vec![0; n]);
    let (in_axes, out_axes) = (list("scan_input_axes", n_scanned), list("scan_output_axes", n_stacked));
    let (in_back, out_back) = (list("scan_input_directions", n_scanned), list("scan_output_directions", n_stacked));
    let mut operands: Vec<Operand> = (0..own).map(|k| node.operand(k)).collect();
    let inner = Inner::build(body, known, settings, &mut operands)?;
    let step = Prepared::many(n_carried + n_stacked, move |args| {
        let mut carried = (0..n_carried).map(|i| args.take(i)).collect::<Result<Vec<_>>>()?;
        let scanned = (n_carried..own).map(|i| args.take(i)).collect::<Result<Vec<_>>>()?;
        let rest = (own..own + inner.width()).map(|i| args.take(i)).collect::<Result<Vec<_>>>()?;
        let axes = (0..n_scanned).map(|k| axis(in_axes[k], scanned[k].dims().len())).collect::<Result<Vec<_>>>()?;
        let length = scanned.first().map_or(0, |v| v.dims()[axes[0]]);
        let mut stacks: Vec<Vec<Value>> = vec![vec![]; n_stacked];
        for i in 0..length {
            let mut inputs = std::mem::take(&mut carried);
            for (k, value) in scanned.iter().enumerate() {
                let at = if in_back[k] != 0 { length - 1 - i } else { i };
                let mut dims = value.dims();
                dims.remove(axes[k]);
                inputs.push(reshaped(pick(value.clone(), axes[k], &[at], args)?, &dims)?);
            }
            let mut results = inner.run(inputs, &rest, args)?;
            let made = results.split_off(n_carried);
            made.into_iter().zip(&mut stacks).for_each(|(value, stack)| stack.push(value));
            carried = results;
        }
        let mut stacked = vec![];
        for (k, mut values) in stacks.into_iter().enumerate() {
            if out_back[k] != 0 {
                values.reverse();
            }
            stacked.push(stack(values, out_axes[k], args)?);
        }
        Ok(carried.into_iter().chain(stacked).collect())
    });
    Ok(Prepared { pure: false, ..step.operands(operands) })
}

/// Values of one shape side by side along a new axis.
fn stack(values: Vec<Value>, at: i64, args: &Args) -> Result<Value> {
    let Some(first) = values.first() else { return Ok(Host::floats(vec![], &[0]).into()) };
    let mut dims = first.dims();
    let at = axis(at, dims.len() + 1)?;
    dims.insert(at, 1);
    let values = values.into_iter().map(|v| reshaped(v, &dims).map(Some)).collect::<Result<_>>()?;
    joined(&mut Args { values, device: args.device, n_rows: None }, at)
}
