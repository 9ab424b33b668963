//! Arithmetic of two or more operands with ONNX broadcasting: on floats or integers on the device, or on the host.

use super::host::{broadcast_dims, broadcast_positions};
use super::{Maker, Prepared, mixed};
use crate::model::onnx::args::Args;
use crate::model::onnx::array::{Array, map_rank, zip_rank};
use crate::model::onnx::dtype::Dtype;
use crate::model::onnx::node::Node;
use crate::model::onnx::value::{Host, Numbers, Value};
use crate::{Error, Result};
use burn::tensor::Int;

pub const TABLE: &[(&str, Maker)] = &[
    ("Add", |_| Ok(binary(Kind::Add))),
    ("Sub", |_| Ok(binary(Kind::Sub))),
    ("Mul", |_| Ok(binary(Kind::Mul))),
    ("Div", |_| Ok(binary(Kind::Div))),
    ("Max", |_| Ok(variadic(Kind::Max))),
    ("Min", |_| Ok(variadic(Kind::Min))),
    ("Sum", |_| Ok(variadic(Kind::Add))),
    ("Mean", |_| Ok(mean())),
    ("Mod", |node| Ok(on_host(if node.flag("fmod", false) { Kind::Fmod } else { Kind::Mod }))),
    ("Pow", |node| Ok(pow(node))),
    ("BitwiseAnd", |_| Ok(on_host(Kind::And))),
    ("BitwiseOr", |_| Ok(on_host(Kind::Or))),
    ("BitwiseXor", |_| Ok(on_host(Kind::Xor))),
    ("BitShift", |node| match node.text("direction") {
        Some("LEFT") => Ok(on_host(Kind::Left)),
        Some("RIGHT") => Ok(on_host(Kind::Right)),
        other => Err(Error::input(format!("{other:?} is not a direction: LEFT or RIGHT"))),
    }),
];

#[derive(Clone, Copy, Debug)]
enum Kind {
    Add,
    Sub,
    Mul,
    Div,
    Max,
    Min,
    /// The remainder with the sign of the divisor.
    Mod,
    /// The remainder with the sign of the dividend.
    Fmod,
    Pow,
    And,
    Or,
    Xor,
    Left,
    Right,
}

impl Kind {
    /// None where a number is divided by zero or the power is no integer.
    fn ints(self, a: i64, b: i64) -> Option<i64> {
        Some(match self {
            Kind::Add => a.wrapping_add(b),
            Kind::Sub => a.wrapping_sub(b),
            Kind::Mul => a.wrapping_mul(b),
            Kind::Div => a.checked_div(b)?,
            Kind::Max => a.max(b),
            Kind::Min => a.min(b),
            Kind::Mod => a.checked_rem(b).map(|r| if r != 0 && (r < 0) != (b < 0) { r + b } else { r })?,
            Kind::Fmod => a.checked_rem(b)?,
            Kind::Pow if b < 0 => return None,
            Kind::Pow => a.wrapping_pow(b.min(u32::MAX.into()) as u32),
            Kind::And => a & b,
            Kind::Or => a | b,
            Kind::Xor => a ^ b,
            Kind::Left => a.checked_shl(b.try_into().unwrap_or(64)).unwrap_or(0),
            Kind::Right => a >> b.clamp(0, 63),
        })
    }

    /// None for operations on bits.
    fn floats(self, a: f32, b: f32) -> Option<f32> {
        let either_nan = a.is_nan() || b.is_nan();
        Some(match self {
            Kind::Add => a + b,
            Kind::Sub => a - b,
            Kind::Mul => a * b,
            Kind::Div => a / b,
            Kind::Max | Kind::Min if either_nan => f32::NAN,
            Kind::Max => a.max(b),
            Kind::Min => a.min(b),
            Kind::Mod => Some(a % b).map(|r| if r != 0.0 && (r < 0.0) != (b < 0.0) { r + b } else { r })?,
            Kind::Fmod => a % b,
            Kind::Pow => a.powf(b),
            _ => return None,
        })
    }

    fn bools(self, a: bool, b: bool) -> Option<bool> {
        match self {
            Kind::And => Some(a & b),
            Kind::Or => Some(a | b),
            Kind::Xor => Some(a ^ b),
            _ => None,
        }
    }
}

/// `a ∘ b`.
fn binary(kind: Kind) -> Prepared {
    Prepared::new(move |args| combine(kind, args, 0, 1))
}

/// `a ∘ b` computed on the host wherever the operands are.
fn on_host(kind: Kind) -> Prepared {
    Prepared::new(move |args| combine_host(kind, &*args.host(0)?, &*args.host(1)?).map(Value::from))
}

/// Any number of operands, combined from left to right.
fn variadic(kind: Kind) -> Prepared {
    Prepared::new(move |args| {
        for i in 1..args.values.len() {
            let partial = combine(kind, args, 0, i)?;
            args.values[0] = Some(partial);
        }
        args.take(0)
    })
}

/// The mean of any number of operands.
fn mean() -> Prepared {
    let sum = variadic(Kind::Add);
    Prepared::new(move |args| {
        let n = args.values.len() as f32;
        let total = (sum.op)(args)?.remove(0).on(args.device)?.into_float()?;
        Ok(Value::Float(map_rank!(total, x => x.div_scalar(n))))
    })
}

