//! `mitigate reweigh`

use super::compare::compare;
use super::opened::{OF_LABELS, Opened, label, require_output};
use crate::args::{ModelArgs, ReweighArgs};
use crate::interrupt::Interrupt;
use crate::number::thousands;
use crate::progress;
use crate::terminal::Terminal;
use pellucid::Result;
use pellucid::bias::measure;
use pellucid::device::DeviceChoice;
use pellucid::mitigate::{CellWeight, Groups, Reweighing};
use serde_json::json;

pub fn run(args: &ReweighArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<()> {
    require_output(&args.output)?;
    let no_model =
        ModelArgs { model: None, target: None, schema: None, ignore: Vec::new(), device: DeviceChoice::Auto };
    let data = &args.input.data;
    let mut opened = Opened::new(data, &args.output, &no_model, &args.metrics, &[], (terminal, interrupt))?;
    let label = label(&args.label, &opened.table)?;
    let facets = opened.facets(&args.facet)?;
    let working = progress::working(terminal, "reweighing", &opened.control);
    let groups = Groups::survey(&opened.table, &facets, Some(&label))?;
    let weights = Reweighing::new(&groups)?;
    let changed = weights.table(&opened.table, &args.column)?;
    let before = measure(&opened.table, &opened.request(&label, &facets, &OF_LABELS))?;
    let after = weights.after(&before);
    opened.write(&changed, "reweigh")?;
    drop(working);
    groups.notes().iter().for_each(|note| terminal.warn(&format!("{note}; they get no weight")));
    let rows: u64 = weights.cells().iter().map(|cell| cell.rows).sum();
    let document = opened.document(
        "reweigh",
        &args.output,
        json!({
            "weights": weights.cells(), "column": args.column, "rows": groups.rows, "weighted_rows": rows,
            "effective_rows": weights.effective_rows(), "before": before, "after": after, "notes": groups.notes(),
        }),
    );
    let text = [table(&weights.cells()), worth(rows, weights.effective_rows()), compare(&before, &after, &["DPL"])];
    opened.tell(&document, &text.join("\n\n"))
}

fn table(cells: &[CellWeight]) -> String {
    let wide = cells.iter().map(|cell| cell.group.chars().count()).max().unwrap_or(0).max("group".len());
    let mut lines = vec![format!("  {:<wide$}  {:<8}  {:>12}  {:>9}", "group", "label", "rows", "weight")];
    for cell in cells {
        let label = if cell.positive { "positive" } else { "negative" };
        lines.push(format!("  {:<wide$}  {label:<8}  {:>12}  {:>9.4}", cell.group, thousands(cell.rows), cell.weight));
    }
    lines.join("\n")
}

fn worth(rows: u64, effective: f64) -> String {
    let share = 100.0 * effective / rows as f64;
    format!(
        "Cost: no cell is changed. Unequal weights make {} rows worth {} ({share:.1} %).",
        thousands(rows),
        thousands(effective.round() as u64)
    )
}
