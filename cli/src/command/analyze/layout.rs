//! The folder of results, as the reference lays it out: every file under a temporary name until all are complete.

use super::config::Config;
use crate::args::AnalyzeArgs;
use crate::terminal::Terminal;
use pellucid::data::{AttributionWriter, Layout, OutputFormat, Pending};
use pellucid::{Error, Result};
use std::path::{Path, PathBuf};

const EXPLANATIONS: &str = "explanations_shap";

/// Paths of the files that an analysis may write, the last first to be complete.
struct Paths {
    analysis: PathBuf,
    report: PathBuf,
    local: PathBuf,
    baseline: PathBuf,
}

impl Paths {
    fn new(folder: &Path, config: &Config) -> Self {
        let name = config.methods.report.as_ref().map_or("report", |report| &report.name);
        let explanations = folder.join(EXPLANATIONS);
        Self {
            analysis: folder.join("analysis.json"),
            report: folder.join(format!("{name}.html")),
            local: explanations.join("out.csv"),
            baseline: explanations.join("baseline.csv"),
        }
    }

    fn all(&self) -> [&PathBuf; 4] {
        [&self.local, &self.baseline, &self.report, &self.analysis]
    }
}

/// Refuses a folder that has results already.
///
/// # Errors
/// A file in the folder's place; results of an earlier analysis, unless they may be replaced.
pub fn check(args: &AnalyzeArgs, config: &Config) -> Result<()> {
    let folder = &args.output;
    if folder.exists() && !folder.is_dir() {
        return Err(Error::input(format!("--output {} is a file", folder.display()))
            .hint("name a folder; it is made where it is missing"));
    }
    match Paths::new(folder, config).all().into_iter().find(|path| path.exists()) {
        Some(found) if !args.force => Err(Error::input(format!("{} exists already", found.display()))
            .hint("take another folder, or replace the results in it with `--force`")),
        _ => Ok(()),
    }
}

/// The files, open.
pub struct Output {
    paths: Paths,
    /// Folders that were made for it, outermost first; removed again unless the results are complete.
    made: Vec<PathBuf>,
    pub local: Option<AttributionWriter>,
    analysis: Option<Pending>,
    report: Option<Pending>,
    baseline: Option<Pending>,
}

impl Output {
    /// Makes the folder and opens every file. `local`: the columns of `out.csv`, if it is asked for.
    ///
    /// # Errors
    /// A folder that cannot be made or written to.
    pub fn create(args: &AnalyzeArgs, config: &Config, local: Option<Layout>) -> Result<Self> {
        let paths = Paths::new(&args.output, config);
        let mut output = Self { paths, made: Vec::new(), local: None, analysis: None, report: None, baseline: None };
        output.make(&args.output)?;
        let shap = config.methods.shap.is_some();
        if shap {
            output.make(&args.output.join(EXPLANATIONS))?;
        }
        let Paths { analysis, report, local: table, baseline } = &output.paths;
        let force = args.force;
        output.analysis = Some(Pending::create(analysis, force)?);
        output.report = config.methods.report.as_ref().map(|_| Pending::create(report, force)).transpose()?;
        output.baseline = shap.then(|| Pending::create(baseline, force)).transpose()?;
        output.local =
            local.map(|layout| AttributionWriter::create(table, OutputFormat::Clarify, layout, force)).transpose()?;
        Ok(output)
    }

    fn make(&mut self, folder: &Path) -> Result<()> {
        let missing: Vec<&Path> =
            folder.ancestors().filter(|path| !path.as_os_str().is_empty()).take_while(|path| !path.exists()).collect();
        for path in missing.into_iter().rev() {
            std::fs::create_dir(path).map_err(|error| Error::io("create", path, error))?;
            self.made.push(path.to_path_buf());
        }
        Ok(())
    }

    /// Completes all files; `analysis.json` gets its name last. Files of an earlier analysis that this one does not have are removed.
    pub fn finish(
        mut self,
        analysis: &str,
        report: Option<String>,
        baseline: Option<String>,
        terminal: &Terminal,
    ) -> Result<()> {
        let mut kept = Vec::new();
        if let Some(writer) = self.local.take() {
            writer.finish(&[])?;
            kept.push(self.paths.local.clone());
        }
        let texts = [
            (self.baseline.take(), baseline),
            (self.report.take(), report),
            (self.analysis.take(), Some(analysis.to_string())),
        ];
        let mut complete = Vec::new();
        for (file, text) in texts {
            if let (Some(file), Some(text)) = (file, text) {
                file.put(text.as_bytes())?;
                complete.push(file);
            }
        }
        kept.extend(complete.iter().map(|file| file.path().to_path_buf()));
        complete.into_iter().try_for_each(Pending::commit)?;
        self.made.clear();
        for stale in self.paths.all().into_iter().filter(|path| !kept.contains(path) && path.exists()) {
            std::fs::remove_file(stale).map_err(|error| Error::io("remove", stale, error))?;
        }
        for path in self.paths.all().into_iter().filter(|path| path.exists()) {
            terminal.note(&format!("wrote {}", path.display()));
        }
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // Files first: only empty folders can be removed.
        self.local = None;
        (self.analysis, self.report, self.baseline) = (None, None, None);
        for folder in self.made.iter().rev() {
            let _ = std::fs::remove_dir(folder);
        }
    }
}
