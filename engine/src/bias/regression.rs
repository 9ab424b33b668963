//! Errors of predicted numbers, group by group: residual = label − prediction, so a mean above 0 says predicted too low.
//!
//! One pass keeps means and squared deviations of each loss, for Welch's intervals, and for each bootstrap replicate the sums over rows
//! drawn Poisson(1) times (`explain/ranking.rs`): the weights are a function of the seed and the row's number.

use super::bootstrap::percentiles;
use super::interval::welch;
use crate::explain::poisson_weights;
use rayon::prelude::*;
use serde::Serialize;

/// Sums kept for the replicates at most: 256 MiB.
const SUMS: usize = 1 << 25;
/// Replicates added at once by one thread.
const LANES: usize = 64;

/// Errors of the groups of a facet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Regression {
    /// Rows with both numbers.
    pub d_rows: u64,
    pub a_rows: u64,
    /// Mean residual, mean absolute error (MAE), root mean squared error (RMSE), and the loss of each quantile.
    pub gaps: Vec<Gap>,
}

/// One measure of the errors, in both groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gap {
    /// `mean residual`, `MAE`, `RMSE`, `loss at 0.9`.
    pub name: String,
    /// None of an empty group.
    pub d: Option<f64>,
    pub a: Option<f64>,
    /// a − d; below 0 the errors of d are larger, the mean residual apart.
    pub difference: Option<f64>,
    /// Welch's interval of the difference; of RMSE to first order.
    pub analytic: Option<(f64, f64)>,
    /// The bootstrap's.
    pub interval: Option<(f64, f64)>,
}

/// What each row is measured by.
#[derive(Debug, Clone)]
pub struct Losses {
    quantiles: Vec<f64>,
}

impl Losses {
    pub fn new(quantiles: &[f64]) -> Losses {
        Losses { quantiles: quantiles.to_vec() }
    }

    pub fn len(&self) -> usize {
        3 + self.quantiles.len()
    }

    fn name(&self, i: usize) -> String {
        match i {
            0 => "mean residual".into(),
            1 => "MAE".into(),
            2 => "RMSE".into(),
            i => format!("loss at {}", self.quantiles[i - 3]),
        }
    }

    /// Residual, its size, its square, and the quantile losses (Koenker & Bassett 1978): τ of each unit too low, 1 − τ of each too high.
    pub fn of(&self, residual: f64) -> impl Iterator<Item = f64> {
        let loss = move |&tau: &f64| (tau * residual).max((tau - 1.0) * residual);
        [residual, residual.abs(), residual * residual].into_iter().chain(self.quantiles.iter().map(loss))
    }

    /// What is shown for a mean of loss i.
    fn shown(&self, i: usize, mean: f64) -> f64 {
        if i == 2 { mean.sqrt() } else { mean }
    }
}

/// Mean and squared deviations of one loss over some rows (Welford 1962; Chan et al. 1979).
#[derive(Debug, Clone, Copy, Default)]
pub struct Moments {
    rows: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, x: f64) {
        self.rows += 1.0;
        let off = x - self.mean;
        self.mean += off / self.rows;
        self.squares += off * (x - self.mean);
    }

    fn join(&mut self, other: &Moments) {
        let rows = self.rows + other.rows;
        if other.rows > 0.0 {
            let off = other.mean - self.mean;
            self.mean += off * other.rows / rows;
            self.squares += other.squares + off * off * self.rows * other.rows / rows;
            self.rows = rows;
        }
    }
}

/// Errors of the classes of one facet.
#[derive(Debug, Clone)]
pub struct Residuals {
    losses: Losses,
    replicates: usize,
    /// `[class][loss]`
    moments: Vec<Vec<Moments>>,
    /// `[class]` of `[lane][1 + loss][replicate of the lane]`: rows drawn, and sums.
    sums: Vec<Vec<f64>>,
}

impl Residuals {
    pub fn new(losses: Losses, replicates: usize) -> Residuals {
        Residuals { losses, replicates, moments: Vec::new(), sums: Vec::new() }
    }

