//! Telling token sequences apart without keeping them.

use std::hash::{Hash, Hasher};

/// Odd numbers with as many ones as zeros, for two hashes that have nothing in common.
const FACTORS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93];

/// Two 64-bit hashes of what a model reads: equal for equal sequences, and by chance for one pair of others in 2¹²⁸.
pub(super) fn key(sequence: &impl Hash) -> u128 {
    let mut lanes = Lanes(FACTORS);
    sequence.hash(&mut lanes);
    let [a, b] = lanes.0.map(u128::from);
    a << 64 | b
}

/// Each word is folded into both lanes by a multiplication and a shift, both of which can be undone: sequences that differ in one word
/// never have the same key.
struct Lanes([u64; 2]);

impl Lanes {
    fn fold(&mut self, word: u64) {
        for (lane, factor) in self.0.iter_mut().zip(FACTORS) {
            *lane = (*lane ^ word).wrapping_mul(factor);
            *lane ^= *lane >> 32;
        }
    }
}

impl Hasher for Lanes {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.fold(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        if !rest.is_empty() {
            self.fold(u64::from_le_bytes(last));
        }
    }

    fn finish(&self) -> u64 {
        self.0[0]
    }
}

#[cfg(test)]
mod tests {
    use super::super::absence::{Absent, Sequence};
    use super::super::players::TextPlayers;
    use super::super::tokenizer::Tokens;
    use super::*;
    use std::collections::HashMap;

    /// Texts of few different tokens, some of which are the mask token or that of padding, with players of one to three tokens.
    fn texts() -> Vec<(Tokens, TextPlayers)> {
        let text = |number: usize| {
            let length = 2 + number % 11;
            let ids: Vec<i32> =
                (0..length).map(|at| ((number * 7 + at * at * 3 + number / 5 * at) % 5) as i32).collect();
            let owner = |at: usize| (at % 4 != 3).then_some((at / (1 + number % 3)) as u32);
            let of_tokens = (0..length).map(owner).collect();
            let tokens = Tokens { types: vec![0; length], spans: vec![None; length], cut: None, ids };
            (tokens, TextPlayers { spans: Vec::new(), of_tokens })
        };
        (0..60).map(text).collect()
    }

    #[test]
    fn keys_are_equal_where_sequences_are_and_nowhere_else() {
        let absences = [
            Absent::Each { id: 4, mask: 1 },
            Absent::Each { id: 0, mask: 0 },
            Absent::All(Vec::new()),
            Absent::All(vec![1, 2]),
        ];
        let (mut by_key, mut all) = (HashMap::<u128, Sequence>::new(), 0);
        for (tokens, players) in texts() {
            for absent in &absences {
                for coalition in 0..256u32 {
                    let sequence = absent.sequence(&tokens, &players, |player| coalition >> (player % 8) & 1 == 1);
                    let first = by_key.entry(key(&sequence)).or_insert_with(|| sequence.clone());
                    assert_eq!(*first, sequence);
                    // What is the same was made twice, and has the same key.
                    assert_eq!(key(&sequence.clone()), key(&sequence));
                    all += 1;
                }
            }
        }
        let different: std::collections::HashSet<Vec<i32>> =
            by_key.values().map(|s| [&s.ids[..], &[-1], &s.mask[..], &[-1], &s.types[..]].concat()).collect();
        assert_eq!(different.len(), by_key.len(), "no sequence has two keys");
        assert!(by_key.len() * 4 < all * 3, "{} of {all}: some sequences come more than once", by_key.len());
    }

    #[test]
    fn a_part_that_moves_from_one_list_to_the_next_changes_the_key() {
        let of = |ids: &[i32], mask: &[i32], numbers: &[f32]| {
            let (ids, mask, numbers) = (ids.to_vec(), mask.to_vec(), numbers.to_vec());
            key(&Sequence { ids, mask, numbers, types: Vec::new() })
        };
        let all = [
            of(&[1, 0], &[], &[]),
            of(&[1], &[0], &[]),
            of(&[], &[1, 0], &[]),
            of(&[1], &[], &[]),
            of(&[1, 0, 0], &[], &[]),
            of(&[0, 1], &[], &[]),
            of(&[1], &[], &[0.0]),
            of(&[1], &[], &[1.0]),
        ];
        let different: std::collections::HashSet<u128> = all.into_iter().collect();
        assert_eq!(different.len(), all.len());
    }
}
