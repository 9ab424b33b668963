//! Bias metrics: what smclarify returns, the definitions, and laws that hold for any table.

mod bad_input;
mod depth;
mod laws;
mod oracle;
mod reading;
mod segments;

use pellucid::bias::{BiasReport, BiasRequest, Kind, Mode, Predicted, Selection, Value, measure};
use pellucid::data::{ReadOptions, Table};
use std::path::Path;

/// A selection by values as a configuration writes them.
fn selection(column: &str, values: &[Value]) -> Selection {
    Selection { column: column.into(), values: values.to_vec(), kind: None }
}

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

fn open(path: &Path) -> Table {
    Table::open(path, &ReadOptions::default()).unwrap()
}

/// Measures a table written as CSV.
fn measured(csv: &str, request: &BiasRequest) -> pellucid::Result<BiasReport> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, csv).unwrap();
    measure(&open(&path), request)
}

/// Facet `f` = d, label `l` = 1, prediction `p`, group `g`; only `extra` columns are features.
fn request(mode: Mode) -> BiasRequest {
    let mut request = BiasRequest::new(selection("l", &[Value::Integer(1)]), vec![selection("f", &[text("d")])]);
    request.predicted = Some(Predicted::Label("p".into()));
    request.label.kind = Some(Kind::Categorical);
    request.group = Some("g".into());
    request.mode = mode;
    request
}

/// Rows of (facet, label, prediction, stratum) as CSV, with a feature `x` that counts the rows.
fn csv(rows: &[(char, u8, u8, u8)]) -> String {
    let line = |(i, (f, l, p, g)): (usize, &(char, u8, u8, u8))| format!("{f},{l},{p},s{g},{}\n", i % 7);
    format!("f,l,p,g,x\n{}", rows.iter().enumerate().map(line).collect::<String>())
}
