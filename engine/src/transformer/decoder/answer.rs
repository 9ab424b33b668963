//! An answer of a language model as outputs of a model of text: how likely each of its tokens is.

use super::{Decoder, Head, Saving};
use crate::text::{Encoder, TokenBatch};
use crate::{Error, Result};
use burn::tensor::Tensor;
use std::sync::Arc;

/// Log-probabilities of one answer behind any prompt: an output for each answer token, and their sum, in natural logarithms.
pub struct AnswerModel {
    decoder: Arc<Decoder>,
    answer: Vec<u32>,
    head: Head,
    head_tokens: Vec<u32>,
    labels: Vec<String>,
    outputs: Vec<String>,
    saving: Arc<Saving>,
    share: bool,
}

impl AnswerModel {
    /// `answer` holds each token of the answer and how it reads. `head` is what all prompts begin with: it is read here, once.
    ///
    /// # Errors
    /// An answer without tokens, tokens that the vocabulary has not, more than the model reads.
    pub fn new(decoder: Arc<Decoder>, answer: &[(u32, String)], head: &[u32]) -> Result<Self> {
        if answer.is_empty() {
            return Err(Error::input("the answer has no tokens").hint("give a text with `--answer`"));
        }
        let saving = Arc::new(Saving::default());
        saving.add(0, head.len().saturating_sub(1));
        let of_token = answer.iter().enumerate().map(|(at, (_, text))| format!("{} {}", at + 1, shown(text)));
        let labels: Vec<String> = of_token.chain(["total".into()]).collect();
        Ok(Self {
            outputs: labels.iter().map(|label| format!("log p[{label}]")).collect(),
            labels,
            answer: answer.iter().map(|(id, _)| *id).collect(),
            head: decoder.head_of(head)?,
            head_tokens: head.to_vec(),
            decoder,
            saving,
            share: true,
        })
    }

    /// How each output reads: the answer's tokens with their number, and `total`.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Reads every sequence from its start, for comparison. Default: shared beginnings are read once.
    pub fn without_sharing(mut self) -> Self {
        self.share = false;
        self
    }

    /// What sharing has saved so far; goes on counting when the model has been handed over.
    pub fn saving(&self) -> Arc<Saving> {
        self.saving.clone()
    }

    /// The tokens of each sequence, without padding and what is not attended to, and without the head.
    fn prompts(&self, batch: &TokenBatch) -> Vec<Vec<u32>> {
        let rows = batch.ids.chunks_exact(batch.length).zip(batch.mask.chunks_exact(batch.length));
        rows.map(|(ids, mask)| ids.iter().zip(mask).filter(|(_, mask)| **mask != 0).map(|(&id, _)| id as u32).collect())
            .collect()
    }
}

/// A token without the spaces around it, or a name for its blanks.
fn shown(token: &str) -> String {
    match token.trim() {
        "" => token.escape_debug().to_string(),
        text => text.into(),
    }
}

impl Encoder for AnswerModel {
    fn output_names(&self) -> &[String] {
        &self.outputs
    }

    fn vocabulary(&self) -> Option<usize> {
        Some(self.decoder.config().vocabulary)
    }

    /// Room is left for the answer.
    fn positions(&self) -> Option<usize> {
        Some((self.decoder.config().longest + 1).saturating_sub(self.answer.len()))
    }

    fn takes_mask(&self) -> bool {
        false
    }

    fn shares_beginnings(&self) -> bool {
        self.share
    }

    fn workspace(&self) -> usize {
        self.decoder.floats_per_token()
    }

    fn forward(&self, batch: &TokenBatch) -> Result<Tensor<2>> {
        let mut prompts = self.prompts(batch);
        let head = &self.head_tokens;
        let none = Head::default();
        let headed = self.share && !head.is_empty() && prompts.iter().all(|prompt| prompt.starts_with(head));
        if headed {
            prompts.iter_mut().for_each(|prompt| drop(prompt.drain(..head.len())));
        }
        let prompts: Vec<&[u32]> = prompts.iter().map(Vec::as_slice).collect();
        let before = if headed { &self.head } else { &none };
        let each = self.decoder.log_probabilities(before, &prompts, &self.answer, self.share, &self.saving)?;
        let total = each.clone().sum_dim(1);
        Ok(Tensor::cat(vec![each, total], 1))
    }
}
