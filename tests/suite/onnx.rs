//! ONNX models against recorded outputs of onnxruntime, the oracles, and answers worked out by hand.

use burn::tensor::{Tensor, TensorData};
use pellucid::model::Model;
use pellucid::model::onnx::{Card, Graph, OnnxModel};
use pellucid::{Device, Error};
use pellucid_tests::{devices, fixture};
use serde_json::Value;

/// Recorded outputs are f32 and come from another order of summation. Probabilities are at most 1, scores of these models
/// at most 10: 1e-5 is 100 ε of the value. The diabetes model gives up to 346, from terms ten times that.
fn tolerance(model: &str) -> f64 {
    if model.contains("diabetes") { 1e-3 } else { 1e-5 }
}

/// Operator answers are f64 formulas of numbers below 30 (one product reaches 100): 1e-6 absolute and 4e-6 of the value.
/// WGSL allows exp, log and tanh a few ulp more than a CPU has.
fn is_close(got: f64, expected: f64) -> bool {
    (got.is_nan() && expected.is_nan()) || (got - expected).abs() <= 2e-6 + 4e-6 * expected.abs()
}

fn json(path: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(fixture(path)).unwrap()).unwrap()
}

/// A table of numbers; null is NaN.
fn table(value: &Value) -> Vec<Vec<f64>> {
    let row = |r: &Value| r.as_array().unwrap().iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect();
    value.as_array().unwrap().iter().map(row).collect()
}

/// The feature columns of a CSV of numbers whose last column is the target.
fn csv(path: &str) -> Vec<Vec<f64>> {
    let text = std::fs::read_to_string(fixture(path)).unwrap();
    let numbers = |line: &str| line.split(',').map(|cell| cell.parse().unwrap_or(f64::NAN)).collect::<Vec<f64>>();
    text.lines()
        .skip(1)
        .map(numbers)
        .map(|mut row| {
            row.pop();
            row
        })
        .collect()
}

