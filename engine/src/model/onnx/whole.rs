//! Several nodes that stand for one operation, found so that they can be one step.

use super::build::Builder;
use super::ops::{self, Prepared};
use super::{attend, gelu, residual};
use crate::Result;
use onnx_ir::NodeProto;
use std::collections::BTreeMap;

/// One step for several nodes. It stands where the last of them stands.
pub struct Whole {
    pub name: &'static str,
    pub prepared: Prepared,
    /// The values it reads.
    pub operands: Vec<String>,
    /// All its nodes, the last one last.
    pub nodes: Vec<usize>,
}

/// Those of a graph by their last node. All their nodes are marked as done. What cannot be read is told when its node is prepared.
pub fn find(builder: &mut Builder) -> BTreeMap<usize, Whole> {
    let mut found = BTreeMap::new();
    for finder in [gelu::find, attend::find, residual::find] {
        for i in 0..builder.graph.node.len() {
            if !builder.done[i]
                && let Ok(Some(whole)) = finder(builder, i)
            {
                whole.nodes.iter().for_each(|&node| builder.done[node] = true);
                found.insert(whole.nodes[whole.nodes.len() - 1], whole);
            }
        }
    }
    found
}

/// Whether a node is of this operator of ONNX's own set.
pub fn is(node: &NodeProto, op: &str) -> bool {
    node.op_type == op && ops::is_standard(node)
}

/// The node that makes a value, if it is still to be done.
pub fn maker(builder: &Builder, name: &str) -> Option<usize> {
    let nodes = builder.graph.node.iter();
    let i = nodes.enumerate().find(|(_, node)| node.output.first().is_some_and(|o| o == name))?.0;
    (!builder.done[i]).then_some(i)
}

/// The one number that a constant is.
pub fn number(builder: &mut Builder, name: &str) -> Result<Option<f64>> {
    let known = builder.known(name)?;
    Ok(known.filter(|c| c.numbers.len() == 1 && c.dims.len() < 2).map(|c| c.numbers.floats()[0].into()))
}

/// What a product or quotient with one number multiplies by it, and that number.
pub fn scaling(builder: &mut Builder, i: usize) -> Result<Option<(String, f64)>> {
    let node = &builder.graph.node[i];
    let [a, b] = &node.input[..] else { return Ok(None) };
    if is(node, "Div") {
        return Ok(number(builder, b)?.map(|d| (a.clone(), 1.0 / d)));
    }
    if !is(node, "Mul") {
        return Ok(None);
    }
    if let Some(factor) = number(builder, b)? {
        return Ok(Some((a.clone(), factor)));
    }
    Ok(number(builder, a)?.map(|factor| (b.clone(), factor)))
}

/// The other operand of a node of this operator that reads the output of a node.
pub fn other(builder: &Builder, i: usize, from: usize, op: &str) -> Option<String> {
    let (node, output) = (&builder.graph.node[i], builder.graph.node[from].output.first()?);
    let [a, b] = &node.input[..] else { return None };
    let other = if a == output { b } else { a };
    (is(node, op) && (a == output || b == output)).then(|| other.clone())
}

/// The node that makes a value which only node `reader` reads.
pub fn made_for(builder: &Builder, name: &str, reader: usize) -> Option<usize> {
    maker(builder, name).filter(|&i| builder.sole_reader(i) == Some(reader))
}

/// Whether none of these values is a constant.
pub fn all_vary(builder: &mut Builder, names: &[&String]) -> Result<bool> {
    for name in names {
        if name.is_empty() || builder.known(name)?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
