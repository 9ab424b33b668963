//! `analyze` as a user meets it: configurations of SageMaker Clarify in, its files out.

mod support;

use serde_json::{Value, json};
use std::fs;
use support::{Folder, fixture, run};

fn read(folder: &Folder, name: &str) -> String {
    fs::read_to_string(folder.path(name)).unwrap()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A folder with a configuration; runs it.
struct Case {
    folder: Folder,
}

impl Case {
    fn new(config: &Value) -> Self {
        let folder = Folder::new();
        folder.file("analysis_config.json", config.to_string());
        Self { folder }
    }

    fn at(&self, name: &str) -> String {
        self.folder.path(name).display().to_string()
    }

    fn run(&self, more: &[&str]) -> (i32, String, String) {
        let (config, output) = (self.at("analysis_config.json"), self.at("out"));
        run(&[&["analyze", "--device", "cpu", "--config", &config, "--output", &output], more].concat())
    }

    #[track_caller]
    fn analysis(&self, more: &[&str]) -> Value {
        let (code, _, stderr) = self.run(&[&["--quiet"], more].concat());
        assert_eq!((code, stderr.as_str()), (0, ""));
        parsed(&read(&self.folder, "out/analysis.json"))
    }

    #[track_caller]
    fn refused(&self, more: &[&str], told: &str) {
        let before = self.folder.names();
        let (code, stdout, stderr) = self.run(&[&["--quiet"], more].concat());
        let folder = self.folder.path("").display().to_string();
        let stderr = stderr.replace(folder.trim_end_matches('/'), "FOLDER");
        assert!(stderr.starts_with(&format!("error: {told}")), "{stderr}");
        // What a value must be is in the message; all else has a hint.
        assert!(stderr.contains("it must be") || stderr.contains("\nhint: "), "{stderr}");
        assert_eq!((code, stdout.as_str()), (2, ""));
        assert_eq!(self.folder.names(), before);
    }
}

/// The census fixture: bias of women, SHAP values and curves of the small network.
fn census() -> Value {
    json!({
        "version": "1.0", "dataset_type": "text/csv", "label": "target", "label_values_or_threshold": [">50K"],
        "facet": [{"name_or_index": "sex", "value_or_threshold": ["Female"]}, {"name_or_index": "age", "value_or_threshold": [40]}],
        "group_variable": "race",
        "methods": {
            "pre_training_bias": {"methods": "all"},
            "post_training_bias": {"methods": "all"},
            "shap": {"baseline": [baseline()], "num_samples": 60, "save_local_shap_values": true, "seed": 7},
            "pdp": {"grid_resolution": 5, "features": ["age", "sex"]},
            "report": {"name": "census", "title": "Census"}
        },
        "predictor": {"model_name": "census", "label_headers": ["<=50K", ">50K"]}
    })
}

fn baseline() -> Value {
    json!([38, 10, 0, 0, 40, "Private", "Never-married", "Sales", "Not-in-family", "White", "Male", "United-States"])
}

fn census_files() -> (String, String, String) {
    (fixture("data/adult/raw_test.csv"), fixture("models/adult_mlp.onnx"), fixture("data/adult/schema.json"))
}

/// The census' rows with the header's names.
fn census_rows() -> (Vec<String>, Vec<Vec<String>>) {
    let text = fs::read_to_string(census_files().0).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(String::from).collect::<Vec<_>>());
    (lines.next().unwrap(), lines.collect())
}

/// A cell as JSON has it.
fn cell(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

fn number(json: &Value) -> Option<f64> {
    match json.as_str() {
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        _ => json.as_f64(),
    }
}

/// Relative; the absolute part is four roundings of numbers of size 1.
fn close(found: f64, expected: f64) -> bool {
    found == expected || (found - expected).abs() <= 1e-12 * expected.abs() + 4.0 * f64::EPSILON
}

/// The configuration of a small case says no more than it needs.
fn of_csv(config: &Value) -> Value {
    let mut config = config.clone();
    config["dataset_type"] = "text/csv".into();
    config
}

/// Name, configuration, table and answer of every stored case of the reference.
fn oracles() -> Vec<(String, Value, String, Value)> {
    let folder = fixture("oracles/bias");
    let json = |path: String| parsed(&fs::read_to_string(path).unwrap());
    let mut names: Vec<String> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.contains(".") && !name.starts_with("make"));
    names.sort();
    assert_eq!(names.len(), 14, "{names:?}");
    let stored = names.into_iter().map(|name| {
        let at = |file: &str| format!("{folder}/{name}/{file}");
        (name.clone(), json(at("config.json")), fs::read_to_string(at("data.csv")).unwrap(), json(at("expected.json")))
    });
    let edges = json(format!("{folder}/edges.json"));
    let edges = edges.as_array().unwrap().iter().map(|edge| {
        (
            edge["name"].as_str().unwrap().into(),
            of_csv(&edge["config"]),
            edge["csv"].as_str().unwrap().into(),
            edge["expected"].clone(),
        )
    });
    stored.chain(edges.collect::<Vec<_>>()).collect()
}

