//! Values between the steps of a graph: arrays on the device, or numbers on the host.
//!
//! Sizes, axes and indices stay on the host, in 64 bits, and arithmetic among them is done there; an operator that meets both
//! sides uploads the host's. Small constants are on both sides, so that neither waits for the other.

use super::array::{Array, map_rank, upload_floats, upload_ints, with_rank};
use super::dtype::Dtype;
use crate::{Error, Result};
use burn::tensor::kind::Basic;
use burn::tensor::{Bool, Device, Element, Int, Tensor};
use std::sync::Arc;

/// Numbers on the host, in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    Float(Vec<f32>),
    Int(Vec<i64>, Dtype),
    Bool(Vec<bool>),
}

/// An array on the host; no dims means a scalar.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    pub numbers: Numbers,
    pub dims: Vec<usize>,
}

impl Numbers {
    pub fn len(&self) -> usize {
        match self {
            Numbers::Float(v) => v.len(),
            Numbers::Int(v, _) => v.len(),
            Numbers::Bool(v) => v.len(),
        }
    }

    pub fn dtype(&self) -> Dtype {
        match self {
            Numbers::Float(_) => Dtype::F32,
            Numbers::Int(_, dtype) => *dtype,
            Numbers::Bool(_) => Dtype::Bool,
        }
    }

    /// The numbers at these positions.
    pub fn at(&self, positions: &[usize]) -> Numbers {
        fn pick<T: Copy>(values: &[T], positions: &[usize]) -> Vec<T> {
            positions.iter().map(|&i| values[i]).collect()
        }
        match self {
            Numbers::Float(v) => Numbers::Float(pick(v, positions)),
            Numbers::Int(v, dtype) => Numbers::Int(pick(v, positions), *dtype),
            Numbers::Bool(v) => Numbers::Bool(pick(v, positions)),
        }
    }

    /// As floats; true is 1.
    pub fn floats(&self) -> Vec<f32> {
        match self {
            Numbers::Float(v) => v.clone(),
            Numbers::Int(v, Dtype::U64) => v.iter().map(|&i| i as u64 as f32).collect(),
            Numbers::Int(v, _) => v.iter().map(|&i| i as f32).collect(),
            Numbers::Bool(v) => v.iter().map(|&b| f32::from(b)).collect(),
        }
    }

    /// As integers; floats are cut towards zero.
    pub fn ints(&self) -> Vec<i64> {
        match self {
            Numbers::Float(v) => v.iter().map(|&x| x as i64).collect(),
            Numbers::Int(v, _) => v.clone(),
            Numbers::Bool(v) => v.iter().map(|&b| b.into()).collect(),
        }
    }
}

impl Host {
    pub fn ints(values: Vec<i64>, dims: &[usize]) -> Self {
        Self { numbers: Numbers::Int(values, Dtype::I64), dims: dims.to_vec() }
    }

    pub fn floats(values: Vec<f32>, dims: &[usize]) -> Self {
        Self { numbers: Numbers::Float(values), dims: dims.to_vec() }
    }

    pub fn bools(values: Vec<bool>, dims: &[usize]) -> Self {
        Self { numbers: Numbers::Bool(values), dims: dims.to_vec() }
    }

    /// The same numbers as an array on the device.
    pub fn upload(&self, device: &Device) -> Result<Value> {
        Ok(match &self.numbers {
            Numbers::Float(v) => Value::Float(upload_floats(v.clone(), &self.dims, device)?),
            Numbers::Int(v, dtype) => Value::Int(upload_ints(v.clone(), &self.dims, device)?, *dtype),
            Numbers::Bool(v) => {
                let numbers = v.iter().map(|&b| f32::from(b)).collect();
                let flat = upload_floats(numbers, &self.dims, device)?;
                Value::Bool(map_rank!(flat, t => t.not_equal_scalar(0.0)))
            }
        })
    }
}

/// An array that a graph takes, makes or gives.
#[derive(Clone, Debug)]
pub enum Value {
    /// f32 on the device.
    Float(Array),
    /// 32-bit integers on the device, and the type that the file gave them.
    Int(Array<Int>, Dtype),
    Bool(Array<Bool>),
    /// Numbers on the host.
    Host(Arc<Host>),
    /// A constant that is on both sides.
    Both(Arc<Host>, Box<Value>),
}

impl From<Host> for Value {
    fn from(host: Host) -> Self {
        Value::Host(Arc::new(host))
    }
}

impl Value {
    /// `int64` numbers on the host, row by row; the product of `dims` is their number.
    ///
    /// # Errors
    /// Another number of values than `dims` asks for. The same holds for the next two.
    pub fn ints(values: Vec<i64>, dims: &[usize]) -> Result<Self> {
        checked(Host::ints(values, dims))
    }

    /// `float` numbers on the host.
    pub fn floats(values: Vec<f32>, dims: &[usize]) -> Result<Self> {
        checked(Host::floats(values, dims))
    }

    /// Booleans on the host.
    pub fn bools(values: Vec<bool>, dims: &[usize]) -> Result<Self> {
        checked(Host::bools(values, dims))
    }

