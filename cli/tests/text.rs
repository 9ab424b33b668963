//! `shap --tokenizer` as a user meets it: one text, a table of them, and what it refuses.

mod support;

use serde_json::Value;
use support::{Folder, fixture, run};

const MESSAGE: &str = "You have 1 new message. Please call 08718738034.";

/// `shap` for texts, with more options behind.
fn shap(more: &[&str]) -> (i32, String, String) {
    let (model, tokenizer) =
        (fixture("models/sms_bert_tiny/model.onnx"), fixture("models/sms_bert_tiny/tokenizer.json"));
    let mut arguments = vec!["shap", "--device", "cpu", "--model", &model, "--tokenizer", &tokenizer];
    arguments.extend(more);
    run(&arguments)
}

fn lines(path: &std::path::Path) -> Vec<Value> {
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn one_text_is_a_table_or_json_without_colours_in_a_pipe() {
    let (code, stdout, stderr) = shap(&["--text", MESSAGE, "--target", "spam"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.starts_with("probability[spam]: 0.9"), "{stdout}");
    assert!(stdout.contains(" part ") && stdout.contains("08718738034.") && !stdout.contains('\x1b'), "{stdout}");
    assert!(stderr.contains("classes: ham, spam") && stderr.contains("256 forwards"), "{stderr}");
    let (code, stdout, _) = shap(&["--text", MESSAGE, "--json", "--quiet"]);
    let json: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, json["outputs"][1]["output"].as_str()), (0, Some("probability[spam]")));
    let players = json["players"].as_array().unwrap();
    assert_eq!((&players[7]["text"], players[7]["start"].as_u64()), (&"08718738034.".into(), Some(36)));
    for k in 0..2 {
        let sum: f64 = players.iter().map(|player| player["attributions"][k].as_f64().unwrap()).sum();
        let output = &json["outputs"][k];
        let gain = output["prediction"].as_f64().unwrap() - output["base_value"].as_f64().unwrap();
        assert!((sum - gain).abs() < 1e-5, "{sum} for {gain}");
    }
}

#[test]
fn a_table_gives_words_files_and_a_report() {
    let (folder, data) = (Folder::new(), fixture("data/sms_spam/test.csv"));
    let path = |name: &str| folder.path(name).display().to_string();
    let [jsonl, clarify, csv, report, summary] = ["a.jsonl", "out.jsonl", "a.csv", "a.html", "a.json"].map(path);
    let table = ["--data", &data, "--text-column", "text", "--id", "target", "--rows", "30", "--budget", "130"];
    let with = |more: &[&str]| {
        let (code, stdout, stderr) = shap(&[&table[..], more].concat());
        assert_eq!(code, 0, "{stderr}");
        (stdout, stderr)
    };
    let (stdout, stderr) = with(&["--output", &jsonl, "--report", &report, "--summary", &summary, "--stderr"]);
    assert!(stdout.starts_with("probability[spam]: words that move it most, over 30 texts"), "{stdout}");
    assert!(stderr.contains("30 texts in ") && stderr.contains("% padding"), "{stderr}");
    let rows = lines(&folder.path("a.jsonl"));
    assert_eq!((rows.len(), rows[0]["row"].as_u64(), rows[0]["target"].as_str()), (30, Some(1), Some("0")));
    let text: Vec<char> = rows[3]["text"].as_str().unwrap().chars().collect();
    for player in rows[3]["players"].as_array().unwrap() {
        let (start, end) = (player["start"].as_u64().unwrap() as usize, player["end"].as_u64().unwrap() as usize);
        assert_eq!(text[start..end].iter().collect::<String>(), player["text"].as_str().unwrap());
        assert_eq!(player["stderr"].as_array().unwrap().len(), 2);
    }
    let html = std::fs::read_to_string(folder.path("a.html")).unwrap();
    assert!(html.contains("<mark class=\"up-4\"") && html.contains("<mark class=\"down-"), "no coloured words");
    let summary: Value = serde_json::from_str(&std::fs::read_to_string(folder.path("a.json")).unwrap()).unwrap();
    assert_eq!(summary["texts"], 30);
    with(&["--output", &clarify, "--format", "clarify"]);
    let first = &lines(&folder.path("out.jsonl"))[0]["explanations"][0];
    assert_eq!((first["feature_name"].as_str(), first["data_type"].as_str()), (Some("text"), Some("free_text")));
    assert_eq!(first["attributions"][1]["description"]["partial_text"], rows[0]["players"][1]["text"]);
    assert_eq!(first["attributions"][1]["description"]["start_idx"], rows[0]["players"][1]["start"]);
    assert_eq!(first["attributions"][1]["attribution"], rows[0]["players"][1]["attributions"]);
    with(&["--output", &csv, "--target", "1"]);
    let tidy = std::fs::read_to_string(folder.path("a.csv")).unwrap();
    let header = "target,row,player,start,end,text,output,attribution,base_value,prediction\n";
    assert!(tidy.starts_with(header), "{}", &tidy[..100]);
    let players: usize = rows.iter().map(|row| row["players"].as_array().unwrap().len()).sum();
    assert_eq!(tidy.lines().count(), players + 1);
    assert_eq!(folder.names(), ["a.csv", "a.html", "a.json", "a.jsonl", "out.jsonl"]);
}

