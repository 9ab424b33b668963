//! One pass over a table, and the metrics of what it counted.

use super::assemble::{Assembly, Group, pair_up};
use super::check::check;
use super::count::Tally;
use super::deep::{Deep, Details};
use super::flip::Flips;
use super::nearest::unmatched;
use super::performance::{class_counts, performance};
use super::report::{BiasReport, FacetBias, GroupCounts};
use super::request::{BiasRequest, Kind, Mode, Predicted};
use super::resolve::{Resolved, infer, resolve};
use super::view::{Target, View};
use crate::data::Table;
use crate::{Device, Error, Result};

const BATCH_ROWS: usize = 1 << 15;

/// Measures a table. CSV and JSON Lines are read to the letter, whatever types the table guessed.
///
/// # Errors
/// A column that is not in the table, a label without values, and whatever the table refuses. A metric that cannot be computed is
/// not an error: it is null with its reason.
pub fn measure(table: &Table, request: &BiasRequest) -> Result<BiasReport> {
    measure_on(table, request, None)
}

/// [`measure`] with a device for the distances of the flip test. The result is the same; a GPU gives it sooner where there are many
/// rows and features.
pub fn measure_on(table: &Table, request: &BiasRequest, device: Option<&Device>) -> Result<BiasReport> {
    check(table, request)?;
    let table = table.as_text();
    let mut tally = Tally::new(&table, request);
    let flip = request.metrics.is_empty() || request.metrics.iter().any(|m| m.eq_ignore_ascii_case("FT"));
    let mut flips = (flip && request.predicted.is_some()).then(|| Flips::new(&table, request, device));
    let mut deep = Deep::new(&table, request);
    tally.with_outcomes = deep.is_some();
    let mut needed = columns(request);
    needed.extend(flips.iter().flat_map(Flips::features).cloned());
    let read = tally.read(table.narrowed(&needed).batches(BATCH_ROWS)?, |batch, coded| {
        flips.iter_mut().try_for_each(|flips| flips.add(batch, coded))?;
        deep.iter_mut().try_for_each(|deep| deep.add(batch, coded))
    });
    read.map_err(|e| table.blame(e))?;
    flips.iter_mut().for_each(Flips::finish);
    check_score(&tally, request)?;
    report(&tally, flips.as_ref(), deep.as_ref(), request)
}

/// The columns that every metric but the flip test is made of.
pub fn columns(request: &BiasRequest) -> Vec<String> {
    let mut columns: Vec<String> = request.facets.iter().map(|f| f.column.clone()).collect();
    columns.push(request.label.column.clone());
    columns.extend(request.predicted.iter().map(|p| p.column().to_string()));
    columns.extend(request.group.clone());
    columns
}

fn check_score(tally: &Tally, request: &BiasRequest) -> Result<()> {
    use super::column::Type;
    match (&request.predicted, &tally.predicted) {
        (Some(Predicted::Score { column, .. }), Some(found))
            if matches!(found.dtype(), Type::Text | Type::Category) =>
        {
            Err(Error::input(format!("the column of scores `{column}` holds text"))
                .hint("name a column of numbers, or give the column as predicted labels"))
        }
        _ => Ok(()),
    }
}

fn report(tally: &Tally, flips: Option<&Flips>, deep: Option<&Deep>, request: &BiasRequest) -> Result<BiasReport> {
    let mode = request.mode;
    let opposite = if mode == Mode::Correct { Mode::Clarify } else { Mode::Correct };
    let view = View::new(tally, request, mode).map_err(|reason| {
        Error::input(format!("the label `{}` cannot be used: {reason}", request.label.column))
            .hint("check the label's values against its column, or say whether to read it as categorical or continuous")
    })?;
    let other = View::new(tally, request, opposite);
    let all = rows_of_contexts(tally);
    let assembly = Assembly { view: &view, other: &other, flips, request, all: &all, deep };
    let mut facets = Vec::new();
    let resolved: Vec<[Result<Resolved, String>; 2]> = request
        .facets
        .iter()
        .zip(&tally.facets)
        .map(|(selection, column)| [mode, opposite].map(|mode| resolve(column, selection, mode)))
        .collect();
    for (place, [own, theirs]) in resolved.iter().enumerate() {
        match own {
            Ok(own) => {
                let mut groups = single(place, own, theirs, &tally.facets[place].name);
                let absent = unmatched(&tally.facets[place], &request.facets[place]);
                groups.iter_mut().for_each(|group| group.notes.extend(absent.iter().cloned()));
                facets.extend(groups.iter().map(|group| assembly.measure(group)));
            }
            Err(reason) => facets.push(refused(tally, request, place, reason)),
        }
    }
    let mut notes = notes(tally, flips, request, &view);
    notes.extend(unmatched(&tally.label, &request.label));
    notes.extend(deep.iter().flat_map(|deep| deep.notes()));
    for (pair, &(a, b)) in request.intersections.iter().enumerate() {
        let [([Ok(left), left_other], a), ([Ok(right), right_other], b)] = [(&resolved[a], a), (&resolved[b], b)]
        else {
            continue;
        };
        let left = single(a, left, left_other, &tally.facets[a].name);
        let right = single(b, right, right_other, &tally.facets[b].name);
        for group in both(pair, &left, &right) {
            let bias = assembly.measure(&group);
            match bias.d.rows >= request.min_group {
                true => facets.push(bias),
                false => notes.push(format!(
                    "{} = {} has only {} rows and was left out",
                    bias.facet, bias.value_or_threshold, bias.d.rows
                )),
            }
        }
    }
    let refused = view.post_error.is_some() || view.no_outcome.is_some();
    let with_predictions = view.predicted.as_ref().filter(|_| !refused);
    let performance = with_predictions.map(|_| performance_of(tally, &view, &all, request, &mut notes));
    Ok(BiasReport {
        mode,
        rows: tally.rows,
        label: request.label.column.clone(),
        label_value_or_threshold: view.label.groups[0].text.clone(),
        label_kind: view.label.kind,
        label_rule: view.label.rule.clone(),
        predicted: request.predicted.as_ref().map(|p| p.column().into()),
        predicted_rule: view.predicted.as_ref().map(|p| p.rule.clone()),
        group: request.group.clone(),
        facets,
        performance,
        notes,
        by_formula: request.by_formula(),
        no_outcome: view.no_outcome.is_some(),
    })
}

