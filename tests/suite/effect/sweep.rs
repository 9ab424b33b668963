//! Sweeps: the short way to curves gives what predicting every point gives.

use burn::tensor::Tensor;
use ndarray::{Array2, s};
use pellucid::data::Background;
use pellucid::effect::{Axis, Category, Effects, Grid, GridChoice};
use pellucid::kernels::{Sweep, matrix, read};
use pellucid::model::Model;
use pellucid::model::onnx::{Graph, OnnxModel};
use pellucid::{Device, Result};
use pellucid_tests::{devices, fixture};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Networks with a ReLU layer after a scaling of their columns, and one of a single layer, with their data.
const MODELS: [(&str, &str); 4] = [
    ("diabetes_mlp_regression", "diabetes"),
    ("adult_mlp", "adult"),
    ("digits_mlp", "digits"),
    ("german_logreg", "german"),
];

/// Allowed between two roads, in parts of the largest output: a few hundred roundings that seldom point the same way. The kernel's own
/// tests have the bound that always holds.
const TOLERANCE: f64 = 1e-6;

fn load(name: &str, device: &Device) -> OnnxModel {
    OnnxModel::new(&Graph::load(fixture(&format!("models/{name}.onnx"))).unwrap(), device).unwrap()
}

/// The first rows of a table of numbers whose last column is the target.
fn rows(data: &str, count: usize) -> Array2<f32> {
    let text = std::fs::read_to_string(fixture(&format!("data/{data}/train.csv"))).unwrap();
    let cells: Vec<Vec<f32>> =
        text.lines().skip(1).take(count).map(|l| l.split(',').map(|c| c.parse().unwrap()).collect()).collect();
    let width = cells[0].len() - 1;
    Array2::from_shape_vec((cells.len(), width), cells.iter().flat_map(|row| row[..width].to_vec()).collect()).unwrap()
}

/// A model that counts rows predicted and points swept, or has no sweeps.
struct Watched {
    model: OnnxModel,
    sweeps: bool,
    predicted: Arc<AtomicUsize>,
    swept: Arc<AtomicUsize>,
}

impl Model for Watched {
    fn feature_names(&self) -> &[String] {
        self.model.feature_names()
    }

    fn output_names(&self) -> &[String] {
        self.model.output_names()
    }

    fn predict(&self, rows: Tensor<2>) -> Result<Tensor<2>> {
        self.predicted.fetch_add(rows.dims()[0], Relaxed);
        self.model.predict(rows)
    }

    fn sweep(&self, rows: &Tensor<2>, sweeps: &[Sweep]) -> Result<Option<Tensor<2>>> {
        if !self.sweeps {
            return Ok(None);
        }
        let swept = self.model.sweep(rows, sweeps)?;
        self.swept.fetch_add(swept.iter().map(|outputs| outputs.dims()[0]).sum(), Relaxed);
        Ok(swept)
    }
}

fn largest(values: impl IntoIterator<Item = f32>) -> f64 {
    values.into_iter().fold(0.0, |largest: f64, value| largest.max(f64::from(value).abs()))
}

#[test]
fn models_sweep_as_they_predict() {
    let device = Device::cpu();
    for (name, data) in MODELS {
        let model = load(name, &device);
        let table = rows(data, 37);
        let points = |feature: usize| {
            let column = table.column(feature);
            let (low, high) = column.iter().fold((f32::MAX, f32::MIN), |(l, h), &x| (l.min(x), h.max(x)));
            // Unsorted, beyond the data, repeated, a row's own.
            vec![high, low, (low + high) / 2.0, high + (high - low), low - 3.0 * (high - low), column[0], high]
        };
        let sweeps: Vec<Sweep> =
            (0..table.ncols()).step_by(3).map(|feature| Sweep { feature, points: points(feature) }).collect();
        let masked = sweeps.iter().flat_map(|sweep| sweep.points.iter().map(|&point| (sweep.feature, point)));
        let masked = masked.flat_map(|(feature, point)| {
            let mut rows = table.clone();
            rows.column_mut(feature).fill(point);
            rows.into_iter()
        });
        let masked: Vec<f32> = masked.collect();
        let masked = Array2::from_shape_vec((masked.len() / table.ncols(), table.ncols()), masked).unwrap();
        let full = read(model.predict(matrix(masked.view(), &device)).unwrap()).unwrap();
        let found = read(model.sweep(&matrix(table.view(), &device), &sweeps).unwrap().expect(name)).unwrap();
        assert_eq!(found.len(), full.len(), "{name}");
        let bound = TOLERANCE * largest(full.iter().copied());
        let worst = largest(found.iter().zip(&full).map(|(a, b)| a - b));
        assert!(worst <= bound, "{name}: differs by {worst:e}, bound {bound:e}");
        assert!(largest(full.iter().map(|value| value - full[0])) > 1e4 * bound, "{name}: outputs that differ");
    }
}

