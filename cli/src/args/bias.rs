//! Options of `bias`.

use super::{EXIT_CODES, Limit, value};
use clap::{Args, ValueEnum};
use pellucid::device::DeviceChoice;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  Do women and men have the good outcome equally often in this table?
    pellucid bias --data census.csv --label income --positive '>50K' --facet sex=Female

  And among a model's predictions? By two facets, within occupations, with a page to send:
    pellucid bias --data census.csv --label income --positive '>50K' --facet sex=Female --facet 'age>40' \\
        --model income.onnx --schema schema.json --group occupation --report bias.html

  Do scores mean the same for both, and what would another threshold change?
    pellucid bias --data scored.csv --label repaid --positive yes --facet sex=Female \\
        --scores score --threshold 0.5 --calibration --curve --report bias.html

  Are predicted prices further off in some districts?
    pellucid bias --data homes.csv --label price --facet district --predicted estimate --regression

  Stop a pipeline (exit code 1) where the predictions in a column break the four-fifths rule:
    pellucid bias --data scored.csv --label income --positive '>50K' --facet sex=Female \\
        --predicted decision --fail-if 'DI<0.8' --fail-if '|DPL|>0.1'

";

/// Measure bias: does a group of people fare worse, in the data and in a model's predictions?
///
/// A facet splits the rows in two: the group that is named, which may be disadvantaged, and all other rows. Without predictions
/// the labels are compared; with a column of them, a column of scores or a model, the predictions and their errors as well.
///
/// stdout has a table for each facet, in plain words; --output the numbers, --report a page with pictures.
#[derive(Args, Debug)]
#[command(
    after_long_help = format!("{EXAMPLES}{EXIT_CODES}"),
    mut_arg("positive", |arg| arg.required_unless_present_any(["label_threshold", "regression", "each_class"])),
)]
pub struct BiasArgs {
    /// The rows: CSV with a header, JSON Lines, or Parquet, by the file's ending.
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,
    /// Options from a TOML or JSON file: the long names without dashes in front, such as `label = \"income\"`.
    ///
    /// Lists repeat an option, `true` sets a flag. Options on the command line win. Paths are taken from the current
    /// folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub outcome: OutcomeArgs,
    #[command(flatten)]
    pub prediction: PredictionArgs,
    #[command(flatten)]
    pub measure: MeasureArgs,
    #[command(flatten)]
    pub deeper: DeeperArgs,
    #[command(flatten)]
    pub result: BiasResultArgs,
}

/// What happened to each row, and who it happened to.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Outcome and groups")]
pub struct OutcomeArgs {
    /// The column of observed outcomes.
    #[arg(long, value_name = "COLUMN")]
    pub label: String,
    /// A value of the label that is a positive outcome: a loan granted, a job offered. Repeatable.
    ///
    /// Not needed with --label-threshold, --regression or --each-class.
    #[arg(long, value_name = "VALUE")]
    pub positive: Vec<String>,
    /// For labels that are numbers: the outcome is positive above X. Repeatable: the first is what all metrics are of, a table compares them.
    #[arg(long, value_name = "X", value_parser = value::number, allow_negative_numbers = true, conflicts_with = "positive")]
    pub label_threshold: Vec<f64>,
    /// The column that tells groups apart, and who is compared with the rest. Repeatable.
    ///
    /// `sex=Female` compares rows of that value with all others, `race=Black,Other` rows of any of these, `'age>40'` rows above 40.
    /// A column alone compares each of its values with the rest.
    #[arg(long, value_name = "COLUMN[=VALUE,…|>X]", required = true)]
    pub facet: Vec<String>,
    /// Measure a part of the table as well, like the whole: rows with any of some values, or numbers in an interval. Repeatable.
    ///
    /// `region=north,south` takes rows of these values, `'age=[20, 40)'` rows from 20 to below 40, `'age>40'` rows above 40. Rows in none of
    /// the segments are one more, `__default__`. Limits are checked in each.
    #[arg(long, value_name = "COLUMN=VALUE,…")]
    pub segment: Vec<String>,
    /// Compare the groups of each two facets together as well: rows in both.
    #[arg(long)]
    pub intersections: bool,
    /// Warn of a group of fewer rows; leave out an intersection of fewer.
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub min_group: u64,
    /// A column of strata, such as a department: CDDL and CDDPL compare within them.
    #[arg(long, value_name = "COLUMN")]
    pub group: Option<String>,
}

