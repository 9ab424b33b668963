//! What is kept of each row beside the counts, where it is asked for: scores for calibration and the threshold curve, errors of predicted
//! numbers, classes and further thresholds of the label. All of it in the one pass.

use super::assemble::Group;
use super::calibration::Calibration;
use super::cell::{Cell, Cells};
use super::classes::{Choice, Classes};
use super::count::Coded;
use super::curve::Curve;
use super::joint::{Codes, Joint};
use super::metric::Metric;
use super::regression::{Losses, Regression, Residuals, weights};
use super::request::{BiasRequest, Predicted};
use super::resolve::Side;
use super::scored::{Scores, place};
use super::thresholds::Thresholds;
use super::view::View;
use crate::data::Table;
use crate::{Error, Result};
use arrow::array::RecordBatch;
use serde::Serialize;
use std::collections::HashMap;

/// Something that was asked for: found, or why not.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Asked<T> {
    Found(T),
    Refused { error: String },
}

impl<T> Asked<T> {
    pub fn found(&self) -> Option<&T> {
        match self {
            Asked::Found(found) => Some(found),
            Asked::Refused { .. } => None,
        }
    }

    pub fn error(&self) -> Option<&str> {
        match self {
            Asked::Found(_) => None,
            Asked::Refused { error } => Some(error),
        }
    }
}

/// What was asked for beside the metrics of a group.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Details {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Asked<Calibration>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curve: Option<Asked<Curve>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regression: Option<Asked<Regression>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Asked<Classes>>,
    /// One for each threshold of the label, ascending; empty unless several were given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Choice>,
}

/// Classes of an intersection.
#[derive(Debug, Default)]
struct Pair {
    of: HashMap<(u32, u32), u32>,
    classes: Vec<(u32, u32)>,
}

/// What is kept while the table is read. Its subjects are the facets, then the intersections.
#[derive(Debug)]
pub struct Deep {
    facets: usize,
    intersections: Vec<(usize, usize)>,
    pairs: Vec<Pair>,
    label: String,
    predicted: Option<String>,
    raw: bool,
    rows: u64,
    scores: Option<Scores>,
    errors: Option<Errors>,
    classes: Option<Vec<Joint>>,
    thresholds: Option<Thresholds>,
}

/// Errors of predicted numbers.
#[derive(Debug)]
struct Errors {
    subjects: Vec<Residuals>,
    replicates: usize,
    seed: u64,
    /// Why there are none.
    refused: Option<String>,
}

impl Deep {
    /// None where nothing is asked for.
    pub fn new(table: &Table, request: &BiasRequest) -> Option<Deep> {
        let subjects = request.facets.len() + request.intersections.len();
        let scores = match request.predicted {
            Some(Predicted::Score { threshold, .. }) if request.calibration.is_some() || request.curve.is_some() => {
                Some(Scores::new(request, threshold, subjects))
            }
            _ => None,
        };
        let errors = request.regression.as_ref().map(|quantiles| {
            let replicates = request.bootstrap.map_or(0, |b| b.replicates);
            let seed = request.bootstrap.map_or(0, |b| b.seed);
            let subjects = vec![Residuals::new(Losses::new(quantiles), replicates); subjects];
            Errors { subjects, replicates, seed, refused: None }
        });
        let asked = scores.is_some() || errors.is_some() || request.classes || !request.label_thresholds.is_empty();
        asked.then(|| Deep {
            facets: request.facets.len(),
            intersections: request.intersections.clone(),
            pairs: request.intersections.iter().map(|_| Pair::default()).collect(),
            label: request.label.column.clone(),
            predicted: request.predicted.as_ref().map(|p| p.column().to_string()),
            raw: table.is_untyped(),
            rows: 0,
            scores,
            errors,
            classes: request.classes.then(|| vec![Joint::default(); subjects]),
            thresholds: (!request.label_thresholds.is_empty()).then(|| Thresholds::new(request, subjects)),
        })
    }

    pub fn add(&mut self, batch: &RecordBatch, coded: &Coded) -> Result<()> {
        let pairs: Vec<Vec<u32>> = self
            .intersections
            .iter()
            .zip(&mut self.pairs)
            .map(|(&(a, b), pair)| pair.classes(&coded.facets[a], &coded.facets[b]))
            .collect();
        let subjects: Vec<&[u32]> = coded.facets.iter().chain(&pairs).map(Vec::as_slice).collect();
        let cells = |name: &str| {
            let column =
                batch.column_by_name(name).ok_or_else(|| Error::input(format!("there is no column `{name}`")))?;
            Cells::of(column, name, self.raw)
        };
        let label = cells(&self.label)?;
        let predicted = self.predicted.as_deref().map(cells).transpose()?;
        let rows = batch.num_rows();
        let number = |cells: &Cells| -> Vec<Option<f64>> { (0..rows).map(|row| cells.get(row).number()).collect() };
        if let (Some(scores), Some(predicted)) = (&mut self.scores, &predicted) {
            scores.add(&subjects, &coded.outcome, &number(predicted))?;
        }
        if let (Some(errors), Some(predicted)) = (&mut self.errors, &predicted) {
            errors.add(
                &subjects,
                [&label, predicted],
                [&self.label, self.predicted.as_deref().unwrap_or_default()],
                self.rows,
            )?;
        }
        if let Some(thresholds) = &mut self.thresholds {
            let predicted = predicted.as_ref().map(number).unwrap_or_else(|| vec![None; rows]);
            thresholds.add(&subjects, &coded.strata, &number(&label), &predicted)?;
        }
        if let Some(joints) = &mut self.classes {
            let codes = Codes { strata: &coded.strata, labels: &coded.label, predicted: &coded.predicted };
            add_joint(joints, &subjects, &codes)?;
        }
        self.rows += rows as u64;
        Ok(())
    }

