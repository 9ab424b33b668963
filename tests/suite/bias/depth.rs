//! Beyond the metrics: calibration, the threshold curve, errors of numbers, classes, several thresholds, intervals by formula. Values
//! by scikit-learn, fairlearn, SciPy, statsmodels and NumPy (tests/fixtures/oracles/bias_depth), and laws.

use super::{measured, selection, text};
use pellucid::bias::{
    Asked, BiasReport, BiasRequest, Bins, Bootstrap, Calibration, Choice, Curve, Kind, Predicted, Regression,
    Reliability, Selection, Value,
};
use pellucid_tests::fixture;
use serde_json::Value as Json;

fn expected() -> Json {
    serde_json::from_str(&std::fs::read_to_string(fixture("oracles/bias_depth/expected.json")).unwrap()).unwrap()
}

fn data() -> String {
    std::fs::read_to_string(fixture("oracles/bias_depth/data.csv")).unwrap()
}

/// Sums of at most 400 terms below 200 in another order: 400 roundings of that size, relative to values near 1 and above.
#[track_caller]
fn close(found: f64, expected: &Json, what: &str) {
    let expected = expected.as_f64().unwrap_or_else(|| panic!("{what}: no value but {expected}"));
    let bound = 400.0 * f64::EPSILON * (1.0 + expected.abs());
    assert!((found - expected).abs() <= bound, "{what}: {found}, {expected}");
}

fn facet(column: &str) -> Selection {
    Selection { kind: Some(Kind::Categorical), ..selection(column, &[text("d")]) }
}

/// Label 1, scores above a half.
fn scored() -> BiasRequest {
    let label = Selection { kind: Some(Kind::Categorical), ..selection("label", &[Value::Integer(1)]) };
    let mut request = BiasRequest::new(label, vec![facet("facet")]);
    request.predicted = Some(Predicted::Score { column: "score".into(), threshold: 0.5 });
    request.metrics = ["DPPL", "DI", "RD", "SD", "AD"].map(String::from).to_vec();
    request
}

/// Amounts above 100, and what was guessed of them.
fn guessed() -> BiasRequest {
    let label = Selection { kind: Some(Kind::Continuous), ..selection("amount", &[Value::Number(100.0)]) };
    let mut request = BiasRequest::new(label, vec![facet("facet")]);
    request.predicted = Some(Predicted::Label("guess".into()));
    request.metrics = ["DPL", "DPPL", "RD"].map(String::from).to_vec();
    request
}

#[track_caller]
fn found<T>(asked: &Option<Asked<T>>) -> &T {
    match asked.as_ref().unwrap() {
        Asked::Found(found) => found,
        Asked::Refused { error } => panic!("{error}"),
    }
}

fn calibration(csv: &str, bins: Bins) -> Calibration {
    let mut request = scored();
    request.calibration = Some(bins);
    found(&measured(csv, &request).unwrap().facets[0].details.calibration).clone()
}

fn compare(found: &Reliability, expected: &Json) {
    let rows: Vec<u64> = found.bins.iter().map(|bin| bin.rows).collect();
    assert_eq!(serde_json::json!(rows), expected["rows"]);
    let full: Vec<_> = found.bins.iter().filter(|bin| bin.rows > 0).collect();
    assert_eq!(full.len(), expected["observed"].as_array().unwrap().len());
    for (i, bin) in full.iter().enumerate() {
        close(bin.observed.unwrap(), &expected["observed"][i], "observed");
        close(bin.mean_score.unwrap(), &expected["mean_score"][i], "mean score");
        let (low, high) = bin.interval.unwrap();
        assert!(low <= bin.observed.unwrap() && bin.observed.unwrap() <= high);
    }
    close(found.ece.unwrap(), &expected["ece"], "ECE");
    close(found.mce.unwrap(), &expected["mce"], "MCE");
}

