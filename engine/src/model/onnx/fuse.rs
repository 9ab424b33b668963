//! Products with constant weights that follow each other become one step with their scalings, biases and activations.

use super::after;
use super::build::Builder;
use super::node::Node;
use super::ops::{self, Prepared, Weights};
use super::whole::Whole;
use crate::Result;
use crate::kernels::Activation;

/// A step that stands for several nodes.
pub struct Fused {
    pub prepared: Prepared,
    /// The last node it covers, whose output it gives.
    pub last: usize,
}

impl Fused {
    /// The chain of affine layers or the convolution that begins at a node, if one does. What it covers is marked as done.
    pub fn start(builder: &mut Builder, i: usize) -> Result<Option<Self>> {
        if let Some(convolution) = after::convolution(builder, i)? {
            return Ok(Some(convolution));
        }
        let Some((first, weights, mut rank)) = affine(builder, i)? else { return Ok(None) };
        let (layer, mut last) = layer(builder, first, weights, &mut rank)?;
        let mut layers = vec![layer];
        while let Some(next) = follower(builder, last)
            && let Some(weights) = ops::weights(&builder.node(next)?)?
        {
            builder.done[next] = true;
            let (layer, end) = self::layer(builder, next, weights, &mut rank)?;
            layers.push(layer);
            last = end;
        }
        Ok(Some(Self { prepared: ops::affine_step(layers, rank), last }))
    }
}

/// The affine map that a node is, or that it leads to through nothing but scalings of its columns, which are folded into the weights;
/// also its node, and the rank of the largest constant.
fn affine(builder: &mut Builder, i: usize) -> Result<Option<(usize, Weights, usize)>> {
    let mut path = vec![i];
    let mut nodes: Vec<Node> = vec![];
    let (end, weights) = loop {
        let last = path[path.len() - 1];
        let node = builder.node(last)?;
        if let Some(weights) = ops::weights(&node)? {
            break (last, weights);
        }
        match follower(builder, last) {
            Some(next) if ops::may_scale(&node) => path.push(next),
            _ => return Ok(None),
        }
        nodes.push(node);
    };
    let Some(weights) = ops::fold(&nodes, &weights)? else { return Ok(None) };
    let rank = nodes.iter().filter_map(|node| node.constant(1)).map(|c| c.dims.len()).max().unwrap_or(0);
    path.iter().skip(1).filter(|&&node| node != i).for_each(|&node| builder.done[node] = true);
    Ok(Some((end, weights, rank)))
}

type Layer = (Weights, Activation);

/// An affine map with the bias and activation that follow it; also the last node that it covers.
fn layer(builder: &mut Builder, i: usize, mut weights: Weights, rank: &mut usize) -> Result<(Layer, usize)> {
    let mut last = i;
    if let Some(next) = next(builder, last)
        && let Some(bias) = added_constant(builder, next, weights.n_out, rank)?
    {
        weights.bias.iter_mut().zip(bias).for_each(|(b, extra)| *b += extra);
        builder.done[next] = true;
        last = next;
    }
    let mut activation = Activation::None;
    if let Some(end) = gelu_after(builder, last) {
        builder.whole.remove(&end);
        activation = Activation::Gelu;
        last = end;
    } else if let Some(next) = next(builder, last)
        && let Some(found) = ops::activation_of(&builder.graph.node[next])
    {
        activation = found;
        builder.done[next] = true;
        last = next;
    }
    Ok(((weights, activation), last))
}

/// The last node of a gelu that several nodes write out, if these alone read the output of a node.
fn gelu_after(builder: &Builder, i: usize) -> Option<usize> {
    let output = builder.graph.node[i].output.first()?;
    let is_its = |whole: &Whole| whole.name == "Gelu" && whole.operands[0] == *output;
    let (&end, gelu) = builder.whole.iter().find(|(_, whole)| is_its(whole))?;
    builder.readers(output).iter().all(|reader| gelu.nodes.contains(reader)).then_some(end)
}

/// The one node that reads the output of a node, if that is its first operand.
fn follower(builder: &Builder, i: usize) -> Option<usize> {
    let output = builder.graph.node[i].output.first()?;
    next(builder, i).filter(|&next| builder.graph.node[next].input.first() == Some(output))
}

/// The one node that reads the output of a node, if it is no part of another step.
fn next(builder: &Builder, i: usize) -> Option<usize> {
    builder.sole_reader(i).filter(|&next| !builder.done[next])
}

/// The vector that an `Add` node adds to its other operand, if it is such an `Add`.
fn added_constant(builder: &mut Builder, i: usize, n_out: usize, rank: &mut usize) -> Result<Option<Vec<f32>>> {
    let node = builder.node(i)?;
    if node.op() != "Add" || !ops::is_standard(node.proto) || node.n_inputs() != 2 {
        return Ok(None);
    }
    let Some(constant) = (0..2).find_map(|k| node.constant(k)) else { return Ok(None) };
    let bias = ops::bias_of(Some(constant), n_out);
    *rank = (*rank).max(if bias.is_some() { constant.dims.len() } else { 0 });
    Ok(bias)
}
