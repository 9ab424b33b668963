//! The way of one sweep: its points in ascending order.

use super::Sweep;

/// A row further from 0 than so many times the farthest point is predicted in full: taking its own value out again would lose
/// digits of what stays.
const REACH: f32 = 8.0;
/// Points further from 0 may lead sums out of f32's range: they are predicted in full.
const FARTHEST: f32 = 1e29;

pub struct Course {
    pub feature: usize,
    /// Ascending.
    pub points: Vec<f32>,
    /// Where each point stands among those of all sweeps.
    pub places: Vec<usize>,
    /// The greatest |own value| of a row that follows the lines; NaN, which no row is below, if a point is too far.
    pub reach: f32,
}

impl Course {
    /// `start` points belong to sweeps before this one.
    pub fn new(sweep: &Sweep, start: usize) -> Self {
        let given = &sweep.points;
        let mut order: Vec<usize> = (0..given.len()).collect();
        order.sort_by(|&a, &b| given[a].total_cmp(&given[b]));
        let farthest = given.iter().fold(0.0, |farthest: f32, point| farthest.max(point.abs()));
        let near = given.iter().all(|point| point.abs() <= FARTHEST);
        Self {
            feature: sweep.feature,
            points: order.iter().map(|&point| given[point]).collect(),
            places: order.iter().map(|point| start + point).collect(),
            reach: if near { REACH * farthest } else { f32::NAN },
        }
    }

    /// The row with each of the points in its place.
    pub fn mask(&self, x: &[f32], masked: &mut Vec<f32>) {
        masked.clear();
        for &point in &self.points {
            masked.extend_from_slice(x);
            let row = masked.len() - x.len();
            masked[row + self.feature] = point;
        }
    }
}