/// All of the reference's values, by its own configurations, through the command line.
#[test]
fn the_references_cases_give_its_numbers() {
    let mut compared = 0;
    for (name, config, table, expected) in oracles() {
        let case = Case::new(&config);
        let data = case.folder.file("data.csv", table);
        let (code, _, stderr) = case.run(&["--quiet", "--data", &data, "--compat", "clarify"]);
        assert_eq!(code, 0, "{name}: {stderr}");
        let found = parsed(&read(&case.folder, "out/analysis.json"));
        for key in ["pre_training_bias_metrics", "post_training_bias_metrics"] {
            let (found, expected) = (&found[key], &expected["analysis"][key]);
            assert_eq!(found["label"], config["label"], "{name}");
            assert_eq!(found["label_value_or_threshold"], expected["label_value_or_threshold"], "{name}");
            for (facet, blocks) in expected["facets"].as_object().unwrap() {
                let (found, blocks) = (found["facets"][facet].as_array().unwrap(), blocks.as_array().unwrap());
                assert_eq!(found.len(), blocks.len(), "{name}: {facet}");
                compared +=
                    found.iter().zip(blocks).map(|(found, block)| same_block(&name, found, block)).sum::<usize>();
            }
        }
        let keys: Vec<&String> = found.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["post_training_bias_metrics", "pre_training_bias_metrics", "version"], "{name}");
    }
    assert!(compared > 1500, "{compared}");
}

/// The flip test is compared within its range of ties by the library's own tests; here all else, and that it is there.
fn same_block(name: &str, found: &Value, expected: &Value) -> usize {
    let metrics = found["metrics"].as_array().unwrap();
    if let Some(refused) = expected["report_error"]["message"].as_str() {
        assert!(
            metrics.iter().all(|metric| metric["value"].is_null() && metric["error"] == refused),
            "{name}: {found:#}"
        );
        return 1;
    }
    assert_eq!(found.as_object().unwrap().len(), 2, "{name}: {found:#}");
    assert_eq!(found["value_or_threshold"], expected["value_or_threshold"], "{name}");
    let expected = expected["metrics"].as_array().unwrap();
    assert_eq!(metrics.len(), expected.len(), "{name}");
    for (found, expected) in metrics.iter().zip(expected) {
        let at = format!("{name}: {expected}: {found}");
        assert_eq!(
            (&found["name"], &found["description"], &found["error"]),
            (&expected["name"], &expected["description"], &expected["error"]),
            "{at}"
        );
        match (number(&found["value"]), number(&expected["value"])) {
            (Some(_), Some(_)) if found["name"] == "FT" => {}
            (Some(value), Some(expected)) => assert!(close(value, expected), "{at}"),
            (value, expected) => assert_eq!(value, expected, "{at}"),
        }
    }
    expected.len()
}

#[test]
fn the_census_in_the_references_layout() {
    let case = Case::new(&census());
    let (data, model, schema) = census_files();
    let found = case.analysis(&["--data", &data, "--model", &model, "--schema", &schema]);
    let names = |folder: &str| {
        let entries = fs::read_dir(case.folder.path(folder)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names("out"), ["analysis.json", "census.html", "explanations_shap"]);
    assert_eq!(names("out/explanations_shap"), ["baseline.csv", "out.csv"]);
    // Features as in the table, and in the same order in both files; features vary fastest.
    let (header, rows) = census_rows();
    let local = read(&case.folder, "out/explanations_shap/out.csv");
    let mut lines = local.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let expected: Vec<String> = ["<=50K", ">50K"]
        .iter()
        .flat_map(|label| header[..12].iter().map(move |name| format!("{name}_{label}")))
        .collect();
    assert_eq!(columns, expected);
    let text = read(&case.folder, "out/analysis.json");
    let place = |name: &String| text.find(&format!("\"{name}\": ")).unwrap();
    let places: Vec<usize> = header[..12].iter().map(place).collect();
    assert!(places[..12].windows(2).filter(|pair| pair[0] < pair[1]).count() >= 9, "{places:?}");
    // Σφ + expected value = prediction: the outputs of a row add up to 1, and so do the expected values.
    let shap = &found["explanations"]["kernel_shap"];
    let base: Vec<f64> =
        ["<=50K", ">50K"].iter().map(|label| shap[label]["expected_value"].as_f64().unwrap()).collect();
    assert!((base[0] + base[1] - 1.0).abs() < 1e-6, "{base:?}");
    let values: Vec<Vec<f64>> = lines.map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect()).collect();
    assert_eq!(values.len(), rows.len());
    for row in &values {
        let predicted = base[1] + row[12..].iter().sum::<f64>();
        assert!((-1e-5..1.00001).contains(&predicted), "{predicted}");
    }
    // Global values are the mean of the local ones.
    for (i, name) in header[..12].iter().enumerate() {
        let mean = values.iter().map(|row| row[12 + i].abs()).sum::<f64>() / values.len() as f64;
        let global = shap[">50K"]["global_shap_values"][name].as_f64().unwrap();
        assert!((mean - global).abs() < 1e-6, "{name}: {mean}, {global}");
    }
    let pdp = &found["explanations"]["pdp"];
    assert_eq!((&pdp[0]["data_type"], &pdp[1]["data_type"]), (&json!("numerical"), &json!("categorical")));
    assert_eq!(pdp[1]["feature_values"], json!(["Female", "Male"]));
    assert_eq!(pdp[0]["label_headers"], json!(["<=50K", ">50K"]));
    assert_eq!(pdp[0]["model_predictions"].as_array().unwrap().len(), 2);
    let baseline = read(&case.folder, "out/explanations_shap/baseline.csv");
    assert_eq!(baseline.trim_end(), "38,10,0,0,40,Private,Never-married,Sales,Not-in-family,White,Male,United-States");
    let page = read(&case.folder, "out/census.html");
    assert!(
        page.contains("<h1>Census</h1>") && page.contains("sex = Female") && page.contains("What drives the model")
    );
}

