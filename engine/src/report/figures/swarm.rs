//! The beeswarm: one dot for each row and player, placed by its attribution and coloured by the feature's value.

use super::output::{Output, text_of, value_of};
use super::rank::{correlation, ranks};
use super::spec::{
    extent, labels, line_at, low_to_high, number, on_canvas, on_lines, picture, player_name, shortest, spread, tooltip,
};
use super::text::{count, cut, list, short};
use crate::explain::ExplainedRow;
use crate::report::{Figure, Table};
use serde_json::{Value, json};

/// Players drawn.
const TOP: usize = 15;
/// Dots over all pictures of one report, and for one player.
const ALL_DOTS: usize = 10_000;
const DOTS: usize = 450;
/// Dots fall into so many columns; within one they lie beside each other.
const COLUMNS: f64 = 150.0;
/// From one dot to the next, as a share of a player's height, and the most that the pile may reach.
const STEP: f64 = 0.1;
const REACH: f64 = 0.42;

/// The attributions of the sampled rows. None without rows or players.
pub fn swarm(output: &Output) -> Option<Figure> {
    let order = output.ranking();
    let top = &order[..order.len().min(TOP)];
    let rows = &output.findings.sample;
    if top.is_empty() || rows.is_empty() {
        return None;
    }
    let most = (ALL_DOTS / (top.len() * output.findings.global.len().min(4))).min(DOTS);
    let drawn: Vec<&ExplainedRow> = spread(rows.len(), most).map(|r| &rows[r]).collect();
    let phis = drawn.iter().flat_map(|row| top.iter().map(|&i| f64::from(output.phi(row, i).0)));
    let domain = extent(phis.chain([0.0]), 0.03);
    let mut values = Vec::new();
    for (line, &i) in top.iter().enumerate() {
        dots(output, &drawn, (line, i), domain, &mut values);
    }
    let marks = values.len();
    let names = output.names(top);
    let params = [("names", labels(names.iter().copied())), ("full", json!(names))];
    let layers = layers(output, top.len(), domain, values.iter().any(|v| !v["c"].is_null()));
    let mut spec = on_canvas(picture(top.len() * 36 + 10, &params, layers), marks);
    spec["data"] = json!({"values": values});
    spec["transform"] = json!([player_name()]);
    Some(Figure {
        id: output.id("beeswarm"),
        title: output.title("Every row's attributions"),
        caption: format!(
            "One dot is one row: to the right, the feature raised {} in that row; to the left, it lowered it. Colour: the feature's \
             value, from its lowest (blue) to its highest (red); grey if it has no order. Drawn: {}.",
            output.unit(),
            output.drawn_from(drawn.len())
        ),
        alt: alt(output, top),
        spec,
        table: table(output, top),
    })
}

/// Dots of one player: `i` its line, `x` φ, `y` its height, `c` the rank of its value from 0 to 1.
fn dots(
    output: &Output,
    drawn: &[&ExplainedRow],
    (line, i): (usize, usize),
    domain: (f64, f64),
    values: &mut Vec<Value>,
) {
    let colour = ranks(&drawn.iter().map(|row| value_of(row, i)).collect::<Vec<_>>());
    let phi: Vec<f64> = drawn.iter().map(|row| f64::from(output.phi(row, i).0)).collect();
    for ((row, offset), colour) in drawn.iter().zip(pile(&phi, domain)).zip(colour) {
        let (phi, stderr) = output.phi(row, i);
        if phi.is_finite() {
            values.push(json!({
                "i": line,
                "x": shortest(phi),
                "y": round(line as f64 + offset),
                "c": colour.map(round),
                "n": row.number,
                "t": cut(text_of(row, i), 40),
                "e": shortest(stderr),
            }));
        }
    }
}

/// Heights that keep dots apart: within a narrow column of x they alternate above and below the line.
pub fn pile(x: &[f64], domain: (f64, f64)) -> Vec<f64> {
    let column = |x: f64| ((x - domain.0) / (domain.1 - domain.0) * COLUMNS).clamp(0.0, COLUMNS - 1.0) as usize;
    let mut count = [0_usize; COLUMNS as usize];
    let places: Vec<usize> = x
        .iter()
        .map(|&x| {
            count[column(x)] += 1;
            count[column(x)] - 1
        })
        .collect();
    let tallest = count.iter().max().copied().unwrap_or(1).div_ceil(2).max(1);
    let step = STEP.min(REACH / tallest as f64);
    let height = |place: usize| if place % 2 == 1 { step } else { -step } * place.div_ceil(2) as f64;
    places.into_iter().map(height).collect()
}

