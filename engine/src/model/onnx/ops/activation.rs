//! Activations and softmax.

use super::elementwise::unary;
use super::{Cost, Maker, Prepared};
use crate::kernels;
use crate::model::onnx::args::Args;
use crate::model::onnx::array::{Array, map_rank, zip_rank};
use crate::model::onnx::node::{self, Node};
use crate::model::onnx::value::{Host, Value};
use crate::{Error, Result};
use burn::tensor::{Tensor, activation};

pub const TABLE: &[(&str, Maker)] = &[
    ("Relu", |_| Ok(unary!(x => activation::relu(x)))),
    ("Sigmoid", |_| Ok(unary!(x => activation::sigmoid(x)))),
    ("Tanh", |_| Ok(unary!(x => x.tanh()))),
    ("LeakyRelu", |n| {
        let alpha = n.float("alpha", 0.01);
        Ok(unary!(x => activation::leaky_relu(x, alpha)))
    }),
    ("PRelu", |_| Ok(prelu())),
    ("Elu", |n| {
        let alpha = n.float("alpha", 1.0);
        Ok(unary!(x => positive(x.clone()).add(negative_exp(x, 1.0).mul_scalar(alpha))))
    }),
    ("Selu", |n| {
        let (alpha, gamma) = (n.float("alpha", 1.673_263_2), n.float("gamma", 1.050_701));
        Ok(unary!(x => positive(x.clone()).add(negative_exp(x, 1.0).mul_scalar(alpha)).mul_scalar(gamma)))
    }),
    // max(x, 0) + min(α (e^{x/α} − 1), 0)
    ("Celu", |n| {
        let alpha = n.float("alpha", 1.0);
        Ok(unary!(x => positive(x.clone()).add(negative_exp(x, alpha).mul_scalar(alpha))))
    }),
    ("Gelu", |n| Ok(gelu(n.text("approximate") == Some("tanh")))),
    ("HardSigmoid", |n| Ok(hard_sigmoid(n.float("alpha", 0.2), n.float("beta", 0.5)))),
    ("HardSwish", |_| Ok(unary!(x => x.clone().mul(x.div_scalar(6.0).add_scalar(0.5).clamp(0.0, 1.0))))),
    ("Mish", |_| Ok(unary!(x => x.clone().mul(log1p_exp(x).tanh())))),
    ("Softplus", |_| Ok(unary!(x => log1p_exp(x)))),
    ("Softsign", |_| Ok(unary!(x => x.clone().div(x.abs().add_scalar(1.0))))),
    ("Swish", |n| {
        let alpha = n.float("alpha", 1.0);
        Ok(unary!(x => x.clone().mul(activation::sigmoid(x.mul_scalar(alpha)))))
    }),
    ("ThresholdedRelu", |n| {
        let alpha = n.float("alpha", 1.0);
        Ok(unary!(x => { let below = x.clone().lower_equal_scalar(alpha); x.mask_fill(below, 0.0) }))
    }),
    ("Shrink", |n| {
        let (bias, lambda) = (n.float("bias", 0.0), n.float("lambd", 0.5));
        Ok(unary!(x => shrink(x, bias, lambda)))
    }),
    ("Softmax", |n| Ok(softmax(n, Softmax::Plain))),
    ("LogSoftmax", |n| Ok(softmax(n, Softmax::Log))),
    ("Hardmax", |n| Ok(softmax(n, Softmax::Hard))),
    ("com.microsoft:Gelu", |_| Ok(gelu(false))),
    ("com.microsoft:FastGelu", |_| Ok(biased_gelu(true))),
    ("com.microsoft:BiasGelu", |_| Ok(biased_gelu(false))),
    ("com.microsoft:QuickGelu", |n| {
        let alpha = n.float("alpha", 1.702);
        Ok(unary!(x => x.clone().mul(activation::sigmoid(x.mul_scalar(alpha)))))
    }),
];

/// `max(x, 0) + slope · min(x, 0)`, the slope broadcast.
fn prelu() -> Prepared {
    Prepared::new(|args| {
        let (x, slope) = (args.float(0)?, args.float(1)?);
        Ok(Value::Float(zip_rank!(x, slope, (x, s) => x.clone().clamp_min(0.0).add(s.mul(x.clamp_max(0.0))))))
    })
}

