//! The report in a real browser.

use pellucid::report::{Report, example};
use pellucid_tests::browser::{Browser, find_browser};
use pellucid_tests::sample_report::{NASTY, sample_report};
use serde_json::{Value, json};
use std::path::PathBuf;
use tempfile::TempDir;

/// Desktop and phone, in pixels.
const WINDOWS: [(&str, u32, u32); 2] = [("desktop", 1280, 900), ("phone", 390, 844)];
/// Of text with what lies behind it: WCAG 2, level AA.
const CONTRAST: f64 = 4.5;
const QUESTIONS: &str = include_str!("../support/page.js");

/// The sample report open in a browser; none where there is no browser.
struct Opened {
    browser: Browser,
    file: PathBuf,
    _folder: TempDir,
}

fn open(report: &Report, width: u32, height: u32, dark: bool) -> Option<Opened> {
    let program = find_browser()?;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    std::fs::write(&file, report.html().unwrap()).unwrap();
    let mut browser = Browser::start(&program, &folder.path().join("profile"));
    browser.window(width, height, dark);
    browser.open(&file);
    browser.eval(&format!("{QUESTIONS}; globalThis.page = page; 0"));
    Some(Opened { browser, file, _folder: folder })
}

/// Where pictures of the pages go, if they are wanted: the folder that `PELLUCID_SCREENSHOTS` names.
fn screenshots() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("PELLUCID_SCREENSHOTS")?);
    std::fs::create_dir_all(&folder).unwrap();
    Some(folder)
}

impl Opened {
    /// Reads the page to its end, so that all figures are drawn.
    fn read(&mut self) {
        self.browser.eval("page.read()");
    }

    /// Nothing but the file was asked for, and nothing went wrong.
    fn assert_quiet(&self) {
        let file = format!("file://{}", self.file.display());
        for request in self.browser.events("Network.requestWillBeSent") {
            let url = request["request"]["url"].as_str().unwrap();
            assert!(url == file || url.starts_with("data:"), "the page asked for {url}");
        }
        for method in
            ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded", "Page.javascriptDialogOpening"]
        {
            let events = self.browser.events(method);
            assert!(events.is_empty(), "{method}: {}", json!(events));
        }
    }
}

/// One with every kind of content, and that of a run in full.
fn reports() -> [Report; 2] {
    [sample_report(), example::findings(1000, 12, 1).report()]
}

fn strings(value: Value) -> Vec<String> {
    serde_json::from_value(value).unwrap()
}

#[test]
fn every_figure_is_drawn_at_any_width_without_network_or_errors() {
    for (window, width, height) in WINDOWS {
        for (dark, report) in [false, true].into_iter().flat_map(|dark| reports().map(|report| (dark, report))) {
            let Some(mut opened) = open(&report, width, height, dark) else { return };
            opened.read();
            assert_drawn(&opened.browser.eval("page.figures()"), &report, width);
            assert_eq!(opened.browser.eval("page.overflow()"), 0, "{window}: the page is wider than the window");
            opened.assert_quiet();
            if let Some(folder) = screenshots() {
                let theme = if dark { "dark" } else { "light" };
                let name = report.title.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
                let file = folder.join(format!("{name}-{window}-{theme}.png"));
                std::fs::write(file, opened.browser.screenshot()).unwrap();
            }
        }
    }
}

fn assert_drawn(figures: &Value, report: &Report, width: u32) {
    let figures = figures.as_array().unwrap();
    assert_eq!(figures.len(), report.figures().count());
    for (figure, (id, written)) in figures.iter().zip(report.figures()) {
        assert_eq!((figure["id"].as_str(), figure["label"].as_str()), (Some(id), Some(written.alt.as_str())));
        let number = |name: &str| figure[name].as_f64().unwrap();
        assert!(number("width") > 0.7 * width.min(740) as f64 && number("height") > 80.0, "{width} wide: {figure}");
        assert_eq!(number("overflow"), 0.0, "{width} wide: {id} is cut");
        // Elements of an SVG; of a canvas the share of pixels that are drawn on.
        let enough = match figure["kind"].as_str().unwrap() {
            "svg" => id != "beeswarm" && number("ink") >= 8.0,
            "canvas" => number("ink") > 0.01,
            _ => false,
        };
        assert!(enough, "{width} wide: {figure}");
    }
}

#[test]
fn names_of_any_kind_come_out_as_they_are() {
    let Some(mut opened) = open(&sample_report(), 1280, 900, false) else { return };
    opened.read();
    let (drawn, listed) =
        (strings(opened.browser.eval("page.figureTexts()")), strings(opened.browser.eval("page.tableTexts()")));
    for name in NASTY {
        assert!(listed.iter().any(|text| text == name), "{name} is in no table");
        let whole = drawn.iter().any(|text| text == name);
        let cut = drawn.iter().any(|text| text.strip_suffix('…').is_some_and(|start| name.starts_with(start)));
        assert!(if name.len() > 60 { cut } else { whole }, "{name} is in no figure");
    }
    opened.assert_quiet();
}

