//! An ONNX file as it is written: its interface, its operators, and where its weights lie.

use super::card::{OperatorCard, TensorCard};
use super::dtype::Dtype;
use super::inline::inline;
use super::ops::{full_name, is_supported};
use super::quiet::caught;
use crate::{Error, Result};
use onnx_ir::{GraphProto, Message, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

/// An input or output of a graph.
#[derive(Clone, Debug)]
pub struct Port {
    pub name: String,
    pub dtype: Dtype,
    /// Sizes, none where an axis is free; none at all if the file does not tell the number of axes.
    pub dims: Option<Vec<Option<usize>>>,
}

/// A decoded file.
pub struct File {
    pub name: String,
    /// SHA-256 of the bytes, in lower-case hexadecimal digits.
    pub sha256: String,
    pub model: ModelProto,
    /// Where data files lie.
    pub folder: Option<PathBuf>,
    /// Inputs as declared, without the weights that old files list among them.
    pub inputs: Vec<Port>,
    /// Outputs as declared.
    pub outputs: Vec<Port>,
    /// Names of the numeric outputs, and of the values they are read from.
    pub numeric: Vec<(String, String)>,
    pub class_labels: Option<Vec<String>>,
}

/// Reads a file; also its name for messages.
pub fn read(path: &Path) -> Result<(Vec<u8>, String)> {
    let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
    Ok((bytes, path.display().to_string()))
}

impl File {
    /// Decodes bytes; the name is for messages.
    pub fn decode(bytes: Vec<u8>, name: &str, folder: Option<&Path>) -> Result<Self> {
        caught(name, || Self::decoded(bytes, name, folder))
    }

    fn decoded(bytes: Vec<u8>, name: &str, folder: Option<&Path>) -> Result<Self> {
        let not_onnx = |why: String| {
            Error::input(format!("{name} is not a complete ONNX model: {why}"))
                .hint("check that the file was written by an ONNX exporter and copied whole")
        };
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        // Shared bytes: the weights in the decoded file are views of them.
        let mut model = ModelProto::parse_from_tokio_bytes(&bytes.into()).map_err(|e| not_onnx(e.to_string()))?;
        inline(&mut model)?;
        if model.graph.output.is_empty() || model.graph.node.is_empty() {
            return Err(not_onnx("it holds no graph with nodes and outputs".into()));
        }
        let graph = &*model.graph;
        let weights: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
        let inputs = graph.input.iter().filter(|v| !weights.contains(v.name.as_str())).map(port).collect();
        let outputs = graph.output.iter().map(port).collect();
        let numeric = numeric_outputs(graph);
        let class_labels = class_labels(graph);
        let folder = folder.map(Path::to_path_buf);
        Ok(Self { name: name.into(), sha256, folder, inputs, outputs, numeric, class_labels, model })
    }

    pub fn graph(&self) -> &GraphProto {
        &self.model.graph
    }

    /// Operators with counts, in the order of their names.
    pub fn operators(&self) -> Vec<OperatorCard> {
        let names = nodes_by_operator(self.graph().node.iter());
        let card = |(name, nodes): (String, Vec<String>)| OperatorCard {
            supported: is_supported(&name),
            count: nodes.len(),
            name,
        };
        names.into_iter().map(card).collect()
    }

    /// An error that names every operator, with its nodes, which cannot be run.
    pub fn check_operators(&self, nodes: &[usize]) -> Result<()> {
        let mut unsupported = nodes_by_operator(nodes.iter().map(|&i| &self.graph().node[i]));
        unsupported.retain(|name, _| !is_supported(name));
        if unsupported.is_empty() {
            return Ok(());
        }
        let counts: Vec<String> = unsupported.iter().map(|(name, nodes)| format!("{name} ({})", nodes.len())).collect();
        let number = match counts.len() {
            1 => "1 operator is".to_string(),
            n => format!("{n} operators are"),
        };
        let listed = |(name, nodes): (&String, &Vec<String>)| format!("{name} at {}", some_of(nodes));
        let places: Vec<String> = unsupported.iter().map(listed).collect();
        Err(Error::input(format!(
            "{number} not supported: {} (in {}; {})",
            counts.join(", "),
            self.name,
            places.join("; ")
        ))
        .hint("`pellucid inspect` lists every operator of a model; a model can also be given as a Rust function"))
    }

    /// Version of the standard operator set; 1 if the file does not say.
    pub fn opset(&self) -> i64 {
        let standard = |domain: &str| domain.is_empty() || domain == "ai.onnx";
        self.model.opset_import.iter().filter(|o| standard(&o.domain)).map(|o| o.version).max().unwrap_or(1)
    }

    /// The batch size that the exporter wrote into the first input, if it did.
    pub fn fixed_batch(&self) -> Option<i64> {
        let first = self.inputs.first()?.dims.as_ref()?.first()?.as_ref()?;
        i64::try_from(*first).ok().filter(|&n| n > 0)
    }

    /// Numbers stored in the file: float weights and the float attributes of `ai.onnx.ml` operators.
    pub fn parameters(&self) -> u64 {
        let graph = self.graph();
        let is_float = |t: &&TensorProto| Dtype::from_code(t.data_type).is_float();
        let weights = graph.initializer.iter().chain(constants(graph)).filter(is_float);
        let stored: u64 = weights.map(|t| t.dims.iter().map(|&d| d.max(0) as u64).product::<u64>()).sum();
        let attributes = graph.node.iter().filter(|n| n.domain == "ai.onnx.ml").flat_map(|n| &n.attribute);
        stored + attributes.map(|a| a.floats.len() as u64).sum::<u64>()
    }
}

/// Up to five names.
fn some_of(names: &[String]) -> String {
    let mut listed = names[..names.len().min(5)].join(", ");
    if names.len() > 5 {
        listed += ", …";
    }
    listed
}

fn constants(graph: &GraphProto) -> impl Iterator<Item = &TensorProto> {
    graph.node.iter().filter(|n| n.op_type == "Constant").flat_map(|n| &n.attribute).filter_map(|a| a.t.as_ref())
}

/// Names of the nodes of each operator, those of inner graphs among them.
fn nodes_by_operator<'a>(nodes: impl Iterator<Item = &'a NodeProto>) -> BTreeMap<String, Vec<String>> {
    fn visit(node: &NodeProto, found: &mut BTreeMap<String, Vec<String>>) {
        let name = if node.name.is_empty() { node.output.first() } else { Some(&node.name) };
        found.entry(full_name(node)).or_default().push(name.cloned().unwrap_or_default());
        node.attribute.iter().filter_map(|a| a.g.as_ref()).flat_map(|g| &g.node).for_each(|n| visit(n, found));
    }
    let mut found = BTreeMap::new();
    nodes.for_each(|node| visit(node, &mut found));
    found
}

