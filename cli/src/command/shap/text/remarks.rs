//! What a reader must know of texts that were not explained as they are.

use crate::terminal::Terminal;
use pellucid::text::TextExplanation;
use pellucid::{Error, Result};

/// A single text must have something to explain.
pub fn one_must_play(text: &TextExplanation) -> Result<()> {
    match (text.players.is_empty(), text.text.trim().is_empty()) {
        (false, _) => Ok(()),
        (true, true) => Err(Error::input("the text is empty").hint("give at least one word with `--text`")),
        (true, false) => Err(Error::input("the model's tokenizer sees no word in the text")
            .hint("try `--granularity token`, or another text")),
    }
}

/// What a reader must know of texts that were not explained as they are.
#[derive(Default)]
pub struct Remarks {
    cut: Vec<(usize, usize)>,
    silent: Vec<usize>,
    /// Texts whose budget is too small to tell its errors.
    unsure: Vec<usize>,
}

impl Remarks {
    pub fn note(&mut self, text: &TextExplanation) {
        self.cut.extend(text.cut.as_ref().map(|cut| (text.row, cut.kept)));
        self.silent.extend((text.n_players() == 0).then_some(text.row));
        self.unsure.extend(text.stderr.iter().any(|e| e.is_nan()).then_some(text.row));
    }

    pub fn tell(&self, terminal: &Terminal) {
        let numbered = |rows: &mut dyn Iterator<Item = usize>| {
            let rows: Vec<usize> = rows.collect();
            let first: Vec<String> = rows.iter().take(5).map(ToString::to_string).collect();
            let more = if rows.len() > 5 { ", …" } else { "" };
            (rows.len(), format!("{}{more}", first.join(", ")))
        };
        if let Some((_, kept)) = self.cut.first() {
            let (count, rows) = numbered(&mut self.cut.iter().map(|(row, _)| *row));
            let s = if count == 1 { "" } else { "s" };
            terminal.warn(&format!(
                "{count} text{s} cut to the {kept} tokens that model and tokenizer take (number {rows}); words beyond have no attribution"
            ));
        }
        if !self.unsure.is_empty() {
            let (count, rows) = numbered(&mut self.unsure.iter().copied());
            let s = if count == 1 { "" } else { "s" };
            terminal.warn(&format!(
                "the budget is too small to tell the errors of {count} text{s} (number {rows}): at least 4 forwards a word do"
            ));
        }
        if !self.silent.is_empty() {
            let (count, rows) = numbered(&mut self.silent.iter().copied());
            let s = if count == 1 { " has" } else { "s have" };
            terminal.warn(&format!("{count} text{s} no word (number {rows}): nothing to attribute to"));
        }
    }
}
