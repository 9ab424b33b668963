//! Encoders of the BERT family: classifiers, and bare ones as embeddings of a text.

use super::config::{Activation, Config, EncoderConfig, EncoderFamily};
use super::layers::{LayerNorm, Linear, in_precision};
use super::weights::{Loader, Precision, SafeTensors};
use crate::kernels::{self, Scores, affine_chain, gelu};
use crate::text::{Encoder, TokenBatch};
use crate::{Device, Error, Result};
use burn::tensor::activation::{gelu_approximate, relu};
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, DType, Int, Tensor, TensorData};
use std::path::Path;

/// An encoder on a device: `logits[class]` with a head that classifies, else `embedding[i]`, the mean over the tokens (or the first
/// token, where `1_Pooling/config.json` says so).
pub struct Bert {
    config: EncoderConfig,
    device: Device,
    words: Tensor<2>,
    positions: Tensor<2>,
    types: Tensor<2>,
    norm: LayerNorm,
    layers: Vec<Layer>,
    /// Two layers with tanh between them, on the first token.
    head: Option<[Linear; 2]>,
    pools_first: bool,
    outputs: Vec<String>,
    sha256: String,
}

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    after_attention: LayerNorm,
    inner: Linear,
    outer: Linear,
    after_mlp: LayerNorm,
}

impl Bert {
    /// Loads a folder with `config.json` and `*.safetensors`. Names of tensors may have the prefix of the model or not.
    ///
    /// # Errors
    /// Files that are missing or broken, an architecture that is no encoder or not supported, tensors that do not fit the configuration, a
    /// precision that the device lacks, a model larger than memory.
    pub fn load(folder: impl AsRef<Path>, device: &Device, precision: Precision) -> Result<Self> {
        let folder = folder.as_ref();
        let Config::Encoder(config) = Config::read(folder)? else {
            return Err(Error::input(format!("{} holds a causal language model, no encoder", folder.display()))
                .hint("explain an answer of it with `--prompt`"));
        };
        let source = SafeTensors::open(folder, plain)?;
        let pools_first = pools_first(folder)?;
        let headed = |loader: &Loader| loader.has(&format!("{}.weight", head_names(config.family)[1]));
        // What pre-training left behind.
        let spare = |name: &str| ["pooler.", "cls.", "lm_head."].iter().any(|part| name.starts_with(part));
        let (mut bert, sha256) = Loader::load(Box::new(source), device, precision, spare, |loader| {
            let headed = headed(loader);
            Self::build(loader, &config, device, headed, pools_first)
        })?;
        bert.sha256 = sha256;
        Ok(bert)
    }

    fn build(
        loader: &mut Loader,
        config: &EncoderConfig,
        device: &Device,
        headed: bool,
        pools_first: bool,
    ) -> Result<Self> {
        let hidden = config.hidden;
        let mut embedding =
            |name: &str, rows: usize| loader.tensor(&format!("embeddings.{name}_embeddings.weight"), [rows, hidden]);
        let words = embedding("word", config.vocabulary)?;
        let positions = embedding("position", config.positions)?;
        let types = embedding("token_type", config.token_types)?;
        let norm = LayerNorm::load(loader, "embeddings.LayerNorm", hidden, config.epsilon)?;
        let layers = (0..config.layers).map(|n| Layer::load(loader, n, config)).collect::<Result<_>>()?;
        let [first, second] = head_names(config.family);
        let classes = config.labels.len();
        let head = match headed {
            true => Some([
                Linear::load(loader, first, [hidden, hidden], true)?,
                Linear::load(loader, second, [hidden, classes], true)?,
            ]),
            false => None,
        };
        let outputs = match headed {
            true => config.labels.iter().map(|label| format!("logits[{label}]")).collect(),
            false => (0..hidden).map(|i| format!("embedding[{i}]")).collect(),
        };
        let (config, device, sha256) = (config.clone(), device.clone(), String::new());
        Ok(Self { config, device, words, positions, types, norm, layers, head, pools_first, outputs, sha256 })
    }

    pub fn config(&self) -> &EncoderConfig {
        &self.config
    }

