//! Bad input to `shap`: the whole message, exit 2, and nothing left in the output's folder. One test a kind.

mod support;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use support::{Folder, finish, fixture, pellucid, run};

/// Takes two features without names.
const PAIR: &str = "interfaces/two_outputs.onnx";
/// Takes one feature, `x`, and gives eˣ.
const ONE: &str = "interfaces/one_feature.onnx";
/// Gives ln a + ln b.
const LOGARITHM: &str = "interfaces/logarithm.onnx";
const WINE: &str = "models/wine_mlp.onnx";

/// A model of the fixtures on a table of its own.
struct Case {
    folder: Folder,
    model: String,
    data: String,
}

impl Case {
    fn new(model: &str, csv: &str) -> Self {
        let folder = Folder::new();
        let data = folder.file("data.csv", csv);
        Self { folder, model: fixture(model), data }
    }

    /// The model on a table of the fixtures.
    fn on(model: &str, data: &str) -> Self {
        Self { folder: Folder::new(), model: fixture(model), data: fixture(data) }
    }

    fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec!["shap", "--quiet", "--device", "cpu", "--model", &self.model, "--data", &self.data];
        arguments.extend(more);
        arguments
    }

    /// Runs with an output of each format; each is refused with `told`, where FOLDER, MODEL and DATA stand for paths.
    #[track_caller]
    fn refused(&self, more: &[&str], told: &str) {
        let before = self.folder.names();
        for name in ["out.parquet", "out.csv", "out.jsonl"] {
            let output = self.folder.path(name).display().to_string();
            let mut arguments = self.arguments(more);
            if !more.contains(&"--output") {
                arguments.extend(["--output", &output]);
            }
            self.told(run(&arguments), told);
            assert_eq!(self.folder.names(), before, "{name}");
        }
    }

    #[track_caller]
    fn told(&self, (code, stdout, stderr): (i32, String, String), told: &str) {
        let folder = self.folder.path("").display().to_string();
        let stderr = stderr.replace(&self.data, "DATA").replace(&self.model, "MODEL");
        let stderr = stderr.replace(folder.trim_end_matches('/'), "FOLDER");
        assert_eq!(stderr, format!("error: {told}\n"));
        assert_eq!((code, stdout.as_str()), (2, ""));
    }

    /// The lines of the CSV that a run writes.
    #[track_caller]
    fn explained(&self, more: &[&str]) -> Vec<String> {
        let output = self.folder.path("out.csv").display().to_string();
        let mut arguments = self.arguments(more);
        arguments.extend(["--output", &output]);
        let (code, _, stderr) = run(&arguments);
        assert_eq!((code, stderr.as_str()), (0, ""));
        std::fs::read_to_string(output).unwrap().lines().map(str::to_string).collect()
    }
}

#[test]
fn missing_columns() {
    Case::new(PAIR, "a\n1\n").refused(
        &[],
        "DATA: the model takes 2 features (unnamed, so matched by order) and the table offers 1, 1 too few: `a`\n\n\
         hint: add the missing columns in the model's order; declare categorical columns, which become several features, in a schema file",
    );
    Case::new(ONE, "X1\n1\n").refused(
        &[],
        "DATA: the table lacks 1 of the model's 1 features: `x`; left over are `X1`\n\n\
         hint: rename the columns to the model's features; declare categorical columns in a schema file",
    );
}

const LEAVE_OUT: &str = "hint: leave columns out with `--ignore NAME`, copy them to the output with `--id NAME`, or list them under `id` or `ignore` in the schema file";

#[test]
fn extra_columns() {
    let more =
        "the model takes 2 features (unnamed, so matched by order) and the table offers 3, 1 too many: `a`, `b`, `c`";
    Case::new(PAIR, "a,b,c\n1,2,3\n").refused(&[], &format!("DATA: {more}\n\n{LEAVE_OUT}"));
    Case::new(ONE, "x,y\n1,2\n").refused(&[], &format!("DATA: the model does not use 1 column: `y`\n\n{LEAVE_OUT}"));
    assert_eq!(Case::new(ONE, "x,y\n1,2\n").explained(&["--ignore", "y"]).len(), 2);
}

#[test]
fn unknown_columns() {
    let columns = "hint: its columns are `x`, `day`";
    let case = Case::new(ONE, "x,day\n1,2\n");
    case.refused(&["--id", "days"], &format!("DATA: there is no column `days` (did you mean `day`?)\n\n{columns}"));
    let unknown = format!("DATA: there is no column `date`\n\n{columns}");
    case.refused(&["--ignore", "day", "--ignore", "date"], &unknown);
}

