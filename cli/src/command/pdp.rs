//! `pellucid pdp`: effects of columns, as a table, as numbers, as pictures.

use super::effects::{self, Asked, Material};
use super::figures::Figures;
use super::open::Opened;
use crate::Exit;
use crate::args::{BackgroundArgs, PdpArgs};
use crate::effect_table;
use crate::interrupt::Interrupt;
use crate::number::thousands;
use crate::terminal::Terminal;
use pellucid::data::{BatchWriter, FileKind, Pending};
use pellucid::effect::Effect;
use pellucid::report::Findings;
use pellucid::{Error, Result};
use serde_json::{Value, json};
use std::path::Path;

pub fn run(args: &PdpArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<Exit> {
    let apart = [&args.effect.weights, &args.effect.label];
    let opened = Opened::new(&args.input, &BackgroundArgs::default(), &args.run, &apart, terminal, interrupt)?;
    // Files are opened before any work, so that a wrong path costs nothing.
    let path = args.result.output.as_deref();
    let output = path.map(|path| Output::create(path, args.result.force)).transpose()?;
    let figures = Figures::open(&args.figures, args.result.force)?;
    let material = Material::read(&opened, &args.effect, args.run.seed)?;
    let global = match args.effect.top_k {
        Some(_) => effects::drivers(&opened, &material.rows, &args.run, terminal)?,
        None => Vec::new(),
    };
    let asked = Asked::new(&opened, &args.effect, material, &global, terminal)?;
    if args.run.dry_run {
        let work = thousands(asked.model_rows(&args.effect));
        terminal.data(&format!("{work} model rows over {}; nothing was written", asked.over()))?;
        return Ok(Exit::Done);
    }
    terminal.note(&format!("effects over {}", asked.over()));
    let findings = asked.compute(&opened, &args.effect, &args.run, terminal)?;
    effects::warn(&findings, terminal);
    let document = document(&findings, &opened, args);
    if let (Some(output), Some(path)) = (output, path) {
        output.write(&findings, &document)?;
        terminal.note(&format!("wrote {}", path.display()));
    }
    if let Some(figures) = figures {
        figures.write(&findings.report(), terminal)?;
    }
    match terminal.json() {
        true => terminal.data(&format!("{document:#}"))?,
        false => terminal.data(&effect_table::describe(&findings))?,
    }
    Ok(Exit::Done)
}

/// The numbers, nested.
fn document(found: &Findings, opened: &Opened, args: &PdpArgs) -> Value {
    json!({
        "model": opened.model,
        "over": found.effects_over,
        "link": args.run.link.name(),
        "seed": args.run.seed,
        "device": opened.device.name(),
        "version": env!("CARGO_PKG_VERSION"),
        "curves": found.curves,
        "surfaces": found.surfaces,
        "ale": found.ale,
        "interactions": found.interactions,
        "loss": found.loss,
        "importances": found.importances,
        "associations": found.associations,
    })
}

/// The file of numbers, under a temporary name until it is complete.
enum Output {
    Nested(Pending),
    Flat(BatchWriter),
}

impl Output {
    fn create(path: &Path, force: bool) -> Result<Self> {
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
            return Ok(Self::Nested(Pending::create(path, force)?));
        }
        let kind = FileKind::from_path(path).ok_or_else(|| {
            Error::input(format!("{}: the format of the output is told by its extension", path.display()))
                .hint("end it in .json, .csv, .jsonl or .parquet")
        })?;
        let schema = Effect::default().table().schema();
        Ok(Self::Flat(BatchWriter::create(path, kind, schema, force)?))
    }

    fn write(self, found: &Findings, document: &Value) -> Result<()> {
        match self {
            Self::Nested(pending) => {
                pending.put(format!("{document:#}\n").as_bytes())?;
                pending.commit()
            }
            Self::Flat(mut writer) => {
                let Findings { curves, surfaces, ale, interactions, importances, .. } = found;
                writer.write(&Effect { curves, surfaces, ale, interactions, importances }.table())?;
                let settings = ["model", "over", "link", "seed", "device", "version"].map(|key| {
                    let value = &document[key];
                    (key.to_string(), value.as_str().map_or_else(|| value.to_string(), str::to_string))
                });
                writer.finish(&settings)
            }
        }
    }
}
