//! smclarify 0.5 on all cases of tests/fixtures/oracles/bias, and the textbook distances.

use super::open;
use pellucid::bias::{
    BiasReport, BiasRequest, FacetBias, MetricValue, Mode, Predicted, Selection, Stage, Value, measure,
};
use pellucid_tests::fixture;
use serde_json::Value as Json;

/// Relative; both sides compute in f64. The absolute part is four roundings of numbers of size 1, which differences of rates have
/// however small they are themselves.
fn close(found: f64, expected: f64) -> bool {
    found == expected || (found - expected).abs() <= 1e-12 * expected.abs() + 4.0 * f64::EPSILON
}

fn number(json: &Json) -> Option<f64> {
    match json.as_str() {
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        _ => json.as_f64(),
    }
}

fn values(json: &Json) -> Vec<Value> {
    serde_json::from_value(json.clone()).unwrap_or_default()
}

fn request(config: &Json, mode: Mode) -> BiasRequest {
    let of = |name: &Json, wanted: &Json| Selection {
        column: name.as_str().unwrap().into(),
        values: values(wanted),
        kind: None,
    };
    let facets = config["facet"].as_array().unwrap();
    let facets = facets.iter().map(|f| of(&f["name_or_index"], &f["value_or_threshold"])).collect();
    let mut request = BiasRequest::new(of(&config["label"], &config["label_values_or_threshold"]), facets);
    request.predicted = config["predicted_label"].as_str().map(|name| Predicted::Label(name.into()));
    request.group = config["group_variable"].as_str().map(String::from);
    request.mode = mode;
    request
}

/// Name, table, configuration and answer of every case.
fn cases() -> Vec<(String, tempfile::TempDir, Json, Json)> {
    let folder = fixture("oracles/bias");
    let json =
        |path: std::path::PathBuf| -> Json { serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() };
    let mut cases = Vec::new();
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 14);
    for name in names {
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(folder.join(&name).join("data.csv"), copy.path().join("data.csv")).unwrap();
        let at = folder.join(&name);
        cases.push((name, copy, json(at.join("config.json")), json(at.join("expected.json"))));
    }
    for edge in json(folder.join("edges.json")).as_array().unwrap() {
        let copy = tempfile::tempdir().unwrap();
        std::fs::write(copy.path().join("data.csv"), edge["csv"].as_str().unwrap()).unwrap();
        cases.push((edge["name"].as_str().unwrap().into(), copy, edge["config"].clone(), edge["expected"].clone()));
    }
    cases
}

fn report(folder: &tempfile::TempDir, config: &Json, mode: Mode) -> BiasReport {
    measure(&open(&folder.path().join("data.csv")), &request(config, mode)).unwrap()
}

#[test]
fn every_case_as_the_reference_has_it() {
    let mut compared = 0;
    for (name, folder, config, expected) in cases() {
        let report = report(&folder, &config, Mode::Clarify);
        for (stage, key) in
            [(Stage::PreTraining, "pre_training_bias_metrics"), (Stage::PostTraining, "post_training_bias_metrics")]
        {
            let section = &expected["analysis"][key];
            assert_eq!(report.label_value_or_threshold, section["label_value_or_threshold"], "{name}");
            for (facet, blocks) in section["facets"].as_object().unwrap() {
                let found: Vec<&FacetBias> = report.facets.iter().filter(|f| f.facet == *facet).collect();
                let blocks = blocks.as_array().unwrap();
                assert_eq!(found.len(), blocks.len(), "{name}: blocks of {facet}");
                for (found, block) in found.iter().zip(blocks) {
                    compared += compare(&name, stage, found, block, &expected["ft_range"]);
                }
            }
            stats(&name, stage, &report, &expected["basic_stats"][key]);
        }
    }
    assert!(compared > 1500, "{compared} values");
}

