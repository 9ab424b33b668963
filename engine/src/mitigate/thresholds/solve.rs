//! The best thresholds under a constraint. Rates that all groups share make the objective a concave, piecewise linear function of one
//! number x in [0, 1], so its largest value is at a corner; all corners are known exactly.

use super::curve::{Curve, Point, hull};
use super::rules::{Cut, GroupRule};
use super::{Constraint, Objective};

/// The hull of one group: x ascending from 0 to 1.
struct Hull {
    x: Vec<f64>,
    y: Vec<f64>,
    points: Vec<Point>,
}

impl Hull {
    /// `y` is divided by `scale`.
    fn new(curve: &Curve, x: impl Fn(&Point) -> u64, y: impl Fn(&Point) -> i128, scale: f64) -> Hull {
        let places: Vec<(i128, i128)> = curve.points.iter().map(|p| (i128::from(x(p)), y(p))).collect();
        let corners = hull(&places);
        let widest = places.last().map_or(1.0, |last| last.0 as f64);
        Hull {
            x: corners.iter().map(|&c| places[c].0 as f64 / widest).collect(),
            y: corners.iter().map(|&c| places[c].1 as f64 / scale).collect(),
            points: corners.iter().map(|&c| curve.points[c]).collect(),
        }
    }

    /// The corner at or left of x, and how far x is from there to the next, in [0, 1).
    fn place(&self, x: f64) -> (usize, f64) {
        let left = self.x.partition_point(|corner| *corner <= x).saturating_sub(1);
        match self.x.get(left + 1) {
            Some(right) => (left, (x - self.x[left]) / (right - self.x[left])),
            None => (left, 0.0),
        }
    }

    fn at(&self, x: f64) -> f64 {
        let (left, part) = self.place(x);
        if part == 0.0 { self.y[left] } else { self.y[left] + part * (self.y[left + 1] - self.y[left]) }
    }

    /// The mixture of thresholds that reaches x.
    fn cuts(&self, x: f64) -> Vec<Cut> {
        let (left, part) = self.place(x);
        match part == 0.0 {
            true => vec![Cut { share: 1.0, above: self.points[left].above }],
            false => vec![
                Cut { share: 1.0 - part, above: self.points[left].above },
                Cut { share: part, above: self.points[left + 1].above },
            ],
        }
    }
}

/// Rules for each curve. Every group has rows, positives and negatives as the constraint and the objective need them.
pub fn solve(curves: &[Curve], constraint: Constraint, objective: Objective, randomised: bool) -> Vec<GroupRule> {
    match constraint {
        Constraint::EqualizedOdds => odds(curves, objective, randomised),
        _ => one_rate(curves, constraint, objective, randomised),
    }
}

/// What a correct positive and a correct negative count for.
fn worth(curves: &[Curve], objective: Objective) -> (i128, i128, f64) {
    let total = |of: fn(&Curve) -> u64| curves.iter().map(|curve| i128::from(of(curve))).sum::<i128>();
    let (positives, negatives) = (total(|c| c.positives), total(|c| c.negatives));
    match objective {
        Objective::Accuracy => (1, 1, (positives + negatives) as f64),
        Objective::BalancedAccuracy => (negatives, positives, 2.0 * positives as f64 * negatives as f64),
    }
}

/// One rate is the same in all groups: that of positive decisions, or of true positives.
fn one_rate(curves: &[Curve], constraint: Constraint, objective: Objective, randomised: bool) -> Vec<GroupRule> {
    let (positive, negative, scale) = worth(curves, objective);
    let x = |point: &Point| match constraint {
        Constraint::DemographicParity => point.true_positives + point.false_positives,
        _ => point.true_positives,
    };
    let y = |curve: &Curve, point: &Point| {
        positive * i128::from(point.true_positives) + negative * i128::from(curve.negatives - point.false_positives)
    };
    let hulls: Vec<Hull> = curves.iter().map(|curve| Hull::new(curve, x, |point| y(curve, point), scale)).collect();
    let value = |x: f64| hulls.iter().map(|hull| hull.at(x)).sum::<f64>();
    let best = highest(&corners(&hulls), value);
    if randomised {
        return hulls.iter().map(|hull| GroupRule::of(hull.cuts(best))).collect();
    }
    let nearest = |curve: &Curve| {
        let widest = x(curve.points.last().expect("a curve has points")) as f64;
        let miss = |point: &Point| (x(point) as f64 / widest - best).abs();
        let point = nearest(curve, miss, |point| y(curve, point));
        GroupRule::of(vec![Cut { share: 1.0, above: point.above }])
    };
    curves.iter().map(nearest).collect()
}

