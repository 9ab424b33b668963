//! Pools: maxima and means over one and two spatial axes run on the device (on a GPU the plain ones), all others window by window on
//! the host.

use super::conv::{Window, fixed};
use super::host::{each_index, strides};
use super::reduce::{Reduction, reduce_axes};
use super::{Cost, Maker, Prepared};
use crate::kernels::{self, PoolKind, PoolShape};
use crate::model::onnx::array::{Array, map_rank};
use crate::model::onnx::node::Node;
use crate::model::onnx::value::{Host, Value};
use crate::{Error, Result};
use burn::tensor::module;
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};

pub const TABLE: &[(&str, Maker)] = &[
    ("MaxPool", |n| pool(n, Kind::Max)),
    ("AveragePool", |n| pool(n, Kind::Mean { padded: n.flag("count_include_pad", false) })),
    ("LpPool", |n| pool(n, Kind::Lp(n.float_or_int("p", 2.0)))),
    ("GlobalAveragePool", |_| Ok(global_pool(Reduction::Mean))),
    ("GlobalMaxPool", |_| Ok(global_pool(Reduction::Max))),
    ("GlobalLpPool", |n| Ok(global_lp(n.float_or_int("p", 2.0)))),
];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Max,
    /// Whether padding counts as elements.
    Mean {
        padded: bool,
    },
    Lp(f64),
}

fn pool(n: &Node, kind: Kind) -> Result<Prepared> {
    let (window, ceil) = (Window::read(n)?, n.flag("ceil_mode", false));
    let (by_column, positions) = (n.flag("storage_order", false), kind == Kind::Max && n.wants(1));
    let volume = window.kernel.iter().product();
    let step = Prepared::many(if kind == Kind::Max { 2 } else { 1 }, move |args| {
        let dtype = args.get(0)?.dtype();
        let x = args.number(0)?;
        let dims = x.dims();
        if dims.len() < 3 {
            return Err(Error::input(format!("expected batch, channels and space, got shape {dims:?}")));
        }
        let w = window.over(&x.dims()[2..], &[])?;
        if dtype.is_int() {
            let mut results = windows(kind, x, &w, ceil, by_column)?;
            results[0] = super::converted(results[0].clone(), dtype)?;
            return Ok(results);
        }
        if !positions && let Some(y) = on_cpu(kind, &x, &w, ceil)? {
            return Ok(vec![Value::Float(y)]);
        }
        let wide = (0..w.kernel.len()).any(|i| w.pads[i] >= w.reach(i) || w.pads[w.kernel.len() + i] >= w.reach(i));
        if !positions && !ceil && !wide {
            match (kind, x) {
                (Kind::Max, Array::R3(x)) => return Ok(vec![Value::Float(Array::R3(module::max_pool1d(x, max(&w))))]),
                (Kind::Max, Array::R4(x)) => return Ok(vec![Value::Float(Array::R4(module::max_pool2d(x, max(&w))))]),
                (Kind::Mean { padded }, Array::R3(x)) if w.dilations == [1] => {
                    return Ok(vec![Value::Float(Array::R3(module::avg_pool1d(x, mean(&w, padded))))]);
                }
                (Kind::Mean { padded }, Array::R4(x)) if w.dilations == [1, 1] => {
                    return Ok(vec![Value::Float(Array::R4(module::avg_pool2d(x, mean(&w, padded))))]);
                }
                (_, x) => return windows(kind, x, &w, ceil, by_column),
            }
        }
        windows(kind, x, &w, ceil, by_column)
    });
    Ok(step.cost(Cost::PerOutput(volume)))
}

/// Maxima and means over one or two axes, if the operand is on the CPU.
fn on_cpu(kind: Kind, x: &Array, w: &Window, ceil: bool) -> Result<Option<Array>> {
    let kind = match kind {
        Kind::Max => PoolKind::Max,
        Kind::Mean { padded } => PoolKind::Mean { padded },
        Kind::Lp(_) => return Ok(None),
    };
    let (dims, n) = (x.dims(), w.kernel.len());
    let fits = |i: usize| dims[2 + i] + w.pads[i] + w.pads[n + i] >= w.reach(i);
    if n > 2 || dims.contains(&0) || !(0..n).all(fits) {
        return Ok(None);
    }
    // One axis is two of which the first has length 1.
    let pair = |of: &dyn Fn(usize) -> usize, absent: usize| if n == 1 { [absent, of(0)] } else { [of(0), of(1)] };
    let (before, after) = (pair(&|i| w.pads[i], 0), pair(&|i| w.pads[n + i], 0));
    let shape = PoolShape {
        planes: dims[0] * dims[1],
        size: pair(&|i| dims[2 + i], 1),
        kernel: pair(&|i| w.kernel[i], 1),
        strides: pair(&|i| w.strides[i], 1),
        dilations: pair(&|i| w.dilations[i], 1),
        pads: [(before[0], after[0]), (before[1], after[1])],
        out: pair(&|i| n_windows(w, i, dims[2 + i], ceil), 1),
    };
    let Array::R4(x) = x.clone().reshape(&[dims[0], dims[1], shape.size[0], shape.size[1]])? else { return Ok(None) };
    let out: Vec<usize> = dims[..2].iter().chain(&shape.out[2 - n..]).copied().collect();
    kernels::pool(x, &shape, kind).map(|y| Array::R4(y).reshape(&out)).transpose()
}

