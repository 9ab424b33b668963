//! The parts that transformers are made of, over rows of vectors.

use super::weights::Loader;
use crate::Result;
use burn::tensor::module::layer_norm;
use burn::tensor::{DType, Tensor};

/// `x Wᵀ + b`, with W `[out, in]` as it is stored.
pub(super) struct Linear {
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
}

impl Linear {
    /// `name.weight`, and `name.bias` if there is one.
    pub fn load(loader: &mut Loader, name: &str, [from, to]: [usize; 2], bias: bool) -> Result<Self> {
        let weight = loader.tensor(&format!("{name}.weight"), [to, from])?;
        let bias = bias.then(|| loader.tensor(&format!("{name}.bias"), [to])).transpose()?;
        Ok(Self { weight, bias })
    }

    /// `[rows, in]` to `[rows, out]`.
    pub fn of(&self, x: Tensor<2>) -> Tensor<2> {
        let product = x.matmul(self.weight.clone().transpose());
        match &self.bias {
            Some(bias) => product.add(bias.clone().unsqueeze::<2>()),
            None => product,
        }
    }
}

/// `x / √(mean(x²) + ε) · weight` over the last axis; in f32 whatever the precision (Zhang and Sennrich 2019).
pub(super) struct RmsNorm {
    weight: Tensor<1>,
    epsilon: f64,
}

impl RmsNorm {
    pub fn load(loader: &mut Loader, name: &str, width: usize, epsilon: f64) -> Result<Self> {
        Ok(Self { weight: loader.tensor(&format!("{name}.weight"), [width])?, epsilon })
    }

    pub fn of<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let precision = x.dtype();
        let x = in_precision(x, DType::F32);
        let size = x.clone().square().mean_dim(D - 1).add_scalar(self.epsilon).sqrt();
        in_precision(x.div(size), precision).mul(self.weight.clone().unsqueeze::<D>())
    }
}

/// `(x − mean) / √(variance + ε) · weight + bias` over the last axis.
pub(super) struct LayerNorm {
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
}

impl LayerNorm {
    pub fn load(loader: &mut Loader, name: &str, width: usize, epsilon: f64) -> Result<Self> {
        let weight = loader.tensor(&format!("{name}.weight"), [width])?;
        Ok(Self { weight, bias: loader.tensor(&format!("{name}.bias"), [width])?, epsilon })
    }

    pub fn of<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        layer_norm(x, self.weight.clone(), Some(self.bias.clone()), self.epsilon)
    }
}

/// The same numbers in another precision.
pub(super) fn in_precision<const D: usize>(x: Tensor<D>, dtype: DType) -> Tensor<D> {
    if x.dtype() == dtype { x } else { x.cast(dtype) }
}
