//! Elements picked by indices.

use super::host::{self, strides};
use super::shape::{any_kind, reshaped};
use super::slice::pick;
use super::{Maker, Prepared};
use crate::model::onnx::array::{Array, map_rank};
use crate::model::onnx::node::{self, Node};
use crate::model::onnx::value::{Host, Value};
use crate::{Error, Result};
use burn::tensor::kind::Basic;
use burn::tensor::{Int, Tensor};

pub const TABLE: &[(&str, Maker)] = &[
    ("Gather", |n| Ok(gather(n.int("axis").unwrap_or(0)))),
    ("GatherElements", |n| Ok(gather_elements(n))),
    ("GatherND", |n| Ok(gather_nd(n.int("batch_dims").unwrap_or(0) as usize))),
];

/// `Gather`: the axis is replaced by the shape of the indices.
fn gather(axis: i64) -> Prepared {
    Prepared::new(move |args| {
        let (before, shape) = (args.dims(0), args.dims(1));
        let axis = node::axis(axis, before.len())?;
        let dims: Vec<usize> = before[..axis].iter().chain(&shape).chain(&before[axis + 1..]).copied().collect();
        let picked = if args.is_known(1) {
            let at = args.ints(1)?.iter().map(|&i| host::index(i, before[axis])).collect::<Result<Vec<_>>>()?;
            let data = args.take(0)?;
            pick(data, axis, &at, args)?
        } else {
            let indices = from_start(Array::R1(args.int(1)?.flat()?), before[axis]).flat()?;
            any_kind!(args.array(0)?, x => map_rank!(x, t => t.select(axis, indices)), host h => (*h).clone())
        };
        reshaped(picked, &dims)
    })
    .free()
}

/// Indices from 0 where some count from the end.
fn from_start(indices: Array<Int>, n: usize) -> Array<Int> {
    fn wrap<const D: usize>(t: Tensor<D, Int>, n: usize) -> Tensor<D, Int> {
        let negative = t.clone().lower_scalar(0);
        t.clone().mask_where(negative, t.add_scalar(n as i64))
    }
    map_rank!(indices, t => wrap(t, n))
}

/// `GatherElements`: each index replaces one coordinate of its own place.
fn gather_elements(n: &Node) -> Prepared {
    let axis = n.int("axis").unwrap_or(0);
    Prepared::new(move |args| {
        let (from, dims) = (args.dims(0), args.dims(1));
        let axis = node::axis(axis, from.len())?;
        let indices = args.ints(1)?;
        let at = element_positions(&from, &dims, axis, &indices)?;
        let data = args.take(0)?;
        picked(data, at, &dims, args.device)
    })
    .free()
}

/// The position in an array of dims `from` that each index along an axis means.
pub fn element_positions(from: &[usize], dims: &[usize], axis: usize, indices: &[i64]) -> Result<Vec<usize>> {
    if dims.len() != from.len() || (0..dims.len()).any(|a| a != axis && dims[a] > from[a]) {
        return Err(Error::input(format!("indices of shape {dims:?} do not fit data of shape {from:?}")));
    }
    let (step, mut next) = (strides(from), indices.iter());
    let mut at = Vec::with_capacity(indices.len());
    let mut wrong = None;
    host::each_index(dims, |index| {
        let i = host::index(next.next().copied().unwrap_or(0), from[axis]).unwrap_or_else(|e| {
            wrong = Some(e);
            0
        });
        at.push((0..index.len()).map(|a| step[a] * if a == axis { i } else { index[a] }).sum());
    });
    wrong.map_or(Ok(at), Err)
}

/// `GatherND`: lists of coordinates, each picking an element or a slice.
fn gather_nd(batch: usize) -> Prepared {
    Prepared::new(move |args| {
        let (from, dims) = (args.dims(0), args.dims(1));
        let indices = args.ints(1)?;
        let (starts, length) = tuple_positions(&from, &dims, batch, &indices)?;
        let at = starts.iter().flat_map(|&start| start..start + length).collect();
        let depth = dims.last().copied().unwrap_or(0);
        let to: Vec<usize> = dims[..dims.len() - 1].iter().chain(&from[batch + depth..]).copied().collect();
        let data = args.take(0)?;
        picked(data, at, &to, args.device)
    })
    .free()
}

/// Where the slice of each list of coordinates starts, and how many elements a slice has.
pub fn tuple_positions(from: &[usize], dims: &[usize], batch: usize, indices: &[i64]) -> Result<(Vec<usize>, usize)> {
    let depth = dims.last().copied().unwrap_or(0);
    if dims.is_empty() || batch + depth > from.len() || batch >= dims.len() || depth == 0 {
        return Err(Error::input(format!("indices of shape {dims:?} do not fit data of shape {from:?}")));
    }
    let step = strides(from);
    let length = from[batch + depth..].iter().product();
    let n_batches: usize = dims[..batch].iter().product();
    let a_batch = indices.len() / depth / n_batches.max(1);
    let batch_step: usize = from[batch..].iter().product();
    let start = |(k, tuple): (usize, &[i64])| -> Result<usize> {
        let inside = tuple.iter().enumerate().map(|(d, &i)| Ok(host::index(i, from[batch + d])? * step[batch + d]));
        Ok(inside.sum::<Result<usize>>()? + k / a_batch.max(1) * batch_step)
    };
    Ok((indices.chunks(depth).enumerate().map(start).collect::<Result<_>>()?, length))
}

/// Elements at positions of the row-major order, in a new shape.
pub fn picked(value: Value, at: Vec<usize>, dims: &[usize], device: &burn::tensor::Device) -> Result<Value> {
    if let Value::Host(h) | Value::Both(h, _) = &value {
        return Ok(Host { numbers: h.numbers.at(&at), dims: dims.to_vec() }.into());
    }
    fn select<K: Basic>(x: Array<K>, at: Tensor<1, Int>, dims: &[usize]) -> Result<Array<K>> {
        Array::R1(x.flat()?.select(0, at)).reshape(dims)
    }
    let n = at.len();
    let at = Host::ints(at.into_iter().map(|i| i as i64).collect(), &[n]).upload(device)?;
    let Value::Int(at, _) = at else { return Err(Error::input("positions are no integers")) };
    let at = at.flat()?;
    Ok(any_kind!(value, x => select(x, at, dims)?, host h => (*h).clone()))
}
