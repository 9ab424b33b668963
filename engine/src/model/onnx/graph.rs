//! From a file to a checked program, on the host.

use super::card::{Card, TensorCard};
use super::file::{File, read};
use super::network::Network;
use super::outputs::Outputs;
use super::program::{Program, Trial};
use super::quiet::caught;
use super::tabular;
use crate::{Error, Result};
use std::path::Path;
use std::sync::Arc;

/// An ONNX model that can be run: parsed, checked, not yet on a device.
#[derive(Clone)]
pub struct Graph {
    pub(super) program: Arc<Program>,
    card: Card,
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
        Self::compiled(bytes, &name, path.as_ref().parent())
    }

    /// The same from bytes; `name` is for messages. Weights in other files are not found.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self> {
        Self::compiled(bytes.to_vec(), name, None)
    }

    fn compiled(bytes: Vec<u8>, name: &str, folder: Option<&Path>) -> Result<Self> {
        let file = File::decode(bytes, name, folder)?;
        let (program, trial) = compile(&file)?;
        let outputs = Outputs::new(&trial.widths, file.class_labels.as_deref());
        let card = describe(&file, Ok(&trial));
        Ok(Self { features: program.feature_names(), program: Arc::new(program), card, outputs })
    }

    pub fn card(&self) -> &Card {
        &self.card
    }

    /// SHA-256 of the file's bytes, in lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        self.program.network.sha256()
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
        Self::of(bytes, &name, path.as_ref().parent())
    }

    /// The same from bytes; `name` is for messages.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self> {
        Self::of(bytes.to_vec(), name, None)
    }

    fn of(bytes: Vec<u8>, name: &str, folder: Option<&Path>) -> Result<Self> {
        let file = File::decode(bytes, name, folder)?;
        let compiled = compile(&file);
        Ok(describe(&file, compiled.as_ref().map(|(_, trial)| trial)))
    }
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
        inputs: file.inputs.iter().map(TensorCard::from).collect(),
        outputs: file.outputs.iter().map(TensorCard::from).collect(),
        operators: file.operators(),
        class_labels: file.class_labels.clone(),
        parameters: file.parameters(),
        flops_per_row: compiled.ok().map(|trial| trial.flops_per_row),
        problem: compiled.err().map(Error::to_string),
    }
}

/// Plans and tries the needed part of a file.
fn compile(file: &File) -> Result<(Program, Trial)> {
    caught(&file.name, || {
        let inputs = tabular::check(file)?;
        let used = inputs.iter().filter(|i| i.used).map(|i| i.name.clone()).collect();
        let wanted = file.numeric.iter().map(|(_, value)| value.clone()).collect();
        let network = Network::build(file, used, wanted, file.fixed_batch())?;
        let outputs = file.numeric.iter().map(|(name, _)| name.clone()).collect();
        let mut program = Program { inputs, network, outputs, workspace: 0 };
        let trial = program.trial()?;
        program.workspace = trial.workspace;
        Ok((program, trial))
    })
}
