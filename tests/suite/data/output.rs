//! Attributions written and read back; a file is complete or absent.

use super::*;
use arrow::array::{Array, ArrayRef, AsArray, Float32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use ndarray::{Array1, Array2, Array3};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use pellucid::data::{AttributionWriter, Format, Layout, OutputFormat};
use pellucid::explain::{Explanation, Link};
use proptest::prelude::*;
use std::sync::Arc;

const FORMATS: [(OutputFormat, &str); 3] =
    [(OutputFormat::Parquet, "o.parquet"), (OutputFormat::Csv, "o.csv"), (OutputFormat::JsonLines, "o.jsonl")];

fn layout(outputs: &[&str], stderr: bool) -> Layout {
    let ids = ids(1).schema().fields().clone();
    Layout { ids, outputs: names(outputs), players: names(&["age", "work, \"class\""]), stderr, interactions: false }
}

fn ids(rows: usize) -> RecordBatch {
    let texts: StringArray = (0..rows).map(|r| (r % 3 != 1).then(|| format!("0{r}, \"x\""))).collect();
    RecordBatch::try_from_iter_with_nullable([("id", Arc::new(texts) as ArrayRef, true)]).unwrap()
}

/// An explanation of two players whose numbers are taken in turn from `numbers`.
fn explanation(rows: usize, outputs: usize, numbers: &[f32]) -> Explanation {
    let mut next = numbers.iter().copied().cycle();
    let mut take = || next.next().unwrap();
    Explanation {
        values: Array3::from_shape_simple_fn((rows, outputs, 2), &mut take),
        stderr: Array3::from_shape_simple_fn((rows, outputs, 2), &mut take),
        predictions: Array2::from_shape_simple_fn((rows, outputs), &mut take),
        base_values: Array1::from_shape_simple_fn(outputs, || f64::from(take()) / 3.0),
        spent: vec![1; rows],
        link: Link::Identity,
        interactions: None,
    }
}

fn half_base(mut e: Explanation) -> Explanation {
    e.base_values.fill(0.5);
    e
}

fn as_f32(column: &ArrayRef) -> Vec<u32> {
    let column = arrow::compute::cast(column, &DataType::Float32).unwrap();
    let column: &Float32Array = column.as_primitive::<Float32Type>();
    (0..column.len()).map(|r| if column.is_null(r) { u32::MAX } else { column.value(r).to_bits() }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))] // each case waits three times for the disk

    /// Every format gives back every finite f32 to the bit, ids to the letter, in batches cut anywhere.
    #[test]
    fn written_and_read_back(numbers in prop::collection::vec(prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO, 1..50),
                             rows in 1usize..12, cut in 0usize..12) {
        let whole = explanation(rows, 2, &numbers);
        let cut = cut.min(rows);
        let part = |from: usize, to: usize| Explanation {
            values: whole.values.slice(ndarray::s![from..to, .., ..]).to_owned(),
            stderr: whole.stderr.slice(ndarray::s![from..to, .., ..]).to_owned(),
            predictions: whole.predictions.slice(ndarray::s![from..to, ..]).to_owned(),
            base_values: whole.base_values.clone(),
            spent: vec![1; to - from],
            link: Link::Identity,
            interactions: None,
        };
        for (format, name) in FORMATS {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            let mut writer = AttributionWriter::create(&path, format, layout(&["no", "yes"], true), false).unwrap();
            writer.write(&part(0, cut), Some(&ids(rows).slice(0, cut))).unwrap();
            writer.write(&part(cut, rows), Some(&ids(rows).slice(cut, rows - cut))).unwrap();
            writer.finish(&[]).unwrap();

            let table = Table::open(&path, &ReadOptions { text: names(&["id"]), ..Default::default() }).unwrap();
            let columns: Vec<&str> = table.schema().fields().iter().map(|f| f.name().as_str()).collect();
            prop_assert_eq!(columns, ["id", "prediction.no", "prediction.yes", "base_value.no", "base_value.yes",
                "shap.age.no", "shap.work, \"class\".no", "shap.age.yes", "shap.work, \"class\".yes",
                "stderr.age.no", "stderr.work, \"class\".no", "stderr.age.yes", "stderr.work, \"class\".yes"]);
            let batches: Vec<RecordBatch> = table.batches(100).unwrap().map(|b| b.unwrap()).collect();
            let read = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
            let expected = ids(rows);
            prop_assert_eq!(read.column(0).as_string::<i32>(), expected.column(0).as_string::<i32>());
            let bits = |x: ndarray::ArrayView1<f32>| x.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            for k in 0..2 {
                prop_assert_eq!(as_f32(read.column(1 + k)), bits(whole.predictions.column(k)));
                let base = read.column(3 + k).as_primitive::<Float64Type>().value(rows - 1);
                // serde_json reads a number to within one unit in the last place of f64.
                prop_assert!((base - whole.base_values[k]).abs() <= 2.0 * f64::EPSILON * base.abs());
                for i in 0..2 {
                    prop_assert_eq!(as_f32(read.column(5 + 2 * k + i)), bits(whole.values.slice(ndarray::s![.., k, i])));
                    prop_assert_eq!(as_f32(read.column(9 + 2 * k + i)), bits(whole.stderr.slice(ndarray::s![.., k, i])));
                }
            }
        }
    }
}

