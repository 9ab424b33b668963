use super::super::build::{Builder, Settings};
use super::super::plan::Place;
use super::super::value::{Host, Value};
use burn::tensor::Device;
use onnx_ir::{AttributeProto, GraphProto, NodeProto, TensorProto};
use std::collections::HashMap;

/// Graphs written as lines `output = Operator(operand, …) attribute=number`; operands that are numbers or names of weights are constants.
fn graph(lines: &str) -> GraphProto {
    let mut graph = GraphProto::default();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (output, rest) = line.split_once(" = ").unwrap();
        let (operator, rest) = rest.split_once('(').unwrap();
        let (operands, attributes) = rest.split_once(')').unwrap();
        let mut node = NodeProto { op_type: operator.into(), output: vec![output.into()], ..NodeProto::default() };
        node.input = operands.split(", ").map(String::from).collect();
        for (name, value) in attributes.split_whitespace().map(|a| a.split_once('=').unwrap()) {
            let i = value.parse().unwrap_or_default();
            let ints = value.split(',').filter_map(|v| v.parse().ok()).collect();
            node.attribute.push(AttributeProto { name: name.into(), i, ints, ..AttributeProto::default() });
        }
        graph.node.push(node);
    }
    let weights = [("w", vec![6, 6]), ("w2", vec![6, 6]), ("wide", vec![2, 3, 6, 6]), ("b", vec![6]), ("g", vec![6])];
    let stored =
        |(name, dims): (&str, Vec<i64>)| (name.to_string(), numbers(dims.iter().product::<i64>() as usize, 9), dims);
    let operands = graph.node.iter().flat_map(|node| &node.input);
    let mut scalars: Vec<_> =
        operands.filter_map(|name| Some((name.clone(), vec![name.parse().ok()?], vec![]))).collect();
    scalars.dedup();
    for (name, values, dims) in weights.into_iter().map(stored).chain(scalars) {
        graph.initializer.push(TensorProto { name, data_type: 1, float_data: values, dims, ..TensorProto::default() });
    }
    graph
}

/// Values in \[−1, 1\].
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    (0..count as u32)
        .map(|i| ((i + 1).wrapping_mul(2_654_435_761 + 2 * seed) >> 8) as f32 / (1 << 23) as f32 - 1.0)
        .collect()
}

/// The operators of the steps, and the first output. Values q, k, v and x are \[2, 3, 5, 6\], k as keys \[2, 3, 6, 5\], m is \[2, 1, 1, 5\].
fn run(lines: &str, outputs: &[&str]) -> (Vec<String>, Vec<f32>) {
    let graph = graph(lines);
    let names = ["q", "k", "v", "m", "x"];
    let outputs: Vec<String> = outputs.iter().map(|name| name.to_string()).collect();
    let settings = Settings { opset: 17, fixed_batch: None, folder: None };
    let plan = Builder::build(&graph, &names.map(String::from), &outputs, HashMap::new(), settings).unwrap();
    let device = Device::flex();
    let constants = plan.upload(&device).unwrap();
    let shapes = [vec![2, 3, 5, 6], vec![2, 3, 6, 5], vec![2, 3, 5, 6], vec![2, 1, 1, 5], vec![2, 3, 5, 6]];
    let value = |(seed, dims): (u32, &Vec<usize>)| {
        Host::floats(numbers(dims.iter().product(), seed), dims).upload(&device).unwrap()
    };
    let inputs: Vec<Value> = (1..).zip(&shapes).map(value).collect();
    let mut steps = vec![];
    let place = Place { constants: &constants, device: &device, n_rows: None };
    let results = plan.run(inputs, place, &mut |done| steps.push(done.step.split(" \"").next().unwrap().to_string()));
    (steps, results.unwrap()[0].to_floats().unwrap())
}

/// The graph is run in these steps; with `inner` an output too it is not, and gives the same to 1e-5 of the largest: sums of at most 7
/// terms below 2, exponentials and quotients, each a few ε.
fn check(lines: &str, steps: &[&str], inner: &str) {
    let (taken, values) = run(lines, &["y"]);
    assert_eq!(taken, steps, "{lines}");
    let (others, expected) = run(lines, &["y", inner]);
    assert!(others.len() > taken.len(), "{others:?} {lines}");
    let most = expected.iter().fold(0.0, |a: f32, v| a.max(v.abs()));
    assert_eq!(values.len(), expected.len());
    values.iter().zip(&expected).for_each(|(a, b)| assert!((a - b).abs() <= 1e-5 * most, "{a} {b} {lines}"));
}

