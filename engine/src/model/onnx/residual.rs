//! Sums that are normalised at once, `Add` and `LayerNormalization`, found so that they can be one step.

use super::build::Builder;
use super::ops;
use super::whole::{Whole, all_vary, is, made_for};
use crate::Result;

/// The sum and its normalisation, if node `i` is that.
pub fn find(builder: &mut Builder, i: usize) -> Result<Option<Whole>> {
    let proto = &builder.graph.node[i];
    if !is(proto, "LayerNormalization") || proto.input.len() < 2 {
        return Ok(None);
    }
    let node = builder.node(i)?;
    if node.wants(1) || node.wants(2) || node.int("axis").is_some_and(|axis| axis != -1) {
        return Ok(None);
    }
    let sum = made_for(builder, &proto.input[0], i).filter(|&sum| builder.is_node(sum, "Add"));
    let Some(sum) = sum else { return Ok(None) };
    let [a, b] = &builder.graph.node[sum].input[..] else { return Ok(None) };
    if !all_vary(builder, &[a, b])? {
        return Ok(None);
    }
    let operands = [a, b].into_iter().chain(&proto.input[1..]).cloned().collect();
    let prepared = ops::residual(node.float("epsilon", 1e-5));
    Ok(Some(Whole { name: "SkipLayerNormalization", prepared, operands, nodes: vec![sum, i] }))
}
