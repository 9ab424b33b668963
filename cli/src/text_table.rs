//! Explained texts on a terminal: coloured words, a table of them, words over many texts.

use crate::number::{decimals, significant, thousands};
use crate::table::bar;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use pellucid::text::{GlobalWords, Pair, TextExplanation, Word};
use std::io::IsTerminal;
use std::ops::Range;

/// Outputs that are printed; of two, which mirror each other in a classifier, the second.
const OUTPUTS: usize = 4;
/// Characters of a part at most, and cells of the longest bar.
const PART: usize = 40;
const BAR: usize = 16;
/// Pairs in a table.
const PAIRS: usize = 20;
/// Backgrounds of 256 colours, from faint to strong.
const UP: [u8; 4] = [224, 217, 210, 203];
const DOWN: [u8; 4] = [189, 153, 111, 75];

const PAIRS_LEGEND: &str = "\
I: how much two parts move the output together, beyond what each does, averaged over what the others do";

pub fn shown(outputs: &[String]) -> Range<usize> {
    if outputs.len() == 2 { 1..2 } else { 0..outputs.len().min(OUTPUTS) }
}

/// One text: coloured where stdout is a terminal that takes colours, and a table of its parts.
pub fn explanation(text: &TextExplanation, outputs: &[String], shown: Range<usize>) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) || !std::io::stdout().is_terminal();
    let one = |k: usize| {
        let (base, end) = (significant(text.base_values[k]), significant(text.predictions[k]));
        let heading = format!("{}: {end}, from {base} without the words", outputs[k]);
        let colours = if plain { String::new() } else { format!("{}\n\n", coloured(text, k)) };
        let found = text.pairs(k, &text.names());
        let pairs = match found.is_empty() {
            true => String::new(),
            false => {
                format!("\n\n{}: parts that act together\n\n{}\n\n{PAIRS_LEGEND}", outputs[k], pairs(&found, false))
            }
        };
        format!("{heading}\n\n{colours}{}{pairs}", parts(text, k))
    };
    let legend = if plain { "" } else { "\n\nred, underlined: raises the output; blue: lowers it" };
    format!("{}{legend}", shown.map(one).collect::<Vec<_>>().join("\n\n"))
}

/// The text with its parts on red (raises) or blue (lowers).
fn coloured(text: &TextExplanation, k: usize) -> String {
    let largest = text.values.row(k).iter().fold(0.0f32, |a, b| a.max(b.abs()));
    let mut line = String::new();
    let mut at = 0;
    for (player, span) in text.players.iter().enumerate() {
        line.push_str(&harmless(&text.text[at..span.bytes.start]));
        let phi = text.values[(k, player)];
        let level = if largest > 0.0 { (4.0 * phi.abs() / largest).round() as usize } else { 0 };
        let part = harmless(text.part(player));
        line.push_str(&match level {
            0 => part,
            level if phi > 0.0 => format!("\x1b[38;5;16;48;5;{}m\x1b[4m{part}\x1b[0m", UP[level - 1]),
            level => format!("\x1b[38;5;16;48;5;{}m{part}\x1b[0m", DOWN[level - 1]),
        });
        at = span.bytes.end;
    }
    line + &harmless(&text.text[at..])
}

/// Without characters that would steer the terminal.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// The parts from the largest |φ| down.
fn parts(text: &TextExplanation, k: usize) -> String {
    let mut order: Vec<usize> = (0..text.n_players()).collect();
    order.sort_by(|&a, &b| text.values[(k, b)].abs().total_cmp(&text.values[(k, a)].abs()));
    let largest = order.first().map_or(0.0, |&player| f64::from(text.values[(k, player)].abs()));
    let decimals = decimals(largest);
    let mut table = bare(&["part", "start", "φ", "± SE", ""]);
    for player in order {
        let phi = f64::from(text.values[(k, player)]);
        table.add_row([
            shortened(&text.name(player)),
            text.players.get(player).map_or(String::new(), |span| span.chars.start.to_string()),
            format!("{phi:+.decimals$}"),
            known(text.stderr[(k, player)].into(), decimals),
            bar(phi.abs(), largest, BAR),
        ]);
    }
    right(&mut table, 1..4);
    table.trim_fmt()
}

