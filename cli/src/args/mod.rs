//! The command line as typed. Doc comments are the help; nothing here computes.

mod analyze;
mod bias;
mod common;
mod effect;
mod image;
mod limit;
mod mitigate;
mod monitor;
mod prompt;
mod report;
mod shap;
mod text;
mod value;

pub use analyze::{AnalyzeArgs, UriMap};
pub use bias::{BiasArgs, BiasResultArgs, Compat, DeeperArgs, Interval, MeasureArgs, PredictionArgs};
pub use common::{BackgroundArgs, ColumnArgs, DesignArgs, InputArgs, RunArgs};
pub use effect::{EffectArgs, FigureArgs, PdpArgs};
pub use image::{Absent, ImageArgs};
pub use limit::Limit;
pub use mitigate::{
    LabelArgs, MassageArgs, MaybeLabelArgs, Method, MetricArgs, MitigateArgs, ModelArgs, OutputArgs, RepairArgs,
    ReweighArgs, ThresholdArgs,
};
pub use monitor::{MonitorArgs, MonitorResultArgs};
pub use prompt::PromptArgs;
pub use report::{DemoArgs, PageArgs, ReportArgs};
pub use shap::{ResultArgs, ShapArgs};
pub use text::TextArgs;
pub use value::{Budget, Design, Draw, FigureFormat, Format, GridKind, Link, RowCount, Surrogate};

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Shown under every help: how a run can end.
pub const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  done, but a limit you stated was broken
    2  bad input or usage: a file, an option, a device that is missing
    3  unexpected failure
  130  interrupted (Ctrl-C)

stdout carries data, stderr the rest. Colour follows the terminal and NO_COLOR.";

/// Explains what a model decided: which features drove each row's prediction, and the model as a whole.
///
/// Start with `pellucid demo`, which needs no files. Then `pellucid inspect MODEL` shows what a model takes and gives,
/// `pellucid shap` explains its predictions for a table, `pellucid pdp` draws how its output depends on
/// each feature, and `pellucid report` puts everything into one HTML file. `pellucid bias` asks whether groups of
/// people fare differently, in data and in predictions, `pellucid mitigate` changes data or decisions so that they do not, `pellucid monitor`
/// asks whether new data is still like the old, and `pellucid analyze` runs an analysis configuration of SageMaker Clarify.
#[derive(Debug, Parser)]
#[command(name = "pellucid", version, after_long_help = EXIT_CODES, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Demo(Box<DemoArgs>),
    Shap(Box<ShapArgs>),
    Pdp(Box<PdpArgs>),
    Report(Box<ReportArgs>),
    Bias(Box<BiasArgs>),
    Analyze(Box<AnalyzeArgs>),
    Mitigate(Box<MitigateArgs>),
    Monitor(Box<MonitorArgs>),
    Image(Box<ImageArgs>),
    /// List the devices of this machine, their limits, and the one `--device auto` takes.
    ///
    /// The name at the start of each entry is what `--device` takes. `--json` writes the list as JSON.
    #[command(after_long_help = EXIT_CODES)]
    Devices,
    Inspect(InspectArgs),
}

/// Show what a model takes and gives: inputs, outputs, operators, parameters, work per row.
///
/// Also names the operators that cannot be run, if there are any. `--json` writes the same as JSON.
#[derive(Args, Debug)]
#[command(after_long_help = EXIT_CODES)]
pub struct InspectArgs {
    /// The model: an ONNX file.
    pub model: PathBuf,
}

/// What is printed, the same for every command.
#[derive(Args, Debug)]
#[command(next_help_heading = "What is printed")]
pub struct Output {
    /// Print errors only on stderr.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more on stderr: what was chosen and why.
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Show progress: a bar when stderr is a terminal, always, never, or as JSON lines on stderr.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub progress: ProgressMode,
    /// Write the result to stdout as JSON instead of text.
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    #[default]
    Auto,
    Always,
    Never,
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    /// A flag without help would be an undocumented one.
    #[test]
    fn every_argument_and_command_has_help() {
        let mut todo = vec![Cli::command()];
        while let Some(command) = todo.pop() {
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {} has no help", command.get_name(), argument.get_id());
            }
            todo.extend(command.get_subcommands().cloned());
        }
    }
}