/// Where predictions come from, if there are any.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Predictions")]
pub struct PredictionArgs {
    /// The column of predicted outcomes, with the same values as the label.
    #[arg(long, value_name = "COLUMN", group = "predictions")]
    pub predicted: Option<String>,
    /// A column of scores instead: positive above --threshold.
    #[arg(long, value_name = "COLUMN", group = "predictions", requires = "threshold")]
    pub scores: Option<String>,
    /// An ONNX model instead, which predicts each row of --data.
    #[arg(long, value_name = "FILE", group = "predictions")]
    pub model: Option<PathBuf>,
    /// A score, or the model's output, is a positive prediction above X [default for a model: 0.5, or --label-threshold].
    #[arg(long, value_name = "X", value_parser = value::number, allow_negative_numbers = true, conflicts_with = "predicted")]
    pub threshold: Option<f64>,
    /// The model's output that scores the positive outcome: its name, a class label, or its number from 0 [default: the only one, or the second of two].
    #[arg(long, value_name = "OUTPUT", requires = "model")]
    pub target: Option<String>,
    /// How columns become the model's inputs, in TOML or JSON: one-hot and ordinal encodings. The guide has the format.
    #[arg(long, value_name = "FILE", requires = "model")]
    pub schema: Option<PathBuf>,
    /// A column to leave out: not taken by the model, or not compared in the flip test (FT). Repeatable.
    #[arg(long, value_name = "COLUMN")]
    pub ignore: Vec<String>,
    /// What the model runs on: auto, cpu, gpu[:N], vulkan[:N], metal, dx12, cuda[:N]; see `pellucid devices`.
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = value::device)]
    pub device: DeviceChoice,
}

/// What is measured, and what must hold.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Metrics")]
pub struct MeasureArgs {
    /// Show these metrics only, by their short names and separated by commas. Repeatable [default: all].
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub metrics: Vec<String>,
    /// Compute the numbers of another program, its edge rules included, instead of the correct ones.
    #[arg(long, value_enum, value_name = "PROGRAM")]
    pub compat: Option<Compat>,
    /// Tables drawn anew from the counts for the intervals, at least 20; 0 for no intervals.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub bootstrap: usize,
    /// Which intervals are shown: of the bootstrap, or by formula where there is one (Newcombe, Wilson, Katz, delta method).
    ///
    /// --output has both with `bootstrap`.
    #[arg(long, value_enum, value_name = "KIND", default_value_t = Interval::Bootstrap)]
    pub interval: Interval,
    /// The share of the intervals.
    #[arg(long, value_name = "SHARE", default_value_t = 0.95, value_parser = value::share)]
    pub level: f64,
    /// Where every random draw comes from.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// End with exit code 1 where a metric breaks a limit in any facet, as 'DI<0.8' or '|DPL|>0.1'. Repeatable.
    ///
    /// A metric, one of < <= > >=, and a number; bars take the absolute value. A metric that could not be computed breaks its limit too.
    #[arg(long, value_name = "LIMIT")]
    pub fail_if: Vec<Limit>,
    /// The flip test compares at most N rows, drawn at random [default: 20000, or 200000 on a GPU named with --device].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub flip_rows: Option<u32>,
    /// Let metrics that could not be computed keep their limits.
    #[arg(long, requires = "fail_if")]
    pub allow_missing: bool,
}

/// What else is looked at; each has its own part of the table and of the page.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Looking deeper")]
pub struct DeeperArgs {
    /// Do scores mean the same in each group? Scores in [0, 1] against shares of positive labels.
    #[arg(long)]
    pub calibration: bool,
    /// Bins of the scores, for --calibration.
    #[arg(long, value_name = "N", default_value_t = 10, requires = "calibration")]
    pub bins: usize,
    /// Bins of as many rows each, instead of one width.
    #[arg(long, requires = "calibration")]
    pub equal_mass: bool,
    /// What would the rates and metrics be at other thresholds of the score?
    #[arg(long)]
    pub curve: bool,
    /// Thresholds at most, for --curve.
    #[arg(long, value_name = "N", default_value_t = 101, requires = "curve")]
    pub curve_points: usize,
    /// Label and prediction are numbers: compare the errors.
    #[arg(long)]
    pub regression: bool,
    /// A quantile whose loss is compared, for --regression. Repeatable [default: 0.1, 0.9].
    #[arg(long, value_name = "Q", value_parser = value::share, requires = "regression")]
    pub quantile: Vec<f64>,
    /// Take each class of the label in turn as positive, and compare the distributions over all of them.
    #[arg(long)]
    pub each_class: bool,
}

/// Which intervals are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Interval {
    /// Percentiles of --bootstrap tables drawn anew.
    Bootstrap,
    /// By formula; nothing is drawn.
    Analytic,
    None,
}

/// Programs whose numbers can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Compat {
    /// SageMaker Clarify (smclarify 0.5).
    Clarify,
}

/// Where the numbers and pictures go.
#[derive(Args, Debug)]
#[command(next_help_heading = "Results")]
pub struct BiasResultArgs {
    /// Everything that was found, as JSON, to this file.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// A page with pictures and tables, as one HTML file that needs no network.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Replace files that exist.
    #[arg(long)]
    pub force: bool,
}
