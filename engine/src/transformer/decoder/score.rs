//! How likely an answer is behind each of many prompts.

use super::packed::{Packed, cuts};
use super::{Cache, Decoder, whole_numbers};
use crate::explain::cat;
use crate::{Error, Result};
use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Logits held at once, so that a large vocabulary needs no large buffer.
const LOGITS: usize = 1 << 24;

/// Tokens that prompts and answers have, and tokens that were run for them.
#[derive(Debug, Default)]
pub struct Saving {
    asked: AtomicU64,
    run: AtomicU64,
}

impl Saving {
    /// Tokens that would be run one sequence at a time.
    pub fn asked(&self) -> u64 {
        self.asked.load(Relaxed)
    }

    /// Tokens that were run.
    pub fn run(&self) -> u64 {
        self.run.load(Relaxed)
    }

    /// The share of token-forwards saved by reading shared beginnings once, in [0, 1].
    pub fn share(&self) -> f64 {
        1.0 - self.run() as f64 / self.asked().max(1) as f64
    }

    pub(super) fn add(&self, asked: usize, run: usize) {
        self.asked.fetch_add(asked as u64, Relaxed);
        self.run.fetch_add(run as u64, Relaxed);
    }
}

/// What comes before every prompt, read once. Nothing, by default.
#[derive(Clone, Default)]
pub struct Head {
    /// All of it but its last token, from which the first token of an answer may follow.
    cache: Option<Cache>,
    last: Vec<u32>,
}

impl Head {
    /// Tokens that were read.
    pub fn len(&self) -> usize {
        self.cache.as_ref().map_or(0, Cache::len) + self.last.len()
    }

    pub fn is_empty(&self) -> bool {
        self.last.is_empty()
    }
}

impl Decoder {
    /// Reads what comes before every prompt; it may be nothing.
    ///
    /// # Errors
    /// As for [`Decoder::prefill`].
    pub fn head_of(&self, tokens: &[u32]) -> Result<Head> {
        let Some((last, first)) = tokens.split_last() else { return Ok(Head::default()) };
        self.check(&[*last], first.len())?;
        let cache = if first.is_empty() { None } else { Some(self.prefill(first)?.0) };
        Ok(Head { cache, last: vec![*last] })
    }

    /// `[prompts, answer tokens]`: the natural logarithm of each answer token's probability, given the head, its prompt and the answer
    /// tokens before it. A prompt may be empty if the head is not. Prompts that begin alike are read once as far as they do, if
    /// `share`.
    ///
    /// # Errors
    /// No answer, a prompt without tokens, tokens that the vocabulary has not, more than the model reads.
    pub fn log_probabilities(
        &self,
        head: &Head,
        prompts: &[&[u32]],
        answer: &[u32],
        share: bool,
        saving: &Saving,
    ) -> Result<Tensor<2>> {
        let Some((last, read)) = answer.split_last() else {
            return Err(Error::input("the answer has no tokens"));
        };
        self.check(&[*last], 0)?;
        let held = head.cache.as_ref().map_or(0, Cache::len);
        let sequences: Vec<Vec<u32>> = prompts.iter().map(|prompt| [&head.last, *prompt, read].concat()).collect();
        for (sequence, prompt) in sequences.iter().zip(prompts) {
            if head.is_empty() && prompt.is_empty() {
                return Err(Error::input("nothing of the prompt is left for the model to read"));
            }
            self.check(sequence, held)?;
        }
        let mut order: Vec<usize> = (0..sequences.len()).collect();
        order.sort_by(|&a, &b| sequences[a].cmp(&sequences[b]));
        let sorted: Vec<&[u32]> = order.iter().map(|&at| &sequences[at][..]).collect();
        let mut parts = Vec::new();
        for run in cuts(&sorted, self.most_tokens(), share) {
            let packed = Packed::new(&sorted[run.clone()], held, share);
            let full: usize = sorted[run.clone()].iter().map(|sequence| held + sequence.len()).sum();
            saving.add(full, packed.ids.len());
            let (x, _) = self.run(&packed, head.cache.as_ref());
            // The last token of a prompt predicts the first of the answer, and so on.
            let first = |row: usize| sorted[run.start + row].len() - answer.len();
            let predicting = |row: usize| (0..answer.len()).map(move |j| (row, j));
            let nodes = (0..packed.sequences).flat_map(predicting).map(|(row, j)| packed.node(row, first(row) + j));
            parts.push(self.chances(x.select(0, whole_numbers(nodes.collect(), &self.device)), answer));
        }
        if parts.is_empty() {
            return Ok(Tensor::zeros([0, answer.len()], self.device.burn()));
        }
        let mut back = vec![0; order.len()];
        order.iter().enumerate().for_each(|(row, &at)| back[at] = row as i32);
        Ok(cat(parts, 0).select(0, whole_numbers(back, &self.device)))
    }

    /// Log-probabilities `[rows / answer tokens, answer tokens]` of the answer by vectors `[rows, hidden]`.
    fn chances(&self, x: Tensor<2>, answer: &[u32]) -> Tensor<2> {
        let (rows, width) = (x.dims()[0], answer.len());
        let step = (LOGITS / self.config.vocabulary).max(1);
        let part = |from: usize| {
            let n = step.min(rows - from);
            let targets = (from..from + n).map(|row| answer[row % width] as i32).collect();
            let targets = whole_numbers(targets, &self.device).unsqueeze_dim::<2>(1);
            log_softmax(self.head(x.clone().narrow(0, from, n)), 1).gather(1, targets)
        };
        cat((0..rows).step_by(step).map(part).collect(), 0).reshape([rows / width, width])
    }
}
