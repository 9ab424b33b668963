//! Columns moved and scaled by constants before an affine map: folded into its weights, so that they cost nothing.

use super::linear::{Weights, bias_of};
use super::{full_name, is_float_cast};
use crate::Result;
use crate::model::onnx::node::Node;

/// Where a column is moved by more than this, nothing is folded: x·scale·w and shift·w would cancel and lose more than four bits.
const FARTHEST_SHIFT: f64 = 16.0;

/// Whether a node may move and scale the columns of its first operand by constants, or leave them as they are.
pub fn may_scale(node: &Node) -> bool {
    match full_name(node.proto).as_str() {
        "Add" | "Sub" | "Mul" | "Div" => node.float_constant(1).is_some() && node.constant(0).is_none(),
        "Identity" | "ai.onnx.ml:Scaler" => true,
        "Cast" => is_float_cast(node),
        _ => false,
    }
}

/// What is done to a column, with a constant.
#[derive(Clone, Copy)]
enum Move {
    Add,
    Sub,
    Mul,
    Div,
}

/// The weights of an affine map whose input is `x` after the nodes, for `x` as it is: (x·s + t)·W + b = x·(s∘W) + (t·W + b). None if a
/// node does something else than add, subtract, multiply or divide by one constant a column, or if digits would be lost.
pub fn fold(nodes: &[Node], weights: &Weights) -> Result<Option<Weights>> {
    let Weights { weight, bias, n_in, n_out } = weights;
    let (mut scale, mut shift) = (vec![1.0; *n_in], vec![0.0; *n_in]);
    for node in nodes {
        let Some(operations) = operations(node, *n_in) else { return Ok(None) };
        for (kind, constants) in operations {
            for ((scale, shift), c) in scale.iter_mut().zip(&mut shift).zip(constants) {
                let c = f64::from(c);
                match kind {
                    Move::Add => *shift += c,
                    Move::Sub => *shift -= c,
                    Move::Mul => (*scale, *shift) = (*scale * c, *shift * c),
                    Move::Div => (*scale, *shift) = (*scale / c, *shift / c),
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
type Operations = Vec<(Move, Vec<f32>)>;

/// What a node does to the `n` columns of its first operand.
fn operations(node: &Node, n: usize) -> Option<Operations> {
    let one = |kind| bias_of(node.constant(1), n).map(|constants| vec![(kind, constants)]);
    let spread = |name: &str, absent: f32| match node.floats(name).filter(|list| !list.is_empty()).unwrap_or(&[absent])
    {
        [all] => Some(vec![*all; n]),
        list => (list.len() == n).then(|| list.to_vec()),
    };
    match node.op() {
        "Add" => one(Move::Add),
        "Sub" => one(Move::Sub),
        "Mul" => one(Move::Mul),
        "Div" => one(Move::Div),
        "Scaler" => Some(vec![(Move::Sub, spread("offset", 0.0)?), (Move::Mul, spread("scale", 1.0)?)]),
        "Cast" | "Identity" => Some(vec![]),
        _ => None,
    }
}
