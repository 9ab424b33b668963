//! Interactions: Friedman's H of each pair as a matrix, and pairs by how much they matter.

use super::bars::{Bar, bars};
use super::output::Output;
use super::spec::{labels, picture, tooltip};
use super::text::{cut, list, plus_minus};
use crate::effect::Interaction;
use crate::report::{Figure, Table};
use serde_json::{Value, json};

/// Axes of a matrix, axes whose cells have room for text, bars.
pub(super) const AXES: usize = 12;
pub(super) const WRITTEN: usize = 7;
pub(super) const TOP: usize = 15;

/// H of each measured pair. None without pairs.
pub fn h_matrix(output: &Output) -> Option<Figure> {
    let found = measured(output);
    let axes = axes(&found);
    let place = |name: &str| axes.iter().position(|axis| *axis == name);
    let drawn: Vec<(usize, usize, &Interaction)> = found
        .iter()
        .filter_map(|i| {
            let (a, b) = (place(&i.a)?, place(&i.b)?);
            Some((a.min(b), a.max(b), *i))
        })
        .collect();
    if drawn.is_empty() {
        return None;
    }
    let written = axes.len() <= WRITTEN;
    let cell = |&(a, b, i): &(usize, usize, &Interaction)| {
        let text = written_out(i);
        json!({"x": a as f64 - 0.48, "x2": a as f64 + 0.48, "y": b as f64 - 0.48, "y2": b as f64 + 0.48, "a": a, "b": b, "h": i.h, "e": i.h_stderr,
               "shade": i.h, "p": format!("{} × {}", cut(&i.a, 40), cut(&i.b, 40)), "s": if written { text } else { String::new() }})
    };
    let values: Vec<Value> = drawn.iter().map(cell).collect();
    let columns: Vec<String> = axes.iter().map(|axis| cut(axis, 20)).collect();
    let params = [("names", labels(axes.iter().copied())), ("columns", json!(columns))];
    let mut spec =
        picture((axes.len() - 1) * 46, &params, layers(axes.len(), &tooltip(&[("h", "H"), ("e", "standard error")])));
    spec["data"] = json!({"values": values});
    let left_out = found.len() - drawn.len();
    Some(Figure {
        id: output.id("h-matrix"),
        title: output.title("How much pairs act together"),
        caption: format!(
            "Friedman's H: the share of a pair's joint effect that is not the sum of the two single effects, ± its standard error; 0 means \
             they act side by side, 1 that neither does anything alone. Over {}. H is large for pairs of little effect too: \
             see their strength below.{}",
            output.findings.effects_over,
            if left_out == 0 { String::new() } else { format!(" {left_out} pairs of other features are left out.") }
        ),
        alt: alt(&found),
        spec,
        table: table(output, &found),
    })
}

/// `0.61`, and `± 0.02` under it.
fn written_out(i: &Interaction) -> String {
    match (i.h.is_finite(), i.h_stderr.is_finite()) {
        (true, true) => format!("{:.2}\n± {:.2}", i.h, i.h_stderr),
        (true, false) => format!("{:.2}", i.h),
        _ => "–".into(),
    }
}

/// Pairs by the size of their interaction in units of the output. None without pairs.
pub fn strengths(output: &Output) -> Option<Figure> {
    let found = measured(output);
    let top = &found[..found.len().min(TOP)];
    let first = top.first()?;
    let name = |i: &Interaction| format!("{} × {}", cut(&i.a, 24), cut(&i.b, 24));
    let drawn = top.iter().map(|i| Bar { name: name(i), size: i.strength, stderr: i.strength_stderr });
    Some(Figure {
        id: output.id("interactions"),
        title: output.title("Strongest interactions"),
        caption: format!(
            "The part of each pair's joint effect that is not the sum of its single effects, as a root mean square in units of {}, with 95 % \
             intervals.{}",
            output.unit(),
            if found.len() > TOP { format!(" The first {TOP} of {} pairs.", found.len()) } else { String::new() }
        ),
        alt: format!(
            "The strongest interaction is {} × {}: {}.",
            first.a,
            first.b,
            plus_minus(first.strength, first.strength_stderr)
        ),
        spec: bars(&drawn.collect::<Vec<_>>(), &format!("interaction, {}", output.unit()), true),
        table: table(output, &found),
    })
}

