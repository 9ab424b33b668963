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
    let misspelt = case.folder.file("run.toml", "facets = 'who=d'\n");
    let (code, _, stderr) = case.run(&["--config", &misspelt]);
    assert_eq!(code, 2);
    assert!(stderr.contains("unknown option \"facets\" (did you mean `facet`?)"), "{stderr}");
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

/// A metric without a value says why, and the others have theirs.
#[test]
fn groups_and_outcomes_that_are_one_sided() {
    let case = Case::new(EVEN);
    let label = ["--label", "ok", "--positive", "1"];
    for (facet, d, shown, nearest) in [
        ("who=x", 0, "who = x", ": no cell of `who` is `x`"),
        ("said>9", 0, "said in (1.0, 9.0]", ""),
        ("said>1", 0, "said above its largest value", ""),
    ] {
        let (code, stdout, stderr) = case.run(&[&label[..], &["--facet", facet]].concat());
        assert_eq!(
            (code, stderr.as_str()),
            (0, format!("warning: {shown}: no row is in this group{nearest}\n").as_str())
        );
        assert!(
            stdout.contains(&format!("{shown}: {d} of 10 rows"))
                && stdout.contains("not computed: group d has no rows"),
            "{stdout}"
        );
    }
    let (_, _, stderr) = case.run(&[&label[..], &["--facet", "who=a,d"]].concat());
    assert_eq!(stderr, "warning: who = a,d: every row is in this group\n");
    let (code, _, stderr) = case.run(&["--label", "ok", "--positive", "7", "--facet", "who=d"]);
    assert_eq!((code, stderr.as_str()), (0, "warning: no row has the positive label, ok 7\n"));
    let facet =
        case.facet(&["--label", "ok", "--label-threshold", "9", "--facet", "who=d", "--predicted", "said", "--quiet"]);
    assert_eq!(metric(&facet, "DPL")["value"], 0.0);
    assert!(metric(&facet, "DI")["value"].is_null());
    assert_eq!(metric(&facet, "DI")["error"], "undefined (0/0): no positive prediction in either group");
}

/// One thing written in several ways is one thing.
#[test]
fn texts_numbers_and_booleans_that_mean_the_same() {
    let case = Case::new("flag,ok\nTrue,1\nFalse,1.0\nFalse,0\nTrue,0\nFalse,1\n");
    for facet in ["flag=False", "flag=false"] {
        let found = case.facet(&["--label", "ok", "--positive", "1", "--facet", facet]);
        assert_eq!(
            (&found["d"]["rows"], &found["d"]["positive"], &found["a"]["positive"]),
            (&3.into(), &2.into(), &1.into()),
            "{facet}"
        );
    }
    let case = Case::new("who,ok\na,01\nb,1\nb,0\na,x\n");
    let found = case.facet(&["--label", "ok", "--positive", "1", "--facet", "who=a"]);
    assert_eq!((&found["d"]["positive"], &found["a"]["positive"]), (&0.into(), &1.into()), "01 is another text than 1");
}

