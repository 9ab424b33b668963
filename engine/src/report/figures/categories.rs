//! The effect of a category: a line for each, with its mean, whiskers and single rows.

use super::effect::{ALE, drawn_lines};
use super::output::Output;
use super::spec::{extent, labels, mean_at, number, on_lines, picture, shortest, tooltip};
use super::text::{cut, percent};
use crate::effect::{Ale, Curve};
use serde_json::{Value, json};

const PD: &str = "partial dependence";
/// ALE is drawn so far under the mean, in lines.
const BELOW: f64 = 0.24;

/// Categories in the order of the grid, with their shares of the rows.
pub fn spec(output: &Output, found: &Curve, ale: Option<&Ale>, shift: f64) -> Value {
    let points = &found.grid.points;
    let n = points.len();
    let share =
        |p: usize| found.grid.histogram.share.get(p).map_or(String::new(), |&share| format!(" ({})", percent(share)));
    let names: Vec<String> = (0..n).map(|p| format!("{}{}", cut(&points[p].label, 36), share(p))).collect();
    let means: Vec<Value> = (0..n).map(|p| mean_at(p as f64, found.mean[p], found.stderr[p])).collect();
    let accumulated = ale.map_or_else(Vec::new, |ale| steps(found, ale, shift));
    let singles: Vec<Value> = drawn_lines(output, found)
        .map(|l| json!({"y": found.ice[l].iter().map(|&y| shortest(y)).collect::<Value>()}))
        .collect();
    let ends =
        means.iter().chain(&accumulated).flat_map(|v| ["y", "lo", "hi"].map(|f| v[f].as_f64().unwrap_or(f64::NAN)));
    let ice = drawn_lines(output, found).flat_map(|l| found.ice[l].iter().map(|&y| f64::from(y)));
    let domain = extent(ends.chain(ice), 0.03);
    let x = |field: &str| number(field, &output.unit(), domain);
    let legend: &[&str] = if accumulated.is_empty() { &[PD] } else { &[PD, ALE] };
    let mut layers = vec![json!({
        "data": {"values": singles},
        "transform": [{"calculate": "along", "as": "x"}, {"flatten": ["x", "y"]}],
        "mark": {"type": "tick", "style": "neutral", "orient": "vertical", "size": 12, "opacity": 0.3, "thickness": 1},
        "encoding": {"x": x("y"), "y": on_lines("x", n)},
    })];
    for (name, values) in [(PD, &means), (ALE, &accumulated)] {
        if !values.is_empty() {
            layers.extend(dots(values, x("y"), x("lo"), on_lines("x", n), (name, legend)));
        }
    }
    let along: Vec<usize> = (0..n).collect();
    picture(n * 32 + 10, &[("names", labels(names.iter().map(String::as_str))), ("along", json!(along))], layers)
}

/// A dot with its whiskers for each value.
fn dots(values: &[Value], x: Value, low: Value, y: Value, (name, names): (&str, &[&str])) -> [Value; 2] {
    let colour = json!({"datum": name, "type": "nominal", "scale": {"domain": names, "range": "category"},
                        "legend": {"title": null, "orient": "top", "labelLimit": 300}});
    let data = json!({"values": values});
    let hover = tooltip(&[("y", name), ("e", "standard error")]);
    [
        json!({"data": data, "transform": [{"filter": "isValid(datum.lo) && isValid(datum.hi)"}], "mark": {"type": "rule", "strokeWidth": 2},
               "encoding": {"x": low, "x2": {"field": "hi"}, "y": y, "color": colour}}),
        json!({"data": data, "mark": {"type": "circle", "size": 70, "opacity": 1}, "encoding": {"x": x, "y": y, "color": colour, "tooltip": hover}}),
    ]
}

/// ALE of an ordinal axis at the categories that it names.
fn steps(found: &Curve, ale: &Ale, shift: f64) -> Vec<Value> {
    let line = |label: &String| found.grid.points.iter().position(|point| point.label == *label);
    let known = ale.labels.iter().zip(ale.effect.iter().zip(&ale.stderr));
    known
        .filter_map(|(label, (effect, stderr))| Some(mean_at(line(label)? as f64 + BELOW, effect + shift, *stderr)))
        .collect()
}