#[test]
fn attention_in_every_spelling_is_one_step() {
    for (scaling, mask) in [
        ("s = Mul(p, 0.4)", "a = Add(s, m)"),
        ("s = Mul(0.4, p)", "a = Add(m, s)"),
        ("s = Div(p, 2.5)", "a = Add(s, m)"),
        ("", "a = Add(p, m)"),
        ("s = Div(p, 2.5)", ""),
        ("", ""),
    ] {
        let last = if !mask.is_empty() {
            "a"
        } else if !scaling.is_empty() {
            "s"
        } else {
            "p"
        };
        let lines = |axis: &str, after: &str| {
            format!("p = MatMul(q, k)\n{scaling}\n{mask}\nr = Softmax({last}){axis}\n{after}")
        };
        check(&lines("", "y = MatMul(r, v)"), &["Attention"], "r");
        check(&lines(" axis=3", "y = MatMul(r, v)"), &["Attention"], "p");
        let guard = "n = IsNaN(r)\nz = Where(n, 0.0, r)\ny = MatMul(z, v)";
        check(&lines(" axis=-1", guard), &["Attention"], "z");
    }
}

#[test]
fn what_only_looks_like_attention_is_left_as_it_is() {
    for lines in [
        "p = MatMul(q, k)\nr = Softmax(p) axis=2\ny = MatMul(r, v)",
        "p = MatMul(q, k)\nr = Softmax(p)\nt = Transpose(r) perm=0,1,3,2\ny = MatMul(t, v)",
        "p = MatMul(q, k)\nr = Softmax(p)\ny = MatMul(r, r)",
        "p = MatMul(q, k)\nr = Softmax(p)\nt = MatMul(v, k)\ny = MatMul(t, r)",
        "p = MatMul(q, k)\ns = Mul(p, m)\nr = Softmax(s)\ny = MatMul(r, v)",
        "p = MatMul(q, k)\ns = Sub(p, m)\nr = Softmax(s)\ny = MatMul(r, v)",
        "p = MatMul(q, k)\nr = Softmax(p)\nn = IsNaN(r)\nz = Where(n, 1.0, r)\ny = MatMul(z, v)",
        "p = MatMul(q, w)\ns = Softmax(p)\ny = MatMul(s, w2)",
        "p = MatMul(q, wide)\ns = Softmax(p)\ny = MatMul(s, wide)",
    ] {
        assert!(!run(lines, &["y"]).0.contains(&"Attention".into()), "{lines}");
    }
    // A mask that spreads the scores over more sequences: found, and computed as written.
    let spread =
        "u = MatMul(m, v)\nc = MatMul(q, k)\np = MatMul(u, k)\na = Add(p, c)\nr = Softmax(a)\ny = MatMul(r, v)";
    check(spread, &["MatMul", "MatMul", "Attention"], "r");
}

#[test]
fn a_gelu_written_out_belongs_to_the_layer_before_it() {
    let gelu = "h = Mul(l, 0.5)\nd = Div(l, 1.4142135)\ne = Erf(d)\no = Add(e, 1.0)\nu = Mul(h, o)\n";
    let layer = "t = MatMul(x, w)\nl = Add(t, b)\n";
    check(&format!("{layer}{gelu}y = MatMul(u, w2)"), &["MatMul"], "e");
    check(&format!("{layer}{gelu}y = Add(u, x)"), &["MatMul", "Add"], "e");
    // Another reader of the layer: the gelu is a step of its own.
    check(&format!("{layer}{gelu}y = Add(u, l)"), &["MatMul", "Gelu", "Add"], "e");
    check(&format!("l = Tanh(x)\n{gelu}y = MatMul(u, w2)"), &["Tanh", "Gelu", "MatMul"], "e");
}

#[test]
fn a_sum_and_its_normalisation_are_one_step() {
    let lines = "s = Add(q, v)\ny = LayerNormalization(s, g, b)";
    check(lines, &["SkipLayerNormalization"], "s");
    check("s = Add(q, v)\ny = LayerNormalization(s, g)", &["SkipLayerNormalization"], "s");
    for lines in [
        "s = Add(q, b)\ny = LayerNormalization(s, g, b)",
        "s = Sub(q, v)\ny = LayerNormalization(s, g, b)",
        "s = Add(q, v)\nt = LayerNormalization(s, g, b)\ny = Add(t, s)",
    ] {
        assert!(!run(lines, &["y"]).0.contains(&"SkipLayerNormalization".into()), "{lines}");
    }
    // Shapes that are spread are added first.
    let (steps, values) = run("m2 = MatMul(m, v)\ns = Add(m2, q)\ny = LayerNormalization(s, g, b)", &["y"]);
    assert_eq!(steps, ["MatMul", "SkipLayerNormalization"]);
    assert_eq!(values.len(), 2 * 3 * 5 * 6);
}