/// The same rows in every form, with headers or without, give the same document.
#[test]
fn every_form_of_the_data_gives_the_same_analysis() {
    let (data, model, schema) = census_files();
    let (header, rows) = census_rows();
    let headerless: String = rows.iter().map(|row| row.join(",") + "\n").collect();
    let features = |row: &Vec<String>| row[..12].iter().map(|text| cell(text)).collect::<Vec<_>>();
    let lines: String =
        rows.iter().map(|row| json!({"x": {"features": features(row)}, "y": row[12]}).to_string() + "\n").collect();
    let whole = json!({"rows": rows.iter().map(|row| json!({"f": features(row), "y": row[12]})).collect::<Vec<_>>()});
    let document = |change: Value, file: &str, text: &str| {
        let mut config = census();
        config.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let case = Case::new(&config);
        let data = if file.is_empty() { data.clone() } else { case.folder.file(file, text) };
        let all = ["--data", &data, "--model", &model, "--schema", &schema, "--bootstrap", "0"];
        let mut found = case.analysis(&all);
        found["pellucid"] = Value::Null;
        found
    };
    let csv = document(json!({}), "", "");
    for (change, file, text) in [
        (json!({"headers": header}), "rows.csv", headerless.as_str()),
        (
            json!({"headers": header, "dataset_type": "application/jsonlines", "features": "x.features", "label": "y"}),
            "rows.jsonl",
            &lines,
        ),
        (
            json!({"headers": header, "dataset_type": "application/json", "features": "rows[*].f", "label": "rows[].y"}),
            "rows.json",
            &whole.to_string(),
        ),
    ] {
        let found = document(change, file, text);
        for key in ["pre_training_bias_metrics", "post_training_bias_metrics", "explanations"] {
            assert_eq!(found[key], csv[key], "{file}: {key}");
        }
    }
    // By number instead of by name, without headers.
    let by_number = json!({
        "label": 12, "facet": [{"name_or_index": 10, "value_or_threshold": ["Female"]}], "group_variable": 9,
        "methods": {"pre_training_bias": {"methods": "all"}}
    });
    let found = document(by_number, "rows.csv", &headerless);
    let block = |found: &Value, facet: &str| found["pre_training_bias_metrics"]["facets"][facet][0].clone();
    assert_eq!(found["pre_training_bias_metrics"]["label"], "column_12");
    assert_eq!(block(&found, "column_10"), block(&csv, "sex"));
}

#[test]
fn a_baseline_of_a_file_is_that_of_the_configuration() {
    let (data, model, schema) = census_files();
    let of = |baseline: Value, file: Option<&str>| {
        let mut config = census();
        config["methods"] = json!({"shap": {"baseline": baseline, "num_samples": 60, "seed": 7}});
        let case = Case::new(&config);
        if let Some(text) = file {
            case.folder.file("baseline.csv", text);
        }
        let map = format!("s3://bucket/in={}", case.folder.path("").display());
        case.analysis(&["--data", &data, "--model", &model, "--schema", &schema, "--uri", &map])["explanations"].clone()
    };
    let line: Vec<String> =
        baseline().as_array().unwrap().iter().map(|v| v.as_str().map_or(v.to_string(), String::from)).collect();
    let header = census_rows().0[..12].join(",");
    let inline = of(json!([baseline()]), None);
    assert_eq!(of(json!("s3://bucket/in/baseline.csv"), Some(&format!("{}\n", line.join(",")))), inline);
    assert_eq!(of(json!("s3://bucket/in/baseline.csv"), Some(&format!("{header}\n{}\n", line.join(",")))), inline);
    // A baseline that was computed and written is one to give: the same values again.
    let mut config = census();
    config["methods"] = json!({"shap": {"num_clusters": 3, "num_samples": 60, "seed": 7}});
    let case = Case::new(&config);
    let clusters = case.analysis(&["--data", &data, "--model", &model, "--schema", &schema]);
    let written = read(&case.folder, "out/explanations_shap/baseline.csv");
    assert_eq!(written.lines().count(), 3, "{written}");
    assert_eq!(of(json!("s3://bucket/in/baseline.csv"), Some(&written)), clusters["explanations"]);
}

