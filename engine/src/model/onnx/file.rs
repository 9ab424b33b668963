//! An ONNX file as it is written: its interface, its operators, and the part of it that matters to an explanation.
//!
//! Names, shapes and operator counts are read from the protobuf, since the parser of the graph renames values and stops at
//! the first thing it does not know. The graph handed to that parser is cut to what the numeric outputs need, and its
//! batch dimension is freed.

use super::card::{OperatorCard, TensorCard};
use super::ops::is_supported;
use crate::{Error, Result};
use onnx_ir::{GraphProto, Message, ModelProto, NodeProto, TensorProto, TypeProto, ValueInfoProto};
use std::collections::{BTreeMap, HashMap, HashSet};

/// One model input: `shape` is that of one row.
#[derive(Clone, Debug)]
pub struct Input {
    pub name: String,
    pub shape: Vec<usize>,
    pub is_int: bool,
    /// Whether a numeric output depends on it.
    pub used: bool,
}

impl Input {
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }
}

/// A decoded file.
pub struct File {
    pub name: String,
    pub model: ModelProto,
    /// Inputs as declared, without the weights that old files list among them.
    pub inputs: Vec<TensorCard>,
    /// Outputs as declared.
    pub outputs: Vec<TensorCard>,
    /// Names of the numeric outputs, and of the values they are read from.
    pub numeric: Vec<(String, String)>,
    pub class_labels: Option<Vec<String>>,
}

/// Data type codes of `TensorProto.DataType`.
const FLOATS: [i32; 4] = [1, 10, 11, 16];
const INTS: [i32; 8] = [2, 3, 4, 5, 6, 7, 12, 13];
const STRING: i32 = 8;

impl File {
    /// Decodes bytes; the name is for messages.
    pub fn decode(bytes: &[u8], name: &str) -> Result<Self> {
        let not_onnx = |why: String| {
            Error::input(format!("{name} is not a complete ONNX model: {why}"))
                .hint("check that the file was written by an ONNX exporter and copied whole")
        };
        let model = ModelProto::parse_from_bytes(bytes).map_err(|e| not_onnx(e.to_string()))?;
        if model.graph.output.is_empty() || model.graph.node.is_empty() {
            return Err(not_onnx("it holds no graph with nodes and outputs".into()));
        }
        let graph = &*model.graph;
        let weights: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
        let inputs = graph.input.iter().filter(|v| !weights.contains(v.name.as_str())).map(tensor_card).collect();
        let outputs = graph.output.iter().map(tensor_card).collect();
        let numeric = numeric_outputs(graph);
        let class_labels = class_labels(graph);
        Ok(Self { name: name.into(), inputs, outputs, numeric, class_labels, model })
    }

    pub fn graph(&self) -> &GraphProto {
        &self.model.graph
    }

    /// Operators with counts, in the order of their names.
    pub fn operators(&self) -> Vec<OperatorCard> {
        count(self.graph().node.iter())
    }

    /// What stands in the way of running the file, the most telling reason first.
    pub fn check(&self) -> Result<Vec<Input>> {
        self.check_inputs()?;
        if self.numeric.is_empty() {
            let listed: Vec<String> = self.outputs.iter().map(TensorCard::to_string).collect();
            return Err(Error::input(format!("{} has no numeric output: {}", self.name, listed.join(", ")))
                .hint("export the model with its scores or probabilities as an output of type float"));
        }
        let needed = self.needed();
        let unsupported: Vec<OperatorCard> =
            count(needed.nodes.iter().map(|&i| &self.graph().node[i])).into_iter().filter(|o| !o.supported).collect();
        if !unsupported.is_empty() {
            return Err(unsupported_error(&self.name, &unsupported));
        }
        if let Some(t) = self.graph().initializer.iter().find(|t| is_external(t)) {
            return Err(Error::input(format!(
                "the weights of {} (such as {:?}) are in a separate file",
                self.name, t.name
            ))
            .hint("save the model in one file: onnx.save_model(onnx.load(path), path, save_as_external_data=False)"));
        }
        self.inputs.iter().map(|card| row_shape(card, &needed.values)).collect()
    }

    fn check_inputs(&self) -> Result<()> {
        let strings: Vec<&str> = self.inputs.iter().filter(|i| i.dtype == "string").map(|i| i.name.as_str()).collect();
        if !strings.is_empty() {
            let (n, all) = (strings.len(), self.inputs.len());
            return Err(Error::input(format!(
                "{n} of {all} inputs of {} are strings: {}",
                self.name,
                strings.join(", ")
            ))
            .hint("export the model without its text encoders and encode categories in the table (a schema file)"));
        }
        for input in &self.inputs {
            if !input.is_numeric() {
                return Err(Error::input(format!("input {input} of {} is not numeric", self.name)));
            }
        }
        if self.inputs.is_empty() {
            return Err(Error::input(format!("{} has no inputs", self.name)));
        }
        Ok(())
    }

