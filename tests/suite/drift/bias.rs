//! Bias drift by both rules, and the files of the reference.

use super::table;
use pellucid::bias::{BiasReport, BiasRequest, Bootstrap, Kind, Mode, Predicted, Selection, Value, measure};
use pellucid::drift::{
    AttributionLimits, BiasDrift, BiasRule, Check, Constraints, Importance, attribution_drift, bias_drift, violations,
};
use serde_json::json;

const RANGE: BiasRule = BiasRule::Interval { widened: false };

/// Rows (facet, label, predicted, how many of them).
fn report(rows: &[(&str, u8, u8, usize)], mode: Mode, replicates: usize) -> BiasReport {
    let lines = rows.iter().flat_map(|&(f, l, p, n)| std::iter::repeat_n(format!("{f},{l},{p}\n"), n));
    let (_folder, table) = table(&lines.fold("Sex,l,p\n".into(), |text: String, line| text + &line));
    let select = |column: &str, value: Value| Selection {
        column: column.into(),
        values: vec![value],
        kind: Some(Kind::Categorical),
    };
    let mut request = BiasRequest::new(select("l", Value::Integer(1)), vec![select("Sex", Value::Text("0".into()))]);
    request.predicted = Some(Predicted::Label("p".into()));
    request.mode = mode;
    request.bootstrap = (replicates > 0).then_some(Bootstrap { replicates, level: 0.95, seed: 1 });
    measure(&table, &request).unwrap()
}

/// Shares of positive labels and predictions of d in percent, of a 50.
fn shares(label: usize, predicted: usize, hundreds: usize) -> Vec<(&'static str, u8, u8, usize)> {
    let (both, only) = (label.min(predicted), label.abs_diff(predicted));
    let (l, p) = if label > predicted { (1, 0) } else { (0, 1) };
    let mut rows = vec![("0", 1, 1, both), ("0", l, p, only), ("0", 0, 0, 100 - both - only)];
    rows.extend([("1", 1, 1, 50), ("1", 0, 0, 50)]);
    rows.into_iter().map(|(f, l, p, n)| (f, l, p, n * hundreds)).collect()
}

fn of<'a>(found: &'a [BiasDrift], metric: &str) -> &'a BiasDrift {
    found.iter().find(|m| m.metric == metric).unwrap_or_else(|| panic!("{metric}"))
}

/// |value| > |baseline|: −0.3 against 0.2 violates, 0.1 does not; DI has no neutral 1.
#[test]
fn the_references_rule() {
    let clarify = |label, predicted| report(&shares(label, predicted, 1), Mode::Clarify, 0);
    let baseline = Constraints::of_report(&clarify(30, 30));
    let compare = |label, predicted| bias_drift(&baseline, &clarify(label, predicted), BiasRule::Reference).unwrap().0;
    for (label, worse) in [(80, true), (40, false), (30, false), (20, true), (70, false)] {
        assert_eq!(of(&compare(label, 30), "DPL").drifted, worse, "{label}");
    }
    // DI from 0.6 to 0.4 is worse in truth, not by this rule; from 0.6 to 1 it is the other way round.
    assert!(!of(&compare(30, 20), "DI").drifted && of(&compare(30, 50), "DI").drifted);
}

#[test]
fn ratios_are_held_against_a_range_around_1() {
    let baseline = Constraints::of_report(&report(&shares(30, 40, 4), Mode::Correct, 0));
    let compare =
        |predicted| bias_drift(&baseline, &report(&shares(30, predicted, 4), Mode::Correct, 0), RANGE).unwrap().0;
    let found = compare(50);
    let di = of(&found, "DI");
    assert_eq!((di.value, di.baseline, di.allowed, di.drifted), (Some(1.0), Some(0.8), Some((0.8, 1.25)), false));
    // A distance cannot be below 0, a difference can.
    for (metric, least) in [("TVD", 0.0), ("KS", 0.0), ("DPL", -0.2)] {
        let (low, high) = of(&found, metric).allowed.unwrap();
        assert!((low - least).abs() < 1e-12 && high > 0.1, "{metric}: {low} to {high}");
    }
    assert!(of(&compare(39), "DI").drifted && !of(&compare(62), "DI").drifted && of(&compare(63), "DI").drifted);
}

