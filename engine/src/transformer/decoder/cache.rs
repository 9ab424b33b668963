//! What a sequence leaves behind for the tokens that come after it, and answers made token by token.

use super::Decoder;
use super::packed::Packed;
use crate::{Result, kernels};
use burn::tensor::Tensor;

/// Keys and values of the tokens of one sequence. Clones share them.
#[derive(Clone)]
pub struct Cache {
    /// Each layer's keys and values, `[1, heads, tokens, size]`.
    layers: Vec<[Tensor<4>; 2]>,
    tokens: usize,
}

impl Cache {
    /// Tokens that were read.
    pub fn len(&self) -> usize {
        self.tokens
    }

    pub fn is_empty(&self) -> bool {
        self.tokens == 0
    }

    pub(super) fn layer(&self, n: usize) -> &[Tensor<4>; 2] {
        &self.layers[n]
    }
}

impl Decoder {
    /// Reads a sequence. Returns its cache, and the logits `[1, vocabulary]` of the token that comes next.
    ///
    /// # Errors
    /// No token, one that the vocabulary has not, more than the model reads.
    pub fn prefill(&self, tokens: &[u32]) -> Result<(Cache, Tensor<2>)> {
        self.read_on(None, tokens)
    }

    /// Reads on behind a cache, which then holds these tokens too. Returns the logits `[1, vocabulary]` of the token that comes next.
    ///
    /// # Errors
    /// As for [`Decoder::prefill`].
    pub fn extend(&self, cache: &mut Cache, tokens: &[u32]) -> Result<Tensor<2>> {
        let (extended, logits) = self.read_on(Some(cache), tokens)?;
        *cache = extended;
        Ok(logits)
    }

    fn read_on(&self, cache: Option<&Cache>, tokens: &[u32]) -> Result<(Cache, Tensor<2>)> {
        let before = cache.map_or(0, Cache::len);
        self.check(tokens, before)?;
        let (x, layers) = self.run(&Packed::new(&[tokens], before, true), cache);
        let last = self.head(x.narrow(0, tokens.len() - 1, 1));
        Ok((Cache { layers, tokens: before + tokens.len() }, last))
    }

    /// The answer that is most likely token by token (temperature 0), without the token that ends it: at most `most` tokens, and no
    /// more than the model has room for.
    ///
    /// # Errors
    /// As for [`Decoder::prefill`].
    pub fn answer(&self, prompt: &[u32], most: usize) -> Result<Vec<u32>> {
        let (mut cache, mut logits) = self.prefill(prompt)?;
        let most = most.min(self.config.longest - prompt.len());
        let mut answer = Vec::new();
        while answer.len() < most {
            // Token numbers are below 2²⁴, so f32 holds them exactly.
            let next = kernels::read(logits.argmax(1).float())?[0] as u32;
            if self.config.ends.contains(&next) {
                break;
            }
            answer.push(next);
            if answer.len() == most {
                break;
            }
            logits = self.extend(&mut cache, &[next])?;
        }
        Ok(answer)
    }
}
