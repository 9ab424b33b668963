//! What was asked for beside the metrics, as text: calibration, the threshold curve, errors of numbers, classes, thresholds.

use super::{WIDTH, interval, number, shortened, wrap};
use crate::number::thousands;
use pellucid::bias::{
    Asked, BiasReport, Calibration, Choice, Classes, Curve, Distribution, FacetBias, Gap, Regression, Reliability,
    ReliabilityBin,
};
use pellucid::report::bias::{OTHERS, group};

/// Thresholds of a curve that are printed; a file has all.
const THRESHOLDS: usize = 11;
/// Metrics of each class or threshold that are printed.
const SHOWN: [&str; 5] = ["DPL", "DPPL", "DI", "RD", "AD"];

/// Parts with their titles, each a block of lines.
pub fn parts(facet: &FacetBias, found: &BiasReport) -> Vec<String> {
    let details = &facet.details;
    let mut parts = Vec::new();
    parts.extend(part("Calibration", &details.calibration, |c| calibration(c, facet)));
    parts.extend(part("Other thresholds of the score", &details.curve, curve));
    parts.extend(part("Errors of the predicted numbers", &details.regression, |r| regression(r, facet, found)));
    parts.extend(part("Each class as the positive one", &details.classes, |c| classes(c, found)));
    if !details.thresholds.is_empty() {
        parts.push(format!("Thresholds of the label\n{}", choices("label above", &details.thresholds).join("\n")));
    }
    parts
}

fn part<T>(title: &str, asked: &Option<Asked<T>>, lines: impl Fn(&T) -> Vec<String>) -> Option<String> {
    Some(match asked.as_ref()? {
        Asked::Found(found) => format!("{title}\n{}", lines(found).join("\n")),
        Asked::Refused { error } => wrap(&format!("{title}: not measured: {error}"), 2, WIDTH),
    })
}

fn share(value: Option<f64>) -> String {
    value.map_or("–".into(), |value| format!("{value:.3}"))
}

fn calibration(found: &Calibration, facet: &FacetBias) -> Vec<String> {
    let name = shortened(&group(facet));
    let mut lines = vec![
        format!("  {:<14}{:<33}{}", "", format!("{name} (d)"), format!("{OTHERS} (a)")),
        format!("  {:<14}{head:<33}{head}", "score", head = "  rows  score  label"),
    ];
    let half = |bin: &ReliabilityBin| {
        let seen = format!("{:>6} {:>6} {:>6}", thousands(bin.rows), share(bin.mean_score), share(bin.observed));
        let ends = bin.interval.map_or(String::new(), |(low, high)| format!("{low:.2}–{high:.2}"));
        format!("{seen} {ends}")
    };
    for (d, a) in found.d.bins.iter().zip(&found.a.bins).filter(|(d, a)| d.rows + a.rows > 0) {
        let bin = format!("{}–{}", d.from, d.to);
        lines.push(format!("  {bin:<14}{:<33}{}", half(d), half(a)).trim_end().to_string());
    }
    let line = |name: &str, of: &dyn Fn(&Reliability) -> String| {
        format!("  {name:<14}{:<33}{}", of(&found.d), of(&found.a)).trim_end().to_string()
    };
    lines.push(line("all", &|r| {
        format!("{:>6} {:>6} {:>6}", thousands(r.rows), share(r.mean_score), share(r.observed))
    }));
    lines.push(line("ECE", &|r| format!("  {} ({} by chance)", share(r.ece), share(r.ece_by_chance))));
    lines.push(line("largest error", &|r| format!("  {}", share(r.mce))));
    lines.extend(found.excess_gap.map(|gap| {
        let high = if gap > 0.0 { "too high" } else { "too low" };
        let text = format!(
            "scores of {name} are {:.3} {high} compared with those of {OTHERS} {}",
            gap.abs(),
            interval(found.excess_interval)
        );
        wrap(&text, 2, WIDTH)
    }));
    lines
}

