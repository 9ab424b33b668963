//! `analysis.json`: the reference's structure, and what we know beside it under keys of its own.

use super::bias::{Bias, SegmentBias};
use super::methods::{Aggregation, Methods};
use super::ordered::Json;
use super::pdp::Dependence;
use pellucid::bias::{BiasReport, FacetBias, Metric, MetricValue, Stage};
use pellucid::explain::GlobalExplanation;
use pellucid::{Error, Result};
use serde_json::Value;

/// The form of the document, which every one is checked against before it is written.
pub const SCHEMA: &str = include_str!("analysis.schema.json");

/// All that was found.
pub struct Found<'a> {
    pub methods: &'a Methods,
    pub bias: Option<&'a Bias>,
    /// Global values, the names of the outputs, and the players reported.
    pub shap: Option<(&'a [GlobalExplanation], &'a [usize], Aggregation)>,
    pub pdp: Option<&'a [Dependence]>,
    /// What SHAP values and curves call the outputs.
    pub labels: &'a [String],
    pub pdp_labels: &'a [String],
    /// Whether to write nothing that the reference does not.
    pub clarify: bool,
}

impl Found<'_> {
    pub fn document(&self) -> Json {
        let mut document = Json::object([("version", Json::from("1.0"))]);
        if let Some(bias) = self.bias {
            self.stages(&bias.all, &mut document);
        }
        let mut explanations = Json::Object(Vec::new());
        if let Some((global, kept, aggregation)) = self.shap {
            let of = global
                .iter()
                .zip(self.labels)
                .map(|(output, label)| (label.clone(), self.output(output, kept, aggregation)));
            explanations.put("kernel_shap", Json::object(of));
        }
        if let Some(found) = self.pdp {
            explanations.put("pdp", Json::list(found.iter().map(|one| self.dependence(one))));
        }
        if explanations != Json::Object(Vec::new()) {
            document.put("explanations", explanations);
        }
        let segments = self.bias.map_or(&[][..], |bias| &bias.segments);
        if !segments.is_empty() {
            document.put("segments", Json::list(segments.iter().map(|part| self.segment(part))));
        }
        if !self.clarify {
            document.put("pellucid", self.own());
        }
        document
    }

    fn stages(&self, found: &BiasReport, into: &mut Json) {
        let asked = [
            (Stage::PreTraining, "pre_training_bias_metrics", &self.methods.pre),
            (Stage::PostTraining, "post_training_bias_metrics", &self.methods.post),
        ];
        for (stage, key, names) in asked {
            if let Some(names) = names {
                into.put(key, self.stage(found, stage, names));
            }
        }
    }

    fn stage(&self, found: &BiasReport, stage: Stage, names: &[String]) -> Json {
        let mut facets: Vec<(String, Json)> = Vec::new();
        for facet in &found.facets {
            let block = self.block(facet, stage, names);
            match facets.iter_mut().find(|(name, _)| *name == facet.facet) {
                Some((_, Json::List(blocks))) => blocks.push(block),
                _ => facets.push((facet.facet.clone(), Json::List(vec![block]))),
            }
        }
        Json::object([
            ("label", Json::from(&found.label)),
            ("facets", Json::Object(facets)),
            ("label_value_or_threshold", Json::from(&found.label_value_or_threshold)),
        ])
    }

    fn block(&self, facet: &FacetBias, stage: Stage, names: &[String]) -> Json {
        let refused = if stage == Stage::PreTraining { &facet.pre_error } else { &facet.post_error };
        let value = |metric: &'static Metric| match facet.stage(stage).iter().find(|value| value.name == metric.name) {
            Some(value) => self.metric(metric, value),
            // The whole facet could not be measured.
            None => metric_without_value(metric, refused.as_deref().unwrap_or("it was not computed")),
        };
        let wanted = Metric::of_stage(stage).filter(|metric| names.iter().any(|name| name == metric.name));
        let mut block = Json::object([
            ("value_or_threshold", Json::from(&facet.value_or_threshold)),
            ("metrics", Json::list(wanted.map(value))),
        ]);
        if !self.clarify {
            block.put("rows", facet.d.rows);
            block.put("other_rows", facet.a.rows);
            block.put("read_as", facet.rule.as_str());
            if !facet.notes.is_empty() {
                block.put("notes", Json::list(facet.notes.iter()));
            }
        }
        block
    }

    fn metric(&self, metric: &Metric, value: &MetricValue) -> Json {
        let mut json = match &value.error {
            Some(error) if value.value.is_none() => metric_without_value(metric, error),
            _ => Json::object([
                ("name", Json::from(metric.name)),
                ("description", Json::from(metric.full_name)),
                ("value", Json::from(value.value)),
            ]),
        };
        if self.clarify {
            return json;
        }
        if let Some((low, high)) = value.interval {
            json.put("interval", Json::list([low, high]));
        }
        if let Some(other) = &value.other {
            let mut clarify = Json::object([("value", Json::from(other.value))]);
            if let Some(error) = &other.error {
                clarify.put("error", error);
            }
            clarify.put("why", &other.why);
            json.put("clarify", clarify);
        }
        json
    }

    fn output(&self, output: &GlobalExplanation, kept: &[usize], aggregation: Aggregation) -> Json {
        let values = || kept.iter().map(|&player| &output.values[player]);
        let of = |number: &dyn Fn(&pellucid::explain::GlobalValue) -> f64| {
            Json::object(values().map(|value| (value.player.clone(), Json::from(number(value)))))
        };
        let global = match aggregation {
            Aggregation::MeanAbs => of(&|value| value.mean_abs),
            Aggregation::MeanSquare => of(&|value| value.mean_square),
            Aggregation::Median => of(&|value| value.median),
        };
        let mut json =
            Json::object([("global_shap_values", global), ("expected_value", Json::from(output.base_value))]);
        if !self.clarify {
            match aggregation {
                Aggregation::MeanAbs => json.put("global_shap_stderr", of(&|value| value.mean_abs_stderr)),
                Aggregation::MeanSquare => json.put("global_shap_stderr", of(&|value| value.mean_square_stderr)),
                Aggregation::Median => {}
            }
            json.put("mean_shap_values", of(&|value| value.mean));
            json.put("rows", output.rows);
        }
        json
    }

    fn dependence(&self, one: &Dependence) -> Json {
        let kind = if one.categorical { "categorical" } else { "numerical" };
        let mut json = Json::object([("feature_name", Json::from(&one.feature)), ("data_type", Json::from(kind))]);
        let curves = match &one.found {
            Ok(curves) => curves,
            Err(error) => {
                json.put("error", error);
                return json;
            }
        };
        let Some(grid) = curves.first().map(|curve| &curve.grid) else { return json };
        json.put(
            "feature_values",
            match one.categorical {
                true => Json::list(grid.points.iter().map(|point| &point.label)),
                false => Json::list(grid.points.iter().map(|point| point.position)),
            },
        );
        json.put("data_distribution", Json::list(grid.histogram.share.iter().copied()));
        json.put("model_predictions", Json::list(curves.iter().map(|curve| Json::list(curve.mean.iter().copied()))));
        json.put("label_headers", Json::list(self.pdp_labels.iter()));
        if !self.clarify {
            json.put(
                "model_predictions_stderr",
                Json::list(curves.iter().map(|curve| Json::list(curve.stderr.iter().copied()))),
            );
        }
        json
    }

    fn segment(&self, part: &SegmentBias) -> Json {
        let mut json = Json::object([("config_name", Json::from(&part.config)), ("name", Json::from(&part.name))]);
        if let Some(alias) = &part.alias {
            json.put("display_alias", alias);
        }
        match &part.found {
            Ok(found) => {
                json.put("rows", found.rows);
                self.stages(found, &mut json);
            }
            Err(why) => json.put("error", why),
        }
        json
    }

    fn own(&self) -> Json {
        let mut json =
            Json::object([("version", Json::from(env!("CARGO_PKG_VERSION"))), ("mode", Json::from("correct"))]);
        if let Some(found) = self.bias.map(|bias| &bias.all) {
            json.put("rows", found.rows);
            json.put("label_read_as", found.label_rule.as_str());
            if let Some(rule) = &found.predicted_rule {
                json.put("prediction_read_as", rule.as_str());
            }
            json.put("notes", Json::list(found.notes.iter()));
        }
        json
    }
}

