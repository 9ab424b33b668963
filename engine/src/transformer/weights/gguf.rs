//! Models in GGUF, the format of llama.cpp: configuration, tokenizer and weights in one file. Blocks of quantised numbers are
//! decoded as they are read.

use super::Source;
use super::header::{self, Header, Meta};
use crate::transformer::config::{DecoderConfig, Family, Rope, Scaling, unsupported};
use crate::{Error, Result};
use burn::tensor::TensorData;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Parts of names as GGUF has them, and as Hugging Face has them.
const NAMES: [(&str, &str); 15] = [
    ("token_embd.", "model.embed_tokens."),
    ("output_norm.", "model.norm."),
    ("output.", "lm_head."),
    ("attn_norm.", "input_layernorm."),
    ("attn_q.", "self_attn.q_proj."),
    ("attn_k.", "self_attn.k_proj."),
    ("attn_v.", "self_attn.v_proj."),
    ("attn_output.", "self_attn.o_proj."),
    ("attn_q_norm.", "self_attn.q_norm."),
    ("attn_k_norm.", "self_attn.k_norm."),
    ("ffn_norm.", "post_attention_layernorm."),
    ("ffn_gate.", "mlp.gate_proj."),
    ("ffn_up.", "mlp.up_proj."),
    ("ffn_down.", "mlp.down_proj."),
    ("rope_freqs.", "rope_freqs."),
];
/// Divisors of the rotary frequencies.
const DIVISORS: &str = "rope_freqs.weight";

/// A GGUF file with a decoder in it.
pub(crate) struct Gguf {
    path: PathBuf,
    file: File,
    header: Header,
    shapes: BTreeMap<String, Vec<usize>>,
    /// The name in the file by the name that Hugging Face gives.
    names: BTreeMap<String, String>,
    config: DecoderConfig,
}

impl Gguf {
    /// Reads the head of a file.
    ///
    /// # Errors
    /// A file that is broken or no GGUF, an architecture or a setting that is not supported.
    pub fn open(path: &Path) -> Result<Self> {
        let header = header::read(path)?;
        let file = File::open(path).map_err(|source| Error::io("open", path, source))?;
        let names: BTreeMap<String, String> = header.tensors.keys().map(|name| (renamed(name), name.clone())).collect();
        let shapes = (names.iter())
            .filter(|(_, name)| *name != DIVISORS)
            .map(|(known, name)| (known.clone(), header.tensors[name].shape.clone()))
            .collect();
        let config = Facts(&header.metadata).config(&header)?;
        let mut all = Self { path: path.into(), file, header, shapes, names, config };
        if all.header.tensors.contains_key(DIVISORS) {
            let divisors = all.numbers(DIVISORS)?.into_iter().map(f64::from).collect::<Vec<_>>();
            if divisors.len() != all.config.head_size / 2 || divisors.iter().any(|d| !(d.is_finite() && *d > 0.0)) {
                return Err(Error::input(format!("{}: `{DIVISORS}` does not fit the heads", path.display())));
            }
            all.config.rope.scaling = Scaling::Divisors(divisors);
        }
        Ok(all)
    }

    pub fn config(&self) -> &DecoderConfig {
        &self.config
    }

    pub fn metadata(&self) -> &BTreeMap<String, Meta> {
        &self.header.metadata
    }

    /// A tensor's numbers, as they lie in the file.
    fn numbers(&mut self, name: &str) -> Result<Vec<f32>> {
        let entry = &self.header.tensors[name];
        let mut bytes = vec![0; entry.bytes];
        (self.file.seek(SeekFrom::Start(entry.from)).and_then(|_| self.file.read_exact(&mut bytes)))
            .map_err(|source| Error::io("read", &self.path, source))?;
        Ok(entry.kind.decode(&bytes))
    }
}

impl Source for Gguf {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn shapes(&self) -> &BTreeMap<String, Vec<usize>> {
        &self.shapes
    }

    fn read(&mut self, name: &str) -> Result<TensorData> {
        let stored = self.names[name].clone();
        let mut values = self.numbers(&stored)?;
        let turned = [(".q_proj.", self.config.heads), (".k_proj.", self.config.kv_heads)];
        let heads = turned.iter().find(|(part, _)| name.contains(part));
        if let (Some((_, heads)), Family::Llama) = (heads, self.config.family) {
            values = halves(&values, *heads, self.config.head_size);
        }
        Ok(TensorData::new(values, self.shapes[name].clone()))
    }

    fn files(&self) -> Vec<PathBuf> {
        vec![self.path.clone()]
    }
}

/// llama.cpp turns neighbouring rows of a llama's queries and keys where Hugging Face turns row i with row i + size / 2 of a head, and
/// stores them in that order: this puts the even ones before the odd ones again.
fn halves(values: &[f32], heads: usize, head_size: usize) -> Vec<f32> {
    let width = values.len() / (heads * head_size);
    let row = |head: usize, i: usize| {
        let from = (head * head_size + i % (head_size / 2) * 2 + i / (head_size / 2)) * width;
        &values[from..from + width]
    };
    (0..heads).flat_map(|head| (0..head_size).flat_map(move |i| row(head, i))).copied().collect()
}

