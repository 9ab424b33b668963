//! Figures over all texts: words, columns beside them, pairs.

use super::titled;
use crate::report::figures::text::{count, cut, percent, plus_minus, short, signed, slug};
use crate::report::figures::{Bar, bars};
use crate::report::{Figure, Table};
use crate::text::{GlobalWords, Pair, Word};
use serde_json::{Value, json};

/// Words and pairs in their pictures.
const WORDS: usize = 25;
const PAIRS: usize = 15;

/// The mean φ of the words that move an output most.
pub fn words(found: &GlobalWords, alone: bool) -> Option<Figure> {
    let top = &found.words[..found.words.len().min(WORDS)];
    let first = top.first()?;
    let share: f64 = top.iter().map(|word| word.share).sum();
    let caption = format!(
        "Mean φ of a word over its occurrences, in units of {}; the word with the largest share of all movement on top. The {} here hold \
         {} of it, of {} in {}. Whiskers: 95 % interval of the mean over occurrences.",
        found.output,
        count(top.len() as u64, "word"),
        percent(share),
        count(found.different as u64, "different word"),
        count(found.texts, "text")
    );
    let alt = format!(
        "{} is moved most by the word {}: {} on average over {}.",
        found.output,
        first.word,
        signed(first.mean),
        count(first.count, "occurrence")
    );
    let table = table("word", &found.words, found.different - found.words.len());
    Some(Figure {
        id: id("words", &found.output, alone),
        title: titled("Words that move the output most", &found.output, alone),
        caption,
        alt,
        spec: means(top, &found.output),
        table: Table { title: titled("Words", &found.output, alone), ..table },
    })
}

/// The mean φ of the columns beside the texts. None if there are none.
pub fn columns(found: &GlobalWords, alone: bool) -> Option<Figure> {
    let first = found.columns.first()?;
    let share: f64 = found.columns.iter().map(|column| column.share).sum();
    Some(Figure {
        id: id("columns", &found.output, alone),
        title: titled("Columns beside the texts", &found.output, alone),
        caption: format!(
            "Mean φ of a column over {}, in units of {}. The columns hold {} of all movement, the words the rest. Whiskers: 95 % interval of \
             the mean over texts.",
            count(found.texts, "text"),
            found.output,
            percent(share)
        ),
        alt: format!(
            "Of the columns, {} moves {} most: {} on average, {} in size.",
            first.word,
            found.output,
            signed(first.mean),
            short(first.mean_abs)
        ),
        spec: means(&found.columns, &found.output),
        table: Table { title: titled("Columns", &found.output, alone), ..table("column", &found.columns, 0) },
    })
}

/// The strongest interactions: of one text, or in single texts of `several`. None if there are none.
pub fn pairs(found: &[Pair], output: &str, several: bool) -> Option<Figure> {
    let top = &found[..found.len().min(PAIRS)];
    let first = top.first()?;
    let name = |pair: &Pair| {
        let of = if several { format!(" (text {})", pair.row) } else { String::new() };
        format!("{} × {}{of}", cut(&pair.a, 24), cut(&pair.b, 24))
    };
    let bar = |pair: &Pair| Bar { name: name(pair), size: pair.value.into(), stderr: pair.stderr.into() };
    let row = |pair: &Pair| -> Vec<Value> {
        vec![json!(pair.row), json!(pair.a), json!(pair.b), json!(pair.value), json!(pair.stderr)]
    };
    let more = if found.len() > PAIRS { format!(" The strongest {PAIRS} of {}.", found.len()) } else { String::new() };
    Some(Figure {
        id: "pairs".into(),
        title: "Parts that act together".into(),
        caption: format!(
            "Shapley interaction values I{}, in units of {output}: how much two parts move it together, beyond what each does, averaged over \
             what the others do. Whiskers: 95 % interval.{more}",
            if several { " in single texts" } else { "" }
        ),
        alt: format!("{} act together most: I {}.", name(first), plus_minus(first.value.into(), first.stderr.into())),
        spec: bars(&top.iter().map(bar).collect::<Vec<_>>(), &format!("I, {output}"), false),
        table: Table {
            title: titled("Pairs", output, false),
            columns: ["text", "part", "with", "I", "standard error"].map(String::from).to_vec(),
            rows: found.iter().map(row).collect(),
            left_out: 0,
        },
    })
}

fn id(figure: &str, output: &str, alone: bool) -> String {
    if alone { figure.to_owned() } else { format!("{figure}-{}", slug(output)) }
}

fn means(words: &[Word], output: &str) -> Value {
    let bar = |word: &Word| Bar { name: cut(&word.word, 40), size: word.mean, stderr: word.mean_stderr };
    bars(&words.iter().map(bar).collect::<Vec<_>>(), &format!("mean φ, {output}"), false)
}

fn table(what: &str, words: &[Word], left_out: usize) -> Table {
    let row = |word: &Word| {
        let numbers = [word.share, word.mean, word.mean_stderr, word.mean_abs, word.typical_stderr];
        [json!(word.word), json!(word.count), json!(word.texts)].into_iter().chain(numbers.map(|x| json!(x))).collect()
    };
    let columns = [
        what,
        "occurrences",
        "texts",
        "share of Σ|φ|",
        "mean φ",
        "standard error of the mean",
        "mean |φ|",
        "typical standard error of one φ",
    ];
    Table {
        title: String::new(),
        columns: columns.map(String::from).to_vec(),
        rows: words.iter().map(row).collect(),
        left_out,
    }
}
