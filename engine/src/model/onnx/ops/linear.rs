//! Matrix products.

use super::{Cost, Maker, Operand, Prepared, is_standard};
use crate::kernels::{Activation, AffineLayer, affine_chain};
use crate::model::onnx::args::Args;
use crate::model::onnx::array::{Array, lift, map_rank, zip_rank};
use crate::model::onnx::node::{Node, float_constant};
use crate::model::onnx::value::{Host, Value};
use crate::{Error, Result};
use onnx_ir::NodeProto;
use std::sync::Arc;

pub const TABLE: &[(&str, Maker)] = &[
    ("MatMul", |_| Ok(Prepared::new(matmul).cost(Cost::Contraction))),
    ("Gemm", |node| Ok(gemm(node))),
    ("com.microsoft:FusedMatMul", |node| Ok(fused_matmul(node))),
];

/// Weights of an affine map: `weight` is `[n_in, n_out]` by rows, `bias` is `[n_out]`.
pub struct Weights {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
    pub n_in: usize,
    pub n_out: usize,
}

/// The activation a node stands for, if it can be computed with an affine map.
pub fn activation_of(node: &NodeProto) -> Option<Activation> {
    match node.op_type.as_str() {
        _ if !is_standard(node) => None,
        "Relu" => Some(Activation::Relu),
        "Sigmoid" => Some(Activation::Sigmoid),
        "Tanh" => Some(Activation::Tanh),
        "Gelu" if node.attribute.iter().all(|a| a.name != "approximate" || *a.s == *b"none") => Some(Activation::Gelu),
        _ => None,
    }
}

/// The weights of a `MatMul` or `Gemm` whose second and third inputs are constants of the usual shapes.
pub fn weights(node: &Node) -> Result<Option<Weights>> {
    let (alpha, beta, transposed) = match node.op() {
        _ if !is_standard(node.proto) || node.constant(0).is_some() => return Ok(None),
        "MatMul" => (1.0, 1.0, false),
        "Gemm" if !node.flag("transA", false) => {
            (node.float("alpha", 1.0) as f32, node.float("beta", 1.0) as f32, node.flag("transB", false))
        }
        _ => return Ok(None),
    };
    let Some((w, &[rows, columns])) = node.float_constant(1) else { return Ok(None) };
    let (n_in, n_out) = if transposed { (columns, rows) } else { (rows, columns) };
    let bias = match (node.has(2), node.constant(2)) {
        (true, None) => return Ok(None),
        (_, constant) => bias_of(constant, n_out),
    };
    let Some(bias) = bias else { return Ok(None) };
    let at = |i: usize, o: usize| if transposed { w[o * n_in + i] } else { w[i * n_out + o] };
    let weight = (0..n_in * n_out).map(|k| alpha * at(k / n_out, k % n_out)).collect();
    Ok(Some(Weights { weight, bias: bias.iter().map(|b| beta * b).collect(), n_in, n_out }))
}

/// A constant bias spread over `n_out` columns; zeros where there is none; none where it is another kind of value.
pub fn bias_of(constant: Option<&Host>, n_out: usize) -> Option<Vec<f32>> {
    let Some(constant) = constant else { return Some(vec![0.0; n_out]) };
    let (values, dims) = float_constant(constant)?;
    let leading: usize = dims.iter().rev().skip(1).product();
    match values.len() {
        1 => Some(vec![values[0]; n_out]),
        n if n == n_out && leading == 1 => Some(values.to_vec()),
        _ => None,
    }
}

/// `activation(x · weight + bias)` over the last axis of `x`, for each layer in turn; the result has at least `rank` axes.
pub fn affine_step(layers: Vec<(Weights, Activation)>, rank: usize) -> Prepared {
    let kinds: Vec<Activation> = layers.iter().map(|(_, activation)| *activation).collect();
    let ends = layers.first().zip(layers.last()).map_or((0, 0), |((first, _), (last, _))| (first.n_in, last.n_out));
    let (n_in, n_out) = ends;
    let per_row = layers.iter().map(|(w, a)| w.n_out * (2 * w.n_in + 1 + usize::from(*a != Activation::None))).sum();
    // Between two layers the outputs of one and the inputs of the next are there at once.
    let scratch = 2 * layers.iter().map(|(w, _)| w.n_out).max().unwrap_or(0);
    let mut operands = vec![Operand::Input(0)];
    for (Weights { weight, bias, n_in, n_out }, _) in layers {
        operands.push(Operand::Constant(Arc::new(Host::floats(weight, &[n_in, n_out]))));
        operands.push(Operand::Constant(Arc::new(Host::floats(bias, &[n_out]))));
    }
    let chain = Some(kinds.clone());
    let step = Prepared::new(move |args| {
        let x = args.number(0)?;
        let mut dims = vec![1; rank.saturating_sub(x.rank())];
        dims.extend(x.dims());
        if dims.last() != Some(&n_in) {
            return Err(Error::input(format!("weights of {n_in} rows met an operand of shape {dims:?}")));
        }
        dims.pop();
        let rows = dims.iter().product();
        dims.push(n_out);
        let y = affine_chain(x.reshape(&[rows, n_in])?.matrix()?, &self::layers(args, &kinds)?);
        Ok(Value::Float(Array::R2(y).reshape(&dims)?))
    });
    Prepared { scratch, chain, ..step.operands(operands).cost(Cost::PerRow(per_row)) }
}

