//! Texts to tokens, by the `tokenizer.json` that the model was trained with.

use crate::{Error, Result};
use serde_json::Value;
use std::ops::Range;
use std::path::Path;
use tokenizers::{Encoding, Tokenizer as Inner, TruncationDirection, TruncationParams};

/// Names that mask and padding tokens go by, where no file says.
const MASK_NAMES: [&str; 3] = ["[MASK]", "<mask>", "<|mask|>"];
const PAD_NAMES: [&str; 3] = ["[PAD]", "<pad>", "<|pad|>"];
/// A `model_max_length` above this stands for "no limit".
const NO_LIMIT: u64 = 1 << 24;

/// A tokenizer and its special tokens.
#[derive(Clone)]
pub struct Tokenizer {
    inner: Inner,
    mask: Option<i32>,
    pad: Option<i32>,
    limit: Option<usize>,
}

/// A text as the model reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    pub ids: Vec<i32>,
    pub types: Vec<i32>,
    /// Bytes of the text that each token stands for, whole characters; None for the model's own tokens, such as `[CLS]`.
    pub spans: Vec<Option<Range<usize>>>,
    /// How much of a text that is too long was left out.
    pub cut: Option<Cut>,
}

/// What was left out of a text that is too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Tokens of the whole text, the model's own included.
    pub tokens: usize,
    /// Tokens that were kept.
    pub kept: usize,
    /// Bytes of the text that the model reads.
    pub read: Range<usize>,
}

