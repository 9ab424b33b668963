//! One row from the base value to its prediction: the waterfall.

use super::output::{Output, text_of};
use super::spec::{by_sign, extent, line_at, on_lines, picture, tooltip, whiskers};
use super::text::{cut, label, list, plus_minus, short, signed};
use crate::explain::ExplainedRow;
use crate::report::{Figure, ShownRow, Table};
use serde_json::{Value, json};

/// Players drawn on their own.
const TOP: usize = 12;

/// One bar: a player, or all that have no bar of their own.
struct Bar {
    name: String,
    label: Value,
    phi: f64,
    stderr: f64,
}

/// The attributions of one shown row as steps. None if the row has none.
pub fn waterfall(output: &Output, shown: &ShownRow) -> Option<Figure> {
    let row = &shown.row;
    let order = strongest(output, row);
    if order.is_empty() {
        return None;
    }
    let bars = bars(output, row, &order);
    let (base, end) = (output.global.base_value, output.linked(output.prediction(row)));
    let values = steps(&bars, base);
    let ends = values.iter().flat_map(|v| ["x", "x2", "lo", "hi"].map(|f| v[f].as_f64().unwrap_or(f64::NAN)));
    let (low, high) = extent(ends.chain([base, end]), 0.04);
    let domain = (low, high + 0.22 * (high - low));
    let names: Vec<&str> = bars.iter().map(|bar| bar.name.as_str()).collect();
    let layers = layers(output, bars.len(), domain, (base, end));
    let mut spec = picture(
        bars.len() * 32 + 60,
        &[("names", bars.iter().map(|bar| bar.label.clone()).collect()), ("full", json!(names))],
        layers,
    );
    spec["data"] = json!({"values": values});
    Some(Figure {
        id: output.id(&format!("waterfall-row-{}", row.number)),
        title: output.title(&format!("Row {}: how the prediction comes about", row_name(row))),
        caption: format!(
            "From the bottom: the base value {} is the mean over the background; each feature then moves {} up (red) or down (blue), \
             until it is the prediction of this row, {}. Whiskers: 95 % interval of each attribution. Shown because: {}.",
            short(base),
            output.unit(),
            short(end),
            shown.why
        ),
        alt: alt(output, row, &order, base, end),
        spec,
        table: table(output, row, &order),
    })
}

/// `12`, or `12 (id)`.
pub fn row_name(row: &ExplainedRow) -> String {
    if row.id.is_empty() { row.number.to_string() } else { format!("{} ({})", row.number, cut(&row.id, 40)) }
}

/// A label: one line if it is short, otherwise the value under the name.
fn labelled(name: &str, value: &str) -> Value {
    if value.is_empty() {
        return label(name);
    }
    if name.chars().count() + value.chars().count() <= 22 {
        return json!(format!("{name} = {value}"));
    }
    json!([cut(name, 26), format!("= {}", cut(value, 24))])
}

/// Players of a row from the largest |φ| down; those without a number are left out.
pub fn strongest(output: &Output, row: &ExplainedRow) -> Vec<usize> {
    let mut order: Vec<usize> = (0..output.global.values.len()).filter(|&i| output.phi(row, i).0.is_finite()).collect();
    order.sort_by(|&a, &b| output.phi(row, b).0.abs().total_cmp(&output.phi(row, a).0.abs()));
    order
}

/// `age = 39`.
pub fn assignment(output: &Output, row: &ExplainedRow, i: usize) -> String {
    match text_of(row, i) {
        "" => output.player_name(i).to_owned(),
        text => format!("{} = {}", output.player_name(i), cut(text, 30)),
    }
}

/// The strongest players, then all others together; a single other keeps its name.
fn bars(output: &Output, row: &ExplainedRow, order: &[usize]) -> Vec<Bar> {
    let own = if order.len() == TOP + 1 { TOP + 1 } else { TOP.min(order.len()) };
    let (top, rest) = order.split_at(own);
    let bar = |&i: &usize| {
        let (phi, stderr) = output.phi(row, i);
        Bar {
            name: assignment(output, row, i),
            label: labelled(output.player_name(i), text_of(row, i)),
            phi: phi.into(),
            stderr: stderr.into(),
        }
    };
    let mut bars: Vec<Bar> = top.iter().map(bar).collect();
    if !rest.is_empty() {
        let phi = rest.iter().map(|&i| f64::from(output.phi(row, i).0)).sum();
        let name = format!("{} others", rest.len());
        bars.push(Bar { label: label(&name), name, phi, stderr: f64::NAN });
    }
    bars
}

