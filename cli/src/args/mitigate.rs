//! Options of `mitigate`.

use super::{EXIT_CODES, value};
use clap::{Args, Subcommand, ValueEnum};
use pellucid::device::DeviceChoice;
use pellucid::mitigate::{Constraint, Objective};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  Weights for training, so that sex and income are independent:
    pellucid mitigate reweigh --data census.csv --label income --positive '>50K' --facet sex --output weighted.csv

  What would it cost to give women and men equal odds, judged on rows kept apart?
    pellucid mitigate thresholds --data scored.csv --scores p --label income --positive '>50K' --facet sex \\
        --constraint equalized-odds --holdout 0.3 --dry-run

  Keep the thresholds, and decide new rows by them:
    pellucid mitigate thresholds --data scored.csv --scores p --label income --positive '>50K' --facet sex \\
        --rules thresholds.json
    pellucid mitigate thresholds --apply thresholds.json --data new.csv --output decided.csv

";

/// Mitigate bias: change the data before training, or the decisions after it, so that groups fare alike.
///
/// Before training: `reweigh` adds a column of weights, `massage` changes the fewest labels, `repair` moves numeric columns so that they
/// tell less of the group. After training: `thresholds` gives each group a threshold of its own.
///
/// Each writes a copy of the table, never over its input, and prints the bias metrics before and after and what it costs.
#[derive(Args, Debug)]
#[command(after_long_help = format!("{EXAMPLES}{EXIT_CODES}"))]
pub struct MitigateArgs {
    #[command(subcommand)]
    pub method: Method,
}

#[derive(Subcommand, Debug)]
pub enum Method {
    Reweigh(ReweighArgs),
    Massage(MassageArgs),
    Repair(RepairArgs),
    Thresholds(ThresholdArgs),
}

