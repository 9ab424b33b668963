//! What was found. Infinite values are written as the strings `"Infinity"` and `"-Infinity"`, as the reference does.

use super::deep::Details;
use super::interval::Analytic;
use super::{Kind, Mode, Stage};
use serde::{Serialize, Serializer};

/// All metrics of one table.
#[derive(Debug, Clone, Serialize)]
pub struct BiasReport {
    pub mode: Mode,
    /// Rows counted.
    pub rows: u64,
    /// Column of the label.
    pub label: String,
    /// `1`, `A,B` or the interval of numbers above the threshold, `(150.0, 346.0]`.
    pub label_value_or_threshold: String,
    pub label_kind: Kind,
    /// Why the label was read so.
    pub label_rule: String,
    /// Column of the prediction, and why it was read so.
    pub predicted: Option<String>,
    pub predicted_rule: Option<String>,
    pub group: Option<String>,
    /// In the request's order; a facet without values gives one for each value, by first appearance; intersections last.
    pub facets: Vec<FacetBias>,
    /// Of the predictions on the whole table; `None` without predictions or where they were refused (see `notes`).
    pub performance: Option<Performance>,
    /// Remarks on the whole table.
    pub notes: Vec<String>,
    /// Whether there are intervals by formula alone.
    #[serde(skip)]
    pub by_formula: bool,
    /// Whether no positive outcome was named: there are no metrics, only what was asked for beside them.
    #[serde(skip)]
    pub no_outcome: bool,
}

/// The metrics of one group d against all other rows.
#[derive(Debug, Clone, Serialize)]
pub struct FacetBias {
    /// The column; `A × B` for an intersection.
    pub facet: String,
    /// The values (`1`, `north,east`), or the interval above the threshold (`(40.0, 79.2]`).
    pub value_or_threshold: String,
    pub kind: Kind,
    /// Why the column was read so.
    pub rule: String,
    /// Sorted by short name. Empty if the whole stage was refused.
    pub pre: Vec<MetricValue>,
    pub post: Vec<MetricValue>,
    /// Why a whole stage was refused.
    pub pre_error: Option<String>,
    pub post_error: Option<String>,
    pub stats: Option<BasicStats>,
    /// Rows of d and of a.
    pub d: GroupCounts,
    pub a: GroupCounts,
    /// The four-fifths rule applied to DI, if DI has a value.
    pub four_fifths: Option<Verdict>,
    pub notes: Vec<String>,
    /// What was asked for beside the metrics.
    #[serde(flatten)]
    pub details: Details,
}

/// One metric's value, or why it has none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricValue {
    /// Short name: `DPL`. Facts by [`Metric::named`](super::Metric::named).
    pub name: &'static str,
    /// May be infinite, never NaN.
    #[serde(serialize_with = "number")]
    pub value: Option<f64>,
    /// Why there is no value.
    pub error: Option<String>,
    /// What the other mode says, where it says something else.
    pub other: Option<Other>,
    /// Bootstrap interval, if asked for and if enough replicates have a value.
    #[serde(serialize_with = "pair")]
    pub interval: Option<(f64, f64)>,
    /// The interval by formula, if asked for and where there is a sound one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analytic: Option<Analytic>,
}

impl MetricValue {
    /// The interval by formula, or the bootstrap's.
    pub fn shown_interval(&self, by_formula: bool) -> Option<(f64, f64)> {
        if by_formula { self.analytic.map(|found| (found.low, found.high)) } else { self.interval }
    }
}

/// The value under the other mode, and why it differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Other {
    pub mode: Mode,
    #[serde(serialize_with = "number")]
    pub value: Option<f64>,
    pub error: Option<String>,
    /// One sentence.
    pub why: String,
}

/// Rows of a group by label and prediction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct GroupCounts {
    pub rows: u64,
    /// Observed positives.
    pub positive: u64,
    /// Predicted positives; with true/false positives and negatives 0 without predictions.
    pub predicted_positive: u64,
    pub true_positive: u64,
    pub false_positive: u64,
    pub false_negative: u64,
    pub true_negative: u64,
}

/// The reference's basic statistics of group d.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BasicStats {
    /// Share of rows in d.
    pub proportion: f64,
    /// Shares of positive and negative labels in d.
    pub observed_label_distribution: [f64; 2],
    /// TP, FP, FN, TN as shares of d; `None` without predictions.
    pub confusion_matrix: Option<[f64; 4]>,
}

/// The reference's model performance report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Performance {
    /// Accuracy, recall, precision …, by the reference's names and in its order.
    pub metrics: Vec<NamedValue>,
    /// TP, FP, FN, TN as shares of all rows.
    pub binary_confusion_matrix: [f64; 4],
    /// Counts of each class as observed and as predicted; `None` for a continuous label or too many classes (see `notes`).
    pub confusion_matrix: Option<ClassCounts>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NamedValue {
    pub name: &'static str,
    pub description: &'static str,
    #[serde(serialize_with = "number")]
    pub value: Option<f64>,
}

/// Class × class counts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassCounts {
    /// Ascending; of labels and predictions together.
    pub classes: Vec<String>,
    /// `[observed][predicted]`.
    pub counts: Vec<Vec<u64>>,
}

/// The four-fifths rule: DI in [0.8, 1.25] passes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    pub passes: bool,
    /// Whether the whole interval is on the same side, if there is one.
    pub certain: Option<bool>,
    /// One sentence.
    pub text: String,
}

impl FacetBias {
    /// The metric of that short name, if it was computed.
    pub fn metric(&self, name: &str) -> Option<&MetricValue> {
        self.pre.iter().chain(&self.post).find(|m| m.name == name)
    }

    /// The metrics of a stage.
    pub fn stage(&self, stage: Stage) -> &[MetricValue] {
        match stage {
            Stage::PreTraining => &self.pre,
            Stage::PostTraining => &self.post,
        }
    }
}

/// A number as JSON, with words for the infinities.
#[derive(Serialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Word(&'static str),
}

impl Written {
    fn of(value: f64) -> Written {
        match value {
            f64::INFINITY => Written::Word("Infinity"),
            f64::NEG_INFINITY => Written::Word("-Infinity"),
            value => Written::Number(value),
        }
    }
}

pub(crate) fn number<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    value.map(Written::of).serialize(serializer)
}

/// The same for each of a list.
pub(super) fn numbers<S: Serializer>(values: &[Option<f64>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(|value| value.map(Written::of)))
}

pub(crate) fn pair<S: Serializer>(value: &Option<(f64, f64)>, serializer: S) -> Result<S::Ok, S::Error> {
    value.map(|(low, high)| [Written::of(low), Written::of(high)]).serialize(serializer)
}
