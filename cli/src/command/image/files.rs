//! The files of a picture.

use super::super::put::put;
use crate::args::ImageArgs;
use crate::terminal::Terminal;
use pellucid::data::Pending;
use pellucid::image::{ImageExplanation, overlay};
use pellucid::{Error, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Heat maps of small pictures are enlarged to about this many pixels.
const SIDE: u32 = 480;

/// The files of a picture, opened before any work, so that a wrong path costs nothing.
pub struct Files {
    numbers: Option<Pending>,
    /// The path of the heat map: one an output, whose names are known later.
    stem: Option<PathBuf>,
    first: Option<Pending>,
    force: bool,
}

impl Files {
    pub fn create(picture: &Path, args: &ImageArgs) -> Result<Self> {
        let Some(folder) = &args.output else {
            return Ok(Self { numbers: None, stem: None, first: None, force: false });
        };
        let stem = folder.join(picture.file_stem().unwrap_or_default());
        if args.pictures.iter().filter(|other| other.file_stem() == picture.file_stem()).count() > 1 {
            let name = stem.file_name().unwrap_or_default().display();
            return Err(
                Error::input(format!("two pictures would be written as {name}.json")).hint("explain them in two runs")
            );
        }
        std::fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, error))?;
        let numbers = Pending::create(&stem.with_added_extension("json"), args.force)?;
        let first = Pending::create(&stem.with_added_extension("heatmap.png"), args.force)?;
        Ok(Self { numbers: Some(numbers), stem: Some(stem), first: Some(first), force: args.force })
    }

    pub fn write(self, found: &ImageExplanation, document: &Value, terminal: &Terminal) -> Result<()> {
        let (Some(numbers), Some(stem), Some(first)) = (self.numbers, self.stem, self.first) else { return Ok(()) };
        put(first, &overlay(found, 0, SIDE).png()?, terminal)?;
        for k in 1..found.outputs.len() {
            let path = stem.with_added_extension(format!("heatmap.{}.png", k + 1));
            put(Pending::create(&path, self.force)?, &overlay(found, k, SIDE).png()?, terminal)?;
        }
        put(numbers, format!("{document:#}\n").as_bytes(), terminal)
    }
}
