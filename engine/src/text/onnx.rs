//! ONNX models of token sequences.

use super::encoder::{Encoder, TokenBatch};
use crate::data::require_unique;
use crate::model::onnx::{Card, Network, Port, Session, Value};
use crate::{Device, Error, Result};
use burn::tensor::{Tensor, TensorData};
use onnx_ir::{GraphProto, Message, ModelProto};
use std::path::Path;

/// The inputs that a text has, and the names that exporters give them.
static INPUTS: [(Input, &[&str]); 4] = [
    (Input::Ids, &["input_ids", "ids", "tokens", "input"]),
    (Input::Mask, &["attention_mask", "mask", "input_mask"]),
    (Input::Types, &["token_type_ids", "segment_ids"]),
    (Input::Positions, &["position_ids"]),
];

#[derive(Clone, PartialEq, Eq)]
enum Input {
    Ids,
    Mask,
    Types,
    Positions,
    Columns(Columns),
}

/// Numbers beside the text, as one input takes them.
#[derive(Clone, PartialEq, Eq)]
struct Columns {
    /// Its first column among those of all inputs.
    from: usize,
    /// The shape of one row.
    shape: Vec<usize>,
    is_int: bool,
}

/// A model of token sequences in an ONNX file: `input_ids` and, where it has them, `attention_mask`, `token_type_ids` and
/// `position_ids`, int64 `[batch, tokens]`; its other inputs are numbers beside the text, `[batch]` or `[batch, columns]`. Of its outputs the one that scores classes is taken (`logits`); a model that has none embeds
/// texts: its sentence embedding, else the mean of its last hidden states over the tokens that are attended to.
pub struct OnnxEncoder {
    session: Session,
    inputs: Vec<(String, Input)>,
    columns: Vec<String>,
    /// Which of the outputs is read, and whether it is one list for each token.
    output: usize,
    per_token: bool,
    embeds: bool,
    names: Vec<String>,
    vocabulary: Option<usize>,
    positions: Option<usize>,
    card: Card,
}

