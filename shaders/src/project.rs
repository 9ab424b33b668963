//! Linear estimates from contrasts: partial products with a fixed matrix, one for each group of pairs.
//!
//! `out[t, k, g, j] = Σ_{p ∈ groups[g]..groups[g+1]} matrix[j, p]·contrasts[t, p, k]`. The sum over g is the estimate; its
//! spread over g gives a standard error. A skinny product: few rows j, many pairs p.

use crate::{
    Kernel,
    kernel::{params, source},
};
use rayon::prelude::*;

params! {
    /// P, coalition pairs of each explained row.
    pairs,
    /// q, rows of the matrix.
    rows,
    /// T·K.
    columns,
    /// K, model outputs.
    outputs,
    /// g, groups of pairs.
    groups,
}

pub const KERNEL: Kernel =
    Kernel { name: "project", source: source!("project.wgsl"), workgroup: 64, bindings: 5, params: Params::LAYOUT };

/// Rows and columns that one workgroup makes.
const TILE: usize = 4;

/// Workgroups of one launch: blocks of rows, of columns, groups.
pub fn workgroups(params: &Params) -> usize {
    (params.rows as usize).div_ceil(TILE) * (params.columns as usize).div_ceil(TILE) * params.groups as usize
}

/// Columns that share one pass over the matrix.
const COLUMNS: usize = 4;
/// Pairs at a time, so that the converted columns stay in the first-level cache.
const BLOCK: usize = 512;
/// Independent partial sums of one product.
const LANES: usize = 4;

/// The CPU twin. `contrasts` \[T, P, K\], `matrix` \[q, P\], `groups` \[g + 1\] ascending offsets within 0..=P,
/// `out` \[T, K, g, q\].
pub fn project(params: &Params, contrasts: &[f32], matrix: &[f32], groups: &[u32], out: &mut [f32]) {
    let [pairs, rows, outputs] = [params.pairs, params.rows, params.outputs].map(|n| n as usize);
    let column_cells = params.groups as usize * rows;
    out.par_chunks_mut(COLUMNS * column_cells).enumerate().for_each_init(
        || (vec![[0.0; COLUMNS]; rows], vec![[0.0; BLOCK]; COLUMNS]),
        |(sums, panel), (block, out)| {
            let columns = out.len() / column_cells;
            for (g, bounds) in groups.windows(2).enumerate() {
                sums.fill([0.0; COLUMNS]);
                for from in (bounds[0] as usize..bounds[1] as usize).step_by(BLOCK) {
                    let len = BLOCK.min(bounds[1] as usize - from);
                    for (c, panel) in panel.iter_mut().enumerate().take(columns) {
                        let (t, k) = ((block * COLUMNS + c) / outputs, (block * COLUMNS + c) % outputs);
                        let column = contrasts[(t * pairs + from) * outputs + k..].iter().step_by(outputs);
                        panel.iter_mut().zip(column.take(len)).for_each(|(to, &from)| *to = f64::from(from));
                    }
                    for (sums, row) in sums.iter_mut().zip(matrix.chunks_exact(pairs)) {
                        add_products(&row[from..][..len], panel, sums);
                    }
                }
                for (c, out) in out.chunks_exact_mut(column_cells).enumerate() {
                    out[g * rows..][..rows].iter_mut().zip(&*sums).for_each(|(out, sums)| *out = sums[c] as f32);
                }
            }
        },
    );
}

/// `sums[c] += Σ_p row[p]·panel[c][p]`, in LANES interleaved sums each.
fn add_products(row: &[f32], panel: &[[f64; BLOCK]], sums: &mut [f64; COLUMNS]) {
    let [a, b, c, d] = panel else { unreachable!("the panel has COLUMNS columns") };
    let mut lanes = [[0.0; LANES]; COLUMNS];
    let whole = row.len() - row.len() % LANES;
    for p in (0..whole).step_by(LANES) {
        let m: [f64; LANES] = std::array::from_fn(|i| f64::from(row[p + i]));
        for (lanes, column) in lanes.iter_mut().zip([a, b, c, d]) {
            let column: &[f64; LANES] = column[p..p + LANES].try_into().expect("LANES values");
            for i in 0..LANES {
                lanes[i] += m[i] * column[i];
            }
        }
    }
    for ((sum, lanes), column) in sums.iter_mut().zip(lanes).zip([a, b, c, d]) {
        let tail: f64 = (whole..row.len()).map(|p| f64::from(row[p]) * column[p]).sum();
        *sum += lanes.iter().sum::<f64>() + tail;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_groups_by_hand() {
        // T = 1, P = 3, K = 2: contrasts (1, 10), (2, 20), (3, 30); groups {0} and {1, 2}.
        let params = Params { pairs: 3, rows: 2, columns: 2, outputs: 2, groups: 2 };
        let mut out = [0.0; 8];
        project(&params, &[1.0, 10.0, 2.0, 20.0, 3.0, 30.0], &[1.0, 1.0, 1.0, 5.0, 0.0, -1.0], &[0, 1, 3], &mut out);
        assert_eq!(out, [1.0, 5.0, 5.0, -3.0, 10.0, 50.0, 50.0, -30.0]);
    }

    #[test]
    fn integers_sum_exactly_at_awkward_sizes() {
        for (t, pairs, outputs, rows, bounds) in [
            (1, 1, 1, 1, vec![0, 1]),
            (5, BLOCK + 1, 1, 3, vec![0, BLOCK as u32 - 1, BLOCK as u32 + 1]),
            (3, 2 * BLOCK + 3, 3, 2, vec![0, 7, 7, 2 * BLOCK as u32 + 3]),
        ] {
            let g = bounds.len() - 1;
            let params = Params { pairs: pairs as u32, rows, columns: t * outputs, outputs, groups: g as u32 };
            let contrasts: Vec<f32> =
                (0..t as usize * pairs * outputs as usize).map(|i| (i * 7 % 11) as f32 - 5.0).collect();
            let matrix: Vec<f32> = (0..rows as usize * pairs).map(|i| (i * 5 % 13) as f32 - 6.0).collect();
            let mut out = vec![0.0; (t * outputs * rows) as usize * g];
            project(&params, &contrasts, &matrix, &bounds, &mut out);
            for (i, &found) in out.iter().enumerate() {
                let (j, rest) = (i % rows as usize, i / rows as usize);
                let (g, column) = (rest % g, rest / g);
                let (t, k) = (column / outputs as usize, column % outputs as usize);
                let expected: f32 = (bounds[g] as usize..bounds[g + 1] as usize)
                    .map(|p| matrix[j * pairs + p] * contrasts[(t * pairs + p) * outputs as usize + k])
                    .sum();
                assert_eq!(found, expected, "t {t}, k {k}, group {g}, row {j}, {pairs} pairs");
            }
        }
    }
}
