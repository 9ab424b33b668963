//! `pdp` as a user meets it: what it prints, what it writes, what it refuses.

mod support;

use serde_json::Value;
use support::{Folder, fixture, run};

/// `pdp` of the diabetes network, small unless the options say otherwise.
fn pdp(more: &[&str]) -> (i32, String, String) {
    let (model, data) = (fixture("models/diabetes_mlp_regression.onnx"), fixture("data/diabetes/train.csv"));
    let mut arguments = vec!["pdp", "--model", &model, "--data", &data, "--device", "cpu", "--effect-rows", "60"];
    let small = [["--grid-points", "8"], ["--ale-bins", "4"], ["--ice", "3"]];
    arguments.extend(small.iter().filter(|[name, _]| !more.contains(name)).flatten());
    arguments.extend(more);
    run(&arguments)
}

/// `pdp` of the census network on raw columns.
fn census(more: &[&str]) -> (i32, String, String) {
    let (model, data) = (fixture("models/adult_mlp.onnx"), fixture("data/adult/raw_train.csv"));
    let schema = fixture("data/adult/schema.json");
    let mut arguments = vec!["pdp", "--model", &model, "--data", &data, "--schema", &schema, "--device", "cpu"];
    arguments.extend(["--target", "1", "--grid-points", "5", "--effect-rows", "50"]);
    arguments.extend(more);
    run(&arguments)
}

