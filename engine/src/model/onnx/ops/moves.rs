//! Padding, repeating, and other rearrangements, as lists of positions in the operand.

use super::gather::picked;
use super::host::{self, strides};
use super::shape::{permuted, reshaped};
use super::{Maker, Prepared};
use crate::model::onnx::args::Args;
use crate::model::onnx::node::{self, Node};
use crate::model::onnx::value::{Host, Numbers, Value};
use crate::{Error, Result};

pub const TABLE: &[(&str, Maker)] = &[
    ("Pad", pad),
    ("Tile", |_| Ok(Prepared::new(tile).free())),
    ("DepthToSpace", |n| Ok(depth_to_space(n))),
    ("SpaceToDepth", |n| Ok(space_to_depth(n))),
    ("Trilu", |n| Ok(trilu(n.flag("upper", true)))),
    ("ReverseSequence", |n| Ok(reverse_sequence(n))),
    ("CenterCropPad", |n| Ok(center_crop_pad(n.ints("axes")))),
    ("Compress", |n| Ok(compress(n.int("axis")))),
];

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Constant,
    Edge,
    Reflect,
    Wrap,
}

/// Elements before and after each axis; negative numbers cut.
fn pad(n: &Node) -> Result<Prepared> {
    let mode = match n.text("mode").unwrap_or("constant") {
        "constant" => Mode::Constant,
        "edge" => Mode::Edge,
        "reflect" => Mode::Reflect,
        "wrap" => Mode::Wrap,
        other => return Err(Error::input(format!("the mode {other} is not known"))),
    };
    let attribute = n.ints("pads").or(n.ints("paddings"));
    let value = n.float("value", 0.0) as f32;
    Ok(Prepared::new(move |args| {
        let dims = args.dims(0);
        let (pads, fill, axes) = match &attribute {
            Some(pads) => (pads.clone(), Some(Numbers::Float(vec![value])), None),
            None => (args.ints(1)?, fill(args)?, args.optional_ints(3)?),
        };
        let axes = node::axes(&axes.unwrap_or_else(|| (0..dims.len() as i64).collect()), dims.len())?;
        if pads.len() != 2 * axes.len() {
            return Err(Error::input(format!("{} pads do not fit {} axes", pads.len(), axes.len())));
        }
        let mut pairs = vec![(0, 0); dims.len()];
        axes.iter().enumerate().for_each(|(i, &axis)| pairs[axis] = (pads[i], pads[axes.len() + i]));
        let value = args.take(0)?;
        padded(value, &pairs, mode, fill, args)
    })
    .free())
}

/// The number to pad with, if it is given and not empty.
fn fill(args: &mut Args) -> Result<Option<Numbers>> {
    let given = args.has(2).then(|| args.host(2)).transpose()?;
    Ok(given.filter(|h| h.numbers.len() > 0).map(|h| h.numbers.at(&[0])))
}

fn padded(value: Value, pairs: &[(i64, i64)], mode: Mode, fill: Option<Numbers>, args: &Args) -> Result<Value> {
    let (dims, n) = (value.dims(), value.dims().iter().product::<usize>());
    let to: Option<Vec<usize>> =
        (0..dims.len()).map(|a| usize::try_from(dims[a] as i64 + pairs[a].0 + pairs[a].1).ok()).collect();
    let to = to.ok_or_else(|| Error::input(format!("pads {pairs:?} cut more than the shape {dims:?} has")))?;
    if mode != Mode::Constant && dims.contains(&0) {
        return Err(Error::input("an empty array can be padded by a constant only"));
    }
    let step = strides(&dims);
    let along = |a: usize, i: usize| source(i as i64 - pairs[a].0, dims[a] as i64, mode);
    // The position after the last one is the fill.
    let place = |index: &[usize]| {
        let places = index.iter().enumerate().map(|(a, &i)| along(a, i).map(|p| p * step[a]));
        places.sum::<Option<usize>>().unwrap_or(n)
    };
    let at = host::positions(&to, place);
    if !at.contains(&n) {
        return picked(value, at, &to, args.device);
    }
    let fill = fill.unwrap_or(Numbers::Int(vec![0], crate::model::onnx::Dtype::I64));
    let joined = with_fill(value, &fill, args)?;
    picked(joined, at, &to, args.device)
}

