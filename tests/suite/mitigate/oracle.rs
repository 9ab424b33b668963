//! aif360 and fairlearn on the census and credit tables: values stored by `make_mitigate.py`.

use super::{each, fixture, is, numbers, open, texts};
use pellucid::mitigate::{Constraint, Groups, Objective, Repair, Reweighing, ScoredRows, Thresholds, Ties};
use serde_json::Value;

fn expected() -> Value {
    serde_json::from_str(&std::fs::read_to_string(fixture("expected.json")).unwrap()).unwrap()
}

const TABLES: [&str; 2] = ["adult", "german"];

#[test]
fn weights_are_those_of_aif360() {
    let expected = expected();
    for name in TABLES {
        let found = &expected[name];
        let text = |key: &str| found[key].as_str().unwrap();
        let (facet, d) = (text("facet"), text("d"));
        let table = open(&fixture(&format!("{name}.csv")));
        let groups = Groups::survey(&table, &[is(facet, d)], Some(&is("target", text("positive")))).unwrap();
        let weighted = Reweighing::new(&groups).unwrap().table(&table, "weight").unwrap();
        let (weights, of, labels) = (numbers(&weighted, "weight"), texts(&table, facet), texts(&table, "target"));
        assert!(weights.len() >= 600);
        for ((weight, of), label) in weights.iter().zip(&of).zip(&labels) {
            let group = if of.as_deref() == Some(d) { "d" } else { "a" };
            let outcome = u8::from(label.as_deref() == Some(text("positive")));
            let theirs = found["reweighing"][format!("{group}{outcome}")].as_f64().unwrap();
            // Two products and a quotient on either side.
            let tolerance = 6.0 * f64::EPSILON * theirs;
            assert!((weight.unwrap() - theirs).abs() <= tolerance, "{name} {group}{outcome}: {weight:?}, {theirs}");
        }
    }
}

#[test]
fn repair_is_the_formula_of_the_paper() {
    let expected = expected();
    for name in TABLES {
        let found = &expected[name];
        let facet = each(found["facet"].as_str().unwrap());
        let table = open(&fixture(&format!("{name}.csv")));
        let groups = Groups::survey(&table, &[facet], None).unwrap();
        for (column, values) in found["repair"].as_object().unwrap() {
            let old = numbers(&table, column);
            let largest = old.iter().flatten().fold(0.0, |m: f64, v| m.max(v.abs()));
            // A rank times n rows errs by ε·n places, and a place is worth at most the whole range.
            let tolerance = 8.0 * f64::EPSILON * old.len() as f64 * largest;
            for (amount, key) in [(1.0, "full"), (0.5, "half")] {
                let repair =
                    Repair::new(&table, &groups, std::slice::from_ref(column), amount, Ties::Together).unwrap();
                let new = numbers(&repair.table(&table, false).unwrap(), column);
                for (row, (new, theirs)) in new.iter().zip(values[key].as_array().unwrap()).enumerate() {
                    let theirs = theirs.as_f64().unwrap();
                    assert!((new.unwrap() - theirs).abs() <= tolerance, "{name} {column} {row}: {new:?}, {theirs}");
                }
                let cost = &repair.columns()[0].cost;
                let number = |key: &str| values[key].as_f64().unwrap();
                assert!((cost.distance_before - number("distance_before")).abs() < 1e-12);
                if amount == 1.0 {
                    assert!((cost.distance_after - number("distance_after")).abs() < 1e-12, "{name} {column}");
                }
            }
        }
    }
}

/// The optimum is at least that of fairlearn's grid, whose step is 1 / GRID; rates are those of the grid to a step, or a step times the slope of
/// the curve.
#[test]
fn thresholds_are_those_of_fairlearn() {
    let expected = expected();
    let grid = expected["grid"].as_f64().unwrap();
    for (name, facet, key) in
        [("adult", "sex", "thresholds"), ("adult", "race", "thresholds_race"), ("german", "young", "thresholds")]
    {
        let positive = expected[name]["positive"].as_str().unwrap();
        let table = open(&fixture(&format!("{name}.csv")));
        let facets = [each(facet)];
        let groups = Groups::survey(&table, &facets, Some(&is("target", positive))).unwrap();
        let rows = ScoredRows::read(&table, &groups, "score", 0.0, 0).unwrap();
        for (case, theirs) in expected[name][key].as_object().unwrap() {
            let (constraint, objective) = case.split_once('/').unwrap();
            let constraint = match constraint {
                "demographic_parity" => Constraint::DemographicParity,
                "true_positive_rate_parity" => Constraint::EqualOpportunity,
                _ => Constraint::EqualizedOdds,
            };
            let (objective, measure) = match objective {
                "accuracy_score" => (Objective::Accuracy, "accuracy"),
                _ => (Objective::BalancedAccuracy, "balanced_accuracy"),
            };
            let how = Thresholds { constraint, objective, randomised: true };
            let ours = how.fit(&rows, &facets).unwrap().outcome(&rows.fitted).unwrap();
            let value = if measure == "accuracy" { ours.accuracy } else { ours.balanced_accuracy }.unwrap();
            let best = theirs[measure].as_f64().unwrap();
            // n additions on either side.
            let rounding = 4.0 * f64::EPSILON * rows.fitted.rows() as f64;
            assert!(value >= best - rounding, "{name} {facet} {case}: {value}, fairlearn {best}");
            // A true positive more costs at most all negatives of its group: the slope is at most P N / n, summed over groups.
            let n = rows.fitted.rows() as f64;
            let slope: f64 = ours.groups.iter().map(|g| g.positive as f64 * (g.rows - g.positive) as f64 / n).sum();
            assert!(value <= best + slope / grid + rounding, "{name} {facet} {case}: {value}, fairlearn {best}");
            for group in &ours.groups {
                let value = group.group.split(" = ").nth(1).unwrap();
                let rates = &theirs["groups"][value];
                let close = |key: &str, rate: Option<f64>, tolerance: f64| {
                    let rate = rate.unwrap();
                    let theirs = rates[key].as_f64().unwrap();
                    assert!((rate - theirs).abs() <= tolerance, "{case} {value} {key}: {rate}, {theirs}");
                };
                match constraint {
                    Constraint::DemographicParity => {
                        close("selection_rate", group.selection_rate, 1.0 / grid + rounding)
                    }
                    Constraint::EqualOpportunity => {
                        close("true_positive_rate", group.true_positive_rate, 1.0 / grid + rounding)
                    }
                    Constraint::EqualizedOdds => {
                        // The steepest step of a curve is one of all its positives over one negative.
                        let steep = (group.rows - group.positive) as f64;
                        close("false_positive_rate", group.false_positive_rate, 1.0 / grid + rounding);
                        close("true_positive_rate", group.true_positive_rate, steep / grid + rounding);
                    }
                }
            }
            assert!(ours.gap.unwrap() <= rounding, "{name} {facet} {case}: {:?}", ours.gap);
        }
    }
}
