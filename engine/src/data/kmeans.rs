//! Weighted k-means: few rows that stand for many.
//!
//! Distances are Euclidean between standardised columns, so that no column counts more for its unit. Seeding is k-means++ (Arthur and
//! Vassilvitskii 2007), then Lloyd's steps until no row moves. As `shap.kmeans` does, each centre is at last snapped, column by
//! column, to the nearest value that occurs; so a centre need not be a row of the table. O(rows · clusters · features) a step.
//! Distances are f32, means f64, every sum in a fixed order: the same seed gives the same bits whatever the number of threads.

use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

const MAX_STEPS: usize = 50;
const CHUNK_ROWS: usize = 1024;

/// Rows `[rows, features]`, finite, with weights `[rows]` that sum to 1; 1 ≤ `clusters` ≤ rows. Gives `[found, features]` and the
/// share of each cluster; found < clusters only if fewer rows differ.
pub fn summarise(rows: &Array2<f32>, weights: &[f64], clusters: usize, seed: u64) -> (Array2<f32>, Vec<f64>) {
    let points = Points::new(rows, weights);
    let (found, nearest) = points.cluster(clusters, seed);
    let raw = rows.as_slice().expect("row-major");
    let (means, mut shares) = points.means(raw, found, &nearest);
    let kept = means.into_iter().zip(&shares).filter(|(_, share)| **share > 0.0).flat_map(|(mean, _)| mean);
    let snapped = snap(raw, rows.ncols(), kept.map(|x| x as f32).collect());
    shares.retain(|&share| share > 0.0);
    (snapped, shares)
}

/// As [`summarise`], but of each cluster the row that is nearest to its centre: positions of rows.
pub fn medoids(rows: &Array2<f32>, weights: &[f64], clusters: usize, seed: u64) -> (Vec<usize>, Vec<f64>) {
    let points = Points::new(rows, weights);
    let (found, nearest) = points.cluster(clusters, seed);
    let mut best: Vec<Option<usize>> = vec![None; found];
    let mut shares = vec![0.0; found];
    for (row, &(cluster, distance)) in nearest.iter().enumerate() {
        shares[cluster] += weights[row];
        if best[cluster].is_none_or(|other| distance < nearest[other].1) {
            best[cluster] = Some(row);
        }
    }
    let kept =
        best.into_iter().zip(shares).filter_map(|(row, share)| row.filter(|_| share > 0.0).map(|row| (row, share)));
    kept.unzip()
}

struct Points<'a> {
    /// Standardised rows; a constant column, which tells no rows apart, is 0.
    values: Vec<f32>,
    width: usize,
    weights: &'a [f64],
}

/// The nearest centre of a row, and the squared distance to it.
type Nearest = (usize, f32);

impl<'a> Points<'a> {
    fn new(rows: &Array2<f32>, weights: &'a [f64]) -> Self {
        let (raw, width) = (rows.as_slice().expect("row-major"), rows.ncols());
        let mean = total(raw, width, weights, |x, _| *x);
        let variance = total(raw, width, weights, |x, j| (x - mean[j]).powi(2));
        // A constant column's variance is zero up to the rounding of its mean.
        let scale = |(&v, &m): (&f64, &f64)| if v.sqrt() <= 1e-12 * m.abs() { 0.0 } else { v.sqrt().recip() };
        let scale: Vec<f64> = variance.iter().zip(&mean).map(scale).collect();
        let mut values = raw.to_vec();
        values.par_chunks_mut(width).for_each(|row| {
            row.iter_mut().enumerate().for_each(|(j, x)| *x = ((f64::from(*x) - mean[j]) * scale[j]) as f32);
        });
        Points { values, width, weights }
    }

    fn row(&self, r: usize) -> &[f32] {
        &self.values[r * self.width..][..self.width]
    }

    /// The number of centres, and of each row the nearest one.
    fn cluster(&self, clusters: usize, seed: u64) -> (usize, Vec<Nearest>) {
        let mut centres = self.seed_centres(clusters, seed);
        let mut nearest = self.nearest(&centres);
        for _ in 0..MAX_STEPS {
            self.move_centres(&mut centres, &nearest);
            let next = self.nearest(&centres);
            let moved = next.iter().zip(&nearest).any(|(a, b)| a.0 != b.0);
            nearest = next;
            if !moved {
                break;
            }
        }
        (centres.len(), nearest)
    }

