//! What runs token sequences: the seam between texts and the models that read them.

use crate::Result;
use burn::tensor::Tensor;

/// Token sequences, padded at the end to the longest. The lists of tokens are `[sequences · length]`, sequence by sequence.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TokenBatch {
    pub sequences: usize,
    /// Tokens of the longest sequence, at least 1.
    pub length: usize,
    pub ids: Vec<i32>,
    /// 1 where a token is attended to, 0 for padding and for tokens that count as padding.
    pub mask: Vec<i32>,
    /// Token types (segments); all 0 for a single text.
    pub types: Vec<i32>,
    /// `[sequences · columns]`: the numbers beside each text, in the order of [`Encoder::columns`].
    pub numbers: Vec<f32>,
}

/// A model of token sequences on a device: ONNX, or a network built from its weights.
pub trait Encoder: Send + Sync {
    /// One name an output: classes (`logits[spam]`), or the columns of an embedding.
    fn output_names(&self) -> &[String];
    /// Token ids it knows, from 0; None if that cannot be told.
    fn vocabulary(&self) -> Option<usize>;
    /// Tokens of a sequence at most, its special ones included; None if there is no limit or it cannot be told.
    fn positions(&self) -> Option<usize>;
    /// Whether it heeds [`TokenBatch::mask`]. One that does not is given sequences of one length at a time.
    fn takes_mask(&self) -> bool {
        true
    }
    /// Whether sequences that begin alike cost less together. Such a model is given them in the order of their tokens, whatever their
    /// lengths; padding costs it nothing.
    fn shares_beginnings(&self) -> bool {
        false
    }
    /// Names of the numbers that it reads beside the tokens of a text.
    fn columns(&self) -> &[String] {
        &[]
    }
    /// Whether its outputs are an embedding of the text, not classes or numbers.
    fn embeds(&self) -> bool {
        false
    }
    /// Floats held for each token at the widest point: what batches on a GPU are sized by.
    fn workspace(&self) -> usize {
        1 << 14
    }
    /// Outputs `[sequences, outputs]` on its device, before any softmax: a sequence's outputs depend on that sequence alone. May be
    /// called from many threads.
    fn forward(&self, batch: &TokenBatch) -> Result<Tensor<2>>;
}