#[test]
fn reliability_is_scikit_learns() {
    let (expected, found) = (expected(), calibration(&data(), Bins::default()));
    let expected = &expected["calibration"];
    for (found, group) in [(&found.d, "d"), (&found.a, "a"), (&found.all, "all")] {
        compare(found, &expected[group]);
    }
    let ece = |group: &str| expected[group]["ece"].as_f64().unwrap();
    close(found.ece_gap.unwrap(), &(ece("d") - ece("a")).into(), "gap");
    // The scores of d were made 0.1 too high, those of a 0.05 too low.
    let (low, high) = found.excess_interval.unwrap();
    assert!(low < 0.15 && 0.15 < high, "{low} {high}");
}

/// Scores are thousandths, as the bins are that those of equal mass are made of.
#[test]
fn bins_of_equal_mass_are_numpys_quantiles() {
    let (expected, found) = (expected(), calibration(&data(), Bins { count: 5, equal_mass: true }));
    let expected = &expected["equal_mass"];
    let edges: Vec<f64> = found.all.bins.iter().skip(1).map(|bin| bin.from).collect();
    assert_eq!(serde_json::json!(edges), expected["edges"]);
    for (found, group) in [(&found.d, "d"), (&found.a, "a"), (&found.all, "all")] {
        compare(found, &expected[group]);
    }
}

/// Calibrated scores err by chance alone: the mean of many tables is the error that is told, within 5 of its standard errors (the size of
/// a normal error varies by √(1 − 2/π) of its standard deviation) and the 3 % by which a binomial's differs at 100 rows a bin.
#[test]
fn calibrated_scores_err_by_chance() {
    use rand::{RngExt, SeedableRng};
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
    let tables = 200;
    let (mut sum, mut told) = (0.0, 0.0);
    for _ in 0..tables {
        let mut csv = String::from("facet,label,score\n");
        for i in 0..1000 {
            let score: f64 = random.random();
            let label = u8::from(random.random::<f64>() < score);
            csv += &format!("{},{label},{score}\n", ["d", "a"][i % 2]);
        }
        let found = calibration(&csv, Bins::default());
        sum += found.all.ece.unwrap();
        told += found.all.ece_by_chance.unwrap();
    }
    let (mean, told) = (sum / f64::from(tables), told / f64::from(tables));
    let spread = (std::f64::consts::FRAC_PI_2 - 1.0).sqrt() / (10.0 * f64::from(tables)).sqrt();
    assert!((mean / told - 1.0).abs() < 5.0 * spread + 0.03, "{mean} {told}");
}

fn curve(csv: &str, points: usize) -> Curve {
    let mut request = scored();
    request.curve = Some(points);
    found(&measured(csv, &request).unwrap().facets[0].details.curve).clone()
}

#[test]
fn the_curve_is_fairlearns_at_every_threshold() {
    let found = curve(&data(), 101);
    let hundredths: Vec<f64> = (0..=100).map(|k| f64::from(k) / 100.0).collect();
    assert_eq!((found.thresholds.clone(), found.bin_width), (hundredths, 0.001));
    for at in expected()["curve"].as_array().unwrap() {
        let threshold = at["threshold"].as_f64().unwrap();
        let i = found.thresholds.iter().position(|&t| t == threshold).unwrap();
        for (rates, group) in [(&found.d, "d"), (&found.a, "a")] {
            close(rates.selection[i].unwrap(), &at[group]["selection"], "selection");
            close(rates.true_positive[i].unwrap(), &at[group]["true_positive"], "true positives");
            close(rates.false_positive[i].unwrap(), &at[group]["false_positive"], "false positives");
            close(rates.accuracy[i].unwrap(), &at[group]["accuracy"], "accuracy");
        }
        for metric in &found.metrics {
            close(metric.values[i].unwrap(), &at[metric.name], metric.name);
        }
    }
}

