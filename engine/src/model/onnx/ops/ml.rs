//! The `ai.onnx.ml` operators of linear pipelines.
//!
//! Source: <https://onnx.ai/onnx/operators/index.html#ai-onnx-ml>; where it is silent, onnxruntime.

use super::linear::{affine_step, from_rows};
use super::slice::{join, pick};
use super::{Cost, Maker, Operand, Prepared};
use crate::kernels::Activation;
use crate::model::onnx::array::{Array, zip_rank};
use crate::model::onnx::node::Node;
use crate::model::onnx::value::{Host, Value};
use crate::{Error, Result};
use burn::tensor::{Tensor, activation};
use std::sync::Arc;

pub const TABLE: &[(&str, Maker)] = &[
    ("ai.onnx.ml:Scaler", |n| Ok(scaler(n))),
    ("ai.onnx.ml:Imputer", imputer),
    ("ai.onnx.ml:LinearClassifier", linear_classifier),
    ("ai.onnx.ml:LinearRegressor", linear_regressor),
    ("ai.onnx.ml:Normalizer", |n| normalizer(n.text("norm").unwrap_or("MAX"))),
    ("ai.onnx.ml:ArrayFeatureExtractor", |_| Ok(array_feature_extractor())),
];

fn attribute_list<'a>(n: &'a Node, name: &str) -> Result<&'a [f32]> {
    n.floats(name).ok_or_else(|| Error::input(format!("the attribute {name:?} is missing")))
}

fn vector(values: Vec<f32>) -> Operand {
    let n = values.len();
    Operand::Constant(Arc::new(Host::floats(values, &[n])))
}

/// `(x − offset) · scale`, both by column or one number for all.
fn scaler(n: &Node) -> Prepared {
    let list = |name: &str, absent: f32| n.floats(name).filter(|v| !v.is_empty()).map_or(vec![absent], <[f32]>::to_vec);
    let (offset, scale) = (list("offset", 0.0), list("scale", 1.0));
    let step = Prepared::new(|args| {
        let (x, offset, scale) = (args.number(0)?, args.float(1)?, args.float(2)?);
        let centred = zip_rank!(x, offset, (x, o) => x.sub(o));
        Ok(Value::Float(zip_rank!(centred, scale, (x, s) => x.mul(s))))
    });
    step.operands(vec![Operand::Input(0), vector(offset), vector(scale)]).cost(Cost::PerOutput(2))
}

/// What is done with scores.
#[derive(Clone, Copy, PartialEq)]
pub enum PostTransform {
    None,
    Logistic,
    Softmax,
    SoftmaxZero,
}

pub fn post_transform(n: &Node) -> Result<PostTransform> {
    match n.text("post_transform").unwrap_or("NONE") {
        "NONE" => Ok(PostTransform::None),
        "LOGISTIC" => Ok(PostTransform::Logistic),
        "SOFTMAX" => Ok(PostTransform::Softmax),
        "SOFTMAX_ZERO" => Ok(PostTransform::SoftmaxZero),
        other => Err(Error::input(format!("the post_transform {other} is not supported"))),
    }
}

