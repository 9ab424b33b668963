//! Llama and its relatives: RMSNorm, rotary positions, grouped queries, SwiGLU.

use super::keys::Keys;
use super::rope::Rope;
use crate::{Error, Result};

const MOST_LAYERS: usize = 1024;

/// Which relative of Llama. Each differs in a detail of its attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Llama,
    /// Attends to the last `sliding_window` tokens; up to that length it is Llama.
    Mistral,
    /// Biases on queries, keys and values.
    Qwen2,
    /// RMSNorm on each head's query and key.
    Qwen3,
}

/// Sizes and choices of a decoder.
#[derive(Debug, Clone, PartialEq)]
pub struct DecoderConfig {
    pub family: Family,
    /// Tokens that the embedding knows.
    pub vocabulary: usize,
    pub hidden: usize,
    /// Width of the feed-forward part.
    pub inner: usize,
    pub layers: usize,
    pub heads: usize,
    /// Heads of keys and values; each serves `heads / kv_heads` query heads.
    pub kv_heads: usize,
    pub head_size: usize,
    pub epsilon: f64,
    pub rope: Rope,
    /// Most tokens of a text: the positions it was trained on, or its sliding window if that is shorter.
    pub longest: usize,
    pub qkv_bias: bool,
    pub output_bias: bool,
    pub mlp_bias: bool,
    pub qk_norm: bool,
    /// The embedding is also the output matrix.
    pub tied: bool,
    /// The token that begins a text.
    pub begin: Option<u32>,
    /// Tokens that end an answer.
    pub ends: Vec<u32>,
}

impl DecoderConfig {
    pub(super) fn from_keys(keys: &Keys, family: Family) -> Result<Self> {
        keys.only("hidden_act", &["silu", "swish"])?;
        keys.only("partial_rotary_factor", &["1.0", "1"])?;
        let (hidden, heads) = (keys.count("hidden_size", None)?, keys.count("num_attention_heads", None)?);
        let bias = keys.flag("attention_bias", false)?;
        let positions = keys.count("max_position_embeddings", Some(2048))?;
        Self {
            family,
            vocabulary: keys.count("vocab_size", None)?,
            hidden,
            inner: keys.count("intermediate_size", None)?,
            layers: keys.count("num_hidden_layers", None)?,
            heads,
            kv_heads: keys.count("num_key_value_heads", Some(heads))?,
            head_size: keys.count("head_dim", Some(hidden / heads))?,
            epsilon: keys.number("rms_norm_eps", Some(1e-6))?,
            rope: Rope::from_keys(keys, 10_000.0)?,
            longest: window(keys, family)?.map_or(positions, |window| window.min(positions)),
            qkv_bias: bias || family == Family::Qwen2,
            output_bias: bias && family != Family::Qwen2,
            mlp_bias: keys.flag("mlp_bias", false)?,
            qk_norm: family == Family::Qwen3,
            tied: keys.flag("tie_word_embeddings", false)?,
            begin: keys.tokens("bos_token_id")?.first().copied(),
            ends: keys.tokens("eos_token_id")?,
        }
        .checked()
    }

    /// Sizes that fit together.
    pub(crate) fn checked(self) -> Result<Self> {
        if !self.heads.is_multiple_of(self.kv_heads) {
            let message =
                format!("{} heads cannot share {} heads of keys and values evenly", self.heads, self.kv_heads);
            return Err(Error::input(message));
        }
        at_most_layers(self.layers)?;
        if self.head_size == 0 || !self.head_size.is_multiple_of(2) {
            return Err(Error::input(format!(
                "heads of size {} cannot be turned in pairs by rotary positions",
                self.head_size
            )));
        }
        Ok(self)
    }

    /// Numbers a token leaves behind in a cache.
    pub fn cache_floats(&self) -> usize {
        2 * self.layers * self.kv_heads * self.head_size
    }
}

/// A file that tells of more layers than any model has is broken, and is not followed.
pub(super) fn at_most_layers(layers: usize) -> Result<()> {
    match layers {
        0..=MOST_LAYERS => Ok(()),
        _ => Err(Error::input(format!("a model of {layers} layers: more than {MOST_LAYERS} are not believed"))),
    }
}

/// The sliding window, if any layer has one in use. Mistral states it outright, Qwen switches it on.
fn window(keys: &Keys, family: Family) -> Result<Option<usize>> {
    let used = match family {
        Family::Llama => false,
        Family::Mistral => keys.0.get("sliding_window").is_some_and(|w| !w.is_null()),
        Family::Qwen2 | Family::Qwen3 => keys.flag("use_sliding_window", false)?,
    };
    if used { keys.count("sliding_window", None).map(Some) } else { Ok(None) }
}
