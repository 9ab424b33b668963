//! Who plays in a text: tokens, words, sentences, or spans that are given.

use super::tokenizer::{Tokenizer, Tokens};
use crate::{Error, Result};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// What a player of a text is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Granularity {
    /// Each token of the model; tokens that stand for parts of one character are one player.
    Token,
    /// Words by Unicode's rules (UAX 29), each with the punctuation that touches it.
    #[default]
    Word,
    /// What stands between white space.
    Space,
    /// Sentences by Unicode's rules (UAX 29).
    Sentence,
    /// Ranges of characters, in order and apart.
    Spans(Vec<Range<usize>>),
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub bytes: Range<usize>,
    /// In characters (Unicode scalar values), from 0, as Python counts.
    pub chars: Range<usize>,
}

/// The players of a text, and the one that each token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextPlayers {
    pub spans: Vec<Span>,
    /// `[tokens]`; None for the model's own tokens and those between players.
    pub of_tokens: Vec<Option<u32>>,
}

impl TextPlayers {
    /// Every token belongs to the player that holds most of its bytes. Players that no token belongs to, such as those behind the end
    /// of what the model reads, are left out.
    pub fn new(granularity: &Granularity, text: &str, tokens: &Tokens) -> Result<Self> {
        let parts = granularity.parts(text, tokens)?;
        let owners: Vec<Option<usize>> = tokens.spans.iter().map(|span| owner(span.as_ref()?, &parts)).collect();
        let mut numbers = vec![None; parts.len()];
        owners.iter().flatten().for_each(|&part| numbers[part] = Some(0));
        let kept = numbers.iter_mut().flatten().enumerate().map(|(at, number)| *number = at as u32).count();
        let of_tokens = owners.into_iter().map(|part| numbers[part?]).collect();
        let mut spans = Vec::with_capacity(kept);
        let (mut byte, mut character) = (0, 0);
        let mut place = |to: usize| {
            character += text[byte..to].chars().count();
            byte = to;
            character
        };
        for (bytes, _) in parts.into_iter().zip(&numbers).filter(|(_, number)| number.is_some()) {
            let start = place(bytes.start);
            spans.push(Span { chars: start..place(bytes.end), bytes });
        }
        Ok(Self { spans, of_tokens })
    }
}

/// The part that shares most bytes with a token, the first of equals.
fn owner(token: &Range<usize>, parts: &[Range<usize>]) -> Option<usize> {
    let from = parts.partition_point(|part| part.end <= token.start);
    let shared = |part: &Range<usize>| part.end.min(token.end) - part.start.max(token.start);
    let touching = parts[from..].iter().take_while(|part| part.start < token.end).map(shared);
    let most = touching.enumerate().max_by_key(|&(at, bytes)| (bytes, std::cmp::Reverse(at)));
    most.map(|(at, _)| from + at)
}

impl Granularity {
    /// The players in a part of a text, `bytes` of it, as spans of the whole: what surrounds the part does not play. Spans count from
    /// where the part begins.
    ///
    /// # Errors
    /// A text that the tokenizer refuses, spans that do not fit the part.
    pub fn within(&self, text: &str, bytes: &Range<usize>, tokenizer: &Tokenizer) -> Result<Granularity> {
        let part = &text[bytes.clone()];
        let parts = match self {
            Self::Token => {
                let mut parts = self.parts(text, &tokenizer.encode(text)?)?;
                parts.retain(|span| span.start < bytes.end && span.end > bytes.start);
                parts.iter().map(|span| span.start.max(bytes.start)..span.end.min(bytes.end)).collect()
            }
            _ => self.parts(part, &Tokens::default())?,
        };
        let from = if *self == Self::Token { 0 } else { bytes.start };
        let characters = |at: usize| text[..from + at].chars().count();
        Ok(Self::Spans(parts.into_iter().map(|span| characters(span.start)..characters(span.end)).collect()))
    }

    /// Ranges of bytes, in order and apart.
    fn parts(&self, text: &str, tokens: &Tokens) -> Result<Vec<Range<usize>>> {
        let range = |(start, part): (usize, &str)| {
            let start = start + part.len() - part.trim_start().len();
            start..start + part.trim().len()
        };
        let full = |part: &Range<usize>| !part.is_empty();
        Ok(match self {
            Self::Token => {
                let mut parts: Vec<Range<usize>> = tokens.spans.iter().flatten().cloned().collect();
                parts.sort_unstable_by_key(|part| (part.start, part.end));
                parts.dedup_by(|next, part| {
                    let one = next.start < part.end;
                    part.end = if one { part.end.max(next.end) } else { part.end };
                    one
                });
                parts
            }
            Self::Word => words(text),
            Self::Space => text
                .split_inclusive(char::is_whitespace)
                .map(|part| (offset(text, part), part))
                .map(range)
                .filter(full)
                .collect(),
            Self::Sentence => text.split_sentence_bound_indices().map(range).filter(full).collect(),
            Self::Spans(given) => given_parts(given, text)?,
        })
    }
}

