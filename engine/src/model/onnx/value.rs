//! Values of a running graph: arrays whose rank and kind are known at run time, over burn tensors whose rank is a type.
//!
//! ONNX scalars are arrays of shape `[1]`. Shape arithmetic (`Shape`, `Gather`, `Concat`, … on integers) stays on the host.

use crate::{Error, Result};
use burn::tensor::kind::Basic;
use burn::tensor::{Bool, Device, Float, Int, Tensor, TensorData};

/// The largest rank an array may have.
pub const MAX_RANK: usize = 6;

/// A burn tensor of rank 1 to 6.
#[derive(Clone, Debug)]
pub enum Array<K: Basic = Float> {
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
            $crate::model::onnx::value::Array::R1($t) => $body,
            $crate::model::onnx::value::Array::R2($t) => $body,
            $crate::model::onnx::value::Array::R3($t) => $body,
            $crate::model::onnx::value::Array::R4($t) => $body,
            $crate::model::onnx::value::Array::R5($t) => $body,
            $crate::model::onnx::value::Array::R6($t) => $body,
        }
    };
}

/// Maps the tensor of an array to a tensor of the same rank.
macro_rules! map_rank {
    ($array:expr, $t:ident => $body:expr) => {
        match $array {
            $crate::model::onnx::value::Array::R1($t) => $crate::model::onnx::value::Array::R1($body),
            $crate::model::onnx::value::Array::R2($t) => $crate::model::onnx::value::Array::R2($body),
            $crate::model::onnx::value::Array::R3($t) => $crate::model::onnx::value::Array::R3($body),
            $crate::model::onnx::value::Array::R4($t) => $crate::model::onnx::value::Array::R4($body),
            $crate::model::onnx::value::Array::R5($t) => $crate::model::onnx::value::Array::R5($body),
            $crate::model::onnx::value::Array::R6($t) => $crate::model::onnx::value::Array::R6($body),
        }
    };
}

/// Maps the tensors of two arrays, brought to one rank first, to a tensor of that rank.
macro_rules! zip_rank {
    ($a:expr, $b:expr, ($x:ident, $y:ident) => $body:expr) => {{
        use $crate::model::onnx::value::{Array, same_rank};
        match same_rank($a, $b)? {
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

pub(super) use {map_rank, zip_rank};

impl<K: Basic> Array<K> {
    pub fn dims(&self) -> Vec<usize> {
        with_rank!(self, t => t.dims().to_vec())
    }

    pub fn rank(&self) -> usize {
        self.dims().len()
    }

    /// The same elements in another shape; `[]` means `[1]`.
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
    Ok(match *dims {
        [] => Array::R1(t.reshape([1])),
        [a] => Array::R1(t.reshape([a])),
        [a, b] => Array::R2(t.reshape([a, b])),
        [a, b, c] => Array::R3(t.reshape([a, b, c])),
        [a, b, c, d] => Array::R4(t.reshape([a, b, c, d])),
        [a, b, c, d, e] => Array::R5(t.reshape([a, b, c, d, e])),
        [a, b, c, d, e, f] => Array::R6(t.reshape([a, b, c, d, e, f])),
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

fn lift<K: Basic>(array: Array<K>, rank: usize) -> Result<Array<K>> {
    let dims = array.dims();
    if dims.len() == rank {
        return Ok(array);
    }
    let mut lifted = vec![1; rank - dims.len()];
    lifted.extend(dims);
    array.reshape(&lifted)
}

/// A value between two steps.
#[derive(Clone, Debug)]
pub enum Value {
    Float(Array),
    Int(Array<Int>),
    Bool(Array<Bool>),
    /// Integers on the host, with their shape: sizes, axes, indices.
    Host {
        values: Vec<i64>,
        dims: Vec<usize>,
    },
}

impl Value {
    /// Host integers of rank 1.
    pub fn host(values: Vec<i64>) -> Self {
        let dims = vec![values.len()];
        Value::Host { values, dims }
    }

    pub fn dims(&self) -> Vec<usize> {
        match self {
            Value::Float(a) => a.dims(),
            Value::Int(a) => a.dims(),
            Value::Bool(a) => a.dims(),
            Value::Host { dims, .. } => dims.clone(),
        }
    }

    /// The word for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Float(_) => "float",
            Value::Int(_) => "integer",
            Value::Bool(_) => "boolean",
            Value::Host { .. } => "shape",
        }
    }

    pub fn is_host(&self) -> bool {
        matches!(self, Value::Host { .. })
    }

    pub fn into_float(self) -> Result<Array> {
        match self {
            Value::Float(a) => Ok(a),
            other => Err(wrong_kind("float", &other)),
        }
    }
}

fn wrong_kind(expected: &str, given: &Value) -> Error {
    Error::input(format!("expected {expected} values, got {} values", given.kind()))
}

/// The operands of one step: each is taken once.
pub struct Args<'a> {
    pub values: Vec<Option<Value>>,
    pub device: &'a Device,
    /// Rows in this tile.
    pub n_rows: usize,
}

impl Args<'_> {
    pub fn has(&self, i: usize) -> bool {
        self.values.get(i).is_some_and(Option::is_some)
    }

    pub fn is_host(&self, i: usize) -> bool {
        matches!(self.values.get(i), Some(Some(Value::Host { .. })))
    }

    pub fn take(&mut self, i: usize) -> Result<Value> {
        self.values.get_mut(i).and_then(Option::take).ok_or_else(|| Error::input(format!("operand {i} is missing")))
    }

    pub fn float(&mut self, i: usize) -> Result<Array> {
        self.take(i)?.into_float()
    }

    /// Integers on the device; host integers are uploaded.
    pub fn int(&mut self, i: usize) -> Result<Array<Int>> {
        match self.take(i)? {
            Value::Int(a) => Ok(a),
            Value::Host { values, dims } => upload_ints(values, &dims, self.device),
            other => Err(wrong_kind("integer", &other)),
        }
    }

    pub fn bool(&mut self, i: usize) -> Result<Array<Bool>> {
        match self.take(i)? {
            Value::Bool(a) => Ok(a),
            other => Err(wrong_kind("boolean", &other)),
        }
    }

    /// Integers on the host; the device is never read back for them.
    pub fn host(&mut self, i: usize) -> Result<Vec<i64>> {
        match self.take(i)? {
            Value::Host { values, .. } => Ok(values),
            other => Err(wrong_kind("shape", &other)),
        }
    }
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
