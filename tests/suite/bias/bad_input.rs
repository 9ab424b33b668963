//! What a metric says when it cannot be computed, and what a request is told.

use super::{csv, measured, request, selection, text};
use pellucid::bias::{BiasRequest, Kind, Mode, Predicted, Value};
use pellucid::{Error, Result};

fn message<T: std::fmt::Debug>(result: Result<T>) -> (String, String) {
    match result.unwrap_err() {
        Error::Input { message, hint } => (message, hint.unwrap_or_default()),
        other => panic!("{other}"),
    }
}

fn table() -> String {
    csv(&[('a', 1, 1, 0), ('a', 0, 0, 1), ('a', 1, 0, 2), ('d', 1, 1, 0), ('d', 0, 0, 1), ('d', 0, 1, 2)])
}

#[test]
fn a_column_that_is_not_there_is_named_with_the_nearest() {
    let mut wrong = request(Mode::Correct);
    wrong.facets[0].column = "F".into();
    let (message, hint) = message(measured(&table(), &wrong));
    assert!(message.contains("no column `F` (did you mean `f`?)") && hint.contains("`x`"), "{message} {hint}");
}

#[test]
fn requests_without_sense_are_refused_with_a_hint() {
    let refused = |change: fn(&mut BiasRequest)| {
        let mut request = request(Mode::Correct);
        change(&mut request);
        message(measured(&table(), &request))
    };
    type Change = fn(&mut BiasRequest);
    let cases: [(Change, &str); 6] = [
        (|r| r.label.values.clear(), "without its positive values"),
        (|r| r.facets.clear(), "no facet"),
        (|r| r.metrics.push("DPX".into()), "no metric `DPX`"),
        (|r| r.intersections.push((0, 1)), "cannot be intersected"),
        (|r| r.bootstrap = Some(pellucid::bias::Bootstrap { replicates: 5, ..Default::default() }), "5 replicates"),
        (|r| r.predicted = Some(Predicted::Score { column: "f".into(), threshold: 0.5 }), "holds text"),
    ];
    for (change, expected) in cases {
        let (message, hint) = refused(change);
        assert!(message.contains(expected) && !hint.is_empty(), "{message} {hint}");
    }
}

#[test]
fn an_empty_group_has_reasons_not_values() {
    let mut request = request(Mode::Correct);
    request.facets[0].values = vec![text("nobody")];
    let found = &measured(&table(), &request).unwrap().facets[0];
    let dpl = found.metric("DPL").unwrap();
    assert_eq!((dpl.value, dpl.error.as_deref()), (None, Some("group d has no rows")));
    assert!(found.metric("GE").unwrap().value.is_some(), "others are computed");
}

#[test]
fn zero_over_zero_is_null_and_the_reference_is_quoted() {
    let rows = [('a', 1, 1, 0), ('a', 0, 1, 0), ('d', 0, 1, 0), ('d', 0, 0, 0)];
    let found = measured(&csv(&rows), &request(Mode::Correct)).unwrap();
    let recall = found.facets[0].metric("RD").unwrap();
    assert_eq!(recall.error.as_deref(), Some("undefined (0/0): group d has no observed positives"));
    assert_eq!(recall.other.as_ref().unwrap().value, Some(1.0));
    let divergence = found.facets[0].metric("KL").unwrap();
    assert_eq!(divergence.value, Some(f64::INFINITY));
    let json = serde_json::to_value(divergence).unwrap();
    assert_eq!(json["value"], "Infinity");
}

#[test]
fn values_written_as_another_type_are_understood() {
    let table = "f,l,p\nTrue,1,1\nFalse,0,0\nFalse,1,1\nTrue,0,0\nFalse,1,0\n";
    let rows = |values: &[Value], mode: Mode| {
        let mut request = request(mode);
        request.group = None;
        request.label.values = vec![text("1")];
        request.facets[0].values = values.to_vec();
        measured(table, &request).unwrap().facets[0].d.rows
    };
    assert_eq!(rows(&[text("False")], Mode::Correct), 3);
    assert_eq!(rows(&[text("false")], Mode::Correct), 3);
    assert_eq!(rows(&[Value::Bool(false)], Mode::Correct), 3);
    assert_eq!(rows(&[Value::Integer(0)], Mode::Correct), 3);
    assert_eq!(rows(&[text("False")], Mode::Clarify), 2, "the reference takes every text for true");
}