/// At each threshold the curve has what a run at that threshold measures, to the bit.
#[test]
fn the_curve_is_a_run_at_each_threshold() {
    let mut request = scored();
    request.metrics = Vec::new();
    request.curve = Some(11);
    let csv = data();
    let found = found(&measured(&csv, &request).unwrap().facets[0].details.curve).clone();
    assert_eq!(found.metrics.len(), 11);
    for (i, &threshold) in found.thresholds.iter().enumerate() {
        request.predicted = Some(Predicted::Score { column: "score".into(), threshold });
        let run = measured(&csv, &request).unwrap();
        for metric in &found.metrics {
            assert_eq!(
                metric.values[i],
                run.facets[0].metric(metric.name).unwrap().value,
                "{} {threshold}",
                metric.name
            );
        }
    }
}

#[test]
fn scores_of_any_range_have_a_curve() {
    let rows: String = (0..60).map(|i| format!("{},{},{}\n", ["a", "d"][i % 2], i % 3 % 2, 300 + 9 * i)).collect();
    let found = curve(&format!("facet,label,score\n{rows}"), 13);
    assert_eq!((found.thresholds.first(), found.thresholds.last()), (Some(&250.0), Some(&850.0)));
    assert_eq!((found.scores, found.bin_width), ((300.0, 831.0), 1.0));
    let at = found.thresholds.iter().position(|&t| t == 500.0).unwrap();
    let above = (0..60).filter(|i| i % 2 == 1 && 300 + 9 * i > 500).count();
    assert_eq!(found.d.selection[at], Some(above as f64 / 30.0));
}

fn regression(csv: &str, bootstrap: Option<Bootstrap>) -> Regression {
    let mut request = guessed();
    request.regression = Some(vec![0.1, 0.9]);
    request.bootstrap = bootstrap;
    found(&measured(csv, &request).unwrap().facets[0].details.regression).clone()
}

#[test]
fn errors_of_numbers_are_scikit_learns_and_welchs() {
    let (expected, found) = (expected(), regression(&data(), None));
    let expected = &expected["regression"];
    for gap in &found.gaps {
        close(gap.d.unwrap(), &expected["d"][&gap.name], &gap.name);
        close(gap.a.unwrap(), &expected["a"][&gap.name], &gap.name);
        assert_eq!(gap.difference.unwrap(), gap.a.unwrap() - gap.d.unwrap());
        let (low, high) = gap.analytic.unwrap();
        let welch = &expected["welch"][&gap.name];
        if !welch.is_null() {
            // The two quantiles of Student's distribution agree to 1e-9.
            assert!((low - welch[0].as_f64().unwrap()).abs() < 1e-8 * (1.0 + low.abs()), "{}: {low} {welch}", gap.name);
            assert!(
                (high - welch[1].as_f64().unwrap()).abs() < 1e-8 * (1.0 + high.abs()),
                "{}: {high} {welch}",
                gap.name
            );
        }
    }
    assert_eq!(found.gaps.len(), 5);
}

/// The half-widths of two valid intervals are alike; those of 1,000 replicates vary by 5 %, and √n matters for small groups.
#[test]
fn the_bootstrap_of_errors_is_as_wide_as_welch() {
    let found = regression(&data(), Some(Bootstrap::default()));
    for gap in &found.gaps {
        let width = |interval: Option<(f64, f64)>| interval.map(|(low, high)| high - low).unwrap();
        let ratio = width(gap.interval) / width(gap.analytic);
        assert!((0.8..1.2).contains(&ratio), "{}: {ratio}", gap.name);
        let (low, high) = gap.interval.unwrap();
        assert!(low < gap.difference.unwrap() && gap.difference.unwrap() < high, "{}", gap.name);
    }
}