/// Where an element of the padded axis comes from; none for the constant.
fn source(i: i64, n: i64, mode: Mode) -> Option<usize> {
    let inside = match mode {
        Mode::Constant => return usize::try_from(i).ok().filter(|&i| i < n as usize),
        Mode::Edge => i.clamp(0, n - 1),
        Mode::Wrap => i.rem_euclid(n),
        Mode::Reflect if n == 1 => 0,
        Mode::Reflect => {
            let period = 2 * (n - 1);
            let at = i.rem_euclid(period);
            if at < n { at } else { period - at }
        }
    };
    Some(inside as usize)
}

/// All elements in a row, then one more.
fn with_fill(value: Value, fill: &Numbers, args: &Args) -> Result<Value> {
    use crate::model::onnx::array::Array;
    use burn::tensor::Tensor;
    let n: usize = value.dims().iter().product();
    if n == 0 {
        return Ok(Host { numbers: super::cast::converted_numbers(fill, value.dtype()), dims: vec![1] }.into());
    }
    let last = Host { numbers: super::cast::converted_numbers(fill, value.dtype()), dims: vec![1] };
    Ok(match value {
        Value::Host(h) | Value::Both(h, _) => {
            let numbers = match (&h.numbers, &last.numbers) {
                (Numbers::Float(v), Numbers::Float(f)) => Numbers::Float([&v[..], f].concat()),
                (Numbers::Int(v, dtype), Numbers::Int(f, _)) => Numbers::Int([&v[..], f].concat(), *dtype),
                (Numbers::Bool(v), Numbers::Bool(f)) => Numbers::Bool([&v[..], f].concat()),
                (a, b) => return Err(super::mixed(a, b)),
            };
            Host { numbers, dims: vec![n + 1] }.into()
        }
        value => match (value, last.upload(args.device)?) {
            (Value::Float(x), Value::Float(f)) => Value::Float(Array::R1(Tensor::cat(vec![x.flat()?, f.flat()?], 0))),
            (Value::Int(x, d), Value::Int(f, _)) => {
                Value::Int(Array::R1(Tensor::cat(vec![x.flat()?, f.flat()?], 0)), d)
            }
            (x, _) => return with_fill(Value::Host(x.to_host()?), fill, args),
        },
    })
}

fn tile(args: &mut Args) -> Result<Value> {
    let (dims, repeats) = (args.dims(0), args.ints(1)?);
    if repeats.len() != dims.len() || repeats.iter().any(|&r| r < 0) {
        return Err(Error::input(format!("repeats {repeats:?} do not fit the shape {dims:?}")));
    }
    let to: Vec<usize> = dims.iter().zip(&repeats).map(|(&d, &r)| d * r as usize).collect();
    let step = strides(&dims);
    let at = host::positions(&to, |index| (0..index.len()).map(|a| index[a] % dims[a] * step[a]).sum());
    picked(args.take(0)?, at, &to, args.device)
}

/// Channels to blocks of pixels, in the order depth, column, row or column, row, depth.
fn depth_to_space(n: &Node) -> Prepared {
    let (b, column_first) = (n.int("blocksize").unwrap_or(1).max(1) as usize, n.text("mode") == Some("CRD"));
    Prepared::new(move |args| {
        let value = args.take(0)?;
        let [n, c, h, w] = four(&value)?;
        if !c.is_multiple_of(b * b) {
            return Err(Error::input(format!("{c} channels are no whole number of blocks of {b} by {b}")));
        }
        let out = c / (b * b);
        // To [n, out, h, b, w, b].
        let (split, order) = match column_first {
            false => ([n, b, b, out, h, w], [0, 3, 4, 1, 5, 2]),
            true => ([n, out, b, b, h, w], [0, 1, 4, 2, 5, 3]),
        };
        reshaped(permuted(reshaped(value, &split)?, &order)?, &[n, out, h * b, w * b])
    })
    .free()
}

fn space_to_depth(n: &Node) -> Prepared {
    let (b, column_first) = (n.int("blocksize").unwrap_or(1).max(1) as usize, n.text("mode") == Some("CRD"));
    Prepared::new(move |args| {
        let value = args.take(0)?;
        let [n, c, h, w] = four(&value)?;
        if !h.is_multiple_of(b) || !w.is_multiple_of(b) {
            return Err(Error::input(format!("{h} by {w} is no whole number of blocks of {b} by {b}")));
        }
        let six = reshaped(value, &[n, c, h / b, b, w / b, b])?;
        let order = if column_first { [0, 1, 3, 5, 2, 4] } else { [0, 3, 5, 1, 2, 4] };
        reshaped(permuted(six, &order)?, &[n, c * b * b, h / b, w / b])
    })
    .free()
}

