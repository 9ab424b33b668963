//! What a model file says about itself, for people: `pellucid inspect`.

use std::fmt;

/// A model's interface, operators and size. It can be had for models that cannot be run; `problem` says why they cannot.
#[derive(Clone, Debug)]
pub struct Card {
    pub name: String,
    /// The program that wrote the file, and its version.
    pub producer: String,
    /// Operator sets: domain (`ai.onnx` is the standard one) and version.
    pub opsets: Vec<(String, i64)>,
    pub inputs: Vec<TensorCard>,
    pub outputs: Vec<TensorCard>,
    pub operators: Vec<OperatorCard>,
    pub class_labels: Option<Vec<String>>,
    /// Stored float numbers.
    pub parameters: u64,
    /// Floating-point operations for one row, a multiplication and an addition counting as two; none if the model cannot be run.
    pub flops_per_row: Option<u64>,
    /// Why the model cannot be run.
    pub problem: Option<String>,
}

/// An input or output.
#[derive(Clone, Debug)]
pub struct TensorCard {
    pub name: String,
    /// ONNX's word: `float`, `int64`, `string`, `sequence`, …
    pub dtype: String,
    /// Sizes; the batch and other free axes are none.
    pub shape: Vec<Option<usize>>,
}

/// An operator type and how often it occurs.
#[derive(Clone, Debug)]
pub struct OperatorCard {
    /// `Gemm`, or `ai.onnx.ml:Scaler` outside the standard domain.
    pub name: String,
    pub count: usize,
    pub supported: bool,
}

impl TensorCard {
    pub fn is_numeric(&self) -> bool {
        ["float", "double", "bfloat", "int", "uint"].iter().any(|kind| self.dtype.starts_with(kind))
    }
}

impl fmt::Display for TensorCard {
    /// `input: float[N, 30]`
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let sizes: Vec<String> = self.shape.iter().enumerate().map(size).collect();
        write!(f, "{}: {}[{}]", self.name, self.dtype, sizes.join(", "))
    }
}

fn size((axis, size): (usize, &Option<usize>)) -> String {
    match (axis, size) {
        (_, Some(n)) => n.to_string(),
        (0, None) => "N".into(),
        (_, None) => "?".into(),
    }
}
