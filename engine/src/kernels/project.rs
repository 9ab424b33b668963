//! Linear estimates from contrasts.

use super::launch::{Check, contiguous, elements, empty, launch, tensor, words};
use crate::Result;
use burn::backend::wgpu::CubeBackend;
use burn::backend::{Backend, Dispatch, Flex, backend_extension, tensor::FloatTensor, tensor::IntTensor};
use burn::tensor::{Int, Tensor};
use pellucid_shaders::project::{self as kernel, KERNEL, Params};

#[backend_extension(Cube, Flex)]
pub trait Project: Backend {
    fn project(
        contrasts: FloatTensor<Self>,
        matrix: FloatTensor<Self>,
        groups: IntTensor<Self>,
        params: Params,
    ) -> FloatTensor<Self>;
}

/// Partial products of `matrix` \[q, P\] with `contrasts` \[T, P, K\], one for each group of pairs, as \[T, K, g, q\]:
/// `Σ_{p ∈ groups[i]..groups[i+1]} matrix[j, p]·contrasts[t, p, k]`. The sum over the groups is the estimate.
///
/// `groups` \[g + 1\] are ascending offsets within 0..=P; an empty group gives zeros. The GPU sums in f32 by lanes, blocks and
/// halving, the CPU in f64.
///
/// # Errors
/// If shapes or devices do not fit together.
pub fn project(contrasts: Tensor<3>, matrix: Tensor<2>, groups: Tensor<1, Int>) -> Result<Tensor<4>> {
    let device = contrasts.device();
    let check = Check { kernel: KERNEL.name, device: &device };
    let [explained, pairs, outputs] = contrasts.dims();
    let rows = matrix.dims()[0];
    let bounds = groups.dims()[0].max(2);
    check.shape("contrasts", &contrasts, [explained, pairs, outputs])?;
    check.shape("matrix", &matrix, [rows, pairs])?;
    check.shape("groups", &groups, [bounds])?;
    check.size("the output", &[explained, outputs, bounds - 1, rows])?;

    let params = Params {
        pairs: pairs as u32,
        rows: rows as u32,
        columns: (explained * outputs) as u32,
        outputs: outputs as u32,
        groups: (bounds - 1) as u32,
    };
    Ok(Tensor::from_dispatch(Dispatch::project(
        contrasts.into_dispatch(),
        matrix.into_dispatch(),
        words(groups).into_dispatch(),
        params,
    )))
}

fn output(params: &Params) -> [usize; 4] {
    [params.columns / params.outputs, params.outputs, params.groups, params.rows].map(|n| n as usize)
}

impl Project for CubeBackend {
    fn project(
        contrasts: FloatTensor<Self>,
        matrix: FloatTensor<Self>,
        groups: IntTensor<Self>,
        params: Params,
    ) -> FloatTensor<Self> {
        let out = empty(&contrasts, output(&params));
        launch(&KERNEL, &params, kernel::workgroups(&params), [contrasts, matrix, groups], &[&out]);
        out
    }
}

impl Project for Flex {
    fn project(
        contrasts: FloatTensor<Self>,
        matrix: FloatTensor<Self>,
        groups: IntTensor<Self>,
        params: Params,
    ) -> FloatTensor<Self> {
        let [contrasts, matrix, groups] = [contrasts, matrix, groups].map(contiguous);
        let mut out = vec![0.0; output(&params).iter().product()];
        kernel::project(&params, elements(&contrasts), elements(&matrix), elements(&groups), &mut out);
        tensor(out, output(&params))
    }
}
