//! scikit-learn's partial dependence by brute force (tests/fixtures/oracles/pdp.json).

use ndarray::{Array2, s};
use pellucid::Device;
use pellucid::data::Background;
use pellucid::effect::{Axis, Curve, Effects, Grid, GridChoice};
use pellucid::model::onnx::{Graph, OnnxModel};
use pellucid_tests::{devices, fixture};
use serde_json::Value;

/// Share of a curve's range: f32 arithmetic in the model and the sums.
const RELATIVE: f64 = 1e-5;

/// One model of the file with its first 200 rows.
struct Case {
    json: Value,
    columns: Vec<String>,
    rows: Array2<f32>,
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(fixture("oracles/pdp.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let case = |json: &Value| {
        let table = std::fs::read_to_string(fixture(&format!("data/{}/train.csv", json["data"].as_str().unwrap())));
        let table = table.unwrap();
        let (header, lines) = table.split_once('\n').unwrap();
        let columns: Vec<String> = header.trim().split(',').map(str::to_owned).collect();
        let features = columns.len() - 1;
        let cells = |line: &str| line.split(',').take(features).map(|cell| cell.parse().unwrap()).collect::<Vec<f32>>();
        let cells: Vec<f32> = lines.lines().take(200).flat_map(cells).collect();
        let rows = Array2::from_shape_vec((cells.len() / features, features), cells).unwrap();
        Case { json: json.clone(), columns: columns[..features].to_vec(), rows }
    };
    json["models"].as_array().unwrap().iter().map(case).collect()
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn items<'a>(json: &'a Value, key: &str) -> &'a [Value] {
    json[key].as_array().map_or(&[], Vec::as_slice)
}

impl Case {
    fn effects(&self, outputs: usize, rows: Array2<f32>, device: &Device) -> Effects {
        let file = self.json["model"].as_str().unwrap().rsplit('/').next().unwrap();
        let model = OnnxModel::new(&Graph::load(fixture(&format!("models/{file}"))).unwrap(), device).unwrap();
        let all = pellucid::model::Model::output_names(&model).len();
        let targets = (all - outputs..all).collect();
        Effects::builder(model, Background::uniform(rows)).targets(targets).build(device).unwrap()
    }

    fn grids(&self, item: &Value) -> Vec<Grid> {
        let one = |(name, points): (&Value, &Value)| {
            let name = name.as_str().unwrap();
            let feature = self.columns.iter().position(|column| column == name).unwrap();
            let weights = vec![1.0 / self.rows.nrows() as f64; self.rows.nrows()];
            let choice = GridChoice::Points(numbers(points));
            Grid::new(&Axis::number(name, feature), self.rows.view(), &weights, &choice).unwrap()
        };
        let pairs = item["features"].as_array().unwrap().iter().zip(item["grid"].as_array().unwrap());
        pairs.map(one).collect()
    }
}

/// What went wrong, if a curve is farther than the tolerance from the expected one.
#[track_caller]
fn assert_near(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let (low, high) = expected.iter().fold((f64::MAX, f64::MIN), |(l, h), &y| (l.min(y), h.max(y)));
    let tolerance = RELATIVE * (high - low);
    assert!(tolerance > 0.0, "{what}: a flat curve cannot be compared by its range");
    for (point, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance, "{what}, point {point}: {a} for {b}, tolerance {tolerance:.1e}");
    }
}

/// A mean and its lines: lines are compared within the range of all of them, since single lines may be flat.
fn check_curve(what: &str, curve: &Curve, order: &[usize], average: &[f64], individual: &[Value]) {
    assert_near(what, &curve.mean, average);
    let line = |row: usize| order.iter().position(|&given| given == row).unwrap();
    let found: Vec<f64> =
        (0..individual.len()).flat_map(|row| curve.ice[line(row)].iter().map(|&y| f64::from(y))).collect();
    let expected: Vec<f64> = individual.iter().flat_map(numbers).collect();
    assert_near(&format!("{what}, lines"), &found, &expected);
}

#[test]
fn curves_and_lines_equal_scikit_learns() {
    for device in devices() {
        let mut compared = 0;
        for case in cases() {
            let single: Vec<&Value> =
                items(&case.json, "items").iter().filter(|item| item["grid"].as_array().unwrap().len() == 1).collect();
            let Some(first) = single.first() else { continue };
            let outputs = items(first, "average").len();
            let effects = case.effects(outputs, case.rows.clone(), &device);
            let grids: Vec<Grid> = single.iter().flat_map(|item| case.grids(item)).collect();
            let curves = effects.curves(&grids, usize::MAX).unwrap();
            assert_eq!(curves.len(), grids.len() * outputs);
            for (at, curve) in curves.iter().enumerate() {
                let (item, k) = (single[at / outputs], at % outputs);
                let what =
                    format!("{} {} of {} on {}", case.json["model"], item["features"], curve.output, device.name());
                let individual = item["individual"][k].as_array().unwrap();
                check_curve(&what, curve, effects.order(), &numbers(&item["average"][k]), individual);
                compared += 1;
            }
        }
        assert_eq!(compared, 14);
    }
}

#[test]
fn surfaces_equal_scikit_learns() {
    for device in devices() {
        let mut compared = 0;
        for case in cases() {
            for item in items(&case.json, "items").iter().filter(|item| item["grid"].as_array().unwrap().len() == 2) {
                let grids = case.grids(item);
                let pair = [(grids[0].clone(), grids[1].clone())];
                let outputs = items(item, "average").len();
                let flat = |table: &Value| table.as_array().unwrap().iter().flat_map(numbers).collect::<Vec<f64>>();
                let check = |rows: Array2<f32>, expected: &dyn Fn(usize) -> Vec<f64>| {
                    let effects = case.effects(outputs, rows, &device);
                    for (k, surface) in effects.surfaces(&pair).unwrap().iter().enumerate() {
                        let what = format!("{} {} on {}", case.json["model"], item["features"], device.name());
                        assert_near(&what, &surface.mean.concat(), &expected(k));
                    }
                };
                check(case.rows.clone(), &|k| flat(&item["average"][k]));
                // The surface of a background of one row is that row's own.
                for row in 0..item["individual"][0].as_array().unwrap().len() {
                    check(case.rows.slice(s![row..row + 1, ..]).to_owned(), &|k| flat(&item["individual"][k][row]));
                }
                compared += 1;
            }
        }
        assert_eq!(compared, 4);
    }
}

#[test]
fn one_hot_groups_equal_scikit_learns() {
    for device in devices() {
        let mut compared = 0;
        for case in cases() {
            for group in items(&case.json, "one_hot_groups") {
                let name = group["group"].as_str().unwrap();
                let place =
                    |category: &Value| case.columns.iter().position(|c| c == category.as_str().unwrap()).unwrap();
                let features: Vec<usize> = group["categories"].as_array().unwrap().iter().map(place).collect();
                let effects = case.effects(1, case.rows.clone(), &device);
                let axis = Axis::one_hot(name, &features, &case.columns, effects.rows()).unwrap();
                let grid = Grid::new(&axis, effects.rows(), effects.weights(), &GridChoice::Quantiles(50)).unwrap();
                assert!((grid.histogram.share.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{name}");
                let curves = effects.curves(&[grid], usize::MAX).unwrap();
                let what = format!("{name} on {}", device.name());
                let individual = group["individual"].as_array().unwrap();
                check_curve(&what, &curves[0], effects.order(), &numbers(&group["average"]), individual);
                compared += 1;
            }
        }
        assert_eq!(compared, 3);
    }
}
