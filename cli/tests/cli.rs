//! The program as a user meets it: exit code, stdout and stderr of whole commands.

mod support;

use std::process::{Command, Stdio};
use support::{Folder, finish, fixture, pellucid, run};

/// `shap` on a small model with the CPU; more options behind.
fn shap(more: &[&str]) -> (i32, String, String) {
    let (model, data) = (fixture("models/breast_cancer_logreg.onnx"), fixture("data/breast_cancer/test.csv"));
    let mut arguments = vec!["shap", "--model", &model, "--data", &data, "--device", "cpu", "--budget", "2000"];
    arguments.extend(["--rows", "5"]);
    arguments.extend(more);
    run(&arguments)
}

#[test]
fn every_help_lists_the_exit_codes() {
    for arguments in
        [&["--help"][..], &["shap", "--help"], &["demo", "--help"], &["devices", "--help"], &["inspect", "--help"]]
    {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!((code, stderr.as_str()), (0, ""), "{arguments:?}");
        assert!(stdout.contains("Exit codes:\n    0  done"), "{arguments:?}: {stdout}");
    }
}

#[test]
fn wrong_usage_exits_with_2() {
    let (code, stdout, stderr) = run(&["shap", "--modle", "m.onnx"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.starts_with("error: unexpected argument '--modle' found"), "{stderr}");
    for (arguments, told) in [
        (&["shap"][..], "--model <FILE>"),
        (&["demo", "--budget", "0"], "allowed: auto, exact, or a number of model rows above 0, such as 12800"),
        (&["demo", "--tolerance", "1"], "a number above 0 and below 1, such as 0.01"),
        (&["demo", "--memory", "3 parsecs"], "write for example 512MiB, 2GB or a number of bytes"),
        (&["demo", "--quiet", "--verbose"], "cannot be used with"),
        (&["demo", "--device", "gpu:x"], "allowed: auto, cpu, gpu, gpu:N, vulkan, vulkan:N, metal, dx12, cuda, cuda:N"),
    ] {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(told), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_missing_device_is_an_error_that_says_what_is_there() {
    let (code, stdout, stderr) = run(&["demo", "--quiet", "--device", "gpu:99"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.starts_with("error: device gpu:99: not found; this machine has "), "{stderr}");
    assert!(
        stderr.ends_with("\n\nhint: `pellucid devices` lists what can be used; `--device cpu` always works\n"),
        "{stderr}"
    );
    #[cfg(not(feature = "cuda"))]
    assert!(run(&["demo", "--device", "cuda"]).2.contains("device cuda:0: not built in; build with `--features cuda`"));
}

/// Drivers hidden from the Vulkan loader: the CPU is left, and asking for a GPU is an error.
#[cfg(target_os = "linux")]
#[test]
fn without_vulkan_there_is_the_cpu() {
    let hidden = |arguments: &[&str]| {
        let drivers = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].map(|name| (name, "/nonexistent"));
        finish(pellucid(arguments).envs(drivers))
    };
    let (code, stdout, stderr) = hidden(&["devices"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(
        stdout.starts_with("cpu  ") && stdout.contains("--device auto takes cpu\n  because no GPU was found"),
        "{stdout}"
    );
    let (code, _, stderr) = hidden(&["demo", "--quiet", "--device", "gpu"]);
    assert_eq!(code, 2);
    assert!(stderr.starts_with("error: device gpu:0: not found; this machine has no GPU and cpu\n"), "{stderr}");
}

#[test]
fn devices_as_json_end_with_the_cpu() {
    let (code, stdout, _) = run(&["devices", "--json"]);
    assert_eq!(code, 0);
    let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let last = json["devices"].as_array().unwrap().last().unwrap();
    assert_eq!(last["id"], "cpu");
    assert!(last["cores"].as_u64().unwrap() >= 1);
    assert!(json["auto"]["why"].is_string());
}

#[test]
fn inspect_shows_a_model() {
    let (code, stdout, stderr) = run(&["inspect", &fixture("models/breast_cancer_logreg.onnx")]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("\n  inputs      input: float[N, 30]\n"), "{stdout}");
    assert!(stdout.contains("\n  outputs     probability: float[N, 1]\n"), "{stdout}");
    assert!(stdout.contains("\n  parameters  91\n"), "{stdout}");
    assert!(stdout.ends_with("\n  it can be explained\n"), "{stdout}");
    let (code, stdout, _) = run(&["inspect", "--json", &fixture("interfaces/unknown.onnx")]);
    let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, json["operators"][0]["supported"].as_bool()), (0, Some(false)));
    assert!(json["problem"].as_str().unwrap().contains("FancyNorm"), "{stdout}");
}

#[test]
fn files_that_are_no_models_are_refused() {
    let folder = Folder::new();
    let whole = std::fs::read(fixture("models/adult_mlp.onnx")).unwrap();
    let cases = [
        folder.file("cut.onnx", &whole[..whole.len() / 2]),
        folder.file("text.onnx", "age,income\n1,2\n"),
        folder.file("empty.onnx", ""),
        folder.path("absent.onnx").display().to_string(),
    ];
    for file in &cases {
        let (code, stdout, stderr) = run(&["inspect", file]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains(file.as_str()), "{file}: {stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
    assert!(run(&["inspect", &cases[3]]).2.contains("\n\nhint: is the path right? it was looked for from "));
}

#[test]
fn shap_prints_the_drivers_and_writes_what_it_was_asked_for() {
    let folder = Folder::new();
    let (out, summary) = (folder.path("out.csv").display().to_string(), folder.path("out.json").display().to_string());
    let (code, stdout, stderr) = shap(&["--output", &out, "--summary", &summary, "--stderr"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.starts_with("probability: what moves it, over 5 rows (base value 0."), "{stdout}");
    assert!(stdout.contains(" player "), "{stdout}");
    assert!(stderr.starts_with("device: cpu ("), "{stderr}");
    let csv = std::fs::read_to_string(&out).unwrap();
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    assert_eq!(&header[..3], ["prediction", "base_value", "shap.mean_radius"]);
    assert_eq!((header.len(), csv.lines().count()), (2 + 30 + 30, 1 + 5));
    let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&summary).unwrap()).unwrap();
    assert_eq!(json["rows"], 5);
    assert!(json["worst_additivity_gap"].as_f64().unwrap() < 1e-5, "{json}");
    assert_eq!(folder.names(), ["out.csv", "out.json"]);
}

/// Cohorts are parts of the table: their means, weighted by their rows, give the mean of the whole.
#[test]
fn cohorts_add_up_to_the_whole() {
    let (model, data) = (fixture("models/adult_mlp.onnx"), fixture("data/adult/raw_test.csv"));
    let schema = fixture("data/adult/schema.json");
    let by = |column: &'static str, more: &[&str]| {
        let mut arguments = vec!["shap", "--quiet", "--model", &model, "--data", &data, "--schema", &schema];
        arguments.extend(["--target", "1", "--device", "cpu", "--budget", "300", "--rows", "60", "--by", column]);
        arguments.extend(more);
        let (code, stdout, stderr) = run(&arguments);
        assert_eq!((code, stderr.as_str()), (0, ""));
        stdout
    };
    for (column, names) in [
        ("sex", &["Male", "Female"][..]),
        ("target", &["<=50K", ">50K"]),
        ("age", &["18 to 29", "31 to 37", "38 to 46", "47 to 73"]),
    ] {
        let json: serde_json::Value = serde_json::from_str(&by(column, &["--json"])).unwrap();
        let cohorts = json["cohorts"]["cohorts"].as_array().unwrap();
        assert_eq!(json["cohorts"]["by"], column);
        assert_eq!(cohorts.iter().map(|c| c["name"].as_str().unwrap()).collect::<Vec<_>>(), names);
        let rows = |c: &serde_json::Value| c["rows"].as_f64().unwrap();
        assert_eq!(cohorts.iter().map(rows).sum::<f64>(), 60.0);
        for (i, player) in json["global"][0]["values"].as_array().unwrap().iter().enumerate() {
            for key in ["mean_abs", "mean", "mean_square"] {
                let of = |c: &serde_json::Value| rows(c) * c["global"][0]["values"][i][key].as_f64().unwrap();
                let (parts, whole) = (cohorts.iter().map(of).sum::<f64>() / 60.0, player[key].as_f64().unwrap());
                // Both are f64 sums of the same 60 values, in other orders.
                let largest = player["mean_abs"].as_f64().unwrap().max(player["mean_square"].as_f64().unwrap());
                assert!((parts - whole).abs() <= 60.0 * f64::EPSILON * largest, "{column} {player}: {parts} {whole}");
            }
        }
    }
    let table = by("sex", &[]);
    assert!(table.contains("\n\nprobabilities[1] by sex: mean |φ|\n\n player "), "{table}");
    assert!(table.contains(" (rows) "), "{table}");
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let folder = Folder::new();
    let write = |name: &str, seed: &str| {
        let path = folder.path(name);
        let (code, _, stderr) = shap(&["--quiet", "--seed", seed, "--output", path.to_str().unwrap()]);
        assert_eq!((code, stderr.as_str()), (0, ""));
        std::fs::read(path).unwrap()
    };
    let first = write("1.csv", "7");
    assert_eq!(first, write("2.csv", "7"));
    assert_ne!(first, write("3.csv", "8"));
}

#[test]
fn a_dry_run_tells_the_work_and_writes_nothing() {
    let folder = Folder::new();
    let (code, stdout, stderr) = shap(&["--dry-run", "--output", folder.path("out.parquet").to_str().unwrap()]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.starts_with("5 rows at ") && stdout.contains(" model rows each, "), "{stdout}");
    assert!(stdout.ends_with(" rows; nothing was written\n"), "{stdout}");
    assert_eq!(folder.names(), Vec::<String>::new());
}

#[test]
fn bad_files_exit_with_2_and_leave_nothing() {
    let folder = Folder::new();
    let kept = folder.file("kept.csv", "mine");
    let (code, _, stderr) = shap(&["--output", &kept]);
    assert_eq!(code, 2);
    assert!(stderr.contains("--force"), "{stderr}");
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "mine");
    let (code, _, stderr) = shap(&["--summary", &kept]);
    assert_eq!(code, 2);
    assert!(stderr.contains("replace the file with `--force`"), "{stderr}");
    let (code, _, stderr) = shap(&["--output", folder.path("no/such/out.csv").to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(stderr.ends_with("\n\nhint: the folder must exist: create it first\n"), "{stderr}");
    let model = fixture("models/breast_cancer_logreg.onnx");
    for (name, text) in [("empty.csv", ""), ("header.csv", "a,b\n"), ("other.csv", "a,b\n1,2\n"), ("rows.txt", "1")] {
        let data = folder.file(name, text);
        let (code, stdout, stderr) = run(&["shap", "--quiet", "--model", &model, "--data", &data]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{name}: {stderr}");
        assert!(stderr.starts_with("error: "), "{name}: {stderr}");
    }
    assert_eq!(folder.names(), ["empty.csv", "header.csv", "kept.csv", "other.csv", "rows.txt"]);
}

#[test]
fn options_come_from_a_file_and_the_command_line_wins() {
    let folder = Folder::new();
    let config = folder.file("run.toml", "budget = 1\nrows = 2\n");
    let (code, stdout, stderr) = shap(&["--config", &config]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("over 5 rows"), "{stdout}");
    let wrong = folder.file("wrong.toml", "bugdet = 1\n");
    let (code, _, stderr) = shap(&["--config", &wrong]);
    assert_eq!(code, 2);
    assert!(stderr.contains("unknown option \"bugdet\" (did you mean `budget`?)"), "{stderr}");
}

#[test]
fn progress_as_json_counts_to_the_end() {
    let (code, _, stderr) = shap(&["--quiet", "--progress", "json"]);
    assert_eq!(code, 0);
    let last: serde_json::Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
    assert_eq!((&last["progress"]["rows_done"], &last["progress"]["rows_total"]), (&5.into(), &5.into()));
}

#[test]
fn the_demo_explains_its_model() {
    let (code, stdout, stderr) = run(&["demo", "--device", "cpu"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("over 200 rows"), "{stdout}");
    for player in ["relationship", "marital-status", "age", "native-country"] {
        assert!(stdout.contains(&format!(" {player} ")), "{player}: {stdout}");
    }
}

/// Closing the pipe early, as `| head` does, is no error worth telling.
#[test]
fn a_closed_pipe_is_quiet() {
    let mut child = pellucid(&["devices"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[cfg(unix)]
#[test]
fn an_interrupt_stops_the_run_and_leaves_nothing() {
    let folder = Folder::new();
    let (model, data) = (fixture("models/adult_mlp.onnx"), fixture("data/adult/test.csv"));
    let out = folder.path("out.csv");
    let mut command = pellucid(&["shap", "--model", &model, "--data", &data, "--device", "cpu", "--budget", "2000000"]);
    let mut child = command.arg("--output").arg(&out).stderr(Stdio::piped()).spawn().unwrap();
    // "explaining …" is on stderr once the work begins.
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains("explaining") {
        assert_ne!(std::io::BufRead::read_line(&mut stderr, &mut told).unwrap(), 0, "{told}");
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    std::io::Read::read_to_string(&mut stderr, &mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{told}");
    assert!(
        told.contains(
            "rows\nerror: interrupted\n\nhint: nothing was written; the same command starts again from the first row\n"
        ),
        "{told}"
    );
    assert_eq!(folder.names(), Vec::<String>::new());
}

#[test]
fn a_hierarchy_of_columns_comes_from_a_file() {
    let folder = Folder::new();
    let groups = folder.file(
        "groups.json",
        r#"{"body": ["age", "sex", "bmi", "bp"], "blood": [["s1", "s2"], ["s3", "s4", "s5", "s6"]]}"#,
    );
    let wrong = folder
        .file("wrong.json", r#"{"body": ["age", "sex", "bmi", "bp"], "blood": ["s1", "s2", "s3", "s4", "s5", "s7"]}"#);
    let (model, data) = (fixture("models/diabetes_mlp_regression.onnx"), fixture("data/diabetes/test.csv"));
    let hierarchy = |file: &[&str]| {
        let fixed = ["shap", "--model", &model, "--data", &data, "--device", "cpu", "--rows", "5", "--hierarchy"];
        run(&[&fixed[..], file].concat())
    };
    let (code, stdout, stderr) = hierarchy(&[&groups]);
    assert!(code == 0 && stderr.contains("Owen values") && stdout.contains(" bmi "), "{stdout}{stderr}");
    let (code, _, stderr) = hierarchy(&[&wrong]);
    assert!(code == 2 && stderr.contains("s7"), "{stderr}");
    let (code, _, stderr) = hierarchy(&[]);
    assert!(code == 2 && stderr.contains("takes a file for the columns of a table"), "{stderr}");
}