impl Tokenizer {
    /// Reads `tokenizer.json`, and from `tokenizer_config.json` beside it, if there is one, which tokens mask and pad and how long a
    /// text may be.
    ///
    /// # Errors
    /// A file that cannot be read or is no tokenizer.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
        let config = std::fs::read(path.with_file_name("tokenizer_config.json")).ok();
        let config = config.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(Value::Null);
        Self::parse(&bytes, &config).map_err(|why| {
            Error::input(format!("{}: not a tokenizer: {why}", path.display()))
                .hint("give the `tokenizer.json` that the model was trained with")
        })
    }

    /// A tokenizer from what `tokenizer.json` would hold.
    pub(crate) fn from_json(value: &Value) -> Result<Self, String> {
        Self::parse(value.to_string().as_bytes(), &Value::Null)
    }

    /// The same from the bytes of the file and the value of `tokenizer_config.json`, or null.
    fn parse(bytes: &[u8], config: &Value) -> Result<Self, String> {
        let mut inner = Inner::from_bytes(bytes).map_err(|e| e.to_string())?;
        let id = |token: &str| inner.token_to_id(token).map(|id| id as i32);
        let named = |key: &str| {
            let token = config[key].as_str().or_else(|| config[key]["content"].as_str());
            token.and_then(id)
        };
        let find = |key: &str, names: &[&str]| named(key).or_else(|| names.iter().find_map(|name| id(name)));
        let (mask, pad) = (find("mask_token", &MASK_NAMES), find("pad_token", &PAD_NAMES));
        let pad = inner.get_padding().map(|padding| padding.pad_id as i32).or(pad);
        let longest = config["model_max_length"].as_u64().filter(|&n| n < NO_LIMIT).map(|n| n as usize);
        let limit = [inner.get_truncation().map(|t| t.max_length), longest].into_iter().flatten().min();
        inner.with_padding(None);
        let mut tokenizer = Self { inner, mask, pad, limit: None };
        tokenizer.limit_to(limit).map_err(|e| e.to_string())?;
        Ok(tokenizer)
    }

    /// Cuts texts to `tokens`, the model's own included, if that is fewer than before.
    ///
    /// # Errors
    /// A limit that leaves no room for the text beside the model's own tokens.
    pub fn limited(mut self, tokens: Option<usize>) -> Result<Self> {
        let limit = [self.limit, tokens].into_iter().flatten().min();
        self.limit_to(limit)?;
        Ok(self)
    }

    fn limit_to(&mut self, limit: Option<usize>) -> Result<()> {
        let own = self.inner.encode("", true).map_or(0, |encoding| encoding.len());
        if limit.is_some_and(|limit| limit <= own) {
            return Err(Error::input(format!(
                "a limit of {} tokens leaves no room for a text: {own} tokens are the model's own",
                limit.unwrap_or(0)
            )));
        }
        let direction = self.inner.get_truncation().map_or(TruncationDirection::Right, |t| t.direction);
        let truncation =
            limit.map(|max_length| TruncationParams { max_length, direction, ..TruncationParams::default() });
        self.inner.with_truncation(truncation).map_err(|e| Error::input(e.to_string()))?;
        self.limit = limit;
        Ok(())
    }

    /// Tokens of a text at most, the model's own included.
    pub fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// The id of the token that hides others.
    pub fn mask(&self) -> Option<i32> {
        self.mask
    }

    /// The id of the token that fills up.
    pub fn pad(&self) -> Option<i32> {
        self.pad
    }

    /// The largest id a text can get.
    pub fn largest_id(&self) -> usize {
        self.inner.get_vocab(true).into_values().max().unwrap_or(0) as usize
    }

    /// The tokens of a text, cut at the limit.
    ///
    /// # Errors
    /// A text that the tokenizer refuses.
    pub fn encode(&self, text: &str) -> Result<Tokens> {
        let encoding = self.inner.encode(text, true).map_err(|e| refused(text, e.as_ref()))?;
        let spans: Vec<_> = spans(&encoding, text).collect();
        let extra: usize = encoding.get_overflowing().iter().map(spans_of_text).sum();
        let read = || {
            let read = spans.iter().flatten();
            read.clone().map(|s| s.start).min().unwrap_or(0)..read.map(|s| s.end).max().unwrap_or(0)
        };
        let cut = (extra > 0).then(|| Cut { tokens: encoding.len() + extra, kept: encoding.len(), read: read() });
        let ids = encoding.get_ids().iter().map(|&id| id as i32).collect();
        let types = encoding.get_type_ids().iter().map(|&kind| kind as i32).collect();
        Ok(Tokens { ids, types, spans, cut })
    }

    /// The ids of a piece of text, without the model's own tokens.
    ///
    /// # Errors
    /// A text that the tokenizer refuses.
    pub fn piece(&self, text: &str) -> Result<Vec<i32>> {
        let encoding = self.inner.encode(text, false).map_err(|e| refused(text, e.as_ref()))?;
        Ok(encoding.get_ids().iter().map(|&id| id as i32).collect())
    }

    /// Whether it puts a token of its own before every text.
    pub fn begins(&self) -> bool {
        let kinds = self.inner.encode("a", true).map(|encoding| encoding.get_special_tokens_mask().to_vec());
        kinds.is_ok_and(|kinds| kinds.first() == Some(&1))
    }

    /// The text of tokens, without control tokens.
    ///
    /// # Errors
    /// Tokens that it has not.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.inner.decode(ids, true).map_err(|e| Error::input(format!("the tokenizer cannot read the answer: {e}")))
    }
}

fn refused(text: &str, why: &(dyn std::error::Error + Send + Sync)) -> Error {
    let start: String = text.chars().take(40).collect();
    Error::input(format!("the tokenizer refuses the text {start:?}: {why}"))
}

/// Tokens of the text itself.
fn spans_of_text(encoding: &Encoding) -> usize {
    encoding.get_special_tokens_mask().iter().filter(|&&special| special == 0).count()
}

/// Where each token lies, in bytes; offsets inside a character are moved out to its ends.
fn spans<'a>(encoding: &'a Encoding, text: &'a str) -> impl Iterator<Item = Option<Range<usize>>> + 'a {
    let specials = encoding.get_special_tokens_mask();
    encoding.get_offsets().iter().zip(specials).map(|(&(start, end), &special)| {
        let (mut start, mut end) = (start.min(text.len()), end.min(text.len()));
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        while !text.is_char_boundary(end) {
            end += 1;
        }
        (special == 0 && start < end).then_some(start..end)
    })
}
