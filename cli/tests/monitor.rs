//! `monitor` as a user and as cron meet it: exit codes, files, alerts, the history, and what it refuses.

mod support;

use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;
use support::{Folder, finish, fixture, pellucid, run};

/// A table of 400 rows: an amount around `mean`, a colour, a group, a decision that favours one of them by `gap` percent.
fn rows(seed: u64, mean: f64, gap: u64) -> String {
    let mut state = seed;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) % below
    };
    let mut text = "amount,colour,sex,outcome,decision\n".to_string();
    for _ in 0..400 {
        let amount = mean + (0..6).map(|_| draw(1000) as f64 / 1000.0).sum::<f64>();
        let (colour, sex) = (["red", "green", "blue"][draw(3) as usize], ["F", "M"][draw(2) as usize]);
        let yes = |chance: u64, drawn: u64| if drawn < chance { "yes" } else { "no" };
        let chance = if sex == "F" { 60 - gap } else { 60 };
        let (outcome, decision) = (yes(60, draw(100)), yes(chance, draw(100)));
        text += &format!("{amount:.3},{colour},{sex},{outcome},{decision}\n");
    }
    text
}

const BIAS: [&str; 10] =
    ["--label", "outcome", "--positive", "yes", "--facet", "sex=F", "--predicted", "decision", "--bootstrap", "200"];
const AT: [&str; 2] = ["--at", "2026-01-31T06:00:00Z"];

/// A baseline, new rows like it, and new rows that are not.
struct Case {
    folder: Folder,
    baseline: String,
    like: String,
    unlike: String,
    output: String,
}

impl Case {
    fn new() -> Self {
        let folder = Folder::new();
        let baseline = folder.file("train.csv", rows(1, 0.0, 5));
        let like = folder.file("like.csv", rows(1, 0.0, 5));
        let unlike = folder.file("unlike.csv", rows(3, 1.0, 45));
        let output = folder.path("out").display().to_string();
        Self { folder, baseline, like, unlike, output }
    }

    fn arguments<'a>(&'a self, data: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let mut all = vec!["monitor", "--baseline", &self.baseline, "--data", data, "--output", &self.output];
        all.extend(AT);
        all.extend(more);
        all
    }

    fn run(&self, data: &str, more: &[&str]) -> (i32, String, String) {
        run(&self.arguments(data, more))
    }

    fn json(&self, name: &str) -> Value {
        let path = self.folder.path("out").join(name);
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"))).unwrap()
    }

    fn written(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path("out")).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[track_caller]
    fn refused(&self, data: &str, more: &[&str], told: &str) {
        let (code, stdout, stderr) = self.run(data, more);
        let stderr = stderr.replace(&self.folder.path("").display().to_string(), "");
        assert!(stderr.starts_with(&format!("error: {told}\n")), "{stderr}");
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    }
}

fn named<'a>(checks: &'a Value, name: &str, measure: &str) -> &'a Value {
    let all = checks.as_array().unwrap();
    all.iter().find(|c| c["name"] == name && c["measure"] == measure).unwrap_or_else(|| panic!("{name} {measure}"))
}

#[test]
fn like_data_passes() {
    let case = Case::new();
    let (code, stdout, stderr) = case.run(&case.like, &BIAS);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.starts_with("like.csv against train.csv: no violation in "), "{stdout}");
    assert_eq!(case.written(), ["constraint_violations.json", "constraints.json", "monitor.json"]);
    assert_eq!(case.json("constraint_violations.json"), json!({"version": "1.0", "violations": []}));
    let found = case.json("monitor.json");
    assert_eq!((&found["time"], &found["violations"]), (&"2026-01-31T06:00:00Z".into(), &0.into()));
    assert_eq!(named(&found["checks"], "amount", "psi")["value"], 0.0);
    assert_eq!(
        (&named(&found["checks"], "outcome", "psi")["kind"], &named(&found["checks"], "decision", "psi")["kind"]),
        (&"label".into(), &"prediction".into())
    );
}

