//! Contrasts of coalition pairs from model outputs.

use super::launch::{Check, contiguous, elements, empty, launch, tensor};
use super::{Link, Pairs};
use crate::{Error, Result};
use burn::backend::wgpu::CubeBackend;
use burn::backend::{Backend, Dispatch, Flex, backend_extension, tensor::FloatTensor, tensor::IntTensor};
use burn::tensor::Tensor;
use pellucid_shaders::value::{self as kernel, Inputs, KERNEL, Params};

/// How predictions become contrasts: over which background rows, through which link, less which linear part.
#[derive(Clone, Debug)]
pub struct Averaging<'a> {
    /// The pairs that the rows were masked with.
    pub pairs: &'a Pairs,
    /// Weight of each background row \[B\], positive; a run's weights need not sum to one.
    pub weights: Tensor<1>,
    /// Applied after the mean.
    pub link: Link,
    /// Share of each pair \[P or T·P, as the pairs\] in the linear part that is taken off.
    pub tilt: Tensor<1>,
    /// link(f(x)) of the explained rows \[T, K\].
    pub full: Tensor<2>,
    /// The value of the empty coalition through the link: one row \[1, K\], or one for each place a run can start
    /// \[B, K\].
    pub base: Tensor<2>,
    /// Even contrasts instead of odd ones.
    pub even: bool,
}

#[backend_extension(Cube, Flex)]
pub trait Value: Backend {
    fn value(
        predictions: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        start: IntTensor<Self>,
        tilt: FloatTensor<Self>,
        full: FloatTensor<Self>,
        base: FloatTensor<Self>,
        params: Params,
    ) -> FloatTensor<Self>;
}

/// The contrast of each pair, \[T, P, K\], from the predictions \[T·P·2·L, K\] of the rows that `mask` made:
///
/// `link(m_0) − link(m_1) − tilt[p]·(full[t, k] − base[b, k])`, where `m_side` is the weighted mean over the run (the
/// prediction itself for a run of one) and b is the first background row of the pair's run, or 0 if `base` has one row. The even contrast
/// is `link(m_0) + link(m_1) − (full[t, k] + base[b, k])`.
///
/// The GPU sums in f32 by lanes and halving, the CPU in f64. NaN predictions give NaN contrasts.
///
/// # Errors
/// If shapes or devices do not fit together.
pub fn value(predictions: Tensor<2>, averaging: Averaging) -> Result<Tensor<3>> {
    let Averaging { pairs, weights, link, tilt, full, base, even } = averaging;
    let device = predictions.device();
    let check = Check { kernel: KERNEL.name, device: &device };
    let [explained, outputs] = full.dims();
    let count = pairs.pairs_of(explained)?;
    if pairs.sides != 2 {
        return Err(Error::input("value: a contrast needs a coalition and its complement, these pairs have one side"));
    }
    let base_rows = if base.dims()[0] == 1 { 1 } else { weights.dims()[0] };
    check.shape("full", &full, [explained, outputs])?;
    check.shape("predictions", &predictions, [explained * count * pairs.sides * pairs.run, outputs])?;
    check.shape("weights", &weights, weights.dims())?;
    check.shape("start", &pairs.start, [pairs.entries()])?;
    check.shape("tilt", &tilt, [pairs.entries()])?;
    check.shape("base", &base, [base_rows, outputs])?;

    let params = Params {
        cells: (explained * count * outputs) as u32,
        pairs: count as u32,
        outputs: outputs as u32,
        run: pairs.run as u32,
        lanes: kernel::lanes(pairs.run),
        logit: u32::from(link == Link::Logit),
        per_row: u32::from(pairs.per_row),
        base_rows: base_rows as u32,
        even: u32::from(even),
    };
    let (_, start, _) = pairs.words();
    Ok(Tensor::from_dispatch(Dispatch::value(
        predictions.into_dispatch(),
        weights.into_dispatch(),
        start.into_dispatch(),
        tilt.into_dispatch(),
        full.into_dispatch(),
        base.into_dispatch(),
        params,
    )))
}

fn output(params: &Params) -> [usize; 3] {
    let [cells, pairs, outputs] = [params.cells, params.pairs, params.outputs].map(|n| n as usize);
    [cells / (pairs * outputs), pairs, outputs]
}

impl Value for CubeBackend {
    fn value(
        predictions: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        start: IntTensor<Self>,
        tilt: FloatTensor<Self>,
        full: FloatTensor<Self>,
        base: FloatTensor<Self>,
        params: Params,
    ) -> FloatTensor<Self> {
        let out = empty(&predictions, output(&params));
        let groups = params.cells.div_ceil(KERNEL.workgroup / params.lanes) as usize;
        launch(&KERNEL, &params, groups, [predictions, weights, start, tilt, full, base], &[&out]);
        out
    }
}

impl Value for Flex {
    fn value(
        predictions: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        start: IntTensor<Self>,
        tilt: FloatTensor<Self>,
        full: FloatTensor<Self>,
        base: FloatTensor<Self>,
        params: Params,
    ) -> FloatTensor<Self> {
        let tensors = [predictions, weights, start, tilt, full, base].map(contiguous);
        let [predictions, weights, start, tilt, full, base] = &tensors;
        let inputs = Inputs {
            predictions: elements(predictions),
            weights: elements(weights),
            start: elements(start),
            tilt: elements(tilt),
            full: elements(full),
            base: elements(base),
        };
        let mut out = vec![0.0; params.cells as usize];
        kernel::value(&params, inputs, &mut out);
        tensor(out, output(&params))
    }
}
