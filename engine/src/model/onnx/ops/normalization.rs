//! Normalisations, as inference computes them.

use super::{Cost, Maker, Operand, Prepared};
use crate::kernels;
use crate::model::onnx::array::{Array, map_rank, zip_rank};
use crate::model::onnx::node::{self, Node};
use crate::model::onnx::value::{Host, Value};
use crate::{Error, Result};
use burn::tensor::Tensor;
use std::sync::Arc;

pub const TABLE: &[(&str, Maker)] = &[
    ("BatchNormalization", batch_norm),
    ("LayerNormalization", |n| Ok(layer_norm(n, true))),
    ("RMSNormalization", |n| Ok(layer_norm(n, false))),
    ("SimplifiedLayerNormalization", |n| Ok(layer_norm(n, false))),
    ("com.microsoft:SimplifiedLayerNormalization", |n| Ok(layer_norm(n, false))),
    ("com.microsoft:SkipLayerNormalization", |n| Ok(skip_layer_norm(n, true))),
    ("com.microsoft:SkipSimplifiedLayerNormalization", |n| Ok(skip_layer_norm(n, false))),
    ("InstanceNormalization", |n| Ok(instance_norm(n))),
    ("GroupNormalization", |n| Ok(group_norm(n))),
    ("MeanVarianceNormalization", |n| Ok(mean_variance(n))),
    ("LpNormalization", lp_norm),
    ("LRN", |n| Ok(lrn(n))),
];

/// `scale (x − mean) / √(var + ε) + bias` by channel (axis 1); constants are folded into `x · a + b`.
fn batch_norm(n: &Node) -> Result<Prepared> {
    if n.flag("training_mode", false) {
        return Err(n.refuse("training_mode"));
    }
    let epsilon = n.float("epsilon", 1e-5);
    let constants: Vec<Option<&[f32]>> = (1..5).map(|i| n.float_constant(i).map(|(values, _)| values)).collect();
    let step = Prepared::new(move |args| {
        let mut weights = [args.float(1)?.flat()?, args.float(2)?.flat()?];
        if args.has(3) {
            let (mean, variance) = (args.float(3)?.flat()?, args.float(4)?.flat()?);
            let a = weights[0].clone().div(variance.add_scalar(epsilon).sqrt());
            weights[1] = weights[1].clone().sub(mean.mul(a.clone()));
            weights[0] = a;
        }
        let x = args.float(0)?;
        let [a, b] = [0, 1].map(|i| by_channel(weights[i].clone(), x.rank()));
        let (a, b) = (a?, b?);
        let scaled = zip_rank!(x, a, (x, a) => x.mul(a));
        Ok(Value::Float(zip_rank!(scaled, b, (x, b) => x.add(b))))
    })
    .cost(Cost::PerOutput(2));
    let [Some(scale), Some(bias), Some(mean), Some(variance)] = constants[..] else { return Ok(step) };
    let n_channels = scale.len();
    if [bias.len(), mean.len(), variance.len()] != [n_channels; 3] {
        return Err(Error::input("the weights differ in length"));
    }
    let a: Vec<f64> =
        (0..n_channels).map(|c| f64::from(scale[c]) / (f64::from(variance[c]) + epsilon).sqrt()).collect();
    let b = (0..n_channels).map(|c| (f64::from(bias[c]) - a[c] * f64::from(mean[c])) as f32).collect();
    let a = a.into_iter().map(|v| v as f32).collect();
    let constants = [a, b].map(|v: Vec<f32>| Operand::Constant(Arc::new(Host::floats(v, &[n_channels]))));
    Ok(step.operands(std::iter::once(Operand::Input(0)).chain(constants).collect()))
}

/// A number a channel, shaped to meet arrays `[batch, channels, …]`.
fn by_channel(values: Tensor<1>, rank: usize) -> Result<Array> {
    let mut dims = vec![1; rank];
    *dims.get_mut(1).ok_or_else(|| Error::input("there is no channel axis"))? = values.dims()[0];
    Array::R1(values).reshape(&dims)
}

/// Rows with mean 0 and variance 1; also the mean and 1/√(var + ε) of each row.
fn standardised(x: Tensor<2>, epsilon: f64, centre: bool) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
    let mean = x.clone().mean_dim(1);
    let centred = if centre { x.sub(mean.clone()) } else { x };
    let inverse = centred.clone().square().mean_dim(1).add_scalar(epsilon).sqrt().recip();
    (centred.mul(inverse.clone()), mean, inverse)
}

/// An array as rows from an axis on.
fn rows(x: Array, axis: usize) -> Result<Tensor<2>> {
    let dims = x.dims();
    x.reshape(&[dims[..axis].iter().product(), dims[axis..].iter().product()])?.matrix()
}

