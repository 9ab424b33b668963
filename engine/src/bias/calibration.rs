//! Calibration within groups: among rows of a score near 0.7, do 7 of 10 have the positive label, in each group?

use super::interval::{welch, wilson};
use super::request::Bins;
use serde::Serialize;

/// Bins from which those of equal mass are joined.
const FINE: usize = 1000;

/// Scores of rows that fell into one bin.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Mass {
    pub rows: u64,
    /// Sum of the scores, and of their squares.
    pub sum: f64,
    pub squares: f64,
}

impl Mass {
    fn add(&mut self, other: &Mass) {
        self.rows += other.rows;
        self.sum += other.sum;
        self.squares += other.squares;
    }
}

/// Scores in [0, 1] in bins of one width: bin i of n holds (i/n, (i + 1)/n], the first 0 too.
#[derive(Debug, Clone, PartialEq)]
pub struct Shares(Vec<Mass>);

impl Shares {
    pub fn new(how: Bins) -> Shares {
        Shares(vec![Mass::default(); if how.equal_mass { FINE } else { how.count }])
    }

    /// Counts a score; one outside [0, 1] is not counted.
    pub fn add(&mut self, score: f64) {
        if !(0.0..=1.0).contains(&score) {
            return;
        }
        let n = self.0.len();
        let edge = |k: usize| k as f64 / n as f64;
        let mut bin = ((score * n as f64) as usize).min(n - 1);
        // The product is off by a rounding.
        while bin > 0 && score <= edge(bin) {
            bin -= 1;
        }
        while score > edge(bin + 1) {
            bin += 1;
        }
        self.0[bin].add(&Mass { rows: 1, sum: score, squares: score * score });
    }

    pub fn join(&mut self, other: &Shares) {
        self.0.iter_mut().zip(&other.0).for_each(|(sum, mass)| sum.add(mass));
    }
}

/// How the scores of the groups fit their labels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    pub equal_mass: bool,
    /// Share of the intervals.
    pub level: f64,
    pub d: Reliability,
    pub a: Reliability,
    /// Both groups together.
    pub all: Reliability,
    /// Expected calibration error of d minus that of a: above 0 the scores of d are worth less. None where a group is empty.
    pub ece_gap: Option<f64>,
    /// Largest error of d minus that of a.
    pub mce_gap: Option<f64>,
    /// What scores say too much about d, beyond what they say too much about a: the difference d − a of mean score minus observed share.
    pub excess_gap: Option<f64>,
    /// Welch's interval of it.
    pub excess_interval: Option<(f64, f64)>,
}

/// A reliability table and its summary.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reliability {
    /// Rows with a label and a score.
    pub rows: u64,
    pub mean_score: Option<f64>,
    /// Share of positive labels.
    pub observed: Option<f64>,
    /// Expected calibration error: Σ (rows of a bin/rows) |mean score − observed share| (Naeini et al. 2015).
    pub ece: Option<f64>,
    /// The ECE that so few rows show on average, by chance alone, where the scores are perfectly calibrated (to first order).
    pub ece_by_chance: Option<f64>,
    /// Maximum calibration error: the largest |mean score − observed share| of a bin that has rows.
    pub mce: Option<f64>,
    pub bins: Vec<ReliabilityBin>,
}

/// Scores in (from, to]; the first bin holds `from` too.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReliabilityBin {
    pub from: f64,
    pub to: f64,
    pub rows: u64,
    pub mean_score: Option<f64>,
    pub observed: Option<f64>,
    /// Wilson's interval of the observed share.
    pub interval: Option<(f64, f64)>,
}

/// From the scores of rows `[group][label]`, groups a and d. `z` is the normal quantile of `level`.
pub fn calibration(scores: &[[Shares; 2]; 2], how: Bins, level: f64, z: f64) -> Calibration {
    let together = |labels: [&Shares; 2]| {
        let mut all = labels[0].clone();
        all.join(labels[1]);
        all
    };
    let [a, d] = scores;
    let everyone = [0, 1].map(|label| together([&a[label], &d[label]]));
    let edges = match how.equal_mass {
        true => equal_mass(&together([&everyone[0], &everyone[1]]), how.count),
        false => (0..=how.count).collect(),
    };
    let [all, a, d] = [&everyone, a, d].map(|labels| (reliability(labels, &edges, z), residual(labels)));
    let gap = |of: fn(&Reliability) -> Option<f64>| Some(of(&d.0)? - of(&a.0)?);
    Calibration {
        equal_mass: how.equal_mass,
        level,
        ece_gap: gap(|r| r.ece),
        mce_gap: gap(|r| r.mce),
        excess_gap: gap(|r| Some(r.mean_score? - r.observed?)),
        excess_interval: welch(d.1, a.1, level),
        d: d.0,
        a: a.0,
        all: all.0,
    }
}

