//! The page of a bias analysis: what was found for each facet, in pictures and in plain words.

mod confusion;
mod curves;
mod dots;
mod errors;
mod outcomes;
mod reliability;
mod segments;
#[cfg(test)]
mod tests;
mod words;

pub use words::{OTHERS, Worse, four_fifths, group, heading, meaning, worse_off};

use super::figures::text::{count, slug};
use super::origin::{facts, section};
use super::{Figure, Item, Report, Section, Table};
use crate::bias::{Asked, BiasReport, FacetBias, Kind, Metric, MetricValue, Mode};
use serde::Serialize;
use serde_json::{Value, json};

/// Facets that have a section of their own; the others are in the summary's table.
const FACETS: usize = 24;

/// What a page is made of.
#[derive(Debug, Clone)]
pub struct BiasPage<'a> {
    pub title: String,
    /// What the table is called.
    pub table: String,
    /// Where predictions come from, as `the column decision`, `income.onnx`; empty without predictions.
    pub predictions: String,
    /// The command line that made it.
    pub command: String,
    /// Date and time.
    pub created: String,
    pub found: &'a BiasReport,
    /// Limits that were stated.
    pub limits: &'a [LimitCheck],
}

/// A limit on a metric and whether a facet keeps it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LimitCheck {
    /// What must not be, as `DI < 0.8`.
    pub limit: String,
    /// What the facet compares, as `sex = Female`.
    pub facet: String,
    /// The metric's value as text; empty where there is none.
    pub value: String,
    pub broken: bool,
    /// Why there is no value; empty where there is one.
    pub why: String,
}