/// `x · scale + bias`, both optional, broadcast.
fn affine(x: Array, scale: Option<Array>, bias: Option<Array>) -> Result<Array> {
    let x = match scale {
        Some(scale) => zip_rank!(x, scale, (x, s) => x.mul(s)),
        None => x,
    };
    Ok(match bias {
        Some(bias) => zip_rank!(x, bias, (x, b) => x.add(b)),
        None => x,
    })
}

/// `(x − mean) / √(var + ε) · scale + bias`, mean and variance over the axes from `axis` on; without centring,
/// `x / √(mean x² + ε) · scale`. Outputs: the result, means, 1/√(var + ε).
fn layer_norm(n: &Node, centre: bool) -> Prepared {
    let (axis, epsilon) = (n.int("axis").unwrap_or(-1), n.float("epsilon", 1e-5));
    let alone = centre && !n.wants(1) && !n.wants(2);
    Prepared::many(if centre { 3 } else { 1 }, move |args| {
        let x = args.float(0)?;
        let dims = x.dims();
        let axis = node::axis(axis, dims.len())?;
        if alone
            && axis + 1 == dims.len()
            && dims[axis] > 0
            && args.dims(1) == dims[axis..]
            && (!args.has(2) || args.dims(2) == dims[axis..])
        {
            let (scale, bias) = (args.float(1)?.flat()?, args.has(2).then(|| args.float(2)?.flat()).transpose()?);
            let y = kernels::norm(rows(x, axis)?, None, &scale, bias.as_ref(), epsilon);
            return Ok(vec![Value::Float(Array::R2(y).reshape(&dims)?)]);
        }
        let (normal, mean, inverse) = standardised(rows(x, axis)?, epsilon, centre);
        let scale = args.has(1).then(|| args.float(1)).transpose()?;
        let bias = args.has(2).then(|| args.float(2)).transpose()?;
        let y = affine(Array::R2(normal).reshape(&dims)?, scale, bias)?;
        let mut kept = dims;
        kept[axis..].fill(1);
        let [mean, inverse] = [mean, inverse].map(|t| Array::R2(t).reshape(&kept).map(Value::Float));
        Ok(vec![Value::Float(y), mean?, inverse?])
    })
    .cost(Cost::PerOutput(7))
}

/// Layer normalisation of the sum of two operands; scale and bias are the others. Over the last axis.
pub fn residual(epsilon: f64) -> Prepared {
    Prepared::new(move |args| {
        let (x, skip) = (args.float(0)?, args.float(1)?);
        let (scale, bias) = (args.float(2)?, args.has(3).then(|| args.float(3)).transpose()?);
        Ok(Value::Float(normalised(x, skip, scale, bias, epsilon)?))
    })
    .cost(Cost::PerOutput(8))
}

/// Layer normalisation of a sum over its last axis.
fn normalised(x: Array, skip: Array, scale: Array, bias: Option<Array>, epsilon: f64) -> Result<Array> {
    let dims = x.dims();
    let list = |a: &Array| dims.ends_with(&a.dims()) && a.rank() == 1 && a.len() > 0;
    if dims != skip.dims() || !list(&scale) || !bias.as_ref().is_none_or(list) {
        let sum = zip_rank!(x, skip, (x, s) => x.add(s));
        let dims = sum.dims();
        let axis = node::axis(-1, dims.len())?;
        let (normal, ..) = standardised(rows(sum, axis)?, epsilon, true);
        return affine(Array::R2(normal).reshape(&dims)?, Some(scale), bias);
    }
    let axis = dims.len() - 1;
    let bias = bias.map(Array::flat).transpose()?;
    let y = kernels::norm(rows(x, axis)?, Some(rows(skip, axis)?), &scale.flat()?, bias.as_ref(), epsilon);
    Array::R2(y).reshape(&dims)
}

/// Layer normalisation of `x + skip (+ bias)`; output 3 is that sum.
fn skip_layer_norm(n: &Node, centre: bool) -> Prepared {
    let epsilon = n.float("epsilon", 1e-12);
    let bias_at = if centre { 4 } else { 3 };
    let mut step = Prepared::many(2, move |args| {
        let (x, skip) = (args.float(0)?, args.float(1)?);
        let mut sum = zip_rank!(x, skip, (x, s) => x.add(s));
        if args.has(bias_at) {
            let bias = args.float(bias_at)?;
            sum = zip_rank!(sum, bias, (x, b) => x.add(b));
        }
        let dims = sum.dims();
        let (normal, ..) = standardised(rows(sum.clone(), dims.len() - 1)?, epsilon, centre);
        let gamma = Some(args.float(2)?);
        let beta = (centre && args.has(3)).then(|| args.float(3)).transpose()?;
        Ok(vec![Value::Float(affine(Array::R2(normal).reshape(&dims)?, gamma, beta)?), Value::Float(sum)])
    });
    step.outputs = vec![0, 3];
    step.cost(Cost::PerOutput(8))
}

