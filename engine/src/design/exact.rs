//! Designs whose matrix is known on paper: exact enumeration and antithetic permutations.

use super::coalitions::{Coalitions, ln_choose};
use super::draw::dealt;
use super::estimator::Estimator;
use ndarray::Array2;
use rand::Rng;
use rand::seq::SliceRandom;

/// All 2ⁿ⁻¹ − 1 complementary pairs and the Shapley weights themselves:
/// φ_i = (v1 − v0)/n + Σ_pairs a_i(z) (v(z) − v(z̄)), a_i(z) = (k−1)!(n−k)!/n! for members of z and −k!(n−k−1)!/n! for the others, k = |z|;
/// the first term is the pair (all, none).
pub fn enumerate(n: usize) -> (Coalitions, Estimator) {
    let mut pairs = Coalitions::new(n);
    (1..=n / 2).for_each(|size| pairs.push_all_of_size(size));
    // (k−1)!(n−k)!/n! = 1/(k·C(n, k)), and k!(n−k−1)!/n! = 1/((n−k)·C(n, k)).
    let weights = |k: usize| {
        let count = ln_choose(n, k).exp();
        (1.0 / (k as f64 * count), -1.0 / ((n - k) as f64 * count))
    };
    let by_size: Vec<(f64, f64)> = (1..=n / 2).map(weights).collect();
    let mut matrix = Array2::zeros((n, pairs.len()));
    for pair in 0..pairs.len() {
        let (member, other) = by_size[pairs.size(pair) - 1];
        (0..n).for_each(|i| matrix[(i, pair)] = if pairs.contains(pair, i) { member } else { other });
    }
    (pairs, Estimator::exact(matrix))
}

/// `walks` random orders of the players. Each player is the first equally often.
pub fn orders(n: usize, walks: usize, rng: &mut impl Rng) -> Vec<Vec<usize>> {
    let firsts = dealt(n, walks, rng);
    let order = |first: usize| {
        let mut order: Vec<usize> = (0..n).filter(|&player| player != first).collect();
        order.shuffle(rng);
        order.insert(0, first);
        order
    };
    firsts.into_iter().map(order).collect()
}

/// Walks through random orders of the players, each with its reverse (antithetic permutations, Mitchell et al. 2022): the prefixes of the reverse
/// are the complements of the prefixes, so a walk is n − 1 pairs, and φ_i averages ½ (d_j − d_{j−1}) over walks, j the place of i.
/// The jackknife deletes runs of walks, at most `groups` of them; where walks share the
/// background rows evenly it counts their differences as chance, and its standard errors are on the safe side.
pub fn permutations(n: usize, orders: &[Vec<usize>], groups: usize) -> (Coalitions, Estimator) {
    let walks = orders.len();
    let mut pairs = Coalitions::new(n);
    let mut matrix: Array2<f64> = Array2::zeros((n, walks * (n - 1)));
    for order in orders {
        for place in 1..n {
            matrix[(order[place - 1], pairs.len())] += 0.5 / walks as f64;
            matrix[(order[place], pairs.len())] -= 0.5 / walks as f64;
            pairs.push(order[..place].iter().copied());
        }
    }
    let groups = if walks < 2 { 0 } else { groups.min(walks) };
    let deletion = |group: usize| {
        // Without its share of the walks, the others count for more: M → (M − M_g) · walks/(walks − left).
        let span = group * walks / groups * (n - 1)..(group + 1) * walks / groups * (n - 1);
        let left = (span.len() / (n - 1)) as f64;
        let mut change = &matrix * (left / (walks as f64 - left));
        span.for_each(|pair| (0..n).for_each(|i| change[(i, pair)] = -matrix[(i, pair)]));
        change
    };
    let deletions: Vec<_> = (0..groups).map(deletion).collect();
    (pairs, Estimator::jackknife(matrix, &deletions))
}