impl BiasPage<'_> {
    /// The report: a summary, a section for each facet, the model's performance, definitions, and where it all comes from.
    pub fn report(&self) -> Report {
        let found = self.found;
        let mut sections = vec![self.summary()];
        sections.extend(found.facets.iter().take(FACETS).enumerate().map(|(i, facet)| self.facet(i, facet)));
        sections.extend(self.performance());
        sections.extend(self.definitions());
        sections.push(self.provenance());
        super::sections::distinct_ids(&mut sections);
        let over = match self.predictions.is_empty() {
            true => format!("{} in {}", found.label, self.table),
            false => format!("{} in {}, predicted by {}", found.label, self.table, self.predictions),
        };
        Report {
            title: self.title.clone(),
            subtitle: format!("Do groups fare differently? {over}, {}. {}", count(found.rows, "row"), self.created),
            sections,
        }
    }

    fn predicted(&self) -> bool {
        self.found.predicted.is_some()
    }

    fn summary(&self) -> Section {
        let mut items: Vec<Item> = dots::impact(self.found).map(Item::Figure).into_iter().collect();
        items.push(Item::Table(self.overview()));
        if !self.limits.is_empty() {
            items.push(Item::Table(limits(self.limits)));
        }
        let mut warnings = self.found.notes.clone();
        let left_out = self.found.facets.len().saturating_sub(FACETS);
        if left_out > 0 {
            warnings.push(format!(
                "The first {FACETS} of {} groups have a section; the others are in the table.",
                FACETS + left_out
            ));
        }
        let text = [
            "Each facet compares a group of rows with all the others. A difference is not proof of unfairness, and no difference is \
             no proof of fairness: the numbers say where to look.",
        ];
        section("summary", "Summary", &text, warnings, items)
    }

    /// One line a facet.
    fn overview(&self) -> Table {
        let outcome = !self.found.no_outcome;
        let predicted = self.predicted() && outcome;
        let share = |n: u64, rows: u64| (rows > 0).then(|| n as f64 / rows as f64);
        let row = |facet: &FacetBias| {
            let (d, a) = (facet.d, facet.a);
            let mut cells = vec![json!(heading(facet)), json!(d.rows)];
            if outcome {
                cells.extend([json!(share(d.positive, d.rows)), json!(share(a.positive, a.rows))]);
            }
            if predicted {
                cells.extend([json!(share(d.predicted_positive, d.rows)), json!(share(a.predicted_positive, a.rows))]);
                cells.push(json!(facet.four_fifths.as_ref().map_or("not computed", |v| if v.passes {
                    "kept"
                } else {
                    "broken"
                })));
            }
            cells
        };
        let mut columns = vec!["group", "rows"];
        if outcome {
            columns.extend(["labels", "others"]);
        }
        if predicted {
            columns.extend(["predictions", "others", "four fifths"]);
        }
        Table {
            title: match outcome {
                true => "Shares of positive outcomes, of each group and of its others".into(),
                false => "Groups".into(),
            },
            columns: columns.into_iter().map(String::from).collect(),
            rows: self.found.facets.iter().map(row).collect(),
            left_out: 0,
        }
    }

    fn facet(&self, i: usize, facet: &FacetBias) -> Section {
        let group = group(facet);
        let mut warnings = facet.notes.clone();
        warnings.extend(refused(facet));
        let outcome = |error: &&String| !self.found.no_outcome || Some(*error) != facet.pre_error.as_ref();
        warnings.extend(
            facet.pre_error.iter().filter(outcome).map(|why| format!("The labels could not be compared: {why}")),
        );
        warnings.extend(facet.post_error.iter().map(|why| format!("The predictions could not be compared: {why}")));
        let figures = [
            outcomes::outcomes(facet, self.predicted()).filter(|_| !self.found.no_outcome),
            dots::differences(facet, self.found),
            confusion::confusion(facet).filter(|_| !self.found.no_outcome),
            dots::ratios(facet, self.found),
            reliability::reliability(facet),
            curves::rates(facet),
            curves::metrics(facet),
            errors::errors(facet, self.found),
        ];
        let mut items: Vec<Item> = figures.into_iter().flatten().map(|figure: Figure| Item::Figure(figure)).collect();
        let all: Vec<&MetricValue> = facet.pre.iter().chain(&facet.post).collect();
        if !self.found.no_outcome {
            items.push(Item::Table(dots::values("All metrics", &all, self.found, &group)));
        }
        items.extend(other_mode(&all).map(Item::Table));
        items.extend(self.details(facet).into_iter().map(Item::Table));
        let mut text = vec![format!(
            "{}: {}, compared with {}. The column {} is read as {}: {}.",
            heading(facet),
            count(facet.d.rows, "row"),
            count(facet.a.rows, "other row"),
            facet.facet,
            if facet.kind == Kind::Continuous { "numbers" } else { "categories" },
            facet.rule
        )];
        text.extend(four_fifths(facet).map(|said| format!("Four-fifths rule: {said}.")));
        Section {
            id: format!("facet-{}-{}", i + 1, slug(&heading(facet))),
            title: heading(facet),
            text,
            warnings,
            items,
        }
    }

    /// Tables of what was asked for beside the metrics.
    fn details(&self, facet: &FacetBias) -> Vec<Table> {
        let details = &facet.details;
        let mut tables: Vec<Table> = Vec::new();
        tables.extend(details.calibration.as_ref().and_then(Asked::found).map(|c| reliability::summary(facet, c)));
        let classes = details.classes.as_ref().and_then(Asked::found);
        tables.extend(classes.into_iter().flat_map(|classes| errors::classes(classes, self.found)));
        if !details.thresholds.is_empty() {
            tables.push(errors::choices("Thresholds of the label", "label above", &details.thresholds));
        }
        tables
    }

    fn performance(&self) -> Option<Section> {
        let performance = self.found.performance.as_ref()?;
        let metrics =
            performance.metrics.iter().map(|m| (m.description.to_string(), json!(m.value.filter(|v| v.is_finite()))));
        let mut items = vec![facts("Performance on all rows", metrics)];
        items.extend(performance.confusion_matrix.as_ref().map(|classes| {
            Item::Table(Table {
                title: "Labels (down) and predictions (across), rows".into(),
                columns: std::iter::once("label".to_string()).chain(classes.classes.iter().cloned()).collect(),
                rows: classes
                    .classes
                    .iter()
                    .zip(&classes.counts)
                    .map(|(class, counts)| {
                        std::iter::once(json!(class)).chain(counts.iter().map(|n| json!(n))).collect()
                    })
                    .collect(),
                left_out: 0,
            })
        }));
        Some(section(
            "performance",
            "Performance",
            &["How well the predictions fit the labels, over all groups."],
            Vec::new(),
            items,
        ))
    }

    /// The metrics that occur.
    fn definitions(&self) -> Option<Section> {
        let occurs = |metric: &&Metric| self.found.facets.iter().any(|facet| facet.metric(metric.name).is_some());
        let row = |m: &Metric| {
            vec![json!(m.name), json!(m.full_name), json!(m.formula), json!(m.range), json!(m.neutral), json!(m.words)]
        };
        let table = Table {
            title: "Metrics".into(),
            columns: ["metric", "name", "formula", "range", "no difference", "how to read it"]
                .map(String::from)
                .to_vec(),
            rows: Metric::ALL.iter().filter(occurs).map(row).collect(),
            left_out: 0,
        };
        let mut text = vec![
            "d is the group that a facet names, a all other rows; n rows, 1 positive and 0 negative labels, n' the same of predictions; TP, \
             FP, FN, TN true and false positives, false and true negatives.",
        ];
        if self.found.facets.iter().any(|facet| facet.details.calibration.is_some()) {
            text.push(
                "The expected calibration error is the mean distance of score and share of positive labels over the bins, weighted by their \
                 rows (Naeini et al. 2015); perfect scores would show the one by chance in so few rows. The largest is that of one bin.",
            );
        }
        let table = (!table.rows.is_empty()).then_some(Item::Table(table))?;
        Some(section("definitions", "Definitions", &text, Vec::new(), vec![table]))
    }

    fn provenance(&self) -> Section {
        let found = self.found;
        let mode = match found.mode {
            Mode::Correct => "the documented definitions",
            Mode::Clarify => "as SageMaker Clarify computes it (smclarify 0.5)",
        };
        let mut settings: Vec<(String, Value)> = vec![
            ("Pellucid".into(), json!(env!("CARGO_PKG_VERSION"))),
            ("Made".into(), json!(self.created)),
            ("Table".into(), json!(self.table)),
            ("Rows".into(), json!(found.rows)),
            match found.no_outcome {
                true => ("Label".into(), json!(found.label)),
                false => {
                    ("Positive labels".into(), json!(format!("{}: {}", found.label, found.label_value_or_threshold)))
                }
            },
            ("The label was read as".into(), json!(found.label_rule)),
            ("Numbers".into(), json!(mode)),
        ];
        if self.predicted() {
            settings.push(("Predictions".into(), json!(self.predictions)));
        }
        settings.extend(found.predicted_rule.iter().map(|rule| ("Predictions were read as".to_string(), json!(rule))));
        settings.extend(found.group.iter().map(|group| ("Strata".to_string(), json!(group))));
        let items =
            vec![Item::Code { title: "Command".into(), text: self.command.clone() }, facts("Settings", settings)];
        section("provenance", "Provenance", &["The command repeats this page."], Vec::new(), items)
    }
}

