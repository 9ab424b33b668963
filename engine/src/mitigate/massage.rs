//! Massaging (Kamiran & Calders 2012, section 5.1): the labels of the d rows that a ranker finds most like positives are promoted, and those
//! of as many a rows that it finds least like them demoted, until both groups have equal shares of positive labels. The overall
//! share of positives stays.

use super::columns::{appended, numbers, replaced, require_new, retyped, with};
use super::groups::{BATCH_ROWS, Groups};
use super::side::Reading;
use crate::data::{Table, did_you_mean, list_of};
use crate::{Error, Result};
use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::compute::{cast, interleave};
use arrow::datatypes::{DataType, Field};
use serde::Serialize;
use std::sync::Arc;

/// What a changed label became.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// From negative to positive: a row of d.
    Promoted,
    /// From positive to negative: a row of a.
    Demoted,
}

/// Labels to change.
#[derive(Debug, Clone)]
pub struct Massaging {
    label: String,
    positive: String,
    negative: String,
    /// Row, from 1, ascending.
    changes: Vec<(u64, Change)>,
    /// Rows that might have been changed but have no score.
    unscored: u64,
}

impl Massaging {
    /// Chooses the labels: one pass; memory for a score (16 bytes) of each negative row of d and positive row of a. `ranker` is a column of
    /// scores, higher for rows more like positives; equal scores go by the order of rows, and a row without a score is not changed.
    /// `negative` is what demoted rows get, needed if the label has several negative values; promoted rows get the first positive value
    /// that the table has.
    ///
    /// The number of promotions M = (p_a n_d − p_d n_a)/n, with p the positives and n the rows, is rounded to the nearest whole number: no other
    /// leaves a smaller difference of shares, which is then at most (1/n_a + 1/n_d)/2.
    ///
    /// # Errors
    /// Groups other than one named group and the others, d ahead of a already, a label that is a threshold or lacks a value, too few rows
    /// with a score.
    pub fn new(table: &Table, groups: &Groups, ranker: &str, negative: Option<&str>) -> Result<Massaging> {
        table.positions(&[ranker.to_string()])?;
        let [d, a] = two_groups(groups)?;
        let (positive, negative) = values(groups, negative)?;
        let wanted = promotions(groups, d, a)?;
        let text = table.as_text();
        let (mut up, mut down) = (Vec::new(), Vec::new());
        let (mut row, mut unscored) = (0u64, 0);
        for batch in text.batches(BATCH_ROWS)? {
            let batch = batch?;
            let first = row as usize + 1;
            let read = || -> Result<_> {
                let scores = numbers(&batch, ranker, groups.raw(), first)?;
                Ok((scores, groups.of(&batch, first)?, groups.positive(&batch, first)?))
            };
            let (scores, of, label) = read().map_err(|e| table.blame(e))?;
            for ((score, group), label) in scores.into_iter().zip(of).zip(label) {
                row += 1;
                let list = match (group, label) {
                    (Some(group), Some(false)) if group == d => &mut up,
                    (Some(group), Some(true)) if group == a => &mut down,
                    _ => continue,
                };
                match score {
                    Some(score) => list.push((score, row)),
                    None => unscored += 1,
                }
            }
        }
        up.iter_mut().for_each(|(score, _)| *score = 0.0 - *score);
        let mut changes = Vec::new();
        for (list, change) in [(up, Change::Promoted), (down, Change::Demoted)] {
            changes.extend(lowest(list, wanted, ranker)?.into_iter().map(|row| (row, change)));
        }
        changes.sort_unstable_by_key(|(row, _)| *row);
        Ok(Massaging { label: groups.label_name().into(), positive, negative, changes, unscored })
    }

    /// The rows changed, from 1, ascending.
    pub fn changes(&self) -> &[(u64, Change)] {
        &self.changes
    }

    /// What promoted and demoted rows get.
    pub fn values(&self) -> [&str; 2] {
        [&self.positive, &self.negative]
    }

    /// Rows that were not considered because they have no score.
    pub fn unscored(&self) -> u64 {
        self.unscored
    }

    /// The table with the labels changed in their column, and `marker`: `promoted`, `demoted` or missing.
    ///
    /// # Errors
    /// A marker that the table has already.
    pub fn table(&self, table: &Table, marker: &str) -> Result<Table> {
        require_new(table, &[marker])?;
        let field = [Field::new(marker, DataType::Utf8, true)];
        let (this, schema) = (self.clone(), with(table.schema(), &field));
        let schema = match schema.column_with_name(&self.label) {
            Some((place, label)) => {
                let mut fields: Vec<Arc<Field>> = schema.fields().iter().cloned().collect();
                fields[place] = Arc::new(retyped(label, label.data_type().clone()));
                Arc::new(arrow::datatypes::Schema::new(fields))
            }
            None => schema,
        };
        Ok(table.clone().through(schema, move |batch, first_row| {
            let rows = first_row as u64..(first_row + batch.num_rows()) as u64;
            let from = this.changes.partition_point(|(row, _)| *row < rows.start);
            let to = this.changes.partition_point(|(row, _)| *row < rows.end);
            let mut of_row = vec![None; batch.num_rows()];
            this.changes[from..to].iter().for_each(|(row, change)| of_row[(row - rows.start) as usize] = Some(*change));
            let marks: StringArray = of_row.iter().map(|change| change.map(Change::name)).collect();
            let batch = this.relabelled(&batch, &of_row)?;
            appended(&batch, &field, vec![Arc::new(marks) as ArrayRef])
        }))
    }