/// Each channel of each row on its own.
fn instance_norm(n: &Node) -> Prepared {
    let epsilon = n.float("epsilon", 1e-5);
    Prepared::new(move |args| {
        let x = args.float(0)?;
        let dims = x.dims();
        let (normal, ..) = standardised(rows(x, 2.min(dims.len()))?, epsilon, true);
        let [scale, bias] = [1, 2].map(|i| by_channel(args.float(i)?.flat()?, dims.len()));
        Ok(Value::Float(affine(Array::R2(normal).reshape(&dims)?, Some(scale?), Some(bias?))?))
    })
    .cost(Cost::PerOutput(7))
}

/// Groups of neighbouring channels together; scale and bias by channel, or by group before opset 21.
fn group_norm(n: &Node) -> Prepared {
    let (epsilon, groups) = (n.float("epsilon", 1e-5), n.int("num_groups").unwrap_or(1).max(1) as usize);
    Prepared::new(move |args| {
        let x = args.float(0)?;
        let dims = x.dims();
        let channels = dims.get(1).copied().unwrap_or(0);
        if !channels.is_multiple_of(groups) {
            return Err(Error::input(format!("{channels} channels are no whole number of {groups} groups")));
        }
        let inner = dims[1..].iter().product::<usize>() / groups;
        let x: Tensor<2> = x.reshape(&[dims[0] * groups, inner])?.matrix()?;
        let normal = Array::R2(standardised(x, epsilon, true).0).reshape(&dims)?;
        let [scale, bias] = [1, 2].map(|i| {
            let weight = args.float(i)?.flat()?;
            let n = weight.dims()[0];
            let spread: Tensor<2> = weight.reshape([n, 1]).expand([n, channels / n.max(1)]);
            by_channel(spread.reshape([channels]), dims.len())
        });
        Ok(Value::Float(affine(normal, Some(scale?), Some(bias?))?))
    })
    .cost(Cost::PerOutput(7))
}

/// `(x − mean) / (√var + 1e-9)` over axes, batch and space by default.
fn mean_variance(n: &Node) -> Prepared {
    let axes = n.ints("axes").unwrap_or_else(|| vec![0, 2, 3]);
    Prepared::new(move |args| {
        let x = args.float(0)?;
        let axes = node::axes(&axes, x.rank())?;
        Ok(Value::Float(map_rank!(x, t => {
            let mean = |t: Tensor<_>| axes.iter().fold(t, |t, &axis| t.mean_dim(axis));
            let centred = t.clone().sub(mean(t));
            centred.clone().div(mean(centred.square()).sqrt().add_scalar(1e-9))
        })))
    })
    .cost(Cost::PerOutput(7))
}

/// Divided by the sum of magnitudes or the length along an axis; zeros stay.
fn lp_norm(n: &Node) -> Result<Prepared> {
    let (axis, p) = (n.int("axis").unwrap_or(-1), n.int("p").unwrap_or(2));
    if !(1..=2).contains(&p) {
        return Err(Error::input(format!("p is {p}; 1 and 2 are allowed")));
    }
    Ok(Prepared::new(move |args| {
        let x = args.float(0)?;
        let axis = node::axis(axis, x.rank())?;
        Ok(Value::Float(map_rank!(x, t => {
            let size = if p == 1 { t.clone().abs().sum_dim(axis) } else { t.clone().square().sum_dim(axis).sqrt() };
            let zero = size.clone().equal_scalar(0.0);
            t.div(size.mask_fill(zero, 1.0))
        })))
    })
    .cost(Cost::PerOutput(3)))
}

/// `x / (bias + α/size · Σ x²)^β` over a window of neighbouring channels.
fn lrn(n: &Node) -> Prepared {
    let (alpha, beta, bias) = (n.float("alpha", 1e-4), n.float("beta", 0.75), n.float("bias", 1.0));
    let size = n.int("size").unwrap_or(1).max(1) as usize;
    Prepared::new(move |args| {
        let x = args.float(0)?;
        let dims = x.dims();
        let [batch, channels] = [dims[0], dims.get(1).copied().unwrap_or(1)];
        let t: Tensor<3> = match x.reshape(&[batch, channels, dims.iter().skip(2).product()])? {
            Array::R3(t) => t,
            _ => return Err(Error::input("no channels")),
        };
        let before = (size - 1) / 2;
        let square = t.clone().square();
        let mut total = square.clone().zeros_like();
        for c in 0..channels {
            let (first, last) = (c.saturating_sub(before), (c + size - before).min(channels));
            let window = square.clone().narrow(1, first, last - first).sum_dim(1);
            total = total.slice_assign([0..batch, c..c + 1], window);
        }
        let y = t.div(total.mul_scalar(alpha / size as f64).add_scalar(bias).powf_scalar(beta));
        Ok(Value::Float(Array::R3(y).reshape(&dims)?))
    })
    .cost(Cost::PerOutput(5))
}
