//! Blocks of pixels as matrix products: strips of channels times panels of pixels, over all taps.

use super::after::of;
use super::columns::{Piece, Pixels, WIDEST as REGISTER};
use super::weights::{ROWS, strips};
use super::{After, Job, Target};
use crate::affine::Activation;
use crate::affine::lanes::{Lanes, Panel, Task, best};
use std::cell::RefCell;
use std::ops::Range;

/// Registers of pixels in a panel: with eight channels 24 sums, three registers of pixels and one factor.
const VECTORS: usize = 3;
/// Values of the widest panel.
const WIDEST: usize = VECTORS * REGISTER;
/// Panels whose rows are laid out together take at most so many values: they and a strip of weights share a second-level cache.
const LAID: usize = 96 * 1024;
/// Pixels of a task at the most: enough tasks for many cores.
const TASK: usize = 16 * WIDEST;

/// Pixels that one task computes.
pub fn pixels_per_task(job: &Job) -> usize {
    let panels = (LAID / (job.weights.depth() * WIDEST)).clamp(1, TASK / WIDEST);
    panels * WIDEST
}

/// Computes pixels `range` in all channels of a group.
///
/// # Safety
/// `target` has room for the result, and nothing else touches these pixels of these channels.
pub unsafe fn pixels(job: &Job, target: Target, group: usize, range: Range<usize>) {
    SCRATCH.with_borrow_mut(|scratch| unsafe { best(Block { job, target, group, range, scratch }) });
}

/// The work of [`pixels`].
pub struct Block<'a> {
    pub job: &'a Job<'a>,
    pub target: Target,
    pub group: usize,
    pub range: Range<usize>,
    pub scratch: &'a mut Scratch,
}

/// The rows of the panels of a task, and where their pixels lie.
#[derive(Default)]
pub struct Scratch {
    rows: Vec<f32>,
    panels: Vec<Pixels>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Task for Block<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        let depth = self.job.weights.depth();
        let step = VECTORS * L::WIDTH;
        let count = self.range.len().div_ceil(step);
        // One register more, to begin at a multiple of its size.
        self.scratch.rows.reserve(count * depth * step + REGISTER);
        let room = self.scratch.rows.as_mut_ptr();
        let rows = room.wrapping_add(room.align_offset(64) % REGISTER);
        let each = self.job.shape.outputs / self.job.shape.groups;
        unsafe {
            self.lay::<L>(rows, count);
            for (start, strip) in strips(each) {
                for i in 0..count {
                    let strip = Strip { channel: self.group * each + start, rows: strip, first: 0 };
                    self.strip::<L>(strip, &self.scratch.panels[i], rows.add(i * depth * step));
                }
            }
        }
    }
}

/// Channels of a strip of `rows` channels, from its `first` on, that are computed together.
#[derive(Clone, Copy)]
struct Strip {
    /// The strip's first.
    channel: usize,
    rows: usize,
    first: usize,
}

/// Replaces every register of a tile by a function of it.
macro_rules! map {
    ($sums:ident, $x:ident => $result:expr) => {
        for sums in &mut $sums {
            for sum in sums {
                let $x = *sum;
                *sum = $result;
            }
        }
    };
}