    /// Labels of the batch with the changes made, in the column's own type.
    fn relabelled(&self, batch: &RecordBatch, changes: &[Option<Change>]) -> Result<RecordBatch> {
        let wrong = |error: arrow::error::ArrowError| Error::input(error.to_string());
        let missing = || Error::input(format!("there is no column `{}`", self.label));
        let old = batch.column_by_name(&self.label).ok_or_else(missing)?;
        let fresh = |value: &str| cast(&StringArray::from(vec![value]), old.data_type()).map_err(wrong);
        let (up, down) = (fresh(&self.positive)?, fresh(&self.negative)?);
        let place = |(row, change): (usize, &Option<Change>)| match change {
            None => (0, row),
            Some(Change::Promoted) => (1, 0),
            Some(Change::Demoted) => (2, 0),
        };
        let places: Vec<(usize, usize)> = changes.iter().enumerate().map(place).collect();
        let arrays: [&dyn Array; 3] = [old.as_ref(), up.as_ref(), down.as_ref()];
        replaced(batch, &[(&self.label, interleave(&arrays, &places).map_err(wrong)?)])
    }
}

impl Change {
    pub fn name(self) -> &'static str {
        match self {
            Change::Promoted => "promoted",
            Change::Demoted => "demoted",
        }
    }
}

/// Places of d and a.
fn two_groups(groups: &Groups) -> Result<[usize; 2]> {
    match (&groups.facets[..], &groups.groups[..]) {
        ([facet], [_, _]) if facet.reading != Reading::Each => Ok([0, 1]),
        ([_], _) => Err(Error::input(format!(
            "massaging moves labels from the others to one group, and `{}` was given without its values",
            groups.facets[0].column
        ))
        .hint("name the group that has fewer positive labels, such as `--facet sex=Female`")),
        _ => Err(Error::input(format!(
            "massaging compares one group with the others, not {} facets",
            groups.facets.len()
        ))
        .hint("give one facet, or reweigh, which takes several")),
    }
}

/// What a promoted and what a demoted row gets.
fn values(groups: &Groups, negative: Option<&str>) -> Result<(String, String)> {
    let name = groups.label_name();
    let is_threshold = groups.label.as_ref().is_none_or(|label| label.reading == Reading::Above);
    let Some(outcomes) = groups.outcomes.as_ref().filter(|_| !is_threshold) else {
        return Err(Error::input(format!("massaging changes labels to another value, and `{name}` is a number"))
            .hint("make a column of two outcomes first, or reweigh, which takes a threshold"));
    };
    let of = |positive: bool| outcomes.iter().filter(|o| o.1 == positive).map(|o| o.0.as_str()).collect::<Vec<_>>();
    let (ups, downs) = (of(true), of(false));
    let none = |what: &str| {
        Error::input(format!("no row has a {what} label in `{name}`")).hint("check the positive values of the label")
    };
    let up = ups.first().ok_or_else(|| none("positive"))?;
    let down = match (negative, &downs[..]) {
        (_, []) => return Err(none("negative")),
        (Some(given), downs) => downs.iter().find(|value| **value == given).ok_or_else(|| {
            let nearest = did_you_mean(given, downs.iter().copied());
            Error::input(format!("`{given}` is not a negative value of `{name}`{nearest}"))
                .hint(format!("its negative values are {}", list_of(downs)))
        })?,
        (None, [only]) => only,
        (None, downs) => {
            return Err(Error::input(format!("`{name}` has {} negative values: {}", downs.len(), list_of(downs)))
                .hint("say which of them a demoted row gets with `--negative`"));
        }
    };
    Ok((up.to_string(), down.to_string()))
}

/// M, rounded.
fn promotions(groups: &Groups, d: usize, a: usize) -> Result<usize> {
    let [d, a] = [d, a].map(|place| &groups.groups[place]);
    let rows = |group: &super::Group| i128::from(group.positive + group.negative);
    if rows(d) == 0 || rows(a) == 0 {
        let name = if rows(d) == 0 { &d.name } else { &a.name };
        return Err(Error::input(format!("no row of the group {name} has a label")).hint("check the label's column"));
    }
    let over = i128::from(a.positive) * rows(d) - i128::from(d.positive) * rows(a);
    let under = rows(d) + rows(a);
    if over < 0 {
        return Err(Error::input(format!("{} has the larger share of positive labels already", d.name))
            .hint("name the group that has fewer, so that labels move in its favour"));
    }
    // Half of it rounds down: as small a difference, one change less.
    Ok(((2 * over + under - 1) / (2 * under)) as usize)
}

/// Rows of the `n` lowest scores; of equal ones the first.
fn lowest(mut list: Vec<(f64, u64)>, n: usize, ranker: &str) -> Result<Vec<u64>> {
    if list.len() < n {
        return Err(Error::input(format!("{n} labels have to change, but only {} such rows have a score", list.len()))
            .hint(format!("fill in the column `{ranker}`")));
    }
    let order = |a: &(f64, u64), b: &(f64, u64)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    if n < list.len() {
        list.select_nth_unstable_by(n, order);
        list.truncate(n);
    }
    Ok(list.into_iter().map(|(_, row)| row).collect())
}