/// With few rows the interval reaches into the range, with many it does not.
#[test]
fn an_interval_must_leave_the_range() {
    let baseline = Constraints::of_report(&report(&shares(40, 40, 100), Mode::Correct, 0));
    let compare =
        |hundreds| bias_drift(&baseline, &report(&shares(30, 30, hundreds), Mode::Correct, 500), RANGE).unwrap().0;
    for (hundreds, worse) in [(1, false), (20, true)] {
        let found = compare(hundreds);
        let dpl = of(&found, "DPL");
        let (low, high) = dpl.interval.unwrap();
        assert!((dpl.value.unwrap() - 0.2).abs() < 1e-12 && (0.5 * (low + high) - 0.2).abs() < 1e-12);
        assert_eq!((dpl.drifted, low > 0.1), (worse, worse), "{low}");
    }
    assert!(of(&compare(1), "DPL").check(RANGE).message.contains(" reaches into the range that the baseline "));
    assert!(of(&compare(20), "DPL").check(RANGE).message.contains(" lies outside the range that the baseline "));
}

#[test]
fn the_same_table_is_never_worse() {
    for rows in [shares(30, 45, 1), shares(50, 50, 1), shares(0, 0, 1), shares(100, 3, 2)] {
        for (mode, rule) in [(Mode::Correct, RANGE), (Mode::Clarify, BiasRule::Reference)] {
            let found = report(&rows, mode, 100);
            let (all, notes) = bias_drift(&Constraints::of_report(&found), &found, rule).unwrap();
            assert!(all.len() > 10 && notes.is_empty());
            for metric in all {
                assert!(!metric.drifted, "{metric:?}");
            }
        }
    }
}

/// New rows like the old ones: how often a metric is called worse by chance.
#[test]
fn the_baselines_own_interval_keeps_chance_out() {
    use rand::{RngExt, SeedableRng};
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(2);
    let mut drawn = || {
        let mut counts = [[0usize; 2]; 2];
        (0..800).for_each(|row| counts[row % 2][usize::from(random.random::<f64>() < [0.4, 0.6][row % 2])] += 1);
        let rows = [("0", 0, counts[0][0]), ("0", 1, counts[0][1]), ("1", 0, counts[1][0]), ("1", 1, counts[1][1])];
        report(&rows.map(|(f, l, n)| (f, l, l, n)), Mode::Correct, 200)
    };
    let (mut plain, mut widened) = (0, 0);
    for _ in 0..150 {
        let (baseline, new) = (Constraints::of_report(&drawn()), drawn());
        let worse = |rule| usize::from(of(&bias_drift(&baseline, &new, rule).unwrap().0, "DPL").drifted);
        plain += worse(RANGE);
        widened += worse(BiasRule::Interval { widened: true });
    }
    // P(Z > 1.96/√2) = 8.3 % and P(Z > 2·1.96/√2) = 0.3 % of 150 are 12.5 and 0.4, with standard deviations of 3.4 and 0.6.
    assert!((3..24).contains(&plain) && widened <= 3, "{plain}, {widened}");
}

#[test]
fn constraints_of_something_else_are_refused() {
    let found = report(&shares(30, 30, 1), Mode::Correct, 0);
    let known = Constraints::of_report(&found);
    let refused = |change: &dyn Fn(&mut Constraints)| {
        let mut other = known.clone();
        change(&mut other);
        bias_drift(&other, &found, RANGE).unwrap_err().to_string()
    };
    assert_eq!(
        refused(&|c| c.label = Some(("l".into(), "0".into()))),
        "the constraints are of the label l = 0, here it is l = 1"
    );
    assert_eq!(
        refused(&|c| c.label = Some(("y".into(), "1".into()))),
        "the constraints are of the label y = 1, here it is l = 1"
    );
    assert_eq!(
        refused(&|c| c.metrics.iter_mut().for_each(|m| m.facet = "Age".into())),
        "the constraints have no facet `Sex`"
    );
    assert_eq!(refused(&|c| *c = Constraints::default()), "the constraints hold no bias metrics");
    let mut other = known.clone();
    other.metrics.iter_mut().for_each(|m| m.facet_value = "2".into());
    let (all, notes) = bias_drift(&other, &found, RANGE).unwrap();
    assert!(all.is_empty());
    assert_eq!(
        notes,
        ["the constraints have no group 0 of Sex", "the constraints are also of Sex = 2, which was not measured"]
    );
}

