//! The points at which an axis is looked at.

use super::column::{Column, labels, shortest};
use super::{Axis, Category, Grid, Histogram, Point};
use crate::{Error, Result};
use ndarray::ArrayView2;

/// Bins of a histogram beside a numeric grid.
const BINS: usize = 24;

/// Where the points of a numeric grid lie.
#[derive(Debug, Clone, PartialEq)]
pub enum GridChoice {
    /// Weighted quantiles of the data at so many even levels from 0 to 1, each a value that occurs; ties give fewer points. All values, if
    /// there are no more.
    Quantiles(usize),
    /// So many points evenly from the smallest to the largest value. All values, if there are no more.
    Even(usize),
    /// The middles of so many even buckets: min + (k + ½)(max − min)/R. The histogram has the same buckets (SageMaker Clarify).
    BucketCentres(usize),
    /// These, in ascending order.
    Points(Vec<f64>),
}

impl Grid {
    /// The points of an axis. `rows` `[rows, features]` are the data with their `weights`, sum 1; cells that are not finite are left out
    /// ([`Axis::missing`] counts them). A categorical axis has its categories in order, whatever the choice, but cannot take points.
    ///
    /// # Errors
    /// Points that are not finite or make fewer than two, a column with one value only or none, points for a categorical axis.
    pub fn new(axis: &Axis, rows: ArrayView2<f32>, weights: &[f64], choice: &GridChoice) -> Result<Self> {
        let name = &axis.name;
        if !axis.categories.is_empty() {
            return Self::categories(axis, rows, weights, choice);
        }
        let &[feature] = &axis.features[..] else {
            let message = format!("`{name}` has {} features and no categories", axis.features.len());
            return Err(Error::input(message).hint("an axis is one number, or a category in one or several features"));
        };
        let column = rows.column(feature);
        let cells = column.iter().copied().zip(weights.iter().copied());
        let column = Column::new(cells.filter(|(value, _)| value.is_finite()).collect());
        let Some((low, high)) = column.range() else {
            return Err(Error::input(format!("`{name}` has no value: all of its cells are missing"))
                .hint("leave it out of `--features`"));
        };
        if low == high && !matches!(choice, GridChoice::Points(_)) {
            let message = format!("`{name}` is {} in every row: there is nothing to vary", shortest(low));
            return Err(Error::input(message).hint("leave it out of `--features`, or give points of your own"));
        }
        let values = column.points(choice).map_err(|what| {
            Error::input(format!("the grid of `{name}` {what}")).hint("a grid has at least two different finite points")
        })?;
        let bins = match choice {
            GridChoice::BucketCentres(buckets) => *buckets,
            _ => BINS,
        };
        let points = values.iter().zip(labels(&values));
        let point = |(&value, label)| Point { label, position: f64::from(value), values: vec![value] };
        Ok(Self { axis: axis.clone(), points: points.map(point).collect(), histogram: column.histogram(bins) })
    }

