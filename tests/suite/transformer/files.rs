//! Files that are broken, do not fit or are not supported.

use super::folder;
use pellucid::transformer::{Bert, Config, Decoder, DecoderConfig, Precision, Scaling, tokenizer};
use pellucid::{Device, Error};
use std::path::{Path, PathBuf};

/// A copy of a fixture's folder that may be changed.
fn copy(name: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(folder(name)).unwrap() {
        let file = file.unwrap().path();
        std::fs::copy(&file, dir.path().join(file.file_name().unwrap())).unwrap();
    }
    let path = dir.path().to_path_buf();
    (dir, path)
}

fn refusal(path: &Path) -> (String, String) {
    match Decoder::load(path, &Device::cpu(), Precision::F32).err().expect("it is refused") {
        Error::Input { message, hint } => (message, hint.unwrap_or_default()),
        other => (other.to_string(), String::new()),
    }
}

/// The folder with a text in config.json replaced.
fn with_config(name: &str, from: &str, to: &str) -> (String, String) {
    let (_dir, path) = copy(name);
    let config = path.join("config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(text.contains(from), "{from} in {text}");
    std::fs::write(&config, text.replacen(from, to, 1)).unwrap();
    refusal(&path)
}

#[test]
fn tensors_that_do_not_fit_are_told_all_at_once() {
    let (message, hint) = with_config("llama", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
    assert!(message.contains("9 missing: `model.layers.2.input_layernorm.weight`"), "{message}");
    assert!(hint.contains("of one model"), "{hint}");
    let (message, _) = with_config("llama", "\"attention_bias\": false", "\"attention_bias\": true");
    assert!(message.contains("8 missing") && message.contains("self_attn.q_proj.bias"), "{message}");
    let (message, _) = with_config("llama_biases", "\"mlp_bias\": true", "\"mlp_bias\": false");
    assert!(message.contains("6 not expected: `model.layers.0.mlp.down_proj.bias`"), "{message}");
    let (message, _) = with_config("qwen2", "\"intermediate_size\": 32", "\"intermediate_size\": 48");
    assert!(message.contains("6 of another shape"), "{message}");
    assert!(message.contains("`model.layers.0.mlp.down_proj.weight` is [16, 32] and must be [16, 48]"), "{message}");
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let (message, hint) = with_config("llama", "\"model_type\": \"llama\"", "\"model_type\": \"gemma2\"");
    assert_eq!(message, "the architecture \"gemma2\" is not supported");
    assert!(hint.contains("llama, mistral, qwen2, qwen3"), "{hint}");
    let (message, hint) = with_config("llama", "\"llama3\"", "\"yarn\"");
    assert_eq!(
        (&message[..], &hint[..]),
        ("rope scaling of type \"yarn\" is not supported", "supported: default, linear, llama3")
    );
    let (message, _) = with_config("llama", "\"silu\"", "\"gelu\"");
    assert!(message.starts_with("`hidden_act` in config.json is \"gelu\"; it must be silu"), "{message}");
    let (message, _) = with_config("llama", "\"hidden_size\": 16", "\"hidden_size\": 0");
    assert_eq!(message, "`hidden_size` in config.json is 0; it must be a whole number above 0");
    let (message, _) = with_config("llama", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 4000000000");
    assert!(message.starts_with("a model of 4000000000 layers"), "{message}");
    let (message, _) = with_config("llama", "\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3");
    assert_eq!(message, "4 heads cannot share 3 heads of keys and values evenly");
    let (message, _) = with_config("llama", "{", "{\"quantization_config\": {\"quant_method\": \"gptq\"},");
    assert!(message.contains("quantised safetensors are not supported"), "{message}");
    let (message, _) = with_config("llama", "\"vocab_size\": 64", "\"vocab_size\": ");
    assert!(message.starts_with("config.json is not JSON"), "{message}");
    assert!(refusal(&folder("bert")).0.contains("holds an encoder"));
    let error = Bert::load(folder("llama"), &Device::cpu(), Precision::F32).err().unwrap();
    assert!(error.to_string().contains("holds a causal language model"), "{error}");
}

#[test]
fn broken_weights_are_refused() {
    let (_dir, path) = copy("llama");
    let file = path.join("model.safetensors");
    let bytes = std::fs::read(&file).unwrap();
    for length in [0, 7, 8, 100, bytes.len() - 1] {
        std::fs::write(&file, &bytes[..length]).unwrap();
        assert!(refusal(&path).0.contains("is no safetensors file"), "{length} bytes");
    }
    std::fs::remove_file(&file).unwrap();
    assert!(refusal(&path).0.contains("has neither model.safetensors nor model.safetensors.index.json"));
    let (_dir, path) = copy("qwen2");
    std::fs::remove_file(path.join("model-00002-of-00002.safetensors")).unwrap();
    assert!(refusal(&path).0.starts_with("cannot open"));
    std::fs::write(path.join("model.safetensors.index.json"), r#"{"weight_map": {"a": "../model.safetensors"}}"#)
        .unwrap();
    assert!(refusal(&path).0.contains("has no `weight_map`"));
    let (_dir, path) = copy("mistral");
    std::fs::remove_file(path.join("config.json")).unwrap();
    assert!(refusal(&path).0.starts_with("cannot read"));
}

#[test]
fn broken_gguf_files_are_refused_wherever_they_are_cut_or_changed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.gguf");
    let bytes = std::fs::read(folder("llama.gguf")).unwrap();
    for length in (0..bytes.len()).step_by(977).chain([bytes.len() - 20]) {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let (message, _) = refusal(&path);
        assert!(message.contains("GGUF"), "{length} bytes: {message}");
    }
    // Lengths and types that make no sense may be refused or not be noticed, but must not end the program.
    for at in (4..6000).step_by(31) {
        let mut changed = bytes.clone();
        changed[at] = 0xfe;
        std::fs::write(&path, changed).unwrap();
        let _ = Decoder::load(&path, &Device::cpu(), Precision::F32);
    }
    std::fs::write(&path, [b"GGUF", &1u32.to_le_bytes()[..], &[0; 64]].concat()).unwrap();
    assert!(refusal(&path).0.ends_with("GGUF version 1 is not supported"));
}

#[test]
fn configurations_of_old_and_new_read_alike() {
    let decoder = |text: &str| match Config::parse(text).unwrap() {
        Config::Decoder(config) => config,
        Config::Encoder(_) => panic!("a decoder"),
    };
    let sizes = r#""vocab_size": 64, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4"#;
    let new = decoder(&format!(
        r#"{{"model_type": "llama", {sizes}, "rope_parameters": {{"rope_type": "linear", "rope_theta": 500.0, "factor": 2.0}}}}"#
    ));
    let old = decoder(&format!(
        r#"{{"model_type": "llama", {sizes}, "rope_theta": 500.0, "rope_scaling": {{"type": "linear", "factor": 2.0}}}}"#
    ));
    assert_eq!(old, new);
    assert_eq!((new.kv_heads, new.head_size, &new.rope.scaling), (4, 4, &Scaling::Linear(2.0)));
    let DecoderConfig { ends, qkv_bias, output_bias, longest, .. } = decoder(&format!(
        r#"{{"model_type": "qwen2", {sizes}, "eos_token_id": [2, 5], "use_sliding_window": true, "sliding_window": 9}}"#
    ));
    assert_eq!((ends, qkv_bias, output_bias, longest), (vec![2, 5], true, false, 9));
}

#[test]
fn the_tokenizer_of_a_gguf_file_reads_and_writes_text() {
    let tokenizer = tokenizer(folder("llama.gguf")).unwrap();
    let ids = tokenizer.encode("the cat and the dog 11").unwrap().ids;
    // <s>, the, Ġcat, Ġand, Ġthe, Ġdog, Ġ, 1, 1: digits stand alone.
    assert_eq!(ids.len(), 9);
    assert_eq!((ids[0], ids[7], ids[8]), (1, 10, 10));
    assert!(tokenizer.begins());
    let ids: Vec<u32> = ids.iter().map(|&id| id as u32).collect();
    assert_eq!(tokenizer.decode(&ids).unwrap(), "the cat and the dog 11");
}

/// Hashes by `sha256sum`; of the two shards by `sha256sum *.safetensors | sha256sum`.
#[test]
fn weights_have_the_hash_that_sha256sum_tells() {
    for (name, hash) in [
        ("llama", "d100409c468226462a505ea5c53203d4190f3d13f0dd3dec971e75110446fe08"),
        ("llama.gguf", "260d23c83923c7b8fe0fec6a897de6397fc017df6aadb5502e6d161fea81d80e"),
        ("qwen2", "46fed97db4b345d378fa2aa84f7d8aa2a024b93b50e63805f6ab5d41df2634a6"),
    ] {
        let decoder = Decoder::load(folder(name), &Device::cpu(), Precision::F32).unwrap();
        assert_eq!(decoder.sha256(), hash, "{name}");
    }
}

#[test]
fn random_weights_are_those_of_their_seed() {
    let Config::Decoder(config) = Config::read(&folder("llama")).unwrap() else { panic!("a decoder") };
    let logits = |seed: u64| {
        let decoder = Decoder::random(&config, seed, &Device::cpu(), Precision::F32).unwrap();
        assert_eq!(decoder.sha256(), "");
        pellucid::kernels::read(decoder.logits(&[3, 5]).unwrap()).unwrap()
    };
    let first = logits(1);
    assert_eq!((first.len(), &first), (128, &logits(1)));
    assert_ne!(first, logits(2));
    // Weights of deviation 0.02 behind a norm of 16 numbers: logits of about 0.02 · √16.
    let spread = (first.iter().map(|x| x * x).sum::<f32>() / 128.0).sqrt();
    assert!((0.04..0.16).contains(&spread), "{spread}");
}
