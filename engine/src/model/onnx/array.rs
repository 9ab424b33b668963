//! Arrays on a device whose rank is known at run time, over burn tensors whose rank is a type.

use crate::{Error, Result};
use burn::tensor::kind::Basic;
use burn::tensor::{Device, Float, Int, Tensor, TensorData};

/// The largest rank an array may have.
pub const MAX_RANK: usize = 6;

/// A burn tensor of rank 1 to 6, or a scalar, which burn holds as one element.
#[derive(Clone, Debug)]
pub enum Array<K: Basic = Float> {
    R0(Tensor<1, K>),
    R1(Tensor<1, K>),
    R2(Tensor<2, K>),
    R3(Tensor<3, K>),
    R4(Tensor<4, K>),
    R5(Tensor<5, K>),
    R6(Tensor<6, K>),
}

/// Evaluates an expression with the tensor of an array; the result does not depend on the rank.
macro_rules! with_rank {
    ($array:expr, $t:ident => $body:expr) => {
        match $array {
            $crate::model::onnx::array::Array::R0($t) => $body,
            $crate::model::onnx::array::Array::R1($t) => $body,
            $crate::model::onnx::array::Array::R2($t) => $body,
            $crate::model::onnx::array::Array::R3($t) => $body,
            $crate::model::onnx::array::Array::R4($t) => $body,
            $crate::model::onnx::array::Array::R5($t) => $body,
            $crate::model::onnx::array::Array::R6($t) => $body,
        }
    };
}

/// Maps the tensor of an array to a tensor of the same rank.
macro_rules! map_rank {
    ($array:expr, $t:ident => $body:expr) => {
        match $array {
            $crate::model::onnx::array::Array::R0($t) => $crate::model::onnx::array::Array::R0($body),
            $crate::model::onnx::array::Array::R1($t) => $crate::model::onnx::array::Array::R1($body),
            $crate::model::onnx::array::Array::R2($t) => $crate::model::onnx::array::Array::R2($body),
            $crate::model::onnx::array::Array::R3($t) => $crate::model::onnx::array::Array::R3($body),
            $crate::model::onnx::array::Array::R4($t) => $crate::model::onnx::array::Array::R4($body),
            $crate::model::onnx::array::Array::R5($t) => $crate::model::onnx::array::Array::R5($body),
            $crate::model::onnx::array::Array::R6($t) => $crate::model::onnx::array::Array::R6($body),
        }
    };
}

/// Maps the tensors of two arrays, brought to one rank first, to a tensor of that rank.
macro_rules! zip_rank {
    ($a:expr, $b:expr, ($x:ident, $y:ident) => $body:expr) => {{
        use $crate::model::onnx::array::{Array, same_rank};
        match same_rank($a, $b)? {
            (Array::R0($x), Array::R0($y)) => Array::R0($body),
            (Array::R1($x), Array::R1($y)) => Array::R1($body),
            (Array::R2($x), Array::R2($y)) => Array::R2($body),
            (Array::R3($x), Array::R3($y)) => Array::R3($body),
            (Array::R4($x), Array::R4($y)) => Array::R4($body),
            (Array::R5($x), Array::R5($y)) => Array::R5($body),
            (Array::R6($x), Array::R6($y)) => Array::R6($body),
            _ => return Err($crate::Error::input("arrays of two ranks met after they were made equal")),
        }
    }};
}

pub(super) use {map_rank, with_rank, zip_rank};

impl<K: Basic> Array<K> {
    pub fn dims(&self) -> Vec<usize> {
        match self {
            Array::R0(_) => vec![],
            other => with_rank!(other, t => t.dims().to_vec()),
        }
    }

    /// Elements in all.
    pub fn len(&self) -> usize {
        self.dims().iter().product()
    }

    pub fn rank(&self) -> usize {
        self.dims().len()
    }

    /// The same elements in another shape; `[]` is a scalar.
    pub fn reshape(self, dims: &[usize]) -> Result<Self> {
        let given = self.dims();
        if given.iter().product::<usize>() != dims.iter().product::<usize>() {
            return Err(Error::input(format!("an array of shape {given:?} cannot be reshaped to {dims:?}")));
        }
        if given == dims {
            return Ok(self);
        }
        with_rank!(self, t => reshaped(t, dims))
    }

    /// All elements in a row.
    pub fn flat(self) -> Result<Tensor<1, K>> {
        let n = self.len();
        match self.reshape(&[n])? {
            Array::R1(t) => Ok(t),
            other => Err(Error::input(format!("expected a list, got shape {:?}", other.dims()))),
        }
    }