    fn categories(axis: &Axis, rows: ArrayView2<f32>, weights: &[f64], choice: &GridChoice) -> Result<Self> {
        let Axis { name, features, categories } = axis;
        if matches!(choice, GridChoice::Points(_)) {
            return Err(Error::input(format!("points were given for `{name}`, which holds categories"))
                .hint("leave the points out: each category is one"));
        }
        if let [only] = &categories[..] {
            let message = format!("`{name}` has one category, `{}`: there is nothing to vary", only.label);
            return Err(Error::input(message).hint("leave it out of `--features`"));
        }
        if let Some(bad) = categories.iter().find(|category| category.values.len() != features.len()) {
            return Err(Error::input(format!("category `{}` of `{name}` does not set its features", bad.label)));
        }
        let point = |(position, category): (usize, &Category)| Point {
            label: category.label.clone(),
            position: position as f64,
            values: category.values.clone(),
        };
        Ok(Self {
            axis: axis.clone(),
            points: categories.iter().enumerate().map(point).collect(),
            histogram: Histogram { edges: Vec::new(), share: axis.shares(rows, weights) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn column(values: &[f32]) -> Array2<f32> {
        Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap()
    }

    fn grid(values: &[f32], choice: GridChoice) -> Result<Grid> {
        let weights = vec![1.0 / values.len() as f64; values.len()];
        Grid::new(&Axis::number("age", 0), column(values).view(), &weights, &choice)
    }

    fn positions(grid: &Grid) -> Vec<f64> {
        grid.points.iter().map(|point| point.position).collect()
    }

    fn refused(values: &[f32], choice: GridChoice) -> String {
        grid(values, choice).unwrap_err().to_string()
    }

    #[test]
    fn quantiles_are_values_that_occur_and_follow_the_weights() {
        let values: Vec<f32> = (0..101).rev().map(|i| (i * i) as f32).collect();
        let found = grid(&values, GridChoice::Quantiles(5)).unwrap();
        assert_eq!(positions(&found), [0.0, 625.0, 2500.0, 5625.0, 10000.0]);
        // 1, 2, 3, 4 with half of the weight on 1.
        let rows = column(&[4.0, 3.0, 2.0, 1.0]);
        let axis = Axis::number("age", 0);
        let found = Grid::new(&axis, rows.view(), &[0.1, 0.2, 0.2, 0.5], &GridChoice::Quantiles(3)).unwrap();
        assert_eq!(positions(&found), [1.0, 4.0]);
        assert!(
            (found.histogram.share[0] - 0.5).abs() < 1e-15 && (found.histogram.share[BINS - 1] - 0.1).abs() < 1e-15
        );
    }

    #[test]
    fn few_values_are_all_taken() {
        for choice in [GridChoice::Quantiles(50), GridChoice::Even(50), GridChoice::Quantiles(3), GridChoice::Even(3)] {
            assert_eq!(positions(&grid(&[2.0, 1.0, 7.0, 2.0], choice).unwrap()), [1.0, 2.0, 7.0]);
        }
    }

    #[test]
    fn even_points_and_clarifys_centres() {
        let values: Vec<f32> = (0..=10).map(|i| i as f32).collect();
        assert_eq!(positions(&grid(&values, GridChoice::Even(5)).unwrap()), [0.0, 2.5, 5.0, 7.5, 10.0]);
        let centres = grid(&values, GridChoice::BucketCentres(4)).unwrap();
        assert_eq!(positions(&centres), [1.25, 3.75, 6.25, 8.75]);
        assert_eq!(centres.histogram.edges, [0.0, 2.5, 5.0, 7.5, 10.0]);
        // 0 1 2 | 3 4 | 5 6 7 | 8 9 10
        let shares = [3.0, 2.0, 3.0, 3.0].map(|count| count / 11.0);
        assert!(centres.histogram.share.iter().zip(shares).all(|(a, b)| (a - b).abs() < 1e-15));
    }

    #[test]
    fn missing_cells_are_left_out_and_counted() {
        let values = [f32::NAN, 3.0, 1.0, f32::INFINITY];
        assert_eq!(positions(&grid(&values, GridChoice::Quantiles(9)).unwrap()), [1.0, 3.0]);
        assert_eq!(Axis::number("age", 0).missing(column(&values).view()), 2);
        assert_eq!(refused(&[f32::NAN], GridChoice::Even(3)), "`age` has no value: all of its cells are missing");
    }

    #[test]
    fn points_that_make_no_grid_are_refused() {
        assert_eq!(refused(&[2.5, 2.5], GridChoice::Even(3)), "`age` is 2.5 in every row: there is nothing to vary");
        for choice in [GridChoice::Quantiles(1), GridChoice::Even(1), GridChoice::Points(vec![1.0, 1.0])] {
            assert_eq!(refused(&[1.0, 2.0], choice), "the grid of `age` has one point, 1");
        }
        assert_eq!(refused(&[1.0, 2.0], GridChoice::BucketCentres(1)), "the grid of `age` has one point, 1.5");
        assert_eq!(refused(&[1.0, 2.0], GridChoice::Even(0)), "the grid of `age` has no points");
        let far = refused(&[1.0, 2.0], GridChoice::Points(vec![1.0, 1e300]));
        assert!(far.ends_with("which is not a finite f32"), "{far}");
        assert_eq!(positions(&grid(&[2.0, 2.0], GridChoice::Points(vec![3.0, 1.0])).unwrap()), [1.0, 3.0]);
    }
}
