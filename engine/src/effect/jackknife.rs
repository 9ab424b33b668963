//! Friedman's H from partial dependence by groups of background rows, and its errors by leaving groups out.

use crate::explain::Link;
use ndarray::ArrayView2;
use std::ops::Range;

/// Groups of rows that are left out in turn.
const GROUPS: usize = 10;
/// Mean outputs that spread over less than this times their size are constant: what f32 leaves of a model that does not change.
const CONSTANT: f64 = 16.0 * f32::EPSILON as f64;

/// Rows that are background and evaluation points at once, in groups.
pub(super) struct Sample<'a> {
    /// `[row]`, positive, at least two rows.
    weights: &'a [f64],
    pub groups: Vec<Range<usize>>,
    link: Link,
}

/// Mean outputs `[group][row]`: over the background rows of a group, at a row of the sample.
pub(super) type Means<'a> = ArrayView2<'a, f64>;

impl<'a> Sample<'a> {
    pub fn new(weights: &'a [f64], link: Link) -> Self {
        let count = GROUPS.min(weights.len());
        let bounds = |group: usize| group * weights.len() / count..(group + 1) * weights.len() / count;
        Sample { weights, groups: (0..count).map(bounds).collect(), link }
    }

    pub fn rows(&self) -> usize {
        self.weights.len()
    }

    /// H and the strength, which is without its denominator: `[h, strength]` and the standard errors of both.
    pub fn interaction(&self, a: Means, b: Means, both: Means) -> ([f64; 2], [f64; 2]) {
        let count = self.groups.len();
        let without: Vec<[f64; 2]> = (0..count).map(|group| self.measure(a, b, both, Some(group))).collect();
        let error = |which: usize| {
            let mean = without.iter().map(|m| m[which]).sum::<f64>() / count as f64;
            let squares: f64 = without.iter().map(|m| (m[which] - mean).powi(2)).sum();
            (squares * (count as f64 - 1.0) / count as f64).sqrt()
        };
        (self.measure(a, b, both, None), [error(0), error(1)])
    }

    fn measure(&self, a: Means, b: Means, both: Means, out: Option<usize>) -> [f64; 2] {
        let rows: Vec<usize> = self.kept(out).flat_map(|group| self.groups[group].clone()).collect();
        let total: f64 = rows.iter().map(|&row| self.weights[row]).sum();
        let mean_square = |values: &[f64]| {
            rows.iter().zip(values).map(|(&row, value)| self.weights[row] * value * value).sum::<f64>() / total
        };
        let means = self.means(both, &rows, out);
        let [a, b] = [a, b].map(|means| self.centred(self.means(means, &rows, out), &rows, total));
        let constant = constant(&means);
        let both = self.centred(means, &rows, total);
        let joint: Vec<f64> = both.iter().zip(a.iter().zip(&b)).map(|(both, (a, b))| both - a - b).collect();
        let (numerator, denominator) = (mean_square(&joint), mean_square(&both));
        [if constant { 0.0 } else { (numerator / denominator).sqrt() }, numerator.sqrt()]
    }

    fn kept(&self, out: Option<usize>) -> impl Iterator<Item = usize> {
        (0..self.groups.len()).filter(move |&group| Some(group) != out)
    }

    /// Partial dependence before the link at `rows`, over the groups that are kept.
    fn means(&self, means: Means, rows: &[usize], out: Option<usize>) -> Vec<f64> {
        let weight = |group: usize| self.weights[self.groups[group].clone()].iter().sum::<f64>();
        let weights: Vec<(usize, f64)> = self.kept(out).map(|group| (group, weight(group))).collect();
        let total: f64 = weights.iter().map(|w| w.1).sum();
        let mean = |&row: &usize| weights.iter().map(|&(group, w)| w * means[(group, row)]).sum::<f64>() / total;
        rows.iter().map(mean).collect()
    }

    fn centred(&self, means: Vec<f64>, rows: &[usize], total: f64) -> Vec<f64> {
        let values: Vec<f64> = means.into_iter().map(|mean| self.link.apply(mean)).collect();
        let centre = rows.iter().zip(&values).map(|(&row, value)| self.weights[row] * value).sum::<f64>() / total;
        values.into_iter().map(|value| value - centre).collect()
    }
}

fn constant(means: &[f64]) -> bool {
    let (low, high) = means.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &m| (l.min(m), h.max(m)));
    high - low <= CONSTANT * low.abs().max(high.abs())
}
