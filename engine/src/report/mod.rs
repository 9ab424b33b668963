//! The report: one HTML file that shows everything that was found, and its figures as SVG and PNG.
//!
//! A figure is a Vega-Lite specification with its numbers inside. In the report Vega draws it in the reader's browser, to the
//! width of the window and in the reader's colours; for a file the same Vega draws it here, in QuickJS, and resvg makes pixels of it.
//!
//! Why Vega: its 780 kB, once in a report, give every figure axes, legends, tooltips and a canvas for thousands of points, at the
//! width of a phone or a desk, in light or dark, and the same figure in files; each figure is data that others can change in
//! Vega's editor. Weighed against it: `plotters` and SVG drawn by hand (small, but of one width and colour, without tooltips, with
//! axes and the room for labels left to us); `charming` (ECharts: 1.1 MB, and V8 or a browser for files); Observable Plot
//! (490 kB with D3; a function for every figure instead of data, and a DOM to draw files); Plotly (4.8 MB).
//!
//! Numbers behind every picture are in a table beside it, which is what screen readers read and what is left without JavaScript.
//! The file asks the network for nothing, and its content security policy forbids it: only scripts with its own nonce run. Vega
//! compiles expressions with `new Function`, hence `unsafe-eval`. Its interpreter (9 kB) would do without, but is slower for every
//! point; it guards against expressions of strangers, and all of these are ours: names of features are data, or strings.

pub mod bias;
mod cards;
mod cells;
mod drawing;
pub mod example;
mod figures;
mod files;
mod findings;
mod fonts;
mod html;
mod image;
mod join;
pub mod monitor;
mod origin;
mod sections;
mod text;
mod theme;
mod warnings;

pub use drawing::{Drawing, SCALE, WIDTH};
pub use files::ImageFormat;
pub use findings::{ColumnCard, DataCard, Findings, ModelCard, ShownRow};
pub use image::{ImagePage, ShownPicture};
pub use text::TextPage;
pub use theme::Theme;

use serde::Serialize;
use serde_json::Value;

/// A report in order of reading.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub title: String,
    /// What was explained, in one sentence.
    pub subtitle: String,
    pub sections: Vec<Section>,
}

impl Report {
    /// Its figures in order of reading, with their ids.
    pub fn figures(&self) -> impl Iterator<Item = (&str, &Figure)> {
        self.sections.iter().flat_map(|section| &section.items).filter_map(|item| match item {
            Item::Figure(figure) => Some((figure.id.as_str(), figure)),
            _ => None,
        })
    }
}

/// A part of the report with a line in the table of contents.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Section {
    /// For links: lower case, digits and hyphens.
    pub id: String,
    pub title: String,
    /// Plain text, a paragraph each: what it shows and how to read it.
    pub text: Vec<String>,
    /// What a reader must know before trusting it: correlated features, samples instead of all rows.
    pub warnings: Vec<String>,
    pub items: Vec<Item>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum Item {
    Figure(Figure),
    Table(Table),
    Text(MarkedText),
    Gallery(Gallery),
    /// Text to be copied: a command, a JSON document.
    Code {
        title: String,
        text: String,
    },
}

/// A picture with the numbers behind it.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// For links and file names: lower case, digits and hyphens, once in a report.
    pub id: String,
    pub title: String,
    /// How to read it, one or two sentences.
    pub caption: String,
    /// What a person who cannot see it should know: the finding, not the kind of picture.
    pub alt: String,
    /// A Vega-Lite specification; width `container`.
    pub spec: Value,
    pub table: Table,
}

/// A text whose parts are coloured, with the numbers behind the colours.
#[derive(Debug, Clone, Serialize)]
pub struct MarkedText {
    pub title: String,
    /// What the colours add up to.
    pub caption: String,
    pub runs: Vec<Run>,
    pub table: Table,
}

/// Pictures side by side, with the numbers behind them.
#[derive(Debug, Clone, Serialize)]
pub struct Gallery {
    pub title: String,
    pub caption: String,
    pub pictures: Vec<Embedded>,
    pub table: Table,
}

/// A picture inside the page.
#[derive(Debug, Clone, Serialize)]
pub struct Embedded {
    /// What it shows, written under it.
    pub label: String,
    /// What a person who cannot see it should know.
    pub alt: String,
    /// Pixels.
    pub width: u32,
    pub height: u32,
    /// A PNG in base 64.
    pub png: String,
    /// Texts on it: x, y in pixels, and the text.
    pub marks: Vec<(f64, f64, String)>,
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    pub text: String,
    /// −4 (lowers most) to 4 (raises most); 0 has no colour.
    pub level: i8,
    /// Its attribution, as text.
    pub note: String,
}

/// Numbers behind a picture, or a table of its own.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Table {
    pub title: String,
    pub columns: Vec<String>,
    /// Strings and numbers.
    pub rows: Vec<Vec<Value>>,
    /// Rows left out, if any.
    pub left_out: usize,
}
