//! Model rows of coalitions: the explained row's value where the player is a member, a background row's where not.
//!
//! Each pair is a coalition (side 0) and, with two sides, its complement (side 1), each with a run of L consecutive background rows:
//! `out[((t·P + p)·S + side)·L + l, f] = rows[t, f] if (player_of[f] ∈ members[p]) ≠ side, else background[start[p] + l, f]`.
//! It selects bits and computes nothing, so NaN and infinities pass unchanged.

use crate::{
    Kernel,
    kernel::{params, source},
};
use rayon::prelude::*;

/// In `player_of`: the feature belongs to no player and always keeps the explained row's value.
pub const NO_PLAYER: u32 = u32::MAX;

params! {
    /// Cells of the output: T·P·S·L·F.
    cells,
    /// F, columns of `rows`, `background` and the output.
    features,
    /// P, coalition pairs of each explained row.
    pairs,
    /// L, background rows of a coalition.
    run,
    /// W, words of a bit set: ⌈players / 32⌉.
    words,
    /// 1 if `members` and `start` have T·P entries, 0 if all rows share P.
    per_row,
    /// S: 2 for a coalition and its complement, 1 for the coalition alone.
    sides,
}

pub const KERNEL: Kernel =
    Kernel { name: "mask", source: source!("mask.wgsl"), workgroup: 256, bindings: 7, params: Params::LAYOUT };

/// Cells that one rayon task should have at least, so that small tiles are not cut up.
const CELLS_A_TASK: usize = 1 << 14;

/// The CPU twin. `rows` \[T, F\], `background` \[B, F\], `members` \[P or T·P, W\], `start` \[P or T·P\], `player_of` \[F\],
/// `out` \[T·P·S·L, F\].
pub fn mask(
    params: &Params,
    rows: &[f32],
    background: &[f32],
    members: &[u32],
    start: &[u32],
    player_of: &[u32],
    out: &mut [f32],
) {
    let [features, pairs, run, words] = [params.features, params.pairs, params.run, params.words].map(|n| n as usize);
    let side_cells = run * features;
    let pair_cells = params.sides as usize * side_cells;
    let task = CELLS_A_TASK.div_ceil(pair_cells);
    let bits: Vec<u32> = player_of.iter().map(|&player| bit(player)).collect();
    out.par_chunks_mut(pair_cells).with_min_len(task).enumerate().for_each_init(
        || (vec![0u32; features], vec![0u32; features]),
        |(keep_0, keep_1), (pair, out)| {
            let entry = if params.per_row != 0 { pair } else { pair % pairs };
            let members = &members[entry * words..][..words];
            for (word, &player) in keep_0.iter_mut().zip(player_of) {
                *word = if player == NO_PLAYER { 0 } else { members[player as usize / 32] };
            }
            for ((keep_0, keep_1), bit) in keep_0.iter_mut().zip(&mut *keep_1).zip(&bits) {
                let word = *keep_0;
                *keep_0 = ones_if(word & bit == *bit);
                *keep_1 = ones_if(word & bit == 0);
            }
            let row = &rows[pair / pairs * features..][..features];
            let block = &background[start[entry] as usize * features..][..run * features];
            for (keep, side) in [keep_0, keep_1].into_iter().zip(out.chunks_exact_mut(side_cells)) {
                for (out, other) in side.chunks_exact_mut(features).zip(block.chunks_exact(features)) {
                    select(keep, row, other, out);
                }
            }
        },
    );
}

/// The bit of a player in its word; none for a feature of no player, so that it is found set and found clear.
fn bit(player: u32) -> u32 {
    if player == NO_PLAYER { 0 } else { 1 << (player % 32) }
}

fn ones_if(condition: bool) -> u32 {
    if condition { u32::MAX } else { 0 }
}

/// `out = keep ? row : other`, on bits; `keep` is all ones or all zeros.
fn select(keep: &[u32], row: &[f32], other: &[f32], out: &mut [f32]) {
    for (((out, &keep), row), other) in out.iter_mut().zip(keep).zip(row).zip(other) {
        *out = f32::from_bits((row.to_bits() & keep) | (other.to_bits() & !keep));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_players_one_fixed_feature_by_hand() {
        // Features: player 0, no player, player 1. One pair: {0} and {1}; a run of two background rows from row 1.
        let params = Params { cells: 12, features: 3, pairs: 1, run: 2, words: 1, per_row: 0, sides: 2 };
        let rows = [1.0, 2.0, f32::NAN];
        let background = [0.0, 0.0, 0.0, 10.0, 20.0, 30.0, f32::INFINITY, 21.0, 31.0];
        let mut out = [0.0; 12];
        mask(&params, &rows, &background, &[0b01], &[1], &[0, NO_PLAYER, 1], &mut out);
        let expected = [1.0, 2.0, 30.0, 1.0, 2.0, 31.0, 10.0, 2.0, f32::NAN, f32::INFINITY, 2.0, f32::NAN];
        assert_eq!(out.map(f32::to_bits), expected.map(f32::to_bits));
    }

    #[test]
    fn the_second_word_and_own_designs_of_each_row() {
        // 33 players on 33 features, two rows with a design each: {32} for the first, all but 32 for the second.
        let params = Params { cells: 4 * 33, features: 33, pairs: 1, run: 1, words: 2, per_row: 1, sides: 2 };
        let (rows, background) = ([1.0; 66], [0.0; 33]);
        let player_of: Vec<u32> = (0..33).collect();
        let mut out = [9.0; 4 * 33];
        mask(&params, &rows, &background, &[0, 1, u32::MAX, 0], &[0, 0], &player_of, &mut out);
        for (row, last) in [1.0, 0.0, 0.0, 1.0].into_iter().enumerate() {
            assert!(out[row * 33..row * 33 + 32].iter().all(|&v| v == 1.0 - last), "row {row}");
            assert_eq!(out[row * 33 + 32], last, "row {row}");
        }
    }

    #[test]
    fn one_side_is_the_coalition_without_its_complement() {
        let params = Params { cells: 8, features: 2, pairs: 1, run: 2, words: 1, per_row: 1, sides: 1 };
        let (rows, background) = ([1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 11.0, 21.0]);
        let mut out = [0.0; 8];
        mask(&params, &rows, &background, &[0b01, 0b10], &[0, 0], &[0, 1], &mut out);
        assert_eq!(out, [1.0, 20.0, 1.0, 21.0, 10.0, 4.0, 11.0, 4.0]);
    }
}
