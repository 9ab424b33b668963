//! What operators do: a table of names and makers in each family's file.
//!
//! A maker reads a node's settings once and returns the step that is run. A new operator is a line in a family's `TABLE` and a case in
//! the tests, which must cover all of them.

mod activation;
mod arithmetic;
mod attend;
mod attention;
mod boxes;
mod cast;
mod choose;
mod compare;
pub mod control;
mod conv;
mod convolve;
mod einsum;
mod elementwise;
mod fused;
mod gather;
mod host;
mod linear;
mod loss;
mod ml;
mod moves;
mod normalization;
mod pool;
mod quant;
mod recurrent;
mod reduce;
mod resize;
mod scaling;
mod scatter;
mod shape;
mod signal;
mod sizes;
mod slice;
mod tree_nodes;
mod trees;

use super::args::Args;
use super::node::Node;
use super::value::{Host, Numbers, Value};
use crate::kernels::Activation;
use crate::{Error, Result};
use onnx_ir::NodeProto;
use std::sync::Arc;

pub use activation::written_out as gelu;
pub use attend::attend;
pub use cast::converted;
pub(in crate::model::onnx) use cast::is_float_cast;
pub use convolve::convolution;
pub use linear::{Weights, activation_of, affine_step, bias_of, layers, weights};
pub use normalization::residual;
pub use scaling::{fold, may_scale};

/// Makes the step of a node.
pub type Maker = fn(&Node) -> Result<Prepared>;

/// The tables of all families.
const FAMILIES: &[&[(&str, Maker)]] = &[
    activation::TABLE,
    arithmetic::TABLE,
    attention::TABLE,
    boxes::TABLE,
    cast::TABLE,
    choose::TABLE,
    compare::TABLE,
    conv::TABLE,
    einsum::TABLE,
    elementwise::TABLE,
    fused::TABLE,
    gather::TABLE,
    linear::TABLE,
    loss::TABLE,
    ml::TABLE,
    moves::TABLE,
    normalization::TABLE,
    pool::TABLE,
    quant::TABLE,
    recurrent::TABLE,
    reduce::TABLE,
    resize::TABLE,
    scatter::TABLE,
    shape::TABLE,
    signal::TABLE,
    sizes::TABLE,
    slice::TABLE,
    tree_nodes::TABLE,
    trees::TABLE,
];

/// Every operator that can be run, as files name them (`Gemm`, `ai.onnx.ml:Scaler`), in alphabetical order.
pub fn supported() -> Vec<&'static str> {
    let mut names: Vec<&str> = FAMILIES.iter().flat_map(|table| table.iter().map(|(name, _)| *name)).collect();
    names.extend(["Constant"].iter().chain(control::NAMES));
    names.sort_unstable();
    names
}

fn maker(name: &str) -> Option<Maker> {
    FAMILIES.iter().flat_map(|table| table.iter()).find(|(known, _)| *known == name).map(|(_, maker)| *maker)
}

/// Whether an operator (`Gemm`, `ai.onnx.ml:Scaler`) can be run. `ZipMap` is seen through and never runs.
pub fn is_supported(name: &str) -> bool {
    maker(name).is_some() || name == "Constant" || control::NAMES.contains(&name) || name == "ai.onnx.ml:ZipMap"
}

/// Whether a node is of ONNX's own operator set.
pub fn is_standard(node: &NodeProto) -> bool {
    matches!(node.domain.as_str(), "" | "ai.onnx")
}

/// `Gemm`, or `ai.onnx.ml:Scaler` for operators of other domains.
pub fn full_name(node: &NodeProto) -> String {
    if is_standard(node) { node.op_type.clone() } else { format!("{}:{}", node.domain, node.op_type) }
}

/// What a step does with its operands.
pub type Op = Box<dyn Fn(&mut Args) -> Result<Vec<Value>> + Send + Sync>;