/// With all coalitions the values are exact, whichever features are reported and however they are aggregated.
#[test]
fn settings_of_shap() {
    let (data, model) = (fixture("data/wine/test.csv"), fixture("models/wine_mlp.onnx"));
    let of = |settings: Value| {
        let mut shap = json!({"num_clusters": 2, "seed": 1, "save_local_shap_values": true});
        shap.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let config = json!({"dataset_type": "text/csv", "label": "target", "methods": {"shap": shap}});
        let case = Case::new(&config);
        let found = case.analysis(&["--data", &data, "--model", &model]);
        (found["explanations"]["kernel_shap"].clone(), read(&case.folder, "out/explanations_shap/out.csv"))
    };
    let (all, local) = of(json!({"num_samples": 1_000_000}));
    assert_eq!(all.as_object().unwrap().keys().collect::<Vec<_>>(), ["label0", "label1", "label2"]);
    let (some, some_local) = of(json!({"num_samples": 1_000_000, "features_to_explain": ["proline", 0]}));
    assert_eq!(
        some_local.lines().next().unwrap(),
        "alcohol_label0,proline_label0,alcohol_label1,proline_label1,alcohol_label2,proline_label2"
    );
    for name in ["alcohol", "proline"] {
        assert_eq!(some["label1"]["global_shap_values"][name], all["label1"]["global_shap_values"][name]);
    }
    let header: Vec<&str> = local.lines().next().unwrap().split(',').collect();
    let place = header.iter().position(|name| *name == "proline_label2").unwrap();
    let mut values: Vec<f64> =
        local.lines().skip(1).map(|line| line.split(',').nth(place).unwrap().parse().unwrap()).collect();
    let of_proline = |method: &str| {
        of(json!({"num_samples": 1_000_000, "agg_method": method})).0["label2"]["global_shap_values"]["proline"]
            .as_f64()
            .unwrap()
    };
    let mean_sq = values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64;
    assert!((of_proline("mean_sq") - mean_sq).abs() < 1e-7);
    values.sort_by(f64::total_cmp);
    // The median of a stream is an estimate: between the quartiles, and near the middle.
    let spread = values[values.len() * 3 / 4] - values[values.len() / 4];
    assert!((of_proline("MEDIAN") - values[values.len() / 2]).abs() < 0.25 * spread, "{spread}");
}

