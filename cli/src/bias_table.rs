//! A bias report as text, 80 columns wide: for each facet the outcomes of both groups, then every metric and what it means.

mod details;

use crate::number::{significant, thousands};
use crate::table::bar;
use pellucid::bias::{BiasReport, FacetBias, GroupCounts, Kind, Metric, MetricValue, Mode};
use pellucid::report::bias::{OTHERS, Worse, four_fifths, group, heading, meaning, worse_off};

pub const WIDTH: usize = 80;
/// Cells of a bar that is a whole group.
const BAR: usize = 12;
/// Letters of a value at least, so that the tables of a report stand in line: `-0.1234`.
const VALUE: usize = 7;
/// Letters of a group's name above a column.
const NAME: usize = 24;

/// The rule of a column that is read as the command line has it.
const AS_ASKED: &str = "as requested";

pub const LEGEND: &str = "▼ the named group is worse off, ▲ the others are; hollow (▽ △) where the interval holds the value of no difference.";

/// Everything, facet by facet.
pub fn describe(found: &BiasReport) -> String {
    let mut parts = vec![intro(found)];
    parts.extend(found.facets.iter().map(|facet| one(facet, found)));
    if found.facets.iter().any(|facet| !facet.pre.is_empty() || !facet.post.is_empty()) {
        parts.push(wrap(LEGEND, 0, WIDTH));
    }
    parts.join("\n\n")
}

fn intro(found: &BiasReport) -> String {
    let mode = match found.mode {
        Mode::Correct => "",
        Mode::Clarify => "; numbers as SageMaker Clarify computes them",
    };
    let label = match found.no_outcome {
        true => format!("{} rows; label: {}", thousands(found.rows), found.label),
        false => {
            format!("{} rows; positive: {} {}", thousands(found.rows), found.label, found.label_value_or_threshold)
        }
    };
    let predicted = found.predicted.iter().map(|column| format!("; predicted: {column}")).collect::<String>();
    let mut lines = vec![wrap(&format!("{label}{predicted}{mode}"), 0, WIDTH)];
    let rules = [Some((&found.label, &found.label_rule)), found.predicted.as_ref().zip(found.predicted_rule.as_ref())];
    let inferred = rules.into_iter().flatten().filter(|(_, rule)| *rule != AS_ASKED);
    lines.extend(inferred.map(|(column, rule)| wrap(&read_as(column, found.label_kind, rule), 2, WIDTH)));
    lines.extend(found.notes.iter().map(|note| wrap(&format!("note: {note}"), 2, WIDTH)));
    lines.join("\n")
}

/// Which rule decided how a column is read.
fn read_as(column: &str, kind: Kind, rule: &str) -> String {
    let kind = match kind {
        Kind::Categorical => "categories",
        Kind::Continuous => "numbers above a threshold",
    };
    format!("`{column}` is read as {kind}: {rule}")
}

fn one(facet: &FacetBias, found: &BiasReport) -> String {
    let predicted = found.predicted.is_some();
    let mut lines = vec![format!(
        "{}: {} of {} rows",
        heading(facet),
        thousands(facet.d.rows),
        thousands(facet.d.rows + facet.a.rows)
    )];
    if facet.rule != AS_ASKED {
        lines.push(wrap(&read_as(&facet.facet, facet.kind, &facet.rule), 2, WIDTH));
    }
    lines.extend(facet.notes.iter().map(|note| wrap(&format!("note: {note}"), 2, WIDTH)));
    lines.push(String::new());
    lines.extend(outcomes(facet, predicted, found.no_outcome));
    for (title, metrics, refused) in
        [("Labels", &facet.pre, &facet.pre_error), ("Predictions", &facet.post, &facet.post_error)]
    {
        if let Some(why) = refused.as_ref().filter(|_| !found.no_outcome) {
            lines.push(String::new());
            lines.push(wrap(&format!("{title} could not be compared: {why}"), 2, WIDTH));
        }
        if !metrics.is_empty() {
            lines.push(String::new());
            lines.extend(table(title, metrics, facet, found));
        }
    }
    lines.extend(four_fifths(facet).map(|said| format!("\n{}", wrap(&format!("Four-fifths rule: {said}."), 2, WIDTH))));
    lines.extend(details::parts(facet, found).into_iter().map(|part| format!("\n{part}")));
    lines.join("\n")
}