#[test]
fn strings_where_numbers_are_due() {
    let declare = "hint: correct the cell (leave it empty if the value is missing), or declare `b` as categorical in a schema file";
    Case::new(PAIR, "a,b\n1,2\n3,four\n")
        .refused(&[], &format!("DATA: row 2, column `b`: `four` is not a number\n\n{declare}"));
    // Past the rows that the columns' types are inferred from.
    let late = format!("a,b\n{}1,five\n", "1,2\n".repeat(1500));
    Case::new(PAIR, &late).refused(&[], &format!("DATA: row 1501, column `b`: `five` is not a number\n\n{declare}"));
}

#[test]
fn wrong_types() {
    let folder = Folder::new();
    let data = folder.file("data.jsonl", "{\"a\":1,\"b\":2}\n{\"a\":1,\"b\":[2]}\n");
    Case { folder, model: fixture(PAIR), data }.refused(
        &[],
        "DATA: row 2, column `b`: `[2]` is not a number, true, false, text or null\n\n\
         hint: correct the cell (leave it empty if the value is missing), or declare `b` as categorical in a schema file",
    );
    let case = Case::new(PAIR, "a,b\n1,2\n3\n");
    case.refused(
        &[],
        "DATA: row 2: expected 2 cells, got 1\n\n\
         hint: each line needs as many cells as the header, in UTF-8; quote a cell that holds the delimiter",
    );
}

#[test]
fn an_empty_table() {
    let rows = "hint: give a table with at least one row";
    Case::new(PAIR, "").refused(&[], &format!("DATA: the table is empty (no header line)\n\n{rows}"));
    Case::new(PAIR, "a,b\n").refused(&[], &format!("DATA: the table is empty (a header and no rows)\n\n{rows}"));
}

#[test]
fn an_empty_background() {
    let case = Case::new(PAIR, "a,b\n1,2\n");
    let background = case.folder.file("background.csv", "a,b\n");
    case.refused(
        &["--background", &background],
        "FOLDER/background.csv: the table is empty (a header and no rows)\n\nhint: give a table with at least one row",
    );
    case.refused(
        &["--background-rows", "3"],
        "DATA: 3 background rows asked for, but the table has 1 rows\n\nhint: ask for at most 1, or take all rows",
    );
}

#[test]
fn missing_and_infinite_values_that_the_model_cannot_take() {
    let fill = "hint: fill missing values before, or declare a `missing` category in the schema file";
    let finite = "and the model takes finite numbers only";
    let case = Case::new(PAIR, "a,b\n1,2\n1,\n");
    case.refused(&[], &format!("DATA: row 2, column `b`: the value is missing or NaN, {finite}\n\n{fill}"));
    let case = Case::new(PAIR, "a,b\n1,2\n");
    let background = case.folder.file("background.csv", "a,b\n1,2\n-inf,2\n");
    case.refused(
        &["--background", &background],
        &format!("FOLDER/background.csv: row 2, column `a`: the value is -inf, {finite}\n\n{fill}"),
    );
    // Past the first block: rows are counted from the top of the table.
    let late = format!("a,b\n{}1,nan\n", "1,2\n".repeat(9000));
    Case::new(PAIR, &late).refused(
        &["--background", &case.data],
        &format!("DATA: row 9001, column `b`: the value is missing or NaN, {finite}\n\n{fill}"),
    );
    // A model that imputes takes them.
    let rows = Case::new("operators/Imputer.onnx", "a,b,c,d\n1,2,3,4\n,2,3,\n").explained(&[]);
    assert!(rows[2].starts_with("9.0,2.0,3.0,6.0,"), "{rows:?}");
}

#[test]
fn files_that_are_no_models() {
    let case = Case::on(WINE, "data/wine/test.csv");
    let whole = std::fs::read(&case.model).unwrap();
    let complete = "hint: check that the file was written by an ONNX exporter and copied whole";
    for (name, bytes, why) in [
        ("cut.onnx", &whole[..whole.len() / 2], "Unexpected EOF"),
        ("text.onnx", b"age,income\n1,2\n".as_slice(), "Unexpected EOF"),
    ] {
        let case = Case { folder: Folder::new(), model: case.folder.file(name, bytes), data: case.data.clone() };
        case.refused(&[], &format!("MODEL is not a complete ONNX model: {why}\n\n{complete}"));
    }
}

