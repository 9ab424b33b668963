//! ONNX models executed on burn tensors at run time.
//!
//! ```text
//! bytes ── File (protobuf: names, operators, weights) ── Builder (constants folded, layers fused) ── Plan (steps, slots, constants)
//!                                                                                                     │
//! rows of features ── OnnxModel (trait Model) ── Program (trial run) ── Network ── Session (constants on a device) ── run
//! ```
//! A [`Network`] runs any graph: several inputs of any type and shape, free axes, many outputs. A [`Graph`] is a network over rows of
//! features, which [`OnnxModel`] offers as a [`Model`]; there the batch dimension is free whatever the file says.
//!
//! Nodes are read from the protobuf as they stand, and nothing is typed beforehand: while a graph runs, every value knows its type and
//! shape, so an operator needs one function from values to values. A typed representation would only add reasons to refuse a
//! file (operators, domains and shapes that it does not know) and would rename what the file names. Of `onnx-ir` the bindings of the
//! protobuf are used, not its graph. All arithmetic on floats is f32, also for models written in f64, f16 and bf16; integers on a
//! device have 32 bits, lists and single integers stay on the host and have 64.
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

mod after;
mod args;
mod array;
mod attend;
mod build;
mod card;
mod dtype;
mod file;
mod fuse;
mod gelu;
mod graph;
mod inline;
mod network;
mod node;
mod ops;
mod outputs;
mod plan;
mod program;
mod quiet;
mod residual;
mod stored;
mod tabular;
mod value;
mod whole;

pub use card::{Card, OperatorCard, TensorCard};
pub use dtype::Dtype;
pub use file::Port;
pub use graph::Graph;
pub use network::{Network, Session};
pub use ops::supported;
pub use outputs::Outputs;
pub use stored::tensors;
pub use value::Value;

use super::Model;
use crate::kernels::Sweep;
use crate::{Device, Error, Result};
use burn::tensor::Tensor;
use program::Program;
use std::sync::Arc;

/// An ONNX model on a device. Cloning shares the weights; `predict` may be called from many threads.
#[derive(Clone)]
pub struct OnnxModel {
    program: Arc<Program>,
    session: Session,
    features: Vec<String>,
    outputs: Outputs,
}

impl OnnxModel {
    /// Uploads the weights.
    ///
    /// # Errors
    /// Weights with more axes than arrays may have.
    pub fn new(graph: &Graph, device: &Device) -> Result<Self> {
        let session = graph.program.network.on(device)?;
        let (features, outputs) = (graph.feature_names().to_vec(), graph.outputs().clone());
        Ok(Self { program: graph.program.clone(), session, features, outputs })
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
            return Ok(Tensor::zeros([0, self.outputs.names.len()], self.session.device().burn()));
        }
        let outputs = self.program.run(rows, &self.session, &mut |_| ())?;
        Ok(side_by_side(outputs))
    }

    /// On the CPU, for graphs that begin with layers of which the first has a ReLU, or with a single layer.
    ///
    /// # Errors
    /// Rows with another number of columns than the model has features, a sweep of a feature that it has not.
    fn sweep(&self, rows: &Tensor<2>, sweeps: &[Sweep]) -> Result<Option<Tensor<2>>> {
        self.check(rows)?;
        let outputs = self.program.sweep(rows, sweeps, &self.session)?;
        Ok(outputs.map(side_by_side))
    }
}
