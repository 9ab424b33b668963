//! Several thresholds of a label that is a number: the metrics with each, from one pass.

use super::cell::python_float;
use super::choices::choice;
use super::classes::Choice;
use super::deep::add_joint;
use super::joint::{Codes, Joint};
use super::metric::Metric;
use super::request::{BiasRequest, Mode, Predicted};
use super::resolve::Side;
use super::view::View;
use crate::Result;

/// Code of a missing cell; others are 1 + how many thresholds a number is above.
const MISSING: u32 = 0;

/// Rows by the thresholds that their label and prediction are above.
#[derive(Debug)]
pub struct Thresholds {
    /// Ascending, of the label.
    thresholds: Vec<f64>,
    /// Of the prediction: the same, or its own one.
    own: Option<f64>,
    joints: Vec<Joint>,
    /// Lowest and highest label.
    range: (f64, f64),
}

impl Thresholds {
    pub fn new(request: &BiasRequest, subjects: usize) -> Thresholds {
        let first = request.label.values.first().and_then(super::Value::number);
        let mut thresholds: Vec<f64> = first.into_iter().chain(request.label_thresholds.iter().copied()).collect();
        thresholds.sort_by(f64::total_cmp);
        thresholds.dedup();
        // A score that is positive above the label's own threshold is on the label's scale, and moves with it.
        let own = match request.predicted {
            Some(Predicted::Score { threshold, .. }) if Some(threshold) != first => Some(threshold),
            _ => None,
        };
        let range = (f64::INFINITY, f64::NEG_INFINITY);
        Thresholds { thresholds, own, joints: vec![Joint::default(); subjects], range }
    }

    pub fn add(
        &mut self,
        subjects: &[&[u32]],
        strata: &[u32],
        labels: &[Option<f64>],
        predicted: &[Option<f64>],
    ) -> Result<()> {
        for label in labels.iter().flatten() {
            self.range = (self.range.0.min(*label), self.range.1.max(*label));
        }
        let own = self.own.as_ref().map(std::slice::from_ref).unwrap_or(&self.thresholds);
        let code = |thresholds: &[f64], x: Option<f64>| {
            x.map_or(MISSING, |x| 1 + thresholds.partition_point(|&threshold| threshold < x) as u32)
        };
        let labels: Vec<u32> = labels.iter().map(|&x| code(&self.thresholds, x)).collect();
        let predicted: Vec<u32> = predicted.iter().map(|&x| code(own, x)).collect();
        add_joint(&mut self.joints, subjects, &Codes { strata, labels: &labels, predicted: &predicted })
    }

    pub fn of(
        &self,
        subject: usize,
        facet: &[Side],
        view: &View,
        request: &BiasRequest,
        wanted: &[&'static Metric],
    ) -> Vec<Choice> {
        let codes = self.thresholds.len() as u32 + 2;
        let above = |place: usize| -> Vec<Side> {
            (0..codes)
                .map(|code| match code {
                    MISSING if view.mode == Mode::Correct => Side::Unknown,
                    code if code as usize > place + 1 => Side::In,
                    _ => Side::Out,
                })
                .collect()
        };
        let one = |(place, threshold): (usize, &f64)| {
            let predicted = if self.own.is_some() { above(0) } else { above(place) };
            let cells = self.joints[subject].cells(view, facet, &above(place), &predicted);
            choice(python_float(*threshold), &cells, view, request, wanted)
        };
        self.thresholds.iter().enumerate().map(one).collect()
    }

    /// Thresholds that no label is above, or every label.
    pub fn notes(&self) -> Vec<String> {
        let (low, high) = self.range;
        let note = |&t: &f64| match (t >= high, t < low) {
            (true, _) => Some(format!("no label is above {t}: labels reach from {low} to {high}")),
            (_, true) => Some(format!("every label is above {t}: labels reach from {low} to {high}")),
            _ => None,
        };
        self.thresholds.iter().filter(|_| low <= high).filter_map(note).collect()
    }
}
