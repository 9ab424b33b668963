//! Attention on the CPU: softmax(scale · Q Kᵀ + mask) · V for each sequence and head (Vaswani and others 2017, equation 1).
//!
//! Both products are those of affine layers whose weights are a head's keys and values, so they run on the register tiles of
//! [`crate::affine`], and a block of queries passes through scores, softmax and values before the next one starts: the scores
//! never leave the cache. There is no shader: a GPU takes the array library's operations.
//!
//! All f32. Scores err by at most (width + 2)·ε·|scale|·Σ|terms|; a weight's relative error is twice that of the scores, and
//! (keys + 8)·ε for exponentials and their sum; a result adds (keys + 2)·ε·Σ|weight·value|. What is not finite follows IEEE 754.

use crate::affine::activation::exp_or_zero;
use crate::affine::lanes::{Lanes, Task, best};
use crate::affine::tile::{Block, layer};
use crate::affine::{Activation, Layer};
use rayon::prelude::*;

/// An array \[sequences, heads, rows, columns\] in memory: the values from one of each to the next; 0 where all are the same.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub values: &'a [f32],
    pub steps: [usize; 4],
}

/// The operands of attention: queries \[sequences, heads, queries, width\], keys \[sequences, heads, width, keys\], values
/// \[sequences, heads, keys, value width\], and what is added to the scores, \[sequences, heads, queries, keys\].
#[derive(Clone, Copy, Debug)]
pub struct Attention<'a> {
    pub query: View<'a>,
    pub key: View<'a>,
    pub value: View<'a>,
    pub mask: Option<View<'a>>,
    pub sequences: usize,
    pub heads: usize,
    pub queries: usize,
    pub keys: usize,
    pub width: usize,
    pub value_width: usize,
    pub scale: f32,
    /// Weights that are NaN, of queries that may see nothing, become 0.
    pub guarded: bool,
}

/// Queries that pass through together.
const BLOCK: usize = 48;
/// Scores of a query are padded to a multiple of this: whole registers.
const LINE: usize = 16;

/// What one thread holds in between.
#[derive(Default)]
struct Room {
    keys: Vec<f32>,
    values: Vec<f32>,
    queries: Vec<f32>,
    scores: Vec<f32>,
    mask: Vec<f32>,
    zeros: Vec<f32>,
}

/// The results, \[sequences, queries, heads, value width\]: as the next layer reads them.
///
/// Threads as in [`crate::affine::affine`]: on a thread of a rayon pool on that thread alone, elsewhere sequences and blocks of queries
/// are spread over the pool. The result is the same, bit for bit.
///
/// # Panics
/// If an array ends before its last element.
pub fn attention(a: &Attention) -> Vec<f32> {
    let line = a.heads * a.value_width;
    let mut out = vec![0.0; a.sequences * a.queries * line];
    if out.is_empty() || a.keys == 0 {
        return out;
    }
    let sequence = a.queries * line;
    if rayon::current_thread_index().is_some() {
        let room = &mut Room::default();
        for (n, out) in out.chunks_mut(sequence).enumerate() {
            out.chunks_mut(BLOCK * line).enumerate().for_each(|(block, out)| a.block(n, block * BLOCK, out, room));
        }
        return out;
    }
    let blocks = out.par_chunks_mut(sequence).enumerate().flat_map(|(n, out)| {
        out.par_chunks_mut(BLOCK * line).enumerate().map(move |(block, out)| (n, block * BLOCK, out))
    });
    blocks.for_each_init(Room::default, |room, (n, first, out)| a.block(n, first, out, room));
    out
}

