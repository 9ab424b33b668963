//! Players in nested groups, and Owen values over them.
//!
//! The Owen value (Owen 1977; for trees of any depth Winter 1989) of a player is the mean of its marginal contributions over the orderings
//! of players in which every group stays together and the children of each group come in any order, all equally likely. With two or more
//! children c of a group g, m of them, let A be a context of g: at g and each group around it, some of the siblings; its weight W_A is the product
//! of s!(m−s−1)!/m! over these levels, s siblings of m − 1. Then the value of a child follows from that of its group,
//! ```text
//! φ_c = φ_g/m + Σ_A Σ_S W_A k(S, c) v(A ∪ S),   S a proper part of the children, not empty,
//! k(S, c) = (s−1)!(m−s)!/m! for c in S, −s!(m−s−1)!/m! otherwise, s = |S|.
//! ```
//! The coalitions A ∪ S are met at g alone, 2^(siblings) · (2^m − 2) of them. The complement of one of them is another of the same group with the opposite
//! factor, so they are pairs. A balanced binary tree over n players has ⅔ n² coalitions in all.

use super::coalitions::{Coalitions, ln_choose};
use super::draw::dealt;
use super::estimator::Estimator;
use crate::{Error, Result};
use ndarray::Array2;
use rand::Rng;
use rand::seq::SliceRandom;

/// A player, by its number, or a group of players and groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nested {
    Player(usize),
    Group(Vec<Nested>),
}

/// A tree over players. A group of one child is that child.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hierarchy {
    /// Each group before its children; the first holds all players.
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Node {
    parent: Option<usize>,
    /// None for a single player.
    children: Vec<usize>,
    players: Vec<usize>,
}

/// A pair of a group.
struct Pair {
    /// Players of the one coalition; all others are in the other.
    present: Vec<usize>,
    /// `[children]`: what v(z) − v(z̄) counts for in their values.
    factors: Vec<f64>,
}

impl Nested {
    /// Parts that follow one another as a group in which no group has more than `most` children: longer runs are halved.
    pub fn halved(mut parts: Vec<Nested>, most: usize) -> Nested {
        if parts.len() <= most.max(2) {
            return if parts.len() == 1 { parts.remove(0) } else { Nested::Group(parts) };
        }
        let rest = parts.split_off(parts.len().div_ceil(2));
        Nested::Group(vec![Self::halved(parts, most), Self::halved(rest, most)])
    }
}

impl Hierarchy {
    /// # Errors
    /// A player that is missing, there twice, or not among 0 … n − 1; an empty group.
    pub fn new(n_players: usize, nested: &Nested) -> Result<Self> {
        let mut hierarchy = Self { nodes: Vec::new() };
        hierarchy.add(nested, None)?;
        let mut players = hierarchy.nodes[0].players.clone();
        players.sort_unstable();
        let wrong = |player: usize, why: &str| {
            Err(Error::input(format!("the hierarchy {why} player {player}, of {n_players}"))
                .hint("each player, 0 for the first, is in one place of the hierarchy"))
        };
        if let Some(two) = players.windows(2).find(|two| two[0] == two[1]) {
            return wrong(two[0], "has two places for");
        }
        if let Some(&unknown) = players.last().filter(|&&last| last >= n_players) {
            return wrong(unknown, "names");
        }
        match (0..n_players).find(|player| players.get(*player) != Some(player)) {
            Some(missing) => wrong(missing, "has no place for"),
            None => Ok(hierarchy),
        }
    }

    /// Adds a node and all below it; its number.
    fn add(&mut self, nested: &Nested, parent: Option<usize>) -> Result<usize> {
        let at = self.nodes.len();
        match nested {
            Nested::Player(player) => {
                self.nodes.push(Node { parent, children: Vec::new(), players: vec![*player] });
            }
            Nested::Group(parts) if parts.is_empty() => {
                return Err(Error::input("a group of the hierarchy is empty").hint("leave it out"));
            }
            Nested::Group(parts) if parts.len() == 1 => return self.add(&parts[0], parent),
            Nested::Group(parts) => {
                self.nodes.push(Node { parent, children: Vec::new(), players: Vec::new() });
                for part in parts {
                    let child = self.add(part, Some(at))?;
                    let players = self.nodes[child].players.clone();
                    self.nodes[at].children.push(child);
                    self.nodes[at].players.extend(players);
                }
            }
        }
        Ok(at)
    }

    pub fn n_players(&self) -> usize {
        self.nodes[0].players.len()
    }

    /// Coalitions that exact values take, those of nobody and of all left out.
    pub fn coalitions(&self) -> f64 {
        let contexts = |group: usize| (self.around(group).map(|siblings| siblings.len()).sum::<usize>() as f64).exp2();
        self.groups().map(|group| contexts(group) * self.step(group)).sum()
    }

    /// Numbers of the groups, each before those inside it.
    pub(super) fn groups(&self) -> impl Iterator<Item = usize> {
        (0..self.nodes.len()).filter(|&node| self.is_group(node))
    }