#[test]
fn missing_cells_are_counted_nowhere_and_told() {
    let case = Case::new("who,ok,said,g\nd,1,1,x\n,1,0,x\nd,,1,y\na,0,,y\na,1,1,\n");
    let ask = ["--label", "ok", "--positive", "1", "--facet", "who=d", "--predicted", "said", "--group", "g"];
    let (code, stdout, _) = case.run(&[&ask[..], &["--json"]].concat());
    let found = json(&stdout);
    assert_eq!(code, 0);
    let notes: Vec<&str> = found["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap()).collect();
    for column in ["ok", "said", "g", "who"] {
        assert!(notes.contains(&format!("`{column}` is missing in 1 of 5 rows").as_str()), "{notes:?}");
    }
    // d: one row with a label, positive. a: two, one of them positive.
    assert_eq!(metric(&found["facets"][0], "DPL")["value"], -0.5);
}

#[test]
fn a_facet_of_a_million_values() {
    let rows: String = (0..1_000_000).map(|i| format!("p{i},{}\n", i % 2)).collect();
    let case = Case::new(&format!("who,ok\n{rows}"));
    let (code, _, stderr) = case.run(&["--label", "ok", "--positive", "1", "--facet", "who", "--fail-if", "DPL>0.1"]);
    let why = "column `who` has more than 1000 different values: name those that make the group, or give a threshold";
    assert_eq!(
        (code, stderr),
        (1, format!("warning: who: {why}\nlimit broken: DPL > 0.1 for who: not computed: {why}\n"))
    );
    let found = case.facet(&["--label", "ok", "--positive", "1", "--facet", "who=p7"]);
    assert_eq!((&found["d"]["rows"], &found["a"]["rows"]), (&1.into(), &999_999.into()));
}

#[test]
fn scores_and_intervals_that_cannot_be() {
    let case = Case::new(EVEN);
    case.refused(
        &[&OF_D[..], &["--scores", "who", "--threshold", "0.5"]].concat(),
        "the column of scores `who` holds text\n\nhint: name a column of numbers, or give the column as predicted labels",
    );
    let (code, _, stderr) = run(&[&["bias", "--data", &case.data, "--bootstrap", "5"], &OF_D[..]].concat());
    assert_eq!(code, 2);
    assert!(stderr.contains("hint: take at least 20 replicates"), "{stderr}");
}

#[test]
fn a_model_of_many_outputs_needs_to_know_which() {
    let (model, data) = (fixture("models/wine_mlp.onnx"), fixture("data/wine/test.csv"));
    let ask = [
        "bias",
        "--device",
        "cpu",
        "--data",
        &data,
        "--label",
        "target",
        "--positive",
        "1",
        "--facet",
        "alcohol>13",
        "--model",
        &model,
    ];
    let (code, _, stderr) = run(&ask);
    assert_eq!(code, 2);
    assert!(
        stderr.ends_with(
            "error: one output scores the positive outcome, not 3\n\nhint: choose it with `--target`; the model's outputs are \
             probabilities[0], probabilities[1], probabilities[2]\n"
        ),
        "{stderr}"
    );
    let (code, stdout, stderr) = run(&[&ask[..], &["--target", "1"]].concat());
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("predicted: probabilities[1] of wine_mlp.onnx"), "{stdout}");
}

/// The whole of what a person reads.
#[test]
fn the_table_in_plain_words() {
    let case = Case::new(EVEN);
    let (code, stdout, stderr) =
        case.run(&[&OF_D[..], &["--predicted", "said", "--metrics", "di,DPPL,RD,CDDL", "--min-group", "1"]].concat());
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(
        stdout,
        "\
10 rows; positive: ok 1; predicted: said

who = d: 4 of 10 rows

                        d (d)                       the others (a)
  rows                  4                           6
  positive labels        50.00 %  ██████             50.00 %  ██████
  positive predictions   25.00 %  ███                66.67 %  ████████

Labels
  CDDL         –   not computed: no group column was given, so there are no
                   strata to compare within

Predictions
  DI      0.3750 ▼ d get the positive prediction at 0.375 times the rate of the
                   others
  DPPL    0.4167 ▼ d get the positive prediction 41.7 percentage points less
                   often
  RD      0.5000 ▼ the positives of d are found 50 percentage points less often

  Four-fifths rule: the rate of positive predictions of d is 38 % of that of the
  others: below four fifths, which the rule takes as evidence of adverse impact.

▼ the named group is worse off, ▲ the others are; hollow (▽ △) where the
interval holds the value of no difference.
"
    );
}

/// Clarify's numbers, and what the definitions say where they differ.
#[test]
fn compat_tells_both_values() {
    // Nobody of d is positive: Clarify leaves the positive outcome out of its distances.
    let case = Case::new("who,ok\nd,no\nd,no\na,yes\na,no\n");
    let ask = ["--label", "ok", "--positive", "yes", "--facet", "who=d", "--metrics", "TVD"];
    let here = case.facet(&ask);
    let there = case.facet(&[&ask[..], &["--compat", "clarify"]].concat());
    assert_eq!((&metric(&here, "TVD")["value"], &metric(&here, "TVD")["other"]["value"]), (&0.5.into(), &0.25.into()));
    assert_eq!(
        (&metric(&there, "TVD")["value"], &metric(&there, "TVD")["other"]["value"]),
        (&0.25.into(), &0.5.into())
    );
    let (_, stdout, _) = case.run(&ask);
    assert!(stdout.contains("(in Clarify 0.2500: "), "{stdout}");
}

