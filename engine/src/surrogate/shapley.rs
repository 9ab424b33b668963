//! Exact Shapley values of trees over coalitions, leaf by leaf.
//!
//! A leaf of value c whose path asks the players P to be members and N not to be is the game c·\[P ⊆ z, N ∩ z = ∅\]. In a random order of
//! the players, i ∈ P turns it on when i comes last of P and all of N comes later; i ∈ N turns it off when i comes first of N, after all of
//! P. With p = |P| and q = |N|
//! ```text
//! φ_i = c (p−1)! q!/(p+q)!  for i ∈ P,      φ_i = −c p! (q−1)!/(p+q)!  for i ∈ N,      0 for all others.
//! ```

use super::trees::{Node, Tree};

/// The Shapley values of a sum of trees, `[players]`: from the coalition of nobody to that of all.
pub fn shapley(trees: &[Tree], players: usize) -> Vec<f64> {
    let mut values = vec![0.0; players];
    for tree in trees {
        descend(tree, 0, &mut Vec::new(), &mut values);
    }
    values
}

/// Adds the leaves under a node; `path` is how it was reached: players, and whether they are members.
fn descend(tree: &Tree, at: usize, path: &mut Vec<(usize, bool)>, values: &mut [f64]) {
    match tree.nodes[at] {
        Node::Leaf(value) => {
            let members = path.iter().filter(|(_, member)| *member).count();
            let (of_member, of_other) = shares(members, path.len() - members);
            path.iter().for_each(|&(i, member)| values[i] += value * if member { of_member } else { -of_other });
        }
        Node::Split { player, without, with } => {
            let known = path.iter().find(|(on_path, _)| *on_path == player).map(|(_, member)| *member);
            for (node, member) in [(without, false), (with, true)] {
                match known {
                    // A player asked twice: only the answer given before can be reached.
                    Some(before) if before == member => descend(tree, node, path, values),
                    Some(_) => {}
                    None => {
                        path.push((player, member));
                        descend(tree, node, path, values);
                        path.pop();
                    }
                }
            }
        }
    }
}

/// (p−1)! q!/(p+q)! and p! (q−1)!/(p+q)!: 1/(p C(p+q, p)) and 1/(q C(p+q, p)).
fn shares(members: usize, others: usize) -> (f64, f64) {
    let (p, q) = (members as f64, others as f64);
    let ways: f64 = (1..=members).map(|i| (q + i as f64) / i as f64).product();
    (1.0 / (p * ways), 1.0 / (q * ways))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// A random tree, whose paths may ask a player twice.
    fn random(depth: usize, players: usize, nodes: &mut Vec<Node>, rng: &mut impl Rng) -> usize {
        let at = nodes.len();
        nodes.push(Node::Leaf(rng.random_range(-1.0..1.0)));
        if depth > 0 && rng.random_bool(0.8) {
            let player = rng.random_range(0..players);
            let without = random(depth - 1, players, nodes, rng);
            let with = random(depth - 1, players, nodes, rng);
            nodes[at] = Node::Split { player, without, with };
        }
        at
    }

    fn value(tree: &Tree, set: u32) -> f64 {
        let mut at = 0;
        loop {
            match tree.nodes[at] {
                Node::Leaf(value) => return value,
                Node::Split { player, without, with } => at = if set >> player & 1 == 1 { with } else { without },
            }
        }
    }

    /// φ_i = Σ_{S without i} |S|! (n−|S|−1)!/n! (v(S ∪ i) − v(S)), set by set. Rounding: 2ⁿ terms of at most the leaves' size.
    #[test]
    fn leaves_add_up_to_the_definition() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        for n in 1..=10usize {
            let trees: Vec<Tree> = (0..6)
                .map(|_| {
                    let mut nodes = Vec::new();
                    random(6, n, &mut nodes, &mut rng);
                    Tree { nodes }
                })
                .collect();
            let factorial = |k: usize| (1..=k).map(|i| i as f64).product::<f64>();
            let worth = |set: u32| trees.iter().map(|tree| value(tree, set)).sum::<f64>();
            let found = shapley(&trees, n);
            for (i, found) in found.iter().enumerate() {
                let others = (0u32..1 << n).filter(|set| set >> i & 1 == 0);
                let defined: f64 = others
                    .map(|set| {
                        let size = set.count_ones() as usize;
                        let share = factorial(size) * factorial(n - size - 1) / factorial(n);
                        share * (worth(set | 1 << i) - worth(set))
                    })
                    .sum();
                assert!((found - defined).abs() < 1e-12, "player {i} of {n}: {found} for {defined}");
            }
            let gain = worth((1 << n) - 1) - worth(0);
            assert!((found.iter().sum::<f64>() - gain).abs() < 1e-12);
        }
    }
}
