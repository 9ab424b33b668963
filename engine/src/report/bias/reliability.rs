//! Scores against shares of positive labels, of a group and of the others.

use super::words::{OTHERS, group, heading};
use crate::bias::{Asked, Calibration, FacetBias, Reliability};
use crate::report::figures::spec::{number, picture, rules};
use crate::report::figures::text::{cut, short, slug};
use crate::report::{Figure, Table};
use serde_json::{Value, json};

const HEIGHT: usize = 320;

/// The reliability diagram. None where it was not asked for or refused, or no row has a score and a label.
pub fn reliability(facet: &FacetBias) -> Option<Figure> {
    let found = facet.details.calibration.as_ref().and_then(Asked::found).filter(|found| found.all.rows > 0)?;
    let who = group(facet);
    let parts = [(who.as_str(), &found.d), (OTHERS, &found.a)];
    Some(Figure {
        id: format!("reliability-{}", slug(&heading(facet))),
        title: format!("Scores and labels of {} and of {OTHERS}", cut(&who, 60)),
        caption: format!(
            "Each dot is a bin of scores{}: its mean score, and the share of positive labels among its rows with a {} % interval (Wilson); \
             larger dots have more rows. On the dashed line scores say what happens; above it they are too low, below it too high.",
            if found.equal_mass { " with equally many rows" } else { "" },
            short(found.level * 100.0)
        ),
        alt: alt(&parts),
        spec: spec(&parts),
        table: table(&parts),
    })
}

fn alt(parts: &[(&str, &Reliability)]) -> String {
    let known = |value: Option<f64>| value.map_or("not known".into(), short);
    let said = |(who, found): &(&str, &Reliability)| {
        let lean = match found.mean_score.zip(found.observed) {
            Some((score, seen)) if score > seen => format!("scores are {} too high on average", short(score - seen)),
            Some((score, seen)) => format!("scores are {} too low on average", short(seen - score)),
            None => "no rows".into(),
        };
        let (ece, chance) = (known(found.ece), known(found.ece_by_chance));
        format!("{who}: {lean}, expected calibration error {ece} ({chance} by chance alone)")
    };
    format!("{}.", parts.iter().map(said).collect::<Vec<_>>().join("; "))
}

fn spec(parts: &[(&str, &Reliability)]) -> Value {
    let datum = |(side, (who, found)): (usize, &(&str, &Reliability))| -> Vec<Value> {
        let full = found.bins.iter().filter(|bin| bin.rows > 0);
        full.map(|bin| {
            json!({"x": bin.mean_score, "y": bin.observed, "lo": bin.interval.map(|i| i.0), "hi": bin.interval.map(|i| i.1),
                   "n": bin.rows, "s": side, "player": who})
        })
        .collect()
    };
    let values: Vec<Value> = parts.iter().enumerate().flat_map(datum).collect();
    let axis = |field: &str, title: &str| number(field, title, (0.0, 1.0));
    let (x, y) = (axis("x", "score"), axis("y", "share of positive labels"));
    let names: Vec<String> = parts.iter().map(|(who, _)| cut(who, 30)).collect();
    let hover = json!([{"field": "player", "type": "nominal", "title": "rows of"}, {"field": "n", "type": "quantitative", "title": "rows", "format": ","},
        {"field": "x", "type": "quantitative", "title": "mean score", "format": ".4~g"}, {"field": "y", "type": "quantitative", "title": "positive labels", "format": ".4~g"},
        {"field": "lo", "type": "quantitative", "title": "from", "format": ".4~g"}, {"field": "hi", "type": "quantitative", "title": "to", "format": ".4~g"}]);
    let size = json!({"field": "n", "type": "quantitative", "scale": {"range": [24, 260]}, "legend": null});
    let mut whiskers = rules("y", x.clone(), axis("lo", "share of positive labels"));
    whiskers["encoding"]["color"] = by_group();
    whiskers["mark"] = json!({"type": "rule", "strokeWidth": 1.4, "opacity": 0.7});
    let diagonal = json!({"data": {"values": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]},
        "mark": {"type": "line", "style": "zero", "strokeDash": [3, 3], "strokeWidth": 1}, "encoding": {"x": x, "y": y}});
    let layers = vec![
        diagonal,
        json!({"mark": {"type": "line", "strokeWidth": 1.2, "opacity": 0.6}, "encoding": {"x": x, "y": y, "color": by_group()}}),
        whiskers,
        json!({"mark": {"type": "circle", "opacity": 1}, "encoding": {"x": x, "y": y, "color": by_group(), "size": size, "tooltip": hover}}),
    ];
    let mut spec = picture(HEIGHT, &[("groups", json!(names))], layers);
    spec["data"] = json!({"values": values});
    spec
}

/// Colour of the field `s`: 0 the group, 1 the others; the parameter `groups` has their names.
pub fn by_group() -> Value {
    json!({"field": "s", "type": "nominal", "scale": {"domain": [0, 1, 2], "range": "side"},
           "legend": {"title": null, "orient": "top", "values": [0, 1], "labelExpr": "groups[datum.value]", "labelLimit": 300,
                      "symbolType": "circle", "symbolOpacity": 1}})
}

fn table(parts: &[(&str, &Reliability)]) -> Table {
    let rows = |(who, found): &(&str, &Reliability)| -> Vec<Vec<Value>> {
        let bin = |bin: &crate::bias::ReliabilityBin| {
            let ends = [bin.interval.map(|i| i.0), bin.interval.map(|i| i.1)];
            let cells = [json!(bin.rows), json!(bin.mean_score), json!(bin.observed), json!(ends[0]), json!(ends[1])];
            [json!(who), json!(bin.from), json!(bin.to)].into_iter().chain(cells).collect()
        };
        found.bins.iter().map(bin).collect()
    };
    Table {
        title: "Scores and labels".into(),
        columns: [
            "group",
            "score above",
            "to",
            "rows",
            "mean score",
            "positive labels",
            "interval from",
            "interval to",
        ]
        .map(String::from)
        .to_vec(),
        rows: parts.iter().flat_map(rows).collect(),
        left_out: 0,
    }
}

/// The errors in numbers.
pub fn summary(facet: &FacetBias, found: &Calibration) -> Table {
    let who = group(facet);
    let row = |name: &str, of: &dyn Fn(&Reliability) -> Option<f64>, gap: Option<f64>, interval: Option<(f64, f64)>| {
        let values = [of(&found.d), of(&found.a), of(&found.all), gap, interval.map(|i| i.0), interval.map(|i| i.1)];
        std::iter::once(json!(name)).chain(values.map(|value| json!(value))).collect::<Vec<Value>>()
    };
    let excess = |r: &Reliability| Some(r.mean_score? - r.observed?);
    Table {
        title: "Calibration".into(),
        columns: ["", who.as_str(), OTHERS, "all", "difference", "from", "to"].map(String::from).to_vec(),
        rows: vec![
            row("mean score", &|r| r.mean_score, None, None),
            row("share of positive labels", &|r| r.observed, None, None),
            row("score − label", &excess, found.excess_gap, found.excess_interval),
            row("expected calibration error", &|r| r.ece, found.ece_gap, None),
            row("the same by chance alone", &|r| r.ece_by_chance, None, None),
            row("largest calibration error", &|r| r.mce, found.mce_gap, None),
        ],
        left_out: 0,
    }
}
