//! Raw columns as axes of a picture.

use super::{Axis, Category};
use ndarray::{ArrayView1, ArrayView2};

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
        let is_one_hot = |row: ArrayView1<f32>| {
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
        let is_missing = |row: &ArrayView1<f32>| self.features.iter().any(|&f| !row[f].is_finite());
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
    pub(super) fn shares(&self, rows: ArrayView2<f32>, weights: &[f64]) -> Vec<f64> {
        let mut share = vec![0.0; self.categories.len()];
        for (row, weight) in rows.outer_iter().zip(weights) {
            if let Some(found) = self.category(row) {
                share[found] += weight;
            }
        }
        share
    }

    /// The category that the numbers of a row stand for, as a place in `categories`.
    pub(super) fn category(&self, row: ArrayView1<f32>) -> Option<usize> {
        let is_of = |category: &Category| self.features.iter().zip(&category.values).all(|(&f, &v)| row[f] == v);
        self.categories.iter().position(is_of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::{Grid, GridChoice};
    use ndarray::array;

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
}