/// Bars end to end: the last begins at the base value, the first ends at the sum.
fn steps(bars: &[Bar], base: f64) -> Vec<Value> {
    let mut at = base;
    let mut values: Vec<Value> = Vec::new();
    for (i, bar) in bars.iter().enumerate().rev() {
        let end = at + bar.phi;
        let [lo, hi] = if bar.stderr == 0.0 { [None, None] } else { whiskers(end, bar.stderr) };
        values.push(json!({
            "i": i, "y": i as f64 - 0.36, "y2": i as f64 + 0.36, "x": at, "x2": end, "p": bar.phi, "up": bar.phi >= 0.0, "e": bar.stderr, "lo": lo, "hi": hi,
            "s": signed(bar.phi), "at": at.max(end).max(hi.unwrap_or(end)), "next": (i as f64 + 0.64).min(bars.len() as f64),
        }));
        at = end;
    }
    values
}

fn layers(output: &Output, n: usize, domain: (f64, f64), (base, end): (f64, f64)) -> Vec<Value> {
    let x = super::spec::number("x", &output.unit(), domain);
    let y = |field: &str| {
        let mut y = on_lines(field, n);
        y["scale"]["domain"] = json!([-1.1, n as f64 + 0.1]);
        y
    };
    let along = |field: &str| json!({"field": field, "type": "quantitative"});
    let hover = tooltip(&[("player", "feature"), ("p", "φ"), ("e", "standard error"), ("x", "from"), ("x2", "to")]);
    let bars = json!({"x": x, "x2": {"field": "x2"}, "y": y("y"), "y2": {"field": "y2"}, "color": by_sign("up"), "tooltip": hover});
    vec![
        quiet(line_at("x", base)),
        quiet(line_at("x", end)),
        json!({"transform": [{"calculate": "full[datum.i]", "as": "player"}], "mark": {"type": "rect", "cornerRadius": 1}, "encoding": bars}),
        json!({"mark": {"type": "rule", "style": "zero", "strokeWidth": 0.8},
               "encoding": {"x": along("x"), "y": y("y2"), "y2": {"field": "next"}}}),
        json!({"transform": [{"filter": "isValid(datum.lo) && isValid(datum.hi)"}], "mark": {"type": "rule", "style": "error"},
               "encoding": {"x": along("lo"), "x2": {"field": "hi"}, "y": y("i")}}),
        json!({"mark": {"type": "text", "align": "left", "dx": 5},
               "encoding": {"x": along("at"), "y": y("i"), "text": {"field": "s"}}}),
        note(end, domain, y("y"), -0.85, format!("prediction {}", short(end))),
        note(base, domain, y("y"), n as f64 - 0.15, format!("base value {}", short(base))),
    ]
}

/// Paler, since numbers stand on it.
fn quiet(mut line: Value) -> Value {
    line["mark"]["style"] = json!("quiet");
    line
}

/// Text beside a value, on the side where there is room.
fn note(value: f64, domain: (f64, f64), y: Value, at: f64, text: String) -> Value {
    let right = value > (domain.0 + domain.1) / 2.0;
    let (align, dx) = if right { ("right", -5) } else { ("left", 5) };
    json!({
        "data": {"values": [{"x": value, "y": at, "t": text}]},
        "mark": {"type": "text", "align": align, "dx": dx},
        "encoding": {"x": {"field": "x", "type": "quantitative"}, "y": y, "text": {"field": "t"}},
    })
}

fn alt(output: &Output, row: &ExplainedRow, order: &[usize], base: f64, end: f64) -> String {
    let push = |&i: &usize| {
        let (phi, stderr) = output.phi(row, i);
        let way = if phi < 0.0 { "lowers" } else { "raises" };
        format!("{} {way} it by {}", assignment(output, row, i), plus_minus(phi.abs().into(), stderr.into()))
    };
    let pushes: Vec<String> = order.iter().filter(|&&i| output.phi(row, i).0 != 0.0).take(3).map(push).collect();
    let pushes = if pushes.is_empty() { "every attribution is 0".into() } else { list(&pushes) };
    let unit = output.unit();
    format!("Row {}: {unit} goes from {} to {}; {}.", row_name(row), short(base), short(end), pushes)
}

/// All players of a row.
fn table(output: &Output, row: &ExplainedRow, order: &[usize]) -> Table {
    let line = |&i: &usize| {
        let (phi, stderr) = output.phi(row, i);
        vec![
            json!(output.player_name(i)),
            json!(text_of(row, i)),
            super::spec::shortest(phi),
            super::spec::shortest(stderr),
        ]
    };
    Table {
        title: output.title(&format!("Attributions of row {}", row_name(row))),
        columns: ["feature", "value", "φ", "standard error"].map(String::from).to_vec(),
        rows: order.iter().map(line).collect(),
        left_out: output.global.values.len() - order.len(),
    }
}