fn positive<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.clamp_min(0.0)
}

/// `e^{min(x, 0)/scale} − 1`.
fn negative_exp<const D: usize>(x: Tensor<D>, scale: f64) -> Tensor<D> {
    x.clamp_max(0.0).div_scalar(scale).exp().sub_scalar(1.0)
}

fn gelu(tanh: bool) -> Prepared {
    match tanh {
        false => unary!(x => kernels::gelu(x)),
        true => unary!(x => activation::gelu_approximate(x)),
    }
    .cost(Cost::PerOutput(8))
}

/// The exact gelu, where several nodes stand for it.
pub fn written_out() -> Prepared {
    gelu(false)
}

/// Gelu of `x + bias`, the bias being optional.
fn biased_gelu(tanh: bool) -> Prepared {
    let gelu = gelu(tanh);
    Prepared::new(move |args| {
        if args.has(1) {
            let (x, bias) = (args.float(0)?, args.float(1)?);
            args.values[0] = Some(Value::Float(zip_rank!(x, bias, (x, b) => x.add(b))));
        }
        Ok((gelu.op)(args)?.remove(0))
    })
    .cost(Cost::PerOutput(9))
}

/// `max(0, min(1, α x + β))`.
fn hard_sigmoid(alpha: f64, beta: f64) -> Prepared {
    unary!(x => x.mul_scalar(alpha).add_scalar(beta).clamp(0.0, 1.0))
}

/// `log(1 + e^x)` without overflow.
fn log1p_exp<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.clone().clamp_min(0.0).add(x.abs().neg().exp().log1p())
}

/// `x + bias` below −λ, `x − bias` above λ, 0 between.
fn shrink<const D: usize>(x: Tensor<D>, bias: f64, lambda: f64) -> Tensor<D> {
    let (below, above) = (x.clone().lower_scalar(-lambda), x.clone().greater_scalar(lambda));
    x.clone().zeros_like().mask_where(below, x.clone().add_scalar(bias)).mask_where(above, x.sub_scalar(bias))
}

#[derive(Clone, Copy, PartialEq)]
enum Softmax {
    Plain,
    Log,
    /// 1 at the first largest, 0 elsewhere.
    Hard,
}

/// Along an axis, the last by default; before opset 13, over all axes from the given one on, 1 by default.
fn softmax(n: &Node, kind: Softmax) -> Prepared {
    let coerced = n.opset < 13;
    let given = n.int("axis").unwrap_or(if coerced { 1 } else { -1 });
    let apply = move |args: &mut Args| {
        let x = args.float(0)?;
        let dims = x.dims();
        if dims.is_empty() {
            return Ok(Value::Float(map_rank!(x, t => along(kind, t, 0)?)));
        }
        let axis = node::axis(given, dims.len())?;
        let flatten = coerced && axis + 1 < dims.len();
        let (axis, x) = match flatten {
            true => (1, x.reshape(&[dims[..axis].iter().product(), dims[axis..].iter().product()])?),
            false => (axis, x),
        };
        let y: Array = map_rank!(x, t => along(kind, t, axis)?);
        Ok(Value::Float(y.reshape(&dims)?))
    };
    Prepared::new(apply).cost(Cost::PerOutput(5))
}

fn along<const D: usize>(kind: Softmax, x: Tensor<D>, axis: usize) -> Result<Tensor<D>> {
    Ok(match kind {
        Softmax::Plain => activation::softmax(x, axis),
        Softmax::Log => activation::log_softmax(x, axis),
        Softmax::Hard => {
            let (dims, device) = (x.dims(), x.device());
            let top = x.argmax(axis);
            let mut shape = [1; D];
            shape[axis] = dims[axis];
            let places = Host::ints((0..dims[axis] as i64).collect(), &[dims[axis]]).upload(&device)?;
            let Value::Int(Array::R1(places), _) = places else { return Err(Error::input("an axis is no list")) };
            top.expand(dims).equal(places.reshape(shape).expand(dims)).float()
        }
    })
}