impl Attention<'_> {
    /// All heads of some queries of a sequence from the one at `first` on.
    fn block(&self, n: usize, first: usize, out: &mut [f32], room: &mut Room) {
        let line = self.heads * self.value_width;
        let rows = out.len() / line;
        for head in 0..self.heads {
            self.head([n, head, first], rows, &mut out[head * self.value_width..], room);
        }
    }

    /// Scores lie key by key, so that the softmax of many queries runs down registers.
    fn head(&self, [n, head, first]: [usize; 3], rows: usize, out: &mut [f32], room: &mut Room) {
        let padded = rows.next_multiple_of(LINE);
        let Room { queries, keys, values, scores, mask, zeros } = room;
        let [_, _, down, across] = self.query.steps;
        pack(&self.query.of(n, head)[first * down..], [across, down], [self.width, rows], padded, queries);
        let [_, _, down, across] = self.value.steps;
        pack(self.value.of(n, head), [down, across], [self.keys, self.value_width], self.value_width, values);
        let [_, _, next, mut step] = self.key.steps;
        let mut key = self.key.of(n, head);
        if next != 1 {
            pack(key, [step, next], [self.keys, self.width], self.width, keys);
            (key, step) = (keys, self.width);
        }
        assert!(key.len() >= (self.keys - 1) * step + self.width, "keys end early");
        zeros.resize(padded.max(self.value_width), 0.0);
        scores.resize(self.keys * padded, 0.0);
        let by_query = Layer::new(queries, &zeros[..padded], Activation::None);
        // SAFETY: there are as many rows of keys as asserted, and of scores; nothing else holds these.
        unsafe {
            let block = Block::dense(key.as_ptr(), self.keys, &by_query, scores.as_mut_ptr());
            layer(Block { x_step: step, ..block });
        }
        if let Some(view) = self.mask {
            let [_, _, down, across] = view.steps;
            let columns = if down == 0 { 1 } else { rows };
            let padded = if down == 0 { 1 } else { padded };
            pack(&view.of(n, head)[first * down..], [across, down], [self.keys, columns], padded, mask);
        }
        let mask = if self.mask.is_some() { &mask[..] } else { &[] };
        // SAFETY: a softmax has no contract.
        unsafe { best(Softmax { scores, mask, padded, scale: self.scale, guarded: self.guarded }) };
        let line = self.heads * self.value_width;
        assert!(out.len() >= (rows - 1) * line + self.value_width, "room for the results");
        let by_value = Layer::new(values, &zeros[..self.value_width], Activation::None);
        // SAFETY: a row of x is a column of the scores, one for each of the rows of results, which are there as asserted.
        unsafe {
            let block = Block::dense(scores.as_ptr(), rows, &by_value, out.as_mut_ptr());
            layer(Block { x_step: 1, x_next: padded, out_step: line, ..block });
        }
    }
}

impl<'a> View<'a> {
    /// The matrix of a sequence and head, and what follows it.
    fn of(&self, n: usize, head: usize) -> &'a [f32] {
        &self.values[n * self.steps[0] + head * self.steps[1]..]
    }
}

/// A matrix row by row, each `padded` values long; what stands at its end is never read.
fn pack(from: &[f32], [down, across]: [usize; 2], [rows, columns]: [usize; 2], padded: usize, to: &mut Vec<f32>) {
    to.resize(rows * padded, 0.0);
    if across == 1 {
        for (row, to) in to.chunks_exact_mut(padded).enumerate() {
            to[..columns].copy_from_slice(&from[row * down..][..columns]);
        }
        return;
    }
    for column in 0..columns {
        let lines = to[column..].iter_mut().step_by(padded).take(rows);
        match down {
            0 => lines.for_each(|to| *to = from[column * across]),
            1 => lines.zip(&from[column * across..][..rows]).for_each(|(to, from)| *to = *from),
            _ => lines.enumerate().for_each(|(row, to)| *to = from[row * down + column * across]),
        }
    }
}

/// `scores · scale + mask` \[keys, `padded` queries\] become weights that add up to 1 for each query. The mask is of the shape of the
/// scores, \[keys\] or empty.
struct Softmax<'a> {
    scores: &'a mut [f32],
    mask: &'a [f32],
    padded: usize,
    scale: f32,
    guarded: bool,
}

