//! Gelu as exporters write it out, x · ½ (1 + erf(x / √2)) in three orders, found so that it can be one step.

use super::build::Builder;
use super::ops;
use crate::Result;
use onnx_ir::NodeProto;
use std::collections::HashMap;

/// The last node of each gelu, with the name of its x. All its nodes are marked as done.
pub fn find(builder: &mut Builder) -> Result<HashMap<usize, String>> {
    let mut found = HashMap::new();
    for i in 0..builder.graph.node.len() {
        if !builder.done[i]
            && is(&builder.graph.node[i], "Erf")
            && let Some((nodes, x)) = around(builder, i)?
        {
            nodes.iter().for_each(|&node| builder.done[node] = true);
            found.insert(nodes[nodes.len() - 1], x);
        }
    }
    Ok(found)
}

fn is(node: &NodeProto, op: &str) -> bool {
    node.op_type == op && ops::is_standard(node)
}

/// The gelu around an `Erf`: its nodes, the last one last, and its x.
fn around(builder: &mut Builder, erf: usize) -> Result<Option<(Vec<usize>, String)>> {
    let Some(scaled) = maker(builder, &builder.graph.node[erf].input[0]) else { return Ok(None) };
    let Some((x, factor)) = scaling(builder, scaled)? else { return Ok(None) };
    if (factor - std::f64::consts::FRAC_1_SQRT_2).abs() > 1e-4 || builder.sole_reader(scaled) != Some(erf) {
        return Ok(None);
    }
    let Some(plus) = builder.sole_reader(erf) else { return Ok(None) };
    let one = other(builder, plus, erf, "Add").and_then(|name| number(builder, &name).transpose()).transpose()?;
    let Some(product) = builder.sole_reader(plus).filter(|_| one == Some(1.0)) else { return Ok(None) };
    let Some(factor) = other(builder, product, plus, "Mul") else { return Ok(None) };
    // x / 2 was made before.
    if let Some(half) = maker(builder, &factor)
        && builder.sole_reader(half) == Some(product)
        && scaling(builder, half)? == Some((x.clone(), 0.5))
    {
        return Ok(Some((vec![scaled, erf, plus, half, product], x)));
    }
    let halved = number(builder, &factor)? == Some(0.5);
    if !halved && factor != x {
        return Ok(None);
    }
    let Some(last) = builder.sole_reader(product) else { return Ok(None) };
    let Some(rest) = other(builder, last, product, "Mul") else { return Ok(None) };
    let whole = if halved { rest == x } else { number(builder, &rest)? == Some(0.5) };
    Ok(whole.then_some((vec![scaled, erf, plus, product, last], x)))
}

/// The node that makes a value, if it is still to be done.
fn maker(builder: &Builder, name: &str) -> Option<usize> {
    let nodes = builder.graph.node.iter();
    let i = nodes.enumerate().find(|(_, node)| node.output.first().is_some_and(|o| o == name))?.0;
    (!builder.done[i]).then_some(i)
}

/// The one number that a constant is.
fn number(builder: &mut Builder, name: &str) -> Result<Option<f64>> {
    let known = builder.known(name)?;
    Ok(known.filter(|c| c.numbers.len() == 1 && c.dims.len() < 2).map(|c| c.numbers.floats()[0].into()))
}

/// What a product or quotient with one number multiplies by it, and that number.
fn scaling(builder: &mut Builder, i: usize) -> Result<Option<(String, f64)>> {
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
fn other(builder: &Builder, i: usize, from: usize, op: &str) -> Option<String> {
    let (node, output) = (&builder.graph.node[i], builder.graph.node[from].output.first()?);
    let [a, b] = &node.input[..] else { return None };
    let other = if a == output { b } else { a };
    (is(node, op) && (a == output || b == output)).then(|| other.clone())
}
