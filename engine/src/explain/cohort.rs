//! Global explanations of parts of a table: one summary for each value of a column.

use super::{Explanation, GlobalExplanation, Provenance, Summary};
use crate::Result;
use crate::data::Partition;
use arrow::array::RecordBatch;
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

/// Running totals of each part of a table.
#[derive(Debug, Clone)]
pub struct CohortSummary {
    partition: Partition,
    /// One for each part.
    summaries: Vec<Summary>,
}

impl CohortSummary {
    /// For the explanations of a run.
    pub fn new(partition: Partition, run: &Provenance) -> Self {
        let summary = Summary::new(run.outputs.clone(), run.players.clone(), run.seed);
        Self { summaries: vec![summary; partition.names().len()], partition }
    }

    /// Adds a block of explained rows; `batch` holds the same rows of the table.
    pub fn add(&mut self, block: &Explanation, batch: &RecordBatch) -> Result<()> {
        let parts = self.partition.parts(batch)?;
        for (part, summary) in self.summaries.iter_mut().enumerate() {
            let rows: Vec<usize> = (0..parts.len()).filter(|&row| parts[row] == part).collect();
            summary.add_rows(block, &rows);
        }
        Ok(())
    }

    pub fn finish(&self) -> Cohorts {
        let cohort = |(name, summary): (&String, &Summary)| Cohort {
            name: name.clone(),
            rows: summary.rows(),
            global: summary.finish(),
        };
        let cohorts = self.partition.names().iter().zip(&self.summaries).map(cohort).collect();
        Cohorts { by: self.partition.by().into(), cohorts }
    }
}