fn layers(output: &Output, n: usize, domain: (f64, f64), ordered: bool) -> Vec<Value> {
    let hover = [("player", "feature"), ("t", "value"), ("x", "φ"), ("e", "standard error"), ("n", "row")];
    let mark = json!({"type": "circle", "size": 13, "opacity": 0.85, "clip": true});
    let encoding = json!({
        "x": number("x", &format!("φ, change of {}", output.unit()), domain),
        "y": on_lines("y", n),
        "tooltip": tooltip(&hover),
    });
    let mut layers = vec![line_at("x", 0.0)];
    let mut plain = json!({"transform": [{"filter": "!isValid(datum.c)"}], "mark": mark, "encoding": encoding});
    plain["mark"]["style"] = json!("neutral");
    layers.push(plain);
    if ordered {
        let mut coloured = json!({"transform": [{"filter": "isValid(datum.c)"}], "mark": mark, "encoding": encoding});
        coloured["encoding"]["color"] = low_to_high("c", "value of the feature", (0.0, 1.0), ["low", "high"]);
        layers.push(coloured);
    }
    layers
}

fn alt(output: &Output, top: &[usize]) -> String {
    let finding = |&i: &usize| {
        let (low, high) = extent(output.findings.sample.iter().map(|row| f64::from(output.phi(row, i).0)), 0.0);
        let range = format!("{} spreads from {} to {}", output.player_name(i), short(low), short(high));
        match trend(output, i) {
            Some(r) if r > 0.5 => format!("{range} and rises with its value (rank correlation {})", short(r)),
            Some(r) if r < -0.5 => format!("{range} and falls with its value (rank correlation {})", short(r)),
            _ => range,
        }
    };
    let findings: Vec<String> = top.iter().take(3).map(finding).collect();
    format!("Attributions of {}. φ of {}.", count(output.findings.sample.len() as u64, "row"), list(&findings))
}

/// Spearman's correlation of a player's value and its attribution.
fn trend(output: &Output, i: usize) -> Option<f64> {
    let rows = &output.findings.sample;
    correlation(&rows.iter().map(|row| (value_of(row, i), f64::from(output.phi(row, i).0))).collect::<Vec<_>>())
}

fn table(output: &Output, top: &[usize]) -> Table {
    let row = |&i: &usize| {
        let mut phi: Vec<f32> =
            output.findings.sample.iter().map(|row| output.phi(row, i).0).filter(|x| x.is_finite()).collect();
        phi.sort_by(f32::total_cmp);
        let at = |share: f64| {
            phi.get(((phi.len().max(1) - 1) as f64 * share).round() as usize).map_or(Value::Null, |&x| shortest(x))
        };
        let mut cells = vec![json!(output.player_name(i))];
        cells.extend([0.0, 0.25, 0.5, 0.75, 1.0].map(at));
        cells.push(json!(trend(output, i)));
        cells
    };
    let columns = [
        "feature",
        "smallest φ",
        "lower quartile",
        "median",
        "upper quartile",
        "largest φ",
        "rank correlation with the value",
    ];
    Table {
        title: output.title("Spread of the attributions"),
        columns: columns.map(String::from).to_vec(),
        rows: top.iter().map(row).collect(),
        left_out: output.global.values.len() - top.len(),
    }
}

/// Three decimals: more cannot be seen.
fn round(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pile_keeps_dots_apart_and_within_its_line() {
        let heights = pile(&[0.5; 101], (0.0, 1.0));
        let mut sorted = heights.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.dedup();
        assert_eq!(sorted.len(), 101);
        assert!(heights.iter().all(|h| h.abs() <= REACH + 1e-9));
        assert_eq!(pile(&[0.0, 1.0], (0.0, 1.0)), [0.0, 0.0]);
    }
}
