//! Matrix products. Products with constant weights that follow each other become one step with their biases and activations.

use super::{Constant, Cost, Operand, Prepared, float_constant, unsupported};
use crate::kernels::{Activation, AffineLayer, affine_chain};
use crate::model::onnx::value::{Args, Array, Value, zip_rank};
use crate::{Error, Result};
use onnx_ir::gemm::GemmConfig;
use onnx_ir::{Argument, Node};

/// Weights of an affine map: `weight` is `[n_in, n_out]` by rows, `bias` is `[n_out]`.
pub struct Weights {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
    pub n_in: usize,
    pub n_out: usize,
}

/// The activation a node stands for, if it can be computed with an affine map.
pub fn activation_of(node: &Node) -> Option<Activation> {
    match node {
        Node::Relu(_) => Some(Activation::Relu),
        Node::Sigmoid(_) => Some(Activation::Sigmoid),
        Node::Tanh(_) => Some(Activation::Tanh),
        _ => None,
    }
}

/// The weights of a `Linear` or `Gemm` node whose second and third inputs are constants of the usual shapes.
pub fn weights(node: &Node) -> Result<Option<Weights>> {
    let (alpha, beta, transposed) = match node {
        Node::Linear(n) => (1.0, 1.0, n.config.transpose_weight),
        Node::Gemm(n) if n.config.trans_a == 0 => (n.config.alpha, n.config.beta, n.config.trans_b == 1),
        _ => return Ok(None),
    };
    let inputs = node.inputs();
    let Some((w, dims)) = float_constant(&inputs[1])? else { return Ok(None) };
    let [rows, columns] = dims[..] else { return Ok(None) };
    let (n_in, n_out) = if transposed { (columns, rows) } else { (rows, columns) };
    let Some(bias) = bias_of(inputs.get(2), n_out)? else { return Ok(None) };
    let at = |i: usize, o: usize| if transposed { w[o * n_in + i] } else { w[i * n_out + o] };
    let weight = (0..n_in * n_out).map(|k| alpha * at(k / n_out, k % n_out)).collect();
    Ok(Some(Weights { weight, bias: bias.iter().map(|b| beta * b).collect(), n_in, n_out }))
}

/// A constant bias spread over `n_out` columns; zeros where the input is absent; none where it is another kind of value.
pub fn bias_of(input: Option<&Argument>, n_out: usize) -> Result<Option<Vec<f32>>> {
    let Some(argument) = input.filter(|a| !a.is_optional()) else { return Ok(Some(vec![0.0; n_out])) };
    Ok(float_constant(argument)?.and_then(|(values, dims)| {
        let leading: usize = dims.iter().rev().skip(1).product();
        match values.len() {
            1 => Some(vec![values[0]; n_out]),
            n if n == n_out && leading == 1 => Some(values),
            _ => None,
        }
    }))
}

/// `activation(x · weight + bias)` over the last axis of `x`, for each layer in turn.
pub fn affine_step(layers: Vec<(Weights, Activation)>) -> Prepared {
    let kinds: Vec<Activation> = layers.iter().map(|(_, activation)| *activation).collect();
    let ends = layers.first().zip(layers.last()).map_or((0, 0), |((first, _), (last, _))| (first.n_in, last.n_out));
    let (n_in, n_out) = ends;
    let per_row = layers.iter().map(|(w, a)| w.n_out * (2 * w.n_in + 1 + usize::from(*a != Activation::None))).sum();
    // Between two layers the outputs of one and the inputs of the next are there at once.
    let scratch = 2 * layers.iter().map(|(w, _)| w.n_out).max().unwrap_or(0);
    let mut operands = vec![Operand::Input(0)];
    for (Weights { weight, bias, n_in, n_out }, _) in layers {
        operands.push(Operand::Constant(Constant::Float(weight, vec![n_in, n_out])));
        operands.push(Operand::Constant(Constant::Float(bias, vec![n_out])));
    }
    let chain = Some(kinds.clone());
    let step = Prepared::new(move |args| {
        let x = args.float(0)?;
        let mut dims = x.dims();
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
        let Array::R1(bias) = args.float(2 + 2 * i)? else {
            return Err(Error::input("the bias of an affine map is not a vector"));
        };
        Ok(AffineLayer { weight, bias, activation })
    };
    kinds.iter().enumerate().map(layer).collect()
}

/// A product whose weights are not constant.
pub fn prepare(node: &Node) -> Result<Prepared> {
    match node {
        Node::MatMul(_) => Ok(Prepared::new(|args| product(args.float(0)?, args.float(1)?).map(Value::Float))),
        Node::Gemm(n) => Ok(gemm(&n.config)),
        _ => return Err(unsupported(node)),
    }
    .map(|step| step.cost(Cost::Contraction))
}

/// `alpha · A' B' + beta · C`.
fn gemm(config: &GemmConfig) -> Prepared {
    let (alpha, beta) = (config.alpha, config.beta);
    let (trans_a, trans_b) = (config.trans_a == 1, config.trans_b == 1);
    Prepared::new(move |args| {
        let (a, b) = (args.float(0)?.matrix()?, args.float(1)?.matrix()?);
        let a = if trans_a { a.transpose() } else { a };
        let b = if trans_b { b.transpose() } else { b };
        let y = Array::R2(a.matmul(b).mul_scalar(alpha));
        if !args.has(2) {
            return Ok(Value::Float(y));
        }
        let c = args.float(2)?;
        Ok(Value::Float(zip_rank!(y, c, (y, c) => y.add(c.mul_scalar(beta)))))
    })
}

/// numpy's matmul: vectors are rows on the left and columns on the right, leading axes are broadcast.
fn product(a: Array, b: Array) -> Result<Array> {
    let (a_dims, b_dims) = (a.dims(), b.dims());
    let a = if a_dims.len() == 1 { a.reshape(&[1, a_dims[0]])? } else { a };
    let b = if b_dims.len() == 1 { b.reshape(&[b_dims[0], 1])? } else { b };
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

/// Post-processing of the linear models of `ai.onnx.ml`: rows of weights to an affine map.
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
