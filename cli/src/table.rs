//! The global summary as a table: which players drive the model.

use crate::number::{decimals, thousands};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use pellucid::explain::{Cohort, Cohorts, GlobalExplanation, GlobalValue};

/// Cells of the longest bar: what a line leaves over, within these bounds.
const BAR_CELLS: (usize, usize) = (6, 24);
/// A terminal that says it is narrower is not believed.
const NARROWEST: usize = 40;
/// Letters of a cohort's name at most.
const COHORT_LETTERS: usize = 16;

/// The `top` drivers, largest mean |φ| first, and a line that says how many are left out.
pub fn drivers(drivers: &[GlobalValue], top: usize) -> String {
    let mut sorted: Vec<&GlobalValue> = drivers.iter().collect();
    sorted.sort_by(|a, b| b.mean_abs.total_cmp(&a.mean_abs));
    let largest = sorted.first().map_or(0.0, |driver| driver.mean_abs);
    let decimals = decimals(largest);
    let number = |value: f64| format!("{value:.decimals$}");
    let shown = &sorted[..top.min(sorted.len())];
    // The order of players is told where it could be another with other rows.
    let uncertain = shown.iter().any(|driver| driver.rank_low < driver.rank_high);
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let header = ["rank", "player", "mean |φ|", "± SE", "mean φ", ""];
    table.set_header(&header[usize::from(!uncertain)..]);
    let longest = shown.iter().map(|driver| driver.player.chars().count()).max().unwrap_or(0);
    let ranks = shown.iter().map(|driver| rank(driver).chars().count() + 2).max().unwrap_or(0).max("rank".len() + 2);
    // Three columns of numbers with their sign and two spaces each, and margins.
    let text = longest + 3 * (number(largest).len().max("mean |φ|".len()) + 3) + 4 + if uncertain { ranks } else { 0 };
    let width = table.width().map_or(usize::MAX, usize::from);
    let cells =
        if width < NARROWEST { BAR_CELLS.1 } else { width.saturating_sub(text).clamp(BAR_CELLS.0, BAR_CELLS.1) };
    for driver in shown {
        let [mean_abs, stderr, mean] = [driver.mean_abs, driver.mean_abs_stderr, driver.mean].map(number);
        let bar = bar(driver.mean_abs, largest, cells);
        let row = [rank(driver), driver.player.clone(), mean_abs, stderr, mean, bar];
        table.add_row(&row[usize::from(!uncertain)..]);
    }
    let numbers = 1 + usize::from(uncertain);
    for column in numbers..numbers + 3 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let rest = sorted.len().saturating_sub(top);
    let more = if rest > 0 { format!("\n {rest} more; `--summary FILE` writes them all") } else { String::new() };
    format!("{}{more}", table.trim_fmt())
}

/// Mean |φ| of one output in each cohort, side by side: the `top` drivers over `all` rows, in as many tables as the width takes.
pub fn cohorts(cohorts: &Cohorts, output: usize, all: &GlobalExplanation, top: usize) -> String {
    let mut order: Vec<usize> = (0..all.values.len()).collect();
    order.sort_by(|&a, &b| all.values[b].mean_abs.total_cmp(&all.values[a].mean_abs));
    order.truncate(top);
    let value = |cohort: &Cohort, player: usize| cohort.global[output].values[player].mean_abs;
    let cells = cohorts.cohorts.iter().flat_map(|cohort| order.iter().map(move |&player| value(cohort, player)));
    let decimals = decimals(cells.fold(0.0, f64::max));
    let column = |cohort: &Cohort| -> Vec<String> {
        let numbers = order.iter().map(|&player| format!("{:.decimals$}", value(cohort, player)));
        [shortened(&cohort.name), thousands(cohort.rows)].into_iter().chain(numbers).collect()
    };
    let names = order.iter().map(|&player| all.values[player].player.clone());
    let names: Vec<String> = ["player".into(), "(rows)".into()].into_iter().chain(names).collect();
    let columns: Vec<Vec<String>> = cohorts.cohorts.iter().map(column).collect();
    let width = Table::new().width().map_or(usize::MAX, |width| usize::from(width).max(NARROWEST));
    let tables: Vec<String> = fitting(&names, &columns, width).iter().map(|part| side_by_side(&names, part)).collect();
    format!("{} by {}: mean |φ|\n\n{}", all.output, cohorts.by, tables.join("\n\n"))
}

