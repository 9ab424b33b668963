//! From counts to the metrics of a group, under the mode asked for and, where it differs, the other.

use super::bootstrap::{Sample, intervals};
use super::cells::{Cells, Sums};
use super::deep::{Deep, Details};
use super::flip::{Flipped, Flips};
use super::formula::{Outcome, metric, why};
use super::interval::analytic;
use super::metric::{Metric, Stage};
use super::performance::{basic_stats, group_counts};
use super::report::{FacetBias, MetricValue, Other, Verdict};
use super::request::{BiasRequest, Kind, Mode};
use super::resolve::{Chosen, Resolved};
use super::view::{Target, View};

/// Values closer than this, relatively, are the same: rounding differs where the order of a sum does.
const SAME: f64 = 1e-12;

/// The group to measure.
pub struct Group<'a> {
    pub facet: String,
    pub columns: Vec<&'a str>,
    pub text: String,
    pub kind: Kind,
    pub rule: String,
    pub notes: Vec<String>,
    /// Its rows, and those of the same group in the other mode, or why there are none.
    pub target: Target,
    pub other: Result<Target, String>,
    pub pair: Option<usize>,
}

/// Both views, the data, and what is wanted.
pub struct Assembly<'a> {
    pub view: &'a View<'a>,
    pub other: &'a Result<View<'a>, String>,
    pub flips: Option<&'a Flips>,
    pub request: &'a BiasRequest,
    /// Rows of each context.
    pub all: &'a [u64],
    pub deep: Option<&'a Deep>,
}

struct Measured {
    sums: Sums,
    flips: Option<Result<Flipped, String>>,
    post_error: Option<String>,
    mode: Mode,
}

impl Assembly<'_> {
    pub fn measure(&self, group: &Group) -> FacetBias {
        let cells = self.view.cells(&group.target, self.all, group.pair);
        let own = self.measured(self.view, group, &group.target, &cells);
        let other = self.other.as_ref().map_err(String::clone).and_then(|view| {
            let target = group.other.as_ref().map_err(String::clone)?;
            let cells = view.cells(target, self.all, group.pair);
            Ok(self.measured(view, group, target, &cells))
        });
        let (pre, post): (Vec<_>, Vec<_>) =
            self.wanted().map(|m| (m, self.value(m, &own, &other))).partition(|(m, _)| m.stage == Stage::PreTraining);
        let [mut pre, mut post] = [pre, post].map(|list| list.into_iter().map(|(_, value)| value).collect::<Vec<_>>());
        if self.request.predicted.is_none() || own.post_error.is_some() || self.view.no_outcome.is_some() {
            post.clear();
        }
        if self.view.no_outcome.is_some() {
            pre.clear();
        }
        if let Some(how) = &self.request.bootstrap {
            let flips = own.flips.as_ref().and_then(|f| f.as_ref().ok()).copied();
            let sample = Sample { cells: &cells, strata: self.view.strata(), flips, mode: own.mode };
            let names: Vec<&'static str> = pre.iter().chain(&post).map(|m| m.name).collect();
            let found = intervals(&sample, &names, how);
            for (value, interval) in pre.iter_mut().chain(&mut post).zip(found) {
                value.interval = interval.filter(|_| value.value.is_some());
            }
        }
        let [a, d] = [0, 1].map(|g| group_counts(&own.sums, g));
        let mut notes = group.notes.clone();
        for (name, counts) in [("d", &d), ("a", &a)] {
            if counts.rows > 0 && counts.rows < self.request.min_group {
                notes.push(format!("group {name} has only {} rows: its values are uncertain", counts.rows));
            }
        }
        FacetBias {
            facet: group.facet.clone(),
            value_or_threshold: group.text.clone(),
            kind: group.kind,
            rule: group.rule.clone(),
            four_fifths: post.iter().find(|m| m.name == "DI").and_then(|di| four_fifths(di, self.request.by_formula())),
            pre,
            post,
            pre_error: self.view.no_outcome.map(String::from),
            post_error: own.post_error.clone(),
            stats: Some(basic_stats(&own.sums, self.view.predicted.is_some() && own.post_error.is_none())),
            d,
            a,
            notes,
            details: self.details(group),
        }
    }

    /// What was asked for beside the metrics.
    fn details(&self, group: &Group) -> Details {
        let wanted: Vec<&'static Metric> = self.wanted().collect();
        self.deep.map_or_else(Details::default, |deep| deep.of(group, self.view, self.request, &wanted))
    }

    pub fn wanted(&self) -> impl Iterator<Item = &'static Metric> {
        let wanted = |m: &&Metric| {
            self.request.metrics.is_empty() || self.request.metrics.iter().any(|w| w.eq_ignore_ascii_case(m.name))
        };
        Metric::ALL.iter().filter(wanted)
    }

    fn measured(&self, view: &View, group: &Group, target: &Target, cells: &Cells) -> Measured {
        let flips = self.flips.map(|flips| {
            let side = |classes: &[u32]| view.side_of(target, classes);
            flips.test(&group.columns, side, |class| view.predicted_side(class), view.mode)
        });
        Measured { sums: view.sums(cells), flips, post_error: view.post_error.clone(), mode: view.mode }
    }

    fn value(&self, fact: &'static Metric, own: &Measured, other: &Result<Measured, String>) -> MetricValue {
        let name = fact.name;
        let value = own.outcome(fact);
        let theirs = match other {
            Ok(other) => other.outcome(fact),
            Err(reason) => Err(reason.clone()),
        };
        let differs = match (&value, &theirs) {
            (Ok(a), Ok(b)) => {
                a != b && (a.is_infinite() || b.is_infinite() || (a - b).abs() > SAME * a.abs().max(b.abs()))
            }
            (a, b) => a.is_ok() != b.is_ok(),
        };
        let mode = if own.mode == Mode::Correct { Mode::Clarify } else { Mode::Correct };
        let groups = match other {
            Ok(other) => own.other_groups(other).then(|| self.groups_differ()),
            Err(_) => None,
        };
        let other = differs.then(|| {
            let (correct, clarify) = if mode == Mode::Clarify { (&value, &theirs) } else { (&theirs, &value) };
            let why = why(name, correct, clarify, groups.as_deref());
            Other { mode, value: theirs.as_ref().ok().copied(), error: theirs.as_ref().err().cloned(), why }
        });
        let level = self.request.analytic.filter(|_| value.is_ok());
        let analytic = level.and_then(|level| analytic(name, &own.sums, own.mode, level));
        MetricValue { name, value: value.as_ref().ok().copied(), error: value.err(), other, interval: None, analytic }
    }

    fn groups_differ(&self) -> String {
        let tally = self.view.tally;
        let columns = tally.facets.iter().chain([&tally.label]).chain(&tally.predicted);
        match columns.map(|c| c.missing).sum::<u64>() {
            0 => "Clarify casts the values to the column's type and so selects other rows.".into(),
            _ => "Rows with a missing facet, label or prediction are left out; Clarify counts them as group a and as negative.".into(),
        }
    }
}

