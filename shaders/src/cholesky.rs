//! Least squares with zero sum, many small systems at once, by Cholesky factors.
//!
//! Minimises `φᵀAφ/2 − bᵀφ` subject to `1ᵀφ = 0`: with `A = UᵀU`, `φ = A⁻¹(b − 1·(1ᵀA⁻¹b)/(1ᵀA⁻¹1))`.
//!
//! **Ridge.** Fewer distinct pairs than players make A singular. A pivot at or below [`PIVOT_FLOOR`] times its diagonal
//! element A_jj (below it an f32 pivot is mostly rounding) gets [`RIDGE`] times A_jj added (A_jj taken as 1 if not positive),
//! as if player j had been seen once more alone, without effect, at that share of the weight of all pairs. The answer is
//! then finite; it satisfies the pairs to about [`RIDGE`] of their contrasts, and where they cannot tell players apart it
//! is one of the answers they allow.
//!
//! The error of the f32 kernel is about n·ε·cond(A) of the largest |φ|; the twin solves in f64.

use crate::{
    Kernel,
    kernel::{params, source},
};
use rayon::prelude::*;

params! {
    /// T, systems.
    systems,
    /// n, players.
    players,
    /// K, right-hand sides of each.
    outputs,
}

pub const KERNEL: Kernel =
    Kernel { name: "cholesky", source: source!("cholesky.wgsl"), workgroup: 256, bindings: 5, params: Params::LAYOUT };

/// Pivots at or below this share of their diagonal element count as zero.
pub const PIVOT_FLOOR: f64 = 1.0 / 65536.0;

/// What a pivot that counts as zero gets, as a share of its diagonal element: 2⁻¹⁰ balances the bias, which grows with it,
/// against the rounding of f32, which it divides.
pub const RIDGE: f64 = 1.0 / 1024.0;

/// The CPU twin. `gram` \[T, n, n\] symmetric, only its upper triangle is read; `rhs` and `out` \[T, n, K\].
pub fn solve(params: &Params, gram: &[f32], rhs: &[f32], out: &mut [f32]) {
    let [n, outputs] = [params.players, params.outputs].map(|n| n as usize);
    out.par_chunks_mut(n * outputs).enumerate().for_each_init(
        || vec![0.0; n * (n + outputs + 1)],
        |work, (t, out)| {
            load(&gram[t * n * n..][..n * n], &rhs[t * n * outputs..][..n * outputs], n, work);
            eliminate(n, work);
            substitute(n, work);
            centre(n, work, out);
        },
    );
}

/// `work` \[n, n + K + 1\] = \[A | b | 1\].
fn load(gram: &[f32], rhs: &[f32], n: usize, work: &mut [f64]) {
    let (width, outputs) = (work.len() / n, rhs.len() / n);
    for (i, row) in work.chunks_exact_mut(width).enumerate() {
        let values = gram[i * n..][..n].iter().chain(&rhs[i * outputs..][..outputs]).chain(&[1.0]);
        row.iter_mut().zip(values).for_each(|(to, &from)| *to = f64::from(from));
    }
}

/// \[A | b | 1\] becomes \[U | U⁻ᵀb | U⁻ᵀ1\].
fn eliminate(n: usize, work: &mut [f64]) {
    let width = work.len() / n;
    for j in 0..n {
        let (above, rest) = work.split_at_mut(j * width);
        let row = &mut rest[..width];
        let diagonal = row[j];
        for upper in above.chunks_exact(width) {
            let factor = upper[j];
            row[j..].iter_mut().zip(&upper[j..]).for_each(|(to, from)| *to -= factor * from);
        }
        let root = repaired(row[j], diagonal).sqrt();
        row[j + 1..].iter_mut().for_each(|value| *value /= root);
        row[j] = root;
    }
}

/// The pivot, with the ridge where it is needed.
fn repaired(pivot: f64, diagonal: f64) -> f64 {
    if pivot > PIVOT_FLOOR * diagonal {
        return pivot;
    }
    pivot.max(0.0) + RIDGE * if diagonal > 0.0 { diagonal } else { 1.0 }
}

