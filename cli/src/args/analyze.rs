//! Options of `analyze`.

use super::{Compat, EXIT_CODES, value};
use clap::Args;
use pellucid::device::DeviceChoice;
use std::path::PathBuf;
use std::str::FromStr;

const EXAMPLES: &str = "\
Examples:
  An analysis that ran as a SageMaker Clarify job, here and now:
    pellucid analyze --config analysis_config.json --data train.csv --model model.onnx --output analysis

  The same numbers as the job's, for a baseline that others compare with:
    pellucid analyze --config analysis_config.json --data train.csv --model model.onnx \\
        --compat clarify --output analysis

  Files that the configuration names by URI are in a folder; what would it take?
    pellucid analyze --config analysis_config.json --uri s3://bucket/census=./census \\
        --model model.onnx --output analysis --dry-run

";

/// Run an analysis configuration of SageMaker Clarify: bias metrics, SHAP values, partial dependence, a report.
///
/// Reads `analysis_config.json` unchanged and writes `analysis.json`, `explanations_shap/` and the report as the job did. The model is an ONNX
/// file in place of an endpoint. What is different, better or not supported is in docs/clarify.md.
#[derive(Args, Debug)]
#[command(after_long_help = format!("{EXAMPLES}{EXIT_CODES}"))]
pub struct AnalyzeArgs {
    /// The configuration: JSON, as the SageMaker Python SDK writes it.
    #[arg(long = "config", value_name = "FILE")]
    pub analysis_config: PathBuf,
    /// The data set, in place of the configuration's `dataset_uri`.
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// The model, an ONNX file, in place of the configuration's endpoint.
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// How columns become the model's inputs, in TOML or JSON: one-hot and ordinal encodings. The guide has the format.
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
    /// Files whose URI begins so are in this folder. Repeatable.
    #[arg(long, value_name = "PREFIX=FOLDER")]
    pub uri: Vec<UriMap>,
    #[command(flatten)]
    pub compute: AnalyzeComputeArgs,
    /// The folder for the results; it is made where it is missing.
    #[arg(short, long, value_name = "FOLDER")]
    pub output: PathBuf,
    /// Replace the results of an earlier analysis in it.
    #[arg(long)]
    pub force: bool,
}

/// How it is computed, and on what.
#[derive(Args, Debug)]
#[command(next_help_heading = "Computation")]
pub struct AnalyzeComputeArgs {
    /// Compute bias metrics as SageMaker Clarify does, its edge rules included, and write nothing that it does not write.
    #[arg(long, value_enum, value_name = "PROGRAM")]
    pub compat: Option<Compat>,
    /// Tables drawn anew from the counts for the intervals of bias metrics, at least 20; 0 for no intervals. Not with --compat.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub bootstrap: usize,
    /// What to run on: auto, cpu, gpu[:N], vulkan[:N], metal, dx12, cuda[:N]; see `pellucid devices`.
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = value::device)]
    pub device: DeviceChoice,
    /// Memory for synthetic rows on the device, such as 512MiB or 2GB [default: by the device].
    #[arg(long, value_name = "SIZE", value_parser = crate::number::parse_bytes)]
    pub memory: Option<u64>,
    /// Check everything and print the work and the time it would take, then stop.
    #[arg(long)]
    pub dry_run: bool,
}

/// Where the files of a URI prefix are.
#[derive(Debug, Clone, PartialEq)]
pub struct UriMap {
    pub prefix: String,
    pub folder: PathBuf,
}

impl FromStr for UriMap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.rsplit_once('=') {
            Some((prefix, folder)) if !prefix.is_empty() && !folder.is_empty() => {
                Ok(Self { prefix: prefix.trim_end_matches('/').to_string(), folder: folder.into() })
            }
            _ => Err("write a prefix, `=`, and a folder, as s3://bucket/census=./census".into()),
        }
    }
}
