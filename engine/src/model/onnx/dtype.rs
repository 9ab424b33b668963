//! The element types of ONNX, and what each can hold.

use std::fmt;

/// An element type as files declare it. Floats of every width are computed in f32; integers know their width so that they wrap and
/// saturate as they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    F32,
    F64,
    F16,
    BF16,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    I4,
    U4,
    Bool,
    Text,
    /// Another code of `TensorProto.DataType`, or a sequence or map (0).
    Other(i32),
}

use Dtype::*;

/// Codes of `TensorProto.DataType` with ONNX's own words.
const CODES: [(i32, Dtype, &str); 16] = [
    (1, F32, "float"),
    (2, U8, "uint8"),
    (3, I8, "int8"),
    (4, U16, "uint16"),
    (5, I16, "int16"),
    (6, I32, "int32"),
    (7, I64, "int64"),
    (8, Text, "string"),
    (9, Bool, "bool"),
    (10, F16, "float16"),
    (11, F64, "double"),
    (12, U32, "uint32"),
    (13, U64, "uint64"),
    (16, BF16, "bfloat16"),
    (21, U4, "uint4"),
    (22, I4, "int4"),
];

impl Dtype {
    /// The type of a code of `TensorProto.DataType`.
    pub fn from_code(code: i32) -> Self {
        CODES.iter().find(|(c, ..)| *c == code).map_or(Other(code), |(_, dtype, _)| *dtype)
    }

    pub fn is_float(self) -> bool {
        matches!(self, F32 | F64 | F16 | BF16)
    }

    pub fn is_int(self) -> bool {
        self.bits() > 0
    }

    /// Whether negative numbers are among its values.
    pub fn is_signed(self) -> bool {
        matches!(self, I4 | I8 | I16 | I32 | I64)
    }

    /// Width of an integer type; 0 for others.
    pub fn bits(self) -> u32 {
        match self {
            I4 | U4 => 4,
            I8 | U8 => 8,
            I16 | U16 => 16,
            I32 | U32 => 32,
            I64 | U64 => 64,
            _ => 0,
        }
    }

    /// The smallest and largest integer; those of `u64` are cut to what an `i64` holds.
    pub fn range(self) -> (i64, i64) {
        match (self.bits(), self.is_signed()) {
            (64, true) | (0, _) => (i64::MIN, i64::MAX),
            (64, false) => (0, i64::MAX),
            (bits, true) => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
            (bits, false) => (0, (1 << bits) - 1),
        }
    }

    /// An integer as this type holds it: bits beyond the width are dropped.
    pub fn wrap(self, value: i64) -> i64 {
        let bits = self.bits();
        if bits == 0 || bits == 64 {
            return value;
        }
        let low = value & ((1 << bits) - 1);
        if self.is_signed() && low >> (bits - 1) == 1 { low - (1 << bits) } else { low }
    }
}

impl fmt::Display for Dtype {
    /// ONNX's word: `float`, `int64`, `string`, …
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let word = match self {
            Other(0) => "untyped",
            Other(14 | 15) => "complex",
            other => CODES.iter().find(|(_, dtype, _)| dtype == other).map_or("unknown", |(.., word)| word),
        };
        f.write_str(word)
    }
}