#[test]
fn what_is_not_for_texts_is_refused_and_nothing_is_left() {
    let (folder, data) = (Folder::new(), fixture("data/sms_spam/test.csv"));
    let output = folder.path("out.parquet").display().to_string();
    let table = ["--data", &data, "--text-column", "text", "--output", &output];
    let no_tokenizer = fixture("models/sms_bert_tiny/config.json");
    let numeric = fixture("data/adult/test.csv");
    let cases: [(&[&str], &[&str], &str); 13] = [
        (&["--text", ""], &[], "the text is empty"),
        (&["--text", "a b", "--budget", "3"], &[], "minimum of 4 for 2 players"),
        (&["--text", "a b", "--span", "0:9"], &[], "ends behind the text, which has 3 characters"),
        (&["--text", "a b", "--target", "egg"], &[], "no output \"egg\""),
        (&["--text", "a b", "--labels", "x"], &[], "1 class labels, the model has 2 outputs"),
        (&["--text", "a b", "--value", "similarity", "--link", "logit"], &[], "--link logit is not for texts"),
        (&["--data", &data], &[], "which column holds the texts?"),
        (&["--data", &data, "--text-column", "txt"], &[], "there is no column `txt` (did you mean `text`?)"),
        (&table, &["--background-rows", "10"], "--background-rows is not for texts"),
        (&table, &["--report", &output], "is named for two files"),
        (&table, &["--interactions"], "the interactions of texts are written as JSON"),
        (&["--data", &numeric, "--text-column", "age"], &[], "column `age` holds numbers, not texts"),
        (&table, &["--rows", "5", "--report", "r.html", "--show", "9"], "--show 9: there are 5 texts"),
    ];
    for (one, two, message) in cases {
        let (code, stdout, stderr) = shap(&[one, two].concat());
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.contains(message) && stderr.contains("hint:"), "{message}: {stderr}");
        assert!(folder.names().is_empty(), "{:?}", folder.names());
    }
    let model = fixture("models/sms_bert_tiny/model.onnx");
    let (code, _, stderr) = run(&["shap", "--model", &model, "--tokenizer", &no_tokenizer, "--text", "a"]);
    assert!(code == 2 && stderr.contains("not a tokenizer"), "{stderr}");
    let (code, _, stderr) = run(&["shap", "--model", &model, "--text", "a"]);
    assert!(code == 2 && stderr.contains("--tokenizer <FILE>"), "{stderr}");
    let (code, _, stderr) = run(&["shap", "--model", &model]);
    assert!(code == 2 && stderr.contains("--data <FILE>"), "{stderr}");
    let table_model = fixture("models/wine_mlp.onnx");
    let tokenizer = fixture("models/sms_bert_tiny/tokenizer.json");
    let (code, _, stderr) = run(&["shap", "--model", &table_model, "--tokenizer", &tokenizer, "--text", "a"]);
    assert!(code == 2 && stderr.contains("it does not read tokens"), "{stderr}");
}

