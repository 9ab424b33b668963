//! The `ai.onnx.ml` operators of linear pipelines, and the types their outputs have.
//!
//! Source: <https://onnx.ai/onnx/operators/index.html#ai-onnx-ml>; where it is silent, onnxruntime.

use super::linear::{affine_step, from_rows};
use super::shape::{join, pick};
use super::{Constant, Cost, Operand, Prepared};
use crate::kernels::Activation;
use crate::model::onnx::value::{Args, Array, Value, map_rank, zip_rank};
use crate::{Error, Result};
use burn::tensor::{Tensor, activation};
use onnx_ir::imputer::ImputerConfig;
use onnx_ir::ir::PublicAttributesOwned;
use onnx_ir::scaler::ScalerConfig;
use onnx_ir::{ArgType, CustomNode, CustomOpInference, DType, HookCoverage, ProcessError, TensorType};

fn attribute_list<'a>(attrs: &'a PublicAttributesOwned, name: &str) -> Result<&'a [f32]> {
    attrs.get_f32s(name).ok_or_else(|| Error::input(format!("the attribute {name:?} is missing")))
}

fn vector(values: Vec<f32>) -> Operand {
    let n = values.len();
    Operand::Constant(Constant::Float(values, vec![n]))
}

/// `(x − offset) · scale`, both by column or one number for all.
pub fn scaler(config: &ScalerConfig) -> Result<Prepared> {
    let (offset, scale) = (config.offset.clone().unwrap_or(vec![0.0]), config.scale.clone().unwrap_or(vec![1.0]));
    let step = Prepared::new(|args| {
        let (x, offset, scale) = (numbers(args, 0)?, args.float(1)?, args.float(2)?);
        let centred = zip_rank!(x, offset, (x, o) => x.sub(o));
        Ok(Value::Float(zip_rank!(centred, scale, (x, s) => x.mul(s))))
    });
    Ok(step.operands(vec![Operand::Input(0), vector(offset), vector(scale)]).cost(Cost::PerOutput(2)))
}

/// Floats, or integers as floats: these operators take both and give floats.
fn numbers(args: &mut Args, i: usize) -> Result<Array> {
    match args.take(i)? {
        Value::Int(x) => Ok(map_rank!(x, t => t.float())),
        other => other.into_float(),
    }
}

/// What is done with scores.
#[derive(Clone, Copy, PartialEq)]
enum PostTransform {
    None,
    Logistic,
    Softmax,
    SoftmaxZero,
}

fn post_transform(attrs: &PublicAttributesOwned) -> Result<PostTransform> {
    match attrs.get_string("post_transform").unwrap_or("NONE") {
        "NONE" => Ok(PostTransform::None),
        "LOGISTIC" => Ok(PostTransform::Logistic),
        "SOFTMAX" => Ok(PostTransform::Softmax),
        "SOFTMAX_ZERO" => Ok(PostTransform::SoftmaxZero),
        other => Err(Error::input(format!("the post_transform {other} is not supported"))),
    }
}

fn transformed(scores: Tensor<2>, post: PostTransform) -> Tensor<2> {
    match post {
        PostTransform::None => scores,
        PostTransform::Logistic => activation::sigmoid(scores),
        PostTransform::Softmax => activation::softmax(scores, 1),
        PostTransform::SoftmaxZero => softmax_zero(scores),
    }
}

/// Softmax in which scores that are exactly zero count as absent and stay zero.
fn softmax_zero(scores: Tensor<2>) -> Tensor<2> {
    let absent = scores.clone().equal_scalar(0.0);
    let top = scores.clone().max_dim(1);
    let weights = scores.sub(top).exp().mask_fill(absent, 0.0);
    let total = weights.clone().sum_dim(1);
    let none = total.clone().equal_scalar(0.0);
    weights.div(total.mask_fill(none, 1.0))
}

/// Scores of a linear classifier (its second output). One score `s` and two labels: `1 − s` and `s`, or `σ(−s)` and `σ(s)` if logistic,
/// as onnxruntime has it.
pub fn linear_classifier(attrs: &PublicAttributesOwned) -> Result<Prepared> {
    let (coefficients, intercepts) = (attribute_list(attrs, "coefficients")?, attrs.get_f32s("intercepts"));
    let n_labels = n_labels(attrs);
    let n_scores = intercepts.map_or(n_labels.max(1), <[f32]>::len);
    let intercepts = intercepts.map_or(vec![0.0; n_scores], <[f32]>::to_vec);
    let (post, both) = (post_transform(attrs)?, n_scores == 1 && n_labels == 2);
    linear(coefficients, &intercepts, 1, move |scores| {
        Ok(match both {
            true => two_classes(scores, post)?,
            false => transformed(scores, post),
        })
    })
}

fn two_classes(score: Tensor<2>, post: PostTransform) -> Result<Tensor<2>> {
    let (first, second) = match post {
        PostTransform::Logistic => (activation::sigmoid(score.clone().neg()), activation::sigmoid(score)),
        _ => (score.clone().neg().add_scalar(1.0), score),
    };
    join(vec![Array::R2(first), Array::R2(second)], 1)?.matrix()
}

/// Class labels that an operator carries.
fn n_labels(attrs: &PublicAttributesOwned) -> usize {
    let strings = attrs.get_strings("classlabels_strings").map_or(0, <[String]>::len);
    strings.max(attrs.get_i64s("classlabels_ints").map_or(0, <[i64]>::len))
}

