//! Operators that move, rename and pick elements.

use super::elementwise::{broadcast, broadcast_dims};
use super::{Prepared, host, not_constant};
use crate::model::onnx::value::{Args, Array, Value, map_rank, upload_floats, upload_ints};
use crate::{Error, Result};
use burn::tensor::kind::Basic;
use burn::tensor::{Device, Int, Tensor};
use onnx_ir::DType;
use onnx_ir::expand::ExpandConfig;
use onnx_ir::reshape::ReshapeInput;
use onnx_ir::slice::{SliceConfig, SliceInput};
use onnx_ir::split::{SplitNode, SplitSizesInput};
use onnx_ir::squeeze::SqueezeInput;
use onnx_ir::unsqueeze::UnsqueezeConfig;

/// Applies a function of arrays of any kind; host values pass through another one.
macro_rules! any_kind {
    ($value:expr, $x:ident => $body:expr, host($values:ident, $dims:ident) => $host:expr) => {
        match $value {
            Value::Float($x) => Value::Float($body),
            Value::Int($x) => Value::Int($body),
            Value::Bool($x) => Value::Bool($body),
            Value::Host { values: $values, dims: $dims } => $host,
        }
    };
}

pub fn identity() -> Prepared {
    Prepared::new(|args| args.take(0)).free()
}

/// A value with its elements in another shape.
fn reshaped(value: Value, dims: &[usize]) -> Result<Value> {
    Ok(any_kind!(value, x => x.reshape(dims)?, host(values, _dims) => Value::Host { values, dims: dims.to_vec() }))
}

/// Conversion between floats, integers and booleans; every float is 32 bits wide, integers are truncated towards zero.
pub fn cast(to: DType) -> Result<Prepared> {
    let (to_float, to_bool) = (to.is_float(), to.is_bool());
    if !(to_float || to_bool || to.is_int() || to.is_uint()) {
        return Err(Error::input(format!("Cast to {to:?} is not supported")));
    }
    Ok(Prepared::new(move |args| {
        Ok(match args.take(0)? {
            Value::Float(x) if to_bool => Value::Bool(map_rank!(x, t => t.not_equal_scalar(0.0))),
            Value::Float(x) if !to_float => Value::Int(map_rank!(x, t => t.int())),
            Value::Int(x) if to_float => Value::Float(map_rank!(x, t => t.float())),
            Value::Int(x) if to_bool => Value::Bool(map_rank!(x, t => t.not_equal_scalar(0))),
            Value::Bool(x) if to_float => Value::Float(map_rank!(x, t => t.float())),
            Value::Bool(x) if !to_bool => Value::Int(map_rank!(x, t => t.int())),
            Value::Host { values, dims } if to_float => {
                Value::Float(upload_floats(values.iter().map(|&v| v as f32).collect(), &dims, args.device)?)
            }
            same => same,
        })
    })
    .free())
}

/// Two axes: those before `axis` and the rest.
pub fn flatten(axis: usize) -> Prepared {
    Prepared::new(move |args| {
        let value = args.take(0)?;
        let dims = value.dims();
        let axis = axis.min(dims.len());
        reshaped(value, &[dims[..axis].iter().product(), dims[axis..].iter().product()])
    })
    .free()
}

/// A new shape: 0 keeps an axis, one −1 is what remains. A first axis that the exporter fixed to its batch is freed.
pub fn reshape(shape: &ReshapeInput, fixed_batch: Option<i64>) -> Prepared {
    let fixed = match shape {
        ReshapeInput::Static(shape) => Some(shape.clone()),
        ReshapeInput::Runtime(_) => None,
    };
    Prepared::new(move |args| {
        let value = args.take(0)?;
        let target = match &fixed {
            Some(shape) => shape.clone(),
            None => args.host(1)?,
        };
        let dims = resolve(&target, &value.dims(), args.n_rows, fixed_batch)?;
        reshaped(value, &dims)
    })
    .free()
}