#[test]
fn curves_by_sweeps_are_those_by_predictions() {
    let device = Device::cpu();
    for (name, data) in MODELS {
        let table = rows(data, 150);
        let (predicted, swept) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let build = |sweeps| {
            let (predicted, swept) = (predicted.clone(), swept.clone());
            let model = Watched { model: load(name, &device), sweeps, predicted, swept };
            Effects::builder(model, Background::uniform(table.clone())).build(&device).unwrap()
        };
        let (short, long) = (build(true), build(false));
        let grid = |axis: &Axis| Grid::new(axis, short.rows(), short.weights(), &GridChoice::Quantiles(12)).unwrap();
        let varies = |feature: &usize| table.column(*feature).iter().any(|x| *x != table[(0, *feature)]);
        let numbers = (0..table.ncols()).filter(varies).map(|f| Axis::number(short.features()[f].clone(), f));
        let mut grids: Vec<Grid> = numbers.map(|axis| grid(&axis)).collect();
        let simple: usize = grids.iter().map(|grid| grid.points.len()).sum();
        // Two features at once have no sweep, and stand between those that have.
        let category = |r: usize| Category { label: r.to_string(), values: table.slice(s![r, 0..2]).to_vec() };
        let pair = Axis { name: "pair".into(), features: vec![0, 1], categories: (0..3).map(category).collect() };
        grids.insert(1, grid(&pair));
        let pairs = grids[1].points.len();

        predicted.store(0, Relaxed);
        let found = short.curves(&grids, 20).unwrap();
        let n = short.rows().nrows();
        assert_eq!(predicted.load(Relaxed), pairs * n, "{name}: rows predicted");
        assert_eq!(
            swept.load(Relaxed),
            simple * n + 1,
            "{name}: points swept, with one to see whether there are sweeps"
        );
        let expected = long.curves(&grids, 20).unwrap();
        assert_eq!(predicted.load(Relaxed), (2 * pairs + simple) * n, "{name}: rows predicted in full");

        let bound = TOLERANCE * largest(expected.iter().flat_map(|curve| curve.ice.concat()));
        for (a, b) in found.iter().zip(&expected) {
            let what = format!("{name}, {} of {}", a.grid.axis.name, a.output);
            let close = |part: &str, a: Vec<f64>, b: Vec<f64>| {
                let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(a.len() == b.len() && worst <= bound, "{what}: {part} differs by {worst:e}, bound {bound:e}");
            };
            let wide = |curve: &pellucid::effect::Curve| curve.ice.concat().into_iter().map(f64::from).collect();
            close("mean", a.mean.clone(), b.mean.clone());
            close("stderr", a.stderr.clone(), b.stderr.clone());
            close("centred_stderr", a.centred_stderr.clone(), b.centred_stderr.clone());
            close("ice", wide(a), wide(b));
        }
    }
}

#[test]
fn sweeps_are_for_the_cpu_and_for_first_layers_with_relu() {
    let one = [Sweep { feature: 0, points: vec![0.5] }];
    for device in devices() {
        let rows = matrix(Array2::zeros((2, 10)).view(), &device);
        assert_eq!(load(MODELS[0].0, &device).sweep(&rows, &one).unwrap().is_some(), device.is_cpu());
        for name in ["wine_mlp", "breast_cancer_mlp"] {
            let model = load(name, &device);
            let rows = matrix(Array2::zeros((2, model.feature_names().len())).view(), &device);
            assert!(model.sweep(&rows, &one).unwrap().is_none(), "{name}");
        }
    }
    let model = load(MODELS[0].0, &Device::cpu());
    let rows = matrix(Array2::zeros((2, 10)).view(), &Device::cpu());
    let beyond = [Sweep { feature: 10, points: vec![0.5] }];
    assert!(model.sweep(&rows, &beyond).unwrap_err().to_string().contains("feature 10"));
    assert!(model.sweep(&rows.slice([0..2, 0..9]), &one).unwrap_err().to_string().contains("9 columns"));
}
