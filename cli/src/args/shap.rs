//! Options of `shap`.

use super::{BackgroundArgs, DesignArgs, EXIT_CODES, Format, InputArgs, RunArgs};
use clap::Args;
use std::path::PathBuf;

const SHAP_EXAMPLES: &str = "\
Examples:
  Explain every row of a table, each feature against 100 rows drawn from it:
    pellucid shap --model model.onnx --data test.csv --output shap.parquet

  Against the training data, one class, log-odds, one-hot columns as one player each:
    pellucid shap --model model.onnx --data test.csv --background train.csv \\
        --target approved --link logit --groups groups.toml --output shap.csv

  What would it cost? And only the model's drivers, as JSON:
    pellucid shap --model model.onnx --data test.csv --dry-run
    pellucid shap --model model.onnx --data test.csv --rows 500 --json

";

/// Explain a model's predictions for a table with kernel SHAP.
///
/// For every row: how much each feature moved the prediction away from the mean prediction over the background. For the
/// whole table: which features drive the model. The attributions of a row add up to its prediction minus the base value.
///
/// Without --output only the table of drivers is printed.
#[derive(Args, Debug)]
#[command(after_long_help = format!("{SHAP_EXAMPLES}{EXIT_CODES}"))]
pub struct ShapArgs {
    #[command(flatten)]
    pub input: InputArgs,
    #[command(flatten)]
    pub background: BackgroundArgs,
    #[command(flatten)]
    pub design: DesignArgs,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub result: ResultArgs,
}

/// Where results go.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Results")]
pub struct ResultArgs {
    /// Attributions of every row, to this file. Written beside it and renamed when complete.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Layout of --output [default: by its ending, otherwise Parquet].
    #[arg(long, value_enum, value_name = "FORMAT", requires = "output")]
    pub format: Option<Format>,
    /// The summary as JSON, to this file: drivers, base values, worst additivity gap, timing.
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// Replace --output and --summary if they exist.
    #[arg(long)]
    pub force: bool,
    /// Also write the standard error of every attribution to --output.
    #[arg(long, requires = "output")]
    pub stderr: bool,
}

impl ResultArgs {
    /// The layout of the output file, if there is one.
    pub fn format(&self) -> Option<Format> {
        self.output.as_ref().map(|path| self.format.unwrap_or_else(|| Format::of(path)))
    }
}
