//! What a request is refused for before anything is read.

use super::measure::columns;
use super::metric::Metric;
use super::request::{BiasRequest, Kind, Predicted};
use crate::data::Table;
use crate::{Error, Result};

pub fn check(table: &Table, request: &BiasRequest) -> Result<()> {
    table.positions(&columns(request))?;
    table.positions(&request.ignore)?;
    if request.facets.is_empty() {
        return Err(Error::input("no facet was given").hint("name at least one column that tells groups apart"));
    }
    let needs_outcome = request.regression.is_none() && !request.classes;
    if request.label.values.is_empty() && (needs_outcome || !request.label_thresholds.is_empty()) {
        let label = &request.label.column;
        return Err(Error::input(format!("the label `{label}` was given without its positive values or threshold"))
            .hint("name the values that are the positive outcome, or a number above which it is positive"));
    }
    if let Some(unknown) = request.metrics.iter().find(|m| Metric::named(m).is_none()) {
        let names: Vec<&str> = Metric::ALL.iter().map(|m| m.name).collect();
        return Err(
            Error::input(format!("there is no metric `{unknown}`")).hint(format!("one of {}", names.join(", ")))
        );
    }
    let facets = request.facets.len();
    if let Some((a, b)) = request.intersections.iter().find(|(a, b)| a == b || *a.max(b) >= facets) {
        return Err(Error::input(format!("facets {a} and {b} of {facets} cannot be intersected"))
            .hint("an intersection takes two different facets of the request, counted from 0"));
    }
    let share = |x: f64| x > 0.0 && x < 1.0;
    if let Some(how) = request.bootstrap.filter(|b| b.replicates < 20 || !share(b.level)) {
        return Err(Error::input(format!("{} replicates at level {} give no interval", how.replicates, how.level))
            .hint("take at least 20 replicates, and a level between 0 and 1"));
    }
    if let Some(level) = request.analytic.filter(|&level| !share(level)) {
        return Err(Error::input(format!("{level} is no share of an interval")).hint("take one between 0 and 1"));
    }
    deeper(request)
}

/// What is asked for beside the metrics.
fn deeper(request: &BiasRequest) -> Result<()> {
    let scored = matches!(request.predicted, Some(Predicted::Score { .. }));
    if (request.calibration.is_some() || request.curve.is_some()) && !scored {
        return Err(Error::input("calibration and the threshold curve are of scores, and there are none")
            .hint("give the predictions as a column of scores with a threshold, or a model"));
    }
    if let Some(bins) = request.calibration.filter(|bins| !(1..=1000).contains(&bins.count)) {
        return Err(Error::input(format!("calibration in {} bins", bins.count)).hint("take from 1 to 1000"));
    }
    if let Some(points) = request.curve.filter(|points| !(2..=1001).contains(points)) {
        return Err(Error::input(format!("a curve of {points} thresholds")).hint("take from 2 to 1001"));
    }
    if let Some(quantiles) = &request.regression {
        if request.predicted.is_none() {
            return Err(Error::input("errors are of predicted numbers, and there are none")
                .hint("name the column of predictions, or give a model"));
        }
        if let Some(wrong) = quantiles.iter().find(|&&q| !(q > 0.0 && q < 1.0)) {
            return Err(
                Error::input(format!("{wrong} is no quantile")).hint("take numbers between 0 and 1, such as 0.9")
            );
        }
    }
    let thresholds = &request.label_thresholds;
    if let Some(wrong) = thresholds.iter().find(|threshold| !threshold.is_finite()) {
        return Err(Error::input(format!("{wrong} is no threshold")).hint("take finite numbers"));
    }
    let label = &request.label;
    let first = label.kind != Some(Kind::Categorical) && label.values.len() == 1 && label.values[0].number().is_some();
    if !thresholds.is_empty() && !first {
        return Err(Error::input(format!("`{}` has further thresholds but no first one", label.column))
            .hint("give the label itself a threshold, and no values"));
    }
    Ok(())
}