/// The sizes that a `Reshape` target means for these dimensions.
fn resolve(target: &[i64], dims: &[usize], n_rows: usize, fixed_batch: Option<i64>) -> Result<Vec<usize>> {
    let n: usize = dims.iter().product();
    let keep = |(axis, &size): (usize, &i64)| if size == 0 { dims.get(axis).map_or(0, |&d| d as i64) } else { size };
    let mut sizes: Vec<i64> = target.iter().enumerate().map(keep).collect();
    let fits = |sizes: &[i64]| {
        let known: i64 = sizes.iter().filter(|&&s| s >= 0).product();
        if sizes.contains(&-1) { known > 0 && n as i64 % known == 0 } else { known == n as i64 }
    };
    let is_batch = sizes.first().is_some_and(|&s| s > 0 && (Some(s) == fixed_batch || !fits(&sizes)));
    if is_batch && dims.first() == Some(&n_rows) {
        sizes[0] = n_rows as i64;
    }
    if !fits(&sizes) || sizes.iter().filter(|&&s| s < 0).count() > 1 {
        return Err(Error::input(format!("an array of shape {dims:?} cannot be reshaped to {target:?}")));
    }
    let known: i64 = sizes.iter().filter(|&&s| s >= 0).product();
    Ok(sizes.iter().map(|&s| if s < 0 { n / known as usize } else { s as usize }).collect())
}

pub fn transpose(perm: &[i64]) -> Prepared {
    let perm: Vec<usize> = perm.iter().map(|&axis| axis as usize).collect();
    Prepared::new(move |args| {
        Ok(any_kind!(args.take(0)?, x => x.permute(&perm)?, host(values, dims) => Value::Host { values, dims }))
    })
    .free()
}

/// Axis numbers from 0, given ones that may count from the end.
fn positive(axes: &[i64], rank: usize) -> Result<Vec<usize>> {
    let positive =
        |&axis: &i64| usize::try_from(if axis < 0 { axis + rank as i64 } else { axis }).ok().filter(|&a| a < rank);
    let axes_ok: Option<Vec<usize>> = axes.iter().map(positive).collect();
    axes_ok.ok_or_else(|| Error::input(format!("axes {axes:?} are outside of {rank} axes")))
}

/// Drops axes of length 1: those named, or all.
pub fn squeeze(axes: Option<&SqueezeInput>) -> Result<Prepared> {
    let axes = match axes {
        None => None,
        Some(SqueezeInput::Static(axes)) => Some(axes.clone()),
        Some(SqueezeInput::Runtime(_)) => return Err(not_constant("the axes of Squeeze")),
    };
    Ok(Prepared::new(move |args| {
        let value = args.take(0)?;
        let dims = value.dims();
        let dropped: Vec<usize> = match &axes {
            Some(axes) => positive(axes, dims.len())?,
            None => (0..dims.len()).filter(|&axis| dims[axis] == 1).collect(),
        };
        let kept: Vec<usize> = (0..dims.len()).filter(|axis| !dropped.contains(axis)).map(|axis| dims[axis]).collect();
        reshaped(value, &kept)
    })
    .free())
}

/// Adds axes of length 1 at positions of the result.
pub fn unsqueeze(config: &UnsqueezeConfig) -> Result<Prepared> {
    let UnsqueezeConfig::Static(axes) = config else { return Err(not_constant("the axes of Unsqueeze")) };
    let axes = axes.clone();
    Ok(Prepared::new(move |args| {
        let value = args.take(0)?;
        let mut dims = value.dims();
        let mut places = positive(&axes, dims.len() + axes.len())?;
        places.sort_unstable();
        places.into_iter().for_each(|axis| dims.insert(axis.min(dims.len()), 1));
        reshaped(value, &dims)
    })
    .free())
}