#[test]
fn errors_need_no_outcome() {
    let mut request = guessed();
    request.label.values.clear();
    request.regression = Some(vec![0.5]);
    request.metrics.clear();
    let report = measured(&data(), &request).unwrap();
    let facet = &report.facets[0];
    assert!(facet.pre.is_empty() && facet.post.is_empty() && report.performance.is_none());
    assert_eq!(facet.pre_error.as_deref(), Some("no positive outcome was named"));
    assert_eq!(found(&facet.details.regression).gaps.len(), 4);
    assert_eq!(facet.d.rows + facet.a.rows, 400);
}

fn classified() -> BiasRequest {
    let mut request = BiasRequest::new(selection("grade", &[]), vec![facet("facet")]);
    request.predicted = Some(Predicted::Label("said".into()));
    request.classes = true;
    request
}

#[test]
fn distances_over_classes_are_scipys() {
    let report = measured(&data(), &classified()).unwrap();
    let classes = found(&report.facets[0].details.classes);
    let expected = expected();
    let predictions = classes.predictions.as_ref().unwrap();
    for (found, of) in [(&classes.labels, "labels"), (predictions, "predictions")] {
        assert_eq!(found.classes, ["high", "low", "middle"]);
        assert_eq!(found.distances.len(), 5);
        for distance in &found.distances {
            close(distance.value.unwrap(), &expected["distances"][of][distance.name], distance.name);
        }
    }
    for choice in &classes.each {
        let expected = &expected["classes"][&choice.positive];
        for name in ["DPL", "DPPL", "DI", "RD", "DAR"] {
            close(choice.metric(name).unwrap().value.unwrap(), &expected[name], name);
        }
    }
}

/// A class in turn is what it is when named as the positive one.
#[test]
fn each_class_is_a_run_of_its_own() {
    let mut request = classified();
    request.analytic = Some(0.9);
    request.bootstrap = Some(Bootstrap { replicates: 50, ..Bootstrap::default() });
    let csv = data();
    let report = measured(&csv, &request).unwrap();
    request.classes = false;
    for choice in &found(&report.facets[0].details.classes).each {
        request.label.values = vec![text(&choice.positive)];
        same(&measured(&csv, &request).unwrap(), choice);
    }
}

#[test]
fn each_threshold_is_a_run_of_its_own() {
    let mut request = guessed();
    request.label_thresholds = vec![120.0, 80.0];
    let csv = data();
    let report = measured(&csv, &request).unwrap();
    let thresholds = report.facets[0].details.thresholds.clone();
    let named: Vec<&str> = thresholds.iter().map(|choice| choice.positive.as_str()).collect();
    assert_eq!(named, ["80.0", "100.0", "120.0"]);
    request.label_thresholds.clear();
    for choice in &thresholds {
        let expected = &expected()["thresholds"][&choice.positive];
        for metric in &choice.metrics {
            close(metric.value.unwrap(), &expected[metric.name], metric.name);
        }
        request.label.values = vec![Value::Number(choice.positive.parse().unwrap())];
        same(&measured(&csv, &request).unwrap(), choice);
    }
}

#[track_caller]
fn same(run: &BiasReport, choice: &Choice) {
    let facet = &run.facets[0];
    assert_eq!((facet.d, facet.a), (choice.d, choice.a));
    assert!(!choice.metrics.is_empty());
    for metric in &choice.metrics {
        let found = facet.metric(metric.name).unwrap();
        assert_eq!(
            (found.value, found.interval, found.analytic),
            (metric.value, metric.interval, metric.analytic),
            "{}",
            metric.name
        );
    }
}

