//! Axes and the points at which they are looked at.

use super::{Axis, Category, Grid, Histogram, Point};
use crate::{Error, Result};
use ndarray::ArrayView2;

/// Bins of a histogram beside a numeric grid.
const BINS: usize = 24;
/// Digits of a label, as long as they tell the points of a grid apart.
const DIGITS: usize = 4;
/// A number of at most so many digits is written in full.
const SHORT: usize = 6;

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

impl Axis {
    /// A column of numbers, one feature.
    pub fn number(name: impl Into<String>, feature: usize) -> Self {
        Self { name: name.into(), features: vec![feature], categories: Vec::new() }
    }

    /// A column of categories in several features, of which one is 1 and the others are 0 in each of the `rows`; `None` if they are not
    /// so. A category is called what its feature's name says after `name=` or `name_`, else as its feature.
    pub fn one_hot(
        name: impl Into<String>,
        features: &[usize],
        feature_names: &[String],
        rows: ArrayView2<f32>,
    ) -> Option<Self> {
        let name = name.into();
        let is_one_hot = |row: ndarray::ArrayView1<f32>| {
            let cells = || features.iter().map(|&feature| row[feature]);
            cells().all(|cell| cell == 0.0 || cell == 1.0) && cells().sum::<f32>() == 1.0
        };
        if features.len() < 2 || !rows.outer_iter().all(is_one_hot) {
            return None;
        }
        let label = |feature: usize| {
            let own = feature_names[feature].strip_prefix(&name).and_then(|rest| rest.strip_prefix(['=', '_']));
            own.unwrap_or(&feature_names[feature]).to_owned()
        };
        let category = |&feature: &usize| Category {
            label: label(feature),
            values: features.iter().map(|&other| if other == feature { 1.0 } else { 0.0 }).collect(),
        };
        Some(Self { categories: features.iter().map(category).collect(), name, features: features.to_vec() })
    }

    /// Rows of `[rows, features]` in which this axis has no value: a cell that is not finite.
    pub fn missing(&self, rows: ArrayView2<f32>) -> usize {
        let is_missing = |row: &ndarray::ArrayView1<f32>| self.features.iter().any(|&f| !row[f].is_finite());
        rows.outer_iter().filter(is_missing).count()
    }

    /// The axis with its `limit` most frequent categories, in their order, and the labels of those left out. Unchanged if it has no more,
    /// or is numeric.
    pub fn most_frequent(&self, limit: usize, rows: ArrayView2<f32>, weights: &[f64]) -> (Self, Vec<String>) {
        let share = self.shares(rows, weights);
        let mut order: Vec<usize> = (0..self.categories.len()).collect();
        order.sort_by(|&a, &b| share[b].total_cmp(&share[a]));
        let left_out = order.split_off(limit.min(order.len()));
        let is_kept = |category: usize| !left_out.contains(&category);
        let (kept, gone): (Vec<_>, Vec<_>) =
            self.categories.iter().cloned().enumerate().partition(|(category, _)| is_kept(*category));
        let labels = gone.into_iter().map(|(_, category)| category.label).collect();
        (Self { categories: kept.into_iter().map(|(_, category)| category).collect(), ..self.clone() }, labels)
    }

    /// The weight of each category.
    fn shares(&self, rows: ArrayView2<f32>, weights: &[f64]) -> Vec<f64> {
        let mut share = vec![0.0; self.categories.len()];
        for (row, weight) in rows.outer_iter().zip(weights) {
            let is_of = |category: &Category| self.features.iter().zip(&category.values).all(|(&f, &v)| row[f] == v);
            if let Some(found) = self.categories.iter().position(is_of) {
                share[found] += weight;
            }
        }
        share
    }
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

/// A column's finite values in ascending order, with their weights.
struct Column(Vec<(f32, f64)>);

impl Column {
    fn new(mut cells: Vec<(f32, f64)>) -> Self {
        cells.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(cells)
    }

    fn range(&self) -> Option<(f32, f32)> {
        Some((self.0.first()?.0, self.0.last()?.0))
    }

    /// Ascending, different, at least two; else what is wrong with them.
    fn points(&self, choice: &GridChoice) -> Result<Vec<f32>, String> {
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

    /// At level q the first value up to which there is at least that share of the weight.
    fn quantiles(&self, n: usize) -> Vec<f32> {
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
    fn histogram(&self, bins: usize) -> Histogram {
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
fn labels(values: &[f32]) -> Vec<String> {
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
fn shortest(value: f32) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e9).contains(&size) { format!("{value:e}") } else { format!("{value}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

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

    #[test]
    fn one_hot_columns_make_an_axis_and_the_rarest_are_left_out() {
        let names: Vec<String> = ["n", "job=a", "job=b", "c"].map(String::from).to_vec();
        let rows = array![[5.0, 1.0, 0.0, 0.0], [5.0, 0.0, 0.0, 1.0], [6.0, 0.0, 0.0, 1.0], [6.0, 0.0, 1.0, 0.0]];
        let weights = [0.3, 0.1, 0.4, 0.2];
        let axis = Axis::one_hot("job", &[1, 2, 3], &names, rows.view()).unwrap();
        let found = Grid::new(&axis, rows.view(), &weights, &GridChoice::Quantiles(50)).unwrap();
        let labels: Vec<&str> = found.points.iter().map(|point| point.label.as_str()).collect();
        assert_eq!((labels, &found.points[1].values[..]), (vec!["a", "b", "c"], &[0.0, 1.0, 0.0][..]));
        assert_eq!(found.histogram.share, [0.3, 0.2, 0.5]);
        let (kept, left_out) = axis.most_frequent(2, rows.view(), &weights);
        assert_eq!((kept.categories[1].label.as_str(), left_out), ("c", vec!["b".to_string()]));
        assert_eq!(axis.most_frequent(3, rows.view(), &weights), (axis.clone(), vec![]));
        assert!(Axis::one_hot("job", &[0, 1], &names, rows.view()).is_none());
        assert!(Axis::one_hot("job", &[1, 2], &names, rows.view()).is_none());
    }

    #[test]
    fn labels_are_short_and_differ() {
        assert_eq!(labels(&[39.0, 99_999.0, 0.1]), ["39", "99999", "0.1"]);
        assert_eq!(labels(&[1.0 / 3.0, 200.0 / 3.0]), ["0.3333", "66.67"]);
        assert_eq!(labels(&[100.000_01, 100.000_02]), ["100.00001", "100.00002"]);
        assert_eq!(labels(&[1e-7, 3e12]), ["1e-7", "3e12"]);
    }
}
