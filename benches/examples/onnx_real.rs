//! Real models against the outputs and times of onnxruntime that `benches/onnx_real.py` stored.
//!
//! ```text
//! cargo run --release -p pellucid-benches --example onnx_real -- FOLDER [--match NAME] [--device gpu:0] [--steps]
//! ```

#![allow(clippy::print_stdout)]

use clap::Parser;
use pellucid::model::onnx::{Network, Session, Value, tensors};
use pellucid::{Device, Result};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

#[derive(Parser)]
struct Arguments {
    folder: PathBuf,
    /// Only models whose name holds this.
    #[arg(long = "match")]
    filter: Option<String>,
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Also tells what each operator takes.
    #[arg(long)]
    steps: bool,
    /// Instead of comparing, prints the least CPU time of a run of all threads together, in milliseconds (Linux).
    #[arg(long)]
    cpu: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let choice = arguments.device.parse().unwrap_or_else(|e| panic!("{e}"));
    let device = Device::open(choice).unwrap_or_else(|e| panic!("{e}"));
    let text = std::fs::read_to_string(arguments.folder.join("cases.json")).expect("cases.json");
    let cases: BTreeMap<String, Json> = serde_json::from_str(&text).expect("cases.json");
    println!("| model | nodes | first input | worst difference | of the largest | rows/s | onnxruntime | ratio |");
    println!("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |");
    for (name, case) in &cases {
        if arguments.filter.as_ref().is_none_or(|f| name.contains(f.as_str())) {
            match compare(&arguments, name, case, &device) {
                Ok(line) => println!("{line}"),
                Err(e) => println!("| {name} | {e} |"),
            }
        }
    }
}

fn compare(arguments: &Arguments, name: &str, case: &Json, device: &Device) -> Result<String> {
    let outputs: Vec<&str> = case["outputs"].as_array().unwrap().iter().filter_map(Json::as_str).collect();
    let network = Network::open_for(case["model"].as_str().unwrap_or_default(), &outputs)?;
    let data = std::fs::read(arguments.folder.join(format!("{name}.data"))).expect("data");
    let mut inputs = tensors(&data)?;
    let expected = inputs.split_off(case["inputs"].as_u64().unwrap_or(0) as usize);
    let given: Vec<(&str, Value)> = inputs.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let session = network.on(device)?;
    if arguments.cpu {
        return least_cpu(&session, &given).map(|seconds| format!("{name} {:.3}", 1e3 * seconds));
    }
    let results = session.run(&given)?;
    let (mut worst, mut largest) = (0f64, 0f64);
    for ((_, expected), got) in expected.iter().zip(&results) {
        assert_eq!(expected.dims(), got.dims(), "{name}");
        for (e, g) in expected.to_floats()?.into_iter().zip(got.to_floats()?) {
            let differs = f64::from(e) - f64::from(g);
            worst = worst.max(if e == g {
                0.0
            } else if differs.is_nan() {
                f64::INFINITY
            } else {
                differs.abs()
            });
            largest = largest.max(f64::from(e).abs());
        }
    }
    let seconds = median(&session, &given)?;
    let (theirs, rows) = (case["seconds"].as_f64().unwrap_or(f64::NAN), case["rows"].as_f64().unwrap_or(1.0));
    let text = |key: &str| case[key].to_string().trim_matches('"').to_string();
    if arguments.steps {
        for (operator, seconds, count) in session.profile(&given)?.into_iter().take(12) {
            println!("    {operator:40} {count:5} × {:8.3} ms", 1e3 * seconds);
        }
    }
    Ok(format!(
        "| {name} | {} | {} | {worst:.1e} | {largest:.2} | {:.1} | {:.1} | {:.2} |",
        text("nodes"),
        text("shape"),
        rows / seconds,
        rows / theirs,
        theirs / seconds
    ))
}

/// The least CPU seconds of a run, of at least ten runs and two seconds.
fn least_cpu(session: &Session, inputs: &[(&str, Value)]) -> Result<f64> {
    let (begin, mut least, mut runs) = (Instant::now(), f64::INFINITY, 0);
    while runs < 10 || begin.elapsed().as_secs_f64() < 2.0 {
        let start = cpu_seconds();
        let outputs = session.run(inputs)?;
        outputs.iter().try_for_each(|value| value.to_floats().map(drop))?;
        least = least.min(cpu_seconds() - start);
        runs += 1;
    }
    Ok(least)
}

/// CPU time of all threads so far.
fn cpu_seconds() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("a Linux machine");
    let text = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
    let nanoseconds = |text: String| text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0);
    tasks.flatten().map(|task| nanoseconds(text(task))).sum::<f64>() * 1e-9
}

/// The median seconds of seven runs after one more.
fn median(session: &Session, inputs: &[(&str, Value)]) -> Result<f64> {
    let mut seconds = vec![];
    for _ in 0..8 {
        let start = Instant::now();
        let outputs = session.run(inputs)?;
        outputs.iter().try_for_each(|value| value.to_floats().map(drop))?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.remove(0);
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[3])
}