/// Outputs of a linear regression.
pub fn linear_regressor(attrs: &PublicAttributesOwned) -> Result<Prepared> {
    let coefficients = attribute_list(attrs, "coefficients")?;
    let targets = attrs.get_i64("targets").unwrap_or(1).max(1) as usize;
    let intercepts = attrs.get_f32s("intercepts").map_or(vec![0.0; targets], <[f32]>::to_vec);
    let post = post_transform(attrs)?;
    linear(coefficients, &intercepts, 0, move |scores| Ok(transformed(scores, post)))
}

/// An affine map and what follows it, as the output at `position`.
fn linear(
    coefficients: &[f32],
    intercepts: &[f32],
    position: usize,
    then: impl Fn(Tensor<2>) -> Result<Tensor<2>> + Send + Sync + 'static,
) -> Result<Prepared> {
    let affine = affine_step(vec![(from_rows(coefficients, intercepts)?, Activation::None)]);
    let (operands, cost) = (affine.operands, affine.cost);
    let step = Prepared::many(vec![position], move |args| {
        args.values[0] = Some(Value::Float(numbers(args, 0)?));
        let scores = (affine.op)(args)?.remove(0).into_float()?.matrix()?;
        Ok(vec![Value::Float(Array::R2(then(scores)?))])
    });
    Ok(Prepared { operands, cost, ..step })
}

/// Rows divided by their largest element (`MAX`, signs included, as the standard and onnxruntime have it), sum of magnitudes (`L1`) or length (`L2`); rows of zeros stay.
pub fn normalizer(norm: &str) -> Result<Prepared> {
    let size: fn(Tensor<2>) -> Tensor<2> = match norm {
        "MAX" => |x| x.max_dim(1),
        "L1" => |x| x.abs().sum_dim(1),
        "L2" => |x| x.square().sum_dim(1).sqrt(),
        other => return Err(Error::input(format!("the norm {other} is not supported"))),
    };
    Ok(Prepared::new(move |args| {
        let x = numbers(args, 0)?.matrix()?;
        let size = size(x.clone());
        let zero = size.clone().equal_scalar(0.0);
        Ok(Value::Float(Array::R2(x.div(size.mask_fill(zero, 1.0)))))
    })
    .cost(Cost::PerOutput(3)))
}

/// Columns at constant positions; a vector counts as one row.
pub fn array_feature_extractor() -> Prepared {
    Prepared::new(|args| {
        let indices = args.host(1)?;
        Ok(match args.take(0)? {
            Value::Float(x) => Value::Float(columns(x, &indices, args)?),
            Value::Int(x) => Value::Int(columns(x, &indices, args)?),
            other => return Err(Error::input(format!("ArrayFeatureExtractor of {} values", other.kind()))),
        })
    })
    .free()
}

fn columns<K: burn::tensor::kind::Basic>(x: Array<K>, indices: &[i64], args: &Args) -> Result<Array<K>> {
    let dims = x.dims();
    let x = if dims.len() == 1 { x.reshape(&[1, dims[0]])? } else { x };
    let last = x.rank() - 1;
    pick(x, last, indices, args.device)
}

/// Missing values (NaN, or the number the model names) replaced by column.
pub fn imputer(config: &ImputerConfig) -> Result<Prepared> {
    let Some(values) = config.imputed_value_floats.clone().filter(|v| !v.is_empty()) else {
        return Err(Error::input("Imputer without float values is not supported"));
    };
    let missing = config.replaced_value_float.filter(|v| !v.is_nan());
    let step = Prepared::new(move |args| {
        let (x, values) = (args.float(0)?.matrix()?, args.float(1)?);
        let n_columns = x.dims()[1];
        let mask = match missing {
            Some(number) => x.clone().equal_scalar(number),
            None => x.clone().is_nan(),
        };
        let row = super::elementwise::broadcast(values, &[1, n_columns])?;
        let filled = super::elementwise::broadcast(row, &x.dims())?.matrix()?;
        Ok(Value::Float(Array::R2(x.mask_where(mask, filled))))
    });
    Ok(step.operands(vec![Operand::Input(0), vector(values)]))
}

/// Output types of the operators that the parser does not know.
pub struct OutputTypes;

impl CustomOpInference for OutputTypes {
    fn coverage(&self, _op_type: &str, _domain: &str, _opset: usize) -> HookCoverage {
        HookCoverage::Covered
    }

    fn infer(&self, node: &CustomNode) -> Result<Option<Vec<ArgType>>, ProcessError> {
        let array = |dtype, rank| ArgType::Tensor(TensorType::new(dtype, rank, None));
        let given = node.inputs.first().map_or_else(|| array(DType::F32, 2), |a| a.ty.clone());
        let types = match node.op_type.as_str() {
            "LinearClassifier" => vec![array(DType::I64, 1), array(DType::F32, 2)],
            "LinearRegressor" | "Normalizer" => vec![array(DType::F32, 2)],
            "ArrayFeatureExtractor" if matches!(given, ArgType::Tensor(_)) => {
                vec![array(given.elem_type(), given.rank().max(2))]
            }
            _ => vec![given; node.outputs.len()],
        };
        Ok(Some(types.into_iter().take(node.outputs.len()).collect()))
    }
}
