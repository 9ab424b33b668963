//! `pellucid bias`: read the table once, compare the groups of each facet, check the limits.

mod facet;
pub mod limits;
pub mod model;
pub mod request;
mod segments;

use self::segments::Part;
use super::open::{file_name, open_device};
use super::put::put;
use super::typed;
use crate::args::{BiasArgs, BiasResultArgs};
use crate::interrupt::Interrupt;
use crate::number::{significant, thousands};
use crate::terminal::{Terminal, stderr_line};
use crate::{Exit, bias_table, progress};
use pellucid::bias::{BiasReport, BiasRequest, measure_on};
use pellucid::data::{Pending, ReadOptions, Schema, Table};
use pellucid::device::DeviceChoice;
use pellucid::explain::Control;
use pellucid::report::bias::{BiasPage, LimitCheck, heading};
use pellucid::{Device, Error, Result};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

pub fn run(args: &BiasArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<Exit> {
    let files = Files::create(&args.result)?;
    let mut control = Control::default();
    control.stop = interrupt.flag();
    let (table, schema) = open(args)?;
    let mut request = request::request(args, &table)?;
    let segments = segments::parse(&args.outcome.segment, &table)?;
    request.predicted = request::predicted(&args.prediction, &table)?;
    let table = stoppable(table, &control);
    let device = device(args, terminal)?;
    request.flip_rows = flip_rows(args, &table, device.is_some(), terminal)?;
    let measured = |table: Table, terminal: &Terminal| -> Result<BiasReport> {
        let Some(path) = &args.prediction.model else { return measure_on(&table, &request, device.as_ref()) };
        let threshold = args.outcome.label_threshold.first().copied();
        let with = (table, schema.clone());
        let (table, predicted) =
            model::predicted_by(path, &args.prediction, threshold, with, &request, (&control, terminal))?;
        measure_on(&table, &BiasRequest { predicted: Some(predicted), ..request.clone() }, device.as_ref())
    };
    let name = match &args.prediction.model {
        None => request.predicted.as_ref().map(|p| format!("the column `{}`", p.column())),
        Some(path) => Some(file_name(path)),
    };
    let working = progress::working(terminal, "measuring", &control);
    let found = measured(table.clone(), terminal)?;
    let parts = segments::measure(&table, &segments, terminal, |part| measured(part, &terminal.silent()))?;
    drop(working);
    control.take_notes().iter().for_each(|note| terminal.warn(note));
    warn(&found, terminal);
    let mut limits = limits::check(&args.measure, &found);
    limits.extend(parts.iter().flat_map(|part| part.limits(&args.measure)));
    let document = document(args, &found, &parts, &limits, name.as_deref())?;
    let page = BiasPage {
        title: format!("Bias: {} in {}", found.label, file_name(&args.data)),
        table: file_name(&args.data),
        predictions: name.unwrap_or_default(),
        command: typed::command(),
        created: chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string(),
        found: &found,
        limits: &limits,
    };
    files.write(&document, &page, &parts, terminal)?;
    let described = || {
        let parts = parts.iter().map(|part| format!("\n\n{}", part.describe())).collect::<String>();
        format!("{}{parts}", bias_table::describe(&found))
    };
    terminal.data(&if terminal.json() { format!("{document:#}") } else { described() })?;
    Ok(verdict(&limits))
}

/// The table, with categories of the schema as text.
fn open(args: &BiasArgs) -> Result<(Table, Option<Schema>)> {
    let schema = args.prediction.schema.as_ref().map(Schema::open).transpose()?;
    let text = schema.iter().flat_map(|schema| schema.text_columns()).collect();
    Ok((Table::open(&args.data, &ReadOptions { text, ..ReadOptions::default() })?, schema))
}

/// A device for the distances of the flip test: the one that is named, if one is.
fn device(args: &BiasArgs, terminal: &Terminal) -> Result<Option<Device>> {
    match args.prediction.device {
        DeviceChoice::Auto | DeviceChoice::Cpu => Ok(None),
        choice if args.prediction.model.is_some() => Device::open(choice).map(Some),
        choice => open_device(choice, terminal).map(Some),
    }
}

/// Rows of the flip test. What more than the engine's own choice costs is told before it is paid.
fn flip_rows(args: &BiasArgs, table: &Table, gpu: bool, terminal: &Terminal) -> Result<usize> {
    const AS_A_RULE: usize = 20_000;
    const ON_A_GPU: usize = 200_000;
    let rows = args.measure.flip_rows.map_or(if gpu { ON_A_GPU } else { AS_A_RULE }, |rows| rows as usize);
    let told = rows > AS_A_RULE && request::has_predictions(args);
    let compared = if told { rows.min(table.n_rows()?) } else { 0 };
    if compared > AS_A_RULE {
        let pairs = significant((compared as f64).powi(2) / 4.0);
        terminal
            .note(&format!("flip test: {} rows, up to {pairs} distances for each group", thousands(compared as u64)));
    }
    Ok(rows)
}

/// The table, whose passes end when the user asks for it.
pub fn stoppable(table: Table, control: &Control) -> Table {
    let stop = control.stop.clone();
    table.through_columns(&[], move |batch| if stop.load(Relaxed) { Err(Error::Interrupted) } else { Ok(batch) })
}

/// How the engine's remark on a value that is nowhere in its column begins.
const NO_CELL: &str = "no cell of ";

/// Says where nothing could be compared: a value that is spelled otherwise in the table, mostly.
pub(super) fn warn(found: &BiasReport, terminal: &Terminal) {
    for facet in &found.facets {
        let nearest: Vec<&str> =
            facet.notes.iter().map(String::as_str).filter(|note| note.starts_with(NO_CELL)).collect();
        match (&facet.pre_error, facet.d.rows, facet.a.rows) {
            (Some(_), ..) if found.no_outcome => {}
            (Some(why), ..) => terminal.warn(&format!("{}: {why}", heading(facet))),
            (None, 0, _) if nearest.is_empty() => {
                terminal.warn(&format!("{}: no row is in this group", heading(facet)));
            }
            (None, 0, _) => {
                terminal.warn(&format!("{}: no row is in this group: {}", heading(facet), nearest.join("; ")));
            }
            _ if !nearest.is_empty() => terminal.warn(&format!("{}: {}", heading(facet), nearest.join("; "))),
            (None, _, 0) => terminal.warn(&format!("{}: every row is in this group", heading(facet))),
            _ => {}
        }
    }
    found.notes.iter().filter(|note| note.starts_with(NO_CELL)).for_each(|note| terminal.warn(note));
    let positive: u64 = found.facets.first().map_or(0, |facet| facet.d.positive + facet.a.positive);
    if found.facets.first().is_some_and(|facet| facet.d.rows + facet.a.rows > 0) && positive == 0 && !found.no_outcome {
        terminal.warn(&format!("no row has the positive label, {} {}", found.label, found.label_value_or_threshold));
    }
}

/// Says which limits are broken, also under `--quiet`: the exit code needs its reason.
fn verdict(limits: &[LimitCheck]) -> Exit {
    let broken: Vec<&LimitCheck> = limits.iter().filter(|check| check.broken).collect();
    broken.iter().for_each(|check| stderr_line(&limits::line(check)));
    if broken.is_empty() { Exit::Done } else { Exit::LimitBroken }
}

/// Everything that was found, and what it was found in.
fn document(
    args: &BiasArgs,
    found: &BiasReport,
    parts: &[Part],
    limits: &[LimitCheck],
    predictions: Option<&str>,
) -> Result<Value> {
    let mut document = json!({
        "data": file_name(&args.data),
        "predictions": predictions,
        "limits": limits,
        "version": env!("CARGO_PKG_VERSION"),
    });
    let report = serde_json::to_value(found).map_err(|error| Error::input(error.to_string()))?;
    if let (Some(document), Value::Object(report)) = (document.as_object_mut(), report) {
        document.extend(report);
    }
    if !parts.is_empty() {
        document["segments"] = parts.iter().map(Part::document).collect::<Result<_>>()?;
    }
    Ok(document)
}

/// The files asked for, opened before any work, so that a wrong path costs nothing.
struct Files {
    json: Option<Pending>,
    page: Option<Pending>,
}

impl Files {
    fn create(args: &BiasResultArgs) -> Result<Self> {
        if let (Some(output), Some(report)) = (&args.output, &args.report)
            && output == report
        {
            return Err(Error::input(format!("--output and --report are both {}", output.display()))
                .hint("give each a name of its own"));
        }
        let json = args.output.as_deref().map(|path| create(path, "json", args.force)).transpose()?;
        let page = args.report.as_deref().map(|path| create(path, "html", args.force)).transpose()?;
        Ok(Self { json, page })
    }

    fn write(self, document: &Value, page: &BiasPage, parts: &[Part], terminal: &Terminal) -> Result<()> {
        if let Some(file) = self.json {
            put(file, format!("{document:#}\n").as_bytes(), terminal)?;
        }
        if let Some(file) = self.page {
            let segments: Vec<_> =
                parts.iter().filter_map(|p| Some((p.name.as_str(), p.found.as_ref().ok()?))).collect();
            put(file, page.report_with(&segments).html()?.as_bytes(), terminal)?;
        }
        Ok(())
    }
}

pub(super) fn create(path: &Path, ending: &str, force: bool) -> Result<Pending> {
    if !path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending)) {
        let message = format!("{}: this file is written as {}", path.display(), ending.to_uppercase());
        return Err(Error::input(message).hint(format!("end its name in .{ending}")));
    }
    Pending::create(path, force)
}
