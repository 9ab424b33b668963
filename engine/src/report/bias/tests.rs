//! Every figure of a page is drawn, and holds the numbers that were found.

use super::*;
use crate::bias::{BiasRequest, Bootstrap, Kind, Predicted, Selection, Value as Cell, measure};
use crate::data::{ReadOptions, Table as Rows};
use crate::report::{Drawing, Theme};

/// 40 of `d <&> "é"`, 60 of a; labels and predictions by a rule.
fn found(name: &str, metrics: &[&str]) -> BiasReport {
    let name = format!("pellucid-{}-{name}.csv", std::process::id());
    let path = std::env::temp_dir().join(name);
    let row = |i: usize| {
        let who = if i % 5 < 2 { "d <&> é" } else { "a" };
        format!(
            "{who},{},{},{}\n",
            20 + i % 50,
            u8::from(i.is_multiple_of(3)),
            u8::from(i % 7 < 3 && !i.is_multiple_of(5))
        )
    };
    std::fs::write(&path, format!("who's,age,ok,said\n{}", (0..100).map(row).collect::<String>())).unwrap();
    let chosen =
        |column: &str, value: Cell, kind| Selection { column: column.into(), values: vec![value], kind: Some(kind) };
    let facets = vec![
        chosen("who's", Cell::Text("d <&> é".into()), Kind::Categorical),
        chosen("age", Cell::Number(40.0), Kind::Continuous),
    ];
    let mut request = BiasRequest::new(chosen("ok", Cell::Integer(1), Kind::Categorical), facets);
    request.predicted = Some(Predicted::Label("said".into()));
    request.metrics = metrics.iter().map(|name| name.to_string()).collect();
    request.bootstrap = Some(Bootstrap { replicates: 100, ..Bootstrap::default() });
    let found = measure(&Rows::open(&path, &ReadOptions::default()).unwrap(), &request).unwrap();
    let _ = std::fs::remove_file(&path);
    found
}

fn page(found: &BiasReport) -> Report {
    let text = |text: &str| text.to_string();
    BiasPage {
        title: text("Bias"),
        table: text("t.csv"),
        predictions: text("said"),
        command: text("pellucid bias"),
        created: text("now"),
        found,
        limits: &[],
    }
    .report()
}

#[test]
fn every_figure_is_drawn() {
    let report = page(&found("drawn", &[]));
    let ids: Vec<&str> = report.figures().map(|(id, _)| id).collect();
    let of = |facet: &str| ["outcomes", "differences", "confusion", "unbounded"].map(|kind| format!("{kind}-{facet}"));
    let wanted: Vec<String> =
        std::iter::once("disparate-impact".to_string()).chain(of("who-s-d")).chain(of("age-40")).collect();
    assert_eq!(ids, wanted);
    let mut drawing = Drawing::new().unwrap();
    for (id, figure) in report.figures() {
        let svg = drawing.svg(figure, 640.0, Theme::Dark).unwrap();
        assert_eq!(drawing.remarks(), [] as [String; 0], "{id}");
        assert!(svg.len() > 2000 && !svg.contains("NaN") && !svg.contains("undefined"), "{id}: {svg}");
        assert!(!figure.alt.is_empty() && !figure.table.rows.is_empty(), "{id}");
    }
    assert!(report.html().is_ok());
}

#[test]
fn figures_hold_what_was_found() {
    let found = found("held", &[]);
    let report = page(&found);
    let named = |id: &str| report.figures().find(|(found, _)| *found == id).unwrap().1;
    let facet = &found.facets[0];
    let bars = named("outcomes-who-s-d").spec["data"]["values"].as_array().unwrap();
    let shares: Vec<f64> = bars.iter().map(|bar| bar["x"].as_f64().unwrap()).collect();
    let share = |positive: u64, rows: u64| positive as f64 / rows as f64;
    let (d, a) = (facet.d, facet.a);
    let counted = [
        share(d.positive, d.rows),
        share(a.positive, a.rows),
        share(d.predicted_positive, d.rows),
        share(a.predicted_positive, a.rows),
    ];
    assert_eq!(shares, counted);
    let dots = named("differences-who-s-d");
    for (dot, row) in dots.spec["data"]["values"]
        .as_array()
        .unwrap()
        .iter()
        .zip(dots.table.rows.iter().filter(|row| !row[1].is_null()))
    {
        let metric = facet.metric(row[0].as_str().unwrap()).unwrap();
        assert_eq!((dot["x"].as_f64(), dot["lo"].as_f64()), (metric.value, metric.interval.map(|i| i.0)), "{row:?}");
    }
    let cells = named("confusion-who-s-d").spec["data"]["values"].as_array().unwrap();
    let n: Vec<u64> = cells.iter().map(|cell| cell["n"].as_u64().unwrap()).collect();
    assert_eq!(n[..4], [d.true_positive, d.false_positive, d.false_negative, d.true_negative]);
}