#[test]
fn the_page_has_every_facet_and_needs_nothing_else() {
    let folder = Folder::new();
    let path = |name: &str| folder.path(name).display().to_string();
    let (model, schema) = (fixture("models/adult_mlp.onnx"), fixture("data/adult/schema.json"));
    let (code, _, stderr) = adult(&[
        "--facet",
        "sex=Female",
        "--facet",
        "age>40",
        "--model",
        &model,
        "--schema",
        &schema,
        "--device",
        "cpu",
        "--fail-if",
        "DI<0.8",
        "--report",
        &path("bias.html"),
        "--output",
        &path("bias.json"),
    ]);
    assert_eq!(code, 1, "{stderr}");
    assert_eq!(folder.names(), ["bias.html", "bias.json"], "they are written although a limit is broken");
    let html = std::fs::read_to_string(folder.path("bias.html")).unwrap();
    for part in [
        "sex = Female",
        "age &gt; 40",
        "figure-outcomes-sex-female",
        "figure-disparate-impact",
        "figure-confusion-age-40",
        "DI &lt; 0.8",
    ] {
        assert!(html.contains(part), "{part}");
    }
    for outside in ["src=\"http", "href=\"http", "@import", "url(http"] {
        assert!(!html.contains(outside), "{outside}");
    }
    let found = json(&std::fs::read_to_string(folder.path("bias.json")).unwrap());
    assert_eq!(found["limits"].as_array().unwrap().len(), 2);
    assert_eq!(found["facets"].as_array().unwrap().len(), 2);
}

/// The fixture of the engine's tests; its rows and options of a request for scores.
fn scored(more: &[&str]) -> (i32, String, String) {
    let data = fixture("oracles/bias_depth/data.csv");
    let of = ["bias", "--data", &data, "--facet", "facet=d"];
    run(&[&of[..], more].concat())
}

const SCORES: [&str; 8] = ["--label", "label", "--positive", "1", "--scores", "score", "--threshold", "0.5"];

#[track_caller]
fn narrow(stdout: &str) {
    assert!(stdout.lines().all(|line| line.chars().count() <= 80), "{stdout}");
}

