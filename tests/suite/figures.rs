//! Figures in files: drawn without a browser, in light and dark.

use pellucid::Error;
use pellucid::report::{Drawing, Figure, ImageFormat, Report, SCALE, Theme, WIDTH};
use pellucid_tests::sample_report::{NASTY, POINTS, sample_report};
use serde_json::json;

fn figure(report: &Report, id: &str) -> Figure {
    report.figures().find(|(other, _)| *other == id).unwrap().1.clone()
}

/// Width and height in the header of a PNG.
fn png_size(png: &[u8]) -> (u32, u32) {
    assert_eq!(&png[1..4], b"PNG");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[test]
fn every_figure_becomes_svg_and_png_without_remarks() {
    let (report, mut drawing) = (sample_report(), Drawing::new().unwrap());
    for (id, figure) in report.figures() {
        let svg = drawing.svg(figure, WIDTH, Theme::Light).unwrap();
        assert!(drawing.remarks().is_empty(), "{id}: {:?}", drawing.remarks());
        assert!(svg.contains(&format!("<desc>{}</desc>", figure.alt)), "{id}: {}", &svg[..400]);
        let (width, height) = png_size(&drawing.png(&svg, SCALE).unwrap());
        // Legends and labels may make it a little wider or narrower than asked for.
        assert!((width as f64 - 2.0 * WIDTH).abs() <= 8.0 && height > 300, "{id}: {width} × {height}");
    }
}

#[test]
fn marks_and_names_are_all_there_and_drawing_again_gives_the_same_bytes() {
    let (report, mut drawing) = (sample_report(), Drawing::new().unwrap());
    let swarm = drawing.svg(&figure(&report, "beeswarm"), WIDTH, Theme::Light).unwrap();
    assert!(swarm.matches("<path ").count() >= POINTS);
    let bars = figure(&report, "global-bar");
    let first = drawing.svg(&bars, WIDTH, Theme::Light).unwrap();
    for name in NASTY.iter().filter(|name| name.len() < 60) {
        let escaped = name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        assert!(first.contains(&format!(">{escaped}</text>")), "{name}");
    }
    assert_eq!(first, Drawing::new().unwrap().svg(&bars, WIDTH, Theme::Light).unwrap());
    let dark = drawing.svg(&bars, WIDTH, Theme::Dark).unwrap();
    let background = |theme: Theme| format!("fill=\"{}\"", theme.config()["background"].as_str().unwrap());
    assert!(first.contains(&background(Theme::Light)) && dark.contains(&background(Theme::Dark)));
}

#[test]
fn labels_are_measured_with_the_font_that_draws_them() {
    let mut drawing = Drawing::new().unwrap();
    let mut room = |name: &str| {
        let mut bars = figure(&sample_report(), "global-bar");
        bars.spec["data"] = json!({"values": [{"player": name, "mean": 1, "low": 0.9, "high": 1.1}]});
        let svg = drawing.svg(&bars, WIDTH, Theme::Light).unwrap();
        // The first group is moved right by the room that the labels take.
        let at = svg.split("transform=\"translate(").nth(1).unwrap();
        at.split(',').next().unwrap().parse::<f64>().unwrap()
    };
    let (narrow, wide) = (room("iiiiiiiiii"), room("WWWWWWWWWW"));
    // 10 letters of 12 pixels in Ubuntu Light: i is 0.237 em wide, W 0.921.
    assert!((wide - narrow - 10.0 * 12.0 * (0.921 - 0.237)).abs() < 2.0, "{narrow} {wide}");
}

#[test]
fn a_specification_that_cannot_be_drawn_is_an_error_with_the_reason() {
    let mut drawing = Drawing::new().unwrap();
    let mut broken = figure(&sample_report(), "global-bar");
    broken.spec = json!({"mark": "bar", "data": {"values": []}, "transform": [{"filter": "datum.x >"}]});
    let error = drawing.svg(&broken, WIDTH, Theme::Light).unwrap_err();
    assert_eq!(error.to_string(), "figure global-bar: Vega cannot draw it: Unexpected end of input");
    // The next one is drawn all the same.
    drawing.svg(&figure(&sample_report(), "row-17"), WIDTH, Theme::Light).unwrap();
    let error = drawing.png("<svg", 1.0).unwrap_err();
    assert!(error.to_string().contains("reading the SVG"), "{error}");
    let huge = r#"<svg xmlns="http://www.w3.org/2000/svg" width="9000" height="10"/>"#;
    assert!(matches!(drawing.png(huge, 2.0), Err(Error::Input { .. })));
}

#[test]
fn files_are_named_after_figures_and_not_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let mut report = sample_report();
    report.sections.truncate(3);
    let paths = report.write_figures(&folder.path().join("new"), ImageFormat::Svg, Theme::Dark, false).unwrap();
    let names: Vec<_> = paths.iter().map(|p| p.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["global-bar.svg", "beeswarm.svg", "partial-dependence.svg"]);
    assert!(paths.iter().all(|p| std::fs::read_to_string(p).unwrap().starts_with("<svg")));
    let error = report.write_figures(&folder.path().join("new"), ImageFormat::Svg, Theme::Dark, false).unwrap_err();
    assert!(error.to_string().ends_with("global-bar.svg: exists already"), "{error}");
    report.write_figures(&folder.path().join("new"), ImageFormat::Svg, Theme::Light, true).unwrap();
    report.sections.push(report.sections[2].clone());
    let error = report.write_figures(&folder.path().join("other"), ImageFormat::Png, Theme::Light, false).unwrap_err();
    assert_eq!(error.to_string(), "section effects: two of one id");
    assert!(!folder.path().join("other").exists());
}
