//! Sets of players as bits, and the ways to list them: all of one size, or some of them at random.

use rand::{Rng, RngExt};
use std::collections::HashSet;

/// Coalitions of `n` players, each a bit set of `words` u32 words: bit `i % 32` of word `i / 32` is player `i`.
#[derive(Debug, Clone)]
pub struct Coalitions {
    n: usize,
    words: usize,
    bits: Vec<u32>,
}

impl Coalitions {
    pub fn new(n: usize) -> Self {
        Self { n, words: n.div_ceil(32).max(1), bits: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.bits.len() / self.words
    }

    pub fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }

    pub fn n_players(&self) -> usize {
        self.n
    }

    pub fn words(&self) -> usize {
        self.words
    }

    /// The raw words, `[len, words]`: what the device gets.
    pub fn bits(&self) -> &[u32] {
        &self.bits
    }

    pub fn push(&mut self, players: impl IntoIterator<Item = usize>) {
        let at = self.bits.len();
        self.bits.resize(at + self.words, 0);
        for player in players {
            self.bits[at + player / 32] |= 1 << (player % 32);
        }
    }

    pub fn contains(&self, coalition: usize, player: usize) -> bool {
        self.bits[coalition * self.words + player / 32] >> (player % 32) & 1 == 1
    }

    pub fn size(&self, coalition: usize) -> usize {
        self.bits[coalition * self.words..][..self.words].iter().map(|w| w.count_ones() as usize).sum()
    }

    /// +1 for a member, −1 for the others.
    pub fn sign(&self, coalition: usize, player: usize) -> f64 {
        if self.contains(coalition, player) { 1.0 } else { -1.0 }
    }

    pub fn append(&mut self, other: &Coalitions) {
        assert_eq!(self.n, other.n, "coalitions of one game have the same players");
        self.bits.extend_from_slice(&other.bits);
    }

    /// Adds every coalition of `size`, or only those with player 0 when size is half of n: one of each complementary pair.
    pub fn push_all_of_size(&mut self, size: usize) {
        let mut members: Vec<usize> = (0..size).collect();
        loop {
            if 2 * size != self.n || members[0] == 0 {
                self.push(members.iter().copied());
            }
            let Some(moving) = (0..size).rev().find(|&i| members[i] != i + self.n - size) else { return };
            members[moving] += 1;
            for i in moving + 1..size {
                members[i] = members[i - 1] + 1;
            }
        }
    }

    /// Adds `count` coalitions of `size`, uniform among all of that size. Distinct from each other, also as complementary pairs when size
    /// is half of n, as long as there are at least twice as many to choose from.
    pub fn push_random_of_size(&mut self, size: usize, count: usize, distinct: bool, rng: &mut impl Rng) {
        let mut seen = HashSet::new();
        let mut order: Vec<usize> = (0..self.n).collect();
        for _ in 0..count {
            loop {
                for i in 0..size {
                    order.swap(i, rng.random_range(i..self.n));
                }
                self.push(order[..size].iter().copied());
                if !distinct || seen.insert(self.canonical_last(2 * size == self.n)) {
                    break;
                }
                self.bits.truncate(self.bits.len() - self.words);
            }
        }
    }

    /// The last coalition, or its complement if `fold` and it lacks player 0: one key for both halves of a pair.
    fn canonical_last(&self, fold: bool) -> Vec<u32> {
        let last = self.len() - 1;
        let words = &self.bits[last * self.words..];
        if !fold || self.contains(last, 0) {
            return words.to_vec();
        }
        let players = |word: usize| u32::MAX >> (32 * (word + 1)).saturating_sub(self.n);
        words.iter().enumerate().map(|(word, bits)| !bits & players(word)).collect()
    }
}

/// ln C(n, k) by log-gamma sums: C(n, k) itself overflows f64 past n ≈ 1030.
pub fn ln_choose(n: usize, k: usize) -> f64 {
    let k = k.min(n - k);
    (1..=k).map(|i| ((n - k + i) as f64 / i as f64).ln()).sum()
}

/// Complementary pairs with a smaller side of `size`: C(n, k), or half of that when k = n/2.
pub fn pairs_of_size(n: usize, size: usize) -> f64 {
    let all = ln_choose(n, size).exp();
    if 2 * size == n { all / 2.0 } else { all }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn sizes_are_listed_in_full_and_once() {
        for (n, size, expected) in [(5, 1, 5), (5, 2, 10), (6, 3, 10), (40, 2, 780)] {
            let mut all = Coalitions::new(n);
            all.push_all_of_size(size);
            assert_eq!(all.len(), expected, "n {n} size {size}");
            assert!((0..all.len()).all(|c| all.size(c) == size));
            let distinct: HashSet<_> = all.bits().chunks(all.words()).collect();
            assert_eq!(distinct.len(), expected);
            assert!((pairs_of_size(n, size) - expected as f64).abs() < 1e-6 * expected as f64);
        }
    }

    #[test]
    fn random_coalitions_have_their_size_and_are_distinct() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut some = Coalitions::new(8);
        some.push_random_of_size(4, 17, true, &mut rng);
        assert_eq!(some.len(), 17);
        assert!((0..17).all(|c| some.size(c) == 4));
        let canonical: HashSet<u32> =
            some.bits().iter().map(|&w| if w & 1 == 1 { w & 0xff } else { !w & 0xff }).collect();
        assert_eq!(canonical.len(), 17, "no coalition and no complement of one appears twice");
    }

    #[test]
    fn binomials_do_not_overflow() {
        assert!((ln_choose(10, 3).exp() - 120.0).abs() < 1e-9);
        assert!((ln_choose(5000, 2500) - 3461.0).abs() < 1.0);
    }
}
