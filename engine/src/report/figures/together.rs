//! Shapley interaction values over all rows: pairs of players by size, and as a matrix.

use super::bars::{Bar, bars};
use super::output::Output;
use super::pairs::{AXES, TOP, WRITTEN, layers};
use super::spec::{labels, picture, tooltip};
use super::text::{cut, list, plus_minus, short};
use crate::explain::GlobalInteraction;
use crate::report::{Figure, Table};
use serde_json::{Value, json};

/// The pairs that act together most. None without interactions.
pub fn together(output: &Output) -> Option<Figure> {
    let found = &output.global.interactions;
    let first = found.first()?;
    let top = &found[..found.len().min(TOP)];
    let name = |pair: &GlobalInteraction| format!("{} × {}", cut(&pair.a, 24), cut(&pair.b, 24));
    let drawn: Vec<Bar> =
        top.iter().map(|pair| Bar { name: name(pair), size: pair.mean_abs, stderr: pair.mean_abs_stderr }).collect();
    Some(Figure {
        id: output.id("together"),
        title: output.title("Players that act together"),
        caption: format!(
            "Mean |I| over {} in units of {}, with 95 % intervals. The Shapley interaction value I of a pair is how much the two move a row's \
             output beyond what each does, averaged over what the others do.{}",
            output.drawn_from(output.global.rows as usize),
            output.unit(),
            if found.len() > TOP { format!(" The first {TOP} of {} pairs.", found.len()) } else { String::new() }
        ),
        alt: format!(
            "{} × {} act together most: mean |I| {}.",
            first.a,
            first.b,
            plus_minus(first.mean_abs, first.mean_abs_stderr)
        ),
        spec: bars(&drawn, &format!("mean |I|, {}", output.unit()), true),
        table: table(output, found),
    })
}

/// The mean interaction of each pair of the players that are in the strongest pairs. None without interactions.
pub fn together_matrix(output: &Output) -> Option<Figure> {
    let found = &output.global.interactions;
    let mut axes: Vec<&str> = Vec::new();
    for name in found.iter().flat_map(|pair| [pair.a.as_str(), pair.b.as_str()]) {
        if axes.len() < AXES && !axes.contains(&name) {
            axes.push(name);
        }
    }
    let place = |name: &str| axes.iter().position(|axis| *axis == name);
    let largest = found.first()?.mean_abs;
    let cell = |pair: &GlobalInteraction| {
        let (a, b) = (place(&pair.a)?, place(&pair.b)?);
        let (a, b) = (a.min(b), a.max(b));
        let text = if axes.len() <= WRITTEN { short(pair.mean) } else { String::new() };
        Some(
            json!({"x": a as f64 - 0.48, "x2": a as f64 + 0.48, "y": b as f64 - 0.48, "y2": b as f64 + 0.48, "a": a, "b": b, "s": text,
                    "shade": if largest > 0.0 { pair.mean_abs / largest } else { 0.0 }, "m": pair.mean, "i": pair.mean_abs, "e": pair.mean_abs_stderr,
                    "p": format!("{} × {}", cut(&pair.a, 40), cut(&pair.b, 40))}),
        )
    };
    let values: Vec<Value> = found.iter().filter_map(cell).collect();
    let left_out = found.len() - values.len();
    let columns: Vec<String> = axes.iter().map(|axis| cut(axis, 20)).collect();
    let params = [("names", labels(axes.iter().copied())), ("columns", json!(columns))];
    let hover = tooltip(&[("i", "mean |I|"), ("e", "standard error"), ("m", "mean I")]);
    let mut spec = picture((axes.len() - 1) * 46, &params, layers(axes.len(), &hover));
    spec["data"] = json!({"values": values});
    let said: Vec<String> =
        found.iter().take(3).map(|pair| format!("{} × {} ({})", pair.a, pair.b, short(pair.mean_abs))).collect();
    Some(Figure {
        id: output.id("together-matrix"),
        title: output.title("All pairs of players"),
        caption: format!(
            "The stronger the colour, the larger mean |I|; a number is the mean I: above 0 the two raise the output together.{}",
            if left_out == 0 { String::new() } else { format!(" {left_out} pairs of other players are left out.") }
        ),
        alt: format!("Mean |I| is largest for {}.", list(&said)),
        spec,
        table: table(output, found),
    })
}

fn table(output: &Output, found: &[GlobalInteraction]) -> Table {
    let row = |pair: &GlobalInteraction| {
        let numbers = [pair.mean_abs, pair.mean_abs_stderr, pair.mean, pair.mean_stderr, pair.typical_stderr];
        let names = [&pair.a, &pair.b].into_iter().map(|name| json!(name));
        names.chain(numbers.map(|x| json!(x))).collect()
    };
    let columns = [
        "player",
        "with",
        "mean |I|",
        "standard error of mean |I|",
        "mean I",
        "standard error of mean I",
        "typical standard error of one row",
    ];
    Table {
        title: output.title("Shapley interaction values"),
        columns: columns.map(String::from).to_vec(),
        rows: found.iter().map(row).collect(),
        left_out: 0,
    }
}
