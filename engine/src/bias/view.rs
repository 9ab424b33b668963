//! A table as one mode sees it: who is positive, who is in which stratum, who is in a group.

use super::cells::{Cells, Reading, Split, Sums};
use super::column::{Column, Type};
use super::count::{Counts, Tally};
use super::request::{BiasRequest, Kind, Mode, Predicted, Selection, Value};
use super::resolve::{Chosen, Members, Resolved, Side, infer, parts, resolve};

const NO_OUTCOME: &str = "no positive outcome was named";

/// One mode's view.
pub struct View<'a> {
    pub mode: Mode,
    pub tally: &'a Tally,
    pub label: Resolved,
    pub predicted: Option<Resolved>,
    /// Place of the stratum of each class of the group column.
    strata_of: Vec<Option<u32>>,
    /// How many strata there are, or why there are none.
    strata: Result<usize, String>,
    /// Why no metric is measured: errors of numbers, or classes, were asked for alone.
    pub no_outcome: Option<&'static str>,
    /// Why all post-training metrics are refused.
    pub post_error: Option<String>,
}

/// The rows of group d: those chosen in one facet, or in each of several.
#[derive(Debug, Clone)]
pub struct Target {
    pub parts: Vec<(usize, Chosen)>,
}

impl<'a> View<'a> {
    /// The error is why the label cannot be used.
    pub fn new(tally: &'a Tally, request: &BiasRequest, mode: Mode) -> Result<View<'a>, String> {
        let no_outcome = request.label.values.is_empty().then_some(NO_OUTCOME);
        let label = match no_outcome {
            Some(_) => nobody(&tally.label, &request.label, mode),
            None => resolve(&tally.label, &request.label, mode)?,
        };
        let (strata_of, strata) = strata(tally, mode);
        let mut view = View { mode, tally, label, predicted: None, strata_of, strata, no_outcome, post_error: None };
        if no_outcome.is_some() {
            view.predicted = tally.predicted.as_ref().map(|column| nobody(column, &request.label, mode));
        } else if let (Some(predicted), Some(column)) = (&request.predicted, &tally.predicted) {
            match resolve(column, &view.selection(predicted, request), mode) {
                Ok(found) => {
                    view.post_error = view.refusal(predicted, &found);
                    view.predicted = Some(found);
                }
                Err(reason) => view.post_error = Some(reason),
            }
        }
        Ok(view)
    }

    /// Predicted labels are read as the label is; under [`Mode::Clarify`] their type is inferred anew.
    fn selection(&self, predicted: &Predicted, request: &BiasRequest) -> Selection {
        let column = predicted.column().to_string();
        match (predicted, self.mode) {
            (Predicted::Score { threshold, .. }, _) => {
                Selection { column, values: vec![Value::Number(*threshold)], kind: Some(Kind::Continuous) }
            }
            (_, Mode::Correct) => {
                Selection { column, values: request.label.values.clone(), kind: Some(self.label.kind) }
            }
            (_, Mode::Clarify) => Selection { column, ..request.label.clone() },
        }
    }

    /// The reference's two reasons to refuse a whole stage.
    fn refusal(&self, predicted: &Predicted, found: &Resolved) -> Option<String> {
        if self.mode == Mode::Correct {
            return None;
        }
        if matches!(predicted, Predicted::Label(_)) && found.kind != self.label.kind {
            return Some("Predicted Label Column series datatype is not the same as Label Column series".into());
        }
        let positive = self.tally.contexts.iter().any(|c| found.groups[0].side(0, c.predicted) == Side::In);
        (!positive).then(|| {
            "No Label values are present in the predicted Label Column,Positive Predicted Index Series contains all False values".into()
        })
    }

    /// Side of a class of a facet under a choice.
    fn side(&self, facet: usize, chosen: &Chosen, class: u32) -> Side {
        chosen.side(class as usize, self.tally.facets[facet].classes[class as usize].signature)
    }

    /// Side of a row by its class in each facet.
    pub fn side_of(&self, target: &Target, classes: &[u32]) -> Side {
        let sides = target.parts.iter().map(|(facet, chosen)| self.side(*facet, chosen, classes[*facet]));
        meet(sides)
    }

    /// Place of the stratum of a class of the group column.
    pub fn stratum(&self, class: u32) -> Option<u32> {
        self.strata_of[class as usize]
    }

    /// Side of a class of the prediction.
    pub fn predicted_side(&self, class: u32) -> Side {
        match (&self.predicted, &self.tally.predicted) {
            (Some(found), Some(column)) => {
                found.groups[0].side(class as usize, column.classes[class as usize].signature)
            }
            _ => Side::Unknown,
        }
    }

    /// Counts of a group against all other rows. `all` holds the rows of each context.
    pub fn cells(&self, target: &Target, all: &[u64], pair: Option<usize>) -> Cells {
        let reading = self.reading();
        match (pair, target.parts.as_slice()) {
            (Some(pair), [(a, in_a), (b, in_b)]) => {
                let (classes, counts): &(Vec<(u32, u32)>, Counts) = &self.tally.pairs[pair];
                reading.cells(counts, all, |class| {
                    let (x, y) = classes[class];
                    meet([self.side(*a, in_a, x), self.side(*b, in_b, y)].into_iter())
                })
            }
            (_, parts) => {
                let (facet, chosen) = &parts[0];
                reading.cells(&self.tally.counts[*facet], all, |class| self.side(*facet, chosen, class as u32))
            }
        }
    }

    /// Rows `[label][prediction]` of the whole table.
    pub fn whole(&self, all: &[u64]) -> Split {
        self.sums(&self.reading().cells(&Counts::new(), all, |_| Side::Out)).whole
    }

    fn reading(&self) -> Reading<'_> {
        Reading {
            contexts: &self.tally.contexts,
            strata: &self.strata_of,
            label: &self.label.groups[0],
            predicted: self.predicted.as_ref().map(|p| &p.groups[0]),
        }
    }

