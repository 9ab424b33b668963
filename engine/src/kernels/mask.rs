//! Model rows of coalitions.

use super::launch::{Check, contiguous, elements, empty, launch, tensor};
use super::pairs::Pairs;
use crate::Result;
use burn::backend::wgpu::CubeBackend;
use burn::backend::{Backend, Dispatch, Flex, backend_extension, tensor::FloatTensor, tensor::IntTensor};
use burn::tensor::Tensor;
use pellucid_shaders::mask::{self as kernel, KERNEL, Params};

#[backend_extension(Cube, Flex)]
pub trait Mask: Backend {
    fn mask(
        rows: FloatTensor<Self>,
        background: FloatTensor<Self>,
        members: IntTensor<Self>,
        start: IntTensor<Self>,
        player_of: IntTensor<Self>,
        params: Params,
    ) -> FloatTensor<Self>;
}

/// The rows to predict for every pair: the value of `rows` \[T, F\] where a feature's player is in the coalition, that of a
/// background row \[B, F\] where not. Gives \[T·P·S·L, F\]; row ((t·P + p)·S + side)·L + l belongs to explained row t, pair p,
/// side 0 (the coalition) or 1 (its complement; not there if S = 1), and background row `start[p] + l`.
///
/// Values are selected as bits: NaN and infinities pass unchanged.
///
/// # Errors
/// If shapes or devices do not fit together, or the tile has more than 2³¹ cells.
pub fn mask(rows: Tensor<2>, background: Tensor<2>, pairs: &Pairs) -> Result<Tensor<2>> {
    let device = rows.device();
    let check = Check { kernel: KERNEL.name, device: &device };
    let [explained, features] = rows.dims();
    let [_, words] = pairs.members.dims();
    let count = pairs.pairs_of(explained)?;
    let output = [explained * count * pairs.sides * pairs.run, features];
    check.shape("rows", &rows, [explained, features])?;
    check.shape("background", &background, [background.dims()[0], features])?;
    check.shape("members", &pairs.members, [pairs.entries(), words])?;
    check.shape("start", &pairs.start, [pairs.entries()])?;
    check.shape("player_of", &pairs.player_of, [features])?;
    check.size("the output", &output)?;

    let params = Params {
        cells: (output[0] * features) as u32,
        features: features as u32,
        pairs: count as u32,
        run: pairs.run as u32,
        words: words as u32,
        per_row: u32::from(pairs.per_row),
        sides: pairs.sides as u32,
    };
    let (members, start, player_of) = pairs.words();
    Ok(Tensor::from_dispatch(Dispatch::mask(
        rows.into_dispatch(),
        background.into_dispatch(),
        members.into_dispatch(),
        start.into_dispatch(),
        player_of.into_dispatch(),
        params,
    )))
}

fn output(params: &Params) -> [usize; 2] {
    [(params.cells / params.features) as usize, params.features as usize]
}

impl Mask for CubeBackend {
    fn mask(
        rows: FloatTensor<Self>,
        background: FloatTensor<Self>,
        members: IntTensor<Self>,
        start: IntTensor<Self>,
        player_of: IntTensor<Self>,
        params: Params,
    ) -> FloatTensor<Self> {
        let out = empty(&rows, output(&params));
        let groups = params.cells.div_ceil(KERNEL.workgroup) as usize;
        launch(&KERNEL, &params, groups, [rows, background, members, start, player_of], &[&out]);
        out
    }
}

impl Mask for Flex {
    fn mask(
        rows: FloatTensor<Self>,
        background: FloatTensor<Self>,
        members: IntTensor<Self>,
        start: IntTensor<Self>,
        player_of: IntTensor<Self>,
        params: Params,
    ) -> FloatTensor<Self> {
        let [rows, background] = [rows, background].map(contiguous);
        let [members, start, player_of] = [members, start, player_of].map(contiguous);
        let mut out = vec![0.0; params.cells as usize];
        kernel::mask(
            &params,
            elements(&rows),
            elements(&background),
            elements(&members),
            elements(&start),
            elements(&player_of),
            &mut out,
        );
        tensor(out, output(&params))
    }
}
