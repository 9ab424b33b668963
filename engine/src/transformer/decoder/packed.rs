//! Many token sequences with every shared beginning once.
//!
//! In a causal model a token's vectors depend on the tokens before it alone, so sequences that begin alike share those vectors. Sorted
//! by their tokens, the sequences are the leaves of a prefix tree in order, and what one shares with any before it, it shares with its
//! neighbour. The nodes of that tree are the tokens that are run, side by side and without padding; only attention, which needs
//! each sequence's own past, sees sequences of one length.

use std::ops::Range;

/// Places that attention may see for each node of a run.
const SPREAD: usize = 4;

/// Nodes of a prefix tree of token sequences.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Packed {
    /// `[nodes]`: tokens.
    pub ids: Vec<i32>,
    /// `[nodes]`: how many tokens come before.
    pub positions: Vec<i32>,
    pub sequences: usize,
    /// Tokens of the longest sequence.
    pub length: usize,
    /// `[sequences · length]`: the node at each place; node 0 behind a sequence's end.
    pub nodes: Vec<i32>,
    /// `[nodes]`: a place where the node stands.
    pub places: Vec<i32>,
}

impl Packed {
    /// Packs sequences in the order given; neighbours share what they begin with, if `share`. `before` tokens come before each of them.
    pub fn new(sequences: &[&[u32]], before: usize, share: bool) -> Self {
        let length = sequences.iter().map(|sequence| sequence.len()).max().unwrap_or(0);
        let mut packed = Self { sequences: sequences.len(), length, ..Self::default() };
        let mut last: &[u32] = &[];
        for (row, sequence) in sequences.iter().enumerate() {
            let common = if share { shared(last, sequence) } else { 0 };
            let start = packed.nodes.len();
            for (at, &token) in sequence.iter().enumerate() {
                if at < common {
                    packed.nodes.push(packed.nodes[start - length + at]);
                    continue;
                }
                packed.nodes.push(packed.ids.len() as i32);
                packed.places.push((row * length + at) as i32);
                packed.ids.push(token as i32);
                packed.positions.push((before + at) as i32);
            }
            packed.nodes.resize(start + length, 0);
            last = sequence;
        }
        packed
    }

    /// Whether every node stands where it is numbered: one sequence, or several without sharing or padding.
    pub fn is_plain(&self) -> bool {
        self.ids.len() == self.nodes.len()
    }

    /// The node at a place of a sequence.
    pub fn node(&self, sequence: usize, at: usize) -> i32 {
        self.nodes[sequence * self.length + at]
    }
}

/// Tokens that two sequences begin with in common.
pub(super) fn shared(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Cuts sorted sequences into runs of at most `most` nodes, and at most [`SPREAD`] times as many places; one sequence at least.
pub(super) fn cuts(sequences: &[&[u32]], most: usize, share: bool) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    let (mut nodes, mut length) = (0, 0);
    for (at, sequence) in sequences.iter().enumerate() {
        let common = if share && at > 0 { shared(sequences[at - 1], sequence) } else { 0 };
        let new = sequence.len() - common;
        length = length.max(sequence.len());
        match runs.last_mut() {
            Some(run) if nodes + new <= most && (run.len() + 1) * length <= SPREAD * most => {
                run.end = at + 1;
                nodes += new;
            }
            _ => {
                runs.push(at..at + 1);
                (nodes, length) = (sequence.len(), sequence.len());
            }
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_leads_to_its_token_and_shared_beginnings_are_there_once() {
        let sequences: [&[u32]; 5] = [&[5], &[5, 6, 7], &[5, 6, 8], &[5, 9], &[6, 6]];
        let packed = Packed::new(&sequences, 10, true);
        assert_eq!(packed.ids, [5, 6, 7, 8, 9, 6, 6]);
        assert_eq!(packed.positions, [10, 11, 12, 12, 11, 10, 11]);
        for (row, sequence) in sequences.iter().enumerate() {
            for (at, &token) in sequence.iter().enumerate() {
                let node = packed.node(row, at) as usize;
                assert_eq!((packed.ids[node], packed.positions[node]), (token as i32, 10 + at as i32));
            }
        }
        for (node, &place) in packed.places.iter().enumerate() {
            assert_eq!(packed.nodes[place as usize], node as i32);
        }
        assert_eq!(Packed::new(&sequences, 0, false).ids.len(), 11);
        assert!(Packed::new(&sequences[1..3], 0, false).is_plain());
        assert!(!packed.is_plain());
    }

    #[test]
    fn runs_are_cut_at_their_nodes() {
        let sequences: [&[u32]; 4] = [&[1, 2, 3], &[1, 2, 4], &[1, 2, 5], &[2, 2, 2, 2, 2]];
        assert_eq!(cuts(&sequences, 4, true), [0..2, 2..3, 3..4]);
        assert_eq!(cuts(&sequences, 100, true), std::iter::once(0..4).collect::<Vec<_>>());
        assert_eq!(cuts(&sequences, 5, false), [0..1, 1..2, 2..3, 3..4]);
        let alike: [&[u32]; 20] = [&[1, 2, 3]; 20];
        assert_eq!(cuts(&alike, 5, true), [0..6, 6..12, 12..18, 18..20]);
        assert!(cuts(&[], 5, true).is_empty());
    }
}
