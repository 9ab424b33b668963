//! `mitigate massage`

use super::compare::compare;
use super::opened::{OF_LABELS, Opened, label, require_output};
use crate::args::MassageArgs;
use crate::interrupt::Interrupt;
use crate::number::thousands;
use crate::progress;
use crate::terminal::Terminal;
use pellucid::bias::measure;
use pellucid::mitigate::{Change, Groups, Massaging};
use pellucid::{Error, Result};
use serde_json::json;

pub fn run(args: &MassageArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<()> {
    require_output(&args.output)?;
    if args.scores.is_none() && args.model.model.is_none() {
        return Err(Error::input("massaging needs a ranker, which says how near each row is to the other outcome").hint(
            "train any model to predict the label, write its scores into a column and name it with `--scores`, or give the \
             model itself with `--model`",
        ));
    }
    let data = &args.input.data;
    let mut opened = Opened::new(data, &args.output, &args.model, &args.metrics, &[], (terminal, interrupt))?;
    let label = label(&args.label, &opened.table)?;
    let facets = opened.facets(&args.facet)?;
    let request = opened.request(&label, &facets, &OF_LABELS);
    let (table, ranker) = match &args.scores {
        Some(column) => (opened.table.clone(), column.clone()),
        None => {
            let (table, predicted) = opened.scored(&opened.table, &args.model, None, &request, terminal)?;
            (table, predicted.column().to_string())
        }
    };
    let working = progress::working(terminal, "massaging", &opened.control);
    let groups = Groups::survey(&opened.table, &facets, Some(&label))?;
    let massaging = Massaging::new(&table, &groups, &ranker, args.negative.as_deref())?;
    let changed = massaging.table(&opened.table, &args.column)?;
    let before = measure(&opened.table, &request)?;
    let after = measure(&changed, &request)?;
    opened.write(&changed, "massage")?;
    drop(working);
    groups.notes().iter().for_each(|note| terminal.warn(&format!("{note}; they stay as they are")));
    if massaging.unscored() > 0 {
        let rows = thousands(massaging.unscored());
        terminal.warn(&format!("{rows} rows that could change have no score in `{ranker}`; they stay as they are"));
    }
    let promoted = massaging.changes().iter().filter(|(_, change)| *change == Change::Promoted).count();
    let (n, [up, down]) = (massaging.changes().len(), massaging.values());
    let document = opened.document(
        "massage",
        &args.output,
        json!({
            "ranker": ranker, "column": args.column, "rows": groups.rows, "promoted": promoted, "demoted": n - promoted,
            "positive_value": up, "negative_value": down, "unscored": massaging.unscored(),
            "groups": groups.groups, "before": before, "after": after, "notes": groups.notes(),
        }),
    );
    let labelled: u64 = groups.groups.iter().map(|group| group.positive + group.negative).sum();
    let cost = format!(
        "Cost: {} of {} labels are changed ({:.2} %): {} of {} promoted to {up}, {} of {} demoted to\n{down}, ranked by `{ranker}`. The share of positive labels stays.",
        thousands(n as u64),
        thousands(labelled),
        100.0 * n as f64 / labelled as f64,
        thousands(promoted as u64),
        groups.groups[0].name,
        thousands((n - promoted) as u64),
        groups.groups[1].name,
    );
    let cost = crate::bias_table::wrap(&cost, 0, crate::bias_table::WIDTH);
    opened.tell(&document, &[cost, compare(&before, &after, &["DPL"])].join("\n\n"))
}
