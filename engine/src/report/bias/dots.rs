//! Values of metrics with their intervals, beside the value of no difference.

use super::words::{OTHERS, Worse, group, heading, meaning, worse_off};
use crate::bias::{BiasReport, FacetBias, Metric, MetricValue};
use crate::report::figures::spec::{extent, labels, line_at, number, on_lines, picture, rules};
use crate::report::figures::text::{cut, list, short, slug};
use crate::report::{Figure, Table};
use serde_json::{Value, json};

/// Pixels of a line.
const LINE: usize = 26;
/// The four-fifths rule: ratios within are taken as even.
const EVEN: (f64, f64) = (0.8, 1.25);

/// A value to draw.
pub struct Dot {
    /// On the axis.
    pub name: String,
    /// In the tooltip.
    pub full: String,
    pub value: f64,
    pub interval: Option<(f64, f64)>,
    pub side: Worse,
}

impl Dot {
    fn of(found: &MetricValue, report: &BiasReport, name: String, full: String) -> Option<Dot> {
        let value = found.value.filter(|value| value.is_finite())?;
        let finite = |(low, high): &(f64, f64)| low.is_finite() && high.is_finite();
        let side = Metric::named(found.name).map_or(Worse::Nobody, |metric| worse_off(metric, value, report.mode));
        Some(Dot { name, full, value, interval: found.shown_interval(report.by_formula).filter(finite), side })
    }
}

/// Differences of shares, and distances of at most 1. None if there are none.
pub fn differences(facet: &FacetBias, report: &BiasReport) -> Option<Figure> {
    figure(facet, report, "differences", "Differences of shares", &is_bounded)
}

/// The other metrics but DI. None if there are none.
pub fn ratios(facet: &FacetBias, report: &BiasReport) -> Option<Figure> {
    let free = |metric: &Metric| metric.name != "DI" && !is_bounded(metric);
    figure(facet, report, "unbounded", "Distances, and differences of ratios", &free)
}

/// Between −1 and 1.
fn is_bounded(metric: &Metric) -> bool {
    metric.range.ends_with(", 1]") || metric.range.ends_with(", 1)")
}

fn figure(
    facet: &FacetBias,
    report: &BiasReport,
    id: &str,
    title: &str,
    chosen: &dyn Fn(&Metric) -> bool,
) -> Option<Figure> {
    let group = group(facet);
    let found: Vec<&MetricValue> =
        facet.pre.iter().chain(&facet.post).filter(|found| Metric::named(found.name).is_some_and(chosen)).collect();
    let full = |m: &MetricValue| Metric::named(m.name).map_or(m.name, |metric| metric.full_name).to_string();
    let dots: Vec<Dot> = found.iter().filter_map(|m| Dot::of(m, report, m.name.to_string(), full(m))).collect();
    if dots.is_empty() {
        return None;
    }
    let ends = dots.iter().flat_map(|dot| {
        let (low, high) = dot.interval.unwrap_or((dot.value, dot.value));
        [low, high, dot.value, 0.0]
    });
    let domain = extent(ends, 0.05);
    let spec = spec(&dots, [number("x", "value", domain), number("lo", "value", domain)], &cut(&group, 30), 0.0);
    let missing: Vec<String> =
        found.iter().filter(|m| m.value.is_none_or(|value| value.is_infinite())).map(|m| m.name.to_string()).collect();
    Some(Figure {
        id: format!("{id}-{}", slug(&heading(facet))),
        title: title.into(),
        caption: format!(
            "Each metric's value{}; the dashed line is no difference. The colour says who is worse off.{}",
            if dots.iter().any(|dot| dot.interval.is_some()) { " with its interval" } else { "" },
            if missing.is_empty() {
                String::new()
            } else {
                format!(" Not drawn: {}, which are not finite numbers.", list(&missing))
            }
        ),
        alt: alt(&dots, &group),
        spec,
        table: values(title, &found, report, &group),
    })
}

fn alt(dots: &[Dot], group: &str) -> String {
    let worse: Vec<String> =
        dots.iter().filter(|d| d.side == Worse::Group).map(|d| format!("{} ({})", d.name, short(d.value))).collect();
    match worse.is_empty() {
        true => format!("{group} are worse off by none of these metrics."),
        false => format!("{group} are worse off by {}.", list(&worse)),
    }
}

/// Dots with whiskers; `channels` are the axes of a value and of its interval.
pub fn spec(dots: &[Dot], [x, low]: [Value; 2], group: &str, neutral: f64) -> Value {
    let side = |dot: &Dot| match dot.side {
        Worse::Group => 0,
        Worse::Others => 1,
        Worse::Nobody => 2,
    };
    let datum = |(i, dot): (usize, &Dot)| json!({"i": i, "x": dot.value, "lo": dot.interval.map(|i| i.0), "hi": dot.interval.map(|i| i.1), "s": side(dot)});
    let values: Vec<Value> = dots.iter().enumerate().map(datum).collect();
    let mut occurring: Vec<u8> = dots.iter().map(side).collect();
    occurring.sort_unstable();
    occurring.dedup();
    let sides = [format!("{group} worse off"), format!("{OTHERS} worse off"), "no side".into()];
    let colour = json!({"field": "s", "type": "nominal", "scale": {"domain": [0, 1, 2], "range": "side"},
        "legend": {"title": null, "orient": "top", "values": occurring, "labelExpr": "sides[datum.value]", "labelLimit": 300}});
    let hover = json!([{"field": "player", "type": "nominal", "title": "metric"}, {"field": "x", "type": "quantitative", "title": "value", "format": ".4~g"},
        {"field": "lo", "type": "quantitative", "title": "interval from", "format": ".4~g"}, {"field": "hi", "type": "quantitative", "title": "to", "format": ".4~g"}]);
    let y = on_lines("i", dots.len());
    let layers = vec![
        line_at("x", neutral),
        rules("x", y.clone(), low),
        json!({"mark": {"type": "circle", "size": 80, "opacity": 1}, "encoding": {"x": x, "y": y, "color": colour, "tooltip": hover}}),
    ];
    let full: Vec<&str> = dots.iter().map(|dot| dot.full.as_str()).collect();
    let params =
        [("names", labels(dots.iter().map(|dot| dot.name.as_str()))), ("full", json!(full)), ("sides", json!(sides))];
    let mut spec = picture(dots.len() * LINE + 10, &params, layers);
    spec["data"] = json!({"values": values});
    spec["transform"] = json!([{"calculate": "full[datum.i]", "as": "player"}]);
    spec
}

