//! Options that several commands share: what goes in, how explanations are computed, on what.

use super::{Budget, Design, Draw, Link, Surrogate, value};
use clap::Args;
use pellucid::device::DeviceChoice;
use std::path::PathBuf;

/// The model and the table.
#[derive(Args, Debug)]
pub struct InputArgs {
    /// The model: an ONNX file.
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,
    /// Rows to explain: CSV with a header, JSON Lines, or Parquet, by the file's ending.
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,
    /// Options from a TOML or JSON file: the long names without dashes in front, such as `budget = 4096`.
    ///
    /// Lists repeat an option, `true` sets a flag. Options on the command line win. Paths are taken from the current
    /// folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub columns: ColumnArgs,
}

/// Which columns mean what.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Columns")]
pub struct ColumnArgs {
    /// How raw columns become model inputs, in TOML or JSON: one-hot and ordinal encodings. The guide has the format.
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
    /// Features that are one player together: a TOML or JSON file with a table `groups` of name = [features].
    #[arg(long, value_name = "FILE")]
    pub groups: Option<PathBuf>,
    /// A column to carry into the output, such as a customer number; a feature only if the model has one of that name. Repeatable.
    #[arg(long, value_name = "COLUMN")]
    pub id: Vec<String>,
    /// A column to leave out, such as the label. Repeatable.
    #[arg(long, value_name = "COLUMN")]
    pub ignore: Vec<String>,
    /// Explain the first N rows only.
    #[arg(long, value_name = "N", value_parser = value::at_least_1)]
    pub rows: Option<usize>,
}

/// What a feature that is "not there" is replaced by.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Background")]
pub struct BackgroundArgs {
    /// Rows that stand for the population, in the layout of --data [default: the rows of --data].
    #[arg(long, value_name = "FILE")]
    pub background: Option<PathBuf>,
    /// Draw this many of them at random (by --seed) [default: 100, or all if there are fewer].
    #[arg(long, value_name = "N", value_parser = value::at_least_1, group = "background_choice")]
    pub background_rows: Option<usize>,
    /// Summarise them by this many weighted k-means centres instead.
    #[arg(long, value_name = "K", value_parser = value::at_least_1, group = "background_choice")]
    pub background_kmeans: Option<usize>,
    /// Use all of them.
    #[arg(long, group = "background_choice")]
    pub background_all: bool,
}

/// How Shapley values are estimated.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Shapley values")]
pub struct DesignArgs {
    /// Work for each explained row: `auto`, `exact` (every coalition), or at most N model rows.
    ///
    /// auto is exact where that costs at most 4,096 model rows, otherwise 4,096.
    #[arg(long, value_name = "auto|exact|N", default_value = "auto")]
    pub budget: Budget,
    /// Which coalitions are tried.
    #[arg(long, value_enum, default_value_t, value_name = "DESIGN")]
    pub design: Design,
    /// Boosted trees that learn each row's game; the coalitions then only have to tell what the trees miss.
    ///
    /// For 60 players and more of which few act together: long texts and prompts, wide tables. Each coalition is averaged over the
    /// whole background, so give few background rows. Trees are grown on the CPU for each row and output.
    #[arg(long, value_enum, default_value_t, value_name = "SURROGATE")]
    pub surrogate: Surrogate,
    /// Draw the coalitions once for all rows, or anew for each row.
    ///
    /// shared gives the most exact attributions of single rows. With per-row the sampling errors of rows are independent
    /// and average out of the global values; each row is then solved by the plain regression. Exact runs and
    /// permutations draw nothing per row.
    #[arg(long, value_enum, default_value_t, value_name = "DRAW")]
    pub draw: Draw,
    /// Stop on a row early, once its largest standard error is at most this share of the spread of its attributions.
    ///
    /// A number above 0 and below 1, such as 0.01. The budget is spent in rounds; a row can stop after any of them.
    #[arg(long, value_name = "SHARE", value_parser = value::share)]
    pub tolerance: Option<f64>,
    /// Also how much each two players move the output together beyond what each does: Shapley interaction values.
    ///
    /// From the same model rows, for up to 64 players. In the table, in --output (columns `interaction.A*B`; of texts a .jsonl file) and in
    /// the report.
    #[arg(long)]
    pub interactions: bool,
    /// Owen values in place of Shapley values: players in nested groups, and a group's players are there or absent together.
    ///
    /// Of tables it takes a file, JSON or TOML: lists and tables of players' names in each other. Texts need none: their groups are sentences,
    /// clauses and words, opened where they move the output, as far as --budget or --tolerance says; a group that stays closed is one part.
    #[arg(long, value_name = "FILE")]
    pub hierarchy: Option<Option<PathBuf>>,
    /// Compare groups of rows: the drivers for each category of a column, or each quarter of its numbers.
    ///
    /// Any column of the table: a feature, an id, one left out with --ignore, the label. Of more than 8 categories the most
    /// frequent are kept and the rest is one group.
    #[arg(long, value_name = "COLUMN")]
    pub by: Option<String>,
}

/// What is computed, and on what.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Computation")]
pub struct RunArgs {
    /// What to run on: auto, cpu, gpu[:N], vulkan[:N], metal, dx12, cuda[:N]; see `pellucid devices`.
    ///
    /// auto takes a hardware GPU (discrete, then integrated, then virtual), otherwise the CPU; never a software GPU. A
    /// device that was asked for and is missing is an error.
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = value::device)]
    pub device: DeviceChoice,
    /// The output to explain: its name, a class label, or its number from 0. Repeatable [default: all].
    #[arg(long, value_name = "OUTPUT")]
    pub target: Vec<String>,
    /// The scale on which attributions add up.
    #[arg(long, value_enum, default_value_t, value_name = "LINK")]
    pub link: Link,
    /// Where every random draw comes from: the same seed on the same device gives the same numbers.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Memory for synthetic rows on the device, such as 512MiB or 2GB [default: by the device].
    #[arg(long, value_name = "SIZE", value_parser = crate::number::parse_bytes)]
    pub memory: Option<u64>,
    /// Check everything and print the work and the time it would take, then stop.
    #[arg(long)]
    pub dry_run: bool,
}