    /// The array as a matrix; other ranks are an error.
    pub fn matrix(self) -> Result<Tensor<2, K>> {
        match self {
            Array::R2(t) => Ok(t),
            other => Err(Error::input(format!("expected a matrix, got shape {:?}", other.dims()))),
        }
    }

    /// Axes in a new order.
    pub fn permute(self, axes: &[usize]) -> Result<Self> {
        fn to<const D: usize>(axes: &[usize]) -> Result<[usize; D]> {
            axes.try_into().map_err(|_| Error::input(format!("{axes:?} is not an order of {D} axes")))
        }
        Ok(match self {
            Array::R0(t) => Array::R0(t),
            Array::R1(t) => Array::R1(t),
            Array::R2(t) => Array::R2(t.permute(to(axes)?)),
            Array::R3(t) => Array::R3(t.permute(to(axes)?)),
            Array::R4(t) => Array::R4(t.permute(to(axes)?)),
            Array::R5(t) => Array::R5(t.permute(to(axes)?)),
            Array::R6(t) => Array::R6(t.permute(to(axes)?)),
        })
    }
}

fn reshaped<const D: usize, K: Basic>(t: Tensor<D, K>, dims: &[usize]) -> Result<Array<K>> {
    if dims.contains(&0) {
        return nothing(dims, &t.device());
    }
    Ok(match *dims {
        [] => Array::R0(t.reshape([1])),
        [a] => Array::R1(t.reshape([a])),
        [a, b] => Array::R2(t.reshape([a, b])),
        [a, b, c] => Array::R3(t.reshape([a, b, c])),
        [a, b, c, d] => Array::R4(t.reshape([a, b, c, d])),
        [a, b, c, d, e] => Array::R5(t.reshape([a, b, c, d, e])),
        [a, b, c, d, e, f] => Array::R6(t.reshape([a, b, c, d, e, f])),
        _ => return Err(too_deep(dims.len())),
    })
}

/// An array without elements: burn takes a 0 in a new shape for something else.
fn nothing<K: Basic>(dims: &[usize], device: &Device) -> Result<Array<K>> {
    Ok(match *dims {
        [a] => Array::R1(Tensor::empty([a], device)),
        [a, b] => Array::R2(Tensor::empty([a, b], device)),
        [a, b, c] => Array::R3(Tensor::empty([a, b, c], device)),
        [a, b, c, d] => Array::R4(Tensor::empty([a, b, c, d], device)),
        [a, b, c, d, e] => Array::R5(Tensor::empty([a, b, c, d, e], device)),
        [a, b, c, d, e, f] => Array::R6(Tensor::empty([a, b, c, d, e, f], device)),
        _ => return Err(too_deep(dims.len())),
    })
}

fn too_deep(rank: usize) -> Error {
    Error::input(format!("an array has {rank} axes; at most {MAX_RANK} are supported"))
}

/// Both arrays with the larger rank: leading axes of length 1 are added, as ONNX broadcasting asks.
pub fn same_rank<A: Basic, B: Basic>(a: Array<A>, b: Array<B>) -> Result<(Array<A>, Array<B>)> {
    let rank = a.rank().max(b.rank());
    Ok((lift(a, rank)?, lift(b, rank)?))
}

/// The array with leading axes of length 1 up to a rank.
pub fn lift<K: Basic>(array: Array<K>, rank: usize) -> Result<Array<K>> {
    let dims = array.dims();
    if dims.len() == rank {
        return Ok(array);
    }
    let mut lifted = vec![1; rank - dims.len()];
    lifted.extend(dims);
    array.reshape(&lifted)
}

/// Host integers as a device array. Devices hold 32-bit integers: larger values (`i64::MAX` as "to the end") saturate.
pub fn upload_ints(values: Vec<i64>, dims: &[usize], device: &Device) -> Result<Array<Int>> {
    let narrow: Vec<i32> = values.iter().map(|&v| v.clamp(i32::MIN.into(), i32::MAX.into()) as i32).collect();
    let n = narrow.len();
    Array::R1(Tensor::from_data(TensorData::new(narrow, [n]), device)).reshape(dims)
}

/// Host numbers as a device array.
pub fn upload_floats(values: Vec<f32>, dims: &[usize], device: &Device) -> Result<Array> {
    let n = values.len();
    Array::R1(Tensor::from_data(TensorData::new(values, [n]), device)).reshape(dims)
}

/// A tensor of one to six axes as an array.
pub fn ranked<const D: usize, K: Basic>(tensor: Tensor<D, K>) -> Result<Array<K>> {
    let dims = tensor.dims();
    reshaped(tensor, &dims)
}