    /// k-means++: each next centre is a row drawn with chance ∝ weight · squared distance to the nearest centre so far.
    fn seed_centres(&self, clusters: usize, seed: u64) -> Vec<Vec<f32>> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut centres: Vec<Vec<f32>> = Vec::new();
        let mut chance = self.weights.to_vec();
        let mut distance = vec![f32::INFINITY; self.weights.len()];
        while centres.len() < clusters {
            let Some(drawn) = draw(&chance, random.random()) else { break };
            let centre = self.row(drawn).to_vec();
            distance.par_iter_mut().enumerate().for_each(|(r, d)| *d = d.min(squared_distance(self.row(r), &centre)));
            centres.push(centre);
            chance.iter_mut().zip(self.weights).zip(&distance).for_each(|((c, w), d)| *c = w * f64::from(*d));
        }
        centres
    }

    fn nearest(&self, centres: &[Vec<f32>]) -> Vec<Nearest> {
        let closest = |row: &[f32]| {
            let distances = centres.iter().map(|c| squared_distance(row, c)).enumerate();
            distances.reduce(|a, b| if b.1 < a.1 { b } else { a }).unwrap_or((0, 0.0))
        };
        self.values.par_chunks(self.width).map(closest).collect()
    }

    /// Weighted mean of each cluster's rows of `values` (standardised or raw), and its share.
    fn means(&self, values: &[f32], clusters: usize, nearest: &[Nearest]) -> (Vec<Vec<f64>>, Vec<f64>) {
        let mut shares = vec![0.0; clusters];
        let mut means = vec![vec![0.0; self.width]; clusters];
        for ((row, (c, _)), w) in values.chunks_exact(self.width).zip(nearest).zip(self.weights) {
            shares[*c] += w;
            means[*c].iter_mut().zip(row).for_each(|(s, &x)| *s += w * f64::from(x));
        }
        means.iter_mut().zip(&shares).for_each(|(mean, share)| mean.iter_mut().for_each(|m| *m /= share));
        (means, shares)
    }

    /// Each centre to the mean of its rows; a centre without weight to the row that is worst served, each row taken once.
    fn move_centres(&self, centres: &mut [Vec<f32>], nearest: &[Nearest]) {
        let (means, shares) = self.means(&self.values, centres.len(), nearest);
        let mut worst: Vec<f64> = nearest.iter().zip(self.weights).map(|((_, d), w)| f64::from(*d) * w).collect();
        for (c, mean) in means.into_iter().enumerate() {
            if shares[c] > 0.0 {
                centres[c] = mean.into_iter().map(|m| m as f32).collect();
            } else if let Some(r) = (0..worst.len()).max_by(|&a, &b| worst[a].total_cmp(&worst[b])) {
                centres[c] = self.row(r).to_vec();
                worst[r] = 0.0;
            }
        }
    }
}

/// Σ over rows of weight · `term(value, column)`, one sum a column: chunks in parallel, added up in their order.
fn total(values: &[f32], width: usize, weights: &[f64], term: impl Fn(&f64, usize) -> f64 + Sync) -> Vec<f64> {
    let chunks = values.par_chunks(CHUNK_ROWS * width).zip(weights.par_chunks(CHUNK_ROWS));
    let partial: Vec<Vec<f64>> = chunks
        .map(|(rows, weights)| {
            let mut sum = vec![0.0; width];
            for (row, w) in rows.chunks_exact(width).zip(weights) {
                sum.iter_mut().zip(row).enumerate().for_each(|(j, (s, &x))| *s += w * term(&f64::from(x), j));
            }
            sum
        })
        .collect();
    partial.into_iter().reduce(|a, b| a.iter().zip(&b).map(|(a, b)| a + b).collect()).unwrap_or_default()
}

