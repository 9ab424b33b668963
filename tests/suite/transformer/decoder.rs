//! Decoders: the values of `transformers`, caches, reading shared beginnings once.

use super::{answers, assert_near, folder, ids, numbers};
use pellucid::Device;
use pellucid::kernels::read;
use pellucid::transformer::{Decoder, Head, Precision, Saving};
use pellucid_tests::compare::bits;
use pellucid_tests::devices;

fn load(name: &str, device: &Device) -> Decoder {
    Decoder::load(folder(name), device, Precision::F32).unwrap()
}

#[test]
fn every_family_gives_the_logits_of_transformers() {
    let answers = answers();
    let decoders = answers["decoders"].as_object().unwrap();
    assert_eq!(decoders.len(), 5);
    for device in devices() {
        // What a GPU does otherwise is in these two.
        let on_gpu = |name: &str| ["llama", "qwen3"].contains(&name);
        for (name, expected) in decoders.iter().filter(|(name, _)| device.is_cpu() || on_gpu(name)) {
            let logits = load(name, &device).logits(&ids(&expected["ids"])).unwrap();
            assert_near(&format!("{name} on {}", device.name()), &read(logits).unwrap(), &numbers(&expected["logits"]));
        }
    }
}

#[test]
fn a_gguf_file_is_the_same_model_with_its_rows_turned_back() {
    let expected = &answers()["decoders"]["llama"];
    let logits = load("llama.gguf", &Device::cpu()).logits(&ids(&expected["ids"])).unwrap();
    assert_near("llama.gguf", &read(logits).unwrap(), &numbers(&expected["logits"]));
}

#[test]
fn reading_on_behind_a_cache_is_reading_the_whole() {
    for device in devices() {
        let (model, tokens) = (load("qwen3", &device), [5, 9, 40, 7, 33, 21, 8]);
        let whole = read(model.logits(&tokens).unwrap()).unwrap();
        let row = |at: usize| &whole[at * 64..][..64];
        let (mut cache, first) = model.prefill(&tokens[..3]).unwrap();
        assert_near("behind three", &read(first).unwrap(), row(2));
        let kept = cache.clone();
        assert_near("behind four", &read(model.extend(&mut cache, &tokens[3..4]).unwrap()).unwrap(), row(3));
        assert_near("behind seven", &read(model.extend(&mut cache, &tokens[4..]).unwrap()).unwrap(), row(6));
        assert_eq!((cache.len(), kept.len()), (7, 3));
    }
}

#[test]
fn an_answer_is_the_most_likely_token_each_time() {
    let model = load("qwen2", &Device::cpu());
    let mut text = vec![12, 50, 3];
    let answer = model.answer(&text, 6).unwrap();
    assert!(!answer.is_empty());
    for &token in &answer {
        let logits = read(model.logits(&text).unwrap()).unwrap();
        let last = &logits[logits.len() - 64..];
        let best = (0..64).max_by(|&a, &b| last[a].total_cmp(&last[b])).unwrap();
        assert_eq!(token as usize, best);
        text.push(token);
    }
    // The model's 64 positions are the end of any answer.
    assert!(model.answer(&[5; 60], 100).unwrap().len() <= 4);
}

/// Random prompts that often begin alike, some twice.
fn prompts() -> Vec<Vec<u32>> {
    let word = |bit: u32, at: u32| if bit == 1 { vec![10 + at, 20 + at] } else { Vec::new() };
    let mut all: Vec<Vec<u32>> =
        bits(7, 40).iter().map(|set| (0..6).flat_map(|at| word(set >> at & 1, at)).chain([4]).collect()).collect();
    all.push(all[3].clone());
    all
}

