//! The tokenizer of a model: `tokenizer.json` beside it, or what a GGUF file says of its own.

use super::sentencepiece::{self, CONTROL, USER_DEFINED};
use super::weights::{Gguf, Meta};
use crate::text::Tokenizer;
use crate::{Error, Result};
use serde_json::{Map, Value, json};
use std::path::Path;

/// How GPT-2 cuts text, with numbers as Llama 3 (three digits at most) and Qwen 2 (one digit) have them.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The tokenizer of a folder or a GGUF file.
///
/// # Errors
/// No `tokenizer.json` in the folder, a file that is none, a kind of tokenizer in GGUF that is not supported.
pub fn tokenizer(path: impl AsRef<Path>) -> Result<Tokenizer> {
    let path = path.as_ref();
    if path.is_dir() {
        return Tokenizer::open(path.join("tokenizer.json"));
    }
    let file = Gguf::open(path)?;
    let value = Facts(file.metadata()).tokenizer()?;
    Tokenizer::from_json(&value).map_err(|why| {
        Error::input(format!("{}: its tokenizer cannot be built: {why}", path.display()))
            .hint("give the model's own with `--tokenizer tokenizer.json`")
    })
}

struct Facts<'a>(&'a std::collections::BTreeMap<String, Meta>);

impl Facts<'_> {
    /// As `tokenizer.json` would have it.
    fn tokenizer(&self) -> Result<Value> {
        match self.text("tokenizer.ggml.model") {
            "gpt2" => self.byte_level(),
            "llama" => self.sentencepiece(),
            other => Err(not_supported("tokenizer.ggml.model", other, "gpt2 (byte-level BPE), llama (SentencePiece)")),
        }
    }

    fn sentencepiece(&self) -> Result<Value> {
        let set = |key: &str| self.0.get(key).is_some_and(|value| *value != Meta::Flag(false));
        for key in ["tokenizer.ggml.precompiled_charsmap", "tokenizer.ggml.remove_extra_whitespaces"] {
            if set(key) {
                return Err(not_supported(key, "set", "vocabularies that take text as it is"));
            }
        }
        let tokens = self.texts("tokenizer.ggml.tokens")?;
        let scores = self.list("tokenizer.ggml.scores", |value| match value {
            Meta::Real(score) => Some(*score),
            _ => None,
        })?;
        let kinds = self.list("tokenizer.ggml.token_type", |value| match value {
            Meta::Whole(kind) => Some(*kind),
            _ => None,
        })?;
        let prefix = self.0.get("tokenizer.ggml.add_space_prefix") != Some(&Meta::Flag(false));
        let mut value = sentencepiece::parts(&tokens, &scores, &kinds, prefix)?;
        value.insert("version".into(), json!("1.0"));
        value.insert("added_tokens".into(), json!(self.added(&tokens)));
        value.insert("post_processor".into(), self.beginning(&tokens, true));
        Ok(Value::Object(value))
    }

    fn byte_level(&self) -> Result<Value> {
        let byte_level = |regex: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": regex});
        let split = |regex: &str| json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false});
        let all = |first: Value, then: Value| json!({"type": "Sequence", "pretokenizers": [first, then]});
        let pre = self.text("tokenizer.ggml.pre");
        let pre_tokenizer = match pre {
            "gpt-2" => byte_level(true),
            "smollm" => all(json!({"type": "Digits", "individual_digits": true}), byte_level(true)),
            "llama-bpe" | "llama3" => all(split(LLAMA3), byte_level(false)),
            "qwen2" => all(split(QWEN2), byte_level(false)),
            other => return Err(not_supported("tokenizer.ggml.pre", other, "gpt-2, smollm, llama-bpe, qwen2")),
        };
        let tokens = self.texts("tokenizer.ggml.tokens")?;
        let vocabulary: Map<String, Value> =
            tokens.iter().enumerate().map(|(id, token)| ((*token).to_string(), json!(id))).collect();
        Ok(json!({
            "version": "1.0",
            "added_tokens": self.added(&tokens),
            "normalizer": if pre == "qwen2" { json!({"type": "NFC"}) } else { Value::Null },
            "pre_tokenizer": pre_tokenizer,
            "post_processor": self.beginning(&tokens, false),
            "decoder": byte_level(true),
            "model": {
                "type": "BPE",
                "vocab": vocabulary,
                "merges": self.texts("tokenizer.ggml.merges")?,
                "ignore_merges": matches!(pre, "llama-bpe" | "llama3"),
            },
        }))
    }

    fn added(&self, tokens: &[&str]) -> Vec<Value> {
        let Some(Meta::List(kinds)) = self.0.get("tokenizer.ggml.token_type") else { return Vec::new() };
        let added = |(id, kind): (usize, &Meta)| {
            let special = *kind == Meta::Whole(CONTROL);
            let content = tokens.get(id).filter(|_| special || *kind == Meta::Whole(USER_DEFINED))?;
            Some(json!({"id": id, "content": content, "special": special,
                "single_word": false, "lstrip": false, "rstrip": false, "normalized": false}))
        };
        kinds.iter().enumerate().filter_map(added).collect()
    }

    /// The token that begins every text, where there is one; `unsaid` where the file does not say whether it does.
    fn beginning(&self, tokens: &[&str], unsaid: bool) -> Value {
        let adds = match self.0.get("tokenizer.ggml.add_bos_token") {
            Some(Meta::Flag(adds)) => *adds,
            _ => unsaid,
        };
        let id = match self.0.get("tokenizer.ggml.bos_token_id") {
            Some(Meta::Whole(id)) if adds => *id as usize,
            _ => return Value::Null,
        };
        let Some(token) = tokens.get(id) else { return Value::Null };
        let (begin, text) =
            (json!({"SpecialToken": {"id": token, "type_id": 0}}), json!({"Sequence": {"id": "A", "type_id": 0}}));
        let pair = json!({"Sequence": {"id": "B", "type_id": 0}});
        json!({"type": "TemplateProcessing", "single": [begin, text], "pair": [begin, text, pair],
            "special_tokens": {(*token): {"id": token, "ids": [id], "tokens": [token]}}})
    }

    fn text(&self, key: &str) -> &str {
        match self.0.get(key) {
            Some(Meta::Text(text)) => text,
            _ => "",
        }
    }

    fn texts(&self, key: &str) -> Result<Vec<&str>> {
        self.list(key, |value| match value {
            Meta::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// A list whose values are all of one kind.
    fn list<'b, T>(&'b self, key: &str, read: impl Fn(&'b Meta) -> Option<T>) -> Result<Vec<T>> {
        let found = match self.0.get(key) {
            Some(Meta::List(all)) => all.iter().map(read).collect(),
            _ => None,
        };
        found.ok_or_else(|| Error::input(format!("the metadata of the GGUF file lack the list `{key}`")))
    }
}

fn not_supported(key: &str, given: &str, supported: &str) -> Error {
    Error::input(format!("`{key}` of the GGUF file is {given:?}, which is not supported"))
        .hint(format!("supported: {supported}; or give the model's own with `--tokenizer tokenizer.json`"))
}
