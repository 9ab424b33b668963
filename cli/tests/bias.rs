//! `bias` as a user meets it: numbers, words, limits, files, and what it refuses.

mod support;

use serde_json::Value;
use support::{Folder, fixture, run};

const OVER: [&str; 4] = ["--label", "target", "--positive", ">50K"];

/// `bias` on the census fixture; more options behind.
fn adult(more: &[&str]) -> (i32, String, String) {
    let data = fixture("data/adult/raw_test.csv");
    let mut arguments = vec!["bias", "--data", &data];
    arguments.extend(OVER);
    arguments.extend(more);
    run(&arguments)
}

fn json(stdout: &str) -> Value {
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

/// A metric of a facet's block.
fn metric<'a>(facet: &'a Value, name: &str) -> &'a Value {
    let all = ["pre", "post"].iter().flat_map(|stage| facet[stage].as_array().unwrap());
    all.into_iter().find(|m| m["name"] == name).unwrap_or_else(|| panic!("{name} is not in {facet:#}"))
}

/// A table of one's own.
struct Case {
    folder: Folder,
    data: String,
}

impl Case {
    fn new(csv: &str) -> Self {
        let folder = Folder::new();
        let data = folder.file("data.csv", csv);
        Self { folder, data }
    }

    fn run(&self, more: &[&str]) -> (i32, String, String) {
        let mut arguments = vec!["bias", "--data", &self.data, "--bootstrap", "0"];
        arguments.extend(more);
        run(&arguments)
    }

    #[track_caller]
    fn refused(&self, more: &[&str], told: &str) {
        let before = self.folder.names();
        let (code, stdout, stderr) = self.run(more);
        let folder = self.folder.path("").display().to_string();
        let stderr = stderr.replace(&self.data, "DATA").replace(folder.trim_end_matches('/'), "FOLDER");
        assert_eq!(stderr, format!("error: {told}\n"));
        assert_eq!((code, stdout.as_str()), (2, ""));
        assert_eq!(self.folder.names(), before);
    }

    /// The first facet's block.
    #[track_caller]
    fn facet(&self, more: &[&str]) -> Value {
        let (code, stdout, stderr) = self.run(&[more, &["--json"]].concat());
        assert_eq!(code, 0, "{stderr}");
        json(&stdout)["facets"][0].clone()
    }
}

/// A share of ties and 4 sums and quotients of numbers below 1.
const CLOSE: f64 = 8.0 * f64::EPSILON;

/// Counted by hand: 6 of 58 women and 39 of 142 men have more than 50,000.
#[test]
fn labels_of_women_and_men() {
    let (code, stdout, stderr) = adult(&["--facet", "sex=Female", "--facet", "race", "--json"]);
    assert_eq!(code, 0, "{stderr}");
    let found = json(&stdout);
    assert_eq!(found["rows"], 200);
    let women = &found["facets"][0];
    assert_eq!(
        (&women["d"]["rows"], &women["d"]["positive"], &women["a"]["rows"]),
        (&58.into(), &6.into(), &142.into())
    );
    for (name, value) in [
        ("CI", 84.0 / 200.0),
        ("DPL", 39.0 / 142.0 - 6.0 / 58.0),
        ("TVD", 39.0 / 142.0 - 6.0 / 58.0),
        ("LP", 2f64.sqrt() * (39.0 / 142.0 - 6.0 / 58.0)),
    ] {
        let found = metric(women, name)["value"].as_f64().unwrap();
        assert!((found - value).abs() < CLOSE, "{name}: {found}, {value}");
    }
    let interval = metric(women, "DPL")["interval"].as_array().unwrap();
    assert!(interval[0].as_f64().unwrap() < 0.1712 && interval[1].as_f64().unwrap() > 0.1712, "{interval:?}");
    // Each of the five races against the rest, in the order of the table.
    let races: Vec<&str> =
        found["facets"].as_array().unwrap()[1..].iter().map(|f| f["value_or_threshold"].as_str().unwrap()).collect();
    assert_eq!(races, ["White", "Black", "Asian-Pac-Islander", "Amer-Indian-Eskimo", "Other"]);
    let rows: u64 = found["facets"].as_array().unwrap()[1..].iter().map(|f| f["d"]["rows"].as_u64().unwrap()).sum();
    assert_eq!(rows, 200);
}