/// The right-hand columns become U⁻¹ of themselves.
fn substitute(n: usize, work: &mut [f64]) {
    let width = work.len() / n;
    for j in (0..n).rev() {
        let (above, rest) = work.split_at_mut(j * width);
        let root = rest[j];
        let solved = &mut rest[n..width];
        solved.iter_mut().for_each(|value| *value /= root);
        for upper in above.chunks_exact_mut(width) {
            let factor = upper[j];
            upper[n..].iter_mut().zip(&*solved).for_each(|(to, from)| *to -= factor * from);
        }
    }
}

/// From \[x | z\] in the right-hand columns, φ = x − z·(Σx / Σz).
fn centre(n: usize, work: &[f64], out: &mut [f32]) {
    let (width, outputs) = (work.len() / n, out.len() / n);
    let total = |c: usize| work.chunks_exact(width).map(|row| row[n + c]).sum::<f64>();
    let total_z = total(outputs);
    for k in 0..outputs {
        let shift = total(k) / total_z;
        for (row, out) in work.chunks_exact(width).zip(out.chunks_exact_mut(outputs)) {
            out[k] = (row[n + k] - row[n + outputs] * shift) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solved(n: usize, outputs: usize, gram: &[f32], rhs: &[f32]) -> Vec<f32> {
        let params = Params { systems: (gram.len() / n / n) as u32, players: n as u32, outputs: outputs as u32 };
        let mut out = vec![f32::NAN; rhs.len()];
        solve(&params, gram, rhs, &mut out);
        out
    }

    #[test]
    fn two_players_by_hand() {
        // A = [[2, 1], [1, 2]]: x = (1, 4) for b = (6, 9), z = (1/3, 1/3), so φ = x − 5/2.
        assert_eq!(solved(2, 1, &[2.0, 1.0, 1.0, 2.0], &[6.0, 9.0]), [-1.5, 1.5]);
    }

    #[test]
    fn one_player_has_no_effect_left() {
        assert_eq!(solved(1, 2, &[3.0], &[7.0, 8.0]), [0.0, 0.0]);
    }

    #[test]
    fn two_systems_of_two_outputs_recover_known_effects() {
        // b = Aφ + c·1 has the solution φ for any c when φ sums to zero.
        let (n, phi) = (3, [[1.0, -2.0], [2.0, 0.5], [-3.0, 1.5]]);
        let grams = [[4.0, 1.0, 0.5, 1.0, 3.0, -1.0, 0.5, -1.0, 5.0], [2.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 8.0]];
        let rhs: Vec<f32> = (0..2 * n * 2)
            .map(|i| {
                let (t, row, k) = (i / (2 * n), i / 2 % n, i % 2);
                (0..n).map(|j| grams[t][row * n + j] * phi[j][k]).sum::<f32>() + 7.0
            })
            .collect();
        let found = solved(n, 2, grams.as_flattened(), &rhs);
        for (i, value) in found.iter().enumerate() {
            assert!((value - phi[i / 2 % n][i % 2]).abs() < 1e-6, "{found:?}");
        }
    }

    #[test]
    fn a_singular_system_gets_the_stated_ridge() {
        // One pair {0} of three players: A = s·sᵀ with s = (1, −1, −1), b = 3·s. Pivots 1 and 2 are zero and become r, so
        // x = (3, 0, 0), z = (1 + 4/r, 2/r, 2/r) and φ = x − 3·z / (1 + 8/r).
        let s = [1.0, -1.0, -1.0];
        let gram: Vec<f32> = (0..9).map(|i| s[i / 3] * s[i % 3]).collect();
        let phi = solved(3, 1, &gram, &s.map(|v| 3.0 * v));
        let other = -6.0 / (RIDGE + 8.0);
        for (found, expected) in phi.iter().zip([-2.0 * other, other, other]) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{phi:?}");
        }
        assert_eq!(solved(2, 1, &[0.0; 4], &[0.0; 2]), [0.0, 0.0]);
    }
}
