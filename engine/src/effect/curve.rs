//! Curves and surfaces from averages, and other views of a curve.

use super::donors::Donors;
use super::explainer::Effects;
use super::moments::Moments;
use super::{Axis, Curve, Grid, Point, Surface};
use crate::kernels::Link;
use crate::{Error, Result};
use ndarray::Array2;
use serde::Serialize;

/// How fast a curve and its ICE lines rise: finite differences between neighbouring points (d-ICE; Goldstein et al. 2015).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Derivative {
    /// `[interval]`: the middle of each pair of neighbouring points.
    pub position: Vec<f64>,
    /// `[interval]`: slope of the mean.
    pub mean: Vec<f64>,
    /// `[line][interval]`: slopes of the ICE lines.
    pub ice: Vec<Vec<f64>>,
    /// `[interval]`: standard deviation of the slopes over the lines; 0 everywhere if the axis acts alone. NaN for fewer than two lines.
    pub spread: Vec<f64>,
}

impl Effects {
    /// Partial dependence on each grid, its outputs one after the other, with the ICE lines of `ice_lines` random rows (all, if there are
    /// fewer).
    ///
    /// # Errors
    /// A grid without points or of features that the model has not, outputs that are not finite where features are set,
    /// [`Error::Interrupted`] when stopped, [`Error::Device`] when the device fails even on the smallest tile.
    pub fn curves(&self, grids: &[Grid], ice_lines: usize) -> Result<Vec<Curve>> {
        let features = self.features().len();
        grids.iter().try_for_each(|grid| check(grid, features))?;
        let points = || grids.iter().flat_map(|grid| grid.points.iter().map(|point| (&grid.axis, point)));
        let donors = Donors::setting(features, points().map(|(axis, point)| settings(axis, point)));
        let units: Vec<usize> = grids.iter().map(|grid| grid.points.len()).collect();
        let lines = ice_lines.min(self.rows().nrows());
        let averages = self.averages(&donors, &units, 0..self.rows().nrows(), lines)?;
        let (outputs, link) = (self.output_names(), self.predictor.link);
        let set: Vec<_> = points().collect();
        self.check(&means(&averages.cells, outputs.len()), |donor| told(&[set[donor]]))?;
        let mut curves = Vec::with_capacity(grids.len() * outputs.len());
        let mut first = 0;
        for grid in grids {
            let donors = first..first + grid.points.len();
            first = donors.end;
            for (k, output) in outputs.iter().enumerate() {
                let cells: Vec<[Moments; 2]> =
                    donors.clone().map(|donor| averages.cells[donor * outputs.len() + k]).collect();
                let of_line = |line: usize| {
                    let at = |donor: usize| averages.ice[(donor * lines + line) * outputs.len() + k];
                    donors.clone().map(|donor| link.apply(f64::from(at(donor))) as f32).collect()
                };
                curves.push(Curve {
                    output: output.clone(),
                    grid: grid.clone(),
                    mean: cells.iter().map(|cell| link.apply(cell[0].mean)).collect(),
                    stderr: cells.iter().map(|cell| stderr(link, &cell[0])).collect(),
                    centred_stderr: cells.iter().map(|cell| centred_stderr(link, &cells[0], cell)).collect(),
                    ice: (0..lines).map(of_line).collect(),
                });
            }
        }
        Ok(curves)
    }

    /// Partial dependence on each pair of grids, its outputs one after the other.
    ///
    /// # Errors
    /// As [`Self::curves`], and a pair of axes that share a feature.
    pub fn surfaces(&self, pairs: &[(Grid, Grid)]) -> Result<Vec<Surface>> {
        let features = self.features().len();
        for (x, y) in pairs {
            check(x, features)?;
            check(y, features)?;
            if x.axis.features.iter().any(|feature| y.axis.features.contains(feature)) {
                let message =
                    format!("a surface needs two different features; `{}` and `{}` are one", x.axis.name, y.axis.name);
                return Err(Error::input(message).hint("name two different features in each pair"));
            }
        }
        let cells = |x: &Grid, y: &Grid| ndarray::indices((x.points.len(), y.points.len()));
        let points = || {
            pairs.iter().flat_map(move |(x, y)| {
                cells(x, y).into_iter().map(move |(i, j)| [(&x.axis, &x.points[i]), (&y.axis, &y.points[j])])
            })
        };
        let both = |set: [(&Axis, &Point); 2]| {
            set.into_iter().flat_map(|(axis, point)| settings(axis, point)).collect::<Vec<_>>()
        };
        let donors = Donors::setting(features, points().map(both));
        let averages = self.averages(&donors, &vec![1; donors.len()], 0..self.rows().nrows(), 0)?;
        let (outputs, link) = (self.output_names(), self.predictor.link);
        let set: Vec<_> = points().collect();
        self.check(&means(&averages.cells, outputs.len()), |donor| told(&set[donor]))?;
        let mut surfaces = Vec::with_capacity(pairs.len() * outputs.len());
        let mut first = 0;
        for (x, y) in pairs {
            for (k, output) in outputs.iter().enumerate() {
                let cell =
                    |i: usize, j: usize| &averages.cells[(first + i * y.points.len() + j) * outputs.len() + k][0];
                let all = |value: &dyn Fn(&Moments) -> f64| {
                    let of_row = |i| (0..y.points.len()).map(|j| value(cell(i, j))).collect();
                    (0..x.points.len()).map(of_row).collect()
                };
                surfaces.push(Surface {
                    output: output.clone(),
                    x: x.clone(),
                    y: y.clone(),
                    mean: all(&|moments| link.apply(moments.mean)),
                    stderr: all(&|moments| stderr(link, moments)),
                });
            }
            first += x.points.len() * y.points.len();
        }
        Ok(surfaces)
    }
}

