//! A file for each figure.

use super::drawing::{Drawing, SCALE, WIDTH};
use super::{Report, Theme};
use crate::data::Pending;
use crate::{Error, Result};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Formats of figures in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// Text in the reader's fonts; any size.
    Svg,
    /// Two pixels for each of the SVG's.
    Png,
}

impl ImageFormat {
    pub fn extension(self) -> &'static str {
        match self {
            ImageFormat::Svg => "svg",
            ImageFormat::Png => "png",
        }
    }
}

impl Report {
    /// Writes each figure to `ID.svg` or `ID.png` in `folder`, which is made where it is missing; returns the paths in order of
    /// reading. All files are opened before any figure is drawn, and none gets its name before all are drawn.
    ///
    /// # Errors
    /// A file that exists already (unless `force`), a folder that cannot be written to, a figure that cannot be drawn.
    pub fn write_figures(&self, folder: &Path, format: ImageFormat, theme: Theme, force: bool) -> Result<Vec<PathBuf>> {
        self.check_ids()?;
        fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
        let path = |id: &str| folder.join(format!("{id}.{}", format.extension()));
        let files: Vec<Pending> =
            self.figures().map(|(id, _)| Pending::create(&path(id), force)).collect::<Result<_>>()?;
        let mut drawing = Drawing::new()?;
        for ((_, figure), file) in self.figures().zip(&files) {
            let svg = drawing.svg(figure, WIDTH, theme)?;
            let bytes = match format {
                ImageFormat::Svg => svg.into_bytes(),
                ImageFormat::Png => drawing.png(&svg, SCALE)?,
            };
            file.sink()?.write_all(&bytes).map_err(|e| Error::io("write", file.path(), e))?;
        }
        let paths = files.iter().map(|file| file.path().to_path_buf()).collect();
        files.into_iter().try_for_each(Pending::commit)?;
        Ok(paths)
    }
}