impl Task for Softmax<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        for column in (0..self.padded).step_by(LINE) {
            column_of::<L>(column, self.scores, self.mask, self.padded, self.scale);
            if self.guarded {
                let lines = self.scores.chunks_exact_mut(self.padded).flat_map(|line| &mut line[column..][..LINE]);
                lines.filter(|weight| weight.is_nan()).for_each(|weight| *weight = 0.0);
            }
        }
    }
}

/// The softmax of [`LINE`] queries.
#[inline(always)]
fn column_of<L: Lanes>(column: usize, scores: &mut [f32], mask: &[f32], padded: usize, scale: f32) {
    let keys = scores.len() / padded;
    let part = |k: usize| k * padded + column..k * padded + column + LINE;
    let mut tops = [f32::NEG_INFINITY; LINE];
    for k in 0..keys {
        let line = lanes(&mut scores[part(k)]);
        let added = match mask.len() {
            0 => [0.0; LINE],
            n if n == keys => [mask[k]; LINE],
            _ => mask[part(k)].try_into().unwrap_or([0.0; LINE]),
        };
        for i in 0..LINE {
            line[i] = line[i] * scale + added[i];
            tops[i] = if line[i] > tops[i] { line[i] } else { tops[i] };
        }
    }
    let mut sums = [0.0; LINE];
    for k in 0..keys {
        let line = lanes(&mut scores[part(k)]);
        for i in 0..LINE {
            line[i] = exp_or_zero::<L>(line[i] - tops[i]);
            sums[i] += line[i];
        }
    }
    let factors = sums.map(|sum| 1.0 / sum);
    for k in 0..keys {
        let line = lanes(&mut scores[part(k)]);
        for i in 0..LINE {
            line[i] *= factors[i];
        }
    }
}