impl Measured {
    fn outcome(&self, fact: &Metric) -> Outcome {
        match (fact.stage, &self.post_error, fact.name, &self.flips) {
            (Stage::PostTraining, Some(reason), ..) => Err(reason.clone()),
            (_, _, "FT", Some(flips)) => flips.clone().map(|f| f.value(self.mode)),
            (_, _, "FT", None) => Err("there are no predictions".into()),
            (_, _, name, _) => metric(name, &self.sums, self.mode),
        }
    }

    fn other_groups(&self, other: &Measured) -> bool {
        (self.sums.observed, self.sums.confusion) != (other.sums.observed, other.sums.confusion)
    }
}

/// The groups of a facet under both modes, or why there are none.
pub fn pair_up(
    facet: usize,
    own: &Resolved,
    other: &Result<Resolved, String>,
) -> Vec<(Chosen, Result<Target, String>)> {
    let theirs = |text: &str| -> Result<Target, String> {
        let other = other.as_ref().map_err(String::clone)?;
        let found = match other.groups.as_slice() {
            [only] => Some(only),
            groups => groups.iter().find(|g| g.text == text),
        };
        let chosen = found.ok_or_else(|| "the other mode has no such group".to_string())?;
        Ok(Target { parts: vec![(facet, chosen.clone())] })
    };
    own.groups.iter().map(|chosen| (chosen.clone(), theirs(&chosen.text))).collect()
}

/// The four-fifths rule (29 CFR 1607.4 D), both ways.
fn four_fifths(impact: &MetricValue, by_formula: bool) -> Option<Verdict> {
    const FAIR: std::ops::RangeInclusive<f64> = 0.8..=1.25;
    let value = impact.value?;
    let passes = FAIR.contains(&value);
    let certain = impact.shown_interval(by_formula).map(|(low, high)| match passes {
        true => FAIR.contains(&low) && FAIR.contains(&high),
        false => high < *FAIR.start() || low > *FAIR.end(),
    });
    let text = match value {
        v if v < *FAIR.start() => {
            format!("d gets {:.0} % of a's rate of positive predictions, less than four fifths", v * 100.0)
        }
        v if v > *FAIR.end() => {
            format!("a gets {:.0} % of d's rate of positive predictions, less than four fifths", 100.0 / v)
        }
        _ => "the rates of positive predictions are within four fifths of each other".into(),
    };
    Some(Verdict { passes, certain, text })
}
