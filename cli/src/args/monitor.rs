//! Options of `monitor`.

use super::bias::OutcomeArgs;
use super::{EXIT_CODES, MeasureArgs, PredictionArgs, value};
use clap::Args;
use pellucid::drift::{AttributionLimits, ColumnLimits};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  Does this week's data look like the data that the model was trained on?
    pellucid monitor --baseline train.csv --data week.csv --output monitor

  Its bias and predictions too, with a page and a history that grows with every run:
    pellucid monitor --baseline train.csv --data week.csv --label income --positive '>50K' --facet sex=Female \\
        --predicted decision --output monitor --force --state history.parquet --report monitor.html

  A job of SageMaker Clarify as the baseline, its rule of what is worse, and attributions of `pellucid shap`:
    pellucid monitor --constraints analysis.json --data week.csv --label income --positive '>50K' --facet sex=Female \\
        --predicted decision --explanation week.parquet --compat clarify --output monitor

";

/// Compare new data with a baseline: columns, labels, predictions, bias and attributions.
///
/// Exit code 1 says that something drifted, so that a pipeline or a job of cron can act on it. --output gets constraints.json (the
/// baseline), constraint_violations.json in the form of SageMaker's monitors, and monitor.json with every number.
///
/// Without new data, --baseline writes its constraints.json and statistics.json for later.
#[derive(Args, Debug)]
#[command(
    after_long_help = format!("{EXAMPLES}{EXIT_CODES}"),
    mut_arg("label", |arg| arg.required(false)),
    mut_arg("facet", |arg| arg.required(false)),
)]
pub struct MonitorArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub explained: ExplainedArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    #[command(flatten)]
    pub result: MonitorResultArgs,
    #[command(flatten)]
    pub outcome: Option<OutcomeArgs>,
    #[command(flatten)]
    pub prediction: PredictionArgs,
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// What is compared.
#[derive(Args, Debug)]
pub struct SourceArgs {
    /// The table that new data is compared with: CSV with a header, JSON Lines, or Parquet, by the file's ending.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// The baseline's metrics instead of or beside a table: an analysis.json of SageMaker Clarify or `pellucid analyze`, or a constraints.json.
    #[arg(long, value_name = "FILE")]
    pub constraints: Option<PathBuf>,
    /// The new rows, in the baseline's columns.
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// A column of numbers that are codes, compared as categories. Repeatable.
    #[arg(long, value_name = "COLUMN")]
    pub categorical: Vec<String>,
    /// Options from a TOML or JSON file: the long names without dashes in front, such as `label = \"income\"`.
    ///
    /// Lists repeat an option, `true` sets a flag. Options on the command line win. Paths are taken from the current
    /// folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Attributions to compare.
#[derive(Args, Debug)]
#[command(next_help_heading = "Attributions")]
pub struct ExplainedArgs {
    /// Attributions of the baseline: a Parquet file of `pellucid shap`.
    #[arg(long, value_name = "FILE")]
    pub baseline_explanation: Option<PathBuf>,
    /// Attributions of the new rows, of the same model.
    #[arg(long, value_name = "FILE")]
    pub explanation: Option<PathBuf>,
}

/// From when on a difference is drift.
#[derive(Args, Debug)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// A column drifts where its population stability index (PSI) reaches this, and its p-value agrees.
    #[arg(long, value_name = "X", value_parser = positive, default_value_t = ColumnLimits::default().psi)]
    pub psi_threshold: f64,
    /// p-values up to this are no chance, after correction for the number of columns (Benjamini and Hochberg).
    #[arg(long, value_name = "P", value_parser = value::share, default_value_t = ColumnLimits::default().p)]
    pub p_threshold: f64,
    /// Missing cells drift where their share moves by this, and its p-value agrees.
    #[arg(long, value_name = "SHARE", value_parser = value::share, default_value_t = ColumnLimits::default().missing)]
    pub missing_threshold: f64,
    /// Bins of a column of numbers, between quantiles of the baseline.
    #[arg(long, value_name = "N", value_parser = value::at_least_1, default_value_t = ColumnLimits::default().bins)]
    pub bins: usize,
    /// Rows of each table whose numbers are compared, at random (by --seed) if there are more; fewer where there are very many columns.
    #[arg(long, value_name = "N", value_parser = value::at_least_1, default_value_t = 1_000_000)]
    pub sample_rows: usize,
    /// The order of attributions drifts where its nDCG is below this.
    #[arg(long, value_name = "X", value_parser = value::share, default_value_t = AttributionLimits::default().ndcg)]
    pub ndcg_threshold: f64,
    /// Attributions drift where so large a share of them is on one side only, by the whole interval; not judged with --compat.
    #[arg(long, value_name = "SHARE", value_parser = value::share, default_value_t = 0.25)]
    pub attribution_threshold: f64,
    /// Let a bias metric be as far from no difference as the baseline's own interval reaches, not its value alone.
    ///
    /// For a baseline table: with about as many new rows, a metric is otherwise worse by chance in one run of twelve.
    #[arg(long, conflicts_with = "compat")]
    pub widen: bool,
}

/// Where the verdict goes.
#[derive(Args, Debug)]
#[command(next_help_heading = "Results")]
pub struct MonitorResultArgs {
    /// The folder of constraints.json, constraint_violations.json and monitor.json; made if it is missing.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Replace files that exist.
    #[arg(long)]
    pub force: bool,
    /// A page with verdicts, tables and pictures, as one HTML file that needs no network.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// The history: a Parquet file to which each run adds a row for every check.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Metrics for Prometheus' node exporter: a textfile, replaced at once.
    #[arg(long, value_name = "FILE")]
    pub prometheus: Option<PathBuf>,
    /// Post the violations as JSON to this address, if there are any; it is printed nowhere. Exit code 3 if that fails.
    #[arg(long, value_name = "URL")]
    pub webhook: Option<String>,
    /// The time of this run in the history and the page, as 2026-01-31T06:00:00Z [default: now].
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub at: Option<chrono::DateTime<chrono::Utc>>,
}

/// A number above 0.
fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|&x: &f64| x > 0.0 && x.is_finite());
    number.ok_or_else(|| "a number above 0, such as 0.2".into())
}

fn time(text: &str) -> Result<chrono::DateTime<chrono::Utc>, String> {
    let parsed = chrono::DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    parsed.map_err(|_| "a date and time with its zone, such as 2026-01-31T06:00:00Z".into())
}
