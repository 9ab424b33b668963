//! Parts that Vega-Lite specifications share.
//!
//! Data fields have short fixed names and players are numbers, looked up in the parameter `names`: a feature may be called anything.
//! All colours are the theme's: its mark colour, its styles (`zero`, `error`, `quiet`) and ranges (`sign` for down and up, `feature` for
//! low to high, `diverging`, `category`).

use super::text::label;
use serde_json::{Value, json};

/// 97.5 % point of the normal distribution: whiskers hold 95 %.
pub const WHISKER: f64 = 1.96;

/// A picture of the width of its place: layers over each other.
pub fn picture(height: usize, params: &[(&str, Value)], layers: Vec<Value>) -> Value {
    let params: Vec<Value> = params.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    json!({
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": "container",
        "height": height,
        "params": params,
        "layer": layers,
    })
}

/// Draws points on a canvas: thousands of SVG elements are slow.
pub fn on_canvas(mut spec: Value, marks: usize) -> Value {
    if marks > 1500 {
        spec["usermeta"] = json!({"renderer": "canvas"});
    }
    spec
}

/// Labels for the parameter `names`.
pub fn labels<'a>(names: impl IntoIterator<Item = &'a str>) -> Value {
    names.into_iter().map(label).collect()
}

/// The vertical axis of `n` players on lines 0, 1, …, from the top; `names` has their labels.
pub fn lines(n: usize) -> Value {
    let values: Vec<usize> = (0..n).collect();
    json!({
        "type": "quantitative",
        "title": null,
        "scale": {"domain": [-0.5, n as f64 - 0.5], "reverse": true, "nice": false, "zero": false},
        "axis": {"values": values, "tickCount": n, "labelExpr": "names[datum.value]", "grid": false, "ticks": false,
                 "domain": false, "labelPadding": 8, "labelOverlap": false, "labelLineHeight": 13,
                 "labelOffset": {"condition": {"test": "isArray(names[datum.value])", "value": -6}, "value": 0}},
    })
}

/// The same with a field.
pub fn on_lines(field: &str, n: usize) -> Value {
    let mut channel = lines(n);
    channel["field"] = json!(field);
    channel
}

/// A number along an axis that need not contain 0.
pub fn number(field: &str, title: &str, domain: (f64, f64)) -> Value {
    json!({
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": {"domain": [domain.0, domain.1], "nice": false, "zero": false},
        "axis": axis(domain),
    })
}

/// Ticks that can be read for tiny and huge numbers.
pub fn axis(domain: (f64, f64)) -> Value {
    let size = domain.0.abs().max(domain.1.abs());
    let mut axis = json!({"tickCount": 6, "labelFlush": false, "labelOverlap": true});
    if !(1e-3..1e5).contains(&size) {
        let format = if size >= 1e5 { "~s" } else { "~e" };
        axis["labelExpr"] = json!(format!("datum.value == 0 ? '0' : format(datum.value, '{format}')"));
    }
    axis
}

