//! Accumulated local effects against PyALE (tests/fixtures/oracles/ale.json), lines, and direct formulas.

use ndarray::{Array2, array, s};
use pellucid::data::Background;
use pellucid::effect::{Ale, Axis, Effects};
use pellucid::explain::Link;
use pellucid::model::onnx::{Graph, OnnxModel};
use pellucid::{Device, Error};
use pellucid_tests::effects::{codes, csv, model, one_hot, random_rows, weighted};
use pellucid_tests::{compare::noise, devices, fixture};
use serde_json::Value;

/// onnxruntime's f32 outputs and ours differ by rounding: 1e-5 of the range of the outputs, as in the other oracles.
const RELATIVE: f64 = 1e-5;
/// Both sides are f64 sums, of at most 100 terms no larger than 100, of the same f32 outputs.
const EXACT: f64 = 1e-11;

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[track_caller]
fn assert_near(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}: {found:?} for {expected:?}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= tolerance,
            "{what} [{at}]: {found} for {expected}, tolerance {tolerance:.1e}"
        );
    }
}

fn effects(background: Background, function: fn(&[f32]) -> [f32; 1], device: &Device) -> Effects {
    Effects::builder(model(background.rows.ncols(), function), background).seed(3).build(device).unwrap()
}

fn refused(effects: &Effects, axes: &[Axis], bins: usize) -> String {
    let Err(Error::Input { message, hint: Some(hint) }) = effects.ale(axes, bins) else { panic!("not refused") };
    message + ": " + &hint
}

