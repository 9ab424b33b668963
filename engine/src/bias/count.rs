//! One pass: how many rows of each facet class, stratum, label and prediction there are.

use super::cell::Cells;
use super::column::Column;
use super::request::BiasRequest;
use super::signature::Signature;
use crate::data::{Batches, Table};
use crate::{Error, Result};
use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use rayon::prelude::*;
use std::collections::HashMap;

/// Groups of a facet without values.
const GROUPS: usize = 1000;
/// Strata.
const STRATA: usize = 10_000;
/// Classes of a label that are told apart in the confusion matrix.
const CLASSES: usize = 100;
/// Counts held at most, 128 MiB.
const CELLS: usize = 1 << 24;

/// The rest of what counts for a row, beside its facets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Context {
    /// Class of the group column, 0 without one.
    pub stratum: u32,
    pub label: Signature,
    pub predicted: Signature,
}

/// Counts `[class][context]`; short rows end in zeros.
pub type Counts = Vec<Vec<u64>>;

/// What one pass over a table found.
#[derive(Debug)]
pub struct Tally {
    pub rows: u64,
    pub label: Column,
    pub predicted: Option<Column>,
    pub group: Option<Column>,
    pub facets: Vec<Column>,
    pub contexts: Vec<Context>,
    /// For each facet.
    pub counts: Vec<Counts>,
    /// For each intersection: the classes of both columns, and their counts.
    pub pairs: Vec<(Vec<(u32, u32)>, Counts)>,
    /// Rows of each class of label and prediction, `[label][prediction]`.
    pub outcomes: Counts,
    context_of: HashMap<Context, u32>,
    pair_of: Vec<HashMap<(u32, u32), u32>>,
    intersections: Vec<(usize, usize)>,
    raw: bool,
}

/// Classes of the rows of one batch.
pub struct Coded {
    /// For each facet.
    pub facets: Vec<Vec<u32>>,
    pub label: Vec<u32>,
    /// How each label compares with the values asked for.
    pub outcome: Vec<Signature>,
    pub predicted: Vec<u32>,
    /// Of the group column, 0 without one.
    pub strata: Vec<u32>,
}

impl Tally {
    pub fn new(table: &Table, request: &BiasRequest) -> Tally {
        let category = |name: &str| {
            table.schema().field_with_name(name).is_ok_and(|f| matches!(f.data_type(), DataType::Dictionary(..)))
        };
        let label = &request.label;
        let predicted = request.predicted.as_ref().map(|p| {
            let values = match p {
                super::Predicted::Label(_) => label.values.clone(),
                super::Predicted::Score { threshold, .. } => vec![super::Value::Number(*threshold)],
            };
            Column::new(p.column(), &values, CLASSES, category(p.column()))
        });
        let facet = |f: &super::Selection| {
            let limit = if f.values.is_empty() { GROUPS } else { 0 };
            Column::new(&f.column, &f.values, limit, category(&f.column))
        };
        Tally {
            rows: 0,
            label: Column::new(&label.column, &label.values, CLASSES, category(&label.column)),
            predicted,
            group: request.group.as_ref().map(|name| Column::new(name, &[], STRATA, category(name))),
            facets: request.facets.iter().map(facet).collect(),
            contexts: Vec::new(),
            counts: vec![Counts::new(); request.facets.len()],
            pairs: vec![(Vec::new(), Counts::new()); request.intersections.len()],
            outcomes: Counts::new(),
            context_of: HashMap::new(),
            pair_of: vec![HashMap::new(); request.intersections.len()],
            intersections: request.intersections.clone(),
            raw: table.is_untyped(),
        }
    }

