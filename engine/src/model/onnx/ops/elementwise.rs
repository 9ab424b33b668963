//! Operators that treat each element on its own, with ONNX broadcasting between operands.

use super::{Prepared, host, not_constant};
use crate::model::onnx::value::{Args, Array, Value, map_rank, same_rank, zip_rank};
use crate::{Error, Result};
use burn::tensor::Tensor;
use burn::tensor::kind::Basic;
use onnx_ir::Argument;
use onnx_ir::clip::{ClipConfig, ClipInput};

/// A float operator of one operand, written for a tensor of any rank.
macro_rules! unary {
    ($x:ident => $body:expr) => {
        $crate::model::onnx::ops::Prepared::new(move |args| {
            let x = args.float(0)?;
            Ok($crate::model::onnx::value::Value::Float($crate::model::onnx::value::map_rank!(x, $x => $body)))
        })
    };
}
pub(super) use unary;

#[derive(Clone, Copy, Debug)]
pub enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
    Max,
    Min,
}

impl Arithmetic {
    pub fn on_host(self, a: i64, b: i64) -> Option<i64> {
        match self {
            Arithmetic::Add => a.checked_add(b),
            Arithmetic::Sub => a.checked_sub(b),
            Arithmetic::Mul => a.checked_mul(b),
            Arithmetic::Div => a.checked_div(b),
            Arithmetic::Max => Some(a.max(b)),
            Arithmetic::Min => Some(a.min(b)),
        }
    }
}

/// `a ∘ b` on floats, integers, or shapes on the host.
pub fn arithmetic(kind: Arithmetic) -> Prepared {
    Prepared::new(move |args| combine(kind, args, 0, 1))
}

fn combine(kind: Arithmetic, args: &mut Args, i: usize, j: usize) -> Result<Value> {
    if args.is_host(i) && args.is_host(j) {
        return host::arithmetic(kind, args.take(i)?, args.take(j)?);
    }
    if args.is_host(i) {
        return Ok(Value::Int(integers(kind, args.int(i)?, args.int(j)?)?));
    }
    match args.take(i)? {
        Value::Float(a) => floats(kind, a, args.float(j)?).map(Value::Float),
        Value::Int(a) => integers(kind, a, args.int(j)?).map(Value::Int),
        other => Err(Error::input(format!("{kind:?} of {} values", other.kind()))),
    }
}

/// The same formulas for float and integer tensors.
macro_rules! arithmetic_on {
    ($name:ident, $kind:ty) => {
        fn $name(kind: Arithmetic, a: Array<$kind>, b: Array<$kind>) -> Result<Array<$kind>> {
            Ok(zip_rank!(a, b, (x, y) => match kind {
                Arithmetic::Add => x.add(y),
                Arithmetic::Sub => x.sub(y),
                Arithmetic::Mul => x.mul(y),
                Arithmetic::Div => x.div(y),
                Arithmetic::Max => x.max_pair(y),
                Arithmetic::Min => x.min_pair(y),
            }))
        }
    };
}
arithmetic_on!(floats, burn::tensor::Float);
arithmetic_on!(integers, burn::tensor::Int);

/// Any number of operands, combined from left to right.
pub fn variadic(kind: Arithmetic) -> Prepared {
    Prepared::new(move |args| {
        for i in 1..args.values.len() {
            let partial = combine(kind, args, 0, i)?;
            args.values[0] = Some(partial);
        }
        args.take(0)
    })
}

/// The mean of any number of operands.
pub fn mean() -> Prepared {
    let sum = variadic(Arithmetic::Add);
    Prepared::new(move |args| {
        let n = args.values.len() as f32;
        let total = (sum.op)(args)?.pop().map(Value::into_float).transpose()?;
        let total = total.ok_or_else(|| Error::input("Mean needs an operand"))?;
        Ok(Value::Float(map_rank!(total, x => x.div_scalar(n))))
    })
}

/// `x ^ exponent`. Constant whole exponents are products, so that negative bases work on every device.
pub fn pow(exponent: &Argument) -> Result<Prepared> {
    let constant = match super::constant(exponent)? {
        Some(super::Constant::Float(v, _)) if v.len() == 1 => Some(v[0]),
        Some(super::Constant::Int(v, _)) if v.len() == 1 => Some(v[0] as f32),
        _ => None,
    };
    Ok(match constant {
        Some(2.0) => unary!(x => x.clone().mul(x)),
        Some(3.0) => unary!(x => x.clone().mul(x.clone()).mul(x)),
        Some(0.5) => unary!(x => x.sqrt()),
        Some(e) => unary!(x => x.powf_scalar(e)),
        None => Prepared::new(|args| {
            let (a, b) = (args.float(0)?, args.float(1)?);
            Ok(Value::Float(zip_rank!(a, b, (x, y) => x.powf(y))))
        }),
    })
}