/// The model's scores, as `shap` writes them, give the same metrics from a column as the model itself.
#[test]
fn a_model_predicts_as_a_column_of_its_scores() {
    let folder = Folder::new();
    let scores = folder.path("scores.csv").display().to_string();
    let (model, schema) = (fixture("models/adult_mlp.onnx"), fixture("data/adult/schema.json"));
    let data = fixture("data/adult/raw_test.csv");
    let shap = [
        "shap", "--quiet", "--device", "cpu", "--model", &model, "--schema", &schema, "--data", &data, "--target", "1",
    ];
    let (code, _, stderr) = run(&[&shap[..], &["--budget", "40", "--output", &scores]].concat());
    assert_eq!(code, 0, "{stderr}");
    let scores = std::fs::read_to_string(scores).unwrap();
    let scores: Vec<&str> = scores.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    let table = std::fs::read_to_string(&data).unwrap();
    let mut lines = table.lines();
    let mut scored = format!("{},score\n", lines.next().unwrap());
    let (mut women, mut men) = ([0u32; 2], [0u32; 2]);
    for (line, score) in lines.zip(&scores) {
        scored.push_str(&format!("{line},{score}\n"));
        let group = if line.contains(",Female,") { &mut women } else { &mut men };
        group[0] += 1;
        group[1] += u32::from(score.parse::<f64>().unwrap() > 0.5);
    }
    let scored = folder.file("scored.csv", scored);
    let ask = ["--facet", "sex=Female", "--group", "race", "--json", "--quiet"];
    let by_column =
        run(&[&["bias", "--data", &scored, "--scores", "score", "--threshold", "0.5"], &OVER[..], &ask].concat());
    assert_eq!(by_column.0, 0, "{}", by_column.2);
    let (code, stdout, stderr) =
        adult(&[&["--model", &model, "--schema", &schema, "--device", "cpu"][..], &ask].concat());
    assert_eq!((code, stderr.as_str()), (0, ""));
    let (by_model, by_column) = (json(&stdout), json(&by_column.1));
    let post = by_model["facets"][0]["post"].as_array().unwrap();
    assert!(post.len() >= 12, "{post:?}");
    assert_eq!(by_model["facets"][0]["post"], by_column["facets"][0]["post"]);
    assert_eq!(by_model["predictions"], "adult_mlp.onnx");
    let rate = |[all, positive]: [u32; 2]| f64::from(positive) / f64::from(all);
    let impact = metric(&by_model["facets"][0], "DI")["value"].as_f64().unwrap();
    assert!((impact - rate(women) / rate(men)).abs() < CLOSE, "{impact}");
}

/// Four of d, two of them positive; six of a, three of them positive.
const EVEN: &str = "who,ok,said\nd,1,1\nd,1,0\nd,0,0\nd,0,0\na,1,1\na,1,1\na,1,1\na,0,0\na,0,0\na,0,1\n";
const OF_D: [&str; 6] = ["--label", "ok", "--positive", "1", "--facet", "who=d"];

