//! Runs the node tests of ONNX that `tests/fixtures/make_nodes.py` writes, and counts passed, failed and unsupported cases by operator.
//!
//! ```text
//! cargo run --release -p pellucid-benches --example onnx_nodes -- FOLDER [--table FILE.md] [--match TEXT] [--device gpu:0]
//! ```

#![allow(clippy::print_stdout)]

use clap::Parser;
use pellucid::Device;
use pellucid::model::onnx::{Network, Value, supported, tensors};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Parser)]
struct Arguments {
    folder: PathBuf,
    /// Writes the counts as a Markdown table.
    #[arg(long)]
    table: Option<PathBuf>,
    /// Only cases whose name holds this.
    #[arg(long = "match")]
    filter: Option<String>,
    #[arg(long, default_value = "cpu")]
    device: String,
}

/// What became of a case.
enum Verdict {
    Passed,
    Failed(String),
    /// It was refused before it ran.
    Unsupported(String),
}

#[derive(Default)]
struct Count {
    passed: usize,
    failed: usize,
    unsupported: usize,
    versions: String,
}

fn main() {
    let arguments = Arguments::parse();
    let device =
        Device::open(arguments.device.parse().unwrap_or_else(|e| panic!("{e}"))).unwrap_or_else(|e| panic!("{e}"));
    let text = std::fs::read_to_string(arguments.folder.join("cases.json")).expect("cases.json");
    let cases: BTreeMap<String, Json> = serde_json::from_str(&text).expect("cases.json");
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    for (name, case) in &cases {
        if arguments.filter.as_ref().is_some_and(|f| !name.contains(f.as_str())) {
            continue;
        }
        // Bodies of functions, written out, are tests of other operators than the one they are named for.
        let operator = match name.contains("_expanded") {
            true => "(functions written out)".to_string(),
            false => case["operator"].as_str().unwrap_or("?").to_string(),
        };
        let count = counts.entry(operator.clone()).or_default();
        if !name.contains("_expanded") {
            let versions = case["versions"].as_array().into_iter().flatten().map(Json::to_string);
            count.versions = versions.collect::<Vec<_>>().join(" ");
        }
        match run(&arguments.folder, name, case, &device) {
            Verdict::Passed => count.passed += 1,
            Verdict::Failed(why) => {
                count.failed += 1;
                println!("FAILED {operator} {name}: {why}");
            }
            Verdict::Unsupported(why) => {
                count.unsupported += 1;
                println!("unsupported {operator} {name}: {why}");
            }
        }
    }
    let total = |part: fn(&Count) -> usize| counts.values().map(part).sum::<usize>();
    println!(
        "{} passed, {} failed, {} unsupported of {}; {} operators supported",
        total(|c| c.passed),
        total(|c| c.failed),
        total(|c| c.unsupported),
        total(|c| c.passed + c.failed + c.unsupported),
        supported().len()
    );
    if let Some(path) = arguments.table {
        std::fs::write(path, table(&counts)).expect("the table cannot be written");
    }
}

fn run(folder: &Path, name: &str, case: &Json, device: &Device) -> Verdict {
    if let Some(why) = case["skipped"].as_str() {
        return Verdict::Unsupported(why.into());
    }
    let network = match Network::open(folder.join(format!("{name}.onnx"))) {
        Ok(network) => network,
        Err(e) => return Verdict::Unsupported(e.to_string()),
    };
    let data = std::fs::read(folder.join(format!("{name}.data"))).expect("data");
    let mut inputs = match tensors(&data) {
        Ok(tensors) => tensors,
        Err(e) => return Verdict::Unsupported(e.to_string()),
    };
    let outputs = inputs.split_off(case["inputs"].as_u64().unwrap_or(0) as usize);
    let given: Vec<(&str, Value)> = inputs.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let results = match network.on(device).and_then(|session| session.run(&given)) {
        Ok(results) => results,
        Err(e) if e.to_string().contains("not supported") => return Verdict::Unsupported(e.to_string()),
        Err(e) => return Verdict::Failed(e.to_string()),
    };
    let tolerance = |key: &str| case[key].as_f64().unwrap_or(0.0);
    for ((name, expected), got) in outputs.iter().zip(&results) {
        if let Err(why) = compare(got, expected, tolerance("rtol"), tolerance("atol")) {
            return Verdict::Failed(format!("{name}: {why}"));
        }
    }
    Verdict::Passed
}

/// `|got − expected| ≤ atol + rtol · |expected|`, as ONNX's own runner has it; kinds and shapes must be the same.
fn compare(got: &Value, expected: &Value, rtol: f64, atol: f64) -> Result<(), String> {
    if got.dims() != expected.dims() {
        return Err(format!("shape {:?}, not {:?}", got.dims(), expected.dims()));
    }
    let kind = |v: &Value| (v.dtype().is_float(), v.dtype().is_int());
    if kind(got) != kind(expected) {
        return Err(format!("{} values, not {}", got.dtype(), expected.dtype()));
    }
    if kind(got).1 {
        let (g, e) = (got.to_ints().map_err(|e| e.to_string())?, expected.to_ints().map_err(|e| e.to_string())?);
        let differs =
            g.iter().zip(&e).position(|(g, e)| (*g as f64 - *e as f64).abs() > atol + rtol * (*e as f64).abs());
        return differs.map_or(Ok(()), |i| Err(format!("{} at {i}, not {}", g[i], e[i])));
    }
    let (g, e) = (got.to_floats().map_err(|e| e.to_string())?, expected.to_floats().map_err(|e| e.to_string())?);
    let close = |g: f64, e: f64| g == e || (g.is_nan() && e.is_nan()) || (g - e).abs() <= atol + rtol * e.abs();
    let differs = g.iter().zip(&e).position(|(&g, &e)| !close(g.into(), e.into()));
    differs.map_or(Ok(()), |i| Err(format!("{} at {i}, not {}", g[i], e[i])))
}

fn table(counts: &BTreeMap<String, Count>) -> String {
    let mut text =
        String::from("| operator | versions | passed | failed | unsupported |\n| --- | --- | ---: | ---: | ---: |\n");
    for (operator, c) in counts {
        text += &format!("| {operator} | {} | {} | {} | {} |\n", c.versions, c.passed, c.failed, c.unsupported);
    }
    text
}
