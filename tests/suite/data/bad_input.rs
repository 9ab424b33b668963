//! What a person is told when a table, a schema or a match is wrong: the exact words.

use super::*;
use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch};
use ndarray::array;
use parquet::arrow::ArrowWriter;
use pellucid::data::{Roles, require_finite};
use pellucid_tests::fixture;
use std::sync::Arc;

fn told_of(name: &str, bytes: impl AsRef<[u8]>) -> String {
    let (_folder, path) = file(name, bytes);
    told(open(&path).and_then(|t| t.batches(100)?.try_for_each(|b| b.map(|_| ()))), &path)
}

const CELLS: &str =
    "\nhint: each line needs as many cells as the header, in UTF-8; quote a cell that holds the delimiter";
const ONE_ROW: &str = "\nhint: give a table with at least one row";

#[test]
fn files() {
    let missing = std::path::Path::new("/nowhere/t.csv");
    assert_eq!(told(open(missing), missing), "cannot open FILE: No such file or directory (os error 2)");
    assert_eq!(
        told_of("t.xlsx", "a"),
        "FILE: the format of a table is told by its extension\nhint: rename it to end in .csv, .tsv, .jsonl or .parquet, or name the format"
    );
    assert_eq!(told_of("t.csv", ""), format!("FILE: the table is empty (no header line){ONE_ROW}"));
    assert_eq!(told_of("t.csv", "a,b\n"), format!("FILE: the table is empty (a header and no rows){ONE_ROW}"));
    assert_eq!(told_of("t.jsonl", "\n\n"), format!("FILE: the table is empty (not a single line){ONE_ROW}"));
}

#[test]
fn csv() {
    assert_eq!(
        told_of("t.csv", "a,b,a\n1,2,3\n"),
        "`a` occurs twice among the columns of FILE\nhint: give each a name of its own, so that it is clear which one is meant"
    );
    assert_eq!(told_of("t.csv", "a,b\n1,2\n1,2,3\n"), format!("FILE: row 2: expected 2 cells, got 3{CELLS}"));
    assert_eq!(told_of("t.csv", "a,b\n1,2\n1\n"), format!("FILE: row 2: expected 2 cells, got 1{CELLS}"));
    assert_eq!(told_of("t.csv", b"a,b\n1,2\n1,\xff\n"), format!("FILE: row 2: column 2 is not UTF-8{CELLS}"));
}

#[test]
fn a_late_cell_that_does_not_fit() {
    let hint = "\nhint: correct the cell (leave it empty if the value is missing), or declare `age` as categorical in a schema file";
    let csv = format!("id,age\n{}9,abc\n", "1,30\n".repeat(1016));
    assert_eq!(told_of("t.csv", csv), format!("FILE: row 1017, column `age`: `abc` is not a number{hint}"));
    let csv = format!("id,age\n{}9,maybe\n", "1,true\n".repeat(1016));
    assert_eq!(told_of("t.csv", csv), format!("FILE: row 1017, column `age`: `maybe` is not true or false{hint}"));
    let jsonl = format!("{}{{\"age\": \"30\"}}\n", "{\"age\": 30}\n".repeat(1016));
    assert_eq!(told_of("t.jsonl", jsonl), format!("FILE: row 1017, column `age`: `\"30\"` is not a number{hint}"));
    let (_folder, path) = file("t.csv", format!("age\n{}{}", "30\n".repeat(5), "abc\n"));
    let few = ReadOptions { infer_rows: 5, ..Default::default() };
    let table = Table::open(&path, &few).unwrap();
    let late: Vec<bool> = table.batches(2).unwrap().map(|b| b.is_ok()).collect();
    assert_eq!(late, [true, true, false]);
}

#[test]
fn json_lines() {
    let one = "\nhint: write one JSON object a line, in UTF-8";
    assert_eq!(told_of("t.jsonl", "{\"a\": 1}\n{\"a\": }\n"), format!("FILE: row 2, character 7: expected value{one}"));
    assert_eq!(
        told_of("t.jsonl", "[1, 2]\n"),
        format!("FILE: row 1, character 0: invalid type: sequence, expected one object a line{one}")
    );
    let late = format!("{}{{\"b\": 1}}\n", "{\"a\": 1}\n".repeat(1000));
    assert_eq!(
        told_of("t.jsonl", late),
        "FILE: row 1001: `b` is not a column of the rows before\nhint: raise the number of rows that columns are inferred from, or drop the key"
    );
    assert_eq!(
        told_of("t.jsonl", "{\"a\": 1, \"a\": 2}\n"),
        "FILE: row 1: `a` occurs twice\nhint: keep one of the two"
    );
    let nested = told_of("t.jsonl", "{\"a\": [1]}\n");
    assert!(
        nested.starts_with("FILE: row 1, column `a`: `[1]` is not a number, true, false, text or null\n"),
        "{nested}"
    );
}