fn four(value: &Value) -> Result<[usize; 4]> {
    let dims = value.dims();
    dims.as_slice().try_into().map_err(|_| Error::input(format!("expected four axes, got shape {dims:?}")))
}

/// The upper or lower triangle of the last two axes; zeros elsewhere.
fn trilu(upper: bool) -> Prepared {
    Prepared::new(move |args| {
        let k = args.optional_ints(1)?.and_then(|v| v.first().copied()).unwrap_or(0);
        let value = args.take(0)?;
        let dims = value.dims();
        let [.., rows, columns] = dims[..] else { return Err(Error::input("a triangle of less than two axes")) };
        let n: usize = dims.iter().product();
        let keeps = |i: usize| {
            let (row, column) = ((i / columns % rows) as i64, (i % columns) as i64);
            if upper { column >= row + k } else { column <= row + k }
        };
        let at = (0..n).map(|i| if keeps(i) { i } else { n }).collect();
        let zero = Numbers::Int(vec![0], crate::model::onnx::Dtype::I64);
        let joined = with_fill(value, &zero, args)?;
        if n == 0 { reshaped_empty(joined, &dims) } else { picked(joined, at, &dims, args.device) }
    })
    .free()
}

fn reshaped_empty(value: Value, dims: &[usize]) -> Result<Value> {
    picked(value, vec![], dims, &burn::tensor::Device::flex())
}

/// The first so many elements of each sequence, backwards.
fn reverse_sequence(n: &Node) -> Prepared {
    let (batch, time) = (n.int("batch_axis").unwrap_or(1), n.int("time_axis").unwrap_or(0));
    Prepared::new(move |args| {
        let (dims, lengths) = (args.dims(0), args.ints(1)?);
        let (batch, time) = (node::axis(batch, dims.len())?, node::axis(time, dims.len())?);
        if lengths.len() != dims[batch] || lengths.iter().any(|&l| l < 0 || l > dims[time] as i64) {
            return Err(Error::input(format!("lengths {lengths:?} do not fit the shape {dims:?}")));
        }
        let step = strides(&dims);
        let at = host::positions(&dims, |index| {
            let length = lengths[index[batch]] as usize;
            let t = if index[time] < length { length - 1 - index[time] } else { index[time] };
            (0..index.len()).map(|a| step[a] * if a == time { t } else { index[a] }).sum()
        });
        picked(args.take(0)?, at, &dims, args.device)
    })
    .free()
}

/// Axes cut or padded with zeros on both ends to given sizes.
fn center_crop_pad(axes: Option<Vec<i64>>) -> Prepared {
    Prepared::new(move |args| {
        let (dims, sizes) = (args.dims(0), args.ints(1)?);
        let axes = axes.clone().unwrap_or_else(|| (0..dims.len() as i64).collect());
        let mut pairs = vec![(0, 0); dims.len()];
        for (&axis, &size) in node::axes(&axes, dims.len())?.iter().zip(&sizes) {
            let missing = size - dims[axis] as i64;
            let before = missing.div_euclid(2) + i64::from(missing < 0 && missing % 2 != 0);
            pairs[axis] = (before, missing - before);
        }
        let value = args.take(0)?;
        padded(value, &pairs, Mode::Constant, None, args)
    })
    .free()
}

/// The slices of an axis (or elements) where a list of conditions holds.
fn compress(axis: Option<i64>) -> Prepared {
    Prepared::new(move |args| {
        let holds = args.ints(1)?;
        let chosen = |n: usize| (0..n.min(holds.len())).filter(|&i| holds[i] != 0).collect::<Vec<usize>>();
        let value = args.take(0)?;
        let dims = value.dims();
        match axis {
            Some(axis) => {
                let axis = node::axis(axis, dims.len())?;
                super::slice::pick(value, axis, &chosen(dims[axis]), args)
            }
            None => {
                let at = chosen(dims.iter().product());
                let n = at.len();
                picked(value, at, &[n], args.device)
            }
        }
    })
}