#[test]
fn facets_and_predictions_in_files_of_their_own() {
    let (header, rows) = census_rows();
    let sex = header.iter().position(|name| name == "sex").unwrap();
    let said = |row: &[String]| if row[1].parse::<f64>().unwrap() > 11.0 { ">50K" } else { "<=50K" };
    let without = |row: &[String]| [&row[..sex], &row[sex + 1..]].concat().join(",");
    let lines = |each: &dyn Fn(usize, &Vec<String>) -> String| {
        rows.iter().enumerate().map(|(i, row)| each(i, row) + "\n").collect::<String>()
    };
    let base = json!({
        "dataset_type": "text/csv", "label": "target", "label_values_or_threshold": [">50K"],
        "facet": [{"name_or_index": "sex", "value_or_threshold": ["Female"]}],
        "methods": {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": ["DPPL", "DI", "AD"]}}
    });
    let with = |change: Value| {
        let mut config = base.clone();
        config.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        config
    };
    let whole = Case::new(&with(json!({"predicted_label": "said"})));
    let table = format!("{},said\n{}", header.join(","), lines(&|_, row| format!("{},{}", row.join(","), said(row))));
    let data = whole.folder.file("data.csv", table);
    let expected = whole.analysis(&["--data", &data, "--bootstrap", "0"]);
    // Beside each other, row by row.
    let apart = Case::new(&with(
        json!({"facet_dataset_uri": "in/sex.csv", "predicted_label_dataset_uri": "in/said.csv", "predicted_label_headers": ["said"]}),
    ));
    let uri = format!("in={}", apart.folder.path("").display());
    let data = apart.folder.file("data.csv", format!("{}\n{}", without(&header), lines(&|_, row| without(row))));
    apart.folder.file("sex.csv", format!("sex\n{}", lines(&|_, row| row[sex].clone())));
    apart.folder.file("said.csv", lines(&|_, row| said(row).into()));
    let found = apart.analysis(&["--data", &data, "--uri", &uri, "--bootstrap", "0"]);
    for key in ["pre_training_bias_metrics", "post_training_bias_metrics"] {
        assert_eq!(found[key]["facets"], expected[key]["facets"], "{key}");
    }
    // Fewer rows than the data set has.
    apart.folder.file("said.csv", "said\n>50K\n");
    fs::remove_dir_all(apart.folder.path("out")).unwrap();
    apart.refused(&["--data", &data, "--uri", &uri], "said.csv has 1 rows and data.csv has 200");
    // Joined by id, in another order.
    let joined = Case::new(&with(json!({"joinsource_name_or_index": "id", "facet_dataset_uri": "in/sex.csv"})));
    let mut config = with(json!({"joinsource_name_or_index": "id", "facet_dataset_uri": "in/sex.csv"}));
    config["methods"] = json!({"pre_training_bias": {"methods": "all"}});
    joined.folder.file("analysis_config.json", config.to_string());
    let uri = format!("in={}", joined.folder.path("").display());
    let data = joined
        .folder
        .file("data.csv", format!("id,{}\n{}", without(&header), lines(&|i, row| format!("{i},{}", without(row)))));
    let mut mixed: Vec<String> = rows.iter().enumerate().map(|(i, row)| format!("{},{i}", row[sex])).collect();
    mixed.reverse();
    joined.folder.file("sex.csv", format!("sex,id\n{}\n", mixed.join("\n")));
    let found = joined.analysis(&["--data", &data, "--uri", &uri, "--bootstrap", "0"]);
    assert_eq!(found["pre_training_bias_metrics"]["facets"], expected["pre_training_bias_metrics"]["facets"]);
    mixed.push("Male,17".into());
    joined.folder.file("sex.csv", format!("sex,id\n{}\n", mixed.join("\n")));
    fs::remove_dir_all(joined.folder.path("out")).unwrap();
    joined.refused(&["--data", &data, "--uri", &uri], "sex.csv: the id `17` occurs twice");
}

#[test]
fn segments_are_measured_one_by_one() {
    let (header, rows) = census_rows();
    let mut config = census();
    config["methods"] = json!({"pre_training_bias": {"methods": "all"}});
    config["segment_config"] = json!([{"name_or_index": "workclass", "segments": [["Private"], ["Never-worked"]], "config_name": "work", "display_aliases": ["private", "never", "others"]}]);
    config["methods"]["report"] = json!({"name": "report"});
    let case = Case::new(&config);
    let found = case.analysis(&["--data", &census_files().0]);
    let page = read(&case.folder, "out/report.html");
    for title in ["Bias: Definitions", "work private: Summary", "work others: sex = Female"] {
        assert!(page.contains(&format!(">{title}</h2>")), "{title}");
    }
    assert!(!page.contains("work private: Definitions"));
    let parts = found["segments"].as_array().unwrap();
    let told: Vec<(&Value, &Value, &Value)> =
        parts.iter().map(|part| (&part["config_name"], &part["name"], &part["display_alias"])).collect();
    let work = json!("work");
    assert_eq!(
        told,
        [
            (&work, &json!("Private"), &json!("private")),
            (&work, &json!("Never-worked"), &json!("never")),
            (&work, &json!("__default__"), &json!("others"))
        ]
    );
    let place = header.iter().position(|name| name == "workclass").unwrap();
    let of = |keep: &dyn Fn(&str) -> bool| {
        let mut config = config.clone();
        config.as_object_mut().unwrap().remove("segment_config");
        let case = Case::new(&config);
        let kept: Vec<String> = rows.iter().filter(|row| keep(&row[place])).map(|row| row.join(",")).collect();
        let data = case.folder.file("data.csv", format!("{}\n{}\n", header.join(","), kept.join("\n")));
        case.analysis(&["--data", &data])["pre_training_bias_metrics"].clone()
    };
    assert_eq!(parts[0]["pre_training_bias_metrics"], of(&|work| work == "Private"));
    assert_eq!(parts[2]["pre_training_bias_metrics"], of(&|work| work != "Private" && work != "Never-worked"));
    assert!(parts[1]["error"].as_str().is_some_and(|why| why.contains("no row")), "{}", parts[1]);
}

/// Predicted labels from a model's scores: by a threshold, by the largest score, as the label itself.
#[test]
fn predicted_labels_of_a_model() {
    let (data, model, schema) = census_files();
    let post = |predictor: Value, threshold: Option<f64>| {
        let mut config = census();
        config["methods"] = json!({"post_training_bias": {"methods": ["DPPL", "AD", "DI"]}});
        config["predictor"] = predictor;
        if let Some(threshold) = threshold {
            config["probability_threshold"] = threshold.into();
        }
        let case = Case::new(&config);
        case.analysis(&["--data", &data, "--model", &model, "--schema", &schema, "--bootstrap", "0"])["post_training_bias_metrics"].clone()
    };
    let largest = post(json!({"label_headers": ["<=50K", ">50K"]}), None);
    assert_eq!(post(json!({"label_headers": [">50K"]}), Some(0.5)), largest);
    assert_eq!(post(json!({"probability": 1}), None), largest);
    assert_eq!(post(json!({}), None), largest);
    let strict = post(json!({"label_headers": ["<=50K", ">50K"]}), Some(0.9));
    assert_ne!(strict, largest);
    assert_eq!(post(json!({"probability": 1}), Some(0.9)), strict);
    // A regression: the label's own threshold.
    let config = json!({
        "dataset_type": "text/csv", "label": "target", "label_values_or_threshold": [150], "facet": [{"name_or_index": "age", "value_or_threshold": [50]}],
        "methods": {"post_training_bias": {"methods": ["DPPL"]}}
    });
    let case = Case::new(&config);
    let (data, model) = (fixture("data/diabetes/test.csv"), fixture("models/diabetes_mlp_regression.onnx"));
    let found = case.analysis(&["--data", &data, "--model", &model]);
    let gap = found["post_training_bias_metrics"]["facets"]["age"][0]["metrics"][0]["value"].as_f64().unwrap();
    assert!(gap != 0.0 && gap.abs() < 1.0, "{gap}");
}

#[test]
fn configurations_that_are_refused() {
    let (data, model, schema) = census_files();
    let refused = |path: &[&str], value: Value, told: &str| {
        let mut config = census();
        let mut at = &mut config;
        for key in path {
            at = &mut at[*key];
        }
        *at = value;
        let told = format!("FOLDER/analysis_config.json: {told}");
        Case::new(&config).refused(&["--data", &data, "--model", &model, "--schema", &schema], &told);
    };
    let shap = |key: &'static str| ["methods", "shap", key];
    refused(&shap("num_smaples"), json!(5), "`methods.shap.num_smaples` is not a key (did you mean `num_samples`?)");
    refused(&["lables"], json!("target"), "`lables` is not a key (did you mean `label`?)");
    refused(
        &shap("num_samples"),
        json!("many"),
        "`methods.shap.num_samples` is \"many\"; it must be a whole number, 1 or more",
    );
    refused(&shap("agg_method"), json!("mean"), "`methods.shap.agg_method` is \"mean\"");
    refused(&shap("use_logit"), json!(1), "`methods.shap.use_logit` is 1; it must be true or false");
    refused(&shap("num_clusters"), json!(3), "`methods.shap.num_clusters`: a baseline is given as well");
    refused(&shap("text_config"), json!({}), "`methods.shap.text_config`: columns of free text are not explained here");
    refused(&shap("image_config"), json!({}), "`methods.shap.image_config`: images are not supported here");
    refused(
        &["methods", "asymmetric_shapley_value"],
        json!({}),
        "`methods.asymmetric_shapley_value`: Shapley values of time series are not supported",
    );
    refused(&["dataset_type"], json!("application/x-image"), "`dataset_type`: images are not supported here");
    refused(&["dataset_type"], json!("text/cvs"), "`dataset_type` is \"text/cvs\" (did you mean `text/csv`?)");
    refused(&["time_series_data_config"], json!({}), "`time_series_data_config`: time series are not supported");
    refused(&["facet"], json!([{"name_or_index": "sex", "values": [1]}]), "`facet[0].values` is not a key");
    refused(&["facet"], json!([{"value_or_threshold": [1]}]), "`facet[0].name_or_index` is missing");
    refused(&["facet"], json!([]), "`facet` is missing");
    refused(
        &["methods", "pre_training_bias", "methods"],
        json!(["CI", "DPPL"]),
        "`methods.pre_training_bias.methods[1]`: DPPL is not a metric of this stage",
    );
    refused(
        &["methods", "pre_training_bias", "methods"],
        json!(["CL"]),
        "`methods.pre_training_bias.methods[0]`: there is no metric `CL` (did you mean `CI`?)",
    );
    refused(&["methods"], json!({"report": {"name": "report"}}), "`methods`: there is nothing to compute");
    refused(&["methods", "report", "name"], json!("../report"), "`methods.report.name` is \"../report\"");
    refused(
        &["predictor", "instance_typ"],
        json!("x"),
        "`predictor.instance_typ` is not a key (did you mean `instance_type`?)",
    );
    refused(&["version"], json!("2.0"), "`version` is \"2.0\"; it must be \"1.0\"");
    let raw = |text: &str, told: &str| {
        let case = Case::new(&json!({}));
        case.folder.file("analysis_config.json", text);
        case.refused(&["--data", &data], &format!("FOLDER/analysis_config.json: {told}"));
    };
    raw("{\n  \"dataset_type\": \"text/csv\"\n  \"label\": 3\n}", "line 3, column 3: expected `,` or `}`");
    raw("[]", "the configuration is a list of 0; it must be an object, { … }");
    raw("", "line 1, column 0: EOF while parsing a value");
}

#[test]
fn requests_that_do_not_fit_the_data() {
    let (data, model, schema) = census_files();
    let refused = |change: Value, more: &[&str], told: &str| {
        let mut config = census();
        config.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        Case::new(&config).refused(more, told);
    };
    let all = ["--data", &data, "--model", &model, "--schema", &schema];
    let file = "raw_test.csv";
    refused(
        json!({"label": "targt"}),
        &all,
        &format!("`label`: {file} has no column `targt` (did you mean `target`?)"),
    );
    refused(
        json!({"facet": [{"name_or_index": 40}]}),
        &all,
        &format!("`facet[0].name_or_index`: {file} has 13 columns, counted from 0; 40 is not one"),
    );
    refused(
        json!({"excluded_columns": ["agee"]}),
        &all,
        &format!("`excluded_columns[0]`: {file} has no column `agee` (did you mean `age`?)"),
    );
    refused(json!({}), &["--model", &model], "there is no data set");
    refused(
        json!({"dataset_uri": "s3://bucket/data.csv"}),
        &[],
        "`dataset_uri` is s3://bucket/data.csv, which is not on this machine",
    );
    refused(
        json!({}),
        &["--data", &data],
        "`predictor.model_name` is a model behind an endpoint; here it runs from a file",
    );
    refused(
        json!({"predictor": {}}),
        &["--data", &data],
        "SHAP values, partial dependence and predicted labels need a model",
    );
    refused(json!({"headers": ["a", "b"]}), &all, &format!("`headers` has 2 names and {file} has 13 columns"));
    refused(
        json!({"predictor": {"label_headers": ["a", "b", "c"]}}),
        &all,
        "`predictor.label_headers` has 3 names for 2 outputs",
    );
    refused(
        json!({"predictor": {"label_headers": ["no", "yes"]}}),
        &all,
        "`label_values_or_threshold` is >50K, and the model's labels are no, yes",
    );
    let mut short = census();
    short["methods"]["shap"]["baseline"] = json!([[1, 2]]);
    Case::new(&short).refused(&all, "`methods.shap.baseline[0]` has 2 values, and the model is sent 12 columns");
    short["methods"]["shap"]["baseline"] = json!([baseline()]);
    short["methods"]["shap"]["num_samples"] = json!(10);
    Case::new(&short).refused(&all, "`methods.shap.num_samples` is 10, too few for 12 features");
    short["methods"] = json!({"pdp": {"features": ["agee"], "grid_resolution": 5}});
    Case::new(&short).refused(&all, &format!("`methods.pdp.features[0]`: {file} has no column `agee`"));
    refused(
        json!({"dataset_type": "application/jsonlines", "features": "x[", "label": "y"}),
        &all,
        "`features` is \"x[\", which is not a JMESPath",
    );
    let lines = Case::new(&json!({}));
    let rows = lines.folder.file("rows.jsonl", "{\"x\": [1, 2], \"y\": 0}\n{\"x\": [1, [2]], \"y\": 1}\n");
    let config = json!({
        "dataset_type": "application/jsonlines", "features": "x", "label": "y", "label_values_or_threshold": [1], "facet": [{"name_or_index": 0}],
        "methods": {"pre_training_bias": {"methods": "all"}}
    });
    lines.folder.file("analysis_config.json", config.to_string());
    lines.refused(&["--data", &rows], "FOLDER/rows.jsonl: row 2: feature 1 is a list, not one value");
    lines.folder.file("rows.jsonl", "{\"x\": [1, 2], \"y\": 0}\n{\"x\": [1], \"y\": 1}\n");
    lines.refused(&["--data", &rows], "FOLDER/rows.jsonl: row 2 has 1 features, those before have 2");
    lines.folder.file("rows.jsonl", "{\"x\": [1, 2], \"y\": 0}\n{\"x\": [1, 2} \n");
    lines.refused(&["--data", &rows], "FOLDER/rows.jsonl: line 2, column 12: expected `,` or `]`");
}

#[test]
fn results_are_replaced_only_when_asked() {
    let (data, model, schema) = census_files();
    let case = Case::new(&census());
    let all = ["--quiet", "--data", &data, "--model", &model, "--schema", &schema];
    let (code, stdout, stderr) = case.run(&[&all[..], &["--dry-run"]].concat());
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(
        stdout.contains("bias: one pass over 200 rows, predicted by the model")
            && stdout.contains("shap: 200 rows at 61 model rows each"),
        "{stdout}"
    );
    assert!(stdout.contains("partial dependence: 2 features over 200 rows, 1,400 model rows"), "{stdout}");
    assert!(!case.folder.path("out").exists());
    case.analysis(&all[1..]);
    let (code, _, stderr) = case.run(&all);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("exists already") && stderr.contains("--force"), "{stderr}");
    // Fewer results in the same folder: none of the earlier ones is left among them.
    let mut config = census();
    config["methods"] = json!({"pre_training_bias": {"methods": ["CI"]}, "report": {"name": "census"}});
    case.folder.file("analysis_config.json", config.to_string());
    case.analysis(&["--data", &data, "--force"]);
    assert!(!case.folder.path("out/explanations_shap/out.csv").exists());
    assert!(!case.folder.path("out/explanations_shap/baseline.csv").exists());
}

