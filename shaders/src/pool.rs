//! Pools over two spatial axes on the CPU: the greatest or the mean of each window. One axis is two of which the first has length 1.
//!
//! A row of the result is made tap by tap, so that the loops run over neighbours. NaN counts only where nothing else does
//! in maxima; means are f32 sums in the order of the taps, so their error is at most (taps + 1)·ε·Σ|terms| / count.

use crate::affine::lanes::{Lanes, Task, best};
use rayon::prelude::*;
use std::ops::Range;

/// Sizes of a pool over height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Batch · channels.
    pub planes: usize,
    pub size: [usize; 2],
    pub kernel: [usize; 2],
    pub strides: [usize; 2],
    pub dilations: [usize; 2],
    /// Padding before and after each axis, which holds no values.
    pub pads: [(usize, usize); 2],
    /// Height and width of the result; the last windows may reach beyond the padding.
    pub out: [usize; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Max,
    Mean {
        /// Whether padding counts as zeros.
        padded: bool,
    },
}

impl Shape {
    /// The elements of the result along an axis whose window has its tap `k` in the operand.
    fn inside(&self, axis: usize, k: usize) -> Range<usize> {
        let (offset, stride, before) = (k * self.dilations[axis], self.strides[axis], self.pads[axis].0);
        let first = before.saturating_sub(offset).div_ceil(stride);
        let end = (self.size[axis] + before).saturating_sub(offset).div_ceil(stride).min(self.out[axis]);
        first..end.max(first)
    }

    /// How many taps along an axis count for an element of the result.
    fn count(&self, axis: usize, at: usize, padded: bool) -> usize {
        let (before, after) = self.pads[axis];
        let (low, high) =
            if padded { (0, self.size[axis] + before + after) } else { (before, self.size[axis] + before) };
        let place = |k: usize| at * self.strides[axis] + k * self.dilations[axis];
        (0..self.kernel[axis]).filter(|&k| (low..high).contains(&place(k))).count()
    }
}

/// The pool of `x` \[planes, height, width\]; windows without any element give −∞ as maxima and NaN as means.
///
/// Planes are spread over the rayon pool.
///
/// # Panics
/// If sizes do not fit each other.
pub fn pool(x: &[f32], shape: &Shape, kind: Kind) -> Vec<f32> {
    let [from, to] = [shape.size, shape.out].map(|[height, width]| height * width);
    assert_eq!(x.len(), shape.planes * from, "values of the operand");
    let mut out = vec![if kind == Kind::Max { f32::NEG_INFINITY } else { 0.0 }; shape.planes * to];
    let columns: Vec<f32> = match kind {
        Kind::Max => vec![],
        Kind::Mean { padded } => (0..shape.out[1]).map(|at| shape.count(1, at, padded) as f32).collect(),
    };
    let work = |(out, x): (&mut [f32], &[f32])| {
        // SAFETY: `best` runs it with registers that this CPU has.
        unsafe { best(Plane { x, out, shape, kind, columns: &columns }) }
    };
    if x.len() * shape.kernel[0] * shape.kernel[1] < WORTH_SPREADING || from == 0 || to == 0 {
        out.chunks_mut(to.max(1)).zip(x.chunks(from.max(1))).for_each(work);
    } else {
        out.par_chunks_mut(to).zip(x.par_chunks(from)).for_each(work);
    }
    out
}

/// Comparisons, about 20 µs of one core.
const WORTH_SPREADING: usize = 1 << 18;

struct Plane<'a> {
    x: &'a [f32],
    /// Filled with what an empty window gives.
    out: &'a mut [f32],
    shape: &'a Shape,
    kind: Kind,
    /// For means, how many taps along the width count for each column.
    columns: &'a [f32],
}

impl Task for Plane<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let (shape, width) = (self.shape, self.shape.out[1]);
        for ky in 0..shape.kernel[0] {
            for y in shape.inside(0, ky) {
                let from = y * shape.strides[0] + ky * shape.dilations[0] - shape.pads[0].0;
                let row = &self.x[from * shape.size[1]..][..shape.size[1]];
                let out = &mut self.out[y * width..][..width];
                for kx in 0..shape.kernel[1] {
                    let range = shape.inside(1, kx);
                    if range.is_empty() {
                        continue;
                    }
                    let first = range.start * shape.strides[1] + kx * shape.dilations[1] - shape.pads[1].0;
                    let (row, out) = (&row[first..], &mut out[range]);
                    match self.kind {
                        Kind::Max => each(out, row, shape.strides[1], f32::max),
                        Kind::Mean { .. } => each(out, row, shape.strides[1], |y, x| y + x),
                    }
                }
            }
        }
        if let Kind::Mean { padded } = self.kind {
            for (y, out) in self.out.chunks_mut(width.max(1)).enumerate() {
                let rows = shape.count(0, y, padded) as f32;
                out.iter_mut().zip(self.columns).for_each(|(v, columns)| *v /= rows * columns);
            }
        }
    }
}