pub fn transformed_rows(scores: Tensor<2>, post: PostTransform) -> Tensor<2> {
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
fn linear_classifier(n: &Node) -> Result<Prepared> {
    let (coefficients, intercepts) = (attribute_list(n, "coefficients")?, n.floats("intercepts"));
    let n_labels = n_labels(n);
    let n_scores = intercepts.map_or(n_labels.max(1), <[f32]>::len);
    let intercepts = intercepts.map_or(vec![0.0; n_scores], <[f32]>::to_vec);
    let (post, both) = (post_transform(n)?, n_scores == 1 && n_labels == 2);
    linear(coefficients, &intercepts, 1, move |scores| {
        Ok(match both {
            true => two_classes(scores, post)?,
            false => transformed_rows(scores, post),
        })
    })
}

pub fn two_classes(score: Tensor<2>, post: PostTransform) -> Result<Tensor<2>> {
    let (first, second) = match post {
        PostTransform::Logistic => (activation::sigmoid(score.clone().neg()), activation::sigmoid(score)),
        _ => (score.clone().neg().add_scalar(1.0), score),
    };
    join(vec![Array::R2(first), Array::R2(second)], 1)?.matrix()
}

/// Class labels that an operator carries.
pub fn n_labels(n: &Node) -> usize {
    let numbers = ["classlabels_ints", "classlabels_int64s"].map(|name| n.ints(name).map_or(0, |labels| labels.len()));
    n.texts("classlabels_strings").len().max(numbers[0]).max(numbers[1])
}

/// Outputs of a linear regression.
fn linear_regressor(n: &Node) -> Result<Prepared> {
    let coefficients = attribute_list(n, "coefficients")?;
    let targets = n.int("targets").unwrap_or(1).max(1) as usize;
    let intercepts = n.floats("intercepts").map_or(vec![0.0; targets], <[f32]>::to_vec);
    let post = post_transform(n)?;
    linear(coefficients, &intercepts, 0, move |scores| Ok(transformed_rows(scores, post)))
}

/// An affine map and what follows it, as the output at `position`.
fn linear(
    coefficients: &[f32],
    intercepts: &[f32],
    position: usize,
    then: impl Fn(Tensor<2>) -> Result<Tensor<2>> + Send + Sync + 'static,
) -> Result<Prepared> {
    let affine = affine_step(vec![(from_rows(coefficients, intercepts)?, Activation::None)], 2);
    let (operands, cost) = (affine.operands, affine.cost);
    let step = Prepared::many(1, move |args| {
        let scores = (affine.op)(args)?.remove(0).into_float()?.matrix()?;
        Ok(vec![Value::Float(Array::R2(then(scores)?))])
    });
    Ok(Prepared { operands, cost, outputs: vec![position], ..step })
}

/// Rows divided by their largest element (`MAX`, signs included, as the standard and onnxruntime have it), sum of magnitudes (`L1`) or length (`L2`); rows of zeros stay.
fn normalizer(norm: &str) -> Result<Prepared> {
    let size: fn(Tensor<2>) -> Tensor<2> = match norm {
        "MAX" => |x| x.max_dim(1),
        "L1" => |x| x.abs().sum_dim(1),
        "L2" => |x| x.square().sum_dim(1).sqrt(),
        other => return Err(Error::input(format!("the norm {other} is not supported"))),
    };
    Ok(Prepared::new(move |args| {
        let x = args.number(0)?.matrix()?;
        let size = size(x.clone());
        let zero = size.clone().equal_scalar(0.0);
        Ok(Value::Float(Array::R2(x.div(size.mask_fill(zero, 1.0)))))
    })
    .cost(Cost::PerOutput(3)))
}

/// Columns at constant positions; a vector counts as one row.
fn array_feature_extractor() -> Prepared {
    Prepared::new(|args| {
        let at = args.ints(1)?.iter().map(|&i| usize::try_from(i).ok()).collect::<Option<Vec<_>>>();
        let at = at.ok_or_else(|| Error::input("a position is negative"))?;
        let value = args.take(0)?;
        let dims = value.dims();
        let value = if dims.len() == 1 { super::shape::reshaped(value, &[1, dims[0]])? } else { value };
        let last = value.dims().len() - 1;
        pick(value, last, &at, args)
    })
    .free()
}

/// Missing values (NaN, or the number the model names) replaced by column.
fn imputer(n: &Node) -> Result<Prepared> {
    let Some(values) = n.floats("imputed_value_floats").filter(|v| !v.is_empty()).map(<[f32]>::to_vec) else {
        return Err(n.refuse("no float values"));
    };
    let missing = n.has_attribute("replaced_value_float").then(|| n.float("replaced_value_float", 0.0) as f32);
    let missing = missing.filter(|v| !v.is_nan());
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
