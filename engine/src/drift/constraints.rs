//! A baseline as a file: `analysis.json` of SageMaker Clarify and of `pellucid analyze`, and `constraints.json`, which has the same form.

use super::attribution::Importance;
use super::bias::interval_of;
use crate::bias::{BiasReport, Metric, MetricValue, Stage};
use crate::{Error, Result};
use serde_json::{Map, Value, json};
use std::path::Path;

const STAGES: [(&str, Stage); 2] =
    [("pre_training_bias_metrics", Stage::PreTraining), ("post_training_bias_metrics", Stage::PostTraining)];

/// What new data is held against.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Constraints {
    /// The label's column and its positive values or threshold, as `1`, `A,B`, `(150.0, 346.0]`.
    pub label: Option<(String, String)>,
    pub metrics: Vec<Constraint>,
    /// Mean |φ| of each output's players.
    pub importance: Vec<Importance>,
}

/// One metric of one group.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    pub stage: Stage,
    pub facet: String,
    pub facet_value: String,
    /// Short name: `DPL`.
    pub metric: String,
    pub value: Option<f64>,
    /// Of the bootstrap or by formula; files have none.
    pub interval: Option<(f64, f64)>,
    /// Why there is no value.
    pub error: Option<String>,
}

impl Constraints {
    /// What was measured on a baseline table.
    pub fn of_report(found: &BiasReport) -> Constraints {
        let of = |facet: &crate::bias::FacetBias, stage: Stage, m: &MetricValue| Constraint {
            stage,
            facet: facet.facet.clone(),
            facet_value: facet.value_or_threshold.clone(),
            metric: m.name.into(),
            value: m.value,
            interval: interval_of(m),
            error: m.error.clone(),
        };
        let mut metrics = Vec::new();
        for facet in &found.facets {
            for (_, stage) in STAGES {
                metrics.extend(facet.stage(stage).iter().map(|m| of(facet, stage, m)));
            }
        }
        let label = Some((found.label.clone(), found.label_value_or_threshold.clone()));
        Constraints { label, metrics, importance: Vec::new() }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// A file that is missing, no JSON, or has neither bias metrics nor SHAP values in the form of an `analysis.json`.
    pub fn open(path: impl AsRef<Path>) -> Result<Constraints> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
        let hint = "give an analysis.json of SageMaker Clarify or of `pellucid analyze`, or a constraints.json of `pellucid monitor`";
        let bad = |what: String| Error::input(format!("{}: {what}", path.display())).hint(hint);
        let document: Value = serde_json::from_str(&text).map_err(|e| bad(format!("not JSON: {e}")))?;
        Constraints::from_json(&document).map_err(bad)
    }

    /// Reads a document.
    ///
    /// # Errors
    /// What is not as it should be, and where.
    pub fn from_json(document: &Value) -> Result<Constraints, String> {
        let mut found = Constraints::default();
        for (key, stage) in STAGES {
            if let Some(section) = document.get(key).filter(|section| !section.is_null()) {
                found.add_stage(section, stage).map_err(|what| format!("{key}: {what}"))?;
            }
        }
        if let Some(shap) = document.pointer("/explanations/kernel_shap").and_then(Value::as_object) {
            found.importance = shap.iter().filter_map(|(output, values)| importance(output, values)).collect();
        }
        match found.metrics.is_empty() && found.importance.is_empty() {
            true => Err("it has neither bias metrics nor SHAP values of an analysis".into()),
            false => Ok(found),
        }
    }

    fn add_stage(&mut self, section: &Value, stage: Stage) -> Result<(), String> {
        let text = |key: &str| section.get(key).and_then(words).ok_or_else(|| format!("there is no `{key}`"));
        let label = (text("label")?, text("label_value_or_threshold")?);
        if self.label.get_or_insert_with(|| label.clone()) != &label {
            return Err("it is of another label than the other stage".into());
        }
        let facets = section.get("facets").and_then(Value::as_object).ok_or("there is no `facets`")?;
        for (facet, groups) in facets {
            for group in groups.as_array().ok_or_else(|| format!("the facet `{facet}` is no list"))? {
                let value = group.get("value_or_threshold").and_then(words);
                let facet_value = value.ok_or_else(|| format!("a group of `{facet}` has no `value_or_threshold`"))?;
                let metrics = group.get("metrics").and_then(Value::as_array);
                for metric in metrics.ok_or_else(|| format!("a group of `{facet}` has no `metrics`"))? {
                    let name = metric.get("name").and_then(Value::as_str);
                    self.metrics.push(Constraint {
                        stage,
                        facet: facet.clone(),
                        facet_value: facet_value.clone(),
                        metric: name.ok_or_else(|| format!("a metric of `{facet}` has no `name`"))?.into(),
                        value: value_of(metric.get("value"))
                            .map_err(|what| format!("a value of `{facet}` is {what}"))?,
                        interval: None,
                        error: metric.get("error").and_then(Value::as_str).map(String::from),
                    });
                }
            }
        }
        Ok(())
    }

