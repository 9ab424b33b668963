//! Columns moved and scaled by constants before an affine map: folded into its weights, so that they cost nothing.

use super::elementwise::Arithmetic;
use super::linear::{Weights, bias_of};
use crate::Result;
use onnx_ir::{ArgType, Argument, Node};

/// Where a column is moved by more than this, nothing is folded: x·scale·w and shift·w would cancel and lose more than four bits.
const FARTHEST_SHIFT: f64 = 16.0;

/// Whether a node may move and scale the columns of its first operand by constants, or leave them as they are.
pub fn may_scale(node: &Node) -> bool {
    let kinds = matches!(
        node,
        Node::Add(_) | Node::Sub(_) | Node::Mul(_) | Node::Div(_) | Node::Scaler(_) | Node::Cast(_) | Node::Identity(_)
    );
    kinds && matches!(&node.inputs()[0].ty, ArgType::Tensor(x) if x.dtype.is_float())
}

/// The weights of an affine map whose input is `x` after the nodes, for `x` as it is: (x·s + t)·W + b = x·(s∘W) + (t·W + b). None if a
/// node does something else than add, subtract, multiply or divide by one constant a column, or if digits would be lost.
pub fn fold(nodes: &[&Node], weights: &Weights) -> Result<Option<Weights>> {
    let Weights { weight, bias, n_in, n_out } = weights;
    let (mut scale, mut shift) = (vec![1.0; *n_in], vec![0.0; *n_in]);
    for node in nodes {
        let Some(operations) = operations(node, *n_in)? else { return Ok(None) };
        for (kind, constants) in operations {
            for ((scale, shift), c) in scale.iter_mut().zip(&mut shift).zip(constants) {
                let c = f64::from(c);
                match kind {
                    Arithmetic::Add => *shift += c,
                    Arithmetic::Sub => *shift -= c,
                    Arithmetic::Mul => (*scale, *shift) = (*scale * c, *shift * c),
                    Arithmetic::Div => (*scale, *shift) = (*scale / c, *shift / c),
                    _ => return Ok(None),
                }
            }
        }
    }
    if scale.iter().any(|s: &f64| !s.is_finite()) || shift.iter().any(|t: &f64| t.is_nan() || t.abs() > FARTHEST_SHIFT)
    {
        return Ok(None);
    }
    let row = |k: usize| weight[k * n_out..][..*n_out].iter().map(|&w| f64::from(w));
    let mut moved: Vec<f64> = bias.iter().map(|&b| f64::from(b)).collect();
    for (k, t) in shift.iter().enumerate() {
        moved.iter_mut().zip(row(k)).for_each(|(b, w)| *b += t * w);
    }
    let scaled = scale.iter().enumerate().flat_map(|(k, s)| row(k).map(move |w| (s * w) as f32)).collect();
    let moved = moved.iter().map(|&b| b as f32).collect();
    Ok(Some(Weights { weight: scaled, bias: moved, n_in: *n_in, n_out: *n_out }))
}

/// One after the other, with a constant for each column.
type Operations = Vec<(Arithmetic, Vec<f32>)>;

/// What a node does to the `n` columns of its first operand.
fn operations(node: &Node, n: usize) -> Result<Option<Operations>> {
    let one = |kind, inputs: &[Argument]| -> Result<Option<Operations>> {
        // A constant of more axes would add axes to x.
        let other = Some(&inputs[1]).filter(|other| other.ty.rank() <= inputs[0].ty.rank());
        let constants = other.map_or(Ok(None), |other| bias_of(Some(other), n))?;
        Ok(constants.map(|constants| vec![(kind, constants)]))
    };
    let spread = |list: &Option<Vec<f32>>, absent: f32| match list.as_deref().unwrap_or(&[absent]) {
        [all] => Some(vec![*all; n]),
        list => (list.len() == n).then(|| list.to_vec()),
    };
    match node {
        Node::Add(node) => one(Arithmetic::Add, &node.inputs),
        Node::Sub(node) => one(Arithmetic::Sub, &node.inputs),
        Node::Mul(node) => one(Arithmetic::Mul, &node.inputs),
        Node::Div(node) => one(Arithmetic::Div, &node.inputs),
        Node::Scaler(node) => {
            let constants = spread(&node.config.offset, 0.0).zip(spread(&node.config.scale, 1.0));
            Ok(constants.map(|(offset, scale)| vec![(Arithmetic::Sub, offset), (Arithmetic::Mul, scale)]))
        }
        Node::Cast(node) if node.config.to.is_float() => Ok(Some(vec![])),
        Node::Identity(_) => Ok(Some(vec![])),
        _ => Ok(None),
    }
}
