//! What to measure: columns, the values that make a group or a positive outcome, and how.

use serde::{Deserialize, Serialize};

/// A value as a configuration writes it: `1`, `0.5`, `true`, `"yes"`. Types matter: see [`Selection`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(String),
}

/// How a column is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Rows are selected that hold one of the values.
    Categorical,
    /// Rows are selected whose number is above the one value, the threshold.
    Continuous,
}

/// A column, and which of its rows are meant: a facet's group d, or a label's positive outcome.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Selection {
    pub column: String,
    /// Values of a categorical column, or the one threshold of a continuous one. A facet without values gives one group for each
    /// value of its column; a label needs them.
    pub values: Vec<Value>,
    /// Reads the column so whatever it looks like; `None`: inferred from its cells and the number of values.
    pub kind: Option<Kind>,
}

/// Where predictions are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Predicted {
    /// A column of predicted labels, positive by the label's values or threshold.
    Label(String),
    /// A column of scores, positive above the threshold.
    Score { column: String, threshold: f64 },
}

impl Predicted {
    pub fn column(&self) -> &str {
        match self {
            Predicted::Label(column) | Predicted::Score { column, .. } => column,
        }
    }
}

/// Which definitions the values follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The documented definitions over all outcomes; what is undefined (0/0) is null with a reason.
    #[default]
    Correct,
    /// What smclarify 0.5 returns, its error texts included.
    Clarify,
}

/// Intervals from resampled tables.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bootstrap {
    /// At least 20.
    pub replicates: usize,
    /// Share of the interval, in (0, 1): 0.95.
    pub level: f64,
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Bootstrap { replicates: 1000, level: 0.95, seed: 0 }
    }
}

/// How scores are put into bins for calibration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bins {
    /// From 1 to 1000.
    pub count: usize,
    /// Bins of as many rows each instead of bins of one width.
    pub equal_mass: bool,
}

impl Default for Bins {
    fn default() -> Self {
        Bins { count: 10, equal_mass: false }
    }
}

/// A bias analysis of one table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BiasRequest {
    /// The observed label; its values are the positive outcomes.
    pub label: Selection,
    /// Each gives one or more groups; at least one.
    pub facets: Vec<Selection>,
    /// Without it there are no post-training metrics.
    pub predicted: Option<Predicted>,
    /// The column of strata for CDDL and CDDPL.
    pub group: Option<String>,
    /// Columns that are neither features nor roles: left out of the flip test.
    pub ignore: Vec<String>,
    /// Short names of the metrics wanted, from [`Metric::ALL`](super::Metric::ALL); empty: all.
    pub metrics: Vec<String>,
    pub mode: Mode,
    /// Pairs of facets, as positions in `facets`, of which the groups A and B are also measured together (rows in both).
    pub intersections: Vec<(usize, usize)>,
    /// A group with fewer rows gets a warning; an intersection with fewer is left out, and the notes say so.
    pub min_group: u64,
    pub bootstrap: Option<Bootstrap>,
    /// The share, in (0, 1), of intervals by formula, which are given beside those of the bootstrap for the metrics that have one.
    pub analytic: Option<f64>,
    /// Asks whether scores in [0, 1] are the shares of positive labels, in each group; needs [`Predicted::Score`].
    pub calibration: Option<Bins>,
    /// Measures at that many thresholds of the score at most, from 2 to 1001; needs [`Predicted::Score`].
    pub curve: Option<usize>,
    /// Compares the errors of predicted numbers: the quantiles, in (0, 1), whose loss is compared too. Label and prediction must be
    /// numbers. With it a label may have no values: then nothing else is measured.
    pub regression: Option<Vec<f64>>,
    /// Takes each class of the label in turn as positive, and compares the distributions over all classes.
    pub classes: bool,
    /// Further thresholds of a label that is a number, each measured like the first.
    pub label_thresholds: Vec<f64>,
    /// The flip test compares at most this many rows, drawn at random with `seed` if the table has more.
    pub flip_rows: usize,
    pub seed: u64,
}

impl BiasRequest {
    /// Whether intervals are by formula alone.
    pub(super) fn by_formula(&self) -> bool {
        self.analytic.is_some() && self.bootstrap.is_none()
    }

    /// The share of intervals that are not resampled.
    pub(super) fn level(&self) -> f64 {
        self.analytic.or(self.bootstrap.map(|b| b.level)).unwrap_or(Bootstrap::default().level)
    }

    /// Label and one facet; everything else as by default.
    pub fn new(label: Selection, facets: Vec<Selection>) -> Self {
        BiasRequest {
            label,
            facets,
            predicted: None,
            group: None,
            ignore: Vec::new(),
            metrics: Vec::new(),
            mode: Mode::Correct,
            intersections: Vec::new(),
            min_group: 30,
            bootstrap: None,
            analytic: None,
            calibration: None,
            curve: None,
            regression: None,
            classes: false,
            label_thresholds: Vec::new(),
            flip_rows: 20_000,
            seed: 0,
        }
    }
}
