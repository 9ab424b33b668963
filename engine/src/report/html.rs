//! The report as one HTML file.

use super::cells::{ShownTable, shown};
use super::drawing::{DRAW, VEGA, VEGA_LITE};
use super::theme::THEMES;
use super::{Embedded, Figure, Item, Report};
use crate::{Error, Result};
use minijinja::{Environment, Value as Html};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

const TEMPLATE: &str = include_str!("assets/report.html");
const STYLE: &str = include_str!("assets/report.css");
const FIGURES: &str = include_str!("assets/figures.js");
const PAGE: &str = include_str!("assets/page.js");
const LICENCES: &str = include_str!("assets/LICENCES.txt");

/// Pixels kept free for a figure of unknown height until it is drawn, and those of axes around one of known height.
const HEIGHT_UNKNOWN: f64 = 280.0;
const AXES_HEIGHT: f64 = 60.0;
/// The height of texts on a picture, as a share of its longer side.
const TEXT_SHARE: f64 = 0.045;

impl Report {
    /// The whole file: about 0.9 MB, and the figures' numbers. The same report gives the same bytes.
    ///
    /// # Errors
    /// Two figures or sections of one id, or an id that is not lower case, digits and hyphens.
    pub fn html(&self) -> Result<String> {
        self.check_ids()?;
        let mut environment = Environment::new();
        environment.add_template("report.html", TEMPLATE).map_err(unwritten)?;
        let nonce = self.nonce()?;
        environment.get_template("report.html").and_then(|t| t.render(self.page(&nonce))).map_err(unwritten)
    }

    fn page<'a>(&'a self, nonce: &'a str) -> Page<'a> {
        let sections = self.sections.iter().map(|section| ShownSection {
            id: &section.id,
            title: &section.title,
            text: &section.text,
            warnings: &section.warnings,
            items: section.items.iter().map(shown_item).collect(),
        });
        Page {
            title: &self.title,
            subtitle: &self.subtitle,
            sections: sections.collect(),
            version: env!("CARGO_PKG_VERSION"),
            nonce,
            style: safe(STYLE),
            themes: data(THEMES),
            // The page's theme is set before anything large is read.
            scripts: [PAGE, VEGA, VEGA_LITE, DRAW, FIGURES].map(safe),
            licences: LICENCES,
        }
    }

    /// What marks our scripts and styles as ours. It depends on the whole report, so that no name in a report can hold its own.
    fn nonce(&self) -> Result<String> {
        let bytes = serde_json::to_vec(self).map_err(unwritten)?;
        Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Ids name files and are targets of links.
    pub(super) fn check_ids(&self) -> Result<()> {
        let mut seen = std::collections::BTreeSet::new();
        let figures = self.figures().map(|(id, _)| ("figure", id));
        for (what, id) in self.sections.iter().map(|s| ("section", s.id.as_str())).chain(figures) {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if id.is_empty() || !id.chars().all(plain) {
                return Err(
                    Error::input(format!("{what} {id:?}: not an id")).hint("use lower case, digits and hyphens")
                );
            }
            if !seen.insert((what, id)) {
                return Err(Error::input(format!("{what} {id}: two of one id")).hint("give each an id of its own"));
            }
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Page<'a> {
    title: &'a str,
    subtitle: &'a str,
    sections: Vec<ShownSection<'a>>,
    version: &'a str,
    nonce: &'a str,
    style: Html,
    themes: Html,
    scripts: [Html; 5],
    licences: &'a str,
}

#[derive(Serialize)]
struct ShownSection<'a> {
    id: &'a str,
    title: &'a str,
    text: &'a [String],
    warnings: &'a [String],
    items: Vec<ShownItem<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
enum ShownItem<'a> {
    Figure {
        id: &'a str,
        title: &'a str,
        caption: &'a str,
        alt: &'a str,
        height: f64,
        spec: Html,
        table: ShownTable<'a>,
    },
    Table {
        table: ShownTable<'a>,
    },
    Text {
        title: &'a str,
        caption: &'a str,
        runs: Vec<ShownRun<'a>>,
        table: ShownTable<'a>,
    },
    Gallery {
        title: &'a str,
        caption: &'a str,
        pictures: Vec<ShownPicture<'a>>,
        table: ShownTable<'a>,
    },
    Code {
        title: &'a str,
        text: &'a str,
    },
}

#[derive(Serialize)]
struct ShownPicture<'a> {
    label: &'a str,
    alt: &'a str,
    width: u32,
    height: u32,
    /// Height of the texts on it, in its pixels.
    text_height: f64,
    /// As an address.
    source: Html,
    marks: &'a [(f64, f64, String)],
}

#[derive(Serialize)]
struct ShownRun<'a> {
    text: &'a str,
    /// `up-3`, `down-1`, or empty.
    class: String,
    note: &'a str,
}

fn shown_item(item: &Item) -> ShownItem<'_> {
    match item {
        Item::Figure(figure) => ShownItem::Figure {
            id: &figure.id,
            title: &figure.title,
            caption: &figure.caption,
            alt: &figure.alt,
            height: height(figure),
            spec: data(&figure.spec.to_string()),
            table: shown(&figure.table),
        },
        Item::Table(table) => ShownItem::Table { table: shown(table) },
        Item::Text(text) => ShownItem::Text {
            title: &text.title,
            caption: &text.caption,
            runs: text.runs.iter().map(shown_run).collect(),
            table: shown(&text.table),
        },
        Item::Gallery(gallery) => ShownItem::Gallery {
            title: &gallery.title,
            caption: &gallery.caption,
            pictures: gallery.pictures.iter().map(shown_picture).collect(),
            table: shown(&gallery.table),
        },
        Item::Code { title, text } => ShownItem::Code { title, text },
    }
}

fn shown_picture(picture: &Embedded) -> ShownPicture<'_> {
    let Embedded { label, alt, width, height, png, marks } = picture;
    ShownPicture {
        label,
        alt,
        width: *width,
        height: *height,
        text_height: TEXT_SHARE * f64::from(*width.max(height)),
        source: safe(&format!("data:image/png;base64,{png}")),
        marks,
    }
}

fn shown_run(run: &super::Run) -> ShownRun<'_> {
    let class = match run.level {
        0 => String::new(),
        level => format!("{}-{}", if level > 0 { "up" } else { "down" }, level.unsigned_abs().min(4)),
    };
    ShownRun { text: &run.text, class, note: &run.note }
}

/// Pixels the figure will take, so that the page hardly moves when it is drawn.
fn height(figure: &Figure) -> f64 {
    let height = match &figure.spec["height"] {
        Value::Number(height) => height.as_f64(),
        steps => steps["step"].as_f64().map(|step| step * figure.table.rows.len() as f64).filter(|h| *h < 2000.0),
    };
    height.map_or(HEIGHT_UNKNOWN, |height| height + AXES_HEIGHT)
}

/// Our own text, which is HTML already.
fn safe(text: &str) -> Html {
    Html::from_safe_string(text.to_string())
}

/// JSON inside a script element: without `<` nothing in it can end the element.
fn data(json: &str) -> Html {
    safe(&json.replace('<', "\\u003c"))
}

fn unwritten(error: impl std::fmt::Display) -> Error {
    Error::input(format!("writing the report: {error}"))
}
