//! Bias: each metric's value and interval in the range that its baseline allows.

use crate::bias::Metric;
use crate::drift::BiasDrift;
use crate::report::figures::spec::{extent, labels, line_at, number, on_lines, picture, rules};
use crate::report::figures::text::{list, short, slug};
use crate::report::origin;
use crate::report::{Figure, Item, Section, Table};
use serde_json::{Value, json};

/// Groups with a picture.
const GROUPS: usize = 12;
/// Pixels of a line.
const LINE: usize = 26;

/// None without metrics.
pub fn section(all: &[BiasDrift], compat: bool) -> Option<Section> {
    if all.is_empty() {
        return None;
    }
    let mut groups: Vec<(&str, &str)> = all.iter().map(|m| (m.facet.as_str(), m.facet_value.as_str())).collect();
    groups.dedup();
    let mut items = Vec::new();
    for &(facet, value) in groups.iter().take(GROUPS) {
        let here: Vec<&BiasDrift> = all.iter().filter(|m| m.facet == facet && m.facet_value == value).collect();
        items.extend(figure(&here, compat).map(Item::Figure));
    }
    items.push(Item::Table(table(&all.iter().collect::<Vec<_>>())));
    items.extend(uncompared(all).map(Item::Table));
    let text = match compat {
        true => {
            "A metric violates its constraint where it is farther from 0 than the baseline was, as in SageMaker Clarify's monitor."
        }
        false => {
            "A metric is worse where its interval and the range that the baseline allows have no value in common. The range reaches as far from \
             the value of no difference, on either side, as the baseline did."
        }
    };
    let left_out = groups.len().saturating_sub(GROUPS);
    let warnings = match left_out {
        0 => Vec::new(),
        n => vec![format!("The first {GROUPS} of {} groups are drawn; the others are in the table.", GROUPS + n)],
    };
    Some(origin::section("bias", "Bias", &[text], warnings, items))
}

/// Metrics between −1 and 1, which share an axis. None without one.
fn figure(here: &[&BiasDrift], compat: bool) -> Option<Figure> {
    let bounded = |m: &Metric| m.neutral == 0.0 && (m.range.ends_with(", 1]") || m.range.ends_with(", 1)"));
    let shown: Vec<&&BiasDrift> = here
        .iter()
        .filter(|m| Metric::named(&m.metric).is_some_and(bounded) && m.value.is_some() && m.allowed.is_some())
        .collect();
    let first = shown.first()?;
    let group = first.group();
    let datum = |(i, m): (usize, &&&BiasDrift)| {
        let (low, high) = m.allowed.unwrap_or_default();
        json!({"i": i, "x": m.value, "b": m.baseline, "a": low, "a2": high, "lo": m.interval.map(|i| i.0), "hi": m.interval.map(|i| i.1), "s": u8::from(m.drifted)})
    };
    let values: Vec<Value> = shown.iter().enumerate().map(datum).collect();
    let ends = values.iter().flat_map(|v| ["x", "a", "a2", "lo", "hi"].map(|field| v[field].as_f64().unwrap_or(0.0)));
    let domain = extent(ends, 0.05);
    let y = on_lines("i", shown.len());
    let colour = json!({"field": "s", "type": "nominal", "scale": {"domain": [0, 1], "range": "sign"}, "legend": null});
    let hover = json!([{"field": "player", "type": "nominal", "title": "metric"}, {"field": "x", "type": "quantitative", "title": "value", "format": ".4~g"},
        {"field": "b", "type": "quantitative", "title": "baseline", "format": ".4~g"}, {"field": "lo", "type": "quantitative", "title": "interval from", "format": ".4~g"},
        {"field": "hi", "type": "quantitative", "title": "to", "format": ".4~g"}]);
    let layers = vec![
        json!({"mark": {"type": "rule", "style": "quiet", "strokeWidth": 12, "opacity": 0.6}, "encoding": {"x": number("a", "value", domain), "x2": {"field": "a2"}, "y": y}}),
        line_at("x", 0.0),
        rules("x", y.clone(), number("lo", "value", domain)),
        json!({"mark": {"type": "circle", "size": 80, "opacity": 1}, "encoding": {"x": number("x", "value", domain), "y": y, "color": colour, "tooltip": hover}}),
    ];
    let names: Vec<&str> = shown.iter().map(|m| m.metric.as_str()).collect();
    let params = [("names", labels(names.iter().copied())), ("full", json!(names))];
    let mut spec = picture(shown.len() * LINE + 10, &params, layers);
    spec["data"] = json!({"values": values});
    spec["transform"] = json!([{"calculate": "full[datum.i]", "as": "player"}]);
    let worse: Vec<String> = here
        .iter()
        .filter(|m| m.drifted)
        .map(|m| format!("{} ({})", m.metric, m.value.map_or(String::new(), short)))
        .collect();
    let interval = if compat { "" } else { " with its interval" };
    let others = here.len() - shown.len();
    Some(Figure {
        id: format!("bias-{}", slug(&group)),
        title: group,
        caption: format!(
            "Each metric's value{interval}; the grey band is what the baseline allows, the dashed line no difference. Red metrics are worse.{}",
            if others == 0 { String::new() } else { format!(" {others} have no bounds or no value: see the tables.") }
        ),
        alt: if worse.is_empty() { "No metric is worse.".into() } else { format!("Worse: {}.", list(&worse)) },
        spec,
        table: table(here),
    })
}

fn table(all: &[&BiasDrift]) -> Table {
    let cell = |value: Option<f64>| match value {
        Some(f64::INFINITY) => json!("∞"),
        Some(f64::NEG_INFINITY) => json!("−∞"),
        value => json!(value),
    };
    let row = |m: &&BiasDrift| {
        let verdict = if m.drifted { "worse" } else { "" };
        let numbers = [m.value, m.interval.map(|i| i.0), m.interval.map(|i| i.1), m.baseline];
        [json!(m.group()), json!(m.metric), json!(verdict)].into_iter().chain(numbers.map(cell)).collect()
    };
    Table {
        title: "Metrics".into(),
        columns: ["group", "metric", "verdict", "value", "from", "to", "baseline"].map(String::from).to_vec(),
        rows: all.iter().copied().filter(|m| m.error.is_none()).map(|m| row(&m)).collect(),
        left_out: 0,
    }
}

/// Metrics without a value on one side. None if there are none.
fn uncompared(all: &[BiasDrift]) -> Option<Table> {
    let row = |m: &BiasDrift| Some(vec![json!(m.group()), json!(m.metric), json!(m.error.as_ref()?)]);
    let rows: Vec<Vec<Value>> = all.iter().filter_map(row).collect();
    (!rows.is_empty()).then(|| Table {
        title: "Not compared".into(),
        columns: ["group", "metric", "why"].map(String::from).to_vec(),
        rows,
        left_out: 0,
    })
}
