//! Options of `shap`.

use super::{BackgroundArgs, ColumnArgs, DesignArgs, EXIT_CODES, Format, InputArgs, PromptArgs, RunArgs, TextArgs};
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

  Which words made it spam? One text, then a column of texts with a report:
    pellucid shap --model model.onnx --tokenizer tokenizer.json --text \"Call now to win!\" --target spam
    pellucid shap --model model.onnx --tokenizer tokenizer.json --data sms.csv --text-column message \\
        --target spam --output words.parquet --report words.html

  Which parts of a prompt led to the answer? A language model of Hugging Face or llama.cpp:
    pellucid shap --model SmolLM2-135M-Instruct --prompt \"What is the capital of France?\"
    pellucid shap --model model.gguf --raw --prompt \"The capital of France is\" --answer \" Paris\"

";

/// Explain a model's predictions for a table with kernel SHAP.
///
/// For every row: how much each feature moved the prediction away from the mean prediction over the background. For the
/// whole table: which features drive the model. The attributions of a row add up to its prediction minus the base value.
///
/// Without --output only the table of drivers is printed. With --tokenizer the model reads texts, and their words get the attributions.
#[derive(Args, Debug)]
#[command(after_long_help = format!("{SHAP_EXAMPLES}{EXIT_CODES}"))]
pub struct ShapArgs {
    /// The model: an ONNX file; for texts also a folder of Hugging Face (BERT family), for --prompt such a folder or a GGUF file.
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,
    /// Rows to explain: CSV with a header, JSON Lines, or Parquet, by the file's ending.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["text", "prompt"])]
    pub data: Option<PathBuf>,
    /// Options from a TOML or JSON file: the long names without dashes in front, such as `budget = 4096`.
    ///
    /// Lists repeat an option, `true` sets a flag. Options on the command line win. Paths are taken from the current
    /// folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub columns: ColumnArgs,
    #[command(flatten)]
    pub text: TextArgs,
    #[command(flatten)]
    pub prompt: PromptArgs,
    #[command(flatten)]
    pub background: BackgroundArgs,
    #[command(flatten)]
    pub design: DesignArgs,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub result: ResultArgs,
}

impl ShapArgs {
    /// The model and the table, for a run over its columns.
    pub fn input(&self) -> InputArgs {
        InputArgs {
            model: self.model.clone(),
            data: self.data.clone().unwrap_or_default(),
            config: self.config.clone(),
            columns: self.columns.clone(),
        }
    }
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
