//! Options of `pdp`, shared with `report`.

use super::{EXIT_CODES, FigureFormat, GridKind, InputArgs, RowCount, RunArgs, value};
use clap::{Args, Parser};
use std::path::PathBuf;

const PDP_EXAMPLES: &str = "\
Examples:
  How does the output depend on each column?
    pellucid pdp --model model.onnx --data train.csv

  Two columns and their joint effect, curves to a file, pictures to a folder:
    pellucid pdp --model model.onnx --data train.csv --features age,income --pairs age,income \\
        --output effects.parquet --figures pictures

  The ten strongest columns by mean |SHAP|, and how strongly each pair of them interacts:
    pellucid pdp --model model.onnx --data train.csv --top-k 10 --pairs all

";

/// Show how a model's output depends on its columns: partial dependence, ICE, ALE, interactions.
///
/// Partial dependence is the mean output when one column is set to a value in every row; ICE lines are the single rows behind
/// that mean. It visits combinations that may never occur when columns depend on each other: a warning says so, and the
/// accumulated local effects (ALE) beside it do not.
///
/// stdout has a table of the effects; --output the numbers, --figures the pictures.
#[derive(Args, Debug)]
#[command(after_long_help = format!("{PDP_EXAMPLES}{EXIT_CODES}"))]
pub struct PdpArgs {
    #[command(flatten)]
    pub input: InputArgs,
    #[command(flatten)]
    pub effect: EffectArgs,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub result: EffectFileArgs,
    #[command(flatten)]
    pub figures: FigureArgs,
}

/// Which effects are computed, and over which rows.
#[derive(Clone, Debug, Parser)]
#[command(next_help_heading = "Effects")]
pub struct EffectArgs {
    /// The columns to look at, by name, separated by commas. Repeatable [default: all].
    #[arg(long, value_name = "NAME,…", conflicts_with = "top_k")]
    pub features: Vec<String>,
    /// The K columns with the largest mean |SHAP value| instead.
    #[arg(long, value_name = "K", value_parser = value::at_least_1)]
    pub top_k: Option<usize>,
    /// Two columns to look at together, as `A,B`: their joint effect and how strongly they interact. Repeatable.
    ///
    /// `all` measures the interaction of every pair of the chosen columns, without the pictures of the joint effects.
    #[arg(long, value_name = "A,B|all")]
    pub pairs: Vec<String>,
    /// How the points lie along a number.
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    pub grid: GridKind,
    /// Points along a number; a column with fewer distinct values has those. Pairs take at most 20 a side.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub grid_points: usize,
    /// The points of one column, as `NAME=1,2.5,4`. Repeatable.
    #[arg(long, value_name = "NAME=X,…")]
    pub points: Vec<String>,
    /// Categories of a column: of more, the most frequent ones are kept.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = value::at_least_1)]
    pub max_categories: usize,
    /// Rows of --data, drawn at random by --seed, that effects are averaged over: a number or `all`.
    #[arg(long, value_name = "N|all", default_value = "1000")]
    pub effect_rows: RowCount,
    /// A column of weights of the rows.
    #[arg(long, value_name = "COLUMN")]
    pub weights: Option<String>,
    /// ICE lines: single rows behind each curve; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub ice: usize,
    /// Bins of the accumulated local effects; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub ale_bins: usize,
    /// Rows that interactions are measured on: the work grows with the square.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = value::at_least_1)]
    pub interaction_rows: usize,
    /// The column of true answers: measures how much worse the model gets when a column is shuffled.
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,
    /// The label of each class, in the order of the model's outputs and separated by commas, where the labels are not 0, 1, ….
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', requires = "label")]
    pub classes: Vec<String>,
    /// Times each column is shuffled.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value::at_least_1, requires = "label")]
    pub repeats: usize,
}

/// Where the numbers go.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Results")]
pub struct EffectFileArgs {
    /// All numbers, to this file: nested in .json; one row a point in .csv, .jsonl and .parquet.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace files that exist.
    #[arg(long)]
    pub force: bool,
}

/// Figures as files.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Figures")]
pub struct FigureArgs {
    /// Write each figure to a file of its own in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub figures: Option<PathBuf>,
    /// Their form.
    #[arg(long, value_enum, default_value_t, value_name = "FORM", requires = "figures")]
    pub figure_format: FigureFormat,
    /// Draw them for a dark background.
    #[arg(long, requires = "figures")]
    pub dark: bool,
}