impl Block<'_> {
    /// Lays out the rows of so many panels.
    #[inline(always)]
    unsafe fn lay<L: Lanes>(&mut self, rows: *mut f32, count: usize) {
        let shape = &self.job.shape;
        let (step, depth, taps) = (VECTORS * L::WIDTH, self.job.weights.depth(), shape.taps());
        let panels = &mut self.scratch.panels;
        panels.resize_with(count.max(panels.len()), Pixels::default);
        for (i, panel) in panels[..count].iter_mut().enumerate() {
            let first = self.range.start + i * step;
            panel.find(self.job, first..self.range.end.min(first + step), step, L::WIDTH);
        }
        let channels = shape.inputs / shape.groups;
        for channel in 0..channels {
            let plane = (self.group * channels + channel) * shape.size[0] * shape.size[1];
            for (i, panel) in panels[..count].iter().enumerate() {
                unsafe {
                    let rows = rows.add((i * depth + channel * taps) * step);
                    panel.lay::<L>(self.job.x.as_ptr().add(plane), shape.strides[1], rows);
                }
            }
        }
    }

    /// A strip of channels over a panel.
    #[inline(always)]
    unsafe fn strip<L: Lanes>(&self, strip: Strip, panel: &Pixels, rows: *const f32) {
        // With 16 registers the sums of eight channels do not fit.
        let halves = if L::VECTORS < 4 && strip.rows == ROWS { 2 } else { 1 };
        for half in 0..halves {
            let strip = Strip { first: half * ROWS / 2, ..strip };
            unsafe {
                match (strip.rows / halves, panel.width.div_ceil(L::WIDTH)) {
                    (8, 1) => self.tile::<L, 8, 1>(strip, panel, rows),
                    (8, 2) => self.tile::<L, 8, 2>(strip, panel, rows),
                    (8, _) => self.tile::<L, 8, 3>(strip, panel, rows),
                    (4, 1) => self.tile::<L, 4, 1>(strip, panel, rows),
                    (4, 2) => self.tile::<L, 4, 2>(strip, panel, rows),
                    (4, _) => self.tile::<L, 4, 3>(strip, panel, rows),
                    (2, 1) => self.tile::<L, 2, 1>(strip, panel, rows),
                    (2, 2) => self.tile::<L, 2, 2>(strip, panel, rows),
                    (2, _) => self.tile::<L, 2, 3>(strip, panel, rows),
                    (_, 1) => self.tile::<L, 1, 1>(strip, panel, rows),
                    (_, 2) => self.tile::<L, 1, 2>(strip, panel, rows),
                    (_, _) => self.tile::<L, 1, 3>(strip, panel, rows),
                }
            }
        }
    }

    /// R channels over V registers of pixels.
    #[inline(always)]
    unsafe fn tile<L: Lanes, const R: usize, const V: usize>(&self, strip: Strip, panel: &Pixels, rows: *const f32) {
        let Job { weights, after, out, .. } = self.job;
        let (first, plane) = (strip.channel + strip.first, out[0] * out[1]);
        unsafe {
            let factors = weights.strip(strip.channel).as_ptr().add(strip.first);
            let bias = weights.bias().as_ptr().add(first);
            let sums = sums::<L, R, V>(bias, factors, strip.rows, rows, weights.depth());
            let mut left = &after[..];
            match panel.pieces[..] {
                [piece] => {
                    let lanes = Panel::<L, V>::new(panel.width);
                    let at = piece.to + first * plane;
                    let sums = self.in_registers(&mut left, sums, lanes, first, at);
                    for (r, sums) in sums.into_iter().enumerate() {
                        lanes.store(sums, self.target.0.add(at + r * plane));
                    }
                }
                ref pieces => scatter(sums, pieces, self.target.0.add(first * plane), plane),
            }
            if !left.is_empty() {
                for channel in first..first + R {
                    for piece in &panel.pieces {
                        self.job.finish::<L>(left, self.target, channel, piece.to + channel * plane, piece.len);
                    }
                }
            }
        }
    }

    /// The sums of channels from `first` on, which begin at `at` in the result, after the steps that are functions of registers; `left`
    /// keeps the others.
    #[inline(always)]
    unsafe fn in_registers<L: Lanes, const R: usize, const V: usize>(
        &self,
        left: &mut &[After],
        mut sums: [[L; V]; R],
        lanes: Panel<L, V>,
        first: usize,
        at: usize,
    ) -> [[L; V]; R] {
        let plane = self.job.out[0] * self.job.out[1];
        while let [step, rest @ ..] = *left {
            unsafe {
                match step {
                    After::Activation(Activation::Relu) => map!(sums, x => x.relu()),
                    After::Clip { low, high } => {
                        let (low, high) = (L::splat(*low), L::splat(*high));
                        map!(sums, x => x.at_least(low).at_most(high));
                    }
                    After::Gate { alpha, beta, top } => {
                        let (zero, alpha, beta) = (L::splat(0.0), L::splat(*alpha), L::splat(*beta));
                        let top = L::splat(*top);
                        map!(sums, x => x.mul(x.mul_add(alpha, beta).at_least(zero).at_most(top)));
                    }
                    After::Scale { scale, shift } => {
                        for (r, sums) in sums.iter_mut().enumerate() {
                            let (scale, shift) = (of(scale, first + r), of(shift, first + r));
                            let (scale, shift) = (L::splat(scale), L::splat(shift));
                            for sum in sums.iter_mut() {
                                *sum = sum.mul_add(scale, shift);
                            }
                        }
                    }
                    After::Add => {
                        let other = self.job.other(rest).as_ptr().add(at);
                        let one = L::splat(1.0);
                        for (r, sums) in sums.iter_mut().enumerate() {
                            let other = lanes.load(other.add(r * plane));
                            for (sum, other) in sums.iter_mut().zip(other) {
                                *sum = sum.mul_add(one, other);
                            }
                        }
                    }
                    After::Activation(_) | After::Swish { .. } => break,
                }
            }
            *left = rest;
        }
        sums
    }
}

