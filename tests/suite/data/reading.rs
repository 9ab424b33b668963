//! CSV, JSON Lines and Parquet give the same rows, in batches of any size.

use super::*;
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type};
use pellucid::data::{Format, Roles};
use pellucid_tests::fixture;
use proptest::prelude::*;

fn kinds(table: &Table) -> Vec<(String, DataType)> {
    table.schema().fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect()
}

#[test]
fn csv_types_missing_cells_and_quotes() {
    let text = "\u{feff}id, age ,member,name,\n007,39,true,\"Doe, \"\"J\"\"\n\",\nNA,,False,,\n8,NA,,x,\n";
    let (_folder, path) = file("t.csv", text);
    let table = open(&path).unwrap();
    use DataType::{Boolean, Float64, Utf8};
    let expected = [("id", Float64), ("age", Float64), ("member", Boolean), ("name", Utf8), ("column 5", Float64)];
    assert_eq!(kinds(&table), expected.map(|(n, k)| (n.to_string(), k)));
    let batch: RecordBatch = table.batches(10).unwrap().next().unwrap().unwrap();
    assert_eq!(batch.column(1).as_primitive::<Float64Type>().iter().collect::<Vec<_>>(), [Some(39.0), None, None]);
    assert_eq!(batch.column(2).as_boolean().iter().collect::<Vec<_>>(), [Some(true), Some(false), None]);
    assert_eq!(batch.column(3).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("Doe, \"J\"\n"), None, Some("x")]);

    let ids = Table::open(&path, &ReadOptions { text: names(&["id"]), ..Default::default() }).unwrap();
    let batch = ids.batches(10).unwrap().next().unwrap().unwrap();
    assert_eq!(batch.column(0).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("007"), Some("NA"), Some("8")]);
}

#[test]
fn a_csv_file_without_a_header_line_takes_names() {
    let (_folder, path) = file("t.csv", "39,a\n\n40,\"b\nc\"\n41,d");
    let named = |list: &[&str]| ReadOptions { names: names(list), ..Default::default() };
    let table = Table::open(&path, &named(&["age", "name"])).unwrap();
    assert_eq!((table.n_rows().unwrap(), table.first(2).n_rows().unwrap()), (3, 2));
    for table in [table.clone(), table.as_text().first(9)] {
        let batches: Vec<RecordBatch> = table.batches(2).unwrap().map(Result::unwrap).collect();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(batches[0].column(1).as_string::<i32>().value(1), "b\nc");
    }
    assert_eq!(kinds(&table)[0], ("age".to_string(), DataType::Float64));
    // Rows are counted from 1, and the first line is one.
    let (_folder, path) = file("t.csv", "1,2\n3\n");
    let wrong = |list: &[&str]| Table::open(&path, &named(list)).map(|table| table.n_rows());
    assert!(told(wrong(&["a", "b"]), &path).starts_with("FILE: row 2: expected 2 cells, got 1"));
    let (_folder, good) = file("t.csv", "1,2\n");
    assert!(told(Table::open(&good, &named(&["a", "a"])), &good).contains("`a` occurs twice"));
    let (_folder, empty) = file("t.csv", "");
    assert!(told(Table::open(&empty, &named(&["a"])), &empty).contains("not a single line"));
}

#[test]
fn json_lines_types_and_missing_keys() {
    let text = "{\"b\": 1, \"a\": \"x\", \"c\": true}\n\n{\"a\": null, \"b\": 2.5, \"d\": 3}\n";
    let (_folder, path) = file("t.jsonl", text);
    let table = open(&path).unwrap();
    use DataType::{Boolean, Float64, Utf8};
    assert_eq!(
        kinds(&table),
        [("b", Float64), ("a", Utf8), ("c", Boolean), ("d", Float64)].map(|(n, k)| (n.to_string(), k))
    );
    assert_eq!(table.n_rows().unwrap(), 2);
    let batch = table.batches(10).unwrap().next().unwrap().unwrap();
    assert_eq!(batch.column(0).as_primitive::<Float64Type>().iter().collect::<Vec<_>>(), [Some(1.0), Some(2.5)]);
    assert_eq!(batch.column(1).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("x"), None]);
    assert_eq!(batch.column(3).as_primitive::<Float64Type>().iter().collect::<Vec<_>>(), [None, Some(3.0)]);
}

#[test]
fn delimiters_by_extension_and_by_request() {
    let (_tab, tab) = file("t.tsv", "a\tb\n1\t2\n");
    let (_semi, semi) = file("t.txt", "a;b\n1;2\n");
    let options = ReadOptions { format: Some(Format::Csv { delimiter: b';' }), ..Default::default() };
    for table in [open(tab).unwrap(), Table::open(semi, &options).unwrap()] {
        let encoder = Encoder::new(table.schema(), &names(&["b", "a"]), None, &Roles::default()).unwrap();
        assert_eq!(encode_all(&table, &encoder, 9).unwrap().into_raw_vec_and_offset().0, [2.0, 1.0]);
        assert_eq!(table.n_rows().unwrap(), 1);
    }
}

/// The Parquet fixture was written by pandas from the same float32 values.
#[test]
fn csv_and_parquet_agree_to_the_bit_in_any_batch() {
    let features = unnamed(13);
    let [csv, parquet] = ["data/wine/train.csv", "data/wine/train.parquet"].map(|f| open(fixture(f)).unwrap());
    let encoder = |t: &Table| Encoder::new(t.schema(), &features, None, &Roles::default()).unwrap();
    let expected = encode_all(&csv, &encoder(&csv), 1000).unwrap();
    assert_eq!((csv.n_rows().unwrap(), parquet.n_rows().unwrap(), expected.dim()), (133, 133, (133, 13)));
    for batch_rows in [1, 7, 132, 133, 134] {
        assert_eq!(encode_all(&csv, &encoder(&csv), batch_rows).unwrap(), expected);
        assert_eq!(encode_all(&parquet, &encoder(&parquet), batch_rows).unwrap(), expected);
        assert!(
            csv.batches(batch_rows)
                .unwrap()
                .chain(parquet.batches(batch_rows).unwrap())
                .all(|b| b.unwrap().num_rows() <= batch_rows)
        );
    }
}

proptest! {
    /// Rows are counted as the reader splits them: quotes, doubled quotes, line ends of all kinds, blank lines, no last line end.
    #[test]
    fn csv_rows_are_counted_as_they_are_read(pieces in prop::collection::vec(
        prop::sample::select(vec!["x", "\"q\"", "\"a\nb\"", "\"c\"\"d\"", "\n", "\r\n", "\n\n", "5\" disk", "\"e\"f"]), 0..40)) {
        let text = format!("a\nfirst\n{}", pieces.concat());
        let (_folder, path) = file("t.csv", &text);
        let table = open(&path).unwrap();
        let read: usize = table.batches(3).unwrap().map(|b| b.unwrap().num_rows()).sum();
        prop_assert_eq!(table.n_rows().unwrap(), read, "{:?}", text);
    }
}

#[test]
fn a_table_may_end_early() {
    let (_folder, path) = file("t.csv", "x\n1\n2\n3\n4\n5\n");
    let table = open(&path).unwrap();
    for (n, rows) in [(1, 1), (3, 3), (5, 5), (9, 5)] {
        let first = table.first(n);
        assert_eq!(first.n_rows().unwrap(), rows);
        for batch_rows in [1, 2, 3, 10] {
            let read: usize = first.batches(batch_rows).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
            assert_eq!(read, rows, "{n} rows in batches of {batch_rows}");
        }
    }
}