#[test]
fn effects_equal_those_of_pyale() {
    let text = std::fs::read_to_string(fixture("oracles/ale.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    for device in devices() {
        for oracle in json["models"].as_array().unwrap() {
            let (features, rows) = csv(&format!("data/{}/train.csv", oracle["data"].as_str().unwrap()));
            let rows = rows.slice(s![..oracle["rows"].as_u64().unwrap() as usize, ..]).to_owned();
            let name = oracle["model"].as_str().unwrap();
            let graph = Graph::load(fixture(&format!("models/{name}.onnx"))).unwrap();
            let model = OnnxModel::new(&graph, &device).unwrap();
            let last = pellucid::model::Model::output_names(&model).len() - 1;
            let effects =
                Effects::builder(model, Background::uniform(rows)).targets(vec![last]).build(&device).unwrap();
            let items = oracle["items"].as_array().unwrap();
            let axis = |item: &Value| {
                let feature = features.iter().position(|f| item["feature"] == **f).unwrap();
                let values: Vec<f32> = floats(&item["edges"]).into_iter().map(|v| v as f32).collect();
                if item["kind"] == "discrete" {
                    codes(&features[feature], feature, &values)
                } else {
                    Axis::number(&features[feature], feature)
                }
            };
            let axes: Vec<Axis> = items.iter().map(axis).collect();
            let found = effects.ale(&axes, json["bins"].as_u64().unwrap() as usize).unwrap();
            let (low, high) =
                effects.predictions().iter().fold((f32::MAX, f32::MIN), |(l, h), &p| (l.min(p), h.max(p)));
            for ((item, axis), found) in items.iter().zip(&axes).zip(&found) {
                check(item, axis, found, RELATIVE * f64::from(high - low));
            }
        }
    }
}

fn check(item: &Value, axis: &Axis, found: &Ale, tolerance: f64) {
    let sizes = floats(&item["size"]);
    let total: f64 = sizes.iter().sum();
    assert_eq!(found.axis, axis.name);
    if axis.categories.is_empty() {
        let edges = |edges: &[f64]| edges.iter().map(|&edge| edge as f32).collect::<Vec<f32>>();
        assert_eq!(edges(&found.edges), edges(&floats(&item["edges"])), "{}", axis.name);
        let share: Vec<f64> = sizes.iter().map(|size| size / total).collect();
        assert_near(&axis.name, &found.share, &share, EXACT);
    } else {
        assert_near(&axis.name, &found.edges, &(0..axis.categories.len()).map(|at| at as f64).collect::<Vec<_>>(), 0.0);
        assert_eq!(found.labels, axis.categories.iter().map(|c| c.label.clone()).collect::<Vec<_>>());
    }
    assert_near(&axis.name, &found.effect, &floats(&item["effect"]), tolerance);
}

#[test]
fn a_linear_model_gives_its_line() {
    let rows = random_rows(1, (90, 2), -2.0, 2.0);
    let weights = noise(2, 90, 0.0, 1.0);
    let probability = |x: &[f32]| [1.0 / (1.0 + (-(0.75 * x[0] - 0.5 * x[1])).exp())];
    for device in devices() {
        let line = effects(weighted(rows.clone(), &weights), |x| [3.0 * x[0] - x[1]], &device);
        let background = weighted(rows.clone(), &weights);
        let curved = Effects::builder(model(2, probability), background).link(Link::Logit).build(&device).unwrap();
        for (effects, slopes, magnitude) in [(line, [3.0, -1.0], 8.0), (curved, [0.75, -0.5], 1.0 / (0.07 * 0.93))] {
            let found = effects.ale(&[Axis::number("a", 0), Axis::number("b", 1)], 7).unwrap();
            for (found, slope) in found.iter().zip(slopes) {
                assert_eq!(found.edges.len(), 8);
                let middle = |bin: usize| (found.edges[bin] + found.edges[bin + 1]) / 2.0;
                let centre: f64 = (0..7).map(|bin| found.share[bin] * middle(bin)).sum();
                let line: Vec<f64> = found.edges.iter().map(|edge| slope * (edge - centre)).collect();
                // Each of 7 accumulated differences has two outputs of a few roundings; the centre doubles that. Where p(1 − p) is
                // least, at |score| 2.5, the logit stretches roundings of p.
                let tolerance = pellucid_tests::compare::rounding(2 * 7 * 2 * 4, magnitude);
                assert_near(&found.axis, &found.effect, &line, tolerance);
                assert_near(&found.axis, &found.stderr, &[0.0; 8], tolerance);
                let mean: f64 =
                    (0..7).map(|bin| found.share[bin] * (found.effect[bin] + found.effect[bin + 1]) / 2.0).sum();
                assert!(mean.abs() < EXACT, "mean effect {mean}");
            }
        }
    }
}

fn product(x: &[f32]) -> [f32; 1] {
    [x[0] * x[1] + x[0] * x[0]]
}

/// The same for numbers; NaN counts as −9.
fn tolerant(x: &[f32]) -> [f32; 1] {
    product(&[x[0].max(-9.0), x[1]])
}

/// A row's part in each bin it moves across: the bin, its weight and how much the output changes.
type Parts = Vec<Vec<(usize, f64, f64)>>;

/// Effects and errors from every row's influence on each edge, for parts and the share of the weight at each edge.
fn direct(parts: &Parts, mass: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let bins = mass.len() - 1;
    let of_bin = |bin: usize| parts.iter().flatten().filter(move |part| part.0 == bin);
    let weight: Vec<f64> = (0..bins).map(|bin| of_bin(bin).map(|p| p.1).sum()).collect();
    let mean: Vec<f64> = (0..bins).map(|bin| of_bin(bin).map(|p| p.1 * p.2).sum::<f64>() / weight[bin]).collect();
    let accumulated: Vec<f64> = (0..=bins).map(|edge| mean[..edge].iter().sum()).collect();
    let centre: f64 = accumulated.iter().zip(mass).map(|(a, m)| a * m).sum();
    let influence = |edge: usize, &(bin, w, change): &(usize, f64, f64)| {
        let n = of_bin(bin).count() as f64;
        let c = f64::from(u8::from(bin < edge)) - mass[bin + 1..].iter().sum::<f64>();
        c * w / weight[bin] * (change - mean[bin]) * (n / (n - 1.0)).sqrt()
    };
    let of_row = |edge: usize, row: &Vec<_>| row.iter().map(|part| influence(edge, part)).sum::<f64>().powi(2);
    let error = |edge: usize| parts.iter().map(|row| of_row(edge, row)).sum::<f64>().sqrt();
    (accumulated.iter().map(|a| a - centre).collect(), (0..=bins).map(error).collect())
}

#[test]
fn numbers_equal_the_direct_formula() {
    let mut rows = random_rows(3, (80, 2), -1.0, 3.0);
    rows[(5, 0)] = f32::NAN;
    let weights = noise(4, 80, 0.1, 1.0);
    for device in devices() {
        let found = effects(weighted(rows.clone(), &weights), tolerant, &device);
        let found = &found.ale(&[Axis::number("a", 0)], 6).unwrap()[0];
        let known = |row: &usize| !rows[(*row, 0)].is_nan();
        let total: f64 = (0..80).filter(known).map(|row| f64::from(weights[row])).sum();
        let (mut parts, mut mass) = (Parts::new(), vec![0.0; 7]);
        for row in (0..80).filter(known) {
            let x = f64::from(rows[(row, 0)]);
            let bin = (0..6).find(|&bin| x <= found.edges[bin + 1]).unwrap();
            let at = |edge: usize| f64::from(product(&[found.edges[edge] as f32, rows[(row, 1)]])[0]);
            let weight = f64::from(weights[row]) / total;
            parts.push(vec![(bin, weight, at(bin + 1) - at(bin))]);
            mass[bin] += weight / 2.0;
            mass[bin + 1] += weight / 2.0;
        }
        let (effect, stderr) = direct(&parts, &mass);
        assert_near("effect", &found.effect, &effect, EXACT);
        assert_near("stderr", &found.stderr, &stderr, EXACT);
        let below = |edge: f64| {
            (0..80)
                .filter(known)
                .filter(|&r| f64::from(rows[(r, 0)]) <= edge)
                .map(|r| f64::from(weights[r]))
                .sum::<f64>()
        };
        for (k, &edge) in found.edges.iter().enumerate().skip(1) {
            assert!(below(edge) / total >= k as f64 / 6.0 - EXACT, "edge {k} is a quantile");
            assert!(below(edge - 1e-6) / total < k as f64 / 6.0 + EXACT, "edge {k} is the least");
        }
    }
}

#[test]
fn ordinal_columns_equal_the_direct_formula() {
    let mut rows = random_rows(5, (60, 2), -1.0, 3.0);
    // Codes out of order, a category that does not occur, and rows of no category.
    let (category, code) = ([0, 1, 3, 4], [20.0, 10.0, 99.0, 30.0, 5.0]);
    (0..60).for_each(|row| rows[(row, 0)] = code[category[(7 * row + row / 5) % 4]]);
    rows[(7, 0)] = f32::NAN;
    rows[(8, 0)] = 77.0;
    let known = |row: &usize| code.contains(&rows[(*row, 0)]);
    for device in devices() {
        let effects = effects(Background::uniform(rows.clone()), tolerant, &device);
        let found = &effects.ale(&[codes("a", 0, &code)], 20).unwrap()[0];
        assert_eq!(found.edges, category.map(|c| c as f64));
        assert_eq!(found.labels, ["20", "10", "30", "5"]);
        let (mut parts, mut mass) = (Parts::new(), vec![0.0; 4]);
        for row in (0..60).filter(known) {
            let own = (0..4).find(|&at| code[category[at]] == rows[(row, 0)]).unwrap();
            let at = |edge: usize| f64::from(product(&[code[category[edge]], rows[(row, 1)]])[0]);
            let bins = (0..3).filter(|&bin| bin == own || bin + 1 == own);
            parts.push(bins.map(|bin| (bin, 1.0, at(bin + 1) - at(bin))).collect());
            mass[own] += 1.0 / 58.0;
        }
        let (effect, stderr) = direct(&parts, &mass);
        // Outputs are up to 1000, a hundred times those of the other test.
        assert_near("effect", &found.effect, &effect, 100.0 * EXACT);
        assert_near("stderr", &found.stderr, &stderr, 100.0 * EXACT);
        let mean: f64 = found.effect.iter().zip(&mass).map(|(e, m)| e * m).sum();
        assert!(mean.abs() < 100.0 * EXACT, "mean effect {mean}");
    }
}

#[test]
fn errors_are_those_of_other_rows_with_the_same_column() {
    const DRAWS: usize = 200;
    let draw = |seed: u64| {
        let mut rows = random_rows(100 + seed, (100, 2), -1.0, 3.0);
        (0..100).for_each(|row| rows[(row, 0)] = row as f32 / 50.0);
        effects(Background::uniform(rows), product, &Device::cpu()).ale(&[Axis::number("a", 0)], 5).unwrap().remove(0)
    };
    let draws: Vec<Ale> = (0..DRAWS as u64).map(draw).collect();
    for edge in 0..6 {
        let mean = draws.iter().map(|d| d.effect[edge]).sum::<f64>() / DRAWS as f64;
        let spread = (draws.iter().map(|d| (d.effect[edge] - mean).powi(2)).sum::<f64>() / (DRAWS - 1) as f64).sqrt();
        let stderr = (draws.iter().map(|d| d.stderr[edge].powi(2)).sum::<f64>() / DRAWS as f64).sqrt();
        // The standard deviation of a standard deviation of 200 is 5 % of it; four of these.
        assert!((stderr / spread - 1.0).abs() < 0.2, "edge {edge}: stderr {stderr}, spread {spread}");
    }
}

#[test]
fn constant_missing_and_rare_values() {
    let nan = f32::NAN;
    let rows = array![[1.0, 5.0, nan, 0.0], [2.0, 5.0, nan, 1.0], [3.0, 5.0, nan, 5.0], [9.0, 5.0, nan, 7.0]];
    for device in devices() {
        let effects = effects(Background::uniform(rows.clone()), |x| [x[0] * x[3]], &device);
        let axes = [
            Axis::number("a", 0),
            Axis::number("constant", 1),
            Axis::number("missing", 2),
            codes("one", 1, &[4.0, 5.0, 6.0]),
        ];
        let found = effects.ale(&axes, 4).unwrap();
        assert_eq!(found[0].edges, [1.0, 2.0, 3.0, 9.0]);
        // Changes 0 and 1 in the first bin have variance 1/2; the other bins hold a row each and take it. With masses 3/4, 3/8, 1/8
        // above the bins the variance of the first edge is (9/16·1/2 + 9/64 + 1/64)/2.
        assert!((found[0].stderr[0].powi(2) - 0.21875).abs() < EXACT, "{:?}", found[0].stderr);
        assert_eq!((&found[1].edges[..], &found[1].effect[..], &found[1].share[..]), (&[5.0][..], &[0.0][..], &[][..]));
        assert!(found[2].edges.is_empty() && found[2].effect.is_empty() && found[2].stderr.is_empty());
        assert_eq!((&found[3].edges[..], &found[3].labels[..]), (&[1.0][..], &["5".to_string()][..]));
        assert_eq!((&found[3].effect[..], &found[3].stderr[..]), (&[0.0][..], &[0.0][..]));
    }
}

#[test]
fn wrong_requests_are_refused() {
    let rows: Array2<f32> = random_rows(6, (10, 3), 0.0, 1.0);
    let effects = effects(Background::uniform(rows), product, &Device::cpu());
    assert!(refused(&effects, &[Axis::number("a", 0)], 0).contains("at least 1 bin"));
    let told = refused(&effects, &[Axis::number("a", 0), one_hot("colour", &[1, 2])], 5);
    assert!(told.contains("colour") && told.contains("order"), "{told}");
}
