//! Owen values of texts over their hierarchy: forwards used and |φ̂ − φ|²/|φ|² beside exact values.
//!
//! `cargo run --release -p pellucid-benches --example hierarchy`

#![allow(clippy::print_stdout)]

use clap::Parser;
use pellucid::data::{ReadOptions, Table, row_id};
use pellucid::design::{Budget, DesignChoice};
use pellucid::text::{Granularity, OnnxEncoder, TextExplanation, TextShap, Tokenizer, Value};
use pellucid::{Device, Error, Result};
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Parser)]
struct Args {
    /// A folder with `model.onnx` and `tokenizer.json`
    #[arg(long, default_value = "tests/fixtures/models/sms_bert_tiny")]
    model: PathBuf,
    /// A table with a column `text`
    #[arg(long, default_value = "tests/fixtures/data/sms_spam/test.csv")]
    data: PathBuf,
    /// Texts of 20 to 60 words
    #[arg(long, default_value_t = 40)]
    texts: usize,
    /// Coalitions for each word
    #[arg(long, value_delimiter = ',', default_value = "2,5,10,15,20")]
    per_word: Vec<usize>,
}

fn texts(path: &Path) -> Result<Vec<String>> {
    let table = Table::open(path, &ReadOptions { text: vec!["text".into()], ..ReadOptions::default() })?;
    let column = table.positions(&["text".to_string()])?[0];
    let mut texts = Vec::new();
    for batch in table.batches(1024)? {
        let cells = batch?.project(&[column]).map_err(|e| Error::input(e.to_string()))?;
        texts.extend((0..cells.num_rows()).map(|row| row_id(&cells, row)));
    }
    Ok(texts)
}

/// Forwards, and the error of words (parts split evenly) and of parts (against the sums of their words), beside the exact run.
fn compare(found: &TextExplanation, exact: &TextExplanation) -> [f64; 4] {
    let (mut of_words, mut of_parts, mut sums, mut words) = (0.0, 0.0, 0.0, 0.0);
    let mut covered = 0;
    for (part, span) in found.players.iter().enumerate() {
        let held: Vec<f64> = (0..exact.players.len())
            .filter(|&word| span.bytes.contains(&exact.players[word].bytes.start))
            .map(|word| f64::from(exact.values[(0, word)]))
            .collect();
        let (value, sum) = (f64::from(found.values[(0, part)]), held.iter().sum::<f64>());
        let each = value / held.len() as f64;
        of_words += held.iter().map(|phi| (each - phi).powi(2)).sum::<f64>();
        words += held.iter().map(|phi| phi * phi).sum::<f64>();
        of_parts += (value - sum).powi(2);
        sums += sum * sum;
        covered += usize::from((value - sum).abs() <= 1.96 * f64::from(found.stderr[(0, part)]) + 1e-5);
    }
    let parts = found.players.len() as f64;
    [of_words / words, of_parts / sums, parts / exact.players.len() as f64, covered as f64 / parts]
}

fn main() -> Result<()> {
    let args = Args::parse();
    let device = Device::cpu();
    let all = texts(&args.data)?;
    let words = |text: &&str| (20..=60).contains(&text.split_whitespace().count());
    let shap = |budget: Budget, design: DesignChoice| {
        let tokenizer = Tokenizer::open(args.model.join("tokenizer.json"))?;
        TextShap::builder(OnnxEncoder::load(args.model.join("model.onnx"), &device)?, tokenizer)
            .granularity(Granularity::Space)
            .value(Value::Margin)
            .hierarchy(true)
            .targets(vec!["1".into()])
            .budget(budget)
            .design(design)
            .build(&device)
    };
    let chosen: Vec<&str> = all.iter().map(String::as_str).filter(words).take(args.texts).collect();
    let started = Instant::now();
    let exact = shap(Budget::Exact, DesignChoice::Auto)?.explain(&chosen, 1)?;
    let each = |of: fn(&TextExplanation) -> f64| exact.iter().map(of).sum::<f64>() / exact.len() as f64;
    println!(
        "exact: {} texts of {:.1} words, {:.0} forwards each, {:.1} a word, {:.2} s in all",
        exact.len(),
        each(|text| text.players.len() as f64),
        each(|text| text.spent as f64),
        each(|text| text.spent as f64 / text.players.len() as f64),
        started.elapsed().as_secs_f64()
    );
    for (name, design) in [("opened", DesignChoice::Auto), ("permutations", DesignChoice::Permutation)] {
        for &per_word in &args.per_word {
            let (mut rows, mut spent, mut seconds) = (Vec::new(), 0.0, 0.0);
            for (text, exact) in chosen.iter().zip(&exact) {
                let n = exact.players.len();
                let mut shap = shap(Budget::Rows(per_word * n), design)?;
                let started = Instant::now();
                let found = shap.explain(&[text], 1)?.remove(0);
                seconds += started.elapsed().as_secs_f64();
                spent += found.spent as f64 / n as f64;
                rows.push(compare(&found, exact));
            }
            let mean = |k: usize| rows.iter().map(|row| row[k]).sum::<f64>() / rows.len() as f64;
            let median = |k: usize| {
                let mut column: Vec<f64> = rows.iter().map(|row| row[k]).collect();
                column.sort_by(f64::total_cmp);
                column[column.len() / 2]
            };
            println!(
                "{name}, {per_word} coalitions a word ({:.1} used): words median error {:.2e}, mean {:.2e}; parts ({:.2} a word) median {:.2e}, mean {:.2e}; ±1.96 covers {:.3}; {:.2} ms a text",
                spent / rows.len() as f64,
                median(0),
                mean(0),
                mean(2),
                median(1),
                mean(1),
                mean(3),
                1e3 * seconds / rows.len() as f64
            );
        }
    }
    Ok(())
}
