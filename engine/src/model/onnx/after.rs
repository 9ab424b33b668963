//! Nodes after a convolution with constant weights become part of its step: scalings of its channels are folded into the weights,
//! activations, also where several nodes write them out, and sums with other values follow in the same pass.

use super::build::Builder;
use super::fuse::Fused;
use super::node::Node;
use super::ops;
use super::value::Host;
use crate::Result;
use crate::kernels::{Activation, After};

/// The convolution at a node with what follows it, if anything does. What it covers is marked as done.
pub fn convolution(builder: &mut Builder, i: usize) -> Result<Option<Fused>> {
    let node = builder.node(i)?;
    if node.op() != "Conv" || !ops::is_standard(node.proto) || (node.has(2) && node.constant(2).is_none()) {
        return Ok(None);
    }
    let Some((weight, dims)) = node.float_constant(1) else { return Ok(None) };
    let (&channels, depth) = match dims {
        [channels, rest @ ..] if rest.len() >= 2 => (channels, rest.iter().product::<usize>()),
        _ => return Ok(None),
    };
    let Some(bias) = ops::bias_of(node.constant(2), channels).filter(|_| channels * depth > 0) else { return Ok(None) };
    let mut chain = Chain::new(i, channels, dims.len() - 2);
    while chain.take(builder)? {}
    if chain.last == i {
        return Ok(None);
    }
    let Chain { scale, shift, after, added, last, .. } = chain;
    let scaled = |(row, s): (&[f32], &f64)| row.iter().map(|&w| (f64::from(w) * s) as f32).collect::<Vec<_>>();
    let weight = weight.chunks_exact(depth).zip(&scale).flat_map(scaled).collect();
    let bias = bias.iter().zip(scale.iter().zip(&shift)).map(|(&b, (s, t))| (f64::from(b) * s + t) as f32).collect();
    let prepared = ops::convolution(&node, Host::floats(weight, dims), bias, after, added).ok();
    Ok(prepared.map(|prepared| Fused { prepared, last }))
}

/// What follows a convolution, as far as it has been followed.
struct Chain {
    channels: usize,
    /// Spatial axes.
    n_spatial: usize,
    /// To be folded into the weights, one a channel: `x · scale + shift`.
    scale: Vec<f64>,
    shift: Vec<f64>,
    after: Vec<After>,
    /// Names of the values to add.
    added: Vec<String>,
    /// The last node covered.
    last: usize,
}

impl Chain {
    fn new(first: usize, channels: usize, n_spatial: usize) -> Self {
        let (scale, shift) = (vec![1.0; channels], vec![0.0; channels]);
        Self { channels, n_spatial, scale, shift, after: vec![], added: vec![], last: first }
    }

    /// Takes the next node, or a gate of several; false if there is none that can be part of the step.
    fn take(&mut self, builder: &mut Builder) -> Result<bool> {
        let Some(name) = builder.graph.node[self.last].output.first().cloned() else { return Ok(false) };
        let next = match *builder.readers(&name) {
            [next] if next < builder.graph.node.len() && !builder.done[next] => next,
            [a, b] if a != b && b < builder.graph.node.len() => return self.take_gate(builder, &name, a, b),
            _ => return Ok(false),
        };
        let node = builder.node(next)?;
        if let Some((scale, shift)) = scaling(&node, &name, self.channels, self.n_spatial) {
            if !self.scaled(&scale, &shift) {
                return Ok(false);
            }
        } else if let Some(after) = activation(&node, &name) {
            if let Some((alpha, beta)) = after.0
                && !self.scaled(&vec![alpha; self.channels], &vec![beta; self.channels])
            {
                return Ok(false);
            }
            self.after.push(after.1);
        } else if let Some(other) = added(builder, &node, &name) {
            self.after.push(After::Add);
            self.added.push(other);
        } else {
            return Ok(false);
        }
        builder.done[next] = true;
        self.last = next;
        Ok(true)
    }

