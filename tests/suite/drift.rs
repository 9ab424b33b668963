//! Drift: what SciPy and scikit-learn say, laws that hold for any table, the files of the reference, the history.

mod bias;
mod columns;
mod history;
mod laws;
mod oracle;

use pellucid::data::{ReadOptions, Table};
use pellucid::drift::{ColumnLimits, DataDrift, Profile, ProfileOptions, Role, data_drift};
use std::fmt::Write;

/// A table written as CSV, and the folder it lies in.
fn table(csv: &str) -> (tempfile::TempDir, Table) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, csv).unwrap();
    let table = Table::open(&path, &ReadOptions::default()).unwrap();
    (folder, table)
}

fn profile(csv: &str, options: &ProfileOptions) -> Profile {
    let (_folder, table) = table(csv);
    Profile::read(&table, options).unwrap()
}

fn drift(baseline: &str, data: &str) -> DataDrift {
    let options = ProfileOptions::default();
    let (baseline, data) = (profile(baseline, &options), profile(data, &options));
    data_drift(&baseline, &data, ColumnLimits::default(), |_| Role::Feature)
}

/// Cells below each other under a name.
fn column(name: &str, cells: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    let mut text = format!("{name}\n");
    cells.into_iter().for_each(|cell| writeln!(text, "{cell}").unwrap());
    text
}
