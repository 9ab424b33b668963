//! How often a group and the others have the positive label, and get the positive prediction.

use super::words::{OTHERS, group, heading};
use crate::bias::{FacetBias, GroupCounts};
use crate::report::figures::spec::{labels, number, on_lines, picture};
use crate::report::figures::text::{count, cut, percent, slug, thousands};
use crate::report::{Figure, Table};
use serde_json::{Value, json};

/// Pixels of a bar with its gap.
const LINE: usize = 30;

/// A bar: whose, of what, how many of how many.
struct Share {
    who: String,
    what: &'static str,
    positive: u64,
    rows: u64,
}

/// Bars of all and positive rows. None where a group is empty.
pub fn outcomes(facet: &FacetBias, predicted: bool) -> Option<Figure> {
    if facet.d.rows == 0 || facet.a.rows == 0 {
        return None;
    }
    let shares = shares(facet, predicted);
    let group = group(facet);
    let datum = |(i, share): (usize, &Share)| {
        let part = share.positive as f64 / share.rows as f64;
        json!({"i": i, "x": part, "n": share.positive, "r": share.rows,
               "p": format!("{} ({})", percent(part), thousands(share.positive))})
    };
    let values: Vec<Value> = shares.iter().enumerate().map(datum).collect();
    let names: Vec<String> = shares.iter().map(|share| format!("{}, {}", cut(&share.who, 30), share.what)).collect();
    let params = [("names", labels(names.iter().map(String::as_str))), ("full", json!(names))];
    let mut spec = picture(shares.len() * LINE + 10, &params, layers(shares.len()));
    spec["data"] = json!({"values": values});
    spec["transform"] = json!([
        {"calculate": "full[datum.i]", "as": "player"},
        {"calculate": "datum.i - 0.38", "as": "y"}, {"calculate": "datum.i + 0.38", "as": "y2"},
    ]);
    let said: Vec<String> = shares
        .iter()
        .map(|s| format!("{}, {}: {} positive", s.who, s.what, percent(s.positive as f64 / s.rows as f64)))
        .collect();
    Some(Figure {
        id: format!("outcomes-{}", slug(&heading(facet))),
        title: format!("Outcomes of {} and of {OTHERS}", cut(&group, 60)),
        caption: format!(
            "Shares of rows with the positive outcome, among {} of the group and {}. The gap between two bars of one kind is DPL (labels) or DPPL (predictions).",
            count(facet.d.rows, "row"),
            count(facet.a.rows, "other row"),
        ),
        alt: format!("{}.", said.join("; ")),
        spec,
        table: table(&shares),
    })
}

fn shares(facet: &FacetBias, predicted: bool) -> Vec<Share> {
    let of = |who: String, counts: &GroupCounts, what, positive| Share { who, what, positive, rows: counts.rows };
    let mut all = Vec::new();
    for (who, counts) in [(group(facet), &facet.d), (OTHERS.to_string(), &facet.a)] {
        all.push(of(who, counts, "labels", counts.positive));
    }
    if predicted {
        for (who, counts) in [(group(facet), &facet.d), (OTHERS.to_string(), &facet.a)] {
            all.push(of(who, counts, "predictions", counts.predicted_positive));
        }
    }
    all
}

fn layers(n: usize) -> Vec<Value> {
    let mut x = number("x", "share of rows with the positive outcome", (0.0, 1.0));
    x["axis"]["format"] = json!("%");
    let hover = json!([{"field": "player", "type": "nominal", "title": "rows of"}, {"field": "n", "type": "quantitative", "title": "positive", "format": ","},
        {"field": "r", "type": "quantitative", "title": "of", "format": ","}, {"field": "p", "type": "nominal", "title": "share"}]);
    let text = |room: &str, align: &str, dx: i32, style: Value| {
        json!({"transform": [{"filter": room}], "mark": {"type": "text", "align": align, "dx": dx, "style": style},
               "encoding": {"x": x, "y": on_lines("i", n), "text": {"field": "p"}}})
    };
    vec![
        json!({"mark": {"type": "rect", "style": "quiet", "opacity": 0.35},
               "encoding": {"x": x, "x2": {"datum": 1}, "y": on_lines("y", n), "y2": {"field": "y2"}, "tooltip": hover}}),
        json!({"mark": {"type": "rect"},
               "encoding": {"x": x, "x2": {"datum": 0}, "y": on_lines("y", n), "y2": {"field": "y2"}, "tooltip": hover}}),
        text("datum.x < 0.75", "left", 6, json!([])),
        text("datum.x >= 0.75", "right", -6, json!("inverse")),
    ]
}

fn table(shares: &[Share]) -> Table {
    let row = |s: &Share| {
        vec![json!(s.who), json!(s.what), json!(s.rows), json!(s.positive), json!(s.positive as f64 / s.rows as f64)]
    };
    Table {
        title: "Outcomes".into(),
        columns: ["group", "outcome", "rows", "positive", "share of positive"].map(String::from).to_vec(),
        rows: shares.iter().map(row).collect(),
        left_out: 0,
    }
}
