//! Parts of a table, measured one by one.

use super::{open, request, selection, text};
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use pellucid::bias::{DEFAULT_SEGMENT, Mode, Segment, SegmentValue, Value, measure, split};
use pellucid::data::{ReadOptions, Table};
use std::path::Path;
use std::sync::Arc;

const ROWS: usize = 400;

fn segment(column: &str, any_of: &[SegmentValue]) -> Segment {
    Segment { column: column.into(), name: format!("{column} {}", any_of.len()), any_of: any_of.to_vec() }
}

fn one_of(column: &str, values: &[Value]) -> Segment {
    segment(column, &values.iter().cloned().map(SegmentValue::Equal).collect::<Vec<_>>())
}

fn within(column: &str, text: &str) -> Segment {
    segment(column, &[SegmentValue::parse(text).unwrap()])
}

/// Facet, label, prediction, stratum, region (every 9th is missing), age (every 7th is missing) and whether somebody is a member.
fn line(i: usize) -> String {
    let region = if i % 9 == 4 { "" } else { ["north", "south", "east"][i % 3] };
    let age = if i % 7 == 3 { String::new() } else { format!("{}.5", 15 + i % 50) };
    format!("{},{},{},s{},{region},{age},{},{i}", ["a", "d"][i % 2], i % 5 % 2, i % 3 % 2, i % 4, i % 10 < 3)
}

const HEADER: &str = "f,l,p,g,region,age,member,x";

fn write(folder: &Path, name: &str, lines: impl Iterator<Item = String>) -> Table {
    let path = folder.join(name);
    let lines: Vec<String> = lines.collect();
    std::fs::write(&path, format!("{HEADER}\n{}\n", lines.join("\n"))).unwrap();
    open(&path)
}

/// Each segment gives the very report of a file of its rows alone.
#[test]
fn a_segment_is_as_a_table_of_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let table = write(folder.path(), "all.csv", (0..ROWS).map(line));
    let age = |i: usize| (i % 7 != 3).then_some(15.5 + (i % 50) as f64);
    let region = |i: usize| (i % 9 != 4).then_some(i % 3);
    type Rule<'a> = Box<dyn Fn(usize) -> bool + 'a>;
    let cases: Vec<(Segment, Rule)> = vec![
        (one_of("region", &[text("north"), text("south")]), Box::new(|i| region(i).is_some_and(|r| r < 2))),
        (within("age", "[20.5, 40)"), Box::new(|i| age(i).is_some_and(|a| (20.5..40.0).contains(&a)))),
        (one_of("member", &[text("True")]), Box::new(|i| i % 10 < 3)),
        (one_of("x", &[Value::Integer(4), text("7"), Value::Number(9.0)]), Box::new(|i| [4, 7, 9].contains(&i))),
    ];
    let segments: Vec<Segment> = cases.iter().map(|(segment, _)| segment.clone()).collect();
    let parts = split(&table, &segments).unwrap();
    assert_eq!(parts.len(), segments.len() + 1);
    assert_eq!(parts[4].0, DEFAULT_SEGMENT);
    let rest: Rule = Box::new(|i| !cases.iter().any(|(_, rule)| rule(i)));
    for (place, rule) in cases.iter().map(|(_, rule)| rule).chain([&rest]).enumerate() {
        let alone = write(folder.path(), &format!("{place}.csv"), (0..ROWS).filter(|&i| rule(i)).map(line));
        let [found, expected] = [&parts[place].1, &alone].map(|t| measure(t, &request(Mode::Correct)).unwrap());
        assert!(found.rows > 0 && found.rows < ROWS as u64, "{place}");
        let [found, expected] = [found, expected].map(|report| serde_json::to_value(report).unwrap());
        assert_eq!(found, expected, "{}", parts[place].0);
    }
}

/// Texts of a typed file are texts: `01` is not 1, but an interval reads it; numbers are numbers.
#[test]
fn cells_compare_by_the_type_of_their_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let batch = RecordBatch::try_from_iter([
        ("code", Arc::new(StringArray::from(vec![Some("1"), Some("01"), Some("x"), None])) as ArrayRef),
        ("n", Arc::new(Int64Array::from(vec![Some(1), Some(2), None, Some(3)]))),
        ("r", Arc::new(Float64Array::from(vec![1.0, f64::NAN, -0.0, f64::INFINITY]))),
    ])
    .unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let rows = |segment: Segment| {
        let parts = split(&open(&path), &[segment]).unwrap();
        let rows = |table: &Table| table.batches(100).unwrap().map(|b| b.unwrap().num_rows()).sum::<usize>();
        (rows(&parts[0].1), rows(&parts[1].1))
    };
    assert_eq!(rows(one_of("code", &[Value::Integer(1)])), (1, 3));
    assert_eq!(rows(within("code", "[1, 2)")), (2, 2));
    assert_eq!(rows(one_of("n", &[text("1"), text("3")])), (2, 2));
    assert_eq!(rows(within("n", "(1, inf]")), (2, 2));
    assert_eq!(rows(one_of("r", &[Value::Integer(0)])), (1, 3));
    assert_eq!(rows(within("r", "[-inf, inf]")), (3, 1));
}

/// What looks like a number in a column that is declared as text is compared to the letter.
#[test]
fn a_column_read_as_text_is_compared_to_the_letter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, "zip,n\n01,01\n1,1\n1.0,1.0\n").unwrap();
    let table = Table::open(&path, &ReadOptions { text: vec!["zip".into()], ..ReadOptions::default() }).unwrap();
    let rows = |column: &str| {
        let parts = split(&table, &[one_of(column, &[text("1")])]).unwrap();
        parts[0].1.as_text().batches(100).unwrap().map(|b| b.unwrap().num_rows()).sum::<usize>()
    };
    assert_eq!((rows("zip"), rows("n")), (1, 3));
}

#[test]
fn segments_without_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let table = write(folder.path(), "t.csv", (0..9).map(line));
    let north = one_of("region", &[text("north")]);
    let default = Segment { name: DEFAULT_SEGMENT.into(), ..north.clone() };
    for (segments, told) in [
        (vec![one_of("regoin", &[text("north")])], "no column `regoin` (did you mean `region`?)"),
        (vec![one_of("region", &[])], "has no values"),
        (vec![north.clone(), one_of("region", &[text("south")])], "is given twice"),
        (vec![default], "has a name that is taken"),
    ] {
        let error = split(&table, &segments).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    // A segment that nobody is in has reasons, not values, and stops nothing.
    let parts = split(&table, &[one_of("region", &[text("nowhere")])]).unwrap();
    let mut request = request(Mode::Correct);
    request.facets.push(selection("region", &[]));
    let found = measure(&parts[0].1, &request).unwrap();
    assert_eq!(found.rows, 0);
    for facet in &found.facets {
        assert!(facet.pre_error.is_some() || facet.pre.iter().all(|m| m.error.is_some()), "{facet:?}");
    }
}
