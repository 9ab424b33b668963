//! Counts of texts in bounded memory.
//!
//! Up to 131,072 different texts are counted exactly. Where there are more, the rarest are let go by the rule of Misra and Gries (1982) in
//! the form of Agarwal et al., "Mergeable summaries" (2013): the 65,536th largest count is taken off every count, and what is left with
//! nothing goes; a text that occurs in more than one of 65,536 rows stays. What was taken off is added again, so that a count
//! lacks only what came before its text was last let go.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Texts that stay when some are let go; twice as many are held at most.
const TRACKED: usize = 1 << 16;
/// Bytes of a text that are kept; longer ones are told apart by a fingerprint.
const LETTERS: usize = 200;

/// Fingerprints kept to estimate how many different texts there are: to 3 % (k minimum values, Bar-Yossef et al. 2002).
const SMALLEST: usize = 1024;

/// How often each text occurs in a column.
#[derive(Debug, Clone, Default)]
pub struct Categories {
    counts: HashMap<Box<str>, Held>,
    total: u64,
    /// Taken off so far from a count that was there all the time.
    taken: u64,
    /// The smallest fingerprints.
    smallest: BTreeSet<u64>,
    tracked: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    rows: u64,
    /// What had been taken when the text came: it may have occurred so often before.
    since: u64,
}

impl Categories {
    /// Counts one cell.
    pub fn add(&mut self, text: &str) {
        self.total += 1;
        let short;
        let key = if text.len() <= LETTERS {
            text
        } else {
            short = shortened(text);
            &short
        };
        if let Some(held) = self.counts.get_mut(key) {
            held.rows += 1;
            return;
        }
        self.counts.insert(key.into(), Held { rows: 1, since: self.taken });
        self.smallest.insert(fingerprint(key));
        if self.smallest.len() > SMALLEST {
            self.smallest.pop_last();
        }
        if self.counts.len() > 2 * self.tracked.unwrap_or(TRACKED) {
            self.let_go();
        }
    }

    fn let_go(&mut self) {
        let mut counts: Vec<u64> = self.counts.values().map(|held| held.rows).collect();
        let at = counts.len() - self.tracked.unwrap_or(TRACKED);
        let (_, &mut least, _) = counts.select_nth_unstable(at);
        self.taken += least;
        self.counts.retain(|_, held| {
            held.rows = held.rows.saturating_sub(least);
            held.rows > 0
        });
    }

    /// Cells counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Whether every text has been counted from its first cell on.
    pub fn is_exact(&self) -> bool {
        self.taken == 0
    }

    /// Different texts: exact, or to about 3 % where some were let go.
    pub fn distinct(&self) -> u64 {
        match (self.is_exact(), self.smallest.last()) {
            (false, Some(&largest)) => ((SMALLEST - 1) as f64 / (largest as f64 / u64::MAX as f64)) as u64,
            _ => self.counts.len() as u64,
        }
    }

    /// Whether most cells have a text of their own, as in a column of ids: more than half of at least 50 cells.
    pub fn are_ids(&self) -> bool {
        self.total >= 50 && 2 * self.distinct() > self.total
    }

    /// How often a text occurs, and how many of its cells may have been missed before.
    pub fn count(&self, text: &str) -> (u64, u64) {
        self.counts.get(text).map_or((0, self.taken), |held| (held.rows + self.taken - held.since, held.since))
    }

    /// The texts that are held, in no order.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.counts.keys().map(AsRef::as_ref)
    }

    /// The most frequent texts, most frequent first, of equal counts by name.
    pub fn top(&self, most: usize) -> Vec<(&str, u64)> {
        let mut all: Vec<(&str, u64)> = self.texts().map(|text| (text, self.count(text).0)).collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all.truncate(most);
        all
    }

    #[cfg(test)]
    pub(super) fn tracking(n: usize) -> Self {
        Categories { tracked: Some(n), ..Categories::default() }
    }
}

fn fingerprint(text: &str) -> u64 {
    let mut hash = DefaultHasher::new();
    text.hash(&mut hash);
    hash.finish()
}

/// The start of a long text and a fingerprint of all of it.
fn shortened(text: &str) -> String {
    let end = (0..=LETTERS - 20).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}… #{:016x}", &text[..end], fingerprint(text))
}