fn compare(name: &str, stage: Stage, found: &FacetBias, block: &Json, ranges: &Json) -> usize {
    let at = format!("{name}: {} = {}", found.facet, found.value_or_threshold);
    if let Some(refused) = block["report_error"]["message"].as_str() {
        let error = if stage == Stage::PreTraining { &found.pre_error } else { &found.post_error };
        assert_eq!(error.as_deref(), Some(refused), "{at}");
        assert!(found.stage(stage).is_empty(), "{at}");
        return 1;
    }
    assert_eq!(found.value_or_threshold, block["value_or_threshold"], "{at}");
    let expected = block["metrics"].as_array().unwrap();
    let metrics = found.stage(stage);
    let names = |m: &MetricValue| m.name.to_string();
    assert_eq!(
        metrics.iter().map(names).collect::<Vec<_>>(),
        expected.iter().map(|m| m["name"].as_str().unwrap()).collect::<Vec<_>>(),
        "{at}"
    );
    for (metric, expected) in metrics.iter().zip(expected) {
        let at = format!("{at}: {}", metric.name);
        assert_eq!(metric.error.as_deref(), expected["error"].as_str(), "{at}");
        let facts = pellucid::bias::Metric::named(metric.name).unwrap();
        assert_eq!(facts.full_name, expected["description"], "{at}");
        match (metric.name, metric.value, number(&expected["value"])) {
            ("FT", Some(value), Some(expected)) => {
                let range = ft_range(found, ranges).unwrap_or([expected; 2]);
                let (low, high) = (range[0] - 1e-12, range[1] + 1e-12);
                assert!(low <= value && value <= high, "{at}: {value} outside {range:?} (reference {expected})");
            }
            (_, Some(value), Some(expected)) => assert!(close(value, expected), "{at}: {value} for {expected}"),
            (_, value, expected) => assert_eq!(value, expected, "{at}"),
        }
    }
    expected.len()
}

