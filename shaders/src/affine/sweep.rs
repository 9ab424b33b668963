//! Sweeps: one feature of a row runs through points while the others stay as they are (docs/theory.md, "Sweeps").
//!
//! With the feature at distance δ from the row's own value, the first layer's sums are a + δ·w. A ReLU unit changes sign at most
//! once on the way, so the second layer's sums are straight between a few kinks, c + δ·s: c and s are known where the row is and
//! change with each unit that flips. A point then costs one product a unit of the second layer instead of one an input of it.

mod course;
// Its functions are unsafe as a whole, under the contracts they state.
#[allow(clippy::undocumented_unsafe_blocks)]
mod trace;

use super::{Activation, Layer, lanes, serial, tile};
use course::Course;
use trace::{Flips, Trace};

/// A feature, and the values it is set to in turn, in any order.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    pub feature: usize,
    pub points: Vec<f32>,
}

/// Rows whose first layers are computed together: a multiple of a tile's 6.
const BLOCK: usize = 24;

/// Whether layers of these activations have straight lines to follow: the first has a ReLU, or there is only one.
pub fn straight(activations: &[Activation]) -> bool {
    matches!(activations, [_] | [Activation::Relu, _, ..])
}

/// The outputs of the layers for each row of `x` \[rows, inputs\] with one feature set to a point:
/// \[points of all sweeps, rows, outputs\]. On the calling thread alone; a row's bits do not depend on the other rows.
///
/// Equal to [`super::affine`] of these rows within c·ε·Σ|terms|, c = 2·Σ(inputs + 2) over layers + 2·units of the first layer, where
/// the swept feature counts with |point| + 2·|own value|. Rows far from the points, points beyond 1e29, and what is not finite in
/// the end are predicted in full.
///
/// # Panics
/// If [`straight`] does not hold, a feature is not an input, or sizes do not fit.
pub fn sweep(x: &[f32], rows: usize, layers: &[Layer], sweeps: &[Sweep]) -> Vec<f32> {
    assert!(straight(&layers.iter().map(|layer| layer.activation).collect::<Vec<_>>()), "layers without lines");
    let (inputs, outputs) = (layers[0].inputs(), layers[layers.len() - 1].outputs());
    assert_eq!(x.len(), rows * inputs, "values for {rows} rows of {inputs}");
    assert!(sweeps.iter().all(|sweep| sweep.feature < inputs), "features of {inputs}");
    let mut out = vec![0.0; sweeps.iter().map(|sweep| sweep.points.len()).sum::<usize>() * rows * outputs];
    if out.is_empty() {
        return out;
    }
    let mut sweeper = Sweeper::new(layers, sweeps);
    for (block, x) in x.chunks(BLOCK * inputs).enumerate() {
        sweeper.block(x, |row, point, outputs| {
            let at = (point * rows + block * BLOCK + row) * outputs.len();
            out[at..at + outputs.len()].copy_from_slice(outputs);
        });
    }
    out
}

struct Sweeper<'a> {
    layers: &'a [Layer<'a>],
    /// The layer whose units flip, if there is one, without its activation.
    first: Option<Layer<'a>>,
    /// The layer whose sums are lines, without its activation.
    lines: Layer<'a>,
    activation: Activation,
    rest: &'a [Layer<'a>],
    courses: Vec<Course>,
    /// \[course, outputs of the first layer\]: its weights of each course's feature.
    weights: Vec<f32>,
    zeros: Vec<f32>,
    room: Room,
}

/// What is written again and again.
#[derive(Default)]
struct Room {
    /// Sums of the first layer and of the lines, \[rows, units\].
    hidden: Vec<f32>,
    sums: Vec<f32>,
    /// Units of the first layer that are active at the row.
    active: Vec<usize>,
    /// \[course, units\]
    slopes: Vec<f32>,
    deltas: Vec<f32>,
    flips: Flips,
    /// \[point, units\]
    lines: Vec<f32>,
    masked: Vec<f32>,
    outputs: Vec<f32>,
}