#[test]
fn shared_beginnings_change_no_value_and_save_their_tokens() {
    let (head, answer) = ([3, 30, 31, 32, 33], [44, 45, 4]);
    let prompts = prompts();
    let prompts: Vec<&[u32]> = prompts.iter().map(Vec::as_slice).collect();
    // By the definition: the log-softmax of the logits of each whole sequence.
    let model = load("llama", &Device::cpu());
    let of_prompt = |prompt: &&[u32]| {
        let whole = [&head[..], prompt, &answer].concat();
        let logits = read(model.logits(&whole).unwrap()).unwrap();
        (0..3).map(|j| log_softmax(&logits[(whole.len() - 4 + j) * 64..][..64], answer[j])).collect::<Vec<_>>()
    };
    let expected: Vec<f32> = prompts.iter().flat_map(of_prompt).collect();
    for device in devices() {
        let model = load("llama", &device);
        let (alone, together) = (Saving::default(), Saving::default());
        let whole: Vec<Vec<u32>> = prompts.iter().map(|prompt| [&head[..], prompt].concat()).collect();
        let whole: Vec<&[u32]> = whole.iter().map(Vec::as_slice).collect();
        let each = model.log_probabilities(&Head::default(), &whole, &answer, false, &alone).unwrap();
        assert_near("each alone", &read(each).unwrap(), &expected);
        let read_once = model.head_of(&head).unwrap();
        let shared = model.log_probabilities(&read_once, &prompts, &answer, true, &together).unwrap();
        assert_near("shared", &read(shared).unwrap(), &expected);
        // Counted by hand: the distinct beginnings of all sequences.
        let fed = |prompt: &&[u32]| [&head[4..], prompt, &answer[..2]].concat();
        let mut nodes: Vec<Vec<u32>> =
            prompts.iter().map(fed).flat_map(|s| (1..=s.len()).map(move |n| s[..n].to_vec())).collect();
        let tokens = nodes.len();
        nodes.sort();
        nodes.dedup();
        assert_eq!(alone.share(), 0.0);
        assert_eq!((together.asked() as usize, together.run() as usize), (tokens + 4 * prompts.len(), nodes.len()));
        assert!(together.share() > 0.5, "{}", together.share());
    }
}

fn log_softmax(logits: &[f32], token: u32) -> f32 {
    let z = |x: f32| f64::from(x);
    let largest = logits.iter().map(|&x| z(x)).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|&x| (z(x) - largest).exp()).sum();
    (z(logits[token as usize]) - largest - sum.ln()) as f32
}

#[test]
fn half_precision_is_near_and_is_refused_where_a_device_lacks_it() {
    let expected = &answers()["decoders"]["qwen2"];
    let device = Device::cpu();
    for (precision, digits) in [(Precision::F16, 11), (Precision::BF16, 8)] {
        let model = Decoder::load(folder("qwen2"), &device, precision).unwrap();
        let found = read(model.logits(&ids(&expected["ids"])).unwrap()).unwrap();
        let expected = numbers(&expected["logits"]);
        let largest = expected.iter().fold(0.0, |a: f32, v| a.max(v.abs()));
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        // A few tens of roundings to so many binary digits; and they are seen.
        assert!(worst < 40.0 * largest / f32::powi(2.0, digits), "{precision:?}: {worst} of {largest}");
        assert!(worst > largest / f32::powi(2.0, digits + 4), "{precision:?}: {worst} of {largest}");
    }
    for device in devices() {
        if !device.burn().supports_dtype(burn::tensor::DType::BF16) {
            let error = Decoder::load(folder("qwen2"), &device, Precision::BF16).err().unwrap();
            assert!(error.to_string().contains("does not compute in BF16"), "{error}");
        }
    }
}

#[test]
fn what_a_model_cannot_read_is_refused() {
    let model = load("mistral", &Device::cpu());
    let message = |tokens: &[u32]| model.logits(tokens).unwrap_err().to_string();
    assert_eq!(message(&[]), "a language model needs a token to begin with");
    assert_eq!(message(&[5, 64]), "token 64 is not among the model's 64, which count from 0");
    // Beyond its sliding window it would be another model.
    assert_eq!(message(&[5; 13]), "the text has 13 tokens, the model reads at most 12");
    assert!(model.logits(&[5; 12]).is_ok());
    let chances = |prompts: &[&[u32]], answer: &[u32]| {
        let saving = Saving::default();
        model.log_probabilities(&Head::default(), prompts, answer, true, &saving).map_err(|e| e.to_string())
    };
    assert_eq!(chances(&[&[5]], &[]).unwrap_err(), "the answer has no tokens");
    assert_eq!(chances(&[&[5], &[]], &[6]).unwrap_err(), "nothing of the prompt is left for the model to read");
    assert!(chances(&[&[5; 8]], &[6; 6]).unwrap_err().contains("at most 12"));
    assert_eq!(chances(&[], &[6, 7]).unwrap().dims(), [0, 2]);
}