    /// A float tensor of one to six axes on the device.
    pub fn from_tensor<const D: usize>(tensor: Tensor<D>) -> Result<Self> {
        Ok(Value::Float(super::array::ranked(tensor)?))
    }

    /// An integer tensor of one to six axes on the device, as `int64`.
    pub fn from_int_tensor<const D: usize>(tensor: Tensor<D, Int>) -> Result<Self> {
        Ok(Value::Int(super::array::ranked(tensor)?, Dtype::I64))
    }

    /// A float value as a tensor of `D` axes on a device.
    ///
    /// # Errors
    /// Integers or booleans, another number of axes.
    pub fn tensor<const D: usize>(self, device: &crate::Device) -> Result<Tensor<D>> {
        let dims = self.dims();
        let target: [usize; D] = dims
            .as_slice()
            .try_into()
            .map_err(|_| Error::input(format!("a value of shape {dims:?} has not {D} axes")))?;
        let array = self.on(device.burn())?.into_float()?;
        Ok(with_rank!(array, t => t.reshape(target)))
    }

    /// A value as rows of floats on a device: the axes behind the first are one. Integers and booleans, which pass through the host, are
    /// converted.
    ///
    /// # Errors
    /// A value without axes.
    pub fn rows(self, device: &crate::Device) -> Result<Tensor<2>> {
        let dims = self.dims();
        let Some((&count, behind)) = dims.split_first() else {
            return Err(Error::input("a value without axes has no rows"));
        };
        let value = match self.dtype() {
            Dtype::F32 => self,
            _ => Host::floats(self.to_floats()?, &dims).into(),
        };
        let array = value.on(device.burn())?.into_float()?;
        Ok(with_rank!(array, t => t.reshape([count, behind.iter().product()])))
    }

    pub fn dims(&self) -> Vec<usize> {
        match self {
            Value::Float(a) => a.dims(),
            Value::Int(a, _) => a.dims(),
            Value::Bool(a) => a.dims(),
            Value::Host(host) | Value::Both(host, _) => host.dims.clone(),
        }
    }

    /// The element type; floats of every width are `float`.
    pub fn dtype(&self) -> Dtype {
        match self {
            Value::Float(_) => Dtype::F32,
            Value::Int(_, dtype) => *dtype,
            Value::Bool(_) => Dtype::Bool,
            Value::Host(host) | Value::Both(host, _) => host.numbers.dtype(),
        }
    }

    /// The numbers, row by row, as floats; integers and booleans are converted. Reads the device.
    pub fn to_floats(&self) -> Result<Vec<f32>> {
        Ok(self.to_host()?.numbers.floats())
    }

    /// The numbers, row by row, as integers; floats are cut towards zero. Reads the device.
    pub fn to_ints(&self) -> Result<Vec<i64>> {
        Ok(self.to_host()?.numbers.ints())
    }

    /// The value on the host. Reads the device.
    pub fn to_host(&self) -> Result<Arc<Host>> {
        let dims = self.dims();
        let numbers = match self {
            Value::Host(host) | Value::Both(host, _) => return Ok(host.clone()),
            Value::Float(a) => Numbers::Float(read(a)?),
            Value::Int(a, dtype) => {
                let values: Vec<i32> = read(a)?;
                let widen = |v: i32| if *dtype == Dtype::U32 { i64::from(v as u32) } else { v.into() };
                Numbers::Int(values.into_iter().map(widen).collect(), *dtype)
            }
            Value::Bool(a) => Numbers::Bool(read(a)?),
        };
        Ok(Arc::new(Host { numbers, dims }))
    }

    /// The value on the device.
    pub(super) fn on(self, device: &Device) -> Result<Value> {
        match self {
            Value::Host(host) => host.upload(device),
            Value::Both(_, value) => Ok(*value),
            other => Ok(other),
        }
    }

    /// Whether its numbers are at hand without reading the device.
    pub(super) fn is_known(&self) -> bool {
        matches!(self, Value::Host(_) | Value::Both(..))
    }

    /// The array of a float value on the device.
    pub(super) fn into_float(self) -> Result<Array> {
        match self {
            Value::Float(a) => Ok(a),
            Value::Both(_, value) => value.into_float(),
            other => Err(wrong_kind("float", &other)),
        }
    }
}

fn checked(host: Host) -> Result<Value> {
    let (given, asked) = (host.numbers.len(), host.dims.iter().product::<usize>());
    if given != asked {
        return Err(Error::input(format!(
            "{given} numbers do not fill the shape {:?}, which takes {asked}",
            host.dims
        )));
    }
    Ok(host.into())
}

pub(super) fn wrong_kind(expected: &str, given: &Value) -> Error {
    Error::input(format!("expected {expected} values, got {} values", given.dtype()))
}

/// The elements of an array, read from the device.
fn read<K: Basic, E: Element>(array: &Array<K>) -> Result<Vec<E>> {
    let unread = |e| Error::input(format!("a value could not be read from the device: {e:?}"));
    with_rank!(array, t => t.clone().into_data().try_to_vec_as::<E>().map_err(unread))
}