    /// The SHA-256 of the weights, as [`Decoder::sha256`](super::Decoder::sha256) has it.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The last layer's vectors `[sequences, length, hidden]`.
    fn hidden(&self, batch: &TokenBatch) -> Tensor<3> {
        let (sequences, length, hidden) = (batch.sequences, batch.length, self.config.hidden);
        let list = |values: Vec<i32>| self.list(values);
        let words = self.words.clone().select(0, list(batch.ids.clone()));
        let types = self.types.clone().select(0, list(batch.types.clone()));
        let places = self.positions.clone().select(0, list(self.places(batch)));
        let mut x = self.norm.of(words + types + places, None);
        let masked = self.masked(batch);
        for layer in &self.layers {
            x = layer.of(x, [sequences, length], &masked, &self.config);
        }
        x.reshape([sequences, length, hidden])
    }

    /// RoBERTa counts the tokens that are attended to; BERT counts all.
    fn places(&self, batch: &TokenBatch) -> Vec<i32> {
        let first = self.config.first_position as i32;
        let row = |mask: &[i32]| match self.config.family {
            EncoderFamily::Bert => (0..mask.len() as i32).collect::<Vec<_>>(),
            EncoderFamily::Roberta => {
                let counted = mask.iter().scan(first - 1, |place, &m| {
                    *place += i32::from(m != 0);
                    Some(if m != 0 { *place } else { first - 1 })
                });
                counted.collect()
            }
        };
        batch.mask.chunks_exact(batch.length).flat_map(row).collect()
    }

    /// `[sequences, 1, 1, length]`: true where nothing is to be seen.
    fn masked(&self, batch: &TokenBatch) -> Tensor<4, Bool> {
        self.list(batch.mask.clone()).equal_elem(0).reshape([batch.sequences, 1, 1, batch.length])
    }

    fn list(&self, values: Vec<i32>) -> Tensor<1, Int> {
        Tensor::from_data(kernels::list(values), self.device.burn())
    }

    /// One vector a text: `[sequences, hidden]`.
    fn pooled(&self, x: Tensor<3>, batch: &TokenBatch) -> Tensor<2> {
        if self.pools_first {
            return x.narrow(1, 0, 1).squeeze_dim(1);
        }
        let weights: Vec<f32> = (batch.mask.chunks_exact(batch.length))
            .flat_map(|row| {
                let n = row.iter().filter(|&&m| m != 0).count().max(1) as f32;
                row.iter().map(move |&m| if m != 0 { 1.0 / n } else { 0.0 })
            })
            .collect();
        let data = TensorData::new(weights, [batch.sequences, batch.length, 1]);
        let weights = Tensor::<3>::from_data(data, (self.device.burn(), x.dtype()));
        x.mul(weights).sum_dim(1).squeeze_dim(1)
    }

    fn check(&self, batch: &TokenBatch) -> Result<()> {
        let (vocabulary, longest) = (self.config.vocabulary, self.config.longest());
        if let Some(id) = batch.ids.iter().find(|&&id| usize::try_from(id).is_ok_and(|id| id >= vocabulary) || id < 0) {
            let message = format!("token {id} is not among the model's {vocabulary}, which count from 0");
            return Err(Error::input(message).hint("give the tokenizer that the model was trained with"));
        }
        if batch.length > longest {
            return Err(Error::input(format!("a text has {} tokens, the model reads at most {longest}", batch.length)));
        }
        match batch.types.iter().find(|&&kind| usize::try_from(kind).is_ok_and(|kind| kind < self.config.token_types)) {
            None if !batch.types.is_empty() => Err(Error::input("the token types are not those of the model")),
            _ => Ok(()),
        }
    }
}

impl Encoder for Bert {
    fn output_names(&self) -> &[String] {
        &self.outputs
    }

    fn vocabulary(&self) -> Option<usize> {
        Some(self.config.vocabulary)
    }

    fn positions(&self) -> Option<usize> {
        Some(self.config.longest())
    }

    fn embeds(&self) -> bool {
        self.head.is_none()
    }

    fn workspace(&self) -> usize {
        8 * self.config.hidden + 2 * self.config.inner
    }

    /// # Errors
    /// Tokens or token types that the model has not, a text longer than its positions.
    fn forward(&self, batch: &TokenBatch) -> Result<Tensor<2>> {
        self.check(batch)?;
        let x = self.hidden(batch);
        let outputs = match &self.head {
            Some([first, second]) => second.of(first.of(x.narrow(1, 0, 1).squeeze_dim(1)).tanh()),
            None => self.pooled(x, batch),
        };
        Ok(in_precision(outputs, DType::F32))
    }
}