/// The interval of finite numbers, widened by a share of its length on both sides; never empty.
pub fn extent(numbers: impl IntoIterator<Item = f64>, margin: f64) -> (f64, f64) {
    let finite = numbers.into_iter().filter(|x| x.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low > high {
        return (0.0, 1.0);
    }
    let length = if high > low { high - low } else { high.abs().max(if high == 0.0 { 1.0 } else { 0.0 }) };
    (low - margin * length, high + margin * length)
}

/// Ends of the whiskers of a mean; None where the standard error is not known.
pub fn whiskers(mean: f64, stderr: f64) -> [Option<f64>; 2] {
    let known = stderr.is_finite() && mean.is_finite();
    [-1.0, 1.0].map(|side| known.then_some(mean + side * WHISKER * stderr))
}

/// Rules from the field `lo` to `hi`, left out where they are null.
pub fn rules(along: &str, position: Value, across: Value) -> Value {
    let other = if along == "x" { "y" } else { "x" };
    let mut encoding = json!({});
    encoding[along] = across;
    encoding[along]["field"] = json!("lo");
    encoding[format!("{along}2")] = json!({"field": "hi"});
    encoding[other] = position;
    json!({
        "transform": [{"filter": "isValid(datum.lo) && isValid(datum.hi)"}],
        "mark": {"type": "rule", "style": "error"},
        "encoding": encoding,
    })
}

/// A line at a value to compare with.
pub fn line_at(channel: &str, value: f64) -> Value {
    let mut encoding = json!({});
    encoding[channel] = json!({"datum": value});
    json!({"mark": {"type": "rule", "style": "zero", "strokeDash": [3, 3]}, "encoding": encoding})
}

/// Colour by the sign of a field: what pushes down, what pushes up.
pub fn by_sign(field: &str) -> Value {
    json!({
        "field": field,
        "type": "nominal",
        "scale": {"domain": [false, true], "range": "sign"},
        "legend": null,
    })
}

/// Colour by the value of a feature, from low to high, and its legend.
pub fn low_to_high(field: &str, title: &str, domain: (f64, f64), ends: [&str; 2]) -> Value {
    json!({
        "field": field,
        "type": "quantitative",
        "scale": {"domain": [domain.0, domain.1], "range": "feature", "clamp": true},
        "legend": {"title": title, "orient": "top",
                   "values": [domain.0, domain.1],
                   "labelExpr": format!("datum.value <= {} ? {} : {}", domain.0, json!(ends[0]), json!(ends[1]))},
    })
}

/// What a reader sees over a mark: field, title; numbers with four significant digits.
pub fn tooltip(fields: &[(&str, &str)]) -> Value {
    let entry = |&(field, title): &(&str, &str)| match field {
        "player" | "t" | "n" | "cohort" | "partner" => json!({"field": field, "type": "nominal", "title": title}),
        _ => json!({"field": field, "type": "quantitative", "title": title, "format": ".4~g"}),
    };
    fields.iter().map(entry).collect()
}

/// Looks the player up for a tooltip: `full` holds whole names.
pub fn player_name() -> Value {
    json!({"calculate": "full[datum.i]", "as": "player"})
}

/// An f32 as the shortest decimal that reads back as itself: half the bytes of its f64 digits.
pub fn shortest(x: f32) -> Value {
    x.to_string().parse::<f64>().map_or(Value::Null, |x| json!(x))
}

/// Every so many-th of `n` items, at most `most`, spread evenly.
pub fn spread(n: usize, most: usize) -> impl Iterator<Item = usize> {
    let kept = n.min(most);
    (0..kept).map(move |i| i * n / kept)
}

/// Lines `[line][point]` as one layer over the positions in the parameter `along`: single rows, thin.
pub fn thin_lines(lines: &[Value], x: Value, y: Value) -> Value {
    let values: Vec<Value> = lines.iter().enumerate().map(|(l, y)| json!({"l": l, "y": y})).collect();
    let opacity = (6.0 / lines.len().max(1) as f64).clamp(0.25, 0.9);
    json!({
        "data": {"values": values},
        "transform": [{"calculate": "along", "as": "x"}, {"flatten": ["x", "y"]}],
        "mark": {"type": "line", "style": "neutral", "strokeWidth": 0.8, "opacity": opacity},
        "encoding": {"x": x, "y": y, "detail": {"field": "l", "type": "nominal"}},
    })
}

/// A curve and its band, in the colour of `name` among `names`.
pub fn curve(points: &[Value], x: Value, y: Value, (name, names): (&str, &[&str]), dots: bool) -> [Value; 2] {
    let legend = json!({"title": null, "symbolType": "stroke", "symbolStrokeWidth": 3, "symbolOpacity": 1, "orient": "top", "labelLimit": 300});
    let colour = |legend: Value| json!({"datum": name, "type": "nominal", "scale": {"domain": names, "range": "category"}, "legend": legend});
    let mut low = y.clone();
    low["field"] = json!("lo");
    let data = json!({"values": points});
    let hover = tooltip(&[("x", "value"), ("y", name), ("e", "standard error")]);
    [
        json!({"data": data, "transform": [{"filter": "isValid(datum.lo) && isValid(datum.hi)"}], "mark": {"type": "area", "opacity": 0.25},
               "encoding": {"x": x, "y": low, "y2": {"field": "hi"}, "color": colour(legend.clone())}}),
        json!({"data": data, "mark": {"type": "line", "point": if dots { json!({"filled": true, "size": 34}) } else { json!(false) }},
               "encoding": {"x": x, "y": y, "color": colour(legend), "tooltip": hover}}),
    ]
}

/// A mean with its whiskers, and the place that it belongs to.
pub fn mean_at(x: f64, mean: f64, stderr: f64) -> Value {
    let [lo, hi] = whiskers(mean, stderr);
    json!({"x": x, "y": mean, "e": stderr, "lo": lo, "hi": hi})
}
