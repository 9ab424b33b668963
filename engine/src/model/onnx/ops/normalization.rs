//! Batch and layer normalisation, as inference computes them.

use super::{Constant, Cost, Operand, Prepared, float_constant, not_constant};
use crate::model::onnx::value::{Array, Value, zip_rank};
use crate::{Error, Result};
use burn::tensor::Tensor;
use onnx_ir::batch_norm::{BatchNormConfig, BatchNormalizationNode};
use onnx_ir::layer_norm::LayerNormalizationNode;

/// `scale (x − mean) / √(var + ε) + bias` by channel (axis 1), folded into `x · a + b`.
pub fn batch_norm(node: &BatchNormalizationNode) -> Result<Prepared> {
    let epsilon = match &node.config {
        BatchNormConfig::Static(c) => c.epsilon,
        BatchNormConfig::Runtime(c) => c.epsilon,
    };
    let read = |i: usize| match node.inputs.get(i).map(float_constant).transpose()?.flatten() {
        Some((values, _)) => Ok(values),
        None => Err(not_constant("the weights of BatchNormalization")),
    };
    let (scale, bias, mean, variance) = (read(1)?, read(2)?, read(3)?, read(4)?);
    let n = scale.len();
    if [bias.len(), mean.len(), variance.len()] != [n; 3] {
        return Err(Error::input("the weights of BatchNormalization differ in length"));
    }
    let a: Vec<f64> = (0..n).map(|c| f64::from(scale[c]) / (f64::from(variance[c]) + epsilon).sqrt()).collect();
    let b = (0..n).map(|c| (f64::from(bias[c]) - a[c] * f64::from(mean[c])) as f32).collect();
    let a = a.into_iter().map(|v| v as f32).collect();
    let step = Prepared::new(move |args| {
        let x = args.float(0)?;
        let mut dims = vec![1; x.rank()];
        *dims.get_mut(1).ok_or_else(|| Error::input("BatchNormalization needs a channel axis"))? = n;
        let (a, b) = (args.float(1)?.reshape(&dims)?, args.float(2)?.reshape(&dims)?);
        let scaled = zip_rank!(x, a, (x, a) => x.mul(a));
        Ok(Value::Float(zip_rank!(scaled, b, (x, b) => x.add(b))))
    });
    let constants = [a, b].map(|v: Vec<f32>| Operand::Constant(Constant::Float(v, vec![n])));
    Ok(step.operands(std::iter::once(Operand::Input(0)).chain(constants).collect()).cost(Cost::PerOutput(2)))
}

/// `(x − mean) / √(var + ε) · scale + bias`, mean and variance over the axes from `axis` on.
pub fn layer_norm(node: &LayerNormalizationNode) -> Prepared {
    let (axis, epsilon) = (node.config.axis, node.config.epsilon);
    Prepared::new(move |args| {
        let x = args.float(0)?;
        let dims = x.dims();
        let axis = if axis < 0 { axis + dims.len() as i64 } else { axis } as usize;
        let outer: usize = dims[..axis.min(dims.len())].iter().product();
        let inner: usize = dims[axis.min(dims.len())..].iter().product();
        let centred: Tensor<2> = x.reshape(&[outer, inner])?.matrix()?;
        let centred = centred.clone().sub(centred.mean_dim(1));
        let variance = centred.clone().square().mean_dim(1);
        let normal = Array::R2(centred.div(variance.add_scalar(epsilon).sqrt())).reshape(&dims)?;
        let scale = args.float(1)?;
        let scaled = zip_rank!(normal, scale, (x, s) => x.mul(s));
        if !args.has(2) {
            return Ok(Value::Float(scaled));
        }
        let bias = args.float(2)?;
        Ok(Value::Float(zip_rank!(scaled, bias, (x, b) => x.add(b))))
    })
    .cost(Cost::PerOutput(7))
}
