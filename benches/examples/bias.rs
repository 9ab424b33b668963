//! Time of all bias metrics of a Parquet file, with 1,000 bootstrap replicates, beside the time of merely reading the file into
//! Arrow batches with the same reader, taking turns; and the peak of the process's memory.
//!
//! `python benches/peers/bias.py make people.parquet --rows 10000000`, then
//! `cargo run --release -p pellucid-benches --example bias -- people.parquet`

#![allow(clippy::print_stdout)]

use clap::Parser;
use pellucid::bias::{BiasReport, BiasRequest, Bootstrap, Kind, Metric, Predicted, Selection, Value, measure};
use pellucid::data::{ReadOptions, Table};
use pellucid_benches::clock::{Clock, Times};
use pellucid_benches::games::median;
use std::path::PathBuf;

/// Rows of a batch, as the engine reads them.
const BATCH_ROWS: usize = 1 << 15;

#[derive(Parser)]
struct Args {
    file: PathBuf,
    #[arg(long, default_value_t = 5)]
    repeats: usize,
    /// Rows from the first on [default: all]
    #[arg(long)]
    rows: Option<usize>,
    /// Rows compared in the flip test
    #[arg(long, default_value_t = 20_000)]
    flip_rows: usize,
    /// Threads [default: one a core]
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Print every value
    #[arg(long)]
    values: bool,
}

/// Five regions, women, people above 40; strata are jobs. Texts are no features of the flip test.
fn request(flip_rows: usize) -> BiasRequest {
    let select =
        |column: &str, values: Vec<Value>, kind: Kind| Selection { column: column.into(), values, kind: Some(kind) };
    let label = select("label", vec![Value::Integer(1)], Kind::Categorical);
    let facets = vec![
        select("region", Vec::new(), Kind::Categorical),
        select("sex", vec![Value::Integer(0)], Kind::Categorical),
        select("age", vec![Value::Number(40.0)], Kind::Continuous),
    ];
    let mut request = BiasRequest::new(label, facets);
    request.predicted = Some(Predicted::Label("decision".into()));
    request.group = Some("job".into());
    request.ignore = vec!["region".into(), "job".into()];
    request.flip_rows = flip_rows;
    request
}

fn read(table: &Table) -> usize {
    let batches = table.batches(BATCH_ROWS).unwrap_or_else(|error| panic!("{error}"));
    batches.map(|batch| batch.unwrap_or_else(|error| panic!("{error}")).num_rows()).sum()
}

fn measured(table: &Table, request: &BiasRequest) -> BiasReport {
    measure(table, request).unwrap_or_else(|error| panic!("{error}"))
}

/// MiB of the largest resident set so far, from Linux; 0 elsewhere.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn main() {
    let args = Args::parse();
    rayon::ThreadPoolBuilder::new().num_threads(args.threads).build_global().expect("one thread pool");
    let table = Table::open(&args.file, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"));
    let table = args.rows.map_or(table.clone(), |rows| table.first(rows));
    let all = BiasRequest { bootstrap: Some(Bootstrap::default()), ..request(args.flip_rows) };
    let names = |wanted: fn(&&Metric) -> bool| Metric::ALL.iter().filter(wanted).map(|m| m.name.to_string()).collect();
    let counted = BiasRequest { metrics: names(|m| m.name != "FT"), ..request(args.flip_rows) };
    let uncertain = BiasRequest { bootstrap: None, ..all.clone() };
    let mut times: [Vec<Times>; 4] = Default::default();
    let mut found = None;
    let mut peaks = [0; 2];
    for _ in 0..args.repeats {
        times[0].push(Clock::time(|| assert!(read(&table) > 0)));
        peaks[0] = peaks[0].max(if found.is_none() { peak() } else { 0 });
        times[1].push(Clock::time(|| drop(measured(&table, &counted))));
        times[2].push(Clock::time(|| drop(measured(&table, &uncertain))));
        times[3].push(Clock::time(|| found = Some(measured(&table, &all))));
    }
    peaks[1] = peak();
    let found = found.expect("at least one repeat");
    println!("{} rows, {} groups, {} threads", found.rows, found.facets.len(), rayon::current_num_threads());
    println!("peak memory: {} MiB after reading, {} MiB after measuring\n", peaks[0], peaks[1]);
    println!("| | wall s (least to most) | CPU s (least to most) | wall / reading | CPU / reading |");
    println!("| --- | --- | --- | --- | --- |");
    let spread = |times: &[Times], of: fn(&Times) -> f64| {
        let values: Vec<f64> = times.iter().map(of).collect();
        let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(l, h), &v| (l.min(v), h.max(v)));
        (median(&values), format!("{:.3} ({low:.3} to {high:.3})", median(&values)))
    };
    let what = ["reading only", "all metrics but FT", "all metrics", "all metrics, 1,000 replicates"];
    let floor = (spread(&times[0], |t| t.wall).0, spread(&times[0], |t| t.cpu).0);
    for (what, times) in what.iter().zip(&times) {
        let ((wall, walls), (cpu, cpus)) = (spread(times, |t| t.wall), spread(times, |t| t.cpu));
        println!("| {what} | {walls} | {cpus} | {:.2} | {:.2} |", wall / floor.0, cpu / floor.1);
    }
    if args.values {
        for facet in &found.facets {
            let metrics = facet.pre.iter().chain(&facet.post);
            let shown: Vec<String> = metrics.map(|m| format!("{} {:?} {:?}", m.name, m.value, m.interval)).collect();
            println!("\n{} = {}: {}", facet.facet, facet.value_or_threshold, shown.join("; "));
        }
    }
}