/// Words over many texts and the columns beside them, and pairs if they are known, one table an output.
pub fn words(global: &[GlobalWords], top: usize) -> String {
    let one = |words: &GlobalWords| {
        let shown = &words.words[..top.min(words.words.len())];
        let rest = words.different - shown.len();
        let more = if rest > 0 { format!("\n {} more words", thousands(rest as u64)) } else { String::new() };
        let (output, texts) = (&words.output, thousands(words.texts));
        let mut text =
            format!("{output}: words that move it most, over {texts} texts\n\n{}{more}", means("word", shown));
        if !words.columns.is_empty() {
            text += &format!("\n\n{output}: columns beside the texts\n\n{}", means("column", &words.columns));
        }
        if !words.pairs.is_empty() {
            let found = pairs(&words.pairs, true);
            text += &format!("\n\n{output}: parts of a text that act together\n\n{found}\n\n{PAIRS_LEGEND}");
        }
        text
    };
    let tables: Vec<String> = global.iter().map(one).collect();
    format!(
        "{}\n\nmean φ: how far the word moves the output when it occurs; share: its part of all movement",
        tables.join("\n\n")
    )
}

fn means(what: &str, words: &[Word]) -> String {
    let decimals = decimals(words.iter().fold(0.0, |a, word| word.mean.abs().max(a)));
    let largest = words.first().map_or(0.0, |word| word.share);
    let mut table = bare(&[what, "times", "mean φ", "± SE", "share", ""]);
    for word in words {
        table.add_row([
            shortened(&word.word),
            thousands(word.count),
            format!("{:+.decimals$}", word.mean),
            format!("{:.decimals$}", word.mean_stderr),
            format!("{:.1} %", 100.0 * word.share),
            bar(word.share, largest, BAR),
        ]);
    }
    right(&mut table, 1..5);
    table.trim_fmt()
}

/// The strongest pairs, with the numbers of their texts if there are several.
fn pairs(found: &[Pair], several: bool) -> String {
    let largest = found.first().map_or(0.0, |pair| f64::from(pair.value.abs()));
    let decimals = decimals(largest);
    let mut table = bare(if several { &["pair", "text", "I", "± SE", ""] } else { &["pair", "I", "± SE", ""] });
    for pair in found.iter().take(PAIRS) {
        let value = f64::from(pair.value);
        let mut row = vec![format!("{} × {}", shortened(&pair.a), shortened(&pair.b))];
        row.extend(several.then(|| pair.row.to_string()));
        row.push(format!("{value:+.decimals$}"));
        row.push(known(pair.stderr.into(), decimals));
        row.push(bar(value.abs(), largest, BAR));
        table.add_row(row);
    }
    right(&mut table, 1..if several { 4 } else { 3 });
    table.trim_fmt()
}

/// `–` where the design cannot tell.
fn known(stderr: f64, decimals: usize) -> String {
    if stderr.is_nan() { "–".into() } else { format!("{stderr:.decimals$}") }
}

fn bare(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    table
}

fn right(table: &mut Table, columns: Range<usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

fn shortened(part: &str) -> String {
    let part = harmless(part).replace('\n', " ");
    let cut = part.chars().count() > PART;
    if cut { part.chars().take(PART - 1).chain(['…']).collect() } else { part }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use pellucid::text::Span;

    #[test]
    fn words_are_coloured_by_sign_and_size_and_cannot_steer_the_terminal() {
        let span = |start: usize, end: usize| Span { bytes: start..end, chars: start..end };
        let text = TextExplanation {
            row: 1,
            text: "win \x1b[2J now".into(),
            players: vec![span(0, 3), span(4, 8), span(9, 12)],
            columns: Vec::new(),
            cut: None,
            values: array![[0.4, -0.1, 0.01]],
            stderr: array![[0.0, 0.0, 0.0]],
            interactions: None,
            base_values: vec![0.0],
            predictions: vec![0.31],
            spent: 8,
        };
        assert_eq!(
            coloured(&text, 0),
            "\x1b[38;5;16;48;5;203m\x1b[4mwin\x1b[0m \x1b[38;5;16;48;5;189m\u{fffd}[2J\x1b[0m now"
        );
        let lines: Vec<String> = parts(&text, 0).lines().map(|line| line.trim_end().to_string()).collect();
        assert_eq!(lines[1], " win       0  +0.4000  0.0000  ████████████████");
        assert!(lines[3].starts_with(" now       9  +0.0100"));
    }
}
