//! One row on one line: what pushes the prediction up from the left, what pushes it down from the right.

use super::output::Output;
use super::spec::{by_sign, extent, number, picture, tooltip};
use super::text::{cut, list, short, signed};
use super::waterfall::{assignment, row_name, strongest};
use crate::report::{Figure, ShownRow, Table};
use serde_json::{Value, json};

/// Players drawn for each direction.
const TOP: usize = 8;
/// A number needs so much of the picture's width; of each side the longest pieces have names, in lines below each other.
const NUMBERED: f64 = 0.07;
const NAMED: usize = 3;
/// Each side has at least so much of the width, for its names.
const SIDE: f64 = 0.32;

/// The compact form of the waterfall. None if nothing pushes.
pub fn force(output: &Output, shown: &ShownRow) -> Option<Figure> {
    let row = &shown.row;
    let order = strongest(output, row);
    let (base, end) = (output.global.base_value, output.linked(output.prediction(row)));
    let phi = |i: usize| f64::from(output.phi(row, i).0);
    let mut pieces: Vec<(String, f64, f64)> = Vec::new();
    for direction in [1.0, -1.0] {
        let side: Vec<usize> = order.iter().copied().filter(|&i| phi(i) * direction > 0.0).collect();
        let (top, rest) = side.split_at(side.len().min(TOP));
        let mut parts: Vec<(String, f64)> = top.iter().map(|&i| (assignment(output, row, i), phi(i))).collect();
        if !rest.is_empty() {
            parts.push((format!("{} others", rest.len()), rest.iter().map(|&i| phi(i)).sum()));
        }
        let mut at = end;
        for (name, phi) in parts {
            pieces.push((name, at - phi, at));
            at -= phi;
        }
    }
    if pieces.is_empty() {
        return None;
    }
    let (low, high) = extent(pieces.iter().flat_map(|piece| [piece.1, piece.2]).chain([base, end]), 0.02);
    let reach = SIDE / (1.0 - SIDE);
    let domain = (low.min(end - reach * (high - end)), high.max(end + reach * (end - low)));
    let mut spec = picture(140, &[], layers(output, domain, (base, end)));
    spec["data"] = json!({"values": data(&pieces, domain)});
    let total = |up: bool| pieces.iter().map(|p| p.2 - p.1).filter(|phi| (*phi > 0.0) == up).sum::<f64>();
    let side = |up: bool, way: &str| {
        let pushes = pieces.iter().filter(|p| (p.2 > p.1) == up).take(2);
        match list(&pushes.map(|p| format!("{} ({})", p.0, signed(p.2 - p.1))).collect::<Vec<_>>()) {
            most if most.is_empty() => format!("nothing pushes {way}"),
            most => format!("{} {way} in all, most by {most}", signed(total(up))),
        }
    };
    Some(Figure {
        id: output.id(&format!("force-row-{}", row.number)),
        title: output.title(&format!("Row {} at a glance", row_name(row))),
        caption: format!(
            "Red pushes {} up to the prediction {} and blue down to it, longest next to it; without any of them it would be the base value {}.",
            output.unit(),
            short(end),
            short(base)
        ),
        alt: format!("Row {}: {}; {}.", row_name(row), side(true, "up"), side(false, "down")),
        spec,
        table: table(output, &pieces),
    })
}

/// Pieces shortened by a hair, so that neighbours stay apart. Names run outwards from the prediction, the nearest lowest, so that no
/// line from a piece to its name crosses another name.
fn data(pieces: &[(String, f64, f64)], domain: (f64, f64)) -> Vec<Value> {
    let width = domain.1 - domain.0;
    let mut place = [0, 0];
    let mut value = |(name, from, to): &(String, f64, f64)| {
        let (phi, middle) = (to - from, (from + to) / 2.0);
        let hair = (0.002 * width).min(phi.abs() / 4.0) * phi.signum();
        let number = if phi.abs() / width < NUMBERED { String::new() } else { signed(phi) };
        let mut datum =
            json!({"x": from + hair, "x2": to, "m": middle, "p": phi, "up": phi > 0.0, "t": name, "v": number});
        let line = &mut place[usize::from(phi > 0.0)];
        if *line < NAMED {
            let room = if phi > 0.0 { middle - domain.0 } else { domain.1 - middle };
            datum["s"] = json!(cut(name, 60));
            datum["y"] = json!(94 + 15 * (NAMED - 1 - *line));
            datum["w"] = json!(room / width);
        }
        *line += 1;
        datum
    };
    pieces.iter().map(&mut value).collect()
}

fn layers(output: &Output, domain: (f64, f64), (base, end): (f64, f64)) -> Vec<Value> {
    let mut x = number("x", &output.unit(), domain);
    x["axis"]["grid"] = json!(false);
    let at = |field: &str| json!({"field": field, "type": "quantitative"});
    let hover = tooltip(&[("t", "feature"), ("p", "φ")]);
    let mark = |value: f64, text: String, y: usize| {
        let side = (value - domain.0) / (domain.1 - domain.0);
        let align = if side > 0.8 {
            "right"
        } else if side < 0.2 {
            "left"
        } else {
            "center"
        };
        json!({"data": {"values": [{"x": value, "t": text}]}, "layer": [
            {"mark": {"type": "rule", "style": "zero", "strokeDash": [3, 3], "y": y + 8, "y2": 74}, "encoding": {"x": at("x")}},
            {"mark": {"type": "text", "align": align, "y": y}, "encoding": {"x": at("x"), "text": {"field": "t"}}}]})
    };
    let names = json!([{"filter": "isValid(datum.s)"}]);
    let below = |mut y: Value| {
        y["scale"] = Value::Null;
        y["axis"] = Value::Null;
        y
    };
    vec![
        json!({"mark": {"type": "rect", "y": 42, "y2": 74}, "encoding": {"x": x, "x2": {"field": "x2"}, "color": by_sign("up"), "tooltip": hover}}),
        json!({"mark": {"type": "text", "y": 58, "style": "inverse"}, "encoding": {"x": at("m"), "text": {"field": "v"}}}),
        json!({"transform": names, "mark": {"type": "rule", "style": "zero", "strokeWidth": 0.8, "y2": 74, "yOffset": -7},
               "encoding": {"x": at("m"), "y": below(at("y"))}}),
        json!({"transform": names, "mark": {"type": "text", "limit": {"expr": "datum.w * width"}, "dx": {"expr": "datum.p > 0 ? 2 : -2"},
                                            "align": {"expr": "datum.p > 0 ? 'right' : 'left'"}},
               "encoding": {"x": at("m"), "y": below(at("y")), "text": {"field": "s"}}}),
        mark(end, format!("prediction {}", short(end)), 8),
        mark(base, format!("base value {}", short(base)), 26),
    ]
}

fn table(output: &Output, pieces: &[(String, f64, f64)]) -> Table {
    let row = |(name, from, to): &(String, f64, f64)| vec![json!(name), json!(to - from), json!(from), json!(to)];
    Table {
        title: output.title("Pushes"),
        columns: ["feature", "φ", "from", "to"].map(String::from).to_vec(),
        rows: pieces.iter().map(row).collect(),
        left_out: 0,
    }
}
