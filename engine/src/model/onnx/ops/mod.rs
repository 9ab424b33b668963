//! From a parsed node to a prepared step: one match, families in their own files.
//!
//! A new operator is an arm here, its name in `SUPPORTED`, and a case in the tests' `operators` fixtures, which must
//! cover `SUPPORTED`.

mod activation;
mod conv;
mod elementwise;
mod host;
mod linear;
pub mod ml;
mod normalization;
mod reduce;
mod scaling;
mod shape;

use super::value::{Args, Value};
use crate::kernels::Activation;
use crate::{Error, Result};
use onnx_ir::{Argument, Node, TensorDataExt};

pub use linear::{Weights, activation_of, affine_step, bias_of, layers, weights};
pub use scaling::{fold, may_scale};

/// Every operator that can be run, as files name them.
#[rustfmt::skip]
pub const SUPPORTED: &[&str] = &[
    "Abs", "Add", "And", "ArgMax", "ArgMin", "AveragePool", "BatchNormalization", "Cast", "Ceil", "Celu", "Clip", "Concat",
    "Constant", "Conv", "Cos", "Div", "Dropout", "Elu", "Equal", "Erf", "Exp", "Expand", "Flatten", "Floor", "Gather",
    "Gelu", "Gemm", "GlobalAveragePool", "GlobalMaxPool", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish",
    "Identity", "IsNaN", "LayerNormalization", "LeakyRelu", "Less", "LessOrEqual", "Log", "LogSoftmax", "MatMul", "Max",
    "MaxPool", "Mean", "Min", "Mish", "Mul", "Neg", "Not", "Or", "PRelu", "Pow", "Reciprocal", "ReduceL1", "ReduceL2",
    "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
    "ReduceSumSquare", "Relu", "Reshape", "Round", "Selu", "Shape", "Sigmoid", "Sign", "Sin", "Slice", "Softmax",
    "Softplus", "Softsign", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "ThresholdedRelu", "Transpose", "Unsqueeze",
    "Where", "Xor", "ai.onnx.ml:ArrayFeatureExtractor", "ai.onnx.ml:Imputer", "ai.onnx.ml:LinearClassifier",
    "ai.onnx.ml:LinearRegressor", "ai.onnx.ml:Normalizer", "ai.onnx.ml:Scaler",
];

/// Whether an operator (`Gemm`, `ai.onnx.ml:Scaler`) can be run. `ZipMap` is seen through and never runs.
pub fn is_supported(name: &str) -> bool {
    SUPPORTED.contains(&name) || name == "ai.onnx.ml:ZipMap"
}

/// What a step does with its operands.
pub type Op = Box<dyn Fn(&mut Args) -> Result<Vec<Value>> + Send + Sync>;

/// Where an operand of a step comes from.
pub enum Operand {
    /// The node's own input at this position.
    Input(usize),
    /// Numbers prepared from the node's constants.
    Constant(Constant),
}

/// Numbers known when the file is read.
#[derive(Clone, Debug)]
pub enum Constant {
    Float(Vec<f32>, Vec<usize>),
    Int(Vec<i64>, Vec<usize>),
    Bool(Vec<bool>, Vec<usize>),
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
}

impl Prepared {
    fn new(op: impl Fn(&mut Args) -> Result<Value> + Send + Sync + 'static) -> Self {
        Self::many(vec![0], move |args| Ok(vec![op(args)?]))
    }

