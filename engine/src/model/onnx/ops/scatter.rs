//! Elements put at indices. They are put on the host, one after the other, so that equal indices give what the file's order gives.

use super::gather::{element_positions, tuple_positions};
use super::{Maker, Prepared, mixed};
use crate::model::onnx::args::Args;
use crate::model::onnx::node::{self, Node};
use crate::model::onnx::value::{Host, Numbers, Value};
use crate::{Error, Result};
use std::sync::Arc;

pub const TABLE: &[(&str, Maker)] = &[
    ("Scatter", scatter_elements),
    ("ScatterElements", scatter_elements),
    ("ScatterND", scatter_nd),
    ("TensorScatter", tensor_scatter),
];

/// What happens to the element that is there.
#[derive(Clone, Copy)]
enum Meeting {
    Replace,
    Add,
    Mul,
    Max,
    Min,
}

fn meeting(n: &Node) -> Result<Meeting> {
    Ok(match n.text("reduction").unwrap_or("none") {
        "none" => Meeting::Replace,
        "add" => Meeting::Add,
        "mul" => Meeting::Mul,
        "max" => Meeting::Max,
        "min" => Meeting::Min,
        other => return Err(Error::input(format!("the reduction {other} is not known"))),
    })
}

fn scatter_elements(n: &Node) -> Result<Prepared> {
    let (axis, meeting) = (n.int("axis").unwrap_or(0), meeting(n)?);
    Ok(Prepared::new(move |args| {
        let (from, dims) = (args.dims(0), args.dims(1));
        let at = element_positions(&from, &dims, node::axis(axis, from.len())?, &args.ints(1)?)?;
        put(args, 2, &at, meeting)
    }))
}

fn scatter_nd(n: &Node) -> Result<Prepared> {
    let meeting = meeting(n)?;
    Ok(Prepared::new(move |args| {
        let (from, dims) = (args.dims(0), args.dims(1));
        let (starts, length) = tuple_positions(&from, &dims, 0, &args.ints(1)?)?;
        let at: Vec<usize> = starts.iter().flat_map(|&start| start..start + length).collect();
        put(args, 2, &at, meeting)
    }))
}

/// A cache `[batch, …, sequence, …]` with new elements from a position on, one position a batch row.
fn tensor_scatter(n: &Node) -> Result<Prepared> {
    let (axis, circular) = (n.int("axis").unwrap_or(-2), n.text("mode") == Some("circular"));
    Ok(Prepared::new(move |args| {
        let (from, update) = (args.dims(0), args.dims(1));
        let axis = node::axis(axis, from.len())?;
        let starts = args.optional_ints(2)?.unwrap_or_else(|| vec![0; from[0]]);
        let step = super::host::strides(&from);
        let mut outside = false;
        let at = super::host::positions(&update, |index| {
            let mut t = index[axis] + starts.get(index[0]).map_or(0, |&s| s.max(0) as usize);
            outside |= t >= from[axis] && !circular;
            t %= from[axis].max(1);
            (0..index.len()).map(|a| step[a] * if a == axis { t } else { index[a] }).sum()
        });
        match outside {
            true => Err(Error::input(format!("the update does not fit an axis of {}", from[axis]))),
            false => put(args, 1, &at, Meeting::Replace),
        }
    }))
}

/// Operand 0 with the elements of another operand at these positions.
fn put(args: &mut Args, updates: usize, at: &[usize], meeting: Meeting) -> Result<Value> {
    let on_device = !args.is_known(0);
    let updates = args.host(updates)?;
    let mut data = Arc::unwrap_or_clone(args.host(0)?);
    if updates.numbers.len() != at.len() {
        return Err(Error::input(format!("{} updates for {} places", updates.numbers.len(), at.len())));
    }
    match (&mut data.numbers, &updates.numbers) {
        (Numbers::Float(data), Numbers::Float(new)) => at.iter().zip(new).for_each(|(&i, &v)| {
            data[i] = match meeting {
                Meeting::Replace => v,
                Meeting::Add => data[i] + v,
                Meeting::Mul => data[i] * v,
                Meeting::Max => data[i].max(v),
                Meeting::Min => data[i].min(v),
            }
        }),
        (Numbers::Int(data, dtype), Numbers::Int(new, _)) => at.iter().zip(new).for_each(|(&i, &v)| {
            data[i] = dtype.wrap(match meeting {
                Meeting::Replace => v,
                Meeting::Add => data[i].wrapping_add(v),
                Meeting::Mul => data[i].wrapping_mul(v),
                Meeting::Max => data[i].max(v),
                Meeting::Min => data[i].min(v),
            })
        }),
        (Numbers::Bool(data), Numbers::Bool(new)) => at.iter().zip(new).for_each(|(&i, &v)| data[i] = v),
        (a, b) => return Err(mixed(a, b)),
    }
    let back = |host: Host| if on_device { host.upload(args.device) } else { Ok(host.into()) };
    back(data)
}
