//! How predictions are distributed over the sampled rows.

use super::output::Output;
use super::spec::{extent, line_at, number, picture, tooltip};
use super::text::{plus_minus, short};
use crate::report::{Figure, Table};
use serde_json::{Value, json};

/// Bars of the histogram.
const BINS: usize = 40;

/// A histogram of the raw predictions. None without rows.
pub fn predictions(output: &Output) -> Option<Figure> {
    let all: Vec<f64> =
        output.findings.sample.iter().map(|row| output.prediction(row)).filter(|p| p.is_finite()).collect();
    if all.is_empty() {
        return None;
    }
    let (low, high) = extent(all.iter().copied(), 0.0);
    let (low, high) = if low < high { (low, high) } else { extent([low], 0.5) };
    let width = (high - low) / BINS as f64;
    let mut counts = [0_u64; BINS];
    all.iter().for_each(|p| counts[(((p - low) / width) as usize).min(BINS - 1)] += 1);
    let edge = |bin: usize| low + width * bin as f64;
    let share = |bin: usize| counts[bin] as f64 / all.len() as f64;
    let datum = |bin: usize| json!({"x": edge(bin), "x2": edge(bin + 1), "y": share(bin), "count": counts[bin]});
    let values: Vec<Value> = (0..BINS).map(datum).collect();
    let most = (0..BINS).map(share).fold(0.0, f64::max);
    let hover = tooltip(&[("x", "from"), ("x2", "to"), ("count", "rows")]);
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    let x = number("x", &format!("prediction, {}", output.name()), (low, high));
    let bars = json!({
        "mark": {"type": "rect"},
        "encoding": {"x": x, "x2": {"field": "x2"}, "y2": {"datum": 0}, "tooltip": hover,
            "y": {"field": "y", "type": "quantitative", "title": "share of rows", "axis": {"format": "~%", "tickCount": 4},
                  "scale": {"domain": [0, most * 1.05], "nice": false}}},
    });
    let mut spec = picture(180, &[], vec![bars, line_at("x", mean)]);
    spec["data"] = json!({"values": values});
    let variance = all.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / (all.len().max(2) - 1) as f64;
    Some(Figure {
        id: output.id("predictions"),
        title: output.title("The predictions"),
        caption: format!(
            "How often the model predicts what, over {}. Dashed: their mean.",
            output.drawn_from(all.len())
        ),
        alt: format!(
            "Predictions of {} go from {} to {}; their mean is {} and their standard deviation {}.",
            output.name(),
            short(low),
            short(high),
            plus_minus(mean, (variance / all.len() as f64).sqrt()),
            short(variance.sqrt())
        ),
        spec,
        table: Table {
            title: output.title("Histogram of the predictions"),
            columns: ["from", "to", "rows"].map(String::from).to_vec(),
            rows: (0..BINS).map(|bin| vec![json!(edge(bin)), json!(edge(bin + 1)), json!(counts[bin])]).collect(),
            left_out: 0,
        },
    })
}