#[test]
fn missing_cells_are_left_out_and_counted() {
    let table = "f,l,p,g,x\nd,1,1,s,1\nd,,1,s,2\n,1,0,s,3\na,0,1,s,4\na,1,,s,5\na,1,1,,6\nd,0,0,s,7\n";
    let found = measured(table, &request(Mode::Correct)).unwrap();
    let facet = &found.facets[0];
    assert_eq!((facet.d.rows, facet.a.rows), (2, 3));
    assert_eq!((facet.d.true_positive, facet.a.true_positive, facet.a.false_positive), (1, 1, 1));
    for column in ["f", "l", "p", "g"] {
        let note = format!("`{column}` is missing in 1 of 7 rows");
        assert!(found.notes.contains(&note), "{column}: {:?}", found.notes);
    }
    let dpl = facet.metric("DPL").unwrap();
    assert_eq!(dpl.value, Some(2.0 / 3.0 - 0.5));
    let other = dpl.other.as_ref().unwrap();
    assert_eq!(other.value, Some(3.0 / 4.0 - 1.0 / 3.0));
    assert!(other.why.contains("missing"));
}

#[test]
fn a_threshold_beyond_the_numbers_selects_nobody() {
    let lines: String = (0..60).map(|i| format!("{i},{},{}\n", i % 2, i % 3 % 2)).collect();
    let mut request = request(Mode::Correct);
    request.group = None;
    request.facets =
        vec![selection("f", &[Value::Integer(100)]), selection("f", &[]), selection("f", &[Value::Integer(59)])];
    let found = measured(&format!("f,l,p\n{lines}"), &request).unwrap();
    assert_eq!(found.facets[0].value_or_threshold, "(59, 100]");
    assert_eq!(found.facets[0].metric("CI").unwrap().error.as_deref(), Some("group d has no rows"));
    assert!(found.facets[1].pre_error.as_ref().unwrap().contains("threshold"), "{:?}", found.facets[1].pre_error);
    // 59 is no threshold that anybody exceeds, but it is a value
    assert_eq!((found.facets[2].kind, found.facets[2].d.rows), (Kind::Categorical, 1));
}

#[test]
fn very_many_categories_are_refused_for_that_facet_only() {
    let lines: String = (0..3000).map(|i| format!("c{i},{},{},{}\n", i % 2, i % 3 % 2, ["a", "d"][i % 2])).collect();
    let mut request = request(Mode::Correct);
    request.group = None;
    request.facets = vec![selection("id", &[]), selection("f", &[text("d")])];
    let found = measured(&format!("id,l,p,f\n{lines}"), &request).unwrap();
    let reason = found.facets[0].pre_error.as_ref().unwrap();
    assert!(reason.contains("more than 1000 different values"), "{reason}");
    assert!(found.facets[1].metric("DPL").unwrap().value.is_some());
    request.facets = vec![selection("id", &[text("c7"), text("c8")])];
    assert_eq!(measured(&format!("id,l,p,f\n{lines}"), &request).unwrap().facets[0].d.rows, 2);
}

#[test]
fn intersections_and_small_ones() {
    let lines: String = (0..200)
        .map(|i| format!("{},{},{},{},{}\n", ["a", "d"][i % 2], ["u", "v"][i / 190], i % 2, i % 3 % 2, i))
        .collect();
    let mut request = request(Mode::Correct);
    request.group = None;
    request.facets = vec![selection("f", &[text("d")]), selection("h", &[])];
    request.intersections = vec![(0, 1)];
    let found = measured(&format!("f,h,l,p,x\n{lines}"), &request).unwrap();
    let both = found.facets.iter().find(|f| f.facet == "f × h").unwrap();
    assert_eq!((both.value_or_threshold.as_str(), both.d.rows, both.a.rows), ("d × u", 95, 105));
    assert!(
        found.notes.iter().any(|n| n.contains("d × v has only 5 rows") || n.contains("= d × v has only 5 rows")),
        "{:?}",
        found.notes
    );
}

#[test]
fn scores_above_a_threshold_are_positive() {
    let table = "f,l,s\na,1,0.9\na,0,0.5\nd,1,0.4\nd,0,0.51\n";
    let mut request = request(Mode::Correct);
    request.group = None;
    request.predicted = Some(Predicted::Score { column: "s".into(), threshold: 0.5 });
    let facet = &measured(table, &request).unwrap().facets[0];
    assert_eq!((facet.a.predicted_positive, facet.d.predicted_positive, facet.d.false_positive), (1, 1, 1));
}
