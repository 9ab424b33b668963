//! `pellucid report`: Shapley values and effects, put into one HTML file.

use super::effects::{self, Asked, Material};
use super::explained;
use super::figures::Figures;
use super::open::Opened;
use super::shap::{LEGEND, describe};
use super::typed;
use crate::Exit;
use crate::args::ReportArgs;
use crate::interrupt::Interrupt;
use crate::number::bytes;
use crate::terminal::Terminal;
use pellucid::data::Pending;
use pellucid::report::{DataCard, Findings, ModelCard, ShownRow};
use pellucid::{Error, Result};
use std::path::Path;

/// Columns whose effects are drawn unless others are asked for.
const COLUMNS: usize = 12;
/// Columns whose pairs are measured unless others are asked for.
const PAIRED: usize = 6;

pub fn run(args: &ReportArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<Exit> {
    let apart = [&args.effect.weights, &args.effect.label];
    let opened = Opened::new(&args.input, &args.background, &args.run, &apart, terminal, interrupt)?;
    check_shown(&args.page.show, &opened)?;
    // Files are opened before any work, so that a wrong path costs nothing.
    let page = Pending::create(&args.page.output, args.page.force)?;
    let figures = Figures::open(&args.figures, args.page.force)?;
    let material = Material::read(&opened, &args.effect, args.run.seed)?;
    let Some(explained) = explained::rows(&opened, args, terminal)? else { return Ok(Exit::Done) };
    let global = explained.summary.finish();
    let mut effect = args.effect.clone();
    if effect.features.is_empty() {
        effect.top_k.get_or_insert(COLUMNS);
    }
    let mut asked = Asked::new(&opened, &effect, material, &global, terminal)?;
    if effect.pairs.is_empty() {
        asked.measure_pairs_of_first(PAIRED);
    }
    terminal.note(&format!("effects over {}", asked.over()));
    let columns = asked.columns();
    let effects = asked.compute(&opened, &effect, &args.run, terminal)?;
    effects::warn(&effects, terminal);
    let (model, table) = (&opened.model, super::open::file_name(&args.input.data));
    let shown =
        explained.sample.shown(explained.shown_output(), &explained.provenance.outputs[explained.shown_output()]);
    let findings = Findings {
        title: args.page.title.clone().unwrap_or_else(|| format!("{model} on {table}")),
        command: typed::command(),
        created: chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string(),
        model: ModelCard::of(model, opened.graph.card(), &explained.provenance.model_sha256),
        data: DataCard { name: table, rows: explained.summary.rows(), columns },
        worst_additivity_gap: explained.summary.worst_additivity_gap(),
        sample: explained.sample.rows(),
        shown: shown.into_iter().map(|(row, why)| ShownRow { row, why }).collect(),
        cohorts: explained.cohorts,
        provenance: explained.provenance,
        global,
        ..effects
    };
    let report = findings.report();
    page.put(report.html()?.as_bytes())?;
    page.commit()?;
    if let Some(figures) = figures {
        figures.write(&report, terminal)?;
    }
    print(&findings, &args.page.output, terminal)?;
    Ok(Exit::Done)
}

/// Rows asked for by number are in the table.
fn check_shown(numbers: &[usize], opened: &Opened) -> Result<()> {
    let rows = opened.input.n_rows()?;
    match numbers.iter().find(|&&number| number > rows) {
        Some(number) => Err(Error::input(format!("--show {number}: the table has {rows} rows"))
            .hint(format!("give numbers from 1 to {rows}, in the order of the table"))),
        None => Ok(()),
    }
}

/// What drives the model, and where the report is.
fn print(findings: &Findings, path: &Path, terminal: &Terminal) -> Result<()> {
    let size = std::fs::metadata(path).map_or(0, |file| file.len());
    if terminal.json() {
        return terminal
            .data(&serde_json::json!({ "report": path, "bytes": size, "global": findings.global }).to_string());
    }
    let tables: Vec<String> = findings.global.iter().map(describe).collect();
    terminal.data(&format!("{}\n\n{LEGEND}", tables.join("\n\n")))?;
    terminal.note(&format!("\nreport: {} ({}); open it in a browser", path.display(), bytes(size)));
    Ok(())
}
