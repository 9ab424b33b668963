//! `pellucid shap`: open and check everything, then explain the table block by block.

mod input;
mod results;

use crate::Exit;
use crate::args::{Draw, ShapArgs, TuningArgs};
use crate::interrupt::Interrupt;
use crate::number::{bytes, duration, significant, thousands};
use crate::progress::{self, Progress};
use crate::terminal::Terminal;
use input::Input;
use pellucid::device::DeviceChoice;
use pellucid::explain::{Control, KernelShap, Summary};
use pellucid::model::onnx::{Graph, OnnxModel};
use pellucid::{Device, Error, Result};
use results::Results;
use std::path::Path;
use std::time::{Duration, Instant};

/// A run that takes longer than this is announced.
const LONG_RUN: Duration = Duration::from_secs(10);

pub fn run(args: &ShapArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<Exit> {
    let device = open_device(args.tuning.device, terminal)?;
    let graph = Graph::load(&args.model)?;
    let input = Input::open(args, graph.feature_names(), !graph.takes_missing())?;
    let targets = targets(&graph, &args.tuning.target)?;
    let outputs = targets.iter().map(|&column| graph.outputs().names[column].clone()).collect();
    // Files are opened before any work, so that a wrong path costs nothing.
    let results = Results::create(&args.result, input.layout(outputs, args.result.stderr)?)?;
    let mut control = Control::default();
    control.stop = interrupt.flag();
    let started = Instant::now();
    let preparing = progress::preparing(terminal);
    let shap = explainer(args, &graph, &input, targets, &device, &control);
    drop(preparing);
    control.take_notes().iter().for_each(|note| terminal.warn(note));
    let shap = shap?;
    let plan = Plan { rows: input.n_rows()?, model_rows_each: shap.rows_per_instance(), prepared: started.elapsed() };
    if args.tuning.dry_run {
        return dry_run(&plan, &shap, &input, terminal);
    }
    let provenance = shap.provenance();
    terminal.detail(&format!("model {}, outputs {}", provenance.model, provenance.outputs.join(", ")));
    terminal.detail(&format!("players {}", provenance.players.join(", ")));
    terminal.detail(&format!(
        "blocks of {} rows, {} for tiles",
        shap.block_rows(),
        bytes(args.tuning.memory.unwrap_or(device.memory_bytes()))
    ));
    terminal
        .note(&format!("explaining {plan}\n  design: {}\n  background: {}", provenance.design, provenance.background));
    explain(&plan, &shap, &input, &control, results, terminal)?;
    Ok(Exit::Done)
}

/// Says which device was taken and why: a fallback to the CPU is never silent.
fn open_device(choice: DeviceChoice, terminal: &Terminal) -> Result<Device> {
    let device = Device::open(choice)?;
    terminal.note(&format!("device: {} ({}; {})", device.name(), device.info().hardware, device.why()));
    Ok(device)
}

/// Columns of the model's outputs; all of them when none is named.
fn targets(graph: &Graph, named: &[String]) -> Result<Vec<usize>> {
    if named.is_empty() {
        return Ok((0..graph.outputs().names.len()).collect());
    }
    let mut columns = Vec::new();
    for target in named {
        columns.extend(graph.outputs().select(target)?);
    }
    columns.sort_unstable();
    columns.dedup();
    Ok(columns)
}

fn explainer(
    args: &ShapArgs,
    graph: &Graph,
    input: &Input,
    targets: Vec<usize>,
    device: &Device,
    control: &Control,
) -> Result<KernelShap> {
    let tuning: &TuningArgs = &args.tuning;
    let mut builder = KernelShap::builder(OnnxModel::new(graph, device)?, input.background(args)?)
        .model_name(file_name(&args.model))
        .players(input.players().clone())
        .targets(targets)
        .budget(tuning.budget.into())
        .design(tuning.design.into())
        .link(tuning.link.into())
        .seed(tuning.seed)
        .control(control.clone());
    if let Some(tolerance) = tuning.tolerance {
        builder = builder.tolerance(tolerance);
    }
    if tuning.draw == Draw::PerRow {
        builder = builder.draw_per_row();
    }
    if let Some(bytes) = tuning.memory {
        builder = builder.memory(bytes);
    }
    builder.build(device)
}

/// The work of a run.
struct Plan {
    rows: usize,
    /// Model rows for each explained row, at most.
    model_rows_each: usize,
    /// Time spent on the background and the design.
    prepared: Duration,
}

impl Plan {
    fn model_rows(&self) -> u64 {
        self.rows as u64 * self.model_rows_each as u64
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (rows, each) = (thousands(self.rows as u64), thousands(self.model_rows_each as u64));
        write!(f, "{rows} rows at {each} model rows each, {} in all", thousands(self.model_rows()))
    }
}

/// Explains the first block to learn the speed, and prints what the whole would take.
fn dry_run(plan: &Plan, shap: &KernelShap, input: &Input, terminal: &Terminal) -> Result<Exit> {
    let started = Instant::now();
    let mut done = 0;
    input.for_each_block(shap.block_rows(), &mut |rows, first, _| {
        done = rows.nrows();
        shap.explain_from(rows, first)?;
        Ok(false)
    })?;
    let rate = (done * plan.model_rows_each) as f64 / started.elapsed().as_secs_f64();
    let time = plan.prepared + Duration::from_secs_f64(plan.model_rows() as f64 / rate);
    if terminal.json() {
        terminal.data(
            &serde_json::json!({
                "rows": plan.rows, "model_rows_per_row": plan.model_rows_each, "model_rows": plan.model_rows(),
                "model_rows_per_second": rate, "seconds": time.as_secs_f64(), "provenance": shap.provenance(),
            })
            .to_string(),
        )?;
        return Ok(Exit::Done);
    }
    terminal.data(&format!(
        "{plan}\nabout {} at {} model rows/s, measured on {done} rows; nothing was written",
        duration(time),
        thousands(rate as u64)
    ))?;
    Ok(Exit::Done)
}

/// One pass over the table: every block is explained, summed up and written.
fn explain(
    plan: &Plan,
    shap: &KernelShap,
    input: &Input,
    control: &Control,
    mut results: Results,
    terminal: &Terminal,
) -> Result<()> {
    let provenance = shap.provenance();
    let mut summary = Summary::new(provenance.outputs.clone(), provenance.players.clone(), provenance.seed);
    let mut progress = Progress::new(terminal, Some(plan.rows as u64));
    let started = Instant::now();
    let done = input.for_each_block(shap.block_rows(), &mut |rows, first, ids| {
        let block = shap.explain_from(rows, first);
        progress.say(|| control.take_notes().iter().for_each(|note| terminal.warn(note)));
        let block = block?;
        if first == 1 {
            let time = started.elapsed().mul_f64(plan.rows as f64 / block.n_rows() as f64);
            progress.say(|| tell_long(time, terminal));
        }
        results.write(&block, ids)?;
        summary.add(&block);
        progress.advance(block.n_rows() as u64);
        Ok(true)
    });
    progress.finish();
    if let Err(error) = done {
        if matches!(error, Error::Interrupted) {
            let (done, all) = (thousands(summary.rows()), thousands(plan.rows as u64));
            terminal.note(&format!("stopped after {done} of {all} rows"));
        }
        return Err(error);
    }
    let model_rows = control.model_rows.load(std::sync::atomic::Ordering::Relaxed);
    let seconds = started.elapsed().as_secs_f64();
    results.finish(&summary, provenance, model_rows, seconds, terminal)?;
    terminal.note(&format!(
        "{} rows in {} after {} of preparation: {} rows/s, {} model rows/s; worst additivity gap {}",
        thousands(summary.rows()),
        duration(started.elapsed()),
        duration(plan.prepared),
        significant(summary.rows() as f64 / seconds),
        thousands((model_rows as f64 / seconds) as u64),
        significant(summary.worst_additivity_gap())
    ));
    Ok(())
}

/// Before a long run: how long, from the speed of its first block.
fn tell_long(time: Duration, terminal: &Terminal) {
    if time >= LONG_RUN {
        terminal.note(&format!("it will take about {}; Ctrl-C stops it and leaves nothing behind", duration(time)));
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
