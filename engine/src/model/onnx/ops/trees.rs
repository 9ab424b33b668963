//! Tree ensembles of `ai.onnx.ml`, walked row by row on the host, and `TreeEnsemble`, their form of version 5.
//!
//! Thresholds and inputs are f32: a number within one f32 step of a threshold that was stored in f64 may take the other branch.

use super::ml::{PostTransform, transformed_rows};
use super::{Cost, Maker, Prepared};
use crate::model::onnx::array::Array;
use crate::model::onnx::node::Node;
use crate::model::onnx::value::{Host, Numbers, Value};
use crate::{Error, Result};
use burn::tensor::Tensor;
use rayon::prelude::*;

pub const TABLE: &[(&str, Maker)] = &[("ai.onnx.ml:TreeEnsemble", tree_ensemble)];

/// When a row takes the first branch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Test {
    AtMost,
    Below,
    AtLeast,
    Above,
    Equal,
    Unequal,
    /// One of a set of numbers, by its place in the list of sets.
    Member(usize),
}

/// Where a walk goes on.
#[derive(Clone, Copy, Debug)]
pub enum Next {
    Branch(usize),
    /// A range of the ensemble's leaf weights.
    Leaf(usize, usize),
}

pub struct Branch {
    pub feature: usize,
    pub test: Test,
    pub threshold: f32,
    pub missing_goes_first: bool,
    pub first: Next,
    pub second: Next,
}

/// How an output's leaves become one number.
#[derive(Clone, Copy, PartialEq)]
pub enum Together {
    Mean,
    Sum,
    Min,
    Max,
}

pub struct Ensemble {
    pub branches: Vec<Branch>,
    pub roots: Vec<Next>,
    /// Output and number.
    pub weights: Vec<(usize, f32)>,
    pub sets: Vec<Vec<f32>>,
    /// `[outputs]`: where each starts from.
    pub base: Vec<f64>,
    pub together: Together,
}

impl Ensemble {
    /// The weights that a row meets in a tree.
    fn leaf(&self, root: Next, row: &[f32]) -> &[(usize, f32)] {
        let mut at = root;
        loop {
            match at {
                Next::Leaf(start, end) => return &self.weights[start..end],
                Next::Branch(i) => {
                    let b = &self.branches[i];
                    let x = row[b.feature];
                    let holds = match b.test {
                        _ if x.is_nan() && b.missing_goes_first => true,
                        Test::AtMost => x <= b.threshold,
                        Test::Below => x < b.threshold,
                        Test::AtLeast => x >= b.threshold,
                        Test::Above => x > b.threshold,
                        Test::Equal => x == b.threshold,
                        Test::Unequal => x != b.threshold,
                        Test::Member(set) => self.sets[set].contains(&x),
                    };
                    at = if holds { b.first } else { b.second };
                }
            }
        }
    }

    /// One number for each output, in f64.
    fn scores(&self, row: &[f32]) -> Vec<f32> {
        let mut scores: Vec<Option<f64>> = vec![None; self.base.len()];
        for &root in &self.roots {
            for &(output, weight) in self.leaf(root, row) {
                let (score, weight) = (&mut scores[output], f64::from(weight));
                *score = Some(match (*score, self.together) {
                    (None, _) => weight,
                    (Some(s), Together::Mean | Together::Sum) => s + weight,
                    (Some(s), Together::Min) => s.min(weight),
                    (Some(s), Together::Max) => s.max(weight),
                });
            }
        }
        let n = if self.together == Together::Mean { self.roots.len().max(1) as f64 } else { 1.0 };
        scores.iter().zip(&self.base).map(|(score, base)| (score.unwrap_or(0.0) / n + base) as f32).collect()
    }

    /// A check of all places, so that walks need none; branches must lead forward from a root without a circle.
    fn checked(self) -> Result<Self> {
        let mut seen = vec![false; self.branches.len()];
        let mut left: Vec<Next> = self.roots.clone();
        while let Some(next) = left.pop() {
            match next {
                Next::Leaf(start, end) if start <= end && end <= self.weights.len() => {}
                Next::Branch(i) if i < seen.len() && !seen[i] => {
                    seen[i] = true;
                    left.extend([self.branches[i].first, self.branches[i].second]);
                }
                _ => return Err(Error::input("the branches of a tree do not fit together")),
            }
        }
        match self.weights.iter().all(|&(output, _)| output < self.base.len()) {
            true => Ok(self),
            false => Err(Error::input("a leaf is for an output that is not there")),
        }
    }
}