/// `blk.3.attn_q.weight` → `model.layers.3.self_attn.q_proj.weight`. Names that are not known stay as they are.
fn renamed(name: &str) -> String {
    let (layer, part) = match name.strip_prefix("blk.").and_then(|rest| rest.split_once('.')) {
        Some((layer, part)) => (format!("model.layers.{layer}."), part),
        None => (String::new(), name),
    };
    match NAMES.iter().find_map(|(ours, theirs)| part.strip_prefix(ours).map(|rest| (theirs, rest))) {
        Some((theirs, rest)) => format!("{layer}{theirs}{rest}"),
        None => name.into(),
    }
}

/// What the metadata say.
struct Facts<'a>(&'a BTreeMap<String, Meta>);

impl Facts<'_> {
    fn config(&self, header: &Header) -> Result<DecoderConfig> {
        let architecture = self.text("general.architecture").unwrap_or_default();
        let family = match architecture {
            "llama" => Family::Llama,
            "qwen2" => Family::Qwen2,
            "qwen3" => Family::Qwen3,
            other => return Err(unsupported(other)),
        };
        let key = |name: &str| format!("{architecture}.{name}");
        let count = |name: &str| self.count(&key(name));
        if self.count(&key("expert_count")).is_ok() {
            return Err(Error::input("mixtures of experts are not supported"));
        }
        let (hidden, heads) = (count("embedding_length")?, count("attention.head_count")?);
        let head_size = count("attention.key_length").unwrap_or(hidden / heads);
        if count("rope.dimension_count").is_ok_and(|turned| turned != head_size) {
            return Err(Error::input("rotary positions for a part of each head are not supported"));
        }
        let positions = count("context_length")?;
        let embedding = header.tensors.get("token_embd.weight").map_or(0, |entry| entry.shape[0]);
        let there = |name: &str| header.tensors.contains_key(name);
        let token = |name: &str| self.count(&format!("tokenizer.ggml.{name}")).ok().map(|id| id as u32);
        DecoderConfig {
            family,
            vocabulary: if embedding > 0 { embedding } else { count("vocab_size")? },
            hidden,
            inner: count("feed_forward_length")?,
            layers: count("block_count")?,
            heads,
            kv_heads: count("attention.head_count_kv").unwrap_or(heads),
            head_size,
            epsilon: self.real(&key("attention.layer_norm_rms_epsilon"))?,
            rope: Rope { theta: self.real(&key("rope.freq_base")).unwrap_or(10_000.0), scaling: self.scaling(key)? },
            longest: count("attention.sliding_window").map_or(positions, |window| window.min(positions)),
            qkv_bias: there("blk.0.attn_q.bias"),
            output_bias: there("blk.0.attn_output.bias"),
            mlp_bias: there("blk.0.ffn_up.bias"),
            qk_norm: family == Family::Qwen3,
            tied: !there("output.weight"),
            begin: token("bos_token_id"),
            ends: [token("eos_token_id"), token("eot_token_id")].into_iter().flatten().collect(),
        }
        .checked()
    }

    fn scaling(&self, key: impl Fn(&str) -> String) -> Result<Scaling> {
        match self.text(&key("rope.scaling.type")) {
            None | Some("none") => Ok(Scaling::None),
            Some("linear") => Ok(Scaling::Linear(self.real(&key("rope.scaling.factor"))?)),
            Some(other) => Err(Error::input(format!("rope scaling of type {other:?} is not supported"))
                .hint("supported: none, linear")),
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        match self.0.get(key) {
            Some(Meta::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn count(&self, key: &str) -> Result<usize> {
        match self.0.get(key) {
            Some(Meta::Whole(n)) if (1..1 << 32).contains(n) => Ok(*n as usize),
            // Some files give each layer a number of its own; all alike is one number.
            Some(Meta::List(all)) if !all.is_empty() && all.iter().all(|n| *n == all[0]) => match all[0] {
                Meta::Whole(n) if n > 0 => Ok(n as usize),
                _ => Err(lacks(key)),
            },
            // The number 0 is a token too.
            Some(Meta::Whole(0)) if key.ends_with("_token_id") => Ok(0),
            _ => Err(lacks(key)),
        }
    }

    fn real(&self, key: &str) -> Result<f64> {
        match self.0.get(key) {
            Some(Meta::Real(x)) if x.is_finite() && *x > 0.0 => Ok(*x),
            Some(Meta::Whole(n)) if *n > 0 => Ok(*n as f64),
            _ => Err(lacks(key)),
        }
    }
}

fn lacks(key: &str) -> Error {
    Error::input(format!("the metadata of the GGUF file lack a usable `{key}`"))
}
