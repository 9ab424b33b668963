//! One or two cases of every operator, from the node tests of ONNX and from onnxruntime (`fixtures/onnx_nodes`).

use pellucid::Device;
use pellucid::model::onnx::{Network, Value, supported, tensors};
use pellucid_tests::{devices, fixture};
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashSet};

fn cases() -> BTreeMap<String, Json> {
    serde_json::from_str(&std::fs::read_to_string(fixture("onnx_nodes/cases.json")).unwrap()).unwrap()
}

#[test]
fn the_node_tests_of_onnx_pass() {
    let mut wrong = vec![];
    for device in devices() {
        for (name, case) in &cases() {
            if let Err(why) = run(name, case, &device) {
                wrong.push(format!("{name} on {}: {why}", device.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn run(name: &str, case: &Json, device: &Device) -> Result<(), String> {
    let told = |e: pellucid::Error| e.to_string();
    let mut inputs = tensors(&std::fs::read(fixture(&format!("onnx_nodes/{name}.data"))).unwrap()).map_err(told)?;
    let expected = inputs.split_off(case["inputs"].as_u64().unwrap() as usize);
    let given: Vec<(&str, Value)> = inputs.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let network = Network::open(fixture(&format!("onnx_nodes/{name}.onnx"))).map_err(told)?;
    let results = network.on(device).and_then(|session| session.run(&given)).map_err(told)?;
    assert_eq!(results.len(), expected.len(), "{name}");
    // The tolerance of ONNX's own runner, which is f32 rounding of a few hundred terms; devices round exp and tanh by a few ulp more.
    let (rtol, atol) = (case["rtol"].as_f64().unwrap(), case["atol"].as_f64().unwrap().max(1e-6));
    for ((_, expected), got) in expected.iter().zip(&results) {
        if got.dims() != expected.dims() || got.dtype().is_float() != expected.dtype().is_float() {
            return Err(format!("{} {:?}, not {} {:?}", got.dtype(), got.dims(), expected.dtype(), expected.dims()));
        }
        let (got, expected) = (got.to_floats().map_err(told)?, expected.to_floats().map_err(told)?);
        let close = |g: f64, e: f64| g == e || (g.is_nan() && e.is_nan()) || (g - e).abs() <= atol + rtol * e.abs();
        if let Some(i) = (0..got.len()).find(|&i| !close(got[i].into(), expected[i].into())) {
            return Err(format!("{} at {i}, not {}", got[i], expected[i]));
        }
    }
    Ok(())
}

/// What is supported is tried here or by the answers worked out by hand.
#[test]
fn every_supported_operator_has_a_case() {
    let text = std::fs::read_to_string(fixture("operators/answers.json")).unwrap();
    let answers: Vec<Json> = serde_json::from_str(&text).unwrap();
    let mut tried = HashSet::new();
    for answer in &answers {
        let path = fixture(answer["model"].as_str().unwrap());
        let card = pellucid::model::onnx::Card::load(path).unwrap();
        tried.extend(card.operators.into_iter().map(|o| o.name));
    }
    for case in cases().values() {
        tried.extend(case["operators"].as_array().unwrap().iter().map(|o| o.as_str().unwrap().to_string()));
    }
    let untried: Vec<&str> = supported().into_iter().filter(|name| !tried.contains(*name)).collect();
    assert!(untried.is_empty(), "supported, but not tried: {untried:?}");
}