/// Where a part of a text begins.
fn offset(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

/// Unicode's words; marks between two spaces go with the word before them, or the one behind if there is none before.
pub(super) fn words(text: &str) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    // Whether the last word is still touched by what comes, and whether it has more than marks.
    let (mut open, mut has_letters) = (false, false);
    for (start, part) in text.split_word_bound_indices() {
        let end = start + part.len();
        let blank = part.chars().all(char::is_whitespace);
        let letters = !blank && !part.chars().all(is_mark);
        match words.last_mut() {
            _ if blank => open = false,
            Some(word) if open && !(letters && has_letters) => {
                word.end = end;
                has_letters |= letters;
            }
            _ => {
                words.push(start..end);
                (open, has_letters) = (true, letters);
            }
        }
    }
    words
}

/// Punctuation and symbols of text; emoji and other pictures are words of their own.
fn is_mark(c: char) -> bool {
    let marks = [
        '\u{80}'..='\u{bf}',
        '\u{2000}'..='\u{206f}',
        '\u{20a0}'..='\u{20cf}',
        '\u{3000}'..='\u{303f}',
        '\u{ff00}'..='\u{ff0f}',
    ];
    !c.is_alphanumeric()
        && (c.is_ascii()
            || ['×', '÷', '،', '؛', '؟', '।', '։'].contains(&c)
            || marks.iter().any(|range| range.contains(&c)))
}

fn given_parts(given: &[Range<usize>], text: &str) -> Result<Vec<Range<usize>>> {
    let ends: Vec<usize> = text.char_indices().map(|(byte, _)| byte).chain([text.len()]).collect();
    let length = ends.len() - 1;
    let mut before = 0;
    let part = |span: &Range<usize>| {
        let wrong = |why: &str| {
            Err(Error::input(format!("the span {}:{} {why}", span.start, span.end)).hint(
                "spans are START:END in characters from 0, without END itself, in the order of the text, and do not overlap",
            ))
        };
        match span {
            span if span.start >= span.end => wrong("is empty"),
            span if span.end > length => wrong(&format!("ends behind the text, which has {length} characters")),
            span if span.start < before => wrong("begins before the span in front of it ends"),
            span => {
                before = span.end;
                Ok(ends[span.start]..ends[span.end])
            }
        }
    };
    given.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut<'a>(text: &'a str, parts: &[Range<usize>]) -> Vec<&'a str> {
        parts.iter().map(|part| &text[part.clone()]).collect()
    }

    #[test]
    fn words_keep_their_punctuation_and_pictures_are_words() {
        let text = "  Hi (you), it's max6/month… 🙂👍🏽 \"नमस्ते\" 東京 شكرا؟ e\u{301}a";
        let expected =
            ["Hi", "(you),", "it's", "max6/", "month…", "🙂", "👍🏽", "\"नमस्ते\"", "東", "京", "شكرا؟", "e\u{301}a"];
        assert_eq!(cut(text, &words(text)), expected);
        assert!(words(" \n ").is_empty());
    }

    #[test]
    fn a_token_belongs_to_the_part_that_holds_most_of_it() {
        let parts = [0..3, 3..5, 8..12];
        assert_eq!(owner(&(2..5), &parts), Some(1));
        assert_eq!(owner(&(2..4), &parts), Some(0));
        assert_eq!(owner(&(5..8), &parts), None);
        assert_eq!(owner(&(0..20), &parts), Some(2));
    }

    #[test]
    fn spans_that_make_no_sense_are_refused() {
        let parts = |given: &[Range<usize>]| given_parts(given, "aé🙂b").map_err(|e| e.to_string());
        assert_eq!(parts(&[0..2, 2..3]), Ok(vec![0..3, 3..7]));
        assert_eq!(parts(&[0..1, 1..5]).unwrap_err(), "the span 1:5 ends behind the text, which has 4 characters");
        assert_eq!(parts(&[0..2, 1..3]).unwrap_err(), "the span 1:3 begins before the span in front of it ends");
        assert!(parts(&[0..1, 2..2]).is_err());
    }
}
