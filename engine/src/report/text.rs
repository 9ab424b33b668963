//! The page of explained texts: coloured words, what each moved, and the words that matter over all texts.

mod single;
mod words;

use super::figures::text::{count, list, signed};
use super::origin::{facts, section, settings};
use super::{Figure, Item, ModelCard, Report, Section};
use crate::explain::Provenance;
use crate::text::{GlobalWords, TextExplanation};
use serde_json::{Value, json};
use std::ops::Range;

/// Outputs that have pictures.
const OUTPUTS: usize = 4;

/// What a page is made of.
#[derive(Debug, Clone)]
pub struct TextPage<'a> {
    pub title: String,
    /// The command line that made it.
    pub command: String,
    /// Date and time.
    pub created: String,
    pub model: ModelCard,
    /// What the texts are called, such as `sms.csv`.
    pub data: String,
    pub provenance: &'a Provenance,
    /// Texts explained one by one.
    pub shown: &'a [TextExplanation],
    pub words: &'a [GlobalWords],
    pub worst_additivity_gap: f64,
    /// Further settings by name.
    pub settings: Vec<(String, Value)>,
}

impl TextPage<'_> {
    /// The report: key facts, words over all texts, single texts, and where it all comes from.
    pub fn report(&self) -> Report {
        let outputs = shown_outputs(&self.provenance.outputs);
        let texts = self.words.first().map_or(0, |words| words.texts);
        let parts = [self.summary(&outputs, texts), self.words(&outputs, texts), self.texts(&outputs), self.origin()];
        let mut sections: Vec<Section> = parts.into_iter().filter(|section| !section.items.is_empty()).collect();
        super::sections::distinct_ids(&mut sections);
        Report {
            title: self.title.clone(),
            subtitle: format!(
                "What {} reads in {} of {}. {}",
                self.model.name,
                count(texts, "text"),
                self.data,
                self.created
            ),
            sections,
        }
    }

    fn summary(&self, outputs: &Range<usize>, texts: u64) -> Section {
        let mut key = vec![("Texts explained".to_string(), json!(texts))];
        for words in &self.words[outputs.clone()] {
            let first =
                words.words.iter().take(3).map(|word| format!("{} ({} on average)", word.word, signed(word.mean)));
            key.push((format!("{} is moved most by", words.output), json!(list(&first.collect::<Vec<_>>()))));
        }
        key.push(("Largest gap between attributions and prediction".into(), json!(self.worst_additivity_gap)));
        let beside = match self.words.iter().any(|words| !words.columns.is_empty()) {
            true => {
                "Columns beside a text are parts too; without them the model gets their values in background rows, and the base value is the mean."
            }
            false => "",
        };
        let first = format!(
            "An attribution φ says how much one part of a text moved the prediction away from the base value: what the model makes of \
             the text when all its parts are absent. The attributions of a text add up to its prediction less its base value ({}).",
            self.provenance.values()
        );
        let text = [
            &*first,
            "± and whiskers are how far a number may be off because only some combinations of parts were tried: ± one standard error \
             in text, 95 % intervals in pictures. They say nothing about whether the model is right.",
            beside,
        ];
        let text: Vec<&str> = text.into_iter().filter(|paragraph| !paragraph.is_empty()).collect();
        section("summary", "Summary", &text, Vec::new(), vec![facts("Key facts", key)])
    }

    fn words(&self, outputs: &Range<usize>, texts: u64) -> Section {
        let alone = self.words.len() == 1;
        let pictures = |found: &GlobalWords| {
            let pairs = words::pairs(&found.pairs, &found.output, true)
                .map(|figure| Figure { title: titled(&figure.title, &found.output, alone), ..figure });
            [words::words(found, alone), words::columns(found, alone), pairs]
        };
        let items = self.words[outputs.clone()].iter().filter(|_| texts > 1).flat_map(pictures).flatten();
        let text = [
            "Words by how much they move the output over all texts: the sum of their |φ|, as a share of that of all words. The mean is over \
             the occurrences of a word. Words that differ in case or in the marks around them are one.",
        ];
        section("words", "Words over all texts", &text, Vec::new(), items.map(Item::Figure).collect())
    }

    fn texts(&self, outputs: &Range<usize>) -> Section {
        let mut items = Vec::new();
        for text in self.shown {
            for k in outputs.clone() {
                items.push(Item::Text(single::marked(text, k, &self.provenance.outputs)));
                items.extend(single::pictures(text, k, &self.provenance.outputs).into_iter().map(Item::Figure));
            }
        }
        let long = self.shown.iter().filter_map(|text| Some((text.row, text.cut.as_ref()?)));
        let warnings = long.map(|(row, cut)| {
            let (tokens, kept) = (cut.tokens, cut.kept);
            format!(
                "Text {row} has {tokens} tokens; the model read {kept}. The parts it did not read have no attribution."
            )
        });
        let read = [
            "Red and a solid line: the part raises the prediction. Blue and a dotted line: it lowers it. The stronger the colour, the more. \
             Parts without colour moved it by next to nothing.",
        ];
        section("texts", "Single texts", &read, warnings.collect(), items)
    }

    fn origin(&self) -> Section {
        let mut settings = settings(self.provenance, &self.created);
        settings.extend(self.settings.clone());
        settings.extend(self.model.facts.iter().map(|(fact, text)| (fact.clone(), json!(text))));
        let items =
            vec![Item::Code { title: "Command".into(), text: self.command.clone() }, facts("Settings", settings)];
        section(
            "provenance",
            "Provenance",
            &["The command repeats this report: the same seed gives the same numbers."],
            Vec::new(),
            items,
        )
    }
}

/// Of two outputs, which mirror each other in a classifier, the second.
fn shown_outputs(outputs: &[String]) -> Range<usize> {
    if outputs.len() == 2 { 1..2 } else { 0..outputs.len().min(OUTPUTS) }
}

fn titled(title: &str, output: &str, alone: bool) -> String {
    if alone { title.to_owned() } else { format!("{title}: {output}") }
}
