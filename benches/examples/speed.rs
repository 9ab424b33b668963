//! Time of kernel SHAP on the 30-256-256-1 network beside the bare forward of as many model rows, the two taking turns, block by block;
//! then what each stage takes on its own.
//!
//! `cargo run --release -p pellucid-benches --example speed -- --instances 1000 --rows 12800`

#![allow(clippy::print_stdout)]

use burn::tensor::{Distribution, Tensor};
use clap::Parser;
use ndarray::{Array2, ArrayView2, Axis, s};
use pellucid::Device;
use pellucid::data::Background;
use pellucid::design::{Budget, DesignChoice};
use pellucid::explain::KernelShap;
use pellucid::kernels::{self, Averaging, Link, Pairs};
use pellucid::model::Model;
use pellucid_benches::clock::{Clock, Times};
use pellucid_benches::games::{Game, median, network};
use rayon::prelude::*;

/// Model rows of a tile of the bare forward: what the engine takes on a CPU.
const TILE_ROWS: usize = 512;

#[derive(Parser)]
struct Args {
    #[arg(long, default_value_t = 1000)]
    instances: usize,
    /// Model rows for each explained row
    #[arg(long, default_value_t = 12_800)]
    rows: usize,
    /// Background rows, up to 100
    #[arg(long, default_value_t = 100)]
    background: usize,
    #[arg(long)]
    crossed: bool,
    /// Threads [default: one a core]
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Instances explained between two turns of the bare forward [default: the engine's block]
    #[arg(long)]
    block: Option<usize>,
}

/// Rows like the game's instances: each cell from a random one of them.
fn table(game: &Game, rows: usize) -> Array2<f32> {
    let mut state = 1u64;
    Array2::from_shape_fn((rows, game.instances.ncols()), |(_, column)| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        game.instances[((state >> 33) as usize % game.instances.nrows(), column)]
    })
}

/// Predicts `rows` rows, tiles side by side.
fn forward(model: &dyn Model, tiles: &[Tensor<2>], rows: usize) {
    (0..rows.div_ceil(TILE_ROWS)).into_par_iter().for_each(|tile| {
        let rows = TILE_ROWS.min(rows - tile * TILE_ROWS);
        let x = tiles[tile % tiles.len()].clone();
        let x = if rows < TILE_ROWS { x.narrow(0, 0, rows) } else { x };
        std::hint::black_box(model.predict(x).expect("the tiles fit the model"));
    });
}

