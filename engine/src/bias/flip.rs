//! The flip test: is a row of d decided like the rows of a that are most like it? A classifier of the 5 nearest rows of a (1 if a has
//! at most 9) votes on each row of d, by Euclidean distance of the features as they are, unscaled; equal distances in the table's
//! order (Black et al., FlipTest, 2020; Clarify's variant).

use super::cell::{Cell, Cells};
use super::count::Coded;
use super::request::{BiasRequest, Mode};
use super::resolve::Side;
use crate::Result;
use crate::data::{Reservoir, Table, put};
use arrow::array::RecordBatch;
use rayon::prelude::*;

/// The refusal of the reference's classifier, which every table with a missing feature meets.
const NAN: &str = "Input X contains NaN.\nKNeighborsClassifier does not accept missing values encoded as NaN natively. For supervised learning, you might want to consider sklearn.ensemble.HistGradientBoostingClassifier and Regressor which accept missing values encoded as NaNs natively. Alternatively, it is possible to preprocess the data, for instance by using an imputer transformer in a pipeline or drop samples with missing values. See https://scikit-learn.org/stable/modules/impute.html You can find a list of all estimators that handle NaN values at the following page: https://scikit-learn.org/stable/modules/impute.html#estimators-that-handle-nan-values";

/// A row kept.
#[derive(Debug, Clone)]
struct Row {
    /// Place in the table.
    place: u64,
    features: Vec<f64>,
    /// Class in each facet, and of the prediction.
    facets: Vec<u32>,
    predicted: u32,
}

/// Rows kept for the flip test.
#[derive(Debug)]
pub struct Flips {
    features: Vec<String>,
    /// Whether a column holds text.
    text: Vec<bool>,
    raw: bool,
    rows: Vec<Row>,
    reservoir: Reservoir,
}

/// Rows of d by how their neighbours in a are decided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flipped {
    /// Refused, neighbours accepted.
    pub worse: f64,
    /// Accepted, neighbours refused.
    pub better: f64,
    pub same: f64,
}

impl Flipped {
    pub fn value(&self, mode: Mode) -> f64 {
        let lead = match mode {
            Mode::Correct => self.worse - self.better,
            Mode::Clarify => self.better - self.worse,
        };
        lead / (self.worse + self.better + self.same)
    }
}

impl Flips {
    pub fn new(table: &Table, request: &BiasRequest) -> Flips {
        let predicted = request.predicted.as_ref().map(|p| p.column());
        let feature = |name: &&String| {
            **name != request.label.column && Some(name.as_str()) != predicted && !request.ignore.contains(name)
        };
        let features: Vec<String> = table.schema().fields().iter().map(|f| f.name()).filter(feature).cloned().collect();
        Flips {
            text: vec![false; features.len()],
            features,
            raw: table.is_untyped(),
            rows: Vec::new(),
            reservoir: Reservoir::new(request.flip_rows.max(1), request.seed),
        }
    }

    pub fn add(&mut self, batch: &RecordBatch, coded: &Coded) -> Result<()> {
        let mut columns = Vec::with_capacity(self.features.len());
        for name in &self.features {
            let column = batch.column_by_name(name);
            columns.extend(column.map(|c| Cells::of(c, name, self.raw)).transpose()?);
        }
        for row in 0..batch.num_rows() {
            let seen = self.reservoir.offered() as u64;
            let Some(place) = self.reservoir.place() else { continue };
            let features =
                columns.iter().zip(&mut self.text).map(|(cells, text)| number(cells.get(row), text)).collect();
            let facets = coded.facets.iter().map(|classes| classes[row]).collect();
            put(&mut self.rows, place, Row { place: seen, features, facets, predicted: coded.predicted[row] });
        }
        Ok(())
    }

    /// Whether only a part of the table was kept, and how many rows.
    pub fn sampled(&self) -> Option<usize> {
        (self.reservoir.offered() > self.rows.len()).then_some(self.rows.len())
    }