/// Edges, as places among the fine bins, at the first of which at least 1/n, 2/n … of all rows are passed; ties make fewer bins.
fn equal_mass(all: &Shares, n: usize) -> Vec<usize> {
    let rows: u64 = all.0.iter().map(|mass| mass.rows).sum();
    let mut passed = 0;
    let cumulative: Vec<u64> = all
        .0
        .iter()
        .map(|mass| {
            passed += mass.rows;
            passed
        })
        .collect();
    let cut = |i: usize| cumulative.partition_point(|&sum| sum * (n as u64) < rows * i as u64) + 1;
    let mut edges: Vec<usize> = std::iter::once(0).chain((1..n).map(cut)).chain([all.0.len()]).collect();
    edges.iter_mut().for_each(|edge| *edge = (*edge).min(all.0.len()));
    edges.dedup();
    edges
}

fn reliability([negative, positive]: &[Shares; 2], edges: &[usize], z: f64) -> Reliability {
    let width = negative.0.len() as f64;
    let joined = |shares: &Shares, from: usize, to: usize| {
        shares.0[from..to].iter().fold(Mass::default(), |mut sum, mass| {
            sum.add(mass);
            sum
        })
    };
    let (mut ece, mut chance, mut mce, mut rows, mut sum, mut seen) = (0.0, 0.0, 0.0f64, 0, 0.0, 0);
    let mut bins = Vec::new();
    for ends in edges.windows(2) {
        let (no, yes) = (joined(negative, ends[0], ends[1]), joined(positive, ends[0], ends[1]));
        let all = Mass { rows: no.rows + yes.rows, sum: no.sum + yes.sum, squares: no.squares + yes.squares };
        let n = all.rows as f64;
        let share = |x: f64| (all.rows > 0).then(|| x / n);
        let apart = (all.sum - yes.rows as f64).abs();
        ece += apart;
        // Of calibrated scores the positives vary by Σ s(1 − s); the mean size of a normal error is √(2/π) of its standard deviation.
        chance += (2.0 / std::f64::consts::PI * (all.sum - all.squares).max(0.0)).sqrt();
        mce = mce.max(share(apart).unwrap_or(0.0));
        (rows, sum, seen) = (rows + all.rows, sum + all.sum, seen + yes.rows);
        bins.push(ReliabilityBin {
            from: ends[0] as f64 / width,
            to: ends[1] as f64 / width,
            rows: all.rows,
            mean_score: share(all.sum),
            observed: share(yes.rows as f64),
            interval: wilson(yes.rows as f64, n, z),
        });
    }
    let of_rows = |x: f64| (rows > 0).then(|| x / rows as f64);
    Reliability {
        rows,
        mean_score: of_rows(sum),
        observed: of_rows(seen as f64),
        ece: of_rows(ece),
        ece_by_chance: of_rows(chance),
        mce: (rows > 0).then_some(mce),
        bins,
    }
}

/// Mean of score − label, the variance of that mean, and the rows.
fn residual([negative, positive]: &[Shares; 2]) -> [f64; 3] {
    let total = |shares: &Shares| {
        shares.0.iter().fold(Mass::default(), |mut sum, mass| {
            sum.add(mass);
            sum
        })
    };
    let (no, yes) = (total(negative), total(positive));
    let (n, y) = ((no.rows + yes.rows) as f64, yes.rows as f64);
    let mean = (no.sum + yes.sum - y) / n;
    let squares = no.squares + yes.squares - 2.0 * yes.sum + y;
    let variance = ((squares - n * mean * mean) / (n - 1.0)).max(0.0);
    [mean, variance / n, n]
}
