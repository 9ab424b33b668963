//! Effects as one flat table, a row for each number: for data frames and for files.
//!
//! | kind | feature, value | feature_2, value_2 | effect | share |
//! | --- | --- | --- | --- | --- |
//! | `pd` | axis and point | – | partial dependence | of the category |
//! | `ice` | axis and point | – | output of row `line` | – |
//! | `pd2` | x axis and point | y axis and point | joint partial dependence | – |
//! | `ale` | axis and bin edge | – | accumulated local effect | of the bin that ends there |
//! | `histogram` | axis and lower edge of the bin | – | upper edge | of the bin |
//! | `h`, `strength` | axis | axis | the interaction | – |
//! | `importance` | axis | – | rise of the loss | – |

use super::{Ale, Curve, Grid, Importance, Interaction, Surface};
use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt32Array};
use std::sync::Arc;

/// All effects of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Effect<'a> {
    pub curves: &'a [Curve],
    pub surfaces: &'a [Surface],
    pub ale: &'a [Ale],
    pub interactions: &'a [Interaction],
    pub importances: &'a [Importance],
}

/// One row of the table.
#[derive(Default)]
struct Row<'a> {
    kind: &'static str,
    output: &'a str,
    feature: &'a str,
    label: Option<&'a str>,
    value: Option<f64>,
    feature_2: Option<&'a str>,
    label_2: Option<&'a str>,
    value_2: Option<f64>,
    line: Option<u32>,
    effect: f64,
    stderr: Option<f64>,
    share: Option<f64>,
}

impl Effect<'_> {
    /// The flat table; see the head of this module.
    pub fn table(&self) -> RecordBatch {
        let mut rows = Vec::new();
        self.curves.iter().for_each(|curve| of_curve(curve, &mut rows));
        self.surfaces.iter().for_each(|surface| of_surface(surface, &mut rows));
        self.ale.iter().for_each(|ale| of_ale(ale, &mut rows));
        self.interactions.iter().for_each(|pair| rows.extend(of_pair(pair)));
        rows.extend(self.importances.iter().map(|found| Row {
            kind: "importance",
            output: &found.output,
            feature: &found.axis,
            effect: found.rise,
            stderr: Some(found.stderr),
            ..Row::default()
        }));
        batch(&rows)
    }
}

/// A grid's point: a category has its label, a number its value.
fn point(grid: &Grid, p: usize) -> (Option<&str>, Option<f64>) {
    let point = &grid.points[p];
    if grid.axis.categories.is_empty() { (None, Some(point.position)) } else { (Some(&point.label), None) }
}

fn of_curve<'a>(curve: &'a Curve, rows: &mut Vec<Row<'a>>) {
    let base = Row { output: &curve.output, feature: &curve.grid.axis.name, ..Row::default() };
    let numeric = curve.grid.axis.categories.is_empty();
    for p in 0..curve.mean.len() {
        let (label, value) = point(&curve.grid, p);
        let share = if numeric { None } else { curve.grid.histogram.share.get(p).copied() };
        let (effect, stderr) = (curve.mean[p], Some(curve.stderr[p]));
        rows.push(Row { kind: "pd", label, value, effect, stderr, share, ..base });
    }
    for (line, values) in curve.ice.iter().enumerate() {
        for (p, &effect) in values.iter().enumerate() {
            let (label, value) = point(&curve.grid, p);
            let (line, effect) = (Some(line as u32), f64::from(effect));
            rows.push(Row { kind: "ice", label, value, line, effect, ..base });
        }
    }
    if numeric {
        let histogram = &curve.grid.histogram;
        for (edges, &share) in histogram.edges.windows(2).zip(&histogram.share) {
            let (value, effect, share) = (Some(edges[0]), edges[1], Some(share));
            rows.push(Row { kind: "histogram", value, effect, share, ..base });
        }
    }
}

fn of_surface<'a>(surface: &'a Surface, rows: &mut Vec<Row<'a>>) {
    for (i, line) in surface.mean.iter().enumerate() {
        for (j, &effect) in line.iter().enumerate() {
            let ((label, value), (label_2, value_2)) = (point(&surface.x, i), point(&surface.y, j));
            rows.push(Row {
                kind: "pd2",
                output: &surface.output,
                feature: &surface.x.axis.name,
                label,
                value,
                feature_2: Some(&surface.y.axis.name),
                label_2,
                value_2,
                effect,
                stderr: Some(surface.stderr[i][j]),
                ..Row::default()
            });
        }
    }
}

fn of_ale<'a>(ale: &'a Ale, rows: &mut Vec<Row<'a>>) {
    for (e, &edge) in ale.edges.iter().enumerate() {
        rows.push(Row {
            kind: "ale",
            output: &ale.output,
            feature: &ale.axis,
            label: ale.labels.get(e).map(String::as_str),
            value: Some(edge),
            effect: ale.effect[e],
            stderr: Some(ale.stderr[e]),
            share: e.checked_sub(1).map(|bin| ale.share[bin]),
            ..Row::default()
        });
    }
}

fn of_pair(pair: &Interaction) -> [Row<'_>; 2] {
    let row = |kind, effect, stderr| Row {
        kind,
        output: &pair.output,
        feature: &pair.a,
        feature_2: Some(&pair.b),
        effect,
        stderr: Some(stderr),
        ..Row::default()
    };
    [row("h", pair.h, pair.h_stderr), row("strength", pair.strength, pair.strength_stderr)]
}

fn batch(rows: &[Row]) -> RecordBatch {
    let text = |of: fn(&Row) -> Option<String>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<StringArray>()) };
    let number = |of: fn(&Row) -> Option<f64>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<Float64Array>()) };
    let columns = [
        ("kind", text(|row| Some(row.kind.into()))),
        ("output", text(|row| Some(row.output.into()))),
        ("feature", text(|row| Some(row.feature.into()))),
        ("label", text(|row| row.label.map(str::to_string))),
        ("value", number(|row| row.value)),
        ("feature_2", text(|row| row.feature_2.map(str::to_string))),
        ("label_2", text(|row| row.label_2.map(str::to_string))),
        ("value_2", number(|row| row.value_2)),
        ("line", Arc::new(rows.iter().map(|row| row.line).collect::<UInt32Array>()) as ArrayRef),
        ("effect", number(|row| Some(row.effect))),
        ("stderr", number(|row| row.stderr)),
        ("share", number(|row| row.share)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
        .expect("columns of one length")
}