    /// Counts all batches; `each` sees every batch with its classes.
    pub fn read(&mut self, batches: Batches, mut each: impl FnMut(&RecordBatch, &Coded) -> Result<()>) -> Result<()> {
        for batch in batches {
            let batch = batch?;
            let coded = self.add(&batch)?;
            each(&batch, &coded)?;
        }
        Ok(())
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<Coded> {
        let raw = self.raw;
        let mut columns: Vec<&mut Column> = vec![&mut self.label];
        columns.extend(self.predicted.as_mut());
        columns.extend(self.group.as_mut());
        columns.extend(self.facets.iter_mut());
        let codes = columns.into_par_iter().map(|c| code(c, batch, raw)).collect::<Result<Vec<_>>>()?;
        let mut codes = codes.into_iter();
        let mut next = || codes.next().unwrap_or_default();
        let label = next();
        let predicted = if self.predicted.is_some() { next() } else { vec![0; label.len()] };
        let strata = if self.group.is_some() { next() } else { vec![0; label.len()] };
        let outcome = label.iter().map(|&class| self.label.classes[class as usize].signature).collect();
        let coded = Coded { facets: codes.collect(), label, outcome, predicted, strata };
        let Coded { label, predicted, strata, .. } = &coded;
        let contexts: Vec<u32> =
            (0..label.len()).map(|row| self.context(label[row], predicted[row], strata[row])).collect();
        self.rows += label.len() as u64;
        count(&mut self.outcomes, label, predicted);
        for (counts, classes) in self.counts.iter_mut().zip(&coded.facets) {
            count(counts, classes, &contexts);
        }
        for (i, &(a, b)) in self.intersections.iter().enumerate() {
            let (of, (found, counts)) = (&mut self.pair_of[i], &mut self.pairs[i]);
            let class = |(&a, &b): (&u32, &u32)| {
                *of.entry((a, b)).or_insert_with(|| {
                    found.push((a, b));
                    (found.len() - 1) as u32
                })
            };
            let classes: Vec<u32> = coded.facets[a].iter().zip(&coded.facets[b]).map(class).collect();
            count(counts, &classes, &contexts);
        }
        self.require_room()?;
        Ok(coded)
    }

    fn context(&mut self, label: u32, predicted: u32, stratum: u32) -> u32 {
        let context = Context {
            stratum,
            label: self.label.classes[label as usize].signature,
            predicted: self.predicted.as_ref().map_or(0, |p| p.classes[predicted as usize].signature),
        };
        let contexts = &mut self.contexts;
        *self.context_of.entry(context).or_insert_with(|| {
            contexts.push(context);
            (contexts.len() - 1) as u32
        })
    }

    fn require_room(&self) -> Result<()> {
        if let Some(group) = self.group.as_ref().filter(|g| g.crowded) {
            return Err(Error::input(format!(
                "the group column `{}` has more than {STRATA} different values",
                group.name
            ))
            .hint("strata compare like with like: name a column with few values, or bin it"));
        }
        let tables = self.counts.iter().chain(self.pairs.iter().map(|(_, counts)| counts));
        let cells: usize = tables.flatten().map(Vec::len).sum();
        if cells > CELLS {
            return Err(Error::input(format!("more than {CELLS} combinations of facet value, stratum and outcome"))
                .hint("name the facet values that make a group, or take a group column with fewer values"));
        }
        Ok(())
    }
}

fn code(column: &mut Column, batch: &RecordBatch, raw: bool) -> Result<Vec<u32>> {
    let name = column.name.clone();
    let array = batch.column_by_name(&name).ok_or_else(|| Error::input(format!("there is no column `{name}`")))?;
    let cells = Cells::of(array, &name, raw)?;
    Ok((0..batch.num_rows()).map(|row| column.add(cells.get(row))).collect())
}

fn count(counts: &mut Counts, classes: &[u32], contexts: &[u32]) {
    for (&class, &context) in classes.iter().zip(contexts) {
        let (class, context) = (class as usize, context as usize);
        if counts.len() <= class {
            counts.resize(class + 1, Vec::new());
        }
        if counts[class].len() <= context {
            counts[class].resize(context + 1, 0);
        }
        counts[class][context] += 1;
    }
}