/// What was asked for beside the metrics and could not be had.
fn refused(facet: &FacetBias) -> Vec<String> {
    let details = &facet.details;
    let reasons = [
        ("Calibration", details.calibration.as_ref().and_then(Asked::error)),
        ("The threshold curve", details.curve.as_ref().and_then(Asked::error)),
        ("Errors of numbers", details.regression.as_ref().and_then(Asked::error)),
        ("Classes one by one", details.classes.as_ref().and_then(Asked::error)),
    ];
    reasons.into_iter().filter_map(|(what, why)| Some(format!("{what}: not measured: {}", why?))).collect()
}

pub(super) fn limits(limits: &[LimitCheck]) -> Table {
    let row = |l: &LimitCheck| {
        let shown = if l.why.is_empty() { l.value.clone() } else { format!("not computed: {}", l.why) };
        vec![json!(l.limit), json!(l.facet), json!(shown), json!(if l.broken { "broken" } else { "kept" })]
    };
    Table {
        title: "Limits".into(),
        columns: ["must not be", "facet", "value", "limit"].map(String::from).to_vec(),
        rows: limits.iter().map(row).collect(),
        left_out: 0,
    }
}

/// What the other mode says where it says something else.
fn other_mode(all: &[&MetricValue]) -> Option<Table> {
    let differing = all.iter().filter_map(|m| Some((m, m.other.as_ref()?)));
    let rows: Vec<Vec<Value>> = differing
        .map(|(m, other)| {
            let value = other.value.filter(|value| value.is_finite());
            vec![json!(m.name), json!(m.value.filter(|value| value.is_finite())), json!(value), json!(other.why)]
        })
        .collect();
    let mode = all.iter().find_map(|m| m.other.as_ref())?.mode;
    let other = match mode {
        Mode::Correct => "by the definitions",
        Mode::Clarify => "in SageMaker Clarify",
    };
    Some(Table {
        title: format!("Values that are different {other}"),
        columns: ["metric", "here", other, "why"].map(String::from).to_vec(),
        rows,
        left_out: 0,
    })
}