/// DPL with Newcombe's interval, DI with Katz's, CI with Wilson's: from tables of those counts. statsmodels' normal quantile and ours
/// agree to 1e-10.
#[test]
fn intervals_are_statsmodels() {
    let near = |found: f64, expected: &Json| (found - expected.as_f64().unwrap()).abs() < 1e-9 * (1.0 + found.abs());
    for case in expected()["intervals"].as_array().unwrap() {
        let [k1, n1, k2, n2]: [usize; 4] = serde_json::from_value(case["counts"].clone()).unwrap();
        let rows = |group: &str, label: u8, n: usize| format!("{group},{label},{label}\n").repeat(n);
        // DPL is the first minus the second share: a is the first. DI is d over a: d is the first.
        for (first, second, name, method) in [("a", "d", "DPL", "newcombe"), ("d", "a", "DI", "katz")] {
            let csv = [
                "facet,label,said\n".to_string(),
                rows(first, 1, k1),
                rows(first, 0, n1 - k1),
                rows(second, 1, k2),
                rows(second, 0, n2 - k2),
            ];
            let mut request = scored();
            request.predicted = Some(Predicted::Label("said".into()));
            request.metrics = vec![name.into()];
            request.analytic = Some(0.95);
            let report = measured(&csv.concat(), &request).unwrap();
            match report.facets[0].metric(name).unwrap().analytic {
                Some(found) => {
                    assert!(near(found.low, &case[method][0]) && near(found.high, &case[method][1]), "{found:?} {case}")
                }
                None => assert!(case[method].is_null(), "{case}"),
            }
        }
        if k1 > 0 && k1 < n1 {
            let mut request = scored();
            request.predicted = None;
            request.metrics = vec!["CI".into()];
            request.analytic = Some(0.95);
            let csv = ["facet,label,said\n".to_string(), rows("d", 1, k1), rows("a", 0, n1 - k1)].concat();
            let found = measured(&csv, &request).unwrap().facets[0].metric("CI").unwrap().analytic.unwrap();
            let share = |x: f64| (1.0 - x) / 2.0;
            assert!(near(share(found.high), &case["wilson"][0]) && near(share(found.low), &case["wilson"][1]));
        }
    }
}

/// The table with groups exchanged, or its rows in another order.
fn exchanged(csv: &str) -> String {
    let swap = |line: &str| match line.split_at(1) {
        ("d", rest) => format!("a{rest}\n"),
        ("a", rest) => format!("d{rest}\n"),
        _ => panic!("{line}"),
    };
    let (head, rows) = csv.split_once('\n').unwrap();
    format!("{head}\n{}", rows.lines().map(swap).collect::<String>())
}

fn turned(csv: &str) -> String {
    let (head, rows) = csv.split_once('\n').unwrap();
    format!("{head}\n{}", rows.lines().rev().map(|line| format!("{line}\n")).collect::<String>())
}

#[test]
fn exchanging_the_groups_turns_the_signs() {
    let (csv, other) = (data(), exchanged(&data()));
    let (one, two) = (calibration(&csv, Bins::default()), calibration(&other, Bins::default()));
    assert_eq!((&one.d, one.ece_gap), (&two.a, two.ece_gap.map(|gap| -gap)));
    let (one, two) = (curve(&csv, 21), curve(&other, 21));
    assert_eq!(one.d, two.a);
    for (one, two) in one.metrics.iter().zip(&two.metrics).filter(|(m, _)| m.name != "DI") {
        let turned: Vec<Option<f64>> = two.values.iter().map(|v| v.map(|v| -v)).collect();
        assert_eq!(one.values, turned, "{}", one.name);
    }
    let how = Some(Bootstrap { replicates: 40, ..Bootstrap::default() });
    for (one, two) in regression(&csv, how).gaps.iter().zip(&regression(&other, how).gaps) {
        assert_eq!((one.d, one.difference), (two.a, two.difference.map(|gap| -gap)));
        // Each row keeps its weights, so the replicates are turned too.
        let ((low, high), (from, to)) = (one.interval.unwrap(), two.interval.unwrap());
        assert!((low + to).abs() < 1e-12 && (high + from).abs() < 1e-12, "{}: {low} {to}", one.name);
    }
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let (csv, other) = (data(), turned(&data()));
    assert_eq!(curve(&csv, 101), curve(&other, 101));
    let (one, two) = (calibration(&csv, Bins::default()), calibration(&other, Bins::default()));
    for (one, two) in one.d.bins.iter().zip(&two.d.bins).filter(|(bin, _)| bin.rows > 0) {
        assert_eq!((one.rows, one.observed), (two.rows, two.observed));
        close(one.mean_score.unwrap(), &two.mean_score.into(), "mean score");
    }
    for (one, two) in regression(&csv, None).gaps.iter().zip(&regression(&other, None).gaps) {
        close(one.difference.unwrap(), &two.difference.into(), &one.name);
    }
}

