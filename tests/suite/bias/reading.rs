//! How a table is read makes no difference to what is found in it.

use super::{open, request, selection, text};
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use pellucid::bias::{BiasRequest, Kind, Mode, Selection, Value, measure, measure_on};
use pellucid_tests::gpu;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

const FEATURES: usize = 12;

/// Facet, label, prediction and stratum, of which some are missing, and features that have ties.
fn batch(rows: usize) -> RecordBatch {
    let some = |i: usize, every: usize, value: &'static str| (i % every != 3).then_some(value);
    let texts = |every: usize, of: fn(usize) -> &'static str| -> ArrayRef {
        Arc::new((0..rows).map(|i| some(i, every, of(i * i / 3))).collect::<StringArray>())
    };
    let flags =
        |n: usize| -> ArrayRef { Arc::new((0..rows).map(|i| Some((i * i % n % 2) as i64)).collect::<Int64Array>()) };
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("f".into(), texts(17, |i| ["c", "d", "a"][i % 3])),
        ("l".into(), flags(7)),
        ("p".into(), flags(11)),
        ("g".into(), texts(1000, |i| ["s", "t", "u", "v"][i % 4])),
    ];
    for feature in 0..FEATURES {
        let value = |i: usize| ((i * (feature + 3) * 7919) % (5 + feature * 40)) as f64 * 0.1;
        columns.push((format!("x{feature}"), Arc::new((0..rows).map(|i| Some(value(i))).collect::<Float64Array>())));
    }
    RecordBatch::try_from_iter(columns).unwrap()
}

fn write(path: &Path, batch: &RecordBatch, coded: bool) {
    let properties =
        WriterProperties::builder().set_dictionary_enabled(coded).set_max_row_group_row_count(Some(700)).build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn every_facet() -> BiasRequest {
    let mut request = request(Mode::Correct);
    request.facets = vec![
        selection("f", &[]),
        selection("f", &[text("d")]),
        Selection { kind: Some(Kind::Continuous), ..selection("x3", &[Value::Number(2.0)]) },
        selection("x0", &[Value::Number(0.1)]),
    ];
    request.intersections = vec![(0, 2)];
    request.ignore = vec!["f".into(), "g".into()];
    request.bootstrap = Some(pellucid::bias::Bootstrap { replicates: 20, ..Default::default() });
    request
}

#[test]
fn texts_are_the_same_with_and_without_dictionaries_and_in_a_file_without_types() {
    let folder = tempfile::tempdir().unwrap();
    let [coded, plain, csv] = ["coded.parquet", "plain.parquet", "t.csv"].map(|name| folder.path().join(name));
    let rows = batch(3000);
    write(&coded, &rows, true);
    write(&plain, &rows, false);
    arrow::csv::Writer::new(File::create(&csv).unwrap()).write(&rows).unwrap();
    let found = [&coded, &plain, &csv].map(|path| {
        let found = measure(&open(path), &every_facet()).unwrap();
        assert!(
            found.facets.iter().all(|facet| facet.metric("FT").unwrap().value.is_some()),
            "{:?}",
            found.facets[0].post
        );
        serde_json::to_value(found).unwrap()
    });
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0], found[2]);
}

/// A GPU that finds the neighbours finds those that the CPU does.
#[test]
fn flips_on_a_gpu_are_those_of_the_cpu() {
    let Some(device) = gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    write(&path, &batch(3000), true);
    let found = [None, Some(&device)]
        .map(|device| serde_json::to_value(measure_on(&open(&path), &every_facet(), device).unwrap()).unwrap());
    assert_eq!(found[0], found[1]);
}

/// The pages of a column that nobody needs are spoilt: nobody notices who does not read them.
#[test]
fn columns_that_are_not_needed_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    write(&path, &batch(3000), true);
    let metadata = SerializedFileReader::new(File::open(&path).unwrap()).unwrap().metadata().clone();
    let mut bytes = std::fs::read(&path).unwrap();
    for group in metadata.row_groups() {
        let chunk = group.columns().iter().find(|chunk| chunk.column_path().string() == "x7").unwrap();
        let (start, length) = chunk.byte_range();
        bytes[start as usize..(start + length) as usize].fill(0xff);
    }
    std::fs::write(&path, bytes).unwrap();
    let mut request = every_facet();
    assert!(measure(&open(&path), &request).is_err(), "the flip test reads all columns");
    request.metrics = vec!["DPL".into(), "DI".into()];
    assert!(measure(&open(&path), &request).unwrap().facets[0].metric("DI").unwrap().value.is_some());
    let segment = pellucid::bias::Segment {
        column: "x1".into(),
        name: "low".into(),
        any_of: vec![pellucid::bias::SegmentValue::parse("[0, 2)").unwrap()],
    };
    let parts = pellucid::bias::split(&open(&path), &[segment]).unwrap();
    assert!(measure(&parts[0].1, &request).unwrap().rows > 0);
}

/// More values than are told apart, 2^18: those that come after have no classes of their own, and cost no memory.
#[test]
fn values_beyond_those_that_are_told_apart() {
    const ROWS: usize = 300_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let integers =
        |of: fn(usize) -> i64| -> ArrayRef { Arc::new((0..ROWS).map(|i| Some(of(i))).collect::<Int64Array>()) };
    let rows = RecordBatch::try_from_iter([
        ("id", Arc::new((0..ROWS).map(|i| Some(format!("c{i}"))).collect::<StringArray>()) as ArrayRef),
        ("n", integers(|i| i as i64)),
        ("l", integers(|i| (i % 2) as i64)),
        ("p", integers(|i| (i % 3 % 2) as i64)),
    ])
    .unwrap();
    write(&path, &rows, true);
    let mut request = request(Mode::Correct);
    request.group = None;
    request.metrics = vec!["DPL".into(), "DI".into()];
    request.facets = vec![
        selection("id", &[]),
        selection("id", &[text("c7"), text("c299999")]),
        selection("n", &[Value::Integer(299_989)]),
        selection("n", &[Value::Integer(3), Value::Integer(299_999)]),
        Selection { kind: Some(Kind::Continuous), ..selection("n", &[Value::Number(149_999.5)]) },
    ];
    let found = measure(&open(&path), &request).unwrap();
    let reason = found.facets[0].pre_error.as_ref().unwrap();
    assert!(reason.contains("more than 1000 different values: name those that make the group"), "{reason}");
    let rows: Vec<u64> = found.facets[1..].iter().map(|facet| facet.d.rows).collect();
    assert_eq!(rows, [2, 10, 2, 150_000]);
    assert!(found.facets[2].rule.contains("more than 262144 different in 300000 rows"), "{}", found.facets[2].rule);
    request.facets.truncate(2);
    request.facets.remove(0);
    request.group = Some("id".into());
    let error = measure(&open(&path), &request).unwrap_err().to_string();
    assert!(error.contains("the group column `id` has more than 10000 different values"), "{error}");
}
