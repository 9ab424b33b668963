//! Errors of predicted numbers, and classes and thresholds of the label, group by group.

use super::dots::{Dot, spec};
use super::words::{OTHERS, Worse, group, heading};
use crate::bias::{Asked, BiasReport, Choice, Classes, Distribution, FacetBias, Gap};
use crate::report::figures::spec::{extent, number};
use crate::report::figures::text::{cut, list, short, slug};
use crate::report::{Figure, Table};
use serde_json::{Value, json};

/// Differences a − d of the errors. None where they were not asked for or refused, or a group is empty.
pub fn errors(facet: &FacetBias, report: &BiasReport) -> Option<Figure> {
    let found = facet.details.regression.as_ref().and_then(Asked::found)?;
    let shown = |gap: &Gap| if report.by_formula { gap.analytic } else { gap.interval };
    let dot = |gap: &Gap| {
        let value = gap.difference?;
        // More error of d makes the difference negative; a mean residual has no better side.
        let side = match (gap.name.as_str(), value.total_cmp(&0.0)) {
            ("mean residual", _) | (_, std::cmp::Ordering::Equal) => Worse::Nobody,
            (_, std::cmp::Ordering::Less) => Worse::Group,
            _ => Worse::Others,
        };
        Some(Dot { name: gap.name.clone(), full: gap.name.clone(), value, interval: shown(gap), side })
    };
    let dots: Vec<Dot> = found.gaps.iter().filter_map(dot).collect();
    if dots.is_empty() {
        return None;
    }
    let ends = dots.iter().flat_map(|dot| {
        let (low, high) = dot.interval.unwrap_or((dot.value, dot.value));
        [low, high, dot.value, 0.0]
    });
    let domain = extent(ends, 0.05);
    let who = group(facet);
    let title = format!("difference, {OTHERS} − {}", cut(&who, 30));
    let said = |gap: &Gap| Some(format!("{} {} against {}", gap.name, short(gap.d?), short(gap.a?)));
    let row = |gap: &Gap| {
        let interval = shown(gap);
        let values = [gap.d, gap.a, gap.difference, interval.map(|i| i.0), interval.map(|i| i.1)];
        std::iter::once(json!(gap.name)).chain(values.map(|value| json!(value))).collect()
    };
    Some(Figure {
        id: format!("errors-{}", slug(&heading(facet))),
        title: format!("Errors of predictions for {} and for {OTHERS}", cut(&who, 60)),
        caption: format!(
            "Each measure of the errors, {OTHERS} minus {who}{}; left of the dashed line the errors of {who} are larger. The mean residual is \
             label − prediction, so it says who is predicted too low.",
            if dots.iter().any(|dot| dot.interval.is_some()) { ", with its interval" } else { "" }
        ),
        alt: format!("{who} and {OTHERS}: {}.", list(&found.gaps.iter().filter_map(said).collect::<Vec<_>>())),
        spec: spec(&dots, [number("x", &title, domain), number("lo", &title, domain)], &cut(&who, 30), 0.0),
        table: Table {
            title: "Errors".into(),
            columns: ["measure", who.as_str(), OTHERS, "difference", "from", "to"].map(String::from).to_vec(),
            rows: found.gaps.iter().map(row).collect(),
            left_out: 0,
        },
    })
}

/// Each class in turn, and the distances over all.
pub fn classes(found: &Classes, report: &BiasReport) -> Vec<Table> {
    let mut tables = vec![choices("Each class as the positive one", "class", &found.each)];
    tables.push(distribution("labels", &found.labels, report));
    tables.extend(found.predictions.as_ref().map(|found| distribution("predictions", found, report)));
    tables
}

/// The values of the metrics with each choice of positive outcomes.
pub fn choices(title: &str, head: &str, found: &[Choice]) -> Table {
    let names: Vec<&str> = found.first().map_or(Vec::new(), |choice| choice.metrics.iter().map(|m| m.name).collect());
    let share = |positive: u64, rows: u64| json!((rows > 0).then(|| positive as f64 / rows as f64));
    let row = |choice: &Choice| {
        let values = names.iter().map(|name| choice.metric(name).and_then(|m| m.value).filter(|v| v.is_finite()));
        let (d, a) = (share(choice.d.positive, choice.d.rows), share(choice.a.positive, choice.a.rows));
        [json!(choice.positive), d, a].into_iter().chain(values.map(|value| json!(value))).collect()
    };
    Table {
        title: title.into(),
        columns: [head, "labels of d", "labels of a"]
            .into_iter()
            .chain(names.iter().copied())
            .map(String::from)
            .collect(),
        rows: found.iter().map(row).collect(),
        left_out: 0,
    }
}

fn distribution(of: &str, found: &Distribution, report: &BiasReport) -> Table {
    let row = |distance: &crate::bias::Distance| {
        let interval = distance.shown_interval(report.by_formula);
        let ends = [interval.map(|i| i.0), interval.map(|i| i.1)].map(|end| json!(end.filter(|x| x.is_finite())));
        let value = match distance.value {
            Some(value) if value.is_infinite() => json!("∞"),
            value => json!(value),
        };
        let [low, high] = ends;
        let why = distance.error.as_ref().map_or(Value::Null, |why| json!(format!("not computed: {why}")));
        vec![json!(distance.name), value, low, high, why]
    };
    Table {
        title: format!("Distances of {of} over {} classes", found.classes.len()),
        columns: ["distance", "value", "interval from", "to", ""].map(String::from).to_vec(),
        rows: found.distances.iter().map(row).collect(),
        left_out: 0,
    }
}
