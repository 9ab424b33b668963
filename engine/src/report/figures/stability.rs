//! How sure the ranking of players is: places that the bootstrap of the rows gives each.

use super::output::Output;
use super::spec::{labels, on_lines, picture, player_name, tooltip};
use crate::report::{Figure, Table};
use serde_json::{Value, json};

/// Players drawn.
const TOP: usize = 20;

/// Rank and its 95 % interval for each player. None with fewer than two players.
pub fn stability(output: &Output) -> Option<Figure> {
    let order = output.ranking();
    if order.len() < 2 {
        return None;
    }
    let top = &order[..order.len().min(TOP)];
    let datum = |(line, &i): (usize, &usize)| {
        let v = output.player(i);
        json!({"i": line, "x": v.rank, "lo": v.rank_low, "hi": v.rank_high, "e": v.rank_stderr})
    };
    let values: Vec<Value> = top.iter().enumerate().map(datum).collect();
    let last = top.iter().map(|&i| output.player(i).rank_high.max(output.player(i).rank)).max().unwrap_or(1);
    let along = |field: &str| {
        json!({"field": field, "type": "quantitative", "title": "place in the ranking by mean |φ|",
               "scale": {"domain": [0.5, last as f64 + 0.5], "nice": false, "zero": false},
               "axis": {"tickMinStep": 1, "format": "d", "tickCount": last.min(12)}})
    };
    let y = on_lines("i", top.len());
    let hover =
        tooltip(&[("player", "feature"), ("x", "rank"), ("lo", "from"), ("hi", "to"), ("e", "standard deviation")]);
    let layers = vec![
        json!({"mark": {"type": "rule", "strokeWidth": 4, "opacity": 0.45, "strokeCap": "round"},
               "encoding": {"x": along("lo"), "x2": {"field": "hi"}, "y": y, "tooltip": hover}}),
        json!({"mark": {"type": "circle", "size": 60, "opacity": 1}, "encoding": {"x": along("x"), "y": y, "tooltip": hover}}),
    ];
    let names = output.names(top);
    let params = [("names", labels(names.iter().copied())), ("full", json!(names))];
    let mut spec = picture(top.len() * 27 + 10, &params, layers);
    spec["data"] = json!({"values": values});
    spec["transform"] = json!([player_name()]);
    let unsure = top.iter().filter(|&&i| output.player(i).rank_low < output.player(i).rank_high).count();
    Some(Figure {
        id: output.id("ranking"),
        title: output.title("How sure the ranking is"),
        caption: "A dot is the place by mean |φ|; the bar holds 95 % of the places that other samples of as many rows would have given \
                  (bootstrap). Features whose bars overlap cannot be told apart by these rows."
            .into(),
        alt: format!(
            "Of the first {} features, {} have a certain place and {unsure} share theirs with neighbours.",
            top.len(),
            top.len() - unsure
        ),
        spec,
        table: Table {
            title: output.title("Ranking"),
            columns: ["feature", "rank", "rank, low", "rank, high", "standard deviation of the rank"].map(String::from).to_vec(),
            rows: order
                .iter()
                .map(|&i| output.player(i))
                .map(|v| vec![json!(v.player), json!(v.rank), json!(v.rank_low), json!(v.rank_high), json!(v.rank_stderr)])
                .collect(),
            left_out: 0,
        },
    })
}
