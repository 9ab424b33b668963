//! Rates and differences at every threshold of the score.

use super::reliability::by_group;
use super::words::{OTHERS, group, heading};
use crate::bias::{Asked, Curve, FacetBias, MetricCurve};
use crate::report::figures::spec::{extent, line_at, number, picture};
use crate::report::figures::text::{cut, list, short, slug};
use crate::report::{Figure, Table};
use serde_json::{Value, json};

const HEIGHT: usize = 260;
/// Differences of shares that are drawn.
const DRAWN: [&str; 4] = ["DPPL", "RD", "SD", "AD"];

fn found(facet: &FacetBias) -> Option<&Curve> {
    facet.details.curve.as_ref().and_then(Asked::found)
}

/// Shares selected, and true positives, of both groups. None without a curve.
pub fn rates(facet: &FacetBias) -> Option<Figure> {
    let curve = found(facet)?;
    let who = group(facet);
    let kinds = ["selected", "true positives"];
    let lines = [&curve.d, &curve.a].into_iter().enumerate().flat_map(|(side, rates)| {
        [&rates.selection, &rates.true_positive].into_iter().enumerate().map(move |(k, v)| (side, k, v))
    });
    let values: Vec<Value> = lines
        .flat_map(|(side, kind, shares)| {
            let point = move |(&x, &y): (&f64, &Option<f64>)| Some(json!({"x": x, "y": y?, "s": side, "k": kind}));
            curve.thresholds.iter().zip(shares).filter_map(point).collect::<Vec<_>>()
        })
        .collect();
    if values.is_empty() {
        return None;
    }
    let dash = json!({"field": "k", "type": "nominal", "scale": {"domain": [0, 1], "range": [[1, 0], [6, 4]]},
        "legend": {"title": null, "orient": "bottom", "labelExpr": "kinds[datum.value]", "symbolType": "stroke", "symbolStrokeWidth": 2, "symbolSize": 700}});
    let mut colour = by_group();
    colour["legend"]["symbolType"] = json!("stroke");
    colour["legend"]["symbolStrokeWidth"] = json!(3);
    let hover = json!([{"field": "who", "type": "nominal", "title": "rows of"}, {"field": "what", "type": "nominal", "title": "share"},
        {"field": "x", "type": "quantitative", "title": "threshold", "format": ".4~g"}, {"field": "y", "type": "quantitative", "title": "value", "format": ".4~g"}]);
    let (x, y) = (along(curve), number("y", "share", (0.0, 1.0)));
    let layers = vec![
        line_at("x", curve.used),
        json!({"mark": {"type": "line", "strokeWidth": 2}, "encoding": {"x": x, "y": y, "color": colour, "strokeDash": dash, "tooltip": hover}}),
    ];
    let params = [("groups", json!([cut(&who, 30), OTHERS])), ("kinds", json!(kinds))];
    let mut spec = picture(HEIGHT, &params, layers);
    spec["data"] = json!({"values": values});
    spec["transform"] =
        json!([{"calculate": "groups[datum.s]", "as": "who"}, {"calculate": "kinds[datum.k]", "as": "what"}]);
    Some(Figure {
        id: format!("rates-{}", slug(&heading(facet))),
        title: format!("Predictions of {} and of {OTHERS} at other thresholds", cut(&who, 60)),
        caption: format!(
            "What would be if a score were positive above another threshold: the share of rows selected (predicted positive), and the share \
             of positive labels among them that are found. The dashed upright is the threshold in use, {}.",
            short(curve.used)
        ),
        alt: alt(curve, &who),
        spec,
        table: rates_table(curve, &who),
    })
}

fn along(curve: &Curve) -> Value {
    number("x", "positive above this score", extent(curve.thresholds.iter().copied().chain([curve.used]), 0.0))
}

fn alt(curve: &Curve, who: &str) -> String {
    let at = |at: usize| {
        let share = |values: &[Option<f64>]| values[at].map_or("none there".into(), short);
        let (d, a) = (share(&curve.d.selection), share(&curve.a.selection));
        format!("at {} the shares selected are {d} and {a}", short(curve.thresholds[at]))
    };
    let n = curve.thresholds.len();
    let places = [n / 4, n / 2, 3 * n / 4].map(at);
    format!("{who} and {OTHERS}: {}.", list(&places))
}

