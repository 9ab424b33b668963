//! Which players act together, as a table.

use crate::number::decimals;
use crate::table::bar;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use pellucid::explain::GlobalInteraction;

const BAR_CELLS: usize = 16;

/// The `top` pairs of players, with the standard error of a single row's value as `noise`, which come strongest first, and a line that says how many are left out.
pub fn interactions(pairs: &[GlobalInteraction], top: usize) -> String {
    let largest = pairs.first().map_or(0.0, |pair| pair.mean_abs);
    let decimals = decimals(largest);
    let number = |value: f64| format!("{value:.decimals$}");
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["pair", "mean |I|", "± SE", "mean I", "noise", ""]);
    for pair in pairs.iter().take(top) {
        let numbers = [pair.mean_abs, pair.mean_abs_stderr, pair.mean, pair.typical_stderr];
        let [mean_abs, stderr, mean, noise] = numbers.map(number);
        let name = format!("{} × {}", pair.a, pair.b);
        table.add_row([name, mean_abs, stderr, mean, noise, bar(pair.mean_abs, largest, BAR_CELLS)]);
    }
    for column in 1..5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let rest = pairs.len().saturating_sub(top);
    let more = if rest > 0 { format!("\n {rest} more; `--summary FILE` writes them all") } else { String::new() };
    format!("{}{more}", table.trim_fmt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_measured_against_the_first() {
        let pair = |a: &str, mean_abs: f64| GlobalInteraction {
            a: a.into(),
            b: "sex".into(),
            mean_abs,
            mean_abs_stderr: 0.01,
            mean: -mean_abs,
            mean_stderr: 0.01,
            typical_stderr: 0.05,
        };
        let text = interactions(&[pair("age", 0.2), pair("job", 0.1), pair("x", 0.0)], 2);
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert_eq!(
            lines,
            [
                " pair       mean |I|    ± SE   mean I   noise",
                " age × sex    0.2000  0.0100  -0.2000  0.0500  ████████████████",
                " job × sex    0.1000  0.0100  -0.1000  0.0500  ████████",
                " 1 more; `--summary FILE` writes them all",
            ]
        );
    }
}