#[test]
fn unsupported_operators() {
    Case::on("interfaces/unknown.onnx", "data/wine/test.csv").refused(
        &[],
        "2 operators are not supported: FancyNorm (2), my.domain:Neg (1) (in MODEL; \
         FancyNorm at b, y; my.domain:Neg at c)\n\n\
         hint: `pellucid inspect` lists every operator of a model; a model can also be given as a Rust function",
    );
}

#[test]
fn string_inputs() {
    Case::on("models/adult_logreg_strings_skl2onnx.onnx", "data/adult/raw_test.csv").refused(
        &[],
        "7 of 12 inputs of MODEL are strings: workclass, marital_status, occupation, relationship, race, sex, native_country\n\n\
         hint: export the model without its text encoders and encode categories in the table (a schema file)",
    );
}

#[test]
fn outputs_that_are_nan() {
    let range = "hint: attributions need finite outputs: is that row in the range the model was made for? has it missing values?";
    let case = Case::new(LOGARITHM, "a,b\n1,2\n");
    let bad = case.folder.file("bad.csv", format!("a,b\n{}-1,2\n", "1,2\n".repeat(8200)));
    let case = Case { folder: case.folder, model: case.model, data: bad };
    let good = case.folder.path("data.csv").display().to_string();
    case.refused(&["--background", &good], &format!("the model's output `y` is NaN for row 8201\n\n{range}"));
    case.refused(&["--background-all"], &format!("the model's output `y` is NaN for a background row\n\n{range}"));
}

#[test]
fn zero_features() {
    Case::new("interfaces/no_features.onnx", "a\n1\n").refused(
        &[],
        "input x: float[N, 0] holds no features\n\n\
         hint: a model without features has nothing to explain; check how it was exported",
    );
}

#[test]
fn one_feature_has_the_whole_difference() {
    let rows = Case::new(ONE, "x\n0\n1\n2\n").explained(&[]);
    assert_eq!(rows[0], "prediction,base_value,shap.x");
    let base = (1.0 + 1f64.exp() + 2f64.exp()) / 3.0;
    for (x, row) in rows[1..].iter().enumerate() {
        let cells: Vec<f64> = row.split(',').map(|cell| cell.parse().unwrap()).collect();
        let f = (x as f64).exp();
        // f32 rounding of predictions up to e².
        let close = |a: f64, b: f64| (a - b).abs() < 4.0 * f64::from(f32::EPSILON) * 2f64.exp();
        assert!(close(cells[0], f) && close(cells[1], base) && close(cells[2], f - base), "{row}");
    }
}

#[test]
fn constant_features_have_nothing() {
    // The first column differs, the second does not; then none does.
    let rows = Case::new(PAIR, "a,b\n1,5\n2,5\n").explained(&["--target", "total"]);
    assert_eq!(rows, ["prediction,base_value,shap.a,shap.b", "6.0,6.5,-0.5,0.0", "7.0,6.5,0.5,0.0"]);
    let rows = Case::new(PAIR, "a,b\n1,5\n1,5\n").explained(&["--target", "total"]);
    assert_eq!(rows, ["prediction,base_value,shap.a,shap.b", "6.0,6.0,0.0,0.0", "6.0,6.0,0.0,0.0"]);
}

#[test]
fn a_budget_below_the_minimum() {
    let case = Case::on("models/breast_cancer_mlp.onnx", "data/breast_cancer/test.csv");
    let told = "a budget of 40 model rows is below the minimum of 59 for 30 players and this design\n\nhint: use `--budget 59` or more";
    case.refused(&["--budget", "40"], told);
    let fewer = format!("{} or more, or take fewer background rows", "hint: use `--budget 6001`");
    case.refused(
        &["--budget", "100", "--design", "crossed"],
        &format!("a budget of 100 model rows is below the minimum of 6001 for 30 players and this design\n\n{fewer}"),
    );
    assert_eq!(case.explained(&["--budget", "59", "--rows", "2"]).len(), 3);
}

#[test]
fn more_features_than_exact_mode_allows() {
    Case::on("models/breast_cancer_mlp.onnx", "data/breast_cancer/test.csv").refused(
        &["--budget", "exact"],
        "an exact run over 30 players needs 2^30 coalitions; the limit is 2^20\n\n\
         hint: use `--budget 4096`, or group features with `--groups`",
    );
}

