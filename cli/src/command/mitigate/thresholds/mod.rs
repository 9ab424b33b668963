//! `mitigate thresholds`: fit them, or apply those of a file.

mod outcomes;

use super::compare::compare;
use super::opened::{Opened, maybe_label};
use crate::args::ThresholdArgs;
use crate::bias_table;
use crate::interrupt::Interrupt;
use crate::number::thousands;
use crate::progress;
use crate::terminal::Terminal;
use pellucid::bias::{BiasReport, Kind, Predicted, Selection, Value, measure};
use pellucid::data::{Pending, Table};
use pellucid::mitigate::{Constraint, Decide, Destination, Groups, Outcome, Rules, ScoredRows, Thresholds};
use pellucid::{Error, Result};
use serde_json::json;
use std::path::Path;

/// One threshold for all, unless another is given.
const THRESHOLD: f64 = 0.5;

pub fn run(args: &ThresholdArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<()> {
    if args.output.output.is_none() && args.rules.is_none() && !args.output.dry_run {
        return Err(Error::input("there is nowhere to write thresholds or decisions to")
            .hint("name a file with `--rules` or `--output`, or print the metrics only with `--dry-run`"));
    }
    let data = &args.input.data;
    let others: Vec<&Path> = args.apply.as_deref().into_iter().collect();
    let mut opened = Opened::new(data, &args.output, &args.model, &args.metrics, &others, (terminal, interrupt))?;
    match &args.apply {
        Some(path) => apply(args, &Rules::open(path)?, &mut opened, terminal),
        None => fit(args, &mut opened, terminal),
    }
}

fn fit(args: &ThresholdArgs, opened: &mut Opened, terminal: &Terminal) -> Result<()> {
    let file = rules_file(args)?;
    let label = maybe_label(&args.label, &opened.table)?.ok_or_else(|| {
        Error::input("thresholds are fitted to labels, and none were given")
            .hint("name their column and its positive values with `--label` and `--positive`")
    })?;
    let facets = opened.facets(&args.facet)?;
    let (table, scores) = scored(args, opened, &label, &facets, None, terminal)?;
    let working = progress::working(terminal, "fitting thresholds", &opened.control);
    let groups = Groups::survey(&opened.table, &facets, Some(&label))?;
    let rows = ScoredRows::read(&table, &groups, &scores, args.holdout.unwrap_or(0.0), args.metrics.seed)?;
    let how = Thresholds {
        constraint: args.constraint.into(),
        objective: args.objective.into(),
        randomised: !args.deterministic,
    };
    let rules = how.fit(&rows, &facets)?;
    let changed = decided(args, &rules, &table, &groups, &scores)?;
    let threshold = threshold(args, &rows)?;
    let outcomes = Outcomes::new(&rules, &rows, threshold, args.holdout.is_some())?;
    let [before, after] = measured(args, opened, (&label, &facets), &rows.judged_rows(&changed), (&scores, threshold))?;
    if let Some((path, file)) = file {
        let text = rules.to_json()? + "\n";
        file.put(text.as_bytes())?;
        file.commit()?;
        terminal.note(&format!("wrote {}: thresholds of {} groups", path.display(), rules.groups.len()));
    }
    opened.write(&changed, "thresholds")?;
    drop(working);
    warn(&groups, rows.unscored, &scores, terminal);
    let small = rules.groups.iter().filter(|rule| rule.rows < 30);
    small.for_each(|r| terminal.warn(&format!("{} has only {} rows: its threshold is uncertain", r.group, r.rows)));
    let text = [outcomes.describe(&rules, how.randomised, &rows), compare(&before, &after, headline(rules.constraint))];
    let document = opened.document(
        "thresholds",
        &args.output,
        json!({
            "rules": rules, "scores": scores, "threshold_before": threshold, "randomised": how.randomised,
            "judged_on": if args.holdout.is_some() { "rows held out" } else { "the rows fitted on" },
            "rows_fitted": rows.fitted.rows(), "rows_judged": rows.judged().rows(), "seed": args.metrics.seed,
            "fitted": outcomes.fitted, "outcome_before": outcomes.before, "outcome_after": outcomes.after,
            "before": before, "after": after, "notes": groups.notes(),
        }),
    );
    opened.tell(&document, &text.join("\n\n"))
}

fn apply(args: &ThresholdArgs, rules: &Rules, opened: &mut Opened, terminal: &Terminal) -> Result<()> {
    let label = maybe_label(&args.label, &opened.table)?;
    let facets = rules.facets();
    let unknown = Selection { column: String::new(), values: Vec::new(), kind: None };
    let (table, scores) =
        scored(args, opened, label.as_ref().unwrap_or(&unknown), &facets, Some(&rules.scores), terminal)?;
    let working = progress::working(terminal, "applying thresholds", &opened.control);
    let groups = rules.groups_of(&table, label.as_ref())?;
    let changed = decided(args, rules, &table, &groups, &scores)?;
    let (document, text) = match &label {
        Some(label) => {
            let rows = ScoredRows::read(&table, &groups, &scores, 0.0, args.metrics.seed)?;
            let threshold = threshold(args, &rows)?;
            let outcomes = Outcomes::new(rules, &rows, threshold, false)?;
            let [before, after] = measured(args, opened, (label, &facets), &changed, (&scores, threshold))?;
            warn(&groups, rows.unscored, &scores, terminal);
            let text = [outcomes.describe_applied(rules, &rows), compare(&before, &after, headline(rules.constraint))];
            let found = json!({
                "outcome_before": outcomes.before, "outcome_after": outcomes.after, "threshold_before": threshold,
                "before": before, "after": after, "notes": groups.notes(),
            });
            (found, text.join("\n\n"))
        }
        None => {
            // Decisions are compared as if they were labels: how often each group is decided for.
            let decision = Selection {
                column: args.column.clone(),
                values: vec![Value::Number(0.5)],
                kind: Some(Kind::Continuous),
            };
            let found = measure(&changed, &opened.request(&decision, &facets, &["DPL"]))?;
            warn(&groups, 0, &scores, terminal);
            let text = "Decisions by group, as if they were labels; give --label to judge them.";
            (json!({ "decisions": found }), format!("{text}\n\n{}", bias_table::describe(&found)))
        }
    };
    opened.write(&changed, "thresholds")?;
    drop(working);
    let document = opened.document("thresholds", &args.output, document);
    opened.tell(&document, &text)
}

/// Where the thresholds go: not over a file that is read, nor where the table goes.
fn rules_file(args: &ThresholdArgs) -> Result<Option<(&Path, Pending)>> {
    let Some(path) = args.rules.as_deref() else { return Ok(None) };
    let mut inputs: Vec<&Path> = vec![&args.input.data];
    inputs.extend(args.model.model.as_deref().into_iter().chain(args.model.schema.as_deref()));
    Destination::refuse_inputs(path, &inputs)?;
    if args.output.output.as_deref() == Some(path) {
        return Err(Error::input(format!("--rules and --output are both {}", path.display()))
            .hint("give each a name of its own"));
    }
    if !path.extension().is_some_and(|found| found.eq_ignore_ascii_case("json")) {
        return Err(
            Error::input(format!("{}: this file is written as JSON", path.display())).hint("end its name in .json")
        );
    }
    match args.output.dry_run {
        true => Ok(None),
        false => Ok(Some((path, Pending::create(path, args.output.force)?))),
    }
}

/// The table with its scores, and their column: as typed, else the model's, else the one of the file of thresholds.
fn scored(
    args: &ThresholdArgs,
    opened: &Opened,
    label: &Selection,
    facets: &[Selection],
    known: Option<&str>,
    terminal: &Terminal,
) -> Result<(Table, String)> {
    if args.model.model.is_some() {
        let request = opened.request(label, facets, &[]);
        let (table, predicted) = opened.scored(&opened.table, &args.model, args.threshold, &request, terminal)?;
        return Ok((table, predicted.column().to_string()));
    }
    let column = args.scores.clone().or(known.map(str::to_string)).ok_or_else(|| {
        Error::input("thresholds need scores, and none were given")
            .hint("name their column with `--scores`, or give a model with `--model`")
    })?;
    opened.table.positions(std::slice::from_ref(&column))?;
    Ok((opened.table.clone(), column))
}

fn decided(args: &ThresholdArgs, rules: &Rules, table: &Table, groups: &Groups, scores: &str) -> Result<Table> {
    let chance = rules.is_random().then(|| format!("{}_chance", args.column));
    let how = Decide { decision: args.column.clone(), chance, seed: args.metrics.seed };
    rules.table(table, groups, scores, &how)
}

fn threshold(args: &ThresholdArgs, rows: &ScoredRows) -> Result<f64> {
    match (args.threshold, rows.are_shares) {
        (Some(threshold), _) => Ok(threshold),
        (None, true) => Ok(THRESHOLD),
        (None, false) => Err(Error::input(format!("the scores in `{}` are not all between 0 and 1", rows.scores))
            .hint("say above what they are positive so far, such as `--threshold 0`, so that there is a before to compare with")),
    }
}

/// The metrics with one threshold for all, and with the decisions.
fn measured(
    args: &ThresholdArgs,
    opened: &Opened,
    (label, facets): (&Selection, &[Selection]),
    table: &Table,
    (scores, threshold): (&str, f64),
) -> Result<[BiasReport; 2]> {
    let request = opened.request(label, facets, &[]);
    let of = |column: &str, threshold| {
        opened.predictions(table, &request, Predicted::Score { column: column.into(), threshold })
    };
    Ok([of(scores, threshold)?, of(&args.column, 0.5)?])
}

fn warn(groups: &Groups, unscored: u64, scores: &str, terminal: &Terminal) {
    let left_out = "; those without a group get no decision, and none of them counts";
    groups.notes().iter().for_each(|note| terminal.warn(&format!("{note}{left_out}")));
    if unscored > 0 {
        terminal.warn(&format!("{} rows have no score in `{scores}`; they get no decision", thousands(unscored)));
    }
}

fn headline(constraint: Constraint) -> &'static [&'static str] {
    match constraint {
        Constraint::DemographicParity => &["DPPL"],
        Constraint::EqualOpportunity => &["RD"],
        Constraint::EqualizedOdds => &["RD", "SD"],
    }
}

/// Rates with one threshold for all and with the rules.
struct Outcomes {
    threshold: f64,
    before: Outcome,
    after: Outcome,
    /// On the rows fitted on, if those judged by are others.
    fitted: Option<Outcome>,
}

impl Outcomes {
    fn new(rules: &Rules, rows: &ScoredRows, threshold: f64, held_out: bool) -> Result<Outcomes> {
        let one = |_: usize, score: f64| f64::from(u8::from(score > threshold));
        Ok(Outcomes {
            threshold,
            before: Outcome::of(rows.judged(), rules.constraint, one),
            after: rules.outcome(rows.judged())?,
            fitted: held_out.then(|| rules.outcome(&rows.fitted)).transpose()?,
        })
    }
}
