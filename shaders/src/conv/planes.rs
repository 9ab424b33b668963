//! Windows over one channel: each plane of the operand is copied once with its padding, columns sorted by their remainder by the
//! stride, so that every tap reads registers of neighbours.

use super::columns::{WIDEST, every_second, side_by_side};
use super::{Job, Target};
use crate::affine::lanes::{Lanes, Task, best};
use std::cell::RefCell;
use std::ops::Range;

/// Rows of the result that are computed together: as many independent sums hide the latency of one.
const ROWS: usize = 4;
/// Multiplications of a task, about.
const WORK: usize = 1 << 17;

/// Planes of the result that one task computes.
pub fn per_task(job: &Job) -> usize {
    let each = job.out[0] * job.out[1] * job.shape.taps();
    (WORK / each.max(1)).max(1)
}

/// Computes planes `range` of the result, counted over batch and channels.
///
/// # Safety
/// `target` has room for the result, and nothing else touches these planes.
pub unsafe fn planes(job: &Job, target: Target, range: Range<usize>) {
    SCRATCH.with_borrow_mut(|scratch| unsafe { best(Planes { job, target, range, scratch }) });
}

/// The work of [`planes`].
pub struct Planes<'a> {
    pub job: &'a Job<'a>,
    pub target: Target,
    pub range: Range<usize>,
    pub scratch: &'a mut Scratch,
}

/// A padded plane, and factor and place of each tap.
#[derive(Default)]
pub struct Scratch {
    plane: Vec<f32>,
    taps: Vec<(f32, usize)>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// How a padded plane lies in memory.
struct Padded {
    /// Values from one row to the next, and from the columns of one remainder to those of the next.
    row: usize,
    part: usize,
    height: usize,
}

impl Padded {
    fn new(job: &Job) -> Self {
        let ([height, width], shape) = (job.out, &job.shape);
        let reach = |i: usize| (shape.kernel[i] - 1) * shape.dilations[i];
        // A register may begin at the last column.
        let part = width.next_multiple_of(WIDEST) + reach(1) / shape.strides[1] + 1;
        Self { row: part * shape.strides[1], part, height: (height - 1) * shape.strides[0] + reach(0) + 1 }
    }

    /// Where a tap reads for the first pixel.
    fn place(&self, job: &Job, tap: usize) -> usize {
        let shape = &job.shape;
        let (ky, kx) = (tap / shape.kernel[1], tap % shape.kernel[1]);
        let x = kx * shape.dilations[1];
        ky * shape.dilations[0] * self.row + x % shape.strides[1] * self.part + x / shape.strides[1]
    }
}

impl Task for Planes<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let (shape, weights) = (&self.job.shape, self.job.weights);
        let padded = Padded::new(self.job);
        let each = shape.outputs / shape.groups;
        let Scratch { plane, taps } = self.scratch;
        plane.clear();
        plane.resize(padded.row * padded.height, 0.0);
        taps.clear();
        taps.extend((0..shape.taps()).map(|tap| (0.0, padded.place(self.job, tap))));
        let mut copied = usize::MAX;
        for at in self.range {
            let (sample, channel) = (at / shape.outputs, at % shape.outputs);
            let source = sample * shape.inputs + channel / each;
            if source != copied {
                unsafe { copy::<L>(self.job, source, plane.as_mut_ptr(), &padded) };
                copied = source;
            }
            taps.iter_mut().zip(weights.taps(channel)).for_each(|((tap, _), factor)| *tap = factor);
            unsafe { one::<L>(self.job, self.target, at, plane.as_ptr(), &padded, taps) };
        }
    }
}

/// Copies a plane of the operand between its zeros.
#[inline(always)]
unsafe fn copy<L: Lanes>(job: &Job, source: usize, plane: *mut f32, padded: &Padded) {
    let shape = &job.shape;
    let ([high, wide], [top, left], stride) = (shape.size, [shape.pads[0].0, shape.pads[1].0], shape.strides[1]);
    // Rows and columns beyond what any window reaches are left out.
    let (used_rows, used) = (high.min(padded.height.saturating_sub(top)), padded.part * stride);
    let columns = wide.min(used.saturating_sub(left));
    for y in 0..used_rows {
        unsafe {
            let from = job.x.as_ptr().add((source * high + y) * wide);
            let to = plane.add((y + top) * padded.row);
            if stride == 1 {
                side_by_side::<L>(to.add(left), from, columns);
                continue;
            }
            for part in 0..stride.min(columns) {
                let column = part + left;
                let to = to.add(column % stride * padded.part + column / stride);
                let len = (columns - part).div_ceil(stride);
                match stride {
                    2 => every_second(to, from.add(part), len),
                    _ => (0..len).for_each(|i| *to.add(i) = *from.add(part + i * stride)),
                }
            }
        }
    }
}

/// One plane of the result.
#[inline(always)]
unsafe fn one<L: Lanes>(
    job: &Job,
    target: Target,
    at: usize,
    plane: *const f32,
    padded: &Padded,
    taps: &[(f32, usize)],
) {
    let [height, width] = job.out;
    let channel = at % job.shape.outputs;
    let bias = job.weights.bias()[channel];
    for y in (0..height).step_by(ROWS) {
        let rows = ROWS.min(height - y);
        let start = at * height * width + y * width;
        unsafe {
            let from = plane.add(y * job.shape.strides[0] * padded.row);
            let step = job.shape.strides[0] * padded.row;
            let to = target.0.add(start);
            match rows {
                1 => lines::<L, 1>(from, step, bias, taps, to, width),
                2 => lines::<L, 2>(from, step, bias, taps, to, width),
                3 => lines::<L, 3>(from, step, bias, taps, to, width),
                _ => lines::<L, ROWS>(from, step, bias, taps, to, width),
            }
            job.finish::<L>(job.after, target, channel, start, rows * width);
        }
    }
}

/// R rows of the result; `step` is the way from what one reads to what the next reads.
#[inline(always)]
unsafe fn lines<L: Lanes, const R: usize>(
    from: *const f32,
    step: usize,
    bias: f32,
    taps: &[(f32, usize)],
    to: *mut f32,
    width: usize,
) {
    for x in (0..width).step_by(L::WIDTH) {
        unsafe {
            let mut sums = [L::splat(bias); R];
            for &(factor, place) in taps {
                let (factor, from) = (L::splat(factor), from.add(place + x));
                for (r, sum) in sums.iter_mut().enumerate() {
                    *sum = factor.mul_add(L::load(from.add(r * step)), *sum);
                }
            }
            let left = width - x;
            for (r, sum) in sums.into_iter().enumerate() {
                let to = to.add(r * width + x);
                if left >= L::WIDTH { sum.store(to) } else { sum.store_first(to, L::mask(left)) }
            }
        }
    }
}
