//! Weighted Gram matrices and right-hand sides of designs that differ by row.

use super::launch::{Check, contiguous, elements, empty, launch, tensor, words};
use crate::Result;
use burn::backend::wgpu::CubeBackend;
use burn::backend::{Backend, Dispatch, Flex, backend_extension, tensor::FloatTensor, tensor::IntTensor};
use burn::tensor::{Int, Tensor};
use pellucid_shaders::gram::{self as kernel, KERNEL, Params};

#[backend_extension(Cube, Flex)]
pub trait Gram: Backend {
    fn gram(
        members: IntTensor<Self>,
        weights: FloatTensor<Self>,
        contrasts: FloatTensor<Self>,
        params: Params,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

/// The normal equations of each explained row's pairs: A = Σ_p w·s·sᵀ as \[T, n, n\] and b = Σ_p w·s·d as \[T, n, K\], with
/// signs s_i = 1 for a member of the pair's first coalition and −1 otherwise, weights w \[T, P\] and contrasts d \[T, P, K\].
///
/// `members` \[T·P, W\] are bit sets of the `players`, as in [`super::Pairs`] with `per_row`.
///
/// # Errors
/// If shapes or devices do not fit together.
pub fn gram(
    members: Tensor<2, Int>,
    weights: Tensor<2>,
    contrasts: Tensor<3>,
    players: usize,
) -> Result<(Tensor<3>, Tensor<3>)> {
    let device = contrasts.device();
    let check = Check { kernel: KERNEL.name, device: &device };
    let [explained, pairs, outputs] = contrasts.dims();
    let words_each = players.div_ceil(32);
    check.shape("contrasts", &contrasts, [explained, pairs, outputs])?;
    check.shape("weights", &weights, [explained, pairs])?;
    check.shape("members", &members, [explained * pairs, words_each])?;
    check.size("the matrix", &[explained, players, players])?;
    check.size("the right-hand side", &[explained, players, outputs])?;

    let params = Params {
        rows: explained as u32,
        pairs: pairs as u32,
        players: players as u32,
        outputs: outputs as u32,
        words: words_each as u32,
    };
    let members = words(members).into_dispatch();
    let (a, b) = Dispatch::gram(members, weights.into_dispatch(), contrasts.into_dispatch(), params);
    Ok((Tensor::from_dispatch(a), Tensor::from_dispatch(b)))
}

/// The shapes of the matrix and of the right-hand side.
fn outputs(params: &Params) -> ([usize; 3], [usize; 3]) {
    let [rows, n, outputs] = [params.rows, params.players, params.outputs].map(|n| n as usize);
    ([rows, n, n], [rows, n, outputs])
}

impl Gram for CubeBackend {
    fn gram(
        members: IntTensor<Self>,
        weights: FloatTensor<Self>,
        contrasts: FloatTensor<Self>,
        params: Params,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (a, b) = outputs(&params);
        let (a, b) = (empty(&contrasts, a), empty(&contrasts, b));
        launch(&KERNEL, &params, kernel::workgroups(&params), [members, weights, contrasts], &[&a, &b]);
        (a, b)
    }
}

impl Gram for Flex {
    fn gram(
        members: IntTensor<Self>,
        weights: FloatTensor<Self>,
        contrasts: FloatTensor<Self>,
        params: Params,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (a_shape, b_shape) = outputs(&params);
        let [members, weights, contrasts] = [members, weights, contrasts].map(contiguous);
        let mut a = vec![0.0; a_shape.iter().product()];
        let mut b = vec![0.0; b_shape.iter().product()];
        kernel::gram(&params, elements(&members), elements(&weights), elements(&contrasts), &mut a, &mut b);
        (tensor(a, a_shape), tensor(b, b_shape))
    }
}
