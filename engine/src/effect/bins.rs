//! The bins of accumulated local effects, and what moving rows across them adds up to.

use super::Axis;
use super::column::Column;
use ndarray::ArrayView2;

/// Bins between neighbouring edges, and which rows are moved from one edge of a bin to the other.
pub(super) struct Bins {
    /// Ascending. Numbers: quantiles of the data. Categories: their positions.
    pub edges: Vec<f64>,
    /// What the feature is set to at each edge.
    pub values: Vec<f32>,
    /// `[bin]` share of the weight.
    pub share: Vec<f64>,
    /// `[edge]` share of the weight that lies at the edge: the mean effect is Σ mass·effect.
    mass: Vec<f64>,
    /// By row; a row's moves, at most two, are of neighbouring bins.
    pub moves: Vec<Move>,
}

/// A row put on both edges of a bin.
#[derive(Clone, Copy)]
pub(super) struct Move {
    pub row: usize,
    pub bin: usize,
    weight: f64,
}

impl Bins {
    /// Bins of a numeric column between quantiles (of R's type 1, by weight), at most `bins`, fewer where values repeat. Each row moves across its own bin, which
    /// includes its upper edge (the first both) and counts half at each edge.
    pub fn numeric(values: impl Iterator<Item = f32>, weights: &[f64], bins: usize) -> Self {
        let rows: Vec<(usize, f32)> = values.enumerate().filter(|(_, value)| value.is_finite()).collect();
        let mut edges = Vec::new();
        if !rows.is_empty() {
            let column = Column::new(rows.iter().map(|&(row, value)| (value, weights[row])).collect());
            edges = column.quantiles(bins.min(rows.len()) + 1);
            edges.dedup();
        }
        let bin = |value: f32| edges.partition_point(|&edge| edge < value).saturating_sub(1);
        let moves = rows.iter().map(|&(row, value)| Move { row, bin: bin(value), weight: weights[row] });
        let moves = if edges.len() > 1 { moves.collect() } else { Vec::new() };
        let mut bins = Bins::new(edges.iter().map(|&e| f64::from(e)).collect(), edges, moves);
        for (bin, share) in bins.share.iter().enumerate() {
            bins.mass[bin] += share / 2.0;
            bins.mass[bin + 1] += share / 2.0;
        }
        bins
    }

    /// One bin between neighbouring categories of those that occur. A row moves up and down from its own category, and counts there.
    pub fn ordinal(axis: &Axis, rows: ArrayView2<f32>, weights: &[f64]) -> Self {
        let known = |(row, values)| Some((row, axis.category(values)?));
        let of_row: Vec<(usize, usize)> = rows.outer_iter().enumerate().filter_map(known).collect();
        let mut mass = vec![0.0; axis.categories.len()];
        of_row.iter().for_each(|&(row, category)| mass[category] += weights[row]);
        let occurring: Vec<usize> = (0..mass.len()).filter(|&category| mass[category] > 0.0).collect();
        let place = |category: usize| occurring.partition_point(|&c| c < category);
        let moves = of_row.iter().flat_map(|&(row, category)| {
            let at = place(category);
            let beside = at.saturating_sub(1)..(at + 1).min(occurring.len() - 1);
            beside.map(move |bin| Move { row, bin, weight: weights[row] })
        });
        let moves = moves.collect();
        let values = occurring.iter().map(|&c| axis.categories[c].values[0]).collect();
        let mut bins = Bins::new(occurring.iter().map(|&c| c as f64).collect(), values, moves);
        let total: f64 = mass.iter().sum();
        bins.mass = occurring.iter().map(|&c| mass[c] / total).collect();
        bins
    }

    fn new(edges: Vec<f64>, values: Vec<f32>, moves: Vec<Move>) -> Self {
        let total: f64 = moves.iter().map(|m| m.weight).sum();
        let mut share = vec![0.0; edges.len().saturating_sub(1)];
        moves.iter().for_each(|m| share[m.bin] += m.weight / total);
        Bins { mass: vec![0.0; edges.len()], edges, values, share, moves }
    }

    /// The centred effect at each edge and its standard error, from what each move changes: link(f) at the upper edge less link(f)
    /// at the lower one.
    pub fn accumulate(&self, change: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let bins = self.share.len();
        let (mut weight, mut mean) = (vec![0.0; bins], vec![0.0; bins]);
        for (m, change) in self.moves.iter().zip(change) {
            weight[m.bin] += m.weight;
            mean[m.bin] += m.weight * change;
        }
        (0..bins).for_each(|bin| mean[bin] /= weight[bin]);
        let mut effect = vec![0.0; self.edges.len()];
        (0..bins).for_each(|bin| effect[bin + 1] = effect[bin] + mean[bin]);
        let centre: f64 = effect.iter().zip(&self.mass).map(|(e, mass)| e * mass).sum();
        effect.iter_mut().for_each(|e| *e -= centre);
        (effect, self.errors(change, &weight, &mean))
    }

    /// Var(effect[k]) = Σ c_kl c_km Cov(mean_l, mean_m), with c_kl = \[l < k\] − (mass above bin l). Only neighbouring bins share rows.
    fn errors(&self, change: &[f64], weight: &[f64], mean: &[f64]) -> Vec<f64> {
        let (own, next) = self.covariances(change, weight, mean);
        let mut above = self.mass.clone();
        (1..above.len()).rev().for_each(|edge| above[edge - 1] += above[edge]);
        let error = |edge: usize| {
            let c = |bin: usize| f64::from(u8::from(bin < edge)) - above[bin + 1];
            let own = own.iter().enumerate().map(|(bin, v)| c(bin) * c(bin) * v);
            let next = next.iter().enumerate().map(|(bin, v)| 2.0 * c(bin) * c(bin + 1) * v);
            (own.sum::<f64>() + next.sum::<f64>()).max(0.0).sqrt()
        };
        (0..self.edges.len()).map(error).collect()
    }

    /// Variances of the bins' means, and covariances of each with the next. Of n rows the residuals are scaled by n/(n − 1), as in
    /// [`super::moments`]; a bin of a single row takes the residual variance of the others.
    fn covariances(&self, change: &[f64], weight: &[f64], mean: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let bins = self.share.len();
        let (mut rows, mut squares) = (vec![0.0f64; bins], vec![0.0; bins]);
        for m in &self.moves {
            rows[m.bin] += 1.0;
            squares[m.bin] += (m.weight / weight[m.bin]).powi(2);
        }
        let scale = |bin: usize| if rows[bin] > 1.0 { (rows[bin] / (rows[bin] - 1.0)).sqrt() } else { 0.0 };
        let part = |(m, change): (&Move, &f64)| m.weight / weight[m.bin] * scale(m.bin) * (change - mean[m.bin]);
        let parts: Vec<f64> = self.moves.iter().zip(change).map(part).collect();
        let (mut own, mut next) = (vec![0.0; bins], vec![0.0; bins.saturating_sub(1)]);
        for (at, m) in self.moves.iter().enumerate() {
            own[m.bin] += parts[at] * parts[at];
            if self.moves.get(at + 1).is_some_and(|other| other.row == m.row) {
                next[m.bin] += parts[at] * parts[at + 1];
            }
        }
        let several: Vec<f64> = (0..bins).filter(|&bin| rows[bin] > 1.0).map(|bin| own[bin] / squares[bin]).collect();
        let pooled = several.iter().sum::<f64>() / several.len() as f64;
        (0..bins).filter(|&bin| rows[bin] == 1.0).for_each(|bin| own[bin] = pooled);
        (own, next)
    }
}