    /// Puts rows in the table's order, so that ties do not depend on how they were drawn.
    pub fn finish(&mut self) {
        self.rows.sort_by_key(|row| row.place);
    }

    /// The test for one group. `facet` tells the side of a row by its facet classes, `positive` that of a prediction's class;
    /// `columns` are the facet's own, which are no features.
    pub fn test(
        &self,
        columns: &[&str],
        facet: impl Fn(&[u32]) -> Side,
        positive: impl Fn(u32) -> Side,
        mode: Mode,
    ) -> Result<Flipped, String> {
        let used: Vec<usize> = (0..self.features.len()).filter(|&f| !columns.contains(&&*self.features[f])).collect();
        let (mut a, mut d) = (Vec::new(), Vec::new());
        for row in &self.rows {
            let point =
                || Point { at: used.iter().map(|&f| row.features[f]).collect(), positive: positive(row.predicted) };
            match (facet(&row.facets), positive(row.predicted)) {
                (Side::Unknown, _) | (_, Side::Unknown) => {}
                (Side::Out, _) => a.push(point()),
                (Side::In, _) => d.push(point()),
            }
        }
        super::formula::require_groups("FT", [a.len() as f64, d.len() as f64], mode)?;
        self.require_numbers(&used, mode)?;
        if a.iter().chain(&d).any(|p| p.at.iter().any(|x| x.is_nan())) {
            return Err(match mode {
                Mode::Clarify => NAN.into(),
                Mode::Correct => {
                    "a feature is missing in some rows, so they have no distance: fill it, or leave the column out"
                        .into()
                }
            });
        }
        Ok(flipped(&a, &d))
    }

    fn require_numbers(&self, used: &[usize], mode: Mode) -> Result<(), String> {
        let text = used.iter().find(|&&f| self.text[f]);
        match (text, mode) {
            (None, _) if used.is_empty() => Err("no column is left as a feature".into()),
            (None, _) => Ok(()),
            (Some(_), Mode::Clarify) => Err("FlipTest does not support non-numeric columns".into()),
            (Some(&f), Mode::Correct) => Err(format!(
                "column `{}` holds text, which has no distance: leave it out, or encode it as numbers",
                self.features[f]
            )),
        }
    }
}

fn number(cell: Cell, text: &mut bool) -> f64 {
    let value = match cell {
        Cell::Text(_) => None,
        Cell::Missing => Some(f64::NAN),
        cell => cell.bool().map(|b| f64::from(u8::from(b))).or(cell.number()),
    };
    *text |= value.is_none();
    value.unwrap_or(f64::NAN)
}

struct Point {
    at: Vec<f64>,
    positive: Side,
}

fn flipped(a: &[Point], d: &[Point]) -> Flipped {
    let neighbours = if a.len() <= 9 { 1 } else { 5 };
    let verdicts: Vec<(bool, bool)> =
        d.par_iter().map(|point| (point.positive == Side::In, vote(a, &point.at, neighbours))).collect();
    let count = |own: bool, neighbours: bool| verdicts.iter().filter(|&&v| v == (own, neighbours)).count() as f64;
    let (worse, better) = (count(false, true), count(true, false));
    Flipped { worse, better, same: d.len() as f64 - worse - better }
}

/// Whether most of the nearest points are positive.
fn vote(a: &[Point], at: &[f64], neighbours: usize) -> bool {
    let mut nearest: Vec<(f64, bool)> = Vec::with_capacity(neighbours + 1);
    for point in a {
        let distance: f64 = point.at.iter().zip(at).map(|(x, y)| (x - y) * (x - y)).sum();
        if nearest.len() == neighbours && distance >= nearest[neighbours - 1].0 {
            continue;
        }
        let place = nearest.partition_point(|&(d, _)| d <= distance);
        nearest.insert(place, (distance, point.positive == Side::In));
        nearest.truncate(neighbours);
    }
    2 * nearest.iter().filter(|(_, positive)| *positive).count() > nearest.len()
}
