//! Ranges, parts and joins of axes.

use super::shape::{any_kind, index_list};
use super::{Maker, Prepared, host};
use crate::model::onnx::args::Args;
use crate::model::onnx::array::{Array, map_rank};
use crate::model::onnx::node::{self, Node};
use crate::model::onnx::value::{Host, Numbers, Value};
use crate::{Error, Result};
use burn::tensor::Tensor;
use burn::tensor::kind::Basic;

pub const TABLE: &[(&str, Maker)] =
    &[("Concat", |n| Ok(concat(n.int("axis").unwrap_or(1)))), ("Slice", |n| Ok(slice(n))), ("Split", |n| Ok(split(n)))];

/// Joins along an axis.
fn concat(axis: i64) -> Prepared {
    Prepared::new(move |args| {
        let axis = node::axis(axis, args.dims(0).len())?;
        joined(args, axis)
    })
    .free()
}

/// All operands joined along an axis.
pub fn joined(args: &mut Args, axis: usize) -> Result<Value> {
    if args.all_known() {
        let parts = (0..args.values.len()).map(|i| args.host(i)).collect::<Result<Vec<_>>>()?;
        let parts: Vec<&Host> = parts.iter().map(|p| &**p).collect();
        return Ok(join_host(&parts, axis)?.into());
    }
    // Empty parts add nothing, and a device may have no room for them.
    let mut values = (0..args.values.len()).map(|i| args.take(i)).collect::<Result<Vec<_>>>()?;
    if values.iter().any(|v| !v.dims().contains(&0)) {
        values.retain(|v| !v.dims().contains(&0));
    }
    args.values = values.into_iter().map(Some).collect();
    join_values(args, axis)
}

fn join_values(args: &mut Args, axis: usize) -> Result<Value> {
    let n = args.values.len();
    let dtype = args.get(0)?.dtype();
    if dtype.is_int() {
        let arrays = (0..n).map(|i| args.int(i)).collect::<Result<Vec<_>>>()?;
        return Ok(Value::Int(join(arrays, axis)?, dtype));
    }
    match args.get(0)? {
        value if value.dtype() == crate::model::onnx::Dtype::Bool => {
            join((0..n).map(|i| args.bool(i)).collect::<Result<Vec<_>>>()?, axis).map(Value::Bool)
        }
        _ => join((0..n).map(|i| args.float(i)).collect::<Result<Vec<_>>>()?, axis).map(Value::Float),
    }
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
                Some(Array::R0(_)) | None => None,
            }
        };
    }
    join_rank!(R1, R2, R3, R4, R5, R6).ok_or_else(|| Error::input("arrays of different ranks are joined"))
}

fn join_host(parts: &[&Host], axis: usize) -> Result<Host> {
    let mut dims = parts[0].dims.clone();
    let same = |p: &&Host| p.dims.len() == dims.len() && (0..dims.len()).all(|a| a == axis || p.dims[a] == dims[a]);
    if !parts.iter().all(same) {
        return Err(Error::input("arrays of different shapes are joined"));
    }
    let outer: usize = dims[..axis].iter().product();
    dims[axis] = parts.iter().map(|p| p.dims[axis]).sum();
    fn chunks<'a, T: Copy + 'a>(lists: Vec<&'a [T]>, outer: usize) -> Vec<T> {
        let part = |list: &&'a [T], o: usize| &list[list.len() / outer.max(1) * o..list.len() / outer.max(1) * (o + 1)];
        (0..outer).flat_map(|o| lists.iter().flat_map(move |list| part(list, o)).copied().collect::<Vec<T>>()).collect()
    }
    let numbers = match &parts[0].numbers {
        Numbers::Float(_) => {
            let lists: Vec<Vec<f32>> = parts.iter().map(|p| p.numbers.floats()).collect();
            Numbers::Float(chunks(lists.iter().map(Vec::as_slice).collect(), outer))
        }
        Numbers::Int(_, dtype) => {
            let lists: Vec<Vec<i64>> = parts.iter().map(|p| p.numbers.ints()).collect();
            Numbers::Int(chunks(lists.iter().map(Vec::as_slice).collect(), outer), *dtype)
        }
        Numbers::Bool(_) => {
            let lists: Vec<Vec<bool>> =
                parts.iter().map(|p| p.numbers.ints().into_iter().map(|v| v != 0).collect()).collect();
            Numbers::Bool(chunks(lists.iter().map(Vec::as_slice).collect(), outer))
        }
    };
    Ok(Host { numbers, dims })
}

