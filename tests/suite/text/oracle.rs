//! A real text classifier against exact values in f64 that were made outside this project.

use pellucid::Device;
use pellucid::design::Budget;
use pellucid::text::{
    Absence, Encoder, Granularity, OnnxEncoder, TextBuilder, TextShap, TokenBatch, Tokenizer, Value, class_labels,
};
use pellucid_tests::{devices, fixture};
use serde_json::Value as Json;

/// Logits and word values, as the oracle's README asks.
const TOLERANCE: f64 = 1e-4;

fn oracle() -> Json {
    serde_json::from_str(&std::fs::read_to_string(fixture("oracles/text_sms_bert_tiny.json")).unwrap()).unwrap()
}

fn builder(device: &Device) -> TextBuilder {
    let model = fixture("models/sms_bert_tiny/model.onnx");
    let labels = class_labels(&model);
    assert_eq!(labels.as_deref(), Some(&["ham".to_string(), "spam".to_string()][..]));
    let tokenizer = Tokenizer::open(fixture("models/sms_bert_tiny/tokenizer.json")).unwrap();
    let builder = TextShap::builder(OnnxEncoder::load(model, device).unwrap(), tokenizer).labels(labels);
    builder.granularity(Granularity::Space).targets(vec!["spam".into()])
}

fn numbers(json: &Json) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

#[test]
fn tokens_and_logits_are_those_stored() {
    let tokenizer = Tokenizer::open(fixture("models/sms_bert_tiny/tokenizer.json")).unwrap();
    for device in devices() {
        let encoder = OnnxEncoder::load(fixture("models/sms_bert_tiny/model.onnx"), &device).unwrap();
        assert_eq!((encoder.vocabulary(), encoder.positions()), (Some(1600), Some(128)));
        for text in oracle()["forward"].as_array().unwrap() {
            let ids = tokenizer.encode(text["text"].as_str().unwrap()).unwrap().ids;
            assert_eq!(ids.iter().map(|&id| f64::from(id)).collect::<Vec<_>>(), numbers(&text["input_ids"]));
            // Once as it is, once with padding behind it.
            for padding in [0, 7] {
                let length = ids.len() + padding;
                let fill = |with: i32, last: i32| {
                    let all = std::iter::repeat_n(with, ids.len()).chain(std::iter::repeat_n(last, padding));
                    all.collect::<Vec<_>>()
                };
                let padded = ids.iter().copied().chain(std::iter::repeat_n(0, padding)).collect();
                let batch = TokenBatch {
                    sequences: 1,
                    length,
                    ids: padded,
                    mask: fill(1, 0),
                    types: fill(0, 0),
                    numbers: Vec::new(),
                };
                let logits = encoder.forward(&batch).unwrap().into_data().try_to_vec_as::<f32>().unwrap();
                for (logit, expected) in logits.iter().zip(numbers(&text["logits"])) {
                    assert!((f64::from(*logit) - expected).abs() <= TOLERANCE, "{logit} for {expected}");
                }
            }
        }
    }
}

#[test]
fn word_values_equal_the_enumeration_in_f64() {
    for device in devices() {
        for (form, value) in [("value", Value::Probability), ("margin", Value::Margin)] {
            let json = oracle();
            let all = json["shapley"].as_array().unwrap();
            // A software GPU takes minutes for all of them.
            let cases = if device.is_cpu() { &all[..] } else { &all[5..6] };
            let texts: Vec<&str> = cases.iter().map(|case| case["text"].as_str().unwrap()).collect();
            let mut shap = builder(&device).value(value).budget(Budget::Exact).build(&device).unwrap();
            for (case, explained) in cases.iter().zip(shap.explain(&texts, 1).unwrap()) {
                let expected = &case["exact"][form];
                let near = |a: f64, b: f64, what: &str| {
                    assert!((a - b).abs() <= TOLERANCE, "{:?}, {form}, {what}: {a} for {b}", explained.text);
                };
                near(explained.base_values[0], numbers(&expected["expected_value"])[0], "base value");
                near(explained.predictions[0], numbers(&expected["f"])[0], "prediction");
                let words: Vec<&str> = case["words"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
                let parts: Vec<&str> = (0..explained.players.len()).map(|i| explained.part(i)).collect();
                assert_eq!(parts, words);
                for (i, phi) in numbers(&expected["phi"][0]).into_iter().enumerate() {
                    near(explained.values[(0, i)].into(), phi, words[i]);
                }
                assert!(explained.additivity_gap() < 1e-5);
            }
        }
    }
}

/// Root mean square error over the words of the oracle's texts, relative to that of answering 0.
fn relative_error(per_word: usize, seed: u64) -> f64 {
    let (device, json) = (Device::cpu(), oracle());
    let (mut squares, mut size) = (0.0, 0.0);
    for case in json["shapley"].as_array().unwrap() {
        let phi = numbers(&case["exact"]["margin"]["phi"][0]);
        let budget = Budget::Rows(per_word * phi.len());
        let builder = builder(&device).value(Value::Margin).budget(budget).seed(seed);
        let explained =
            builder.build(&device).unwrap().explain(&[case["text"].as_str().unwrap()], 1).unwrap().remove(0);
        squares += phi.iter().enumerate().map(|(i, p)| (f64::from(explained.values[(0, i)]) - p).powi(2)).sum::<f64>();
        size += phi.iter().map(|p| p * p).sum::<f64>();
    }
    squares / size
}

#[test]
fn few_forwards_for_each_word_come_close() {
    // shapiq 1.4.1 (KernelSHAP, paired) on 40 such messages, `benches/peers/text.py`: 2.4, 6.0e-2 and 1.4e-2 (medians); published on nets of
    // 16 players: 4.5e-2 (permutations) and 5.7e-3 (Leverage SHAP) at 2 and 10.
    let mean = |per_word: usize| (0..4).map(|seed| relative_error(per_word, seed)).sum::<f64>() / 4.0;
    let (few, ten, twenty) = (mean(2), mean(10), mean(20));
    assert!(few < 0.5 && ten < 1.5e-2 && twenty < 3e-3, "{few:e}, {ten:e}, {twenty:e}");
}

#[test]
fn every_way_of_being_absent_explains_the_same_prediction() {
    let device = Device::cpu();
    let text = "You have 1 new message. Please call 08718738034.";
    let mut found = Vec::new();
    for absence in [Absence::Mask, Absence::Pad, Absence::Delete, Absence::Text("the".into())] {
        let mut shap = builder(&device).absence(absence).build(&device).unwrap();
        let explained = shap.explain(&[text], 1).unwrap().remove(0);
        assert!(explained.additivity_gap() < 1e-5);
        assert!(explained.values.row(0).iter().sum::<f32>() > 0.5, "{:?}", explained.values);
        found.push(explained);
    }
    assert!(found.iter().all(|other| other.predictions == found[0].predictions));
    assert!(found[1..].iter().all(|other| other.values != found[0].values));
}