#[test]
fn outputs_that_cannot_be_written() {
    let case = Case::new(PAIR, "a,b\n1,2\n");
    let path = |name: &str| case.folder.path(name).display().to_string();
    let missing = "cannot create FOLDER/no/out.csv: No such file or directory (os error 2)";
    case.refused(
        &["--output", &path("no/out.csv")],
        &format!("{missing}\n\nhint: the folder must exist: create it first"),
    );
    let file = "cannot create DATA/out.csv: Not a directory (os error 20)";
    case.refused(
        &["--output", &path("data.csv/out.csv")],
        &format!("{file}\n\nhint: a part of the path is a file, not a folder"),
    );
    case.refused(&["--output", &path("")], "FOLDER/: is a folder\n\nhint: name a file in it");
    let both = path("out.csv");
    case.refused(
        &["--output", &both, "--summary", &both],
        "--output and --summary are both FOLDER/out.csv\n\nhint: give each a name of its own",
    );
}

/// A folder that refuses writing even to root: sysfs.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_without_permission() {
    let case = Case::new(PAIR, "a,b\n1,2\n");
    let (code, stdout, stderr) = run(&case.arguments(&["--output", "/sys/out.csv"]));
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.starts_with("error: cannot create /sys/out.csv: ") && !stderr.contains("tmp-"), "{stderr}");
    assert!(!std::path::Path::new("/sys/out.csv").exists());
}

#[test]
fn existing_outputs_need_force() {
    let case = Case::new(PAIR, "a,b\n1,2\n");
    let kept = case.folder.file("kept.csv", "mine");
    let told = "FOLDER/kept.csv: exists already\n\nhint: take another name, or replace the file with `--force`";
    case.refused(&["--output", &kept], told);
    case.refused(&["--summary", &kept], told);
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "mine");
    // A run that fails leaves the old file, one that ends replaces it.
    let bad = ["--output", &kept, "--force", "--background-rows", "9"];
    assert_eq!(run(&case.arguments(&bad)).0, 2);
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "mine");
    assert_eq!(run(&case.arguments(&bad[..3])).0, 0);
    assert!(std::fs::read_to_string(&kept).unwrap().starts_with("prediction"));
    assert_eq!(case.folder.names(), ["data.csv", "kept.csv"]);
}

#[test]
fn unknown_targets() {
    let outputs = "hint: its outputs are probabilities[0], probabilities[1], probabilities[2]; an index from 0 to 2 or a class label works too";
    for target in ["7", "banana"] {
        Case::on(WINE, "data/wine/test.csv")
            .refused(&["--target", target], &format!("the model has no output \"{target}\"\n\n{outputs}"));
    }
}

#[test]
fn bad_groups() {
    let case = Case::new(PAIR, "age,bmi\n1,2\n");
    let write = "hint: write a TOML file with the line `[groups]` and then one group a line, such as `size = [\"height\", \"weight\"]`";
    for (text, told) in [
        (
            "[groups]\nbody = ['age', 'bmii']",
            "DATA: group `body` names `bmii`, which is not a feature (did you mean `bmi`?)\n\nhint: the features are `age`, `bmi`",
        ),
        (
            "[groups]\na = ['age']\nb = ['bmi', 'age']",
            "DATA: feature `age` is in group `b` and in another\n\nhint: a feature belongs to one group",
        ),
        ("[groups]\na = []", "DATA: group `a` has no features\n\nhint: take it out, or list its features"),
        ("", &format!("FOLDER/groups.toml: there are no groups\n\n{write}")),
    ] {
        let groups = case.folder.file("groups.toml", text);
        case.refused(&["--groups", &groups], told);
    }
    for text in ["age, bmi", "body = ['age']"] {
        let groups = case.folder.file("groups.toml", text);
        let (code, _, stderr) = run(&case.arguments(&["--groups", &groups]));
        assert!(code == 2 && stderr.contains("groups.toml: not a schema: ") && stderr.contains(write), "{stderr}");
    }
}

