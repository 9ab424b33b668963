//! Gradient boosting for squared loss (Friedman 2001), cross-fitted: as many ensembles as folds, each of the rows of the other folds.

use super::trees::{Rows, Tree};
use rayon::prelude::*;

/// Trees of an ensemble at most.
const MOST_TREES: usize = 400;
/// Splits on a path: terms of so many players.
const DEPTH: usize = 5;
/// The share of a tree that is added.
const RATE: f64 = 0.1;
/// Trees without a smaller error on held-out rows that end the fit.
const PATIENCE: usize = 20;

/// One ensemble for each fold.
pub struct Ensembles {
    /// `[folds][trees]`; fold k's have not seen its pairs.
    pub trees: Vec<Vec<Tree>>,
    /// `[rows]`: what the ensemble of a row's fold makes of it.
    pub held_out: Vec<f64>,
}

/// An ensemble on its way.
struct Growing {
    rows: Vec<u32>,
    trees: Vec<Tree>,
    /// `[rows of the table]`: what is left of the values.
    left: Vec<f64>,
}

/// Fits the `values` of all rows of a table. `fold_of` `[pairs]` says which fold holds both coalitions of a pair. The ensembles grow together,
/// and are as long as their error on held-out rows, summed over folds, is least.
pub fn fit(table: &Rows, values: &[f64], fold_of: &[usize], folds: usize) -> Ensembles {
    let fold = |row: usize| fold_of[row % table.pairs];
    let start = |k: usize| {
        let rows: Vec<u32> = (0..table.len()).filter(|&row| fold(row) != k).map(|row| row as u32).collect();
        let mean = rows.iter().map(|&row| values[row as usize]).sum::<f64>() / rows.len() as f64;
        Growing { rows, trees: Vec::new(), left: values.iter().map(|value| value - mean).collect() }
    };
    let mut growing: Vec<Growing> = (0..folds).map(start).collect();
    let held_out = |growing: &[Growing]| (0..table.len()).map(|row| growing[fold(row)].left[row]).collect::<Vec<_>>();
    let mut best = (0, held_out(&growing));
    let loss = |left: &[f64]| left.iter().map(|x| x * x).sum::<f64>();
    let mut least = loss(&best.1);
    for trees in 1..=MOST_TREES {
        growing.par_iter_mut().for_each(|ensemble| ensemble.add(table));
        let left = held_out(&growing);
        if loss(&left) < least {
            least = loss(&left);
            best = (trees, left);
        } else if trees >= best.0 + PATIENCE {
            break;
        }
    }
    let trees = growing.into_iter().map(|mut ensemble| {
        ensemble.trees.truncate(best.0);
        ensemble.trees
    });
    Ensembles {
        trees: trees.collect(),
        held_out: values.iter().zip(&best.1).map(|(value, left)| value - left).collect(),
    }
}

impl Growing {
    fn add(&mut self, table: &Rows) {
        let tree = Tree::grow(table, &mut self.rows, &self.left, DEPTH, RATE);
        self.left.iter_mut().enumerate().for_each(|(row, left)| *left -= tree.value(table, row));
        self.trees.push(tree);
    }
}