/// Joins along an axis.
pub fn concat(axis: usize) -> Prepared {
    Prepared::new(move |args| {
        let values: Vec<Value> = (0..args.values.len()).map(|i| args.take(i)).collect::<Result<_>>()?;
        if values.iter().all(Value::is_host) {
            let lists = values.into_iter().map(|v| if let Value::Host { values, .. } = v { values } else { vec![] });
            return Ok(Value::host(lists.flatten().collect()));
        }
        if matches!(values.first(), Some(Value::Float(_))) {
            let arrays = values.into_iter().map(Value::into_float).collect::<Result<Vec<_>>>()?;
            return join(arrays, axis).map(Value::Float);
        }
        args.values = values.into_iter().map(Some).collect();
        let arrays = (0..args.values.len()).map(|i| args.int(i)).collect::<Result<Vec<_>>>()?;
        join(arrays, axis).map(Value::Int)
    })
    .free()
}

/// Arrays of one rank joined along an axis.
pub fn join<K: Basic>(arrays: Vec<Array<K>>, axis: usize) -> Result<Array<K>> {
    macro_rules! join_rank {
        ($($variant:ident),*) => {
            match arrays.first() {
                $(Some(Array::$variant(_)) => {
                    let same = arrays.into_iter().map(|a| if let Array::$variant(t) = a { Some(t) } else { None });
                    same.collect::<Option<Vec<_>>>().map(|t| Array::$variant(Tensor::cat(t, axis)))
                })*
                None => None,
            }
        };
    }
    join_rank!(R1, R2, R3, R4, R5, R6).ok_or_else(|| Error::input("Concat of arrays of different ranks"))
}

/// Elements at positions of an axis; a run of neighbours is a view.
pub fn pick<K: Basic>(x: Array<K>, axis: usize, indices: &[i64], device: &Device) -> Result<Array<K>> {
    let n = x.dims()[axis] as i64;
    let indices: Vec<i64> = indices.iter().map(|&i| if i < 0 { i + n } else { i }).collect();
    if let Some(bad) = indices.iter().find(|&&i| i < 0 || i >= n) {
        return Err(Error::input(format!("index {bad} is outside of an axis of {n}")));
    }
    if !indices.is_empty() && indices.windows(2).all(|w| w[1] == w[0] + 1) {
        let (start, length) = (indices[0] as usize, indices.len());
        return Ok(map_rank!(x, t => t.narrow(axis, start, length)));
    }
    let dims = [indices.len()];
    select(x, axis, upload_ints(indices, &dims, device)?)
}

fn select<K: Basic>(x: Array<K>, axis: usize, indices: Array<Int>) -> Result<Array<K>> {
    let Array::R1(indices) = indices else { return Err(Error::input("indices must be a list")) };
    Ok(map_rank!(x, t => t.select(axis, indices)))
}

/// `Gather`: the axis is replaced by the shape of the indices.
pub fn gather(axis: usize) -> Prepared {
    Prepared::new(move |args| {
        if args.is_host(0) {
            return host::gather(args.take(0)?, args.take(1)?);
        }
        let data = args.take(0)?;
        let before = data.dims();
        let shape = args.values.get(1).and_then(Option::as_ref).map(Value::dims).unwrap_or_default();
        let picked = if args.is_host(1) {
            let indices = args.host(1)?;
            any_kind!(data, x => pick(x, axis, &indices, args.device)?, host(values, dims) => Value::Host { values, dims })
        } else {
            let n = shape.iter().product();
            let indices = args.int(1)?.reshape(&[n])?;
            any_kind!(data, x => select(x, axis, indices)?, host(values, dims) => Value::Host { values, dims })
        };
        let dims: Vec<usize> = before[..axis].iter().chain(&shape).chain(&before[axis + 1..]).copied().collect();
        reshaped(picked, &dims)
    })
    .free()
}