fn shortened(name: &str) -> String {
    let cut = name.chars().count() > COHORT_LETTERS;
    if cut { name.chars().take(COHORT_LETTERS - 1).chain(['…']).collect() } else { name.to_string() }
}

/// The columns in runs that fit a width beside the names, at least one a run.
fn fitting<'a>(names: &[String], columns: &'a [Vec<String>], width: usize) -> Vec<&'a [Vec<String>]> {
    let of = |column: &[String]| column.iter().map(|cell| cell.chars().count() + 2).max().unwrap_or(0);
    let (mut parts, mut from, mut used) = (Vec::new(), 0, of(names));
    for (at, column) in columns.iter().enumerate() {
        if at > from && used + of(column) > width {
            parts.push(&columns[from..at]);
            (from, used) = (at, of(names));
        }
        used += of(column);
    }
    parts.push(&columns[from..]);
    parts
}

fn side_by_side(names: &[String], columns: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    for (line, name) in names.iter().enumerate() {
        table.add_row([name].into_iter().chain(columns.iter().map(|column| &column[line])));
    }
    for column in 1..=columns.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// The places a driver may have: `1–2`.
fn rank(driver: &GlobalValue) -> String {
    let (low, high) = (driver.rank_low, driver.rank_high);
    if low == high { low.to_string() } else { format!("{low}–{high}") }
}

/// A bar in proportion, in eighths of a cell, at most `cells` long.
pub fn bar(value: f64, largest: f64, cells: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if largest.is_nan() || largest <= 0.0 {
        return String::new();
    }
    let eighths = (value / largest * cells as f64 * 8.0).round() as usize;
    format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn driver(player: &str, mean_abs: f64, mean: f64, rank: usize) -> GlobalValue {
        GlobalValue {
            player: player.into(),
            mean_abs,
            mean_abs_stderr: 0.01,
            mean,
            mean_stderr: 0.0,
            mean_square: 0.0,
            mean_square_stderr: 0.0,
            median: 0.0,
            typical_stderr: 0.0,
            rank,
            rank_low: rank,
            rank_high: rank,
            rank_stderr: 0.0,
        }
    }

    #[test]
    fn drivers_are_sorted_and_measured_against_the_largest() {
        let mut all = [driver("age", 0.125, -0.1, 2), driver("income", 0.25, 0.2, 1), driver("sex", 0.0, 0.0, 3)];
        let text = drivers(&all, 2);
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert_eq!(
            lines,
            [
                " player  mean |φ|    ± SE   mean φ",
                " income    0.2500  0.0100   0.2000  ████████████████████████",
                " age       0.1250  0.0100  -0.1000  ████████████",
                " 1 more; `--summary FILE` writes them all",
            ]
        );
        // Places that are not certain have a column.
        all[0].rank_low = 1;
        let text = drivers(&all, 2);
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert_eq!(
            lines[..3],
            [
                " rank  player  mean |φ|    ± SE   mean φ",
                " 1     income    0.2500  0.0100   0.2000  ████████████████████████",
                " 1–2   age       0.1250  0.0100  -0.1000  ████████████",
            ]
        );
    }

    #[test]
    fn cohorts_stand_side_by_side_in_tables_that_fit() {
        let explained = |sizes: [f64; 2]| GlobalExplanation {
            output: "y".into(),
            base_value: 0.0,
            rows: 0,
            values: ["age", "sex"].iter().zip(sizes).map(|(player, size)| driver(player, size, 0.0, 1)).collect(),
            interactions: Vec::new(),
        };
        let cohort = |name: &str, rows, sizes| Cohort { name: name.into(), rows, global: vec![explained(sizes)] };
        let by = Cohorts {
            by: "job".into(),
            cohorts: vec![cohort("a", 1200, [0.1, 0.5]), cohort("somebody who works", 3, [0.25, 0.0])],
        };
        let text = cohorts(&by, 0, &explained([0.1, 0.4]), 5);
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert_eq!(
            lines,
            [
                "y by job: mean |φ|",
                "",
                " player       a  somebody who wo…",
                " (rows)   1,200                 3",
                " sex     0.5000            0.0000",
                " age     0.1000            0.2500",
            ]
        );
        let columns = vec![vec!["123456".to_string()]; 5];
        let lengths =
            |width| fitting(&["name".into()], &columns, width).iter().map(|part| part.len()).collect::<Vec<_>>();
        assert_eq!(
            (lengths(46), lengths(45), lengths(22), lengths(1)),
            (vec![5], vec![4, 1], vec![2, 2, 1], vec![1; 5])
        );
    }
}
