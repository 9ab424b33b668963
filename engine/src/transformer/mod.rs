//! Transformers from their weights, on burn tensors: causal language models of the Llama family and encoders of the BERT family.
//!
//! ```text
//! config.json + *.safetensors ─┐                        ┌─ Decoder: prefill, extend, answer, log-probabilities ─ AnswerModel ─┐
//!                              ├─ Config, Loader ─ burn ┤                                                                   ├─ text::Encoder
//! *.gguf (with its tokenizer) ─┘                        └─ Bert: classes or an embedding ────────────────────────────────────┘
//! ```
//! Names of tensors are those of Hugging Face throughout; GGUF's are translated where the file is read.

mod bert;
mod chat;
mod config;
mod decoder;
mod layers;
mod prompt;
mod sentencepiece;
mod vocabulary;
mod weights;

pub use bert::Bert;
pub use chat::Chat;
pub use config::{Activation, Config, DecoderConfig, EncoderConfig, EncoderFamily, Family, Rope, SUPPORTED, Scaling};
pub use decoder::{AnswerModel, Cache, Decoder, Head, Saving};
pub use prompt::Prompt;
pub use vocabulary::tokenizer;
pub use weights::{Estimate, Precision, available_memory};
