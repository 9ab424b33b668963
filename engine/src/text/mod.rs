//! Explaining models of text.
//!
//! A text with n players (tokens, words, sentences) is a row of n features for the machine that explains tables: a present player is 1,
//! an absent one 0, and the background is the one row of zeros. `TextModel` is the [`Model`](crate::model::Model) that turns each
//! such row into tokens on the host and runs an [`Encoder`] on them, so designs, standard errors and `tolerance` are those of tables.

mod absence;
mod batch;
mod beside;
mod builder;
mod encoder;
mod explain;
mod explanation;
mod hierarchy;
mod key;
mod labels;
mod model;
mod onnx;
mod output;
mod players;
mod sample;
mod tokenizer;
mod value;
mod words;

pub use absence::Absence;
pub use beside::Cell;
pub use builder::TextBuilder;
pub use encoder::{Encoder, TokenBatch};
pub use explain::{Reading, TextShap};
pub use explanation::{Pair, TextExplanation};
pub use labels::class_labels;
pub use onnx::OnnxEncoder;
pub use output::{TextLayout, TextWriter, explained};
pub use players::{Granularity, Span};
pub use sample::TextSample;
pub use tokenizer::{Cut, Tokenizer, Tokens};
pub use value::Value;
pub use words::{GlobalWords, Word, Words};
