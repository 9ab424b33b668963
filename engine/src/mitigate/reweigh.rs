//! Reweighing (Kamiran & Calders 2012, section 5.2, algorithm 3): a row of group s with outcome y weighs
//! w(s, y) = P(s) P(y) / P(s, y), so that in the weighted table group and outcome are independent. Nothing else is changed.

use super::columns::{appended, require_new, with};
use super::groups::Groups;
use crate::bias::cells::Sums;
use crate::bias::formula::metric;
use crate::bias::{BiasReport, FacetBias, MetricValue, Mode};
use crate::data::Table;
use crate::{Error, Result};
use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::{DataType, Field};
use serde::Serialize;
use std::sync::Arc;

/// The weight of each row of a group with an outcome.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellWeight {
    /// Name of the group.
    pub group: String,
    pub positive: bool,
    pub rows: u64,
    /// Above 0. The mean over all rows that have a weight is 1.
    pub weight: f64,
}

/// Weights that make group and outcome independent.
#[derive(Debug, Clone)]
pub struct Reweighing {
    groups: Groups,
    /// `[negative, positive]` of each group.
    weights: Vec<[f64; 2]>,
}

impl Reweighing {
    /// Weights from the counts alone. Rows without a group or a label count nowhere and get no weight.
    ///
    /// # Errors
    /// Groups surveyed without a label; a group without positive or without negative rows, which no weight can balance.
    pub fn new(groups: &Groups) -> Result<Reweighing> {
        if groups.label.is_none() {
            return Err(Error::input("reweighing needs a label").hint("name the column of outcomes"));
        }
        let outcomes = groups.groups.iter().map(|group| [group.negative, group.positive]);
        let mut of_outcome = [0u64; 2];
        for (group, rows) in groups.groups.iter().zip(outcomes.clone()) {
            for (y, what) in ["negative", "positive"].into_iter().enumerate() {
                if rows[y] == 0 {
                    return Err(Error::input(format!("no row of the group {} has a {what} label", group.name)).hint(
                        "weights cannot make up for an outcome that a group never has: join groups, or check the positive values",
                    ));
                }
                of_outcome[y] += rows[y];
            }
        }
        let n = (of_outcome[0] + of_outcome[1]) as f64;
        let weight = |rows: [u64; 2]| {
            let in_group = (rows[0] + rows[1]) as f64;
            [0, 1].map(|y| in_group * of_outcome[y] as f64 / (n * rows[y] as f64))
        };
        Ok(Reweighing { groups: groups.clone(), weights: outcomes.map(weight).collect() })
    }

    /// Every weight, group by group, positives first.
    pub fn cells(&self) -> Vec<CellWeight> {
        let cell = |place: usize, positive: bool| {
            let group = &self.groups.groups[place];
            CellWeight {
                group: group.name.clone(),
                positive,
                rows: if positive { group.positive } else { group.negative },
                weight: self.weights[place][usize::from(positive)],
            }
        };
        (0..self.weights.len()).flat_map(|place| [cell(place, true), cell(place, false)]).collect()
    }

    /// Rows that the weighted table is worth: (Σ w)² / Σ w² (Kish 1965), at most the rows that have a weight. What is lost is the price of
    /// unequal weights: estimates from the weighted table are as uncertain as from so many rows.
    pub fn effective_rows(&self) -> f64 {
        let cells = self.cells();
        let sum: f64 = cells.iter().map(|cell| cell.rows as f64 * cell.weight).sum();
        let squares: f64 = cells.iter().map(|cell| cell.rows as f64 * cell.weight * cell.weight).sum();
        sum * sum / squares
    }

    /// The table with a column of weights; missing for a row without a group or a label.
    ///
    /// # Errors
    /// A name that the table has.
    pub fn table(&self, table: &Table, column: &str) -> Result<Table> {
        require_new(table, &[column])?;
        let field = [Field::new(column, DataType::Float64, true)];
        let (groups, weights) = (self.groups.clone(), self.weights.clone());
        let schema = with(table.schema(), &field);
        Ok(table.clone().through(schema, move |batch, first_row| {
            let (of, positive) = (groups.of(&batch, first_row)?, groups.positive(&batch, first_row)?);
            let weight =
                |(group, positive): (Option<usize>, Option<bool>)| Some(weights[group?][usize::from(positive?)]);
            let cells: Float64Array = of.into_iter().zip(positive).map(weight).collect();
            appended(&batch, &field, vec![Arc::new(cells) as ArrayRef])
        }))
    }

    /// The pre-training metrics of the weighted table, for the same groups as `before`, which measured the table itself. Counts of rows stay;
    /// there are no intervals, since the weights were fitted to these very rows.
    pub fn after(&self, before: &BiasReport) -> BiasReport {
        let mut after = before.clone();
        for facet in &mut after.facets {
            let Some(sums) = self.sums(facet) else { continue };
            for value in &mut facet.pre {
                let found = metric(value.name, &sums, Mode::Correct);
                let (number, error) = (found.as_ref().ok().copied(), found.err());
                *value =
                    MetricValue { name: value.name, value: number, error, other: None, interval: None, analytic: None };
            }
            facet.stats = None;
        }
        after.notes = vec!["rows are weighted by the new column; counts are of rows".into()];
        after
    }

    /// Weighted rows by group (a, d) and outcome, for the group d of a facet, or of two, of a report.
    fn sums(&self, facet: &FacetBias) -> Option<Sums> {
        let d = self.parts_of(facet)?;
        let mut sums = Sums { no_strata: Some("strata are not weighted".into()), ..Sums::default() };
        for (group, weights) in self.groups.groups.iter().zip(&self.weights) {
            let side = usize::from(d.iter().all(|(place, part)| group.parts[*place] == *part));
            for (y, rows) in [group.negative, group.positive].into_iter().enumerate() {
                sums.observed[side][y] += rows as f64 * weights[y];
            }
        }
        Some(sums)
    }

    /// The part, of each facet by its place, that a group d of a report is.
    fn parts_of(&self, facet: &FacetBias) -> Option<Vec<(usize, String)>> {
        let mut single = Vec::new();
        for (place, sides) in self.groups.facets.iter().enumerate() {
            let shown = sides.parts.iter().zip(&sides.shown).filter(|(_, shown)| !shown.is_empty());
            single.extend(shown.map(|(part, shown)| (sides.column.as_str(), shown.as_str(), (place, part.clone()))));
        }
        let is = |column: &str, shown: &str| facet.facet == column && facet.value_or_threshold == shown;
        if let Some((.., part)) = single.iter().find(|(column, shown, _)| is(column, shown)) {
            return Some(vec![part.clone()]);
        }
        let pairs = single.iter().flat_map(|a| single.iter().map(move |b| (a, b)));
        let both = |a: &str, b: &str| format!("{a} × {b}");
        let mut pairs = pairs.filter(|(a, b)| is(&both(a.0, b.0), &both(a.1, b.1)));
        pairs.next().map(|(a, b)| vec![a.2.clone(), b.2.clone()])
    }
}
