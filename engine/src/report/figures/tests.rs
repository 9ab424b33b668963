use crate::report::example::findings;
use crate::report::{Drawing, Figure, Findings, Item, Theme};
use serde_json::Value;
use std::collections::BTreeSet;

fn all(findings: &Findings) -> Vec<Figure> {
    let items = findings.report().sections.into_iter().flat_map(|section| section.items);
    items.filter_map(|item| if let Item::Figure(figure) = item { Some(figure) } else { None }).collect()
}

fn named(findings: &Findings, id: &str) -> Figure {
    all(findings).into_iter().find(|figure| figure.id == id).unwrap_or_else(|| panic!("no figure {id}"))
}

fn rows(findings: &mut Findings) -> impl Iterator<Item = &mut crate::explain::ExplainedRow> {
    findings.sample.iter_mut().chain(findings.shown.iter_mut().map(|shown| &mut shown.row))
}

/// Every figure is drawn without a remark of Vega's, and states its finding.
fn all_are_drawn(findings: &Findings) {
    let mut drawing = Drawing::new().unwrap();
    for figure in all(findings) {
        let svg = drawing.svg(&figure, 640.0, Theme::Dark).unwrap_or_else(|e| panic!("{}: {e}", figure.id));
        assert_eq!(drawing.remarks(), [] as [String; 0], "{}", figure.id);
        assert!(!svg.contains("NaN"), "{}", figure.id);
        assert!(!figure.alt.contains("NaN") && !figure.caption.contains("NaN"), "{}: {}", figure.id, figure.alt);
        assert!(!figure.alt.is_empty() && !figure.caption.is_empty() && !figure.table.rows.is_empty(), "{}", figure.id);
        figure.table.rows.iter().for_each(|row| assert_eq!(row.len(), figure.table.columns.len(), "{}", figure.id));
    }
}

#[test]
fn every_figure_is_drawn() {
    let findings = findings(40, 12, 1);
    let ids: Vec<String> = all(&findings).into_iter().map(|figure| figure.id).collect();
    for kind in [
        "bar",
        "beeswarm",
        "ranking",
        "cohorts",
        "permutation-importance",
        "waterfall-row-1",
        "force-row-1",
        "predictions",
        "heatmap",
        "dependence-age",
        "dependence-workclass",
        "effect-age",
        "effect-workclass",
        "centred-ice-age",
        "derivative-ice-age",
        "interactions",
        "h-matrix",
        "surface-age-capital-gain-0",
        "surface-age-workclass",
    ] {
        assert!(ids.iter().any(|id| id == kind), "{kind} is not among {ids:?}");
    }
    all_are_drawn(&findings);
}

#[test]
fn one_row_of_one_feature_is_drawn() {
    all_are_drawn(&findings(1, 1, 2));
}

#[test]
fn attributions_of_zero_are_drawn() {
    let mut findings = findings(20, 4, 1);
    rows(&mut findings).flat_map(|row| row.values.iter_mut().chain(&mut row.stderr).flatten()).for_each(|x| *x = 0.0);
    for value in findings.global.iter_mut().flat_map(|global| &mut global.values) {
        (value.mean_abs, value.mean_abs_stderr) = (0.0, 0.0);
    }
    findings.curves.iter_mut().for_each(|curve| curve.mean.fill(0.0));
    assert!(named(&findings, "bar").alt.contains("every attribution is 0"));
    all_are_drawn(&findings);
}

