//! The page of explained pictures.

use super::super::open::file_name;
use super::super::typed;
use crate::args::ImageArgs;
use pellucid::Result;
use pellucid::image::{Absence, ImageShap, Preprocess, Segmenter};
use pellucid::report::{ImagePage, ModelCard, ShownPicture};
use serde_json::{Value, json};

/// Pictures on a page.
const SHOWN: usize = 12;

/// What the page tells.
#[derive(Default)]
pub struct Page {
    shown: Vec<ShownPicture>,
    pictures: usize,
    forwards: u64,
    worst_additivity_gap: f64,
}

impl Page {
    pub fn add(&mut self, picture: ShownPicture, show: bool) {
        self.pictures += 1;
        self.forwards += picture.found.forwards;
        self.worst_additivity_gap = self.worst_additivity_gap.max(picture.found.additivity_gap);
        if show && self.shown.len() < SHOWN {
            self.shown.push(picture);
        }
    }

    pub fn html(&self, args: &ImageArgs, shap: &ImageShap, model: ModelCard) -> Result<String> {
        let on = match &args.pictures[..] {
            [one] => file_name(one),
            all => format!("{} pictures", all.len()),
        };
        let page = ImagePage {
            title: format!("{} on {on}", model.name),
            command: typed::command(),
            created: chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string(),
            model,
            shown: &self.shown,
            pictures: self.pictures,
            forwards: self.forwards,
            worst_additivity_gap: self.worst_additivity_gap,
            settings: settings(shap),
        };
        page.report()?.html()
    }
}

fn settings(shap: &ImageShap) -> Vec<(String, Value)> {
    let Preprocess { width, height, layout, channels, fit, scale, mean, std } = &shap.preprocess;
    let segments = match &shap.segmenter {
        Segmenter::Slic { count, compactness } => format!("about {count} superpixels, compactness {compactness}"),
        Segmenter::Grid { columns, rows } => format!("{columns} × {rows} rectangles"),
        Segmenter::Masks(_) => "the colours of another picture".into(),
    };
    let absent = match &shap.absence {
        Absence::Blur => "blurred".into(),
        Absence::Mean => "the picture's mean colour".into(),
        Absence::Colour([r, g, b]) => format!("#{r:02x}{g:02x}{b:02x}"),
        Absence::Picture(_) => "another picture".into(),
    };
    let input = format!("{width} × {height}, {layout:?}, {channels:?}, {fit:?}").to_lowercase();
    let numbers = format!("(colour / {scale} − {mean:?}) / {std:?}");
    [("Segments", segments), ("Absent segments", absent), ("Model's input", input), ("Its numbers", numbers)]
        .map(|(name, value)| (name.to_string(), json!(value)))
        .to_vec()
}
