//! One pass: how many rows of each facet class, stratum, label and prediction there are.

use super::cell::Cells;
use super::column::Column;
use super::request::BiasRequest;
use super::sheet::Sheet;
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
/// Batches that are counted side by side, if they are not larger than this together.
const AT_ONCE: usize = 8;
const AT_ONCE_BYTES: usize = 64 << 20;

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
    /// Whether [`Coded::outcome`] is wanted.
    pub with_outcomes: bool,
    /// Rows of each class of label and prediction, `[label][prediction]`.
    pub outcomes: Counts,
    context_of: HashMap<Context, u32>,
    pair_of: Vec<HashMap<(u32, u32), u32>>,
    pub intersections: Vec<(usize, usize)>,
    raw: bool,
}

/// Classes of the rows of one batch.
#[derive(Debug, Default)]
pub struct Coded {
    /// For each facet.
    pub facets: Vec<Vec<u32>>,
    pub label: Vec<u32>,
    /// How each label compares with the values asked for, if that is wanted.
    pub outcome: Vec<Signature>,
    /// 0 without predictions.
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
            let column = Column::new(&f.column, &f.values, limit, category(&f.column));
            if f.kind.is_some() { column.uncounted_numbers() } else { column }
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
            with_outcomes: false,
            outcomes: Counts::new(),
            context_of: HashMap::new(),
            pair_of: vec![HashMap::new(); request.intersections.len()],
            intersections: request.intersections.clone(),
            raw: table.is_untyped(),
        }
    }

    /// Counts all batches; `each` sees every batch with its classes, in order. While some batches are counted, the next are read.
    pub fn read(
        &mut self,
        mut batches: Batches,
        mut each: impl FnMut(&RecordBatch, &Coded) -> Result<()> + Send,
    ) -> Result<()> {
        let mut next = some_of(&mut batches);
        loop {
            let now = next?;
            if now.is_empty() {
                return Ok(());
            }
            let (counted, read) = rayon::join(|| self.add(&now, &mut each), || some_of(&mut batches));
            counted?;
            next = read;
        }
    }

    fn add(
        &mut self,
        batches: &[RecordBatch],
        each: &mut impl FnMut(&RecordBatch, &Coded) -> Result<()>,
    ) -> Result<()> {
        let coded = self.code(batches)?;
        let sheets: Vec<Sheet> = coded.par_iter().map(|coded| Sheet::of(coded, self)).collect();
        for ((batch, coded), sheet) in batches.iter().zip(&coded).zip(sheets) {
            self.rows += batch.num_rows() as u64;
            self.enter(sheet);
            self.require_room()?;
            each(batch, coded)?;
        }
        Ok(())
    }

    /// The classes of the rows of each batch.
    fn code(&mut self, batches: &[RecordBatch]) -> Result<Vec<Coded>> {
        let raw = self.raw;
        let mut columns: Vec<&mut Column> = vec![&mut self.label];
        columns.extend(self.predicted.as_mut());
        columns.extend(self.group.as_mut());
        columns.extend(self.facets.iter_mut());
        let look_up = |column: &Column, batch: &RecordBatch| {
            let name = &column.name;
            let array =
                batch.column_by_name(name).ok_or_else(|| Error::input(format!("there is no column `{name}`")))?;
            let cells = Cells::of(array, name, raw)?;
            Ok((column.look_up(&cells), cells))
        };
        let of_column = |column: &mut Column| -> Result<Vec<Vec<u32>>> {
            let found = batches.par_iter().map(|batch| look_up(column, batch)).collect::<Result<Vec<_>>>()?;
            let settled = found.into_iter().map(|(mut coding, cells)| {
                column.settle(&cells, &mut coding);
                coding.classes
            });
            Ok(settled.collect())
        };
        let found = columns.into_par_iter().map(of_column).collect::<Result<Vec<_>>>()?;
        let mut columns = found.into_iter().map(Vec::into_iter);
        let zeros = || batches.iter().map(|batch| vec![0; batch.num_rows()]).collect::<Vec<_>>().into_iter();
        let mut label = columns.next().unwrap_or_else(zeros);
        let mut predicted = self.predicted.as_ref().and_then(|_| columns.next()).unwrap_or_else(zeros);
        let mut strata = self.group.as_ref().and_then(|_| columns.next()).unwrap_or_else(zeros);
        let mut facets: Vec<_> = columns.collect();
        let outcomes = self.with_outcomes;
        let signature = |&class: &u32| self.label.classes[class as usize].signature;
        let mut of_batch = || {
            let label = label.next().unwrap_or_default();
            Coded {
                facets: facets.iter_mut().filter_map(Iterator::next).collect(),
                outcome: if outcomes { label.iter().map(signature).collect() } else { Vec::new() },
                label,
                predicted: predicted.next().unwrap_or_default(),
                strata: strata.next().unwrap_or_default(),
            }
        };
        Ok(batches.iter().map(|_| of_batch()).collect())
    }

    /// Adds what one batch has.
    fn enter(&mut self, sheet: Sheet) {
        let contexts: Vec<u32> = sheet.contexts.iter().map(|&classes| self.context(classes)).collect();
        for (&(label, predicted, _), &n) in sheet.contexts.iter().zip(&sheet.rows) {
            raise(&mut self.outcomes, label, predicted, n);
        }
        for (counts, found) in self.counts.iter_mut().zip(&sheet.facets) {
            found.iter().for_each(|&(class, context, n)| raise(counts, class, contexts[context as usize], n));
        }
        for ((of, (pairs, counts)), (found, rows)) in self.pair_of.iter_mut().zip(&mut self.pairs).zip(&sheet.pairs) {
            let place = |&pair: &(u32, u32)| {
                *of.entry(pair).or_insert_with(|| {
                    pairs.push(pair);
                    (pairs.len() - 1) as u32
                })
            };
            let places: Vec<u32> = found.iter().map(place).collect();
            rows.iter().for_each(|&(pair, context, n)| {
                raise(counts, places[pair as usize], contexts[context as usize], n);
            });
        }
    }

    fn context(&mut self, (label, predicted, stratum): (u32, u32, u32)) -> u32 {
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

/// The next batches, until there are enough to count at once; none at the end.
fn some_of(batches: &mut Batches) -> Result<Vec<RecordBatch>> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    while found.len() < AT_ONCE && bytes < AT_ONCE_BYTES {
        let Some(batch) = batches.next() else { break };
        let batch = batch?;
        bytes += batch.get_array_memory_size();
        found.push(batch);
    }
    Ok(found)
}

fn raise(counts: &mut Counts, class: u32, context: u32, n: u64) {
    let (class, context) = (class as usize, context as usize);
    if counts.len() <= class {
        counts.resize(class + 1, Vec::new());
    }
    if counts[class].len() <= context {
        counts[class].resize(context + 1, 0);
    }
    counts[class][context] += n;
}
