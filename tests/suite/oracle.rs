//! Explanations against exact reference values: enumerations in f64 made outside this project (tests/fixtures/oracles).

use ndarray::Array2;
use pellucid::Device;
use pellucid::data::Background;
use pellucid::design::Budget;
use pellucid::explain::{Explanation, KernelShap, Link, Players};
use pellucid::model::Model;
use pellucid::model::onnx::{Graph, OnnxModel};
use pellucid_tests::{devices, fixture};
use serde_json::Value;

/// Attributions are exact up to f32 arithmetic in the model and the sums: 1e-5 of the output range.
const RELATIVE: f64 = 1e-5;
/// On the log-odds scale an error of a probability p is stretched by 1/(p(1−p)); the fixtures' smallest mean probabilities are near 0.02.
const LOGIT: f64 = 5e-5;

struct Oracle {
    json: Value,
    name: &'static str,
}

impl Oracle {
    fn open(name: &'static str) -> Self {
        let text = std::fs::read_to_string(fixture(&format!("oracles/{name}.json"))).unwrap();
        Self { json: serde_json::from_str(&text).unwrap(), name }
    }

    fn rows(&self, key: &str) -> Array2<f32> {
        let rows = self.json[key].as_array().unwrap();
        let columns = rows[0].as_array().unwrap().len();
        let values = rows.iter().flat_map(|row| row.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32));
        Array2::from_shape_vec((rows.len(), columns), values.collect()).unwrap()
    }

    fn model(&self, device: &Device) -> OnnxModel {
        let file = self.json["model"].as_str().unwrap().rsplit('/').next().unwrap();
        OnnxModel::new(&Graph::load(fixture(&format!("models/{file}"))).unwrap(), device).unwrap()
    }

    /// Players as the oracle has them: groups of the model's features by column name, or every feature on its own.
    fn players(&self, block: &str, features: &[String]) -> Players {
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let columns: Vec<String> = self.json["columns"].as_array().unwrap().iter().map(text).collect();
        let feature = |column: &Value| features[columns.iter().position(|c| *c == text(column)).unwrap()].clone();
        let Some(groups) = [&self.json[block]["groups"], &self.json["groups"]].into_iter().find_map(Value::as_object)
        else {
            return Players::features(features);
        };
        let members = |name: &String| groups[name].as_array().unwrap().iter().map(feature).collect();
        // The groups of the cell measurements are listed in order in one of the files only.
        let other = Oracle::open("breast_cancer_mlp_groups").json;
        let order = [&self.json["players"], &other["players"]].map(|list| list.as_array().unwrap().iter().map(text));
        let order = order
            .map(Iterator::collect::<Vec<String>>)
            .into_iter()
            .find(|o| o.iter().all(|name| groups.contains_key(name)));
        let order = order.unwrap();
        let groups: Vec<(String, Vec<String>)> = order.iter().map(|name| (name.clone(), members(name))).collect();
        Players::grouped(features, &groups).unwrap()
    }

    fn explain(&self, block: &str, link: Link, device: &Device, budget: Budget) -> Explanation {
        let model = self.model(device);
        let players = self.players(block, model.feature_names());
        let mut background = self.rows("background");
        if block == "groups_exact" {
            // That block was made with the first 50 of the rows and 5 of the instances.
            background = background.slice(ndarray::s![..50, ..]).to_owned();
        }
        let n_reference = self.json[block]["value"]["phi"][0].as_array().unwrap().len();
        let n_outputs = model.output_names().len();
        let targets = (n_outputs - n_reference..n_outputs).collect();
        let shap = KernelShap::builder(model, Background::uniform(background))
            .players(players)
            .targets(targets)
            .link(link)
            .budget(budget)
            .build(device)
            .unwrap();
        let mut instances = self.rows("instances");
        if !device.is_cpu() {
            // A software GPU takes minutes for all of them.
            instances = instances.slice(ndarray::s![..2, ..]).to_owned();
        }
        shap.explain(instances.view()).unwrap()
    }

    fn check_exact(&self, block: &str, form: &str, link: Link, device: &Device) {
        let got = self.explain(block, link, device, Budget::Exact);
        let reference = &self.json[block][form];
        let n_rows = reference["f"].as_array().unwrap().len().min(got.n_rows());
        let f = |row: usize, k: usize| reference["f"][row][k].as_f64().unwrap();
        for k in 0..got.base_values.len() {
            let outputs = (0..n_rows).map(|row| f(row, k));
            let (low, high) = outputs.fold((f64::MAX, f64::MIN), |(l, h), y| (l.min(y), h.max(y)));
            let tolerance = if link == Link::Logit { LOGIT } else { RELATIVE * (high - low).max(1.0) };
            let base = reference["expected_value"][k].as_f64().unwrap();
            assert!(
                (got.base_values[k] - base).abs() <= tolerance,
                "{} base {} for {base}",
                self.name,
                got.base_values[k]
            );
            for row in 0..n_rows {
                for i in 0..got.values.dim().2 {
                    let (value, expected) =
                        (f64::from(got.values[(row, k, i)]), reference["phi"][row][k][i].as_f64().unwrap());
                    assert!(
                        (value - expected).abs() <= tolerance,
                        "{} {form} on {}: row {row} output {k} player {i}: {value} for {expected}, tolerance {tolerance:.1e}",
                        self.name,
                        device.name()
                    );
                }
            }
            assert!(got.worst_additivity_gap() <= tolerance, "{}: gap {:e}", self.name, got.worst_additivity_gap());
        }
    }
}

#[test]
fn exact_mode_equals_enumeration_in_f64() {
    for device in devices() {
        for (name, block) in [
            ("diabetes_mlp_regression", "exact"),
            ("wine_mlp", "exact"),
            ("breast_cancer_mlp_groups", "exact"),
            ("breast_cancer_logreg", "groups_exact"),
            ("adult_mlp_groups", "exact"),
        ] {
            let oracle = Oracle::open(name);
            oracle.check_exact(block, "value", Link::Identity, &device);
            if oracle.json[block]["logit_link"].is_object() {
                oracle.check_exact(block, "logit_link", Link::Logit, &device);
            }
        }
    }
}

#[test]
fn exact_mode_equals_enumeration_with_sixteen_players_and_ten_outputs() {
    // 2^16 coalitions x 10 background rows x 3 instances: the CPU only, a software GPU takes minutes.
    Oracle::open("digits_mlp_groups").check_exact("exact", "value", Link::Identity, &Device::cpu());
}