#[test]
fn unlike_data_ends_with_1_and_says_why_also_when_quiet() {
    let case = Case::new();
    let (code, stdout, stderr) = case.run(&case.unlike, &[&BIAS[..], &["--quiet"]].concat());
    assert_eq!(code, 1, "{stderr}");
    assert!(stdout.contains("drifted") && stdout.contains("worse"), "{stdout}");
    assert!(stderr.contains("violation: data amount: Population stability index "), "{stderr}");
    assert!(stderr.contains("violation: bias DPPL of sex = F: Metric value "), "{stderr}");
    let found = case.json("constraint_violations.json");
    let all = found["violations"].as_array().unwrap();
    let of = |kind: &str| all.iter().filter(|v| v["constraint_check_type"] == kind).collect::<Vec<_>>();
    assert_eq!(of("baseline_drift_check")[0]["feature_name"], "amount");
    let dppl = of("bias_drift_check").into_iter().find(|v| v["metric_name"] == "DPPL").unwrap();
    assert_eq!((&dppl["facet"], &dppl["facet_value"]), (&"sex".into(), &"F".into()));
    assert!(dppl["description"].as_str().unwrap().contains("lies outside the range that the baseline"));
    // The data moved but the labels did not.
    assert!(all.iter().all(|v| v["feature_name"] != "outcome" && v["feature_name"] != "colour"), "{all:?}");
    assert_eq!(stderr.matches("violation: ").count(), all.len());
}

/// The baseline alone first, then new data against its file, by Clarify's rule and with its sentences.
#[test]
fn constraints_are_made_and_met() {
    let case = Case::new();
    let first = run(&[&["monitor", "--baseline", &case.baseline, "--output", &case.output][..], &BIAS].concat());
    assert_eq!(first.0, 0, "{}", first.2);
    assert_eq!(case.written(), ["constraints.json", "statistics.json"]);
    assert_eq!(case.json("statistics.json")["dataset"]["item_count"], 400);
    let constraints = case.folder.file("constraints.json", case.json("constraints.json").to_string());
    let again = |more: &[&str]| {
        let to =
            ["monitor", "--constraints", &constraints, "--data", &case.unlike, "--output", &case.output, "--force"];
        run(&[&to[..], &BIAS, more].concat())
    };
    let (code, _, stderr) = again(&["--compat", "clarify"]);
    assert_eq!(code, 1, "{stderr}");
    let violations = case.json("constraint_violations.json");
    let dppl = violations["violations"].as_array().unwrap().iter().find(|v| v["metric_name"] == "DPPL").unwrap();
    assert!(
        dppl["description"].as_str().unwrap().contains("doesn't meet the baseline constraint requirement 0."),
        "{dppl}"
    );
    assert_eq!(case.json("constraints.json").to_string(), std::fs::read_to_string(&constraints).unwrap());
    // Met, there is no file, and the old one is gone.
    let to = ["monitor", "--constraints", &constraints, "--data", &case.baseline, "--output", &case.output, "--force"];
    let (code, _, stderr) = run(&[&to[..], &BIAS, &["--compat", "clarify"]].concat());
    assert_eq!(code, 0, "{stderr}");
    assert!(!case.written().contains(&"constraint_violations.json".into()));
}

