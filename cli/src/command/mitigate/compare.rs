//! Bias metrics before and after, side by side.

use crate::bias_table::{LEGEND, WIDTH, interval, mark, number, wrap};
use crate::number::thousands;
use pellucid::bias::{BiasReport, FacetBias, Metric, MetricValue};
use pellucid::report::bias::{group, heading, meaning};

/// Values nearer to the value of no difference than the last digit shown are shown as that.
const ALIKE: f64 = 5e-5;

/// A table for each facet; `headline` metrics are told in words.
pub fn compare(before: &BiasReport, after: &BiasReport, headline: &[&str]) -> String {
    let facets = before.facets.iter().zip(&after.facets).filter(|(facet, _)| !is_mirror(facet, before));
    let mut parts: Vec<String> = facets.map(|(b, a)| one((b, before), (a, after), headline)).collect();
    parts.push(wrap(LEGEND, 0, WIDTH));
    parts.join("\n\n")
}

/// Of a facet with two values the second says what the first does, with the groups swapped.
fn is_mirror(facet: &FacetBias, found: &BiasReport) -> bool {
    let same: Vec<&FacetBias> = found.facets.iter().filter(|other| other.facet == facet.facet).collect();
    matches!(same[..], [first, second] if std::ptr::eq(second, facet) && (first.d.rows, first.a.rows) == (second.a.rows, second.d.rows))
}

type Side<'a> = (&'a FacetBias, &'a BiasReport);

fn one(before: Side, after: Side, headline: &[&str]) -> String {
    let (facet, _) = before;
    let all = thousands(facet.d.rows + facet.a.rows);
    let mut lines = vec![format!("{}: {} of {all} rows", heading(facet), thousands(facet.d.rows)), String::new()];
    let metrics = |facet: &FacetBias| facet.pre.iter().chain(&facet.post).cloned().collect::<Vec<_>>();
    let cells: Vec<[String; 3]> = metrics(before.0)
        .iter()
        .filter_map(|old| {
            let new = after.0.metric(old.name)?;
            Some([old.name.to_string(), cell(old, before.1), cell(new, after.1)])
        })
        .collect();
    let wide = cells.iter().map(|row| row[1].chars().count()).max().unwrap_or(0).max("before".len());
    lines.push(format!("  {:<7}{:<wide$}   {}", "", "before", "after"));
    lines
        .extend(cells.iter().map(|[name, old, new]| format!("  {name:<7}{old:<wide$}   {new}").trim_end().to_string()));
    let refused = before.0.pre_error.iter().chain(&before.0.post_error);
    lines.extend(refused.map(|why| wrap(&format!("could not be compared: {why}"), 2, WIDTH)));
    for name in headline {
        let said = |(facet, found): Side| {
            let (metric, value) = (Metric::named(name)?, settled(facet.metric(name)?)?);
            Some(meaning(metric, value, &group(facet), found.mode))
        };
        if let (Some(old), Some(new)) = (said(before), said(after)) {
            lines.push(String::new());
            lines.push(wrap(&format!("before: {old};"), 2, WIDTH));
            lines.push(wrap(&format!("after:  {new}."), 2, WIDTH));
        }
    }
    lines.join("\n")
}

/// `0.1958 ▼ [0.170, 0.222]`, or why there is no value.
fn cell(metric: &MetricValue, found: &BiasReport) -> String {
    let Some(value) = settled(metric) else {
        return format!("not computed: {}", metric.error.as_deref().unwrap_or("no reason is known"));
    };
    let shown = MetricValue { value: Some(value), ..metric.clone() };
    let mark = mark(&shown, found);
    format!("{:>8} {mark} {}", number(value), interval(metric.interval)).trim_end().to_string()
}

fn settled(metric: &MetricValue) -> Option<f64> {
    let neutral = Metric::named(metric.name).map_or(0.0, |fact| fact.neutral);
    metric.value.map(|value| if (value - neutral).abs() < ALIKE { neutral } else { value })
}