/// `TreeEnsemble` of version 5: branches and leaves in lists of their own.
fn tree_ensemble(n: &Node) -> Result<Prepared> {
    let list = |name: &str| n.ints(name).ok_or_else(|| Error::input(format!("the attribute {name:?} is missing")));
    let tensor = |name: &str| -> Result<Option<Vec<f32>>> { Ok(n.tensor(name)?.map(|h| h.numbers.floats())) };
    let splits = tensor("nodes_splits")?.unwrap_or_default();
    let modes = tensor("nodes_modes")?.unwrap_or_default();
    let (features, first, second) =
        (list("nodes_featureids")?, list("nodes_truenodeids")?, list("nodes_falsenodeids")?);
    let (first_leaf, second_leaf) = (list("nodes_trueleafs")?, list("nodes_falseleafs")?);
    let missing = n.ints("nodes_missing_value_tracks_true").unwrap_or_default();
    let (targets, weights) = (list("leaf_targetids")?, tensor("leaf_weights")?.unwrap_or_default());
    let count = features.len();
    if [splits.len(), modes.len(), first.len(), second.len(), first_leaf.len(), second_leaf.len()] != [count; 6] {
        return Err(Error::input("the lists of its branches differ in length"));
    }
    let members = tensor("membership_values")?.unwrap_or_default();
    let sets: Vec<Vec<f32>> = members.split(|v| v.is_nan()).map(<[f32]>::to_vec).collect();
    let next = |leaf: i64, i: i64| match (leaf, usize::try_from(i)) {
        (_, Err(_)) => Err(Error::input("a branch leads to a negative place")),
        (0, Ok(i)) => Ok(Next::Branch(i)),
        (_, Ok(i)) => Ok(Next::Leaf(i, i + 1)),
    };
    let mut n_sets = 0;
    let mut branch = |i: usize| -> Result<Branch> {
        let test = match modes[i] as u8 {
            0 => Test::AtMost,
            1 => Test::Below,
            2 => Test::AtLeast,
            3 => Test::Above,
            4 => Test::Equal,
            5 => Test::Unequal,
            6 if n_sets < sets.len() => {
                n_sets += 1;
                Test::Member(n_sets - 1)
            }
            other => return Err(Error::input(format!("the mode {other} of a branch is not known"))),
        };
        Ok(Branch {
            feature: usize::try_from(features[i]).map_err(|_| Error::input("a feature is negative"))?,
            test,
            threshold: splits[i],
            missing_goes_first: missing.get(i) == Some(&1),
            first: next(first_leaf[i], first[i])?,
            second: next(second_leaf[i], second[i])?,
        })
    };
    let branches = (0..count).map(&mut branch).collect::<Result<Vec<_>>>()?;
    let output = |t: &i64| usize::try_from(*t).unwrap_or(usize::MAX);
    let ensemble = Ensemble {
        branches,
        roots: list("tree_roots")?.into_iter().map(|i| root(i, &first, &second, &first_leaf, &second_leaf)).collect(),
        weights: targets.iter().map(output).zip(weights).collect(),
        sets,
        base: vec![0.0; n.int("n_targets").unwrap_or(1).max(1) as usize],
        together: match n.int("aggregate_function").unwrap_or(1) {
            0 => Together::Mean,
            2 => Together::Min,
            3 => Together::Max,
            _ => Together::Sum,
        },
    };
    let post = [PostTransform::None, PostTransform::Softmax, PostTransform::Logistic, PostTransform::SoftmaxZero];
    let post = usize::try_from(n.int("post_transform").unwrap_or(0)).ok().and_then(|i| post.get(i).copied());
    let post = post.ok_or_else(|| n.refuse("PROBIT"))?;
    prepared(ensemble, 0, move |scores| Ok(transformed_rows(scores, post)))
}

/// A tree of one leaf is a branch both of whose ways lead there.
fn root(i: i64, first: &[i64], second: &[i64], first_leaf: &[i64], second_leaf: &[i64]) -> Next {
    let at = usize::try_from(i).unwrap_or(usize::MAX);
    let single = at < first.len() && first_leaf[at] != 0 && second_leaf[at] != 0 && first[at] == second[at];
    match usize::try_from(first.get(at).copied().unwrap_or(-1)) {
        Ok(leaf) if single => Next::Leaf(leaf, leaf + 1),
        _ => Next::Branch(at),
    }
}

/// The scores of an ensemble and what follows them, as the output at `position`.
pub fn prepared(
    ensemble: Ensemble,
    position: usize,
    then: impl Fn(Tensor<2>) -> Result<Tensor<2>> + Send + Sync + 'static,
) -> Result<Prepared> {
    let ensemble = ensemble.checked()?;
    let n_trees = ensemble.roots.len();
    let least = ensemble.branches.iter().map(|b| b.feature + 1).max().unwrap_or(0);
    let step = Prepared::new(move |args| {
        let host = args.host(0)?;
        let Numbers::Float(values) = &host.numbers else { return Err(Error::input("the rows are no floats")) };
        let [rows, columns] = host.dims[..] else { return Err(Error::input("the rows are no matrix")) };
        if columns < least {
            return Err(Error::input(format!("rows of {columns} numbers; the trees look at {least}")));
        }
        let scores = values.par_chunks(columns.max(1)).flat_map_iter(|row| ensemble.scores(row)).collect();
        let scores = Host::floats(scores, &[rows, ensemble.base.len()]).upload(args.device)?.into_float()?.matrix()?;
        Ok(Value::Float(Array::R2(then(scores)?)))
    });
    Ok(Prepared { outputs: vec![position], ..step.cost(Cost::PerOutput(8 * n_trees)) })
}