    pub fn sums(&self, cells: &Cells) -> Sums {
        Sums::of(cells, &self.strata)
    }

    pub fn strata(&self) -> &Result<usize, String> {
        &self.strata
    }
}

/// A column of which no row is meant.
fn nobody(column: &Column, selection: &Selection, mode: Mode) -> Resolved {
    let (kind, rule) = infer(column, selection);
    let members = Members::Bits(0);
    Resolved { kind, rule, groups: vec![Chosen::new(String::new(), members, mode)], notes: Vec::new() }
}

/// In where all are in; out where any is out.
fn meet(sides: impl Iterator<Item = Side>) -> Side {
    sides.fold(Side::In, |all, side| match (all, side) {
        (Side::Out, _) | (_, Side::Out) => Side::Out,
        (Side::Unknown, _) | (_, Side::Unknown) => Side::Unknown,
        _ => Side::In,
    })
}

/// Strata in ascending order.
fn strata(tally: &Tally, mode: Mode) -> (Vec<Option<u32>>, Result<usize, String>) {
    let Some(group) = &tally.group else {
        let reason = match mode {
            Mode::Clarify => "Group variable is empty or not provided",
            Mode::Correct => "no group column was given, so there are no strata to compare within",
        };
        return (vec![None], Err(reason.into()));
    };
    let missing_first = group.classes.first().is_some_and(|c| c.signature == super::signature::MISSING);
    if mode == Mode::Clarify && group.missing > 0 && group.dtype() == Type::Text {
        let (left, right) = if missing_first { ("str", "float") } else { ("float", "str") };
        let reason = format!("'<' not supported between instances of '{left}' and '{right}'");
        return (vec![None; group.classes.len()], Err(reason));
    }
    let mut found = parts(group);
    found.retain(|(_, members)| {
        !members.iter().zip(&group.classes).any(|(&inside, c)| inside && c.signature == super::signature::MISSING)
    });
    found.sort_by(|(a, _), (b, _)| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    });
    let place = |class: usize| found.iter().position(|(_, members)| members[class]).map(|p| p as u32);
    ((0..group.classes.len()).map(place).collect(), Ok(found.len()))
}
