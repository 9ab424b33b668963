//! Graphs of any inputs: token sequences of free length, integers and booleans, scalars, inner graphs, data files beside the model.

use pellucid::Error;
use pellucid::model::onnx::{Dtype, Network, Value};
use pellucid_tests::{devices, fixture};
use serde_json::Value as Json;

fn json(path: &str) -> Json {
    serde_json::from_str(&std::fs::read_to_string(fixture(path)).unwrap()).unwrap()
}

fn ints(rows: &Json) -> Value {
    let rows: Vec<Vec<i64>> =
        rows.as_array().unwrap().iter().map(|r| serde_json::from_value(r.clone()).unwrap()).collect();
    Value::ints(rows.concat(), &[rows.len(), rows[0].len()]).unwrap()
}

/// 1e-4: logits of a BERT of two layers in f32, against onnxruntime's.
#[test]
fn a_transformer_gives_the_recorded_logits_at_every_length() {
    let network = Network::open(fixture("models/sms_bert_tiny/model.onnx")).unwrap();
    let ports: Vec<(&str, Dtype)> = network.inputs().iter().map(|p| (p.name.as_str(), p.dtype)).collect();
    assert_eq!(ports, [("input_ids", Dtype::I64), ("attention_mask", Dtype::I64)]);
    assert_eq!(network.outputs()[0].dims, Some(vec![None, Some(2)]));
    for device in devices() {
        let session = network.on(&device).unwrap();
        for case in json("onnx/sms_bert_tiny.json")["cases"].as_array().unwrap() {
            let inputs = [("attention_mask", ints(&case["attention_mask"])), ("input_ids", ints(&case["input_ids"]))];
            let outputs = session.run(&inputs).unwrap();
            let expected: Vec<Vec<f64>> = serde_json::from_value(case["logits"].clone()).unwrap();
            assert_eq!(outputs[0].dims(), [expected.len(), 2]);
            for (got, expected) in outputs[0].to_floats().unwrap().iter().zip(expected.concat()) {
                assert!((f64::from(*got) - expected).abs() < 1e-4, "{got} {expected} on {}", device.name());
            }
        }
    }
}

/// Of the 85 nodes: both attentions and four of five normalisations are one step each, both gelus belong to their layers.
#[test]
fn a_transformer_is_run_in_few_steps() {
    let network = Network::open(fixture("models/sms_bert_tiny/model.onnx")).unwrap();
    let session = network.on(&pellucid::Device::cpu()).unwrap();
    let list = |values: [i64; 6]| Value::ints(values.to_vec(), &[2, 3]).unwrap();
    let inputs = [("input_ids", list([2, 5, 3, 2, 9, 3])), ("attention_mask", list([1, 1, 1, 1, 1, 0]))];
    let profile = session.profile(&inputs).unwrap();
    let count = |operator: &str| profile.iter().find(|(name, ..)| name == operator).map_or(0, |(_, _, count)| *count);
    let kinds =
        ["Attention", "SkipLayerNormalization", "LayerNormalization", "MatMul", "Add", "Softmax", "Erf", "Gelu"];
    assert_eq!(kinds.map(count), [2, 4, 1, 11, 2, 0, 0, 0]);
}

#[test]
fn wrong_inputs_are_named() {
    let network = Network::open(fixture("models/sms_bert_tiny/model.onnx")).unwrap();
    let session = network.on(&pellucid::Device::cpu()).unwrap();
    let ids = || Value::ints(vec![2, 5, 3], &[1, 3]).unwrap();
    let floats = Value::floats(vec![1.0; 3], &[1, 3]).unwrap();
    let list = Value::ints(vec![1; 3], &[3]).unwrap();
    let longer = Value::ints(vec![1; 4], &[1, 4]).unwrap();
    for (inputs, reason) in [
        (vec![("input_id", ids())], "no input \"input_id\" (did you mean `input_ids`?)"),
        (vec![("input_ids", ids())], "input \"attention_mask\""),
        (vec![("input_ids", ids()), ("input_ids", ids()), ("attention_mask", ids())], "is given twice"),
        (vec![("input_ids", ids()), ("attention_mask", floats)], "takes int64 values, not float"),
        (vec![("input_ids", ids()), ("attention_mask", list)], "takes shape [?, ?], not [3]"),
        (vec![("input_ids", ids()), ("attention_mask", longer)], "Add"),
    ] {
        let Err(Error::Input { message, .. }) = session.run(&inputs) else { panic!("{reason}: no error") };
        assert!(message.contains(reason), "{message}");
    }
    assert!(Value::ints(vec![1, 2, 3], &[2, 2]).is_err());
    let Err(Error::Input { message, .. }) = Network::open_for(fixture("models/wine_mlp.onnx"), &["labels"]) else {
        panic!("an unknown output was taken")
    };
    assert!(message.contains("no output \"labels\""), "{message}");
}

/// Half precision and bfloat16 in a file beside the model, computed in f32: 1e-5 of sums of six terms below 4.
#[test]
fn weights_may_lie_beside_the_model() {
    let record = json("onnx/external.json");
    let numbers = |key: &str| serde_json::from_value::<Vec<f32>>(record[key].clone()).unwrap();
    let (x, y) = (numbers("x"), numbers("y"));
    let network = Network::open(fixture("onnx/external.onnx")).unwrap();
    for device in devices() {
        let x = Value::floats(x.clone(), &[3, 6]).unwrap();
        let got = network.on(&device).unwrap().run(&[("x", x)]).unwrap()[0].to_floats().unwrap();
        assert!(got.iter().zip(&y).all(|(g, e)| (g - e).abs() < 1e-5), "{got:?} {y:?}");
    }
    let graph = pellucid::model::onnx::Graph::load(fixture("onnx/external.onnx")).unwrap();
    assert_eq!(graph.feature_names().len(), 6);

    let model = std::fs::read(fixture("onnx/external.onnx")).unwrap();
    let refusal = |result: pellucid::Result<Network>| match result {
        Err(Error::Input { message, .. }) => message,
        other => panic!("not refused: {:?}", other.err()),
    };
    assert!(refusal(Network::parse(&model, "m")).contains("the model was given as bytes"));
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("m.onnx");
    std::fs::write(&copy, &model).unwrap();
    assert!(matches!(Network::open(&copy), Err(Error::Io { .. })), "the data file is missing");
    std::fs::write(folder.path().join("external.bin"), [0; 100]).unwrap();
    assert!(refusal(Network::open(&copy)).contains("lie beyond the end of"));
    // A name that leads out of the folder: the same length, so that the file stays whole.
    let at = model.windows(12).position(|w| w == b"external.bin").unwrap();
    let mut bent = model.clone();
    bent[at..at + 12].copy_from_slice(b"../../secret");
    std::fs::write(&copy, &bent).unwrap();
    assert!(refusal(Network::open(&copy)).contains("does not lie beside the model"));
}

/// Every operator that cannot be run is named, with its nodes.
#[test]
fn all_unsupported_operators_are_told_at_once() {
    let Err(Error::Input { message, .. }) = Network::open(fixture("interfaces/unknown.onnx")) else { panic!() };
    assert!(message.starts_with("2 operators are not supported: FancyNorm (2), my.domain:Neg (1)"), "{message}");
    assert!(message.contains("FancyNorm at "), "{message}");
}