/// Microseconds for each model row of the stages of a tile, one thread.
fn stages(model: &dyn Model, device: &Device, background: ArrayView2<f32>, run: usize) -> [(&'static str, f64); 3] {
    let (places, n) = background.dim();
    let past = if run < places { run - 1 } else { 0 };
    let around: Vec<usize> = (0..places + past).map(|row| row % places).collect();
    let background = kernels::matrix(background.select(Axis(0), &around).view(), device);
    let n_pairs = (TILE_ROWS / (2 * run)).max(1);
    let members = (0..n_pairs as u32).map(|p| p.wrapping_mul(2_654_435_761) >> 2).collect();
    let starts = (0..n_pairs).map(|p| if run < places { (p % places) as u32 } else { 0 }).collect();
    let players = (0..n as u32).collect();
    let pairs = Pairs::new(members, starts, players, run, false, places + past, device).expect("a tile of pairs");
    let x: Tensor<2> = Tensor::random([1, n], Distribution::Normal(0.0, 1.0), device.burn());
    let rows = kernels::mask(x.clone(), background.clone(), &pairs).expect("mask");
    let model_rows = rows.dims()[0];
    let outputs = model.predict(rows.clone()).expect("predict");
    let target = outputs.clone().slice([0..model_rows, 1..2]);
    let full: Tensor<2> = Tensor::ones([1, 1], device.burn());
    let averaging = || Averaging {
        pairs: &pairs,
        weights: Tensor::ones([places + past], device.burn()),
        link: Link::Identity,
        tilt: Tensor::zeros([n_pairs], device.burn()),
        full: full.clone(),
        base: full.clone(),
        even: false,
    };
    let time = |work: &dyn Fn()| {
        // The scheduler books CPU time every few milliseconds: long enough for that not to matter.
        let (mut spent, mut repeats) = (0.0, 0);
        while spent < 0.5 {
            spent += Clock::time(|| (0..1000).for_each(|_| work())).cpu;
            repeats += 1000;
        }
        1e6 * spent / (repeats * model_rows) as f64
    };
    [
        ("mask", time(&|| drop(kernels::mask(x.clone(), background.clone(), &pairs)))),
        ("predict", time(&|| drop(model.predict(rows.clone())))),
        ("value", time(&|| drop(kernels::value(target.clone(), averaging())))),
    ]
}

fn main() {
    let args = Args::parse();
    rayon::ThreadPoolBuilder::new().num_threads(args.threads).build_global().expect("one thread pool");
    let (game, device) = (Game::load("mlp"), Device::cpu());
    let background = game.background.slice(s![..args.background, ..]).to_owned();
    let table = table(&game, args.instances);
    let model = network(&device);

    let builder = KernelShap::builder(network(&device), Background::uniform(background.clone()));
    let choice = if args.crossed { DesignChoice::Crossed } else { DesignChoice::Auto };
    let builder = builder.targets(vec![1]).budget(Budget::Rows(args.rows)).design(choice).pilot(game.instances.clone());
    let mut shap = None;
    let setup = Clock::time(|| shap = Some(builder.build(&device).unwrap_or_else(|error| panic!("{error}"))));
    let shap = shap.expect("built");

    let random = |_| Tensor::random([TILE_ROWS, 30], Distribution::Normal(0.0, 1.0), device.burn());
    let tiles: Vec<Tensor<2>> = (0..64).map(random).collect();
    let block = args.block.unwrap_or(shap.block_rows());
    forward(&model, &tiles, 100_000);
    let (mut ours, mut bare, mut ratios) = (Times::default(), Times::default(), Vec::new());
    for rows in table.axis_chunks_iter(Axis(0), block) {
        let (a, b) = (
            Clock::time(|| drop(shap.explain(rows).unwrap_or_else(|error| panic!("{error}")))),
            Clock::time(|| forward(&model, &tiles, rows.nrows() * shap.rows_per_instance())),
        );
        ratios.push(a.cpu / b.cpu);
        ours += a;
        bare += b;
    }
    let model_rows = (args.instances * shap.rows_per_instance()) as f64;
    println!(
        "{} instances x {} model rows ({}), {} background rows, {} threads, blocks of {block}",
        args.instances,
        shap.rows_per_instance(),
        shap.provenance().design,
        args.background,
        rayon::current_num_threads()
    );
    let line = |what: &str, t: Times| {
        println!(
            "{what:8} wall {:8.3} s, CPU {:8.3} s, {:7.3} M rows / CPU s",
            t.wall,
            t.cpu,
            model_rows / t.cpu / 1e6
        );
    };
    println!("set-up   wall {:8.3} s, CPU {:8.3} s", setup.wall, setup.cpu);
    line("explain", ours);
    line("forward", bare);
    let least = ratios.iter().copied().fold(f64::MAX, f64::min);
    println!("explain / forward: CPU {:.3}, wall {:.3}", ours.cpu / bare.cpu, ours.wall / bare.wall);
    println!("over {} blocks, CPU: median {:.3}, least {least:.3}", ratios.len(), median(&ratios));
    println!("with set-up: CPU {:.3}", (ours.cpu + setup.cpu) / bare.cpu);
    let run = match &shap.provenance().design {
        name if name.contains("crossed") => args.background,
        name => name.split(' ').find_map(|word| word.parse().ok()).unwrap_or(1),
    };
    let stages = stages(&model, &device, background.view(), run);
    let all = 1e6 * ours.cpu / model_rows;
    println!("a model row takes {all:.3} µs of CPU: {}", stages.map(|(what, us)| format!("{what} {us:.3}")).join(", "));
    println!("project, host and the rest: {:.3}", all - stages.iter().map(|(_, us)| us).sum::<f64>());
}
