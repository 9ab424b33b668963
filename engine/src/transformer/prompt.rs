//! A prompt as a language model reads it, and the parts of it that are explained.

use super::{AnswerModel, Chat, Decoder};
use crate::text::{Granularity, Tokenizer};
use crate::{Error, Result};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// What a model reads: a prompt, and what its chat template puts around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    pub text: String,
    /// Where the prompt stands in the text, in bytes.
    pub message: Range<usize>,
}

impl Prompt {
    /// A prompt that the model goes on from, as it is.
    pub fn raw(text: &str) -> Self {
        Self { text: text.into(), message: 0..text.len() }
    }

    /// A prompt as a message of a user, by the chat template of the model at `path`; as it is if the model has none.
    ///
    /// # Errors
    /// A template that cannot be read, fails, or leaves the prompt out.
    pub fn chat(text: &str, path: &Path, tokenizer: &Tokenizer) -> Result<Self> {
        let Some(chat) = Chat::of(path)? else { return Ok(Self::raw(text)) };
        let (text, message) = chat.wrap(text, tokenizer.begins())?;
        Ok(Self { text, message })
    }

    /// Its tokens.
    ///
    /// # Errors
    /// A text that the tokenizer refuses or that is longer than it takes.
    pub fn tokens(&self, tokenizer: &Tokenizer) -> Result<Vec<u32>> {
        let tokens = tokenizer.encode(&self.text)?;
        match tokens.cut {
            None => Ok(tokens.ids.iter().map(|&id| id as u32).collect()),
            Some(cut) => Err(Error::input(format!(
                "the prompt has {} tokens, model and tokenizer take {}",
                cut.tokens, cut.kept
            ))
            .hint("shorten it")),
        }
    }

    /// Its players alone, whatever surrounds it; spans that are given count from where the prompt begins.
    ///
    /// # Errors
    /// Spans that do not fit the prompt.
    pub fn players(&self, granularity: &Granularity, tokenizer: &Tokenizer) -> Result<Granularity> {
        granularity.within(&self.text, &self.message, tokenizer)
    }

    /// A model of how likely an answer is behind this prompt, for `players` as [`Prompt::players`] gives them. What comes before the
    /// first of them is read once.
    ///
    /// # Errors
    /// An answer without tokens, a prompt or answer that the model has no room for.
    pub fn answered(
        &self,
        decoder: Arc<Decoder>,
        tokenizer: &Tokenizer,
        answer: &[u32],
        players: &Granularity,
    ) -> Result<AnswerModel> {
        let tokens = tokenizer.encode(&self.text)?;
        let (given, longest) = (tokens.ids.len() + answer.len().saturating_sub(1), decoder.config().longest);
        if given > longest {
            return Err(Error::input(format!(
                "prompt and answer have {given} tokens that the model must read, it reads at most {longest}"
            ))
            .hint("shorten the prompt or the answer"));
        }
        let first = match players {
            Granularity::Spans(spans) => spans.first().map(|span| span.start),
            _ => Some(0),
        };
        let place = |characters: usize| self.text.char_indices().nth(characters).map_or(self.text.len(), |(at, _)| at);
        let start = first.map_or(self.text.len(), place);
        let before = tokens.spans.iter().take_while(|span| span.as_ref().is_none_or(|span| span.end <= start)).count();
        let head: Vec<u32> = tokens.ids[..before].iter().map(|&id| id as u32).collect();
        let read = |&id: &u32| Ok((id, tokenizer.decode(&[id])?));
        AnswerModel::new(decoder, &answer.iter().map(read).collect::<Result<Vec<_>>>()?, &head)
    }
}
