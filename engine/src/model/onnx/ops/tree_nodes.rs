//! `TreeEnsembleClassifier` and `TreeEnsembleRegressor` of `ai.onnx.ml` 1 and 3: nodes numbered within trees. Exporters of scikit-learn,
//! LightGBM and XGBoost write them.
//!
//! Source: <https://onnx.ai/onnx/operators/index.html#ai-onnx-ml>; where it is silent (base values, two classes), onnxruntime.

use super::ml::{PostTransform, n_labels, post_transform, transformed_rows, two_classes};
use super::slice::join;
use super::trees::{Branch, Ensemble, Next, Test, Together, prepared};
use super::{Maker, Prepared};
use crate::model::onnx::array::Array;
use crate::model::onnx::node::Node;
use crate::{Error, Result};
use std::collections::BTreeMap;

pub const TABLE: &[(&str, Maker)] = &[
    ("ai.onnx.ml:TreeEnsembleClassifier", tree_ensemble_classifier),
    ("ai.onnx.ml:TreeEnsembleRegressor", tree_ensemble_regressor),
];

/// Scores of the classes (its second output). Where there are two labels and all leaves are of the first, one score s makes two: σ(−s)
/// and σ(s) if logistic, else 1 − s and s if no leaf is negative, else −s and s.
fn tree_ensemble_classifier(n: &Node) -> Result<Prepared> {
    let (trees, post, n_labels) = (Trees::read(n, "class")?, post_transform(n)?, n_labels(n));
    if n_labels != 2 || trees.outputs.iter().any(|&class| class != 0) {
        return prepared(trees.ensemble(n_labels.max(1), Together::Sum)?, 1, move |s| Ok(transformed_rows(s, post)));
    }
    let all_positive = trees.weights.iter().all(|&w| w >= 0.0);
    prepared(trees.ensemble(1, Together::Sum)?, 1, move |score| match post {
        PostTransform::Logistic => two_classes(score, post),
        _ if all_positive => two_classes(score, PostTransform::None),
        _ => join(vec![Array::R2(score.clone().neg()), Array::R2(score)], 1)?.matrix(),
    })
}

fn tree_ensemble_regressor(n: &Node) -> Result<Prepared> {
    let together = match n.text("aggregate_function").unwrap_or("SUM") {
        "SUM" => Together::Sum,
        "AVERAGE" => Together::Mean,
        "MIN" => Together::Min,
        "MAX" => Together::Max,
        other => return Err(Error::input(format!("the aggregate_function {other} is not known"))),
    };
    let (targets, post) = (n.int("n_targets").unwrap_or(1).max(1) as usize, post_transform(n)?);
    prepared(Trees::read(n, "target")?.ensemble(targets, together)?, 0, move |s| Ok(transformed_rows(s, post)))
}

/// The lists of an operator; `[nodes]`, and from `leaf_of` on `[leaf weights]`.
struct Trees {
    /// Tree and number of each node.
    ids: Vec<(i64, i64)>,
    features: Vec<i64>,
    modes: Vec<String>,
    thresholds: Vec<f32>,
    first: Vec<i64>,
    second: Vec<i64>,
    missing: Vec<i64>,
    /// Tree and number of the node that each leaf weight belongs to.
    leaf_of: Vec<(i64, i64)>,
    outputs: Vec<i64>,
    weights: Vec<f32>,
    base: Vec<f32>,
}