    fn many(outputs: Vec<usize>, op: impl Fn(&mut Args) -> Result<Vec<Value>> + Send + Sync + 'static) -> Self {
        Self { op: Box::new(op), operands: None, outputs, cost: Cost::PerOutput(1), scratch: 0, chain: None }
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

/// What a node's preparation may need to know beyond the node.
pub struct Context {
    /// Version of the standard operator set.
    pub opset: i64,
    /// The batch size that the exporter fixed, if it did.
    pub fixed_batch: Option<i64>,
}

/// The step of a node.
pub fn prepare(node: &Node, context: &Context) -> Result<Prepared> {
    use elementwise::{Arithmetic as A, Comparison as C, Logic as L};
    use reduce::Reduction as R;
    Ok(match node {
        Node::Add(_) => elementwise::arithmetic(A::Add),
        Node::Sub(_) => elementwise::arithmetic(A::Sub),
        Node::Mul(_) => elementwise::arithmetic(A::Mul),
        Node::Div(_) => elementwise::arithmetic(A::Div),
        Node::Pow(n) => elementwise::pow(&n.inputs[1])?,
        Node::Max(_) => elementwise::variadic(A::Max),
        Node::Min(_) => elementwise::variadic(A::Min),
        Node::Sum(_) => elementwise::variadic(A::Add),
        Node::Mean(_) => elementwise::mean(),
        Node::Abs(_) => elementwise::unary!(x => x.abs()),
        Node::Neg(_) => elementwise::unary!(x => x.neg()),
        Node::Sqrt(_) => elementwise::unary!(x => x.sqrt()),
        Node::Exp(_) => elementwise::unary!(x => x.exp()),
        Node::Log(_) => elementwise::unary!(x => x.log()),
        Node::Sin(_) => elementwise::unary!(x => x.sin()),
        Node::Cos(_) => elementwise::unary!(x => x.cos()),
        Node::Ceil(_) => elementwise::unary!(x => x.ceil()),
        Node::Floor(_) => elementwise::unary!(x => x.floor()),
        Node::Round(_) => elementwise::unary!(x => x.round()),
        Node::Sign(_) => elementwise::unary!(x => x.sign()),
        Node::Reciprocal(_) => elementwise::unary!(x => x.recip()),
        Node::Erf(_) => elementwise::unary!(x => x.erf()),
        Node::Clip(n) => elementwise::clip(&n.config)?,
        Node::IsNaN(_) => elementwise::is_nan(),
        Node::Equal(_) => elementwise::comparison(C::Equal),
        Node::Less(_) => elementwise::comparison(C::Less),
        Node::LessOrEqual(_) => elementwise::comparison(C::LessOrEqual),
        Node::Greater(_) => elementwise::comparison(C::Greater),
        Node::GreaterOrEqual(_) => elementwise::comparison(C::GreaterOrEqual),
        Node::And(_) => elementwise::logic(L::And),
        Node::Or(_) => elementwise::logic(L::Or),
        Node::Xor(_) => elementwise::logic(L::Xor),
        Node::Not(_) => elementwise::not(),
        Node::Where(_) => elementwise::select(),

        Node::Relu(_) => activation::relu(),
        Node::Sigmoid(_) => activation::sigmoid(),
        Node::Tanh(_) => activation::tanh(),
        Node::Softmax(n) => activation::softmax(n.config.axis, context.opset, false),
        Node::LogSoftmax(n) => activation::softmax(n.config.axis, context.opset, true),
        Node::LeakyRelu(n) => activation::leaky_relu(n.config.alpha),
        Node::PRelu(_) => activation::prelu(),
        Node::Elu(n) => activation::elu(n.config.alpha),
        Node::Selu(n) => activation::selu(n.config.alpha, n.config.gamma),
        Node::Celu(n) => activation::celu(n.config.alpha),
        Node::Gelu(n) => activation::gelu(&n.config),
        Node::HardSigmoid(n) => activation::hard_sigmoid(n.config.alpha, n.config.beta),
        Node::HardSwish(_) => activation::hard_swish(),
        Node::Mish(_) => activation::mish(),
        Node::Softplus(_) => activation::softplus(),
        Node::Softsign(_) => activation::softsign(),
        Node::ThresholdedRelu(n) => activation::thresholded_relu(n.config.alpha),

        Node::Linear(_) | Node::Gemm(_) | Node::MatMul(_) => linear::prepare(node)?,

        Node::BatchNormalization(n) => normalization::batch_norm(n)?,
        Node::LayerNormalization(n) => normalization::layer_norm(n),

        Node::Conv1d(n) => conv::conv1d(&n.config),
        Node::Conv2d(n) => conv::conv2d(&n.config),
        Node::MaxPool1d(n) => conv::max_pool1d(&n.config),
        Node::MaxPool2d(n) => conv::max_pool2d(&n.config),
        Node::AveragePool1d(n) => conv::average_pool1d(&n.config)?,
        Node::AveragePool2d(n) => conv::average_pool2d(&n.config)?,
        Node::GlobalAveragePool(_) => conv::global_pool(R::Mean),
        Node::GlobalMaxPool(_) => conv::global_pool(R::Max),

        Node::ReduceSum(n) => reduce::reduce(R::Sum, &n.config)?,
        Node::ReduceMean(n) => reduce::reduce(R::Mean, &n.config)?,
        Node::ReduceMax(n) => reduce::reduce(R::Max, &n.config)?,
        Node::ReduceMin(n) => reduce::reduce(R::Min, &n.config)?,
        Node::ReduceProd(n) => reduce::reduce(R::Prod, &n.config)?,
        Node::ReduceL1(n) => reduce::reduce(R::L1, &n.config)?,
        Node::ReduceL2(n) => reduce::reduce(R::L2, &n.config)?,
        Node::ReduceSumSquare(n) => reduce::reduce(R::SumSquare, &n.config)?,
        Node::ReduceLogSum(n) => reduce::reduce(R::LogSum, &n.config)?,
        Node::ReduceLogSumExp(n) => reduce::reduce(R::LogSumExp, &n.config)?,
        Node::ArgMax(n) => reduce::arg(true, n.config.axis, n.config.keepdims, n.config.select_last_index)?,
        Node::ArgMin(n) => reduce::arg(false, n.config.axis, n.config.keepdims, n.config.select_last_index)?,

        Node::Identity(_) | Node::Dropout(_) => shape::identity(),
        Node::Cast(n) => shape::cast(n.config.to)?,
        Node::Flatten(n) => shape::flatten(n.config.axis),
        Node::Reshape(n) => shape::reshape(&n.config.shape, context.fixed_batch),
        Node::Transpose(n) => shape::transpose(&n.config.perm),
        Node::Squeeze(n) => shape::squeeze(n.config.axes.as_ref())?,
        Node::Unsqueeze(n) => shape::unsqueeze(&n.config)?,
        Node::Concat(n) => shape::concat(n.config.axis),
        Node::Gather(n) => shape::gather(n.config.axis),
        Node::Slice(n) => shape::slice(&n.config)?,
        Node::Split(n) => shape::split(n)?,
        Node::Expand(n) => shape::expand(&n.config),
        Node::Shape(n) => shape::shape(n.config.start, n.config.end),

        Node::Scaler(n) => ml::scaler(&n.config)?,
        Node::Imputer(n) => ml::imputer(&n.config)?,
        Node::Custom(n) => match (n.domain.as_str(), n.op_type.as_str()) {
            ("ai.onnx.ml", "LinearClassifier") => ml::linear_classifier(&n.attrs)?,
            ("ai.onnx.ml", "LinearRegressor") => ml::linear_regressor(&n.attrs)?,
            ("ai.onnx.ml", "Normalizer") => ml::normalizer(n.attrs.get_string("norm").unwrap_or("MAX"))?,
            ("ai.onnx.ml", "ArrayFeatureExtractor") => ml::array_feature_extractor(),
            _ => return Err(unsupported(node)),
        },
        _ => return Err(unsupported(node)),
    })
}

fn unsupported(node: &Node) -> Error {
    Error::input(format!("this form of {} is not supported", node.node_type()))
}

/// For settings that the file computes at run time although they are constants in practice.
fn not_constant(what: &str) -> Error {
    Error::input(format!("{what} must be constants of the file"))
}

/// The constant that an argument holds, if it holds one.
pub fn constant(argument: &Argument) -> Result<Option<Constant>> {
    let Some(data) = argument.value() else { return Ok(None) };
    let unreadable = |e| Error::input(format!("the constant {:?} cannot be read: {e:?}", argument.name));
    let (dtype, dims) = (data.elem_type(), data.shape().to_vec());
    Ok(Some(match dtype {
        d if d.is_float() => Constant::Float(data.try_to_vec_as::<f32>().map_err(unreadable)?, dims),
        d if d.is_bool() => Constant::Bool(data.try_to_vec_as::<bool>().map_err(unreadable)?, dims),
        _ => Constant::Int(data.try_to_vec_as::<i64>().map_err(unreadable)?, dims),
    }))
}

/// The float constant that an argument holds, with its shape.
fn float_constant(argument: &Argument) -> Result<Option<(Vec<f32>, Vec<usize>)>> {
    Ok(match constant(argument)? {
        Some(Constant::Float(values, dims)) => Some((values, dims)),
        _ => None,
    })
}
