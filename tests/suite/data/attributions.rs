//! Attributions read back: what was written comes back, what is no such file is told.

use super::*;
use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};
use ndarray::{Array1, Array2, Array3, Axis, concatenate};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use pellucid::data::{AttributionReader, AttributionWriter, Explained, Layout, OutputFormat};
use pellucid::explain::{Explanation, Interactions, Link, Provenance};
use std::path::Path;
use std::sync::Arc;

const ROWS: usize = 7;

fn provenance(outputs: &[&str]) -> Provenance {
    Provenance {
        version: "0.0.7".into(),
        model: "m.onnx".into(),
        model_sha256: "0123456789abcdef".into(),
        seed: 5,
        tolerance: Some(0.02),
        rows_per_instance: 99,
        link: "logit".into(),
        players: names(&["age", "sex"]),
        player_of: vec![0, 1],
        outputs: names(outputs),
        ..Provenance::default()
    }
}

fn ids() -> RecordBatch {
    let texts: StringArray = (0..ROWS).map(|r| (r != 3).then(|| format!("0{r}"))).collect();
    let numbers: Int64Array = (0..ROWS as i64).map(Some).collect();
    let columns = [("who", Arc::new(texts) as ArrayRef, true), ("when", Arc::new(numbers) as ArrayRef, false)];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn explanation(outputs: usize) -> Explanation {
    let number = |r: usize, k: usize, i: usize| (100 * r + 10 * k + i) as f32 / 7.0;
    Explanation {
        values: Array3::from_shape_fn((ROWS, outputs, 2), |(r, k, i)| number(r, k, i)),
        stderr: Array3::from_shape_fn((ROWS, outputs, 2), |(r, k, i)| -number(r, k, i)),
        predictions: Array2::from_shape_fn((ROWS, outputs), |(r, k)| number(r, k, 5)),
        base_values: Array1::from_shape_fn(outputs, |k| k as f64 / 3.0),
        spent: vec![1; ROWS],
        link: Link::Logit,
        interactions: None,
    }
}

fn write(path: &Path, outputs: &[&str], stderr: bool) {
    write_with(path, &explanation(outputs.len()), outputs, stderr);
}

fn write_with(path: &Path, explanation: &Explanation, outputs: &[&str], stderr: bool) {
    let interactions = explanation.interactions.is_some();
    let layout = Layout {
        ids: ids().schema().fields().clone(),
        outputs: names(outputs),
        players: names(&["age", "sex"]),
        stderr,
        interactions,
    };
    let mut writer = AttributionWriter::create(path, OutputFormat::Parquet, layout, false).unwrap();
    writer.write(explanation, Some(&ids())).unwrap();
    writer.finish(&provenance(outputs).to_pairs()).unwrap();
}

/// A Parquet file of any columns, with pairs in its metadata.
fn parquet(path: &Path, batch: &RecordBatch, pairs: &[(String, String)]) {
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    for (key, value) in pairs {
        writer.append_key_value_metadata(KeyValue::new(format!("pellucid.{key}"), value.clone()));
    }
    writer.close().unwrap();
}

#[test]
fn what_was_written_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    for (outputs, stderr) in [(&["y"][..], true), (&["no", "yes"], false), (&["a", "b", "c"], true)] {
        let path = folder.path().join(format!("{}.parquet", outputs.len()));
        write(&path, outputs, stderr);
        let reader = AttributionReader::open(&path).unwrap();
        assert_eq!(reader.provenance(), &provenance(outputs));
        assert_eq!((reader.n_rows(), reader.layout().stderr), (ROWS, stderr));
        assert_eq!((&reader.layout().outputs, &reader.layout().players), (&names(outputs), &names(&["age", "sex"])));
        assert_eq!(&reader.layout().ids, ids().schema().fields());
        let expected = explanation(outputs.len());
        let (blocks, id_batches): (Vec<Explanation>, Vec<RecordBatch>) =
            reader.batches(3).unwrap().collect::<Result<Vec<_>>>().unwrap().into_iter().unzip();
        assert_eq!(blocks.iter().map(Explanation::n_rows).collect::<Vec<_>>(), [3, 3, 1]);
        let joined = |of: fn(&Explanation) -> &Array3<f32>| {
            concatenate(Axis(0), &blocks.iter().map(|b| of(b).view()).collect::<Vec<_>>()).unwrap()
        };
        assert_eq!(joined(|b| &b.values), expected.values);
        match stderr {
            true => assert_eq!(joined(|b| &b.stderr), expected.stderr),
            false => assert!(joined(|b| &b.stderr).iter().all(|e| e.is_nan())),
        }
        for block in &blocks {
            assert_eq!((&block.base_values, block.link), (&expected.base_values, Link::Logit));
            assert!(block.spent.iter().all(|&spent| spent == 99));
        }
        assert_eq!(blocks[2].predictions.row(0), expected.predictions.row(6));
        assert_eq!(arrow::compute::concat_batches(&ids().schema(), &id_batches).unwrap(), ids());
    }
}