/// What any choice among neighbours of one distance could give.
fn ft_range(found: &FacetBias, ranges: &Json) -> Option<[f64; 2]> {
    let all = ranges[&found.facet].as_array()?;
    let shown = |v: &Value| match v {
        Value::Text(text) => text.clone(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Integer(value) => value.to_string(),
        Value::Number(value) => format!("{value:?}"),
    };
    let fits = |entry: &&Json| {
        let listed = values(&entry["value_or_threshold"]).iter().map(shown).collect::<Vec<_>>().join(",");
        let threshold = listed.parse::<f64>().ok();
        let from = found.value_or_threshold.strip_prefix('(').and_then(|t| t.split_once(','));
        listed == found.value_or_threshold
            || (threshold.is_some() && from.and_then(|(t, _)| t.parse().ok()) == threshold)
    };
    let entry = all.iter().find(fits)?;
    Some([0, 1].map(|end| entry["range"][end].as_f64().unwrap()))
}

fn stats(name: &str, stage: Stage, report: &BiasReport, expected: &Json) {
    for (facet, blocks) in expected.as_object().unwrap() {
        let found = report.facets.iter().filter(|f| f.facet == *facet);
        for (found, block) in found.zip(blocks.as_array().unwrap()) {
            let Some(metrics) = block["metrics"].as_array() else { continue };
            let found = found.stats.as_ref().unwrap();
            let mut values = vec![found.proportion];
            values.extend(found.observed_label_distribution);
            if stage == Stage::PostTraining {
                values.extend(found.confusion_matrix.unwrap());
            }
            let expected: Vec<f64> = metrics
                .iter()
                .flat_map(|m| m["value"].as_array().cloned().unwrap_or_else(|| vec![m["value"].clone()]))
                .map(|v| v.as_f64().unwrap())
                .collect();
            assert_eq!(values.len(), expected.len(), "{name}: {facet}");
            values.iter().zip(&expected).for_each(|(a, b)| assert!(close(*a, *b), "{name}: {facet}: {a} for {b}"));
        }
    }
}

#[test]
fn performance_as_the_reference_has_it() {
    for (name, folder, config, expected) in cases() {
        let found = report(&folder, &config, Mode::Clarify).performance;
        let expected = &expected["model_performance"];
        let Some(metrics) = expected["model_performance_metrics"].as_array() else {
            assert!(found.is_none(), "{name}");
            continue;
        };
        let found = found.unwrap();
        assert_eq!(found.metrics.len(), metrics.len());
        for (found, expected) in found.metrics.iter().zip(metrics) {
            assert_eq!(found.name, expected["name"], "{name}");
            assert_eq!(found.description, expected["description"], "{name}");
            let (value, expected) = (found.value.unwrap(), number(&expected["value"]).unwrap());
            assert!(close(value, expected), "{name}: {} {value} for {expected}", found.name);
        }
        for (found, expected) in
            found.binary_confusion_matrix.iter().zip(expected["binary_confusion_matrix"].as_array().unwrap())
        {
            assert!(close(*found, expected.as_f64().unwrap()), "{name}");
        }
        let classes = found.confusion_matrix.as_ref();
        let Some(rows) = expected["confusion_matrix"].as_object() else {
            // the reference cannot compare texts with numbers
            assert!(classes.is_none() || name == "predictions are texts", "{name}");
            continue;
        };
        if rows.contains_key("error") {
            continue; // labels with gaps: the reference cannot sort its classes
        }
        let classes = classes.unwrap();
        assert_eq!(classes.classes.len(), rows.len(), "{name}");
        let place = |class: &String| classes.classes.iter().position(|c| c == class).unwrap();
        for (observed, row) in rows {
            for (predicted, n) in row.as_object().unwrap() {
                let found = classes.counts[place(observed)][place(predicted)];
                assert_eq!(found as f64, n.as_f64().unwrap(), "{name}: {observed} as {predicted}");
            }
        }
    }
}

#[test]
fn distances_over_all_outcomes_by_default() {
    let (mut compared, mut apart) = (0, 0);
    for (name, folder, config, expected) in cases() {
        let report = report(&folder, &config, Mode::Correct);
        for union in expected["union_support"].as_array().unwrap() {
            let listed = values(&union["value_or_threshold"]);
            if report.notes.iter().any(|n| n.contains("missing")) {
                continue; // those rows are left out here
            }
            let facet = union["facet"].as_str().unwrap();
            let place = config["facet"]
                .as_array()
                .unwrap()
                .iter()
                .position(|f| f["name_or_index"] == facet && values(&f["value_or_threshold"]) == listed);
            let Some(place) = place else { continue };
            let text = request(&config, Mode::Clarify).facets[place].clone();
            let mut alone = request(&config, Mode::Correct);
            alone.facets = vec![text];
            let found = &measure(&open(&folder.path().join("data.csv")), &alone).unwrap().facets[0];
            if ["text False", "is cast to 1", "label threshold is"].iter().any(|other| name.contains(other)) {
                continue; // the reference selects other rows
            }
            for (metric, expected) in union["metrics"].as_object().unwrap() {
                let found = found.metric(metric).unwrap();
                let (value, expected) = (found.value.unwrap(), number(expected).unwrap());
                assert!(close(value, expected), "{name}: {facet}: {metric} {value} for {expected}");
                compared += 1;
                apart += usize::from(found.other.is_some());
            }
        }
    }
    assert!(compared > 200 && apart >= 10, "{compared} values, {apart} with another in the reference");
}

/// Whatever one mode says of the other is what the other says itself.
#[test]
fn both_modes_quote_each_other() {
    for (name, folder, config, _) in cases() {
        let [correct, clarify] = [Mode::Correct, Mode::Clarify].map(|mode| report(&folder, &config, mode));
        for own in &correct.facets {
            let other =
                clarify.facets.iter().find(|f| f.facet == own.facet && f.value_or_threshold == own.value_or_threshold);
            let Some(other) = other else { continue };
            for metric in own.pre.iter().chain(&own.post) {
                let at = format!("{name}: {} = {}: {}", own.facet, own.value_or_threshold, metric.name);
                let Some(theirs) = other.metric(metric.name) else { continue };
                let quoted = metric.other.as_ref().map_or(metric.value, |o| o.value);
                match (quoted, theirs.value) {
                    (Some(quoted), Some(value)) => assert!(close(quoted, value), "{at}: {quoted} for {value}"),
                    (quoted, value) => assert_eq!(quoted, value, "{at}"),
                }
                assert!(metric.other.as_ref().is_none_or(|o| !o.why.is_empty()), "{at}");
            }
        }
    }
}