fn rates_table(curve: &Curve, who: &str) -> Table {
    let names = ["selected", "true positives", "false positives", "precision", "accuracy"];
    let columns = [who, OTHERS].into_iter().flat_map(|who| names.map(|name| format!("{name}, {who}")));
    let row = |i: usize| {
        let of = |r: &crate::bias::Rates| {
            [r.selection[i], r.true_positive[i], r.false_positive[i], r.precision[i], r.accuracy[i]]
        };
        let shares = [of(&curve.d), of(&curve.a)].concat();
        std::iter::once(json!(curve.thresholds[i])).chain(shares.into_iter().map(|x| json!(x))).collect()
    };
    Table {
        title: "Rates by threshold".into(),
        columns: std::iter::once("above".to_string()).chain(columns).collect(),
        rows: (0..curve.thresholds.len()).map(row).collect(),
        left_out: 0,
    }
}

/// Differences of shares between the groups. None without a curve or where none is defined.
pub fn metrics(facet: &FacetBias) -> Option<Figure> {
    let curve = found(facet)?;
    let drawn: Vec<&MetricCurve> = curve.metrics.iter().filter(|m| DRAWN.contains(&m.name)).collect();
    let value = |i: usize, m: &MetricCurve| m.values[i].filter(|v| v.is_finite());
    let points = drawn.iter().enumerate().flat_map(|(k, m)| {
        let point = move |i: usize| Some(json!({"x": curve.thresholds[i], "y": value(i, m)?, "k": k}));
        (0..curve.thresholds.len()).filter_map(point)
    });
    let values: Vec<Value> = points.collect();
    if values.is_empty() {
        return None;
    }
    let ends = values.iter().filter_map(|v| v["y"].as_f64()).chain([0.0]);
    let names: Vec<&str> = drawn.iter().map(|m| m.name).collect();
    let colour = json!({"field": "k", "type": "nominal", "scale": {"domain": (0..names.len()).collect::<Vec<_>>(), "range": "category"},
        "legend": {"title": null, "orient": "top", "labelExpr": "metrics[datum.value]", "symbolType": "stroke", "symbolStrokeWidth": 3}});
    let hover = json!([{"field": "what", "type": "nominal", "title": "metric"},
        {"field": "x", "type": "quantitative", "title": "threshold", "format": ".4~g"}, {"field": "y", "type": "quantitative", "title": "value", "format": ".4~g"}]);
    let layers = vec![
        line_at("y", 0.0),
        line_at("x", curve.used),
        json!({"mark": {"type": "line", "strokeWidth": 2}, "encoding": {"x": along(curve), "y": number("y", "value", extent(ends, 0.05)), "color": colour, "tooltip": hover}}),
    ];
    let mut spec = picture(HEIGHT, &[("metrics", json!(names))], layers);
    spec["data"] = json!({"values": values});
    spec["transform"] = json!([{"calculate": "metrics[datum.k]", "as": "what"}]);
    let nearest = |m: &MetricCurve| {
        let defined = (0..curve.thresholds.len()).filter_map(|i| Some((curve.thresholds[i], value(i, m)?)));
        let largest = defined.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        largest.map(|(at, value)| format!("{} is largest, {}, above {}", m.name, short(value), short(at)))
    };
    let columns = std::iter::once("above").chain(curve.metrics.iter().map(|m| m.name));
    let row = |i: usize| {
        let values = curve.metrics.iter().map(|m| json!(value(i, m)));
        std::iter::once(json!(curve.thresholds[i])).chain(values).collect()
    };
    Some(Figure {
        id: format!("thresholds-{}", slug(&heading(facet))),
        title: format!("Differences between {} and {OTHERS} at other thresholds", cut(&group(facet), 60)),
        caption: format!(
            "The metrics that a threshold would give; the dashed lines are no difference and the threshold in use, {}. Scores were counted in \
             steps of {}, so the values at the thresholds drawn are exact.",
            short(curve.used),
            short(curve.bin_width)
        ),
        alt: format!("{}.", list(&drawn.iter().filter_map(|m| nearest(m)).collect::<Vec<_>>())),
        spec,
        table: Table {
            title: "Metrics by threshold".into(),
            columns: columns.map(String::from).collect(),
            rows: (0..curve.thresholds.len()).map(row).collect(),
            left_out: 0,
        },
    })
}
