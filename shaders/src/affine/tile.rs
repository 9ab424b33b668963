//! One layer over a block of rows: a register-blocked matrix product that starts from the bias.
//!
//! The tile is 6 rows by up to four registers of columns. Each output is one chain of fused multiply-adds over the inputs in
//! their order, so its bits do not depend on where its row lies in the batch. The weight is read in place.

use super::{
    Layer,
    lanes::{Lanes, Panel, Task, best},
};

/// Rows of a tile.
const ROWS: usize = 6;
/// Up to so many outputs, a layer is computed as dot products along the row.
const SKINNY: usize = 4;
/// Weights up to this size (in values) stay in the second-level cache while all rows pass; larger ones go by column panels.
const CACHED_WEIGHT: usize = 128 * 1024;

/// The operands of one layer, as addresses and sizes.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    /// \[rows, inputs\], and the values from one row and from one input to the next.
    pub x: *const f32,
    pub x_step: usize,
    pub x_next: usize,
    pub rows: usize,
    pub layer: &'a Layer<'a>,
    /// \[rows, outputs\], not yet initialised, and the values from one row to the next.
    pub out: *mut f32,
    pub out_step: usize,
}

impl<'a> Block<'a> {
    /// Rows that follow each other without a gap.
    pub fn dense(x: *const f32, rows: usize, layer: &'a Layer<'a>, out: *mut f32) -> Self {
        Self { x, x_step: layer.inputs(), x_next: 1, rows, layer, out, out_step: layer.outputs() }
    }
}

/// Computes `out = activation(x · weight + bias)` with the best instructions of this CPU.
///
/// # Safety
/// Each row of `x` must be valid for as many values as the layer has inputs, each row of `out` for as many as it has outputs, which
/// nothing else touches.
pub unsafe fn layer(block: Block) {
    unsafe { best(block) }
}

impl Task for Block<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let (weight, inputs) = (self.layer.weight, self.layer.inputs());
        unsafe {
            match self.layer.outputs() {
                _ if self.x_next != 1 => tiles::<L, _>(self, 0..inputs),
                1 => dots::<L, 1>(self, weight),
                2 => dots::<L, 2>(self, &columns::<2>(weight, inputs)),
                3 => dots::<L, 3>(self, &columns::<3>(weight, inputs)),
                SKINNY => dots::<L, SKINNY>(self, &columns::<SKINNY>(weight, inputs)),
                _ => tiles::<L, _>(self, 0..inputs),
            }
        }
    }
}

/// A weight with each output's factors side by side.
fn columns<const C: usize>(weight: &[f32], inputs: usize) -> Vec<f32> {
    let mut columns = vec![0.0; C * inputs];
    for (k, factors) in weight.chunks_exact(C).enumerate() {
        for (c, &factor) in factors.iter().enumerate() {
            columns[c * inputs + k] = factor;
        }
    }
    columns
}

/// A layer of which only some inputs count, as if the others were 0.
pub struct Picked<'a> {
    pub block: Block<'a>,
    pub inputs: &'a [usize],
}

impl Task for Picked<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        unsafe { tiles::<L, _>(self.block, self.inputs.iter().copied()) }
    }
}

/// All tiles of the block. Within a strip of rows the columns go first: the strip stays in the first-level cache, the weight
/// (or a panel of it) in the second.
#[inline(always)]
unsafe fn tiles<L: Lanes, K: Iterator<Item = usize> + Clone>(block: Block, picked: K) {
    let (inputs, outputs) = (block.layer.inputs(), block.layer.outputs());
    let panel = L::WIDTH * L::VECTORS;
    let group = if inputs * outputs <= CACHED_WEIGHT { outputs } else { panel };
    let strip = if block.rows < ROWS { 1 } else { ROWS };
    for first in (0..outputs).step_by(group) {
        let columns = group.min(outputs - first);
        for row in (0..block.rows).step_by(strip) {
            // The last strip reaches back over rows that are done: they come out the same.
            let row = row.min(block.rows - strip);
            for column in (first..first + columns).step_by(panel) {
                let width = panel.min(outputs - column);
                unsafe {
                    match (strip, width.div_ceil(L::WIDTH)) {
                        (1, 1) => tile::<L, 1, 1, K>(block, row, column, width, picked.clone()),
                        (1, 2) => tile::<L, 1, 2, K>(block, row, column, width, picked.clone()),
                        (1, 3) => tile::<L, 1, 3, K>(block, row, column, width, picked.clone()),
                        (1, _) => tile::<L, 1, 4, K>(block, row, column, width, picked.clone()),
                        (_, 1) => tile::<L, ROWS, 1, K>(block, row, column, width, picked.clone()),
                        (_, 2) => tile::<L, ROWS, 2, K>(block, row, column, width, picked.clone()),
                        (_, 3) => tile::<L, ROWS, 3, K>(block, row, column, width, picked.clone()),
                        (_, _) => tile::<L, ROWS, 4, K>(block, row, column, width, picked.clone()),
                    }
                }
            }
            for row in row..row + strip {
                let done =
                    unsafe { std::slice::from_raw_parts_mut(block.out.add(row * block.out_step + first), columns) };
                block.layer.activation.apply::<L>(done);
            }
        }
    }
}