    /// The metrics of one facet.
    pub fn of_facet<'a>(&'a self, facet: &'a str) -> impl Iterator<Item = &'a Constraint> {
        self.metrics.iter().filter(move |c| c.facet == facet)
    }

    /// In the form of an `analysis.json`. Infinite values are the strings `Infinity` and `-Infinity`, as in the reference.
    pub fn to_json(&self) -> Value {
        let mut document = Map::from_iter([("version".to_string(), json!("1.0"))]);
        for (key, stage) in STAGES {
            if let Some(section) = self.stage(stage) {
                document.insert(key.into(), section);
            }
        }
        if !self.importance.is_empty() {
            let of = |i: &Importance| {
                let values: Map<String, Value> =
                    i.players.iter().cloned().zip(i.values.iter().map(|v| json!(v))).collect();
                (i.output.clone(), json!({"global_shap_values": values, "expected_value": i.base_value}))
            };
            let outputs: Map<String, Value> = self.importance.iter().map(of).collect();
            document.insert("explanations".into(), json!({"kernel_shap": outputs}));
        }
        Value::Object(document)
    }

    fn stage(&self, stage: Stage) -> Option<Value> {
        let (label, value) = self.label.as_ref()?;
        let mut facets: Map<String, Value> = Map::new();
        for c in self.metrics.iter().filter(|c| c.stage == stage) {
            let groups = facets.entry(c.facet.clone()).or_insert_with(|| json!([])).as_array_mut()?;
            if groups.last().is_none_or(|group| group["value_or_threshold"] != c.facet_value.as_str()) {
                groups.push(json!({"value_or_threshold": c.facet_value, "metrics": []}));
            }
            groups.last_mut()?["metrics"].as_array_mut()?.push(c.to_json());
        }
        (!facets.is_empty()).then(|| json!({"label": label, "label_value_or_threshold": value, "facets": facets}))
    }
}

impl Constraint {
    fn to_json(&self) -> Value {
        let value = match self.value {
            Some(f64::INFINITY) => json!("Infinity"),
            Some(f64::NEG_INFINITY) => json!("-Infinity"),
            value => json!(value),
        };
        let description = Metric::named(&self.metric).map_or(self.metric.as_str(), |metric| metric.full_name);
        let mut metric = json!({"name": self.metric, "description": description, "value": value});
        if let Some(why) = &self.error {
            metric["error"] = json!(why);
        }
        metric
    }
}

/// A text, or a number as text.
fn words(value: &Value) -> Option<String> {
    value.as_str().map(String::from).or_else(|| value.is_number().then(|| value.to_string()))
}

fn value_of(value: Option<&Value>) -> Result<Option<f64>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(n)) => Ok(n.as_f64()),
        Some(Value::String(text)) => match text.as_str() {
            "Infinity" | "∞" => Ok(Some(f64::INFINITY)),
            "-Infinity" | "-∞" => Ok(Some(f64::NEG_INFINITY)),
            _ => Err(format!("`{text}`")),
        },
        Some(other) => Err(format!("`{other}`")),
    }
}

fn importance(output: &str, found: &Value) -> Option<Importance> {
    let values = found.get("global_shap_values")?.as_object()?;
    let (players, values): (Vec<String>, Vec<f64>) =
        values.iter().filter_map(|(player, value)| Some((player.clone(), value.as_f64()?))).unzip();
    let base_value = found.get("expected_value").and_then(Value::as_f64).unwrap_or(f64::NAN);
    let stderr = vec![f64::NAN; values.len()];
    (!players.is_empty()).then(|| Importance {
        output: output.into(),
        link: String::new(),
        players,
        values,
        stderr,
        base_value,
    })
}

/// Whether two texts of values or thresholds mean the same rows: `1` and `1.0`, and intervals with one lower end, for the upper end of
/// `(40.0, 79.2]` is the largest value of the table at hand.
pub(super) fn same_group(a: &str, b: &str) -> bool {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|x| !x.is_nan());
    let lower = |text: &str| number(text.strip_prefix('(')?.strip_suffix(']')?.split_once(',')?.0);
    let same = |x: Option<f64>, y: Option<f64>| x.is_some() && x == y;
    // Groups of an intersection, part by part.
    let parts = |text: &'_ str| text.split(" × ").map(String::from).collect::<Vec<_>>();
    let (left, right) = (parts(a), parts(b));
    if left.len() > 1 && left.len() == right.len() {
        return left.iter().zip(&right).all(|(a, b)| same_group(a, b));
    }
    a == b || same(number(a), number(b)) || same(lower(a), lower(b))
}
