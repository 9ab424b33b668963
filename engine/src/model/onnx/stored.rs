//! Numbers stored in a file: `TensorProto` in all its spellings, and data files beside the model.
//!
//! Data beside the model is read range by range, straight into the array it becomes, so a file of any size takes no more memory than
//! its weights.

use super::dtype::Dtype;
use super::value::{Host, Numbers, Value};
use crate::{Error, Result};
use onnx_ir::{GraphProto, Message, TensorProto};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

/// Named tensors stored as the weights of a graph (`GraphProto`), as recorded inputs and outputs are.
///
/// # Errors
/// Bytes that are no graph, tensors of strings or of types that are not supported.
pub fn tensors(bytes: &[u8]) -> Result<Vec<(String, Value)>> {
    let graph = GraphProto::parse_from_bytes(bytes).map_err(|e| Error::input(format!("no stored tensors: {e}")))?;
    graph.initializer.iter().map(|t| Ok((t.name.clone(), decode(t, None)?.into()))).collect()
}

/// The numbers of a stored tensor. `folder` is where data files lie; none if the model did not come from a file.
pub fn decode(tensor: &TensorProto, folder: Option<&Path>) -> Result<Host> {
    let what = |error: Error| match error {
        Error::Input { message, hint } => {
            Error::Input { message: format!("the stored tensor {:?}: {message}", tensor.name), hint }
        }
        other => other,
    };
    let dims = dims(tensor).map_err(what)?;
    let n = dims.iter().product();
    let numbers = numbers(tensor, n, folder).map_err(what)?;
    if numbers.len() != n {
        let message = format!("{} numbers for the shape {dims:?}", numbers.len());
        return Err(what(Error::input(message)));
    }
    Ok(Host { numbers, dims })
}

fn dims(tensor: &TensorProto) -> Result<Vec<usize>> {
    let sizes: Option<Vec<usize>> = tensor.dims.iter().map(|&d| usize::try_from(d).ok()).collect();
    let fits = |sizes: &Vec<usize>| sizes.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).is_some();
    sizes.filter(fits).ok_or_else(|| Error::input(format!("{:?} is not a shape", tensor.dims)))
}

fn numbers(tensor: &TensorProto, n: usize, folder: Option<&Path>) -> Result<Numbers> {
    let dtype = Dtype::from_code(tensor.data_type);
    if is_external(tensor) {
        return from_bytes(dtype, &external(tensor, folder)?, n);
    }
    if !tensor.raw_data.is_empty() {
        return from_bytes(dtype, &tensor.raw_data, n);
    }
    let ints = || tensor.int32_data.iter().map(|&v| i64::from(v));
    Ok(match dtype {
        Dtype::F32 => Numbers::Float(tensor.float_data.clone()),
        Dtype::F64 => Numbers::Float(tensor.double_data.iter().map(|&v| v as f32).collect()),
        Dtype::F16 => Numbers::Float(ints().map(|v| half(v as u16)).collect()),
        Dtype::BF16 => Numbers::Float(ints().map(|v| brain(v as u16)).collect()),
        Dtype::Bool => Numbers::Bool(ints().map(|v| v != 0).collect()),
        Dtype::I64 => Numbers::Int(tensor.int64_data.clone(), dtype),
        Dtype::U32 | Dtype::U64 => Numbers::Int(tensor.uint64_data.iter().map(|&v| v as i64).collect(), dtype),
        Dtype::I4 | Dtype::U4 => {
            let bytes: Vec<u8> = tensor.int32_data.iter().map(|&v| v as u8).collect();
            nibbles(&bytes, n, dtype)
        }
        _ if dtype.is_int() => Numbers::Int(ints().map(|v| dtype.wrap(v)).collect(), dtype),
        other => return Err(unreadable(other)),
    })
}

fn unreadable(dtype: Dtype) -> Error {
    Error::input(format!("numbers of type {dtype} are not supported"))
}

