//! The verdict as text, 80 columns wide: what is violated is in the headline and on stderr, here are the numbers.

use super::Found;
use crate::number::significant;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use pellucid::drift::{AttributionDrift, BiasDrift, Check, ColumnDrift};

/// Columns shown: those that drifted, then the largest distances.
const SHOWN: usize = 15;
const NAME: usize = 24;

/// `violation: data age: Population stability index …`, `violation: bias DI of sex = Female: Metric value …`
pub fn violation(check: &Check) -> String {
    format!("violation: {} {}: {}", check.kind.name(), check.subject(), check.message)
}

pub fn describe(headline: &str, found: &Found) -> String {
    let mut parts = vec![headline.to_string()];
    if let Some(columns) = &found.columns {
        parts.extend(self::columns(&columns.columns));
    }
    parts.extend(bias(&found.bias));
    parts.extend(found.attributions.iter().map(attributions));
    parts.join("\n\n")
}

fn columns(all: &[ColumnDrift]) -> Option<String> {
    let mut order: Vec<&ColumnDrift> = all.iter().collect();
    let drifted = |c: &ColumnDrift| c.drifted || c.missing_drifted;
    order.sort_by(|a, b| {
        let size = |c: &ColumnDrift| c.psi.unwrap_or(-1.0);
        (drifted(b), size(b)).partial_cmp(&(drifted(a), size(a))).unwrap_or(std::cmp::Ordering::Equal)
    });
    let mut table = table(&["column", "PSI", "JS", "corrected p", "missing", "before", ""], 1..6);
    for column in order.iter().take(SHOWN) {
        let verdict = match (column.drifted, column.missing_drifted, column.p) {
            (true, false, _) => "drifted",
            (true, true, _) => "drifted, missing cells too",
            (false, true, _) => "missing cells drifted",
            (false, false, None) => "not compared",
            (false, false, Some(_)) => "",
        };
        let missing = column.missing.map(|share| format!("{:.1} %", 100.0 * share));
        table.add_row([
            cut(&column.name),
            number(column.psi),
            number(column.js),
            number(column.p_adjusted),
            missing[1].clone(),
            missing[0].clone(),
            verdict.into(),
        ]);
    }
    let rest = order.len().saturating_sub(SHOWN);
    let more = if rest > 0 { format!("\n {rest} more columns; monitor.json has them all") } else { String::new() };
    (!all.is_empty()).then(|| format!("{}{more}", table.trim_fmt()))
}

fn bias(all: &[BiasDrift]) -> Option<String> {
    let mut table = table(&["group", "metric", "value", "baseline", "allowed", ""], 2..5);
    for metric in all.iter().filter(|metric| metric.error.is_none()) {
        let allowed = metric.allowed.map(|(low, high)| format!("{} … {}", number(Some(low)), number(Some(high))));
        table.add_row([
            cut(&metric.group()),
            metric.metric.clone(),
            number(metric.value),
            number(metric.baseline),
            allowed.unwrap_or_default(),
            if metric.drifted { "worse" } else { "" }.into(),
        ]);
    }
    let mut without: Vec<&str> = all.iter().filter(|m| m.error.is_some()).map(|m| m.metric.as_str()).collect();
    without.sort_unstable();
    without.dedup();
    let more = match without.is_empty() {
        true => String::new(),
        false => format!("\n not compared in some group: {}; monitor.json says why", without.join(", ")),
    };
    (!all.is_empty()).then(|| format!("{}{more}", table.trim_fmt()))
}

fn attributions(found: &AttributionDrift) -> String {
    let verdict = |drifted: bool| if drifted { "drifted" } else { "" };
    let mut table = table(&["attributions", "value", "threshold", ""], 1..3);
    let of = |what: &str| format!("{what} of {}", cut(&found.output));
    let limits = found.limits;
    table.add_row([of("nDCG"), number(found.ndcg), number(Some(limits.ndcg)), verdict(found.order_drifted).into()]);
    let size =
        [of("distance"), number(Some(found.distance)), number(limits.distance), verdict(found.size_drifted).into()];
    table.add_row(size);
    table.trim_fmt()
}

fn table(header: &[&str], numbers: std::ops::Range<usize>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    for column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn number(value: Option<f64>) -> String {
    match value {
        None => "–".into(),
        Some(f64::INFINITY) => "∞".into(),
        Some(f64::NEG_INFINITY) => "-∞".into(),
        Some(value) => significant(value),
    }
}

fn cut(name: &str) -> String {
    match name.chars().count() > NAME {
        true => name.chars().take(NAME - 1).chain(['…']).collect(),
        false => name.into(),
    }
}
