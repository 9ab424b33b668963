//! `mitigate` as a user meets it: files, before and after, and what it refuses.

mod support;

use serde_json::Value;
use support::{Folder, fixture, run};

const OVER: [&str; 4] = ["--label", "target", "--positive", ">50K"];

/// A method on the census, with scores of a model beside it; options behind.
fn census(method: &str, more: &[&str]) -> (i32, String, String) {
    let data = fixture("oracles/mitigate/adult.csv");
    run(&[&["mitigate", method, "--data", &data, "--bootstrap", "50"][..], more].concat())
}

#[track_caller]
fn done(found: (i32, String, String)) -> (String, String) {
    assert_eq!(found.0, 0, "{}", found.2);
    (found.1, found.2)
}

fn json(stdout: &str) -> Value {
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

/// The value of a metric in the first facet of a report.
fn metric(report: &Value, name: &str) -> f64 {
    let facet = &report["facets"][0];
    let all = ["pre", "post"].iter().flat_map(|stage| facet[stage].as_array().unwrap());
    let found = all.into_iter().find(|m| m["name"] == name).unwrap_or_else(|| panic!("{name} is not in {facet:#}"));
    found["value"].as_f64().unwrap_or_else(|| panic!("{found}"))
}

#[test]
fn weights_are_written_beside_what_was_there() {
    let folder = Folder::new();
    let out = folder.path("out.csv").display().to_string();
    let (stdout, stderr) = done(census("reweigh", &[&OVER[..], &["--facet", "sex=Female", "--output", &out]].concat()));
    assert!(stderr.contains("out.csv: 600 rows"), "{stderr}");
    for line in [
        "sex = Female  positive            20     2.3117",
        "make 600 rows worth 557 (92.8 %)",
        "sex = Female: 190 of 600 rows",
        "before: Female have the positive label 20.2 percentage points less often;",
        "after: Female have the positive label as often.",
    ] {
        assert!(stdout.contains(line), "{line} is not in\n{stdout}");
    }
    let input = std::fs::read_to_string(fixture("oracles/mitigate/adult.csv")).unwrap();
    let output = std::fs::read_to_string(&out).unwrap();
    assert_eq!(output.lines().count(), input.lines().count());
    for (new, old) in output.lines().zip(input.lines()) {
        assert!(new.starts_with(&format!("{old},")), "{new}, {old}");
    }
    assert_eq!(folder.names(), ["out.csv"]);
}

/// Several facets: every combination is a group, and each facet and their pairs are compared.
#[test]
fn several_facets_are_their_intersections() {
    let (stdout, _) = done(census(
        "reweigh",
        &[&OVER[..], &["--facet", "sex=Female", "--facet", "race=White", "--dry-run", "--json"]].concat(),
    ));
    let found = json(&stdout);
    assert_eq!(found["weights"].as_array().unwrap().len(), 8);
    assert_eq!(found["weights"][0]["group"], "sex = Female and race = White");
    assert_eq!(found["output"], Value::Null);
    let facets = found["after"]["facets"].as_array().unwrap();
    assert_eq!(facets.len(), 3);
    for facet in facets {
        let gap = facet["pre"].as_array().unwrap().iter().find(|m| m["name"] == "DPL").unwrap();
        assert!(gap["value"].as_f64().unwrap().abs() < 1e-12, "{gap}");
    }
}

#[test]
fn labels_are_massaged_by_a_column_or_by_the_model_that_gave_it() {
    let folder = Folder::new();
    let out = |name: &str| folder.path(name).display().to_string();
    let (stdout, _) = done(census(
        "massage",
        &[&OVER[..], &["--facet", "sex=Female", "--scores", "score", "--json", "--output", &out("a.csv")]].concat(),
    ));
    let found = json(&stdout);
    assert_eq!((&found["promoted"], &found["demoted"]), (&26.into(), &26.into()));
    assert!(metric(&found["before"], "DPL") > 0.2 && metric(&found["after"], "DPL").abs() < 0.5 / 190.0 + 0.5 / 410.0);
    let rows = std::fs::read_to_string(out("a.csv")).unwrap();
    assert_eq!(rows.lines().filter(|line| line.ends_with(",promoted")).count(), 26);
    assert!(rows.lines().filter(|line| line.ends_with(",demoted")).all(|line| line.starts_with("Male,")));
    // The first 400 rows of the census, in the model's own columns.
    let (data, model) = (fixture("data/adult/raw_train.csv"), fixture("models/adult_mlp.onnx"));
    let schema = fixture("data/adult/schema.json");
    let by_model = ["mitigate", "massage", "--data", &data, "--model", &model, "--schema", &schema, "--device", "cpu"];
    let more = ["--facet", "sex=Female", "--bootstrap", "0", "--json", "--dry-run"];
    let found = json(&done(run(&[&by_model[..], &OVER, &more].concat())).0);
    assert!(found["ranker"].as_str().unwrap().contains("adult_mlp.onnx"), "{found}");
    assert!(metric(&found["after"], "DPL").abs() < 0.01, "{found}");
}

#[test]
fn columns_are_repaired_and_a_model_judges() {
    let folder = Folder::new();
    let out = folder.path("out.parquet").display().to_string();
    let repair = ["--facet", "sex", "--column", "age", "--column", "hours-per-week"];
    let (stdout, stderr) = done(census("repair", &[&repair[..], &["--keep", "--json", "--output", &out]].concat()));
    assert!(stderr.contains("`hours-per-week`: many rows share a value"), "{stderr}");
    let found = json(&stdout);
    let age = &found["columns"][0];
    assert!(
        age["cost"]["distance_after"].as_f64().unwrap() < 0.02
            && age["cost"]["distance_before"].as_f64().unwrap() > 0.12
    );
    let (stdout, stderr) = done(census("repair", &[&repair[..], &["--split-ties", "--json", "--dry-run"]].concat()));
    assert!(!stderr.contains("many rows"), "{stderr}");
    assert!(json(&stdout)["columns"][1]["cost"]["distance_after"].as_f64().unwrap() < 0.01);
    let (data, model) = (fixture("data/adult/raw_train.csv"), fixture("models/adult_mlp.onnx"));
    let schema = fixture("data/adult/schema.json");
    let by_model = ["mitigate", "repair", "--data", &data, "--model", &model, "--schema", &schema, "--device", "cpu"];
    let more = ["--facet", "sex=Female", "--column", "age", "--bootstrap", "0", "--dry-run", "--json"];
    let nothing = json(&done(run(&[&by_model[..], &OVER, &more, &["--amount", "0"]].concat())).0);
    assert_eq!(nothing["before"]["facets"], nothing["after"]["facets"]);
    assert_eq!(nothing["accuracy_before"], nothing["accuracy_after"]);
    let full = json(&done(run(&[&by_model[..], &OVER, &more, &["--split-ties"]].concat())).0);
    assert_ne!(full["before"]["facets"][0]["post"], full["after"]["facets"][0]["post"]);
    assert!(full["accuracy_before"].as_f64().unwrap() > 0.8);
}

#[test]
fn thresholds_are_fitted_judged_kept_and_applied() {
    let folder = Folder::new();
    let path = |name: &str| folder.path(name).display().to_string();
    let fit = ["--facet", "sex", "--scores", "score", "--constraint", "equalized-odds"];
    let (same, _) = done(census("thresholds", &[&OVER[..], &fit, &["--dry-run"]].concat()));
    assert!(same.contains("Fitted and judged on the same 600 rows"), "{same}");
    let more = ["--holdout", "0.3", "--rules", &path("t.json"), "--output", &path("d.csv"), "--json"];
    let (stdout, stderr) = done(census("thresholds", &[&OVER[..], &fit, &more].concat()));
    assert!(stderr.contains("t.json: thresholds of 2 groups"), "{stderr}");
    let found = json(&stdout);
    assert_eq!(found["judged_on"], "rows held out");
    assert_eq!(found["rows_fitted"].as_u64().unwrap() + found["rows_judged"].as_u64().unwrap(), 600);
    assert!(found["fitted"]["gap"].as_f64().unwrap() < 1e-12);
    assert!(found["outcome_after"]["gap"].as_f64().unwrap() > 0.0, "on rows kept apart the gap is not nothing");
    assert_eq!(found["after"]["rows"], found["rows_judged"]);
    // The same thresholds and the same seed decide the same rows alike.
    let data = fixture("oracles/mitigate/adult.csv");
    let apply = ["mitigate", "thresholds", "--apply", &path("t.json"), "--data", &data, "--bootstrap", "0"];
    let (stdout, _) = done(run(&[&apply[..], &["--output", &path("again.csv")]].concat()));
    assert!(stdout.contains("give --label to judge them"), "{stdout}");
    assert_eq!(std::fs::read_to_string(path("d.csv")).unwrap(), std::fs::read_to_string(path("again.csv")).unwrap());
    let (stdout, _) = done(run(&[&apply[..], &OVER, &["--dry-run"]].concat()));
    assert!(stdout.contains("Thresholds of a file, judged on 600 rows"), "{stdout}");
    let certain = census("thresholds", &[&OVER[..], &fit, &["--deterministic", "--output", &path("c.jsonl")]].concat());
    assert!(done(certain).0.contains("without lots."));
    let first = std::fs::read_to_string(path("c.jsonl")).unwrap().lines().next().unwrap().to_string();
    assert!(first.ends_with(r#""score":0.112529,"decision":0}"#) && first.contains(r#""age":45,"#), "{first}");
}

#[track_caller]
fn refused(found: (i32, String, String), told: &str, hint: &str) {
    let (code, stdout, stderr) = found;
    assert!(stderr.contains(told) && stderr.contains(hint), "{stderr}");
    assert_eq!((code, stdout.as_str()), (2, ""));
}

#[test]
fn what_cannot_be_done_is_told_and_leaves_nothing() {
    let folder = Folder::new();
    let data = folder.file("t.csv", "f,l,s\nd,0,0.1\nd,1,2\na,1,0.8\na,1,0.9\na,0,0.3\n");
    let out = folder.path("out.csv").display().to_string();
    let one = ["--label", "l", "--positive", "1", "--facet", "f=d"];
    let case = |method: &str, more: &[&str]| run(&[&["mitigate", method, "--data", &data][..], more].concat());
    let with = |method: &str, more: &[&str]| case(method, &[&one[..], more].concat());
    refused(with("reweigh", &[]), "nowhere to write the changed table", "--dry-run");
    refused(with("reweigh", &["--output", &data, "--force"]), "is the input", "a name of its own");
    refused(with("reweigh", &["--output", &out, "--column", "s"]), "there is a column `s` already", "another name");
    refused(with("massage", &["--output", &out]), "needs a ranker", "`--scores`");
    refused(with("massage", &["--scores", "t", "--output", &out]), "there is no column `t`", "its columns are");
    refused(with("thresholds", &["--output", &out]), "thresholds need scores", "`--scores`");
    refused(with("thresholds", &["--scores", "s", "--output", &out]), "not all between 0 and 1", "--threshold 0");
    refused(with("thresholds", &["--scores", "s"]), "nowhere to write thresholds", "`--rules`");
    let rules = folder.path("t.json").display().to_string();
    refused(with("thresholds", &["--scores", "s", "--rules", &data]), "is the input", "a name of its own");
    refused(with("thresholds", &["--scores", "s", "--rules", &out]), "written as JSON", ".json");
    refused(case("thresholds", &["--facet", "f", "--scores", "s", "--rules", &rules]), "none were given", "`--label`");
    refused(
        case("thresholds", &["--apply", &data, "--output", &out]),
        "is not a file of group thresholds",
        "--rules FILE",
    );
    refused(
        case("repair", &["--facet", "f", "--column", "s", "--amount", "2", "--dry-run"]),
        "the amount of repair is 2",
        "0",
    );
    refused(with("reweigh", &["--bootstrap", "5", "--dry-run"]), "5 replicates", "at least 20");
    assert_eq!(folder.names(), ["t.csv"]);
}

/// Options from a file, for a command within a command.
#[test]
fn a_configuration_serves_the_methods_too() {
    let folder = Folder::new();
    let config =
        folder.file("run.toml", "label = 'target'\npositive = ['>50K']\nfacet = ['sex=Female']\ndry-run = true\n");
    assert_eq!(census("reweigh", &["--config", &config]).0, 0);
    let wrong = folder.file("wrong.toml", "labell = 'target'\n");
    let (code, _, stderr) = census("reweigh", &["--config", &wrong]);
    assert_eq!(code, 2);
    assert!(stderr.contains("unknown option \"labell\" (did you mean `label`?)"), "{stderr}");
}