/// The layers of an affine step with these activations, from its operands after the first.
pub fn layers(args: &mut Args, kinds: &[Activation]) -> Result<Vec<AffineLayer>> {
    let layer = |(i, &activation): (usize, &Activation)| {
        let weight = args.float(1 + 2 * i)?.matrix()?;
        let bias = args.float(2 + 2 * i)?.flat()?;
        Ok(AffineLayer { weight, bias, activation })
    };
    kinds.iter().enumerate().map(layer).collect()
}

/// A product of floats; of integers as floats, which is exact below 2²⁴.
fn matmul(args: &mut Args) -> Result<Value> {
    let whole = [0, 1].map(|i| args.get(i).map(|v| v.dtype()));
    let y = product(args.number(0)?, args.number(1)?)?;
    Ok(match whole {
        [Ok(dtype), Ok(_)] if dtype.is_int() => Value::Int(map_rank!(y, t => t.round().int()), dtype),
        _ => Value::Float(y),
    })
}

/// `alpha · A' B' + beta · C`.
fn gemm(node: &Node) -> Prepared {
    let (alpha, beta) = (node.float("alpha", 1.0), node.float("beta", 1.0));
    let (trans_a, trans_b) = (node.flag("transA", false), node.flag("transB", false));
    Prepared::new(move |args| {
        let (a, b) = (args.number(0)?.matrix()?, args.number(1)?.matrix()?);
        let a = if trans_a { a.transpose() } else { a };
        let b = if trans_b { b.transpose() } else { b };
        let y = Array::R2(a.matmul(b).mul_scalar(alpha));
        if !args.has(2) {
            return Ok(Value::Float(y));
        }
        let c = args.number(2)?;
        Ok(Value::Float(zip_rank!(y, c, (y, c) => y.add(c.mul_scalar(beta)))))
    })
    .cost(Cost::Contraction)
}

/// `alpha · A' B'`, where the last two axes of an operand may be swapped.
fn fused_matmul(node: &Node) -> Prepared {
    let alpha = node.float("alpha", 1.0);
    let (trans_a, trans_b) = (node.flag("transA", false), node.flag("transB", false));
    Prepared::new(move |args| {
        let (a, b) = (args.float(0)?, args.float(1)?);
        let a = if trans_a { swapped(a)? } else { a };
        let b = if trans_b { swapped(b)? } else { b };
        let y = product(a, b)?;
        Ok(Value::Float(map_rank!(y, t => t.mul_scalar(alpha))))
    })
    .cost(Cost::Contraction)
}

/// The last two axes swapped.
pub fn swapped(x: Array) -> Result<Array> {
    let mut axes: Vec<usize> = (0..x.rank()).collect();
    if let [.., a, b] = &mut axes[..] {
        std::mem::swap(a, b);
    }
    x.permute(&axes)
}

/// numpy's matmul: vectors are rows on the left and columns on the right, leading axes are broadcast.
pub fn product(a: Array, b: Array) -> Result<Array> {
    let (a_dims, b_dims) = (a.dims(), b.dims());
    if a_dims.is_empty() || b_dims.is_empty() {
        return Err(Error::input("a product with a scalar"));
    }
    let a = if a_dims.len() == 1 { a.reshape(&[1, a_dims[0]])? } else { a };
    let b = if b_dims.len() == 1 { b.reshape(&[b_dims[0], 1])? } else { b };
    let (inner, outer) = (a.dims()[a.rank() - 1], b.dims()[b.rank() - 2]);
    if inner != outer {
        return Err(Error::input(format!("a product of shapes {a_dims:?} and {b_dims:?}")));
    }
    let rank = a.rank().max(b.rank());
    let (a, b) = (lift(a, rank)?, lift(b, rank)?);
    let y = zip_rank!(a, b, (x, y) => x.matmul(y));
    let mut dims = y.dims();
    if b_dims.len() == 1 {
        dims.pop();
    }
    if a_dims.len() == 1 {
        dims.remove(dims.len() - 1 - usize::from(b_dims.len() != 1));
    }
    y.reshape(&dims)
}

/// The linear models of `ai.onnx.ml`: rows of weights as an affine map.
pub fn from_rows(coefficients: &[f32], intercepts: &[f32]) -> Result<Weights> {
    let n_out = intercepts.len();
    if n_out == 0 || coefficients.is_empty() || !coefficients.len().is_multiple_of(n_out) {
        let n = coefficients.len();
        return Err(Error::input(format!(
            "a linear model has {n} coefficients and {n_out} intercepts, which do not fit"
        )));
    }
    let n_in = coefficients.len() / n_out;
    let weight = (0..n_in * n_out).map(|k| coefficients[(k % n_out) * n_in + k / n_out]).collect();
    Ok(Weights { weight, bias: intercepts.to_vec(), n_in, n_out })
}
