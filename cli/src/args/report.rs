//! Options of `report` and `demo`.

use super::{BackgroundArgs, DesignArgs, EXIT_CODES, EffectArgs, FigureArgs, InputArgs, RunArgs};
use clap::Args;
use std::path::PathBuf;

const REPORT_EXAMPLES: &str = "\
Examples:
  Everything about a model, in one file to open, print or send:
    pellucid report --model model.onnx --data test.csv --background train.csv --output report.html

  From attributions that `pellucid shap --stderr` wrote, with two rows that matter and the figures as PNG:
    pellucid report --model model.onnx --data test.csv --explanation why.parquet \\
        --show 17 --show 204 --figures pictures --figure-format png

";

/// Write everything about a model into one HTML file: what drives it, single rows, effects of columns, interactions.
///
/// The file needs no network and no other file. It opens in any browser, follows its light or dark colours, prints well, and
/// has the numbers behind every picture.
#[derive(Args, Debug)]
#[command(after_long_help = format!("{REPORT_EXAMPLES}{EXIT_CODES}"))]
pub struct ReportArgs {
    #[command(flatten)]
    pub input: InputArgs,
    #[command(flatten)]
    pub background: BackgroundArgs,
    #[command(flatten)]
    pub design: DesignArgs,
    #[command(flatten)]
    pub effect: EffectArgs,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub page: PageArgs,
    #[command(flatten)]
    pub figures: FigureArgs,
}

/// The report.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Report")]
pub struct PageArgs {
    /// The report, to this file.
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    pub output: PathBuf,
    /// Replace files that exist.
    #[arg(long)]
    pub force: bool,
    /// Its title [default: the names of the model and the table].
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Take the attributions from this Parquet file of `pellucid shap` instead of computing them.
    #[arg(long, value_name = "FILE")]
    pub explanation: Option<PathBuf>,
    /// Explain this row, by its number from 1, on its own. Repeatable [default: the rows with the highest, the lowest and the middle output].
    #[arg(long, value_name = "ROW", value_parser = super::value::at_least_1)]
    pub show: Vec<usize>,
    /// Rows drawn in pictures of many rows, at random if there are more.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = super::value::at_least_1)]
    pub drawn_rows: usize,
}

/// Explain a small model and table that come with the program: no files, no download, no GPU needed.
///
/// Prints what drives the model and writes the report of `pellucid report` to pellucid-demo.html.
#[derive(Args, Debug)]
#[command(after_long_help = EXIT_CODES)]
pub struct DemoArgs {
    #[command(flatten)]
    pub design: DesignArgs,
    #[command(flatten)]
    pub run: RunArgs,
    /// The report, to this file; it is replaced if it exists.
    #[arg(short, long, value_name = "FILE", default_value = "pellucid-demo.html")]
    pub output: PathBuf,
}
