//! What one batch counts: rows by pairs of codes, in tables as small as the batch allows.

use super::coding::{ByFolding, NONE};
use super::count::{Coded, Tally};
use std::collections::HashMap;

/// Pairs that are counted in an array; where there may be more, in a map.
const DENSE: usize = 1 << 16;

/// Rows of each (class, context): both are codes.
pub type Found = Vec<(u32, u32, u64)>;

/// The counts of one batch.
#[derive(Debug)]
pub struct Sheet {
    /// Classes of label, prediction and stratum that occur together, and their rows.
    pub contexts: Vec<(u32, u32, u32)>,
    pub rows: Vec<u64>,
    /// For each facet, by its class and the place of the context.
    pub facets: Vec<Found>,
    /// For each intersection, the pairs of classes that occur and the counts by their places.
    pub pairs: Vec<(Vec<(u32, u32)>, Found)>,
}

impl Sheet {
    pub fn of(coded: &Coded, tally: &Tally) -> Sheet {
        let label = Codes { of: &coded.label, kinds: tally.label.classes.len() };
        let predicted = Codes { of: &coded.predicted, kinds: tally.predicted.as_ref().map_or(1, |p| p.classes.len()) };
        let strata = Codes { of: &coded.strata, kinds: tally.group.as_ref().map_or(1, |g| g.classes.len()) };
        let outcomes = Joint::of(label, predicted);
        let joint = Joint::of(outcomes.codes(), strata);
        let whole = |&(outcome, stratum): &(u32, u32)| {
            let (label, predicted) = outcomes.pairs[outcome as usize];
            (label, predicted, stratum)
        };
        let facet = |place: usize| Codes { of: &coded.facets[place], kinds: tally.facets[place].classes.len() };
        let pair = |&(a, b): &(usize, usize)| {
            let pairs = Joint::of(facet(a), facet(b));
            let counts = count(pairs.codes(), joint.codes());
            (pairs.pairs, counts)
        };
        let mut rows = vec![0; joint.pairs.len()];
        joint.of.iter().for_each(|&context| rows[context as usize] += 1);
        Sheet {
            contexts: joint.pairs.iter().map(whole).collect(),
            rows,
            facets: (0..coded.facets.len()).map(|place| count(facet(place), joint.codes())).collect(),
            pairs: tally.intersections.iter().map(pair).collect(),
        }
    }
}

/// A code for each row, each below `kinds`.
#[derive(Clone, Copy)]
struct Codes<'a> {
    of: &'a [u32],
    kinds: usize,
}

/// Two codes as one.
struct Joint {
    of: Vec<u32>,
    /// The two codes of each, by first appearance.
    pairs: Vec<(u32, u32)>,
}

impl Joint {
    fn of(a: Codes, b: Codes) -> Joint {
        let mut pairs = Vec::new();
        let mut place = |known: &mut u32, pair: (u32, u32)| {
            if *known == NONE {
                *known = pairs.len() as u32;
                pairs.push(pair);
            }
            *known
        };
        let rows = a.of.iter().zip(b.of);
        let of = if a.kinds * b.kinds <= DENSE {
            let mut places = vec![NONE; a.kinds * b.kinds];
            rows.map(|(&x, &y)| place(&mut places[x as usize * b.kinds + y as usize], (x, y))).collect()
        } else {
            let mut places: HashMap<u64, u32, ByFolding> = HashMap::default();
            rows.map(|(&x, &y)| place(places.entry(both(x, y)).or_insert(NONE), (x, y))).collect()
        };
        Joint { of, pairs }
    }

    fn codes(&self) -> Codes<'_> {
        Codes { of: &self.of, kinds: self.pairs.len() }
    }
}

/// Rows of each two codes that occur together.
fn count(a: Codes, b: Codes) -> Found {
    let rows = a.of.iter().zip(b.of);
    if a.kinds * b.kinds > DENSE {
        let mut counts: HashMap<u64, u64, ByFolding> = HashMap::default();
        rows.for_each(|(&x, &y)| *counts.entry(both(x, y)).or_default() += 1);
        return counts.into_iter().map(|(pair, n)| ((pair >> 32) as u32, pair as u32, n)).collect();
    }
    let mut counts = vec![0u64; a.kinds * b.kinds];
    rows.for_each(|(&x, &y)| counts[x as usize * b.kinds + y as usize] += 1);
    let place = |(place, n): (usize, u64)| ((place / b.kinds) as u32, (place % b.kinds) as u32, n);
    counts.into_iter().enumerate().filter(|(_, n)| *n > 0).map(place).collect()
}

fn both(a: u32, b: u32) -> u64 {
    u64::from(a) << 32 | u64::from(b)
}