/// Elements at positions of an axis; a run of neighbours is a view.
pub fn pick(value: Value, axis: usize, at: &[usize], args: &Args) -> Result<Value> {
    let dims = value.dims();
    if let Some(bad) = at.iter().find(|&&i| i >= dims[axis]) {
        return Err(Error::input(format!("index {bad} is outside of an axis of {}", dims[axis])));
    }
    if at.len() == dims[axis] && at.iter().enumerate().all(|(i, &a)| i == a) {
        return Ok(value);
    }
    Ok(any_kind!(value, x => pick_array(x, axis, at, args)?, host h => {
        let (strides, mut dims) = (host::strides(&h.dims), h.dims.clone());
        dims[axis] = at.len();
        let place = |index: &[usize]| (0..index.len()).map(|a| strides[a] * if a == axis { at[index[a]] } else { index[a] }).sum();
        Host { numbers: h.numbers.at(&host::positions(&dims, place)), dims }
    }))
}

fn pick_array<K: Basic>(x: Array<K>, axis: usize, at: &[usize], args: &Args) -> Result<Array<K>> {
    if !at.is_empty() && at.windows(2).all(|w| w[1] == w[0] + 1) {
        return Ok(map_rank!(x, t => t.narrow(axis, at[0], at.len())));
    }
    let indices = index_list(at, args)?;
    Ok(map_rank!(x, t => t.select(axis, indices)))
}

/// Ranges of axes: attributes before opset 10, operands since.
fn slice(n: &Node) -> Prepared {
    let attributes = (n.ints("starts"), n.ints("ends"), n.ints("axes"));
    Prepared::new(move |args| {
        let (starts, ends, axes, steps) = match &attributes {
            (Some(starts), Some(ends), axes) => (starts.clone(), ends.clone(), axes.clone(), None),
            _ => (args.ints(1)?, args.ints(2)?, args.optional_ints(3)?, args.optional_ints(4)?),
        };
        let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
        if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] || steps.contains(&0) {
            return Err(Error::input("the bounds do not fit together"));
        }
        let mut value = args.take(0)?;
        let axes = node::axes(&axes, value.dims().len())?;
        for (i, &axis) in axes.iter().enumerate() {
            let at = positions(starts[i], ends[i], steps[i], value.dims()[axis] as i64);
            value = pick(value, axis, &at, args)?;
        }
        Ok(value)
    })
    .free()
}

/// The positions that a slice of an axis of `n` visits: bounds count from the end if negative and are cut to the axis.
fn positions(start: i64, end: i64, step: i64, n: i64) -> Vec<usize> {
    let from_end = |v: i64| if v < 0 { v.saturating_add(n) } else { v };
    let (low, high) = if step > 0 { (0, n) } else { (-1, n - 1) };
    let (mut at, end) = (from_end(start).clamp(low.max(0), high.max(0)), from_end(end).clamp(low, high.max(0)));
    let mut visited = Vec::new();
    while (step > 0 && at < end) || (step < 0 && at > end && at < n) {
        visited.push(at as usize);
        at = at.saturating_add(step);
    }
    visited
}

/// Parts of an axis, of given or equal sizes.
fn split(n: &Node) -> Prepared {
    let (axis, n_parts, attribute) = (n.int("axis").unwrap_or(0), n.n_outputs(), n.ints("split"));
    let by_count = n.has_attribute("num_outputs");
    Prepared::many(n_parts, move |args| {
        let sizes = match &attribute {
            Some(sizes) => Some(sizes.clone()),
            None => args.optional_ints(1)?,
        };
        let value = args.take(0)?;
        let axis = node::axis(axis, value.dims().len())?;
        let n = value.dims()[axis];
        if sizes.is_none() && !by_count && !n.is_multiple_of(n_parts) {
            return Err(Error::input(format!("an axis of {n} cannot be split into {n_parts} equal parts")));
        }
        let equal = n.div_ceil(n_parts.max(1));
        let mut start = 0;
        let mut parts = Vec::with_capacity(n_parts);
        for i in 0..n_parts {
            let size = match &sizes {
                Some(sizes) => sizes.get(i).and_then(|&s| usize::try_from(s).ok()),
                None => Some(equal.min(n - start)),
            };
            let size = size.filter(|s| start + s <= n).ok_or_else(|| Error::input("the parts do not fill the axis"))?;
            let at: Vec<usize> = (start..start + size).collect();
            parts.push(pick(value.clone(), axis, &at, args)?);
            start += size;
        }
        Ok(parts)
    })
    .free()
}