/// Limits to constant bounds.
pub fn clip(config: &ClipConfig) -> Result<Prepared> {
    let bound = |input: &Option<ClipInput>| match input {
        None => Ok(None),
        Some(ClipInput::Static(v)) => Ok(Some(*v as f32)),
        Some(ClipInput::Runtime(_)) => Err(not_constant("the bounds of Clip")),
    };
    Ok(match (bound(&config.min)?, bound(&config.max)?) {
        (Some(low), Some(high)) => unary!(x => x.clamp(low, high)),
        (Some(low), None) => unary!(x => x.clamp_min(low)),
        (None, Some(high)) => unary!(x => x.clamp_max(high)),
        (None, None) => unary!(x => x),
    })
}

pub fn is_nan() -> Prepared {
    Prepared::new(|args| Ok(Value::Bool(map_rank!(args.float(0)?, x => x.is_nan()))))
}

#[derive(Clone, Copy)]
pub enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// `a ∘ b` as a boolean, on floats or integers.
pub fn comparison(kind: Comparison) -> Prepared {
    macro_rules! compare {
        ($a:expr, $b:expr) => {
            zip_rank!($a, $b, (x, y) => match kind {
                Comparison::Equal => x.equal(y),
                Comparison::Less => x.lower(y),
                Comparison::LessOrEqual => x.lower_equal(y),
                Comparison::Greater => x.greater(y),
                Comparison::GreaterOrEqual => x.greater_equal(y),
            })
        };
    }
    Prepared::new(move |args| {
        let is_float = matches!(args.values.first(), Some(Some(Value::Float(_))));
        Ok(Value::Bool(if is_float {
            compare!(args.float(0)?, args.float(1)?)
        } else {
            compare!(args.int(0)?, args.int(1)?)
        }))
    })
}

#[derive(Clone, Copy)]
pub enum Logic {
    And,
    Or,
    Xor,
}

pub fn logic(kind: Logic) -> Prepared {
    Prepared::new(move |args| {
        let (a, b) = (args.bool(0)?, args.bool(1)?);
        Ok(Value::Bool(zip_rank!(a, b, (x, y) => match kind {
            Logic::And => x.bool_and(y),
            Logic::Or => x.bool_or(y),
            Logic::Xor => x.bool_xor(y),
        })))
    })
}

pub fn not() -> Prepared {
    Prepared::new(|args| Ok(Value::Bool(map_rank!(args.bool(0)?, x => x.bool_not()))))
}

/// `Where`: operand 1 where the condition holds, operand 2 elsewhere.
pub fn select() -> Prepared {
    Prepared::new(|args| {
        let condition = args.bool(0)?;
        let (yes, no) = same_rank(args.float(1)?, args.float(2)?)?;
        let (condition, yes) = same_rank(condition, yes)?;
        let (yes, no) = same_rank(yes, no)?;
        let dims = broadcast_dims(&[condition.dims(), yes.dims(), no.dims()])?;
        let (mask, yes, no) = (broadcast(condition, &dims)?, broadcast(yes, &dims)?, broadcast(no, &dims)?);
        Ok(Value::Float(match (mask, yes, no) {
            (Array::R1(m), Array::R1(a), Array::R1(b)) => Array::R1(b.mask_where(m, a)),
            (Array::R2(m), Array::R2(a), Array::R2(b)) => Array::R2(b.mask_where(m, a)),
            (Array::R3(m), Array::R3(a), Array::R3(b)) => Array::R3(b.mask_where(m, a)),
            (Array::R4(m), Array::R4(a), Array::R4(b)) => Array::R4(b.mask_where(m, a)),
            (Array::R5(m), Array::R5(a), Array::R5(b)) => Array::R5(b.mask_where(m, a)),
            (Array::R6(m), Array::R6(a), Array::R6(b)) => Array::R6(b.mask_where(m, a)),
            _ => return Err(Error::input("the operands of Where differ in rank")),
        }))
    })
}

/// The common shape of shapes of one rank.
pub fn broadcast_dims(shapes: &[Vec<usize>]) -> Result<Vec<usize>> {
    let rank = shapes.iter().map(Vec::len).max().unwrap_or(0);
    (0..rank)
        .map(|axis| {
            // Axes are aligned at the end.
            let sizes = shapes.iter().filter_map(|s| (s.len() + axis).checked_sub(rank).map(|i| s[i]));
            let size = sizes.clone().find(|&n| n != 1).unwrap_or(1);
            match sizes.clone().all(|n| n == 1 || n == size) {
                true => Ok(size),
                false => Err(Error::input(format!("shapes {shapes:?} cannot be broadcast together"))),
            }
        })
        .collect()
}

/// An array repeated along its axes of length 1 to reach a shape.
pub fn broadcast<K: Basic>(array: Array<K>, dims: &[usize]) -> Result<Array<K>> {
    fn to<const D: usize, K: Basic>(t: Tensor<D, K>, dims: &[usize]) -> Tensor<D, K> {
        let mut target = [1; D];
        target.copy_from_slice(dims);
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