#[test]
fn unknown_standard_errors_have_no_whiskers() {
    let mut findings = findings(20, 4, 1);
    let whiskers = |figure: &Figure| {
        let svg = Drawing::new().unwrap().svg(figure, 640.0, Theme::Light).unwrap();
        svg.matches(Theme::Light.config()["style"]["error"]["color"].as_str().unwrap()).count()
    };
    let (bar, waterfall) = (named(&findings, "bar"), named(&findings, "waterfall-row-1"));
    assert!(whiskers(&bar) >= 4 && whiskers(&waterfall) >= 4);
    rows(&mut findings).flat_map(|row| row.stderr.iter_mut().flatten()).for_each(|x| *x = f32::NAN);
    findings.global.iter_mut().flat_map(|g| &mut g.values).for_each(|value| value.mean_abs_stderr = f64::NAN);
    findings.curves.iter_mut().for_each(|curve| curve.stderr.fill(f64::INFINITY));
    let (bare, fall) = (named(&findings, "bar"), named(&findings, "waterfall-row-1"));
    assert_eq!(bare.spec["data"]["values"][0]["lo"], Value::Null);
    assert_eq!(whiskers(&bar) - whiskers(&bare), 4);
    assert_eq!(whiskers(&waterfall) - whiskers(&fall), 4);
    all_are_drawn(&findings);
}

#[test]
fn numbers_in_a_figure_are_those_that_were_found() {
    let findings = findings(40, 12, 1);
    let bar = named(&findings, "bar");
    let values = bar.spec["data"]["values"].as_array().unwrap();
    for (value, row) in values.iter().zip(&bar.table.rows) {
        let found = findings.global[0].values.iter().find(|v| row[0] == v.player.as_str()).unwrap();
        assert_eq!(value["x"].as_f64().unwrap(), found.mean_abs);
        assert_eq!(row[2].as_f64().unwrap(), found.mean_abs);
        assert_eq!(value["hi"].as_f64().unwrap(), found.mean_abs + 1.96 * found.mean_abs_stderr);
    }
    let dots = named(&findings, "beeswarm");
    let dots = dots.spec["data"]["values"].as_array().unwrap();
    let first = findings.global[0].values.iter().position(|v| bar.table.rows[0][0] == v.player.as_str()).unwrap();
    for (dot, row) in dots.iter().zip(&findings.sample) {
        assert_eq!(dot["x"].as_f64().unwrap() as f32, row.values[0][first]);
    }
    let effect = named(&findings, "effect-age");
    let means: Vec<f64> = effect.table.rows.iter().map(|row| row[1].as_f64().unwrap()).collect();
    assert_eq!(means, findings.curves[0].mean);
}

#[test]
fn a_waterfall_ends_at_its_prediction() {
    let mut findings = findings(40, 30, 1);
    findings.shown.truncate(1);
    let figure = named(&findings, "waterfall-row-1");
    let steps = figure.spec["data"]["values"].as_array().unwrap();
    assert_eq!(steps.len(), 13);
    let phi: f64 = findings.shown[0].row.values[0].iter().map(|&phi| f64::from(phi)).sum();
    let base = findings.global[0].base_value;
    assert_eq!(steps[0]["x"].as_f64().unwrap(), base);
    let end = steps.last().unwrap()["x2"].as_f64().unwrap();
    // 30 sums in f64 of terms below 2.
    assert!((end - base - phi).abs() <= 30.0 * f64::EPSILON * 2.0, "{end} {}", base + phi);
    let force = named(&findings, "force-row-1");
    let pushes: f64 = force.table.rows.iter().map(|row| row[1].as_f64().unwrap()).sum();
    assert!((pushes - phi).abs() <= 60.0 * f64::EPSILON * 2.0);
}

#[test]
fn any_name_comes_through() {
    let findings = findings(20, 12, 1);
    let mut drawing = Drawing::new().unwrap();
    let svg = drawing.svg(&named(&findings, "bar"), 640.0, Theme::Light).unwrap();
    assert!(!svg.contains("<script"));
    for text in
        ["capital.gain[0]", "naïve_größe 🦀", "&lt;script&gt;alert", "f(x) = x^2 | {a: 1}", "zip code \\ region"]
    {
        assert!(svg.contains(text), "{text} is not in {svg}");
    }
    // Only these fields: names are never fields.
    for figure in all(&findings) {
        let names = ["capital.gain[0]", "<script>alert('x')</script>"];
        let mut fields = BTreeSet::new();
        collect_fields(&figure.spec, &mut fields);
        assert!(fields.iter().all(|field| !names.contains(&field.as_str()) && field.len() <= 8), "{fields:?}");
    }
}

