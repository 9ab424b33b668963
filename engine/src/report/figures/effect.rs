//! The effect of a number on the output: partial dependence, ICE, ALE and where the data lie.

use super::categories;
use super::output::Output;
use super::spec::{curve, extent, mean_at, number, picture, shortest, spread, thin_lines, tooltip};
use super::text::{cut, list, percent, short, slug};
use crate::effect::{Ale, Curve, Histogram};
use crate::report::{Figure, Table};
use serde_json::{Value, json};

/// Pixels of the curves, the gap, the histogram.
const CURVES: usize = 240;
const GAP: usize = 14;
const BARS: usize = 44;
/// Lines drawn of one curve, and numbers in the lines of all figures of a report.
const LINES: usize = 100;
const NUMBERS: usize = 60_000;
/// So few points have dots.
const DOTTED: usize = 12;
const PD: &str = "partial dependence";
pub const ALE: &str = "ALE";

/// The effect of an axis. None without points.
pub fn effect(output: &Output, found: &Curve) -> Option<Figure> {
    if found.grid.points.is_empty() {
        return None;
    }
    let name = &found.grid.axis.name;
    let ale = output.findings.ale.iter().find(|ale| ale.output == found.output && ale.axis == *name);
    let shift = middle(output, found);
    let spec = if found.grid.axis.categories.is_empty() {
        numeric(output, found, ale, shift)
    } else {
        categories::spec(output, found, ale, shift)
    };
    let lines = drawn_lines(output, found).count();
    let of_ale = match ale {
        Some(_) => format!(
            " ALE moves each row only within its own neighbourhood; it is drawn around the mean prediction {}.",
            short(shift)
        ),
        None => String::new(),
    };
    let singles = if found.grid.axis.categories.is_empty() {
        format!("Thin lines: {lines} single rows (ICE). Bars below: shares of the rows.")
    } else {
        format!("Pale marks: {lines} single rows (ICE). In brackets: shares of the rows.")
    };
    Some(Figure {
        id: output.id(&format!("effect-{}", slug(name))),
        title: output.title(&format!("Effect of {name}")),
        caption: format!(
            "Partial dependence: {} over {} with {name} set to each value. Bands and whiskers: 95 % intervals. {singles}{of_ale}",
            output.mean(),
            output.findings.effects_over,
        ),
        alt: alt(output, found, ale),
        spec,
        table: table(output, found),
    })
}

/// Where a centred curve is drawn: the mean prediction.
fn middle(output: &Output, found: &Curve) -> f64 {
    let base = output.global.base_value;
    if base.is_finite() { base } else { found.mean.iter().sum::<f64>() / found.mean.len() as f64 }
}

/// Lines that a figure shows: fewer when the report has many.
pub fn drawn_lines(output: &Output, found: &Curve) -> impl Iterator<Item = usize> + use<> {
    let numbers = found.grid.points.len() * output.findings.curves.len();
    spread(found.ice.len(), (NUMBERS / numbers.max(1)).clamp(10, LINES))
}

fn numeric(output: &Output, found: &Curve, ale: Option<&Ale>, shift: f64) -> Value {
    let grid = &found.grid;
    let at: Vec<f64> = grid.points.iter().map(|point| point.position).collect();
    let lines: Vec<Value> =
        drawn_lines(output, found).map(|l| found.ice[l].iter().map(|&y| shortest(y)).collect()).collect();
    let points: Vec<Value> = (0..at.len()).map(|p| mean_at(at[p], found.mean[p], found.stderr[p])).collect();
    let accumulated: Vec<Value> = ale.map_or_else(Vec::new, |ale| {
        (0..ale.edges.len()).map(|p| mean_at(ale.edges[p], ale.effect[p] + shift, ale.stderr[p])).collect()
    });
    let edges = ale.map_or(&[] as &[f64], |ale| &ale.edges);
    let along = extent(at.iter().chain(edges).chain(&grid.histogram.edges).copied(), 0.01);
    let ends =
        points.iter().chain(&accumulated).flat_map(|v| ["y", "lo", "hi"].map(|f| v[f].as_f64().unwrap_or(f64::NAN)));
    let ice = drawn_lines(output, found).flat_map(|l| found.ice[l].iter().map(|&y| f64::from(y)));
    let mut x = number("x", &cut(&grid.axis.name, 60), along);
    // Vega would draw it for the curves alone, from the bottom of the histogram.
    x["axis"]["grid"] = json!(false);
    let mut y = number("y", &output.unit(), extent(ends.chain(ice), 0.03));
    y["scale"]["range"] = json!([CURVES, 0]);
    let names: &[&str] = if ale.is_some() { &[PD, ALE] } else { &[PD] };
    let mut curves = vec![thin_lines(&lines, x.clone(), y.clone())];
    curves.extend(curve(&points, x.clone(), y.clone(), (PD, names), at.len() <= DOTTED));
    if ale.is_some() {
        curves.extend(curve(&accumulated, x.clone(), y, (ALE, names), edges.len() <= DOTTED));
    }
    let mut spec = picture(
        CURVES + GAP + BARS,
        &[("along", json!(at))],
        vec![json!({"layer": curves}), histogram(&grid.histogram, x)],
    );
    spec["resolve"] = json!({"scale": {"y": "independent"}});
    spec
}