#[test]
fn a_page_of_one_metric_has_no_empty_figures() {
    let report = page(&found("one", &["CDDL"]));
    let ids: Vec<&str> = report.figures().map(|(id, _)| id).collect();
    assert_eq!(ids, ["outcomes-who-s-d", "confusion-who-s-d", "outcomes-age-40", "confusion-age-40"]);
    let table = report.sections[1].items.iter().find_map(|item| match item {
        Item::Table(table) => Some(table),
        _ => None,
    });
    let said = table.unwrap().rows[0][4].as_str().unwrap();
    assert!(said.starts_with("not computed: no group column"), "{said}");
}

/// Scores, numbers and classes: each asked for gives figures with the numbers that were found.
#[test]
fn what_is_asked_for_beside_the_metrics_is_drawn() {
    let name = format!("pellucid-{}-deep.csv", std::process::id());
    let path = std::env::temp_dir().join(name);
    let row = |i: u32| {
        let score = f64::from(i * 37 % 100) / 100.0;
        let label = u8::from(f64::from(i * 61 % 97) / 97.0 < score);
        format!("{},{label},{score}\n", if i % 5 < 2 { "d <&> é" } else { "a" })
    };
    std::fs::write(&path, format!("who's,ok,score\n{}", (0..200).map(row).collect::<String>())).unwrap();
    let chosen = |column: &str, value: Cell| Selection {
        column: column.into(),
        values: vec![value],
        kind: Some(Kind::Categorical),
    };
    let facets = vec![chosen("who's", Cell::Text("d <&> é".into()))];
    let mut request = BiasRequest::new(chosen("ok", Cell::Integer(1)), facets);
    request.predicted = Some(Predicted::Score { column: "score".into(), threshold: 0.5 });
    request.calibration = Some(crate::bias::Bins::default());
    (request.curve, request.classes, request.regression) = (Some(21), true, Some(vec![0.5]));
    request.analytic = Some(0.9);
    let found = measure(&Rows::open(&path, &ReadOptions::default()).unwrap(), &request).unwrap();
    let _ = std::fs::remove_file(&path);
    let report = page(&found);
    let mut drawing = Drawing::new().unwrap();
    for id in ["reliability", "rates", "thresholds", "errors"] {
        let id = format!("{id}-who-s-d");
        let (_, figure) = report.figures().find(|(found, _)| *found == id).unwrap_or_else(|| panic!("{id}"));
        let svg = drawing.svg(figure, 640.0, Theme::Light).unwrap();
        assert_eq!(drawing.remarks(), [] as [String; 0], "{id}");
        assert!(svg.len() > 2000 && !svg.contains("NaN") && !svg.contains("undefined"), "{id}: {svg}");
        assert!(!figure.alt.is_empty() && !figure.table.rows.is_empty(), "{id}");
    }
    let details = &found.facets[0].details;
    let calibration = details.calibration.as_ref().and_then(Asked::found).unwrap();
    let figure = report.figures().find(|(id, _)| *id == "reliability-who-s-d").unwrap().1;
    let first = &figure.spec["data"]["values"][0];
    assert_eq!(
        (first["y"].as_f64(), first["n"].as_u64()),
        (calibration.d.bins[0].observed, Some(calibration.d.bins[0].rows))
    );
    assert!(figure.caption.contains("90 % interval"), "{}", figure.caption);
    let curve = details.curve.as_ref().and_then(Asked::found).unwrap();
    let figure = report.figures().find(|(id, _)| *id == "rates-who-s-d").unwrap().1;
    assert_eq!(figure.table.rows[10][..2], [serde_json::json!(0.5), serde_json::json!(curve.d.selection[10])]);
    let tables: Vec<&str> = report.sections[1]
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Table(table) => Some(table.title.as_str()),
            _ => None,
        })
        .collect();
    assert!(tables.contains(&"Calibration") && tables.contains(&"Each class as the positive one"), "{tables:?}");
}
