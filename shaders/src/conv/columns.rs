//! What the taps of a window read for a panel of pixels, one row a tap and channel (im2col).

use super::Job;
use crate::affine::lanes::Lanes;
use std::ops::Range;

/// Values of the widest register.
pub const WIDEST: usize = 16;

/// Consecutive pixels of a panel that a tap reads side by side: `len` from `from` on, counted from channel 0 of the first sample, are
/// written from `to` on, counted from the first tap's row.
#[derive(Clone, Copy)]
struct Run {
    to: usize,
    from: usize,
    len: usize,
}

/// Consecutive pixels of a panel that lie side by side in the result, counted from its channel 0.
#[derive(Clone, Copy)]
pub struct Piece {
    pub at: usize,
    pub to: usize,
    pub len: usize,
}

/// The pixels of a panel, found once for all channels. Its vectors are reused.
#[derive(Default)]
pub struct Pixels {
    pub width: usize,
    /// One for each sample that it meets.
    pub pieces: Vec<Piece>,
    runs: Vec<Run>,
    /// Rows of taps whose runs leave places in the panel's registers that are not read.
    gaps: Vec<usize>,
}

impl Pixels {
    /// Finds pixels `range` of all samples' pixels. Rows are `step` values apart; neighbours are cut into runs of at most `longest`.
    pub fn find(&mut self, job: &Job, range: Range<usize>, step: usize, longest: usize) {
        let (shape, plane) = (&job.shape, job.out[0] * job.out[1]);
        self.width = range.len();
        self.pieces.clear();
        self.runs.clear();
        self.gaps.clear();
        let mut at = range.start;
        while at < range.end {
            let (sample, pixel) = (at / plane, at % plane);
            let len = (plane - pixel).min(range.end - at);
            self.pieces.push(Piece { at: at - range.start, to: sample * shape.outputs * plane + pixel, len });
            at += len;
        }
        for tap in 0..shape.taps() {
            let (before, row) = (self.runs.len(), tap * step);
            self.tap(job, &range, [tap / shape.kernel[1], tap % shape.kernel[1]], row);
            let read: usize = self.runs[before..].iter().map(|run| run.len).sum();
            if read < range.len().next_multiple_of(WIDEST) {
                self.gaps.push(row);
            }
        }
        if shape.strides[1] == 1 {
            for i in 0..self.runs.len() {
                while self.runs[i].len > longest {
                    let Run { to, from, len } = self.runs[i];
                    self.runs.push(Run { len: longest, ..self.runs[i] });
                    self.runs[i] = Run { to: to + longest, from: from + longest, len: len - longest };
                }
            }
        }
    }

    /// The runs of one tap.
    fn tap(&mut self, job: &Job, range: &Range<usize>, k: [usize; 2], row: usize) {
        let (shape, [height, width]) = (&job.shape, job.out);
        let offset = [k[0] * shape.dilations[0], k[1] * shape.dilations[1]];
        let [stride_y, stride_x] = shape.strides;
        let [high, wide] = shape.size;
        // Columns of the result that the tap reads from the operand, not from padding.
        let left = shape.pads[1].0;
        let first = left.saturating_sub(offset[1]).div_ceil(stride_x);
        let end = (wide + left).saturating_sub(offset[1]).div_ceil(stride_x).min(width);
        let before = self.runs.len();
        let (mut line, mut at) = (range.start / width, range.start % width);
        let mut to = 0;
        while to < range.len() {
            let stop = width.min(at + range.len() - to);
            let (sample, y) = (line / height, line % height * stride_y + offset[0]);
            let (from, until) = (at.max(first), stop.min(end));
            if let Some(y) = y.checked_sub(shape.pads[0].0).filter(|&y| y < high)
                && from < until
            {
                let line = (sample * shape.inputs * high + y) * wide;
                let run = Run {
                    to: row + to + from - at,
                    from: line + from * stride_x + offset[1] - left,
                    len: until - from,
                };
                match self.runs[before..].last_mut() {
                    Some(last) if stride_x == 1 && last.to + last.len == run.to && last.from + last.len == run.from => {
                        last.len += run.len;
                    }
                    _ => self.runs.push(run),
                }
            }
            to += stop - at;
            (line, at) = (line + 1, 0);
        }
    }

    /// Writes the rows of one channel, one a tap.
    ///
    /// # Safety
    /// `x` is where the channel's plane of the first sample begins in the operand; `rows` is valid for as many rows as there are taps,
    /// each whole registers long.
    #[inline(always)]
    pub unsafe fn lay<L: Lanes>(&self, x: *const f32, stride: usize, rows: *mut f32) {
        unsafe {
            for &row in &self.gaps {
                for at in (0..self.width).step_by(L::WIDTH) {
                    L::splat(0.0).store(rows.add(row + at));
                }
            }
            match stride {
                1 => {
                    // One register each, without a branch on its length.
                    for run in &self.runs {
                        let mask = L::mask(run.len);
                        L::load_first(x.add(run.from), mask).store_first(rows.add(run.to), mask);
                    }
                }
                2 => {
                    for run in &self.runs {
                        every_second(rows.add(run.to), x.add(run.from), run.len);
                    }
                }
                _ => {
                    for run in &self.runs {
                        (0..run.len).for_each(|i| *rows.add(run.to + i) = *x.add(run.from + i * stride));
                    }
                }
            }
        }
    }
}

/// `len` neighbours.
#[inline(always)]
pub unsafe fn side_by_side<L: Lanes>(to: *mut f32, from: *const f32, len: usize) {
    let whole = len - len % L::WIDTH;
    unsafe {
        for at in (0..whole).step_by(L::WIDTH) {
            L::load(from.add(at)).store(to.add(at));
        }
        if whole < len {
            let mask = L::mask(len - whole);
            L::load_first(from.add(whole), mask).store_first(to.add(whole), mask);
        }
    }
}

/// `len` values, every second from `from` on.
#[inline(always)]
pub unsafe fn every_second(to: *mut f32, from: *const f32, len: usize) {
    const HALF: usize = 8;
    const ALL: usize = 2 * HALF;
    // Two loads that end at the last value that is read: what lies beyond may be beyond the operand.
    let block = |at: usize| unsafe {
        let from = from.add(2 * at);
        let (low, high) = (from.cast::<[f32; ALL]>().read(), from.add(ALL - 1).cast::<[f32; ALL]>().read());
        let values: [f32; ALL] = std::array::from_fn(|i| if i < HALF { low[2 * i] } else { high[2 * (i - HALF) + 1] });
        to.add(at).cast::<[f32; ALL]>().write(values);
    };
    if len < ALL {
        (0..len).for_each(|i| unsafe { *to.add(i) = *from.add(2 * i) });
        return;
    }
    for at in (0..len - ALL).step_by(ALL) {
        block(at);
    }
    block(len - ALL);
}
