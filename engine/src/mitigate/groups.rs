//! The groups of a table and their outcomes, in one pass.

use super::side::Sides;
use super::tally::Tally;
use crate::bias::column::Column;
use crate::bias::request::Selection;
use crate::data::Table;
use crate::{Error, Result};
use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use serde::Serialize;
use std::collections::HashMap;

/// Rows of a batch.
pub(super) const BATCH_ROWS: usize = 1 << 15;
/// Values of a facet without values, and groups in all.
const GROUPS: usize = 1000;
/// Values of a label that are told apart.
const CLASSES: usize = 100;

/// Rows that are alike in every facet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// `sex = Female`, `sex = Female and race = others`.
    pub name: String,
    /// One for each facet: a value, the values named, `> 40`, or `others`.
    pub parts: Vec<String>,
    /// Rows whose facets are known.
    pub rows: u64,
    /// Of those, rows with a positive and with a negative label; a row without a label is neither.
    pub positive: u64,
    pub negative: u64,
}

/// The groups of a table: with several facets, every combination that occurs.
#[derive(Debug, Clone)]
pub struct Groups {
    /// By the order of the parts of each facet; none empty.
    pub groups: Vec<Group>,
    /// Rows of the table.
    pub rows: u64,
    /// Rows without a group: a facet is missing.
    pub ungrouped: u64,
    /// Rows with a group but without a label.
    pub unlabelled: u64,
    pub(super) facets: Vec<Sides>,
    pub(super) label: Option<Sides>,
    /// Different values of the label, and whether they are positive; none if there are too many.
    pub(super) outcomes: Option<Vec<(String, bool)>>,
    places: HashMap<u64, u32>,
    raw: bool,
}

impl Groups {
    /// Reads the table once. `label`: its values or threshold are the positive outcome.
    ///
    /// # Errors
    /// A column that is not in the table, no facet, a facet with a named group that has no row or takes all of them, more than 1,000 groups,
    /// a label without values, and whatever the table refuses.
    pub fn survey(table: &Table, facets: &[Selection], label: Option<&Selection>) -> Result<Groups> {
        let groups = Groups::read(table, facets, label)?;
        groups.require_rows()?;
        Ok(groups)
    }

    /// The same for a table that need not have every group: one to apply known rules to.
    ///
    /// # Errors
    /// As [`Groups::survey`], but for empty groups.
    pub fn read(table: &Table, facets: &[Selection], label: Option<&Selection>) -> Result<Groups> {
        check(table, facets, label)?;
        let table = table.as_text();
        let raw = table.is_untyped();
        let category = |name: &str| {
            table.schema().field_with_name(name).is_ok_and(|f| matches!(f.data_type(), DataType::Dictionary(..)))
        };
        let column = |selection: &Selection, limit: usize| {
            Column::new(&selection.column, &selection.values, limit, category(&selection.column))
        };
        let limit = |facet: &Selection| if facet.values.is_empty() { GROUPS } else { 0 };
        let mut columns: Vec<Column> = facets.iter().map(|facet| column(facet, limit(facet))).collect();
        columns.extend(label.map(|label| column(label, CLASSES)));
        let mut tally = Tally::default();
        for batch in table.batches(BATCH_ROWS)? {
            tally.add(&batch?, &mut columns, raw).map_err(|e| table.blame(e))?;
        }
        let (of_facets, of_label) = columns.split_at(facets.len());
        let found: Vec<Sides> = of_facets.iter().zip(facets).map(|(c, f)| Sides::new(c, f)).collect::<Result<_>>()?;
        let label = label.map(|label| Sides::new(&of_label[0], label)).transpose()?;
        let mut groups = Groups {
            groups: Vec::new(),
            rows: tally.rows,
            ungrouped: 0,
            unlabelled: 0,
            facets: found,
            outcomes: label.as_ref().and_then(|label| outcomes(&of_label[0], label)),
            label,
            places: HashMap::new(),
            raw,
        };
        groups.fill(&tally, &columns)?;
        Ok(groups)
    }

    /// Turns counts of classes into groups.
    fn fill(&mut self, tally: &Tally, columns: &[Column]) -> Result<()> {
        let sides = self.facets.iter().chain(&self.label).zip(columns);
        let of_classes: Vec<Vec<Option<u32>>> = sides.map(|(sides, column)| sides.of_classes(column)).collect();
        let mut cells: Vec<(u64, Option<u32>, u64)> = Vec::new();
        for (classes, rows) in tally.cells() {
            let parts: Vec<Option<u32>> = classes.iter().zip(&of_classes).map(|(&c, of)| of[c as usize]).collect();
            match self.code(&parts[..self.facets.len()]) {
                Some(code) => cells.push((code, parts.get(self.facets.len()).copied().flatten(), rows)),
                None => self.ungrouped += rows,
            }
        }
        cells.sort_unstable();
        for (code, side, rows) in cells {
            let place = match self.places.get(&code) {
                Some(&place) => place as usize,
                None => self.push(code)?,
            };
            let group = &mut self.groups[place];
            group.rows += rows;
            match side {
                Some(0) => group.positive += rows,
                Some(_) => group.negative += rows,
                None if self.label.is_some() => self.unlabelled += rows,
                None => {}
            }
        }
        Ok(())
    }

