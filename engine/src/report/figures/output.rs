//! One output of a model among what was found, the unit of most figures.

use super::super::findings::Findings;
use super::text::{count, slug};
use crate::effect::Curve;
use crate::explain::{ExplainedRow, GlobalExplanation, GlobalValue};

/// What was found about output `k`.
#[derive(Clone, Copy)]
pub struct Output<'a> {
    pub findings: &'a Findings,
    pub k: usize,
    pub global: &'a GlobalExplanation,
}

impl<'a> Output<'a> {
    /// All outputs that have a global explanation.
    pub fn all(findings: &'a Findings) -> Vec<Self> {
        findings.global.iter().enumerate().map(|(k, global)| Self { findings, k, global }).collect()
    }

    pub fn name(&self) -> &'a str {
        &self.global.output
    }

    fn alone(&self) -> bool {
        self.findings.global.len() == 1
    }

    /// `bar`, or `bar-probabilities-1` among several outputs.
    pub fn id(&self, figure: &str) -> String {
        if self.alone() { figure.to_owned() } else { format!("{figure}-{}", slug(self.name())) }
    }

    /// The title, with the output's name among several outputs.
    pub fn title(&self, title: &str) -> String {
        if self.alone() { title.to_owned() } else { format!("{title}: {}", self.name()) }
    }

    /// What the attributions add up to: the output, or its log-odds.
    pub fn unit(&self) -> String {
        match self.findings.provenance.link.as_str() {
            "logit" => format!("log-odds of {}", self.name()),
            _ => self.name().to_owned(),
        }
    }

    /// What an effect is: the link is applied after the mean.
    pub fn mean(&self) -> String {
        match self.findings.provenance.link.as_str() {
            "logit" => format!("the log-odds of the mean {}", self.name()),
            _ => format!("the mean {}", self.name()),
        }
    }

    /// The raw prediction on the scale that attributions add up on.
    pub fn linked(&self, prediction: f64) -> f64 {
        match self.findings.provenance.link.as_str() {
            "logit" => crate::explain::Link::Logit.apply(prediction),
            _ => prediction,
        }
    }

    /// Players from the largest mean |φ| down.
    pub fn ranking(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.global.values.len()).collect();
        let size = |i: usize| Some(self.global.values[i].mean_abs).filter(|x| x.is_finite()).unwrap_or(-1.0);
        order.sort_by(|&a, &b| size(b).total_cmp(&size(a)));
        order
    }

    pub fn player(&self, i: usize) -> &'a GlobalValue {
        &self.global.values[i]
    }

    pub fn player_name(&self, i: usize) -> &'a str {
        &self.global.values[i].player
    }

    pub fn names(&self, players: &[usize]) -> Vec<&'a str> {
        players.iter().map(|&i| self.player_name(i)).collect()
    }

    /// The player of this name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.global.values.iter().position(|value| value.player == name)
    }

    /// Attribution and standard error of a player in a row; NaN where the row has none.
    pub fn phi(&self, row: &ExplainedRow, player: usize) -> (f32, f32) {
        let at = |of: &[Vec<f32>]| of.get(self.k).and_then(|values| values.get(player)).copied().unwrap_or(f32::NAN);
        (at(&row.values), at(&row.stderr))
    }

    /// The raw prediction of a row; NaN where it has none.
    pub fn prediction(&self, row: &ExplainedRow) -> f64 {
        row.predictions.get(self.k).map_or(f64::NAN, |&p| f64::from(p))
    }

    pub fn curves(&self) -> Vec<&'a Curve> {
        self.findings.curves.iter().filter(|curve| curve.output == self.name()).collect()
    }

    /// `1,000 of 48,842 rows`, or `all 200 rows`.
    pub fn drawn_from(&self, drawn: usize) -> String {
        let rows = self.global.rows;
        if drawn as u64 >= rows { count(rows, "row") } else { format!("{drawn} of {}", count(rows, "row")) }
    }
}

/// The number that colours a player in a row.
pub fn value_of(row: &ExplainedRow, player: usize) -> Option<f64> {
    row.features.get(player).and_then(|feature| feature.number).filter(|x| x.is_finite())
}

/// What a player is in a row, as text.
pub fn text_of(row: &ExplainedRow, player: usize) -> &str {
    row.features.get(player).map_or("", |feature| feature.text.as_str())
}