fn port(value: &ValueInfoProto) -> Port {
    let t = &*value.type_;
    let (dtype, dims) = if t.has_tensor_type() {
        let tensor = t.tensor_type();
        let size = |d: i64, known: bool| usize::try_from(d).ok().filter(|_| known);
        let dims =
            tensor.shape.as_ref().map(|s| s.dim.iter().map(|d| size(d.dim_value(), d.has_dim_value())).collect());
        (Dtype::from_code(tensor.elem_type), dims)
    } else {
        (Dtype::Other(0), None)
    };
    Port { name: value.name.clone(), dtype, dims }
}

impl From<&Port> for TensorCard {
    /// The first axis is the batch, which is free whatever the exporter wrote.
    fn from(port: &Port) -> Self {
        let mut shape = port.dims.clone().unwrap_or_default();
        shape.iter_mut().take(1).for_each(|batch| *batch = None);
        TensorCard { name: port.name.clone(), dtype: port.dtype.to_string(), shape }
    }
}

/// Float outputs; a `ZipMap` stands for the scores it wraps.
fn numeric_outputs(graph: &GraphProto) -> Vec<(String, String)> {
    let producers: HashMap<&str, &NodeProto> =
        graph.node.iter().flat_map(|n| n.output.iter().map(move |o| (o.as_str(), n))).collect();
    let read_from = |v: &ValueInfoProto| match producers.get(v.name.as_str()) {
        Some(node) if node.op_type == "ZipMap" => node.input.first().cloned(),
        _ => Dtype::from_code(v.type_.tensor_type().elem_type).is_float().then(|| v.name.clone()),
    };
    graph.output.iter().filter_map(|v| Some((v.name.clone(), read_from(v)?))).collect()
}

/// The class labels a classifier carries: in an attribute, or in the list that its label output picks from.
fn class_labels(graph: &GraphProto) -> Option<Vec<String>> {
    graph.node.iter().rev().find_map(|node| {
        let attribute =
            node.attribute.iter().find(|a| a.name.starts_with("classlabels_") && (a.ints.len() + a.strings.len()) > 1);
        if let Some(a) = attribute {
            let strings = a.strings.iter().map(|s| String::from_utf8_lossy(s).into_owned());
            return Some(strings.chain(a.ints.iter().map(i64::to_string)).collect());
        }
        let list = node.input.first().filter(|_| node.op_type == "ArrayFeatureExtractor")?;
        graph.initializer.iter().find(|t| t.name == *list).and_then(label_list)
    })
}

fn label_list(t: &TensorProto) -> Option<Vec<String>> {
    let ints = |values: &mut dyn Iterator<Item = i64>| values.map(|v| v.to_string()).collect();
    match t.data_type {
        8 => Some(t.string_data.iter().map(|s| String::from_utf8_lossy(s).into_owned()).collect()),
        6 if t.raw_data.is_empty() => Some(ints(&mut t.int32_data.iter().map(|&v| v.into()))),
        6 => Some(ints(&mut t.raw_data.chunks_exact(4).map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]).into()))),
        7 if t.raw_data.is_empty() => Some(ints(&mut t.int64_data.iter().copied())),
        7 => Some(ints(&mut t.raw_data.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap_or_default())))),
        _ => None,
    }
}
