//! Attributions: what moved the model then, and now.

use crate::drift::{AttributionDrift, PlayerChange};
use crate::report::figures::spec::{extent, labels, number, on_lines, picture, whiskers};
use crate::report::figures::text::{cut, short, slug};
use crate::report::origin;
use crate::report::{Figure, Item, Section, Table};
use serde_json::{Value, json};

/// Players drawn.
const TOP: usize = 20;
/// Pixels of a player.
const LINE: usize = 34;

/// None without attributions.
pub fn section(all: &[AttributionDrift]) -> Option<Section> {
    if all.is_empty() {
        return None;
    }
    let mut items = vec![Item::Table(verdicts(all))];
    items.extend(all.iter().map(|output| Item::Figure(figure(output))));
    let text = [
        "nDCG looks at the order of the features alone: 1 is the baseline's order. The distance looks at sizes: it is the share of all \
         attribution, of both tables together, that is on one side only; 0 is alike, and where every attribution shrinks to a tenth it is 0.9.",
    ];
    Some(origin::section("attributions", "Attributions", &text, Vec::new(), items))
}

fn verdicts(all: &[AttributionDrift]) -> Table {
    let verdict = |drifted: bool| json!(if drifted { "drifts" } else { "" });
    let row = |a: &AttributionDrift| {
        let order =
            a.ndcg.map_or_else(|| json!(format!("none: {}", a.ndcg_error.clone().unwrap_or_default())), |x| json!(x));
        let [low, high] = [a.interval.map(|i| i.0), a.interval.map(|i| i.1)];
        vec![
            json!(a.output),
            order,
            verdict(a.order_drifted),
            json!(a.distance),
            json!(low),
            json!(high),
            verdict(a.size_drifted),
        ]
    };
    Table {
        title: "Order and size".into(),
        columns: ["output", "nDCG", "order", "distance", "interval from", "to", "size"].map(String::from).to_vec(),
        rows: all.iter().map(row).collect(),
        left_out: 0,
    }
}

fn figure(found: &AttributionDrift) -> Figure {
    let mut order: Vec<&PlayerChange> = found.players.iter().collect();
    let size = |p: &PlayerChange| p.baseline.abs().max(p.data.abs());
    order.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let shown = &order[..order.len().min(TOP)];
    let mut values = Vec::new();
    for (i, p) in shown.iter().enumerate() {
        for (side, (x, stderr)) in [(p.baseline, p.baseline_stderr), (p.data, p.data_stderr)].into_iter().enumerate() {
            let [lo, hi] = whiskers(x, stderr.unwrap_or(f64::NAN));
            values.push(
                json!({"i": i, "s": side, "y": i as f64 - 0.16 + 0.32 * side as f64, "x": x, "lo": lo, "hi": hi}),
            );
        }
    }
    let ends = values.iter().flat_map(|v| ["x", "lo", "hi"].map(|field| v[field].as_f64().unwrap_or(0.0)));
    let domain = extent(ends.chain([0.0]), 0.03);
    let colour = json!({"field": "s", "type": "nominal", "scale": {"domain": [0, 1], "range": "category"},
        "legend": {"title": null, "orient": "top", "labelExpr": "sides[datum.value]", "symbolType": "circle"}});
    let hover = json!([{"field": "player", "type": "nominal", "title": "feature"}, {"field": "side", "type": "nominal", "title": "table"},
        {"field": "x", "type": "quantitative", "title": "mean |φ|", "format": ".4~g"}]);
    let y = on_lines("y", shown.len());
    let axis = |field: &str| number(field, "mean |φ|", domain);
    let layers = vec![
        json!({"transform": [{"filter": "isValid(datum.lo) && isValid(datum.hi)"}], "mark": {"type": "rule", "strokeWidth": 1.5},
               "encoding": {"x": axis("lo"), "x2": {"field": "hi"}, "y": y, "color": colour}}),
        json!({"mark": {"type": "circle", "size": 64, "opacity": 1}, "encoding": {"x": axis("x"), "y": y, "color": colour, "tooltip": hover}}),
    ];
    let names: Vec<&str> = shown.iter().map(|p| p.player.as_str()).collect();
    let params =
        [("names", labels(names.iter().copied())), ("full", json!(names)), ("sides", json!(["baseline", "new data"]))];
    let mut spec = picture(shown.len() * LINE + 10, &params, layers);
    spec["data"] = json!({"values": values});
    spec["transform"] =
        json!([{"calculate": "full[datum.i]", "as": "player"}, {"calculate": "sides[datum.s]", "as": "side"}]);
    let moved = order.iter().max_by(|a, b| (a.data - a.baseline).abs().total_cmp(&(b.data - b.baseline).abs()));
    let left_out = order.len() - shown.len();
    Figure {
        id: format!("attributions-{}", slug(&found.output)),
        title: format!("What moves {}", cut(&found.output, 60)),
        caption: format!(
            "Mean |φ| of each feature with 95 % intervals where they are known.{}",
            if left_out == 0 { String::new() } else { format!(" {left_out} weaker ones are in the table.") }
        ),
        alt: moved.map_or(String::new(), |p| {
            format!("{} has moved most, from {} to {}.", p.player, short(p.baseline), short(p.data))
        }),
        spec,
        table: table(&order),
    }
}

fn table(order: &[&PlayerChange]) -> Table {
    let row = |p: &&PlayerChange| {
        vec![
            json!(p.player),
            json!(p.baseline),
            json!(p.baseline_stderr),
            json!(p.data),
            json!(p.data_stderr),
            json!(p.data - p.baseline),
        ]
    };
    let columns = ["feature", "baseline", "standard error", "new data", "standard error", "change"];
    Table {
        title: "Mean |φ|".into(),
        columns: columns.map(String::from).to_vec(),
        rows: order.iter().map(row).collect::<Vec<Vec<Value>>>(),
        left_out: 0,
    }
}
