//! Which columns depend on each other in the data: where they do, partial dependence looks at rows that never occur.

use super::{Association, Axis};
use ndarray::ArrayView2;
use rayon::prelude::*;

/// Pairs of `axes` whose strength over `rows` `[rows, features]` with `weights` `[rows]` is `at_least`, strongest first.
///
/// Two numeric columns: |Pearson's r|. A numeric and a categorical one: the correlation ratio η, the root of the share of the number's
/// variance that lies between categories. Two categorical ones: Cramér's V = √(φ² / (min(r, c) − 1)) over the r and c categories
/// that occur. η and V are plain, without a correction for chance: of independent columns they are near √((categories − 1) / rows).
///
/// Of each pair, the rows count that have both; numbers that are not finite or stand for no category are missing. A column that is constant
/// over those rows goes with none.
pub fn associations(axes: &[Axis], rows: ArrayView2<f32>, weights: &[f64], at_least: f64) -> Vec<Association> {
    let cells: Vec<Cells> = axes.par_iter().map(|axis| Cells::new(axis, rows)).collect();
    let pairs: Vec<(usize, usize)> = (0..axes.len()).flat_map(|a| (a + 1..axes.len()).map(move |b| (a, b))).collect();
    let found = pairs.into_par_iter().filter_map(|(a, b)| {
        let strength = strength(&cells[a], &cells[b], weights).filter(|&s| s >= at_least)?;
        Some(Association { a: axes[a].name.clone(), b: axes[b].name.clone(), strength })
    });
    let mut found: Vec<Association> = found.collect();
    found.sort_by(|one, other| other.strength.total_cmp(&one.strength));
    found
}

/// The cells of a column.
enum Cells {
    /// Less the mean, so that sums of squares keep their digits; NaN where missing.
    Number(Vec<f64>),
    Category(Categories),
}

struct Categories {
    /// `None` where missing.
    of_row: Vec<Option<usize>>,
    count: usize,
}

impl Cells {
    fn new(axis: &Axis, rows: ArrayView2<f32>) -> Self {
        if axis.categories.is_empty() {
            let values = axis.features.first().map(|&feature| rows.column(feature));
            return Cells::Number(centred(values.into_iter().flatten().map(|&v| f64::from(v)).collect()));
        }
        let of_row = rows.outer_iter().map(|row| axis.category(row)).collect();
        Cells::Category(Categories { of_row, count: axis.categories.len() })
    }
}

fn centred(values: Vec<f64>) -> Vec<f64> {
    let known = values.iter().filter(|v| v.is_finite());
    let mean = known.clone().sum::<f64>() / known.count().max(1) as f64;
    values.into_iter().map(|v| if v.is_finite() { v - mean } else { f64::NAN }).collect()
}

fn strength(a: &Cells, b: &Cells, weights: &[f64]) -> Option<f64> {
    match (a, b) {
        (Cells::Number(a), Cells::Number(b)) => pearson(a, b, weights),
        (Cells::Number(y), Cells::Category(c)) | (Cells::Category(c), Cells::Number(y)) => ratio(y, c, weights),
        (Cells::Category(a), Cells::Category(b)) => cramer(a, b, weights),
    }
}

/// Weighted sums over the rows that count.
#[derive(Clone, Copy)]
struct Moments {
    weight: f64,
    sum: f64,
    squares: f64,
    low: f64,
    high: f64,
}

impl Moments {
    const NONE: Moments = Moments { weight: 0.0, sum: 0.0, squares: 0.0, low: f64::INFINITY, high: f64::NEG_INFINITY };

    fn add(&mut self, weight: f64, value: f64) {
        self.weight += weight;
        self.sum += weight * value;
        self.squares += weight * value * value;
        (self.low, self.high) = (self.low.min(value), self.high.max(value));
    }

    /// The sum of squared deviations from the mean; `None` of a constant.
    fn deviation(&self) -> Option<f64> {
        let squares = self.squares - self.sum * self.sum / self.weight;
        (self.low < self.high && squares > 0.0).then_some(squares)
    }
}

fn pearson(a: &[f64], b: &[f64], weights: &[f64]) -> Option<f64> {
    let (mut x, mut y, mut product) = (Moments::NONE, Moments::NONE, 0.0);
    for ((&a, &b), &weight) in a.iter().zip(b).zip(weights) {
        if weight > 0.0 && !(a.is_nan() || b.is_nan()) {
            x.add(weight, a);
            y.add(weight, b);
            product += weight * a * b;
        }
    }
    let covariance = product - x.sum * y.sum / x.weight;
    Some((covariance / (x.deviation()? * y.deviation()?).sqrt()).abs().min(1.0))
}

fn ratio(numbers: &[f64], categories: &Categories, weights: &[f64]) -> Option<f64> {
    let (mut all, mut groups) = (Moments::NONE, vec![Moments::NONE; categories.count]);
    for ((&value, category), &weight) in numbers.iter().zip(&categories.of_row).zip(weights) {
        if let (Some(category), true) = (*category, weight > 0.0 && !value.is_nan()) {
            all.add(weight, value);
            groups[category].add(weight, value);
        }
    }
    let groups: Vec<Moments> = groups.into_iter().filter(|g| g.weight > 0.0).collect();
    if groups.len() < 2 {
        return None;
    }
    let between = |g: &Moments| g.weight * (g.sum / g.weight - all.sum / all.weight).powi(2);
    Some((groups.iter().map(between).sum::<f64>() / all.deviation()?).min(1.0).sqrt())
}

fn cramer(a: &Categories, b: &Categories, weights: &[f64]) -> Option<f64> {
    let mut table = vec![0.0; a.count * b.count];
    for ((a, category), &weight) in a.of_row.iter().zip(&b.of_row).zip(weights) {
        if let (Some(a), Some(category)) = (*a, *category) {
            table[a * b.count + category] += weight;
        }
    }
    let rows: Vec<f64> = table.chunks(b.count).map(|row| row.iter().sum()).collect();
    let columns: Vec<f64> = (0..b.count).map(|c| table.iter().skip(c).step_by(b.count).sum()).collect();
    let occurring = |sums: &[f64]| sums.iter().filter(|&&sum| sum > 0.0).count();
    let smaller = occurring(&rows).min(occurring(&columns));
    if smaller < 2 {
        return None;
    }
    let share = |(cell, &weight): (usize, &f64)| {
        if weight == 0.0 { 0.0 } else { weight * weight / (rows[cell / b.count] * columns[cell % b.count]) }
    };
    let phi_squared = table.iter().enumerate().map(share).sum::<f64>() - 1.0;
    Some((phi_squared / (smaller - 1) as f64).clamp(0.0, 1.0).sqrt())
}
