//! A column of numbers: its quantiles, its histogram, and numbers as text.

use super::{GridChoice, Histogram};

/// Digits of a label, as long as they tell the points of a grid apart.
const DIGITS: usize = 4;
/// A number of at most so many digits is written in full.
const SHORT: usize = 6;

/// A column's finite values in ascending order, with their weights.
pub(super) struct Column(Vec<(f32, f64)>);

impl Column {
    pub fn new(mut cells: Vec<(f32, f64)>) -> Self {
        cells.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(cells)
    }

    pub fn range(&self) -> Option<(f32, f32)> {
        Some((self.0.first()?.0, self.0.last()?.0))
    }

    /// Ascending, different, at least two; else what is wrong with them.
    pub fn points(&self, choice: &GridChoice) -> Result<Vec<f32>, String> {
        let (low, high) = self.range().map_or((0.0, 0.0), |(low, high)| (f64::from(low), f64::from(high)));
        let mut points: Vec<f32> = match choice {
            GridChoice::Quantiles(n) => self.few(*n).unwrap_or_else(|| self.quantiles(*n)),
            GridChoice::Even(n) => {
                let at = |k: usize| (low + k as f64 * (high - low) / (n - 1) as f64) as f32;
                self.few(*n).unwrap_or_else(|| if *n < 2 { vec![low as f32; *n] } else { (0..*n).map(at).collect() })
            }
            GridChoice::BucketCentres(n) => {
                (0..*n).map(|k| (low + (k as f64 + 0.5) * (high - low) / *n as f64) as f32).collect()
            }
            GridChoice::Points(points) => points.iter().map(|&point| point as f32).collect(),
        };
        if let Some(bad) = points.iter().position(|point| !point.is_finite()) {
            let given = if let GridChoice::Points(points) = choice { points[bad] } else { f64::NAN };
            return Err(format!("has the point {given}, which is not a finite f32"));
        }
        points.sort_by(f32::total_cmp);
        points.dedup();
        match points.len() {
            0 => Err("has no points".into()),
            1 => Err(format!("has one point, {}", shortest(points[0]))),
            _ => Ok(points),
        }
    }

    /// The values that occur, if they are at most `n`.
    fn few(&self, n: usize) -> Option<Vec<f32>> {
        let mut values: Vec<f32> = self.0.iter().map(|cell| cell.0).collect();
        values.dedup();
        (values.len() <= n).then_some(values)
    }

    /// At `n` even levels from 0 to 1 the first value up to which there is at least that share of the weight.
    pub fn quantiles(&self, n: usize) -> Vec<f32> {
        let total: f64 = self.0.iter().map(|cell| cell.1).sum();
        let (mut at, mut below) = (0, 0.0);
        let mut quantile = |level: f64| {
            while at + 1 < self.0.len() && below + self.0[at].1 < level * total * (1.0 - 1e-12) {
                below += self.0[at].1;
                at += 1;
            }
            self.0[at].0
        };
        let last = (n.max(2) - 1) as f64;
        (0..n).map(|k| quantile(k as f64 / last)).collect()
    }

    /// Shares of the weight in even bins; the last holds its upper edge.
    pub fn histogram(&self, bins: usize) -> Histogram {
        let (low, high) = self.range().map_or((0.0, 0.0), |(low, high)| (f64::from(low), f64::from(high)));
        let width = if high > low { (high - low) / bins as f64 } else { 1.0 };
        let mut share = vec![0.0; bins];
        for &(value, weight) in &self.0 {
            share[(((f64::from(value) - low) / width) as usize).min(bins - 1)] += weight;
        }
        let high = if high > low { high } else { low + bins as f64 };
        let edge = |k: usize| if k == bins { high } else { low + k as f64 * width };
        Histogram { edges: (0..=bins).map(edge).collect(), share }
    }
}

/// Numbers as a person writes them: in full if short, else to the digits that tell them apart.
pub(super) fn labels(values: &[f32]) -> Vec<String> {
    let written = |digits: usize| -> Vec<String> { values.iter().map(|&value| rounded(value, digits)).collect() };
    let differ = |labels: &Vec<String>| labels.windows(2).all(|pair| pair[0] != pair[1]);
    (DIGITS..=9).map(written).find(differ).unwrap_or_else(|| values.iter().map(|&value| shortest(value)).collect())
}

fn rounded(value: f32, digits: usize) -> String {
    let full = shortest(value);
    if full.chars().filter(char::is_ascii_digit).count() <= SHORT {
        return full;
    }
    let scientific = format!("{value:.*e}", digits - 1);
    shortest(scientific.parse().unwrap_or(value))
}

/// The shortest text that reads as this f32.
pub(super) fn shortest(value: f32) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e9).contains(&size) { format!("{value:e}") } else { format!("{value}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short_and_differ() {
        assert_eq!(labels(&[39.0, 99_999.0, 0.1]), ["39", "99999", "0.1"]);
        assert_eq!(labels(&[1.0 / 3.0, 200.0 / 3.0]), ["0.3333", "66.67"]);
        assert_eq!(labels(&[100.000_01, 100.000_02]), ["100.00001", "100.00002"]);
        assert_eq!(labels(&[1e-7, 3e12]), ["1e-7", "3e12"]);
    }
}
