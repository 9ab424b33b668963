//! Functions of one number, element by element.

use super::{Maker, Prepared};
use crate::model::onnx::array::{Array, map_rank};
use crate::model::onnx::node::Node;
use crate::model::onnx::value::{Host, Numbers, Value};
use crate::{Error, Result};
use burn::tensor::Tensor;
use burn::tensor::kind::Basic;
use std::sync::Arc;

/// A float operator of one operand, written for a tensor of any rank.
macro_rules! unary {
    ($x:ident => $body:expr) => {
        $crate::model::onnx::ops::Prepared::new(move |args| {
            let x = args.number(0)?;
            Ok($crate::model::onnx::value::Value::Float($crate::model::onnx::array::map_rank!(x, $x => $body)))
        })
    };
}
pub(super) use unary;

/// The same for integers too, which keep their type.
macro_rules! unary_any {
    ($x:ident => $body:expr, host $v:ident => $host:expr) => {
        Prepared::new(move |args| {
            if let Value::Host(host) | Value::Both(host, _) = args.get(0)?
                && let Numbers::Int(values, dtype) = &host.numbers
            {
                let numbers = Numbers::Int(values.iter().map(|&$v| dtype.wrap($host)).collect(), *dtype);
                return Ok(Host { numbers, dims: host.dims.clone() }.into());
            }
            Ok(match args.array(0)? {
                Value::Int(x, dtype) => Value::Int(map_rank!(x, $x => $body), dtype),
                other => {
                    let x = other.into_float()?;
                    Value::Float(map_rank!(x, $x => $body))
                }
            })
        })
    };
}

pub const TABLE: &[(&str, Maker)] = &[
    ("Abs", |_| Ok(unary_any!(x => x.abs(), host v => v.wrapping_abs()))),
    ("Neg", |_| Ok(unary_any!(x => x.neg(), host v => v.wrapping_neg()))),
    ("Sign", |_| Ok(unary_any!(x => x.sign(), host v => v.signum()))),
    ("Sqrt", |_| Ok(unary!(x => x.sqrt()))),
    ("Exp", |_| Ok(unary!(x => x.exp()))),
    ("Log", |_| Ok(unary!(x => x.log()))),
    ("Sin", |_| Ok(unary!(x => x.sin()))),
    ("Cos", |_| Ok(unary!(x => x.cos()))),
    ("Tan", |_| Ok(unary!(x => x.tan()))),
    ("Asin", |_| Ok(unary!(x => x.asin()))),
    ("Acos", |_| Ok(unary!(x => x.acos()))),
    ("Atan", |_| Ok(unary!(x => x.atan()))),
    ("Sinh", |_| Ok(unary!(x => x.sinh()))),
    ("Cosh", |_| Ok(unary!(x => x.cosh()))),
    ("Asinh", |_| Ok(unary!(x => x.asinh()))),
    ("Acosh", |_| Ok(unary!(x => x.acosh()))),
    ("Atanh", |_| Ok(unary!(x => x.atanh()))),
    ("Ceil", |_| Ok(unary!(x => x.ceil()))),
    ("Floor", |_| Ok(unary!(x => x.floor()))),
    ("Round", |_| Ok(unary!(x => x.round()))),
    ("Reciprocal", |_| Ok(unary!(x => x.recip()))),
    ("Erf", |_| Ok(unary!(x => x.erf()))),
    ("Clip", clip),
    ("IsNaN", |_| Ok(Prepared::new(|args| Ok(Value::Bool(map_rank!(args.float(0)?, x => x.is_nan())))))),
    ("IsInf", is_inf),
    ("Not", |_| Ok(Prepared::new(|args| Ok(Value::Bool(map_rank!(args.bool(0)?, x => x.bool_not())))))),
    ("BitwiseNot", |_| {
        Ok(Prepared::new(|args| {
            let host = args.host(0)?;
            let Numbers::Int(values, dtype) = &host.numbers else {
                return Err(Error::input("BitwiseNot of no integers"));
            };
            let numbers = Numbers::Int(values.iter().map(|&v| dtype.wrap(!v)).collect(), *dtype);
            Ok(Host { numbers, dims: host.dims.clone() }.into())
        }))
    }),
];

/// Limits to bounds: attributes before opset 11, operands since.
fn clip(node: &Node) -> Result<Prepared> {
    let given = |name: &str| node.has_attribute(name).then(|| node.float(name, 0.0) as f32);
    let (least, most) = (given("min"), given("max"));
    Ok(Prepared::new(move |args| {
        let low = args.has(1).then(|| args.host(1)).transpose()?;
        let high = args.has(2).then(|| args.host(2)).transpose()?;
        let dtype = args.get(0)?.dtype();
        if dtype.is_int() {
            let bound = |host: Option<Arc<Host>>, absent| host.map_or(absent, |h| h.numbers.ints()[0]);
            let (low, high, host) = (bound(low, i64::MIN), bound(high, i64::MAX), args.host(0)?);
            let values = host.numbers.ints().into_iter().map(|v| v.max(low).min(high)).collect();
            return Ok(Host { numbers: Numbers::Int(values, dtype), dims: host.dims.clone() }.into());
        }
        let bound = |host: Option<Arc<Host>>| host.and_then(|h| h.numbers.floats().first().copied());
        let x = args.float(0)?;
        Ok(Value::Float(match (bound(low).or(least), bound(high).or(most)) {
            (Some(low), Some(high)) => map_rank!(x, x => x.clamp_min(low).clamp_max(high)),
            (Some(low), None) => map_rank!(x, x => x.clamp_min(low)),
            (None, Some(high)) => map_rank!(x, x => x.clamp_max(high)),
            (None, None) => x,
        }))
    }))
}

fn is_inf(node: &Node) -> Result<Prepared> {
    let (negative, positive) = (node.flag("detect_negative", true), node.flag("detect_positive", true));
    Ok(Prepared::new(move |args| {
        let x = args.float(0)?;
        Ok(Value::Bool(map_rank!(x, x => infinite(x, negative, positive))))
    }))
}

fn infinite<const D: usize>(x: Tensor<D>, negative: bool, positive: bool) -> Tensor<D, burn::tensor::Bool> {
    let (below, above) = (x.clone().equal_scalar(f32::NEG_INFINITY), x.equal_scalar(f32::INFINITY));
    match (negative, positive) {
        (true, true) => below.bool_or(above),
        (true, false) => below,
        (false, true) => above,
        (false, false) => below.clone().bool_and(below.bool_not()),
    }
}

/// An array repeated along its axes of length 1 to reach a shape.
pub fn broadcast<K: Basic>(array: Array<K>, dims: &[usize]) -> Result<Array<K>> {
    fn to<const D: usize, K: Basic>(t: Tensor<D, K>, dims: &[usize]) -> Tensor<D, K> {
        let mut target = [1; D];
        target[D - dims.len()..].copy_from_slice(dims);
        t.expand(target)
    }
    let mut lifted = vec![1; dims.len().saturating_sub(array.rank())];
    lifted.extend(array.dims());
    if lifted == dims {
        return array.reshape(dims);
    }
    let array = array.reshape(&lifted)?;
    Ok(map_rank!(array, t => to(t, dims)))
}
