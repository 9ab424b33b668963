//! What comes out: the file of attributions, the summary as JSON, the table of drivers.

use crate::args::{Format, ResultArgs};
use crate::command::put::put;
use crate::command::shapley::Pass;
use crate::interaction_table::interactions;
use crate::number::{significant, thousands};
use crate::table;
use crate::terminal::Terminal;
use pellucid::data::{AttributionWriter, Layout, OutputFormat, Pending};
use pellucid::explain::{Explanation, GlobalExplanation, Provenance};
use pellucid::{Error, Result};
use std::path::PathBuf;

/// Players in a table on a terminal; all of them are in the JSON summary.
const TOP: usize = 20;

pub const LEGEND: &str = "\
φ: how far a player (a feature, or a group of them) moves the output of one row away from the base value,
   which is the mean output over the background. Mean |φ| is its weight over all rows, mean φ its direction.";

/// What [`LEGEND`] is to interactions.
const PAIRS_LEGEND: &str = "\
I: how much two players move the output together, beyond what each does, averaged over what the others do. noise is the standard
   error of one row's I: a mean |I| that is not well above it is mostly noise; a larger --budget or fewer players (--groups) help.";

/// Files of a run, open since before the work; dropped without [`Results::finish`] they leave nothing behind.
pub struct Results {
    writer: Option<(AttributionWriter, PathBuf)>,
    summary: Option<Pending>,
}

impl Results {
    pub fn create(args: &ResultArgs, layout: Layout) -> Result<Self> {
        if let (Some(output), true) = (&args.output, args.output == args.summary) {
            return Err(Error::input(format!("--output and --summary are both {}", output.display()))
                .hint("give each a name of its own"));
        }
        let summary = args.summary.as_deref().map(|path| Pending::create(path, args.force)).transpose()?;
        let writer = match (&args.output, args.format()) {
            (Some(path), Some(format)) => {
                Some((AttributionWriter::create(path, format.into(), layout, args.force)?, path.clone()))
            }
            _ => None,
        };
        Ok(Self { writer, summary })
    }

    pub fn write(&mut self, block: &Explanation, ids: &arrow::array::RecordBatch) -> Result<()> {
        match &mut self.writer {
            Some((writer, _)) => writer.write(block, (ids.num_columns() > 0).then_some(ids)),
            None => Ok(()),
        }
    }

    /// Completes the files and prints the summary: JSON with `--json`, otherwise a table for each output.
    pub fn finish(self, pass: &Pass, provenance: &Provenance, terminal: &Terminal) -> Result<()> {
        let summary = &pass.summary;
        let global = summary.finish();
        let mut json = serde_json::json!({
            "rows": summary.rows(),
            "model_rows": pass.model_rows,
            "seconds": pass.seconds,
            "worst_additivity_gap": summary.worst_additivity_gap(),
            "global": global,
            "provenance": provenance,
        });
        if let Some(cohorts) = &pass.cohorts {
            json["cohorts"] = serde_json::json!(cohorts);
        }
        if let Some((writer, path)) = self.writer {
            writer.finish(&provenance.to_pairs())?;
            terminal.note(&format!("wrote {}", path.display()));
        }
        if let Some(file) = self.summary {
            put(file, format!("{json:#}\n").as_bytes(), terminal)?;
        }
        match terminal.json() {
            true => terminal.data(&format!("{json:#}")),
            false => {
                let legend = match global.iter().any(|output| !output.interactions.is_empty()) {
                    true => format!("{LEGEND}\n{PAIRS_LEGEND}"),
                    false => LEGEND.to_string(),
                };
                let mut tables: Vec<String> = global.iter().map(describe).collect();
                tables.extend(pass.cohorts.iter().flat_map(|cohorts| {
                    global.iter().enumerate().map(|(k, all)| table::cohorts(cohorts, k, all, TOP))
                }));
                terminal.data(&format!("{}\n\n{legend}", tables.join("\n\n")))
            }
        }
    }
}

/// The tables of an output's drivers and interactions under their headings.
pub fn describe(output: &GlobalExplanation) -> String {
    let (rows, base) = (thousands(output.rows), significant(output.base_value));
    let mut text = format!(
        "{}: what moves it, over {rows} rows (base value {base})\n\n{}",
        output.output,
        table::drivers(&output.values, TOP)
    );
    if !output.interactions.is_empty() {
        let pairs = interactions(&output.interactions, TOP);
        text += &format!(
            "\n\n{}: which players act together, beyond what each does (Shapley interaction values I)\n\n{pairs}",
            output.output
        );
    }
    text
}

impl From<Format> for OutputFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Parquet => Self::Parquet,
            Format::Csv => Self::Csv,
            Format::Jsonl => Self::JsonLines,
            Format::Clarify => Self::Clarify,
        }
    }
}
