//! `shap --prompt` as a user meets it: why a language model answers as it does, and what is refused.

mod support;

use serde_json::Value;
use support::{Folder, fixture, run};

/// `shap` for a prompt of the tiny model, with more options behind.
fn shap(more: &[&str]) -> (i32, String, String) {
    let model = fixture("transformers/llama.gguf");
    let mut arguments = vec!["shap", "--device", "cpu", "--model", &model];
    arguments.extend(more);
    run(&arguments)
}

#[test]
fn an_answer_is_explained_token_by_token_and_in_total() {
    let (folder, prompt) = (Folder::new(), "the cat sat on the mat");
    let (csv, summary) = (folder.path("a.csv").display().to_string(), folder.path("a.json").display().to_string());
    let files = ["--output", &csv, "--summary", &summary];
    let (code, stdout, stderr) = shap(&[&["--prompt", prompt, "--answer", " and the", "--json"], &files[..]].concat());
    assert_eq!(code, 0, "{stderr}");
    // Of 64 coalitions two read alike, since one word is there twice.
    assert!(stderr.contains("answer: \" and the\" (2 tokens") && stderr.contains("62 forwards"), "{stderr}");
    let json: Value = serde_json::from_str(&stdout).unwrap();
    let outputs: Vec<&str> =
        json["outputs"].as_array().unwrap().iter().map(|o| o["output"].as_str().unwrap()).collect();
    assert_eq!(outputs, ["log p[1 and]", "log p[2 the]", "log p[total]"]);
    let players = json["players"].as_array().unwrap();
    assert_eq!((players.len(), &players[1]["text"], players[1]["start"].as_u64()), (6, &"cat".into(), Some(6)));
    // The template's `q ` comes before the prompt.
    assert_eq!((json["prompt"]["start"].as_u64(), json["prompt"]["end"].as_u64()), (Some(2), Some(24)));
    assert!(json["reading"]["share_saved"].as_f64().unwrap() > 0.3, "{}", json["reading"]);
    let sha256 = "260d23c83923c7b8fe0fec6a897de6397fc017df6aadb5502e6d161fea81d80e";
    assert_eq!(json["provenance"]["model_sha256"], sha256);
    for player in players {
        let phi: Vec<f64> = player["attributions"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
        assert!((phi[0] + phi[1] - phi[2]).abs() < 1e-4, "{phi:?}");
    }
    assert_eq!(std::fs::read_to_string(&csv).unwrap().lines().count(), 1 + 6 * 3);
    assert_eq!(serde_json::from_str::<Value>(&std::fs::read_to_string(&summary).unwrap()).unwrap(), json);
    let (code, stdout, _) = shap(&["--prompt", prompt, "--answer-tokens", "2", "--span", "0:7", "--span", "8:22"]);
    assert!(code == 0 && stdout.starts_with("log p[total]: -") && stdout.contains("sat on the mat"), "{stdout}");
}

#[test]
fn what_cannot_be_explained_is_refused_with_what_helps() {
    let refused = |more: &[&str]| {
        let (code, stdout, stderr) = shap(more);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        stderr
    };
    assert!(refused(&["--prompt", " "]).contains("the prompt is empty"));
    assert!(refused(&["--prompt", "cat", "--answer", ""]).contains("the answer has no tokens"));
    assert!(refused(&["--prompt", "cat", "--answer", "é"]).contains("the answer has no tokens"));
    assert!(refused(&["--prompt", "cat", "--answer", " and", "--absent", "mask"]).contains("--absent delete"));
    assert!(refused(&["--prompt", &"cat ".repeat(80), "--answer", " and"]).contains("it reads at most 64"));
    assert!(refused(&["--prompt", "cat", "--precision", "f8"]).contains("allowed: f32, f16, bf16"));
    assert!(refused(&["--raw", "--data", "a.csv"]).contains("--data"));
    let folder = Folder::new();
    let cut = folder.file("cut.gguf", &std::fs::read(fixture("transformers/llama.gguf")).unwrap()[..9000]);
    let output = folder.path("a.csv").display().to_string();
    let (code, _, stderr) = run(&["shap", "--model", &cut, "--prompt", "cat", "--output", &output]);
    assert!(code == 2 && stderr.contains("the GGUF file is cut or broken"), "{stderr}");
    assert_eq!(folder.names(), ["cut.gguf"]);
    let onnx = fixture("models/wine_mlp.onnx");
    let (code, _, stderr) = run(&["shap", "--model", &onnx, "--prompt", "cat"]);
    assert!(code == 2 && stderr.contains("no GGUF file"), "{stderr}");
}
