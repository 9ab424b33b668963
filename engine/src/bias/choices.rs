//! The metrics with another choice of positive outcomes, and the distances over all classes.

use super::bootstrap::{Sample, intervals, poisson, resampled};
use super::cells::{Cells, Sums};
use super::classes::{Choice, Classes, DISTANCES, Distance, Distribution, analytic, between};
use super::deep::Asked;
use super::formula::metric;
use super::joint::Joint;
use super::metric::{Metric, Stage};
use super::performance::{group_counts, in_order, names};
use super::report::MetricValue;
use super::request::{BiasRequest, Mode, Predicted};
use super::resolve::Side;
use super::view::View;

/// The metrics of some cells, as the main ones are made.
pub fn choice(
    positive: String,
    cells: &Cells,
    view: &View,
    request: &BiasRequest,
    wanted: &[&'static Metric],
) -> Choice {
    let sums = view.sums(cells);
    let predicted = request.predicted.is_some() && view.post_error.is_none();
    let taken = |m: &&&'static Metric| m.name != "FT" && (predicted || m.stage == Stage::PreTraining);
    let mut metrics: Vec<MetricValue> =
        wanted.iter().filter(taken).map(|m| value(m.name, &sums, view.mode, request)).collect();
    if let Some(how) = &request.bootstrap {
        let sample = Sample { cells, strata: view.strata(), flips: None, mode: view.mode };
        let names: Vec<&'static str> = metrics.iter().map(|m| m.name).collect();
        for (value, interval) in metrics.iter_mut().zip(intervals(&sample, &names, how)) {
            value.interval = interval.filter(|_| value.value.is_some());
        }
    }
    let [a, d] = [0, 1].map(|g| group_counts(&sums, g));
    Choice { positive, d, a, metrics }
}

fn value(name: &'static str, sums: &Sums, mode: Mode, request: &BiasRequest) -> MetricValue {
    let found = metric(name, sums, mode);
    let interval =
        request.analytic.filter(|_| found.is_ok()).and_then(|level| super::interval::analytic(name, sums, mode, level));
    MetricValue {
        name,
        value: found.as_ref().ok().copied(),
        error: found.err(),
        other: None,
        interval: None,
        analytic: interval,
    }
}

/// Each class of the label in turn, and the distributions over all.
pub fn classes(
    joint: &Joint,
    facet: &[Side],
    view: &View,
    request: &BiasRequest,
    wanted: &[&'static Metric],
) -> Asked<Classes> {
    let tally = view.tally;
    let labelled = matches!(request.predicted, Some(Predicted::Label(_))) && view.post_error.is_none();
    let predicted = tally.predicted.as_ref().filter(|_| labelled);
    if tally.label.crowded || predicted.is_some_and(|column| column.crowded) {
        let error = "the label has more than 100 classes, the most that are taken one by one".to_string();
        return Asked::Refused { error };
    }
    let (observed, given) = (names(&tally.label), predicted.map_or(Vec::new(), names));
    let mut classes: Vec<String> = observed.iter().chain(&given).flatten().cloned().collect();
    in_order(&mut classes);
    let missing = if view.mode == Mode::Correct { Side::Unknown } else { Side::Out };
    let sides = |names: &[Option<String>], class: &String| -> Vec<Side> {
        let side = |name: &Option<String>| match name {
            Some(name) if name == class => Side::In,
            Some(_) => Side::Out,
            None => missing,
        };
        names.iter().map(side).collect()
    };
    // Without predicted classes every row has the one code 0.
    let given_sides = |class: &String| {
        if predicted.is_some() {
            sides(&given, class)
        } else {
            vec![Side::Out; tally.predicted.as_ref().map_or(1, |p| p.classes.len())]
        }
    };
    let wanted: Vec<&'static Metric> =
        wanted.iter().filter(|m| predicted.is_some() || m.stage == Stage::PreTraining).copied().collect();
    let each = classes
        .iter()
        .map(|class| {
            let cells = joint.cells(view, facet, &sides(&observed, class), &given_sides(class));
            choice(class.clone(), &cells, view, request, &wanted)
        })
        .collect();
    let known: Vec<Side> = observed.iter().map(|name| if name.is_some() { Side::In } else { Side::Unknown }).collect();
    let distribution = |names: &[Option<String>], of_predictions: bool| {
        let rows = joint.outcomes(facet, &known, names.len(), of_predictions);
        let by_class = rows.map(|rows| {
            let mut sums = vec![0.0; classes.len()];
            for (name, n) in names.iter().zip(rows) {
                if let Some(place) = name.as_ref().and_then(|name| classes.iter().position(|class| class == name)) {
                    sums[place] += n;
                }
            }
            sums
        });
        measured(&classes, by_class, view.mode, request)
    };
    Asked::Found(Classes {
        each,
        labels: distribution(&observed, false),
        predictions: predicted.map(|_| distribution(&given, true)),
    })
}

fn measured(classes: &[String], [a, d]: [Vec<f64>; 2], mode: Mode, request: &BiasRequest) -> Distribution {
    let taken = |name: &&&'static str| {
        request.metrics.is_empty() || request.metrics.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
    };
    let names: Vec<&'static str> = DISTANCES.iter().filter(taken).copied().collect();
    let drawn = request.bootstrap.as_ref().map(|how| {
        resampled(names.len(), how, |random| {
            let [a, d] = [&a, &d].map(|rows| rows.iter().map(|&n| poisson(n, random)).collect::<Vec<f64>>());
            names.iter().map(|name| between(name, &a, &d, mode).ok().filter(|v| !v.is_nan())).collect()
        })
    });
    let distance = |(i, &name): (usize, &&'static str)| {
        let found = between(name, &a, &d, mode);
        Distance {
            name,
            value: found.as_ref().ok().copied(),
            analytic: request.analytic.and_then(|level| analytic(name, &a, &d, mode, level)),
            interval: drawn.as_ref().and_then(|drawn| drawn[i]).filter(|_| found.is_ok()),
            error: found.err(),
        }
    };
    let distances = names.iter().enumerate().map(distance).collect();
    let whole = |rows: &[f64]| rows.iter().map(|&n| n as u64).collect();
    Distribution { classes: classes.to_vec(), d: whole(&d), a: whole(&a), distances }
}
