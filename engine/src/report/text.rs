//! The page of explained texts: coloured words, what each moved, and the words that matter over all texts.

use super::figures::text::{count, cut, list, plus_minus, short, signed};
use super::figures::{self, Bar, Output, bars};
use super::origin::{facts, section};
use super::{DataCard, Figure, Findings, Item, MarkedText, ModelCard, Report, Run, Section, ShownRow, Table};
use crate::explain::{ExplainedRow, FeatureValue, GlobalExplanation, GlobalValue, Provenance};
use crate::text::{GlobalWords, TextExplanation};
use serde_json::{Value, json};
use std::ops::Range;

/// Outputs that have pictures, and words in the picture of words.
const OUTPUTS: usize = 4;
const WORDS: usize = 25;
/// Shades of one colour.
const LEVELS: f32 = 4.0;

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
        let text = [
            "An attribution φ says how much one part of a text moved the prediction away from the base value: what the model makes of \
             the text when all its parts are absent. The attributions of a text add up to its prediction less its base value (Shapley values).",
            "± and whiskers are how far a number may be off because only some combinations of parts were tried: ± one standard error \
             in text, 95 % intervals in pictures. They say nothing about whether the model is right.",
        ];
        section("summary", "Summary", &text, Vec::new(), vec![facts("Key facts", key)])
    }

    fn words(&self, outputs: &Range<usize>, texts: u64) -> Section {
        let alone = self.words.len() == 1;
        let items = self.words[outputs.clone()].iter().filter(|_| texts > 1).filter_map(|words| picture(words, alone));
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
                items.push(Item::Text(marked(text, k, &self.provenance.outputs)));
                items.extend(steps(text, k, &self.provenance.outputs).map(Item::Figure));
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
        let p = self.provenance;
        let mut settings: Vec<(String, Value)> = [
            ("Pellucid", json!(p.version)),
            ("Made", json!(self.created)),
            ("Device", json!(p.device)),
            ("Model", json!(p.model)),
            ("Seed", json!(p.seed)),
            ("Budget", json!(p.budget)),
            ("Outputs", json!(list(&p.outputs))),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
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

/// The mean φ of the words that move an output most.
fn picture(words: &GlobalWords, alone: bool) -> Option<Figure> {
    let top = &words.words[..words.words.len().min(WORDS)];
    let first = top.first()?;
    let drawn = |word: &crate::text::Word| Bar { name: cut(&word.word, 40), size: word.mean, stderr: word.mean_stderr };
    let drawn: Vec<Bar> = top.iter().map(drawn).collect();
    let share: f64 = top.iter().map(|word| word.share).sum();
    let row = |word: &crate::text::Word| {
        let numbers = [word.share, word.mean, word.mean_stderr, word.mean_abs, word.typical_stderr];
        [json!(word.word), json!(word.count), json!(word.texts)].into_iter().chain(numbers.map(|x| json!(x))).collect()
    };
    let columns = [
        "word",
        "occurrences",
        "texts",
        "share of Σ|φ|",
        "mean φ",
        "standard error of the mean",
        "mean |φ|",
        "typical standard error of one φ",
    ];
    Some(Figure {
        id: if alone { "words".into() } else { format!("words-{}", figures::text::slug(&words.output)) },
        title: titled("Words that move the output most", &words.output, alone),
        caption: format!(
            "Mean φ of a word over its occurrences, in units of {}; the word with the largest share of all movement on top. The {} here hold \
             {} of it, of {} in {}. Whiskers: 95 % interval of the mean over occurrences.",
            words.output,
            count(top.len() as u64, "word"),
            figures::text::percent(share),
            count(words.different as u64, "different word"),
            count(words.texts, "text")
        ),
        alt: format!(
            "{} is moved most by the word {}: {} on average over {}.",
            words.output,
            first.word,
            signed(first.mean),
            count(first.count, "occurrence")
        ),
        spec: bars(&drawn, &format!("mean φ, {}", words.output), false),
        table: Table {
            title: titled("Words", &words.output, alone),
            columns: columns.map(String::from).to_vec(),
            rows: words.words.iter().map(row).collect(),
            left_out: words.different - words.words.len(),
        },
    })
}

/// A text with its parts coloured, and the parts as a table.
fn marked(text: &TextExplanation, k: usize, outputs: &[String]) -> MarkedText {
    let phi = |player: usize| text.values[(k, player)];
    let largest = text.values.row(k).iter().fold(0.0f32, |a, b| a.max(b.abs()));
    let mut runs = Vec::new();
    let mut at = 0;
    for (player, span) in text.players.iter().enumerate() {
        if span.bytes.start > at {
            runs.push(Run { text: text.text[at..span.bytes.start].into(), level: 0, note: String::new() });
        }
        let note = plus_minus(phi(player).into(), text.stderr[(k, player)].into());
        let level = if largest > 0.0 { (LEVELS * phi(player) / largest).round() as i8 } else { 0 };
        runs.push(Run { text: text.part(player).into(), level, note });
        at = span.bytes.end;
    }
    if at < text.text.len() {
        runs.push(Run { text: text.text[at..].into(), level: 0, note: String::new() });
    }
    let row = |player: usize| {
        let span = &text.players[player].chars;
        let numbers = [phi(player), text.stderr[(k, player)]].map(figures::spec::shortest);
        [json!(text.part(player)), json!(span.start), json!(span.end)].into_iter().chain(numbers).collect()
    };
    let (base, end) = (text.base_values[k], text.predictions[k]);
    MarkedText {
        title: titled(&format!("Text {}", text.row), &outputs[k], outputs.len() == 1),
        caption: format!("{} is {} without its parts and {} with all of them.", outputs[k], short(base), short(end)),
        runs,
        table: Table {
            title: titled(&format!("Parts of text {}", text.row), &outputs[k], outputs.len() == 1),
            columns: ["part", "start", "end", "φ", "standard error"].map(String::from).to_vec(),
            rows: (0..text.players.len()).map(row).collect(),
            left_out: 0,
        },
    }
}

/// The waterfall of a text, whose features are its parts.
fn steps(text: &TextExplanation, k: usize, outputs: &[String]) -> Option<Figure> {
    let value = |player: usize| GlobalValue {
        player: cut(text.part(player), 40),
        mean_abs: text.values[(k, player)].abs().into(),
        mean_abs_stderr: 0.0,
        mean: text.values[(k, player)].into(),
        mean_stderr: 0.0,
        mean_square: 0.0,
        mean_square_stderr: 0.0,
        median: text.values[(k, player)].into(),
        typical_stderr: 0.0,
        rank: 0,
        rank_low: 0,
        rank_high: 0,
        rank_stderr: 0.0,
    };
    let values: Vec<GlobalValue> = (0..text.players.len()).map(value).collect();
    let global = GlobalExplanation {
        output: outputs[k].clone(),
        base_value: text.base_values[k],
        rows: 1,
        values,
        interactions: Vec::new(),
    };
    let findings = Findings {
        provenance: Provenance { link: "identity".into(), outputs: vec![outputs[k].clone()], ..Provenance::default() },
        global: vec![global],
        data: DataCard::default(),
        ..Findings::default()
    };
    let none = || FeatureValue { text: String::new(), number: None };
    let row = ExplainedRow {
        number: text.row,
        id: String::new(),
        predictions: vec![text.predictions[k] as f32],
        values: vec![text.values.row(k).to_vec()],
        stderr: vec![text.stderr.row(k).to_vec()],
        features: text.players.iter().map(|_| none()).collect(),
    };
    let shown = ShownRow { row, why: String::new() };
    let output = Output::all(&findings).into_iter().next()?;
    let mut figure = figures::waterfall(&output, &shown)?;
    figure.id = format!("text-{}-{}", text.row, figures::text::slug(&outputs[k]));
    figure.title =
        titled(&format!("Text {}: how the prediction comes about", text.row), &outputs[k], outputs.len() == 1);
    figure.caption = format!(
        "From the bottom: the base value {} is what the model makes of the text without its parts; each part then moves {} up (red) or down \
         (blue), until it is the prediction, {}. Whiskers: 95 % interval of each attribution.",
        short(text.base_values[k]),
        outputs[k],
        short(text.predictions[k])
    );
    Some(figure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Span;
    use ndarray::array;

    fn text() -> TextExplanation {
        let span = |start: usize, end: usize| Span { bytes: start..end, chars: start..end };
        TextExplanation {
            row: 3,
            text: " win <now> or never ".into(),
            players: vec![span(1, 4), span(5, 10), span(14, 19)],
            cut: None,
            values: array![[-0.4, 0.1, 0.01]],
            stderr: array![[0.0, 0.02, 0.0]],
            base_values: vec![0.5],
            predictions: vec![0.21],
            spent: 8,
        }
    }

    #[test]
    fn coloured_runs_are_the_whole_text() {
        let marked = marked(&text(), 0, &["y".to_string()]);
        assert_eq!(marked.runs.iter().map(|run| run.text.as_str()).collect::<String>(), text().text);
        assert_eq!(marked.runs.iter().map(|run| run.level).collect::<Vec<_>>(), [0, -4, 0, 1, 0, 0, 0]);
        assert_eq!(marked.runs[3].note, "0.1 ± 0.02");
    }

    #[test]
    fn a_text_has_a_waterfall_of_its_parts() {
        let figure = steps(&text(), 0, &["y".to_string()]).unwrap();
        assert_eq!((figure.id.as_str(), figure.table.rows.len()), ("text-3-y", 3));
        assert!(figure.alt.contains("y goes from 0.5 to 0.21; win lowers it by 0.4"), "{}", figure.alt);
    }
}
