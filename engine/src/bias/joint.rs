//! Counts that keep more of label and prediction than positive and negative: classes, or how many of some thresholds a number exceeds.
//! Each choice of positive ones is then a table of counts like any other.

use super::cells::{Cells, Key};
use super::resolve::Side;
use super::view::View;
use std::collections::{BTreeMap, HashMap};

/// Different cells at most.
const CELLS: usize = 1 << 22;

/// What counts for a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Place {
    class: u32,
    stratum: u32,
    label: u32,
    predicted: u32,
}

/// Rows of one facet by class, stratum, label and prediction.
#[derive(Debug, Clone, Default)]
pub struct Joint {
    counts: HashMap<Place, u64>,
}

/// Codes of a batch's rows.
pub struct Codes<'a> {
    pub strata: &'a [u32],
    pub labels: &'a [u32],
    pub predicted: &'a [u32],
}

impl Joint {
    pub fn add(&mut self, classes: &[u32], codes: &Codes) {
        for (row, &class) in classes.iter().enumerate() {
            let place =
                Place { class, stratum: codes.strata[row], label: codes.labels[row], predicted: codes.predicted[row] };
            *self.counts.entry(place).or_default() += 1;
        }
    }

    pub fn is_too_large(&self) -> bool {
        self.counts.len() > CELLS
    }

    /// Counts of a group, given the side of each class of the facet, of each label and of each prediction.
    pub fn cells(&self, view: &View, facet: &[Side], label: &[Side], predicted: &[Side]) -> Cells {
        let key = |place: &Place| Key {
            facet: facet[place.class as usize],
            stratum: view.stratum(place.stratum),
            label: label[place.label as usize],
            predicted: predicted[place.predicted as usize],
        };
        let mut cells: BTreeMap<Key, u64> = BTreeMap::new();
        for (place, n) in self.sorted() {
            *cells.entry(key(place)).or_default() += n;
        }
        cells.into_iter().map(|(key, n)| (key, n as f64)).collect()
    }

    /// Rows of known label `[group][label]`, or `[group][prediction]`, groups a and d; `codes` of them.
    pub fn outcomes(&self, facet: &[Side], label: &[Side], codes: usize, of_predictions: bool) -> [Vec<f64>; 2] {
        let mut rows = [vec![0.0; codes], vec![0.0; codes]];
        for (place, n) in self.sorted() {
            if label[place.label as usize] == Side::Unknown {
                continue;
            }
            let group = match facet[place.class as usize] {
                Side::Out => 0,
                Side::In => 1,
                Side::Unknown => continue,
            };
            rows[group][if of_predictions { place.predicted } else { place.label } as usize] += n as f64;
        }
        rows
    }

    fn sorted(&self) -> Vec<(&Place, u64)> {
        let mut all: Vec<(&Place, u64)> = self.counts.iter().map(|(place, &n)| (place, n)).collect();
        all.sort_unstable();
        all
    }
}
