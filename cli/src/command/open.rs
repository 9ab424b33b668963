//! What every explaining command opens first: the device, the model, the table, the outputs to explain.

use super::input::Input;
use crate::args::{BackgroundArgs, InputArgs, RunArgs};
use crate::interrupt::Interrupt;
use crate::terminal::Terminal;
use pellucid::device::DeviceChoice;
use pellucid::effect::{Labels, Loss};
use pellucid::explain::Control;
use pellucid::model::onnx::Graph;
use pellucid::{Device, Result};
use std::path::Path;

pub struct Opened {
    pub device: Device,
    pub graph: Graph,
    /// The model's file name.
    pub model: String,
    pub input: Input,
    /// Columns of the model's outputs to explain.
    pub targets: Vec<usize>,
    pub control: Control,
}

impl Opened {
    /// `apart`: columns of the table that are neither features nor ids, such as the label.
    pub fn new(
        args: &InputArgs,
        background: &BackgroundArgs,
        run: &RunArgs,
        apart: &[&Option<String>],
        terminal: &Terminal,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let device = open_device(run.device, terminal)?;
        let graph = Graph::load(&args.model)?;
        let apart: Vec<String> = apart.iter().copied().flatten().cloned().collect();
        let input = Input::open(args, background, &apart, &[], graph.feature_names(), !graph.takes_missing())?;
        let targets = targets(&graph, &run.target)?;
        let mut control = Control::default();
        control.stop = interrupt.flag();
        Ok(Self { device, graph, model: file_name(&args.model), input, targets, control })
    }

    /// Names of the outputs to explain.
    pub fn outputs(&self) -> Vec<String> {
        self.targets.iter().map(|&column| self.graph.outputs().names[column].clone()).collect()
    }

    /// What the labels of rows say of the outputs to explain; `classes` as typed, else as the model names them.
    pub fn truth(&self, labels: &[String], classes: &[String]) -> Result<(Loss, Vec<Vec<f64>>)> {
        let outputs = self.graph.outputs();
        let named: Vec<String> = outputs.labels.iter().flatten().cloned().collect();
        let classes = if classes.is_empty() { &named } else { classes };
        Labels { of_rows: labels, classes, n_outputs: outputs.names.len() }.truth(&self.targets)
    }

    /// Passes on what the engine had to say.
    pub fn tell(&self, terminal: &Terminal) {
        self.control.take_notes().iter().for_each(|note| terminal.warn(note));
    }
}

/// Says which device was taken and why: a fallback to the CPU is never silent.
pub fn open_device(choice: DeviceChoice, terminal: &Terminal) -> Result<Device> {
    let device = Device::open(choice)?;
    terminal.note(&format!("device: {} ({}; {})", device.name(), device.info().hardware, device.why()));
    Ok(device)
}

/// Columns of the model's outputs; all of them when none is named.
fn targets(graph: &Graph, named: &[String]) -> Result<Vec<usize>> {
    if named.is_empty() {
        return Ok((0..graph.outputs().names.len()).collect());
    }
    let mut columns = Vec::new();
    for target in named {
        columns.extend(graph.outputs().select(target)?);
    }
    columns.sort_unstable();
    columns.dedup();
    Ok(columns)
}

pub fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
