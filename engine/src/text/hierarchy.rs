//! Owen values of texts: sentences, in them clauses, in them words, opened where they move the outputs.

use super::explain::TextShap;
use super::explanation::TextExplanation;
use super::model::{Memory, Text, locked};
use super::players::{Span, words};
use crate::design::{Budget, Coalitions, DesignChoice, Hierarchy, Nested, Unfolding};
use crate::{Error, Result};
use ndarray::Array2;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;
use unicode_segmentation::UnicodeSegmentation;

/// Parts of a group at most: more are halved. Texts of 20 to 60 words then take about 1.1 n² coalitions for n words, 10 % more than binary trees;
/// with 4 parts it is 1.4 n², with 6 it is 2.3 n².
const MOST_PARTS: usize = 3;
/// Token sequences that are made before they are run.
const READ_TOGETHER: usize = 16384;
/// Coalitions of an exact run at most.
const MOST_COALITIONS: f64 = (1 << 20) as f64;

impl TextShap {
    /// Whether the groups of a text are opened one after another, rather than walked through at random.
    pub(super) fn unfolds(&self) -> bool {
        self.hierarchy && self.settings.design != DesignChoice::Permutation
    }

    /// Fills in the attributions of texts, all of them side by side: what the next groups of each take is read together.
    pub(super) fn unfold(&self, explained: &mut [TextExplanation]) -> Result<()> {
        let texts = locked(&self.reader.texts).clone();
        let trees = explained.iter().map(|text| tree(&text.text, &text.players)).collect::<Result<Vec<_>>>()?;
        let open = |at: usize| {
            let Some(hierarchy) = &trees[at] else { return Ok(None) };
            let coalitions = self.coalitions(hierarchy)?;
            let [without, with] = [&texts[at].base, &texts[at].prediction].map(|values| self.chosen(values).collect());
            Unfolding::new(hierarchy, without, with, coalitions, self.settings.tolerance).map(Some)
        };
        let named = |at: usize| open(at).map_err(|error| super::explain::of_row(explained[at].row, error));
        let mut unfoldings = (0..trees.len()).map(named).collect::<Result<Vec<_>>>()?;
        loop {
            let asked: Vec<(usize, Coalitions)> = unfoldings
                .iter_mut()
                .enumerate()
                .filter_map(|(at, unfolding)| Some((at, unfolding.as_mut()?.ask())))
                .filter(|(_, asked)| !asked.is_empty())
                .collect();
            if asked.is_empty() {
                break;
            }
            let mut worth = self.worth(&texts, &asked)?.into_iter();
            for (at, coalitions) in &asked {
                let told: Vec<f64> = worth.by_ref().take(coalitions.len() * self.targets.len()).collect();
                unfoldings[*at].as_mut().expect("it has asked").tell(&told);
                explained[*at].spent += coalitions.len() as u64;
            }
        }
        for (text, unfolding) in explained.iter_mut().zip(unfoldings) {
            let Some(unfolding) = unfolding else { continue };
            let parts = unfolding.finish();
            let closed = parts.iter().filter(|part| part.players.len() > 1).count();
            self.reader.odometer.closed.fetch_add(closed as u64, Relaxed);
            let shape = (self.targets.len(), parts.len());
            text.values = Array2::from_shape_fn(shape, |(k, part)| parts[part].values[k] as f32);
            text.stderr = Array2::from_shape_fn(shape, |(k, part)| parts[part].errors[k] as f32);
            text.players = parts.iter().map(|part| joined(&text.players, &part.players)).collect();
        }
        Ok(())
    }

    /// The values of the explained outputs for coalitions of some texts, one after the other.
    fn worth<'a>(&self, texts: &'a [Text], asked: &'a [(usize, Coalitions)]) -> Result<Vec<f64>> {
        let reader = &self.reader;
        let each =
            |asked: &'a (usize, Coalitions)| (0..asked.1.len()).map(|coalition| (&texts[asked.0], &asked.1, coalition));
        let all: Vec<(&Text, &Coalitions, usize)> = asked.iter().flat_map(each).collect();
        let mut worth = Vec::with_capacity(all.len() * self.targets.len());
        for part in all.chunks(READ_TOGETHER) {
            let sequence = |&(text, coalitions, coalition): &(&Text, &Coalitions, usize)| {
                reader.absent.sequence(&text.tokens, &text.players, |player| coalitions.contains(coalition, player))
            };
            let sequences: Vec<_> = part.par_iter().map(sequence).collect();
            for (outputs, (text, ..)) in reader.distinct_outputs(&sequences, &Memory::default())?.into_iter().zip(part)
            {
                let values = reader.valued.of(&outputs, &text.whole);
                if let Some(k) = self.targets.iter().find(|&&k| !values[k].is_finite()) {
                    let (name, value) = (&reader.valued.outputs.names[*k], values[*k]);
                    let message = format!("`{name}` is {value} when some words are absent");
                    return Err(Error::input(message).hint("attributions need finite outputs"));
                }
                worth.extend(self.chosen(&values));
            }
        }
        Ok(worth)
    }

    /// Coalitions that the budget has for a text, those of nobody and of all left out.
    fn coalitions(&self, hierarchy: &Hierarchy) -> Result<usize> {
        let (all, n) = (hierarchy.coalitions(), hierarchy.n_players());
        let budget = self.settings.spend(n, 1);
        let exact = budget == Budget::Exact || self.settings.design == DesignChoice::Exact;
        let most = match budget {
            Budget::Rows(rows) => rows.saturating_sub(2),
            _ => MOST_COALITIONS as usize,
        };
        if exact && all > most as f64 {
            return Err(Error::input(format!(
                "exact values of {n} players take {:.0} coalitions; the limit is {}",
                all + 2.0,
                most + 2
            ))
            .hint("use `--design auto`, which opens groups as far as the budget goes"));
        }
        Ok(most)
    }
}

