//! Operators with inner graphs: each is a plan of its own, run when its turn comes.

use super::{Operand, Prepared};
use crate::model::onnx::build::{Builder, Settings, run_inner, taken_from_outside};
use crate::model::onnx::node::Node;
use crate::model::onnx::plan::Plan;
use crate::model::onnx::value::{Host, Value};
use crate::{Error, Result};
use onnx_ir::GraphProto;
use std::collections::HashMap;
use std::sync::Arc;

/// The operators of this file.
pub const NAMES: &[&str] = &["If"];

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

    /// Operands that it has in a step.
    fn width(&self) -> usize {
        self.n_taken + self.plan.constants.len()
    }
}

/// The step of a node with inner graphs. `known` are the constants around it.
pub fn prepare(node: &Node, known: HashMap<String, Arc<Host>>, settings: Settings) -> Result<Prepared> {
    match node.op() {
        "If" => branch(node, &known, settings),
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