    pub(super) fn is_group(&self, node: usize) -> bool {
        !self.nodes[node].children.is_empty()
    }

    pub(super) fn children(&self, node: usize) -> &[usize] {
        &self.nodes[node].children
    }

    pub(super) fn players(&self, node: usize) -> &[usize] {
        &self.nodes[node].players
    }

    pub(super) fn n_nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Coalitions between all of a group's children absent and all there; 0 for a player.
    pub(super) fn step(&self, node: usize) -> f64 {
        ((self.nodes[node].children.len() as f64).exp2() - 2.0).max(0.0)
    }

    /// The siblings of a node, those of its parent, and so on.
    fn around(&self, node: usize) -> impl Iterator<Item = Vec<usize>> {
        let up = std::iter::successors(Some(node), |&node| self.nodes[node].parent);
        up.filter_map(|node| {
            let parent = self.nodes[node].parent?;
            Some(self.nodes[parent].children.iter().copied().filter(|&child| child != node).collect())
        })
    }

    /// The pairs of a group; its first child is in the coalition that is listed.
    fn pairs(&self, group: usize) -> impl Iterator<Item = Pair> {
        let levels: Vec<Vec<usize>> = self.around(group).collect();
        let siblings: usize = levels.iter().map(Vec::len).sum();
        let children = self.children(group);
        let m = children.len();
        let subsets = move || (1..(1u64 << m) - 1).step_by(2);
        (0..1u64 << siblings).flat_map(move |context| {
            let (mut around, mut weight, mut bits) = (Vec::new(), 1.0, context);
            for level in &levels {
                let there = chosen(level, bits);
                weight *= share(level.len() + 1, there.len());
                around.extend(there.iter().flat_map(|&node| self.players(node)));
                bits >>= level.len();
            }
            subsets().map(move |subset| {
                let inside = chosen(children, subset);
                let of_child = |child: usize| match subset >> child & 1 {
                    1 => weight * share(m, inside.len() - 1),
                    _ => -weight * share(m, inside.len()),
                };
                let inner = inside.iter().flat_map(|&node| self.players(node));
                Pair {
                    present: around.iter().copied().chain(inner).copied().collect(),
                    factors: (0..m).map(of_child).collect(),
                }
            })
        })
    }

    /// All pairs of exact Owen values, and the matrix that makes these of them: φ = (v1 − v0)/n + M d.
    pub(super) fn enumerate(&self) -> (Coalitions, Estimator) {
        let n = self.n_players();
        let mut pairs = Coalitions::new(n);
        let mut matrix = Array2::zeros((n, (self.coalitions() / 2.0) as usize));
        for group in self.groups() {
            for pair in self.pairs(group) {
                let column = pairs.len();
                for (&child, &factor) in self.children(group).iter().zip(&pair.factors) {
                    self.spread(child, factor, &mut |player, part| matrix[(player, column)] = part);
                }
                pairs.push(pair.present);
            }
        }
        (pairs, Estimator::exact(matrix))
    }

    /// Splits an amount evenly among the children of a node, theirs among their children, and so on: what a player's value takes of the
    /// value of a group around it.
    fn spread(&self, node: usize, amount: f64, each: &mut impl FnMut(usize, f64)) {
        let Node { children, players, .. } = &self.nodes[node];
        match children.len() {
            0 => each(players[0], amount),
            m => children.iter().for_each(|&child| self.spread(child, amount / m as f64, each)),
        }
    }

    /// Random orders of the players in which groups stay together, all equally likely. Each child is the first of its group equally often.
    pub(super) fn orders(&self, walks: usize, rng: &mut impl Rng) -> Vec<Vec<usize>> {
        let first: Vec<Vec<usize>> = self
            .nodes
            .iter()
            .map(|node| dealt(node.children.len(), if node.children.is_empty() { 0 } else { walks }, rng))
            .collect();
        let order = |walk: usize| {
            let mut order = Vec::with_capacity(self.n_players());
            let mut stack = vec![0];
            while let Some(node) = stack.pop() {
                let mut children = self.children(node).to_vec();
                if children.is_empty() {
                    order.push(self.nodes[node].players[0]);
                    continue;
                }
                // The last of the stack comes first.
                let begins = children.swap_remove(first[node][walk]);
                children.shuffle(rng);
                stack.extend(children);
                stack.push(begins);
            }
            order
        };
        (0..walks).map(order).collect()
    }
}

/// Those of the nodes whose bit is set, the first node's the lowest.
pub(super) fn chosen(nodes: &[usize], bits: u64) -> Vec<usize> {
    nodes.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, &node)| node).collect()
}

/// s!(m−s−1)!/m!: how likely exactly `s` given ones of `m` come before another.
pub(super) fn share(m: usize, s: usize) -> f64 {
    1.0 / ((m - s) as f64 * ln_choose(m, s).exp())
}