#[test]
fn attributions_of_two_files_are_compared() {
    let case = Case::new();
    let (model, data) = (fixture("models/diabetes_mlp_regression.onnx"), fixture("data/diabetes/test.csv"));
    let background = fixture("data/diabetes/train.csv");
    let explained = |name: &str, rows: &str, link: &str| {
        let path = case.folder.path(name).display().to_string();
        let shap =
            ["shap", "--quiet", "--device", "cpu", "--model", &model, "--data", &data, "--background", &background];
        let (code, _, stderr) =
            run(&[&shap[..], &["--budget", "400", "--rows", rows, "--output", &path, "--link", link]].concat());
        assert_eq!(code, 0, "{stderr}");
        path
    };
    let (all, few) = (explained("all.parquet", "110", "identity"), explained("few.parquet", "5", "identity"));
    let to = |old: &str, new: &str, more: &[&str]| {
        let arguments =
            ["monitor", "--baseline-explanation", old, "--explanation", new, "--output", &case.output, "--force"];
        run(&[&arguments[..], more].concat())
    };
    let (code, stdout, stderr) = to(&all, &few, &[]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("nDCG of prediction"), "{stdout}");
    let found = &case.json("monitor.json")["attributions"][0];
    assert!(found["ndcg"].as_f64().unwrap() > 0.9 && found["interval"].is_array(), "{found}");
    assert_eq!(found["players"].as_array().unwrap().len(), 10);
    let (code, _, stderr) = to(&all, &few, &["--ndcg-threshold", "0.9999999"]);
    assert_eq!((code, stderr.contains("is below the threshold 0.9999999")), (1, true), "{stderr}");
    // The file of constraints serves as well, and Clarify's sentence is Clarify's.
    let constraints = case.folder.path("out/constraints.json").display().to_string();
    let copy = case.folder.file("c.json", std::fs::read_to_string(constraints).unwrap());
    let arguments = ["monitor", "--constraints", &copy, "--explanation", &few, "--output", &case.output, "--force"];
    let (code, _, stderr) = run(&[&arguments[..], &["--compat", "clarify", "--ndcg-threshold", "0.9999999"]].concat());
    assert_eq!(code, 1, "{stderr}");
    let violation = &case.json("constraint_violations.json")["violations"][0];
    assert_eq!((&violation["label"], &violation["metric_name"]), (&"prediction".into(), &"shap".into()));
    assert!(violation["description"].as_str().unwrap().starts_with("Feature attribution drift 0.9"), "{violation}");
    assert!(violation["description"].as_str().unwrap().ends_with("exceeds threshold 0.9999999"), "{violation}");
    let (code, _, stderr) = to(&all, &case.baseline, &[]);
    assert_eq!((code, stderr.contains("not a Parquet file")), (2, true), "{stderr}");
}

/// Answers one request, and gives what it was.
fn listen(answer: &'static str) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook?token=s3cret", listener.local_addr().unwrap());
    let (send, received) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let length = text
                .to_ascii_lowercase()
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.lines().next()?.trim().parse::<usize>().ok());
            let body = text.find("\r\n\r\n").map(|at| bytes.len() - at - 4);
            if length.is_some() && body >= length {
                break;
            }
            match stream.read(&mut part) {
                Ok(n) if n > 0 => bytes.extend(&part[..n]),
                _ => break,
            }
        }
        stream.write_all(answer.as_bytes()).unwrap();
        let _ = send.send(String::from_utf8(bytes).unwrap());
    });
    (url, received)
}

/// Without the machine's proxies.
fn alone(arguments: &[&str]) -> (i32, String, String) {
    let mut command = pellucid(arguments);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(name);
    }
    finish(&mut command)
}

#[test]
fn violations_are_posted_and_the_address_is_printed_nowhere() {
    let case = Case::new();
    let page = case.folder.path("page.html").display().to_string();
    let (url, received) = listen("HTTP/1.1 204 No Content\r\n\r\n");
    let more = ["--webhook", &url, "--report", &page, "--verbose"];
    let (code, stdout, stderr) = alone(&case.arguments(&case.unlike, &more));
    assert_eq!(code, 1, "{stderr}");
    let request = received.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(request.starts_with("POST /hook?token=s3cret HTTP/1.1\r\n"), "{request}");
    let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["violations"], case.json("constraint_violations.json")["violations"]);
    assert!(body["text"].as_str().unwrap().starts_with("unlike.csv against train.csv: "), "{body}");
    let files = ["out/monitor.json", "out/constraint_violations.json", "page.html"];
    let texts = files.map(|name| std::fs::read_to_string(case.folder.path(name)).unwrap());
    for text in texts.iter().chain([&stdout, &stderr]) {
        assert!(!text.contains("s3cret"));
    }
    assert!(texts[2].contains("--webhook …") || texts[2].contains("--webhook &#x27;…&#x27;"));
}