/// DI of every facet on a scale where half and double are equally far from even. None without finite values above 0.
pub fn impact(report: &BiasReport) -> Option<Figure> {
    let dot = |facet: &FacetBias| {
        let found = facet.metric("DI").filter(|di| di.value.is_some_and(|value| value > 0.0))?;
        Dot::of(found, report, cut(&heading(facet), 44), heading(facet))
    };
    let mut dots: Vec<Dot> = report.facets.iter().filter_map(dot).collect();
    if dots.is_empty() {
        return None;
    }
    let ends =
        dots.iter().flat_map(|d| [d.value, d.interval.map_or(d.value, |i| i.0), d.interval.map_or(d.value, |i| i.1)]);
    let positive = ends.filter(|end| *end > 0.0);
    let (low, high) = positive.fold((0.5, 2.0), |(low, high): (f64, f64), x| (low.min(x), high.max(x)));
    let low = low / 1.08;
    // A logarithm has no 0: such an interval reaches the edge.
    let table = impact_table(&dots);
    dots.iter_mut().for_each(|dot| dot.interval = dot.interval.map(|(from, to)| (from.max(low), to.max(low))));
    let drawn: Vec<&str> = dots.iter().map(|dot| dot.full.as_str()).collect();
    let missing = report.facets.iter().filter(|f| f.metric("DI").is_some()).map(heading);
    let missing: Vec<String> = missing.filter(|name| !drawn.contains(&name.as_str())).collect();
    let axis = |field: &str| {
        json!({"field": field, "type": "quantitative", "title": "DI: rate of positive predictions / the others'",
               "scale": {"type": "log", "domain": [low, high * 1.08], "nice": false},
               "axis": {"values": [0.01, 0.02, 0.05, 0.1, 0.2, 0.33, 0.5, 0.8, 1, 1.25, 2, 3, 5, 10, 20, 50, 100], "labelOverlap": true}})
    };
    let mut spec = spec(&dots, [axis("x"), axis("lo")], "the named group", 1.0);
    let band = json!({"data": {"values": [{"lo": EVEN.0, "hi": EVEN.1}]}, "mark": {"type": "rect", "style": "quiet", "opacity": 0.35},
        "encoding": {"x": axis("lo"), "x2": {"field": "hi"}}});
    if let Some(layers) = spec["layer"].as_array_mut() {
        layers.insert(0, band);
    }
    let under: Vec<String> = dots
        .iter()
        .filter(|d| d.value < EVEN.0 || d.value > EVEN.1)
        .map(|d| format!("{} ({})", d.full, short(d.value)))
        .collect();
    Some(Figure {
        id: "disparate-impact".into(),
        title: "Disparate impact and the four-fifths rule".into(),
        caption: format!(
            "How often each group gets the positive prediction, as a multiple of how often all other rows do. In the grey band, 0.8 to \
             1.25, neither side's rate is below four fifths of the other's.{}",
            if missing.is_empty() {
                String::new()
            } else {
                format!(" Not drawn, for DI is 0, infinite or not known: {}.", list(&missing))
            }
        ),
        alt: match under.is_empty() {
            true => "Every group is within the four-fifths rule.".into(),
            false => format!("Outside the four-fifths rule: {}.", list(&under)),
        },
        spec,
        table,
    })
}

fn impact_table(dots: &[Dot]) -> Table {
    let row =
        |d: &Dot| vec![json!(d.full), json!(d.value), json!(d.interval.map(|i| i.0)), json!(d.interval.map(|i| i.1))];
    Table {
        title: "Disparate impact".into(),
        columns: ["facet", "DI", "interval from", "to"].map(String::from).to_vec(),
        rows: dots.iter().map(row).collect(),
        left_out: 0,
    }
}

/// Metrics with what their values mean, and why some have none.
pub fn values(title: &str, found: &[&MetricValue], report: &BiasReport, group: &str) -> Table {
    let row = |m: &&MetricValue| {
        let meaning = match (m.value, Metric::named(m.name)) {
            (Some(value), Some(metric)) => meaning(metric, value, group, report.mode),
            _ => m.error.clone().map_or(String::new(), |why| format!("not computed: {why}")),
        };
        let value =
            m.value.map_or(Value::Null, |value| if value.is_finite() { json!(value) } else { json!(infinity(value)) });
        let interval = m.shown_interval(report.by_formula);
        let [low, high] = [interval.map(|i| i.0), interval.map(|i| i.1)].map(|end| end.filter(|x| x.is_finite()));
        vec![json!(m.name), value, json!(low), json!(high), json!(meaning)]
    };
    Table {
        title: title.into(),
        columns: ["metric", "value", "interval from", "to", "what it means"].map(String::from).to_vec(),
        rows: found.iter().map(row).collect(),
        left_out: 0,
    }
}

fn infinity(value: f64) -> &'static str {
    if value > 0.0 { "∞" } else { "−∞" }
}