/// Constant ranges of axes.
pub fn slice(config: &SliceConfig) -> Result<Prepared> {
    let list = |input: &SliceInput| match input {
        SliceInput::Static(values) => Ok(values.clone()),
        SliceInput::Runtime(_) => Err(not_constant("the bounds of Slice")),
    };
    let (starts, ends) = (list(&config.starts)?, list(&config.ends)?);
    let axes = config.axes.as_ref().map(list).transpose()?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = config.steps.as_ref().map(list).transpose()?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] || steps.contains(&0) {
        return Err(Error::input("the bounds of Slice do not fit together"));
    }
    Ok(Prepared::new(move |args| {
        let mut value = args.take(0)?;
        let axes = positive(&axes, value.dims().len().max(1))?;
        for (i, &axis) in axes.iter().enumerate() {
            let indices = positions(starts[i], ends[i], steps[i], value.dims()[axis] as i64);
            value = any_kind!(value, x => pick(x, axis, &indices, args.device)?,
                host(values, _dims) => Value::host(indices.iter().map(|&i| values[i as usize]).collect()));
        }
        Ok(value)
    })
    .free())
}

/// The positions that a slice of an axis of `n` visits: bounds count from the end if negative and are cut to the axis.
fn positions(start: i64, end: i64, step: i64, n: i64) -> Vec<i64> {
    let from_end = |v: i64| if v < 0 { v.saturating_add(n) } else { v };
    let (low, high) = if step > 0 { (0, n) } else { (-1, n - 1) };
    let (mut at, end) = (from_end(start).clamp(low.max(0), high.max(0)), from_end(end).clamp(low, high.max(0)));
    let mut visited = Vec::new();
    while (step > 0 && at < end) || (step < 0 && at > end && at < n) {
        visited.push(at);
        at += step;
    }
    visited
}

/// Parts of an axis, of given or equal sizes.
pub fn split(node: &SplitNode) -> Result<Prepared> {
    let (axis, n_parts) = (node.config.axis, node.outputs.len());
    let sizes = match &node.config.split_sizes {
        Some(SplitSizesInput::Static(sizes)) => Some(sizes.clone()),
        Some(SplitSizesInput::Runtime(_)) => return Err(not_constant("the sizes of Split")),
        None => None,
    };
    Ok(Prepared::many((0..n_parts).collect(), move |args| {
        let value = args.take(0)?;
        let n = value.dims()[axis];
        let equal = n.div_ceil(n_parts.max(1));
        let mut start = 0;
        let mut parts = Vec::with_capacity(n_parts);
        for i in 0..n_parts {
            let size = sizes.as_ref().map_or(equal.min(n - start), |s| s[i]);
            let indices: Vec<i64> = (start as i64..(start + size) as i64).collect();
            parts.push(any_kind!(value.clone(), x => pick(x, axis, &indices, args.device)?,
                host(values, _dims) => Value::host(values[start..start + size].to_vec())));
            start += size;
        }
        Ok(parts)
    })
    .free())
}

/// Repeats axes of length 1 up to a shape.
pub fn expand(config: &ExpandConfig) -> Prepared {
    let fixed = match config {
        ExpandConfig::Static(shape) => Some(shape.clone()),
        ExpandConfig::Runtime(_) => None,
    };
    Prepared::new(move |args| {
        let value = args.take(0)?;
        let target = match &fixed {
            Some(shape) => shape.clone(),
            None => args.host(1)?,
        };
        let target: Vec<usize> = target.iter().map(|&n| n.max(1) as usize).collect();
        let dims = broadcast_dims(&[value.dims(), target])?;
        Ok(any_kind!(value, x => broadcast(x, &dims)?, host(values, dims) => Value::Host { values, dims }))
    })
    .free()
}

/// The sizes of axes `start..end`, on the host.
pub fn shape(start: usize, end: usize) -> Prepared {
    Prepared::new(move |args: &mut Args| {
        let dims = args.take(0)?.dims();
        let (start, end) = (start.min(dims.len()), end.min(dims.len()));
        Ok(Value::host(dims[start..end.max(start)].iter().map(|&d| d as i64).collect()))
    })
    .free()
}
