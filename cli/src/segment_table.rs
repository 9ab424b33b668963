//! The strongest segments of a picture, as a table.

use crate::number::{decimals, significant, thousands};
use crate::table::bar;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use pellucid::image::{ImageExplanation, SegmentValue};

const BAR_CELLS: usize = 16;

pub const LEGEND: &str = "\
φ: how far a segment moves the output away from its value for the picture without segments. where: the middle of the segment,
   x from the left and y from the top, in percent of the picture.";

/// The tables of all outputs of a picture.
pub fn describe(found: &ImageExplanation, name: &str, top: usize) -> String {
    let of = |k: usize| {
        let (prediction, base) = (significant(found.predictions[k]), significant(found.base_values[k]));
        format!(
            "{name}: {} is {prediction}, and {base} without segments\n\n{}\n",
            found.outputs[k],
            segments(&found.ranked(k), (found.segments.width, found.segments.height), top)
        )
    };
    (0..found.outputs.len()).map(of).collect::<Vec<_>>().join("\n")
}

/// The `top` segments, which come strongest first, and a line that says how many are left out.
fn segments(ranked: &[SegmentValue], (width, height): (u32, u32), top: usize) -> String {
    let largest = ranked.first().map_or(0.0, |first| f64::from(first.attribution.abs()));
    let decimals = decimals(largest);
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["segment", "where", "pixels", "φ", "± SE", ""]);
    for value in ranked.iter().take(top) {
        let percent = |at: f64, side: u32| (100.0 * (at + 0.5) / f64::from(side)).round();
        let (x, y) = (percent(value.centre.0, width), percent(value.centre.1, height));
        let number = |x: f32| format!("{x:.decimals$}");
        table.add_row([
            value.segment.to_string(),
            format!("{x}, {y}"),
            thousands(value.pixels as u64),
            number(value.attribution),
            number(value.stderr),
            bar(f64::from(value.attribution.abs()), largest, BAR_CELLS),
        ]);
    }
    for column in 0..5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let rest = ranked.len().saturating_sub(top);
    let more = if rest > 0 { format!("\n {rest} more; `--output FOLDER` writes them all") } else { String::new() };
    format!("{}{more}", table.trim_fmt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_measured_against_the_strongest() {
        let value = |segment: usize, attribution: f32| SegmentValue {
            segment,
            x: 0,
            y: 0,
            width: 4,
            height: 4,
            centre: (1.5, 5.5),
            pixels: 1600,
            attribution,
            stderr: 0.01,
        };
        let text = segments(&[value(3, -0.5), value(0, 0.25), value(1, 0.0)], (8, 8), 2);
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert_eq!(
            lines,
            [
                " segment   where  pixels        φ    ± SE",
                "       3  25, 75   1,600  -0.5000  0.0100  ████████████████",
                "       0  25, 75   1,600   0.2500  0.0100  ████████",
                " 1 more; `--output FOLDER` writes them all",
            ]
        );
    }
}