#[test]
fn a_webhook_that_fails_is_told_and_ends_with_3() {
    let case = Case::new();
    let (url, _received) = listen("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n");
    let (code, _, stderr) = alone(&case.arguments(&case.unlike, &["--webhook", &url, "--force"]));
    assert_eq!(
        (code, stderr.contains("warning: the webhook was not reached: it answered with status 500")),
        (3, true),
        "{stderr}"
    );
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://user:s3cret@{gone}/");
    let (code, _, stderr) = alone(&case.arguments(&case.unlike, &["--webhook", &url, "--force"]));
    assert_eq!((code, stderr.contains("the webhook was not reached: the connection failed")), (3, true), "{stderr}");
    assert!(!stderr.contains("s3cret"));
    // Nothing to tell, nothing is posted.
    let (code, _, stderr) = alone(&case.arguments(&case.like, &["--webhook", &url, "--force"]));
    assert_eq!(code, 0, "{stderr}");
    case.refused(&case.like, &["--webhook", "s3cret", "--force"], "`--webhook` is not an address of the web");
}

#[test]
fn metrics_for_prometheus_are_text_that_it_reads() {
    let case = Case::new();
    let odd = case.folder.file("odd.csv", rows(1, 0.0, 5).replace("colour", "\"a \"\"b\\c\""));
    let path = case.folder.path("drift.prom").display().to_string();
    let arguments = ["monitor", "--baseline", &odd, "--data", &odd, "--output", &case.output, "--prometheus", &path];
    let (code, _, stderr) = run(&[&arguments[..], &AT, &BIAS].concat());
    assert_eq!(code, 0, "{stderr}");
    let text = std::fs::read_to_string(&path).unwrap();
    for line in [
        "# TYPE pellucid_monitor_check_value gauge",
        "pellucid_monitor_last_run_timestamp_seconds 1769839200",
        "pellucid_monitor_violations 0",
        "pellucid_monitor_rows{table=\"baseline\"} 400",
        "pellucid_monitor_check_value{kind=\"data\",name=\"amount\",measure=\"psi\"} 0",
        "pellucid_monitor_check_value{kind=\"data\",name=\"a \\\"b\\\\c\",measure=\"psi\"} 0",
        "pellucid_monitor_check_violated{kind=\"bias\",name=\"DI\",measure=\"DI\",facet=\"sex\",facet_value=\"F\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    // Every family is announced once, before its samples, and its samples stand together.
    let mut families: Vec<&str> =
        text.lines().filter(|l| !l.starts_with('#')).map(|l| l.split(['{', ' ']).next().unwrap()).collect();
    families.dedup();
    let announced: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.strip_suffix(" gauge")).collect();
    assert_eq!(families, announced);
    case.refused(
        &case.like,
        &["--force", "--prometheus", "drift.txt"],
        "drift.txt: the node exporter reads files that end in .prom",
    );
}

