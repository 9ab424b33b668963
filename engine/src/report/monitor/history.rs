//! The history: checks over time, from the state that runs add to.

use super::what;
use crate::drift::{CheckKind, Record};
use crate::report::figures::spec::{extent, line_at, number, picture};
use crate::report::figures::text::{count, cut, list};
use crate::report::origin;
use crate::report::{Figure, Item, Section, Table};
use serde_json::{Value, json};

/// Lines of a chart: as many as there are colours that can be told apart.
const LINES: usize = 8;
/// Runs that are drawn, the latest.
const RUNS: usize = 400;
/// Violations listed.
const LISTED: usize = 200;
const HEIGHT: usize = 240;

/// A chart: which checks, on which axis, and the line that they are held against where it is one for all.
struct Chart {
    id: &'static str,
    title: &'static str,
    axis: &'static str,
    kinds: &'static [CheckKind],
    measure: Option<&'static str>,
    threshold: bool,
}

const CHARTS: [Chart; 5] = [
    Chart {
        id: "history-columns",
        title: "Columns over time",
        axis: "population stability index",
        kinds: &[CheckKind::Data, CheckKind::Label, CheckKind::Prediction],
        measure: None,
        threshold: true,
    },
    Chart {
        id: "history-missing",
        title: "Missing cells over time",
        axis: "share of missing cells",
        kinds: &[CheckKind::Missing],
        measure: None,
        threshold: false,
    },
    Chart {
        id: "history-bias",
        title: "Bias over time",
        axis: "value",
        kinds: &[CheckKind::Bias],
        measure: None,
        threshold: false,
    },
    Chart {
        id: "history-ndcg",
        title: "Order of attributions over time",
        axis: "nDCG",
        kinds: &[CheckKind::Attribution],
        measure: Some("ndcg"),
        threshold: true,
    },
    Chart {
        id: "history-distance",
        title: "Size of attributions over time",
        axis: "distance",
        kinds: &[CheckKind::Attribution],
        measure: Some("distance"),
        threshold: true,
    },
];

/// None without a history.
pub fn section(history: &[Record]) -> Option<Section> {
    let mut times: Vec<i64> = history.iter().map(|record| record.time).collect();
    times.sort_unstable();
    times.dedup();
    let first = *times.get(times.len().saturating_sub(RUNS))?;
    let recent: Vec<&Record> = history.iter().filter(|record| record.time >= first).collect();
    let mut items: Vec<Item> = CHARTS.iter().filter_map(|chart| figure(chart, &recent)).map(Item::Figure).collect();
    items.push(Item::Table(violations(history)));
    let warnings = match times.len().saturating_sub(RUNS) {
        0 => Vec::new(),
        _ => vec![format!("The latest {RUNS} of {} are drawn.", count(times.len() as u64, "run"))],
    };
    let text = [format!(
        "{} so far. Rings mark violations; dashed lines are this run's thresholds.",
        count(times.len() as u64, "run")
    )];
    let text: Vec<&str> = text.iter().map(String::as_str).collect();
    Some(origin::section("history", "History", &text, warnings, items))
}

/// The checks of one chart that were violated most often, then those of the largest values. None without values.
fn figure(chart: &Chart, recent: &[&Record]) -> Option<Figure> {
    let of = |record: &&&Record| {
        let check = &record.check;
        chart.kinds.contains(&check.kind)
            && chart.measure.is_none_or(|measure| measure == check.measure)
            && check.value.is_some_and(f64::is_finite)
    };
    let here: Vec<&&Record> = recent.iter().filter(of).collect();
    let mut series: Vec<(String, usize, f64)> = Vec::new();
    for record in &here {
        let (name, value) = (record.check.subject(), record.check.value.unwrap_or(0.0).abs());
        let place = series.iter().position(|s| s.0 == name).unwrap_or_else(|| {
            series.push((name, 0, 0.0));
            series.len() - 1
        });
        series[place].1 += usize::from(record.check.violated);
        series[place].2 = series[place].2.max(value);
    }
    // Missing cells are of interest only where there are some.
    series.retain(|s| s.2 > 0.0 || chart.kinds != [CheckKind::Missing]);
    series.sort_by(|a, b| b.1.cmp(&a.1).then(b.2.total_cmp(&a.2)).then(a.0.cmp(&b.0)));
    let left_out = series.len().saturating_sub(LINES);
    series.truncate(LINES);
    if series.is_empty() {
        return None;
    }
    let names: Vec<&str> = series.iter().map(|s| s.0.as_str()).collect();
    let datum = |record: &&&Record| {
        let place = names.iter().position(|name| *name == record.check.subject())?;
        Some(json!({"t": record.time, "y": record.check.value, "s": place, "v": record.check.violated}))
    };
    let values: Vec<Value> = here.iter().filter_map(datum).collect();
    let threshold = here.last().and_then(|record| record.check.threshold).filter(|_| chart.threshold);
    let violated: Vec<String> = series.iter().filter(|s| s.1 > 0).map(|s| format!("{} ({} times)", s.0, s.1)).collect();
    Some(Figure {
        id: chart.id.into(),
        title: chart.title.into(),
        caption: match left_out {
            0 => "A line for each check.".into(),
            n => format!("The {LINES} checks with the most violations and largest values; {n} more are in the state."),
        },
        alt: match violated.is_empty() {
            true => "No violation.".into(),
            false => format!("Violated: {}.", list(&violated)),
        },
        spec: spec(chart, values, &names, threshold),
        table: runs(&here, &names),
    })
}

