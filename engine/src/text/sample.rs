//! Texts kept to be shown: those asked for, or the extremes and a middle one.

use super::explanation::TextExplanation;
use crate::data::{Reservoir, put};
use std::collections::BTreeSet;

/// Texts among which the middle one is looked for.
const KEPT: usize = 200;

/// Texts of a stream that a report shows.
pub struct TextSample {
    /// The output whose predictions are compared.
    output: usize,
    wanted: BTreeSet<usize>,
    asked: Vec<TextExplanation>,
    lowest: Option<TextExplanation>,
    highest: Option<TextExplanation>,
    reservoir: Reservoir,
    kept: Vec<TextExplanation>,
}

impl TextSample {
    /// Keeps the texts of these numbers, from 1; without any the highest, the middle and the lowest prediction of `output`.
    pub fn new(output: usize, wanted: impl IntoIterator<Item = usize>, seed: u64) -> Self {
        let reservoir = Reservoir::new(KEPT, seed);
        let wanted = wanted.into_iter().collect();
        Self { output, wanted, asked: Vec::new(), lowest: None, highest: None, reservoir, kept: Vec::new() }
    }

    pub fn offer(&mut self, text: &TextExplanation) {
        if self.wanted.contains(&text.row) {
            self.asked.push(text.clone());
        }
        if !self.wanted.is_empty() || text.n_players() == 0 {
            return;
        }
        let prediction = text.predictions[self.output];
        let of = |kept: &Option<TextExplanation>| kept.as_ref().map(|kept| kept.predictions[self.output]);
        if of(&self.lowest).is_none_or(|lowest| prediction < lowest) {
            self.lowest = Some(text.clone());
        }
        if of(&self.highest).is_none_or(|highest| prediction > highest) {
            self.highest = Some(text.clone());
        }
        if let Some(place) = self.reservoir.place() {
            put(&mut self.kept, place, text.clone());
        }
    }

    /// The texts to show, in the order of their predictions, highest first; those asked for in the order of the table.
    pub fn shown(mut self) -> Vec<TextExplanation> {
        if !self.wanted.is_empty() {
            return self.asked;
        }
        self.kept.sort_by(|a, b| b.predictions[self.output].total_cmp(&a.predictions[self.output]));
        let middle = (!self.kept.is_empty()).then(|| self.kept.swap_remove(self.kept.len() / 2));
        let mut shown: Vec<TextExplanation> = Vec::new();
        for text in [self.highest, middle, self.lowest].into_iter().flatten() {
            if shown.iter().all(|other| other.row != text.row) {
                shown.push(text);
            }
        }
        shown
    }
}
