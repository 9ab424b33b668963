//! Explained rows kept for drawing: a uniform sample of a table of any length, and rows that were asked for.

use serde::Serialize;

/// One explained row with what a reader of the table knows of it.
#[derive(Debug, Clone, Serialize)]
pub struct ExplainedRow {
    /// Its number in the table, from 1.
    pub number: usize,
    /// Its id columns as text, `name=value` if there are several; empty without id columns.
    pub id: String,
    /// `[output]`: the model's raw outputs.
    pub predictions: Vec<f32>,
    /// `[output][player]`, in units of the link.
    pub values: Vec<Vec<f32>>,
    /// Same shape: standard errors.
    pub stderr: Vec<Vec<f32>>,
    /// `[player]`.
    pub features: Vec<FeatureValue>,
}

/// What a player is in one row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeatureValue {
    /// As in the table: `39`, `Private`, `a=1, b=2` for a group.
    pub text: String,
    /// For colours and axes, if the player is one number; a category has none.
    pub number: Option<f64>,
}
