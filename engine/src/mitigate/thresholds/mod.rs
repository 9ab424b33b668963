//! Thresholds after training (Hardt, Price & Srebro 2016): each group gets a threshold of its own, or a mixture of two, so that a rate
//! is the same in all groups at the least cost in accuracy. Where no single threshold has the rate, the mixture decides by lot; the same
//! form as in Agarwal et al. 2018 and fairlearn's `ThresholdOptimizer`, but solved exactly and not on a grid.

mod curve;
mod outcome;
mod rules;
mod solve;

use super::columns::numbers;
use super::draws::{HELD_OUT, draws};
use super::groups::{BATCH_ROWS, Groups};
use crate::bias::Selection;
use crate::data::Table;
use crate::{Error, Result};
use curve::Curve;
pub use outcome::{GroupOutcome, Outcome};
use rand::RngExt;
pub use rules::{Cut, Decide, GroupRule, Rules};
use serde::{Deserialize, Serialize};

/// Rows held at most, 4 GiB.
const ROWS: u64 = 1 << 28;
/// Which rate is to be the same in all groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Constraint {
    /// That of positive decisions.
    DemographicParity,
    /// That of positive decisions among positive labels: the true-positive rate.
    EqualOpportunity,
    /// Both the true-positive and the false-positive rate.
    EqualizedOdds,
}

/// What is made as large as it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    Accuracy,
    /// Mean of the accuracies of rows with a positive and with a negative label.
    BalancedAccuracy,
}

/// Scores and labels of some rows, by group.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Names of the groups, and their parts.
    pub names: Vec<String>,
    pub parts: Vec<Vec<String>>,
    /// Of each group: score, and whether the label is positive.
    pub rows: Vec<Vec<(f64, bool)>>,
}

impl Sample {
    pub fn rows(&self) -> u64 {
        self.rows.iter().map(|group| group.len() as u64).sum()
    }
}

/// The rows to fit on, and those kept apart to judge by.
#[derive(Debug, Clone)]
pub struct ScoredRows {
    /// Column of the scores.
    pub scores: String,
    pub fitted: Sample,
    /// Empty unless rows were kept apart.
    pub held_out: Sample,
    /// Rows that have a group and a label but no score; they count nowhere.
    pub unscored: u64,
    /// All scores lie in [0, 1].
    pub are_shares: bool,
    share: f64,
    seed: u64,
}

impl ScoredRows {
    /// One pass; memory for each row with a group, a label and a score (16 bytes, four times that in [`Thresholds::fit`]; at most 2^28 rows).
    /// `held_out`: the share of rows that are kept apart, drawn by the seed and the row's number alone; 0 for none.
    ///
    /// # Errors
    /// Groups without a label, scores that are no finite numbers, a share outside [0, 1), too many rows.
    pub fn read(table: &Table, groups: &Groups, scores: &str, held_out: f64, seed: u64) -> Result<ScoredRows> {
        table.positions(&[scores.to_string()])?;
        if groups.label.is_none() {
            return Err(
                Error::input("thresholds are fitted to labels, and none was given").hint("name the label's column")
            );
        }
        if !(0.0..1.0).contains(&held_out) {
            return Err(Error::input(format!("the share of rows to hold out is {held_out}"))
                .hint("give a number of at least 0 and below 1, such as 0.3"));
        }
        let names: Vec<String> = groups.groups.iter().map(|group| group.name.clone()).collect();
        let parts = groups.groups.iter().map(|group| group.parts.clone()).collect();
        let empty = Sample { rows: vec![Vec::new(); names.len()], names, parts };
        let mut found = ScoredRows {
            scores: scores.into(),
            fitted: empty.clone(),
            held_out: empty,
            unscored: 0,
            are_shares: true,
            share: held_out,
            seed,
        };
        let text = table.as_text();
        let mut first_row = 1;
        for batch in text.batches(BATCH_ROWS)? {
            let batch = batch?;
            let read = || -> Result<_> {
                let values = numbers(&batch, scores, groups.raw(), first_row)?;
                Ok((values, groups.of(&batch, first_row)?, groups.positive(&batch, first_row)?))
            };
            let (values, of, labels) = read().map_err(|e| table.blame(e))?;
            let apart = apart(held_out, seed, first_row, batch.num_rows());
            for (row, ((score, group), label)) in values.into_iter().zip(of).zip(labels).enumerate() {
                let (Some(group), Some(label)) = (group, label) else { continue };
                match score {
                    Some(score) => found.push(group, score, label, apart[row]),
                    None => found.unscored += 1,
                }
            }
            first_row += batch.num_rows();
            if found.fitted.rows() + found.held_out.rows() > ROWS {
                return Err(Error::input(format!("thresholds are fitted on at most {ROWS} rows"))
                    .hint("fit on a sample of the rows, then apply the thresholds to the whole table"));
            }
        }
        Ok(found)
    }

