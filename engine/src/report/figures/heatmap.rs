//! Many rows at once: each a column of coloured cells, under its prediction.

use super::output::Output;
use super::spec::{axis, extent, labels, on_canvas, picture, shortest, spread};
use super::text::{cut, list, short};
use crate::explain::ExplainedRow;
use crate::report::{Figure, Table};
use serde_json::{Value, json};

/// Rows and players drawn.
const ROWS: usize = 300;
const TOP: usize = 15;
/// Heights in pixels: the predictions, the gap under them, a player.
const CURVE: usize = 56;
const GAP: usize = 12;
const LINE: usize = 26;
/// Colours reach their ends at this quantile of |φ|: a few outliers would make all others pale.
const FULL: f64 = 0.99;
/// Steps of the power iteration that finds the first principal component; the order of rows needs no more.
const STEPS: usize = 30;

/// Attributions of the sampled rows, ordered so that like explanations are neighbours. None with fewer than two rows.
pub fn heatmap(output: &Output) -> Option<Figure> {
    let order = output.ranking();
    let top = &order[..order.len().min(TOP)];
    let sample = &output.findings.sample;
    let known = |row: &&ExplainedRow| top.iter().all(|&i| output.phi(row, i).0.is_finite());
    let drawn: Vec<&ExplainedRow> = spread(sample.len(), ROWS).map(|r| &sample[r]).filter(known).collect();
    if top.is_empty() || drawn.len() < 2 {
        return None;
    }
    let rows = by_likeness(output, &drawn, top);
    let datum = |(x, row): (usize, &&ExplainedRow)| {
        let phi: Value = top.iter().map(|&i| shortest(output.phi(row, i).0)).collect();
        json!({"x": x, "n": row.number, "p": output.linked(output.prediction(row)), "v": phi})
    };
    let values: Vec<Value> = rows.iter().enumerate().map(datum).collect();
    let names = output.names(top);
    let places: Vec<usize> = (0..top.len()).collect();
    let params = [("names", labels(names.iter().copied())), ("full", json!(names)), ("places", json!(places))];
    let height = CURVE + GAP + LINE * top.len();
    let mut spec = on_canvas(picture(height, &params, layers(output, &rows, top)), rows.len() * top.len());
    spec["data"] = json!({"values": values});
    spec["resolve"] = json!({"scale": {"y": "independent"}});
    Some(Figure {
        id: output.id("heatmap"),
        title: output.title("Rows side by side"),
        caption: format!(
            "A column is a row of the table: red cells raised {}, blue cells lowered it, and the line above is its prediction. Rows \
             are ordered by the first principal component of their attributions, so that neighbours have like explanations. Drawn: {}.",
            output.unit(),
            output.drawn_from(rows.len())
        ),
        alt: alt(output, &rows, top),
        spec,
        table: table(output, &rows, top),
    })
}

/// Rows in the order of the first principal component of their attributions, from low predictions to high.
fn by_likeness<'a>(output: &Output, rows: &[&'a ExplainedRow], players: &[usize]) -> Vec<&'a ExplainedRow> {
    let mut phi: Vec<Vec<f64>> =
        rows.iter().map(|row| players.iter().map(|&i| f64::from(output.phi(row, i).0)).collect()).collect();
    for j in 0..players.len() {
        let mean = phi.iter().map(|row| row[j]).sum::<f64>() / rows.len() as f64;
        phi.iter_mut().for_each(|row| row[j] -= mean);
    }
    let mut direction = vec![1.0; players.len()];
    let score = |row: &[f64], direction: &[f64]| row.iter().zip(direction).map(|(x, d)| x * d).sum::<f64>();
    for _ in 0..STEPS {
        let mut next = vec![0.0; players.len()];
        for row in &phi {
            let score = score(row, &direction);
            next.iter_mut().zip(row).for_each(|(next, x)| *next += score * x);
        }
        let length = next.iter().map(|x| x * x).sum::<f64>().sqrt();
        if length > 0.0 {
            direction = next.iter().map(|x| x / length).collect();
        }
    }
    let mut order: Vec<(f64, &ExplainedRow)> =
        phi.iter().zip(rows).map(|(p, row)| (score(p, &direction), *row)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.number.cmp(&b.1.number)));
    let ends = [0, order.len() - 1].map(|r| output.linked(output.prediction(order[r].1)));
    if ends[0] > ends[1] {
        order.reverse();
    }
    order.into_iter().map(|(_, row)| row).collect()
}