/// Little-endian bytes as numbers.
fn from_bytes(dtype: Dtype, bytes: &[u8], n: usize) -> Result<Numbers> {
    fn cut<const N: usize, T>(bytes: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
        bytes.as_chunks::<N>().0.iter().map(|&b| number(b)).collect()
    }
    Ok(match dtype {
        Dtype::F32 => Numbers::Float(cut(bytes, f32::from_le_bytes)),
        Dtype::F64 => Numbers::Float(cut(bytes, |b| f64::from_le_bytes(b) as f32)),
        Dtype::F16 => Numbers::Float(cut(bytes, |b| half(u16::from_le_bytes(b)))),
        Dtype::BF16 => Numbers::Float(cut(bytes, |b| brain(u16::from_le_bytes(b)))),
        Dtype::Bool => Numbers::Bool(bytes.iter().map(|&b| b != 0).collect()),
        Dtype::I4 | Dtype::U4 => nibbles(bytes, n, dtype),
        Dtype::I64 | Dtype::U64 => Numbers::Int(cut(bytes, i64::from_le_bytes), dtype),
        Dtype::I32 => Numbers::Int(cut(bytes, |b| i32::from_le_bytes(b).into()), dtype),
        Dtype::U32 => Numbers::Int(cut(bytes, |b| u32::from_le_bytes(b).into()), dtype),
        Dtype::I16 => Numbers::Int(cut(bytes, |b| i16::from_le_bytes(b).into()), dtype),
        Dtype::U16 => Numbers::Int(cut(bytes, |b| u16::from_le_bytes(b).into()), dtype),
        Dtype::I8 => Numbers::Int(bytes.iter().map(|&b| (b as i8).into()).collect(), dtype),
        Dtype::U8 => Numbers::Int(bytes.iter().map(|&b| b.into()).collect(), dtype),
        other => return Err(unreadable(other)),
    })
}

/// Two numbers a byte, the low half first.
fn nibbles(bytes: &[u8], n: usize, dtype: Dtype) -> Numbers {
    let halves = bytes.iter().flat_map(|b| [b & 15, b >> 4]).take(n);
    Numbers::Int(halves.map(|h| dtype.wrap(h.into())).collect(), dtype)
}

/// IEEE half precision.
fn half(bits: u16) -> f32 {
    let (sign, exponent, mantissa) = (bits >> 15, bits >> 10 & 31, f32::from(bits & 1023));
    let size = match exponent {
        0 => mantissa * 2f32.powi(-24),
        31 if mantissa == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        e => (1.0 + mantissa / 1024.0) * 2f32.powi(i32::from(e) - 15),
    };
    if sign == 1 { -size } else { size }
}

/// The upper half of an f32.
fn brain(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

pub fn is_external(tensor: &TensorProto) -> bool {
    tensor.data_location.value() == 1
}

/// The bytes of a tensor whose data lie in a file beside the model.
fn external(tensor: &TensorProto, folder: Option<&Path>) -> Result<Vec<u8>> {
    let entry = |key: &str| tensor.external_data.iter().find(|e| e.key == key).map(|e| e.value.as_str());
    let location = entry("location").ok_or_else(|| Error::input("its data are in a file that is not named"))?;
    let Some(folder) = folder else {
        return Err(Error::input(format!("its data are in the file {location:?}, but the model was given as bytes"))
            .hint("open the model by its path"));
    };
    let path = beside(folder, location)?;
    let number = |key: &str| entry(key).map(str::parse::<u64>).transpose();
    let range = number("offset").and_then(|offset| Ok((offset.unwrap_or(0), number("length")?)));
    let (offset, length) = range.map_err(|_| Error::input(format!("its place in {location:?} is not a number")))?;
    let io = |e| Error::io("read the weights", &path, e);
    let mut file = File::open(&path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let length = length.unwrap_or(size.saturating_sub(offset));
    if offset.checked_add(length).is_none_or(|end| end > size) {
        let message = format!("its bytes {offset} + {length} lie beyond the end of {} ({size} bytes)", path.display());
        return Err(Error::input(message).hint("copy the data file whole, together with the model"));
    }
    file.seek(SeekFrom::Start(offset)).map_err(io)?;
    let mut bytes = vec![0; length as usize];
    file.read_exact(&mut bytes).map_err(io)?;
    Ok(bytes)
}

/// A path inside the model's folder: names from a file must not lead out of it.
fn beside(folder: &Path, location: &str) -> Result<PathBuf> {
    let relative = Path::new(location);
    if relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Ok(folder.join(relative));
    }
    Err(Error::input(format!("its data file {location:?} does not lie beside the model")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_read_exactly() {
        let cases =
            [(0x3c00, 1.0), (0xc000, -2.0), (0x0001, 2f32.powi(-24)), (0x7bff, 65504.0), (0x3555, 0.333_251_95)];
        cases.iter().for_each(|&(bits, value)| assert_eq!(half(bits), value, "{bits:x}"));
        assert!(half(0x7e00).is_nan() && half(0xfc00) == f32::NEG_INFINITY);
        assert_eq!(brain(0x3fc0), 1.5);
    }

    #[test]
    fn data_files_lie_beside_the_model() {
        let folder = Path::new("models");
        assert_eq!(beside(folder, "a/weights.bin").unwrap(), Path::new("models/a/weights.bin"));
        for wrong in ["../weights.bin", "/etc/passwd", "a/../../b"] {
            assert!(beside(folder, wrong).is_err(), "{wrong}");
        }
    }
}
