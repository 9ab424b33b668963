//! Weighted Gram matrix and right-hand side of the paired least squares, one system for each explained row.
//!
//! With signs s_i = 1 for a member of the pair's first coalition and −1 otherwise,
//! `gram[t, i, j] = Σ_p weights[t, p]·s_i·s_j` and `rhs[t, i, k] = Σ_p weights[t, p]·s_i·contrasts[t, p, k]`.

use crate::{
    Kernel,
    kernel::{params, source},
};
use rayon::prelude::*;

params! {
    /// T, systems.
    rows,
    /// P, coalition pairs of each.
    pairs,
    /// n, players.
    players,
    /// K, model outputs.
    outputs,
    /// W, words of a bit set: ⌈n / 32⌉.
    words,
}

pub const KERNEL: Kernel =
    Kernel { name: "gram", source: source!("gram.wgsl"), workgroup: 64, bindings: 6, params: Params::LAYOUT };

/// Edge of the square that one workgroup makes.
const TILE: usize = 32;

/// Workgroups of one launch: tiles of \[gram | rhs\] of each system.
pub fn workgroups(params: &Params) -> usize {
    let [players, outputs] = [params.players, params.outputs].map(|n| n as usize);
    (players + outputs).div_ceil(TILE) * players.div_ceil(TILE) * params.rows as usize
}

/// The CPU twin. `members` \[T·P, W\], `weights` \[T, P\], `contrasts` \[T, P, K\], `gram` \[T, n, n\], `rhs` \[T, n, K\].
pub fn gram(params: &Params, members: &[u32], weights: &[f32], contrasts: &[f32], gram: &mut [f32], rhs: &mut [f32]) {
    let [pairs, n, outputs, words] = [params.pairs, params.players, params.outputs, params.words].map(|n| n as usize);
    let systems = gram.par_chunks_mut(n * n).zip(rhs.par_chunks_mut(n * outputs)).enumerate();
    systems.for_each(|(t, (gram, rhs))| {
        let signs = signs(&members[t * pairs * words..][..pairs * words], words, n);
        let weights = &weights[t * pairs..][..pairs];
        let contrasts = &contrasts[t * pairs * outputs..][..pairs * outputs];
        let rows = gram.par_chunks_mut(n).zip(rhs.par_chunks_mut(outputs)).enumerate();
        rows.for_each_init(
            || (vec![0.0; pairs], vec![0.0; n], vec![0.0; outputs]),
            |(signed, gram_sum, rhs_sum), (i, (gram, rhs))| {
                let weighted = weights.iter().zip(signs.chunks_exact(n));
                signed.iter_mut().zip(weighted).for_each(|(to, (&w, s))| *to = f64::from(w * s[i]));
                combine(signed, &signs, n, &mut gram_sum[..=i]);
                combine(signed, contrasts, outputs, rhs_sum);
                gram.iter_mut().zip(&*gram_sum).for_each(|(to, &sum)| *to = sum as f32);
                rhs.iter_mut().zip(&*rhs_sum).for_each(|(to, &sum)| *to = sum as f32);
            },
        );
        for i in 0..n {
            for j in i + 1..n {
                gram[i * n + j] = gram[j * n + i];
            }
        }
    });
}

/// The signs \[P, n\] of bit sets \[P, W\].
fn signs(members: &[u32], words: usize, n: usize) -> Vec<f32> {
    let sign = |set: &[u32], i: usize| if (set[i / 32] >> (i % 32)) & 1 == 1 { 1.0 } else { -1.0 };
    members.chunks_exact(words).flat_map(|set| (0..n).map(move |i| sign(set, i))).collect()
}

/// `sums[j] = Σ_p factors[p]·values[p, j]` over the first columns of `values` \[P, width\], four pairs a pass.
fn combine(factors: &[f64], values: &[f32], width: usize, sums: &mut [f64]) {
    sums.fill(0.0);
    let columns = sums.len();
    for (factors, values) in factors.chunks(4).zip(values.chunks(4 * width)) {
        if let &[f0, f1, f2, f3] = factors {
            let row = |p: usize| &values[p * width..][..columns];
            let rows = row(0).iter().zip(row(1)).zip(row(2)).zip(row(3));
            for (sum, (((&a, &b), &c), &d)) in sums.iter_mut().zip(rows) {
                *sum += (f0 * f64::from(a) + f1 * f64::from(b)) + (f2 * f64::from(c) + f3 * f64::from(d));
            }
        } else {
            for (&factor, row) in factors.iter().zip(values.chunks_exact(width)) {
                sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += factor * f64::from(value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_players_by_hand() {
        // Pairs {0} with weight 2 and contrast 3, {0, 1} with weight 1 and contrast 5.
        let params = Params { rows: 1, pairs: 2, players: 2, outputs: 1, words: 1 };
        let (mut a, mut b) = ([0.0; 4], [0.0; 2]);
        gram(&params, &[0b01, 0b11], &[2.0, 1.0], &[3.0, 5.0], &mut a, &mut b);
        assert_eq!(a, [3.0, -1.0, -1.0, 3.0]);
        assert_eq!(b, [11.0, -1.0]);
    }

    #[test]
    fn bits_beyond_the_first_word_and_systems_beyond_the_first() {
        // System 1 holds the one pair {32} of 33 players, system 0 the empty set.
        let params = Params { rows: 2, pairs: 1, players: 33, outputs: 2, words: 2 };
        let (mut a, mut b) = (vec![0.0; 2 * 33 * 33], vec![0.0; 2 * 33 * 2]);
        gram(&params, &[0, 0, 0, 1], &[1.0, 2.0], &[1.0, 1.0, 4.0, 5.0], &mut a, &mut b);
        assert!(a[..33 * 33].iter().all(|&v| v == 1.0));
        assert_eq!(a[33 * 33..].iter().filter(|&&v| v == -2.0).count(), 2 * 32);
        assert_eq!(b[33 * 2..33 * 2 + 2], [-8.0, -10.0]);
        assert_eq!(b[2 * 33 * 2 - 2..], [8.0, 10.0]);
    }
}
