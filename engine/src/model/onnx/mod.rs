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
        let [n_rows, n_columns] = rows.dims();
        if n_columns != self.features.len() {
            return Err(Error::input(format!(
                "the model takes {} features, the rows have {n_columns} columns",
                self.features.len()
            )));
        }
        if n_rows == 0 {
            return Ok(Tensor::zeros([0, self.outputs.names.len()], self.device.burn()));
        }
        let mut columns = self.program.run(rows, &self.constants, self.device.burn(), &mut |_, _| ())?;
        Ok(if columns.len() == 1 { columns.remove(0) } else { Tensor::cat(columns, 1) })
    }
}
