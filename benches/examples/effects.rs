//! Time of the partial dependence of all features of the 30-256-256-1 network, by sweeps where the device has them and by predicting every
//! point, beside the bare forward of as many model rows, taking turns.
//!
//! `cargo run --release -p pellucid-benches --example effects`

#![allow(clippy::print_stdout)]

use burn::tensor::{Distribution, Tensor};
use clap::Parser;
use ndarray::Array2;
use pellucid::Device;
use pellucid::data::Background;
use pellucid::device::DeviceChoice;
use pellucid::effect::{Axis, Effects, Grid, GridChoice};
use pellucid::kernels::Sweep;
use pellucid::model::Model;
use pellucid::model::onnx::OnnxModel;
use pellucid_benches::clock::{Clock, Times};
use pellucid_benches::games::{median, network};
use rayon::prelude::*;

const FEATURES: usize = 30;
/// Model rows of a tile of the bare forward on the CPU: what the engine takes.
const CPU_TILE_ROWS: usize = 512;
/// And on a GPU.
const GPU_TILE_ROWS: usize = 1 << 18;

#[derive(Parser)]
struct Args {
    /// Background rows
    #[arg(long, default_value_t = 10_000)]
    rows: usize,
    /// Grid points of each feature
    #[arg(long, default_value_t = 50)]
    points: usize,
    /// ICE lines of each feature
    #[arg(long, default_value_t = 50)]
    lines: usize,
    /// Features looked at
    #[arg(long, default_value_t = FEATURES)]
    features: usize,
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// `cpu` or `gpu`
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Threads [default: one a core]
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

/// The network without its sweeps.
struct Unswept(OnnxModel);

impl Model for Unswept {
    fn feature_names(&self) -> &[String] {
        self.0.feature_names()
    }
    fn output_names(&self) -> &[String] {
        self.0.output_names()
    }
    fn workspace(&self) -> usize {
        self.0.workspace()
    }
    fn predict(&self, rows: Tensor<2>) -> pellucid::Result<Tensor<2>> {
        self.0.predict(rows)
    }
}

/// Predicts `rows` rows, tiles side by side on a CPU.
fn forward(model: &dyn Model, tiles: &[Tensor<2>], rows: usize, device: &Device) {
    let tile_rows = tiles[0].dims()[0];
    let tile = |at: usize| {
        let rows = tile_rows.min(rows - at * tile_rows);
        let x = tiles[at % tiles.len()].clone();
        let x = if rows < tile_rows { x.narrow(0, 0, rows) } else { x };
        std::hint::black_box(model.predict(x).expect("the tiles fit the model"));
    };
    let count = rows.div_ceil(tile_rows);
    match device.is_cpu() {
        true => (0..count).into_par_iter().for_each(tile),
        false => (0..count).for_each(tile),
    }
    device.sync().expect("the device is done");
}

fn main() {
    let args = Args::parse();
    rayon::ThreadPoolBuilder::new().num_threads(args.threads).build_global().expect("one thread pool");
    let device = match args.device.as_str() {
        "cpu" => Device::cpu(),
        _ => Device::open(DeviceChoice::Gpu(0)).unwrap_or_else(|error| panic!("{error}")),
    };
    device.burn().seed(1);
    let random =
        |rows: usize| -> Tensor<2> { Tensor::random([rows, FEATURES], Distribution::Normal(0.0, 1.0), device.burn()) };
    let values = pellucid::kernels::read(random(args.rows)).expect("rows");
    let rows = Array2::from_shape_vec((args.rows, FEATURES), values).expect("whole rows");
    let built = Effects::builder(network(&device), Background::uniform(rows.clone())).targets(vec![1]).build(&device);
    let effects = built.unwrap_or_else(|error| panic!("{error}"));
    let built = Effects::builder(Unswept(network(&device)), Background::uniform(rows)).targets(vec![1]).build(&device);
    let unswept = built.unwrap_or_else(|error| panic!("{error}"));
    let grid = |feature: usize| {
        let axis = Axis::number(effects.features()[feature].clone(), feature);
        let grid = Grid::new(&axis, effects.rows(), effects.weights(), &GridChoice::Quantiles(args.points));
        grid.unwrap_or_else(|error| panic!("{error}"))
    };
    let mut grids = Vec::new();
    let making = Clock::time(|| grids = (0..args.features).map(grid).collect::<Vec<_>>());
    let model_rows = args.rows * grids.iter().map(|grid| grid.points.len()).sum::<usize>();

    let model = network(&device);
    let tiles: Vec<Tensor<2>> = match device.is_cpu() {
        true => (0..64).map(|_| random(CPU_TILE_ROWS)).collect(),
        false => (0..2).map(|_| random(GPU_TILE_ROWS.min(model_rows))).collect(),
    };
    forward(&model, &tiles, 100_000.min(model_rows), &device);
    let one = [Sweep { feature: 0, points: vec![0.0] }];
    let sweeps = model.sweep(&tiles[0], &one).unwrap_or_else(|error| panic!("{error}")).is_some();
    let curves =
        |effects: &Effects| Clock::time(|| drop(effects.curves(&grids, args.lines).unwrap_or_else(|e| panic!("{e}"))));
    let (mut ours, mut brute, mut bare) = (Vec::<Times>::new(), Vec::<Times>::new(), Vec::<Times>::new());
    for _ in 0..args.repeats {
        if sweeps {
            ours.push(curves(&effects));
        }
        brute.push(curves(&unswept));
        bare.push(Clock::time(|| forward(&model, &tiles, model_rows, &device)));
    }
    println!(
        "{} features x {} points x {} rows = {model_rows} model rows, {} ICE lines, {}, {} threads; grids made in {:.3} s\n",
        args.features,
        args.points,
        args.rows,
        args.lines,
        device.name(),
        rayon::current_num_threads(),
        making.wall
    );
    println!("| | wall s | CPU s | M model rows / s |\n| --- | --- | --- | --- |");
    let middle = |times: &[Times], of: fn(&Times) -> f64| median(&times.iter().map(of).collect::<Vec<_>>());
    for (what, times) in [("curves by sweeps", &ours), ("curves by predictions", &brute), ("bare forward", &bare)] {
        if times.is_empty() {
            continue;
        }
        let (wall, cpu) = (middle(times, |t| t.wall), middle(times, |t| t.cpu));
        println!("| {what} | {wall:.3} | {cpu:.3} | {:.2} |", model_rows as f64 / wall / 1e6);
    }
    let ratio = |times: &[Times], of: fn(&Times) -> f64| {
        let ratios: Vec<f64> = times.iter().zip(&bare).map(|(a, b)| of(a) / of(b)).collect();
        let (low, high) = ratios.iter().fold((f64::MAX, f64::MIN), |(l, h), &r| (l.min(r), h.max(r)));
        format!("{:.3} ({low:.3} to {high:.3})", median(&ratios))
    };
    for (what, times) in [("sweeps / forward", &ours), ("predictions / forward", &brute)] {
        if !times.is_empty() {
            println!("| {what} | {} | {} | |", ratio(times, |t| t.wall), ratio(times, |t| t.cpu));
        }
    }
}