impl Layer {
    fn load(loader: &mut Loader, n: usize, c: &EncoderConfig) -> Result<Self> {
        let name = |part: &str| format!("encoder.layer.{n}.{part}");
        let mut linear = |part: &str, from: usize, to: usize| Linear::load(loader, &name(part), [from, to], true);
        let query = linear("attention.self.query", c.hidden, c.hidden)?;
        let key = linear("attention.self.key", c.hidden, c.hidden)?;
        let value = linear("attention.self.value", c.hidden, c.hidden)?;
        let output = linear("attention.output.dense", c.hidden, c.hidden)?;
        let inner = linear("intermediate.dense", c.hidden, c.inner)?;
        let outer = linear("output.dense", c.inner, c.hidden)?;
        let mut norm = |part: &str| LayerNorm::load(loader, &name(part), c.hidden, c.epsilon);
        let after_attention = norm("attention.output.LayerNorm")?;
        let after_mlp = norm("output.LayerNorm")?;
        Ok(Self { query, key, value, output, after_attention, inner, outer, after_mlp })
    }

    /// `[sequences · length, hidden]` to the same.
    fn of(
        &self,
        x: Tensor<2>,
        [sequences, length]: [usize; 2],
        masked: &Tensor<4, Bool>,
        c: &EncoderConfig,
    ) -> Tensor<2> {
        let size = c.hidden / c.heads;
        let split = |x: Tensor<2>| x.reshape([sequences, length, c.heads, size]).swap_dims(1, 2);
        let [query, key, value] = [&self.query, &self.key, &self.value].map(|part| split(part.of(x.clone())));
        let mixed = attend([query, key, value], masked);
        let mixed = mixed.swap_dims(1, 2).reshape([sequences * length, c.hidden]);
        let x = self.after_attention.of(self.output.of(mixed), Some(x));
        self.after_mlp.of(self.mlp(x.clone(), c.activation), Some(x))
    }

    fn mlp(&self, x: Tensor<2>, activation: Activation) -> Tensor<2> {
        let fused = match activation {
            Activation::Gelu => Some(kernels::Activation::Gelu),
            Activation::GeluTanh => None,
            Activation::Relu => Some(kernels::Activation::Relu),
        };
        let inner = fused.and_then(|activation| self.inner.layer(activation));
        if let Some((inner, outer)) = inner.zip(self.outer.layer(kernels::Activation::None)) {
            return affine_chain(x, &[inner, outer]);
        }
        let inner = self.inner.of(x);
        self.outer.of(match activation {
            Activation::Gelu => gelu(inner),
            Activation::GeluTanh => gelu_approximate(inner),
            Activation::Relu => relu(inner),
        })
    }
}

/// Attention of all heads, `[sequences, heads, length, size]` each; `masked` is true at keys that are not seen.
fn attend([query, key, value]: [Tensor<4>; 3], masked: &Tensor<4, Bool>) -> Tensor<4> {
    let [sequences, heads, length, size] = query.dims();
    let scores = Scores { scale: 1.0 / (size as f32).sqrt(), guarded: false };
    let never = masked.clone().float().zeros_like().mask_fill(masked.clone(), f32::NEG_INFINITY);
    let fused = kernels::attention(&query, &key.clone().swap_dims(2, 3), &value, Some(&never), scores);
    fused.unwrap_or_else(|| {
        let masked = masked.clone().expand([sequences, heads, length, length]);
        attention(query, key, value, Some(masked), None, AttentionModuleOptions::default())
    })
}

/// The two layers of a head that classifies.
fn head_names(family: EncoderFamily) -> [&'static str; 2] {
    match family {
        EncoderFamily::Bert => ["pooler.dense", "classifier"],
        EncoderFamily::Roberta => ["classifier.dense", "classifier.out_proj"],
    }
}

/// A tensor's name without the model's prefix, in the words of today: old checkpoints say gamma and beta.
fn plain(name: &str) -> String {
    let name = ["bert.", "roberta."].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    let name = name.strip_suffix("LayerNorm.gamma").map_or(name.to_string(), |part| format!("{part}LayerNorm.weight"));
    name.strip_suffix("LayerNorm.beta").map_or(name.clone(), |part| format!("{part}LayerNorm.bias"))
}

/// Whether sentence-transformers' file beside the model says that the first token stands for the text.
fn pools_first(folder: &Path) -> Result<bool> {
    let path = folder.join("1_Pooling/config.json");
    if !path.is_file() {
        return Ok(false);
    }
    let text = std::fs::read_to_string(&path).map_err(|source| Error::io("read", &path, source))?;
    let value: serde_json::Value = serde_json::from_str(&text)
        .map_err(|error| Error::input(format!("{} is not JSON: {error}", path.display())))?;
    Ok(value["pooling_mode_cls_token"] == true)
}
