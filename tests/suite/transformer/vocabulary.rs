//! Vocabularies of SentencePiece in GGUF files, against the ids that the Python package gives.

use super::{folder, ids};
use pellucid::text::Tokenizer;
use pellucid::transformer::tokenizer;
use serde_json::Value;

fn cases() -> Vec<Value> {
    let text = std::fs::read_to_string(folder("sentencepiece.json")).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    value["cases"].as_array().unwrap().clone()
}

/// The file with the value behind a flag's key replaced.
fn changed(key: &str, value: u8) -> pellucid::Result<Tokenizer> {
    let folder_ = tempfile::tempdir().unwrap();
    let path = folder_.path().join("model.gguf");
    let mut bytes = std::fs::read(folder("sentencepiece.gguf")).unwrap();
    let at = bytes.windows(key.len()).position(|part| part == key.as_bytes()).unwrap() + key.len();
    assert_eq!(bytes[at..at + 5], [7, 0, 0, 0, 1], "{key} is no flag that is set");
    bytes[at + 4] = value;
    std::fs::write(&path, bytes).unwrap();
    tokenizer(path)
}

#[test]
fn ids_are_those_of_sentencepiece() {
    let cases = cases();
    assert!(cases.len() >= 50);
    let with = tokenizer(folder("sentencepiece.gguf")).unwrap();
    let without = changed("tokenizer.ggml.add_space_prefix", 0).unwrap();
    for (tokenizer, key) in [(&with, "ids"), (&without, "ids_without_prefix")] {
        for case in &cases {
            let text = case["text"].as_str().unwrap();
            let found: Vec<u32> = tokenizer.piece(text).unwrap().iter().map(|&id| id as u32).collect();
            assert_eq!(found, ids(&case[key]), "{key} of {text:?}");
            if !text.contains('▁') {
                assert_eq!(tokenizer.decode(&found).unwrap(), text);
            }
            // A text is begun by <s>, and every byte of it but spaces belongs to a token.
            let tokens = tokenizer.encode(text).unwrap();
            assert_eq!(tokens.ids[0], 1);
            let covered = |at: usize| tokens.spans.iter().flatten().any(|span| span.contains(&at));
            let bare = text.bytes().enumerate().find(|&(at, byte)| byte != b' ' && !covered(at));
            assert_eq!(bare, None, "{text:?}: {:?}", tokens.spans);
        }
    }
    let bare = changed("tokenizer.ggml.add_bos_token", 0).unwrap();
    assert!(with.begins() && !bare.begins());
}
