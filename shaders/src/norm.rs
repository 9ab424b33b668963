//! Layer normalisation on the CPU, with the sum before it: (y − mean) / √(variance + ε) · scale + bias over each row of y = x + skip
//! (Ba, Kiros and Hinton 2016), in place. There is no shader: a GPU takes the array library's operations.
//!
//! In f32, the variance from centred values. The error is at most (width + 8)·ε of |normalised|·|scale| + |scale|·max|y|/√(variance + ε),
//! and ε·|bias|.

use crate::affine::lanes::{Lanes, Task, best};
use rayon::prelude::*;

/// Values side by side in a register.
const LINE: usize = 16;
/// Rows of one task, at least.
const ROWS: usize = 64;

/// `x` \[rows, width\] is replaced; `skip` has its shape, `scale` and `bias` are \[width\].
///
/// Threads as in [`crate::affine::affine`]; the result is the same, bit for bit.
///
/// # Panics
/// If sizes do not fit.
pub fn norm(x: &mut [f32], skip: Option<&[f32]>, scale: &[f32], bias: Option<&[f32]>, epsilon: f32) {
    let width = scale.len();
    assert!(width > 0 && x.len().is_multiple_of(width), "{} values in rows of {width}", x.len());
    assert!(skip.is_none_or(|skip| skip.len() == x.len()), "as many values to add as there are");
    assert!(bias.is_none_or(|bias| bias.len() == width), "as many biases as columns");
    let block = |(number, x): (usize, &mut [f32])| {
        let skip = skip.map(|skip| &skip[number * ROWS * width..][..x.len()]);
        // SAFETY: a block has no contract.
        unsafe { best(Block { x, skip, scale, bias, epsilon }) }
    };
    match rayon::current_thread_index() {
        Some(_) => x.chunks_mut(ROWS * width).enumerate().for_each(block),
        None => x.par_chunks_mut(ROWS * width).enumerate().for_each(block),
    }
}

struct Block<'a> {
    x: &'a mut [f32],
    skip: Option<&'a [f32]>,
    scale: &'a [f32],
    bias: Option<&'a [f32]>,
    epsilon: f32,
}

impl Task for Block<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let width = self.scale.len();
        for (row, x) in self.x.chunks_exact_mut(width).enumerate() {
            if let Some(skip) = self.skip {
                x.iter_mut().zip(&skip[row * width..][..width]).for_each(|(x, skip)| *x += skip);
            }
            let mean = total(x, |v| v) / width as f32;
            let variance = total(x, |v| (v - mean) * (v - mean)) / width as f32;
            let factor = 1.0 / (variance + self.epsilon).sqrt();
            match self.bias {
                Some(bias) => {
                    let constants = self.scale.iter().zip(bias);
                    x.iter_mut().zip(constants).for_each(|(x, (scale, bias))| *x = (*x - mean) * factor * scale + bias);
                }
                None => x.iter_mut().zip(self.scale).for_each(|(x, scale)| *x = (*x - mean) * factor * scale),
            }
        }
    }
}

/// The sum of a function of the values, register by register.
#[inline(always)]
fn total(x: &[f32], part: impl Fn(f32) -> f32) -> f32 {
    let (lines, rest) = x.as_chunks::<LINE>();
    let mut sums = [0.0; LINE];
    for line in lines {
        for i in 0..LINE {
            sums[i] += part(line[i]);
        }
    }
    sums.iter_mut().zip(rest).for_each(|(sum, &v)| *sum += part(v));
    halved(sums, |a, b| a + b)
}

/// All values joined in pairs.
#[inline(always)]
fn halved(mut values: [f32; LINE], join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut half = LINE / 2;
    while half > 0 {
        for i in 0..half {
            values[i] = join(values[i], values[i + half]);
        }
        half /= 2;
    }
    values[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, seed: u32) -> Vec<f32> {
        (0..count as u32)
            .map(|i| ((i + 1).wrapping_mul(seed * 2 + 2_654_435_761) >> 8) as f32 / (1 << 22) as f32 - 1.7)
            .collect()
    }

    #[test]
    fn agrees_with_f64_at_awkward_widths() {
        for (rows, width) in [(1, 1), (3, 2), (5, 15), (150, 16), (7, 17), (70, 64), (2, 100)] {
            let (x, skip) = (values(rows * width, 1), values(rows * width, 2));
            let (scale, bias) = (values(width, 3), values(width, 4));
            for (skip, bias) in [(None, None), (Some(&skip[..]), Some(&bias[..]))] {
                let mut out = x.clone();
                norm(&mut out, skip, &scale, bias, 1e-5);
                let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
                let mut alone = x.clone();
                pool.install(|| norm(&mut alone, skip, &scale, bias, 1e-5));
                assert_eq!(out, alone);
                for row in 0..rows {
                    let y: Vec<f64> = (0..width)
                        .map(|k| row * width + k)
                        .map(|at| f64::from(x[at]) + skip.map_or(0.0, |skip| f64::from(skip[at])))
                        .collect();
                    let mean = y.iter().sum::<f64>() / width as f64;
                    let variance = y.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / width as f64;
                    let (factor, most) =
                        (1.0 / (variance + 1e-5).sqrt(), y.iter().fold(0.0, |a: f64, v| a.max(v.abs())));
                    for k in 0..width {
                        let (s, b) = (f64::from(scale[k]), bias.map_or(0.0, |bias| f64::from(bias[k])));
                        let expected = (y[k] - mean) * factor * s + b;
                        let size = ((y[k] - mean).abs() + most) * factor * s.abs();
                        let bound = f64::from(f32::EPSILON) * ((width + 8) as f64 * size + b.abs());
                        let error = (f64::from(out[row * width + k]) - expected).abs();
                        assert!(error <= bound, "{rows}×{width} at {row},{k}: error {error} > {bound}");
                    }
                }
            }
        }
    }

    #[test]
    fn nan_stays_in_its_row() {
        let mut x = vec![1.0; 40];
        x[3] = f32::NAN;
        norm(&mut x, None, &[1.0; 20], Some(&[2.0; 20]), 1e-5);
        assert!(x[..20].iter().all(|v| v.is_nan()));
        assert_eq!(x[20..], [2.0; 20]);
    }
}
