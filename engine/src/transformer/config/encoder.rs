//! BERT and RoBERTa: learned positions, attention both ways, LayerNorm after each part.

use super::decoder::at_most_layers;
use super::keys::Keys;
use crate::{Error, Result};
use serde_json::Value;

/// BERT or RoBERTa.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncoderFamily {
    /// Classifies by a pooler of the first token and one layer.
    Bert,
    /// Counts positions from behind its padding token; classifies by two layers of its own.
    Roberta,
}

/// The non-linearity of the feed-forward part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    Gelu,
    /// GELU by its tanh approximation.
    GeluTanh,
    Relu,
}

/// Sizes and choices of an encoder.
#[derive(Debug, Clone, PartialEq)]
pub struct EncoderConfig {
    pub family: EncoderFamily,
    pub vocabulary: usize,
    pub hidden: usize,
    pub inner: usize,
    pub layers: usize,
    pub heads: usize,
    pub epsilon: f64,
    pub activation: Activation,
    /// Rows of the position embedding.
    pub positions: usize,
    /// The row of a text's first token.
    pub first_position: usize,
    pub token_types: usize,
    /// Names of the classes by number; their number is that of the head's outputs where the weights have a head.
    pub labels: Vec<String>,
}

impl EncoderConfig {
    pub(super) fn from_keys(keys: &Keys, family: EncoderFamily) -> Result<Self> {
        keys.only("position_embedding_type", &["absolute"])?;
        keys.only("is_decoder", &["false"])?;
        let activation = match keys.text("hidden_act", "gelu")?.as_str() {
            "gelu" => Activation::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Activation::GeluTanh,
            "relu" => Activation::Relu,
            other => {
                return Err(Error::input(format!("`hidden_act` {other:?} is not supported"))
                    .hint("supported: gelu, gelu_new, gelu_pytorch_tanh, relu"));
            }
        };
        let (hidden, heads) = (keys.count("hidden_size", None)?, keys.count("num_attention_heads", None)?);
        if !hidden.is_multiple_of(heads) {
            return Err(Error::input(format!("a hidden size of {hidden} cannot be cut into {heads} heads")));
        }
        let layers = keys.count("num_hidden_layers", None)?;
        at_most_layers(layers)?;
        let padding = keys.tokens("pad_token_id")?.first().copied().unwrap_or(1);
        Ok(Self {
            family,
            vocabulary: keys.count("vocab_size", None)?,
            hidden,
            inner: keys.count("intermediate_size", None)?,
            layers,
            heads,
            epsilon: keys.number("layer_norm_eps", Some(1e-12))?,
            activation,
            positions: keys.count("max_position_embeddings", None)?,
            first_position: if family == EncoderFamily::Roberta { padding as usize + 1 } else { 0 },
            token_types: keys.count("type_vocab_size", Some(2))?,
            labels: labels(keys)?,
        })
    }

    /// Most tokens of a text.
    pub fn longest(&self) -> usize {
        self.positions.saturating_sub(self.first_position)
    }
}

/// `id2label` in the order of its numbers; without it, the two classes that Hugging Face assumes.
fn labels(keys: &Keys) -> Result<Vec<String>> {
    let Some(named) = keys.object("id2label")? else {
        let n = keys.count("num_labels", Some(2))?;
        return Ok((0..n).map(|k| format!("LABEL_{k}")).collect());
    };
    let label = |k: usize| named.0.get(&k.to_string()).and_then(Value::as_str).map(str::to_string);
    let all: Option<Vec<String>> = (0..named.0.len()).map(label).collect();
    all.filter(|all| !all.is_empty())
        .ok_or_else(|| Error::input("`id2label` in config.json must name the classes \"0\", \"1\", … without a gap"))
}
