//! Tables that are not as they should be: each has its finding, none stops the others.

use super::{column, drift, profile, table};
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use pellucid::data::{BatchWriter, FileKind, ReadOptions, Table};
use pellucid::drift::{ColumnLimits, Content, Profile, ProfileOptions, Role, SchemaChange, data_drift};
use std::sync::Arc;

#[test]
fn columns_that_come_go_or_change_are_named() {
    let found = drift("a,b,c\n1,x,3\n2,y,4\n", "c,a,d\nred,1,0\nblue,2,0\n");
    let kind = SchemaChange::Kind { column: "c".into(), baseline: "numbers", data: "categories" };
    let gone = SchemaChange::Missing { column: "b".into() };
    assert_eq!(found.schema, [gone, kind, SchemaChange::Extra { column: "d".into() }]);
    assert_eq!(found.schema.iter().filter(|change| change.is_violation()).count(), 2);
    assert_eq!(found.columns[1].notes, ["not compared: numbers in the baseline, categories in the new data"]);
    let checks = found.checks();
    assert_eq!(checks[0].message, "The baseline has the column b, the new data has not");
    assert_eq!(checks.iter().filter(|check| check.violated).count(), 2);
}

#[test]
fn a_column_that_lost_its_values_has_drifted_missing_cells() {
    let numbers = column("x", 0..200);
    let empty = column("x", (0..200).map(|_| "NaN"));
    let found = drift(&numbers, &empty);
    let moved = &found.columns[0];
    assert_eq!((moved.missing, moved.missing_drifted, moved.drifted, moved.psi), ([0.0, 1.0], true, false, None));
    assert_eq!(moved.notes, ["not compared: every cell is missing in the new data"]);
    assert!(found.schema.is_empty());
    let found = drift(&empty, &empty);
    assert_eq!(found.columns[0].notes, ["not compared: every cell is missing in both tables"]);
    assert!(found.checks().iter().all(|check| !check.violated));
}

#[test]
fn constants_drift_when_they_change() {
    let of = |value: &str| column("x", (0..50).map(|_| value));
    let found = drift(&of("7"), &of("7"));
    assert_eq!((found.columns[0].psi, found.columns[0].p, found.columns[0].drifted), (Some(0.0), Some(1.0), false));
    assert!(drift(&of("7"), &of("6")).columns[0].drifted);
    assert!(drift(&of("7"), &of("8")).columns[0].drifted);
    let found = drift(&of("red"), &of("red"));
    assert_eq!((found.columns[0].p, found.columns[0].drifted), (None, false));
    let found = drift(&of("red"), &of("blue"));
    let moved = &found.columns[0];
    assert!(moved.drifted && moved.js == Some(1.0));
    assert_eq!((&moved.new, &moved.vanished), (&vec![("blue".into(), 50)], &vec![("red".into(), 50)]));
}

#[test]
fn ids_are_not_compared() {
    let ids = |from: u64| column("id", (from..from + 500).map(|i| format!("customer {i}")));
    let found = drift(&ids(0), &ids(1000));
    assert!(!found.columns[0].drifted && found.columns[0].psi.is_none());
    assert!(found.columns[0].notes[0].contains("as ids have"));
}

/// 300,000 categories of four rows on each side, and one that fills a quarter: it is counted to the last row, and the rest is one.
#[test]
fn very_many_categories_fit() {
    let csv = |shift: u64| {
        let rows = (0..1_600_000u64)
            .map(|i| if i % 4 == 0 { "often".into() } else { format!("k{}", (i * 7 + shift) % 400_000) });
        column("c", rows)
    };
    let old = csv(0);
    let found = drift(&old, &csv(1));
    let same = &found.columns[0];
    assert!(same.bins.len() <= 1001, "{}", same.bins.len());
    assert_eq!((same.bins[0].label.as_str(), same.bins[0].baseline, same.bins[0].data), ("often", 400_000, 400_000));
    assert_eq!(same.bins.last().unwrap().label, "all others");
    assert!(!same.drifted && same.psi.unwrap() < 0.01 && same.p.unwrap() > 0.01, "{:?} {:?}", same.psi, same.p);
    assert!(same.notes[0].starts_with("of about ") && same.notes[0].ends_with("all others as one"), "{:?}", same.notes);
    // The frequent one is gone.
    let found = drift(&old, &csv(0).replace("often", "k1"));
    assert!(found.columns[0].drifted, "{:?}", found.columns[0].psi);
}

