//! Convolutions over one to three spatial axes, and the windows they share with pools.

use super::{Cost, Maker, Prepared, convolve};
use crate::model::onnx::args::Args;
use crate::model::onnx::array::Array;
use crate::model::onnx::node::Node;
use crate::model::onnx::value::Value;
use crate::{Error, Result};
use burn::tensor::module;
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};

pub const TABLE: &[(&str, Maker)] = &[("Conv", convolve::conv), ("ConvTranspose", conv_transpose)];

/// How padding is decided.
#[derive(Clone, Copy, PartialEq)]
pub enum Auto {
    NotSet,
    Valid,
    SameUpper,
    SameLower,
}

/// The window of a convolution or pool as the file states it; empty lists stand for ones, or zeros for `pads`.
#[derive(Clone)]
pub struct Window {
    pub kernel: Vec<usize>,
    pub strides: Vec<usize>,
    pub dilations: Vec<usize>,
    pub pads: Vec<usize>,
    pub auto: Auto,
}

impl Window {
    pub fn read(n: &Node) -> Result<Self> {
        let list = |name: &str| Ok::<_, Error>(n.sizes(name)?.unwrap_or_default());
        let auto = match n.text("auto_pad").unwrap_or("NOTSET") {
            "NOTSET" | "" => Auto::NotSet,
            "VALID" => Auto::Valid,
            "SAME_UPPER" => Auto::SameUpper,
            "SAME_LOWER" => Auto::SameLower,
            other => return Err(Error::input(format!("the auto_pad {other} is not known"))),
        };
        let (kernel, strides) = (list("kernel_shape")?, list("strides")?);
        Ok(Self { kernel, strides, dilations: list("dilations")?, pads: list("pads")?, auto })
    }

    /// The window over these spatial sizes with everything stated; `kernel` serves where the file gives none.
    pub fn over(&self, sizes: &[usize], kernel: &[usize]) -> Result<Self> {
        let n = sizes.len();
        let full = |list: &[usize], absent: usize| if list.is_empty() { vec![absent; n] } else { list.to_vec() };
        let kernel = if self.kernel.is_empty() { kernel.to_vec() } else { self.kernel.clone() };
        let mut window = Self {
            kernel,
            strides: full(&self.strides, 1),
            dilations: full(&self.dilations, 1),
            pads: if self.pads.is_empty() { vec![0; 2 * n] } else { self.pads.clone() },
            auto: self.auto,
        };
        let lengths = [window.kernel.len(), window.strides.len(), window.dilations.len()];
        if lengths != [n; 3] || window.pads.len() != 2 * n || window.strides.contains(&0) || window.kernel.contains(&0)
        {
            return Err(Error::input(format!(
                "a window of {} axes does not fit {n} spatial axes",
                window.kernel.len()
            )));
        }
        for i in 0..n {
            let (before, after) = window.padding(i, sizes[i]);
            (window.pads[i], window.pads[n + i]) = (before, after);
        }
        Ok(window)
    }

    /// Elements that the kernel spans along an axis.
    pub fn reach(&self, i: usize) -> usize {
        (self.kernel[i] - 1) * self.dilations[i] + 1
    }

    /// Padding before and after an axis. `SAME`: `ceil(size / stride)` outputs, the odd element at the end (`UPPER`) or start.
    fn padding(&self, i: usize, size: usize) -> (usize, usize) {
        let outputs = size.div_ceil(self.strides[i]);
        let total = ((outputs.max(1) - 1) * self.strides[i] + self.reach(i)).saturating_sub(size);
        match self.auto {
            Auto::NotSet => (self.pads[i], self.pads[self.kernel.len() + i]),
            Auto::Valid => (0, 0),
            Auto::SameUpper => (total / 2, total - total / 2),
            Auto::SameLower => (total - total / 2, total / 2),
        }
    }

    /// Padding before and after each axis.
    pub fn pairs<const N: usize>(&self) -> [(usize, usize); N] {
        std::array::from_fn(|i| (self.pads[i], self.pads[N + i]))
    }
}

/// A list as an array of known length.
pub fn fixed<const N: usize>(list: &[usize]) -> [usize; N] {
    std::array::from_fn(|i| list[i])
}

/// The third operand, if there is one.
pub fn bias(args: &mut Args) -> Result<Option<burn::tensor::Tensor<1>>> {
    args.has(2).then(|| args.float(2)?.flat()).transpose()
}