    /// What was asked for of a group.
    pub fn of(&self, group: &Group, view: &View, request: &BiasRequest, wanted: &[&'static Metric]) -> Details {
        let subject = group.pair.map_or_else(|| group.target.parts[0].0, |pair| self.facets + pair);
        let facet = self.sides(group, view);
        let level = request.level();
        let scores = self.scores.as_ref();
        Details {
            calibration: scores.and_then(|scores| scores.calibration(view, subject, &facet, level)),
            curve: scores.and_then(|scores| scores.curve(view, subject, &facet, wanted)),
            regression: self.errors.as_ref().map(|errors| errors.of(subject, &facet, level)),
            classes: self
                .classes
                .as_ref()
                .map(|joints| super::choices::classes(&joints[subject], &facet, view, request, wanted)),
            thresholds: self.thresholds.as_ref().map_or(Vec::new(), |t| t.of(subject, &facet, view, request, wanted)),
        }
    }

    /// Side of each class of a group's subject.
    fn sides(&self, group: &Group, view: &View) -> Vec<Side> {
        let mut row = vec![0; self.facets];
        let facet = group.target.parts[0].0;
        match group.pair {
            Some(pair) => {
                let (a, b) = self.intersections[pair];
                let side = |&(in_a, in_b): &(u32, u32)| {
                    (row[a], row[b]) = (in_a, in_b);
                    view.side_of(&group.target, &row)
                };
                self.pairs[pair].classes.iter().map(side).collect()
            }
            None => {
                let side = |class: usize| {
                    row[facet] = class as u32;
                    view.side_of(&group.target, &row)
                };
                (0..view.tally.facets[facet].classes.len()).map(side).collect()
            }
        }
    }

    /// Remarks on thresholds.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.thresholds.as_ref().map_or(Vec::new(), Thresholds::notes);
        notes.extend(self.scores.as_ref().and_then(Scores::outside));
        notes
    }
}

/// Adds rows to the counts of each subject.
pub fn add_joint(joints: &mut [Joint], subjects: &[&[u32]], codes: &Codes) -> Result<()> {
    for (joint, classes) in joints.iter_mut().zip(subjects) {
        joint.add(classes, codes);
        if joint.is_too_large() {
            return Err(Error::input("too many combinations of facet value, stratum and class")
                .hint("name the facet values that make a group, or take a group column with fewer values"));
        }
    }
    Ok(())
}

fn shown(cell: Cell) -> String {
    match cell {
        Cell::Text(text) | Cell::Raw(text) if cell.number().is_none() => format!("text, `{text}`"),
        _ => "an infinite number".into(),
    }
}

impl Pair {
    fn classes(&mut self, a: &[u32], b: &[u32]) -> Vec<u32> {
        let Pair { of, classes } = self;
        let class = |(&a, &b): (&u32, &u32)| {
            *of.entry((a, b)).or_insert_with(|| {
                classes.push((a, b));
                (classes.len() - 1) as u32
            })
        };
        a.iter().zip(b).map(class).collect()
    }
}

impl Errors {
    fn add(&mut self, subjects: &[&[u32]], columns: [&Cells; 2], names: [&str; 2], first: u64) -> Result<()> {
        let rows = subjects.first().map_or(0, |classes| classes.len());
        let mut residuals = Vec::with_capacity(rows);
        for row in 0..rows {
            let mut found = [None, None];
            for i in 0..2 {
                let cell = columns[i].get(row);
                found[i] = cell.number().filter(|x| x.is_finite());
                if found[i].is_none() && cell != Cell::Missing {
                    let why = || format!("`{}` holds {}, and errors are of finite numbers", names[i], shown(cell));
                    self.refused.get_or_insert_with(why);
                }
            }
            let [label, predicted] = found;
            residuals.push(label.zip(predicted).map(|(label, predicted)| label - predicted));
        }
        if self.refused.is_some() {
            return Ok(());
        }
        let weights = weights(self.seed, first, rows, self.replicates);
        for (residuals_of, classes) in self.subjects.iter_mut().zip(subjects) {
            residuals_of.add(classes, &residuals, &weights);
            if residuals_of.is_too_large() {
                return Err(Error::input("too many facet values to resample the errors of each")
                    .hint("name the facet values that make a group, or take fewer replicates"));
            }
        }
        Ok(())
    }

    fn of(&self, subject: usize, facet: &[Side], level: f64) -> Asked<Regression> {
        let sides: Vec<Option<usize>> = facet.iter().map(|&side| place(side)).collect();
        match &self.refused {
            Some(error) => Asked::Refused { error: error.clone() },
            None => Asked::Found(self.subjects[subject].gaps(&sides, level)),
        }
    }
}
