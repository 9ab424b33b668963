//! Mean |φ| in parts of the table, side by side.

use super::output::Output;
use super::spec::{extent, labels, number, on_lines, picture, player_name, tooltip, whiskers};
use super::text::{cut, plus_minus, thousands};
use crate::explain::{Cohort, GlobalValue};
use crate::report::{Figure, Table};
use serde_json::{Value, json};

/// Players and cohorts drawn.
const TOP: usize = 8;
const COHORTS: usize = 8;

/// The strongest players in the largest cohorts. None without cohorts.
pub fn cohorts(output: &Output) -> Option<Figure> {
    let found = output.findings.cohorts.as_ref()?;
    let mut largest: Vec<usize> =
        (0..found.cohorts.len()).filter(|&c| value(output, &found.cohorts[c], 0).is_some()).collect();
    largest.sort_by_key(|&c| std::cmp::Reverse(found.cohorts[c].rows));
    largest.truncate(COHORTS);
    largest.sort_unstable();
    let drawn: Vec<&Cohort> = largest.iter().map(|&c| &found.cohorts[c]).collect();
    let order = output.ranking();
    let top = &order[..order.len().min(TOP)];
    if drawn.is_empty() || top.is_empty() {
        return None;
    }
    let groups: Vec<String> =
        drawn.iter().map(|c| format!("{} ({} rows)", cut(&c.name, 32), thousands(c.rows))).collect();
    let values = data(output, &drawn, top);
    let ends = values.iter().flat_map(|v| ["x", "lo", "hi"].map(|f| v[f].as_f64().unwrap_or(0.0)));
    let domain = (0.0, extent(ends, 0.0).1.max(f64::MIN_POSITIVE) * 1.05);
    let title = format!("mean |φ|, {}", output.unit());
    let y = on_lines("y", top.len());
    let colour = json!({"field": "c", "type": "ordinal", "scale": {"range": "category", "domain": (0..drawn.len()).collect::<Vec<_>>()},
        "legend": {"title": cut(&found.by, 40), "orient": "top", "columns": 1, "labelExpr": "cohorts[datum.value]", "labelLimit": 300, "symbolType": "circle"}});
    let hover = tooltip(&[("player", "feature"), ("cohort", "cohort"), ("x", "mean |φ|"), ("e", "standard error")]);
    let layers = vec![
        json!({"transform": [{"filter": "isValid(datum.lo) && isValid(datum.hi)"}], "mark": {"type": "rule", "strokeWidth": 1.4},
               "encoding": {"x": number("lo", &title, domain), "x2": {"field": "hi"}, "y": y, "color": colour}}),
        json!({"mark": {"type": "circle", "size": 46, "opacity": 1},
               "encoding": {"x": number("x", &title, domain), "y": y, "color": colour, "tooltip": hover}}),
    ];
    let names = output.names(top);
    let params = [("names", labels(names.iter().copied())), ("full", json!(names)), ("cohorts", json!(groups))];
    let mut spec = picture(top.len() * (16 + 11 * drawn.len()).max(30), &params, layers);
    spec["data"] = json!({"values": values});
    spec["transform"] = json!([player_name(), {"calculate": "cohorts[datum.c]", "as": "cohort"}]);
    let left_out = found.cohorts.len() - drawn.len();
    Some(Figure {
        id: output.id("cohorts"),
        title: output.title(&format!("What moves the output, by {}", found.by)),
        caption: format!(
            "Mean |φ| in each part of the table, with 95 % intervals: where the dots of a feature lie apart, the model uses it \
             differently in different parts.{}",
            if left_out == 0 {
                String::new()
            } else {
                format!(" The {} largest parts are drawn, {left_out} are left out.", drawn.len())
            }
        ),
        alt: alt(output, &drawn, top),
        spec,
        table: table(output, &found.by, &found.cohorts, &order),
    })
}

fn value<'a>(output: &Output, cohort: &'a Cohort, player: usize) -> Option<&'a GlobalValue> {
    cohort.global.get(output.k)?.values.get(player)
}

/// A dot for each player and cohort, the cohorts of a player below each other.
fn data(output: &Output, drawn: &[&Cohort], top: &[usize]) -> Vec<Value> {
    let mut values = Vec::new();
    for (line, &i) in top.iter().enumerate() {
        for (c, cohort) in drawn.iter().enumerate() {
            if let Some(v) = value(output, cohort, i) {
                let [lo, hi] = whiskers(v.mean_abs, v.mean_abs_stderr);
                let y = line as f64 + ((c as f64 + 0.5) / drawn.len() as f64 - 0.5) * 0.72;
                values.push(json!({"i": line, "c": c, "y": y, "x": v.mean_abs, "e": v.mean_abs_stderr, "lo": lo.map(|lo| lo.max(0.0)), "hi": hi}));
            }
        }
    }
    values
}

/// The feature whose means differ most.
fn alt(output: &Output, drawn: &[&Cohort], top: &[usize]) -> String {
    let ends = |&i: &usize| {
        let mut values: Vec<(&Cohort, &GlobalValue)> =
            drawn.iter().filter_map(|c| Some((*c, value(output, c, i)?))).collect();
        values.sort_by(|a, b| a.1.mean_abs.total_cmp(&b.1.mean_abs));
        Some((*values.first()?, *values.last()?))
    };
    let gap = |e: &((&Cohort, &GlobalValue), (&Cohort, &GlobalValue))| e.1.1.mean_abs - e.0.1.mean_abs;
    let Some((low, high)) = top.iter().filter_map(ends).max_by(|a, b| gap(a).total_cmp(&gap(b))) else {
        return "No part of the table has attributions.".into();
    };
    format!(
        "Parts differ most in {}: mean |φ| is {} for {} and {} for {}.",
        low.1.player,
        plus_minus(low.1.mean_abs, low.1.mean_abs_stderr),
        low.0.name,
        plus_minus(high.1.mean_abs, high.1.mean_abs_stderr),
        high.0.name
    )
}

fn table(output: &Output, by: &str, cohorts: &[Cohort], order: &[usize]) -> Table {
    /// Lines of the table.
    const MOST: usize = 400;
    let mut rows = Vec::new();
    for &i in order {
        for cohort in cohorts {
            if let Some(v) = value(output, cohort, i) {
                let cells = [json!(v.mean_abs), json!(v.mean_abs_stderr), json!(v.mean), json!(v.mean_stderr)];
                rows.push([json!(v.player), json!(cohort.name), json!(cohort.rows)].into_iter().chain(cells).collect());
            }
        }
    }
    let left_out = rows.len().saturating_sub(MOST);
    rows.truncate(MOST);
    let columns = ["feature", by, "rows", "mean |φ|", "standard error", "mean φ", "standard error of mean φ"];
    Table { title: output.title("Attributions by part"), columns: columns.map(String::from).to_vec(), rows, left_out }
}