fn spec(chart: &Chart, values: Vec<Value>, names: &[&str], threshold: Option<f64>) -> Value {
    let numbers = values.iter().filter_map(|v| v["y"].as_f64()).chain(threshold);
    let domain = extent(numbers, 0.06);
    // Values that cannot be negative begin at 0.
    let from_zero = matches!(chart.id, "history-columns" | "history-missing" | "history-distance");
    let y = number("y", chart.axis, if from_zero { (0.0, domain.1) } else { domain });
    let x = json!({"field": "t", "type": "temporal", "title": "time of the run (UTC)", "scale": {"type": "utc"}, "axis": {"labelOverlap": true, "tickCount": 6}});
    let places: Vec<usize> = (0..names.len()).collect();
    let colour = json!({"field": "s", "type": "nominal", "scale": {"domain": places, "range": "category"},
        "legend": {"title": null, "orient": "top", "columns": {"expr": "width < 420 ? 1 : 3"}, "labelExpr": "names[datum.value]", "labelLimit": 200,
                   "symbolType": "circle"}});
    let hover = json!([{"field": "name", "type": "nominal", "title": "check"}, {"field": "t", "type": "temporal", "title": "run", "format": "%Y-%m-%d %H:%M"},
        {"field": "y", "type": "quantitative", "title": chart.axis, "format": ".4~g"}]);
    let mut layers: Vec<Value> = threshold.map(|threshold| line_at("y", threshold)).into_iter().collect();
    layers.extend([
        json!({"mark": {"type": "line", "strokeWidth": 1.75}, "encoding": {"x": x, "y": y, "color": colour}}),
        json!({"mark": {"type": "circle", "size": 36, "opacity": 1}, "encoding": {"x": x, "y": y, "color": colour, "tooltip": hover}}),
        json!({"transform": [{"filter": "datum.v"}], "mark": {"type": "point", "style": "positive", "filled": false, "size": 150, "strokeWidth": 2},
               "encoding": {"x": x, "y": y}}),
    ]);
    let short: Vec<String> = names.iter().map(|name| cut(name, 34)).collect();
    let mut spec = picture(HEIGHT, &[("names", json!(short)), ("full", json!(names))], layers);
    spec["data"] = json!({"values": values});
    spec["transform"] = json!([{"calculate": "full[datum.s]", "as": "name"}]);
    spec
}

fn time(record: &Record) -> String {
    let found = arrow::temporal_conversions::timestamp_ms_to_datetime(record.time);
    found.map_or_else(|| record.time.to_string(), |time| time.to_string().chars().take(16).collect())
}

/// The numbers behind a chart, latest first.
fn runs(here: &[&&Record], names: &[&str]) -> Table {
    const MOST: usize = 400;
    let drawn: Vec<_> = here.iter().rev().filter(|record| names.contains(&record.check.subject().as_str())).collect();
    let row = |record: &&&&Record| {
        vec![
            json!(time(record)),
            json!(record.check.subject()),
            json!(record.check.value),
            json!(record.check.threshold),
        ]
    };
    Table {
        title: "Values, latest first".into(),
        columns: ["run (UTC)", "check", "value", "threshold"].map(String::from).to_vec(),
        rows: drawn.iter().take(MOST).map(row).collect(),
        left_out: drawn.len().saturating_sub(MOST),
    }
}

fn violations(history: &[Record]) -> Table {
    let all: Vec<&Record> = history.iter().rev().filter(|record| record.check.violated).collect();
    let row = |record: &&Record| {
        let check = &record.check;
        vec![json!(time(record)), json!(what(check.kind)), json!(check.subject()), json!(check.message)]
    };
    Table {
        title: if all.is_empty() { "No violations so far".into() } else { "Violations, latest first".into() },
        columns: ["run (UTC)", "what", "of", "finding"].map(String::from).to_vec(),
        rows: all.iter().take(LISTED).map(row).collect(),
        left_out: all.len().saturating_sub(LISTED),
    }
}
