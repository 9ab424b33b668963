//! Activations and softmax.

use super::elementwise::unary;
use super::{Cost, Prepared};
use crate::model::onnx::value::{Args, Value, map_rank, zip_rank};
use burn::tensor::{Tensor, activation};
use onnx_ir::gelu::{GeluApproximate, GeluConfig};

pub fn relu() -> Prepared {
    unary!(x => activation::relu(x))
}

pub fn sigmoid() -> Prepared {
    unary!(x => activation::sigmoid(x))
}

pub fn tanh() -> Prepared {
    unary!(x => x.tanh())
}

pub fn leaky_relu(alpha: f64) -> Prepared {
    unary!(x => activation::leaky_relu(x, alpha))
}

/// `max(x, 0) + slope · min(x, 0)`, the slope broadcast.
pub fn prelu() -> Prepared {
    Prepared::new(|args| {
        let (x, slope) = (args.float(0)?, args.float(1)?);
        Ok(Value::Float(zip_rank!(x, slope, (x, s) => x.clone().clamp_min(0.0).add(s.mul(x.clamp_max(0.0))))))
    })
}

pub fn elu(alpha: f64) -> Prepared {
    unary!(x => positive(x.clone()).add(negative_exp(x, 1.0).mul_scalar(alpha)))
}

pub fn selu(alpha: f64, gamma: f64) -> Prepared {
    unary!(x => positive(x.clone()).add(negative_exp(x, 1.0).mul_scalar(alpha)).mul_scalar(gamma))
}

/// `max(x, 0) + min(α (e^{x/α} − 1), 0)`.
pub fn celu(alpha: f64) -> Prepared {
    unary!(x => positive(x.clone()).add(negative_exp(x, alpha).mul_scalar(alpha)))
}

fn positive<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.clamp_min(0.0)
}

/// `e^{min(x, 0)/scale} − 1`.
fn negative_exp<const D: usize>(x: Tensor<D>, scale: f64) -> Tensor<D> {
    x.clamp_max(0.0).div_scalar(scale).exp().sub_scalar(1.0)
}

pub fn gelu(config: &GeluConfig) -> Prepared {
    match config.approximate {
        GeluApproximate::Exact => unary!(x => activation::gelu(x)),
        GeluApproximate::Tanh => unary!(x => activation::gelu_approximate(x)),
    }
}

/// `max(0, min(1, α x + β))`.
pub fn hard_sigmoid(alpha: f64, beta: f64) -> Prepared {
    unary!(x => x.mul_scalar(alpha).add_scalar(beta).clamp(0.0, 1.0))
}

pub fn hard_swish() -> Prepared {
    unary!(x => x.clone().mul(x.div_scalar(6.0).add_scalar(0.5).clamp(0.0, 1.0)))
}

pub fn mish() -> Prepared {
    unary!(x => x.clone().mul(log1p_exp(x).tanh()))
}

pub fn softplus() -> Prepared {
    unary!(x => log1p_exp(x))
}

/// `log(1 + e^x)` without overflow.
fn log1p_exp<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.clone().clamp_min(0.0).add(x.abs().neg().exp().log1p())
}

pub fn softsign() -> Prepared {
    unary!(x => x.clone().div(x.abs().add_scalar(1.0)))
}

pub fn thresholded_relu(alpha: f64) -> Prepared {
    unary!(x => { let below = x.clone().lower_equal_scalar(alpha); x.mask_fill(below, 0.0) })
}

/// Softmax or its logarithm along an axis; before opset 13, over all axes from there on.
pub fn softmax(axis: usize, opset: i64, log: bool) -> Prepared {
    let apply = move |args: &mut Args| {
        let x = args.float(0)?;
        let dims = x.dims();
        let flatten = opset < 13 && axis + 1 < dims.len();
        let (axis, x) = match flatten {
            true => (1, x.reshape(&[dims[..axis].iter().product(), dims[axis..].iter().product()])?),
            false => (axis, x),
        };
        let y = if log {
            map_rank!(x, t => activation::log_softmax(t, axis))
        } else {
            map_rank!(x, t => activation::softmax(t, axis))
        };
        Ok(Value::Float(y.reshape(&dims)?))
    };
    Prepared::new(apply).cost(Cost::PerOutput(5))
}
