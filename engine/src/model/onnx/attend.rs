//! Attention as exporters write it out, MatMul, scaling, mask, Softmax, MatMul, found so that it can be one step.

use super::build::Builder;
use super::ops;
use super::whole::{Whole, all_vary, is, made_for, number, other, scaling};
use crate::Result;
use crate::kernels::Scores;

/// The attention around node `i`, if that is its `Softmax`. Products with constants are affine layers, no attention.
pub fn find(builder: &mut Builder, i: usize) -> Result<Option<Whole>> {
    let proto = &builder.graph.node[i];
    if !is(proto, "Softmax") || proto.input.len() != 1 || proto.output.len() != 1 {
        return Ok(None);
    }
    let node = builder.node(i)?;
    let by_key = match node.int("axis") {
        Some(axis) => axis == -1 || axis == 3,
        None => node.opset >= 13,
    };
    let softmax = ops::prepare(&node)?;
    let Some(before) = before(builder, i)?.filter(|_| by_key) else { return Ok(None) };
    let Some((after, value)) = after(builder, i)? else { return Ok(None) };
    let [query, key] = &builder.graph.node[before.product].input[..] else { return Ok(None) };
    let (query, key) = (query.clone(), key.clone());
    if !all_vary(builder, &[&query, &key, &value])? {
        return Ok(None);
    }
    let scores = Scores { scale: before.scale as f32, guarded: after.len() > 1 };
    let nodes = before.nodes.into_iter().chain([i]).chain(after).collect();
    let operands = [query, key, value].into_iter().chain(before.mask).collect();
    Ok(Some(Whole { name: "Attention", prepared: ops::attend(softmax, scores), operands, nodes }))
}

/// What leads to a softmax.
struct Before {
    product: usize,
    scale: f64,
    mask: Option<String>,
    nodes: Vec<usize>,
}

fn before(builder: &mut Builder, softmax: usize) -> Result<Option<Before>> {
    let scores = builder.graph.node[softmax].input[0].clone();
    let Some(last) = made_for(builder, &scores, softmax) else { return Ok(None) };
    if !is(&builder.graph.node[last], "Add") {
        return scaled(builder, &scores, softmax);
    }
    for name in builder.graph.node[last].input.clone() {
        if let Some(made) = scaled(builder, &name, last)? {
            let made_by = made.nodes[made.nodes.len() - 1];
            let mask = other(builder, last, made_by, "Add");
            let nodes = made.nodes.into_iter().chain([last]).collect();
            return Ok(Some(Before { mask, nodes, ..made }));
        }
    }
    Ok(None)
}

/// A product, or a product times a number.
fn scaled(builder: &mut Builder, name: &str, reader: usize) -> Result<Option<Before>> {
    let Some(last) = made_for(builder, name, reader) else { return Ok(None) };
    if is(&builder.graph.node[last], "MatMul") {
        return Ok(Some(Before { product: last, scale: 1.0, mask: None, nodes: vec![last] }));
    }
    let Some((x, scale)) = scaling(builder, last)? else { return Ok(None) };
    let product = made_for(builder, &x, last).filter(|&i| is(&builder.graph.node[i], "MatMul"));
    Ok(product.map(|product| Before { product, scale, mask: None, nodes: vec![product, last] }))
}

/// The nodes from a softmax to its product with values, and the values. PyTorch puts zeros in the place of NaN before that product.
fn after(builder: &mut Builder, softmax: usize) -> Result<Option<(Vec<usize>, String)>> {
    let weights = builder.graph.node[softmax].output[0].clone();
    let mut nodes = vec![];
    let mut last = softmax;
    if let &[a, b] = builder.readers(&weights)
        && let Some((test, choice)) = [(a, b), (b, a)].into_iter().find(|&(test, _)| builder.is_node(test, "IsNaN"))
        && builder.is_node(choice, "Where")
        && builder.sole_reader(test) == Some(choice)
    {
        let [condition, zero, rest] = &builder.graph.node[choice].input[..] else { return Ok(None) };
        if *condition != builder.graph.node[test].output[0] || *rest != weights || number(builder, zero)? != Some(0.0) {
            return Ok(None);
        }
        nodes = vec![test, choice];
        last = choice;
    }
    let Some(product) = builder.sole_reader(last).filter(|&i| builder.is_node(i, "MatMul") && !builder.done[i]) else {
        return Ok(None);
    };
    let [left, value] = &builder.graph.node[product].input[..] else { return Ok(None) };
    let fits = *left == builder.graph.node[last].output[0] && value != left;
    nodes.push(product);
    Ok(fits.then(|| (nodes, value.clone())))
}