fn check(grid: &Grid, features: usize) -> Result<()> {
    let Axis { name, features: own, .. } = &grid.axis;
    if let Some(feature) = own.iter().find(|&&feature| feature >= features) {
        return Err(Error::input(format!(
            "`{name}` is at feature {feature}, the model takes {features} features, from 0"
        )));
    }
    if grid.points.is_empty() || own.is_empty() || grid.points.iter().any(|point| point.values.len() != own.len()) {
        return Err(Error::input(format!("the grid of `{name}` sets no feature, or not the same at every point")));
    }
    Ok(())
}

fn settings(axis: &Axis, point: &Point) -> Vec<(usize, f32)> {
    axis.features.iter().copied().zip(point.values.iter().copied()).collect()
}

/// "`age` is set to 30".
fn told(set: &[(&Axis, &Point)]) -> String {
    let one = |(axis, point): &(&Axis, &Point)| format!("`{}` is set to {}", axis.name, point.label);
    set.iter().map(one).collect::<Vec<_>>().join(" and ")
}

fn means(cells: &[[Moments; 2]], outputs: usize) -> Array2<f64> {
    Array2::from_shape_fn((cells.len() / outputs, outputs), |(donor, k)| cells[donor * outputs + k][0].mean)
}

/// By the delta method: |link′(m)|·SE(m).
fn stderr(link: Link, moments: &Moments) -> f64 {
    link.slope(moments.mean) * moments.stderr()
}

/// Standard error of link(m) − link(m₀). With slopes g and g₀, variances v and v₀ and that of m − m₀, u, the delta method's
/// g²v + g₀²v₀ − 2gg₀·cov is gg₀u + (g − g₀)(gv − g₀v₀), since 2cov = v + v₀ − u.
fn centred_stderr(link: Link, first: &[Moments; 2], cell: &[Moments; 2]) -> f64 {
    let (g, g0) = (link.slope(cell[0].mean), link.slope(first[0].mean));
    let (v, v0, u) = (cell[0].variance(), first[0].variance(), cell[1].variance());
    (g * g0 * u + (g - g0) * (g * v - g0 * v0)).max(0.0).sqrt()
}

impl Curve {
    /// The curve and its lines less their values at the first point (centred ICE; Goldstein et al. 2015).
    pub fn centred(&self) -> Curve {
        let less_first = |line: &Vec<f32>| line.iter().map(|value| value - line[0]).collect();
        Curve {
            mean: self.mean.iter().map(|value| value - self.mean[0]).collect(),
            stderr: self.centred_stderr.clone(),
            ice: self.ice.iter().map(less_first).collect(),
            ..self.clone()
        }
    }

    /// None for categories, which lie at no distance from each other.
    pub fn derivative(&self) -> Option<Derivative> {
        if !self.grid.axis.categories.is_empty() {
            return None;
        }
        let at: Vec<f64> = self.grid.points.iter().map(|point| point.position).collect();
        let slopes = |values: &[f64]| -> Vec<f64> {
            values.windows(2).zip(at.windows(2)).map(|(y, x)| (y[1] - y[0]) / (x[1] - x[0])).collect()
        };
        let of_line = |line: &Vec<f32>| slopes(&line.iter().map(|&value| f64::from(value)).collect::<Vec<_>>());
        let ice: Vec<Vec<f64>> = self.ice.iter().map(of_line).collect();
        let deviation = |interval: usize| {
            let lines = ice.len() as f64;
            let mean = ice.iter().map(|line| line[interval]).sum::<f64>() / lines;
            (ice.iter().map(|line| (line[interval] - mean).powi(2)).sum::<f64>() / (lines - 1.0)).sqrt()
        };
        Some(Derivative {
            position: at.windows(2).map(|x| (x[0] + x[1]) / 2.0).collect(),
            mean: slopes(&self.mean),
            spread: (1..at.len()).map(|after| deviation(after - 1)).collect(),
            ice,
        })
    }
}
