//! Attributions of one text.

use super::beside::Cell;
use super::players::Span;
use super::tokenizer::Cut;
use crate::design::player_pairs;
use crate::explain::Interactions;
use ndarray::Array2;
use serde::Serialize;

/// Attributions of one text and the columns beside it: `base_values[k] + Σ_i values[k, i] = predictions[k]`.
#[derive(Debug, Clone)]
pub struct TextExplanation {
    /// The number of its row in the table, from 1.
    pub row: usize,
    pub text: String,
    /// In the order of the text; parts that the model reads nothing of are not among them. With a
    /// [hierarchy](super::TextBuilder::hierarchy) also groups of them that were not opened.
    pub players: Vec<Span>,
    /// The players beside the text, behind its parts.
    pub columns: Vec<Cell>,
    pub cut: Option<Cut>,
    /// `[output, player]`
    pub values: Array2<f32>,
    /// Standard error of each value; zeros where nothing is left to chance. With a hierarchy [`crate::design::Part::errors`].
    pub stderr: Array2<f32>,
    /// Of this one row, if they were [asked for](super::TextBuilder::interactions).
    pub interactions: Option<Interactions>,
    /// `[output]`: what the text is worth without its players.
    pub base_values: Vec<f64>,
    /// `[output]`
    pub predictions: Vec<f64>,
    /// Coalitions evaluated, the whole text and the empty one among them; with columns beside the text, model rows.
    pub spent: u64,
}

/// How much two players of a text move an output together, beyond what each does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// The row of the text.
    pub row: usize,
    pub a: String,
    pub b: String,
    /// The Shapley interaction value.
    pub value: f32,
    pub stderr: f32,
}

impl TextExplanation {
    /// Parts and columns.
    pub fn n_players(&self) -> usize {
        self.values.ncols()
    }

    /// The largest |base + Σ φ − prediction| over outputs.
    pub fn additivity_gap(&self) -> f64 {
        let gap = |k: usize| {
            let sum: f64 = self.values.row(k).iter().map(|&v| f64::from(v)).sum();
            (self.base_values[k] + sum - self.predictions[k]).abs()
        };
        (0..self.base_values.len()).map(gap).fold(0.0, f64::max)
    }

    /// A part of the text.
    pub fn part(&self, player: usize) -> &str {
        &self.text[self.players[player].bytes.clone()]
    }

    /// What a player is called: its part of the text, or `amount = 12.5`.
    pub fn name(&self, player: usize) -> String {
        match player.checked_sub(self.players.len()).map(|column| &self.columns[column]) {
            None => self.part(player).to_owned(),
            Some(Cell { column, value }) => format!("{column} = {}", value.text),
        }
    }

    /// Names of all players, each once: a word that comes again is `word (2)`.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for player in 0..self.n_players() {
            let name = self.name(player);
            let times = |n: &usize| if *n == 1 { name.clone() } else { format!("{name} ({n})") };
            names.extend((1..).find(|n| !names.contains(&times(n))).map(|n| times(&n)));
        }
        names
    }

    /// Pairs of players by the size of their interaction in an output, the strongest first, with the players' `names`; none without
    /// interactions.
    pub fn pairs(&self, output: usize, names: &[String]) -> Vec<Pair> {
        let Some(found) = &self.interactions else { return Vec::new() };
        let of = |(at, (a, b)): (usize, (usize, usize))| Pair {
            row: self.row,
            a: names[a].clone(),
            b: names[b].clone(),
            value: found.values[(0, output, at)],
            stderr: found.stderr[(0, output, at)],
        };
        let mut pairs: Vec<Pair> = player_pairs(self.n_players()).enumerate().map(of).collect();
        pairs.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
        pairs
    }
}