fn curve(found: &Curve) -> Vec<String> {
    let shown: Vec<_> = found.metrics.iter().filter(|m| ["DPPL", "DI"].contains(&m.name)).collect();
    let heads: String = shown.iter().map(|m| format!("{:>9}", m.name)).collect();
    let pair = |[d, a]: [&str; 2]| format!("{d:>8}{a:>7}");
    let mut lines = vec![
        format!("  {:>9}  {:>14} {:>14} {:>14}", "", "selected", "true positive", "false positive"),
        format!("  {:>9} {pairs}{pairs}{pairs}{heads}", "above", pairs = pair(["d", "a"])),
    ];
    let step = (found.thresholds.len() - 1).div_ceil(THRESHOLDS - 1).max(1);
    for i in (0..found.thresholds.len()).step_by(step) {
        let rates = [
            [&found.d.selection, &found.a.selection],
            [&found.d.true_positive, &found.a.true_positive],
            [&found.d.false_positive, &found.a.false_positive],
        ];
        let rates: String = rates.map(|[d, a]| pair([&share(d[i]), &share(a[i])])).concat();
        let values: String = shown.iter().map(|m| format!("{:>9}", m.values[i].map_or("–".into(), number))).collect();
        lines.push(format!("  {:>9} {rates}{values}", format!("{}", found.thresholds[i])));
    }
    if step > 1 {
        lines.push(format!("  {} thresholds in --output and --report", found.thresholds.len()));
    }
    lines
}

fn regression(found: &Regression, facet: &FacetBias, report: &BiasReport) -> Vec<String> {
    let name = shortened(&group(facet));
    let mut lines = vec![format!("  {:<16}{:>16}{:>16}{:>12}", "", name, OTHERS, "a − d")];
    let line = |gap: &Gap| {
        let value = |value: Option<f64>| value.map_or("–".into(), number);
        let shown = if report.by_formula { gap.analytic } else { gap.interval };
        let text = format!(
            "  {:<16}{:>16}{:>16}{:>12} {}",
            gap.name,
            value(gap.d),
            value(gap.a),
            value(gap.difference),
            interval(shown)
        );
        text.trim_end().to_string()
    };
    lines.extend(found.gaps.iter().map(line));
    lines.push(wrap("residual = label − prediction: above 0 the prediction is too low", 2, WIDTH));
    lines
}

fn classes(found: &Classes, report: &BiasReport) -> Vec<String> {
    let mut lines = choices("class", &found.each);
    let line = |of: &str, distribution: &Distribution| {
        let one = |distance: &pellucid::bias::Distance| {
            let value = distance.value.map_or("–".into(), number);
            format!("{} {value} {}", distance.name, interval(distance.shown_interval(report.by_formula)))
        };
        let distances: Vec<String> = distribution.distances.iter().map(one).collect();
        let text = distances.iter().map(|text| text.trim().replace(' ', "\u{a0}")).collect::<Vec<_>>().join("; ");
        wrap(&format!("distances of {of} over all classes: {text}"), 2, WIDTH).replace('\u{a0}', " ")
    };
    lines.push(line("labels", &found.labels));
    lines.extend(found.predictions.as_ref().map(|found| line("predictions", found)));
    lines
}

fn choices(head: &str, found: &[Choice]) -> Vec<String> {
    let metrics: Vec<&str> =
        SHOWN.into_iter().filter(|name| found.iter().any(|choice| choice.metric(name).is_some())).collect();
    let heads: String = metrics.iter().map(|name| format!("{name:>9}")).collect();
    let mut lines = vec![format!("  {head:<14}{:>9}{:>9}{heads}", "d", "a")];
    let share = |positive: u64, rows: u64| match rows {
        0 => "–".to_string(),
        rows => format!("{:.2} %", positive as f64 / rows as f64 * 100.0),
    };
    for choice in found {
        let values: String = metrics
            .iter()
            .map(|name| format!("{:>9}", choice.metric(name).and_then(|m| m.value).map_or("–".into(), number)))
            .collect();
        let (d, a) = (share(choice.d.positive, choice.d.rows), share(choice.a.positive, choice.a.rows));
        let name: String = choice.positive.chars().take(13).collect();
        lines.push(format!("  {name:<14}{d:>9}{a:>9}{values}"));
    }
    lines
}
