//! The step of a convolution with what follows it. On the CPU it is one pass, over one or two spatial axes; elsewhere burn's
//! convolution and then what follows, one after the other.

use super::conv::{Window, bias, convolved};
use super::{Cost, Operand, Prepared};
use crate::kernels::{self, Activation, After, ConvShape, ConvWeights};
use crate::model::onnx::args::Args;
use crate::model::onnx::array::{Array, map_rank, zip_rank};
use crate::model::onnx::node::Node;
use crate::model::onnx::value::{Host, Value};
use crate::{Error, Result};
use burn::tensor::{Tensor, activation};
use std::sync::{Arc, OnceLock};

/// A convolution as the file states it, and what follows it.
struct Convolution {
    window: Window,
    groups: usize,
    after: Vec<After>,
    /// Weights as the CPU wants them, if they are the same in every run.
    packed: Option<OnceLock<ConvWeights>>,
}

/// Operands input, weight and, where there is one, bias.
pub fn conv(n: &Node) -> Result<Prepared> {
    let constant = n.constant(1).is_some() && (!n.has(2) || n.constant(2).is_some());
    step(n, vec![], constant)
}

/// The step of a `Conv` with other weights than the node's, passed through `after`; every `Add` takes the next of the named values.
///
/// # Errors
/// Settings that are not known.
pub fn convolution(n: &Node, weight: Host, bias: Vec<f32>, after: Vec<After>, added: Vec<String>) -> Result<Prepared> {
    let bias = Host { dims: vec![bias.len()], ..Host::floats(bias, &[]) };
    let weights = [weight, bias].map(|host| Operand::Constant(Arc::new(host)));
    let operands = [Operand::Input(0)].into_iter().chain(weights).chain(added.into_iter().map(Operand::Named));
    Ok(step(n, after, true)?.operands(operands.collect()))
}

fn step(n: &Node, after: Vec<After>, constant: bool) -> Result<Prepared> {
    let (window, groups) = (Window::read(n)?, n.int("group").unwrap_or(1).max(1) as usize);
    let volume = window.kernel.iter().product();
    let convolution = Convolution { window, groups, after, packed: constant.then(OnceLock::new) };
    Ok(Prepared::new(move |args| convolution.run(args)).cost(Cost::Window { volume, groups }))
}

impl Convolution {
    fn run(&self, args: &mut Args) -> Result<Value> {
        let bias = bias(args)?;
        let (x, weight) = (args.float(0)?, args.float(1)?);
        let added = (3..args.values.len()).map(|i| args.number(i)).collect::<Result<Vec<_>>>()?;
        if let Some(y) = self.in_one_pass(&x, &weight, bias.as_ref(), &added)? {
            return Ok(Value::Float(y));
        }
        let n_spatial = x.rank().saturating_sub(2);
        let mut y = convolved(x, weight, bias, &self.window, self.groups)?;
        let mut added = added.into_iter();
        for after in &self.after {
            y = follow(after, y, n_spatial, &mut added)?;
        }
        Ok(Value::Float(y))
    }

    /// On the CPU, if all operands have the shapes it takes.
    fn in_one_pass(
        &self,
        x: &Array,
        weight: &Array,
        bias: Option<&Tensor<1>>,
        added: &[Array],
    ) -> Result<Option<Array>> {
        let (dims, kernel) = (x.dims(), weight.dims());
        let Some(shape) = plane(&dims, &kernel, &self.window, self.groups)? else { return Ok(None) };
        let Some([height, width]) = shape.out() else { return Ok(None) };
        let out: Vec<usize> = match dims.len() {
            3 => vec![shape.batch, shape.outputs, width],
            _ if shape.size == dims[2..] => vec![shape.batch, shape.outputs, height, width],
            _ => vec![shape.batch, shape.outputs, width, 1],
        };
        if added.iter().any(|other| other.dims() != out) || out.contains(&0) || dims.contains(&0) {
            return Ok(None);
        }
        let pack = || {
            let rows = weight.clone().reshape(&[shape.outputs, kernel[1..].iter().product()]).ok()?.matrix().ok()?;
            let bias = bias.cloned().unwrap_or_else(|| Tensor::zeros([shape.outputs], &rows.device()));
            kernels::conv_weights(&rows, &bias, self.groups, shape.kernel[0] * shape.kernel[1])
        };
        let made;
        let weights = match self.packed.as_ref().map(|packed| (packed, packed.get())) {
            Some((_, Some(packed))) => packed,
            Some((packed, None)) => match pack() {
                Some(weights) => packed.get_or_init(|| weights),
                None => return Ok(None),
            },
            None => match pack() {
                Some(weights) => {
                    made = weights;
                    &made
                }
                None => return Ok(None),
            },
        };
        let four = |array: &Array, [height, width]: [usize; 2], channels: usize| match array.clone().reshape(&[
            shape.batch,
            channels,
            height,
            width,
        ])? {
            Array::R4(t) => Ok(t),
            other => Err(Error::input(format!("expected four axes, got shape {:?}", other.dims()))),
        };
        let others = added.iter().map(|other| four(other, [height, width], shape.outputs)).collect::<Result<_>>()?;
        let x = four(x, shape.size, shape.inputs)?;
        kernels::conv(x, &shape, weights, &self.after, others).map(|y| Array::R4(y).reshape(&out)).transpose()
    }
}