#[test]
fn files_that_are_no_attributions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("why.parquet");
    let told = |result: Result<AttributionReader>| told(result, &path);
    let again = "write it again with `pellucid shap … --output FILE.parquet`";
    assert_eq!(told(AttributionReader::open(&path)), "cannot open FILE: No such file or directory (os error 2)");
    std::fs::write(&path, "").unwrap();
    assert_eq!(told(AttributionReader::open(&path)), format!("FILE: the file is empty\nhint: {again}"));
    std::fs::write(&path, "prediction,base_value,shap.age\n1,2,3\n").unwrap();
    assert_eq!(
        told(AttributionReader::open(&path)),
        "FILE: not a Parquet file\nhint: only Parquet carries the provenance that says what was explained: write the attributions with \
         `pellucid shap … --output FILE.parquet`"
    );
    std::fs::write(&path, "PAR1 and then nothing").unwrap();
    assert!(told(AttributionReader::open(&path)).starts_with("FILE: not a complete Parquet file ("));

    let number = || Arc::new(Float32Array::from(vec![1.0, 2.0])) as ArrayRef;
    let plain = RecordBatch::try_from_iter([("prediction", number()), ("shap.age", number())]).unwrap();
    parquet(&path, &plain, &[]);
    assert_eq!(
        told(AttributionReader::open(&path)),
        format!(
            "FILE: it holds no provenance (`pellucid.…` in its metadata): these are not attributions as Pellucid writes them\n\
             hint: {again}; pandas and others drop the metadata when they write a file"
        )
    );
    let mut pairs = provenance(&["y"]).to_pairs();
    parquet(&path, &plain, &pairs);
    assert_eq!(told(AttributionReader::open(&path)), format!("FILE: it lacks the column `base_value`\nhint: {again}"));
    pairs.retain(|(key, _)| key != "outputs");
    parquet(&path, &plain, &pairs);
    let ours = env!("CARGO_PKG_VERSION");
    assert_eq!(
        told(AttributionReader::open(&path)),
        format!(
            "FILE: it was written by pellucid 0.0.7, this is {ours}: the provenance has a missing field `outputs`\nhint: {again}"
        )
    );
}

