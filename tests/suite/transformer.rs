//! Transformers from their weights.

mod answer;
mod decoder;
mod encoder;
mod files;
mod vocabulary;

use pellucid_tests::compare::{assert_close, rounding};
use pellucid_tests::fixture;
use serde_json::Value;
use std::path::PathBuf;

/// Roundings that a logit of the fixtures passes through: two layers, each of four products of up to 32 terms, an attention over 9 tokens and
/// norms; what a norm divides by can be small, which counts as some roundings more.
const CHAIN: usize = 400;

fn folder(name: &str) -> PathBuf {
    fixture("transformers").join(name)
}

/// What `transformers` computed.
fn answers() -> Value {
    let text = std::fs::read_to_string(folder("answers.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as u32).collect()
}

/// Equal up to the rounding of f32 through a model.
#[track_caller]
fn assert_near(what: &str, found: &[f32], expected: &[f32]) {
    let largest = expected.iter().fold(0.0, |a: f64, &v| a.max(f64::from(v).abs()));
    assert_close(what, found, expected, |_| rounding(CHAIN, largest));
}