/// A convolution of `[batch, channels, …]` with `[outputs, channels / groups, …]`.
pub fn convolved(
    x: Array,
    weight: Array,
    bias: Option<burn::tensor::Tensor<1>>,
    window: &Window,
    groups: usize,
) -> Result<Array> {
    let (dims, kernel) = (x.dims(), weight.dims());
    if dims.len() != kernel.len() || dims.len() < 3 {
        return Err(Error::input(format!("weights of shape {kernel:?} met an operand of shape {dims:?}")));
    }
    let w = window.over(&dims[2..], &kernel[2..])?;
    if dims[1] != kernel[1] * groups || kernel[2..] != w.kernel[..] {
        return Err(Error::input(format!("weights of shape {kernel:?} met an operand of shape {dims:?}")));
    }
    fn options<const N: usize>(w: &Window, groups: usize) -> ConvOptions<N> {
        let options = ConvOptions::new(fixed(&w.strides), [0; N], fixed(&w.dilations), groups);
        ConvOptions { padding: w.pairs(), ..options }
    }
    Ok(match (x, weight) {
        (Array::R3(x), Array::R3(k)) => Array::R3(module::conv1d(x, k, bias, options::<1>(&w, groups))),
        (Array::R4(x), Array::R4(k)) => Array::R4(module::conv2d(x, k, bias, options::<2>(&w, groups))),
        (Array::R5(x), Array::R5(k)) => Array::R5(module::conv3d(x, k, bias, options::<3>(&w, groups))),
        _ => {
            return Err(Error::input(format!(
                "a convolution of shape {dims:?}; one to three spatial axes are supported"
            )));
        }
    })
}

/// The gradient of a convolution. burn pads both ends alike: uneven padding is cut off afterwards.
fn conv_transpose(n: &Node) -> Result<Prepared> {
    let (window, groups) = (Window::read(n)?, n.int("group").unwrap_or(1).max(1) as usize);
    let (extra, shape) = (n.sizes("output_padding")?.unwrap_or_default(), n.sizes("output_shape")?.unwrap_or_default());
    let volume = window.kernel.iter().product();
    let step = Prepared::new(move |args| {
        let bias = bias(args)?;
        let (x, weight) = (args.float(0)?, args.float(1)?);
        let (dims, kernel) = (x.dims(), weight.dims());
        if dims.len() != kernel.len() || dims.len() < 3 || dims[1] != kernel[0] {
            return Err(Error::input(format!("weights of shape {kernel:?} met an operand of shape {dims:?}")));
        }
        let n_axes = dims.len() - 2;
        let stated = Window { auto: Auto::NotSet, ..window.clone() }.over(&dims[2..], &kernel[2..])?;
        let cuts: Vec<(usize, usize)> =
            (0..n_axes).map(|i| transposed_size(&stated, window.auto, i, dims[2 + i], &extra, &shape)).collect();
        // All of it, as far as any part of the result reaches.
        let full = |i: usize| (dims[2 + i] - 1) * stated.strides[i] + stated.reach(i);
        let room: Vec<usize> = (0..n_axes).map(|i| (cuts[i].0 + cuts[i].1).saturating_sub(full(i))).collect();
        let y = transposed(x, weight, bias, &stated, groups, &room)?;
        cut(y, &cuts).map(Value::Float)
    });
    Ok(step.cost(Cost::Window { volume, groups }))
}

/// Where the result starts in the unpadded one, and its length, along an axis.
fn transposed_size(w: &Window, auto: Auto, i: usize, size: usize, extra: &[usize], shape: &[usize]) -> (usize, usize) {
    let (n, extra) = (w.kernel.len(), extra.get(i).copied().unwrap_or(0));
    let full = (size - 1) * w.strides[i] + w.reach(i) + extra;
    let asked = shape.get(shape.len().saturating_sub(n) + i).copied();
    let same = matches!(auto, Auto::SameUpper | Auto::SameLower);
    match asked.or(same.then(|| size * w.strides[i])) {
        Some(length) => {
            let total = full.saturating_sub(length);
            let before = if auto == Auto::SameUpper { total / 2 } else { total - total / 2 };
            (before, length)
        }
        None => (w.pads[i], full.saturating_sub(w.pads[i] + w.pads[n + i])),
    }
}

fn transposed(
    x: Array,
    weight: Array,
    bias: Option<burn::tensor::Tensor<1>>,
    w: &Window,
    groups: usize,
    room: &[usize],
) -> Result<Array> {
    fn options<const N: usize>(w: &Window, groups: usize, room: &[usize]) -> ConvTransposeOptions<N> {
        ConvTransposeOptions::new(fixed(&w.strides), [0; N], fixed(room), fixed(&w.dilations), groups)
    }
    Ok(match (x, weight) {
        (Array::R3(x), Array::R3(k)) => Array::R3(module::conv_transpose1d(x, k, bias, options(w, groups, room))),
        (Array::R4(x), Array::R4(k)) => Array::R4(module::conv_transpose2d(x, k, bias, options(w, groups, room))),
        (Array::R5(x), Array::R5(k)) => Array::R5(module::conv_transpose3d(x, k, bias, options(w, groups, room))),
        _ => return Err(Error::input("one to three spatial axes are supported")),
    })
}

/// Ranges (start, length) of the spatial axes.
fn cut(mut x: Array, ranges: &[(usize, usize)]) -> Result<Array> {
    for (i, &(start, length)) in ranges.iter().enumerate() {
        if start + length > x.dims()[2 + i] || length == 0 {
            return Err(Error::input(format!("the result has no elements {start} to {}", start + length)));
        }
        x = crate::model::onnx::array::map_rank!(x, t => t.narrow(2 + i, start, length));
    }
    Ok(x)
}
