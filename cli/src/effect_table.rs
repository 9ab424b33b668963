//! Effects as text: a line a column with its curve in small, the interactions, the permutation importances.

use crate::number::decimals;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use pellucid::effect::{Curve, Interaction, Loss};
use pellucid::report::Findings;

/// Cells of a curve in small.
const CELLS: usize = 16;
/// Lines of a table; all of them are in the files.
const TOP: usize = 30;

const LEGEND: &str = "\
PD: partial dependence, the mean output over all rows when the column is set to one value in each; low and high are its extremes,
    span the way between them, SE the largest standard error of a difference along the curve. ALE: the span of accumulated local
    effects, which moves each row only a little. Curves run from the column's smallest value to its largest, on one scale.";

/// All tables of what was found.
pub fn describe(found: &Findings) -> String {
    let mut outputs: Vec<&str> = found.curves.iter().map(|curve| curve.output.as_str()).collect();
    outputs.dedup();
    let mut seen = Vec::new();
    outputs.retain(|output| {
        !seen.contains(output) && {
            seen.push(*output);
            true
        }
    });
    let mut parts = Vec::new();
    for output in outputs {
        parts.push(format!(
            "{output}: how it depends on each column, over {}\n\n{}",
            found.effects_over,
            curves(found, output)
        ));
        let pairs: Vec<&Interaction> = found.interactions.iter().filter(|pair| pair.output == output).collect();
        if !pairs.is_empty() {
            parts.push(format!(
                "{output}: what pairs of columns do beyond the sum of the two\n\n{}",
                interactions(pairs)
            ));
        }
        if let Some(importances) = importances(found, output) {
            parts.push(importances);
        }
    }
    parts.push(LEGEND.into());
    parts.join("\n\n")
}

fn extremes(curve: &Curve) -> (f64, f64) {
    let finite = || curve.mean.iter().copied().filter(|mean| mean.is_finite());
    (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max))
}

fn curves(found: &Findings, output: &str) -> String {
    let mut curves: Vec<&Curve> = found.curves.iter().filter(|curve| curve.output == output).collect();
    let span = |curve: &Curve| extremes(curve).1 - extremes(curve).0;
    curves.sort_by(|a, b| span(b).total_cmp(&span(a)));
    let low = curves.iter().map(|curve| extremes(curve).0).fold(f64::INFINITY, f64::min);
    let high = curves.iter().map(|curve| extremes(curve).1).fold(f64::NEG_INFINITY, f64::max);
    let decimals = decimals(low.abs().max(high.abs()));
    let number = |value: f64| format!("{value:.decimals$}");
    let mut table = table(&["column", "low", "high", "span", "± SE", "ALE", ""], 1..=5);
    for curve in curves.iter().take(TOP) {
        let (from, to) = extremes(curve);
        let stderr = curve.centred_stderr.iter().copied().fold(0.0, f64::max);
        let ale = found.ale.iter().find(|ale| ale.output == output && ale.axis == curve.grid.axis.name);
        let ale = ale.map_or(String::new(), |ale| {
            let fold = |f: fn(f64, f64) -> f64, start| ale.effect.iter().copied().fold(start, f);
            number(fold(f64::max, f64::NEG_INFINITY) - fold(f64::min, f64::INFINITY))
        });
        let name = curve.grid.axis.name.clone();
        table.add_row([
            name,
            number(from),
            number(to),
            number(to - from),
            number(stderr),
            ale,
            small(curve, low, high),
        ]);
    }
    with_rest(&table, curves.len())
}

/// The curve in block characters.
fn small(curve: &Curve, low: f64, high: f64) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let points = curve.mean.len();
    let cells = if curve.grid.axis.categories.is_empty() { CELLS } else { points.min(CELLS) };
    let block = |cell: usize| {
        let at = if cells < 2 { 0 } else { (cell * (points - 1) + (cells - 1) / 2) / (cells - 1) };
        let share = if high > low { (curve.mean[at] - low) / (high - low) } else { 0.0 };
        BLOCKS[((share * 7.0).round().clamp(0.0, 7.0)) as usize]
    };
    (0..cells).map(block).collect()
}

fn interactions(mut pairs: Vec<&Interaction>) -> String {
    pairs.sort_by(|a, b| b.strength.total_cmp(&a.strength));
    let decimals = decimals(pairs[0].strength);
    let mut table = table(&["pair", "strength", "± SE", "H", "± SE"], 1..=4);
    for pair in pairs.iter().take(TOP) {
        let strength = [pair.strength, pair.strength_stderr].map(|value| format!("{value:.decimals$}"));
        let h = [pair.h, pair.h_stderr].map(|value| format!("{value:.3}"));
        let [strength, strength_stderr] = strength;
        let [h, h_stderr] = h;
        table.add_row([format!("{} × {}", pair.a, pair.b), strength, strength_stderr, h, h_stderr]);
    }
    let note = " strength: in units of the output; H: as a share of the pair's joint effect (Friedman & Popescu 2008)";
    format!("{}\n\n{note}", with_rest(&table, pairs.len()))
}

fn importances(found: &Findings, output: &str) -> Option<String> {
    let mut all: Vec<_> = found.importances.iter().filter(|importance| importance.output == output).collect();
    all.sort_by(|a, b| b.rise.total_cmp(&a.rise));
    let decimals = decimals(all.first()?.rise.abs());
    let loss = match found.loss? {
        Loss::LogLoss => "log loss",
        Loss::SquaredError => "squared error",
    };
    let mut table = table(&["column", "rise", "± SE"], 1..=2);
    for one in all.iter().take(TOP) {
        table.add_row([one.axis.clone(), format!("{:.decimals$}", one.rise), format!("{:.decimals$}", one.stderr)]);
    }
    let start = all[0].loss;
    let head = format!("{output}: how much the {loss}, now {start:.decimals$}, rises when a column is shuffled");
    Some(format!("{head}\n\n{}", with_rest(&table, all.len())))
}

fn table(header: &[&str], numbers: std::ops::RangeInclusive<usize>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    for column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn with_rest(table: &Table, all: usize) -> String {
    let rest = all.saturating_sub(TOP);
    if rest > 0 {
        format!("{}\n {rest} more; `--output FILE` writes them all", table.trim_fmt())
    } else {
        table.trim_fmt()
    }
}