    fn push(&mut self, group: usize, score: f64, label: bool, apart: bool) {
        self.are_shares &= (0.0..=1.0).contains(&score);
        let sample = if apart { &mut self.held_out } else { &mut self.fitted };
        sample.rows[group].push((score, label));
    }

    /// The rows to judge by: those kept apart, or if there are none, those fitted on.
    pub fn judged(&self) -> &Sample {
        if self.share > 0.0 { &self.held_out } else { &self.fitted }
    }

    /// The table with only the rows to judge by. For passes over its batches: [`Table::n_rows`] still tells those of the file.
    pub fn judged_rows(&self, table: &Table) -> Table {
        let (share, seed) = (self.share, self.seed);
        let schema = table.schema().clone();
        table.clone().through(schema, move |batch, first_row| {
            let keep = match share > 0.0 {
                true => apart(share, seed, first_row, batch.num_rows()),
                false => return Ok(batch),
            };
            arrow::compute::filter_record_batch(&batch, &keep.into()).map_err(|error| Error::input(error.to_string()))
        })
    }
}

/// Which rows are kept apart.
fn apart(share: f64, seed: u64, first_row: usize, rows: usize) -> Vec<bool> {
    let mut random = draws(seed, HELD_OUT, first_row);
    (0..rows).map(|_| random.random::<f64>() < share).collect()
}

/// What to fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    pub constraint: Constraint,
    pub objective: Objective,
    /// Mixtures that meet the constraint exactly; if not, one threshold a group, as near to the rates of the mixtures as there is one, and a
    /// gap that remains.
    pub randomised: bool,
}

impl Thresholds {
    /// The most accurate rules that meet the constraint on the rows fitted on.
    ///
    /// # Errors
    /// A group without rows, or without positive or negative labels where the constraint compares rates among them.
    pub fn fit(&self, rows: &ScoredRows, facets: &[Selection]) -> Result<Rules> {
        let sample = &rows.fitted;
        for (name, group) in sample.names.iter().zip(&sample.rows) {
            let positives = group.iter().filter(|row| row.1).count();
            let lacks = match self.constraint {
                _ if group.is_empty() => Some("row with a label and a score"),
                Constraint::EqualOpportunity | Constraint::EqualizedOdds if positives == 0 => Some("positive label"),
                Constraint::EqualizedOdds if positives == group.len() => Some("negative label"),
                _ => None,
            };
            if let Some(what) = lacks {
                return Err(Error::input(format!("the group {name} has no {what} to fit a threshold on"))
                    .hint("join small groups, check the positive values, or fit on more rows"));
            }
        }
        let labels = |positive: bool| sample.rows.iter().flatten().any(|row| row.1 == positive);
        if self.objective == Objective::BalancedAccuracy && !(labels(true) && labels(false)) {
            return Err(Error::input("balanced accuracy needs both positive and negative labels")
                .hint("check the positive values of the label"));
        }
        let curves: Vec<Curve> = sample.rows.iter().map(|group| Curve::new(group)).collect();
        let mut groups = solve::solve(&curves, self.constraint, self.objective, self.randomised);
        for (place, rule) in groups.iter_mut().enumerate() {
            rule.group = sample.names[place].clone();
            rule.parts = sample.parts[place].clone();
            rule.rows = curves[place].rows();
        }
        Ok(Rules::new(&rows.scores, (self.constraint, self.objective), facets, groups))
    }
}
