//! Horizontal bars from 0 with whiskers, one for each name.

use super::spec::{extent, labels, line_at, number, on_lines, picture, player_name, rules, tooltip, whiskers};
use serde_json::{Value, json};

/// Pixels of a bar with its gap.
const LINE: usize = 29;

/// A bar with its standard error, in the order of drawing.
pub struct Bar {
    pub name: String,
    pub size: f64,
    pub stderr: f64,
}

/// The specification; `title` names the horizontal axis, `positive` says that sizes cannot be below 0, so that whiskers end there.
pub fn bars(bars: &[Bar], title: &str, positive: bool) -> Value {
    let datum = |(i, bar): (usize, &Bar)| {
        let [lo, hi] = whiskers(bar.size, bar.stderr);
        let lo = lo.map(|lo| if positive { lo.max(0.0) } else { lo });
        json!({"i": i, "x": bar.size, "e": bar.stderr, "lo": lo, "hi": hi})
    };
    let values: Vec<Value> = bars.iter().enumerate().map(datum).collect();
    let ends = values.iter().flat_map(|v| ["x", "lo", "hi"].map(|f| v[f].as_f64().unwrap_or(0.0)));
    let (low, high) = extent(ends.chain([0.0]), 0.04);
    let x = number("x", title, (if positive { 0.0 } else { low }, high));
    let hover = tooltip(&[("player", "name"), ("x", title), ("e", "standard error")]);
    let body = json!({
        "mark": {"type": "rect"},
        "encoding": {"x": x, "x2": {"datum": 0}, "y": on_lines("y", bars.len()), "y2": {"field": "y2"}, "tooltip": hover},
    });
    let names: Vec<&str> = bars.iter().map(|bar| bar.name.as_str()).collect();
    let params = [("names", labels(names.iter().copied())), ("full", json!(names))];
    let layers = vec![body, rules("x", on_lines("i", bars.len()), x), line_at("x", 0.0)];
    let mut spec = picture(bars.len() * LINE + 10, &params, layers);
    spec["data"] = json!({"values": values});
    spec["transform"] =
        json!([player_name(), {"calculate": "datum.i - 0.36", "as": "y"}, {"calculate": "datum.i + 0.36", "as": "y2"}]);
    spec
}