    /// Adds rows of known residual; `weights` has those of each row's replicates.
    pub fn add(&mut self, classes: &[u32], residuals: &[Option<f64>], weights: &[u8]) {
        let found = |&(row, &class): &(usize, &u32)| residuals[row].map(|residual| (row, class as usize, residual));
        let rows: Vec<(usize, usize, f64)> = classes.iter().enumerate().filter_map(|row| found(&row)).collect();
        let n = self.losses.len();
        for &(_, class, residual) in &rows {
            if self.moments.len() <= class {
                self.moments.resize(class + 1, vec![Moments::default(); n]);
                self.sums.resize(class + 1, Vec::new());
            }
            self.moments[class].iter_mut().zip(self.losses.of(residual)).for_each(|(sum, x)| sum.add(x));
        }
        self.resample(&rows, weights);
    }

    fn resample(&mut self, rows: &[(usize, usize, f64)], weights: &[u8]) {
        let (replicates, losses) = (self.replicates, self.losses.len());
        if replicates == 0 || self.is_too_large() {
            return;
        }
        let lane = LANES * (1 + losses);
        let lanes = replicates.div_ceil(LANES);
        self.sums.iter_mut().for_each(|sums| sums.resize(lanes * lane, 0.0));
        // One thread adds to the same lane of every class.
        let mut parts: Vec<Vec<&mut [f64]>> = (0..lanes).map(|_| Vec::new()).collect();
        for sums in &mut self.sums {
            parts.iter_mut().zip(sums.chunks_mut(lane)).for_each(|(part, sums)| part.push(sums));
        }
        let kinds = &self.losses;
        parts.into_par_iter().enumerate().for_each(|(at, mut classes)| {
            let from = at * LANES;
            let to = (from + LANES).min(replicates);
            for &(row, class, residual) in rows {
                let mut drawn = [0.0; LANES];
                let bytes = &weights[row * replicates..][from..to];
                drawn.iter_mut().zip(bytes).for_each(|(drawn, &w)| *drawn = f64::from(w));
                let values = std::iter::once(1.0).chain(kinds.of(residual));
                for (sums, x) in classes[class].chunks_exact_mut(LANES).zip(values) {
                    sums.iter_mut().zip(&drawn).for_each(|(sum, w)| *sum += x * w);
                }
            }
        });
    }

    /// Whether the sums of the replicates are more than may be kept.
    pub fn is_too_large(&self) -> bool {
        self.sums.len() * (self.replicates + LANES) * (1 + self.losses.len()) > SUMS
    }

    /// The groups of `side`, 0 for a and 1 for d.
    pub fn gaps(&self, side: &[Option<usize>], level: f64) -> Regression {
        let n = self.losses.len();
        let mut groups = [vec![Moments::default(); n], vec![Moments::default(); n]];
        for (moments, group) in self.moments.iter().zip(side) {
            if let Some(group) = group {
                groups[*group].iter_mut().zip(moments).for_each(|(sum, moments)| sum.join(moments));
            }
        }
        let replicates = self.replicated(side);
        let [a, d] = &groups;
        let gap = |i: usize| {
            let mean = |m: &Moments| (m.rows > 0.0).then(|| self.losses.shown(i, m.mean));
            let difference = mean(&a[i]).zip(mean(&d[i])).map(|(a, d)| a - d);
            Gap {
                name: self.losses.name(i),
                d: mean(&d[i]),
                a: mean(&a[i]),
                difference,
                analytic: difference.and(welch(self.estimate(i, &a[i]), self.estimate(i, &d[i]), level)),
                interval: difference.and(self.interval(i, &replicates, level)),
            }
        };
        Regression { d_rows: d[0].rows as u64, a_rows: a[0].rows as u64, gaps: (0..n).map(gap).collect() }
    }