impl OnnxEncoder {
    /// Reads a file, and runs it once.
    ///
    /// # Errors
    /// A file that cannot be read or run, inputs that a text does not have, no numeric output.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let path = path.as_ref();
        let network = Network::open(path)?;
        let name = path.display().to_string();
        let mut columns = Vec::new();
        let inputs =
            network.inputs().iter().map(|port| known(port, &mut columns, &name)).collect::<Result<Vec<_>>>()?;
        if !inputs.iter().any(|(_, input)| *input == Input::Ids) {
            return Err(Error::input(format!("{name} has no input `input_ids`: it does not read tokens"))
                .hint("`pellucid inspect` lists the inputs of a model"));
        }
        require_unique(columns.iter().map(String::as_str), "columns that the model reads beside the text")?;
        let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
        let card = Card { problem: None, ..Card::parse(&bytes, &name)? };
        let tables = Tables::of(&bytes, &inputs);
        let outputs = network.outputs().to_vec();
        let mut encoder = Self {
            session: network.on(device)?,
            inputs,
            columns,
            output: 0,
            per_token: false,
            embeds: false,
            names: Vec::new(),
            vocabulary: tables.vocabulary,
            positions: tables.positions,
            card,
        };
        encoder.choose(&outputs, &name)?;
        Ok(encoder)
    }

    pub fn card(&self) -> &Card {
        &self.card
    }

    /// SHA-256 of the file's bytes, in lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        self.session.network().sha256()
    }

    /// Chooses the output by its name and by the shape that a made-up text of three tokens gives it.
    fn choose(&mut self, outputs: &[Port], name: &str) -> Result<()> {
        let numbers = vec![0.0; self.columns.len()];
        let batch =
            TokenBatch { sequences: 1, length: 3, ids: vec![1; 3], mask: vec![1; 3], types: vec![0; 3], numbers };
        let shapes: Vec<Vec<usize>> = self.run(&batch)?.iter().map(Value::dims).collect();
        let embedding = |port: &Port| ["embed", "pool", "hidden"].iter().any(|part| port.name.contains(part));
        let rank = |at: usize| match (&shapes[at][..], &outputs[at]) {
            (_, port) if !port.dtype.is_float() => 4,
            ([1, _], port) if port.name.contains("logit") => 0,
            ([1, _], port) if !embedding(port) => 1,
            ([1, _], port) if port.name.contains("embed") => 1,
            ([1, 3, _], _) => 2,
            ([1, _], _) => 3,
            _ => 4,
        };
        let output = (0..outputs.len()).min_by_key(|&at| rank(at)).filter(|&at| rank(at) < 4).ok_or_else(|| {
            let shown = outputs.iter().zip(&shapes).map(|(port, shape)| format!("{} {shape:?}", port.name));
            let shown = shown.collect::<Vec<_>>().join(", ");
            Error::input(format!("{name} has no output [texts, classes] or [texts, tokens, numbers], but {shown}"))
        })?;
        let width = shapes[output].last().copied().unwrap_or(1);
        self.output = output;
        self.per_token = shapes[output].len() == 3;
        self.embeds = self.per_token || embedding(&outputs[output]);
        let base = &outputs[output].name;
        self.names = match width {
            1 => vec![base.clone()],
            width => (0..width).map(|k| format!("{base}[{k}]")).collect(),
        };
        Ok(())
    }

    fn run(&self, batch: &TokenBatch) -> Result<Vec<Value>> {
        let dims = [batch.sequences, batch.length];
        let wide = |values: &[i32]| values.iter().map(|&value| i64::from(value)).collect();
        let input = |(name, input): &(String, Input)| {
            let values: Vec<i64> = match input {
                Input::Ids => wide(&batch.ids),
                Input::Mask => wide(&batch.mask),
                Input::Types => wide(&batch.types),
                Input::Positions => (0..batch.sequences).flat_map(|_| 0..batch.length as i64).collect(),
                Input::Columns(columns) => return Ok((name.clone(), columns.of(batch, self.columns.len())?)),
            };
            Ok((name.clone(), Value::ints(values, &dims)?))
        };
        let inputs = self.inputs.iter().map(input).collect::<Result<Vec<_>>>()?;
        let inputs: Vec<(&str, Value)> = inputs.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        self.session.run(&inputs)
    }
}

impl Columns {
    /// The numbers of a batch that this input takes, of `width` beside each text.
    fn of(&self, batch: &TokenBatch, width: usize) -> Result<Value> {
        let own = self.from..self.from + self.shape.iter().product::<usize>();
        let numbers = || batch.numbers.chunks_exact(width).flat_map(|row| &row[own.clone()]).copied();
        let dims: Vec<usize> = std::iter::once(batch.sequences).chain(self.shape.iter().copied()).collect();
        match self.is_int {
            true => Value::ints(numbers().map(|number| number.round() as i64).collect(), &dims),
            false => Value::floats(numbers().collect(), &dims),
        }
    }
}

/// Which input of a text, or of the columns beside it, this one is; `columns` are named so far.
fn known(port: &Port, columns: &mut Vec<String>, file: &str) -> Result<(String, Input)> {
    let named = INPUTS.iter().find(|(_, names)| port.dtype.is_int() && names.contains(&port.name.as_str()));
    if let Some((input, _)) = named {
        return Ok((port.name.clone(), input.clone()));
    }
    let shape: Option<Vec<usize>> = port.dims.as_ref().and_then(|dims| dims.get(1..)?.iter().copied().collect());
    let Some(shape) = shape.filter(|shape| !shape.contains(&0) && (port.dtype.is_float() || port.dtype.is_int()))
    else {
        let all: Vec<&str> = INPUTS.iter().map(|(_, names)| names[0]).collect();
        let message = format!(
            "{file} has the input `{}` of {} values, which is neither a text's nor numbers beside it of a fixed width",
            port.name, port.dtype
        );
        return Err(Error::input(message)
            .hint(format!("models of texts take one text as {}, and numbers as [batch, columns]", all.join(", "))));
    };
    let (from, width) = (columns.len(), shape.iter().product());
    match width {
        1 => columns.push(port.name.clone()),
        _ => columns.extend((0..width).map(|column| format!("{}[{column}]", port.name))),
    }
    Ok((port.name.clone(), Input::Columns(Columns { from, shape, is_int: port.dtype.is_int() })))
}