#[test]
fn broken_limits_end_with_1_and_say_where() {
    let case = Case::new(EVEN);
    let with = |more: &[&str]| case.run(&[&OF_D[..], &["--predicted", "said"], more].concat());
    let (code, stdout, stderr) =
        with(&["--quiet", "--fail-if", "DI<0.8", "--fail-if", "|dppl|>0.1", "--fail-if", "DPL > 0.1"]);
    assert_eq!(code, 1);
    assert_eq!(
        stderr,
        "limit broken: DI < 0.8 for who = d: DI is 0.3750\nlimit broken: |dppl| > 0.1 for who = d: |dppl| is 0.4167\n"
    );
    assert!(stdout.contains("who = d: 4 of 10 rows"), "{stdout}");
    // 0.375 = (1/4) / (4/6), 0.41666… = 4/6 − 1/4.
    for (limit, code) in [("DI<0.375", 0), ("DI<=0.375", 1), ("DI>0.375", 0), ("DI>=0.375", 1), ("DPL!=0", 2)] {
        assert_eq!(with(&["--quiet", "--fail-if", limit]).0, code, "{limit}");
    }
    // A metric that is not shown is computed for its limit.
    let (code, stdout, _) = with(&["--metrics", "CI,JS", "--fail-if", "DI<0.8", "--json"]);
    assert_eq!(code, 1);
    let found = json(&stdout);
    let names: Vec<&str> =
        found["facets"][0]["post"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["DI"]);
    assert_eq!(found["limits"][0]["broken"], true);
}

#[test]
fn a_metric_that_has_no_value_breaks_its_limit() {
    // Nobody of a is predicted positive: DI is infinite, and TE has nothing to divide.
    let case = Case::new("who,ok,said\nd,1,1\nd,0,0\na,1,1\na,0,0\n");
    let with = |more: &[&str]| case.run(&[&OF_D[..], &["--predicted", "said", "--quiet"], more].concat());
    let (code, _, stderr) = with(&["--fail-if", "TE>0.5"]);
    assert_eq!(code, 1);
    assert!(stderr.starts_with("limit broken: TE > 0.5 for who = d: not computed: "), "{stderr}");
    assert_eq!(with(&["--fail-if", "TE>0.5", "--allow-missing"]).0, 0);
}

#[test]
fn limits_that_cannot_be_checked_are_refused() {
    let case = Case::new(EVEN);
    case.refused(
        &[&OF_D[..], &["--fail-if", "DII<0.8"]].concat(),
        "`--fail-if`: there is no metric `DII` (did you mean `DI`?)\n\nhint: the metrics are CDDL, CI, DPL, JS, KL, KS, LP, TVD, \
         AD, CDDPL, DAR, DCA, DCR, DI, DPPL, DRR, FT, GE, RD, SD, TE",
    );
    case.refused(
        &[&OF_D[..], &["--fail-if", "DI<0.8"]].concat(),
        "`--fail-if 'DI < 0.8'`: DI compares predictions, and there are none\n\n\
         hint: name their column with `--predicted` or `--scores`, or give a model with `--model`",
    );
    let (code, _, stderr) = case.run(&[&OF_D[..], &["--fail-if", "DI=0.8"]].concat());
    assert_eq!(code, 2);
    assert!(stderr.contains("a metric, one of < <= > >=, and a number, such as 'DI<0.8' or '|DPL|>0.1'"), "{stderr}");
}

#[test]
fn columns_and_facets_that_are_not_there() {
    let case = Case::new(EVEN);
    let columns = "hint: its columns are `who`, `ok`, `said`";
    let label = ["--label", "ok", "--positive", "1"];
    for (more, name, nearest) in [
        (&["--label", "okay", "--positive", "1", "--facet", "who=d"][..], "okay", ""),
        (&[&label[..], &["--facet", "whom=d"]].concat(), "whom", " (did you mean `who`?)"),
        (&[&OF_D[..], &["--group", "team"]].concat(), "team", ""),
        (&[&OF_D[..], &["--predicted", "sad"]].concat(), "sad", " (did you mean `said`?)"),
        (&[&OF_D[..], &["--scores", "p", "--threshold", "0.5"]].concat(), "p", ""),
    ] {
        case.refused(more, &format!("DATA: there is no column `{name}`{nearest}\n\n{columns}"));
    }
    let write =
        "hint: write a column and who is compared with the rest, as `sex=Female`, `race=Black,Other` or `'age>40'`";
    for (facet, why) in
        [("who>x", "`x` is not a number"), ("who=", "there is no value after the `=` or between two commas")]
    {
        let told = format!("`--facet {facet}`: {why}\n\n{write}");
        case.refused(&[&label[..], &["--facet", facet]].concat(), &told);
    }
}

