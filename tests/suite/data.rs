//! Tables in and out.

mod attributions;
mod background;
mod bad_input;
mod encoding;
mod output;
mod reading;

use ndarray::Array2;
use pellucid::data::{Encoder, ReadOptions, Schema, Table};
use pellucid::{Error, Result};
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder that goes when dropped, and a file in it.
fn file(name: &str, bytes: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn open(path: impl AsRef<std::path::Path>) -> Result<Table> {
    Table::open(path, &ReadOptions::default())
}

fn open_for(path: impl AsRef<std::path::Path>, schema: &Schema) -> Table {
    Table::open(path, &ReadOptions { text: schema.text_columns(), ..ReadOptions::default() }).unwrap()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| n.to_string()).collect()
}

/// `input[0]`, `input[1]`, …: what a model without feature names calls them.
fn unnamed(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("input[{i}]")).collect()
}

/// The whole table, encoded batch by batch.
fn encode_all(table: &Table, encoder: &Encoder, batch_rows: usize) -> Result<Array2<f32>> {
    let mut values = Vec::new();
    for batch in table.batches(batch_rows)? {
        let first_row = values.len() / encoder.feature_names().len() + 1;
        values.extend(encoder.encode(&batch?, first_row)?);
    }
    let width = encoder.feature_names().len();
    Ok(Array2::from_shape_vec((values.len() / width, width), values).unwrap())
}

/// The message and hint of an error about a file, with `FILE` for its path.
fn told<T>(result: Result<T>, path: &std::path::Path) -> String {
    match result.err().expect("an error was due") {
        Error::Input { message, hint } => {
            format!("{message}\nhint: {}", hint.expect("a hint")).replace(path.to_str().unwrap(), "FILE")
        }
        other => other.to_string().replace(path.to_str().unwrap(), "FILE"),
    }
}