/// Add a column of weights under which group and outcome are independent (Kamiran & Calders 2012).
///
/// For a learner that takes weights. Nothing else is changed. With several facets their intersections are the groups. Two passes over
/// a table of any size, beside those that measure.
#[derive(Args, Debug)]
#[command(after_long_help = EXIT_CODES)]
pub struct ReweighArgs {
    #[command(flatten)]
    pub input: DataArgs,
    #[command(flatten)]
    pub label: LabelArgs,
    /// The column that tells groups apart: alone, `sex=Female` or `'age>40'` against the rest. Repeatable.
    #[arg(long, value_name = "COLUMN[=VALUE,…|>X]", required = true)]
    pub facet: Vec<String>,
    /// The name of the new column.
    #[arg(long, value_name = "NAME", default_value = "weight")]
    pub column: String,
    #[command(flatten)]
    pub metrics: MetricArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Change the fewest labels, so that the named group has its share of positive ones (Kamiran & Calders 2012).
///
/// A ranker says which rows are nearest to the other outcome: a column of scores, or a model. As many negatives of the group are promoted as
/// positives of the others demoted. A new column marks them.
#[derive(Args, Debug)]
#[command(after_long_help = EXIT_CODES)]
pub struct MassageArgs {
    #[command(flatten)]
    pub input: DataArgs,
    #[command(flatten)]
    pub label: LabelArgs,
    /// The group that has fewer positive labels, such as `sex=Female`; all other rows are compared with it.
    #[arg(long, value_name = "COLUMN=VALUE,…|>X", required = true)]
    pub facet: Vec<String>,
    /// What a demoted row gets, if the label has several negative values.
    #[arg(long, value_name = "VALUE")]
    pub negative: Option<String>,
    /// The ranker: a column of scores, higher for rows more like positive ones.
    #[arg(long, value_name = "COLUMN", conflicts_with = "model")]
    pub scores: Option<String>,
    /// The name of the new column, which says promoted, demoted, or nothing.
    #[arg(long, value_name = "NAME", default_value = "massaged")]
    pub column: String,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub metrics: MetricArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Move numeric columns, so that they tell less of the group (Feldman et al. 2015).
///
/// In each group a value moves towards the value at the same rank in the median of the groups' distributions; ranks within a group
/// stay. With a model, its predictions before and after are compared.
#[derive(Args, Debug)]
#[command(after_long_help = EXIT_CODES)]
pub struct RepairArgs {
    #[command(flatten)]
    pub input: DataArgs,
    /// A column of numbers to repair. Repeatable; its values are held in memory.
    #[arg(long, value_name = "COLUMN", required = true)]
    pub column: Vec<String>,
    /// How far: 0 changes nothing, 1 makes the groups' distributions alike.
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, value_parser = value::number)]
    pub amount: f64,
    /// Let equal values of a group become different ones, drawn by --seed; else they move together, and groups may stay apart.
    #[arg(long)]
    pub split_ties: bool,
    /// Keep the old values beside the new ones, as original.COLUMN.
    #[arg(long)]
    pub keep: bool,
    #[command(flatten)]
    pub label: MaybeLabelArgs,
    /// The column that tells groups apart: alone, `sex=Female` or `'age>40'` against the rest. Repeatable.
    #[arg(long, value_name = "COLUMN[=VALUE,…|>X]", required = true)]
    pub facet: Vec<String>,
    /// The model's output is a positive prediction above X.
    #[arg(long, value_name = "X", value_parser = value::number, allow_negative_numbers = true, requires = "model")]
    pub threshold: Option<f64>,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub metrics: MetricArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Give each group a threshold of its own, so that a rate is the same in all groups (Hardt et al. 2016).
///
/// Fits the most accurate thresholds for scores that a model gave, writes them to --rules and the decisions to --output; --apply decides new
/// rows. A rate is met exactly by mixing two thresholds, which decides some rows by lot; --deterministic does not.
#[derive(Args, Debug)]
#[command(after_long_help = EXIT_CODES)]
pub struct ThresholdArgs {
    #[command(flatten)]
    pub input: DataArgs,
    /// Thresholds fitted before, to decide the rows of --data by.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["facet", "constraint", "objective", "deterministic", "holdout", "rules"])]
    pub apply: Option<PathBuf>,
    /// The column of scores, higher for rows more like positive ones [default with --apply: the one they were fitted on].
    #[arg(long, value_name = "COLUMN", conflicts_with = "model")]
    pub scores: Option<String>,
    /// What is compared with: one threshold X for all [default: 0.5, if all scores lie between 0 and 1].
    #[arg(long, value_name = "X", value_parser = value::number, allow_negative_numbers = true)]
    pub threshold: Option<f64>,
    /// Which rate is to be the same in all groups.
    #[arg(long, value_enum, default_value_t, value_name = "RATE")]
    pub constraint: ConstraintName,
    /// What is made as large as it can be.
    #[arg(long, value_enum, default_value_t, value_name = "MEASURE")]
    pub objective: ObjectiveName,
    /// One threshold a group, and no lots: what gap remains is told.
    #[arg(long)]
    pub deterministic: bool,
    /// Keep this share of the rows apart, drawn by --seed, and judge the thresholds by them.
    #[arg(long, value_name = "SHARE", value_parser = value::share)]
    pub holdout: Option<f64>,
    /// Write the thresholds to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// The name of the new column of decisions, 1 or 0; drawn ones have their chance beside them as NAME_chance.
    #[arg(long, value_name = "NAME", default_value = "decision")]
    pub column: String,
    #[command(flatten)]
    pub label: MaybeLabelArgs,
    /// The column that tells groups apart: alone, `sex=Female` or `'age>40'` against the rest. Repeatable.
    #[arg(long, value_name = "COLUMN[=VALUE,…|>X]", required_unless_present = "apply")]
    pub facet: Vec<String>,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub metrics: MetricArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The table.
#[derive(Args, Debug)]
pub struct DataArgs {
    /// The rows: CSV with a header, JSON Lines, or Parquet, by the file's ending.
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,
    /// Options from a TOML or JSON file: the long names without dashes in front, such as `label = "income"`.
    ///
    /// Lists repeat an option, `true` sets a flag. Options on the command line win. Paths are taken from the current
    /// folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What happened to each row.
#[derive(Args, Debug)]
#[command(next_help_heading = "Outcome and groups")]
pub struct LabelArgs {
    /// The column of observed outcomes.
    #[arg(long, value_name = "COLUMN")]
    pub label: String,
    /// A value of the label that is a positive outcome: a loan granted, a job offered. Repeatable.
    #[arg(long, value_name = "VALUE", required_unless_present = "label_threshold")]
    pub positive: Vec<String>,
    /// For labels that are numbers: the outcome is positive above X.
    #[arg(long, value_name = "X", value_parser = value::number, allow_negative_numbers = true, conflicts_with = "positive")]
    pub label_threshold: Option<f64>,
}

/// What happened to each row, if that is known.
#[derive(Args, Debug)]
#[command(next_help_heading = "Outcome and groups")]
pub struct MaybeLabelArgs {
    /// The column of observed outcomes.
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,
    /// A value of the label that is a positive outcome: a loan granted, a job offered. Repeatable.
    #[arg(long, value_name = "VALUE", requires = "label")]
    pub positive: Vec<String>,
    /// For labels that are numbers: the outcome is positive above X.
    #[arg(
        long,
        value_name = "X",
        value_parser = value::number,
        allow_negative_numbers = true,
        conflicts_with = "positive",
        requires = "label"
    )]
    pub label_threshold: Option<f64>,
}

/// A model that scores the rows.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
pub struct ModelArgs {
    /// An ONNX model that scores each row of --data.
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// The model's output that scores the positive outcome: its name, a class label, or its number from 0 [default: the only one, or the second of two].
    #[arg(long, value_name = "OUTPUT", requires = "model")]
    pub target: Option<String>,
    /// How columns become the model's inputs, in TOML or JSON: one-hot and ordinal encodings. The guide has the format.
    #[arg(long, value_name = "FILE", requires = "model")]
    pub schema: Option<PathBuf>,
    /// A column that the model does not take. Repeatable.
    #[arg(long, value_name = "COLUMN", requires = "model")]
    pub ignore: Vec<String>,
    /// What the model runs on: auto, cpu, gpu[:N], vulkan[:N], metal, dx12, cuda[:N]; see `pellucid devices`.
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = value::device)]
    pub device: DeviceChoice,
}

