//! `--figures`: each figure of a report to a file of its own.

use crate::args::{FigureArgs, FigureFormat};
use crate::terminal::Terminal;
use pellucid::report::{ImageFormat, Report, Theme};
use pellucid::{Error, Result};
use std::path::PathBuf;

pub struct Figures {
    folder: PathBuf,
    format: ImageFormat,
    theme: Theme,
    force: bool,
}

impl Figures {
    /// Makes the folder, so that a wrong path costs nothing.
    pub fn open(args: &FigureArgs, force: bool) -> Result<Option<Self>> {
        let Some(folder) = args.figures.clone() else { return Ok(None) };
        std::fs::create_dir_all(&folder).map_err(|error| Error::io("create", &folder, error))?;
        let format = match args.figure_format {
            FigureFormat::Svg => ImageFormat::Svg,
            FigureFormat::Png => ImageFormat::Png,
        };
        let theme = if args.dark { Theme::Dark } else { Theme::Light };
        Ok(Some(Self { folder, format, theme, force }))
    }

    pub fn write(&self, report: &Report, terminal: &Terminal) -> Result<()> {
        let written = report.write_figures(&self.folder, self.format, self.theme, self.force)?;
        terminal.note(&format!("wrote {} figures to {}", written.len(), self.folder.display()));
        Ok(())
    }
}