/// Where an operand of a step comes from.
pub enum Operand {
    /// The node's own input at this position.
    Input(usize),
    /// A value that an inner graph takes from around it.
    Named(String),
    /// Numbers prepared from the node's constants.
    Constant(Arc<Host>),
}

/// Floating-point operations of a step.
#[derive(Clone, Copy)]
pub enum Cost {
    /// So many for each element of the output.
    PerOutput(usize),
    /// So many for each row of the output's last axis.
    PerRow(usize),
    /// So many for each element of the first operand.
    PerInput(usize),
    /// Two for each output element and element of the contracted axis.
    Contraction,
    /// Both products of attention: operands as those of `attend`.
    Attention,
    /// A convolution: two for each output element, window element and channel of a group.
    Window { volume: usize, groups: usize },
}

/// A node ready to run on any device.
pub struct Prepared {
    pub op: Op,
    /// None: the node's inputs as they stand.
    pub operands: Option<Vec<Operand>>,
    /// Positions among the node's outputs of the values that `op` returns.
    pub outputs: Vec<usize>,
    pub cost: Cost,
    /// Numbers held in between for each row.
    pub scratch: usize,
    /// The activations of a chain of affine layers, if it is one.
    pub chain: Option<Vec<Activation>>,
    /// Whether the same operands always give the same values.
    pub pure: bool,
}

impl Prepared {
    fn new(op: impl Fn(&mut Args) -> Result<Value> + Send + Sync + 'static) -> Self {
        Self::many(1, move |args| Ok(vec![op(args)?]))
    }

    /// For operators that give the first `n` outputs.
    fn many(n: usize, op: impl Fn(&mut Args) -> Result<Vec<Value>> + Send + Sync + 'static) -> Self {
        let (outputs, cost) = ((0..n).collect(), Cost::PerOutput(1));
        Self { op: Box::new(op), operands: None, outputs, cost, scratch: 0, chain: None, pure: true }
    }

    fn operands(self, operands: Vec<Operand>) -> Self {
        Self { operands: Some(operands), ..self }
    }

    fn cost(self, cost: Cost) -> Self {
        Self { cost, ..self }
    }

    /// For steps that move data without calculating.
    fn free(self) -> Self {
        self.cost(Cost::PerOutput(0))
    }
}

/// The step of a node without inner graphs.
pub fn prepare(node: &Node) -> Result<Prepared> {
    let unknown = || Error::input("this operator is not supported");
    maker(&full_name(node.proto)).ok_or_else(unknown)?(node)
}

/// What a `Constant` node holds.
pub fn constant(node: &Node) -> Result<Host> {
    if let Some(tensor) = node.tensor("value")? {
        return Ok(tensor);
    }
    let float = |name: &str| node.proto.attribute.iter().find(|a| a.name == name).map(|a| a.f);
    if let Some(value) = float("value_float") {
        return Ok(Host::floats(vec![value], &[]));
    }
    if let Some(value) = node.int("value_int") {
        return Ok(Host::ints(vec![value], &[]));
    }
    if let Some(values) = node.floats("value_floats") {
        return Ok(Host::floats(values.to_vec(), &[values.len()]));
    }
    if let Some(values) = node.ints("value_ints") {
        let n = values.len();
        return Ok(Host::ints(values, &[n]));
    }
    Err(Error::input("a Constant without numbers is not supported"))
}

/// The numbers of a list as they are, on the host: no dims beyond one.
fn list(values: Vec<i64>) -> Value {
    let n = values.len();
    Host::ints(values, &[n]).into()
}

/// A host value with its numbers in another shape.
fn with_dims(host: &Host, dims: &[usize]) -> Host {
    Host { numbers: host.numbers.clone(), dims: dims.to_vec() }
}

/// The one kind of numbers that an operator cannot mix.
fn mixed(a: &Numbers, b: &Numbers) -> Error {
    Error::input(format!("{} and {} values cannot be combined", a.dtype(), b.dtype()))
}