/// Two processes at once, each of them twice.
#[test]
fn runs_of_cron_lose_no_rows() {
    let case = Case::new();
    let state = case.folder.path("state.parquet").display().to_string();
    let outputs: Vec<String> = (0..4).map(|i| case.folder.path(&format!("out{i}")).display().to_string()).collect();
    let times: Vec<String> = (0..4).map(|i| format!("2026-01-0{}T06:00:00+01:00", i + 1)).collect();
    let start = |i: usize| {
        let arguments = ["monitor", "--baseline", &case.baseline, "--data", &case.unlike, "--quiet", "--state", &state];
        let rest = ["--output", &outputs[i], "--at", &times[i]];
        pellucid(&[&arguments[..], &rest].concat())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    for pair in [0, 2] {
        let children = [start(pair), start(pair + 1)];
        for mut child in children {
            assert_eq!(child.wait().unwrap().code(), Some(1));
        }
    }
    let page = case.folder.path("page.html").display().to_string();
    let (code, _, stderr) = case.run(&case.like, &["--state", &state, "--report", &page]);
    assert_eq!(code, 0, "{stderr}");
    let html = std::fs::read_to_string(page).unwrap();
    assert!(html.contains("5 runs so far") && html.contains("figure-history-columns"));
    // Nothing half-written is left beside the files.
    assert!(case.folder.names().iter().all(|name| !name.starts_with('.')), "{:?}", case.folder.names());
    let history = pellucid::drift::History::open(&state).unwrap().read().unwrap();
    let mut times: Vec<i64> = history.iter().map(|record| record.time).collect();
    times.dedup();
    assert_eq!(times.len(), 5);
    // 06:00 in +01:00 is 05:00 UTC.
    assert_eq!(times[0], 1_767_243_600_000);
    assert_eq!(history.len() % 5, 0);
    std::fs::write(&state, "damaged").unwrap();
    let (code, _, stderr) = case.run(&case.like, &["--state", &state, "--force"]);
    assert_eq!((code, stderr.contains("it was left as it is")), (2, true), "{stderr}");
    assert_eq!(std::fs::read_to_string(&state).unwrap(), "damaged");
}

#[test]
fn limits_and_options_from_a_file_count_too() {
    let case = Case::new();
    let config = format!(
        "baseline = '{}'\ndata = '{}'\noutput = '{}'\nlabel = 'outcome'\npositive = 'yes'\nfacet = ['sex=F']\npredicted = 'decision'\nfail_if = 'DI<2'\nforce = true\nbootstrap = 0\n",
        case.baseline, case.like, case.output
    );
    let config = case.folder.file("monitor.toml", config);
    let (code, _, stderr) = run(&["monitor", "--config", &config]);
    assert_eq!((code, stderr.contains("limit broken: DI < 2 for sex = F")), (1, true), "{stderr}");
    assert_eq!(case.json("monitor.json")["limits"][0]["broken"], true);
    // Thresholds decide: with a huge one nothing drifts.
    let (code, _, stderr) = case.run(&case.unlike, &["--psi-threshold", "50", "--force"]);
    assert_eq!(code, 0, "{stderr}");
}

#[test]
fn what_is_wrong_is_named() {
    let case = Case::new();
    let bias = |more: &[&str]| -> Vec<String> { BIAS.iter().chain(more).map(|s| s.to_string()).collect() };
    let small = case.folder.file("small.csv", "amount,colour,sex,decision\n1,red,F,yes\n");
    let arguments = bias(&[]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    case.refused(&small, &arguments, "small.csv: there is no column `outcome`");
    let empty = case.folder.file("empty.csv", "");
    case.refused(&empty, &["--force"], "empty.csv: the table is empty (no header line)");
    case.refused(
        &case.like,
        &["--ignore", "color", "--force"],
        "`--ignore color`: no table has such a column (did you mean `colour`?)",
    );
    case.refused(
        &case.like,
        &["--categorical", "amout", "--force"],
        "train.csv: there is no column `amout` (did you mean `amount`?)",
    );
    let foreign = json!({"pre_training_bias_metrics": {"label": "wage", "label_value_or_threshold": "1", "facets": {"sex": [
        {"value_or_threshold": "F", "metrics": [{"name": "DPL", "value": 0.1}]}]}}});
    let foreign = case.folder.file("foreign.json", foreign.to_string());
    let arguments = bias(&["--constraints", &foreign, "--force"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    case.refused(&case.like, &arguments, "the constraints are of the label wage = 1, here it is outcome = yes");
    let output = &case.output;
    let refused = |arguments: &[&str], told: &str| {
        let (code, _, stderr) = run(arguments);
        assert_eq!((code, stderr.starts_with(&format!("error: {told}"))), (2, true), "{stderr}");
    };
    refused(&["monitor", "--output", output], "there is neither new data nor a baseline to write down");
    refused(&["monitor", "--data", &case.like, "--output", output], "there is nothing to compare the new data with");
    let broken = case.folder.file("broken.json", "{");
    refused(
        &["monitor", "--constraints", &broken, "--data", &case.like, "--output", output, "--force"],
        &format!("{broken}: not JSON: "),
    );
    // Existing files are kept without --force.
    assert_eq!(case.run(&case.like, &["--force"]).0, 0);
    case.refused(&case.like, &[], "out/constraints.json: exists already");
    let (code, _, stderr) = case.run(&small, &["--force"]);
    assert_eq!(
        (code, stderr.contains("violation: schema outcome: The baseline has the column outcome, the new data has not")),
        (1, true),
        "{stderr}"
    );
}