/// A line as an array, whose length the compiler knows.
#[inline(always)]
fn lanes(line: &mut [f32]) -> &mut [f32; LINE] {
    line.try_into().expect("a whole line")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deterministic values in \[−2, 2\].
    fn values(count: usize, seed: u32) -> Vec<f32> {
        (0..count as u32)
            .map(|i| ((i + 1).wrapping_mul(seed * 2 + 2_654_435_761) >> 8) as f32 / (1 << 22) as f32 - 2.0)
            .collect()
    }

    /// Arrays \[sequences, tokens, heads, width\] looked at as \[sequences, heads, tokens, width\].
    fn by_head(values: &[f32], tokens: usize, heads: usize, width: usize) -> View<'_> {
        View { values, steps: [tokens * heads * width, width, heads * width, 1] }
    }

    /// The result at \[sequence, query, head, column\] in f64, and its bound by the module's rule.
    fn exact(a: &Attention, [n, i, h, c]: [usize; 4]) -> (f64, f64) {
        let at = |view: &View, at: [usize; 4]| {
            f64::from(view.values[at.iter().zip(view.steps).map(|(i, s)| i * s).sum::<usize>()])
        };
        let epsilon = f64::from(f32::EPSILON);
        let terms = |j: usize| (0..a.width).map(move |k| at(&a.query, [n, h, i, k]) * at(&a.key, [n, h, k, j]));
        let added = |j: usize| a.mask.as_ref().map_or(0.0, |mask| at(mask, [n, h, i, j]));
        let scale = f64::from(a.scale);
        let scores: Vec<f64> = (0..a.keys).map(|j| scale * terms(j).sum::<f64>() + added(j)).collect();
        let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let size = |j: usize| scale * terms(j).map(f64::abs).sum::<f64>() + added(j).abs();
        let seen = (0..a.keys).filter(|&j| scores[j] > top - 80.0);
        let off = seen.map(size).fold(0.0, f64::max) * (a.width + 4) as f64 * epsilon;
        let sum: f64 = scores.iter().map(|s| (s - top).exp()).sum();
        let parts = scores.iter().enumerate().map(|(j, s)| (s - top).exp() / sum * at(&a.value, [n, h, j, c]));
        let (result, all) = parts.fold((0.0, 0.0), |(sum, all), part: f64| (sum + part, all + part.abs()));
        (result, all * (2.0 * off + 2.0 * (a.keys + 8) as f64 * epsilon) + 1e-30)
    }

    fn check(a: &Attention) {
        let out = attention(a);
        assert_eq!(out.len(), a.sequences * a.queries * a.heads * a.value_width);
        for (i, &value) in out.iter().enumerate() {
            let (c, rest) = (i % a.value_width, i / a.value_width);
            let at = [rest / a.heads / a.queries, rest / a.heads % a.queries, rest % a.heads, c];
            let (expected, bound) = exact(a, at);
            assert!((f64::from(value) - expected).abs() <= bound, "{at:?}: {value}, not {expected} ± {bound}");
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(pool.install(|| attention(a)), out);
    }

    #[test]
    fn agrees_with_f64_at_awkward_sizes() {
        for [sequences, heads, queries, keys, width, value_width] in [
            [1, 1, 1, 1, 1, 1],
            [3, 2, 5, 5, 3, 7],
            [2, 4, 16, 16, 16, 16],
            [2, 3, 33, 17, 8, 5],
            [1, 2, 101, 130, 20, 33],
        ] {
            let (q, k, v) = (
                values(sequences * queries * heads * width, 1),
                values(sequences * keys * heads * width, 2),
                values(sequences * keys * heads * value_width, 3),
            );
            let mask = values(sequences * heads * queries * keys, 4);
            let mut key = by_head(&k, keys, heads, width);
            key.steps.swap(2, 3);
            let plain = Attention {
                query: by_head(&q, queries, heads, width),
                key,
                value: by_head(&v, keys, heads, value_width),
                mask: None,
                sequences,
                heads,
                queries,
                keys,
                width,
                value_width,
                scale: 0.37,
                guarded: false,
            };
            check(&plain);
            for steps in [[keys, 0, 0, 1], [heads * queries * keys, queries * keys, keys, 1], [0, 0, 1, 0]] {
                check(&Attention { mask: Some(View { values: &mask, steps }), ..plain });
            }
            // Columns that do not lie side by side.
            let query = View { values: &q, steps: [queries * heads * width, queries * width, 1, queries] };
            let value = View { values: &v, steps: [keys * heads * value_width, keys * value_width, 1, keys] };
            check(&Attention { query, value, ..plain });
        }
    }

    #[test]
    fn keys_that_are_masked_weigh_nothing() {
        let (q, k, mut v) = (values(4 * 2, 1), values(4 * 2, 2), values(4 * 2, 3));
        v[6] = 1e30;
        let view = |values| View { values, steps: [8, 8, 2, 1] };
        let mask = [0.0, 0.0, 0.0, f32::NEG_INFINITY];
        let nothing = [f32::NEG_INFINITY; 4];
        let a = Attention {
            query: view(&q),
            key: View { values: &k, steps: [8, 8, 1, 2] },
            value: view(&v),
            mask: Some(View { values: &mask, steps: [0, 0, 0, 1] }),
            sequences: 1,
            heads: 1,
            queries: 4,
            keys: 4,
            width: 2,
            value_width: 2,
            scale: 1.0,
            guarded: false,
        };
        check(&a);
        assert_eq!(attention(&a), attention(&Attention { keys: 3, mask: None, ..a }));
        let unseen = Attention { mask: Some(View { values: &nothing, steps: [0, 0, 0, 1] }), ..a };
        assert!(attention(&unseen).iter().all(|v| v.is_nan()));
        assert_eq!(attention(&Attention { guarded: true, ..unseen }), [0.0; 8]);
    }
}
