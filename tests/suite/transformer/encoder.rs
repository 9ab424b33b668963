//! Encoders: the values of `transformers`, and of the same model as ONNX.

use super::{answers, assert_near, folder, numbers};
use pellucid::kernels::read;
use pellucid::text::{Encoder, OnnxEncoder, TokenBatch, Tokenizer};
use pellucid::transformer::{Bert, Precision};
use pellucid_tests::compare::assert_close;
use pellucid_tests::{devices, fixture};
use serde_json::Value;

fn whole_numbers(rows: &Value) -> Vec<i32> {
    rows.as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|x| x.as_i64().unwrap() as i32)
        .collect()
}

fn batch(ids: Vec<i32>, mask: Vec<i32>, sequences: usize) -> TokenBatch {
    TokenBatch { sequences, length: ids.len() / sequences, types: vec![0; ids.len()], ids, mask, numbers: Vec::new() }
}

#[test]
fn every_family_gives_the_outputs_of_transformers() {
    let answers = answers();
    let encoders = answers["encoders"].as_object().unwrap();
    assert_eq!(encoders.len(), 3);
    for device in devices() {
        for (name, expected) in encoders.iter().filter(|(name, _)| device.is_cpu() || *name == "bert") {
            let model = Bert::load(folder(name), &device, Precision::F32).unwrap();
            let mask = whole_numbers(&expected["mask"]);
            let found = read(model.forward(&batch(whole_numbers(&expected["ids"]), mask.clone(), 2)).unwrap()).unwrap();
            let outputs = numbers(&expected["outputs"]);
            let expected = match model.embeds() {
                false => outputs,
                true => means(&outputs, &mask, 16),
            };
            assert_near(&format!("{name} on {}", device.name()), &found, &expected);
        }
    }
}

/// The mean over a text's tokens of `[2, length, width]`.
fn means(hidden: &[f32], mask: &[i32], width: usize) -> Vec<f32> {
    let length = mask.len() / 2;
    let mean = |text: usize, i: usize| {
        let read: Vec<usize> = (0..length).filter(|t| mask[text * length + t] == 1).collect();
        let sum: f64 = read.iter().map(|t| f64::from(hidden[(text * length + t) * width + i])).sum();
        (sum / read.len() as f64) as f32
    };
    (0..2).flat_map(|text| (0..width).map(move |i| (text, i))).map(|(text, i)| mean(text, i)).collect()
}

#[test]
fn a_real_classifier_gives_the_stored_logits_and_those_of_its_onnx_form() {
    let model = fixture("models/sms_bert_tiny");
    let oracle = std::fs::read_to_string(fixture("oracles/text_sms_bert_tiny.json")).unwrap();
    let oracle: Value = serde_json::from_str(&oracle).unwrap();
    let tokenizer = Tokenizer::open(model.join("tokenizer.json")).unwrap();
    for device in devices() {
        let messages = if device.is_cpu() { 20 } else { 2 };
        let bert = Bert::load(&model, &device, Precision::F32).unwrap();
        let onnx = OnnxEncoder::load(model.join("model.onnx"), &device).unwrap();
        assert_eq!(bert.output_names(), ["logits[ham]", "logits[spam]"]);
        for message in oracle["forward"].as_array().unwrap().iter().take(messages) {
            let ids = tokenizer.encode(message["text"].as_str().unwrap()).unwrap().ids;
            let batch = batch(ids.clone(), vec![1; ids.len()], 1);
            let found = read(bert.forward(&batch).unwrap()).unwrap();
            assert_close("stored logits", &found, &numbers(&message["logits"]), |_| 1e-4);
            assert_close("ONNX", &found, &read(onnx.forward(&batch).unwrap()).unwrap(), |_| 1e-4);
        }
    }
}

#[test]
fn what_an_encoder_cannot_read_is_refused() {
    let bert = Bert::load(folder("roberta"), &pellucid::Device::cpu(), Precision::F32).unwrap();
    // Two positions of 32 lie before its first.
    assert_eq!(bert.positions(), Some(30));
    let message = |ids: Vec<i32>| {
        let mask = vec![1; ids.len()];
        bert.forward(&batch(ids, mask, 1)).unwrap_err().to_string()
    };
    assert_eq!(message(vec![3; 31]), "a text has 31 tokens, the model reads at most 30");
    assert!(message(vec![3, 64]).starts_with("token 64 is not among the model's 64"));
    assert!(message(vec![-1]).starts_with("token -1 is not"));
    let typed = TokenBatch { types: vec![1], ..batch(vec![3], vec![1], 1) };
    assert!(bert.forward(&typed).unwrap_err().to_string().contains("token types"));
}
