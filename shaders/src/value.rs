//! Contrasts of coalition pairs from model outputs: mean over the background, link, difference, less a known linear part.
//!
//! `m_side = Σ_l weight[start[p] + l]·y[t, p, side, l, k] / Σ_l weight[start[p] + l]` (`y` itself for a run of one), and
//! `out[t, p, k] = link(m_0) − link(m_1) − tilt[p]·(full[t, k] − base[b, k])`, with `b = start[p]` if `base` has a row for
//! each background row, and 0 if it has one row. A NaN prediction makes its contrast NaN. That is the odd contrast; the even one,
//! of which interactions are made, is `link(m_0) + link(m_1) − (full[t, k] + base[b, k])`.

use crate::{
    Kernel,
    kernel::{params, source},
};
use rayon::prelude::*;

params! {
    /// Cells of the output: T·P·K.
    cells,
    /// P, coalition pairs of each explained row.
    pairs,
    /// K, model outputs.
    outputs,
    /// L, background rows of a coalition.
    run,
    /// Invocations that share the sum of one cell, from [`lanes`].
    lanes,
    /// 1 for the logit link, 0 for the identity.
    logit,
    /// 1 if `start` and `tilt` have T·P entries, 0 if all rows share P.
    per_row,
    /// Rows of `base`: 1, or as many as the background has.
    base_rows,
    /// 1 for even contrasts, 0 for odd ones.
    even,
}

pub const KERNEL: Kernel =
    Kernel { name: "value", source: source!("value.wgsl"), workgroup: 256, bindings: 8, params: Params::LAYOUT };

/// What [`logit`] keeps from 0 and 1: the spacing of f32 at one, so both ends are exact in f32.
pub const EPSILON: f64 = f32::EPSILON as f64;

/// ln(p / (1 − p)), with p clamped to \[[`EPSILON`], 1 − [`EPSILON`]\] so that a certain model gives ±15.9 and not infinity.
pub fn logit(p: f64) -> f64 {
    let p = p.clamp(EPSILON, 1.0 - EPSILON);
    (p / (1.0 - p)).ln()
}

/// The lanes that share a run of `run` rows: a power of two up to the workgroup, about eight rows a lane.
pub fn lanes(run: usize) -> u32 {
    run.div_ceil(8).next_power_of_two().min(KERNEL.workgroup as usize) as u32
}

/// Model rows that one rayon task should read at least.
const ROWS_A_TASK: usize = 1 << 13;

/// The inputs of [`value`]: `predictions` \[T·P·2·L, K\], `weights` \[B\], `start` and `tilt` \[P or T·P\], `full` \[T, K\] and
/// `base` \[B or 1, K\], both already through the link.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    pub predictions: &'a [f32],
    pub weights: &'a [f32],
    pub start: &'a [u32],
    pub tilt: &'a [f32],
    pub full: &'a [f32],
    pub base: &'a [f32],
}

/// The CPU twin; `out` \[T, P, K\].
pub fn value(params: &Params, inputs: Inputs, out: &mut [f32]) {
    let [pairs, outputs, run] = [params.pairs, params.outputs, params.run].map(|n| n as usize);
    let link = |m: f64| if params.logit != 0 { logit(m) } else { m };
    let task = ROWS_A_TASK.div_ceil(2 * run);
    out.par_chunks_mut(outputs).with_min_len(task).enumerate().for_each(|(pair, out)| {
        let entry = if params.per_row != 0 { pair } else { pair % pairs };
        let first = inputs.start[entry] as usize;
        let weights = &inputs.weights[first..][..run];
        let sides = &inputs.predictions[2 * pair * run * outputs..][..2 * run * outputs];
        let (side_0, side_1) = sides.split_at(run * outputs);
        let full = &inputs.full[pair / pairs * outputs..][..outputs];
        let base = &inputs.base[if params.base_rows == 1 { 0 } else { first } * outputs..][..outputs];
        let tilt = f64::from(inputs.tilt[entry]);
        for (k, out) in out.iter_mut().enumerate() {
            let [full, base] = [full[k], base[k]].map(f64::from);
            let [v, complement] = [side_0, side_1].map(|side| link(mean(side, weights, k)));
            let odd = v - complement - tilt * (full - base);
            *out = if params.even != 0 { v + complement - (full + base) } else { odd } as f32;
        }
    });
}

/// The weighted mean over a run of column `k` of `predictions` \[L, K\].
fn mean(predictions: &[f32], weights: &[f32], k: usize) -> f64 {
    if let [_] = weights {
        return f64::from(predictions[k]);
    }
    let outputs = predictions.len() / weights.len();
    let (mut sum, mut total) = (0.0, 0.0);
    for (row, &weight) in predictions.chunks_exact(outputs).zip(weights) {
        sum += f64::from(weight) * f64::from(row[k]);
        total += f64::from(weight);
    }
    sum / total
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMS: Params =
        Params { cells: 2, pairs: 1, outputs: 2, run: 2, lanes: 1, logit: 0, per_row: 0, base_rows: 1, even: 0 };

    /// Weights 1 and 3 from background row 1: means 5/2 and 20, 1 and 10; ends 9 and 1, 5 and 1; a tilt of 1/2.
    const WEIGHTED: Inputs = Inputs {
        predictions: &[1.0, 20.0, 3.0, 20.0, 1.0, 4.0, 1.0, 12.0],
        weights: &[100.0, 1.0, 3.0],
        start: &[1],
        tilt: &[0.5],
        full: &[9.0, 5.0],
        base: &[1.0, 1.0],
    };

    #[test]
    fn a_weighted_run_by_hand() {
        let mut out = [0.0; 2];
        value(&PARAMS, WEIGHTED, &mut out);
        assert_eq!(out, [2.5 - 1.0 - 4.0, 20.0 - 10.0 - 2.0]);
    }

    #[test]
    fn an_even_contrast_by_hand() {
        let mut out = [0.0; 2];
        value(&Params { even: 1, ..PARAMS }, WEIGHTED, &mut out);
        assert_eq!(out, [2.5 + 1.0 - 10.0, 20.0 + 10.0 - 6.0]);
    }

    #[test]
    fn a_run_of_one_takes_its_own_base_row_and_any_weight() {
        let params = Params { run: 1, base_rows: 2, ..PARAMS };
        let inputs = Inputs {
            predictions: &[1.0, 2.0, 4.0, f32::NAN],
            weights: &[0.1, 0.3],
            start: &[1],
            tilt: &[1.0],
            full: &[10.0, 20.0],
            base: &[f32::NAN, f32::NAN, 3.0, 5.0],
        };
        let mut out = [0.0; 2];
        value(&params, inputs, &mut out);
        assert_eq!(out[0], 1.0 - 4.0 - 7.0);
        assert!(out[1].is_nan());
    }

    #[test]
    fn logit_is_finite_at_the_ends_and_odd_about_a_half() {
        assert_eq!(logit(0.5), 0.0);
        assert!((logit(0.8) - 4f64.ln()).abs() < 1e-15);
        assert_eq!(logit(1.0), logit(1.0 - EPSILON));
        assert_eq!(logit(-3.0), logit(EPSILON));
        assert!((logit(0.0) + logit(1.0)).abs() < 1e-9);
        assert!(logit(f64::NAN).is_nan());
    }

    #[test]
    fn lanes_divide_the_workgroup() {
        for (run, expected) in [(1, 1), (8, 1), (9, 2), (100, 16), (4096, 256), (1 << 20, 256)] {
            assert_eq!(lanes(run), expected, "run {run}");
        }
    }
}
