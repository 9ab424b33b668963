//! Quantised operators. Integers are at most 16 bits wide here, so sums of products are exact in f32 up to 2²⁴.

use super::conv::{Window, convolved};
use super::linear::product;
use super::{Cost, Maker, Prepared};
use crate::model::onnx::args::Args;
use crate::model::onnx::array::{Array, map_rank, zip_rank};
use crate::model::onnx::dtype::Dtype;
use crate::model::onnx::node::{self, Node};
use crate::model::onnx::value::{Host, Value};
use crate::{Error, Result};

pub const TABLE: &[(&str, Maker)] = &[
    ("QuantizeLinear", |n| Ok(quantize(n))),
    ("DequantizeLinear", |n| Ok(dequantize(n))),
    ("com.microsoft:QuantizeLinear", |n| Ok(quantize(n))),
    ("com.microsoft:DequantizeLinear", |n| Ok(dequantize(n))),
    ("DynamicQuantizeLinear", |_| Ok(Prepared::many(3, dynamic))),
    ("MatMulInteger", |_| Ok(Prepared::new(matmul_integer).cost(Cost::Contraction))),
    ("com.microsoft:MatMulIntegerToFloat", |_| Ok(Prepared::new(matmul_to_float).cost(Cost::Contraction))),
    ("com.microsoft:DynamicQuantizeMatMul", |_| Ok(Prepared::new(dynamic_matmul).cost(Cost::Contraction))),
    ("QLinearMatMul", |_| Ok(Prepared::new(qlinear_matmul).cost(Cost::Contraction))),
    ("ConvInteger", conv_integer),
    ("QLinearConv", qlinear_conv),
];

/// A scale or zero point shaped to meet an array: one number, one for each place of an axis, or one for each block of it.
fn spread(weight: Array, dims: &[usize], axis: i64) -> Result<Array> {
    let given = weight.dims();
    match given.len() {
        0 => Ok(weight),
        1 if given[0] == 1 => weight.reshape(&[]),
        1 => {
            let mut shape = vec![1; dims.len()];
            shape[node::axis(axis, dims.len())?] = given[0];
            weight.reshape(&shape)
        }
        _ => blocks(weight, dims),
    }
}

/// Each number repeated over its block, so that the shape is that of the array.
fn blocks(weight: Array, dims: &[usize]) -> Result<Array> {
    let given = weight.dims();
    let fits = given.len() == dims.len() && given.iter().zip(dims).all(|(&g, &d)| g > 0 && d.div_ceil(g) * g >= d);
    if !fits {
        return Err(Error::input(format!("scales of shape {given:?} do not fit an array of shape {dims:?}")));
    }
    let step = super::host::strides(&given);
    let place = |index: &[usize]| (0..index.len()).map(|a| index[a] / dims[a].div_ceil(given[a]) * step[a]).sum();
    let at = super::host::positions(dims, place);
    let device = crate::model::onnx::array::with_rank!(&weight, t => t.device());
    super::gather::picked(Value::Float(weight), at, dims, &device)?.into_float()
}

/// `saturate(round(x / scale) + zero)`, halves to even.
fn quantized(x: Array, scale: Array, zero: Option<Array>, dtype: Dtype) -> Result<Value> {
    let y = zip_rank!(x, scale, (x, s) => x.div(s).round());
    let y = match zero {
        Some(zero) => zip_rank!(y, zero, (y, z) => y.add(z)),
        None => y,
    };
    let (low, high) = dtype.range();
    Ok(Value::Int(map_rank!(y, t => t.clamp(low as f64, high as f64).int()), dtype))
}

fn quantize(n: &Node) -> Prepared {
    let axis = n.int("axis").unwrap_or(1);
    let stated = n.int("output_dtype").filter(|&code| code != 0).map(|code| Dtype::from_code(code as i32));
    Prepared::new(move |args| {
        let dims = args.dims(0);
        let dtype = if args.has(2) { args.get(2)?.dtype() } else { stated.unwrap_or(Dtype::U8) };
        if !dtype.is_int() || dtype.bits() > 16 {
            return Err(Error::input(format!("quantisation to {dtype} is not supported")));
        }
        let scale = spread(args.float(1)?, &dims, axis)?;
        let zero = args.has(2).then(|| spread(args.number(2)?, &dims, axis)).transpose()?;
        quantized(args.number(0)?, scale, zero, dtype)
    })
    .cost(Cost::PerOutput(3))
}

/// `(x − zero) · scale`.
fn dequantized(args: &mut Args, x: usize, scale: usize, zero: usize, axis: i64) -> Result<Array> {
    let dims = args.dims(x);
    let y = shifted(args, x, zero, axis)?;
    let scale = spread(args.float(scale)?, &dims, axis)?;
    Ok(zip_rank!(y, scale, (y, s) => y.mul(s)))
}

/// `x − zero`, where there is a zero point.
fn shifted(args: &mut Args, x: usize, zero: usize, axis: i64) -> Result<Array> {
    let dims = args.dims(x);
    let y = args.number(x)?;
    if !args.has(zero) {
        return Ok(y);
    }
    let zero = spread(args.number(zero)?, &dims, axis)?;
    Ok(zip_rank!(y, zero, (y, z) => y.sub(z)))
}

fn dequantize(n: &Node) -> Prepared {
    let axis = n.int("axis").unwrap_or(1);
    Prepared::new(move |args| dequantized(args, 0, 1, 2, axis).map(Value::Float)).cost(Cost::PerOutput(2))
}