/// R rows by V registers of columns, `width` columns in all, over the inputs `picked`.
#[inline(always)]
unsafe fn tile<L: Lanes, const R: usize, const V: usize, K: Iterator<Item = usize>>(
    block: Block,
    row: usize,
    column: usize,
    width: usize,
    picked: K,
) {
    let (step, next, outputs) = (block.x_step, block.x_next, block.layer.outputs());
    unsafe {
        let panel = Panel::<L, V>::new(width);
        let x = block.x.add(row * step);
        let weight = block.layer.weight.as_ptr().add(column);
        let mut sums = [panel.load(block.layer.bias.as_ptr().add(column)); R];
        for k in picked {
            let weights = panel.load(weight.add(k * outputs));
            for (r, sums) in sums.iter_mut().enumerate() {
                let factor = L::splat(*x.add(r * step + k * next));
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = factor.mul_add(weight, *sum);
                }
            }
        }
        for (r, sums) in sums.into_iter().enumerate() {
            panel.store(sums, block.out.add((row + r) * block.out_step + column));
        }
    }
}

/// C outputs, `columns` is the weight with each output's factors side by side.
#[inline(always)]
unsafe fn dots<L: Lanes, const C: usize>(block: Block, columns: &[f32]) {
    let strip = if block.rows < 4 { 1 } else { 4 };
    for row in (0..block.rows).step_by(strip) {
        let row = row.min(block.rows - strip);
        unsafe {
            match strip {
                1 => dot_rows::<L, 1, C>(block, row, columns),
                _ => dot_rows::<L, 4, C>(block, row, columns),
            }
        }
    }
    if block.out_step == C {
        block.layer.activation.apply::<L>(unsafe { std::slice::from_raw_parts_mut(block.out, block.rows * C) });
        return;
    }
    for row in 0..block.rows {
        block
            .layer
            .activation
            .apply::<L>(unsafe { std::slice::from_raw_parts_mut(block.out.add(row * block.out_step), C) });
    }
}

/// R rows by C outputs, each a sum over registers of inputs.
#[inline(always)]
unsafe fn dot_rows<L: Lanes, const R: usize, const C: usize>(block: Block, row: usize, columns: &[f32]) {
    let inputs = block.layer.inputs();
    let whole = inputs - inputs % L::WIDTH;
    unsafe {
        let x = block.x.add(row * block.x_step);
        let mut sums = [[L::splat(0.0); C]; R];
        let mut add = |values: [L; R], factors: [L; C]| {
            for (sums, value) in sums.iter_mut().zip(values) {
                for (sum, factor) in sums.iter_mut().zip(factors) {
                    *sum = value.mul_add(factor, *sum);
                }
            }
        };
        for k in (0..whole).step_by(L::WIDTH) {
            let value = |r: usize| L::load(x.add(r * block.x_step + k));
            let factor = |c: usize| L::load(columns.as_ptr().add(c * inputs + k));
            add(std::array::from_fn(value), std::array::from_fn(factor));
        }
        if whole < inputs {
            let mask = L::mask(inputs - whole);
            let value = |r: usize| L::load_first(x.add(r * block.x_step + whole), mask);
            let factor = |c: usize| L::load_first(columns.as_ptr().add(c * inputs + whole), mask);
            add(std::array::from_fn(value), std::array::from_fn(factor));
        }
        for (r, sums) in sums.into_iter().enumerate() {
            for (c, sum) in sums.into_iter().enumerate() {
                block.out.add((row + r) * block.out_step + c).write(block.layer.bias[c] + sum.sum());
            }
        }
    }
}