fn load(path: &str) -> Graph {
    Graph::load(fixture(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn tensor(rows: &[Vec<f64>], device: &Device) -> Tensor<2> {
    let values: Vec<f32> = rows.iter().flatten().map(|&v| v as f32).collect();
    Tensor::from_data(TensorData::new(values, [rows.len(), rows[0].len()]), device.burn())
}

fn predict(model: &OnnxModel, rows: &[Vec<f64>], device: &Device) -> Vec<Vec<f64>> {
    let outputs = model.predict(tensor(rows, device)).unwrap();
    let n = outputs.dims()[1];
    let values: Vec<f32> = outputs.into_data().try_to_vec_as().unwrap();
    values.chunks(n).map(|row| row.iter().map(|&v| v.into()).collect()).collect()
}

#[track_caller]
fn assert_rows(got: &[Vec<f64>], expected: &[Vec<f64>], what: &str, close: impl Fn(f64, f64) -> bool) {
    assert_eq!(got.len(), expected.len(), "{what}: rows");
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert_eq!(g.len(), e.len(), "{what}: columns");
        let differs = (0..g.len()).find(|&j| !close(g[j], e[j]));
        assert!(differs.is_none(), "{what}, row {i}, column {}: got {g:?}, expected {e:?}", differs.unwrap());
    }
}

/// Every recorded model on every device, at batch sizes 1, 2, 7, and 300 (the 20 recorded rows over and over).
#[test]
fn outputs_equal_the_recorded_ones_at_every_batch_size() {
    let mut n_models = 0;
    for entry in std::fs::read_dir(fixture("predictions")).unwrap() {
        let record = json(&format!("predictions/{}", entry.unwrap().file_name().display()));
        let path = record["model"].as_str().unwrap();
        let rows = csv(record["data"].as_str().unwrap().split_whitespace().last().unwrap());
        let expected = table(record["outputs"].as_object().unwrap().values().next().unwrap());
        let graph = load(path);
        for device in devices() {
            let model = OnnxModel::new(&graph, &device).unwrap();
            for n in [1, 2, 7, 300] {
                let cycle = |rows: &[Vec<f64>]| (0..n).map(|i| rows[(i + n) % 20].clone()).collect::<Vec<_>>();
                let got = predict(&model, &cycle(&rows), &device);
                let close = |g: f64, e: f64| (g - e).abs() <= tolerance(path);
                assert_rows(&got, &cycle(&expected), &format!("{path} on {}, {n} rows", device.name()), close);
            }
        }
        n_models += 1;
    }
    assert_eq!(n_models, 13);
}

/// f of the oracles is in f64.
#[test]
fn outputs_equal_the_oracles() {
    for name in
        ["adult_mlp_groups", "breast_cancer_mlp_groups", "diabetes_mlp_regression", "digits_mlp_groups", "wine_mlp"]
    {
        let oracle = json(&format!("oracles/{name}.json"));
        let path = oracle["model"].as_str().unwrap().trim_start_matches("fixtures/");
        let graph = load(path);
        let (rows, expected) = (table(&oracle["instances"]), table(&oracle["exact"]["value"]["f"]));
        for device in devices() {
            let model = OnnxModel::new(&graph, &device).unwrap();
            let got = predict(&model, &rows, &device);
            // A binary oracle holds the probability of class 1 alone.
            let got: Vec<Vec<f64>> = got.iter().map(|r| r[r.len() - expected[0].len()..].to_vec()).collect();
            assert_rows(&got, &expected, &format!("{name} on {}", device.name()), |g, e| {
                (g - e).abs() <= tolerance(path)
            });
        }
    }
}

/// The other rows of a batch are NaN: one that leaks into a row shows.
#[test]
fn a_row_does_not_depend_on_its_neighbours() {
    for (path, data) in [
        ("models/digits_cnn.onnx", "digits"),
        ("models/adult_mlp_skl2onnx.onnx", "adult"),
        ("models/wine_mlp.onnx", "wine"),
    ] {
        let graph = load(path);
        let row = csv(&format!("data/{data}/test.csv")).remove(3);
        for device in devices() {
            let model = OnnxModel::new(&graph, &device).unwrap();
            let alone = predict(&model, std::slice::from_ref(&row), &device);
            let mut rows = vec![vec![f64::NAN; row.len()]; 7];
            rows[4] = row.clone();
            let among = predict(&model, &rows, &device);
            assert_rows(&among[4..5], &alone, path, |g, e| (g - e).abs() <= 1e-6);
        }
    }
}

#[test]
fn operators_give_the_answers_worked_out_by_hand() {
    let mut wrong = Vec::new();
    for device in devices() {
        for case in json("operators/answers.json").as_array().unwrap() {
            if let Err(why) = answer(case, &device) {
                wrong.push(format!("{} on {}: {why}", case["model"], device.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Checks one operator on all its rows, and on one.
fn answer(case: &Value, device: &Device) -> Result<(), String> {
    let graph = Graph::load(fixture(case["model"].as_str().unwrap())).map_err(|e| e.to_string())?;
    let model = OnnxModel::new(&graph, device).map_err(|e| e.to_string())?;
    let (rows, expected) = (table(&case["rows"]), table(&case["outputs"]));
    for range in [0..rows.len(), 1..2] {
        let got = predict(&model, &rows[range.clone()], device);
        let pairs = got.iter().flatten().zip(expected[range].iter().flatten());
        if let Some((g, e)) = pairs.clone().find(|(g, e)| !is_close(**g, **e)) {
            return Err(format!("got {g}, expected {e}, {} rows of {:?}", got.len(), got.first()));
        }
        if pairs.count() != got.len() * expected[0].len() {
            return Err(format!("got {} columns, expected {}", got[0].len(), expected[0].len()));
        }
    }
    Ok(())
}

/// What a product of 4 by 3 costs with its bias, and what scalings before it cost beyond that: nothing when they are folded into it.
#[test]
fn constant_scalings_before_a_product_are_part_of_it() {
    let product = 3 * (2 * 4 + 1);
    let flops = |name: &str| load(&format!("operators/{name}.onnx")).card().flops_per_row.unwrap();
    for name in ["Gemm_scaled", "Gemm_scaler"] {
        assert_eq!(flops(name), product, "{name}");
    }
    // Read by others too, or so far from 0 that digits would be lost.
    assert!(flops("Gemm_scaled_shared") >= product + 4);
    assert_eq!(flops("Gemm_scaled_far"), product + 4);
}

/// Message and hint of the error that loading gives.
fn refusal(path: &str) -> (String, String) {
    match Graph::load(fixture(path)).err() {
        Some(Error::Input { message, hint }) => (message, hint.unwrap_or_default()),
        other => panic!("{path} was not refused as bad input: {other:?}"),
    }
}

#[test]
fn unsupported_operators_are_all_named() {
    let (message, hint) = refusal("interfaces/unknown.onnx");
    assert!(hint.contains("pellucid inspect"), "{hint}");
    assert!(message.starts_with("2 operators are not supported: FancyNorm (2), my.domain:Neg (1)"), "{message}");
    let card = Card::load(fixture("interfaces/unknown.onnx")).unwrap();
    let supported: Vec<(&str, bool)> = card.operators.iter().map(|o| (o.name.as_str(), o.supported)).collect();
    assert_eq!(supported, [("FancyNorm", false), ("Neg", true), ("my.domain:Neg", false)]);
    assert!(card.problem.unwrap().contains("FancyNorm (2)") && card.flops_per_row.is_none());
}

#[test]
fn string_inputs_are_refused_by_name() {
    let (message, hint) = refusal("models/adult_logreg_strings_skl2onnx.onnx");
    assert!(
        message.contains("7 of 12 inputs") && message.contains("workclass") && message.contains("native_country"),
        "{message}"
    );
    assert!(hint.contains("encode"), "{hint}");
}

#[test]
fn what_cannot_be_explained_is_refused() {
    for (name, reason) in [
        ("label_only", "no numeric output: label: int64[N]"),
        ("no_width", "x: float[N, ?] has no static width"),
        ("mixes_rows", "depends on the other rows"),
        ("no_batch", "its first axis must be the batch"),
        ("wrong_shapes", "weights of 5 rows met an operand of shape [2, 4]"),
    ] {
        let path = format!("interfaces/{name}.onnx");
        let (message, _) = refusal(&path);
        assert!(message.contains(reason), "{name}: {message}");
    }
}

#[test]
fn broken_files_are_errors_and_never_panics() {
    for path in ["models/wine_mlp.onnx", "models/digits_cnn.onnx", "models/breast_cancer_logreg_skl2onnx.onnx"] {
        let bytes = std::fs::read(fixture(path)).unwrap();
        let n = bytes.len();
        for length in [0, 1, 2, 10, 100, n / 4, n / 2, n - 100, n - 20, n - 3, n - 1] {
            let error = Graph::parse(&bytes[..length], "cut.onnx").err();
            assert!(matches!(error, Some(Error::Input { .. })), "{path} cut to {length} of {n} bytes: {error:?}");
        }
        // Any single byte may be wrong: whatever comes of it, it is a result.
        for at in (0..n).step_by(37) {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x55;
            let _ = Graph::parse(&bytes, "bent.onnx");
        }
    }
    let text = b"age,income\n39,77516\n50,83311\n";
    assert!(
        Graph::parse(text, "table.csv").err().unwrap().to_string().contains("table.csv is not a complete ONNX model")
    );
    let mut state = 1u32;
    for length in [3, 17, 200, 5000] {
        let noise: Vec<u8> = (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        assert!(Graph::parse(&noise, "noise").is_err());
    }
    assert!(matches!(Graph::load(fixture("models/absent.onnx")), Err(Error::Io { .. })));
}

#[test]
fn names_are_the_files_own() {
    let graph = load("models/breast_cancer_logreg_skl2onnx.onnx");
    assert_eq!((graph.feature_names()[0].as_str(), graph.feature_names().len()), ("X[0]", 30));
    assert_eq!(graph.outputs().names, ["probabilities[0]", "probabilities[1]"]);
    assert_eq!(load("models/diabetes_mlp_regression.onnx").outputs().names, ["prediction"]);
    assert_eq!(load("models/digits_cnn.onnx").feature_names()[63], "image[63]");

    let graph = load("interfaces/inputs.onnx");
    assert_eq!(graph.feature_names(), ["Pay/Rate[0]", "Pay/Rate[1]", "Years.Old", "unread"]);
    assert_eq!(graph.outputs().names, ["Net:0[0]", "Net:0[1]", "Net:0[2]"]);
    for device in devices() {
        let model = OnnxModel::new(&graph, &device).unwrap();
        let got = predict(&model, &[vec![1.5, 2.0, 39.0, 7.0], vec![0.0, -1.0, 50.0, 8.0]], &device);
        assert_eq!(got, [[-1.5, -2.0, -39.0], [0.0, 1.0, -50.0]]);
    }
}

#[test]
fn targets_are_found_by_name_label_and_index() {
    let zipmap = load("interfaces/zipmap.onnx");
    let outputs = zipmap.outputs();
    assert_eq!(outputs.names, ["output_probability[a]", "output_probability[b]", "output_probability[c]"]);
    for target in ["output_probability[b]", "b", "1"] {
        assert_eq!(outputs.select(target).unwrap(), [1], "{target}");
    }
    assert_eq!(outputs.select("output_probability").unwrap(), [0, 1, 2]);
    let Err(Error::Input { message, hint }) = outputs.select("d") else { panic!("an unknown target was taken") };
    assert!(message.contains("\"d\"") && hint.unwrap().contains("output_probability[a]"));

    let two = load("interfaces/two_outputs.onnx");
    assert_eq!(two.outputs().names, ["minus[0]", "minus[1]", "total"]);
    let device = Device::cpu();
    let model = OnnxModel::new(&two, &device).unwrap();
    assert_eq!(predict(&model, &[vec![1.0, 2.0]], &device), [[-1.0, -2.0, 3.0]]);
}

#[test]
fn a_card_describes_the_file() {
    let card = Card::load(fixture("models/adult_mlp_skl2onnx.onnx")).unwrap();
    assert_eq!(card.inputs[0].to_string(), "X: float[N, 53]");
    assert_eq!(card.outputs[1].to_string(), "probabilities: float[N, 2]");
    assert!(
        card.opsets.contains(&("ai.onnx".into(), 17)) && card.opsets.contains(&("ai.onnx.ml".into(), 1)),
        "{:?}",
        card.opsets
    );
    assert!(card.operators.iter().any(|o| o.name == "MatMul" && o.count == 3 && o.supported));
    assert_eq!(card.class_labels, Some(vec!["0".to_string(), "1".to_string()]));
    assert_eq!(card.problem, None);

    // 13-12-3: weights, biases, mean and scale; two operations a weight, one a bias, sigmoid, softmax (5) and moving the
    // columns, one of which lies too far from 0 for that to be folded into the weights; scaling is.
    let card = Card::load(fixture("models/wine_mlp.onnx")).unwrap();
    assert_eq!(card.parameters, 13 * 12 + 12 + 12 * 3 + 3 + 2 * 13);
    assert_eq!(card.flops_per_row, Some(2 * (13 * 12 + 12 * 3) + 12 + 3 + 12 + 5 * 3 + 13));
}

#[test]
fn small_tiles_from_many_threads_agree() {
    let device = Device::cpu();
    let model = OnnxModel::new(&load("models/digits_mlp.onnx"), &device).unwrap();
    let rows = csv("data/digits/test.csv");
    let whole = predict(&model, &rows, &device);
    std::thread::scope(|scope| {
        for (tile, expected) in rows.chunks(32).zip(whole.chunks(32)) {
            let (model, device) = (&model, &device);
            scope.spawn(move || {
                assert_rows(&predict(model, tile, device), expected, "tile", |g, e| (g - e).abs() <= 1e-6)
            });
        }
    });
}

#[test]
fn rows_of_another_width_are_an_error() {
    let device = Device::cpu();
    let model = OnnxModel::new(&load("models/wine_mlp.onnx"), &device).unwrap();
    let error = model.predict(tensor(&[vec![0.0; 12]], &device)).unwrap_err().to_string();
    assert!(error.contains("13 features") && error.contains("12 columns"), "{error}");
    assert_eq!(model.predict(Tensor::zeros([0, 13], device.burn())).unwrap().dims(), [0, 3]);
}

/// The constant is what `sha256sum` says of the file.
#[test]
fn a_model_has_the_fingerprint_of_its_file() {
    let graph = Graph::load(fixture("interfaces/one_feature.onnx")).unwrap();
    assert_eq!(graph.sha256(), "3eb51d947c7b0f022dca0a2a54d37d8ee43b166e15b038d7fc06e499e620cf47");
}
