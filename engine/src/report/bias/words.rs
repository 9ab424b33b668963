//! What the value of a metric means, in plain words.

use crate::bias::{Direction, FacetBias, Kind, Metric, Mode};
use crate::report::figures::text::{percent, short};

/// Shares and ratios that differ by less than this are told as alike.
const ALIKE: f64 = 5e-5;
/// The others, wherever a group is compared with them.
pub const OTHERS: &str = "the others";

/// Who fares worse by a metric's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worse {
    /// The group that the facet names.
    Group,
    /// All other rows.
    Others,
    /// The value is neutral, or the metric takes no side.
    Nobody,
}

/// Who fares worse. The flip test has the opposite sign in Clarify's mode.
pub fn worse_off(metric: &Metric, value: f64, mode: Mode) -> Worse {
    let above = match metric.direction {
        Direction::AboveIsWorse => !(metric.name == "FT" && mode == Mode::Clarify),
        Direction::BelowIsWorse => false,
        Direction::None => return Worse::Nobody,
    };
    match value.partial_cmp(&metric.neutral) {
        Some(std::cmp::Ordering::Greater) if above => Worse::Group,
        Some(std::cmp::Ordering::Less) if !above => Worse::Group,
        Some(std::cmp::Ordering::Equal) | None => Worse::Nobody,
        _ => Worse::Others,
    }
}

/// What the facet compares: `sex = Female`, `age > 40`.
pub fn heading(facet: &FacetBias) -> String {
    if facet.value_or_threshold.is_empty() && facet.kind == Kind::Categorical {
        return facet.facet.clone();
    }
    match threshold(facet) {
        Some(threshold) => format!("{} > {threshold}", facet.facet),
        None if facet.kind == Kind::Continuous && facet.value_or_threshold.is_empty() => {
            format!("{} above its largest value", facet.facet)
        }
        None if facet.kind == Kind::Continuous => format!("{} in {}", facet.facet, facet.value_or_threshold),
        None => format!("{} = {}", facet.facet, facet.value_or_threshold),
    }
}

/// Of `(40.0, 90.0]`: 40. None where the group is empty: the threshold is then the other end.
fn threshold(facet: &FacetBias) -> Option<&str> {
    let inside = facet.value_or_threshold.strip_prefix('(').filter(|_| facet.kind == Kind::Continuous)?;
    let low = inside.split(',').next().filter(|_| facet.d.rows > 0)?;
    Some(low.strip_suffix(".0").unwrap_or(low))
}

/// The group in a sentence: `Female`, but `rows with sex = 1` where the value alone says nothing.
pub fn group(facet: &FacetBias) -> String {
    let value = &facet.value_or_threshold;
    let speaks = facet.kind == Kind::Categorical
        && value.chars().any(char::is_alphabetic)
        && !matches!(value.to_lowercase().as_str(), "true" | "false" | "yes" | "no" | "nan");
    if speaks { value.clone() } else { format!("rows with {}", heading(facet)) }
}

/// Says what a metric's value, which may be infinite, means for `group` compared with the other rows.
pub fn meaning(metric: &Metric, value: f64, group: &str, mode: Mode) -> String {
    let apart = |high: &str, low: &str, alike: &str| match value {
        v if v.abs() < ALIKE => alike.to_string(),
        v => format!("{} percentage points {}", short(v.abs() * 100.0), if v > 0.0 { high } else { low }),
    };
    let often = |what: &str| format!("{group} {what} {}", apart("less often", "more often", "as often"));
    match metric.name {
        "CI" => format!("{group}: {} of the rows", percent((1.0 - value) / 2.0)),
        "DPL" => often("have the positive label"),
        "DPPL" => often("get the positive prediction"),
        "JS" => format!("labels {} of the way from alike to nothing in common", percent(value / 2f64.ln())),
        "KL" => "distance of the labels in nats: 0 is alike, no upper limit".into(),
        "KS" => format!("no label's share differs by more than {} percentage points", short(value * 100.0)),
        "LP" => "distance of the labels: 0 is alike, 1.41 nothing in common".into(),
        "TVD" => format!("{} of {OTHERS}' labels would have to change to be like those of {group}", percent(value)),
        "CDDL" => strata(value, group, "labels"),
        "CDDPL" => strata(value, group, "predictions"),
        "DI" => ratio(value, group),
        "DCA" => per("positive", value, group, ["generous", "strict"]),
        "DCR" => per("negative", -value, group, ["strict", "generous"]),
        "RD" => format!("the positives of {group} are found {}", apart("less often", "more often", "as often")),
        "SD" => format!(
            "the negatives of {group} are wrongly predicted positive {}",
            apart("less often", "more often", "as often")
        ),
        "DAR" => {
            format!("positive predictions are right {} for {group}", apart("less often", "more often", "as often"))
        }
        "DRR" => {
            format!("negative predictions are right {} for {group}", apart("more often", "less often", "as often"))
        }
        "AD" => format!("predictions are right {} for {group}", apart("less often", "more often", "as often")),
        "TE" => errors(value, group),
        "FT" => flips(if mode == Mode::Clarify { -value } else { value }, group),
        "GE" => "how unequally predictions benefit all rows, whatever their group; 0 is equally".into(),
        _ => metric.words.into(),
    }
}

