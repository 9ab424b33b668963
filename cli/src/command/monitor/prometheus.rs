//! `--prometheus`: a textfile for the collector of Prometheus' node exporter.

use crate::command::put::put;
use crate::terminal::Terminal;
use chrono::{DateTime, Utc};
use pellucid::data::Pending;
use pellucid::drift::Check;
use pellucid::{Error, Result};
use std::fmt::Write as _;
use std::path::Path;

/// The file, opened before any work. It is replaced at once: a reader sees the old metrics or the new ones.
pub struct Textfile(Pending);

impl Textfile {
    pub fn create(path: &Path) -> Result<Textfile> {
        if path.extension().is_none_or(|ending| ending != "prom") {
            return Err(Error::input(format!("{}: the node exporter reads files that end in .prom", path.display()))
                .hint("end its name in .prom"));
        }
        Pending::create(path, true).map(Textfile)
    }

    pub fn write(self, text: &str, terminal: &Terminal) -> Result<()> {
        put(self.0, text.as_bytes(), terminal)
    }
}

/// The metrics of a run.
pub fn text(time: DateTime<Utc>, checks: &[Check], broken: usize, rows: &[Option<u64>; 2]) -> String {
    let mut text = String::new();
    let head = |name: &str, help: &str| {
        format!("# HELP pellucid_monitor_{name} {help}\n# TYPE pellucid_monitor_{name} gauge\n")
    };
    let alone = [
        ("last_run_timestamp_seconds", "When the last run of pellucid monitor began.", time.timestamp().to_string()),
        ("violations", "Checks of the last run that are violated, and limits that are broken.", broken.to_string()),
        ("checks", "Checks of the last run.", checks.len().to_string()),
    ];
    for (name, help, value) in alone {
        let _ = writeln!(text, "{}pellucid_monitor_{name} {value}", head(name, help));
    }
    if rows.iter().any(Option::is_some) {
        text += &head("rows", "Rows compared.");
        for (table, rows) in ["baseline", "data"].iter().zip(rows) {
            let _ = rows.map(|rows| writeln!(text, "pellucid_monitor_rows{{table=\"{table}\"}} {rows}"));
        }
    }
    let value = |check: &Check| check.value;
    let violated = |check: &Check| Some(f64::from(u8::from(check.violated)));
    type Of<'a> = &'a dyn Fn(&Check) -> Option<f64>;
    let families: [(&str, &str, Of); 3] = [
        ("check_value", "The value of a check.", &value),
        (
            "check_threshold",
            "What the value of a check is held against; of bias the value of the baseline.",
            &|check| check.threshold,
        ),
        ("check_violated", "1 where a check is violated.", &violated),
    ];
    for (name, help, of) in families {
        text += &head(name, help);
        for (check, value) in checks.iter().filter_map(|check| Some((check, of(check)?))) {
            let _ = writeln!(text, "pellucid_monitor_{name}{{{}}} {}", labels(check), number(value));
        }
    }
    text
}

fn labels(check: &Check) -> String {
    let all = [
        ("kind", check.kind.name()),
        ("name", &check.name),
        ("measure", &check.measure),
        ("facet", &check.facet),
        ("facet_value", &check.facet_value),
    ];
    let shown = all.iter().filter(|(_, value)| !value.is_empty());
    shown.map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect::<Vec<_>>().join(",")
}

/// As the text format has it.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".into(),
        f64::NEG_INFINITY => "-Inf".into(),
        value if value.is_nan() => "NaN".into(),
        value => value.to_string(),
    }
}
