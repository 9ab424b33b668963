//! Comparisons, logic, and choices by a condition.

use super::elementwise::broadcast;
use super::host::{broadcast_dims, broadcast_positions};
use super::{Maker, Prepared, mixed};
use crate::model::onnx::args::Args;
use crate::model::onnx::array::{Array, same_rank, zip_rank};
use crate::model::onnx::value::{Host, Numbers, Value};
use crate::{Error, Result};
use burn::tensor::kind::Basic;
use burn::tensor::{Bool, Tensor};

pub const TABLE: &[(&str, Maker)] = &[
    ("Equal", |_| Ok(comparison(Comparison::Equal))),
    ("Less", |_| Ok(comparison(Comparison::Less))),
    ("LessOrEqual", |_| Ok(comparison(Comparison::LessOrEqual))),
    ("Greater", |_| Ok(comparison(Comparison::Greater))),
    ("GreaterOrEqual", |_| Ok(comparison(Comparison::GreaterOrEqual))),
    ("And", |_| Ok(logic(Logic::And))),
    ("Or", |_| Ok(logic(Logic::Or))),
    ("Xor", |_| Ok(logic(Logic::Xor))),
    ("Where", |_| Ok(Prepared::new(select))),
];

#[derive(Clone, Copy)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn holds<T: PartialOrd>(self, a: &T, b: &T) -> bool {
        match self {
            Comparison::Equal => a == b,
            Comparison::Less => a < b,
            Comparison::LessOrEqual => a <= b,
            Comparison::Greater => a > b,
            Comparison::GreaterOrEqual => a >= b,
        }
    }

    fn on_host(self, a: &Host, b: &Host) -> Result<Host> {
        let dims = broadcast_dims(&[a.dims.clone(), b.dims.clone()])?;
        let pairs = broadcast_positions(&a.dims, &dims).into_iter().zip(broadcast_positions(&b.dims, &dims));
        let holds = match (&a.numbers, &b.numbers) {
            (Numbers::Float(x), Numbers::Float(y)) => pairs.map(|(i, j)| self.holds(&x[i], &y[j])).collect(),
            (Numbers::Int(x, _), Numbers::Int(y, _)) => pairs.map(|(i, j)| self.holds(&x[i], &y[j])).collect(),
            (Numbers::Bool(x), Numbers::Bool(y)) => pairs.map(|(i, j)| self.holds(&x[i], &y[j])).collect(),
            (x, y) => return Err(mixed(x, y)),
        };
        Ok(Host::bools(holds, &dims))
    }
}

/// `a ∘ b` as a boolean.
fn comparison(kind: Comparison) -> Prepared {
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
        if args.is_known(0) && args.is_known(1) {
            return Ok(kind.on_host(&*args.host(0)?, &*args.host(1)?)?.into());
        }
        Ok(Value::Bool(match (args.array(0)?, args.array(1)?) {
            (Value::Float(a), Value::Float(b)) => compare!(a, b),
            (Value::Int(a, _), Value::Int(b, _)) => compare!(a, b),
            (Value::Bool(a), Value::Bool(b)) => zip_rank!(a, b, (x, y) => x.equal(y)),
            (a, b) => return Err(Error::input(format!("{} and {} values are compared", a.dtype(), b.dtype()))),
        }))
    })
}

#[derive(Clone, Copy)]
enum Logic {
    And,
    Or,
    Xor,
}

fn logic(kind: Logic) -> Prepared {
    Prepared::new(move |args| {
        let (a, b) = (args.bool(0)?, args.bool(1)?);
        Ok(Value::Bool(zip_rank!(a, b, (x, y) => match kind {
            Logic::And => x.bool_and(y),
            Logic::Or => x.bool_or(y),
            Logic::Xor => x.bool_xor(y),
        })))
    })
}

/// `Where`: operand 1 where the condition holds, operand 2 elsewhere.
fn select(args: &mut Args) -> Result<Value> {
    if args.all_known() {
        return Ok(select_host(&*args.host(0)?, &*args.host(1)?, &*args.host(2)?)?.into());
    }
    let condition = args.bool(0)?;
    Ok(match (args.array(1)?, args.array(2)?) {
        (Value::Float(a), Value::Float(b)) => Value::Float(choose(condition, a, b)?),
        (Value::Int(a, dtype), Value::Int(b, _)) => Value::Int(choose(condition, a, b)?, dtype),
        (Value::Bool(a), Value::Bool(b)) => Value::Bool(choose(condition, a, b)?),
        (a, b) => return Err(Error::input(format!("{} or {} values are chosen", a.dtype(), b.dtype()))),
    })
}

fn choose<K: Basic>(condition: Array<Bool>, yes: Array<K>, no: Array<K>) -> Result<Array<K>> {
    let (yes, no) = same_rank(yes, no)?;
    let (condition, yes) = same_rank(condition, yes)?;
    let (yes, no) = same_rank(yes, no)?;
    let dims = broadcast_dims(&[condition.dims(), yes.dims(), no.dims()])?;
    let (mask, yes, no) = (broadcast(condition, &dims)?, broadcast(yes, &dims)?, broadcast(no, &dims)?);
    fn pick<const D: usize, K: Basic>(no: Tensor<D, K>, mask: Tensor<D, Bool>, yes: Tensor<D, K>) -> Tensor<D, K> {
        no.mask_where(mask, yes)
    }
    Ok(match (mask, yes, no) {
        (Array::R0(m), Array::R0(a), Array::R0(b)) => Array::R0(pick(b, m, a)),
        (Array::R1(m), Array::R1(a), Array::R1(b)) => Array::R1(pick(b, m, a)),
        (Array::R2(m), Array::R2(a), Array::R2(b)) => Array::R2(pick(b, m, a)),
        (Array::R3(m), Array::R3(a), Array::R3(b)) => Array::R3(pick(b, m, a)),
        (Array::R4(m), Array::R4(a), Array::R4(b)) => Array::R4(pick(b, m, a)),
        (Array::R5(m), Array::R5(a), Array::R5(b)) => Array::R5(pick(b, m, a)),
        (Array::R6(m), Array::R6(a), Array::R6(b)) => Array::R6(pick(b, m, a)),
        _ => return Err(Error::input("the operands of Where differ in rank")),
    })
}

fn select_host(condition: &Host, yes: &Host, no: &Host) -> Result<Host> {
    let Numbers::Bool(holds) = &condition.numbers else { return Err(Error::input("the condition is not boolean")) };
    let dims = broadcast_dims(&[condition.dims.clone(), yes.dims.clone(), no.dims.clone()])?;
    let place = |host: &Host| broadcast_positions(&host.dims, &dims);
    let places = place(condition).into_iter().zip(place(yes).into_iter().zip(place(no)));
    fn pick<T: Copy>(
        places: impl Iterator<Item = (usize, (usize, usize))>,
        holds: &[bool],
        y: &[T],
        n: &[T],
    ) -> Vec<T> {
        places.map(|(c, (i, j))| if holds[c] { y[i] } else { n[j] }).collect()
    }
    let numbers = match (&yes.numbers, &no.numbers) {
        (Numbers::Float(a), Numbers::Float(b)) => Numbers::Float(pick(places, holds, a, b)),
        (Numbers::Int(a, dtype), Numbers::Int(b, _)) => Numbers::Int(pick(places, holds, a, b), *dtype),
        (Numbers::Bool(a), Numbers::Bool(b)) => Numbers::Bool(pick(places, holds, a, b)),
        (a, b) => return Err(mixed(a, b)),
    };
    Ok(Host { numbers, dims })
}