/// The four-fifths rule on the rates of positive predictions, spelled out. None where there is no ratio.
pub fn four_fifths(facet: &FacetBias) -> Option<String> {
    let verdict = facet.four_fifths.as_ref()?;
    let value = facet.metric("DI")?.value?;
    let group = group(facet);
    let (who, whom, rate) =
        if value <= 1.0 { (group.as_str(), OTHERS, value) } else { (OTHERS, group.as_str(), 1.0 / value) };
    let verdict_text = match verdict.passes {
        true => "not below four fifths, so the rule is kept",
        false => "below four fifths, which the rule takes as evidence of adverse impact",
    };
    let certain = match verdict.certain {
        Some(false) => "; with these few rows it could be otherwise (the interval reaches over the bound)",
        _ => "",
    };
    Some(format!(
        "the rate of positive predictions of {who} is {} of that of {whom}: {verdict_text}{certain}",
        percent(rate)
    ))
}

fn strata(value: f64, group: &str, of: &str) -> String {
    match value {
        v if v.abs() < ALIKE => format!("within strata {group} are the same share of negative as of positive {of}"),
        v => format!(
            "within strata the share of {group} is {} percentage points {} among negative {of} than among positive ones",
            short(v.abs() * 100.0),
            if v > 0.0 { "higher" } else { "lower" }
        ),
    }
}

fn ratio(value: f64, group: &str) -> String {
    match value {
        v if v.is_infinite() => format!("only {group} get positive predictions, {OTHERS} none"),
        v if (v - 1.0).abs() < ALIKE => format!("{group} get the positive prediction as often as {OTHERS}"),
        v => format!("{group} get the positive prediction at {} times the rate of {OTHERS}", short(v)),
    }
}

/// Labels for each prediction of a kind: those of the others minus those of the group.
fn per(kind: &str, value: f64, group: &str, [more, less]: [&str; 2]) -> String {
    if value == 0.0 {
        return format!("as many {kind} labels for each {kind} prediction among {group}");
    }
    let (word, kinder) = if value > 0.0 { ("fewer", more) } else { ("more", less) };
    format!(
        "{} {word} {kind} labels for each {kind} prediction among {group}: predictions are more {kinder} to them",
        amount(value)
    )
}

fn errors(value: f64, group: &str) -> String {
    match value {
        0.0 => format!("as many false negatives for each false positive among {group}"),
        v => format!(
            "{} {} false negatives for each false positive among {group}",
            amount(v),
            if v > 0.0 { "more" } else { "fewer" }
        ),
    }
}

fn flips(worse: f64, group: &str) -> String {
    match worse {
        0.0 => format!("{group} are decided like the most similar of {OTHERS}, on balance"),
        v => format!(
            "on balance {} of {group} are decided {} than the most similar of {OTHERS}",
            percent(v.abs()),
            if v > 0.0 { "worse" } else { "better" }
        ),
    }
}

fn amount(value: f64) -> String {
    if value.is_infinite() { "infinitely many".into() } else { short(value.abs()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, value: f64) -> String {
        meaning(Metric::named(name).unwrap(), value, "Female", Mode::Correct)
    }

    #[test]
    fn both_directions_are_told() {
        assert_eq!(said("DPL", 0.123), "Female have the positive label 12.3 percentage points less often");
        assert_eq!(said("DPL", -0.123), "Female have the positive label 12.3 percentage points more often");
        assert_eq!(said("DPPL", 0.0), "Female get the positive prediction as often");
        assert_eq!(said("CI", 0.42), "Female: 29 % of the rows");
        assert_eq!(said("DI", 0.5), "Female get the positive prediction at 0.5 times the rate of the others");
        assert_eq!(said("DI", f64::INFINITY), "only Female get positive predictions, the others none");
        assert_eq!(said("RD", 0.2), "the positives of Female are found 20 percentage points less often");
        assert_eq!(
            said("SD", 0.2),
            "the negatives of Female are wrongly predicted positive 20 percentage points less often"
        );
        assert_eq!(said("DRR", -0.2), "negative predictions are right 20 percentage points less often for Female");
        assert_eq!(
            said("DCA", f64::INFINITY),
            "infinitely many fewer positive labels for each positive prediction among Female: predictions are more generous to them"
        );
        assert_eq!(
            said("DCR", 0.5),
            "0.5 more negative labels for each negative prediction among Female: predictions are more generous to them"
        );
    }

    /// What the direction of the engine's table says and what the words say is one thing.
    #[test]
    fn words_and_direction_agree() {
        for metric in Metric::ALL.iter().filter(|m| m.direction != Direction::None) {
            let (low, high) = (said(metric.name, metric.neutral - 0.25), said(metric.name, metric.neutral + 0.25));
            assert_ne!(low, high, "{}", metric.name);
            let worse = |value| worse_off(metric, value, Mode::Correct);
            let (low_side, high_side) = (worse(metric.neutral - 0.25), worse(metric.neutral + 0.25));
            assert_ne!(low_side, high_side, "{}", metric.name);
            let bad = if high_side == Worse::Group { &high } else { &low };
            let good = ["more often", "more generous", "decided better", "lower among negative"];
            assert!(!good.iter().any(|words| bad.contains(words)), "{}: {bad}", metric.name);
        }
        assert_eq!(worse_off(Metric::named("FT").unwrap(), 0.1, Mode::Clarify), Worse::Others);
        assert_eq!(worse_off(Metric::named("JS").unwrap(), 0.1, Mode::Correct), Worse::Nobody);
    }
}
