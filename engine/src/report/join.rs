//! Several reports as one page.

use super::{Item, Report, Section};

impl Report {
    /// The sections of each part, whose titles begin with the part's name if it has one. Ids stay distinct.
    pub fn join(title: String, subtitle: String, parts: Vec<(String, Report)>) -> Report {
        let mut sections: Vec<Section> = Vec::new();
        for (number, (name, part)) in parts.into_iter().enumerate() {
            sections.extend(part.sections.into_iter().map(|section| of_part(section, number, &name)));
        }
        super::sections::distinct_ids(&mut sections);
        Report { title, subtitle, sections }
    }
}

/// The first part keeps its ids.
fn of_part(mut section: Section, number: usize, name: &str) -> Section {
    if !name.is_empty() {
        section.title = format!("{name}: {}", section.title);
    }
    if number > 0 {
        let own = |id: &str| format!("part-{}-{id}", number + 1);
        section.id = own(&section.id);
        for item in &mut section.items {
            if let Item::Figure(figure) = item {
                figure.id = own(&figure.id);
            }
        }
    }
    section
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn a_report_joined_with_itself_has_distinct_ids() {
        let one = example::findings(40, 4, 1).report();
        let n = one.sections.len();
        let both =
            Report::join("t".into(), "s".into(), vec![(String::new(), one.clone()), ("Again".into(), one.clone())]);
        assert_eq!(both.sections.len(), 2 * n);
        assert_eq!(both.sections[n].title, format!("Again: {}", one.sections[0].title));
        let mut ids: Vec<(&str, &str)> = both.sections.iter().map(|s| ("section", s.id.as_str())).collect();
        ids.extend(both.figures().map(|(id, _)| ("figure", id)));
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
        assert!(both.html().is_ok());
    }
}
