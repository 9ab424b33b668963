//! One text: its parts coloured, its waterfall, its pairs.

use super::{titled, words};
use crate::explain::{ExplainedRow, FeatureValue, GlobalExplanation, GlobalInteraction, GlobalValue, Provenance};
use crate::report::figures::text::{cut, plus_minus, short, slug};
use crate::report::figures::{self, Output};
use crate::report::{Figure, Findings, MarkedText, Run, ShownRow, Table};
use crate::text::{Pair, TextExplanation};
use serde_json::json;

/// Shades of one colour.
const LEVELS: f32 = 4.0;

/// A text with its parts coloured, and the parts as a table, with the columns beside the text behind them.
pub fn marked(text: &TextExplanation, k: usize, outputs: &[String]) -> MarkedText {
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
        let chars = text.players.get(player).map(|span| &span.chars);
        let numbers = [phi(player), text.stderr[(k, player)]].map(figures::spec::shortest);
        let places = [json!(chars.map(|chars| chars.start)), json!(chars.map(|chars| chars.end))];
        std::iter::once(json!(text.name(player))).chain(places).chain(numbers).collect()
    };
    let (base, end) = (text.base_values[k], text.predictions[k]);
    let beside = if text.columns.is_empty() { "" } else { ", its columns drawn from the background," };
    MarkedText {
        title: titled(&format!("Text {}", text.row), &outputs[k], outputs.len() == 1),
        caption: format!(
            "{} is {} without its parts{beside} and {} with all of them.",
            outputs[k],
            short(base),
            short(end)
        ),
        runs,
        table: Table {
            title: titled(&format!("Parts of text {}", text.row), &outputs[k], outputs.len() == 1),
            columns: ["part", "start", "end", "φ", "standard error"].map(String::from).to_vec(),
            rows: (0..text.n_players()).map(row).collect(),
            left_out: 0,
        },
    }
}

/// The waterfall of a text, whose features are its parts and the columns beside it, and its pairs if they are known.
pub fn pictures(text: &TextExplanation, k: usize, outputs: &[String]) -> Vec<Figure> {
    let parts = (0..text.players.len()).map(|player| text.part(player));
    let names = parts.chain(text.columns.iter().map(|cell| cell.column.as_str()));
    let value = |(player, name): (usize, &str)| GlobalValue {
        player: cut(name, 40),
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
    let global = GlobalExplanation {
        output: outputs[k].clone(),
        base_value: text.base_values[k],
        rows: 1,
        values: names.enumerate().map(value).collect(),
        interactions: interactions(text, k),
    };
    let findings = Findings {
        provenance: Provenance { link: "identity".into(), outputs: vec![outputs[k].clone()], ..Provenance::default() },
        global: vec![global],
        ..Findings::default()
    };
    let none = || FeatureValue { text: String::new(), number: None };
    let parts = text.players.iter().map(|_| none());
    let row = ExplainedRow {
        number: text.row,
        id: String::new(),
        predictions: vec![text.predictions[k] as f32],
        values: vec![text.values.row(k).to_vec()],
        stderr: vec![text.stderr.row(k).to_vec()],
        features: parts.chain(text.columns.iter().map(|cell| cell.value.clone())).collect(),
    };
    let shown = ShownRow { row, why: String::new() };
    let Some(output) = Output::all(&findings).into_iter().next() else { return Vec::new() };
    let named = |figure: Figure, id: &str, title: &str| Figure {
        id: format!("{id}-{}-{}", text.row, slug(&outputs[k])),
        title: titled(&format!("Text {}: {title}", text.row), &outputs[k], outputs.len() == 1),
        ..figure
    };
    let steps = figures::waterfall(&output, &shown).map(|figure| Figure {
        caption: steps(text, &outputs[k], k),
        ..named(figure, "text", "how the prediction comes about")
    });
    let pairs = words::pairs(&text.pairs(k, &text.names()), &outputs[k], false)
        .map(|figure| named(figure, "text-pairs", "parts that act together"));
    let matrix = figures::together_matrix(&output).map(|figure| named(figure, "text-matrix", "all pairs"));
    [steps, pairs, matrix].into_iter().flatten().collect()
}

fn steps(text: &TextExplanation, output: &str, k: usize) -> String {
    let beside = if text.columns.is_empty() { "" } else { ", averaged over background rows for its columns" };
    format!(
        "From the bottom: the base value {} is what the model makes of the text without its parts{beside}; each part then moves {output} up \
         (red) or down (blue), until it is the prediction, {}. Whiskers: 95 % interval of each attribution.",
        short(text.base_values[k]),
        short(text.predictions[k])
    )
}

/// The pairs of one text as those of a table of one row.
fn interactions(text: &TextExplanation, k: usize) -> Vec<GlobalInteraction> {
    let of = |Pair { a, b, value, stderr, .. }: Pair| {
        let (value, stderr) = (f64::from(value), f64::from(stderr));
        GlobalInteraction {
            a,
            b,
            mean_abs: value.abs(),
            mean_abs_stderr: stderr,
            mean: value,
            mean_stderr: stderr,
            typical_stderr: stderr,
        }
    };
    text.pairs(k, &text.names()).into_iter().map(of).collect()
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
            columns: Vec::new(),
            cut: None,
            values: array![[-0.4, 0.1, 0.01]],
            stderr: array![[0.0, 0.02, 0.0]],
            interactions: None,
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
        let figure = pictures(&text(), 0, &["y".to_string()]).remove(0);
        assert_eq!((figure.id.as_str(), figure.table.rows.len()), ("text-3-y", 3));
        assert!(figure.alt.contains("y goes from 0.5 to 0.21; win lowers it by 0.4"), "{}", figure.alt);
    }
}