    /// `x · scale + shift` for all that has been followed: in the weights, or after what came in between. False if a number is not finite.
    fn scaled(&mut self, scale: &[f64], shift: &[f64]) -> bool {
        if scale.iter().chain(shift).any(|v| !v.is_finite()) {
            return false;
        }
        let line = |(s, t): (f64, f64), k: usize| (s * scale[k], t * scale[k] + shift[k]);
        if self.after.is_empty() {
            for k in 0..self.channels {
                (self.scale[k], self.shift[k]) = line((self.scale[k], self.shift[k]), k);
            }
            return true;
        }
        let before = match self.after.pop() {
            Some(After::Scale { scale, shift }) => {
                scale.iter().zip(&shift).map(|(&s, &t)| (f64::from(s), f64::from(t))).collect()
            }
            other => {
                self.after.extend(other);
                vec![(1.0, 0.0); self.channels]
            }
        };
        let lines = before.into_iter().enumerate().map(|(k, b)| line(b, k));
        let (scale, shift) = lines.map(|(s, t)| (s as f32, t as f32)).unzip();
        self.after.push(After::Scale { scale, shift });
        true
    }

    /// `x · g(x)` where nodes from `a` on make g of x and `b`, or the other way round, multiplies.
    fn take_gate(&mut self, builder: &mut Builder, name: &str, a: usize, b: usize) -> Result<bool> {
        for (first, product) in [(a, b), (b, a)] {
            if let Some((gate, factor, covered)) = gate(builder, name, first, product)? {
                self.after.push(gate);
                if factor != 1.0 {
                    let n = self.channels;
                    self.scaled(&vec![factor; n], &vec![0.0; n]);
                }
                covered.into_iter().for_each(|node| builder.done[node] = true);
                self.last = product;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The gate that the nodes from `first` to the factor of `product` make of `name`, a number it is to be multiplied by, and its nodes.
fn gate(builder: &mut Builder, name: &str, first: usize, product: usize) -> Result<Option<(After, f64, Vec<usize>)>> {
    let (mut line, mut gate, mut factor) = ((1.0, 0.0), None, 1.0);
    let (mut value, mut next, mut covered) = (name.to_string(), first, vec![]);
    while next != product {
        if builder.done[next] {
            return Ok(None);
        }
        let node = builder.node(next)?;
        match (scaling(&node, &value, 1, 0), activation(&node, &value), &gate) {
            (Some((s, t)), _, None) => line = (line.0 * s[0], line.1 * s[0] + t[0]),
            (Some((s, t)), _, Some(_)) if t[0] == 0.0 => factor *= s[0],
            (None, Some((None, After::Activation(Activation::Sigmoid))), None) if line.1 == 0.0 => {
                gate = Some(After::Swish { alpha: line.0 as f32 });
            }
            (None, Some((inner, After::Clip { low: 0.0, high })), None) => {
                let (s, t) = inner.unwrap_or((1.0, 0.0));
                let (alpha, beta) = ((line.0 * s) as f32, (line.1 * s + t) as f32);
                gate = Some(After::Gate { alpha, beta, top: high });
            }
            _ => return Ok(None),
        }
        covered.push(next);
        let Some(output) = node.proto.output.first() else { return Ok(None) };
        value = output.clone();
        let &[reader] = builder.readers(&value) else { return Ok(None) };
        if reader >= builder.graph.node.len() {
            return Ok(None);
        }
        next = reader;
    }
    let node = &builder.graph.node[product];
    let inputs: Vec<&str> = node.input.iter().map(String::as_str).collect();
    let multiplies = node.op_type == "Mul" && ops::is_standard(node) && !builder.done[product];
    if !multiplies || (inputs != [name, value.as_str()] && inputs != [value.as_str(), name]) {
        return Ok(None);
    }
    covered.push(product);
    Ok(gate.map(|gate| (gate, factor, covered)))
}

/// A node that scales and moves the channels of a value by constants: `x · scale + shift`, one a channel.
fn scaling(node: &Node, name: &str, channels: usize, n_spatial: usize) -> Option<(Vec<f64>, Vec<f64>)> {
    if !ops::is_standard(node.proto) {
        return None;
    }
    let at = node.proto.input.iter().position(|input| input == name)?;
    let (ones, zeros) = (vec![1.0; channels], vec![0.0; channels]);
    let numbers = |i: usize| by_channel(node, i, channels, n_spatial);
    match (node.op(), at) {
        ("Identity", 0) => Some((ones, zeros)),
        ("Add", _) => Some((ones, numbers(1 - at)?)),
        ("Sub", 0) => Some((ones, numbers(1)?.iter().map(|v| -v).collect())),
        ("Mul", _) => Some((numbers(1 - at)?, zeros)),
        ("Div", 0) => Some((numbers(1)?.iter().map(|v| 1.0 / v).collect(), zeros)),
        ("BatchNormalization", 0) if !node.flag("training_mode", false) && node.n_outputs() == 1 => {
            let list = |i: usize| {
                let (values, dims) = node.float_constant(i)?;
                (dims == [channels]).then(|| values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>())
            };
            let [scale, bias, mean, variance] = [list(1)?, list(2)?, list(3)?, list(4)?];
            let epsilon = node.float("epsilon", 1e-5);
            let scale: Vec<f64> = scale.iter().zip(&variance).map(|(s, v)| s / (v + epsilon).sqrt()).collect();
            let shift = bias.iter().zip(mean.iter().zip(&scale)).map(|(b, (m, s))| b - m * s).collect();
            Some((scale, shift))
        }
        _ => None,
    }
}

/// The numbers of a constant operand, one a channel, if it meets `[batch, channels, …]` so.
fn by_channel(node: &Node, i: usize, channels: usize, n_spatial: usize) -> Option<Vec<f64>> {
    let (values, dims) = node.float_constant(i)?;
    let inner: Vec<usize> = dims.iter().copied().skip_while(|&d| d == 1).collect();
    match values {
        _ if dims.len() > 2 + n_spatial => None,
        [value] => Some(vec![f64::from(*value); channels]),
        _ if inner.first() == Some(&channels) && inner.len() == 1 + n_spatial && values.len() == channels => {
            Some(values.iter().map(|&v| f64::from(v)).collect())
        }
        _ => None,
    }
}

/// What is done to a value before an activation, `x · α + β`, and the activation.
type Activated = (Option<(f64, f64)>, After);

/// The activation that a node is, if its operand is this value.
fn activation(node: &Node, name: &str) -> Option<Activated> {
    if !ops::is_standard(node.proto) || node.proto.input.first().is_none_or(|input| input != name) {
        return None;
    }
    Some(match node.op() {
        "HardSwish" => (None, After::Gate { alpha: 1.0 / 6.0, beta: 0.5, top: 1.0 }),
        "HardSigmoid" => {
            let line = (node.float("alpha", 0.2), node.float("beta", 0.5));
            (Some(line), After::Clip { low: 0.0, high: 1.0 })
        }
        "Clip" => {
            let bound = |i: usize, name: &str, absent: f32| match (node.has(i), node.float_constant(i)) {
                (true, Some(([value], _))) => Some(*value),
                (true, _) => None,
                (false, _) if node.has_attribute(name) => Some(node.float(name, 0.0) as f32),
                (false, _) => Some(absent),
            };
            let (low, high) = (bound(1, "min", f32::NEG_INFINITY)?, bound(2, "max", f32::INFINITY)?);
            (None, After::Clip { low, high })
        }
        _ => (None, After::Activation(ops::activation_of(node.proto)?)),
    })
}

/// The value that a node adds to this one, if a step before makes it.
fn added(builder: &Builder, node: &Node, name: &str) -> Option<String> {
    match &node.proto.input[..] {
        [a, b] if node.op() == "Add" && ops::is_standard(node.proto) && a != b => {
            let other = if a == name { b } else { a };
            builder.is_made(other).then(|| other.clone())
        }
        _ => None,
    }
}