/// An intersection is the group of a column that joins the two.
#[test]
fn intersections_have_details_too() {
    let csv = data();
    let (head, rows) = csv.split_once('\n').unwrap();
    let half = |i: usize| ["d", "other"][i % 2];
    let joined = |i: usize, line: &str| if i.is_multiple_of(2) && line.starts_with('d') { "d" } else { "rest" };
    let rows: String =
        rows.lines().enumerate().map(|(i, line)| format!("{line},{},{}\n", half(i), joined(i, line))).collect();
    let csv = format!("{head},half,both\n{rows}");
    let mut request = scored();
    request.facets = vec![facet("facet"), facet("half"), facet("both")];
    request.intersections = vec![(0, 1)];
    request.calibration = Some(Bins::default());
    request.curve = Some(11);
    let report = measured(&csv, &request).unwrap();
    let [joined, crossed] = [&report.facets[2], &report.facets[3]];
    assert_eq!(crossed.facet, "facet × half");
    assert_eq!(found(&joined.details.calibration).d.bins, found(&crossed.details.calibration).d.bins);
    assert_eq!(found(&joined.details.curve), found(&crossed.details.curve));
}

#[test]
fn scores_beyond_shares_refuse_calibration_alone() {
    let csv = "facet,label,score\na,1,0.9\na,0,-0.5\nd,1,0.4\nd,0,1.51\n";
    let mut request = scored();
    (request.calibration, request.curve) = (Some(Bins::default()), Some(5));
    let report = measured(csv, &request).unwrap();
    let facet = &report.facets[0];
    let refused = facet.details.calibration.as_ref().unwrap().error().unwrap();
    assert!(refused.contains("from -0.5 to 1.51"), "{refused}");
    assert_eq!(found(&facet.details.curve).scores, (-0.5, 1.51));
    assert!(facet.metric("DPPL").unwrap().value.is_some());
    let json = serde_json::to_value(facet).unwrap();
    assert_eq!(json["calibration"]["error"], refused);
    assert_eq!(json.get("regression"), None, "what was not asked for is not there");
}

#[test]
fn empty_groups_and_one_outcome_have_no_numbers() {
    let mut request = scored();
    (request.calibration, request.curve, request.analytic) = (Some(Bins::default()), Some(5), Some(0.95));
    let report = measured("facet,label,score\na,1,0.9\na,1,0.2\nb,1,0.4\n", &request).unwrap();
    let details = &report.facets[0].details;
    let empty = found(&details.calibration);
    assert_eq!((empty.d.rows, empty.d.ece, empty.ece_gap, empty.excess_interval), (0, None, None, None));
    assert_eq!(empty.a.mce, Some(0.8));
    let curve = found(&details.curve);
    assert!(curve.d.selection.iter().chain(&curve.a.false_positive).all(Option::is_none));
    assert!(curve.metrics.iter().flat_map(|m| &m.values).all(Option::is_none));
    assert!(report.facets[0].post.iter().all(|m| m.analytic.is_none()));
}

#[test]
fn rows_without_a_score_or_a_label_are_left_out() {
    let csv = "facet,label,score\na,1,0.9\na,,0.2\nd,1,\nd,0,0.4\n,1,0.7\nd,1,0.6\na,0,0.3\n";
    let mut request = scored();
    (request.calibration, request.curve) = (Some(Bins::default()), Some(3));
    let report = measured(csv, &request).unwrap();
    let details = &report.facets[0].details;
    assert_eq!((found(&details.calibration).d.rows, found(&details.calibration).a.rows), (2, 2));
    assert_eq!(found(&details.curve).d.selection, [Some(1.0), Some(0.5), Some(0.0)]);
}

