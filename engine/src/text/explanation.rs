//! Attributions of one text.

use super::players::Span;
use super::tokenizer::Cut;
use ndarray::Array2;

/// Attributions of one text: `base_values[k] + Σ_i values[k, i] = predictions[k]`.
#[derive(Debug, Clone)]
pub struct TextExplanation {
    /// The number of its row in the table, from 1.
    pub row: usize,
    pub text: String,
    /// In the order of the text; parts that the model reads nothing of are not among them.
    pub players: Vec<Span>,
    pub cut: Option<Cut>,
    /// `[output, player]`
    pub values: Array2<f32>,
    /// Standard error of each value; zeros where nothing is left to chance.
    pub stderr: Array2<f32>,
    /// `[output]`: what the text is worth without its players.
    pub base_values: Vec<f64>,
    /// `[output]`
    pub predictions: Vec<f64>,
    /// Coalitions evaluated, the whole text and the empty one among them.
    pub spent: u64,
}

impl TextExplanation {
    /// The largest |base + Σ φ − prediction| over outputs.
    pub fn additivity_gap(&self) -> f64 {
        let gap = |k: usize| {
            let sum: f64 = self.values.row(k).iter().map(|&v| f64::from(v)).sum();
            (self.base_values[k] + sum - self.predictions[k]).abs()
        };
        (0..self.base_values.len()).map(gap).fold(0.0, f64::max)
    }

    /// A player's part of the text.
    pub fn part(&self, player: usize) -> &str {
        &self.text[self.players[player].bytes.clone()]
    }
}
