//! `mitigate repair`

use super::compare::compare;
use super::opened::{Opened, maybe_label, require_output};
use crate::args::{Output, ProgressMode, RepairArgs};
use crate::bias_table::{WIDTH, wrap};
use crate::interrupt::Interrupt;
use crate::number::thousands;
use crate::progress;
use crate::terminal::Terminal;
use pellucid::bias::{BiasReport, Predicted, Selection};
use pellucid::data::Table;
use pellucid::mitigate::{Groups, Repair, RepairedColumn, Ties};
use pellucid::{Error, Result};
use serde_json::json;

/// A model's output above this is a positive prediction.
const THRESHOLD: f64 = 0.5;

pub fn run(args: &RepairArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<()> {
    require_output(&args.output)?;
    if args.model.model.is_some() && args.label.label.is_none() {
        return Err(Error::input("a model's predictions are compared with labels, and none were given")
            .hint("name their column and its positive values with `--label` and `--positive`"));
    }
    let data = &args.input.data;
    let mut opened = Opened::new(data, &args.output, &args.model, &args.metrics, &[], (terminal, interrupt))?;
    let label = maybe_label(&args.label, &opened.table)?;
    let facets = opened.facets(&args.facet)?;
    let groups = Groups::survey(&opened.table, &facets, label.as_ref())?;
    let working = progress::working(terminal, "repairing", &opened.control);
    let ties = if args.split_ties { Ties::Split { seed: args.metrics.seed } } else { Ties::Together };
    let repair = Repair::new(&opened.table, &groups, &args.column, args.amount, ties)?;
    let changed = repair.table(&opened.table, args.keep)?;
    drop(working);
    let predictions = match (&label, &args.model.model) {
        (Some(label), Some(_)) => Some([
            predicted(&opened, args, &opened.table, (label, &facets), terminal)?,
            predicted(&opened, args, &repair.table(&opened.table, false)?, (label, &facets), &silent())?,
        ]),
        _ => None,
    };
    opened.write(&changed, "repair")?;
    if groups.ungrouped > 0 {
        let (n, all) = (thousands(groups.ungrouped), thousands(groups.rows));
        terminal.warn(&format!("{n} of {all} rows have no group: a facet is missing; they keep their values"));
    }
    let mut more = json!({
        "amount": args.amount, "split_ties": args.split_ties, "rows": groups.rows, "columns": repair.columns(), "groups": groups.groups,
    });
    let mut text = vec![table(repair.columns(), groups.rows)];
    let tied = repair.columns().iter().filter(|column| column.cost.distance_after > FAR && !args.split_ties);
    let tied: Vec<&str> = tied.filter(|_| args.amount == 1.0).map(|column| column.column.as_str()).collect();
    if !tied.is_empty() {
        let tied = tied.join("`, `");
        terminal.warn(&format!(
            "`{tied}`: many rows share a value, and they move together; `--split-ties` joins groups fully"
        ));
    }
    match &predictions {
        Some([before, after]) => {
            text.push(accuracy(before, after));
            text.push(compare(before, after, &["DPPL"]));
            let accuracy = |found: &BiasReport| found.performance.as_ref().and_then(|p| p.metrics[0].value);
            more["accuracy_before"] = json!(accuracy(before));
            more["accuracy_after"] = json!(accuracy(after));
            more["before"] = json!(before);
            more["after"] = json!(after);
        }
        None => text.push(wrap(
            "Labels are as before, and so are their metrics. What it does to predictions shows once a model is trained on the \
             repaired rows, or with `--model`.",
            0,
            WIDTH,
        )),
    }
    opened.tell(&opened.document("repair", &args.output, more), &text.join("\n\n"))
}

/// Groups that are farther apart than this after full repair are told of.
const FAR: f64 = 0.05;

/// What the model predicts for a table.
fn predicted(
    opened: &Opened,
    args: &RepairArgs,
    table: &Table,
    (label, facets): (&Selection, &[Selection]),
    terminal: &Terminal,
) -> Result<BiasReport> {
    let request = opened.request(label, facets, &[]);
    let (table, found) = opened.scored(table, &args.model, args.threshold, &request, terminal)?;
    let threshold = args.threshold.unwrap_or(THRESHOLD);
    let working = progress::working(terminal, "predicting", &opened.control);
    let found = opened.predictions(&table, &request, Predicted::Score { column: found.column().into(), threshold });
    drop(working);
    found
}

/// What was said of the model once need not be said again.
fn silent() -> Terminal {
    Terminal::new(&Output { quiet: true, verbose: false, progress: ProgressMode::Never, json: false })
}

fn table(columns: &[RepairedColumn], rows: u64) -> String {
    let wide = columns.iter().map(|c| c.column.chars().count()).max().unwrap_or(0).max("column".len());
    let share = |value: Option<f64>| value.map_or("–".to_string(), |value| format!("{value:.4}"));
    let mut lines = vec![
        format!("  {:<wide$}  {:^18}  {:>12}  {:>8}  {:>8}", "", "groups apart", "rows", "rank", "variance"),
        format!(
            "  {:<wide$}  {:>8}  {:>8}  {:>12}  {:>8}  {:>8}",
            "column", "before", "after", "changed", "corr.", "kept"
        ),
    ];
    for column in columns {
        let cost = &column.cost;
        lines.push(format!(
            "  {:<wide$}  {:>8.4}  {:>8.4}  {:>12}  {:>8}  {:>8}",
            column.column,
            cost.distance_before,
            cost.distance_after,
            thousands(cost.changed),
            share(cost.rank_correlation),
            share(cost.variance_kept),
        ));
    }
    let missing = columns.iter().filter(|column| column.missing > 0);
    let note = |c: &RepairedColumn| {
        format!(
            "  note: `{}` is missing in {} of {} rows, which stay so",
            c.column,
            thousands(c.missing),
            thousands(rows)
        )
    };
    lines.extend(missing.map(note));
    lines.push(String::new());
    lines.push(wrap(
        "Groups apart: the largest Kolmogorov-Smirnov distance between two groups. The cost: rank correlation of old and new \
         values, and the share of the variance that the new ones still tell.",
        0,
        WIDTH,
    ));
    lines.join("\n")
}

fn accuracy(before: &BiasReport, after: &BiasReport) -> String {
    let of = |found: &BiasReport| {
        let value = found.performance.as_ref().and_then(|p| p.metrics[0].value);
        value.map_or("unknown".to_string(), |value| format!("{:.2} %", 100.0 * value))
    };
    let text = format!(
        "The model's accuracy: {} before, {} on repaired rows. It was not trained on them: train anew and compare again.",
        of(before),
        of(after)
    );
    wrap(&text, 0, WIDTH)
}