/// The upper end of an interval is the largest value of the table at hand.
#[test]
fn thresholds_match_by_their_lower_end() {
    let found = report(&shares(30, 30, 1), Mode::Correct, 0);
    let (mut known, mut here) = (Constraints::of_report(&found), found.clone());
    known.label = Some(("l".into(), "(150.0, 346.0]".into()));
    here.label_value_or_threshold = "(150.0, 212.5]".into();
    assert!(bias_drift(&known, &here, RANGE).is_ok());
    here.label_value_or_threshold = "(151.0, 346.0]".into();
    assert!(bias_drift(&known, &here, RANGE).is_err());
    // Of groups too, and of their intersections; the baseline's text stays, so that a history has one name for them.
    known.metrics.iter_mut().for_each(|m| m.facet_value = "(40.0, 79.2] × 1".into());
    (known.label, here.label_value_or_threshold) = (Some(("l".into(), "1".into())), "1".into());
    here.facets[0].value_or_threshold = "(40.0, 88.0] × 1.0".into();
    let (all, _) = bias_drift(&known, &here, RANGE).unwrap();
    assert_eq!(all[0].facet_value, "(40.0, 79.2] × 1");
    here.facets[0].value_or_threshold = "(40.0, 88.0] × 2".into();
    assert!(bias_drift(&known, &here, RANGE).unwrap().0.is_empty());
    known.metrics.iter_mut().for_each(|m| m.facet_value = "(40.0, 79.2]".into());
    here.facets[0].value_or_threshold = "(40.0, 88.0]".into();
    let (all, _) = bias_drift(&known, &here, RANGE).unwrap();
    assert_eq!(all[0].group(), "Sex > 40");
    (known.label, here.label_value_or_threshold) = (Some(("l".into(), "1.0".into())), "1".into());
    assert!(bias_drift(&known, &here, RANGE).is_ok());
}

/// An analysis.json as the reference writes it: infinities as words, errors, SHAP values.
#[test]
fn files_of_the_reference_are_read_and_written() {
    let analysis = json!({
        "version": "1.0",
        "pre_training_bias_metrics": {"label": "Target", "label_value_or_threshold": "1", "facets": {"Sex": [
            {"value_or_threshold": "0", "metrics": [
                {"name": "CDDL", "description": "Conditional Demographic Disparity in Labels (CDDL)", "value": null, "error": "Group variable is empty or not provided"},
                {"name": "CI", "description": "Class Imbalance (CI)", "value": 0.33}]}]}},
        "post_training_bias_metrics": {"label": "Target", "label_value_or_threshold": "1", "facets": {"Sex": [
            {"value_or_threshold": "0", "metrics": [
                {"name": "CDDPL", "description": "Conditional Demographic Disparity in Predicted Labels (CDDPL)", "value": 0.28176563733194276},
                {"name": "TE", "description": "Treatment Equality (TE)", "value": "-Infinity"}]}]}},
        "explanations": {"kernel_shap": {"label0": {"global_shap_values": {"Age": 0.0225, "Job": 0.5}, "expected_value": 0.508}}},
    });
    let found = Constraints::from_json(&analysis).unwrap();
    assert_eq!(found.label, Some(("Target".into(), "1".into())));
    assert_eq!(found.metrics.len(), 4);
    assert_eq!(found.metrics[3].value, Some(f64::NEG_INFINITY));
    assert_eq!((found.importance[0].players.len(), found.importance[0].values[1]), (2, 0.5));
    assert_eq!(found.to_json(), analysis);
    for (document, told) in [
        (json!({}), "it has neither bias metrics nor SHAP values of an analysis"),
        (
            json!({"pre_training_bias_metrics": {"label": "y"}}),
            "pre_training_bias_metrics: there is no `label_value_or_threshold`",
        ),
        (
            json!({"post_training_bias_metrics": {"label": "y", "label_value_or_threshold": "1", "facets": {"A": {}}}}),
            "post_training_bias_metrics: the facet `A` is no list",
        ),
    ] {
        assert_eq!(Constraints::from_json(&document).unwrap_err(), told);
    }
}

