//! The page of a run of `monitor`: verdicts first, then columns, bias, attributions and the history.

mod attributions;
mod bias;
mod columns;
mod history;
#[cfg(test)]
mod tests;

use super::bias::LimitCheck;
use super::figures::text::count;
use super::origin::{facts, section};
use super::{Item, Report, Section, Table};
use crate::drift::{AttributionDrift, BiasDrift, Check, CheckKind, DataDrift, Record};
use serde_json::{Value, json};

/// What a page is made of.
#[derive(Debug, Clone)]
pub struct MonitorPage<'a> {
    pub title: String,
    /// The verdict in one line.
    pub headline: String,
    /// What the new data and the baseline are called.
    pub data: String,
    pub baseline: String,
    /// The command line that made it.
    pub command: String,
    /// Date and time.
    pub created: String,
    pub columns: Option<&'a DataDrift>,
    pub bias: &'a [BiasDrift],
    /// Whether bias was judged by SageMaker Clarify's rule.
    pub compat: bool,
    pub attributions: &'a [AttributionDrift],
    pub checks: &'a [Check],
    /// Limits that were stated.
    pub limits: &'a [LimitCheck],
    pub notes: &'a [String],
    /// Earlier runs and this one; empty without a history.
    pub history: &'a [Record],
}

impl MonitorPage<'_> {
    /// The report.
    pub fn report(&self) -> Report {
        let mut sections = vec![self.verdict()];
        sections.extend(self.columns.map(columns::section));
        sections.extend(bias::section(self.bias, self.compat));
        sections.extend(attributions::section(self.attributions));
        sections.extend(history::section(self.history));
        sections.push(self.provenance());
        super::sections::distinct_ids(&mut sections);
        let rows = self.columns.map(|c| format!(", {} and {}", count(c.rows, "row"), count(c.baseline_rows, "row")));
        Report {
            title: self.title.clone(),
            subtitle: format!(
                "Is {} still like {}{}? {}",
                self.data,
                self.baseline,
                rows.unwrap_or_default(),
                self.created
            ),
            sections,
        }
    }

    fn verdict(&self) -> Section {
        let broken: Vec<&Check> = self.checks.iter().filter(|check| check.violated).collect();
        let row = |check: &&Check| vec![json!(what(check.kind)), json!(check.subject()), json!(check.message)];
        let mut items = Vec::new();
        if !broken.is_empty() {
            items.push(Item::Table(Table {
                title: "Violations".into(),
                columns: ["what", "of", "finding"].map(String::from).to_vec(),
                rows: broken.iter().map(row).collect(),
                left_out: 0,
            }));
        }
        items.push(Item::Table(self.kinds()));
        if !self.limits.is_empty() {
            items.push(Item::Table(super::bias::limits(self.limits)));
        }
        let text = [
            format!("{}.", self.headline).as_str().to_owned(),
            "Drift says that something is different, not that it is wrong: a violation is where to look.".to_owned(),
        ];
        let text: Vec<&str> = text.iter().map(String::as_str).collect();
        section("verdict", "Verdict", &text, self.notes.to_vec(), items)
    }

    /// Checks and violations of each kind.
    fn kinds(&self) -> Table {
        let row = |kind: CheckKind| {
            let of = || self.checks.iter().filter(move |check| check.kind == kind);
            let open = of().filter(|check| check.value.is_none() && kind != CheckKind::Schema).count();
            let violated = of().filter(|check| check.violated).count();
            (of().count() > 0).then(|| vec![json!(what(kind)), json!(of().count()), json!(open), json!(violated)])
        };
        Table {
            title: "Checks".into(),
            columns: ["what", "checks", "could not be made", "violated"].map(String::from).to_vec(),
            rows: CheckKind::ALL.into_iter().filter_map(row).collect(),
            left_out: 0,
        }
    }

    fn provenance(&self) -> Section {
        let mut settings: Vec<(String, Value)> = vec![
            ("Pellucid".into(), json!(env!("CARGO_PKG_VERSION"))),
            ("Run".into(), json!(self.created)),
            ("New data".into(), json!(self.data)),
            ("Baseline".into(), json!(self.baseline)),
        ];
        if let Some(found) = self.columns {
            let limits = found.limits;
            settings.extend([
                ("A column drifts from a PSI of".into(), json!(limits.psi)),
                ("and a corrected p-value up to".into(), json!(limits.p)),
                ("Missing cells drift from a difference of shares of".into(), json!(limits.missing)),
            ]);
        }
        if !self.bias.is_empty() {
            let rule = if self.compat { "as SageMaker Clarify has it" } else { "by allowed ranges and intervals" };
            settings.push(("Bias is judged".into(), json!(rule)));
        }
        if let Some(first) = self.attributions.first() {
            settings.push(("The order of attributions drifts below an nDCG of".into(), json!(first.limits.ndcg)));
        }
        let items =
            vec![Item::Code { title: "Command".into(), text: self.command.clone() }, facts("Settings", settings)];
        section("provenance", "Provenance", &["The command repeats this run."], Vec::new(), items)
    }
}

/// A kind in words.
fn what(kind: CheckKind) -> &'static str {
    match kind {
        CheckKind::Schema => "columns that came or went",
        CheckKind::Data => "values of features",
        CheckKind::Missing => "missing cells",
        CheckKind::Label => "labels",
        CheckKind::Prediction => "predictions",
        CheckKind::Bias => "bias",
        CheckKind::Attribution => "attributions",
    }
}
