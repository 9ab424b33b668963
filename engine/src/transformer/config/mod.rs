//! What `config.json` of Hugging Face says of a transformer: sizes, and the choices its family leaves open.

mod decoder;
mod encoder;
mod keys;
mod rope;

pub use decoder::{DecoderConfig, Family};
pub use encoder::{Activation, EncoderConfig, EncoderFamily};
pub use rope::{Rope, Scaling};

use crate::{Error, Result};
use keys::Keys;
use serde_json::Value;
use std::path::Path;

/// Architectures that can be loaded, as `model_type` in config.json names them.
pub const SUPPORTED: &str = "llama, mistral, qwen2, qwen3 (decoders); bert, roberta, xlm-roberta (encoders)";

/// A transformer's configuration.
#[derive(Debug, Clone, PartialEq)]
pub enum Config {
    /// A causal language model: Llama, Mistral, Qwen2, Qwen3 and what is built like them (SmolLM2).
    Decoder(DecoderConfig),
    /// An encoder, with or without a head that classifies: BERT, RoBERTa.
    Encoder(EncoderConfig),
}

impl Config {
    /// Reads `config.json` of a folder, and the ends of an answer from `generation_config.json` where that is there.
    ///
    /// # Errors
    /// No such file, text that is not JSON, an architecture or a setting that is not supported, sizes that do not fit together.
    pub fn read(folder: &Path) -> Result<Config> {
        let load = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path).map_err(|source| Error::io("read", path, source))
        };
        let mut config = Self::parse(&load("config.json")?)?;
        if let (Config::Decoder(decoder), true) = (&mut config, folder.join("generation_config.json").is_file()) {
            let value = json(&load("generation_config.json")?, "generation_config.json")?;
            let ends = value.as_object().map(|map| Keys(map).tokens("eos_token_id")).transpose()?;
            decoder.ends.extend(ends.unwrap_or_default());
            decoder.ends.sort_unstable();
            decoder.ends.dedup();
        }
        Ok(config)
    }

    /// The configuration in the text of a `config.json`.
    ///
    /// # Errors
    /// As for [`Config::read`].
    pub fn parse(text: &str) -> Result<Config> {
        let value = json(text, "config.json")?;
        let map = value.as_object().ok_or_else(|| Error::input("config.json must be an object"))?;
        let keys = Keys(map);
        if keys.object("quantization_config")?.is_some() {
            return Err(Error::input("`quantization_config` in config.json: quantised safetensors are not supported")
                .hint("take the model in f32, f16 or bf16, or as GGUF"));
        }
        match keys.text("model_type", "")?.as_str() {
            "llama" => Ok(Config::Decoder(DecoderConfig::from_keys(&keys, Family::Llama)?)),
            "mistral" => Ok(Config::Decoder(DecoderConfig::from_keys(&keys, Family::Mistral)?)),
            "qwen2" => Ok(Config::Decoder(DecoderConfig::from_keys(&keys, Family::Qwen2)?)),
            "qwen3" => Ok(Config::Decoder(DecoderConfig::from_keys(&keys, Family::Qwen3)?)),
            "bert" => Ok(Config::Encoder(EncoderConfig::from_keys(&keys, EncoderFamily::Bert)?)),
            "roberta" | "xlm-roberta" => Ok(Config::Encoder(EncoderConfig::from_keys(&keys, EncoderFamily::Roberta)?)),
            other => Err(unsupported(other)),
        }
    }
}

/// An architecture that is not built.
pub(super) fn unsupported(architecture: &str) -> Error {
    Error::input(format!("the architecture {architecture:?} is not supported")).hint(format!("supported: {SUPPORTED}"))
}

fn json(text: &str, file: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| Error::input(format!("{file} is not JSON: {error}")))
}
