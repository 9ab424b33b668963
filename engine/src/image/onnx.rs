//! ONNX files as networks of pictures.

use crate::model::onnx::{Card, Network, Value};
use crate::{Device, Error, Result};
use burn::tensor::Tensor;
use std::path::Path;

/// An ONNX file that takes pictures.
pub struct OnnxNetwork {
    /// Sizes of its input, none where an axis is free.
    pub input_dims: Vec<Option<usize>>,
    /// Batches of pictures to rows of outputs.
    pub run: Box<dyn Fn(Tensor<4>) -> Result<Tensor<2>> + Send + Sync>,
    /// SHA-256 of the file.
    pub sha256: String,
    /// What the file says of itself.
    pub card: Card,
}

/// Opens a file with one input, and one output or the named one; axes of an output behind the batch are one row.
///
/// # Errors
/// A file that cannot be run, several inputs, several outputs without a name, a name that is none.
pub fn onnx_network(path: &Path, output: Option<&str>, device: &Device) -> Result<OnnxNetwork> {
    let name = path.display().to_string();
    // Whatever keeps it from being run over rows of a table is no problem here.
    let card = Card { problem: None, ..Card::load(path)? };
    let network = match output {
        Some(output) => Network::open_for(path, &[output])?,
        None => Network::open(path)?,
    };
    let [input] = network.inputs() else {
        let names: Vec<&str> = network.inputs().iter().map(|port| port.name.as_str()).collect();
        return Err(Error::input(format!("{name} has {} inputs: {}", names.len(), names.join(", ")))
            .hint("a model of pictures has one, of shape [batch, colours, height, width]"));
    };
    if network.outputs().len() != 1 {
        let names: Vec<&str> = network.outputs().iter().map(|port| port.name.as_str()).collect();
        return Err(Error::input(format!("{name} has {} outputs: {}", names.len(), names.join(", ")))
            .hint("choose one with `--model-output`"));
    }
    let Some(input_dims) = input.dims.clone() else {
        return Err(Error::input(format!("{name} does not say the shape of its input"))
            .hint("export it with a declared shape, such as [batch, 3, 224, 224]"));
    };
    let sha256 = network.sha256().to_owned();
    let (input, fixed) = (input.name.clone(), input_dims[0]);
    let session = network.on(device)?;
    let device = device.clone();
    let run = move |pictures: Tensor<4>| {
        let count = pictures.dims()[0];
        // A file that takes a fixed number of pictures gets them in such batches.
        let parts = match fixed {
            Some(size) if size != count => pictures.split(size, 0),
            _ => vec![pictures],
        };
        let mut outputs = Vec::new();
        for part in parts {
            let given = part.dims()[0];
            let due = fixed.unwrap_or(given);
            let padded = if given < due { pad(part, due) } else { part };
            let output = session.run(&[(&input, Value::from_tensor(padded)?)])?.remove(0);
            let dims = output.dims();
            if dims.first() != Some(&due) {
                return Err(Error::input(format!("an output of shape {dims:?} for {due} pictures"))
                    .hint("a model of pictures gives one row of numbers for each"));
            }
            outputs.push(output.rows(&device)?.narrow(0, 0, given));
        }
        Ok(if outputs.len() == 1 { outputs.remove(0) } else { Tensor::cat(outputs, 0) })
    };
    Ok(OnnxNetwork { input_dims, run: Box::new(run), sha256, card })
}

/// The last picture again and again.
fn pad(pictures: Tensor<4>, count: usize) -> Tensor<4> {
    let [given, a, b, c] = pictures.dims();
    let last = pictures.clone().narrow(0, given - 1, 1);
    Tensor::cat(vec![pictures, last.expand([count - given, a, b, c])], 0)
}