#[test]
fn one_output_has_no_suffix_and_text_formats_read_plainly() {
    let folder = tempfile::tempdir().unwrap();
    let write = |format, name: &str| {
        let path = folder.path().join(name);
        let mut writer = AttributionWriter::create(&path, format, layout(&["y"], false), false).unwrap();
        writer.write(&half_base(explanation(2, 1, &[0.1, f32::NAN, 3.0])), Some(&ids(2))).unwrap();
        writer.finish(&[]).unwrap();
        std::fs::read_to_string(path).unwrap()
    };
    assert_eq!(
        write(OutputFormat::Csv, "a.csv"),
        "id,prediction,base_value,shap.age,\"shap.work, \"\"class\"\"\"\n\
         \"00, \"\"x\"\"\",3.0,0.5,0.1,NaN\n,0.1,0.5,3.0,0.1\n"
    );
    let json = write(OutputFormat::JsonLines, "a.jsonl");
    assert_eq!(
        json.lines().next().unwrap(),
        r#"{"id":"00, \"x\"","prediction":3.0,"base_value":0.5,"shap.age":0.1,"shap.work, \"class\"":null}"#
    );
    assert_eq!(
        write(OutputFormat::Clarify, "c.csv"),
        "age_y,\"work, \"\"class\"\"_y\",id\n0.1,NaN,\"00, \"\"x\"\"\"\n3.0,0.1,\n"
    );
}

#[test]
fn parquet_holds_provenance_and_bounded_row_groups() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("o.parquet");
    let players: Vec<String> = (0..198).map(|i| format!("f{i}")).collect();
    let layout =
        Layout { ids: Default::default(), outputs: names(&["y"]), players, stderr: false, interactions: false };
    let mut writer = AttributionWriter::create(&path, OutputFormat::Parquet, layout, false).unwrap();
    for _ in 0..5 {
        let e = Explanation {
            values: Array3::zeros((1100, 1, 198)),
            stderr: Array3::zeros((1100, 1, 198)),
            predictions: Array2::zeros((1100, 1)),
            base_values: Array1::zeros(1),
            spent: vec![1; 1100],
            link: Link::Identity,
            interactions: None,
        };
        writer.write(&e, None).unwrap();
    }
    writer.finish(&[("seed".into(), "7".into()), ("design".into(), "exact".into())]).unwrap();
    let file = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&path).unwrap()).unwrap();
    let metadata = file.metadata();
    let pairs = metadata.file_metadata().key_value_metadata().unwrap();
    let found = |key: &str| pairs.iter().find(|p| p.key == key).and_then(|p| p.value.as_deref());
    assert_eq!((found("pellucid.seed"), found("pellucid.design")), (Some("7"), Some("exact")));
    let rows: Vec<i64> = metadata.row_groups().iter().map(|g| g.num_rows()).collect();
    assert_eq!(rows, [5242, 258]); // 2^20 cells over 200 columns
}

#[test]
fn a_file_appears_only_when_complete() {
    let folder = tempfile::tempdir().unwrap();
    let listed = || {
        std::fs::read_dir(folder.path())
            .unwrap()
            .map(|f| f.unwrap().file_name().into_string().unwrap())
            .collect::<Vec<_>>()
    };
    for (format, name) in FORMATS {
        let path = folder.path().join(name);
        let mut writer = AttributionWriter::create(&path, format, layout(&["y"], true), false).unwrap();
        writer.write(&explanation(2, 1, &[1.0]), Some(&ids(2))).unwrap();
        assert_eq!(listed(), [format!(".{name}.tmp-{}", std::process::id())]);
        drop(writer);
        assert_eq!(listed(), [""; 0]);
    }
}

#[test]
fn what_stands_in_the_way_is_told_before_any_work() {
    let (folder, path) = file("o.csv", "precious");
    let create =
        |path: &std::path::Path, force| AttributionWriter::create(path, OutputFormat::Csv, layout(&["y"], true), force);
    assert_eq!(
        told(create(&path, false), &path),
        "FILE: exists already\nhint: take another name, or replace the file with `--force`"
    );
    let mut writer = create(&path, true).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious", "kept until the new one is complete");
    writer.write(&explanation(1, 1, &[1.0]), Some(&ids(1))).unwrap();
    writer.finish(&[]).unwrap();
    let table =
        Table::open(&path, &ReadOptions { format: Some(Format::Csv { delimiter: b',' }), ..Default::default() })
            .unwrap();
    assert_eq!(table.n_rows().unwrap(), 1);

    let nowhere = folder.path().join("no/such/o.csv");
    assert_eq!(told(create(&nowhere, false), &nowhere), "cannot create FILE: No such file or directory (os error 2)");
    assert_eq!(told(create(folder.path(), true), folder.path()), "FILE: is a folder\nhint: name a file in it");
    let unknown = std::path::Path::new("o.xyz");
    assert_eq!(
        told(OutputFormat::from_path(unknown), unknown),
        "FILE: the format of the output is told by its extension\nhint: end it in .parquet, .csv or .jsonl, or name the format with `--format`"
    );
    let mut clash = layout(&["y"], true);
    clash.players = names(&["age", "age"]);
    let free = folder.path().join("new.csv");
    assert_eq!(
        told(AttributionWriter::create(&free, OutputFormat::Csv, clash, false), &free),
        "`shap.age` occurs twice among the columns of the output\nhint: give each a name of its own, so that it is clear which one is meant"
    );
    assert!(!free.exists());
}
