//! Global explanations of parts of a table: one summary for each value of a column.

use super::GlobalExplanation;
use serde::Serialize;

/// Global explanations side by side.
#[derive(Debug, Clone, Serialize)]
pub struct Cohorts {
    /// The column that tells the rows apart.
    pub by: String,
    pub cohorts: Vec<Cohort>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Cohort {
    /// The category, or the range of a number: `17 to 28`.
    pub name: String,
    pub rows: u64,
    /// `[output]`.
    pub global: Vec<GlobalExplanation>,
}
