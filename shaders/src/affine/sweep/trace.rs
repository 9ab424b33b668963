//! The lines of one row and feature: where units flip, and what the sums are at each point.

use crate::affine::Layer;
use crate::affine::lanes::{Lanes, Panel, Task};

/// A row's way along the points of one feature. Distances are from the row's own value.
pub struct Trace<'a> {
    /// Sums of the first layer at the row, and how they rise with the feature. Empty where no unit can flip.
    pub hidden: &'a [f32],
    pub weights: &'a [f32],
    /// Sums of the lines at the row, and how they rise there.
    pub sums: &'a [f32],
    pub slopes: &'a [f32],
    pub layer: &'a Layer<'a>,
    /// Ascending.
    pub deltas: &'a [f32],
    pub relu: bool,
    pub flips: &'a mut Flips,
    /// \[points, outputs of the layer\], not yet initialised.
    pub out: *mut f32,
}

/// Units of the first layer that change sign between the row and a point.
#[derive(Default)]
pub struct Flips {
    found: Vec<(usize, Flip)>,
    /// By the first point on the way from the row that lies past them.
    sorted: Vec<Flip>,
    /// Where those of each point end.
    ends: Vec<usize>,
}

/// What a unit adds to the lines from where it flips: (value + δ·slope) times its weights.
#[derive(Clone, Copy, Default)]
struct Flip {
    unit: usize,
    value: f32,
    slope: f32,
}

impl Task for Trace<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        unsafe {
            self.find::<L>();
            self.sort();
            // Panels as wide as the registers allow: how many flips lie between two points cannot be foreseen, and costs a wrong guess
            // for each panel.
            let (outputs, mut column) = (self.layer.outputs(), 0);
            while column < outputs {
                let registers = match (outputs - column).div_ceil(L::WIDTH) {
                    8.. if L::VECTORS == 4 => 8,
                    many => many.min(4),
                };
                let width = (outputs - column).min(registers * L::WIDTH);
                match registers {
                    1 => self.follow::<L, 1>(column, width),
                    2 => self.follow::<L, 2>(column, width),
                    3 => self.follow::<L, 3>(column, width),
                    4 => self.follow::<L, 4>(column, width),
                    _ => self.follow::<L, 8>(column, width),
                }
                column += width;
            }
        }
    }
}

impl Trace<'_> {
    /// Points on the row's left.
    #[inline(always)]
    fn left(&self) -> usize {
        self.deltas.partition_point(|&delta| delta < 0.0)
    }

    /// Units whose sign at the last or first point is not that at the row.
    #[inline(always)]
    unsafe fn find<L: Lanes>(&mut self) {
        let (left, points) = (self.left(), self.deltas.len());
        let (low, high) = (self.deltas[0].min(0.0), self.deltas[points - 1].max(0.0));
        let found = &mut self.flips.found;
        found.clear();
        for first in (0..self.hidden.len()).step_by(L::WIDTH) {
            let (mut to_right, mut to_left) = unsafe {
                let mask = L::mask(L::WIDTH.min(self.hidden.len() - first));
                let sum = L::load_first(self.hidden.as_ptr().add(first), mask);
                let weight = L::load_first(self.weights.as_ptr().add(first), mask);
                let positive = |delta: f32| weight.mul_add(L::splat(delta), sum).positive();
                (sum.positive() ^ positive(high), sum.positive() ^ positive(low))
            };
            let flip = |bits: u32| {
                let unit = first + bits.trailing_zeros() as usize;
                let (sum, weight) = (self.hidden[unit], self.weights[unit]);
                let sign = if sum > 0.0 { -1.0 } else { 1.0 };
                (-sum / weight, Flip { unit, value: sign * sum, slope: sign * weight })
            };
            // One side after the other: which one comes next could not be foreseen.
            while to_right != 0 {
                let (crossing, flip) = flip(to_right);
                to_right &= to_right - 1;
                let point = left + self.deltas[left..].partition_point(|&delta| delta < crossing);
                if point < points {
                    found.push((point, flip));
                }
            }
            while to_left != 0 {
                let (crossing, flip) = flip(to_left);
                to_left &= to_left - 1;
                if let Some(point) = self.deltas[..left].partition_point(|&delta| delta <= crossing).checked_sub(1) {
                    found.push((point, flip));
                }
            }
        }
    }

    /// By counting.
    #[inline(always)]
    fn sort(&mut self) {
        let Flips { found, sorted, ends } = &mut *self.flips;
        ends.clear();
        ends.resize(self.deltas.len() + 1, 0);
        found.iter().for_each(|(point, _)| ends[point + 1] += 1);
        (1..ends.len()).for_each(|point| ends[point] += ends[point - 1]);
        sorted.resize(found.len(), Flip::default());
        // Each place moves on from where its point begins, and stops at its end.
        for &(point, flip) in found.iter() {
            sorted[ends[point]] = flip;
            ends[point] += 1;
        }
    }

    /// `width` columns of the sums, V registers of them, at each point: from the row to the right, then to the left.
    #[inline(always)]
    unsafe fn follow<L: Lanes, const V: usize>(&self, column: usize, width: usize) {
        let (left, points) = (self.left(), self.deltas.len());
        unsafe {
            for side in 0..2 {
                let way = if side == 0 { left..points } else { 0..left };
                let panel = Panel::<L, V>::new(width);
                let mut sums = panel.load(self.sums.as_ptr().add(column));
                let mut slopes = panel.load(self.slopes.as_ptr().add(column));
                for step in 0..way.len() {
                    let point = if side == 0 { left + step } else { left - 1 - step };
                    let from = if point == 0 { 0 } else { self.flips.ends[point - 1] };
                    for flip in &self.flips.sorted[from..self.flips.ends[point]] {
                        let weights =
                            panel.load(self.layer.weight.as_ptr().add(flip.unit * self.layer.outputs() + column));
                        let (value, slope) = (L::splat(flip.value), L::splat(flip.slope));
                        for ((sum, rise), weight) in sums.iter_mut().zip(&mut slopes).zip(weights) {
                            *sum = value.mul_add(weight, *sum);
                            *rise = slope.mul_add(weight, *rise);
                        }
                    }
                    let delta = L::splat(self.deltas[point]);
                    let mut lines = sums;
                    for (line, slope) in lines.iter_mut().zip(slopes) {
                        *line = delta.mul_add(slope, *line);
                        *line = if self.relu { line.relu() } else { *line };
                    }
                    panel.store(lines, self.out.add(point * self.layer.outputs() + column));
                }
            }
        }
    }
}