fn json(path: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn curves_are_printed_and_written_in_each_format() {
    let folder = Folder::new();
    let nested = folder.path("effects.json").display().to_string();
    let (code, stdout, stderr) = pdp(&["--output", &nested, "--features", "bmi,s5", "--pairs", "bmi,bp"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stdout.starts_with("prediction: how it depends on each column, over 60 of 332 rows of train.csv"),
        "{stdout}"
    );
    assert!(stdout.contains(" bmi × bp "), "{stdout}");
    assert!(stderr.contains(&format!("wrote {nested}")), "{stderr}");
    let written = json(&nested);
    let curves = written["curves"].as_array().unwrap();
    let names: Vec<&str> = curves.iter().map(|curve| curve["grid"]["axis"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["bmi", "s5"]);
    for curve in curves {
        let points = curve["grid"]["points"].as_array().unwrap().len();
        assert_eq!(curve["mean"].as_array().unwrap().len(), points);
        assert_eq!(curve["ice"].as_array().unwrap().len(), 3);
        assert_eq!(curve["ice"][0].as_array().unwrap().len(), points);
    }
    assert_eq!(written["surfaces"][0]["mean"].as_array().unwrap().len(), 20);
    assert_eq!(written["ale"].as_array().unwrap().len(), 2);
    assert_eq!(written["interactions"].as_array().unwrap().len(), 1);

    let flat = folder.path("effects.csv").display().to_string();
    assert_eq!(pdp(&["--output", &flat, "--features", "bmi,s5", "--quiet"]).0, 0);
    let text = std::fs::read_to_string(&flat).unwrap();
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("kind,output,feature,label,value,feature_2,label_2,value_2,line,effect,stderr,share")
    );
    let first = curves[0]["mean"][0].as_f64().unwrap();
    let row: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!((row[0], row[2], row[9].parse::<f64>().unwrap()), ("pd", "bmi", first));
    for name in ["effects.parquet", "effects.jsonl"] {
        let path = folder.path(name).display().to_string();
        assert_eq!(pdp(&["--output", &path, "--features", "bmi", "--quiet"]).0, 0, "{name}");
    }
    assert_eq!(folder.names(), ["effects.csv", "effects.json", "effects.jsonl", "effects.parquet"]);
}

#[test]
fn categories_are_one_column_and_their_points_are_named() {
    let (code, stdout, stderr) = census(&["--json", "--features", "sex", "--features", "age", "--ale-bins", "3"]);
    assert_eq!(code, 0, "{stderr}");
    let found: Value = serde_json::from_str(&stdout).unwrap();
    let points = found["curves"][0]["grid"]["points"].as_array().unwrap();
    assert_eq!(points.iter().map(|point| point["label"].as_str().unwrap()).collect::<Vec<_>>(), ["Female", "Male"]);
    // Categories without an order have no accumulated effects.
    assert_eq!(found["ale"].as_array().unwrap().len(), 1);
    assert_eq!(found["ale"][0]["axis"], "age");
}

#[test]
fn shuffling_a_column_costs_what_it_is_worth() {
    let classes = ["--label", "target", "--classes", "<=50K,>50K"];
    let (code, stdout, stderr) = census(&[&classes[..], &["--json", "--features", "capital-gain,race"]].concat());
    assert_eq!(code, 0, "{stderr}");
    let found: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(found["loss"], "log-loss");
    assert_eq!(found["importances"].as_array().unwrap().len(), 2);
    let (code, _, stderr) = census(&["--label", "target"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("is not one of the classes 0 to 1"), "{stderr}");
    assert!(stderr.contains("labels are <=50K, >50K"), "{stderr}");
}

#[test]
fn the_strongest_columns_come_first() {
    let (code, stdout, stderr) = pdp(&["--top-k", "2", "--json", "--pairs", "all"]);
    assert_eq!(code, 0, "{stderr}");
    let found: Value = serde_json::from_str(&stdout).unwrap();
    let names: Vec<&str> =
        found["curves"].as_array().unwrap().iter().map(|c| c["grid"]["axis"]["name"].as_str().unwrap()).collect();
    assert_eq!((names.len(), names[0]), (2, "s5"));
    assert_eq!(found["interactions"].as_array().unwrap().len(), 1);
}

#[test]
fn weights_count_like_repeated_rows() {
    let folder = Folder::new();
    let (model, head) = (fixture("interfaces/two_outputs.onnx"), "a,b");
    let weighted = folder.file("w.csv", format!("{head},w\n1,2,1\n3,5,2\n4,1,0\n"));
    let repeated = folder.file("r.csv", format!("{head}\n1,2\n3,5\n3,5\n"));
    let effects = |data: &str, more: &[&str]| -> Value {
        let mut arguments = vec!["pdp", "--quiet", "--json", "--device", "cpu", "--model", &model, "--data", data];
        arguments.extend(["--points", "a=1,2,3", "--features", "a", "--ale-bins", "0", "--ice", "0"]);
        arguments.extend(more);
        let (code, stdout, stderr) = run(&arguments);
        assert_eq!(code, 0, "{stderr}");
        serde_json::from_str::<Value>(&stdout).unwrap()["curves"][0]["mean"].clone()
    };
    assert_eq!(effects(&weighted, &["--weights", "w"]), effects(&repeated, &[]));
}

#[test]
fn only_the_first_rows_count_if_that_was_asked() {
    let (code, stdout, stderr) = pdp(&["--features", "bmi", "--rows", "40"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.starts_with("prediction: how it depends on each column, over all 40 rows of train.csv"), "{stdout}");
}

#[test]
fn what_cannot_be_shown_is_refused() {
    for (more, told) in [
        (&["--features", "bmj"][..], "there is no column `bmj` that the model uses (did you mean `bmi`?)"),
        (&["--grid-points", "1"], "a grid of 1 point shows no effect"),
        (&["--pairs", "bmi,bmi"], "`--pairs bmi,bmi` names `bmi` twice"),
        (&["--pairs", "bmi"], "`--pairs bmi` is not a pair of columns"),
        (&["--pairs", "bmi,agee"], "there is no column `agee` that the model uses (did you mean `age`?)"),
        (&["--points", "bmi"], "`--points bmi`: there is no `=`"),
        (&["--points", "bmi=1,x"], "`--points bmi=1,x`: `x` is not a number"),
        (&["--points", "bmi=30"], "one point"),
        (&["--points", "bmi=30,nan"], "finite"),
        (&["--label", "tarjet"], "there is no column `tarjet` (did you mean `target`?)"),
        (&["--weights", "sexx"], "there is no column `sexx` (did you mean `sex`?)"),
        (&["--output", "effects.txt"], "effects.txt: the format of the output is told by its extension"),
        (&["--features", "bmi", "--top-k", "2"], "cannot be used with"),
        (&["--link", "logit"], "link logit needs probabilities between 0 and 1"),
    ] {
        let (code, stdout, stderr) = pdp(more);
        assert_eq!((code, stdout.as_str()), (2, ""), "{more:?}: {stderr}");
        assert!(stderr.contains(told), "{more:?}: {stderr}");
    }
}

#[test]
fn constant_columns_are_left_out_and_said_so_unless_they_were_asked_for() {
    let folder = Folder::new();
    let (model, data) = (fixture("interfaces/two_outputs.onnx"), folder.file("d.csv", "a,b\n1,7\n2,7\n3,7\n"));
    let pdp = |more: &[&str]| {
        let mut arguments = vec!["pdp", "--device", "cpu", "--model", &model, "--data", &data];
        arguments.extend(more);
        run(&arguments)
    };
    let (code, stdout, stderr) = pdp(&[]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("warning: left out: ") && stderr.contains("`b`"), "{stderr}");
    assert!(!stdout.contains("\n b "), "{stdout}");
    let (code, _, stderr) = pdp(&["--features", "b"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("`b`") && stderr.contains("hint:"), "{stderr}");
    // Before any work, so that a dry run finds it too.
    let (code, stdout, stderr) = pdp(&["--features", "a", "--pairs", "a,b", "--dry-run"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("`b`") && stderr.contains("hint:"), "{stderr}");
}

#[test]
fn too_many_categories_are_cut_and_said_so() {
    let pairs = ["--pairs", "occupation,workclass", "--pairs", "occupation,sex"];
    let (code, stdout, stderr) =
        census(&[&["--features", "occupation", "--max-categories", "3", "--json"][..], &pairs].concat());
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("the 3 most frequent are kept (`--max-categories`); left out: "), "{stderr}");
    // Each column once, however many pairs it is in.
    for column in ["occupation", "workclass"] {
        assert_eq!(stderr.matches(&format!("warning: `{column}` has ")).count(), 1, "{stderr}");
    }
    let found: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(found["curves"][0]["mean"].as_array().unwrap().len(), 3);
}

#[test]
fn columns_that_depend_on_each_other_are_told() {
    let (code, _, stderr) = pdp(&["--features", "s1,s2"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("warning: `s1` and `s2` depend on each other"), "{stderr}");
}

#[test]
fn figures_go_to_a_folder_each() {
    let folder = Folder::new();
    let to = folder.path("pictures").display().to_string();
    let (code, _, stderr) = pdp(&["--features", "bmi", "--figures", &to, "--figure-format", "png"]);
    assert_eq!(code, 0, "{stderr}");
    let files: Vec<_> = std::fs::read_dir(&to).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 5_000, "{}", file.display());
    }
}

#[test]
fn a_dry_run_counts_the_work() {
    let (code, stdout, stderr) = pdp(&["--features", "bmi", "--dry-run", "--ale-bins", "0"]);
    assert_eq!(
        (code, stdout.as_str()),
        (0, "480 model rows over 60 of 332 rows of train.csv, sampled with seed 0; nothing was written\n"),
        "{stderr}"
    );
}
