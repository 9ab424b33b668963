//! Effects of features on a model's outputs: partial dependence and ICE, ALE, interactions, permutation importance.
//!
//! The same machine as Shapley values. Partial dependence of feature j at g is v({j}) of a row whose j is g: the mean output over
//! the background rows with j replaced. All of it is mask → predict → moments on the device, in full batches.
//!
//! | what | rows of the model | source |
//! | --- | --- | --- |
//! | [`Curve`]: partial dependence and ICE | points · background rows | Friedman 2001; Goldstein et al. 2015 |
//! | [`Surface`]: partial dependence of two features | points · points · background rows | Friedman 2001 |
//! | [`Ale`]: accumulated local effects | 2 · background rows | Apley & Zhu 2020 |
//! | [`Interaction`]: Friedman's H | (features + pairs) · rows² | Friedman & Popescu 2008 |
//! | [`Importance`]: permutation importance | repeats · rows | Breiman 2001; Fisher, Rudin & Dominici 2019 |
//!
//! Partial dependence puts values into rows where they may never occur; where features depend on each other ([`Association`]) ALE,
//! which moves each row only within its own bin, is the one to trust.

mod ale;
mod association;
mod averages;
mod axis;
mod bins;
mod builder;
mod column;
mod curve;
mod donors;
mod explainer;
mod grid;
mod interaction;
mod jackknife;
mod moments;
mod permutation;
mod tidy;
mod tiles;
mod truth;

pub use association::associations;
pub use builder::Builder;
pub use curve::Derivative;
pub use explainer::Effects;
pub use grid::GridChoice;
pub use tidy::Effect;
pub use truth::Labels;

use serde::Serialize;

/// A raw column as the model sees it: the features that it feeds and, if it is categorical, what each category feeds them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Axis {
    pub name: String,
    /// Places in the model's features; one for a numeric column.
    pub features: Vec<usize>,
    /// In the order of the schema; empty for a numeric column.
    pub categories: Vec<Category>,
}

/// A category and the numbers that stand for it, one for each of the axis' features.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Category {
    pub label: String,
    pub values: Vec<f32>,
}

/// The points at which an axis is looked at, and how the data lie along it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Grid {
    pub axis: Axis,
    /// Ascending for a numeric axis.
    pub points: Vec<Point>,
    pub histogram: Histogram,
}

/// One point of a grid.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// The category, or the number as a person writes it.
    pub label: String,
    /// The number; for a category its position among the categories.
    pub position: f64,
    /// What the axis' features are set to.
    pub values: Vec<f32>,
}

/// Shares of the background's weight; their sum is 1 less what is missing or left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// Bin edges, one more than shares; empty for a categorical axis, where each point has its share.
    pub edges: Vec<f64>,
    pub share: Vec<f64>,
}

/// Partial dependence of one output on one axis, and some of its ICE lines.
#[derive(Debug, Clone, Serialize)]
pub struct Curve {
    pub output: String,
    pub grid: Grid,
    /// `[point]`: link(mean output over the background with the axis set to the point).
    pub mean: Vec<f64>,
    /// `[point]`: standard error of the mean over the background rows, through the link.
    pub stderr: Vec<f64>,
    /// `[point]`: standard error of `mean[p] − mean[0]`, in which what rows have in common cancels.
    pub centred_stderr: Vec<f64>,
    /// `[line][point]`: link(output) of single background rows.
    pub ice: Vec<Vec<f32>>,
}

/// Partial dependence of one output on two axes.
#[derive(Debug, Clone, Serialize)]
pub struct Surface {
    pub output: String,
    pub x: Grid,
    pub y: Grid,
    /// `[x point][y point]`.
    pub mean: Vec<Vec<f64>>,
    /// Same shape: standard error over the background rows.
    pub stderr: Vec<Vec<f64>>,
}

/// Accumulated local effects of one output along one ordered axis, centred: its mean over the data is 0.
#[derive(Debug, Clone, Serialize)]
pub struct Ale {
    pub output: String,
    pub axis: String,
    /// Bin edges: quantiles of the data, or the positions of an ordinal column's categories.
    pub edges: Vec<f64>,
    /// Names of the edges of an ordinal column; empty for numbers.
    pub labels: Vec<String>,
    /// `[bin]`: share of the weight in the bin, one fewer than edges. Of an ordinal column a row between two bins counts in both.
    pub share: Vec<f64>,
    /// `[edge]`.
    pub effect: Vec<f64>,
    /// `[edge]`: standard error over the rows in the bins.
    pub stderr: Vec<f64>,
}

/// How much of the joint effect of two axes is not the sum of their own effects.
#[derive(Debug, Clone, Serialize)]
pub struct Interaction {
    pub output: String,
    pub a: String,
    pub b: String,
    /// Friedman's H, between 0 (none) and 1 (nothing else), over it by sampling: √(Σ(PD_ab − PD_a − PD_b)² / ΣPD_ab²).
    pub h: f64,
    pub h_stderr: f64,
    /// The same without the denominator, √(mean (PD_ab − PD_a − PD_b)²), in units of the output: H is large for a weak pair too.
    pub strength: f64,
    pub strength_stderr: f64,
}

/// How much worse the model predicts when one column is shuffled.
#[derive(Debug, Clone, Serialize)]
pub struct Importance {
    pub output: String,
    pub axis: String,
    /// The loss of the rows as they are.
    pub loss: f64,
    /// Mean rise of the loss over the repeats.
    pub rise: f64,
    /// Standard error of the mean over the repeats.
    pub stderr: f64,
}

/// How wrong a prediction is, on average over rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// −ln of the probability given to what was true; the truth is 0 or 1 for each output.
    LogLoss,
    /// (prediction − truth)².
    SquaredError,
}

/// Two axes that depend on each other in the data.
#[derive(Debug, Clone, Serialize)]
pub struct Association {
    pub a: String,
    pub b: String,
    /// 0 to 1: |Pearson's r| of two numeric columns, the correlation ratio η of a numeric and a categorical one, Cramér's V of two
    /// categorical ones.
    pub strength: f64,
}