fn max<const N: usize>(w: &Window) -> MaxPoolOptions<N> {
    let options = MaxPoolOptions::new(fixed(&w.kernel)).with_stride(fixed(&w.strides));
    options.with_dilation(fixed(&w.dilations)).with_padding_pairs(w.pairs())
}

fn mean<const N: usize>(w: &Window, padded: bool) -> AvgPoolOptions<N> {
    let options = AvgPoolOptions::new(fixed(&w.kernel)).with_stride(fixed(&w.strides));
    options.with_padding_pairs(w.pairs()).with_count_include_pad(padded)
}

/// Outputs along an axis: the last window must start inside the array or its padding before it.
fn n_windows(w: &Window, i: usize, size: usize, ceil: bool) -> usize {
    let n = w.kernel.len();
    let room = (size + w.pads[i] + w.pads[n + i]).saturating_sub(w.reach(i));
    if !ceil {
        return room / w.strides[i] + 1;
    }
    let outputs = room.div_ceil(w.strides[i]) + 1;
    if (outputs - 1) * w.strides[i] >= size + w.pads[i] { outputs - 1 } else { outputs }
}

/// Any pool of any number of axes, with sums in f64; for maxima, also the positions of the first largest.
fn windows(kind: Kind, x: Array, w: &Window, ceil: bool, by_column: bool) -> Result<Vec<Value>> {
    let device = device_of(&x);
    let dims = x.dims();
    let (space, n) = (&dims[2..], w.kernel.len());
    let values = Value::Float(x).to_floats()?;
    let outputs: Vec<usize> = (0..n).map(|i| n_windows(w, i, space[i], ceil)).collect();
    let step = strides(space);
    let size: usize = space.iter().product();
    // By columns, the first spatial axis runs fastest.
    let column_step: Vec<usize> = (0..n).map(|i| space[..i].iter().product()).collect();
    let (mut made, mut places) = (vec![], vec![]);
    for plane in 0..dims[0] * dims[1] {
        each_index(&outputs, |out| {
            let (mut total, mut inside_n, mut padded_n) = (0f64, 0usize, 0usize);
            let (mut best, mut place) = (f32::NEG_INFINITY, None);
            each_index(&w.kernel, |k| {
                let at = |i: usize| (out[i] * w.strides[i] + k[i] * w.dilations[i]).checked_sub(w.pads[i]);
                let inside: Option<Vec<usize>> = (0..n).map(|i| at(i).filter(|&a| a < space[i])).collect();
                let Some(inside) = inside else {
                    let reach = |i: usize| out[i] * w.strides[i] + k[i] * w.dilations[i];
                    padded_n += usize::from((0..n).all(|i| reach(i) < space[i] + w.pads[i] + w.pads[n + i]));
                    return;
                };
                let v = values[plane * size + inside.iter().zip(&step).map(|(a, s)| a * s).sum::<usize>()];
                inside_n += 1;
                match kind {
                    Kind::Max if place.is_none() || v > best => {
                        let step = if by_column { &column_step } else { &step };
                        place = Some(inside.iter().zip(step).map(|(a, s)| a * s).sum::<usize>());
                        best = v;
                    }
                    Kind::Max => {}
                    Kind::Mean { .. } => total += f64::from(v),
                    Kind::Lp(p) => total += f64::from(v.abs()).powf(p),
                }
            });
            made.push(match kind {
                Kind::Max => best,
                Kind::Mean { padded } => {
                    let n = inside_n + if padded { padded_n } else { 0 };
                    (total / n as f64) as f32
                }
                Kind::Lp(p) => total.powf(1.0 / p) as f32,
            });
            places.push((plane * size + place.unwrap_or(0)) as i64);
        });
    }
    let shape: Vec<usize> = dims[..2].iter().chain(&outputs).copied().collect();
    let mut results = vec![Host::floats(made, &shape).upload(&device)?];
    if kind == Kind::Max {
        results.push(Host::ints(places, &shape).into());
    }
    Ok(results)
}

fn device_of(x: &Array) -> burn::tensor::Device {
    crate::model::onnx::array::with_rank!(x, t => t.device())
}

/// Mean or maximum over all spatial axes, which keep length 1.
fn global_pool(kind: Reduction) -> Prepared {
    Prepared::new(move |args| {
        let x = args.float(0)?;
        let axes: Vec<usize> = (2..x.rank()).collect();
        Ok(Value::Float(reduce_axes(kind, x, &axes)))
    })
    .cost(Cost::PerInput(1))
}

fn global_lp(p: f64) -> Prepared {
    Prepared::new(move |args| {
        let x = args.float(0)?;
        let axes: Vec<usize> = (2..x.rank()).collect();
        let powers = map_rank!(x, t => t.abs().powf_scalar(p));
        Ok(Value::Float(map_rank!(reduce_axes(Reduction::Sum, powers, &axes), t => t.powf_scalar(1.0 / p))))
    })
    .cost(Cost::PerInput(2))
}
