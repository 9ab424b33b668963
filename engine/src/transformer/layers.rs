//! The parts that transformers are made of, over rows of vectors.

use super::weights::Loader;
use crate::Result;
use crate::kernels::{Activation, AffineLayer, affine_chain, norm};
use burn::tensor::{DType, Device, Tensor};

/// `x Wᵀ + b`, with W `[out, in]` as it is stored; here transposed, and with a bias on the CPU row by row so, as its kernel reads it.
pub(super) struct Linear {
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    kernel: bool,
}

impl Linear {
    /// `name.weight`, and `name.bias` if there is one.
    pub fn load(loader: &mut Loader, name: &str, [from, to]: [usize; 2], bias: bool) -> Result<Self> {
        let weight = loader.tensor(&format!("{name}.weight"), [to, from])?.transpose();
        let kernel = bias && weight.dtype() == DType::F32 && weight.device() == Device::flex();
        let weight = if kernel { Tensor::from_data(weight.to_data(), &weight.device()) } else { weight };
        let bias = bias.then(|| loader.tensor(&format!("{name}.bias"), [to])).transpose()?;
        Ok(Self { weight, bias, kernel })
    }

    /// `[rows, in]` to `[rows, out]`.
    pub fn of(&self, x: Tensor<2>) -> Tensor<2> {
        if let Some(layer) = self.layer(Activation::None) {
            return affine_chain(x, &[layer]);
        }
        let product = x.matmul(self.weight.clone());
        match &self.bias {
            Some(bias) => product.add(bias.clone().unsqueeze::<2>()),
            None => product,
        }
    }

    /// The same as a layer of the CPU's kernel; none on a GPU, in another precision than f32, without a bias.
    pub fn layer(&self, activation: Activation) -> Option<AffineLayer> {
        let bias = self.bias.clone().filter(|_| self.kernel)?;
        Some(AffineLayer { weight: self.weight.clone(), bias, activation })
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

    /// Rows normalised, after a sum if there is one.
    pub fn of(&self, x: Tensor<2>, skip: Option<Tensor<2>>) -> Tensor<2> {
        norm(x, skip, &self.weight, Some(&self.bias), self.epsilon)
    }
}

/// The same numbers in another precision.
pub(super) fn in_precision<const D: usize>(x: Tensor<D>, dtype: DType) -> Tensor<D> {
    if x.dtype() == dtype { x } else { x.cast(dtype) }
}