    /// What is shown of loss i, the variance of that estimate, and the rows. √m varies by 1/(4m) of what m does.
    fn estimate(&self, i: usize, m: &Moments) -> [f64; 3] {
        let variance = m.squares / (m.rows - 1.0) / m.rows;
        let variance = if i == 2 && m.mean > 0.0 { variance / (4.0 * m.mean) } else { variance };
        [self.losses.shown(i, m.mean), variance, m.rows]
    }

    /// `[group][1 + loss][replicate]`
    fn replicated(&self, side: &[Option<usize>]) -> [Vec<Vec<f64>>; 2] {
        let empty = vec![vec![0.0; self.replicates]; 1 + self.losses.len()];
        let mut groups = [empty.clone(), empty];
        for (sums, group) in self.sums.iter().zip(side) {
            let Some(group) = group else { continue };
            for (at, lane) in sums.chunks(LANES * (1 + self.losses.len())).enumerate() {
                for (kind, values) in groups[*group].iter_mut().zip(lane.chunks_exact(LANES)) {
                    kind[at * LANES..].iter_mut().zip(values).for_each(|(sum, x)| *sum += x);
                }
            }
        }
        groups
    }

    fn interval(&self, i: usize, groups: &[Vec<Vec<f64>>; 2], level: f64) -> Option<(f64, f64)> {
        let mean = |g: usize, b: usize| {
            let rows = groups[g][0][b];
            (rows > 0.0).then(|| self.losses.shown(i, groups[g][1 + i][b] / rows))
        };
        let values = (0..self.replicates).filter_map(|b| Some(mean(0, b)? - mean(1, b)?)).collect();
        percentiles(values, self.replicates, level)
    }
}

/// Weights of the replicates of some rows, `[row][replicate]`; the first of them has number `first` in the table.
pub fn weights(seed: u64, first: u64, rows: usize, replicates: usize) -> Vec<u8> {
    let mut weights = vec![0u8; rows * replicates];
    if replicates > 0 {
        weights.par_chunks_exact_mut(replicates).enumerate().for_each(|(at, row)| {
            poisson_weights(seed, first + at as u64, row);
        });
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_any_size_give_the_same_bits() {
        let rows = 200;
        let classes: Vec<u32> = (0..rows as u32).map(|i| i * i % 3).collect();
        let residual = |i: usize| (!i.is_multiple_of(11)).then(|| (i as f64 * 0.7).sin() * 9.0);
        let residuals: Vec<Option<f64>> = (0..rows).map(residual).collect();
        let gaps = |blocks: &[usize]| {
            let mut found = Residuals::new(Losses::new(&[0.2]), 100);
            let mut first = 0;
            for &n in blocks {
                let part = first..first + n;
                found.add(&classes[part.clone()], &residuals[part], &weights(3, first as u64, n, 100));
                first += n;
            }
            found.gaps(&[Some(0), Some(1), None], 0.9)
        };
        let whole = gaps(&[rows]);
        assert!(whole.gaps.iter().all(|gap| gap.interval.is_some()));
        assert_eq!(gaps(&[1; 200]), whole);
        assert_eq!(gaps(&[63, 64, 73]), whole);
    }

    /// A replicate's mean is that of the rows as often as they were drawn.
    #[test]
    fn replicates_are_means_of_drawn_rows() {
        let residuals = [Some(1.0), Some(-2.0), None, Some(5.0), Some(0.5)];
        let classes = [0, 0, 1, 1, 1];
        let drawn = weights(9, 0, 5, 70);
        let mut found = Residuals::new(Losses::new(&[]), 70);
        found.add(&classes, &residuals, &drawn);
        let [a, d] = found.replicated(&[Some(0), Some(1)]);
        for b in [0, 63, 64, 69] {
            let w = |row: usize| f64::from(drawn[row * 70 + b]);
            assert_eq!((a[0][b], a[1][b], a[2][b]), (w(0) + w(1), w(0) - 2.0 * w(1), w(0) + 2.0 * w(1)));
            assert_eq!((d[0][b], d[3][b]), (w(3) + w(4), 25.0 * w(3) + 0.25 * w(4)));
        }
    }
}
