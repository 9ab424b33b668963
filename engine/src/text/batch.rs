//! Sequences of many lengths as batches with little padding.

use super::absence::Sequence;
use super::encoder::TokenBatch;

/// Share of a batch that may be padding.
const WASTE: f64 = 0.1;

/// Which sequences run together: sorted by length, at most `most_tokens` a batch with its padding (one sequence at least), of which at most
/// a tenth is padding; none at all if `one_length`. Batches are of about the same size: a last small one would take a core for little.
pub fn batches(lengths: &[usize], most_tokens: usize, one_length: bool) -> Vec<Vec<usize>> {
    let total: usize = lengths.iter().sum();
    let even = total.div_ceil(total.div_ceil(most_tokens).max(1)) + lengths.iter().max().unwrap_or(&0);
    let most_tokens = most_tokens.min(even);
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&at| lengths[at]);
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut tokens = 0;
    for at in order {
        let length = lengths[at];
        if let Some(batch) = batches.last_mut() {
            let size = (batch.len() + 1) * length;
            let padding = (size - tokens - length) as f64;
            if size <= most_tokens && padding <= if one_length { 0.0 } else { WASTE * size as f64 } {
                batch.push(at);
                tokens += length;
                continue;
            }
        }
        batches.push(vec![at]);
        tokens = length;
    }
    batches
}

/// Which sequences run together in a model that reads shared beginnings once: sorted by their tokens, at most `most_tokens` a batch of those
/// that the sequence before does not share (one sequence at least).
pub fn by_beginning(sequences: &[&Sequence], most_tokens: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..sequences.len()).collect();
    order.sort_by(|&a, &b| sequences[a].ids.cmp(&sequences[b].ids));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut tokens = 0;
    for at in order {
        let ids = &sequences[at].ids;
        if let Some(batch) = batches.last_mut() {
            let before = &sequences[batch[batch.len() - 1]].ids;
            let new = ids.len() - before.iter().zip(ids).take_while(|(a, b)| a == b).count();
            if tokens + new <= most_tokens {
                batch.push(at);
                tokens += new;
                continue;
            }
        }
        batches.push(vec![at]);
        tokens = ids.len();
    }
    batches
}

impl TokenBatch {
    /// The sequences side by side, padded with `pad` at the end.
    pub(super) fn of(sequences: &[&Sequence], pad: i32) -> Self {
        let length = sequences.iter().map(|sequence| sequence.len()).max().unwrap_or(0).max(1);
        let mut batch = TokenBatch { sequences: sequences.len(), length, ..TokenBatch::default() };
        for sequence in sequences {
            for (to, values, with) in [
                (&mut batch.ids, &sequence.ids, pad),
                (&mut batch.mask, &sequence.mask, 0),
                (&mut batch.types, &sequence.types, 0),
            ] {
                to.extend_from_slice(values);
                to.resize(to.len() + length - values.len(), with);
            }
            batch.numbers.extend(&sequence.numbers);
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_every_sequence_once_with_little_padding() {
        // Lengths from 3 to 120, more short ones than long ones.
        let lengths: Vec<usize> = (0..997).map(|i: usize| 3 + (i * i * 31 + i) % 118 * (i % 7 + 1) / 7).collect();
        let found = batches(&lengths, 2048, false);
        let mut all: Vec<usize> = found.concat();
        all.sort_unstable();
        assert_eq!(all, (0..997).collect::<Vec<_>>());
        for batch in &found {
            let (longest, tokens) =
                (lengths[batch[batch.len() - 1]], batch.iter().map(|&at| lengths[at]).sum::<usize>());
            assert!(longest * batch.len() <= 2048 || batch.len() == 1);
            assert!(tokens as f64 >= 0.9 * (longest * batch.len()) as f64);
        }
        assert!(found.len() < 60, "{} batches", found.len());
        assert!(
            batches(&lengths, 2048, true).iter().all(|batch| batch.iter().all(|&at| lengths[at] == lengths[batch[0]]))
        );
    }

    #[test]
    fn sequences_that_begin_alike_run_together() {
        let sequence = |ids: &[i32]| Sequence { ids: ids.to_vec(), ..Sequence::default() };
        let all = [sequence(&[1, 2, 3]), sequence(&[7]), sequence(&[1, 2, 4, 5]), sequence(&[1, 2])];
        let all: Vec<&Sequence> = all.iter().collect();
        assert_eq!(by_beginning(&all, 5), [vec![3, 0, 2], vec![1]]);
        assert_eq!(by_beginning(&all, 100), [vec![3, 0, 2, 1]]);
        assert_eq!(by_beginning(&all, 1), [vec![3], vec![0], vec![2], vec![1]]);
    }

    #[test]
    fn shorter_sequences_are_padded_at_the_end() {
        let sequence = |n: i32| Sequence {
            ids: (10..10 + n).collect(),
            mask: vec![1; n as usize],
            types: vec![0; n as usize],
            numbers: vec![n as f32],
        };
        let batch = TokenBatch::of(&[&sequence(1), &sequence(3)], 9);
        assert_eq!((batch.sequences, batch.length), (2, 3));
        assert_eq!((batch.ids, batch.mask), (vec![10, 9, 9, 10, 11, 12], vec![1, 0, 0, 1, 1, 1]));
        assert_eq!(batch.numbers, [1.0, 3.0]);
    }
}
