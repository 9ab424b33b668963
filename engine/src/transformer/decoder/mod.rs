//! Causal language models of the Llama family.

mod answer;
mod cache;
mod layer;
mod packed;
mod score;

pub use answer::AnswerModel;
pub use cache::Cache;
pub use score::{Head, Saving};

use super::config::{Config, DecoderConfig};
use super::layers::{Linear, RmsNorm, in_precision};
use super::weights::{Gguf, Loader, Precision, SafeTensors, Source};
use crate::{Device, Error, Result, kernels};
use burn::tensor::{DType, Int, Tensor, TensorData};
use layer::{Layer, Places};
use packed::Packed;
use std::path::Path;

/// A causal language model on a device. It may be used from many threads.
pub struct Decoder {
    config: DecoderConfig,
    device: Device,
    embedding: Tensor<2>,
    layers: Vec<Layer>,
    norm: RmsNorm,
    /// None if the embedding serves.
    head: Option<Linear>,
    sha256: String,
}

impl Decoder {
    /// Loads a model: a folder with `config.json` and `*.safetensors`, or a GGUF file.
    ///
    /// # Errors
    /// Files that are missing or broken, an architecture that is no decoder or not supported, tensors that do not fit the configuration, a
    /// precision that the device lacks, a model larger than memory.
    pub fn load(path: impl AsRef<Path>, device: &Device, precision: Precision) -> Result<Self> {
        let path = path.as_ref();
        if !path.is_dir() {
            let source = Gguf::open(path)?;
            let config = source.config().clone();
            return Self::from_source(Box::new(source), &config, device, precision, |_| false);
        }
        let Config::Decoder(config) = Config::read(path)? else {
            return Err(Error::input(format!("{} holds an encoder, which has no next token", path.display()))
                .hint("explain its classes with `--text`"));
        };
        let source = SafeTensors::open(path, str::to_string)?;
        // Tables of frequencies in old checkpoints, and a second copy of a tied embedding.
        let spare = |name: &str| name.ends_with("rotary_emb.inv_freq") || config.tied && name == "lm_head.weight";
        Self::from_source(Box::new(source), &config, device, precision, spare)
    }

    fn from_source(
        source: Box<dyn Source>,
        config: &DecoderConfig,
        device: &Device,
        precision: Precision,
        spare: impl Fn(&str) -> bool,
    ) -> Result<Self> {
        let build = |loader: &mut Loader| Self::build(loader, config, device);
        let (mut decoder, sha256) = Loader::load(source, device, precision, spare, build)?;
        decoder.sha256 = sha256;
        Ok(decoder)
    }

    /// A model of random weights, made in memory: what it says means nothing, what it costs is what a trained one costs.
    ///
    /// # Errors
    /// A precision that the device lacks, a model larger than memory.
    pub fn random(config: &DecoderConfig, seed: u64, device: &Device, precision: Precision) -> Result<Self> {
        Loader::random(seed, device, precision, |loader| Self::build(loader, config, device))
    }

    fn build(loader: &mut Loader, config: &DecoderConfig, device: &Device) -> Result<Self> {
        let (vocabulary, hidden) = (config.vocabulary, config.hidden);
        let embedding = loader.tensor("model.embed_tokens.weight", [vocabulary, hidden])?;
        let layers = (0..config.layers).map(|n| Layer::load(loader, n, config)).collect::<Result<_>>()?;
        let norm = RmsNorm::load(loader, "model.norm", hidden, config.epsilon)?;
        let head = (!config.tied).then(|| Linear::load(loader, "lm_head", [hidden, vocabulary], false)).transpose()?;
        let (config, device, sha256) = (config.clone(), device.clone(), String::new());
        Ok(Self { config, device, embedding, layers, norm, head, sha256 })
    }

    pub fn config(&self) -> &DecoderConfig {
        &self.config
    }

    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The SHA-256 of the file of weights, as `sha256sum` tells it; of several files that of the lines it prints for them:
    /// `sha256sum *.safetensors | sha256sum`. Empty for random weights.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// What each token of one sequence predicts: `[tokens, vocabulary]` logits in f32, on the device.
    ///
    /// # Errors
    /// No token, one that the vocabulary has not, more than the model reads.
    pub fn logits(&self, tokens: &[u32]) -> Result<Tensor<2>> {
        self.check(tokens, 0)?;
        let packed = Packed::new(&[tokens], 0, true);
        Ok(self.head(self.run(&packed, None).0))
    }

    /// The vectors of every node, `[nodes, hidden]` before the last norm, and each layer's keys and values,
    /// `[sequences, heads, length, size]`. What is in a cache comes before all sequences.
    fn run(&self, packed: &Packed, cache: Option<&Cache>) -> (Tensor<2>, Vec<[Tensor<4>; 2]>) {
        let device = self.device.burn();
        let places = Places::new(packed, &self.config, self.embedding.dtype(), &self.device);
        let ids = Tensor::<1, Int>::from_data(kernels::list(packed.ids.clone()), device);
        let mut x = self.embedding.clone().select(0, ids);
        let mut kept = Vec::with_capacity(self.layers.len());
        for (n, layer) in self.layers.iter().enumerate() {
            let (next, keys_values) = layer.of(x, &places, cache.map(|cache| cache.layer(n)), &self.config);
            x = next;
            kept.push(keys_values);
        }
        (x, kept)
    }

    /// Logits `[rows, vocabulary]` in f32 of vectors `[rows, hidden]`.
    fn head(&self, x: Tensor<2>) -> Tensor<2> {
        let x = self.norm.of(x);
        let logits = match &self.head {
            Some(head) => head.of(x),
            None => x.matmul(self.embedding.clone().transpose()),
        };
        in_precision(logits, DType::F32)
    }

    /// Tokens that the model can read behind `before` others.
    fn check(&self, tokens: &[u32], before: usize) -> Result<()> {
        if tokens.is_empty() {
            return Err(Error::input("a language model needs a token to begin with"));
        }
        if let Some(id) = tokens.iter().find(|&&id| id as usize >= self.config.vocabulary) {
            let message = format!("token {id} is not among the model's {}, which count from 0", self.config.vocabulary);
            return Err(Error::input(message).hint("give the tokenizer that the model was trained with"));
        }
        let (given, longest) = (before + tokens.len(), self.config.longest);
        if given > longest {
            return Err(Error::input(format!("the text has {given} tokens, the model reads at most {longest}"))
                .hint("shorten it"));
        }
        Ok(())
    }

    /// Tokens that run side by side: as many as a tile's memory holds of what the widest point of a layer makes of them.
    fn most_tokens(&self) -> usize {
        let fits = self.device.memory_bytes() / 4 / self.floats_per_token() as u64;
        let most = if self.device.is_cpu() { 2048 } else { 1 << 15 };
        (fits as usize).clamp(256, most)
    }

    /// Floats held for each token at the widest point.
    fn floats_per_token(&self) -> usize {
        let c = &self.config;
        4 * c.hidden + 3 * c.inner + 6 * c.heads * c.head_size
    }
}

fn whole_numbers(values: Vec<i32>, device: &Device) -> Tensor<1, Int> {
    Tensor::from_data(kernels::list(values), device.burn())
}

fn floats<const D: usize>(values: Vec<f32>, shape: [usize; D], dtype: DType, device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), (device.burn(), dtype))
}