    /// Nodes and values that the numeric outputs depend on.
    fn needed(&self) -> Needed {
        let mut values: HashSet<String> = self.numeric.iter().map(|(_, value)| value.clone()).collect();
        let mut nodes = Vec::new();
        for (i, node) in self.graph().node.iter().enumerate().rev() {
            if node.output.iter().any(|o| values.contains(o)) {
                nodes.push(i);
                values.extend(node.input.iter().filter(|name| !name.is_empty()).cloned());
            }
        }
        nodes.reverse();
        Needed { nodes, values }
    }

    /// The needed part of the model, its batch dimension free, encoded again.
    pub fn pruned(&self) -> Result<Vec<u8>> {
        let Needed { nodes, values } = self.needed();
        let mut model = self.model.clone();
        let graph = model.graph.mut_or_insert_default();
        graph.node = nodes.iter().flat_map(|&i| in_pairs(&self.graph().node[i])).collect();
        graph.initializer.retain(|t| values.contains(&t.name));
        graph.value_info.clear();
        let weights: HashSet<String> = graph.initializer.iter().map(|t| t.name.clone()).collect();
        graph.input.retain(|v| values.contains(&v.name) && !weights.contains(&v.name));
        graph.input.iter_mut().for_each(free_batch);
        graph.output = self.numeric.iter().map(|(_, value)| self.output_info(value)).collect();
        model.write_to_bytes().map_err(|e| Error::input(format!("{} cannot be encoded again: {e}", self.name)))
    }

    /// The declaration of a numeric output, without sizes: they are found by running the graph.
    fn output_info(&self, value: &str) -> ValueInfoProto {
        let declared = self.graph().output.iter().find(|v| v.name == value);
        let rank = declared.map_or(2, |v| v.type_.tensor_type().shape.dim.len());
        let mut tensor_type = TypeProto::new();
        tensor_type.mut_tensor_type().elem_type = FLOATS[0];
        let dims = &mut tensor_type.mut_tensor_type().shape.mut_or_insert_default().dim;
        (0..rank).for_each(|axis| {
            dims.push(Default::default());
            dims[axis].set_dim_param(format!("d{axis}"));
        });
        let mut info = ValueInfoProto::new();
        info.name = value.into();
        info.type_ = Some(tensor_type).into();
        info
    }

    /// Version of the standard operator set; 1 if the file does not say.
    pub fn opset(&self) -> i64 {
        let standard = |domain: &str| domain.is_empty() || domain == "ai.onnx";
        self.model.opset_import.iter().filter(|o| standard(&o.domain)).map(|o| o.version).max().unwrap_or(1)
    }

    /// The batch size that the exporter wrote into the first input, if it did.
    pub fn fixed_batch(&self) -> Option<i64> {
        let first = self.inputs.first()?;
        let declared = self.graph().input.iter().find(|v| v.name == first.name)?;
        let batch = declared.type_.tensor_type().shape.dim.first()?;
        batch.has_dim_value().then(|| batch.dim_value()).filter(|&n| n > 0)
    }

    /// Numbers stored in the file: float weights and the float attributes of `ai.onnx.ml` operators.
    pub fn parameters(&self) -> u64 {
        let graph = self.graph();
        let weights = graph.initializer.iter().chain(constants(graph)).filter(|t| FLOATS.contains(&t.data_type));
        let stored: u64 = weights.map(|t| t.dims.iter().map(|&d| d.max(0) as u64).product::<u64>()).sum();
        let attributes = graph.node.iter().filter(|n| n.domain == "ai.onnx.ml").flat_map(|n| &n.attribute);
        stored + attributes.map(|a| a.floats.len() as u64).sum::<u64>()
    }
}

/// `Max` and `Min` of other than two operands as a chain of pairs, which is all the parser takes.
fn in_pairs(node: &NodeProto) -> Vec<NodeProto> {
    if !["Max", "Min"].contains(&node.op_type.as_str()) || node.input.len() == 2 {
        return vec![node.clone()];
    }
    if node.input.len() == 1 {
        return vec![NodeProto { op_type: "Identity".into(), ..node.clone() }];
    }
    let n_pairs = node.input.len().saturating_sub(1);
    let between = |k: usize| format!("{}/pair{k}", node.output[0]);
    let pair = |k: usize| {
        let mut pair = node.clone();
        pair.input = vec![if k == 0 { node.input[0].clone() } else { between(k - 1) }, node.input[k + 1].clone()];
        pair.output = vec![if k + 1 == n_pairs { node.output[0].clone() } else { between(k) }];
        pair
    };
    (0..n_pairs).map(pair).collect()
}

struct Needed {
    nodes: Vec<usize>,
    values: HashSet<String>,
}

fn constants(graph: &GraphProto) -> impl Iterator<Item = &TensorProto> {
    graph.node.iter().filter(|n| n.op_type == "Constant").flat_map(|n| &n.attribute).filter_map(|a| a.t.as_ref())
}

