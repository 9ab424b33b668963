//! Counts of one group d against a, as one mode sees them, and the sums that metrics are made of.

use super::count::{Context, Counts};
use super::resolve::{Chosen, Side};
use std::collections::BTreeMap;

/// Rows that are alike in everything that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub facet: Side,
    /// Place of the stratum; none for a row without one.
    pub stratum: Option<u32>,
    pub label: Side,
    pub predicted: Side,
}

/// Rows of each key, in the order of the keys.
pub type Cells = Vec<(Key, f64)>;

/// How to read contexts.
pub struct Reading<'a> {
    pub contexts: &'a [Context],
    /// Place of the stratum of each class of the group column.
    pub strata: &'a [Option<u32>],
    pub label: &'a Chosen,
    pub predicted: Option<&'a Chosen>,
}

impl Reading<'_> {
    /// The cells of a group; `side` tells the side of each facet class. `all` holds the rows of each context.
    pub fn cells(&self, counts: &Counts, all: &[u64], side: impl Fn(usize) -> Side) -> Cells {
        let mut inside = vec![0u64; all.len()];
        let mut unknown = vec![0u64; all.len()];
        for (class, row) in counts.iter().enumerate() {
            let into = match side(class) {
                Side::In => &mut inside,
                Side::Unknown => &mut unknown,
                Side::Out => continue,
            };
            into.iter_mut().zip(row).for_each(|(sum, n)| *sum += n);
        }
        let mut cells: BTreeMap<Key, u64> = BTreeMap::new();
        for (place, context) in self.contexts.iter().enumerate() {
            let outside = all[place] - inside[place] - unknown[place];
            for (facet, n) in [(Side::Out, outside), (Side::In, inside[place]), (Side::Unknown, unknown[place])] {
                if n > 0 {
                    *cells.entry(self.key(context, facet)).or_default() += n;
                }
            }
        }
        cells.into_iter().map(|(key, n)| (key, n as f64)).collect()
    }

    fn key(&self, context: &Context, facet: Side) -> Key {
        Key {
            facet,
            stratum: self.strata[context.stratum as usize],
            label: self.label.side(0, context.label),
            predicted: self.predicted.map_or(Side::Out, |p| p.side(0, context.predicted)),
        }
    }
}

/// Rows `[group][outcome]`: group 0 is a, 1 is d; outcome 0 is negative, 1 positive.
pub type Split = [[f64; 2]; 2];

/// The sums that metrics are made of.
#[derive(Debug, Clone, Default)]
pub struct Sums {
    /// By observed label, of rows with facet and label.
    pub observed: Split,
    /// The same within each stratum.
    pub observed_in: Vec<Split>,
    /// By prediction, of rows that also have a prediction.
    pub predicted: Split,
    pub predicted_in: Vec<Split>,
    /// `[group][label][prediction]`.
    pub confusion: [Split; 2],
    /// `[label][prediction]` of all rows, whatever their facet.
    pub whole: Split,
    /// Why there are no strata.
    pub no_strata: Option<String>,
}

impl Sums {
    /// `strata`: how many there are, or why there are none.
    pub fn of(cells: &[(Key, f64)], strata: &Result<usize, String>) -> Sums {
        let empty = vec![Split::default(); *strata.as_ref().unwrap_or(&0)];
        let no_strata = strata.as_ref().err().cloned();
        let mut sums = Sums { observed_in: empty.clone(), predicted_in: empty, no_strata, ..Sums::default() };
        for (key, n) in cells {
            sums.add(key, *n);
        }
        sums
    }

    /// Of a table of rows whose facet, label and prediction are all known, without strata.
    pub fn of_confusion(confusion: [Split; 2]) -> Sums {
        let observed = confusion.map(|labels| labels.map(|predictions| predictions[0] + predictions[1]));
        let predicted = confusion.map(|[negative, positive]| [0, 1].map(|p| negative[p] + positive[p]));
        let whole = [0, 1].map(|l| [0, 1].map(|p| confusion[0][l][p] + confusion[1][l][p]));
        let no_strata = Some("there are no strata here".into());
        Sums { observed, predicted, confusion, whole, no_strata, ..Sums::default() }
    }

    fn add(&mut self, key: &Key, n: f64) {
        let place = |side: Side| match side {
            Side::Out => Some(0),
            Side::In => Some(1),
            Side::Unknown => None,
        };
        let (facet, label, predicted) = (place(key.facet), place(key.label), place(key.predicted));
        let Some(label) = label else { return };
        if let Some(predicted) = predicted {
            self.whole[label][predicted] += n;
        }
        let Some(facet) = facet else { return };
        let stratum = key.stratum.map(|s| s as usize);
        self.observed[facet][label] += n;
        if let Some(split) = stratum.and_then(|s| self.observed_in.get_mut(s)) {
            split[facet][label] += n;
        }
        let Some(predicted) = predicted else { return };
        self.predicted[facet][predicted] += n;
        self.confusion[facet][label][predicted] += n;
        if let Some(split) = stratum.and_then(|s| self.predicted_in.get_mut(s)) {
            split[facet][predicted] += n;
        }
    }

    /// Rows of a and d.
    pub fn rows(split: &Split) -> [f64; 2] {
        split.map(|outcomes| outcomes[0] + outcomes[1])
    }
}