#[test]
fn errors_of_text_are_refused() {
    let mut request = guessed();
    request.regression = Some(vec![0.5]);
    let report = measured("facet,amount,guess\na,1,2\nd,x,2\nd,3,3\n", &request).unwrap();
    let refused = report.facets[0].details.regression.as_ref().unwrap().error().unwrap();
    assert!(refused.contains("`amount` holds text, `x`"), "{refused}");
}

#[test]
fn very_many_classes_are_refused() {
    let rows: String = (0..300).map(|i| format!("{},c{i},c{}\n", ["a", "d"][i % 2], i % 7)).collect();
    let report = measured(&format!("facet,grade,said\n{rows}"), &classified()).unwrap();
    let refused = report.facets[0].details.classes.as_ref().unwrap().error().unwrap();
    assert!(refused.contains("more than 100 classes"), "{refused}");
}

#[test]
fn thresholds_that_split_nothing_are_told() {
    let mut request = guessed();
    request.label_thresholds = vec![1e6, -50.0];
    let report = measured(&data(), &request).unwrap();
    for told in ["no label is above 1000000: labels reach from", "every label is above -50: labels reach from"] {
        assert!(report.notes.iter().any(|note| note.starts_with(told)), "{:?}", report.notes);
    }
    let last = &report.facets[0].details.thresholds[2];
    assert_eq!(last.metric("RD").unwrap().error.as_deref(), Some("undefined (0/0): group a has no observed positives"));
    let mut request = scored();
    request.curve = Some(11);
    request.predicted = Some(Predicted::Score { column: "score".into(), threshold: 2.0 });
    let notes = measured(&data(), &request).unwrap().notes;
    assert!(notes.iter().any(|note| note.starts_with("no score is above 2")), "{notes:?}");
}

#[test]
fn a_misspelt_value_is_told_with_the_nearest() {
    let csv = "facet,label,score\nFemale,yes,0.9\nMale,no,0.2\nFemale,no,0.4\n";
    let mut request = scored();
    request.label.values = vec![text("Yes")];
    request.facets[0].values = vec![text("Femal"), text("Male")];
    let report = measured(csv, &request).unwrap();
    assert!(report.notes.contains(&"no cell of `label` is `Yes` (did you mean `yes`?)".into()), "{:?}", report.notes);
    let notes = &report.facets[0].notes;
    assert!(notes.contains(&"no cell of `facet` is `Femal` (did you mean `Female`?)".into()), "{notes:?}");
    assert_eq!(report.facets[0].d.rows, 1, "the other value is there");
}

#[test]
fn what_makes_no_sense_is_refused_with_a_hint() {
    type Change = fn(&mut BiasRequest);
    let cases: [(Change, &str); 8] = [
        (|r| (r.calibration, r.predicted) = (Some(Bins::default()), None), "are of scores"),
        (|r| r.calibration = Some(Bins { count: 0, equal_mass: false }), "0 bins"),
        (|r| r.curve = Some(1), "1 thresholds"),
        (|r| r.regression = Some(vec![1.0]), "1 is no quantile"),
        (|r| (r.regression, r.predicted) = (Some(vec![]), None), "predicted numbers"),
        (|r| r.label_thresholds = vec![0.5], "no first one"),
        (|r| r.label.values.clear(), "without its positive values"),
        (|r| r.analytic = Some(1.0), "no share"),
    ];
    for (change, expected) in cases {
        let mut request = scored();
        change(&mut request);
        match measured(&data(), &request).unwrap_err() {
            pellucid::Error::Input { message, hint } => {
                assert!(message.contains(expected) && hint.is_some(), "{message}");
            }
            other => panic!("{other}"),
        }
    }
}
