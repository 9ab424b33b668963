//! Explanations: Shapley values by kernel SHAP, and their summary over a table.

use ndarray::{Array1, Array2, Array3};
use serde::Serialize;

/// Attributions of some rows. `base_values[k] + Σ_i values[r, k, i] = link(predictions[r, k])`.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// `[row, output, player]`, in units of the link.
    pub values: Array3<f32>,
    /// Standard error of each value, same shape; zeros in exact mode.
    pub stderr: Array3<f32>,
    /// `[output]`: the value of the empty coalition, link(mean prediction over the background).
    pub base_values: Array1<f64>,
    /// `[row, output]`: the model's raw outputs, before the link.
    pub predictions: Array2<f32>,
}

/// Enough to repeat the run.
#[derive(Debug, Clone, Serialize)]
pub struct Provenance {
    pub version: String,
    pub device: String,
    pub model: String,
    pub seed: u64,
    /// Name of the design: exact, permutation, crossed, per-background, …
    pub design: String,
    /// Model rows spent on each explained row.
    pub rows_per_instance: usize,
    pub background_rows: usize,
    pub background: String,
    pub link: String,
    pub players: Vec<String>,
    pub outputs: Vec<String>,
}
