//! Where a report comes from: model, data, settings.

use super::figures::text::{count, list, thousands};
use super::{Findings, Item, Section, Table};
use crate::explain::Provenance;
use serde_json::{Value, json};

/// A section of plain paragraphs.
pub fn section(id: &str, title: &str, text: &[&str], warnings: Vec<String>, items: Vec<Item>) -> Section {
    let text = text.iter().map(|paragraph| (*paragraph).to_owned()).collect();
    Section { id: id.into(), title: title.into(), text, warnings, items }
}

/// Facts as a table of two columns.
pub fn facts(title: &str, facts: impl IntoIterator<Item = (String, Value)>) -> Item {
    let rows = facts.into_iter().map(|(fact, value)| vec![json!(fact), value]).collect();
    Item::Table(Table { title: title.into(), columns: vec!["fact".into(), "value".into()], rows, left_out: 0 })
}

/// The model and the table that were explained.
pub fn cards(findings: &Findings) -> Section {
    let model = findings.model.facts.iter().map(|(fact, text)| (fact.clone(), json!(text)));
    let name = ("File".to_owned(), json!(findings.model.name));
    let columns = findings.data.columns.iter();
    let table = Table {
        title: format!("Data: {}, {}", findings.data.name, count(findings.data.rows, "row")),
        columns: ["column", "kind", "missing", "values"].map(String::from).to_vec(),
        rows: columns.map(|c| vec![json!(c.name), json!(c.kind), json!(c.missing), json!(c.summary)]).collect(),
        left_out: 0,
    };
    let items = vec![facts("Model", std::iter::once(name).chain(model)), Item::Table(table)];
    section("cards", "Model and data", &["What was explained, and on which rows."], Vec::new(), items)
}

/// What every run has.
pub fn settings(p: &Provenance, created: &str) -> Vec<(String, Value)> {
    let settings = [
        ("Pellucid", json!(p.version)),
        ("Made", json!(created)),
        ("Device", json!(p.device)),
        ("Model", json!(p.model)),
        ("Seed", json!(p.seed)),
        ("Design", json!(p.design)),
        ("Budget", json!(p.budget)),
        ("Outputs", json!(list(&p.outputs))),
    ];
    let tolerance = p.tolerance.map(|tolerance| ("Tolerance", json!(tolerance)));
    settings.into_iter().chain(tolerance).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Settings, and the command that repeats them.
pub fn provenance(findings: &Findings) -> Section {
    let p = &findings.provenance;
    let mut settings = settings(p, &findings.created);
    settings.extend(
        [
            ("Model rows for each explained row, at most", json!(thousands(p.rows_per_instance as u64))),
            ("Background", json!(format!("{}, {}", p.background, count(p.background_rows as u64, "row")))),
            ("Link", json!(p.link)),
            ("Effects over", json!(findings.effects_over)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    settings.extend(Some(("Model, SHA-256".to_owned(), json!(p.model_sha256))).filter(|_| !p.model_sha256.is_empty()));
    let document = serde_json::to_string_pretty(p).unwrap_or_default();
    let items = vec![
        Item::Code { title: "Command".into(), text: findings.command.clone() },
        facts("Settings", settings),
        Item::Code { title: "Provenance as JSON".into(), text: document },
    ];
    section(
        "provenance",
        "Provenance",
        &["The command repeats this report: the same seed gives the same numbers."],
        Vec::new(),
        items,
    )
}