/// From the first player of a part to the last.
fn joined(spans: &[Span], players: &[usize]) -> Span {
    let (first, last) = (&spans[players[0]], &spans[players[players.len() - 1]]);
    Span { bytes: first.bytes.start..last.bytes.end, chars: first.chars.start..last.chars.end }
}

/// The players of a text in sentences, these in clauses, these in words; None without players.
pub(super) fn tree(text: &str, spans: &[Span]) -> Result<Option<Hierarchy>> {
    let sentences = text.split_sentence_bound_indices().map(|(start, _)| start).collect();
    let words = words(text).into_iter().map(|word| word.start).collect();
    let levels: [Vec<usize>; 3] = [sentences, clauses(text), words];
    if spans.is_empty() {
        return Ok(None);
    }
    Hierarchy::new(spans.len(), &nested(spans, 0..spans.len(), &levels)).map(Some)
}

/// Some players, those that begin in the same part of the first level together, and so on.
fn nested(spans: &[Span], players: Range<usize>, levels: &[Vec<usize>]) -> Nested {
    let Some((starts, finer)) = levels.split_first() else {
        return Nested::halved(players.map(Nested::Player).collect(), MOST_PARTS);
    };
    let part = |player: &usize| starts.partition_point(|&start| start <= spans[*player].bytes.start);
    let players: Vec<usize> = players.collect();
    let runs = players.chunk_by(|a, b| part(a) == part(b));
    Nested::halved(runs.map(|run| nested(spans, run[0]..run[run.len() - 1] + 1, finer)).collect(), MOST_PARTS)
}

/// Where clauses begin: behind a comma, semicolon, colon or dash that white space follows, and behind those of scripts without spaces.
fn clauses(text: &str) -> Vec<usize> {
    let mut starts = vec![0];
    let mut marks = text.char_indices().peekable();
    while let Some((_, mark)) = marks.next() {
        let next = marks.peek();
        let spaced = next.is_some_and(|(_, next)| next.is_whitespace());
        if matches!(mark, '、' | '，' | '；' | '：')
            || (spaced && matches!(mark, ',' | ';' | ':' | '،' | '؛' | '-' | '–' | '—' | ')'))
        {
            starts.extend(next.map(|(at, _)| *at));
        }
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::super::players::{Granularity, TextPlayers};
    use super::super::tokenizer::Tokens;
    use super::*;

    fn spans(text: &str, granularity: Granularity) -> Vec<Span> {
        // One token a character.
        let letters = text.char_indices().filter(|(_, c)| !c.is_whitespace());
        let spans = letters.map(|(at, c)| Some(at..at + c.len_utf8())).collect();
        let tokens = Tokens { spans, ..Tokens::default() };
        TextPlayers::new(&granularity, text, &tokens).unwrap().spans
    }

    /// A tree as text: its players' parts, groups in brackets.
    fn written(text: &str, spans: &[Span], nested: &Nested) -> String {
        match nested {
            Nested::Player(player) => text[spans[*player].bytes.clone()].to_owned(),
            Nested::Group(parts) if parts.len() == 1 => written(text, spans, &parts[0]),
            Nested::Group(parts) => {
                format!("[{}]", parts.iter().map(|part| written(text, spans, part)).collect::<Vec<_>>().join(" "))
            }
        }
    }

    fn grouped(text: &str, granularity: Granularity) -> String {
        let spans = spans(text, granularity);
        let sentences = text.split_sentence_bound_indices().map(|(start, _)| start).collect();
        let words = words(text).into_iter().map(|word| word.start).collect();
        written(text, &spans, &nested(&spans, 0..spans.len(), &[sentences, clauses(text), words]))
    }

    #[test]
    fn sentences_hold_clauses_and_long_runs_are_halved() {
        assert_eq!(
            grouped("If you win, call 3,000 now. It is free! a b c d e", Granularity::Word),
            "[[[If you win,] [call 3,000 now.]] [It is free!] [[a b c] [d e]]]"
        );
        assert_eq!(grouped("no", Granularity::Word), "no");
        assert_eq!(grouped("明日、来る", Granularity::Word), "[[明 日、] [来 る]]");
        assert_eq!(grouped("so it", Granularity::Token), "[[s o] [i t]]");
        assert_eq!(grouped("A b. C d. E f. G h.", Granularity::Sentence), "[[A b. C d.] [E f. G h.]]");
    }

    #[test]
    fn a_closed_group_is_the_text_from_its_first_word_to_its_last() {
        let text = "Ünder the, bridge";
        let spans = spans(text, Granularity::Word);
        let span = joined(&spans, &[1, 2]);
        assert_eq!((&text[span.bytes], span.chars), ("the, bridge", 6..17));
    }
}