/// Both rates are the same (Hardt et al. 2016, section 4): the highest true-positive rate that all groups reach at a false-positive rate x. A
/// group that could do better is held back by deciding some rows by a coin with chance x instead.
fn odds(curves: &[Curve], objective: Objective, randomised: bool) -> Vec<GroupRule> {
    let of = |curve: &Curve| {
        Hull::new(curve, |p| p.false_positives, |p| i128::from(p.true_positives), curve.positives as f64)
    };
    let hulls: Vec<Hull> = curves.iter().map(of).collect();
    let total = |of: fn(&Curve) -> u64| curves.iter().map(|curve| of(curve) as f64).sum::<f64>();
    let (positives, negatives) = match objective {
        Objective::Accuracy => (total(|c| c.positives), total(|c| c.negatives)),
        Objective::BalancedAccuracy => (1.0, 1.0),
    };
    let reached = |x: f64| hulls.iter().map(|hull| hull.at(x)).fold(f64::INFINITY, f64::min);
    let value = |x: f64| positives * reached(x) + negatives * (1.0 - x);
    let x = highest(&crossings(&hulls, corners(&hulls), value), value);
    let y = reached(x);
    if randomised {
        let rule = |hull: &Hull| {
            let own = hull.at(x);
            let coin = if own > y { (own - y) / (own - x) } else { 0.0 };
            GroupRule { coin, chance: x, ..GroupRule::of(hull.cuts(x)) }
        };
        return hulls.iter().map(rule).collect();
    }
    let rule = |curve: &Curve| {
        let miss = |p: &Point| {
            let rates =
                [p.false_positives as f64 / curve.negatives as f64, p.true_positives as f64 / curve.positives as f64];
            (rates[0] - x).abs().max((rates[1] - y).abs())
        };
        let point = nearest(curve, miss, |p| i128::from(p.true_positives) - i128::from(p.false_positives));
        GroupRule::of(vec![Cut { share: 1.0, above: point.above }])
    };
    curves.iter().map(rule).collect()
}

/// The point of the smallest miss; of equal ones the most valuable, then the first.
fn nearest(curve: &Curve, miss: impl Fn(&Point) -> f64, worth: impl Fn(&Point) -> i128) -> Point {
    let order = |a: &&Point, b: &&Point| miss(a).total_cmp(&miss(b)).then(worth(b).cmp(&worth(a)));
    *curve.points.iter().min_by(order).expect("a curve has points")
}

/// The corners of all hulls, ascending.
fn corners(hulls: &[Hull]) -> Vec<f64> {
    let mut all: Vec<f64> = hulls.iter().flat_map(|hull| hull.x.iter().copied()).collect();
    all.sort_unstable_by(f64::total_cmp);
    all.dedup();
    all
}

/// The first x of the highest value.
fn highest(corners: &[f64], value: impl Fn(f64) -> f64) -> f64 {
    let mut best = (0.0, f64::NEG_INFINITY);
    for &x in corners {
        let found = value(x);
        if found > best.1 {
            best = (x, found);
        }
    }
    best.0
}

/// Adds the points where two hulls cross next to the best corner. The value is concave, so that its highest point is in one of these two
/// intervals, and there all hulls are straight.
fn crossings(hulls: &[Hull], mut corners: Vec<f64>, value: impl Fn(f64) -> f64) -> Vec<f64> {
    let best = highest(&corners, value);
    let place = corners.partition_point(|x| *x < best);
    let around = [place.checked_sub(1), Some(place), (place + 1 < corners.len()).then_some(place + 1)];
    let around: Vec<f64> = around.into_iter().flatten().map(|place| corners[place]).collect();
    for ends in around.windows(2) {
        let lines: Vec<[f64; 2]> = hulls.iter().map(|hull| [hull.at(ends[0]), hull.at(ends[1])]).collect();
        for (i, a) in lines.iter().enumerate() {
            for b in &lines[..i] {
                let [left, right] = [a[0] - b[0], a[1] - b[1]];
                if left * right < 0.0 {
                    corners.push(ends[0] + (ends[1] - ends[0]) * left / (left - right));
                }
            }
        }
    }
    corners.sort_unstable_by(f64::total_cmp);
    corners
}