fn rows_of_contexts(tally: &Tally) -> Vec<u64> {
    let mut all = vec![0; tally.contexts.len()];
    for row in &tally.counts[0] {
        all.iter_mut().zip(row).for_each(|(sum, n)| *sum += n);
    }
    all
}

/// The groups of one facet.
fn single<'a>(place: usize, own: &Resolved, theirs: &Result<Resolved, String>, column: &'a str) -> Vec<Group<'a>> {
    let group = |(chosen, other): (super::resolve::Chosen, Result<Target, String>)| Group {
        facet: column.into(),
        columns: vec![column],
        text: chosen.text.clone(),
        kind: own.kind,
        rule: own.rule.clone(),
        notes: own.notes.clone(),
        target: Target { parts: vec![(place, chosen)] },
        other,
        pair: None,
    };
    pair_up(place, own, theirs).into_iter().map(group).collect()
}

/// The groups of an intersection: every group of one facet with every group of the other.
fn both<'a>(pair: usize, left: &[Group<'a>], right: &[Group<'a>]) -> Vec<Group<'a>> {
    let join = |a: &Target, b: &Target| Target { parts: [a.parts.clone(), b.parts.clone()].concat() };
    let group = |a: &Group<'a>, b: &Group<'a>| Group {
        facet: format!("{} × {}", a.facet, b.facet),
        columns: [a.columns.clone(), b.columns.clone()].concat(),
        text: format!("{} × {}", a.text, b.text),
        kind: Kind::Categorical,
        rule: format!("{}: {}; {}: {}", a.facet, a.rule, b.facet, b.rule),
        notes: Vec::new(),
        target: join(&a.target, &b.target),
        other: a.other.clone().and_then(|a| Ok(join(&a, b.other.as_ref().map_err(String::clone)?))),
        pair: Some(pair),
    };
    left.iter().flat_map(|a| right.iter().map(move |b| group(a, b))).collect()
}

/// A facet of which nothing can be measured.
fn refused(tally: &Tally, request: &BiasRequest, place: usize, reason: &str) -> FacetBias {
    let selection = &request.facets[place];
    let (kind, rule) = infer(&tally.facets[place], selection);
    FacetBias {
        facet: selection.column.clone(),
        value_or_threshold: selection.values.iter().map(|v| v.python()).collect::<Vec<_>>().join(","),
        kind,
        rule,
        pre: Vec::new(),
        post: Vec::new(),
        pre_error: Some(reason.into()),
        post_error: request.predicted.is_some().then(|| reason.into()),
        stats: None,
        d: GroupCounts::default(),
        a: GroupCounts::default(),
        four_fifths: None,
        notes: Vec::new(),
        details: Details::default(),
    }
}

fn performance_of(
    tally: &Tally,
    view: &View,
    all: &[u64],
    request: &BiasRequest,
    notes: &mut Vec<String>,
) -> super::Performance {
    // Scores have no classes.
    let classified = view.label.kind == Kind::Categorical && matches!(request.predicted, Some(Predicted::Label(_)));
    let classes = tally.predicted.as_ref().filter(|_| classified);
    let classes = classes.and_then(|predicted| class_counts(&tally.label, predicted, &tally.outcomes, view.mode));
    if classified && classes.is_none() {
        notes.push("the label has more than 100 classes: no confusion matrix of classes".into());
    }
    performance(&view.whole(all), classes, view.mode)
}

fn notes(tally: &Tally, flips: Option<&Flips>, request: &BiasRequest, view: &View) -> Vec<String> {
    let mut notes = view.label.notes.clone();
    let mut columns: Vec<&super::column::Column> = vec![&tally.label];
    columns.extend(&tally.predicted);
    columns.extend(&tally.group);
    for column in columns.into_iter().chain(&tally.facets).filter(|c| c.missing > 0) {
        let note = format!("`{}` is missing in {} of {} rows", column.name, column.missing, column.rows);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    if let Some(rows) = flips.and_then(Flips::sampled) {
        notes.push(format!(
            "the flip test compares {rows} of {} rows, drawn at random (seed {})",
            tally.rows, request.seed
        ));
    }
    if let Some(reason) = &view.post_error {
        notes.push(format!("post-training metrics were refused: {reason}"));
    }
    notes
}
