//! The vocabularies of SentencePiece as BPE: what a GGUF file of `tokenizer.ggml.model = llama` holds.
//!
//! SentencePiece joins, again and again, the two neighbours whose joint piece has the highest score, the leftmost of equals. BPE joins by the
//! rank of a pair. So each way to cut a piece in two other pieces is a pair, ranked by the piece's score: the order is the same as long as
//! scores differ, which is checked.

use crate::{Error, Result};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// SentencePiece's sign for a space.
const SPACE: &str = "▁";
/// Kinds of pieces in GGUF.
const NORMAL: i64 = 1;
const UNKNOWN: i64 = 2;
pub(super) const CONTROL: i64 = 3;
pub(super) const USER_DEFINED: i64 = 4;
const BYTE: i64 = 6;

/// The parts of `tokenizer.json` that say how text becomes pieces and back. `prefix`: a text gets a space in front, and so does what follows
/// a special token, as in llama.cpp.
///
/// # Errors
/// Lists of several lengths, kinds of pieces that take part in no join, pieces of one score, no way to write what has no piece.
pub(super) fn parts(tokens: &[&str], scores: &[f64], kinds: &[i64], prefix: bool) -> Result<Map<String, Value>> {
    if tokens.len() != scores.len() || tokens.len() != kinds.len() {
        let (n, s, k) = (tokens.len(), scores.len(), kinds.len());
        return Err(Error::input(format!("the vocabulary of the GGUF file has {n} tokens, {s} scores and {k} types")));
    }
    if let Some(at) = kinds.iter().position(|kind| ![NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE].contains(kind)) {
        return Err(inexact(&format!("token {:?} is of type {}", tokens[at], kinds[at])));
    }
    let of_kind = |kind: i64| (0..tokens.len()).filter(move |&id| kinds[id] == kind);
    let bytes = of_kind(BYTE).count() == 256;
    let unknown = of_kind(UNKNOWN).next().map(|id| tokens[id]);
    if !bytes && unknown.is_none() {
        return Err(Error::input("the vocabulary of the GGUF file has neither bytes nor a token for what is unknown"));
    }
    let vocabulary: Map<String, Value> =
        tokens.iter().enumerate().map(|(id, token)| ((*token).into(), json!(id))).collect();
    let mut normalizers = vec![json!({"type": "Replace", "pattern": {"String": " "}, "content": SPACE})];
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": SPACE}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if prefix {
        normalizers.insert(0, json!({"type": "Prepend", "prepend": SPACE}));
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    let pieces: BTreeMap<&str, f64> = of_kind(NORMAL).map(|id| (tokens[id], scores[id])).collect();
    let Value::Object(parts) = json!({
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": null,
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {
            "type": "BPE",
            "vocab": vocabulary,
            "merges": merges(&pieces)?,
            "unk_token": unknown,
            "fuse_unk": true,
            "byte_fallback": bytes,
        },
    }) else {
        unreachable!("braces make an object")
    };
    Ok(parts)
}

/// Every cut of a piece in two others; the highest score first, and of one piece the longest left part.
fn merges<'a>(pieces: &BTreeMap<&'a str, f64>) -> Result<Vec<[&'a str; 2]>> {
    let cuts = |piece: &'a str| {
        let cuts = piece.char_indices().rev().filter(|(at, _)| *at > 0).map(|(at, _)| piece.split_at(at));
        cuts.filter(|(left, right)| pieces.contains_key(left) && pieces.contains_key(right))
            .map(|(left, right)| [left, right])
    };
    let mut joined: Vec<(&str, f64)> = pieces
        .iter()
        .map(|(piece, score)| (*piece, *score))
        .filter(|(piece, _)| cuts(piece).next().is_some())
        .collect();
    joined.sort_by(|a, b| b.1.total_cmp(&a.1));
    if let Some(equal) = joined.windows(2).find(|two| two[0].1.total_cmp(&two[1].1).is_eq()) {
        return Err(inexact(&format!("the pieces {:?} and {:?} have one score", equal[0].0, equal[1].0)));
    }
    Ok(joined.into_iter().flat_map(|(piece, _)| cuts(piece)).collect())
}

fn inexact(why: &str) -> Error {
    Error::input(format!("the vocabulary of the GGUF file cannot be read exactly as SentencePiece would: {why}"))
        .hint("give the model's own with `--tokenizer tokenizer.json`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Tokenizer;

    const TOKENS: [&str; 8] = ["<unk>", "▁", "a", "b", "ab", "aa", "▁a", "ba"];
    const SCORES: [f64; 8] = [0.0, -1.0, -2.0, -3.0, -5.0, -4.0, -6.0, -7.0];
    const KINDS: [i64; 8] = [UNKNOWN, NORMAL, NORMAL, NORMAL, NORMAL, NORMAL, NORMAL, NORMAL];

    fn ids(text: &str) -> Vec<i32> {
        let mut parts = parts(&TOKENS, &SCORES, &KINDS, true).unwrap();
        parts.insert("version".into(), json!("1.0"));
        parts.insert("added_tokens".into(), json!([]));
        parts.insert("post_processor".into(), Value::Null);
        Tokenizer::from_json(&Value::Object(parts)).unwrap().encode(text).unwrap().ids
    }

    #[test]
    fn the_highest_score_is_joined_first_and_the_leftmost_of_equals() {
        assert_eq!(ids("aab"), [1, 5, 3]);
        assert_eq!(ids("aaa"), [1, 5, 2]);
        assert_eq!(ids("abab"), [1, 4, 4]);
        assert_eq!(ids("aba"), [1, 4, 2]);
        // Three that have no piece are one unknown.
        assert_eq!(ids("axyz b"), [6, 0, 1, 3]);
        assert_eq!(ids(""), [0i32; 0]);
    }

    #[test]
    fn what_cannot_be_ranked_is_refused() {
        let why = |change: fn(&mut [f64; 8], &mut [i64; 8])| {
            let (mut scores, mut kinds) = (SCORES, KINDS);
            change(&mut scores, &mut kinds);
            parts(&TOKENS, &scores, &kinds, true).unwrap_err().to_string()
        };
        assert!(why(|scores, _| scores[4] = -4.0).contains("\"aa\" and \"ab\" have one score"));
        assert!(why(|_, kinds| kinds[7] = 5).contains("\"ba\" is of type 5"));
        assert!(why(|_, kinds| kinds[0] = NORMAL).contains("neither bytes nor"));
        assert!(parts(&TOKENS[1..], &SCORES, &KINDS, true).is_err());
    }
}
