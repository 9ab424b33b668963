//! Owen values from coarse to fine: groups are opened where they move the outputs.
//!
//! With W_A, g, c as in the theory of hierarchies, a group's value is Σ_A W_A Δ_A, Δ_A = v(A ∪ g) − v(A), and so is that of each of its children over longer
//! contexts. A **step** is a group in one context: taking it evaluates the A ∪ S in between and replaces W_A Δ_A by steps of the children that add up to
//! the same. Steps of the largest W_A |Δ_A| come first (as in shap's PartitionExplainer). What steps not taken leave with a group goes to its
//! children in proportion to how much each was seen to move; a group without any step taken is a part of its own.

use super::coalitions::Coalitions;
use super::hierarchy::{Hierarchy, chosen, share};
use crate::{Error, Result};

/// Steps are taken together if they weigh at least this share of the heaviest: few rounds of many coalitions.
const TOGETHER: f64 = 0.25;

/// The Owen values of one game, step by step. [`Self::ask`] for coalitions to evaluate and [`Self::tell`] their worth, until none are asked for.
#[derive(Debug, Clone)]
pub struct Unfolding<'a> {
    hierarchy: &'a Hierarchy,
    outputs: usize,
    /// Not taken, and being taken.
    steps: Vec<Step>,
    taking: Vec<Step>,
    nodes: Vec<Seen>,
    /// The heaviest step so far, `[output]`.
    heaviest: Vec<f64>,
    /// Coalitions asked for, at most and so far.
    budget: f64,
    spent: f64,
    tolerance: Option<f64>,
    /// What each node was worth, `[node][output]`, after so many coalitions.
    history: Vec<(f64, Vec<Vec<f64>>)>,
}

/// A group in one of its contexts.
#[derive(Debug, Clone)]
struct Step {
    group: usize,
    /// The nodes of the context.
    beside: Vec<usize>,
    weight: f64,
    /// `[output]`: v(A) and v(A ∪ g).
    without: Vec<f64>,
    with: Vec<f64>,
}

/// What is known of a node, `[output]`.
#[derive(Debug, Clone)]
struct Seen {
    /// Σ W Δ of a player.
    settled: Vec<f64>,
    /// Σ W |Δ| over the contexts that were met.
    moved: Vec<f64>,
    opened: bool,
}

/// A player, or a group that was not opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// In ascending order.
    pub players: Vec<usize>,
    /// `[output]`
    pub values: Vec<f64>,
    /// `[output]`: the root of the mean squared change of the parts since half of the coalitions; 0 if all steps were taken. The error of values falls
    /// fast with the budget, so it is on the safe side.
    pub errors: Vec<f64>,
}

impl<'a> Unfolding<'a> {
    /// `without` and `with` are what nobody and all players are worth, `[output]`; at most `coalitions` others are asked for. None are once the errors of
    /// each output are at most `tolerance` times the spread of its parts, after two coalitions a player.
    ///
    /// # Errors
    /// A budget that does not open the topmost group.
    pub fn new(
        hierarchy: &'a Hierarchy,
        without: Vec<f64>,
        with: Vec<f64>,
        coalitions: usize,
        tolerance: Option<f64>,
    ) -> Result<Self> {
        let least = hierarchy.step(0);
        if least > coalitions as f64 {
            let (least, given) = (least + 2.0, coalitions + 2);
            return Err(Error::input(format!(
                "a budget of {given} coalitions is below the minimum of {least}, which the topmost groups take"
            ))
            .hint(format!("use `--budget {least}` or more")));
        }
        let outputs = with.len();
        let seen = Seen { settled: vec![0.0; outputs], moved: vec![0.0; outputs], opened: false };
        let mut unfolding = Self {
            hierarchy,
            outputs,
            steps: Vec::new(),
            taking: Vec::new(),
            nodes: vec![seen; hierarchy.n_nodes()],
            heaviest: vec![0.0; outputs],
            budget: coalitions as f64,
            spent: 0.0,
            tolerance,
            history: Vec::new(),
        };
        unfolding.meet(Step { group: 0, beside: Vec::new(), weight: 1.0, without, with });
        unfolding.history.push((0.0, unfolding.values()));
        Ok(unfolding)
    }

    /// Coalitions to evaluate next, none of them seen before; none at the end.
    pub fn ask(&mut self) -> Coalitions {
        self.taking = if self.is_settled() { Vec::new() } else { self.choose() };
        let mut coalitions = Coalitions::new(self.hierarchy.n_players());
        for Step { group, beside, .. } in &self.taking {
            let children = self.hierarchy.children(*group);
            for subset in 1..(1u64 << children.len()) - 1 {
                let inside = chosen(children, subset);
                let nodes = beside.iter().chain(&inside);
                coalitions.push(nodes.flat_map(|&node| self.hierarchy.players(node)).copied());
            }
        }
        coalitions
    }

    /// The worth of the coalitions last asked for, `[coalition · output]`.
    pub fn tell(&mut self, worth: &[f64]) {
        let mut worth = worth.chunks_exact(self.outputs).map(<[f64]>::to_vec);
        for step in std::mem::take(&mut self.taking) {
            let children = self.hierarchy.children(step.group);
            let m = children.len();
            self.nodes[step.group].opened = true;
            let between = (1usize << m) - 2;
            self.spent += between as f64;
            let inner: Vec<Vec<f64>> = worth.by_ref().take(between).collect();
            let of = |subset: u64| match subset {
                0 => &step.without,
                _ => inner.get(subset as usize - 1).unwrap_or(&step.with),
            };
            for (child, &group) in children.iter().enumerate() {
                for subset in (0..1u64 << m).filter(|subset| subset >> child & 1 == 0) {
                    let siblings = chosen(children, subset);
                    let weight = step.weight * share(m, siblings.len());
                    let (without, with) = (of(subset).clone(), of(subset | 1 << child).clone());
                    self.meet(Step { group, beside: [&*step.beside, &siblings].concat(), weight, without, with });
                }
            }
        }
        self.history.push((self.spent, self.values()));
    }

