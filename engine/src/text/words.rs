//! Words over many texts: which move the outputs, and how often they occur; and the columns beside them.

use super::explanation::{Pair, TextExplanation};
use serde::Serialize;
use std::collections::BTreeMap;

/// The strongest pairs that are kept for each output.
const PAIRS: usize = 200;

/// Running totals over explained texts. Memory grows with the number of different words.
#[derive(Debug, Clone)]
pub struct Words {
    outputs: Vec<String>,
    texts: u64,
    worst_gap: f64,
    words: BTreeMap<String, Tally>,
    columns: BTreeMap<String, Tally>,
    /// `[output]`: at most [`PAIRS`], the strongest first.
    pairs: Vec<Vec<Pair>>,
}

#[derive(Debug, Clone)]
struct Tally {
    count: u64,
    texts: u64,
    last_row: usize,
    /// `[output]`: Σ|φ|, Σφ, Σφ², Σ of squared standard errors.
    sums: Vec<[f64; 4]>,
}

/// The part of one word, or of one column beside the texts, in one output.
#[derive(Debug, Clone, Serialize, PartialEq)]
pub struct Word {
    /// In lower case; of a column its name.
    pub word: String,
    /// How often it occurs, and in how many texts.
    pub count: u64,
    pub texts: u64,
    /// Over its occurrences.
    pub mean_abs: f64,
    pub mean: f64,
    /// Standard error of `mean` over its occurrences; 0 for a single one.
    pub mean_stderr: f64,
    /// √ of the mean squared standard error of single attributions: how much may be sampling noise.
    pub typical_stderr: f64,
    /// Its share of Σ|φ| of all words and columns.
    pub share: f64,
}

/// The words of one output, those that move it most over all texts first.
#[derive(Debug, Clone, Serialize)]
pub struct GlobalWords {
    pub output: String,
    pub texts: u64,
    /// Different words.
    pub different: usize,
    pub words: Vec<Word>,
    /// The columns beside the texts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Word>,
    /// The pairs with the strongest interactions in single texts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<Pair>,
}

impl Words {
    pub fn new(outputs: Vec<String>) -> Self {
        let pairs = vec![Vec::new(); outputs.len()];
        Self { outputs, texts: 0, worst_gap: 0.0, words: BTreeMap::new(), columns: BTreeMap::new(), pairs }
    }

    pub fn add(&mut self, explained: &TextExplanation) {
        self.texts += 1;
        self.worst_gap = self.worst_gap.max(explained.additivity_gap());
        let outputs = self.outputs.len();
        for player in 0..explained.n_players() {
            let none = || Tally { count: 0, texts: 0, last_row: 0, sums: vec![[0.0; 4]; outputs] };
            let tally = match player.checked_sub(explained.players.len()) {
                None => self.words.entry(word(explained.part(player))),
                Some(column) => self.columns.entry(explained.columns[column].column.clone()),
            };
            let tally = tally.or_insert_with(none);
            tally.count += 1;
            tally.texts += u64::from(tally.last_row != explained.row);
            tally.last_row = explained.row;
            for (k, sums) in tally.sums.iter_mut().enumerate() {
                let (phi, stderr) =
                    (f64::from(explained.values[(k, player)]), f64::from(explained.stderr[(k, player)]));
                let of_one = [phi.abs(), phi, phi * phi, stderr * stderr];
                sums.iter_mut().zip(of_one).for_each(|(sum, one)| *sum += one);
            }
        }
        let names = explained.interactions.as_ref().map(|_| explained.names()).unwrap_or_default();
        for (k, pairs) in self.pairs.iter_mut().enumerate() {
            pairs.extend(explained.pairs(k, &names));
            pairs.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
            pairs.truncate(PAIRS);
        }
    }

    pub fn texts(&self) -> u64 {
        self.texts
    }

    /// The largest |base + Σ φ − prediction| of any text and output.
    pub fn worst_additivity_gap(&self) -> f64 {
        self.worst_gap
    }

    /// The `top` words of each output by Σ|φ|, and all columns.
    pub fn finish(&self, top: usize) -> Vec<GlobalWords> {
        let of = |(k, output): (usize, &String)| {
            let total = self.words.values().chain(self.columns.values()).map(|tally| tally.sums[k][0]).sum::<f64>();
            let ranked = |tallies: &BTreeMap<String, Tally>| {
                let mut words: Vec<Word> = tallies.iter().map(|(word, tally)| tally.finish(word, k, total)).collect();
                words.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.word.cmp(&b.word)));
                words
            };
            let mut words = ranked(&self.words);
            words.truncate(top);
            GlobalWords {
                output: output.clone(),
                texts: self.texts,
                different: self.words.len(),
                words,
                columns: ranked(&self.columns),
                pairs: self.pairs[k].clone(),
            }
        };
        self.outputs.iter().enumerate().map(of).collect()
    }
}

/// Words that differ in case or in the marks around them are one.
fn word(part: &str) -> String {
    let bare = part.trim_matches(|c: char| !c.is_alphanumeric());
    let bare = if bare.is_empty() { part.trim() } else { bare };
    bare.to_lowercase()
}

impl Tally {
    fn finish(&self, word: &str, k: usize, total: f64) -> Word {
        let count = self.count as f64;
        let [abs, sum, squares, variance] = self.sums[k];
        let mean = sum / count;
        let spread = ((squares - count * mean * mean) / (count - 1.0).max(1.0)).max(0.0);
        Word {
            word: word.to_owned(),
            count: self.count,
            texts: self.texts,
            mean_abs: abs / count,
            mean,
            mean_stderr: if self.count < 2 { 0.0 } else { (spread / count).sqrt() },
            typical_stderr: (variance / count).sqrt(),
            share: abs / total.max(f64::MIN_POSITIVE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_marks_around_a_word_do_not_matter() {
        assert_eq!(["Free!", "(FREE", "free"].map(word), ["free"; 3]);
        assert_eq!(["Don't", ":-)", "£100,000.", "🙂"].map(word), ["don't", ":-)", "100,000", "🙂"]);
    }
}
