//! Operators that rename, move and repeat elements.

use super::elementwise::broadcast;
use super::host::{broadcast_dims, broadcast_positions};
use super::{Maker, Prepared, with_dims};
use crate::model::onnx::args::Args;
use crate::model::onnx::node::{self, Node};
use crate::model::onnx::value::{Host, Value};
use crate::{Error, Result};
use burn::tensor::Int;

pub const TABLE: &[(&str, Maker)] = &[
    ("Identity", |_| Ok(identity())),
    ("Dropout", |_| Ok(dropout())),
    ("Flatten", |n| Ok(flatten(n.int("axis").unwrap_or(1)))),
    ("Reshape", reshape),
    ("Transpose", |n| Ok(transpose(n.ints("perm")))),
    ("Squeeze", |n| Ok(squeeze(n.ints("axes")))),
    ("Unsqueeze", |n| Ok(unsqueeze(n.ints("axes")))),
    ("Expand", |_| Ok(expand())),
];

/// Applies a function of arrays of any kind; host values pass through another one.
macro_rules! any_kind {
    ($value:expr, $x:ident => $body:expr, host $h:ident => $host:expr) => {
        match $value {
            Value::Float($x) => Value::Float($body),
            Value::Int($x, dtype) => Value::Int($body, dtype),
            Value::Bool($x) => Value::Bool($body),
            Value::Host($h) | Value::Both($h, _) => Value::from($host),
        }
    };
}
pub(super) use any_kind;

fn identity() -> Prepared {
    Prepared::new(|args| args.take(0)).free()
}

/// As inference has it: everything passes, and the mask is true everywhere.
fn dropout() -> Prepared {
    Prepared::many(2, |args| {
        let ratio = args.scalar_or(1, 0.5)?;
        if args.has(2) && args.scalar(2)? != 0.0 && ratio != 0.0 {
            return Err(Error::input("training_mode is not supported"));
        }
        let value = args.take(0)?;
        let dims = value.dims();
        let all = Host::bools(vec![true; dims.iter().product()], &dims);
        Ok(vec![value, all.into()])
    })
    .free()
}

/// A value with its elements in another shape.
pub fn reshaped(value: Value, dims: &[usize]) -> Result<Value> {
    let (given, n) = (value.dims(), dims.iter().product::<usize>());
    if given.iter().product::<usize>() != n {
        return Err(Error::input(format!("an array of shape {given:?} cannot be reshaped to {dims:?}")));
    }
    Ok(any_kind!(value, x => x.reshape(dims)?, host h => with_dims(&h, dims)))
}

/// Two axes: those before `axis` and the rest.
fn flatten(axis: i64) -> Prepared {
    Prepared::new(move |args| {
        let value = args.take(0)?;
        let dims = value.dims();
        let axis = if axis < 0 { axis + dims.len() as i64 } else { axis }.clamp(0, dims.len() as i64) as usize;
        reshaped(value, &[dims[..axis].iter().product(), dims[axis..].iter().product()])
    })
    .free()
}

/// A new shape: 0 keeps an axis, one −1 is what remains. A first axis that the exporter fixed to its batch is freed.
fn reshape(node: &Node) -> Result<Prepared> {
    let (fixed_batch, attribute) = (node.fixed_batch, node.ints("shape"));
    let zero_keeps = !node.flag("allowzero", false);
    Ok(Prepared::new(move |args| {
        let value = args.take(0)?;
        let target = match &attribute {
            Some(shape) => shape.clone(),
            None => args.ints(1)?,
        };
        let dims = resolve(&target, &value.dims(), args.n_rows, fixed_batch, zero_keeps)?;
        reshaped(value, &dims)
    })
    .free())
}

/// The sizes that a `Reshape` target means for these dimensions.
fn resolve(
    target: &[i64],
    dims: &[usize],
    n_rows: Option<usize>,
    fixed_batch: Option<i64>,
    zero_keeps: bool,
) -> Result<Vec<usize>> {
    let n: usize = dims.iter().product();
    let keep = |(axis, &size): (usize, &i64)| match size {
        0 if zero_keeps => dims.get(axis).map_or(0, |&d| d as i64),
        size => size,
    };
    let mut sizes: Vec<i64> = target.iter().enumerate().map(keep).collect();
    let fits = |sizes: &[i64]| {
        let known: i64 = sizes.iter().filter(|&&s| s >= 0).product();
        if sizes.contains(&-1) { known > 0 && n as i64 % known == 0 } else { known == n as i64 }
    };
    let is_batch = sizes.first().is_some_and(|&s| s > 0 && (Some(s) == fixed_batch || !fits(&sizes)));
    if let Some(n_rows) = n_rows.filter(|n| is_batch && dims.first() == Some(n)) {
        sizes[0] = n_rows as i64;
    }
    if !fits(&sizes) || sizes.iter().filter(|&&s| s < 0).count() > 1 {
        return Err(Error::input(format!("an array of shape {dims:?} cannot be reshaped to {target:?}")));
    }
    let known: i64 = sizes.iter().filter(|&&s| s >= 0).product();
    Ok(sizes.iter().map(|&s| if s < 0 { n / known as usize } else { s as usize }).collect())
}