    /// Whether all steps were taken: the values are exact Owen values.
    pub fn is_exact(&self) -> bool {
        self.steps.is_empty()
    }

    /// Players and groups that were not opened, by their first player.
    pub fn finish(self) -> Vec<Part> {
        let errors = self.errors();
        let values = self.values();
        let part = |node: usize| {
            let mut players = self.hierarchy.players(node).to_vec();
            players.sort_unstable();
            Part { players, values: values[node].clone(), errors: errors.clone() }
        };
        let mut parts: Vec<Part> = self.parts().into_iter().map(part).collect();
        parts.sort_unstable_by_key(|part| part.players[0]);
        parts
    }

    /// A node in a context: to be opened if it is a group.
    fn meet(&mut self, step: Step) {
        let node = &mut self.nodes[step.group];
        let is_group = self.hierarchy.is_group(step.group);
        for k in 0..self.outputs {
            let part = step.weight * (step.with[k] - step.without[k]);
            node.moved[k] += part.abs();
            self.heaviest[k] = self.heaviest[k].max(part.abs());
            if !is_group {
                node.settled[k] += part;
            }
        }
        if is_group {
            self.steps.push(step);
        }
    }

    /// Takes the heaviest steps that the budget has left for from those not taken.
    fn choose(&mut self) -> Vec<Step> {
        // Of the heaviest ever; of an output that never moved, nothing.
        let size = |step: &Step, k: usize| match self.heaviest[k] {
            0.0 => 0.0,
            most => step.weight * (step.with[k] - step.without[k]).abs() / most,
        };
        let size = |step: &Step| (0..self.outputs).map(|k| size(step, k)).fold(0.0, f64::max);
        let mut steps: Vec<(f64, Step)> = self.steps.drain(..).map(|step| (size(&step), step)).collect();
        steps.sort_by(|a, b| b.0.total_cmp(&a.0));
        let least = TOGETHER * steps.first().map_or(0.0, |(size, _)| *size);
        let (mut left, mut taken) = (self.budget - self.spent, Vec::new());
        for (size, step) in steps {
            let cost = self.hierarchy.step(step.group);
            if size >= least && cost <= left {
                left -= cost;
                taken.push(step);
            } else {
                self.steps.push(step);
            }
        }
        taken
    }

    /// Whether the errors are within the tolerance.
    fn is_settled(&self) -> bool {
        let Some(tolerance) = self.tolerance.filter(|_| self.spent >= 2.0 * self.hierarchy.n_players() as f64) else {
            return false;
        };
        let (errors, values, parts) = (self.errors(), self.values(), self.parts());
        let spread = |k: usize| {
            let of =
                |most: fn(f64, f64) -> f64, start: f64| parts.iter().map(|&node| values[node][k]).fold(start, most);
            of(f64::max, f64::MIN) - of(f64::min, f64::MAX)
        };
        (0..self.outputs).all(|k| errors[k] <= tolerance * spread(k))
    }

    /// See [`Part::errors`].
    fn errors(&self) -> Vec<f64> {
        if self.is_exact() {
            return vec![0.0; self.outputs];
        }
        let (now, parts) = (self.values(), self.parts());
        let before = self.history.iter().rev().find(|(spent, _)| 2.0 * spent <= self.spent);
        let before = before.map_or(&now, |(_, values)| values);
        let mean = |k: usize| {
            let changes = parts.iter().map(|&node| now[node][k] - before[node][k]);
            (changes.map(|change| change * change).sum::<f64>() / parts.len() as f64).sqrt()
        };
        (0..self.outputs).map(mean).collect()
    }

    /// Players and groups that are not opened, but those around them are.
    fn parts(&self) -> Vec<usize> {
        let mut parts = Vec::new();
        let mut stack = vec![0];
        while let Some(node) = stack.pop() {
            match self.nodes[node].opened {
                true => stack.extend(self.hierarchy.children(node)),
                false => parts.push(node),
            }
        }
        parts
    }

    /// What each node is worth as things stand, `[node][output]`; of an opened group, what steps not taken leave with it.
    fn values(&self) -> Vec<Vec<f64>> {
        let mut values: Vec<Vec<f64>> = self.nodes.iter().map(|node| node.settled.clone()).collect();
        for Step { group, weight, with, without, .. } in &self.steps {
            (0..self.outputs).for_each(|k| values[*group][k] += weight * (with[k] - without[k]));
        }
        // Groups come before their children.
        for group in self.hierarchy.groups() {
            let children = self.hierarchy.children(group);
            for k in 0..self.outputs {
                let all: f64 = children.iter().map(|&child| self.nodes[child].moved[k]).sum();
                for &child in children {
                    let moved = self.nodes[child].moved[k];
                    let share = if all > 0.0 { moved / all } else { 1.0 / children.len() as f64 };
                    values[child][k] += share * values[group][k];
                }
            }
        }
        values
    }
}