/// Scale and zero point from the range of the numbers, which is made to hold 0.
fn range_of(x: &Array) -> Result<(f32, f32)> {
    let values = Value::Float(x.clone()).to_floats()?;
    let (low, high) = values.iter().fold((0f32, 0f32), |(low, high), &v| (low.min(v), high.max(v)));
    let scale = (high - low) / 255.0;
    let zero = if scale == 0.0 { 0.0 } else { (-low / scale).clamp(0.0, 255.0).round_ties_even() };
    Ok((scale, zero))
}

/// uint8 numbers, their scale, their zero point.
fn dynamic(args: &mut Args) -> Result<Vec<Value>> {
    let x = args.float(0)?;
    let (scale, zero) = range_of(&x)?;
    let divisor = if scale == 0.0 { 1.0 } else { scale };
    let y = map_rank!(x, t => t.div_scalar(divisor).round().add_scalar(zero).clamp(0.0, 255.0).int());
    let zero = Host { numbers: crate::model::onnx::value::Numbers::Int(vec![zero as i64], Dtype::U8), dims: vec![] };
    Ok(vec![Value::Int(y, Dtype::U8), Host::floats(vec![scale], &[]).into(), zero.into()])
}

/// Integers of both operands less their zero points, multiplied. Zero points of the left run along rows, of the right along columns.
fn whole_product(args: &mut Args, zeros: [usize; 2]) -> Result<Array> {
    let a = shifted(args, 0, zeros[0], -2)?;
    let b = shifted(args, 1, zeros[1], -1)?;
    product(a, b)
}

fn matmul_integer(args: &mut Args) -> Result<Value> {
    let y = whole_product(args, [2, 3])?;
    Ok(Value::Int(map_rank!(y, t => t.round().int()), Dtype::I32))
}

/// Operands: a, b, their scales, their zero points, a bias.
fn matmul_to_float(args: &mut Args) -> Result<Value> {
    let y = whole_product(args, [4, 5])?;
    let dims = y.dims();
    let (a, b) = (spread(args.float(2)?, &dims, -2)?, spread(args.float(3)?, &dims, -1)?);
    let y = zip_rank!(y, a, (y, s) => y.mul(s));
    let y = zip_rank!(y, b, (y, s) => y.mul(s));
    biased(args, 6, y)
}

fn biased(args: &mut Args, i: usize, y: Array) -> Result<Value> {
    if !args.has(i) {
        return Ok(Value::Float(y));
    }
    let bias = args.float(i)?;
    Ok(Value::Float(zip_rank!(y, bias, (y, b) => y.add(b))))
}

/// Operands: floats, quantised weights, their scale, their zero point, a bias. The left side is quantised on the way.
fn dynamic_matmul(args: &mut Args) -> Result<Value> {
    let x = args.float(0)?;
    let (scale, zero) = range_of(&x)?;
    let divisor = if scale == 0.0 { 1.0 } else { scale };
    let x = map_rank!(x, t => t.div_scalar(divisor).round().clamp(-f64::from(zero), 255.0 - f64::from(zero)));
    let y = product(x, shifted(args, 1, 3, -1)?)?;
    let weights = spread(args.float(2)?, &y.dims(), -1)?;
    let y = zip_rank!(y, weights, (y, s) => y.mul(s.mul_scalar(scale)));
    biased(args, 4, y)
}

/// Operands: a, its scale and zero, b, its scale and zero, scale and zero of the result.
fn qlinear_matmul(args: &mut Args) -> Result<Value> {
    let dtype = args.get(7)?.dtype();
    let (a, b) = (dequantized(args, 0, 1, 2, -2)?, dequantized(args, 3, 4, 5, -1)?);
    let y = product(a, b)?;
    let dims = y.dims();
    let (scale, zero) = (spread(args.float(6)?, &dims, -1)?, spread(args.number(7)?, &dims, -1)?);
    quantized(y, scale, Some(zero), dtype)
}

fn conv_integer(n: &Node) -> Result<Prepared> {
    let (window, groups) = (Window::read(n)?, n.int("group").unwrap_or(1).max(1) as usize);
    Ok(Prepared::new(move |args| {
        let (x, weight) = (shifted(args, 0, 2, 1)?, shifted(args, 1, 3, 0)?);
        let y = convolved(x, weight, None, &window, groups)?;
        Ok(Value::Int(map_rank!(y, t => t.round().int()), Dtype::I32))
    }))
}

/// Operands: x, its scale and zero, w, its scale and zero, scale and zero of the result, a bias in units of both scales.
fn qlinear_conv(n: &Node) -> Result<Prepared> {
    let (window, groups) = (Window::read(n)?, n.int("group").unwrap_or(1).max(1) as usize);
    Ok(Prepared::new(move |args| {
        let dtype = args.get(7)?.dtype();
        let bias = match args.has(8) {
            true => {
                let unit = Array::R0(args.get(1)?.clone().on(args.device)?.into_float()?.flat()?);
                let weights = args.get(4)?.clone().on(args.device)?.into_float()?;
                let whole = args.number(8)?;
                let scaled = zip_rank!(whole, unit, (b, s) => b.mul(s));
                Some(zip_rank!(scaled, weights, (b, s) => b.mul(s)).flat()?)
            }
            false => None,
        };
        let (x, weight) = (dequantized(args, 0, 1, 2, 1)?, dequantized(args, 3, 4, 5, 0)?);
        let y = convolved(x, weight, bias, &window, groups)?;
        let dims = y.dims();
        let (scale, zero) = (spread(args.float(6)?, &dims, 1)?, spread(args.number(7)?, &dims, 1)?);
        quantized(y, scale, Some(zero), dtype)
    }))
}