/// Axes in a new order, reversed by default.
fn transpose(perm: Option<Vec<i64>>) -> Prepared {
    Prepared::new(move |args| {
        let value = args.take(0)?;
        let rank = value.dims().len();
        let axes = match &perm {
            Some(perm) => node::axes(perm, rank)?,
            None => (0..rank).rev().collect(),
        };
        permuted(value, &axes)
    })
    .free()
}

/// A value with its axes in a new order.
pub fn permuted(value: Value, axes: &[usize]) -> Result<Value> {
    let dims = value.dims();
    if axes.len() != dims.len() || (0..dims.len()).any(|axis| !axes.contains(&axis)) {
        return Err(Error::input(format!("{axes:?} is not an order of {} axes", dims.len())));
    }
    Ok(any_kind!(value, x => x.permute(axes)?, host h => {
        let (strides, dims) = (super::host::strides(&h.dims), axes.iter().map(|&a| h.dims[a]).collect::<Vec<_>>());
        let at = super::host::positions(&dims, |index| index.iter().zip(axes).map(|(i, &a)| i * strides[a]).sum());
        Host { numbers: h.numbers.at(&at), dims }
    }))
}

/// The axes of an operator: an attribute in old files, an operand in new ones.
fn axes_of(attribute: &Option<Vec<i64>>, args: &mut Args) -> Result<Option<Vec<i64>>> {
    match attribute {
        Some(axes) => Ok(Some(axes.clone())),
        None => args.optional_ints(1),
    }
}

/// Drops axes of length 1: those named, or all.
fn squeeze(axes: Option<Vec<i64>>) -> Prepared {
    Prepared::new(move |args| {
        let axes = axes_of(&axes, args)?;
        let value = args.take(0)?;
        let dims = value.dims();
        let dropped: Vec<usize> = match axes {
            Some(axes) => node::axes(&axes, dims.len())?,
            None => (0..dims.len()).filter(|&axis| dims[axis] == 1).collect(),
        };
        let kept: Vec<usize> = (0..dims.len()).filter(|axis| !dropped.contains(axis)).map(|axis| dims[axis]).collect();
        reshaped(value, &kept)
    })
    .free()
}

/// Adds axes of length 1 at positions of the result.
fn unsqueeze(axes: Option<Vec<i64>>) -> Prepared {
    Prepared::new(move |args| {
        let axes = axes_of(&axes, args)?.ok_or_else(|| Error::input("no axes are given"))?;
        let value = args.take(0)?;
        let mut dims = value.dims();
        let mut places = node::axes(&axes, dims.len() + axes.len())?;
        places.sort_unstable();
        places.into_iter().for_each(|axis| dims.insert(axis.min(dims.len()), 1));
        reshaped(value, &dims)
    })
    .free()
}

/// Repeats axes of length 1 up to a shape.
fn expand() -> Prepared {
    Prepared::new(move |args| {
        let target = args.ints(1)?;
        let value = args.take(0)?;
        let target: Vec<usize> = target.iter().map(|&n| n.max(0) as usize).collect();
        let dims = broadcast_dims(&[value.dims(), target])?;
        expanded(value, &dims)
    })
    .free()
}

/// A value repeated along its axes of length 1 to reach a shape.
pub fn expanded(value: Value, dims: &[usize]) -> Result<Value> {
    Ok(any_kind!(value, x => broadcast(x, dims)?, host h => {
        Host { numbers: h.numbers.at(&broadcast_positions(&h.dims, dims)), dims: dims.to_vec() }
    }))
}

/// A list of integers on the device, for choosing along an axis.
pub fn index_list(values: &[usize], args: &Args) -> Result<burn::tensor::Tensor<1, Int>> {
    args.upload(values.iter().map(|&i| i as i64).collect())?.flat()
}