impl Trees {
    /// `kind` is what the operator calls an output: `class` or `target`.
    fn read(n: &Node, kind: &str) -> Result<Self> {
        let ints = |name: &str| n.ints(name).ok_or_else(|| Error::input(format!("the attribute {name:?} is missing")));
        let ids =
            |trees: &str, nodes: &str| Ok::<_, Error>(ints(trees)?.into_iter().zip(ints(nodes)?).collect::<Vec<_>>());
        let trees = Self {
            ids: ids("nodes_treeids", "nodes_nodeids")?,
            features: ints("nodes_featureids")?,
            modes: n.texts("nodes_modes"),
            thresholds: numbers(n, "nodes_values")?,
            first: ints("nodes_truenodeids")?,
            second: ints("nodes_falsenodeids")?,
            missing: n.ints("nodes_missing_value_tracks_true").unwrap_or_default(),
            leaf_of: ids(&format!("{kind}_treeids"), &format!("{kind}_nodeids"))?,
            outputs: ints(&format!("{kind}_ids"))?,
            weights: numbers(n, &format!("{kind}_weights"))?,
            base: numbers(n, "base_values")?,
        };
        let nodes = [&trees.features, &trees.first, &trees.second].map(Vec::len);
        let same = [nodes[0], nodes[1], nodes[2], trees.modes.len(), trees.thresholds.len()] == [trees.ids.len(); 5]
            && [trees.outputs.len(), trees.weights.len()] == [trees.leaf_of.len(); 2];
        if same { Ok(trees) } else { Err(Error::input("the lists of its nodes differ in length")) }
    }

    fn ensemble(&self, n_outputs: usize, together: Together) -> Result<Ensemble> {
        let mut leaves: BTreeMap<(i64, i64), Vec<(usize, f32)>> = BTreeMap::new();
        for (at, &id) in self.leaf_of.iter().enumerate() {
            let output = usize::try_from(self.outputs[at]).unwrap_or(usize::MAX);
            leaves.entry(id).or_default().push((output, self.weights[at]));
        }
        let (mut weights, mut next, mut split) = (Vec::new(), BTreeMap::new(), Vec::new());
        for (at, &id) in self.ids.iter().enumerate() {
            let place = if self.modes[at] == "LEAF" {
                let start = weights.len();
                weights.extend(leaves.remove(&id).unwrap_or_default());
                Next::Leaf(start, weights.len())
            } else {
                split.push(at);
                Next::Branch(split.len() - 1)
            };
            if next.insert(id, place).is_some() {
                return Err(Error::input(format!("node {} of tree {} is there twice", id.1, id.0)));
            }
        }
        let branches = split.iter().map(|&at| self.branch(at, &next)).collect::<Result<_>>()?;
        // The first node of a tree is its root.
        let starts = |at: &usize| *at == 0 || self.ids[*at].0 != self.ids[at - 1].0;
        let roots = (0..self.ids.len()).filter(starts).map(|at| next[&self.ids[at]]).collect();
        let base = match self.base.len() {
            0 => vec![0.0; n_outputs],
            n if n == n_outputs => self.base.iter().map(|&b| f64::from(b)).collect(),
            n => return Err(Error::input(format!("{n} base values for {n_outputs} outputs"))),
        };
        Ok(Ensemble { branches, roots, weights, sets: Vec::new(), base, together })
    }

    fn branch(&self, at: usize, next: &BTreeMap<(i64, i64), Next>) -> Result<Branch> {
        let tree = self.ids[at].0;
        let to = |node: i64| {
            let missing = || Error::input(format!("a branch of tree {tree} leads to node {node}, which is not there"));
            next.get(&(tree, node)).copied().ok_or_else(missing)
        };
        let test = match self.modes[at].as_str() {
            "BRANCH_LEQ" => Test::AtMost,
            "BRANCH_LT" => Test::Below,
            "BRANCH_GTE" => Test::AtLeast,
            "BRANCH_GT" => Test::Above,
            "BRANCH_EQ" => Test::Equal,
            "BRANCH_NEQ" => Test::Unequal,
            other => return Err(Error::input(format!("the mode {other} of a branch is not known"))),
        };
        Ok(Branch {
            feature: usize::try_from(self.features[at]).map_err(|_| Error::input("a feature is negative"))?,
            test,
            threshold: self.thresholds[at],
            missing_goes_first: self.missing.get(at) == Some(&1),
            first: to(self.first[at])?,
            second: to(self.second[at])?,
        })
    }
}

/// A list of numbers, as such or as a tensor (version 3); empty if it is not there.
fn numbers(n: &Node, name: &str) -> Result<Vec<f32>> {
    match n.floats(name).filter(|values| !values.is_empty()) {
        Some(values) => Ok(values.to_vec()),
        None => Ok(n.tensor(&format!("{name}_as_tensor"))?.map(|host| host.numbers.floats()).unwrap_or_default()),
    }
}