fn combine(kind: Kind, args: &mut Args, i: usize, j: usize) -> Result<Value> {
    if args.is_known(i) && args.is_known(j) {
        return Ok(combine_host(kind, &*args.host(i)?, &*args.host(j)?)?.into());
    }
    match (args.array(i)?, args.array(j)?) {
        (Value::Float(a), Value::Float(b)) => floats(kind, a, b).map(Value::Float),
        (Value::Int(a, dtype), Value::Int(b, _)) => Ok(Value::Int(wrapped(ints(kind, a, b)?, dtype), dtype)),
        (a, b) => Err(Error::input(format!("{kind:?} of {} and {} values", a.dtype(), b.dtype()))),
    }
}

/// The same formulas for float and integer tensors.
macro_rules! arithmetic_on {
    ($name:ident, $kind:ty) => {
        fn $name(kind: Kind, a: Array<$kind>, b: Array<$kind>) -> Result<Array<$kind>> {
            Ok(zip_rank!(a, b, (x, y) => match kind {
                Kind::Add => x.add(y),
                Kind::Sub => x.sub(y),
                Kind::Mul => x.mul(y),
                Kind::Div => x.div(y),
                Kind::Max => x.max_pair(y),
                Kind::Min => x.min_pair(y),
                other => return Err(Error::input(format!("{other:?} is not computed on the device"))),
            }))
        }
    };
}
arithmetic_on!(floats, burn::tensor::Float);
arithmetic_on!(ints, Int);

/// Device integers cut to a narrow type.
pub fn wrapped(x: Array<Int>, dtype: Dtype) -> Array<Int> {
    let (low, high) = dtype.range();
    match dtype.bits() {
        4..=16 => map_rank!(x, t => t.sub_scalar(low).bitwise_and_scalar(high - low).add_scalar(low)),
        _ => x,
    }
}

fn combine_host(kind: Kind, a: &Host, b: &Host) -> Result<Host> {
    let dims = broadcast_dims(&[a.dims.clone(), b.dims.clone()])?;
    let (i, j) = (broadcast_positions(&a.dims, &dims), broadcast_positions(&b.dims, &dims));
    let undefined = || Error::input(format!("{kind:?} divides by zero or is not defined for these numbers"));
    let pairs = i.into_iter().zip(j);
    let numbers = match (&a.numbers, &b.numbers) {
        (Numbers::Int(x, dtype), Numbers::Int(y, _)) => {
            let of = |a: i64, b: i64| match kind {
                // A shift by a negative number or by the width is one by all bits.
                Kind::Left | Kind::Right if !(0..dtype.bits() as i64).contains(&b) => kind.ints(a, 64),
                Kind::Right if *dtype == Dtype::U64 => Some((a as u64 >> b) as i64),
                _ => kind.ints(a, b),
            };
            let values: Option<Vec<i64>> = pairs.map(|(i, j)| Some(dtype.wrap(of(x[i], y[j])?))).collect();
            Numbers::Int(values.ok_or_else(undefined)?, *dtype)
        }
        (Numbers::Float(x), Numbers::Float(y)) => {
            let values: Option<Vec<f32>> = pairs.map(|(i, j)| kind.floats(x[i], y[j])).collect();
            Numbers::Float(values.ok_or_else(undefined)?)
        }
        (Numbers::Bool(x), Numbers::Bool(y)) => {
            let values: Option<Vec<bool>> = pairs.map(|(i, j)| kind.bools(x[i], y[j])).collect();
            Numbers::Bool(values.ok_or_else(undefined)?)
        }
        // Powers keep the type of the base.
        (Numbers::Float(x), exponents) if matches!(kind, Kind::Pow) => {
            let y = exponents.floats();
            Numbers::Float(pairs.map(|(i, j)| x[i].powf(y[j])).collect())
        }
        (Numbers::Int(x, dtype), Numbers::Float(y)) if matches!(kind, Kind::Pow) => {
            Numbers::Int(pairs.map(|(i, j)| (x[i] as f64).powf(y[j].into()) as i64).collect(), *dtype)
        }
        (x, y) => return Err(mixed(x, y)),
    };
    Ok(Host { numbers, dims })
}

/// `x ^ exponent`. Constant whole exponents are products, so that negative bases work on every device.
fn pow(node: &Node) -> Prepared {
    let constant = node.constant(1).filter(|c| c.numbers.len() == 1 && c.dims.len() < 2);
    match constant.map(|c| c.numbers.floats()[0]) {
        Some(exponent) => Prepared::new(move |args| {
            if !matches!(args.get(0)?, Value::Float(_)) {
                return power(args);
            }
            let x = args.float(0)?;
            Ok(Value::Float(match exponent {
                2.0 => map_rank!(x, x => x.clone().mul(x)),
                3.0 => map_rank!(x, x => x.clone().mul(x.clone()).mul(x)),
                0.5 => map_rank!(x, x => x.sqrt()),
                e => map_rank!(x, x => x.powf_scalar(e)),
            }))
        }),
        None => Prepared::new(power),
    }
}

/// Floats on the device where the base is there, else on the host.
fn power(args: &mut Args) -> Result<Value> {
    if !matches!(args.get(0)?, Value::Float(_)) {
        return Ok(combine_host(Kind::Pow, &*args.host(0)?, &*args.host(1)?)?.into());
    }
    let (a, b) = (args.float(0)?, args.number(1)?);
    Ok(Value::Float(zip_rank!(a, b, (x, y) => x.powf(y))))
}
