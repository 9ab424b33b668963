//! Convolutions over two spatial axes on the CPU, with what follows them element by element.
//!
//! `x` is \[batch, inputs, height, width\], the weight \[outputs, inputs / groups, kernel height, kernel width\], all f32 and
//! row-major; one axis is two of which the first has length 1. On a GPU burn's own convolution runs, so there is no shader.
//!
//! Pixels of the result, those of all samples one after the other, are cut into panels of three registers. What each tap of
//! the window reads for a panel's pixels is laid out as one row of a matrix (im2col), small enough to stay in the
//! second-level cache, and eight channels at a time are a register tile over all taps: no sum is ever stored half done.
//! Windows over a single channel (depthwise) read their plane directly. Sums are f32 in the order of the taps, starting from the
//! bias, so that the bits depend neither on the number of threads nor on the batch; their error is bounded by
//! (taps + 2)·ε·Σ|terms|. NaN and infinities follow IEEE 754, and padding counts as zeros.

mod after;
// Their functions are unsafe as a whole, under the contracts they state.
#[allow(clippy::undocumented_unsafe_blocks)]
mod columns;
#[allow(clippy::undocumented_unsafe_blocks)]
mod planes;
#[allow(clippy::undocumented_unsafe_blocks)]
mod tile;
mod weights;

pub use after::After;
pub use weights::Weights;

use rayon::prelude::*;
use std::mem::MaybeUninit;

/// Sizes of a convolution over height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub batch: usize,
    /// Channels of the operand and of the result, in so many groups.
    pub inputs: usize,
    pub outputs: usize,
    pub groups: usize,
    pub size: [usize; 2],
    pub kernel: [usize; 2],
    pub strides: [usize; 2],
    pub dilations: [usize; 2],
    /// Zeros before and after each axis.
    pub pads: [(usize, usize); 2],
}

impl Shape {
    /// Height and width of the result; none if the window does not fit into the padded operand.
    pub fn out(&self) -> Option<[usize; 2]> {
        let along = |i: usize| {
            let reach = (self.kernel[i] - 1) * self.dilations[i] + 1;
            let room = (self.size[i] + self.pads[i].0 + self.pads[i].1).checked_sub(reach)?;
            Some(room / self.strides[i] + 1)
        };
        Some([along(0)?, along(1)?])
    }

    fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }
}

/// Multiplications, about 20 µs of one core.
const WORTH_SPREADING: usize = 1 << 20;

/// What one call works on.
struct Job<'a> {
    x: &'a [f32],
    shape: Shape,
    /// Height and width of the result.
    out: [usize; 2],
    weights: &'a Weights,
    after: &'a [After],
    others: &'a [&'a [f32]],
}

/// The result while it is written: tasks write disjoint parts that are not contiguous.
#[derive(Clone, Copy)]
struct Target(*mut f32);

// SAFETY: each task writes only the elements of its own pixels and channels.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

/// The convolution of `x`, each element passed through `after` in turn: \[batch, outputs, height, width\]. Every [`After::Add`]
/// takes the next of `others`, which have the shape of the result.
///
/// Blocks of pixels or planes are spread over the rayon pool.
///
/// # Panics
/// If sizes do not fit each other, or the window does not fit into the padded operand.
pub fn conv(x: &[f32], shape: &Shape, weights: &Weights, after: &[After], others: &[&[f32]]) -> Vec<f32> {
    let out = shape.out().expect("a window that fits into the padded operand");
    let numbers = shape.batch * shape.outputs * out[0] * out[1];
    assert_eq!(x.len(), shape.batch * shape.inputs * shape.size[0] * shape.size[1], "values of the operand");
    weights.check(shape);
    let added = after.iter().filter(|step| matches!(step, After::Add)).count();
    assert_eq!(added, others.len(), "operands to add");
    assert!(others.iter().all(|other| other.len() == numbers), "operands to add have the shape of the result");
    assert!(after.iter().all(|step| step.fits(shape.outputs)), "a number for each channel");
    let mut result: Vec<f32> = Vec::with_capacity(numbers);
    let room: &mut [MaybeUninit<f32>] = &mut result.spare_capacity_mut()[..numbers];
    let target = Target(room.as_mut_ptr().cast());
    let job = &Job { x, shape: *shape, out, weights, after, others };
    if weights.by_plane() {
        let planes = shape.batch * shape.outputs;
        let each = planes::per_task(job);
        // SAFETY: each task writes whole planes of its own.
        let work = |task: usize| unsafe { planes::planes(job, target, task * each..planes.min((task + 1) * each)) };
        job.spread(planes.div_ceil(each), work);
    } else {
        let pixels = shape.batch * out[0] * out[1];
        let each = tile::pixels_per_task(job);
        let blocks = pixels.div_ceil(each);
        let work = |task: usize| {
            let first = task % blocks * each;
            // SAFETY: each task writes the pixels of its block in the channels of its group.
            unsafe { tile::pixels(job, target, task / blocks, first..pixels.min(first + each)) }
        };
        job.spread(shape.groups * blocks, work);
    }
    // SAFETY: the tasks have written every pixel of every channel.
    unsafe { result.set_len(numbers) };
    result
}

impl Job<'_> {
    /// Does all tasks: side by side, unless handing them out would take longer than doing them.
    fn spread(&self, tasks: usize, work: impl Fn(usize) + Send + Sync) {
        let products = self.shape.batch * self.shape.outputs * self.out[0] * self.out[1] * self.weights.depth();
        if tasks == 1 || products < WORTH_SPREADING {
            (0..tasks).for_each(work);
        } else {
            (0..tasks).into_par_iter().for_each(work);
        }
    }
}

#[cfg(test)]
mod tests;
