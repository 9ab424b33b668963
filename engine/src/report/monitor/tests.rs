//! Every figure of the page is drawn, in both themes, without a remark of Vega's, and says what was found.

use super::*;
use crate::data::{ReadOptions, Table as Rows};
use crate::drift::{
    AttributionLimits, BiasRule, ColumnLimits, Importance, Profile, ProfileOptions, Role, attribution_drift, data_drift,
};
use crate::report::{Drawing, Theme};

/// A profile of a table of which `shift` moves everything.
fn profile(name: &str, shift: usize) -> Profile {
    let path = std::env::temp_dir().join(format!("pellucid-monitor-{}-{name}.csv", std::process::id()));
    let line = |i: usize| {
        let blank = if i % 4 < shift { String::new() } else { i.to_string() };
        format!("{},{},\"k<{}>\",{blank},{}\n", i * 37 % 100 + 60 * shift, i % 2, (i * i + shift) % (3 + shift), i)
    };
    std::fs::write(&path, format!("a \"b\",flag,c,d,id\n{}", (0..200).map(line).collect::<String>())).unwrap();
    let options = ProfileOptions { categorical: vec!["id".into()], ..ProfileOptions::default() };
    let found = Profile::read(&Rows::open(&path, &ReadOptions::default()).unwrap(), &options).unwrap();
    let _ = std::fs::remove_file(&path);
    found
}

fn bias() -> Vec<BiasDrift> {
    let of = |metric: &str, value: Option<f64>, drifted| BiasDrift {
        facet: "sex".into(),
        facet_value: "F".into(),
        metric: metric.into(),
        value,
        interval: value.filter(|v| v.is_finite()).map(|v| (v - 0.05, v + 0.05)),
        baseline: Some(0.1),
        allowed: Some((-0.1, 0.1)),
        drifted,
        error: value.is_none().then(|| "no rows".into()),
    };
    vec![
        of("DPL", Some(0.3), true),
        of("DPPL", Some(0.05), false),
        of("DI", Some(0.7), true),
        of("TE", Some(f64::INFINITY), true),
        of("CDDL", None, false),
    ]
}

fn attributions() -> Vec<AttributionDrift> {
    let of = |values: [f64; 3], stderr: f64| Importance {
        output: "p <yes>".into(),
        link: "identity".into(),
        players: ["age", "a very long name of a feature that needs two lines", "c"].map(String::from).to_vec(),
        values: values.to_vec(),
        stderr: vec![stderr; 3],
        base_value: 0.0,
    };
    attribution_drift(&[of([0.7, 0.5, 0.05], f64::NAN)], &[of([0.1, 0.2, 0.7], 0.02)], AttributionLimits::default())
        .unwrap()
}

fn page(runs: i64) -> (Report, Vec<Check>) {
    let (old, new) = (profile("old", 0), profile("new", 1));
    let columns = data_drift(&old, &new, ColumnLimits::default(), |name| match name {
        "flag" => Role::Label,
        "c" => Role::Prediction,
        _ => Role::Feature,
    });
    let (bias, attributions) = (bias(), attributions());
    let mut checks = columns.checks();
    checks.extend(bias.iter().map(|b| b.check(BiasRule::Interval { widened: false })));
    checks.extend(attributions.iter().flat_map(|a| a.checks(false)));
    let day = 86_400_000;
    let history: Vec<Record> =
        (0..runs).flat_map(|run| checks.iter().map(move |c| Record { time: run * day, check: c.clone() })).collect();
    let text = |text: &str| text.to_string();
    let report = MonitorPage {
        title: text("Drift"),
        headline: text("new.csv against old.csv: 9 violations in 20 checks"),
        data: text("new.csv"),
        baseline: text("old.csv"),
        command: text("pellucid monitor"),
        created: text("now"),
        columns: Some(&columns),
        bias: &bias,
        compat: false,
        attributions: &attributions,
        checks: &checks,
        limits: &[],
        notes: &[],
        history: &history,
    };
    (report.report(), checks)
}

#[test]
fn every_figure_is_drawn() {
    let (report, checks) = page(5);
    let ids: Vec<&str> = report.figures().map(|(id, _)| id).collect();
    for id in [
        "columns-psi",
        "shape-a-b",
        "shape-c",
        "bias-sex-f",
        "attributions-p-yes",
        "history-columns",
        "history-missing",
        "history-bias",
        "history-ndcg",
        "history-distance",
    ] {
        assert!(ids.contains(&id), "{id} is not among {ids:?}");
    }
    let mut drawing = Drawing::new().unwrap();
    for (id, figure) in report.figures() {
        for theme in [Theme::Light, Theme::Dark] {
            let svg = drawing.svg(figure, 640.0, theme).unwrap_or_else(|e| panic!("{id}: {e}"));
            assert_eq!(drawing.remarks(), [] as [String; 0], "{id}");
            assert!(!svg.contains("NaN"), "{id}");
        }
        assert!(!figure.alt.is_empty() && !figure.alt.contains("NaN"), "{id}: {}", figure.alt);
        figure.table.rows.iter().for_each(|row| assert_eq!(row.len(), figure.table.columns.len(), "{id}"));
    }
    // The verdict comes first and names every violation.
    assert_eq!(report.sections[0].id, "verdict");
    let Item::Table(violations) = &report.sections[0].items[0] else { panic!("no table") };
    assert_eq!(violations.rows.len(), checks.iter().filter(|check| check.violated).count());
    assert!(report.html().unwrap().contains("k&lt;2&gt;"));
}

#[test]
fn a_page_without_history_has_no_chart_and_one_run_has() {
    let ids = |runs| page(runs).0.sections.iter().map(|s| s.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(0), ["verdict", "columns", "bias", "attributions", "provenance"]);
    assert_eq!(ids(1), ["verdict", "columns", "bias", "attributions", "history", "provenance"]);
    let (report, _) = page(1);
    let chart = report.figures().find(|(id, _)| *id == "history-bias").unwrap().1;
    // Infinite values are not drawn, and one that is missing is not 0.
    assert_eq!(chart.table.rows.len(), 3);
}
