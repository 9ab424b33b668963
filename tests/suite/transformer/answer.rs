//! Why an answer: Shapley values of its log-probabilities for parts of a prompt.

use super::{assert_near, folder};
use ndarray::Array2;
use pellucid::Device;
use pellucid::kernels::read;
use pellucid::text::{Absence, Encoder, Granularity, TextShap, TokenBatch, Tokenizer, Value};
use pellucid::transformer::{Decoder, Precision, Prompt, tokenizer};
use pellucid_tests::devices;
use std::sync::Arc;

const PROMPT: &str = "the cat sat on the mat and";

fn opened(device: &Device) -> (Arc<Decoder>, Tokenizer) {
    let path = folder("llama.gguf");
    (Arc::new(Decoder::load(&path, device, Precision::F32).unwrap()), tokenizer(&path).unwrap())
}

/// Log-probabilities of `answer` behind some words, by whole forwards.
fn chances(decoder: &Decoder, tokenizer: &Tokenizer, text: &str, answer: &[u32]) -> Vec<f64> {
    let tokens: Vec<u32> = tokenizer.encode(text).unwrap().ids.iter().map(|&id| id as u32).collect();
    let whole = [&tokens, answer].concat();
    let logits = read(decoder.logits(&whole).unwrap()).unwrap();
    let each = answer.iter().enumerate().map(|(j, &token)| {
        let row = &logits[(tokens.len() - 1 + j) * 64..][..64];
        let sum: f64 = row.iter().map(|&x| f64::from(x).exp()).sum();
        f64::from(row[token as usize]) - sum.ln()
    });
    let each: Vec<f64> = each.collect();
    let total = each.iter().sum();
    each.into_iter().chain([total]).collect()
}

#[test]
fn attributions_are_shapley_values_by_enumeration() {
    let (decoder, tokenizer) = opened(&Device::cpu());
    let answer: Vec<u32> = tokenizer.piece(" the dog").unwrap().iter().map(|&id| id as u32).collect();
    assert_eq!(answer.len(), 2);
    let expected: Vec<f32> = enumerated(&decoder, &tokenizer, &answer).iter().map(|&x| x as f32).collect();
    for device in devices() {
        let (decoder, tokenizer) = opened(&device);
        let prompt = Prompt::raw(PROMPT);
        let players = prompt.players(&Granularity::Word, &tokenizer).unwrap();
        let model = prompt.answered(decoder.clone(), &tokenizer, &answer, &players).unwrap();
        assert_eq!(model.labels(), ["1 the", "2 dog", "total"]);
        let (labels, saving) = (model.labels().to_vec(), model.saving());
        let mut shap = TextShap::builder(model, tokenizer.clone())
            .granularity(players)
            .absence(Absence::Delete)
            .value(Value::Output)
            .labels(Some(labels))
            .build(&device)
            .unwrap();
        assert_eq!(shap.outputs(), ["log p[1 the]", "log p[2 dog]", "log p[total]"]);
        let explained = shap.explain(&[PROMPT], 1).unwrap().remove(0);
        let found: Vec<f32> = explained.values.iter().copied().collect();
        assert_near(device.name(), &found, &expected);
        assert!(explained.additivity_gap() < 1e-3);
        assert!(saving.share() > 0.5, "{}", saving.share());
    }
}

/// `[output, player]`: the mean over all orders of the words, by the weights of coalitions.
fn enumerated(decoder: &Decoder, tokenizer: &Tokenizer, answer: &[u32]) -> Array2<f64> {
    // The first word has no space before it, so a text that begins with another has one.
    let words: Vec<&str> = PROMPT.split_inclusive(' ').collect();
    let spaced: Vec<String> = words
        .iter()
        .enumerate()
        .map(|(i, word)| if i == 0 { word.trim().to_string() } else { format!(" {}", word.trim()) })
        .collect();
    let n = spaced.len();
    let text = |set: usize| (0..n).filter(|i| set >> i & 1 == 1).map(|i| spaced[i].as_str()).collect::<String>();
    let value: Vec<Vec<f64>> = (0..1 << n).map(|set| chances(decoder, tokenizer, &text(set), answer)).collect();
    let factorial = |k: usize| (1..=k).map(|i| i as f64).product::<f64>();
    let mut phi = Array2::zeros((answer.len() + 1, n));
    for set in 0..1usize << n {
        let size = set.count_ones() as usize;
        for i in (0..n).filter(|i| set >> i & 1 == 0) {
            let weight = factorial(size) * factorial(n - size - 1) / factorial(n);
            for k in 0..=answer.len() {
                phi[(k, i)] += weight * (value[set | 1 << i][k] - value[set][k]);
            }
        }
    }
    phi
}

#[test]
fn reading_the_head_once_changes_nothing() {
    let device = Device::cpu();
    let (decoder, tokenizer) = opened(&device);
    let prompt = Prompt::chat("cat and dog", &folder("llama.gguf"), &tokenizer).unwrap();
    assert_eq!((&prompt.text[..], prompt.message.clone()), ("q cat and dog\na", 2..13));
    let players = prompt.players(&Granularity::Word, &tokenizer).unwrap();
    assert_eq!(players, Granularity::Spans(vec![2..5, 6..9, 10..13]));
    let ids: Vec<i32> = prompt.tokens(&tokenizer).unwrap().iter().map(|&id| id as i32).collect();
    // The prompt whole, and with its second word gone: both begin with the head.
    let batch = TokenBatch {
        sequences: 2,
        length: ids.len(),
        ids: [&ids[..], &ids[..3], &ids[4..], &[0]].concat(),
        mask: [vec![1; 2 * ids.len() - 1], vec![0]].concat(),
        types: vec![0; 2 * ids.len()],
        numbers: Vec::new(),
    };
    let answered = || prompt.answered(decoder.clone(), &tokenizer, &[40, 41], &players).unwrap();
    let (shared, alone) = (answered(), answered().without_sharing());
    let values = |model: &dyn Encoder| read(model.forward(&batch).unwrap()).unwrap();
    assert_near("with and without", &values(&shared), &values(&alone));
    assert!(shared.saving().run() < alone.saving().run());
    assert!(shared.shares_beginnings() && !alone.shares_beginnings());
}

fn one(span: std::ops::Range<usize>) -> Granularity {
    Granularity::Spans(std::iter::once(span).collect())
}

#[test]
fn spans_and_tokens_of_a_prompt_stay_within_it() {
    let (_, tokenizer) = opened(&Device::cpu());
    let prompt = Prompt { text: "é the cat and".into(), message: 3..10 };
    assert_eq!(&prompt.text[prompt.message.clone()], "the cat");
    let players = |granularity: Granularity| prompt.players(&granularity, &tokenizer);
    assert_eq!(players(one(0..3)).unwrap(), one(2..5));
    assert_eq!(players(Granularity::Space).unwrap(), Granularity::Spans(vec![2..5, 6..9]));
    let Granularity::Spans(tokens) = players(Granularity::Token).unwrap() else { panic!("spans") };
    assert!(tokens.iter().all(|span| span.start >= 2 && span.end <= 9) && tokens.len() >= 2, "{tokens:?}");
    assert!(players(one(0..8)).unwrap_err().to_string().contains("7 characters"));
}