#[test]
fn files_are_refused_before_any_work() {
    let case = Case::new(EVEN);
    let path = |name: &str| case.folder.path(name).display().to_string();
    let kept = case.folder.file("kept.json", "mine");
    for (more, told) in [
        (
            vec!["--output", &path("out.csv")],
            "FOLDER/out.csv: this file is written as JSON\n\nhint: end its name in .json",
        ),
        (
            vec!["--report", &path("out.json")],
            "FOLDER/out.json: this file is written as HTML\n\nhint: end its name in .html",
        ),
        (
            vec!["--output", &kept],
            "FOLDER/kept.json: exists already\n\nhint: take another name, or replace the file with `--force`",
        ),
    ] {
        case.refused(&[&OF_D[..], &more].concat(), told);
    }
    let (code, _, _) = case.run(&[&OF_D[..], &["--output", &kept, "--force"]].concat());
    assert_eq!(code, 0);
    assert_eq!(json(&std::fs::read_to_string(&kept).unwrap())["rows"], 10);
}

#[test]
fn options_that_do_not_go_together() {
    let case = Case::new(EVEN);
    for (more, told) in [
        (&["--label", "ok", "--facet", "who=d"][..], "--positive <VALUE>"),
        (&["--label", "ok", "--positive", "1"], "--facet"),
        (&["--label", "ok", "--positive", "1", "--label-threshold", "0", "--facet", "who=d"], "cannot be used with"),
        (&[&OF_D[..], &["--scores", "said"]].concat(), "--threshold <X>"),
        (&[&OF_D[..], &["--scores", "said", "--threshold", "much"]].concat(), "a number, such as 0.5"),
        (&[&OF_D[..], &["--scores", "said", "--threshold", "nan"]].concat(), "a number, such as 0.5"),
        (&[&OF_D[..], &["--predicted", "said", "--scores", "said"]].concat(), "cannot be used with"),
        (&[&OF_D[..], &["--predicted", "said", "--threshold", "0.5"]].concat(), "cannot be used with"),
        (&[&OF_D[..], &["--schema", "s.json"]].concat(), "--model <FILE>"),
        (&[&OF_D[..], &["--allow-missing"]].concat(), "--fail-if"),
        (&[&OF_D[..], &["--level", "1"]].concat(), "a number above 0 and below 1"),
    ] {
        let (code, stdout, stderr) = case.run(more);
        assert_eq!((code, stdout.as_str()), (2, ""), "{more:?}: {stderr}");
        assert!(stderr.contains(told), "{more:?}: {stderr}");
    }
}

#[test]
fn configs_with_mistakes() {
    let case = Case::new(EVEN);
    let misspelt = case.folder.file("run.toml", "facte = 'who=d'\n");
    let (code, _, stderr) = case.run(&["--config", &misspelt]);
    assert_eq!(code, 2);
    assert!(stderr.contains("unknown option \"facte\" (did you mean `facet`?)"), "{stderr}");
    let broken = case.folder.file("run.json", "{\"label\": \"ok\",\n \"facet\": who}");
    case.refused(
        &["--config", &broken],
        "FOLDER/run.json is not a JSON table of options: expected value at line 2 column 11\n\n\
         hint: write one option a line, such as `budget = 4096`; end the name in .json for JSON",
    );
    let good =
        case.folder.file("good.toml", "label = 'ok'\npositive = [1]\nfacet = ['who=d']\nfail_if = ['|DPL|>0.1']\n");
    assert_eq!(case.run(&["--config", &good]).0, 0);
}