/// Sums over all taps: R channels whose factors lie `strip` apart from tap to tap, V registers of pixels.
#[inline(always)]
unsafe fn sums<L: Lanes, const R: usize, const V: usize>(
    bias: *const f32,
    mut factors: *const f32,
    strip: usize,
    mut row: *const f32,
    depth: usize,
) -> [[L; V]; R] {
    unsafe {
        let mut sums = [[L::splat(0.0); V]; R];
        for (r, sums) in sums.iter_mut().enumerate() {
            *sums = [L::splat(*bias.add(r)); V];
        }
        for _ in 0..depth {
            let mut values = [L::splat(0.0); V];
            for (v, value) in values.iter_mut().enumerate() {
                *value = L::load(row.add(v * L::WIDTH));
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let factor = L::splat(*factors.add(r));
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = factor.mul_add(value, *sum);
                }
            }
            row = row.add(VECTORS * L::WIDTH);
            factors = factors.add(strip);
            ahead(factors);
        }
        sums
    }
}

/// Asks for the factors that come later: weights are read once a block, often from beyond the second-level cache.
#[inline(always)]
fn ahead(factors: *const f32) {
    /// Values, 2 KiB.
    const DISTANCE: usize = 512;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which does nothing at addresses that are not valid.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(factors.wrapping_add(DISTANCE).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = factors;
}

/// Stores the sums of a panel that meets several samples.
#[inline(always)]
unsafe fn scatter<L: Lanes, const R: usize, const V: usize>(
    sums: [[L; V]; R],
    pieces: &[Piece],
    to: *mut f32,
    plane: usize,
) {
    let mut lines = [[0.0f32; WIDEST]; R];
    for (line, sums) in lines.iter_mut().zip(sums) {
        for (v, sum) in sums.into_iter().enumerate() {
            unsafe { sum.store(line.as_mut_ptr().add(v * L::WIDTH)) };
        }
    }
    for (r, line) in lines.iter().enumerate() {
        for piece in pieces {
            let to = to.wrapping_add(piece.to + r * plane);
            unsafe { std::ptr::copy_nonoverlapping(line.as_ptr().add(piece.at), to, piece.len) };
        }
    }
}

impl Job<'_> {
    /// The operand of the [`After::Add`] that these steps follow.
    #[inline(always)]
    fn other(&self, rest: &[After]) -> &[f32] {
        let later = rest.iter().filter(|step| matches!(step, After::Add)).count();
        self.others[self.others.len() - 1 - later]
    }

    /// Passes `len` elements of the result, from `at` on, through `after`, the last of the job's.
    ///
    /// # Safety
    /// They are written, belong to one channel, and nothing else touches them.
    #[inline(always)]
    pub(super) unsafe fn finish<L: Lanes>(
        &self,
        mut after: &[After],
        target: Target,
        channel: usize,
        at: usize,
        len: usize,
    ) {
        let values = unsafe { std::slice::from_raw_parts_mut(target.0.add(at), len) };
        while let [step, rest @ ..] = after {
            let other = if *step == After::Add { &self.other(rest)[at..][..len] } else { &[] };
            unsafe { step.apply::<L>(channel, values, other) };
            after = rest;
        }
    }
}
