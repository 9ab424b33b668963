//! `Resize` and `Upsample`: axis by axis, each a product with a matrix of interpolation weights.

use super::linear::product;
use super::shape::{permuted, reshaped};
use super::slice::pick;
use super::{Cost, Maker, Prepared};
use crate::model::onnx::args::Args;
use crate::model::onnx::node::{self, Node};
use crate::model::onnx::value::{Host, Value};
use crate::{Error, Result};

pub const TABLE: &[(&str, Maker)] = &[("Resize", resize), ("Upsample", resize)];

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Nearest,
    Linear,
    Cubic,
}

/// Settings as the file gives them.
#[derive(Clone)]
struct Settings {
    mode: Mode,
    coordinates: String,
    nearest: String,
    cubic: f64,
    antialias: bool,
    exclude_outside: bool,
    extrapolation: f64,
    policy: String,
    axes: Option<Vec<i64>>,
}

fn resize(n: &Node) -> Result<Prepared> {
    let mode = match n.text("mode").unwrap_or("nearest") {
        "nearest" => Mode::Nearest,
        "linear" | "bilinear" => Mode::Linear,
        "cubic" => Mode::Cubic,
        other => return Err(Error::input(format!("the mode {other} is not known"))),
    };
    let old = n.op() == "Upsample" || n.opset < 11;
    let text = |name: &str, absent: &str| n.text(name).unwrap_or(absent).to_string();
    let settings = Settings {
        mode,
        coordinates: if old { "asymmetric".into() } else { text("coordinate_transformation_mode", "half_pixel") },
        nearest: if old { "floor".into() } else { text("nearest_mode", "round_prefer_floor") },
        cubic: n.float("cubic_coeff_a", -0.75),
        antialias: n.flag("antialias", false),
        exclude_outside: n.flag("exclude_outside", false),
        extrapolation: n.float("extrapolation_value", 0.0),
        policy: text("keep_aspect_ratio_policy", "stretch"),
        axes: n.ints("axes"),
    };
    // Operands: x, scales before opset 11; x, roi, scales, sizes since.
    let (scales_at, sizes_at) = if old { (1, 9) } else { (2, 3) };
    let attribute = n.floats("scales").map(<[f32]>::to_vec);
    Ok(Prepared::new(move |args| {
        let dims = args.dims(0);
        let roi = if old || !args.has(1) { vec![] } else { args.host(1)?.numbers.floats() };
        let scales = match &attribute {
            Some(scales) => scales.clone(),
            None if args.has(scales_at) => args.host(scales_at)?.numbers.floats(),
            None => vec![],
        };
        let sizes = args.optional_ints(sizes_at)?.unwrap_or_default();
        let axes = node::axes(&settings.axes.clone().unwrap_or_else(|| (0..dims.len() as i64).collect()), dims.len())?;
        let targets = targets(&settings, &dims, &axes, &scales, &sizes)?;
        let mut value = args.take(0)?;
        for (i, &axis) in axes.iter().enumerate() {
            let (scale, size) = targets[i];
            let crop = (roi.get(i).copied(), roi.get(axes.len() + i).copied());
            let line = Line {
                settings: &settings,
                n: dims[axis],
                size,
                scale,
                crop: (crop.0.map(f64::from), crop.1.map(f64::from)),
            };
            value = line.resized(value, axis, args)?;
        }
        Ok(value)
    })
    .cost(Cost::PerOutput(4)))
}

/// Scale and size of each axis.
fn targets(s: &Settings, dims: &[usize], axes: &[usize], scales: &[f32], sizes: &[i64]) -> Result<Vec<(f64, usize)>> {
    if scales.len() == axes.len() {
        let target = |(&axis, &scale): (&usize, &f32)| (f64::from(scale), (dims[axis] as f32 * scale).floor() as usize);
        return Ok(axes.iter().zip(scales).map(target).collect());
    }
    if sizes.len() != axes.len() {
        return Err(Error::input(format!("{} scales and {} sizes for {} axes", scales.len(), sizes.len(), axes.len())));
    }
    let ratio = |(&axis, &size): (&usize, &i64)| size as f64 / dims[axis] as f64;
    let ratios: Vec<f64> = axes.iter().zip(sizes).map(ratio).collect();
    let common = match s.policy.as_str() {
        "not_larger" => ratios.iter().copied().fold(f64::INFINITY, f64::min),
        "not_smaller" => ratios.iter().copied().fold(0.0, f64::max),
        _ => return Ok(ratios.iter().zip(sizes).map(|(&r, &size)| (r, size.max(0) as usize)).collect()),
    };
    // Halves are rounded up, as the reference has it.
    Ok(axes.iter().map(|&axis| (common, (common * dims[axis] as f64 + 0.5).floor() as usize)).collect())
}

/// One axis to be resized.
struct Line<'a> {
    settings: &'a Settings,
    n: usize,
    size: usize,
    scale: f64,
    crop: (Option<f64>, Option<f64>),
}

