//! Rows and axes for tests of effects.

use crate::compare::noise;
use crate::fixture;
use ndarray::{Array2, ArrayView1, ArrayView2};
use pellucid::data::Background;
use pellucid::effect::{Axis, Category};
use pellucid::model::{HostFn, Model};

/// The feature columns of a CSV of numbers whose last column is the target: names, and `[rows, features]` with NaN for an empty cell.
pub fn csv(path: &str) -> (Vec<String>, Array2<f32>) {
    let text = std::fs::read_to_string(fixture(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    let mut lines = text.lines().map(|line| line.rsplit_once(',').expect("a target").0);
    let names: Vec<String> = lines.next().expect("names").split(',').map(str::to_owned).collect();
    let numbers = |line: &str| line.split(',').map(|cell| cell.parse().unwrap_or(f32::NAN)).collect::<Vec<f32>>();
    let cells: Vec<f32> = lines.flat_map(numbers).collect();
    let shape = (cells.len() / names.len(), names.len());
    (names, Array2::from_shape_vec(shape, cells).expect("rows of one length"))
}

/// A column of one feature with a number for each category, which is also its label.
pub fn codes(name: &str, feature: usize, codes: &[f32]) -> Axis {
    let category = |&code: &f32| Category { label: code.to_string(), values: vec![code] };
    Axis { name: name.into(), features: vec![feature], categories: codes.iter().map(category).collect() }
}

/// A column with a feature for each category, 1 where a row is of it.
pub fn one_hot(name: &str, features: &[usize]) -> Axis {
    let values = |at: usize| (0..features.len()).map(|other| f32::from(u8::from(other == at))).collect();
    let category = |at: usize| Category { label: at.to_string(), values: values(at) };
    Axis { name: name.into(), features: features.to_vec(), categories: (0..features.len()).map(category).collect() }
}

/// `count` names: x0, x1 …
pub fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|at| format!("{prefix}{at}")).collect()
}

/// A model of `features` features whose outputs are `function` of a row; it computes on the host.
pub fn model<const K: usize>(features: usize, function: fn(&[f32]) -> [f32; K]) -> impl Model + 'static {
    let of_row = move |row: ArrayView1<f32>| function(&row.to_vec());
    HostFn::new(names("x", features), names("y", K), move |rows: ArrayView2<f32>| {
        let outputs: Vec<f32> = rows.outer_iter().flat_map(of_row).collect();
        Array2::from_shape_vec((rows.nrows(), K), outputs).expect("K outputs a row")
    })
}

/// Rows of numbers in `low..high` that look random.
pub fn random_rows(seed: u64, shape: (usize, usize), low: f32, high: f32) -> Array2<f32> {
    Array2::from_shape_vec(shape, noise(seed, shape.0 * shape.1, low, high)).expect("as many as asked for")
}

/// A background with weights as given, scaled to sum 1.
pub fn weighted(rows: Array2<f32>, weights: &[f32]) -> Background {
    let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
    Background { weights: weights.iter().map(|&w| f64::from(w) / total).collect(), ..Background::uniform(rows) }
}