/// The reference's example of `constraint_violations.json`, to the letter.
#[test]
fn violations_are_the_references() {
    let worse = BiasDrift {
        facet: "Sex".into(),
        facet_value: "0".into(),
        metric: "CDDPL".into(),
        value: Some(0.374894782529513),
        interval: None,
        baseline: Some(0.28176563733194276),
        allowed: Some((-0.28176563733194276, 0.28176563733194276)),
        drifted: true,
        error: None,
    };
    let expected = json!({"version": "1.0", "violations": [{"facet": "Sex", "facet_value": "0", "metric_name": "CDDPL",
        "constraint_check_type": "bias_drift_check",
        "description": "Metric value 0.374894782529513 doesn't meet the baseline constraint requirement 0.28176563733194276"}]});
    assert_eq!(violations(&[worse.check(BiasRule::Reference)]), expected);
    let infinite = BiasDrift { metric: "TE".into(), value: Some(f64::INFINITY), baseline: Some(0.5), ..worse };
    assert_eq!(
        infinite.check(BiasRule::Reference).message,
        "Metric value Infinity doesn't meet the baseline constraint requirement 0.5"
    );
}

fn importance(values: &[f64], stderr: f64) -> Importance {
    Importance {
        output: "label0".into(),
        link: String::new(),
        players: (0..values.len()).map(|i| format!("f{i}")).collect(),
        values: values.to_vec(),
        stderr: vec![stderr; values.len()],
        base_value: 0.5,
    }
}

#[test]
fn attributions_violate_as_in_the_reference_and_with_a_true_sentence() {
    let (old, new) = (importance(&[0.70, 0.50, 0.05], f64::NAN), importance(&[0.10, 0.20, 0.70], 0.01));
    let compat = AttributionLimits { distance: None, ..AttributionLimits::default() };
    let found = attribution_drift(std::slice::from_ref(&old), std::slice::from_ref(&new), compat).unwrap();
    let written = violations(&found[0].checks(true));
    let value = found[0].ndcg.unwrap();
    assert_eq!(
        written,
        json!({"version": "1.0", "violations": [{"label": "label0", "metric_name": "shap",
        "constraint_check_type": "feature_attribution_drift_check",
        "description": format!("Feature attribution drift {value} exceeds threshold 0.9")}]})
    );
    let own = attribution_drift(&[old], &[new], AttributionLimits::default()).unwrap();
    let checks: Vec<Check> = own[0].checks(false);
    assert_eq!(checks[0].message, format!("nDCG 0.68764 of the order of attributions is below the threshold 0.9"));
    assert!(checks[1].violated && own[0].interval.is_none(), "{:?}", checks[1]);
}

/// The same order at a tenth of the size; and a distance whose interval decides.
#[test]
fn size_is_judged_by_its_interval() {
    let old = importance(&[0.70, 0.50, 0.05], 0.01);
    let drift = |new: Importance| {
        attribution_drift(std::slice::from_ref(&old), &[new], AttributionLimits::default()).unwrap().remove(0)
    };
    let tenth = drift(importance(&[0.07, 0.05, 0.005], 0.01));
    assert!(!tenth.order_drifted && tenth.size_drifted, "{tenth:?}");
    assert!(drift(importance(&[0.50, 0.35, 0.03], 0.001)).size_drifted);
    let unsure = drift(importance(&[0.50, 0.35, 0.03], 0.2));
    assert!(!unsure.size_drifted && unsure.distance > 0.25 && unsure.interval.unwrap().0 < 0.25, "{unsure:?}");
}

#[test]
fn other_players_outputs_and_links_are_refused() {
    let old = importance(&[0.7, 0.5], 0.01);
    let refused = |old: &[Importance], new: Importance| {
        attribution_drift(old, &[new], AttributionLimits::default()).unwrap_err().to_string()
    };
    let other = Importance { players: vec!["f0".into(), "wage".into()], ..old.clone() };
    assert_eq!(
        refused(std::slice::from_ref(&old), other),
        "output `label0`: the explanations have other players; `f1` only in the baseline; `wage` only in the new data"
    );
    let links = ["identity", "logit"].map(|link| Importance { link: link.into(), ..old.clone() });
    assert_eq!(
        refused(&links[..1], links[1].clone()),
        "the baseline's attributions are on the scale identity, the new ones on logit"
    );
    let two = ["a", "b"].map(|output| Importance { output: output.into(), ..old.clone() });
    assert_eq!(refused(&two, old.clone()), "the baseline does not explain the output `label0`, but `a`, `b`");
    // Another order of players is the same explanation.
    let turned = Importance { players: vec!["f1".into(), "f0".into()], values: vec![0.5, 0.7], ..old.clone() };
    let found = attribution_drift(&[old], &[turned], AttributionLimits::default()).unwrap();
    assert_eq!((found[0].ndcg, found[0].distance), (Some(1.0), 0.0));
}