/// In eight lanes, so that the compiler can use vector instructions.
fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut lanes = [0f32; 8];
    for (x, y) in a.iter().zip(b) {
        for i in 0..8 {
            lanes[i] += (x[i] - y[i]) * (x[i] - y[i]);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| (x - y) * (x - y)).sum();
    lanes.iter().sum::<f32>() + rest
}

/// Each coordinate of the centres `[centres, width]` to the nearest value of its column, the lower one of two.
fn snap(values: &[f32], width: usize, mut centres: Vec<f32>) -> Array2<f32> {
    for column in 0..width {
        let mut occurring: Vec<f32> = values.iter().skip(column).step_by(width).copied().collect();
        occurring.sort_unstable_by(f32::total_cmp);
        for centre in centres.iter_mut().skip(column).step_by(width) {
            let above = occurring.partition_point(|v| v < centre).min(occurring.len() - 1);
            let below = above.saturating_sub(1);
            let nearer_below = *centre - occurring[below] <= occurring[above] - *centre;
            *centre = occurring[if nearer_below { below } else { above }];
        }
    }
    Array2::from_shape_vec((centres.len() / width, width), centres).expect("one value a cell")
}

/// The index where `uniform` in [0, 1) falls among the chances; none if all are zero.
fn draw(chances: &[f64], uniform: f64) -> Option<usize> {
    let mut left = uniform * chances.iter().sum::<f64>();
    let mut last = None;
    for (i, &chance) in chances.iter().enumerate().filter(|(_, c)| **c > 0.0) {
        last = Some(i);
        if left < chance {
            break;
        }
        left -= chance;
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn equal(n: usize) -> Vec<f64> {
        vec![1.0 / n as f64; n]
    }

    #[test]
    fn two_far_groups_are_found_with_their_shares() {
        let rows = array![[0.0f32, 5.0], [1.0, 5.0], [0.5, 5.0], [100.0, 5.0], [101.0, 5.0]];
        let (centres, shares) = summarise(&rows, &equal(5), 2, 3);
        let mut found: Vec<(f32, f64)> = centres.column(0).iter().copied().zip(shares).collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Means 0.5 and 100.5; the tie of 100.5 goes to the lower value that occurs.
        assert_eq!((found[0].0, found[1].0), (0.5, 100.0));
        assert!((found[0].1 - 0.6).abs() < 1e-12 && (found[1].1 - 0.4).abs() < 1e-12, "{found:?}");
        assert!(centres.column(1).iter().all(|&x| x == 5.0));
    }

    #[test]
    fn weights_pull_the_centre() {
        let rows = array![[0.0f32], [1.0], [2.0], [3.0]];
        let (centres, shares) = summarise(&rows, &[0.0, 0.0, 0.5, 0.5], 1, 0);
        assert_eq!((centres[[0, 0]], shares[0]), (2.0, 1.0));
    }

    #[test]
    fn fewer_distinct_rows_than_clusters() {
        let rows = array![[1.0f32], [1.0], [2.0], [2.0]];
        let (centres, shares) = summarise(&rows, &equal(4), 4, 1);
        assert_eq!(centres.nrows(), 2);
        assert_eq!(shares, [0.5, 0.5]);
    }

    #[test]
    fn a_column_counts_the_same_in_any_unit() {
        let rows = array![[0.0f32, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 0.25], [0.25, 0.75]];
        let scaled = &rows * &array![[1.0f32, 1024.0]];
        let (a, shares_a) = summarise(&rows, &equal(6), 3, 9);
        let (b, shares_b) = summarise(&scaled, &equal(6), 3, 9);
        assert_eq!(a, &b / &array![[1.0f32, 1024.0]]);
        assert_eq!(shares_a, shares_b);
    }

    #[test]
    fn an_empty_cluster_moves_to_the_worst_served_row() {
        let rows = array![[0.0f32], [1.0], [10.0]];
        let weights = equal(3);
        let points = Points::new(&rows, &weights);
        let mut centres = vec![points.row(0).to_vec(), vec![1e9]];
        let nearest = points.nearest(&centres);
        points.move_centres(&mut centres, &nearest);
        assert_eq!(centres[1], points.row(2));
    }
}