/// Columns are found by the model's names; those that it does not take are left out by name or number; Parquet, and no headers.
#[test]
fn a_table_with_more_columns_than_the_model_takes() {
    let model = fixture("models/diabetes_mlp_regression.onnx");
    let text = fs::read_to_string(fixture("data/diabetes/test.csv")).unwrap();
    let mut lines = text.lines();
    let header = lines.next().unwrap();
    let config = json!({
        "dataset_type": "text/csv", "label": "target", "joinsource_name_or_index": 0, "excluded_columns": ["clinic", 2],
        "methods": {"shap": {"num_clusters": 2, "num_samples": 100, "use_logit": false, "save_local_shap_values": true}}
    });
    let case = Case::new(&config);
    let rows: Vec<String> = lines.enumerate().map(|(i, line)| format!("{:04},north,x{i},{line}", i)).collect();
    let data = case.folder.file("data.csv", format!("patient,clinic,code,{header}\n{}\n", rows.join("\n")));
    let found = case.analysis(&["--data", &data, "--model", &model]);
    let local = read(&case.folder, "out/explanations_shap/out.csv");
    let columns: Vec<&str> = local.lines().next().unwrap().split(',').collect();
    assert_eq!((columns.len(), columns[10]), (11, "patient"));
    // The id is kept to the letter.
    assert!(local.lines().nth(8).unwrap().ends_with(",0007"), "{local}");
    let global = &found["explanations"]["kernel_shap"]["label0"];
    // The same rows as objects, a key a column.
    let names: Vec<&str> = header.split(',').collect();
    let object = |line: &str| {
        let cells: Vec<String> =
            names.iter().zip(line.split(',')).map(|(name, text)| format!("\"{name}\": {text}")).collect();
        format!("{{{}}}", cells.join(", "))
    };
    let lines: Vec<String> = text.lines().skip(1).map(object).collect();
    let whole = json!({
        "dataset_type": "application/jsonlines", "label": "target", "headers": ["ignored"],
        "methods": {"shap": {"num_clusters": 2, "num_samples": 100}}
    });
    let keyed = Case::new(&whole);
    let rows = keyed.folder.file("rows.jsonl", lines.join("\n"));
    let (code, _, stderr) = keyed.run(&["--data", &rows, "--model", &model]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("`headers` has no effect"), "{stderr}");
    let found = parsed(&read(&keyed.folder, "out/analysis.json"));
    assert_eq!(&found["explanations"]["kernel_shap"]["label0"], global);
    assert!(!keyed.folder.path("out/explanations_shap/out.csv").exists());
    // A column that the model does not take, and that is not left out.
    let mut config = config.clone();
    config["excluded_columns"] = json!(["clinic"]);
    let told = "the model takes 10 features (unnamed, so matched by order) and the table offers 11, 1 too many: `code`";
    Case::new(&config).refused(&["--data", &data, "--model", &model], &format!("{data}: {told}"));
}

/// Labels of one kind only: metrics without a value say why and stop nothing; the document keeps its form.
#[test]
fn metrics_without_a_value() {
    let config = json!({
        "dataset_type": "text/csv", "label": "y", "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "g", "value_or_threshold": ["b"]}, {"name_or_index": "x"}],
        "methods": {"pre_training_bias": {"methods": "all"}}
    });
    for mode in [&[][..], &["--compat", "clarify"]] {
        let case = Case::new(&config);
        let data = case.folder.file("data.csv", "g,x,y\na,0.5,0\na,1.5,0\n");
        let found = case.analysis(&[&["--data", &data], mode].concat());
        let facets = &found["pre_training_bias_metrics"]["facets"];
        for facet in ["g", "x"] {
            let metrics = facets[facet][0]["metrics"].as_array().unwrap();
            assert_eq!(metrics.len(), 8);
            let nothing = metrics.iter().filter(|metric| metric["value"].is_null());
            assert!(
                nothing.clone().count() >= 2 && nothing.clone().all(|metric| metric["error"].is_string()),
                "{facet}: {metrics:#?}"
            );
        }
    }
}