impl Line<'_> {
    fn is_cropped(&self) -> bool {
        self.settings.coordinates == "tf_crop_and_resize" && self.crop != (Some(0.0), Some(1.0))
    }

    fn resized(&self, value: Value, axis: usize, args: &Args) -> Result<Value> {
        if self.size == self.n && self.scale == 1.0 && !self.is_cropped() {
            return Ok(value);
        }
        let at = (0..self.size).map(|i| self.coordinate(i)).collect::<Result<Vec<f64>>>()?;
        let inside = |x: &f64| !self.is_cropped() || (*x >= 0.0 && *x <= (self.n - 1) as f64);
        if self.settings.mode == Mode::Nearest && at.iter().all(inside) && !self.settings.antialias {
            let at = at.iter().map(|&x| self.nearest(x)).collect::<Result<Vec<_>>>()?;
            return pick(value, axis, &at, args);
        }
        self.weighted(value, axis, &at, args)
    }

    /// Where an element of the result lies in the operand.
    fn coordinate(&self, i: usize) -> Result<f64> {
        let (x, n, scale) = (i as f64, self.n as f64, self.scale);
        let length = scale * n;
        Ok(match self.settings.coordinates.as_str() {
            "half_pixel" => (x + 0.5) / scale - 0.5,
            "half_pixel_symmetric" => {
                let adjust = self.size as f64 / length;
                let centre = n / 2.0;
                centre * (1.0 - adjust) + (x + 0.5) / scale - 0.5
            }
            "pytorch_half_pixel" if self.size == 1 => 0.0,
            "pytorch_half_pixel" => (x + 0.5) / scale - 0.5,
            "align_corners" if self.size == 1 => 0.0,
            "align_corners" => x * (n - 1.0) / (length - 1.0),
            "asymmetric" => x / scale,
            "tf_half_pixel_for_nn" => (x + 0.5) / scale,
            "tf_crop_and_resize" => {
                let (start, end) = (self.crop.0.unwrap_or(0.0), self.crop.1.unwrap_or(1.0));
                match self.size {
                    1 => 0.5 * (start + end) * (n - 1.0),
                    _ => start * (n - 1.0) + x * (end - start) * (n - 1.0) / (length - 1.0),
                }
            }
            other => return Err(Error::input(format!("the coordinates {other} are not known"))),
        })
    }

    fn nearest(&self, x: f64) -> Result<usize> {
        let rounded = match self.settings.nearest.as_str() {
            "round_prefer_floor" => (x - 0.5).ceil(),
            "round_prefer_ceil" => (x + 0.5).floor(),
            "floor" => x.floor(),
            "ceil" => x.ceil(),
            other => return Err(Error::input(format!("the rounding {other} is not known"))),
        };
        Ok(rounded.clamp(0.0, (self.n - 1) as f64) as usize)
    }

    /// The share of each element of the operand in one of the result.
    fn weights(&self, x: f64) -> Result<Vec<f64>> {
        let mut row = vec![0.0; self.n];
        if self.settings.mode == Mode::Nearest {
            row[self.nearest(x)?] = 1.0;
            return Ok(row);
        }
        let narrow = if self.settings.antialias { self.scale.min(1.0) } else { 1.0 };
        let reach = if self.settings.mode == Mode::Linear { 1.0 / narrow } else { 2.0 / narrow };
        let (first, last) = ((x - reach).floor() as i64, (x + reach).ceil() as i64);
        let mut total = 0.0;
        for i in first..=last {
            let weight = self.kernel((i as f64 - x) * narrow);
            let outside = i < 0 || i >= self.n as i64;
            if outside && self.settings.exclude_outside {
                continue;
            }
            row[i.clamp(0, self.n as i64 - 1) as usize] += weight;
            total += weight;
        }
        row.iter_mut().for_each(|w| *w /= total);
        Ok(row)
    }

    fn kernel(&self, x: f64) -> f64 {
        let (x, a) = (x.abs(), self.settings.cubic);
        match self.settings.mode {
            Mode::Cubic if x <= 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
            Mode::Cubic if x < 2.0 => ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a,
            Mode::Cubic => 0.0,
            _ => (1.0 - x).max(0.0),
        }
    }

    /// The axis moved to the end and multiplied by the weights. What lies outside of a crop is the extrapolation value.
    fn weighted(&self, value: Value, axis: usize, at: &[f64], args: &Args) -> Result<Value> {
        let outside = |x: f64| self.is_cropped() && (x < 0.0 || x > (self.n - 1) as f64);
        let (mut weights, mut added) = (vec![0f32; self.n * self.size], vec![0f32; self.size]);
        for (i, &x) in at.iter().enumerate() {
            if outside(x) {
                added[i] = self.settings.extrapolation as f32;
                continue;
            }
            self.weights(x)?.iter().enumerate().for_each(|(k, &w)| weights[k * self.size + i] = w as f32);
        }
        let rank = value.dims().len();
        let mut order: Vec<usize> = (0..rank).filter(|&a| a != axis).collect();
        order.push(axis);
        let moved = permuted(value.on(args.device)?, &order)?;
        let mut dims = moved.dims();
        let rows: usize = dims[..rank - 1].iter().product();
        let x = super::converted(reshaped(moved, &[rows, self.n])?, crate::model::onnx::Dtype::F32)?.into_float()?;
        let weights = Host::floats(weights, &[self.n, self.size]).upload(args.device)?.into_float()?;
        let added = Host::floats(added, &[self.size]).upload(args.device)?.into_float()?;
        let y = product(x, weights)?;
        let y = crate::model::onnx::array::zip_rank!(y, added, (y, e) => y.add(e));
        dims[rank - 1] = self.size;
        let mut back = vec![0; rank];
        order.iter().enumerate().for_each(|(to, &from)| back[from] = to);
        permuted(Value::Float(y.reshape(&dims)?), &back)
    }
}
