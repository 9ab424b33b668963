//! What a report is made of: everything that a run found.

use crate::effect::{Ale, Association, Curve, Importance, Interaction, Loss, Surface};
use crate::explain::{Cohorts, ExplainedRow, GlobalExplanation, Provenance};
use serde::Serialize;

/// Everything a run found. Empty lists leave their part of the report out.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Findings {
    pub title: String,
    /// The command that repeats the run.
    pub command: String,
    /// When, as `2026-11-22 14:05 UTC`.
    pub created: String,
    pub model: ModelCard,
    pub data: DataCard,
    pub provenance: Provenance,
    /// `[output]`, players in the model's order.
    pub global: Vec<GlobalExplanation>,
    /// The largest |base + Σφ − link(prediction)| of any row and output.
    pub worst_additivity_gap: f64,
    /// Rows for pictures, in the order of the table: all explained rows, or a uniform sample of them.
    pub sample: Vec<ExplainedRow>,
    /// Rows explained one by one.
    pub shown: Vec<ShownRow>,
    pub cohorts: Option<Cohorts>,
    /// For each axis its outputs one after the other.
    pub curves: Vec<Curve>,
    pub surfaces: Vec<Surface>,
    pub ale: Vec<Ale>,
    pub interactions: Vec<Interaction>,
    /// What the importances are measured by.
    pub loss: Option<Loss>,
    pub importances: Vec<Importance>,
    /// Pairs of columns that depend on each other, strongest first.
    pub associations: Vec<Association>,
    /// Rows that the effects were averaged over, as in `1,000 of 3,000 rows of train.csv`.
    pub effects_over: String,
}

/// A row explained on its own, and why this one.
#[derive(Debug, Clone, Serialize)]
pub struct ShownRow {
    pub row: ExplainedRow,
    /// `the highest probabilities[1]`, `asked for`.
    pub why: String,
}

/// What is known of the model: facts as name and text, in order.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ModelCard {
    pub name: String,
    pub facts: Vec<(String, String)>,
}

/// What is known of the table.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DataCard {
    pub name: String,
    pub rows: u64,
    pub columns: Vec<ColumnCard>,
}

/// One column of the explained rows.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ColumnCard {
    pub name: String,
    /// `number`, `category`.
    pub kind: String,
    pub missing: u64,
    /// `17 to 90, mean 38.6`, or the most frequent categories with their shares.
    pub summary: String,
}
