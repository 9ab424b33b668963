//! `pellucid monitor`: read the baseline and the new data once each, compare, tell, remember.

mod files;
mod prometheus;
mod side;
mod text;
mod webhook;

use super::bias::limits;
use super::open::file_name;
use super::typed;
use crate::Exit;
use crate::args::MonitorArgs;
use crate::interrupt::Interrupt;
use crate::terminal::{Terminal, stderr_line};
use chrono::{DateTime, Utc};
use files::Files;
use pellucid::drift::{
    AttributionDrift, AttributionLimits, BiasDrift, BiasRule, Check, ColumnLimits, Constraints, DataDrift, History,
    Importance, Record, attribution_drift, bias_drift, data_drift, violations,
};
use pellucid::explain::Control;
use pellucid::report::bias::LimitCheck;
use pellucid::report::monitor::MonitorPage;
use pellucid::{Error, Result};
use serde_json::{Value, json};
use side::{Measured, Side};

pub fn run(args: &MonitorArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<Exit> {
    let time = args.result.at.unwrap_or_else(Utc::now);
    require_enough(args)?;
    let webhook = args.result.webhook.as_deref().map(webhook::Webhook::new).transpose()?;
    let files = Files::create(&args.result, is_new(args), compat(args))?;
    let textfile = args.result.prometheus.as_deref().map(prometheus::Textfile::create).transpose()?;
    let history = args.result.state.as_ref().map(History::open).transpose()?;
    let mut control = Control::default();
    control.stop = interrupt.flag();
    let known = args.source.constraints.as_ref().map(Constraints::open).transpose()?;
    let baseline = Side::open(args.source.baseline.as_deref(), args, (&control, terminal))?;
    let new = Side::open(args.source.data.as_deref(), args, (&control, terminal))?;
    side::require_known_ignored(args, &[&baseline, &new])?;
    let baseline = baseline.map(|side| side.measure(args, terminal)).transpose()?;
    let constraints = constraints(args, known, baseline.as_ref())?;
    if !is_new(args) {
        control.take_notes().iter().for_each(|note| terminal.warn(note));
        return files
            .write_baseline(&constraints, baseline.as_ref().map(|b| &b.profile), terminal)
            .map(|()| Exit::Done);
    }
    let new = new.map(|side| side.measure(args, terminal)).transpose()?;
    let found = Found::compare(args, &constraints, baseline.as_ref(), new.as_ref())?;
    control.take_notes().iter().chain(&found.notes).for_each(|note| terminal.warn(note));
    let records = remember(history.as_ref(), time, &found.checks)?;
    let document = document(args, time, &found)?;
    let page = page(args, time, &found, &records);
    files.write(&constraints, &violations(&found.checks), &document, &page, terminal)?;
    if let Some(textfile) = textfile {
        textfile.write(&prometheus::text(time, &found.checks, found.broken(), &rows(&found)), terminal)?;
    }
    match terminal.json() {
        true => terminal.data(&format!("{document:#}"))?,
        false => terminal.data(&text::describe(&headline(args, &found), &found))?,
    }
    found.tell();
    let exit = if found.broken() == 0 { Exit::Done } else { Exit::LimitBroken };
    match webhook.filter(|_| exit == Exit::LimitBroken).map(|hook| hook.post(&message(args, time, &found))) {
        Some(Err(why)) => {
            stderr_line(&format!("warning: the webhook was not reached: {why}"));
            Ok(Exit::Unexpected)
        }
        _ => Ok(exit),
    }
}

/// What a run found.
pub struct Found {
    pub columns: Option<DataDrift>,
    pub bias: Vec<BiasDrift>,
    pub attributions: Vec<AttributionDrift>,
    pub checks: Vec<Check>,
    /// `--fail-if`
    pub limits: Vec<LimitCheck>,
    pub notes: Vec<String>,
}

impl Found {
    fn compare(
        args: &MonitorArgs,
        constraints: &Constraints,
        baseline: Option<&Measured>,
        new: Option<&Measured>,
    ) -> Result<Found> {
        let (mut notes, mut checks) = (Vec::new(), Vec::new());
        let columns = baseline.zip(new).map(|(baseline, new)| columns(args, baseline, new));
        if let Some(columns) = &columns {
            checks.extend(columns.checks());
            notes.extend(columns.notes.clone());
        }
        let rule = if compat(args) { BiasRule::Reference } else { BiasRule::Interval { widened: args.limits.widen } };
        let report = new.and_then(|new| new.bias.as_ref());
        let (bias, told) = report.map_or(Ok(Default::default()), |report| bias_drift(constraints, report, rule))?;
        checks.extend(bias.iter().map(|metric| metric.check(rule)));
        notes.extend(told);
        let limits = report.map_or(Vec::new(), |report| limits::check(&args.measure, report));
        let limit = AttributionLimits {
            ndcg: args.limits.ndcg_threshold,
            distance: (!compat(args)).then_some(args.limits.attribution_threshold),
            level: args.measure.level,
        };
        let explained = args.explained.explanation.as_ref().map(Importance::read).transpose()?;
        let attributions =
            explained.map_or(Ok(Vec::new()), |new| attribution_drift(&constraints.importance, &new, limit))?;
        checks.extend(attributions.iter().flat_map(|output| output.checks(compat(args))));
        match checks.is_empty() {
            false => Ok(Found { columns, bias, attributions, checks, limits, notes }),
            true => Err(Error::input("there is nothing to compare").hint(
                "give a table with `--baseline`, or name with `--label`, `--positive` and `--facet` whose metrics are in the constraints",
            )),
        }
    }

    /// Checks violated, and limits broken.
    pub fn broken(&self) -> usize {
        let limits = self.limits.iter().filter(|limit| limit.broken).count();
        self.checks.iter().filter(|check| check.violated).count() + limits
    }

    /// Says what is violated, also under `--quiet`: the exit code needs its reason.
    fn tell(&self) {
        self.checks.iter().filter(|check| check.violated).for_each(|check| stderr_line(&text::violation(check)));
        self.limits.iter().filter(|limit| limit.broken).for_each(|limit| stderr_line(&limits::line(limit)));
    }
}

fn columns(args: &MonitorArgs, baseline: &Measured, new: &Measured) -> DataDrift {
    let limits = ColumnLimits {
        psi: args.limits.psi_threshold,
        p: args.limits.p_threshold,
        missing: args.limits.missing_threshold,
        bins: args.limits.bins,
    };
    data_drift(&baseline.profile, &new.profile, limits, |name| new.role(name, args))
}

fn compat(args: &MonitorArgs) -> bool {
    args.measure.compat.is_some()
}

/// Whether there is anything new, or only a baseline.
fn is_new(args: &MonitorArgs) -> bool {
    args.source.data.is_some() || args.explained.explanation.is_some()
}

fn require_enough(args: &MonitorArgs) -> Result<()> {
    let (source, explained) = (&args.source, &args.explained);
    let wrong = |what: &str, hint: &str| Err(Error::input(what).hint(hint));
    let old = source.constraints.is_some();
    match () {
        () if !is_new(args) && source.baseline.is_none() && explained.baseline_explanation.is_none() => wrong(
            "there is neither new data nor a baseline to write down",
            "give new rows with `--data`, and what they are compared with by `--baseline` or `--constraints`",
        ),
        () if source.data.is_some() && source.baseline.is_none() && !old => wrong(
            "there is nothing to compare the new data with",
            "give a table with `--baseline`, or metrics with `--constraints`",
        ),
        () if explained.explanation.is_some() && explained.baseline_explanation.is_none() && !old => wrong(
            "there is nothing to compare the new explanation with",
            "give the baseline's with `--baseline-explanation`, or an analysis.json with SHAP values with `--constraints`",
        ),
        () if explained.baseline_explanation.is_some() && explained.explanation.is_none() && is_new(args) => wrong(
            "the baseline is explained, the new data is not",
            "explain it with `pellucid shap` and give the file with `--explanation`",
        ),
        () if args.outcome.is_some() && source.baseline.is_none() && source.data.is_none() => {
            wrong("there is a label but no table that has it", "give the tables with `--baseline` and `--data`")
        }
        () => Ok(()),
    }
}

/// What new data is held against: the file's metrics, else those of the baseline; attributions of the baseline's file, else the file's.
fn constraints(args: &MonitorArgs, known: Option<Constraints>, baseline: Option<&Measured>) -> Result<Constraints> {
    let mut found = known.unwrap_or_default();
    if let Some(report) = baseline.and_then(|side| side.bias.as_ref()).filter(|_| found.metrics.is_empty()) {
        found = Constraints { importance: found.importance, ..Constraints::of_report(report) };
    }
    if let Some(path) = &args.explained.baseline_explanation {
        found.importance = Importance::read(path)?;
    }
    match args.explained.explanation.is_some() && found.importance.is_empty() {
        true => Err(Error::input("the constraints hold no SHAP values")
            .hint("give the baseline's attributions with `--baseline-explanation`")),
        false => Ok(found),
    }
}

/// Adds the run to the history, and gives all of it.
fn remember(history: Option<&History>, time: DateTime<Utc>, checks: &[Check]) -> Result<Vec<Record>> {
    let Some(history) = history else { return Ok(Vec::new()) };
    history.append(time.timestamp_millis(), checks)?;
    history.read()
}

fn stamp(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Rows of the baseline and of the new data.
fn rows(found: &Found) -> [Option<u64>; 2] {
    [found.columns.as_ref().map(|c| c.baseline_rows), found.columns.as_ref().map(|c| c.rows)]
}

fn names(args: &MonitorArgs) -> [String; 2] {
    let name = |path: Option<&std::path::PathBuf>| path.map_or(String::new(), |path| file_name(path));
    let (source, explained) = (&args.source, &args.explained);
    let old = source.baseline.as_ref().or(source.constraints.as_ref()).or(explained.baseline_explanation.as_ref());
    [name(old), name(source.data.as_ref().or(explained.explanation.as_ref()))]
}

fn headline(args: &MonitorArgs, found: &Found) -> String {
    let [baseline, new] = names(args);
    let all = found.checks.len() + found.limits.len();
    let checks = if all == 1 { "1 check".to_string() } else { format!("{all} checks") };
    match found.broken() {
        0 => format!("{new} against {baseline}: no violation in {checks}"),
        1 => format!("{new} against {baseline}: 1 violation in {checks}"),
        n => format!("{new} against {baseline}: {n} violations in {checks}"),
    }
}

/// Everything, as JSON.
fn document(args: &MonitorArgs, time: DateTime<Utc>, found: &Found) -> Result<Value> {
    let [baseline, data] = names(args);
    let text = |error: serde_json::Error| Error::input(error.to_string());
    Ok(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "time": stamp(time),
        "baseline": baseline,
        "data": data,
        "compat": compat(args),
        "violations": found.broken(),
        "checks": serde_json::to_value(&found.checks).map_err(text)?,
        "limits": found.limits,
        "columns": serde_json::to_value(&found.columns).map_err(text)?,
        "bias": serde_json::to_value(&found.bias).map_err(text)?,
        "attributions": serde_json::to_value(&found.attributions).map_err(text)?,
        "notes": found.notes,
    }))
}

