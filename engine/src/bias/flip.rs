//! The flip test: is a row of d decided like the rows of a that are most like it? A classifier of the 5 nearest rows of a (1 if a has
//! at most 9) votes on each row of d, by Euclidean distance of the features as they are, unscaled; equal distances in the table's
//! order (Black et al., FlipTest, 2020; Clarify's variant).
//!
//! The nearest rows are exact wherever they are found. Few features: a tree; more: every distance, of which a GPU says which need not be
//! looked at.

use super::cell::{Cell, Cells};
use super::count::Coded;
use super::neighbours::{Nearest, Tree};
use super::request::{BiasRequest, Mode};
use super::resolve::Side;
use super::screen::Screen;
use crate::data::{Reservoir, Table, put};
use crate::{Device, Error, Result};
use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take;
use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

/// Features from which on a GPU is faster than a tree, whose boxes then exclude little.
const MANY: usize = 9;

/// The refusals of the reference's classifier, which every table with a missing or infinite feature meets.
const INFINITE: &str = "Input X contains infinity or a value too large for dtype('float64').";
const NAN: &str = "Input X contains NaN.\nKNeighborsClassifier does not accept missing values encoded as NaN natively. For supervised learning, you might want to consider sklearn.ensemble.HistGradientBoostingClassifier and Regressor which accept missing values encoded as NaNs natively. Alternatively, it is possible to preprocess the data, for instance by using an imputer transformer in a pipeline or drop samples with missing values. See https://scikit-learn.org/stable/modules/impute.html You can find a list of all estimators that handle NaN values at the following page: https://scikit-learn.org/stable/modules/impute.html#estimators-that-handle-nan-values";

/// Rows kept for the flip test.
#[derive(Debug)]
pub struct Flips {
    features: Vec<String>,
    /// Whether a column holds text.
    text: Vec<bool>,
    raw: bool,
    reservoir: Reservoir,
    /// Of each row kept: its place in the table,
    places: Vec<u64>,
    /// its features, missing ones NaN,
    values: Vec<f64>,
    /// its class in each facet,
    facets: Vec<u32>,
    /// and that of its prediction.
    predicted: Vec<u32>,
    /// Rows kept in the order of the table.
    order: Vec<usize>,
    /// A GPU to compute distances on.
    device: Option<Device>,
    /// The last test: both modes mostly ask the same.
    last: Mutex<Option<(Question, Result<Flipped, String>)>>,
}