#[test]
fn cut_and_empty_texts_are_told() {
    let folder = Folder::new();
    let long = "word ".repeat(80);
    let data = folder.file("texts.csv", format!("text\nhello there\n{long}\n\" \"\n"));
    let (code, stdout, stderr) = shap(&["--data", &data, "--text-column", "text", "--budget", "140"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("1 text cut to the 64 tokens that model and tokenizer take (number 2)"), "{stderr}");
    assert!(stderr.contains("1 text has no word (number 3)"), "{stderr}");
    assert!(stdout.contains("over 3 texts"), "{stdout}");
}

#[test]
fn parts_that_act_together_are_told() {
    let folder = Folder::new();
    let [output, report] = ["a.jsonl", "a.html"].map(|name| folder.path(name).display().to_string());
    let text =
        ["--text", "call free now", "--target", "spam", "--interactions", "--output", &output, "--report", &report];
    let (code, stdout, stderr) = shap(&text);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("parts that act together") && stdout.contains(" free × now "), "{stdout}");
    let text = &lines(&folder.path("a.jsonl"))[0];
    let pairs = text["interactions"].as_array().unwrap();
    let players: Vec<(u64, u64)> =
        pairs.iter().map(|pair| (pair["a"].as_u64().unwrap(), pair["b"].as_u64().unwrap())).collect();
    assert_eq!(players, [(0, 1), (0, 2), (1, 2)]);
    assert!(pairs.iter().all(|pair| pair["interactions"][0].as_f64().unwrap().abs() > 1e-9), "{pairs:?}");
    let page = std::fs::read_to_string(folder.path("a.html")).unwrap();
    assert!(page.contains("Text 1: parts that act together") && page.contains("text-matrix-1-"), "no pairs");
}

/// A table of texts with columns beside them, for a model that reads both.
struct Mixed {
    folder: Folder,
    schema: String,
}

impl Mixed {
    fn new() -> Self {
        let folder = Folder::new();
        let schema = "[[column]]\nname = \"characters\"\nkind = \"numeric\"\n[[column]]\nname = \"capitals\"\nkind = \
                      \"numeric\"\n[[column]]\nname = \"sender\"\nkind = \"KIND\"\ncategories = [\"mobile\", \"short code\", \"name\"]\n";
        let schema = folder.file("schema.toml", schema.replace("KIND", "one-hot"));
        Self { folder, schema }
    }

    fn run(&self, model: &str, data: &str, more: &[&str]) -> (i32, String, String) {
        let (model, tokenizer) =
            (fixture(&format!("models/sms_mixed/{model}")), fixture("models/sms_bert_tiny/tokenizer.json"));
        let mut arguments = vec!["shap", "--device", "cpu", "--model", &model, "--tokenizer", &tokenizer];
        arguments.extend(["--schema", &self.schema]);
        if !data.is_empty() {
            arguments.extend(["--data", data, "--text-column", "text"]);
        }
        arguments.extend(more);
        run(&arguments)
    }

    /// A table of three rows with a changed text.
    fn table(&self, name: &str, from: &str, to: &str) -> String {
        let all = std::fs::read_to_string(fixture("data/sms_spam/mixed.csv")).unwrap();
        let lines: Vec<&str> = all.lines().take(4).collect();
        let changed = lines.join("\n").replacen(from, to, 1);
        assert!(changed != lines.join("\n"), "{from} is not there");
        self.folder.file(name, changed + "\n")
    }
}

