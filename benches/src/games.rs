//! Two games with known Shapley values: 30 features, 100 background rows, 24 instances. `benches/data/README.md` says where they come from.

use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use pellucid::Device;
use pellucid::data::Background;
use pellucid::explain::{Builder, KernelShap};
use pellucid::model::onnx::{Graph, OnnxModel};
use pellucid::model::{HostFn, Model};
use serde::Deserialize;
use std::path::PathBuf;

/// Background, instances and true Shapley values of a game.
pub struct Game {
    pub name: &'static str,
    /// `[100, 30]`
    pub background: Array2<f32>,
    /// `[24, 30]`
    pub instances: Array2<f32>,
    /// `[24, 30]`
    pub phi: Array2<f64>,
    /// The output that is explained.
    pub target: usize,
}

#[derive(Deserialize)]
struct Truth {
    phi: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct File {
    background: Vec<Vec<f32>>,
    instances: Vec<Vec<f32>>,
    mlp: Truth,
    lgbm: Truth,
}

/// A tree as arrays; `feature` is −1 in a leaf. A row goes left where its value is at most the threshold.
#[derive(Deserialize)]
struct Tree {
    feature: Vec<i32>,
    threshold: Vec<f64>,
    left: Vec<i32>,
    right: Vec<i32>,
    value: Vec<f64>,
}

/// The network's probability of class 1, and the boosted trees' raw margin.
pub const NAMES: [&str; 2] = ["mlp", "lgbm"];

/// A file of the data folder.
pub fn data(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data").join(file)
}

fn text(file: &str) -> String {
    std::fs::read_to_string(data(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn matrix<T: Copy>(rows: &[Vec<T>]) -> Array2<T> {
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(r, c)| rows[r][c])
}

impl Game {
    /// `mlp` or `lgbm`.
    pub fn load(name: &str) -> Game {
        let name = *NAMES.iter().find(|&&known| known == name).unwrap_or_else(|| panic!("{name}: one of {NAMES:?}"));
        let file: File = serde_json::from_str(&text("games.json")).expect("games.json");
        let (truth, target) = if name == "mlp" { (file.mlp, 1) } else { (file.lgbm, 0) };
        let (background, instances) = (matrix(&file.background), matrix(&file.instances));
        Game { name, background, instances, phi: matrix(&truth.phi), target }
    }

    /// A run that explains this game.
    pub fn builder(&self, device: &Device) -> Builder {
        let background = Background::uniform(self.background.clone());
        let builder = match self.name {
            "mlp" => KernelShap::builder(network(device), background),
            _ => KernelShap::builder(trees(), background),
        };
        builder.targets(vec![self.target])
    }

    /// Half of the instances with their Shapley values, and the other half, for the pilot.
    pub fn half(&self, which: usize) -> (ArrayView2<'_, f32>, ArrayView2<'_, f64>, Array2<f32>) {
        let middle = self.instances.nrows() / 2;
        let rows = |half: usize| half * middle..(half + 1) * middle;
        let pilot = self.instances.slice(s![rows(1 - which), ..]).to_owned();
        (self.instances.slice(s![rows(which), ..]), self.phi.slice(s![rows(which), ..]), pilot)
    }
}

/// The 30-256-256-1 network of the game through the engine's ONNX executor.
pub fn network(device: &Device) -> OnnxModel {
    let graph = Graph::load(data("mlp30.onnx")).unwrap_or_else(|error| panic!("{error}"));
    OnnxModel::new(&graph, device).unwrap_or_else(|error| panic!("{error}"))
}

/// The 100 boosted trees as a function of host rows.
pub fn trees() -> impl Model {
    let trees: Vec<Tree> = serde_json::from_str(&text("lgbm30_trees.json")).expect("lgbm30_trees.json");
    let margin = move |row: &[f32]| trees.iter().map(|tree| tree.at(row)).sum::<f64>() as f32;
    let names = (0..30).map(|i| format!("x{i}")).collect();
    HostFn::new(names, vec!["margin".into()], move |rows: ArrayView2<f32>| {
        let margins: Array1<f32> =
            rows.outer_iter().map(|row| margin(row.as_slice().expect("rows are whole"))).collect();
        margins.insert_axis(Axis(1))
    })
}

impl Tree {
    fn at(&self, row: &[f32]) -> f64 {
        let mut node = 0;
        while self.feature[node] >= 0 {
            let left = f64::from(row[self.feature[node] as usize]) <= self.threshold[node];
            node = if left { self.left[node] } else { self.right[node] } as usize;
        }
        self.value[node]
    }
}

/// |estimate − truth|² / |truth|².
pub fn error(estimate: impl IntoIterator<Item = f32>, truth: impl IntoIterator<Item = f64>) -> f64 {
    let (mut off, mut all) = (0.0, 0.0);
    for (estimate, truth) in estimate.into_iter().zip(truth) {
        off += (f64::from(estimate) - truth).powi(2);
        all += truth * truth;
    }
    off / all
}

/// The middle of a list, the mean of the two middles of an even one.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0
}