fn collect_fields(spec: &Value, fields: &mut BTreeSet<String>) {
    match spec {
        Value::Object(map) => {
            fields.extend(map.get("field").and_then(Value::as_str).map(String::from));
            map.values().for_each(|value| collect_fields(value, fields));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_fields(value, fields)),
        _ => {}
    }
}

#[test]
fn a_large_report_stays_small() {
    let findings = findings(10_000, 100, 6);
    let report = findings.report();
    let specs: usize = all(&findings).iter().map(|figure| figure.spec.to_string().len()).sum();
    assert!(specs < 5_000_000, "{specs} bytes");
    let whole = serde_json::to_string(&report).unwrap().len();
    assert!(whole < 6_500_000, "{whole} bytes");
    let said = &report.sections[0].warnings;
    assert!(said.iter().any(|warning| warning.contains("6 outputs; figures show the first 4")), "{said:?}");
    assert!(all(&findings).iter().all(|figure| !figure.id.contains("probabilities-4")));
}

#[test]
fn ids_are_distinct_and_plain() {
    let mut findings = findings(10, 12, 2);
    // Two outputs that make one slug.
    let names = ["p[1]", "p(1)"];
    let rename = |output: &mut String| *output = names[usize::from(output == "probabilities[1]")].into();
    findings.global.iter_mut().for_each(|global| rename(&mut global.output));
    findings.curves.iter_mut().for_each(|curve| rename(&mut curve.output));
    let ids: Vec<String> = all(&findings).into_iter().map(|figure| figure.id).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    assert!(ids.iter().all(|id| id.chars().all(plain)), "{ids:?}");
}

#[test]
fn the_planted_partner_is_found_without_measured_interactions() {
    let mut findings = findings(600, 8, 1);
    findings.interactions.clear();
    let output = super::Output::all(&findings)[0];
    // The example adds 0.8 · x₀ x₂ to φ of both.
    assert_eq!(super::partner::partner(&output, 0), Some(2));
    assert_eq!(super::partner::partner(&output, 2), Some(0));
    assert_eq!(super::partner::partner(&output, 3), None);
}

#[test]
fn a_measured_interaction_names_the_partner() {
    let findings = findings(100, 8, 1);
    let output = super::Output::all(&findings)[0];
    assert_eq!(super::partner::partner(&output, 0), Some(2));
}

#[test]
fn warnings_name_what_is_wrong() {
    let mut findings = findings(50, 6, 1);
    findings.global[0].rows = 48_842;
    findings.worst_additivity_gap = 0.2;
    findings.global[0].values[0].typical_stderr = 10.0;
    let report = findings.report();
    let said = report.sections[0].warnings.join("\n");
    for text in ["age and capital.gain[0] (0.83)", "50 of 48,842 rows", "miss the prediction by 0.2", "age"] {
        assert!(said.contains(text), "{text} is not in {said}");
    }
    let ids: Vec<&str> = report.sections.iter().map(|section| section.id.as_str()).collect();
    assert_eq!(ids, ["summary", "drivers", "rows", "together", "features", "pairs", "cards", "provenance"]);
}

#[test]
fn like_rows_are_neighbours_in_the_heat_map() {
    let mut findings = findings(40, 4, 1);
    for (r, row) in findings.sample.iter_mut().enumerate() {
        let sign = if r % 2 == 0 { 1.0 } else { -1.0 };
        row.values[0] = vec![sign, 0.5 * sign, 0.0, 0.001 * r as f32];
    }
    let figure = named(&findings, "heatmap");
    let signs: Vec<bool> = figure.spec["data"]["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["n"].as_u64().unwrap() % 2 == 0)
        .collect();
    assert_eq!(signs.windows(2).filter(|pair| pair[0] != pair[1]).count(), 1, "{signs:?}");
}