    fn push(&mut self, code: u64) -> Result<usize> {
        if self.groups.len() == GROUPS {
            return Err(Error::input(format!("the facets make more than {GROUPS} groups"))
                .hint("name the values that make a group, or take fewer facets"));
        }
        let mut rest = code;
        let mut parts: Vec<String> = Vec::new();
        for facet in self.facets.iter().rev() {
            parts.insert(0, facet.parts[(rest % facet.parts.len() as u64) as usize].clone());
            rest /= facet.parts.len() as u64;
        }
        let names: Vec<String> = self.facets.iter().zip(&parts).map(|(facet, part)| facet.name(part)).collect();
        let name = names.join(" and ");
        self.groups.push(Group { name, parts, rows: 0, positive: 0, negative: 0 });
        self.places.insert(code, (self.groups.len() - 1) as u32);
        Ok(self.groups.len() - 1)
    }

    /// Every named group of every facet has rows, and so have the others.
    fn require_rows(&self) -> Result<()> {
        for (place, facet) in self.facets.iter().enumerate() {
            for part in &facet.parts {
                if !self.groups.iter().any(|group| group.parts[place] == *part) {
                    return Err(Error::input(format!("no row is in the group {}", facet.name(part)))
                        .hint("check the spelling of the facet's values against the table"));
                }
            }
        }
        match self.groups.len() {
            0 | 1 => Err(Error::input("all rows are in one group, so there is nothing to compare")
                .hint("name a facet that tells at least two groups apart")),
            _ => Ok(()),
        }
    }

    fn code(&self, parts: &[Option<u32>]) -> Option<u64> {
        let facets = self.facets.iter().zip(parts);
        facets.map(|(facet, part)| part.map(|part| (facet.parts.len() as u64, u64::from(part)))).try_fold(
            0,
            |code: u64, part| {
                let (size, part) = part?;
                Some(code.wrapping_mul(size) + part)
            },
        )
    }

    /// The group of each row of a batch, by its place in [`Groups::groups`]; none where a facet is missing.
    pub(super) fn of(&self, batch: &RecordBatch, first_row: usize) -> Result<Vec<Option<usize>>> {
        let parts = self.facets.iter().map(|f| f.of(batch, self.raw, first_row)).collect::<Result<Vec<_>>>()?;
        let group = |row: usize| {
            let of_row: Vec<Option<u32>> = parts.iter().map(|facet| facet[row]).collect();
            self.code(&of_row).and_then(|code| self.places.get(&code)).map(|&place| place as usize)
        };
        Ok((0..batch.num_rows()).map(group).collect())
    }

    /// Whether each row's label is positive; none where it is missing, or where there is no label.
    pub(super) fn positive(&self, batch: &RecordBatch, first_row: usize) -> Result<Vec<Option<bool>>> {
        match &self.label {
            None => Ok(vec![None; batch.num_rows()]),
            Some(label) => {
                Ok(label.of(batch, self.raw, first_row)?.into_iter().map(|side| side.map(|side| side == 0)).collect())
            }
        }
    }

    /// Whether texts come from a file without types.
    pub(super) fn raw(&self) -> bool {
        self.raw
    }

    /// What the label's column is called.
    pub(super) fn label_name(&self) -> &str {
        self.label.as_ref().map_or("", |label| &label.column)
    }

    /// Remarks on rows that count nowhere.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.ungrouped > 0 {
            notes.push(format!("{} of {} rows have no group: a facet is missing", self.ungrouped, self.rows));
        }
        if self.unlabelled > 0 {
            let label = self.label_name();
            notes.push(format!("{} of {} rows have no label: `{label}` is missing", self.unlabelled, self.rows));
        }
        notes
    }
}

fn check(table: &Table, facets: &[Selection], label: Option<&Selection>) -> Result<()> {
    let columns: Vec<String> = facets.iter().chain(label).map(|selection| selection.column.clone()).collect();
    table.positions(&columns)?;
    if facets.is_empty() {
        return Err(Error::input("no facet was given").hint("name at least one column that tells groups apart"));
    }
    for (place, column) in columns.iter().enumerate() {
        if columns[..place].contains(column) {
            let message = format!("the column `{column}` was given twice, as facet or label");
            return Err(Error::input(message).hint("give each column one role"));
        }
    }
    if let Some(label) = label.filter(|label| label.values.is_empty()) {
        let name = &label.column;
        return Err(Error::input(format!("the label `{name}` was given without its positive values or threshold"))
            .hint("name the values that are the positive outcome, or a number above which it is positive"));
    }
    Ok(())
}

/// The label's values in order of first appearance, to the letter.
fn outcomes(column: &Column, sides: &Sides) -> Option<Vec<(String, bool)>> {
    use crate::bias::column::Held;
    if column.crowded {
        return None;
    }
    let side = sides.of_classes(column);
    let text = |held: &Held| match held {
        Held::Missing => None,
        Held::Bool(value) => Some(value.to_string()),
        Held::Integer(value) => Some(value.to_string()),
        Held::Number(value) => Some(value.to_string()),
        Held::Text(text) | Held::Raw(text) => Some(text.clone()),
    };
    let of =
        |(class, side): (&crate::bias::column::Class, Option<u32>)| Some((text(class.value.as_ref()?)?, side? == 0));
    Some(column.classes.iter().zip(side).filter_map(of).collect())
}
