//! Random pairs by leverage: every size equally often, sizes with few coalitions in full, the rest without replacement.
//!
//! The leverage of a coalition of size k is 1/C(n, k) (Musco & Witter 2025), so each size gets the same number of pairs until it runs out;
//! with the kernel weight μ(k) ∝ 1/(C(n, k)·k(n−k)) and the inclusion probability count_k/C(n, k), the regression weight of a pair is
//! 1/(k(n−k)·count_k).

use super::coalitions::{Coalitions, pairs_of_size};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

/// Pairs with their regression weights, mean 1.
#[derive(Debug, Clone)]
pub struct Draw {
    pub pairs: Coalitions,
    pub weights: Vec<f64>,
}

/// How many pairs of one size: `count` on average over draws, `drawn` in this one; `full` when these are all there are.
struct Quota {
    size: usize,
    count: f64,
    drawn: usize,
    full: bool,
}

/// 1, or ½ for the middle size, whose coalitions are each other's complements.
fn mass(n: usize, size: usize) -> f64 {
    if 2 * size == n { 0.5 } else { 1.0 }
}

/// `n_pairs` pairs of `n` players. `copies` is how often a pair may be drawn: once if it is evaluated on the whole background, else once for
/// each place its run may start. Small coalitions are dealt like cards, so that each player has its turn.
pub fn leverage(n: usize, n_pairs: usize, copies: usize, rng: &mut impl Rng) -> Draw {
    let mut draw = Draw { pairs: Coalitions::new(n), weights: Vec::new() };
    for quota in quotas(n, n_pairs, copies as f64, rng) {
        if quota.full {
            (0..copies).for_each(|_| draw.pairs.push_all_of_size(quota.size));
        } else if quota.size == 1 && copies > 1 {
            dealt(n, quota.drawn, rng).into_iter().for_each(|player| draw.pairs.push([player]));
        } else {
            draw.pairs.push_random_of_size(quota.size, quota.drawn, copies == 1, rng);
        }
        let weight = mass(n, quota.size) / ((quota.size * (n - quota.size)) as f64 * quota.count);
        draw.weights.resize(draw.pairs.len(), weight);
    }
    let mean = draw.weights.iter().sum::<f64>() / draw.weights.len().max(1) as f64;
    draw.weights.iter_mut().for_each(|w| *w /= mean);
    draw
}

/// `count` numbers below `n` from shuffled decks: each as often as the others, give or take one.
pub fn dealt(n: usize, count: usize, rng: &mut impl Rng) -> Vec<usize> {
    let mut deck: Vec<usize> = (0..n).collect();
    let mut all = Vec::with_capacity(count + n);
    while all.len() < count {
        deck.shuffle(rng);
        all.extend_from_slice(&deck);
    }
    all.truncate(count);
    all
}

/// `count` numbers in random order, number i either ⌊count·weight_i⌋ or one more times, count·weight_i on average: systematic sampling.
pub fn systematic(weights: &[f64], count: usize, rng: &mut impl Rng) -> Vec<usize> {
    let shift: f64 = rng.random();
    let mut total = shift;
    let mut all = Vec::with_capacity(count);
    for (i, weight) in weights.iter().enumerate() {
        let from = total.floor();
        total += weight * count as f64;
        all.extend(std::iter::repeat_n(i, (total.floor() - from) as usize));
    }
    all.resize(count, weights.len() - 1);
    all.shuffle(rng);
    all
}

/// Shares `n_pairs` over the sizes 1 … n/2: evenly, but no size gets more than `copies` times its number of pairs; what it leaves goes to
/// the others. Fractions are rounded together, systematically, so that the total stays.
fn quotas(n: usize, n_pairs: usize, copies: f64, rng: &mut impl Rng) -> Vec<Quota> {
    let most = |size: usize| copies * pairs_of_size(n, size);
    let mut left = n_pairs as f64;
    let mut open: Vec<usize> = (1..=n / 2).collect();
    let mut counts = vec![0.0; n / 2 + 1];
    let mut full = vec![false; n / 2 + 1];
    while !open.is_empty() {
        let each = left / open.iter().map(|&size| mass(n, size)).sum::<f64>();
        let filled: Vec<usize> =
            open.iter().copied().filter(|&size| each * mass(n, size) >= most(size) - 1e-9).collect();
        if filled.is_empty() {
            open.iter().for_each(|&size| counts[size] = each * mass(n, size));
            break;
        }
        for size in filled {
            counts[size] = most(size).round();
            full[size] = true;
            left -= counts[size];
        }
        open.retain(|&size| !full[size]);
    }
    let partial: f64 = open.iter().map(|&size| counts[size]).sum();
    let mut total: f64 = rng.random();
    let mut quota = |size: usize| {
        if full[size] {
            return Quota { size, count: counts[size], drawn: counts[size] as usize, full: true };
        }
        let from = total.floor();
        total += counts[size];
        let drawn = (total.floor() - from).min(partial.round()) as usize;
        Quota { size, count: counts[size], drawn, full: false }
    };
    (1..=n / 2).map(&mut quota).filter(|quota| quota.drawn > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn whole_background_pairs_are_distinct_and_small_sizes_complete() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let draw = leverage(12, 200, 1, &mut rng);
        assert!((199..=200).contains(&draw.pairs.len()), "{}", draw.pairs.len());
        let of_size = |size| (0..draw.pairs.len()).filter(|&p| draw.pairs.size(p) == size).count();
        assert_eq!(of_size(1), 12);
        assert!(of_size(4) > 20);
        let distinct: std::collections::HashSet<_> = draw.pairs.bits().iter().collect();
        assert_eq!(distinct.len(), draw.pairs.len());
        assert!((draw.weights.iter().sum::<f64>() / draw.weights.len() as f64 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_draw_never_exceeds_the_pairs_asked_for() {
        for seed in 0..50 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            for (n, n_pairs, copies) in [(9, 40, 7), (30, 61, 1), (5, 1000, 100), (2, 3, 100)] {
                let drawn = leverage(n, n_pairs, copies, &mut rng).pairs.len();
                assert!(drawn <= n_pairs && drawn + 1 >= n_pairs, "n {n}: {drawn} of {n_pairs}");
            }
        }
    }

    #[test]
    fn systematic_counts_follow_the_weights() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let drawn = systematic(&[0.5, 0.05, 0.45], 30, &mut rng);
        let count = |i| drawn.iter().filter(|&&d| d == i).count();
        assert_eq!(count(0), 15);
        assert!((1..=2).contains(&count(1)) && drawn.len() == 30);
    }
}
