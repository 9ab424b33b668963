//! softmax(scale · Q Kᵀ + mask) · V as one step.

use super::linear::product;
use super::{Cost, Prepared};
use crate::kernels::{self, Scores};
use crate::model::onnx::args::Args;
use crate::model::onnx::array::{Array, lift, map_rank, zip_rank};
use crate::model::onnx::value::Value;
use crate::{Error, Result};
use burn::tensor::Tensor;

/// The step of operands query, key (its last two axes swapped already), value and maybe a mask; `softmax` is what the file has between the
/// products.
pub fn attend(softmax: Prepared, scores: Scores) -> Prepared {
    Prepared::new(move |args| {
        let (q, k, v) = (args.float(0)?, args.float(1)?, args.float(2)?);
        let mask = args.has(3).then(|| args.float(3)).transpose()?;
        if let (Array::R4(q), Array::R4(k), Array::R4(v)) = (&q, &k, &v)
            && mask.as_ref().is_none_or(|mask| mask.rank() <= 4)
        {
            let mask = mask.clone().map(four_axes).transpose()?;
            if let Some(y) = kernels::attention(q, k, v, mask.as_ref(), scores) {
                return Ok(Value::Float(Array::R4(y)));
            }
        }
        let mut given = product(q, k)?;
        if scores.scale != 1.0 {
            given = map_rank!(given, t => t.mul_scalar(scores.scale));
        }
        if let Some(mask) = mask {
            given = zip_rank!(given, mask, (t, mask) => t.add(mask));
        }
        let values = vec![Some(Value::Float(given))];
        let weights =
            (softmax.op)(&mut Args { values, device: args.device, n_rows: args.n_rows })?.remove(0).into_float()?;
        let weights = if scores.guarded { map_rank!(weights, t => without_nan(t)) } else { weights };
        Ok(Value::Float(product(weights, v)?))
    })
    .cost(Cost::Attention)
}

fn without_nan<const D: usize>(t: Tensor<D>) -> Tensor<D> {
    let nan = t.clone().is_nan();
    t.mask_fill(nan, 0.0)
}

/// An array of at most four axes with four.
pub fn four_axes(array: Array) -> Result<Tensor<4>> {
    match lift(array, 4)? {
        Array::R4(t) => Ok(t),
        other => Err(Error::input(format!("the mask has shape {:?}", other.dims()))),
    }
}
