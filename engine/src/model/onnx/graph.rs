//! From a file to a checked program, on the host.

use super::card::Card;
use super::file::File;
use super::ops::ml::OutputTypes;
use super::outputs::Outputs;
use super::plan::Plan;
use super::program::{Program, Trial};
use crate::{Error, Result};
use onnx_ir::OnnxGraphBuilder;
use sha2::{Digest, Sha256};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Once};

/// An ONNX model that can be run: parsed, checked, not yet on a device.
#[derive(Clone)]
pub struct Graph {
    pub(super) program: Arc<Program>,
    card: Card,
    sha256: String,
    features: Vec<String>,
    outputs: Outputs,
}

impl Graph {
    /// Reads a file. Everything that could stop a run is checked: completeness, inputs, outputs, operators, shapes.
    ///
    /// # Errors
    /// A file that cannot be read or is not ONNX, string inputs, no numeric output, unsupported operators (all of them
    /// named), inputs without a static width, outputs that depend on other rows of their batch.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let (bytes, name) = read(path.as_ref())?;
        Self::parse(&bytes, &name)
    }

    /// The same from bytes; `name` is for messages.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self> {
        let file = decode(bytes, name)?;
        let (program, trial) = compile(&file)?;
        let outputs = Outputs::new(&trial.widths, file.class_labels.as_deref());
        let card = describe(&file, Ok(&trial));
        let sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { features: program.feature_names(), program: Arc::new(program), card, sha256, outputs })
    }

    pub fn card(&self) -> &Card {
        &self.card
    }

    /// SHA-256 of the file's bytes, in lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// One name a column of the rows to predict.
    pub fn feature_names(&self) -> &[String] {
        &self.features
    }

    /// Output columns: names, class labels, and selection of targets.
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// Whether an operator of the model can answer for a NaN or an infinity: a comparison, a choice, an imputation. Sums and activations
    /// pass NaN on, or turn it into a number that means nothing.
    pub fn takes_missing(&self) -> bool {
        const ANSWERS: [&str; 9] =
            ["Equal", "Greater", "GreaterOrEqual", "Imputer", "IsInf", "IsNaN", "Less", "LessOrEqual", "Where"];
        let answers = |name: &str| ANSWERS.contains(&name) || name.starts_with("TreeEnsemble");
        self.card.operators.iter().any(|op| answers(op.name.rsplit(':').next().unwrap_or(&op.name)))
    }
}

impl Card {
    /// Describes a file, also one that cannot be run; `problem` then says why.
    ///
    /// # Errors
    /// A file that cannot be read or is not ONNX.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let (bytes, name) = read(path.as_ref())?;
        Self::parse(&bytes, &name)
    }

    /// The same from bytes; `name` is for messages.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self> {
        let file = decode(bytes, name)?;
        let compiled = compile(&file);
        Ok(describe(&file, compiled.as_ref().map(|(_, trial)| trial)))
    }
}

fn read(path: &Path) -> Result<(Vec<u8>, String)> {
    let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
    Ok((bytes, path.display().to_string()))
}

fn decode(bytes: &[u8], name: &str) -> Result<File> {
    quietly(|| File::decode(bytes, name)).unwrap_or_else(|panic| Err(broken(name, &panic)))
}

fn describe(file: &File, compiled: Result<&Trial, &Error>) -> Card {
    let model = &file.model;
    let domain = |domain: &str| if domain.is_empty() { "ai.onnx".to_string() } else { domain.to_string() };
    let mut opsets: Vec<(String, i64)> = model.opset_import.iter().map(|o| (domain(&o.domain), o.version)).collect();
    opsets.sort();
    opsets.dedup();
    Card {
        name: file.name.clone(),
        producer: format!("{} {}", model.producer_name, model.producer_version).trim().to_string(),
        opsets,
        inputs: file.inputs.clone(),
        outputs: file.outputs.clone(),
        operators: file.operators(),
        class_labels: file.class_labels.clone(),
        parameters: file.parameters(),
        flops_per_row: compiled.ok().map(|trial| trial.flops_per_row),
        problem: compiled.err().map(Error::to_string),
    }
}

/// Parses, plans and tries the needed part of a file. The parser may panic on graphs that make no sense.
fn compile(file: &File) -> Result<(Program, Trial)> {
    let all = || -> Result<(Program, Trial)> {
        let inputs = file.check()?;
        let builder = OnnxGraphBuilder::new().simplify(false).with_custom_op_inference(Arc::new(OutputTypes));
        let parsed = builder.parse_bytes(&file.pruned()?);
        let graph = parsed.map_err(|e| Error::input(format!("{} cannot be interpreted: {e}", file.name)))?;
        let n_used = inputs.iter().filter(|i| i.used).count();
        if (graph.inputs.len(), graph.outputs.len()) != (n_used, file.numeric.len()) {
            return Err(Error::input(format!(
                "the inputs and outputs of {} were not all kept by the parser",
                file.name
            )));
        }
        let plan = Plan::build(&graph, file.opset(), file.fixed_batch())?;
        let outputs = file.numeric.iter().map(|(name, _)| name.clone()).collect();
        let mut program = Program { inputs, plan, outputs, workspace: 0 };
        let trial = program.trial()?;
        program.workspace = trial.workspace;
        Ok((program, trial))
    };
    quietly(all).unwrap_or_else(|panic| Err(broken(&file.name, &panic)))
}

fn broken(name: &str, why: &str) -> Error {
    Error::input(format!("{name} cannot be interpreted: {why}"))
        .hint("check the file with onnx.checker.check_model(path, full_check=True)")
}

thread_local! {
    /// Whether panics of this thread are caught and reported as errors.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Runs a function; a panic in it becomes its message and prints nothing.
fn quietly<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !CAUGHT.get() {
                before(info);
            }
        }));
    });
    let outer = CAUGHT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    CAUGHT.set(outer);
    result.map_err(|panic| {
        let text =
            panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string()));
        text.unwrap_or_else(|| "unknown reason".into()).lines().take(3).collect::<Vec<_>>().join(" ")
    })
}
