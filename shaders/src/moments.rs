//! Weighted means of model outputs over a run of background rows, and what a standard error needs to know about them.
//!
//! Donor t met the same L background rows as every other. With y its outputs and d = y − y′ their differences from those of the
//! donor `back[t]` places before it, row by row:
//! `out[t, k] = m, Σ w²(y − m), Σ w²(y − m)², δ, Σ w²(d − δ), Σ w²(d − δ)²` with the weighted means m of y and δ of d.
//! Runs of other rows are put together on the host, exactly: all sums are about a known centre.

pub use crate::value::lanes;
use crate::{
    Kernel,
    kernel::{params, source},
};
use rayon::prelude::*;

params! {
    /// Cells: T·K, each with [`NUMBERS`] of the output.
    cells,
    /// K, model outputs.
    outputs,
    /// L, background rows of a donor.
    run,
    /// Invocations that share the sums of one cell, from [`lanes`].
    lanes,
}

pub const KERNEL: Kernel =
    Kernel { name: "moments", source: source!("moments.wgsl"), workgroup: 256, bindings: 5, params: Params::LAYOUT };

/// Numbers for each cell.
pub const NUMBERS: usize = 6;

/// Model rows that one rayon task should read at least.
const ROWS_A_TASK: usize = 1 << 13;

/// The CPU twin. `predictions` \[T·L, K\], `weights` \[L\], not all zero, `back` \[T\], `out` \[T, K, 6\].
pub fn moments(params: &Params, predictions: &[f32], weights: &[f32], back: &[u32], out: &mut [f32]) {
    let [outputs, run] = [params.outputs, params.run].map(|n| n as usize);
    let task = ROWS_A_TASK.div_ceil(run);
    out.par_chunks_mut(NUMBERS * outputs).with_min_len(task).enumerate().for_each(|(t, out)| {
        let rows = |t: usize| predictions[t * run * outputs..][..run * outputs].chunks_exact(outputs);
        let other = t - back[t] as usize;
        for (k, out) in out.chunks_exact_mut(NUMBERS).enumerate() {
            let y = rows(t).map(|row| f64::from(row[k]));
            let differences = y.clone().zip(rows(other)).map(|(y, row)| y - f64::from(row[k]));
            out[..3].copy_from_slice(&about_mean(y, weights));
            out[3..].copy_from_slice(&about_mean(differences, weights));
        }
    });
}

/// The weighted mean m, Σ w²(x − m) and Σ w²(x − m)².
fn about_mean(values: impl Iterator<Item = f64> + Clone, weights: &[f32]) -> [f32; 3] {
    let weighted = || values.clone().zip(weights.iter().map(|&w| f64::from(w)));
    let (sum, total) = weighted().fold((0.0, 0.0), |(sum, total), (x, w)| (sum + w * x, total + w));
    // As it is handed on: then the sums are about it to the last bit.
    let mean = f64::from((sum / total) as f32);
    let (first, second) = weighted().fold((0.0, 0.0), |(first, second), (x, w)| {
        (first + w * w * (x - mean), second + w * w * (x - mean) * (x - mean))
    });
    [mean, first, second].map(|number| number as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_donors_by_hand() {
        // Weights 1 and 3; y = (4, 8) and (2, 0): means 7 and 1/2, differences (−2, −8) with the mean −13/2.
        let params = Params { cells: 2, outputs: 1, run: 2, lanes: 1 };
        let mut out = [0.0; 12];
        moments(&params, &[4.0, 8.0, 2.0, 0.0], &[1.0, 3.0], &[0, 1], &mut out);
        assert_eq!(out[..6], [7.0, -3.0 + 9.0, 9.0 + 9.0, 0.0, 0.0, 0.0]);
        assert_eq!(out[6..], [0.5, 1.5 - 4.5, 2.25 + 2.25, -6.5, 4.5 - 13.5, 20.25 + 20.25]);
    }

    #[test]
    fn outputs_lie_side_by_side_and_nan_stays_in_its_own() {
        let params = Params { cells: 2, outputs: 2, run: 2, lanes: 1 };
        let mut out = [0.0; 12];
        moments(&params, &[1.0, f32::NAN, 3.0, 5.0], &[1.0, 1.0], &[0], &mut out);
        assert_eq!(out[..3], [2.0, 0.0, 2.0]);
        assert!(out[6].is_nan());
    }
}
