//! Conversion between kinds of numbers.

use super::arithmetic::wrapped;
use super::{Maker, Prepared};
use crate::model::onnx::array::map_rank;
use crate::model::onnx::dtype::Dtype;
use crate::model::onnx::node::Node;
use crate::model::onnx::value::{Host, Numbers, Value};
use crate::{Error, Result};

pub const TABLE: &[(&str, Maker)] = &[
    ("Cast", |n| cast(Dtype::from_code(n.int("to").unwrap_or(0) as i32))),
    ("CastLike", |_| {
        Ok(Prepared::new(|args| {
            let to = args.take(1)?.dtype();
            let value = args.take(0)?;
            converted(value, to)
        }))
    }),
];

/// Whether a node converts to floats.
pub fn is_float_cast(node: &Node) -> bool {
    Dtype::from_code(node.int("to").unwrap_or(0) as i32).is_float()
}

fn cast(to: Dtype) -> Result<Prepared> {
    if !(to.is_float() || to == Dtype::Bool || to.is_int()) {
        return Err(Error::input(format!("conversion to {to} is not supported")));
    }
    Ok(Prepared::new(move |args| converted(args.take(0)?, to)).free())
}

/// Conversion between floats, integers and booleans: every float is 32 bits wide, floats are cut towards zero, integers wrap.
pub fn converted(value: Value, to: Dtype) -> Result<Value> {
    Ok(match value {
        Value::Host(host) | Value::Both(host, _) => {
            Host { numbers: converted_numbers(&host.numbers, to), dims: host.dims.clone() }.into()
        }
        Value::Float(x) if to == Dtype::Bool => Value::Bool(map_rank!(x, t => t.not_equal_scalar(0.0))),
        Value::Float(x) if to.is_int() => Value::Int(wrapped(map_rank!(x, t => t.int()), to), to),
        Value::Int(x, _) if to.is_float() => Value::Float(map_rank!(x, t => t.float())),
        Value::Int(x, _) if to == Dtype::Bool => Value::Bool(map_rank!(x, t => t.not_equal_scalar(0))),
        Value::Int(x, from) if (to.bits() > 32 || to == Dtype::U32) && from == Dtype::U32 => {
            return converted(Value::Host(Value::Int(x, from).to_host()?), to);
        }
        Value::Int(x, _) => Value::Int(wrapped(x, to), to),
        Value::Bool(x) if to.is_float() => Value::Float(map_rank!(x, t => t.float())),
        Value::Bool(x) if to.is_int() => Value::Int(map_rank!(x, t => t.int()), to),
        same => same,
    })
}

/// Numbers of another type.
pub fn converted_numbers(numbers: &Numbers, to: Dtype) -> Numbers {
    match to {
        Dtype::Bool => Numbers::Bool(numbers.floats().iter().map(|&v| v != 0.0).collect()),
        to if to.is_float() => Numbers::Float(numbers.floats()),
        to => Numbers::Int(numbers.ints().into_iter().map(|v| to.wrap(v)).collect(), to),
    }
}
