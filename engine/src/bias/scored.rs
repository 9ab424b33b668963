//! Scores of each class of a facet and each outcome, kept for calibration and the threshold curve.

use super::calibration::{Calibration, Shares, calibration};
use super::curve::{Curve, Scored, curve};
use super::deep::Asked;
use super::interval::normal;
use super::metric::Metric;
use super::request::{BiasRequest, Bins, Mode};
use super::resolve::Side;
use super::signature::Signature;
use super::view::View;
use crate::{Error, Result};

/// Combinations of facet value and outcome at most: each keeps up to 40 kB.
const CELLS: usize = 1 << 13;

/// What is kept of some rows.
#[derive(Debug, Clone)]
struct Kept {
    shares: Option<Shares>,
    scored: Scored,
}

/// Scores of a whole table.
#[derive(Debug)]
pub struct Scores {
    bins: Option<Bins>,
    points: Option<usize>,
    /// The threshold in use.
    used: f64,
    /// Different outcomes, by first appearance.
    outcomes: Vec<Signature>,
    /// For each subject `[class][outcome]`.
    kept: Vec<Vec<Vec<Option<Kept>>>>,
    cells: usize,
    /// Lowest and highest score.
    range: (f64, f64),
}

impl Scores {
    pub fn new(request: &BiasRequest, used: f64, subjects: usize) -> Scores {
        let range = (f64::INFINITY, f64::NEG_INFINITY);
        let (bins, points) = (request.calibration, request.curve);
        Scores { bins, points, used, outcomes: Vec::new(), kept: vec![Vec::new(); subjects], cells: 0, range }
    }

    /// Adds rows: the class of each in each subject, what its label is, and its score.
    pub fn add(&mut self, subjects: &[&[u32]], outcomes: &[Signature], scores: &[Option<f64>]) -> Result<()> {
        for score in scores.iter().flatten() {
            self.range = (self.range.0.min(*score), self.range.1.max(*score));
        }
        let outcomes: Vec<usize> = outcomes.iter().map(|&outcome| self.outcome(outcome)).collect();
        for (subject, classes) in subjects.iter().enumerate() {
            for ((&class, &outcome), &score) in classes.iter().zip(&outcomes).zip(scores) {
                self.cell(subject, class as usize, outcome).add(score);
            }
            if self.cells > CELLS {
                return Err(Error::input(format!(
                    "more than {CELLS} combinations of facet value and outcome to keep scores of"
                ))
                .hint("name the facet values that make a group"));
            }
        }
        Ok(())
    }

    fn outcome(&mut self, outcome: Signature) -> usize {
        self.outcomes.iter().position(|&o| o == outcome).unwrap_or_else(|| {
            self.outcomes.push(outcome);
            self.outcomes.len() - 1
        })
    }

    fn cell(&mut self, subject: usize, class: usize, outcome: usize) -> &mut Kept {
        let classes = &mut self.kept[subject];
        if classes.len() <= class {
            classes.resize(class + 1, Vec::new());
        }
        if classes[class].len() <= outcome {
            classes[class].resize(outcome + 1, None);
        }
        let (cells, bins) = (&mut self.cells, self.bins);
        classes[class][outcome].get_or_insert_with(|| {
            *cells += 1;
            Kept { shares: bins.map(Shares::new), scored: Scored::default() }
        })
    }

    /// A remark on a threshold in use that no score is above, or every score.
    pub fn outside(&self) -> Option<String> {
        let threshold = self.used;
        let (low, high) = self.range;
        match (low <= high, threshold >= high, threshold < low) {
            (true, true, _) => Some(format!("no score is above {threshold}: scores reach from {low} to {high}")),
            (true, _, true) => Some(format!("every score is above {threshold}: scores reach from {low} to {high}")),
            _ => None,
        }
    }

    /// The calibration of a group.
    pub fn calibration(&self, view: &View, subject: usize, facet: &[Side], level: f64) -> Option<Asked<Calibration>> {
        let how = self.bins?;
        let (low, high) = self.range;
        if low < 0.0 || high > 1.0 {
            let error = format!(
                "scores reach from {low} to {high}; calibration compares them with shares, which lie between 0 and 1"
            );
            return Some(Asked::Refused { error });
        }
        let mut shares = [0, 1].map(|_| [0, 1].map(|_| Shares::new(how)));
        for (group, label, kept) in self.placed(view, subject, facet) {
            if let (Some(group), Some(found)) = (group, &kept.shares) {
                shares[group][label].join(found);
            }
        }
        Some(Asked::Found(calibration(&shares, how, level, normal(level))))
    }

    /// The threshold curve of a group.
    pub fn curve(
        &self,
        view: &View,
        subject: usize,
        facet: &[Side],
        wanted: &[&'static Metric],
    ) -> Option<Asked<Curve>> {
        let points = self.points?;
        let refused = |error: String| Some(Asked::Refused { error });
        if self.range.0.is_infinite() || self.range.1.is_infinite() {
            return refused(match self.range.0 > self.range.1 {
                true => "no row has a score".into(),
                false => "a score is infinite, so there is no range of thresholds".into(),
            });
        }
        let mut scores: [[Scored; 2]; 2] = Default::default();
        let mut others: [Scored; 2] = Default::default();
        for (group, label, kept) in self.placed(view, subject, facet) {
            let mut scored = kept.scored.clone();
            if view.mode == Mode::Correct {
                scored.unscored = 0;
            }
            match group {
                Some(group) => scores[group][label].join(&scored),
                None => others[label].join(&scored),
            }
        }
        match curve(&scores, &others, (self.range, self.used), points, view.mode, wanted) {
            Some(found) => Some(Asked::Found(found)),
            None => refused("no row has both a score and a label".into()),
        }
    }

    /// Group (a 0, d 1, none) and label of what was kept, of rows whose label is known.
    fn placed<'a>(
        &'a self,
        view: &'a View,
        subject: usize,
        facet: &'a [Side],
    ) -> impl Iterator<Item = (Option<usize>, usize, &'a Kept)> {
        let label = |outcome: usize| place(view.label.groups[0].side(0, self.outcomes[outcome]));
        self.kept[subject].iter().zip(facet).flat_map(move |(outcomes, &side)| {
            let of = outcomes.iter().enumerate().filter_map(|(outcome, kept)| Some((outcome, kept.as_ref()?)));
            of.filter_map(move |(outcome, kept)| Some((place(side), label(outcome)?, kept)))
        })
    }
}

impl Kept {
    fn add(&mut self, score: Option<f64>) {
        match score {
            Some(score) => {
                if score.is_finite() {
                    self.scored.ladder.add(score);
                }
                if let Some(shares) = &mut self.shares {
                    shares.add(score);
                }
            }
            None => self.scored.unscored += 1,
        }
    }
}

/// 0 for out, 1 for in.
pub fn place(side: Side) -> Option<usize> {
    match side {
        Side::Out => Some(0),
        Side::In => Some(1),
        Side::Unknown => None,
    }
}
