//! The global summary as a table: which players drive the model.

use crate::number::decimals;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use pellucid::explain::GlobalValue;

/// Cells of the longest bar: what a line leaves over, within these bounds.
const BAR_CELLS: (usize, usize) = (6, 24);
/// A terminal that says it is narrower is not believed.
const NARROWEST: usize = 40;

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

/// The places a driver may have: `1–2`.
fn rank(driver: &GlobalValue) -> String {
    let (low, high) = (driver.rank_low, driver.rank_high);
    if low == high { low.to_string() } else { format!("{low}–{high}") }
}

/// A bar in proportion, in eighths of a cell, at most `cells` long.
fn bar(value: f64, largest: f64, cells: usize) -> String {
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

    #[test]
    fn drivers_are_sorted_and_measured_against_the_largest() {
        let driver = |player: &str, mean_abs, mean, rank| GlobalValue {
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
        };
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
}