fn metric_without_value(metric: &Metric, error: &str) -> Json {
    Json::object([
        ("name", Json::from(metric.name)),
        ("description", Json::from(metric.full_name)),
        ("value", Json::Value(Value::Null)),
        ("error", Json::from(error)),
    ])
}

/// Checks a document against the schema.
///
/// # Errors
/// The first places that do not fit, by their paths.
pub fn check(document: &Value) -> Result<()> {
    let schema: Value = serde_json::from_str(SCHEMA).map_err(|error| Error::input(error.to_string()))?;
    let validator = jsonschema::validator_for(&schema).map_err(|error| Error::input(error.to_string()))?;
    let wrong: Vec<String> = validator
        .iter_errors(document)
        .take(3)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    match wrong.is_empty() {
        true => Ok(()),
        false => {
            Err(Error::input(format!("analysis.json does not have the form it should have: {}", wrong.join("; ")))
                .hint("this is a bug; report it with the configuration"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// In the forms that the reference has published.
    fn published() -> Value {
        json!({
            "version": "1.0",
            "pre_training_bias_metrics": {"label": "Target", "label_value_or_threshold": "1", "facets": {"Gender": [{
                "value_or_threshold": "0", "metrics": [
                    {"name": "CDDL", "description": "Conditional Demographic Disparity in Labels (CDDL)", "value": -0.06},
                    {"name": "KL", "description": "Kullback-Liebler Divergence (KL)", "value": null, "error": "No instance of common facet found, dataset may be too small"},
                ]
            }]}},
            "post_training_bias_metrics": {"label": "Target", "label_value_or_threshold": "(150.0, 346.0]", "facets": {"Gender": [{
                "value_or_threshold": "0", "metrics": [{"name": "TE", "description": "Treatment Equality (TE)", "value": "Infinity"}]
            }]}},
            "explanations": {
                "kernel_shap": {
                    "label0": {"global_shap_values": {"Age": 0.0225, "Job": -0.1}, "expected_value": 0.508},
                    "label1": {"global_top_shap_text": {"charming": 0.041}, "expected_value": 0.5},
                },
                "pdp": [
                    {"feature_name": "Income", "data_type": "numerical", "feature_values": [1046.9, 2000.0], "data_distribution": [0.32, 0.68], "model_predictions": [[0.69, 0.7]], "label_headers": ["Target"]},
                    {"feature_name": "Comments", "data_type": "free_text", "error": "Detected data type is not supported for PDP."},
                ],
            },
        })
    }

    #[test]
    fn the_schema_takes_published_forms_and_what_others_add() {
        check(&published()).unwrap();
        let mut more = published();
        more["pellucid"] = json!({"version": "0"});
        let metric = "/pre_training_bias_metrics/facets/Gender/0/metrics/0";
        more.pointer_mut(metric).unwrap()["interval"] = json!(["-Infinity", 0.1]);
        check(&more).unwrap();
    }

    #[test]
    fn the_schema_refuses_what_readers_would_stumble_over() {
        let metric = "/pre_training_bias_metrics/facets/Gender/0/metrics/0";
        let output = "/explanations/kernel_shap/label0";
        for (at, key, value) in [
            ("", "version", json!("2.0")),
            (metric, "value", json!("NaN")),
            (metric, "value", Value::Null),
            (metric, "name", json!("DPLL")),
            (metric, "interval", json!([0.1])),
            ("/post_training_bias_metrics", "label_value_or_threshold", json!(1)),
            (output, "expected_value", Value::Null),
            (output, "global_shap_values", json!({"Age": "high"})),
            ("/explanations/pdp/0", "data_type", json!("number")),
            ("/explanations/pdp/0", "model_predictions", json!([])),
            ("/explanations/pdp/0", "data_distribution", json!([1.5])),
        ] {
            let mut broken = published();
            broken.pointer_mut(at).unwrap()[key] = value.clone();
            let told = check(&broken).unwrap_err().to_string();
            let place = format!("{at}/{key}");
            assert!(told.contains(at) && told.contains("does not have the form"), "{place} = {value}: {told}");
        }
        assert!(check(&json!({"version": "1.0"})).is_err());
    }
}
