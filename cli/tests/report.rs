//! `report` as a user meets it: one file with everything, and what it refuses.

mod support;

use support::{Folder, fixture, run};

struct Case {
    folder: Folder,
    model: String,
    data: String,
}

impl Case {
    fn new() -> Self {
        let (model, data) = (fixture("models/breast_cancer_logreg.onnx"), fixture("data/breast_cancer/test.csv"));
        Self { folder: Folder::new(), model, data }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path(name).display().to_string()
    }

    /// A quick report to `report.html`; more options behind.
    fn report(&self, more: &[&str]) -> (i32, String, String) {
        let output = self.path("report.html");
        let mut arguments = vec!["report", "--model", &self.model, "--data", &self.data, "--device", "cpu"];
        arguments.extend(["--rows", "8", "--budget", "700", "--effect-rows", "20", "--output", &output]);
        arguments.extend(more);
        run(&arguments)
    }

    fn shap(&self, name: &str, more: &[&str]) -> String {
        let output = self.path(name);
        let mut arguments = vec!["shap", "--model", &self.model, "--data", &self.data, "--device", "cpu", "--quiet"];
        arguments.extend(["--budget", "700", "--stderr", "--output", &output]);
        arguments.extend(if more.is_empty() { &["--rows", "8"][..] } else { more });
        let (code, _, stderr) = run(&arguments);
        assert_eq!(code, 0, "{stderr}");
        output
    }
}

#[test]
fn one_file_has_everything() {
    let case = Case::new();
    let pictures = case.path("pictures");
    let (code, stdout, stderr) =
        case.report(&["--title", "Is it <benign> & why?", "--show", "3", "--figures", &pictures]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.starts_with("probability: what moves it, over 8 rows"), "{stdout}");
    assert!(stderr.contains("report.html") && stderr.contains("open it in a browser"), "{stderr}");
    let html = std::fs::read_to_string(case.path("report.html")).unwrap();
    assert!(html.contains("Is it &lt;benign&gt; &amp; why?"));
    for part in ["worst_texture", "asked for", "--show 3", "sha256"] {
        assert!(html.to_lowercase().contains(part), "{part}");
    }
    for outside in ["src=\"http", "href=\"http", "@import", "url(http"] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(std::fs::read_dir(&pictures).unwrap().count() > 10);
    assert_eq!(case.folder.names(), ["pictures", "report.html"]);
}

#[test]
fn attributions_of_an_earlier_run_give_the_same_report() {
    let case = Case::new();
    let why = case.shap("why.parquet", &[]);
    let (code, now, stderr) = case.report(&[]);
    assert_eq!(code, 0, "{stderr}");
    let (code, later, stderr) = case.report(&["--force", "--explanation", &why]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(now, later);
}

#[test]
fn a_dry_run_writes_nothing_wherever_the_attributions_come_from() {
    let case = Case::new();
    let why = case.shap("why.parquet", &[]);
    for more in [&["--dry-run"][..], &["--dry-run", "--explanation", &why]] {
        let (code, stdout, stderr) = case.report(more);
        assert_eq!(code, 0, "{stderr}");
        assert!(stdout.ends_with("nothing was written\n"), "{stdout}");
        assert_eq!(case.folder.names(), ["why.parquet"]);
    }
}

#[test]
fn explanations_that_do_not_fit_are_refused() {
    let case = Case::new();
    let other = run(&[
        "shap",
        "--quiet",
        "--device",
        "cpu",
        "--model",
        &fixture("models/breast_cancer_mlp.onnx"),
        "--data",
        &case.data,
        "--rows",
        "8",
        "--budget",
        "700",
        "--output",
        &case.path("other.parquet"),
    ]);
    assert_eq!(other.0, 0, "{}", other.2);
    let short = case.shap("short.parquet", &["--rows", "5"]);
    let text = case.shap("why.csv", &[]);
    let empty = case.folder.file("empty.parquet", "");
    for (path, told) in [
        (case.path("other.parquet"), "breast_cancer_mlp.onnx"),
        (short, "5 rows"),
        (text, "only Parquet"),
        (empty, "empty.parquet"),
        (case.path("nowhere.parquet"), "nowhere.parquet"),
    ] {
        let (code, stdout, stderr) = case.report(&["--explanation", &path]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{path}: {stderr}");
        assert!(stderr.contains(told) && stderr.contains("error: "), "{path}: {stderr}");
        assert!(!case.folder.names().contains(&"report.html".to_string()), "{path}");
    }
}

#[test]
fn wrong_options_are_refused_before_any_work() {
    let case = Case::new();
    for (more, told) in [
        (&["--show", "9"][..], "--show 9: the table has 8 rows"),
        (&["--show", "0"], "a whole number of at least 1"),
        (&["--features", "worst_textur"], "did you mean `worst_texture`?"),
        (&["--by", "worst_textur"], "did you mean `worst_texture`?"),
        (&["--figure-format", "png"], "--figures"),
    ] {
        let (code, stdout, stderr) = case.report(more);
        assert_eq!((code, stdout.as_str()), (2, ""), "{more:?}: {stderr}");
        assert!(stderr.contains(told), "{more:?}: {stderr}");
        assert!(case.folder.names().is_empty(), "{more:?}");
    }
    case.folder.file("report.html", "mine");
    let (code, _, stderr) = case.report(&[]);
    assert_eq!(code, 2);
    assert!(stderr.contains("exists already") && stderr.contains("--force"), "{stderr}");
    assert_eq!(std::fs::read_to_string(case.path("report.html")).unwrap(), "mine");
}