fn layers(output: &Output, rows: &[&ExplainedRow], top: &[usize]) -> Vec<Value> {
    let predictions = extent(rows.iter().map(|row| output.linked(output.prediction(row))), 0.05);
    let height = CURVE + GAP + LINE * top.len();
    let x = |field: &str| {
        let title = format!("{} rows, like explanations side by side", rows.len());
        json!({"field": field, "type": "quantitative", "title": title, "scale": {"domain": [0, rows.len()], "nice": false},
               "axis": {"labels": false, "ticks": false, "grid": false, "domain": false}})
    };
    let mut ticks = axis(predictions);
    ticks["tickCount"] = json!(3);
    ticks["orient"] = json!("left");
    let curve = json!({"field": "p", "type": "quantitative", "title": null, "axis": ticks,
        "scale": {"domain": [predictions.0, predictions.1], "range": [CURVE, 0], "nice": false, "zero": false}});
    let mut cell = super::spec::on_lines("y", top.len());
    cell["scale"]["range"] = json!([height, CURVE + GAP]);
    cell["axis"]["orient"] = json!("left");
    let full = full_colour(output, rows, top);
    let mut colour = json!({"field": "v", "type": "quantitative",
        "scale": {"domain": [-full, full], "domainMid": 0, "range": "diverging", "clamp": true, "nice": false},
        "legend": {"title": format!("φ, change of {}", output.unit()), "orient": "top",
                   "titleLimit": 400, "tickCount": 3}});
    if let Some(labels) = axis((-full, full)).get("labelExpr") {
        colour["legend"]["labelExpr"] = labels.clone();
    }
    let hover = super::spec::tooltip(&[("n", "row"), ("player", "feature"), ("v", "φ"), ("p", "prediction")]);
    vec![
        json!({"transform": [{"calculate": "datum.x + 0.5", "as": "m"}], "mark": {"type": "line", "strokeWidth": 1.2},
               "encoding": {"x": x("m"), "y": curve}}),
        json!({"transform": [
                   {"calculate": "places", "as": "i"},
                   {"flatten": ["v", "i"]},
                   {"calculate": "full[datum.i]", "as": "player"},
                   {"calculate": "datum.x + 1", "as": "x2"},
                   {"calculate": "datum.i - 0.46", "as": "y"},
                   {"calculate": "datum.i + 0.46", "as": "y2"}],
               "mark": {"type": "rect"},
               "encoding": {"x": x("x"), "x2": {"field": "x2"}, "y": cell, "y2": {"field": "y2"}, "color": colour, "tooltip": hover}}),
    ]
}

/// |φ| of the deepest colour.
fn full_colour(output: &Output, rows: &[&ExplainedRow], top: &[usize]) -> f64 {
    let mut sizes: Vec<f32> = rows.iter().flat_map(|row| top.iter().map(|&i| output.phi(row, i).0.abs())).collect();
    sizes.sort_by(f32::total_cmp);
    let full = f64::from(sizes[((sizes.len() - 1) as f64 * FULL) as usize]);
    if full > 0.0 { full } else { f64::from(sizes[sizes.len() - 1]).max(1.0) }
}

fn alt(output: &Output, rows: &[&ExplainedRow], top: &[usize]) -> String {
    let third = rows.len().div_ceil(3);
    let strongest = |rows: &[&ExplainedRow]| {
        let mean = |i: usize| rows.iter().map(|row| f64::from(output.phi(row, i).0)).sum::<f64>() / rows.len() as f64;
        let mut means: Vec<(usize, f64)> = top.iter().map(|&i| (i, mean(i))).collect();
        means.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        let said =
            means.iter().take(2).map(|&(i, mean)| format!("{} ({})", output.player_name(i), super::text::signed(mean)));
        list(&said.collect::<Vec<_>>())
    };
    let predictions = extent(rows.iter().map(|row| output.linked(output.prediction(row))), 0.0);
    format!(
        "{} rows with predictions from {} to {}. In the first third the mean attribution is largest for {}; in the last third for {}.",
        rows.len(),
        short(predictions.0),
        short(predictions.1),
        strongest(&rows[..third]),
        strongest(&rows[rows.len() - third..])
    )
}

/// The first rows of the picture with all their cells.
fn table(output: &Output, rows: &[&ExplainedRow], top: &[usize]) -> Table {
    const SHOWN: usize = 50;
    let mut columns = vec!["row".to_owned(), format!("prediction, {}", output.unit())];
    columns.extend(output.names(top).iter().map(|name| format!("φ of {}", cut(name, 40))));
    let line = |r: usize| {
        let mut cells = vec![json!(rows[r].number), json!(output.linked(output.prediction(rows[r])))];
        cells.extend(top.iter().map(|&i| shortest(output.phi(rows[r], i).0)));
        cells
    };
    Table {
        title: output.title("Attributions, row by row"),
        columns,
        rows: spread(rows.len(), SHOWN).map(line).collect(),
        left_out: rows.len().saturating_sub(SHOWN),
    }
}
