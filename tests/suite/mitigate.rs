//! Mitigation: what aif360 and fairlearn do, what each method promises, and what it refuses.

mod bad_input;
mod laws;
mod oracle;
mod thresholds;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type};
use pellucid::bias::{Kind, Selection, Value};
use pellucid::data::{ReadOptions, Table};
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracles/mitigate").join(name)
}

fn open(path: &Path) -> Table {
    Table::open(path, &ReadOptions::default()).unwrap()
}

/// A table written as CSV, in a folder that lives as long as it.
fn table(csv: &str) -> (tempfile::TempDir, Table) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, csv).unwrap();
    let table = open(&path);
    (folder, table)
}

/// Rows with this value, by any column.
fn is(column: &str, value: &str) -> Selection {
    Selection { column: column.into(), values: vec![Value::Text(value.into())], kind: Some(Kind::Categorical) }
}

/// Every value of a column.
fn each(column: &str) -> Selection {
    Selection { column: column.into(), values: Vec::new(), kind: None }
}

/// All rows, as every pass of a changed table sees them.
fn rows(table: &Table) -> RecordBatch {
    let batches = table.as_text().batches(1 << 15).unwrap().collect::<pellucid::Result<Vec<_>>>().unwrap();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

fn numbers(table: &Table, column: &str) -> Vec<Option<f64>> {
    let rows = rows(table);
    let column = rows.column_by_name(column).unwrap_or_else(|| panic!("no column {column}"));
    cast(column, &DataType::Float64).unwrap().as_primitive::<Float64Type>().iter().collect()
}

fn texts(table: &Table, column: &str) -> Vec<Option<String>> {
    let rows = rows(table);
    let column = cast(rows.column_by_name(column).unwrap(), &DataType::Utf8).unwrap();
    let column: &arrow::array::StringArray = column.as_string();
    (0..column.len()).map(|row| column.is_valid(row).then(|| column.value(row).to_string())).collect()
}
