//! Convolutions and pooling over one or two spatial axes.

use super::reduce::{Reduction, reduce_axes};
use super::{Cost, Prepared};
use crate::model::onnx::value::{Array, Value};
use crate::{Error, Result};
use burn::tensor::module;
use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};
use onnx_ir::avg_pool1d::AvgPool1dConfig;
use onnx_ir::avg_pool2d::AvgPool2dConfig;
use onnx_ir::conv1d::Conv1dConfig;
use onnx_ir::conv2d::Conv2dConfig;
use onnx_ir::max_pool1d::MaxPool1dConfig;
use onnx_ir::max_pool2d::MaxPool2dConfig;
use onnx_ir::padding::{AutoPad, PaddingConfig1d, PaddingConfig2d};

/// The window of a convolution or pool, padding before and after each axis as the file states it.
#[derive(Clone)]
struct Window<const N: usize> {
    kernel: [usize; N],
    stride: [usize; N],
    dilation: [usize; N],
    padding: [(usize, usize); N],
    auto: AutoPad,
}

impl<const N: usize> Window<N> {
    /// Padding for an input of these sizes. `SAME`: `ceil(size / stride)` outputs, the odd element at the end (`UPPER`) or start.
    fn padding(&self, sizes: &[usize]) -> [(usize, usize); N] {
        std::array::from_fn(|i| {
            let outputs = sizes[i].div_ceil(self.stride[i]);
            let reach = (outputs.max(1) - 1) * self.stride[i] + (self.kernel[i] - 1) * self.dilation[i] + 1;
            let total = reach.saturating_sub(sizes[i]);
            match self.auto {
                AutoPad::NotSet => self.padding[i],
                AutoPad::Valid => (0, 0),
                AutoPad::SameUpper => (total / 2, total - total / 2),
                AutoPad::SameLower => (total - total / 2, total / 2),
            }
        })
    }
}

fn window1(kernel: usize, stride: usize, dilation: usize, padding: &PaddingConfig1d, auto: &AutoPad) -> Window<1> {
    let padding = match *padding {
        PaddingConfig1d::Valid => (0, 0),
        PaddingConfig1d::Explicit(left, right) => (left, right),
    };
    Window { kernel: [kernel], stride: [stride], dilation: [dilation], padding: [padding], auto: auto.clone() }
}

fn window2(
    k: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    padding: &PaddingConfig2d,
    auto: &AutoPad,
) -> Window<2> {
    let padding = match *padding {
        PaddingConfig2d::Valid => [(0, 0); 2],
        PaddingConfig2d::Explicit(top, left, bottom, right) => [(top, bottom), (left, right)],
    };
    Window { kernel: k, stride, dilation, padding, auto: auto.clone() }
}

fn rank_error(expected: usize, x: &Array) -> Error {
    Error::input(format!("expected {expected} axes (batch, channels, space), got shape {:?}", x.dims()))
}

/// Declares a convolution: operands input, weight and, where there is one, bias.
macro_rules! conv {
    ($name:ident, $config:ty, $window:ident, $rank:literal, $variant:ident, $function:path) => {
        pub fn $name(c: &$config) -> Prepared {
            let (window, groups) = ($window(c.kernel_size, c.stride, c.dilation, &c.padding, &c.auto_pad), c.groups);
            let volume: usize = window.kernel.iter().product();
            Prepared::new(move |args| {
                let x = args.float(0)?;
                let (Array::$variant(x), Array::$variant(weight)) = (x.clone(), args.float(1)?) else {
                    return Err(rank_error($rank, &x));
                };
                let bias = match args.has(2).then(|| args.float(2)).transpose()? {
                    Some(Array::R1(bias)) => Some(bias),
                    Some(other) => return Err(Error::input(format!("a bias has shape {:?}", other.dims()))),
                    None => None,
                };
                let options = ConvOptions::new(window.stride, [0; $rank - 2], window.dilation, groups);
                let options = ConvOptions { padding: window.padding(&x.dims()[2..]), ..options };
                Ok(Value::Float(Array::$variant($function(x, weight, bias, options))))
            })
            .cost(Cost::Window { volume, groups })
        }
    };
}
conv!(conv1d, Conv1dConfig, window1, 3, R3, module::conv1d);
conv!(conv2d, Conv2dConfig, window2, 4, R4, module::conv2d);

/// Declares a maximum pool.
macro_rules! max_pool {
    ($name:ident, $config:ty, $window:ident, $stride:ident, $rank:literal, $variant:ident, $function:path) => {
        pub fn $name(c: &$config) -> Prepared {
            let (window, ceil) = ($window(c.kernel_size, c.$stride, c.dilation, &c.padding, &c.auto_pad), c.ceil_mode);
            let volume = window.kernel.iter().product();
            Prepared::new(move |args| {
                let x = args.float(0)?;
                let Array::$variant(x) = x else { return Err(rank_error($rank, &x)) };
                let options =
                    MaxPoolOptions::new(window.kernel).with_stride(window.stride).with_dilation(window.dilation);
                let options = options.with_padding_pairs(window.padding(&x.dims()[2..])).with_ceil_mode(ceil);
                Ok(Value::Float(Array::$variant($function(x, options))))
            })
            .cost(Cost::PerOutput(volume))
        }
    };
}
max_pool!(max_pool1d, MaxPool1dConfig, window1, stride, 3, R3, module::max_pool1d);
max_pool!(max_pool2d, MaxPool2dConfig, window2, strides, 4, R4, module::max_pool2d);

/// Declares a mean pool.
macro_rules! average_pool {
    ($name:ident, $config:ty, $window:ident, $stride:ident, $rank:literal, $variant:ident, $function:path) => {
        pub fn $name(c: &$config) -> Result<Prepared> {
            let window = $window(c.kernel_size, c.$stride, c.dilation, &c.padding, &c.auto_pad);
            if window.dilation.iter().any(|&d| d != 1) {
                return Err(Error::input("AveragePool with dilations is not supported"));
            }
            let (ceil, include) = (c.ceil_mode, c.count_include_pad);
            let volume = window.kernel.iter().product();
            Ok(Prepared::new(move |args| {
                let x = args.float(0)?;
                let Array::$variant(x) = x else { return Err(rank_error($rank, &x)) };
                let options = AvgPoolOptions::new(window.kernel).with_stride(window.stride).with_ceil_mode(ceil);
                let options =
                    options.with_padding_pairs(window.padding(&x.dims()[2..])).with_count_include_pad(include);
                Ok(Value::Float(Array::$variant($function(x, options))))
            })
            .cost(Cost::PerOutput(volume)))
        }
    };
}
average_pool!(average_pool1d, AvgPool1dConfig, window1, stride, 3, R3, module::avg_pool1d);
average_pool!(average_pool2d, AvgPool2dConfig, window2, strides, 4, R4, module::avg_pool2d);

/// Mean or maximum over all spatial axes, which keep length 1.
pub fn global_pool(kind: Reduction) -> Prepared {
    Prepared::new(move |args| {
        let x = args.float(0)?;
        let axes: Vec<usize> = (2..x.rank()).collect();
        Ok(Value::Float(reduce_axes(kind, x, &axes)))
    })
    .cost(Cost::PerInput(1))
}