/// Shares of positive outcomes, side by side.
fn outcomes(facet: &FacetBias, predicted: bool, no_outcome: bool) -> Vec<String> {
    let line =
        |name: &str, cells: [String; 2]| format!("  {name:<22}{:<28}{}", cells[0], cells[1]).trim_end().to_string();
    let share = |n: u64, counts: GroupCounts| match counts.rows {
        0 => "–".to_string(),
        rows => {
            let share = n as f64 / rows as f64;
            format!("{:>6.2} %  {}", share * 100.0, bar(share, 1.0, BAR))
        }
    };
    let (d, a) = (facet.d, facet.a);
    let mut lines = vec![
        line("", [format!("{} (d)", shortened(&group(facet))), format!("{OTHERS} (a)")]),
        line("rows", [d, a].map(|counts| thousands(counts.rows))),
    ];
    if no_outcome {
        return lines;
    }
    lines.push(line("positive labels", [d, a].map(|counts| share(counts.positive, counts))));
    if predicted {
        lines.push(line("positive predictions", [d, a].map(|counts| share(counts.predicted_positive, counts))));
    }
    lines
}

/// A line for each metric, and what its value means beside it.
fn table(title: &str, metrics: &[MetricValue], facet: &FacetBias, found: &BiasReport) -> Vec<String> {
    let intervals: Vec<String> = metrics.iter().map(|m| interval(m.shown_interval(found.by_formula))).collect();
    let wide = intervals.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    let values: Vec<String> = metrics.iter().map(|m| m.value.map_or("–".into(), number)).collect();
    let value_wide = values.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(VALUE);
    let at = 2 + 7 + value_wide + 3 + if wide > 0 { wide + 2 } else { 0 };
    let mut lines = vec![title.to_string()];
    for ((m, value), interval) in metrics.iter().zip(&values).zip(&intervals) {
        let gap = if wide > 0 { format!("{interval:<wide$}  ") } else { String::new() };
        let head = format!("  {:<7}{value:>value_wide$} {} {gap}", m.name, mark(m, found));
        lines.push(format!("{head}{}", wrap(&said(m, facet, found), at, WIDTH).trim_start()).trim_end().to_string());
        lines.extend(other(m).map(|text| wrap(&text, at, WIDTH)));
    }
    lines
}

/// What the value means, or why there is none.
fn said(m: &MetricValue, facet: &FacetBias, found: &BiasReport) -> String {
    match (m.value, Metric::named(m.name)) {
        (Some(value), Some(metric)) => meaning(metric, value, &group(facet), found.mode),
        _ => format!("not computed: {}", m.error.as_deref().unwrap_or("no reason is known")),
    }
}

/// What the other mode has.
fn other(m: &MetricValue) -> Option<String> {
    let other = m.other.as_ref()?;
    let by = match other.mode {
        Mode::Correct => "by definition",
        Mode::Clarify => "in Clarify",
    };
    let value = match (other.value, &other.error) {
        (Some(value), _) => number(value),
        (None, Some(error)) => format!("not computed ({error})"),
        (None, None) => "–".into(),
    };
    Some(format!("({by} {value}: {})", other.why))
}

/// Who is worse off, hollow where that is not certain.
pub fn mark(m: &MetricValue, found: &BiasReport) -> char {
    let (Some(value), Some(metric)) = (m.value, Metric::named(m.name)) else { return ' ' };
    let uncertain =
        m.shown_interval(found.by_formula).is_some_and(|(low, high)| low <= metric.neutral && metric.neutral <= high);
    match (worse_off(metric, value, found.mode), uncertain) {
        (Worse::Group, false) => '▼',
        (Worse::Group, true) => '▽',
        (Worse::Others, false) => '▲',
        (Worse::Others, true) => '△',
        (Worse::Nobody, _) => ' ',
    }
}

pub fn interval(interval: Option<(f64, f64)>) -> String {
    let short = |x: f64| if x.is_finite() && x.abs() < 1000.0 { format!("{x:.3}") } else { number(x) };
    interval.map_or(String::new(), |(low, high)| format!("[{}, {}]", short(low), short(high)))
}

pub fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "∞".into(),
        f64::NEG_INFINITY => "-∞".into(),
        v if v.abs() < 1000.0 => format!("{v:.4}"),
        v => significant(v),
    }
}

fn shortened(name: &str) -> String {
    let cut = name.chars().count() > NAME;
    if cut { name.chars().take(NAME - 1).chain(['…']).collect() } else { name.to_string() }
}

/// Lines of at most `width` letters, each after `indent` spaces, broken at spaces. A longer word stays whole.
pub fn wrap(text: &str, indent: usize, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{:indent$}{word}", "")),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_at_spaces() {
        assert_eq!(wrap("one two three", 2, 9), "  one two\n  three");
        assert_eq!(wrap("extraordinary", 2, 9), "  extraordinary");
        assert_eq!(wrap("", 2, 9), "");
    }

    #[test]
    fn numbers_of_any_size() {
        let texts = [0.12345, -1.0, 123456.0, f64::INFINITY, f64::NEG_INFINITY, 1e300].map(number);
        assert_eq!(texts, ["0.1235", "-1.0000", "123456", "∞", "-∞", "1.000e300"]);
    }
}