/// Combines each value with one of the row, `stride` apart.
#[inline(always)]
fn each(out: &mut [f32], row: &[f32], stride: usize, combine: impl Fn(f32, f32) -> f32) {
    match stride {
        1 => out.iter_mut().zip(row).for_each(|(y, &x)| *y = combine(*y, x)),
        2 => {
            // Slices of equal length, so that the loop needs no checks.
            let (pairs, _) = row.as_chunks::<2>();
            let whole = pairs.len().min(out.len());
            out[..whole].iter_mut().zip(&pairs[..whole]).for_each(|(y, pair)| *y = combine(*y, pair[0]));
            (whole..out.len()).for_each(|i| out[i] = combine(out[i], row[2 * i]));
        }
        _ => out.iter_mut().zip(row.iter().step_by(stride)).for_each(|(y, &x)| *y = combine(*y, x)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every element's window, one tap after the other, in f64.
    fn reference(x: &[f32], shape: &Shape, kind: Kind, at: usize) -> f64 {
        let [height, width] = shape.out;
        let (plane, y, column) = (at / (height * width), at / width % height, at % width);
        let (mut values, mut count) = (vec![], 0);
        for ky in 0..shape.kernel[0] {
            for kx in 0..shape.kernel[1] {
                let place = [
                    y * shape.strides[0] + ky * shape.dilations[0],
                    column * shape.strides[1] + kx * shape.dilations[1],
                ];
                let inside = |i: usize| (shape.pads[i].0..shape.pads[i].0 + shape.size[i]).contains(&place[i]);
                let within = |i: usize| place[i] < shape.pads[i].0 + shape.size[i] + shape.pads[i].1;
                if inside(0) && inside(1) {
                    let row = plane * shape.size[0] + place[0] - shape.pads[0].0;
                    values.push(f64::from(x[row * shape.size[1] + place[1] - shape.pads[1].0]));
                }
                let counts =
                    if kind == (Kind::Mean { padded: true }) { within(0) && within(1) } else { inside(0) && inside(1) };
                count += usize::from(counts);
            }
        }
        match kind {
            Kind::Max => values.into_iter().fold(f64::NEG_INFINITY, f64::max),
            Kind::Mean { .. } => values.iter().sum::<f64>() / count as f64,
        }
    }

    #[test]
    fn pools_agree_with_f64_at_many_shapes() {
        let mut n = 0;
        for (size, window, stride, dilation, before, after) in [
            (1, 1, 1, 1, 0, 0),
            (9, 3, 2, 1, 1, 1),
            (37, 3, 2, 1, 0, 1),
            (40, 2, 2, 1, 0, 0),
            (23, 5, 1, 1, 2, 2),
            (50, 3, 3, 2, 2, 1),
            (17, 4, 1, 3, 0, 4),
        ] {
            for wide in [1, 18] {
                for beyond in [0, 1] {
                    let reach = (window - 1) * dilation + 1;
                    let along = |size: usize| (size + before + after - reach) / stride + 1 + beyond;
                    let shape = Shape {
                        planes: 3,
                        size: [size, size + wide],
                        kernel: [window; 2],
                        strides: [stride; 2],
                        dilations: [dilation; 2],
                        pads: [(before, after); 2],
                        out: [along(size), along(size + wide)],
                    };
                    let x: Vec<f32> =
                        (0..3 * size * (size + wide)).map(|i| ((i * 7919) % 1000) as f32 / 500.0 - 1.0).collect();
                    for kind in [Kind::Max, Kind::Mean { padded: false }, Kind::Mean { padded: true }] {
                        let got = pool(&x, &shape, kind);
                        assert_eq!(got.len(), 3 * shape.out[0] * shape.out[1]);
                        for (at, &got) in got.iter().enumerate() {
                            let expected = reference(&x, &shape, kind, at);
                            // A sum of terms of at most 1 and a division.
                            let bound =
                                (window * window + 1) as f64 * f64::from(f32::EPSILON) * (window * window) as f64;
                            let close = (f64::from(got) - expected).abs() <= bound;
                            let same = f64::from(got) == expected || (got.is_nan() && expected.is_nan());
                            assert!(close || same, "{kind:?} {shape:?} at {at}: {got} not {expected}");
                            n += 1;
                        }
                    }
                }
            }
        }
        assert!(n > 10_000);
    }
}