#[test]
fn the_keyboard_reaches_everything_in_order_and_the_focus_is_seen() {
    for (window, width, height) in WINDOWS {
        let Some(mut opened) = open(&sample_report(), width, height, false) else { return };
        opened.read();
        let expected = strings(opened.browser.eval("page.reachable()"));
        let mut reached = Vec::new();
        for _ in 0..expected.len() {
            opened.browser.press("Tab");
            let focused = opened.browser.eval("page.focused()");
            assert_eq!(focused["seen"], true, "{window}: the focus cannot be seen: {focused}");
            reached.push(focused["name"].as_str().unwrap().to_string());
        }
        assert_eq!(reached, expected, "{window}");
        for wanted in ["a Skip", "button Theme", "a What drives", "summary Table", "button mean", "button Copy"] {
            assert!(reached.iter().any(|name| name.starts_with(wanted)), "{window}: no {wanted} in {reached:?}");
        }
    }
}

#[test]
fn tables_open_and_sort_from_the_keyboard() {
    let Some(mut opened) = open(&sample_report(), 1280, 900, false) else { return };
    let browser = &mut opened.browser;
    browser.eval("document.querySelector('#figure-global-bar summary').focus()");
    browser.press("Enter");
    assert_eq!(browser.eval("document.querySelector('#figure-global-bar details').open"), true);
    // The columns are feature, mean |φ|, ± SE; the rows come by falling mean.
    let first = "document.querySelector('#figure-global-bar tbody td').textContent";
    let sort = "document.querySelectorAll('#figure-global-bar th')[1].getAttribute('aria-sort')";
    browser.eval("document.querySelectorAll('#figure-global-bar .sort')[1].focus()");
    browser.press("Enter");
    assert_eq!((browser.eval(first), browser.eval(sort)), (json!(NASTY[0]), json!("descending")));
    browser.press("Enter");
    assert_eq!((browser.eval(first), browser.eval(sort)), (json!(NASTY[NASTY.len() - 1]), json!("ascending")));
}

#[test]
fn texts_stand_out_in_light_and_dark() {
    for (dark, report) in [false, true].into_iter().flat_map(|dark| reports().map(|report| (dark, report))) {
        let Some(mut opened) = open(&report, 1280, 900, dark) else { return };
        opened.read();
        opened.browser.eval("document.querySelectorAll('details').forEach((d) => { d.open = true; })");
        let faint = opened.browser.eval(&format!("page.faint({CONTRAST})"));
        assert!(faint["texts"].as_u64() > Some(300), "{faint}");
        assert_eq!(faint["found"], json!([]), "{}, dark: {dark}", report.title);
    }
}

#[test]
fn the_theme_button_overrules_the_system_and_redraws() {
    let Some(mut opened) = open(&sample_report(), 1280, 900, true) else { return };
    opened.read();
    let browser = &mut opened.browser;
    let state = "[document.querySelector('#theme span').textContent, getComputedStyle(document.body).backgroundColor,
        getComputedStyle(document.querySelector('#figure-global-bar svg text')).fill]";
    let auto = browser.eval(state);
    let mut next = || {
        browser.eval("document.querySelector('#theme').click()");
        browser.eval(state)
    };
    let (light, dark, again) = (next(), next(), next());
    assert_eq!([&auto[0], &light[0], &dark[0]], ["auto", "light", "dark"]);
    assert_eq!((&auto[1], &auto[2]), (&dark[1], &dark[2]));
    assert!(light[1] != dark[1] && light[2] != dark[2], "{light} {dark}");
    assert_eq!(auto, again);
}

#[test]
fn it_prints_all_figures_in_light_colours_and_returns_to_the_screen() {
    let Some(mut opened) = open(&sample_report(), 1280, 900, true) else { return };
    let browser = &mut opened.browser;
    browser.eval(
        "addEventListener('beforeprint', () => queueMicrotask(() => {
            globalThis.printed = Array.from(document.querySelectorAll('.plot svg'), (svg) => svg.querySelectorAll('path').length);
        })); 0",
    );
    let pdf = browser.pdf();
    let printed = browser.eval("printed");
    let marks: Vec<u64> = printed.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
    assert!(marks.len() == sample_report().figures().count() && marks.iter().all(|n| *n > 3), "{marks:?}");
    let text = String::from_utf8_lossy(&pdf);
    let pages = text.matches("/Type /Page\n").count();
    assert!(pdf.starts_with(b"%PDF") && (4..=14).contains(&pages), "{pages} pages");
    opened.read();
    assert!(opened.browser.eval("document.querySelector('#figure-beeswarm canvas') !== null").as_bool().unwrap());
    opened.assert_quiet();
    if let Some(folder) = screenshots() {
        std::fs::write(folder.join("report.pdf"), pdf).unwrap();
    }
}

#[test]
fn without_javascript_every_number_is_there() {
    let Some(program) = find_browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    std::fs::write(&file, sample_report().html().unwrap()).unwrap();
    let mut browser = Browser::start(&program, &folder.path().join("profile"));
    browser.call("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    browser.open(&file);
    // Questions are still answered; only the page's own scripts do not run.
    assert!(
        browser
            .eval("document.querySelector('noscript').innerText")
            .as_str()
            .unwrap()
            .contains("Every number is in the tables")
    );
    assert_eq!(browser.eval("document.querySelectorAll('.plot > *').length"), 0);
    assert_eq!(browser.eval("document.querySelectorAll('#figure-global-bar tbody tr').length"), NASTY.len());
    assert_eq!(browser.eval("document.querySelector('#theme').checkVisibility()"), false);
}