/// What the webhook gets: a `text` that chat programs show, and the violations.
fn message(args: &MonitorArgs, time: DateTime<Utc>, found: &Found) -> Value {
    let lines = found.checks.iter().filter(|check| check.violated).map(text::violation);
    let limits = found.limits.iter().filter(|limit| limit.broken).map(limits::line);
    let text: Vec<String> = std::iter::once(headline(args, found)).chain(lines).chain(limits).collect();
    let [baseline, data] = names(args);
    json!({
        "text": text.join("\n"),
        "time": stamp(time),
        "baseline": baseline,
        "data": data,
        "violations": violations(&found.checks)["violations"],
    })
}

fn page<'a>(args: &MonitorArgs, time: DateTime<Utc>, found: &'a Found, records: &'a [Record]) -> MonitorPage<'a> {
    let [baseline, data] = names(args);
    MonitorPage {
        title: format!("Drift: {data}"),
        headline: headline(args, found),
        data,
        baseline,
        command: webhook::hidden(&typed::command(), args.result.webhook.as_deref()),
        created: time.format("%Y-%m-%d %H:%M UTC").to_string(),
        columns: found.columns.as_ref(),
        bias: &found.bias,
        compat: compat(args),
        attributions: &found.attributions,
        checks: &found.checks,
        limits: &found.limits,
        notes: &found.notes,
        history: records,
    }
}