/// `Gemm`, or `ai.onnx.ml:Scaler` for operators of other domains.
fn full_name(node: &NodeProto) -> String {
    match node.domain.as_str() {
        "" | "ai.onnx" => node.op_type.clone(),
        domain => format!("{domain}:{}", node.op_type),
    }
}

fn count<'a>(nodes: impl Iterator<Item = &'a NodeProto>) -> Vec<OperatorCard> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    nodes.for_each(|node| *counts.entry(full_name(node)).or_default() += 1);
    counts.into_iter().map(|(name, count)| OperatorCard { supported: is_supported(&name), name, count }).collect()
}

fn unsupported_error(name: &str, operators: &[OperatorCard]) -> Error {
    let listed: Vec<String> = operators.iter().map(|o| format!("{} ({})", o.name, o.count)).collect();
    let number = match operators.len() {
        1 => "1 operator is".to_string(),
        n => format!("{n} operators are"),
    };
    Error::input(format!("{number} not supported: {} (in {name})", listed.join(", ")))
        .hint("`pellucid inspect` lists every operator of a model; a model can also be given as a Rust function")
}

fn is_external(tensor: &TensorProto) -> bool {
    tensor.data_location.value() == 1
}

fn type_name(code: i32) -> &'static str {
    const NAMES: [&str; 17] = [
        "undefined",
        "float",
        "uint8",
        "int8",
        "uint16",
        "int16",
        "int32",
        "int64",
        "string",
        "bool",
        "float16",
        "double",
        "uint32",
        "uint64",
        "complex64",
        "complex128",
        "bfloat16",
    ];
    usize::try_from(code).ok().and_then(|i| NAMES.get(i)).copied().unwrap_or("unknown")
}

fn tensor_card(value: &ValueInfoProto) -> TensorCard {
    let t = &*value.type_;
    let (dtype, shape) = if t.has_tensor_type() {
        let tensor = t.tensor_type();
        let dims = tensor.shape.dim.iter().map(|d| usize::try_from(d.dim_value()).ok().filter(|_| d.has_dim_value()));
        let mut dims: Vec<Option<usize>> = dims.collect();
        if let Some(first) = dims.first_mut() {
            *first = None; // the batch is free, whatever the exporter wrote
        }
        (type_name(tensor.elem_type), dims)
    } else if t.has_sequence_type() {
        ("sequence", vec![])
    } else {
        ("untyped", vec![])
    };
    TensorCard { name: value.name.clone(), dtype: dtype.into(), shape }
}

/// Float outputs; a `ZipMap` stands for the scores it wraps.
fn numeric_outputs(graph: &GraphProto) -> Vec<(String, String)> {
    let producers: HashMap<&str, &NodeProto> =
        graph.node.iter().flat_map(|n| n.output.iter().map(move |o| (o.as_str(), n))).collect();
    let read_from = |v: &ValueInfoProto| match producers.get(v.name.as_str()) {
        Some(node) if node.op_type == "ZipMap" => node.input.first().cloned(),
        _ => FLOATS.contains(&v.type_.tensor_type().elem_type).then(|| v.name.clone()),
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
        STRING => Some(t.string_data.iter().map(|s| String::from_utf8_lossy(s).into_owned()).collect()),
        6 if t.raw_data.is_empty() => Some(ints(&mut t.int32_data.iter().map(|&v| v.into()))),
        6 => Some(ints(&mut t.raw_data.chunks_exact(4).map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]).into()))),
        7 if t.raw_data.is_empty() => Some(ints(&mut t.int64_data.iter().copied())),
        7 => Some(ints(&mut t.raw_data.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap_or_default())))),
        _ => None,
    }
}

/// The static shape of one row of an input.
fn row_shape(card: &TensorCard, needed: &HashSet<String>) -> Result<Input> {
    let columns = card.shape.get(1..).unwrap_or_default();
    let shape: Option<Vec<usize>> = columns.iter().copied().collect();
    match shape {
        Some(shape) if !columns.is_empty() && !shape.contains(&0) => Ok(Input {
            name: card.name.clone(),
            shape,
            is_int: INTS.iter().any(|&code| type_name(code) == card.dtype),
            used: needed.contains(&card.name),
        }),
        Some(shape) if shape.contains(&0) => Err(Error::input(format!("input {card} holds no features"))
            .hint("a model without features has nothing to explain; check how it was exported")),
        _ => Err(Error::input(format!(
            "input {card} has no static width: every axis after the batch must have a fixed size"
        ))
        .hint("export the model with the number of features fixed, e.g. FloatTensorType([None, 30])")),
    }
}

fn free_batch(value: &mut ValueInfoProto) {
    let dims = &mut value.type_.mut_or_insert_default().mut_tensor_type().shape.mut_or_insert_default().dim;
    if let Some(first) = dims.first_mut() {
        first.set_dim_param("N".into());
    }
}