#[test]
fn columns_beside_the_texts_are_players_too() {
    let (mixed, data) = (Mixed::new(), fixture("data/sms_spam/mixed.csv"));
    let path = |name: &str| mixed.folder.path(name).display().to_string();
    let [jsonl, clarify, csv, report, summary] = ["a.jsonl", "out.jsonl", "a.csv", "a.html", "a.json"].map(path);
    let with = |more: &[&str]| {
        let (code, stdout, stderr) = mixed.run(
            "numbers.onnx",
            &data,
            &[&["--id", "target", "--rows", "12", "--background-rows", "9"], more].concat(),
        );
        assert_eq!(code, 0, "{stderr}");
        stdout
    };
    let stdout = with(&["--output", &jsonl, "--report", &report, "--summary", &summary, "--target", "spam"]);
    assert!(
        stdout.contains("probability[spam]: columns beside the texts") && stdout.contains(" capitals "),
        "{stdout}"
    );
    let rows = lines(&mixed.folder.path("a.jsonl"));
    assert_eq!((rows.len(), rows[0]["target"].as_str()), (12, Some("0")));
    for row in &rows {
        let columns = row["columns"].as_array().unwrap();
        let names: Vec<&str> = columns.iter().map(|column| column["column"].as_str().unwrap()).collect();
        assert_eq!(names, ["characters", "capitals", "sender"]);
        assert!(["mobile", "short code", "name"].contains(&columns[2]["value"].as_str().unwrap()));
        let players = row["players"].as_array().unwrap().iter().chain(columns);
        let sum: f64 = players.map(|player| player["attributions"][0].as_f64().unwrap()).sum();
        let output = &row["outputs"][0];
        let gain = output["prediction"].as_f64().unwrap() - output["base_value"].as_f64().unwrap();
        assert!((sum - gain).abs() < 1e-5, "{sum} for {gain}");
    }
    let summary: Value = serde_json::from_str(&std::fs::read_to_string(mixed.folder.path("a.json")).unwrap()).unwrap();
    assert_eq!(summary["words"][0]["columns"].as_array().unwrap().len(), 3);
    assert!(summary["provenance"]["background"].as_str().unwrap().contains("9 of 120 rows of mixed.csv"));
    let page = std::fs::read_to_string(mixed.folder.path("a.html")).unwrap();
    assert!(page.contains("Columns beside the texts") && page.contains("sender = "), "no columns");
    with(&["--output", &csv, "--target", "1"]);
    let tidy = std::fs::read_to_string(mixed.folder.path("a.csv")).unwrap();
    let header = "target,row,player,column,start,end,text,output,attribution,base_value,prediction\n";
    assert!(tidy.starts_with(header) && tidy.contains(",capitals,,,0.05,probability[spam],"), "{}", &tidy[..900]);
    with(&["--output", &clarify, "--format", "clarify"]);
    let first = &lines(&mixed.folder.path("out.jsonl"))[0]["explanations"];
    let kinds: Vec<&str> = first.as_array().unwrap().iter().map(|f| f["data_type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["free_text", "numerical", "numerical", "categorical"]);
}

/// The two files have the same weights: one takes the sender one-hot, the other as a code, with an input for each column.
#[test]
fn an_input_for_each_column_is_the_same_as_one_for_all() {
    let (mixed, data) = (Mixed::new(), fixture("data/sms_spam/mixed.csv"));
    let found = |model: &str, kind: &str| {
        let schema = std::fs::read_to_string(&mixed.schema).unwrap();
        std::fs::write(&mixed.schema, schema.replace("one-hot", kind).replace("ordinal", kind)).unwrap();
        let output = mixed.folder.path(&format!("{kind}.jsonl")).display().to_string();
        let more = ["--rows", "5", "--target", "spam", "--output", &output, "--background-rows", "6", "--seed", "2"];
        let (code, _, stderr) = mixed.run(model, &data, &more);
        assert_eq!(code, 0, "{stderr}");
        lines(&mixed.folder.path(&format!("{kind}.jsonl")))
    };
    let (one, each) = (found("numbers.onnx", "one-hot"), found("columns.onnx", "ordinal"));
    for (one, each) in one.iter().zip(&each) {
        let of = |row: &Value| ["base_value", "prediction"].map(|key| row["outputs"][0][key].as_f64().unwrap());
        let off = of(one).iter().zip(of(each)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off < 1e-5, "{one} and {each}");
    }
}

#[test]
fn columns_that_do_not_fit_are_refused_by_name() {
    let (mixed, data) = (Mixed::new(), fixture("data/sms_spam/mixed.csv"));
    let (plain, one) = (
        fixture("data/sms_spam/test.csv"),
        mixed.folder.file("one.csv", "text,characters,capitals,sender\nhello,5,0,name\n"),
    );
    let misspelt = mixed.table("misspelt.csv", "capitals", "capitls");
    let missing = mixed.table("missing.csv", ",0.018,", ",,");
    let unknown = mixed.table("unknown.csv", ",mobile,", ",mobil,");
    let left = "extra,text,characters,capitals,sender\n1,hello,5,0,name\n2,call now,8,0,mobile\n";
    let left = mixed.folder.file("left.csv", left);
    let names = mixed.folder.names();
    let cases: [(&str, &[&str], &str); 10] = [
        (
            "",
            &["--text", "hello"],
            "beside the text the model reads numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]",
        ),
        (&plain, &[], "the table lacks the schema's column `characters`"),
        (&misspelt, &[], "the table lacks the schema's column `capitals` (did you mean `capitls`?)"),
        (&missing, &[], "row 2, column `capitals`: the value is missing or NaN"),
        (&unknown, &[], "`mobil` is not a declared category (did you mean `mobile`?)"),
        (&data, &["--background", &plain], "test.csv: the table lacks the schema's column `characters`"),
        (&data, &["--background", &missing], "missing.csv: row 2, column `capitals`: the value is missing"),
        (&one, &[], "the table has one row"),
        (&data, &["--budget", "50"], "a budget of 50 coalitions is below the minimum of"),
        (&data, &["--link", "logit"], "--link logit is not for texts"),
    ];
    for (data, more, message) in cases {
        let (code, stdout, stderr) = mixed.run("numbers.onnx", data, more);
        assert_eq!((code, stdout.as_str()), (2, ""), "{message}: {stderr}");
        assert!(stderr.contains(message) && stderr.contains("hint:"), "{message}: {stderr}");
    }
    let (code, _, stderr) = mixed.run("numbers.onnx", &left, &[]);
    assert!(code == 2 && stderr.contains("the schema does not declare 1 column: `extra`"), "{stderr}");
    assert_eq!(mixed.folder.names(), names);
}

#[test]
fn long_texts_are_opened_group_by_group() {
    let long = "Free entry to win. Text to 87121 now, or call 08718738034! Well, I am on my way home, see you.";
    let (code, stdout, stderr) = shap(&["--text", long, "--target", "spam", "--hierarchy", "--budget", "60", "--json"]);
    assert_eq!(code, 0, "{stderr}");
    let json: Value = serde_json::from_str(&stdout).unwrap();
    assert!(json["provenance"]["design"].as_str().unwrap().starts_with("Owen values"), "{stdout}");
    let parts: Vec<&str> =
        json["players"].as_array().unwrap().iter().map(|part| part["text"].as_str().unwrap()).collect();
    // Some groups stay closed, and together the parts are the text.
    assert!(parts.iter().any(|part| part.contains(' ')) && parts.iter().any(|part| !part.contains(' ')), "{parts:?}");
    assert_eq!(parts.join(" "), long);
    let (code, _, stderr) = shap(&["--text", long, "--hierarchy", "groups.json"]);
    assert!(code == 2 && stderr.contains("--hierarchy FILE is not for texts"), "{stderr}");
}