/// Where the data lie, under the curves.
fn histogram(found: &Histogram, x: Value) -> Value {
    let bar = |bin: usize| json!({"x": found.edges[bin], "x2": found.edges[bin + 1], "y": found.share[bin]});
    let bins = found.share.len().min(found.edges.len().saturating_sub(1));
    let values: Vec<Value> = (0..bins).map(bar).collect();
    let most = found.share.iter().copied().filter(|s| s.is_finite()).fold(0.0, f64::max);
    let hover = tooltip(&[("x", "from"), ("x2", "to"), ("y", "share of rows")]);
    json!({
        "data": {"values": values},
        "mark": {"type": "rect", "style": "quiet"},
        "encoding": {"x": x, "x2": {"field": "x2"}, "y2": {"datum": 0}, "tooltip": hover,
            "y": {"field": "y", "type": "quantitative", "title": "rows",
                  "scale": {"domain": [0, if most > 0.0 { most } else { 1.0 }], "range": [CURVES + GAP + BARS, CURVES + GAP], "nice": false},
                  "axis": {"orient": "left", "format": "~%", "values": [0, most], "labelExpr": "format(datum.value, '.0%')", "grid": false}}},
    })
}

fn alt(output: &Output, found: &Curve, ale: Option<&Ale>) -> String {
    let label = |p: usize| &found.grid.points[p].label;
    let known = || found.mean.iter().enumerate().filter(|m| m.1.is_finite());
    let (Some(low), Some(high)) =
        (known().min_by(|a, b| a.1.total_cmp(b.1)), known().max_by(|a, b| a.1.total_cmp(b.1)))
    else {
        return format!("The effect of {} is not known.", found.grid.axis.name);
    };
    if low.1 == high.1 {
        return format!(
            "Partial dependence of {} is {} whatever {} is.",
            output.unit(),
            short(*low.1),
            found.grid.axis.name
        );
    }
    let mut alt = format!(
        "With {}, partial dependence of {} is lowest, {}, at {} and highest, {}, at {}.",
        found.grid.axis.name,
        output.unit(),
        short(*low.1),
        label(low.0),
        short(*high.1),
        label(high.0)
    );
    if let Some(ale) = ale {
        let (least, most) = extent(ale.effect.iter().copied(), 0.0);
        alt += &format!(" ALE spans {}, partial dependence {}.", short(most - least), short(high.1 - low.1));
    }
    let grid = &found.grid;
    if grid.histogram.edges.is_empty() {
        let mut shares: Vec<usize> = (0..grid.points.len().min(grid.histogram.share.len())).collect();
        shares.sort_by(|&a, &b| grid.histogram.share[b].total_cmp(&grid.histogram.share[a]));
        let said: Vec<String> =
            shares.iter().take(2).map(|&p| format!("{} ({})", label(p), percent(grid.histogram.share[p]))).collect();
        alt += &format!(" Most rows are {}.", list(&said));
    }
    alt
}

fn table(output: &Output, found: &Curve) -> Table {
    let points = &found.grid.points;
    let by_share = found.grid.histogram.edges.is_empty();
    let mut columns = vec![found.grid.axis.name.clone(), "partial dependence".into(), "standard error".into()];
    columns.extend(by_share.then(|| "share of rows".into()));
    let row = |p: usize| {
        let place = if by_share { json!(points[p].label) } else { json!(points[p].position) };
        let mut cells = vec![place, json!(found.mean[p]), json!(found.stderr[p])];
        cells.extend(by_share.then(|| json!(found.grid.histogram.share.get(p))));
        cells
    };
    Table {
        title: output.title(&format!("Effect of {}", found.grid.axis.name)),
        columns,
        rows: (0..points.len()).map(row).collect(),
        left_out: 0,
    }
}