impl<'a> Sweeper<'a> {
    fn new(layers: &'a [Layer<'a>], sweeps: &[Sweep]) -> Self {
        let bare = |layer: &Layer<'a>| Layer { activation: Activation::None, ..*layer };
        let (first, lines, rest) = match layers {
            [first, lines, rest @ ..] => (Some(bare(first)), lines, rest),
            _ => (None, &layers[0], &layers[1..]),
        };
        let starts = sweeps.iter().scan(0, |at, sweep| Some(std::mem::replace(at, *at + sweep.points.len())));
        let courses = sweeps.iter().zip(starts).map(|(sweep, start)| Course::new(sweep, start)).collect();
        let width = layers[0].outputs();
        let weights =
            sweeps.iter().flat_map(|sweep| &layers[0].weight[sweep.feature * width..][..width]).copied().collect();
        let (activation, zeros) = (lines.activation, vec![0.0; lines.outputs()]);
        Self { layers, first, lines: bare(lines), activation, rest, courses, weights, zeros, room: Room::default() }
    }

    /// A few rows; `give` gets the number of a row, a point's place, and the outputs.
    fn block(&mut self, x: &[f32], mut give: impl FnMut(usize, usize, &[f32])) {
        let (inputs, units) = (self.layers[0].inputs(), self.lines.outputs());
        let rows = x.len() / inputs;
        let Room { hidden, sums, lines, .. } = &mut self.room;
        match &self.first {
            Some(first) => {
                serial(x, rows, &[*first], hidden);
                lines.clone_from(hidden);
                Activation::Relu.apply::<lanes::Portable>(lines);
                serial(lines, rows, &[self.lines], sums);
            }
            None => serial(x, rows, &[self.lines], sums),
        }
        let hidden = std::mem::take(&mut self.room.hidden);
        let sums = std::mem::take(&mut self.room.sums);
        for (row, x) in x.chunks_exact(inputs).enumerate() {
            let hidden = &hidden[row * (hidden.len() / rows)..][..hidden.len() / rows];
            self.slopes(hidden);
            for course in 0..self.courses.len() {
                self.course(course, x, hidden, &sums[row * units..][..units]);
                let outputs = self.room.outputs.chunks_exact(self.layers[self.layers.len() - 1].outputs());
                self.courses[course].places.iter().zip(outputs).for_each(|(&place, outputs)| give(row, place, outputs));
            }
        }
        (self.room.hidden, self.room.sums) = (hidden, sums);
    }

    /// How the lines rise with each course's feature where the row is.
    fn slopes(&mut self, hidden: &[f32]) {
        let Room { active, slopes, .. } = &mut self.room;
        if self.first.is_none() {
            slopes.clone_from(&self.weights);
            return;
        }
        active.clear();
        active.extend((0..hidden.len()).filter(|&unit| hidden[unit] > 0.0));
        let layer = &Layer { bias: &self.zeros, ..self.lines };
        let rows = self.courses.len();
        slopes.clear();
        slopes.reserve(rows * layer.outputs());
        // SAFETY: `weights` has a row of the layer's inputs for each course, `slopes` room for its outputs, which are all written.
        unsafe {
            let block = tile::Block::dense(self.weights.as_ptr(), rows, layer, slopes.as_mut_ptr());
            lanes::best(tile::Picked { block, inputs: active });
            slopes.set_len(rows * layer.outputs());
        }
    }

    /// Leaves the outputs along one course, in its order.
    fn course(&mut self, number: usize, x: &[f32], hidden: &[f32], sums: &[f32]) {
        let course = &self.courses[number];
        let Room { slopes, deltas, flips, lines, masked, outputs, .. } = &mut self.room;
        let (points, own) = (course.points.len(), x[course.feature]);
        outputs.clear();
        if points > 0 && own.abs() <= course.reach {
            deltas.clear();
            deltas.extend(course.points.iter().map(|point| point - own));
            let units = self.lines.outputs();
            lines.clear();
            lines.reserve(points * units);
            let weights = &self.weights[number * hidden.len()..][..hidden.len()];
            let slopes = &slopes[number * units..][..units];
            let (layer, relu, out) = (&self.lines, self.activation == Activation::Relu, lines.as_mut_ptr());
            // SAFETY: `lines` has room for a row of the layer's outputs for each point, which are all written.
            unsafe {
                lanes::best(Trace { hidden, weights, sums, slopes, layer, deltas, relu, flips, out });
                lines.set_len(points * units);
            }
            if !relu {
                self.activation.apply::<lanes::Portable>(lines);
            }
            match self.rest {
                [] => outputs.clone_from(lines),
                rest => serial(lines, points, rest, outputs),
            }
        }
        if outputs.is_empty() || outputs.iter().any(|value| !value.is_finite()) {
            course.mask(x, masked);
            serial(masked, points, self.layers, outputs);
        }
    }
}

#[cfg(test)]
mod tests;