/// A disk of 64 KiB, mounted for the test: needs the right to mount, and says so where it is skipped.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk() {
    let rows: String = (0..20_000).map(|i| format!("{},{}\n", i * 7919 % 10007, i * 31 % 997)).collect();
    let case = Case::new(PAIR, &format!("a,b\n{rows}"));
    let disk = case.folder.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&disk).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: no right to mount a small disk");
        return;
    }
    let runs: Vec<_> = ["out.parquet", "out.csv", "out.jsonl"]
        .map(|name| {
            let output = disk.join(name).display().to_string();
            let ended = run(&case.arguments(&["--output", &output, "--force", "--background-rows", "7"]));
            (name, ended, std::fs::read_dir(&disk).unwrap().count())
        })
        .into();
    assert!(Command::new("umount").arg(&disk).status().unwrap().success());
    for (name, ended, left) in runs {
        let told =
            "No space left on device (os error 28)\n\nhint: free some space, or choose another disk with `--output`";
        case.told(ended, &format!("cannot write FOLDER/disk/{name}: {told}"));
        assert_eq!(left, 0, "{name} left a file behind");
    }
}

/// A long run with an output, up to the line that says the work has begun.
#[cfg(unix)]
fn long_run(folder: &Folder, name: &str) -> (Child, BufReader<std::process::ChildStderr>, String) {
    let (model, data) = (fixture("models/adult_mlp.onnx"), fixture("data/adult/test.csv"));
    let mut command = pellucid(&["shap", "--model", &model, "--data", &data, "--device", "cpu", "--budget", "2000000"]);
    let design = ["--design", "permutation", "--memory", "1MiB"];
    let mut child = command.args(design).arg("--output").arg(folder.path(name)).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains("explaining") {
        assert_ne!(stderr.read_line(&mut told).unwrap(), 0, "{told}");
    }
    (child, stderr, told)
}

#[cfg(unix)]
fn signal(child: &Child) {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
}

#[cfg(unix)]
#[test]
fn ctrl_c_in_mid_run() {
    let folder = Folder::new();
    for name in ["out.parquet", "out.csv"] {
        let (mut child, mut stderr, mut told) = long_run(&folder, name);
        assert_eq!(folder.names().len(), 1, "the file under way");
        signal(&child);
        stderr.read_to_string(&mut told).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{told}");
        let end = "of 200 rows\nerror: interrupted\n\nhint: nothing was written; the same command starts again from the first row\n";
        assert!(told.contains("stopping after this tile; press Ctrl-C again to stop at once\n"), "{told}");
        assert!(told.ends_with(end), "{told}");
        assert_eq!(folder.names(), Vec::<String>::new());
    }
}

/// The second Ctrl-C does not wait for anything, and still leaves nothing.
#[cfg(unix)]
#[test]
fn ctrl_c_twice() {
    let folder = Folder::new();
    let (mut child, mut stderr, mut told) = long_run(&folder, "out.parquet");
    signal(&child);
    while !told.contains("press Ctrl-C again") {
        assert_ne!(stderr.read_line(&mut told).unwrap(), 0, "{told}");
    }
    signal(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(folder.names(), Vec::<String>::new());
}

/// Everything on stdout is JSON, also where there is nothing to explain with.
#[test]
fn errors_are_on_stderr_in_json_mode_too() {
    let case = Case::new(PAIR, "a\n1\n");
    let (code, stdout, stderr) = finish(&mut pellucid(&case.arguments(&["--json"])));
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.starts_with("error: "), "{stderr}");
}

#[test]
fn columns_that_make_no_cohorts() {
    let rows = |row: &dyn Fn(usize) -> String| format!("a,b,who\n{}", (0..10_001).map(row).collect::<String>());
    let another = "name a column with a few categories, or with numbers, which are cut at their quartiles";
    let case = Case::new(PAIR, &rows(&|r| format!("1,2,n{r}\n")));
    case.refused(
        &["--ignore", "who", "--by", "whom"],
        "DATA: there is no column `whom` (did you mean `who`?)\n\nhint: its columns are `a`, `b`, `who`",
    );
    case.refused(
        &["--ignore", "who", "--by", "who"],
        &format!("DATA: column `who` has more than 10000 categories\n\nhint: {another}"),
    );
    case.refused(
        &["--ignore", "who", "--by", "b"],
        &format!("DATA: column `b` is the same in every row: there is nothing to compare\n\nhint: {another}"),
    );
    let empty = Case::new(PAIR, "a,b,who\n1,2,\n3,4,\n");
    empty.refused(
        &["--ignore", "who", "--by", "who"],
        &format!("DATA: column `who` is the same in every row: there is nothing to compare\n\nhint: {another}"),
    );
}
