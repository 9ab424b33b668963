//! Explaining texts by their words: time beside the bare forward of the same batches, and error at small budgets beside exact values.
//!
//! `cargo run --release -p pellucid-benches --example text -- --budget 512`

#![allow(clippy::print_stdout)]

use burn::tensor::Tensor;
use clap::Parser;
use pellucid::data::{ReadOptions, Table, row_id};
use pellucid::design::Budget;
use pellucid::device::DeviceChoice;
use pellucid::text::{Encoder, Granularity, OnnxEncoder, TextExplanation, TextShap, TokenBatch, Tokenizer, Value};
use pellucid::{Device, Error, Result};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

#[derive(Parser)]
struct Args {
    /// A folder with `model.onnx` and `tokenizer.json`
    #[arg(long, default_value = "tests/fixtures/models/sms_bert_tiny")]
    model: PathBuf,
    /// A table with a column `text`
    #[arg(long, default_value = "tests/fixtures/data/sms_spam/test.csv")]
    data: PathBuf,
    #[arg(long, default_value_t = 800)]
    texts: usize,
    /// Coalitions for each text
    #[arg(long, default_value_t = 512)]
    budget: usize,
    #[arg(long, default_value = "cpu")]
    device: DeviceChoice,
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// Compare with exact values at these numbers of coalitions for each word
    #[arg(long, value_delimiter = ',', default_value = "2,5,10,20,50")]
    per_word: Vec<usize>,
}

/// An encoder that keeps the batches it was given.
struct Recorder {
    encoder: Arc<OnnxEncoder>,
    batches: Arc<Mutex<Vec<TokenBatch>>>,
}

impl Encoder for Recorder {
    fn output_names(&self) -> &[String] {
        self.encoder.output_names()
    }
    fn vocabulary(&self) -> Option<usize> {
        self.encoder.vocabulary()
    }
    fn positions(&self) -> Option<usize> {
        self.encoder.positions()
    }
    fn takes_mask(&self) -> bool {
        self.encoder.takes_mask()
    }
    fn forward(&self, batch: &TokenBatch) -> Result<Tensor<2>> {
        self.batches.lock().expect("no thread fails").push(batch.clone());
        self.encoder.forward(batch)
    }
}

fn texts(path: &Path, count: usize) -> Result<Vec<String>> {
    let table = Table::open(path, &ReadOptions { text: vec!["text".into()], ..ReadOptions::default() })?.first(count);
    let column = table.positions(&["text".to_string()])?[0];
    let mut texts = Vec::new();
    for batch in table.batches(1024)? {
        let batch = batch?;
        let cells = batch.project(&[column]).map_err(|e| Error::input(e.to_string()))?;
        texts.extend((0..cells.num_rows()).map(|row| row_id(&cells, row)));
    }
    Ok(texts)
}

/// Explained texts, what read them, and the batches that it was given.
type Run = (Vec<TextExplanation>, TextShap, Arc<Mutex<Vec<TokenBatch>>>);

struct Bench {
    encoder: Arc<OnnxEncoder>,
    tokenizer: Tokenizer,
    device: Device,
}

impl Bench {
    fn explain(&self, texts: &[&str], budget: Budget, value: Value, seed: u64) -> Result<Run> {
        let batches = Arc::<Mutex<Vec<TokenBatch>>>::default();
        let recorder = Recorder { encoder: self.encoder.clone(), batches: batches.clone() };
        let builder = TextShap::builder(recorder, self.tokenizer.clone()).granularity(Granularity::Space).value(value);
        let mut shap = builder.targets(vec!["1".into()]).budget(budget).seed(seed).build(&self.device)?;
        Ok((shap.explain(texts, 1)?, shap, batches))
    }

    /// Seconds for all texts and for the bare forward of the same batches, the best of several turns.
    fn speed(&self, texts: &[&str], args: &Args) -> Result<()> {
        let (mut best, mut bare) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..args.repeats {
            let started = Instant::now();
            let (_, shap, batches) = self.explain(texts, Budget::Rows(args.budget), Value::Probability, 0)?;
            best = best.min(started.elapsed().as_secs_f64());
            let batches = std::mem::take(&mut *batches.lock().expect("no thread fails"));
            let started = Instant::now();
            let forward = |batch: &TokenBatch| self.encoder.forward(batch).map(|y| drop(pellucid::kernels::read(y)));
            match self.device.is_cpu() {
                true => batches.par_iter().try_for_each(forward)?,
                false => batches.iter().try_for_each(forward)?,
            }
            bare = bare.min(started.elapsed().as_secs_f64());
            let reading = shap.reading();
            let padding = 100.0 * reading.padding as f64 / (reading.padding + reading.tokens) as f64;
            println!(
                "{} texts: {best:.2} s, {:.1} texts/s; {} forwards ({} known before), {} tokens in {} batches, {padding:.1} % padding; bare forward {bare:.2} s, ratio {:.2}",
                texts.len(),
                texts.len() as f64 / best,
                reading.forwards,
                reading.known,
                reading.tokens,
                batches.len(),
                bare / best
            );
        }
        Ok(())
    }

    /// |φ̂ − φ|²/|φ|² of the margin, for texts of 6 to 12 words.
    fn accuracy(&self, texts: &[&str], args: &Args) -> Result<()> {
        let words = |text: &&str| (6..=12).contains(&text.split_whitespace().count());
        let texts: Vec<&str> = texts.iter().copied().filter(words).take(40).collect();
        let started = Instant::now();
        let (exact, ..) = self.explain(&texts, Budget::Exact, Value::Margin, 0)?;
        println!("exact: {} texts in {:.2} s", texts.len(), started.elapsed().as_secs_f64());
        for &per_word in &args.per_word {
            let (mut errors, mut inside, mut values) = (Vec::new(), 0, 0);
            let mut seconds = 0.0;
            for seed in 0..4 {
                for (text, exact) in texts.iter().zip(&exact) {
                    let budget = Budget::Rows(per_word * exact.players.len());
                    let started = Instant::now();
                    let (found, ..) = self.explain(&[text], budget, Value::Margin, seed)?;
                    seconds += started.elapsed().as_secs_f64();
                    let error: f32 = found[0].values.iter().zip(&exact.values).map(|(a, b)| (a - b).powi(2)).sum();
                    let off = found[0].values.iter().zip(&exact.values).map(|(a, b)| (a - b).abs());
                    // Values below 8 in f32, up to 12 of them.
                    let rounding = 96.0 * f32::EPSILON;
                    inside += off.zip(&found[0].stderr).filter(|(off, se)| *off <= 1.96 * **se + rounding).count();
                    values += exact.values.len();
                    errors.push(error / exact.values.iter().map(|b| b * b).sum::<f32>());
                }
            }
            errors.sort_by(f32::total_cmp);
            let (runs, mean) = (errors.len(), errors.iter().sum::<f32>() / errors.len() as f32);
            println!(
                "{per_word} coalitions a word: median error {:.2e}, mean {mean:.2e}, {:.1} % within 1.96 standard errors, {:.2} ms a text alone",
                errors[runs / 2],
                100.0 * inside as f64 / values as f64,
                1e3 * seconds / runs as f64
            );
        }
        Ok(())
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    let device = Device::open(args.device)?;
    let encoder = Arc::new(OnnxEncoder::load(args.model.join("model.onnx"), &device)?);
    let tokenizer = Tokenizer::open(args.model.join("tokenizer.json"))?;
    let bench = Bench { encoder, tokenizer, device };
    let texts = texts(&args.data, args.texts)?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    bench.speed(&texts, &args)?;
    bench.accuracy(&texts, &args)
}