/// Pairs of this output, strongest first.
fn measured<'a>(output: &Output<'a>) -> Vec<&'a Interaction> {
    let mut found: Vec<&Interaction> =
        output.findings.interactions.iter().filter(|i| i.output == output.name()).collect();
    let size = |i: &Interaction| if i.strength.is_finite() { i.strength } else { -1.0 };
    found.sort_by(|a, b| size(b).total_cmp(&size(a)));
    found
}

/// Axes in the order in which the strongest pairs name them.
fn axes<'a>(found: &[&'a Interaction]) -> Vec<&'a str> {
    let mut axes: Vec<&str> = Vec::new();
    for name in found.iter().flat_map(|i| [i.a.as_str(), i.b.as_str()]) {
        if axes.len() < AXES && !axes.contains(&name) {
            axes.push(name);
        }
    }
    axes
}

/// The lower triangle: columns are all axes but the last, lines all but the first. A cell from x to x2 and y to y2 is drawn as strong as
/// its `shade`, 0 to 1, holds the text `s` at a, b, and shows its name `p` and these numbers to the pointer.
pub(super) fn layers(n: usize, numbers: &Value) -> Vec<Value> {
    let channel = |field: &str, places: std::ops::Range<usize>, domain: [f64; 2], axis: Value| {
        let mut axis = axis;
        axis["values"] = json!(places.clone().collect::<Vec<_>>());
        axis["tickCount"] = json!(places.len());
        axis["grid"] = json!(false);
        json!({"field": field, "type": "quantitative", "title": null, "axis": axis,
               "scale": {"domain": domain, "nice": false, "zero": false, "reverse": field.starts_with(['y', 'b'])}})
    };
    let last = n as f64 - 1.0;
    let x = |field: &str| {
        channel(
            field,
            0..n - 1,
            [-0.5, last - 0.5],
            json!({"labelAngle": -30, "labelOverlap": false, "labelExpr": "columns[datum.value]"}),
        )
    };
    let offset = json!({"condition": {"test": "isArray(names[datum.value])", "value": -6}, "value": 0});
    let y = |field: &str| {
        channel(
            field,
            1..n,
            [0.5, last + 0.5],
            json!({"labelOverlap": false, "labelExpr": "names[datum.value]", "labelOffset": offset, "labelLineHeight": 13}),
        )
    };
    let shade = json!({"field": "shade", "type": "quantitative", "scale": {"domain": [0, 1], "range": [0.05, 0.75], "clamp": true}, "legend": null});
    let hover = json!([{"field": "p", "type": "nominal", "title": "pair"}]);
    let hover: Vec<&Value> = [&hover, numbers].into_iter().filter_map(Value::as_array).flatten().collect();
    vec![
        json!({"transform": [{"filter": "isValid(datum.shade)"}], "mark": {"type": "rect", "cornerRadius": 2},
               "encoding": {"x": x("x"), "x2": {"field": "x2"}, "y": y("y"), "y2": {"field": "y2"}, "fillOpacity": shade, "tooltip": hover}}),
        json!({"mark": {"type": "text", "opacity": {"expr": format!("width < {} ? 0 : 1", 54 * (n - 1))}, "lineBreak": "\n", "baseline": "middle", "dy": -6, "lineHeight": 14},
               "encoding": {"x": x("a"), "y": y("b"), "text": {"field": "s"}}}),
    ]
}

fn alt(found: &[&Interaction]) -> String {
    let mut by_h: Vec<&&Interaction> = found.iter().filter(|i| i.h.is_finite()).collect();
    by_h.sort_by(|a, b| b.h.total_cmp(&a.h));
    let said: Vec<String> =
        by_h.iter().take(3).map(|i| format!("{} × {} ({})", i.a, i.b, plus_minus(i.h, i.h_stderr))).collect();
    if said.is_empty() { "No pair has a joint effect.".into() } else { format!("H is largest for {}.", list(&said)) }
}

fn table(output: &Output, found: &[&Interaction]) -> Table {
    let row = |i: &&Interaction| {
        vec![json!(i.a), json!(i.b), json!(i.h), json!(i.h_stderr), json!(i.strength), json!(i.strength_stderr)]
    };
    let columns = ["feature", "with", "H", "standard error of H", "strength", "standard error of the strength"];
    Table {
        title: output.title("Interactions"),
        columns: columns.map(String::from).to_vec(),
        rows: found.iter().map(row).collect(),
        left_out: 0,
    }
}