#[test]
fn parquet_cut_short() {
    let whole = std::fs::read(fixture("data/wine/train.parquet")).unwrap();
    for bytes in [&whole[..whole.len() / 2], &whole[..3], b"a,b\n1,2\n", b""] {
        let told = told_of("t.parquet", bytes);
        assert!(told.starts_with("FILE: not a complete Parquet file ("), "{told}");
        assert!(
            told.ends_with("hint: copy or write the file again; if it is CSV or JSON Lines, give it that extension"),
            "{told}"
        );
    }
    let none = RecordBatch::try_from_iter([("a", Arc::new(Int64Array::from(Vec::<i64>::new())) as ArrayRef)]).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), none.schema(), None).unwrap();
    writer.write(&none).unwrap();
    assert_eq!(
        told_of("t.parquet", writer.into_inner().unwrap()),
        format!("FILE: the table is empty (a Parquet file of no rows){ONE_ROW}")
    );
}

fn match_told(csv: &str, model: &[String], schema: Option<&str>) -> String {
    let (_folder, path) = file("t.csv", csv);
    let schema = schema.map(|s| Schema::from_toml(s).unwrap());
    let table = open(&path).unwrap();
    told(Encoder::new(table.schema(), model, schema.as_ref(), &Roles::default()), &path)
}

const LEAVE_OUT: &str = "\nhint: leave columns out with `--ignore NAME`, copy them to the output with `--id NAME`, or list them under `id` or `ignore` in the schema file";

#[test]
fn columns_that_do_not_match() {
    assert_eq!(
        match_told("mean radius,texture,id,target\n1,2,3,0\n", &names(&["mean_radius", "texture", "area"]), None),
        "the table lacks 2 of the model's 3 features: `mean_radius`, `area` (did you mean `mean radius`?); left over are `mean radius`, `id`\n\
         hint: rename the columns to the model's features; declare categorical columns in a schema file"
    );
    assert_eq!(
        match_told("a,b,c\n1,2,3\n", &names(&["a", "b"]), None),
        format!("the model does not use 1 column: `c`{LEAVE_OUT}")
    );
    assert_eq!(
        match_told("a,b,c\n1,2,x\n", &unnamed(2), None),
        format!(
            "the model takes 2 features (unnamed, so matched by order) and the table offers 3, 1 too many: `a`, `b`, `c`; there is text in `c`{LEAVE_OUT}"
        )
    );
    assert_eq!(
        match_told("a,target\n1,0\n", &unnamed(2), None),
        format!(
            "the model takes 2 features (unnamed, so matched by order) and the table offers 1, 1 too few: `a`\nhint: add the missing columns in the model's order; declare categorical columns, which become several features, in a schema file"
        )
    );
    let schema = "[[column]]\nname = \"a\"\nkind = \"numeric\"\n";
    assert_eq!(
        match_told("a,b\n1,2\n", &unnamed(1), Some(schema)),
        format!("the schema does not declare 1 column: `b`{LEAVE_OUT}")
    );
    assert_eq!(
        match_told("heigth,b\n1,2\n", &unnamed(1), Some("[[column]]\nname = \"height\"\nkind = \"numeric\"\n")),
        "the table lacks the schema's column `height` (did you mean `heigth`?)\nhint: add the column to the table, or take it out of the schema"
    );
    assert_eq!(
        match_told("a\n1\n", &[], None),
        "the model takes no features\nhint: there is nothing to explain; check the model's inputs"
    );
    assert_eq!(
        match_told("a,b\n1,2\n", &names(&["a", "b"]), Some("[groups]\nboth = [\"a\", \"c\"]")),
        "group `both` names `c`, which is not a feature\nhint: the features are `a`, `b`"
    );
    assert_eq!(
        match_told("a,b\n1,2\n", &names(&["a", "b"]), Some("[groups]\nboth = [\"a\", \"b\"]\none = [\"a\"]")),
        "feature `a` is in group `one` and in another\nhint: a feature belongs to one group"
    );
}

