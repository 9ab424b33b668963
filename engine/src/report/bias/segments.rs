//! Segments on the page: what was found in each, before the definitions.

use super::BiasPage;
use crate::bias::BiasReport;
use crate::report::{Item, Report, Section};

/// Sections that are the same for every part of a table.
const ONCE: [&str; 2] = ["definitions", "provenance"];

impl BiasPage<'_> {
    /// [`BiasPage::report`] with further sections for parts of the table, each with its name.
    pub fn report_with(&self, segments: &[(&str, &BiasReport)]) -> Report {
        let mut report = self.report();
        let once = |section: &Section| ONCE.contains(&section.id.as_str());
        let at = report.sections.iter().position(once).unwrap_or(report.sections.len());
        let mut sections = Vec::new();
        for (i, &(name, found)) in segments.iter().enumerate() {
            let part = BiasPage { found, limits: &[], ..self.clone() }.report();
            for mut section in part.sections.into_iter().filter(|section| !once(section)) {
                let prefix = format!("segment-{}", i + 1);
                section.id = format!("{prefix}-{}", section.id);
                section.title = format!("{name}: {}", section.title);
                for item in &mut section.items {
                    if let Item::Figure(figure) = item {
                        figure.id = format!("{prefix}-{}", figure.id);
                    }
                }
                sections.push(section);
            }
        }
        report.sections.splice(at..at, sections);
        report
    }
}
