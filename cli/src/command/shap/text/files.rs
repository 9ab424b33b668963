//! Files of a run over texts.

use crate::args::ShapArgs;
use crate::terminal::Terminal;
use pellucid::data::Pending;
use pellucid::report::TextPage;
use pellucid::text::{TextLayout, TextShap, TextWriter};
use pellucid::{Error, Result};
use serde_json::Value;
use std::path::PathBuf;

/// Files of a run, open since before the work.
pub struct Files {
    pub writer: Option<(TextWriter, PathBuf)>,
    summary: Option<Pending>,
    report: Option<Pending>,
}

impl Files {
    pub fn create(args: &ShapArgs, layout: TextLayout) -> Result<Self> {
        let paths = [&args.result.output, &args.result.summary, &args.text.report];
        let given: Vec<_> = paths.into_iter().flatten().collect();
        if let Some(path) = given.iter().enumerate().find_map(|(at, path)| given[..at].contains(path).then_some(path)) {
            return Err(
                Error::input(format!("{} is named for two files", path.display())).hint("give each a name of its own")
            );
        }
        let pending =
            |path: &Option<PathBuf>| path.as_deref().map(|path| Pending::create(path, args.result.force)).transpose();
        let writer = match (&args.result.output, args.result.format()) {
            (Some(path), Some(format)) => {
                Some((TextWriter::create(path, format.into(), layout, args.result.force)?, path.clone()))
            }
            _ => None,
        };
        Ok(Self { writer, summary: pending(&args.result.summary)?, report: pending(&args.text.report)? })
    }

    pub fn finish(self, shap: &TextShap, summary: &Value, page: &TextPage, terminal: &Terminal) -> Result<()> {
        let html = self.report.as_ref().map(|_| page.report().html()).transpose()?;
        let mut written = Vec::new();
        if let Some((writer, path)) = self.writer {
            writer.finish(&shap.provenance().to_pairs())?;
            written.push(path);
        }
        let texts = [(self.summary, Some(format!("{summary:#}\n"))), (self.report, html)];
        for (file, text) in texts.into_iter().filter_map(|(file, text)| Some((file?, text?))) {
            let path = file.path().to_path_buf();
            file.put(text.as_bytes())?;
            file.commit()?;
            written.push(path);
        }
        written.iter().for_each(|path| terminal.note(&format!("wrote {}", path.display())));
        Ok(())
    }
}