/// What a test depends on: the features used, and for each row its side and whether its prediction is positive.
type Question = (Vec<usize>, Vec<(Side, Side)>);

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
    /// `device`: where to compute distances if it is a GPU.
    pub fn new(table: &Table, request: &BiasRequest, device: Option<&Device>) -> Flips {
        let predicted = request.predicted.as_ref().map(|p| p.column());
        let feature = |name: &&String| {
            **name != request.label.column && Some(name.as_str()) != predicted && !request.ignore.contains(name)
        };
        let features: Vec<String> = table.schema().fields().iter().map(|f| f.name()).filter(feature).cloned().collect();
        Flips {
            text: vec![false; features.len()],
            features,
            raw: table.is_untyped(),
            reservoir: Reservoir::new(request.flip_rows.max(1), request.seed),
            places: Vec::new(),
            values: Vec::new(),
            facets: Vec::new(),
            predicted: Vec::new(),
            order: Vec::new(),
            device: device.filter(|device| !device.is_cpu()).cloned(),
            last: Mutex::new(None),
        }
    }

    /// Names of all columns that are compared.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    pub fn add(&mut self, batch: &RecordBatch, coded: &Coded) -> Result<()> {
        let before = self.reservoir.offered() as u64;
        let (mut drawn, mut places) = (Vec::new(), Vec::new());
        for row in 0..batch.num_rows() as u32 {
            if let Some(place) = self.reservoir.place() {
                drawn.push(row);
                places.push(place);
            }
        }
        let drawn = UInt32Array::from(drawn);
        let wrong = |e: arrow::error::ArrowError| Error::input(e.to_string());
        let mut columns = Vec::with_capacity(self.features.len());
        for name in &self.features {
            if let Some(column) = batch.column_by_name(name) {
                columns.push(Cells::of(&take(column, &drawn, None).map_err(wrong)?, name, self.raw)?);
            }
        }
        for ((at, &row), place) in drawn.values().iter().enumerate().zip(places) {
            let (row, wide) = (row as usize, self.features.len());
            let count = coded.facets.len();
            put(&mut self.places, place, before + row as u64);
            put(&mut self.predicted, place, coded.predicted[row]);
            for (feature, (cells, text)) in columns.iter().zip(&mut self.text).enumerate() {
                put(&mut self.values, place * wide + feature, number(cells.get(at), text));
            }
            for (facet, classes) in coded.facets.iter().enumerate() {
                put(&mut self.facets, place * count + facet, classes[row]);
            }
        }
        Ok(())
    }

    /// Whether only a part of the table was kept, and how many rows.
    pub fn sampled(&self) -> Option<usize> {
        (self.reservoir.offered() > self.places.len()).then_some(self.places.len())
    }

    /// Puts rows in the table's order, so that ties do not depend on how they were drawn.
    pub fn finish(&mut self) {
        self.order = (0..self.places.len()).collect();
        self.order.sort_by_key(|&row| self.places[row]);
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
        let count = self.facets.len() / self.places.len().max(1);
        let side = |&row: &usize| (facet(&self.facets[row * count..][..count]), positive(self.predicted[row]));
        let sides: Vec<_> = self.order.iter().map(side).collect();
        let rows = |side: Side| sides.iter().filter(|&&(facet, p)| facet == side && p != Side::Unknown).count() as f64;
        super::formula::require_groups("FT", [rows(Side::Out), rows(Side::In)], mode)?;
        self.require_numbers(&used, mode)?;
        let known = |&&(facet, positive): &&(Side, Side)| facet != Side::Unknown && positive != Side::Unknown;
        let counted = self.order.iter().zip(&sides).filter(|(_, sides)| known(sides)).map(|(&row, _)| row);
        self.require_finite(&used, counted, mode)?;
        let question = (used, sides);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((asked, found)) if *asked == question => found.clone(),
            _ => {
                let found = self.flipped(&question).map_err(|error| error.to_string());
                *last = Some((question, found.clone()));
                found
            }
        }
    }

    fn flipped(&self, (used, sides): &Question) -> Result<Flipped> {
        let rows_of = |side: Side| {
            let rows = self.order.iter().zip(sides);
            rows.filter(move |(_, sides)| sides.0 == side && sides.1 != Side::Unknown)
        };
        let points = |side: Side| -> Vec<f64> {
            rows_of(side).flat_map(|(&row, _)| used.iter().map(move |&f| self.value(row, f))).collect()
        };
        let positive = |side: Side| -> Vec<bool> { rows_of(side).map(|(_, sides)| sides.1 == Side::In).collect() };
        let (a, d, accepted) = (points(Side::Out), points(Side::In), positive(Side::Out));
        let neighbours = if accepted.len() <= 9 { 1 } else { 5 };
        let nearest = nearest(&a, &d, used.len(), neighbours, self.device.as_ref())?;
        let vote = |nearest: &Nearest| {
            2 * nearest.found.iter().filter(|(_, row)| accepted[*row as usize]).count() > nearest.found.len()
        };
        let verdicts: Vec<(bool, bool)> = positive(Side::In).into_iter().zip(nearest.iter().map(vote)).collect();
        let count = |own: bool, others: bool| verdicts.iter().filter(|&&v| v == (own, others)).count() as f64;
        let (worse, better) = (count(false, true), count(true, false));
        Ok(Flipped { worse, better, same: verdicts.len() as f64 - worse - better })
    }

    fn value(&self, row: usize, feature: usize) -> f64 {
        self.values[row * self.features.len() + feature]
    }

    fn require_finite(&self, used: &[usize], rows: impl Iterator<Item = usize>, mode: Mode) -> Result<(), String> {
        let mut infinite = false;
        for value in rows.flat_map(|row| used.iter().map(move |&f| self.value(row, f))) {
            if value.is_nan() {
                return Err(match mode {
                    Mode::Clarify => NAN.into(),
                    Mode::Correct => {
                        "a feature is missing in some rows, so they have no distance: fill it, or leave the column out"
                            .into()
                    }
                });
            }
            infinite |= value.is_infinite();
        }
        match (infinite, mode) {
            (false, _) => Ok(()),
            (true, Mode::Clarify) => Err(INFINITE.into()),
            (true, Mode::Correct) => {
                Err("a feature is infinite in some rows, so they have no distance: leave the column out".into())
            }
        }
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

/// The rows of `a` nearest to each row of `d`.
fn nearest(a: &[f64], d: &[f64], features: usize, k: usize, device: Option<&Device>) -> Result<Vec<Nearest>> {
    let tree = Tree::new(a, features);
    let device = device.filter(|_| features >= MANY);
    match device.and_then(|device| Screen::new(&tree, a, d, features, device)) {
        Some(screen) => screen.nearest(d, k),
        None => Ok(d.par_chunks(features).map(|at| tree.nearest(at, k)).collect()),
    }
}