impl Encoder for OnnxEncoder {
    fn output_names(&self) -> &[String] {
        &self.names
    }

    fn vocabulary(&self) -> Option<usize> {
        self.vocabulary
    }

    fn positions(&self) -> Option<usize> {
        self.positions
    }

    fn takes_mask(&self) -> bool {
        self.inputs.iter().any(|(_, input)| *input == Input::Mask)
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn embeds(&self) -> bool {
        self.embeds
    }

    fn forward(&self, batch: &TokenBatch) -> Result<Tensor<2>> {
        let output = self.run(batch)?.swap_remove(self.output);
        let device = self.session.device();
        if !self.per_token {
            return output.tensor(device);
        }
        // The mean over the tokens that are attended to, as sentence encoders are trained with.
        let hidden: Tensor<3> = output.tensor(device)?;
        let mask: Vec<f32> = batch.mask.iter().map(|&mask| mask as f32).collect();
        let mask = TensorData::new(mask, [batch.sequences, batch.length, 1]);
        let mask: Tensor<3> = Tensor::from_data(mask, device.burn());
        let count = mask.clone().sum_dim(1).clamp_min(1.0);
        let [sequences, _, width] = hidden.dims();
        Ok(((hidden * mask).sum_dim(1) / count).reshape([sequences, width]))
    }
}

/// Sizes of the tables that token ids and positions are looked up in.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tables {
    vocabulary: Option<usize>,
    positions: Option<usize>,
}

impl Tables {
    /// The table that `input_ids` are gathered from, and the one that is named after positions; a table with an offset for padding
    /// (RoBERTa's) has two rows more than texts have positions.
    fn of(bytes: &[u8], inputs: &[(String, Input)]) -> Self {
        let Ok(model) = ModelProto::parse_from_bytes(bytes) else { return Self::default() };
        let graph = &*model.graph;
        let named = |wanted: Input| inputs.iter().find(|(_, input)| *input == wanted).map(|(name, _)| name.as_str());
        let rows = |name: &str| rows_of(graph, name);
        let vocabulary = named(Input::Ids).and_then(|ids| {
            let same = same_values(graph, ids);
            let reads = |node: &&onnx_ir::NodeProto| node.op_type == "Gather" && same.contains(&node.input[1].as_str());
            graph.node.iter().filter(reads).find_map(|node| rows(&node.input[0]))
        });
        let positional = |name: &&str| name.contains("position_embeddings") || name.ends_with("wpe.weight");
        let table = graph.initializer.iter().map(|tensor| tensor.name.as_str()).filter(positional).find_map(rows);
        let roberta = graph.initializer.iter().any(|tensor| tensor.name.to_ascii_lowercase().contains("roberta"));
        let offset = if roberta { 2 } else { 0 };
        Self { vocabulary, positions: table.map(|rows| rows.saturating_sub(offset)) }
    }
}

/// The first axis of a stored matrix.
fn rows_of(graph: &GraphProto, name: &str) -> Option<usize> {
    let tensor = graph.initializer.iter().find(|tensor| tensor.name == name)?;
    (tensor.dims.len() == 2).then(|| usize::try_from(tensor.dims[0]).ok()).flatten()
}

/// An input, and what is the same numbers under another type or shape.
fn same_values<'a>(graph: &'a GraphProto, input: &'a str) -> Vec<&'a str> {
    let mut same = vec![input];
    for node in &graph.node {
        let copies = ["Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"].contains(&node.op_type.as_str());
        if copies && node.input.first().is_some_and(|name| same.contains(&name.as_str())) {
            same.extend(node.output.first().map(String::as_str));
        }
    }
    same
}