#[test]
fn cells_that_do_not_fit_the_model() {
    let told_of = |csv: &str, schema: Option<&str>| {
        let (_folder, path) = file("t.csv", csv);
        let schema = schema.map(|s| Schema::from_toml(s).unwrap());
        let table = schema.as_ref().map_or_else(|| open(&path).unwrap(), |s| open_for(&path, s));
        let encoder = Encoder::new(table.schema(), &unnamed(2), schema.as_ref(), &Roles::default()).unwrap();
        told(encode_all(&table, &encoder, 1), &path)
    };
    assert_eq!(
        told_of("age,x\n1,1\nabc,1\n", None),
        "row 2, column `age`: `abc` is not a number\nhint: correct the cell (leave it empty if the value is missing), or declare `age` as categorical in a schema file"
    );
    let schema = "[[column]]\nname = \"sex\"\nkind = \"one-hot\"\ncategories = [\"female\", \"male\"]";
    assert_eq!(
        told_of("sex\nmale\nfemal\n", Some(schema)),
        "row 2, column `sex`: `femal` is not a declared category (did you mean `female`?); declared are `female`, `male`\n\
         hint: add it to the categories of `sex` in the schema file if the model knows it, or correct the cell"
    );
    let day = RecordBatch::try_from_iter([("day", Arc::new(Date32Array::from(vec![1])) as ArrayRef)]).unwrap();
    let encoder = Encoder::new(&day.schema(), &unnamed(1), None, &Roles::default()).unwrap();
    assert_eq!(
        told(encoder.encode(&day, 1), "FILE".as_ref()),
        "column `day` holds Date32, not numbers\nhint: turn it into a number (a date into days, say) before, or leave it out with `--ignore`"
    );
}

#[test]
fn not_finite() {
    let features = names(&["a", "b"]);
    let hint = "\nhint: fill missing values before, or declare a `missing` category in the schema file";
    let check = |rows| told(require_finite(&rows, &features, 11), "FILE".as_ref());
    assert_eq!(
        check(array![[1.0, 2.0], [1.0, f32::NAN]]),
        format!("row 12, column `b`: the value is missing or NaN, and the model takes finite numbers only{hint}")
    );
    assert_eq!(
        check(array![[f32::NEG_INFINITY, 2.0]]),
        format!("row 11, column `a`: the value is -inf, and the model takes finite numbers only{hint}")
    );
    require_finite(&array![[f32::MAX, 0.0]], &features, 1).unwrap();
}

#[test]
fn schema_files() {
    let hint = "\nhint: a schema file lists [[column]] tables with `name` and `kind` (numeric, one-hot, ordinal), and [groups]";
    let check = |text: &str| told(Schema::from_toml(text), "FILE".as_ref());
    let column = |rest: &str| check(&format!("[[column]]\nname = \"a\"\n{rest}"));
    let needs =
        "not a schema: column `a` needs `categories` if it is one-hot or ordinal, and takes none if it is numeric";
    assert_eq!(column("kind = \"one-hot\""), format!("{needs}{hint}"));
    assert_eq!(column("kind = \"numeric\"\ncategories = [1]"), format!("{needs}{hint}"));
    assert_eq!(
        column("kind = \"ordinal\"\ncategories = [\"x\", \"y\"]\ncodes = [1]"),
        format!("not a schema: column `a` has 2 categories and 1 codes{hint}")
    );
    assert_eq!(
        column("kind = \"one-hot\"\ncategories = [\"x\"]\nmissing = \"y\""),
        format!("not a schema: column `a` has a `missing` that is not one of its categories{hint}")
    );
    assert_eq!(
        column("kind = \"one-hot\"\ncategories = [\"x\", \"x\"]"),
        "`x` occurs twice among the categories of column `a`\nhint: give each a name of its own, so that it is clear which one is meant"
    );
    assert!(check("ingore = []").contains("unknown field `ingore`"), "{}", check("ingore = []"));
    assert!(check("[[column]\n").starts_with("not a schema: TOML parse error at line 1"), "{}", check("[[column]\n"));
}
