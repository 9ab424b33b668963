//! What the model reads where players are absent.

use super::players::TextPlayers;
use super::tokenizer::{Tokenizer, Tokens};
use crate::{Error, Result};
use std::hash::{Hash, Hasher};

/// What stands in for an absent player.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Absence {
    /// Each of its tokens becomes the mask token.
    #[default]
    Mask,
    /// Each of its tokens becomes padding, which the model does not attend to; the others keep their positions.
    Pad,
    /// Its tokens are taken out: the text becomes shorter.
    Delete,
    /// Its tokens are replaced by those of this text.
    Text(String),
}

impl std::fmt::Display for Absence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Absence::Mask => write!(f, "absent: mask tokens"),
            Absence::Pad => write!(f, "absent: padding"),
            Absence::Delete => write!(f, "absent: deleted"),
            Absence::Text(text) => write!(f, "absent: replaced by {text:?}"),
        }
    }
}

/// An absence in the tokens of one tokenizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Absent {
    /// Token for token: an id, and whether it is attended to.
    Each { id: i32, mask: i32 },
    /// All tokens of a player by these.
    All(Vec<i32>),
}

/// What the model reads of a text.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Sequence {
    pub ids: Vec<i32>,
    pub mask: Vec<i32>,
    pub types: Vec<i32>,
    /// The columns beside the text.
    pub numbers: Vec<f32>,
}

impl Hash for Sequence {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.ids, &self.mask, &self.types).hash(state);
        self.numbers.iter().for_each(|number| number.to_bits().hash(state));
    }
}

impl Absence {
    /// # Errors
    /// A tokenizer without the mask token; padding for a model that takes no attention mask.
    pub(super) fn resolve(&self, tokenizer: &Tokenizer, takes_mask: bool) -> Result<Absent> {
        Ok(match self {
            Absence::Mask => {
                let lacking = || {
                    Error::input("absent words are to be masked, and the tokenizer has no mask token").hint(
                        "use `--absent delete`, `--absent pad`, or a text that stands in, such as `--absent \"...\"`",
                    )
                };
                Absent::Each { id: tokenizer.mask().ok_or_else(lacking)?, mask: 1 }
            }
            Absence::Pad if !takes_mask => {
                return Err(Error::input("absent words are to be padding, and the model takes no attention mask")
                    .hint("use `--absent delete` or `--absent mask`"));
            }
            Absence::Pad => Absent::Each { id: tokenizer.pad().unwrap_or(0), mask: 0 },
            Absence::Delete => Absent::All(Vec::new()),
            Absence::Text(text) => Absent::All(tokenizer.piece(text)?),
        })
    }
}

impl Absent {
    /// The tokens of a text where some players are absent.
    pub fn sequence(&self, tokens: &Tokens, players: &TextPlayers, present: impl Fn(usize) -> bool) -> Sequence {
        let mut sequence = Sequence::default();
        for list in [&mut sequence.ids, &mut sequence.mask, &mut sequence.types] {
            list.reserve(tokens.ids.len());
        }
        let mut before = None;
        for (at, &owner) in players.of_tokens.iter().enumerate() {
            let kind = tokens.types[at];
            match (owner.filter(|&player| !present(player as usize)), self) {
                (None, _) => sequence.push(tokens.ids[at], 1, kind),
                (Some(_), Absent::Each { id, mask }) => sequence.push(*id, *mask, kind),
                (Some(_), Absent::All(_)) if owner == before => {}
                (Some(_), Absent::All(ids)) => ids.iter().for_each(|&id| sequence.push(id, 1, kind)),
            }
            before = owner.or(before);
        }
        sequence
    }
}

impl Sequence {
    fn push(&mut self, id: i32, mask: i32, kind: i32) {
        self.ids.push(id);
        self.mask.push(mask);
        self.types.push(kind);
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[CLS] un ##real , word [SEP]` with the players `unreal` and `word`.
    fn text() -> (Tokens, TextPlayers) {
        let ids = vec![2, 10, 11, 12, 13, 3];
        let tokens = Tokens { types: vec![0; 6], spans: vec![None; 6], cut: None, ids };
        (tokens, TextPlayers { spans: Vec::new(), of_tokens: vec![None, Some(0), Some(0), None, Some(1), None] })
    }

    #[test]
    fn each_absence_changes_the_tokens_of_absent_players_alone() {
        let (tokens, players) = text();
        let sequence = |absent: Absent| absent.sequence(&tokens, &players, |player| player == 1);
        let masked = sequence(Absent::Each { id: 4, mask: 1 });
        assert_eq!((masked.ids, masked.mask), (vec![2, 4, 4, 12, 13, 3], vec![1; 6]));
        let padded = sequence(Absent::Each { id: 0, mask: 0 });
        assert_eq!((padded.ids, padded.mask), (vec![2, 0, 0, 12, 13, 3], vec![1, 0, 0, 1, 1, 1]));
        let deleted = sequence(Absent::All(Vec::new()));
        assert_eq!((deleted.ids, deleted.mask, deleted.types), (vec![2, 12, 13, 3], vec![1; 4], vec![0; 4]));
        assert_eq!(sequence(Absent::All(vec![7, 8])).ids, [2, 7, 8, 12, 13, 3]);
        let present = Absent::All(vec![7]).sequence(&tokens, &players, |_| true);
        assert_eq!(present.ids, tokens.ids);
    }
}