#[test]
fn scores_are_looked_at_more_closely_when_asked() {
    let (_, plain, _) = scored(&SCORES);
    assert!(!plain.contains("Calibration") && !plain.contains("Other thresholds"), "{plain}");
    let (code, stdout, stderr) = scored(&[&SCORES[..], &["--calibration", "--bins", "4", "--curve"]].concat());
    assert_eq!(code, 0, "{stderr}");
    narrow(&stdout);
    let bins = stdout.lines().filter(|line| line.starts_with("  0") && line.contains('–')).count();
    assert_eq!(bins, 4, "{stdout}");
    assert!(stdout.contains("by chance)") && stdout.contains("  101 thresholds in --output and --report"), "{stdout}");
    let (_, stdout, _) =
        scored(&[&SCORES[..], &["--calibration", "--curve", "--curve-points", "11", "--json"]].concat());
    let facet = &json(&stdout)["facets"][0];
    assert_eq!(facet["calibration"]["d"]["bins"].as_array().unwrap().len(), 10);
    assert_eq!(
        facet["curve"]["thresholds"],
        serde_json::json!([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    );
    assert_eq!(facet["curve"]["d"]["selection"][5], serde_json::json!(47.0 / 141.0));
}

#[test]
fn intervals_are_of_the_kind_asked_for() {
    let dpl = |more: &[&str]| {
        let (code, stdout, stderr) = scored(&[&SCORES[..], more, &["--json"]].concat());
        assert_eq!(code, 0, "{stderr}");
        metric(&json(&stdout)["facets"][0], "DPL").clone()
    };
    let both = dpl(&[]);
    assert!(both["interval"].is_array() && both["analytic"]["method"] == "Newcombe", "{both}");
    let formula = dpl(&["--interval", "analytic"]);
    assert!(formula["interval"].is_null() && formula["analytic"] == both["analytic"], "{formula}");
    for none in [&["--interval", "none"][..], &["--bootstrap", "0"]] {
        let none = dpl(none);
        assert!(none["interval"].is_null() && none["analytic"].is_null(), "{none}");
    }
    let (_, stdout, _) = scored(&[&SCORES[..], &["--interval", "analytic", "--metrics", "DPL"]].concat());
    let [low, high] = ["low", "high"].map(|end| formula["analytic"][end].as_f64().unwrap());
    assert!(stdout.contains(&format!("[{low:.3}, {high:.3}]")), "{stdout}");
}

#[test]
fn numbers_and_classes_need_no_positive_outcome() {
    let (code, stdout, stderr) =
        scored(&["--label", "amount", "--predicted", "guess", "--regression", "--quantile", "0.25"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    narrow(&stdout);
    assert!(stdout.contains("mean residual") && stdout.contains("loss at 0.25"), "{stdout}");
    assert!(!stdout.contains("positive labels") && !stdout.contains("not computed"), "{stdout}");
    let (code, stdout, stderr) = scored(&["--label", "grade", "--predicted", "said", "--each-class"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    narrow(&stdout);
    assert!(
        stdout.contains("  middle") && stdout.contains("distances of predictions over all classes: JS"),
        "{stdout}"
    );
    let (code, _, stderr) = scored(&["--label", "amount", "--regression"]);
    assert!(code == 2 && stderr.contains("hint: name the column of predictions"), "{stderr}");
}

#[test]
fn a_label_has_several_thresholds() {
    let above = ["--label", "amount", "--predicted", "guess", "--label-threshold", "100", "--label-threshold", "999"];
    let (code, stdout, stderr) = scored(&above);
    assert_eq!(code, 0, "{stderr}");
    narrow(&stdout);
    assert!(stdout.contains("positive: amount (100.0, 230.92]"), "{stdout}");
    assert!(stdout.contains("Thresholds of the label") && stdout.contains("note: no label is above 999"), "{stdout}");
}

#[test]
fn a_misspelt_value_is_warned_of_with_the_nearest() {
    let (code, _, stderr) = adult(&["--facet", "sex=Femal", "--bootstrap", "0"]);
    let told = "warning: sex = Femal: no row is in this group: no cell of `sex` is `Femal` (did you mean `Female`?)\n";
    assert_eq!((code, stderr.as_str()), (0, told));
    let (_, _, stderr) = run(&[
        "bias",
        "--data",
        &fixture("data/adult/raw_test.csv"),
        "--label",
        "target",
        "--positive",
        "50K",
        "--facet",
        "sex",
    ]);
    assert!(stderr.starts_with("warning: no cell of `target` is `50K` (did you mean `>50K`?)\n"), "{stderr}");
}

/// Each segment in the text, the JSON and the page, with the limits of each; the rest of the rows are one more.
#[test]
fn segments_are_measured_like_the_whole() {
    let rows =
        |i: usize| format!("{},{},{},{}\n", ["a", "d"][i % 2], i % 5 % 2, ["north", "south", "east"][i % 3], i % 60);
    let case = Case::new(&format!("f,l,region,age\n{}", (0..600).map(rows).collect::<String>()));
    let outcome = ["--label", "l", "--positive", "1", "--facet", "f=d"];
    let segments = ["--segment", "region=north,south", "--segment", "age=[20, 40),50"];
    let page = case.folder.path("page.html").display().to_string();
    let (code, stdout, stderr) = case.run(&[&outcome[..], &segments, &["--report", &page]].concat());
    assert_eq!(code, 0, "{stderr}");
    for told in ["Segment region=north,south\n══", "Segment age=[20, 40),50\n══", "Rows in no segment\n══"]
    {
        assert!(stdout.contains(told), "{told}: {stdout}");
    }
    assert!(std::fs::read_to_string(&page).unwrap().contains("age=[20, 40),50: Summary"));
    let (_, stdout, _) = case.run(&[&outcome[..], &segments, &["--json"]].concat());
    let found = json(&stdout);
    let rows: Vec<u64> = found["segments"].as_array().unwrap().iter().map(|s| s["rows"].as_u64().unwrap()).collect();
    let both = |i: &usize| i % 3 == 2 && !(20..40).contains(&(i % 60)) && i % 60 != 50;
    assert_eq!(rows, [400, 210, (0..600).filter(both).count() as u64]);
    assert_eq!(found["segments"][2]["name"], "__default__");
    let nowhere = ["--segment", "region=nowhere", "--fail-if", "DPL>2"];
    let (code, _, stderr) = case.run(&[&outcome[..], &nowhere].concat());
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("no row is in the segment region=nowhere"), "{stderr}");
    assert!(stderr.contains("limit broken: DPL > 2 for the segment region=nowhere: not computed"), "{stderr}");
    case.refused(
        &[&outcome[..], &["--segment", "region"]].concat(),
        "`--segment region`: no values of `region` are named\n\nhint: name those of one segment, as `region=north,south` or `'region=[20, 40)'`",
    );
}