/// Beyond the rows to keep numbers are a sample, categories and moments are not; the note has the seed, and the seed the same bits.
#[test]
fn a_sample_is_told() {
    let rows = |n: u64| {
        (0..n)
            .map(|i| format!("{},k{}", i * 7919 % 1000, i % 3))
            .fold("x,c\n".into(), |text: String, row| text + &row + "\n")
    };
    let options = ProfileOptions { kept_rows: 500, seed: 3, ..ProfileOptions::default() };
    let [old, new] = [rows(4000), rows(400)].map(|csv| profile(&csv, &options));
    assert_eq!((old.rows, old.kept_rows, new.kept_rows), (4000, 500, 400));
    let found = data_drift(&old, &new, ColumnLimits::default(), |_| Role::Feature);
    assert_eq!(
        found.notes,
        [
            "numbers of the baseline are compared over 500 of its 4000 rows, drawn at random (seed 3); categories over all"
        ]
    );
    assert_eq!(found.columns[0].bins.iter().map(|bin| bin.baseline).sum::<u64>(), 500);
    assert_eq!(found.columns[1].bins.iter().map(|bin| bin.baseline).sum::<u64>(), 4000);
    assert!((found.columns[0].moments.unwrap()[0][0] - 499.5).abs() < 1e-9);
    let again = data_drift(&profile(&rows(4000), &options), &new, ColumnLimits::default(), |_| Role::Feature);
    assert_eq!(again.columns[0].p, found.columns[0].p);
}

/// Numbers named as categories, and one column as Parquet types it in several ways.
#[test]
fn codes_are_categories_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let columns: [ArrayRef; 3] = [
        Arc::new(Int64Array::from(vec![1, 2, 2])),
        Arc::new(Float64Array::from(vec![Some(1.0), Some(2.0), None])),
        Arc::new(StringArray::from(vec!["1", "2", ""])),
    ];
    let options = ProfileOptions { categorical: vec!["code".into()], ..ProfileOptions::default() };
    for (at, column) in columns.into_iter().enumerate() {
        let batch = RecordBatch::try_from_iter([("code", column)]).unwrap();
        let path = folder.path().join(format!("{at}.parquet"));
        let mut writer = BatchWriter::create(&path, FileKind::Parquet, batch.schema(), false).unwrap();
        writer.write(&batch).unwrap();
        writer.finish(&[]).unwrap();
        let found = Profile::read(&Table::open(&path, &ReadOptions::default()).unwrap(), &options).unwrap();
        let Content::Categories(codes) = &found.columns[0].content else { panic!("{found:?}") };
        assert_eq!((codes.count("1").0, codes.count("2").0), (1, if at == 0 { 2 } else { 1 }));
        assert_eq!(found.columns[0].missing, u64::from(at > 0));
    }
    let found = profile("code\n1\n2\n1.0\n", &options);
    let Content::Categories(codes) = &found.columns[0].content else { panic!("{found:?}") };
    assert_eq!(codes.count("1"), (2, 0));
}

#[test]
fn columns_left_out_are_not_read() {
    let options = ProfileOptions { ignore: vec!["id".into()], ..ProfileOptions::default() };
    let (_folder, table) = table("id,x\n1,2\n");
    let found = Profile::read(&table, &options).unwrap();
    assert_eq!(found.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["x"]);
}

#[test]
fn statistics_have_the_form_of_the_reference() {
    let found = profile("x,c\n1,a\n2,a\n,b\n3,\n", &ProfileOptions::default()).statistics();
    assert_eq!((&found["version"], &found["dataset"]["item_count"]), (&0.0.into(), &4.into()));
    let x = &found["features"][0];
    assert_eq!((&x["name"], &x["inferred_type"]), (&"x".into(), &"Integral".into()));
    let numbers = &x["numerical_statistics"];
    assert_eq!(numbers["common"], serde_json::json!({"num_present": 3, "num_missing": 1}));
    assert_eq!((&numbers["mean"], &numbers["min"], &numbers["max"]), (&2.0.into(), &1.0.into(), &3.0.into()));
    let c = &found["features"][1]["string_statistics"];
    assert_eq!(c["distinct_count"], 2);
    assert_eq!(c["distribution"]["categorical"]["buckets"][0], serde_json::json!({"value": "a", "count": 2}));
}
