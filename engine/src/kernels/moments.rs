//! Means of model outputs over background rows, with what their standard errors need.

use super::launch::{Check, contiguous, elements, empty, launch, tensor, words};
use crate::Result;
use burn::backend::wgpu::CubeBackend;
use burn::backend::{Backend, Dispatch, Flex, backend_extension, tensor::FloatTensor, tensor::IntTensor};
use burn::tensor::{Int, Tensor};
use pellucid_shaders::moments::{self as kernel, KERNEL, NUMBERS, Params};

#[backend_extension(Cube, Flex)]
pub trait Moments: Backend {
    fn moments(
        predictions: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        back: IntTensor<Self>,
        params: Params,
    ) -> FloatTensor<Self>;
}

/// The moments \[T, K, 6\] of each donor's outputs over a run of L background rows, from the predictions \[T·L, K\] of the rows that
/// `mask` made of T donors with one coalition each, one side:
///
/// `m, Σ w²(y − m), Σ w²(y − m)², δ, Σ w²(d − δ), Σ w²(d − δ)²` with the weighted means m of the outputs y and δ of their
/// differences d from the outputs of the donor `back[t]` places before, for the same background row. `weights` \[L\] are not all zero;
/// `back[t] ≤ t`.
///
/// The GPU sums in f32 by lanes and halving, the CPU in f64. A NaN prediction makes its donor's moments NaN.
///
/// # Errors
/// If shapes or devices do not fit together.
pub fn moments(predictions: Tensor<2>, weights: Tensor<1>, back: Tensor<1, Int>) -> Result<Tensor<3>> {
    let device = predictions.device();
    let check = Check { kernel: KERNEL.name, device: &device };
    let ([donors], [run], [_, outputs]) = (back.dims(), weights.dims(), predictions.dims());
    check.shape("predictions", &predictions, [donors * run, outputs])?;
    check.shape("weights", &weights, [run])?;
    check.shape("back", &back, [donors])?;
    check.size("the output", &[donors, outputs, NUMBERS])?;

    let params = Params {
        cells: (donors * outputs) as u32,
        outputs: outputs as u32,
        run: run as u32,
        lanes: kernel::lanes(run),
    };
    let back = words(back).into_dispatch();
    let out = Dispatch::moments(predictions.into_dispatch(), weights.into_dispatch(), back, params);
    Ok(Tensor::from_dispatch(out))
}

fn output(params: &Params) -> [usize; 3] {
    let [cells, outputs] = [params.cells, params.outputs].map(|n| n as usize);
    [cells / outputs, outputs, NUMBERS]
}

impl Moments for CubeBackend {
    fn moments(
        predictions: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        back: IntTensor<Self>,
        params: Params,
    ) -> FloatTensor<Self> {
        let out = empty(&predictions, output(&params));
        let groups = params.cells.div_ceil(KERNEL.workgroup / params.lanes) as usize;
        launch(&KERNEL, &params, groups, [predictions, weights, back], &[&out]);
        out
    }
}

impl Moments for Flex {
    fn moments(
        predictions: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        back: IntTensor<Self>,
        params: Params,
    ) -> FloatTensor<Self> {
        let [predictions, weights, back] = [predictions, weights, back].map(contiguous);
        let shape = output(&params);
        let mut out = vec![0.0; shape.iter().product()];
        kernel::moments(&params, elements(&predictions), elements(&weights), elements(&back), &mut out);
        tensor(out, shape)
    }
}