/// How the metrics before and after are measured.
#[derive(Args, Debug)]
#[command(next_help_heading = "Metrics")]
pub struct MetricArgs {
    /// Tables drawn anew from the counts for the intervals, at least 20; 0 for no intervals.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub bootstrap: usize,
    /// The share of the intervals.
    #[arg(long, value_name = "SHARE", default_value_t = 0.95, value_parser = value::share)]
    pub level: f64,
    /// Where every random draw comes from.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

/// Where the changed table goes.
#[derive(Args, Debug)]
#[command(next_help_heading = "Results")]
pub struct OutputArgs {
    /// The changed table: .csv, .jsonl or .parquet. Never the input.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace files that exist.
    #[arg(long)]
    pub force: bool,
    /// Print the metrics before and after, and write nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// `--constraint`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ConstraintName {
    /// The rate of positive decisions.
    #[default]
    DemographicParity,
    /// The rate of positive decisions among positive labels.
    EqualOpportunity,
    /// That, and the rate among negative labels.
    EqualizedOdds,
}

impl From<ConstraintName> for Constraint {
    fn from(name: ConstraintName) -> Self {
        match name {
            ConstraintName::DemographicParity => Self::DemographicParity,
            ConstraintName::EqualOpportunity => Self::EqualOpportunity,
            ConstraintName::EqualizedOdds => Self::EqualizedOdds,
        }
    }
}

/// `--objective`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ObjectiveName {
    /// The share of decisions that are as the label.
    #[default]
    Accuracy,
    /// The mean of those shares among positive and among negative labels.
    BalancedAccuracy,
}

impl From<ObjectiveName> for Objective {
    fn from(name: ObjectiveName) -> Self {
        match name {
            ObjectiveName::Accuracy => Self::Accuracy,
            ObjectiveName::BalancedAccuracy => Self::BalancedAccuracy,
        }
    }
}
