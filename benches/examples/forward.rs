//! Rows a second of the reference network's forward: burn's operations, `affine` with several GPU tiles, `affine_chain`.
//!
//! `cargo run --release -p pellucid-benches --example forward -- --device gpu --rows 1000000 --peak 60000`

#![allow(clippy::print_stdout)]

use clap::Parser;
use pellucid::{Device, device::DeviceChoice, kernels::Tile};
use pellucid_benches::{Road, flops_a_row, network, tiles};
use std::time::Instant;

#[derive(Parser)]
struct Args {
    /// `cpu` or `gpu`
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Rows of one forward
    #[arg(long, default_value_t = 100_000)]
    rows: usize,
    /// Rows of a tile [default: 1000 on the CPU, all rows on a GPU]
    #[arg(long)]
    tile: Option<usize>,
    /// Forwards of each road, taken in turns; the fastest and the median are shown
    #[arg(long, default_value_t = 15)]
    repeats: usize,
    /// Peak of the device in GFLOP/s; shows each road's share of it
    #[arg(long)]
    peak: Option<f64>,
    /// GPU tiles to try, as rows×columns×depth with an `x` between
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "128x128x16,128x128x8,128x128x32,64x64x16,128x64x16,64x128x16,64x256x16,256x64x16"
    )]
    variants: Vec<String>,
}

fn variant(text: &str) -> Tile {
    let sizes: Vec<u32> = text.split('x').filter_map(|part| part.parse().ok()).collect();
    let [rows, columns, depth] = sizes[..] else { panic!("{text}: a tile is rows x columns x depth, like 128x64x16") };
    Tile { rows, columns, depth }
}

fn main() {
    let args = Args::parse();
    let choice = match args.device.as_str() {
        "cpu" => DeviceChoice::Cpu,
        "gpu" => DeviceChoice::Gpu(0),
        other => panic!("--device {other}: `cpu` or `gpu`"),
    };
    let device = Device::open(choice).unwrap_or_else(|error| panic!("{error}"));
    let is_cpu = device.is_cpu();
    let tile = args.tile.unwrap_or(if is_cpu { 1000 } else { args.rows });
    let mut roads = vec![("burn".to_string(), Road::Burn), ("affine_chain".to_string(), Road::Chain)];
    let variants = if is_cpu { &args.variants[..1] } else { &args.variants[..] };
    roads.extend(variants.iter().map(|text| (format!("affine {text}"), Road::Affine(variant(text)))));

    let layers = network(device.burn());
    let tiles = tiles(args.rows, tile, device.burn());
    let mut seconds = vec![Vec::new(); roads.len()];
    for repeat in 0..=args.repeats {
        for ((_, road), seconds) in roads.iter().zip(&mut seconds) {
            let start = Instant::now();
            std::hint::black_box(road.run(&tiles, &layers, is_cpu));
            // The first forward compiles kernels and warms caches.
            if repeat > 0 {
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
    }
    println!("{} rows in tiles of {tile} on {} ({} repeats)", args.rows, device.name(), args.repeats);
    for ((name, _), mut seconds) in roads.into_iter().zip(seconds) {
        seconds.sort_by(f64::total_cmp);
        let (best, median) = (seconds[0], seconds[seconds.len() / 2]);
        let rate = |seconds: f64| args.rows as f64 / seconds / 1e6;
        let gflops = args.rows as f64 * flops_a_row() / best / 1e9;
        let share = args.peak.map_or(String::new(), |peak| format!("  {:5.1} % of peak", 100.0 * gflops / peak));
        println!("{name:22} {:9.3} M rows/s (median {:9.3})  {gflops:9.1} GFLOP/s{share}", rate(best), rate(median));
    }
}
