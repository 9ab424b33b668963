//! Least squares with zero sum, many small systems at once.

use super::launch::{Check, contiguous, elements, empty, launch, tensor};
use crate::Result;
use burn::backend::wgpu::CubeBackend;
use burn::backend::{Backend, Dispatch, Flex, backend_extension, tensor::FloatTensor};
use burn::tensor::Tensor;
use pellucid_shaders::cholesky::{self as kernel, KERNEL, Params};

#[backend_extension(Cube, Flex)]
pub trait Solve: Backend {
    fn solve(gram: FloatTensor<Self>, rhs: FloatTensor<Self>, params: Params) -> FloatTensor<Self>;
}

/// φ \[T, n, K\] that minimises `φᵀAφ/2 − bᵀφ` subject to `Σφ = 0`, for each symmetric A of `gram` \[T, n, n\] and each
/// column b of `rhs` \[T, n, K\]: `φ = A⁻¹(b − 1·(1ᵀA⁻¹b)/(1ᵀA⁻¹1))` by Cholesky factors.
///
/// A pivot at or below 2⁻¹⁶ of its diagonal element gets 2⁻¹⁰ of that element added, so a singular A gives a finite φ; see
/// [`pellucid_shaders::cholesky`]. The GPU solves in f32 with an error of about n·ε·cond(A), the CPU in f64.
///
/// # Errors
/// If shapes or devices do not fit together.
pub fn solve(gram: Tensor<3>, rhs: Tensor<3>) -> Result<Tensor<3>> {
    let device = gram.device();
    let check = Check { kernel: KERNEL.name, device: &device };
    let [systems, players, outputs] = rhs.dims();
    check.shape("rhs", &rhs, [systems, players, outputs])?;
    check.shape("gram", &gram, [systems, players, players])?;
    check.size("the work space", &work(systems, players, outputs))?;

    let params = Params { systems: systems as u32, players: players as u32, outputs: outputs as u32 };
    Ok(Tensor::from_dispatch(Dispatch::solve(gram.into_dispatch(), rhs.into_dispatch(), params)))
}

/// The shape of [A | b | 1].
fn work(systems: usize, players: usize, outputs: usize) -> [usize; 3] {
    [systems, players, players + outputs + 1]
}

fn sizes(params: &Params) -> [usize; 3] {
    [params.systems, params.players, params.outputs].map(|n| n as usize)
}

impl Solve for CubeBackend {
    fn solve(gram: FloatTensor<Self>, rhs: FloatTensor<Self>, params: Params) -> FloatTensor<Self> {
        let [systems, players, outputs] = sizes(&params);
        let out = empty(&gram, [systems, players, outputs]);
        let work = empty(&gram, work(systems, players, outputs));
        launch(&KERNEL, &params, systems, [gram, rhs], &[&work, &out]);
        out
    }
}

impl Solve for Flex {
    fn solve(gram: FloatTensor<Self>, rhs: FloatTensor<Self>, params: Params) -> FloatTensor<Self> {
        let [gram, rhs] = [gram, rhs].map(contiguous);
        let mut out = vec![0.0; sizes(&params).iter().product()];
        kernel::solve(&params, elements(&gram), elements(&rhs), &mut out);
        tensor(out, sizes(&params))
    }
}