#[test]
fn columns_that_lack_something() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("why.parquet");
    let pairs = provenance(&["y"]).to_pairs();
    let number = || Arc::new(Float32Array::from(vec![1.0, 2.0])) as ArrayRef;
    let names = ["prediction", "base_value", "shap.age", "shap.sex", "stderr.age", "stderr.sex"];
    let hint = "\nhint: write it again with `pellucid shap … --output FILE.parquet`";
    let told_with = |columns: Vec<(&str, ArrayRef, bool)>| {
        parquet(&path, &RecordBatch::try_from_iter_with_nullable(columns).unwrap(), &pairs);
        let read = AttributionReader::open(&path)
            .and_then(|reader| reader.batches(1).unwrap().collect::<Result<Vec<_>>>().map(|blocks| blocks.len()));
        read.map_err(|e| told(Err::<(), _>(e), &path))
    };
    let all = || names.iter().map(|&name| (name, number(), true)).collect::<Vec<_>>();
    assert_eq!(told_with(all()), Ok(2));
    let told_with = |columns| told_with(columns).unwrap_err();
    let mut columns = all();
    columns.remove(5);
    assert_eq!(
        told_with(columns),
        format!("FILE: it lacks the column `stderr.sex` (did you mean `stderr.age`?){hint}")
    );
    let mut columns = all();
    columns[3].0 = "shap.sexx";
    assert_eq!(told_with(columns), format!("FILE: it lacks the column `shap.sex` (did you mean `shap.sexx`?){hint}"));
    let mut columns = all();
    columns[2].1 = Arc::new(Float32Array::from(vec![Some(1.0), None]));
    assert_eq!(told_with(columns), format!("FILE: row 2, column `shap.age`: the value is missing{hint}"));
    let mut columns = all();
    columns[0].1 = Arc::new(StringArray::from(vec!["x", "y"]));
    assert_eq!(told_with(columns), format!("FILE: column `prediction` holds Utf8, not numbers{hint}"));
    let none = all().into_iter().map(|(name, column, nullable)| (name, column.slice(0, 0), nullable)).collect();
    assert_eq!(told_with(none), format!("FILE: it explains no rows{hint}"));
}

#[test]
fn interactions_come_back_and_are_no_ids() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    for stderr in [true, false] {
        let mut written = explanation(2);
        let values = Array3::from_shape_fn((ROWS, 2, 1), |(r, k, _)| (10 * r + k) as f32);
        written.interactions = Some(Interactions { stderr: values.mapv(|x| x / 8.0), values });
        write_with(&path, &written, &["no", "yes"], stderr);
        let reader = AttributionReader::open(&path).unwrap();
        assert_eq!(reader.layout().ids, *ids().schema().fields());
        let (block, _) = reader.batches(ROWS).unwrap().next().unwrap().unwrap();
        let (found, expected) = (block.interactions.unwrap(), written.interactions.unwrap());
        assert_eq!(found.values, expected.values);
        assert!(if stderr { found.stderr == expected.stderr } else { found.stderr.iter().all(|e| e.is_nan()) });
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn another_model_or_table_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("why.parquet");
    write(&path, &["no", "yes"], false);
    let reader = AttributionReader::open(&path).unwrap();
    let (outputs, players) = (names(&["no", "yes"]), names(&["age", "sex"]));
    let same = Explained {
        model: "renamed.onnx",
        model_sha256: "0123456789abcdef",
        players: &players,
        outputs: &outputs,
        rows: ROWS,
    };
    reader.matches(&same).unwrap();
    let told = |explained: Explained| told(reader.matches(&explained), &path);
    assert_eq!(
        told(Explained { model: "b.onnx", model_sha256: "fedcba9876543210", ..same }),
        "FILE: it explains the model m.onnx (sha256 0123456789ab…), this is b.onnx (sha256 fedcba987654…)\n\
         hint: explain this model, or give that one"
    );
    assert_eq!(
        told(Explained { model: "a function", model_sha256: "", ..same }).lines().next().unwrap(),
        "FILE: it explains the model m.onnx (sha256 0123456789ab…), this is a function"
    );
    reader.matches(&Explained { model: "m.onnx", model_sha256: "", ..same }).unwrap();
    assert_eq!(
        told(Explained { outputs: &names(&["yes"]), ..same }),
        "FILE: it explains 2 outputs, here are 1\nhint: choose the same outputs with `--target`"
    );
    assert_eq!(
        told(Explained { players: &names(&["age", "gender"]), ..same }),
        "FILE: player 2 is `sex` in it, and `gender` here\n\
         hint: give the same `--schema` and `--groups` as when it was written"
    );
    assert_eq!(
        told(Explained { rows: 100, ..same }),
        "FILE: it explains 7 rows, the table has 100\nhint: give the table that it explains; `--rows` takes its first rows"
    );
}