/// The shape of a convolution over one or two axes, as one over two: a last axis of length 1 goes first. None for other ranks, and where
/// the operands do not fit, which [`convolved`] tells.
fn plane(dims: &[usize], kernel: &[usize], window: &Window, groups: usize) -> Result<Option<ConvShape>> {
    let n = dims.len().saturating_sub(2);
    if kernel.len() != dims.len()
        || !(1..=2).contains(&n)
        || dims[1] != kernel[1] * groups
        || !kernel[0].is_multiple_of(groups)
    {
        return Ok(None);
    }
    let w = window.over(&dims[2..], &kernel[2..])?;
    if w.kernel[..] != kernel[2..] {
        return Ok(None);
    }
    let line = |i: usize| (dims[2 + i], w.kernel[i], w.strides[i], w.dilations[i], (w.pads[i], w.pads[n + i]));
    let flat = (1, 1, 1, 1, (0, 0));
    let [y, x] = match n {
        1 => [flat, line(0)],
        _ if dims[3] == 1 && w.kernel[1] == 1 && line(1).4 == (0, 0) => [flat, line(0)],
        _ => [line(0), line(1)],
    };
    Ok(Some(ConvShape {
        batch: dims[0],
        inputs: dims[1],
        outputs: kernel[0],
        groups,
        size: [y.0, x.0],
        kernel: [y.1, x.1],
        strides: [y.2, x.2],
        dilations: [y.3, x.3],
        pads: [y.4, x.4],
    }))
}

/// One step after a convolution on any device.
fn follow(after: &After, y: Array, n_spatial: usize, added: &mut impl Iterator<Item = Array>) -> Result<Array> {
    let by_channel = |list: &[f32]| {
        let mut dims = vec![list.len()];
        dims.resize(1 + n_spatial, 1);
        Host::floats(list.to_vec(), &dims)
    };
    Ok(match after {
        After::Activation(Activation::None) => y,
        After::Activation(Activation::Relu) => map_rank!(y, t => activation::relu(t)),
        After::Activation(Activation::Sigmoid) => map_rank!(y, t => activation::sigmoid(t)),
        After::Activation(Activation::Tanh) => map_rank!(y, t => t.tanh()),
        After::Activation(Activation::Gelu) => map_rank!(y, t => activation::gelu(t)),
        &After::Clip { low, high } => map_rank!(y, t => t.clamp(low, high)),
        &After::Gate { alpha, beta, top } => {
            map_rank!(y, t => t.clone().mul(t.mul_scalar(alpha).add_scalar(beta).clamp(0.0, top)))
        }
        &After::Swish { alpha } => map_rank!(y, t => t.clone().mul(activation::sigmoid(t.mul_scalar(alpha)))),
        After::Scale { scale, shift } => {
            let device = crate::model::onnx::array::with_rank!(&y, t => t.device());
            let [scale, shift] = [scale, shift].map(|list| by_channel(list).upload(&device)?.into_float());
            let (scale, shift) = (scale?, shift?);
            let scaled = zip_rank!(y, scale, (y, s) => y.mul(s));
            zip_rank!(scaled, shift, (y, s) => y.add(s))
        }
        After::Add => {
            let other = added.next().ok_or_else(|| Error::input("an operand to add is missing"))?;
            zip_rank!(y, other, (y, o) => y.add(o))
        }
    })
}
