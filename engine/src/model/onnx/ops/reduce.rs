//! Sums, means, extremes and their positions along axes.

use super::{Cost, Maker, Prepared};
use crate::model::onnx::array::{Array, map_rank};
use crate::model::onnx::dtype::Dtype;
use crate::model::onnx::node::{self, Node};
use crate::model::onnx::value::{Host, Value};
use crate::{Error, Result};
use burn::tensor::Tensor;

pub const TABLE: &[(&str, Maker)] = &[
    ("ReduceSum", |n| Ok(reduce(Reduction::Sum, n))),
    ("ReduceMean", |n| Ok(reduce(Reduction::Mean, n))),
    ("ReduceMax", |n| Ok(reduce(Reduction::Max, n))),
    ("ReduceMin", |n| Ok(reduce(Reduction::Min, n))),
    ("ReduceProd", |n| Ok(reduce(Reduction::Prod, n))),
    ("ReduceL1", |n| Ok(reduce(Reduction::L1, n))),
    ("ReduceL2", |n| Ok(reduce(Reduction::L2, n))),
    ("ReduceSumSquare", |n| Ok(reduce(Reduction::SumSquare, n))),
    ("ReduceLogSum", |n| Ok(reduce(Reduction::LogSum, n))),
    ("ReduceLogSumExp", |n| Ok(reduce(Reduction::LogSumExp, n))),
    ("ArgMax", |n| Ok(arg(true, n))),
    ("ArgMin", |n| Ok(arg(false, n))),
];

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reduction {
    Sum,
    Mean,
    Max,
    Min,
    Prod,
    L1,
    L2,
    SumSquare,
    LogSum,
    LogSumExp,
}

impl Reduction {
    /// What a reduction of nothing gives.
    fn of_nothing(self) -> f32 {
        match self {
            Reduction::Max | Reduction::LogSum | Reduction::LogSumExp => f32::NEG_INFINITY,
            Reduction::Min => f32::INFINITY,
            Reduction::Prod => 1.0,
            Reduction::Mean => f32::NAN,
            _ => 0.0,
        }
    }
}

/// A reduction along axes, which are an attribute or an operand; none given means all of them. Integers are reduced as floats,
/// which is exact below 2²⁴.
fn reduce(kind: Reduction, n: &Node) -> Prepared {
    let (attribute, keep) = (n.ints("axes"), n.flag("keepdims", true));
    let noop = n.flag("noop_with_empty_axes", false);
    Prepared::new(move |args| {
        let dtype = args.get(0)?.dtype();
        let dims = args.dims(0);
        let given = match &attribute {
            Some(axes) => Some(axes.clone()),
            None => args.optional_ints(1)?,
        };
        let axes = match given.filter(|axes| !axes.is_empty()) {
            Some(axes) => node::axes(&axes, dims.len())?,
            None if noop
                && matches!(
                    kind,
                    Reduction::Sum | Reduction::Mean | Reduction::Max | Reduction::Min | Reduction::Prod
                ) =>
            {
                return args.take(0);
            }
            None if noop => vec![],
            None => (0..dims.len()).collect(),
        };
        if dims.contains(&0) {
            return of_nothing(kind, &dims, &axes, keep, dtype);
        }
        let y = reduce_axes(kind, args.number(0)?, &axes);
        let y = if keep { y } else { drop_axes(y, &axes)? };
        Ok(like(y, dtype))
    })
    .cost(Cost::PerInput(1))
}

/// A float result as the type that was reduced.
fn like(y: Array, dtype: Dtype) -> Value {
    match dtype {
        Dtype::Bool => Value::Bool(map_rank!(y, t => t.not_equal_scalar(0.0))),
        dtype if dtype.is_int() => Value::Int(map_rank!(y, t => t.int()), dtype),
        _ => Value::Float(y),
    }
}

/// The result for an array without elements.
fn of_nothing(kind: Reduction, dims: &[usize], axes: &[usize], keep: bool, dtype: Dtype) -> Result<Value> {
    let (all, reduced) = (0..dims.len(), |a: &usize| axes.contains(a));
    let kept: Vec<usize> = all.filter(|a| keep || !reduced(a)).map(|a| if reduced(&a) { 1 } else { dims[a] }).collect();
    let value = match (kind, dtype) {
        (Reduction::Max, dtype) if dtype.is_int() => dtype.range().0 as f32,
        (Reduction::Min, dtype) if dtype.is_int() => dtype.range().1 as f32,
        (Reduction::Max, Dtype::Bool) => 0.0,
        _ => kind.of_nothing(),
    };
    super::converted(Host::floats(vec![value; kept.iter().product()], &kept).into(), dtype)
}

/// Reduces axes one after the other; they keep length 1.
pub fn reduce_axes(kind: Reduction, x: Array, axes: &[usize]) -> Array {
    map_rank!(x, t => along(kind, t, axes))
}

fn along<const D: usize>(kind: Reduction, x: Tensor<D>, axes: &[usize]) -> Tensor<D> {
    let sum = |x: Tensor<D>| axes.iter().fold(x, |x, &axis| x.sum_dim(axis));
    match kind {
        Reduction::Sum => sum(x),
        Reduction::Mean => axes.iter().fold(x, |x, &axis| x.mean_dim(axis)),
        Reduction::Max => axes.iter().fold(x, |x, &axis| x.max_dim(axis)),
        Reduction::Min => axes.iter().fold(x, |x, &axis| x.min_dim(axis)),
        Reduction::Prod => axes.iter().fold(x, |x, &axis| x.prod_dim(axis)),
        Reduction::L1 => sum(x.abs()),
        Reduction::L2 => sum(x.square()).sqrt(),
        Reduction::SumSquare => sum(x.square()),
        Reduction::LogSum => sum(x).log(),
        Reduction::LogSumExp => {
            let top = axes.iter().fold(x.clone(), |x, &axis| x.max_dim(axis));
            sum(x.sub(top.clone()).exp()).log().add(top)
        }
    }
}

fn drop_axes(x: Array, axes: &[usize]) -> Result<Array> {
    let dims = x.dims();
    let kept: Vec<usize> = (0..dims.len()).filter(|axis| !axes.contains(axis)).map(|axis| dims[axis]).collect();
    x.reshape(&kept)
}

/// The position of the first (or last) largest or smallest element along an axis.
fn arg(largest: bool, n: &Node) -> Prepared {
    let (axis, keep, last) = (n.int("axis").unwrap_or(0), n.flag("keepdims", true), n.flag("select_last_index", false));
    Prepared::new(move |args| {
        let x = args.number(0)?;
        let mut dims = x.dims();
        let axis = node::axis(axis, dims.len())?;
        let end = dims[axis] as i64 - 1;
        let x = if last { map_rank!(x, t => t.flip([axis])) } else { x };
        let y = if largest { map_rank!(x, t => t.argmax(axis)) } else { map_rank!(x, t => t.argmin(axis)) };
        let y = if last { map_rank!(y, t => t.neg().add_scalar(end)) } else { y };
        dims[axis] = 1;
        if !keep {
            dims.remove(axis);
        }
        if dims.contains(&0) {
            return Err(Error::input("positions in an empty array"));
        }
        Ok(Value::Int(y.reshape(&dims)?, Dtype::I64))
    })
    .cost(Cost::PerInput(1))
}
