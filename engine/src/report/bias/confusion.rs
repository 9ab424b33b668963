//! Labels against predictions, of a group and of the others, side by side.

use super::words::{OTHERS, group, heading};
use crate::bias::{FacetBias, GroupCounts};
use crate::report::figures::spec::picture;
use crate::report::figures::text::{cut, percent, slug, thousands};
use crate::report::{Figure, Table};
use serde_json::{Value, json};

/// Where the columns of each matrix lie, with a gap between the two.
const COLUMNS: [[f64; 2]; 2] = [[0.0, 1.0], [2.3, 3.3]];
const HEIGHT: usize = 210;

/// Two matrices of two rows (labels) and two columns (predictions); shades are shares of a group's rows of that label. None without
/// predictions or where a group is empty.
pub fn confusion(facet: &FacetBias) -> Option<Figure> {
    let parts = [(group(facet), facet.d), (OTHERS.to_string(), facet.a)];
    let predicted = |c: &GroupCounts| c.true_positive + c.false_positive + c.false_negative + c.true_negative;
    if parts.iter().any(|(_, counts)| counts.rows == 0 || predicted(counts) == 0) {
        return None;
    }
    let values: Vec<Value> =
        parts.iter().zip(COLUMNS).flat_map(|((who, counts), columns)| cells(who, counts, columns)).collect();
    let heads: Vec<Value> = parts
        .iter()
        .zip(COLUMNS)
        .map(|((who, counts), columns)| {
            json!({"x": (columns[0] + columns[1]) / 2.0, "s": format!("{} ({} rows)", cut(who, 28), thousands(counts.rows))})
        })
        .collect();
    let mut spec = picture(HEIGHT, &[], layers(&heads));
    spec["data"] = json!({"values": values});
    let rates: Vec<String> = parts.iter().map(|(who, counts)| rates(who, counts)).collect();
    Some(Figure {
        id: format!("confusion-{}", slug(&heading(facet))),
        title: format!("Labels and predictions of {} and of {OTHERS}", cut(&group(facet), 60)),
        caption: "Rows of each label by what was predicted for them: their number, and their share of the rows of that label in the \
                  group. Where the two shares of a place differ between the matrices, the errors fall on the groups unequally."
            .into(),
        alt: format!("{}.", rates.join("; ")),
        spec,
        table: table(&parts),
    })
}

/// True and false positives, false and true negatives with their share of the label's rows.
fn four(counts: &GroupCounts) -> [(u64, Option<f64>); 4] {
    let GroupCounts { true_positive, false_positive, false_negative, true_negative, .. } = *counts;
    let share = |n: u64, other: u64| (n, (n + other > 0).then(|| n as f64 / (n + other) as f64));
    [
        share(true_positive, false_negative),
        share(false_positive, true_negative),
        share(false_negative, true_positive),
        share(true_negative, false_positive),
    ]
}

const NAMES: [&str; 4] = ["true positives", "false positives", "false negatives", "true negatives"];

fn cells(who: &str, counts: &GroupCounts, columns: [f64; 2]) -> Vec<Value> {
    // Predictions across, labels down, positive first.
    let places = [(0, 0), (0, 1), (1, 0), (1, 1)];
    let cell = |at: usize, (n, share): (u64, Option<f64>)| {
        let ((column, line), name) = (places[at], NAMES[at]);
        let (x, y) = (columns[column], line as f64);
        let written = share.map_or("–".to_string(), percent);
        json!({"x": x - 0.48, "x2": x + 0.48, "y": y - 0.47, "y2": y + 0.47, "m": x, "l": y, "h": share.unwrap_or(0.0), "n": n,
               "player": who, "t": name, "p": written, "s": format!("{}\n{written}", thousands(n))})
    };
    four(counts).into_iter().enumerate().map(|(at, count)| cell(at, count)).collect()
}

fn layers(heads: &[Value]) -> Vec<Value> {
    let x = |field: &str| {
        json!({"field": field, "type": "quantitative", "title": "predicted",
               "scale": {"domain": [-0.5, 3.8], "nice": false, "zero": false},
               "axis": {"values": COLUMNS.as_flattened(), "grid": false, "labelOverlap": false,
                        "labelExpr": "indexof([0, 2.3], datum.value) >= 0 ? 'positive' : 'negative'"}})
    };
    let y = |field: &str| {
        json!({"field": field, "type": "quantitative", "title": "label",
               "scale": {"domain": [-0.85, 1.5], "nice": false, "zero": false, "reverse": true},
               "axis": {"values": [0, 1], "grid": false, "labelExpr": "datum.value == 0 ? 'positive' : 'negative'"}})
    };
    let shade = json!({"field": "h", "type": "quantitative", "scale": {"domain": [0, 1], "range": [0.06, 0.75]}, "legend": null});
    let hover = json!([{"field": "player", "type": "nominal", "title": "rows of"}, {"field": "t", "type": "nominal", "title": "what"},
        {"field": "n", "type": "quantitative", "title": "number", "format": ","}, {"field": "p", "type": "nominal", "title": "share of the label"}]);
    let mut top = y("l");
    top["datum"] = json!(-0.68);
    if let Some(top) = top.as_object_mut() {
        top.remove("field");
    }
    vec![
        json!({"mark": {"type": "rect", "cornerRadius": 2},
               "encoding": {"x": x("x"), "x2": {"field": "x2"}, "y": y("y"), "y2": {"field": "y2"}, "fillOpacity": shade, "tooltip": hover}}),
        json!({"mark": {"type": "text", "lineBreak": "\n", "baseline": "middle", "dy": -7, "lineHeight": 15},
               "encoding": {"x": x("m"), "y": y("l"), "text": {"field": "s"}}}),
        json!({"data": {"values": heads}, "mark": {"type": "text", "fontWeight": 600},
               "encoding": {"x": x("x"), "y": top, "text": {"field": "s"}}}),
    ]
}

fn rates(who: &str, counts: &GroupCounts) -> String {
    let [found, alarms, ..] = four(counts).map(|(_, share)| share.map_or("none there".into(), percent));
    format!("{who}: positive labels predicted positive {found}, negative labels predicted positive {alarms}")
}

fn table(parts: &[(String, GroupCounts)]) -> Table {
    let rows = parts.iter().flat_map(|(who, counts)| {
        let line =
            |((n, share), name): ((u64, Option<f64>), &str)| vec![json!(who), json!(name), json!(n), json!(share)];
        four(counts).into_iter().zip(NAMES).map(line).collect::<Vec<_>>()
    });
    Table {
        title: "Labels and predictions".into(),
        columns: ["group", "what", "rows", "share of the label"].map(String::from).to_vec(),
        rows: rows.collect(),
        left_out: 0,
    }
}
