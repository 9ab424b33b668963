//! ONNX models executed on burn tensors at run time.
//!
//! ```text
//! bytes ── File (protobuf: names, operators, needed part) ── onnx-ir (typed nodes) ── Plan (steps, slots, constants)
//!                                                                                       │ trial run on the CPU
//!                                                          OnnxModel (constants on a device) ── predict tiles
//! ```
//! The batch dimension is free whatever the file says. All arithmetic is f32, also for models written in f64.
//!
//! ```no_run
//! use pellucid::model::{Model, onnx::{Graph, OnnxModel}};
//! # fn main() -> pellucid::Result<()> {
//! let graph = Graph::load("model.onnx")?;
//! let columns = graph.outputs().select("setosa")?;
//! let model = OnnxModel::new(&graph, &pellucid::Device::cpu())?;
//! println!("{:?} -> {:?}, explaining {columns:?}", model.feature_names(), model.output_names());
//! # Ok(())
//! # }
//! ```

mod card;
mod file;
mod graph;
mod ops;
mod outputs;
mod plan;
mod program;
mod value;

pub use card::{Card, OperatorCard, TensorCard};
pub use graph::Graph;
pub use ops::SUPPORTED;
pub use outputs::Outputs;

use super::Model;
use crate::kernels::Sweep;
use crate::{Device, Error, Result};
use burn::tensor::Tensor;
use program::Program;
use std::sync::Arc;
use value::Value;

/// An ONNX model on a device. Cloning shares the weights; `predict` may be called from many threads.
#[derive(Clone)]
pub struct OnnxModel {
    program: Arc<Program>,
    constants: Arc<Vec<Value>>,
    device: Device,
    features: Vec<String>,
    outputs: Outputs,
}

impl OnnxModel {
    /// Uploads the weights.
    ///
    /// # Errors
    /// Weights with more axes than arrays may have.
    pub fn new(graph: &Graph, device: &Device) -> Result<Self> {
        let constants = Arc::new(graph.program.plan.upload(device.burn())?);
        let (features, outputs) = (graph.feature_names().to_vec(), graph.outputs().clone());
        Ok(Self { program: graph.program.clone(), constants, device: device.clone(), features, outputs })
    }

    /// Output columns: names, class labels, and selection of targets.
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    fn check(&self, rows: &Tensor<2>) -> Result<()> {
        let (columns, features) = (rows.dims()[1], self.features.len());
        if columns != features {
            let message = format!("the model takes {features} features, the rows have {columns} columns");
            return Err(Error::input(message));
        }
        Ok(())
    }
}

/// The outputs of a file as one table.
fn side_by_side(mut outputs: Vec<Tensor<2>>) -> Tensor<2> {
    if outputs.len() == 1 { outputs.remove(0) } else { Tensor::cat(outputs, 1) }
}

impl Model for OnnxModel {
    fn feature_names(&self) -> &[String] {
        &self.features
    }

    fn output_names(&self) -> &[String] {
        &self.outputs.names
    }

    fn workspace(&self) -> usize {
        self.program.workspace
    }

    /// # Errors
    /// Rows with another number of columns than the model has features.
    fn predict(&self, rows: Tensor<2>) -> Result<Tensor<2>> {
        self.check(&rows)?;
        if rows.dims()[0] == 0 {
            return Ok(Tensor::zeros([0, self.outputs.names.len()], self.device.burn()));
        }
        let outputs = self.program.run(rows, &self.constants, self.device.burn(), &mut |_, _| ())?;
        Ok(side_by_side(outputs))
    }

    /// On the CPU, for graphs that begin with layers of which the first has a ReLU, or with a single layer.
    ///
    /// # Errors
    /// Rows with another number of columns than the model has features, a sweep of a feature that it has not.
    fn sweep(&self, rows: &Tensor<2>, sweeps: &[Sweep]) -> Result<Option<Tensor<2>>> {
        self.check(rows)?;
        let outputs = self.program.sweep(rows, sweeps, &self.constants, self.device.burn())?;
        Ok(outputs.map(side_by_side))
    }
}
