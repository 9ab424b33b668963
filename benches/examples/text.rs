//! Explaining texts by their words: time beside the bare forward of the same batches, what the rest of it goes to, and error at small
//! budgets beside exact values.
//!
//! `cargo run --release -p pellucid-benches --example text -- --budget 512`; `RAYON_NUM_THREADS=1` for one core.

#![allow(clippy::print_stdout)]

use burn::tensor::Tensor;
use clap::Parser;
use pellucid::data::{ReadOptions, Table, row_id};
use pellucid::design::Budget;
use pellucid::device::DeviceChoice;
use pellucid::text::{Encoder, Granularity, OnnxEncoder, TextExplanation, TextShap, TokenBatch, Tokenizer, Value};
use pellucid::{Device, Error, Result};
use pellucid_benches::clock::{Clock, Times};
use rayon::prelude::*;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

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
    /// Fewest and most words of the texts whose exact values are compared with, the first 40 of them
    #[arg(long, value_delimiter = ',', num_args = 2, default_values_t = [6, 12])]
    words: Vec<usize>,
}

/// Runs of each text and budget that are averaged; of wall times the least counts.
const SEEDS: u64 = 4;

/// What a batch was answered with.
type Answers = HashMap<Vec<i32>, Tensor<2>>;

/// An encoder that keeps the batches it is given, or answers from memory.
struct Recorder {
    encoder: Arc<OnnxEncoder>,
    batches: Arc<Mutex<Vec<TokenBatch>>>,
    answers: Arc<Mutex<Answers>>,
    replay: bool,
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
        if self.replay {
            return Ok(self.answers.lock().expect("no thread fails")[&batch.ids].clone());
        }
        let outputs = self.encoder.forward(batch)?;
        self.batches.lock().expect("no thread fails").push(batch.clone());
        self.answers.lock().expect("no thread fails").insert(batch.ids.clone(), outputs.clone());
        Ok(outputs)
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

/// The least of several turns, wall and CPU seconds.
struct Least(Times);

impl Least {
    fn new() -> Self {
        Self(Times { wall: f64::INFINITY, cpu: f64::INFINITY })
    }

    fn time<T>(&mut self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let mut done = None;
        let took = Clock::time(|| done = Some(work()));
        self.0 = Times { wall: self.0.wall.min(took.wall), cpu: self.0.cpu.min(took.cpu) };
        done.expect("the work was done")
    }
}

struct Bench {
    encoder: Arc<OnnxEncoder>,
    tokenizer: Tokenizer,
    device: Device,
    batches: Arc<Mutex<Vec<TokenBatch>>>,
    answers: Arc<Mutex<Answers>>,
}

impl Bench {
    fn shap(&self, budget: Budget, value: Value, seed: u64, replay: bool) -> Result<TextShap> {
        let (encoder, batches, answers) = (self.encoder.clone(), self.batches.clone(), self.answers.clone());
        let recorder = Recorder { encoder, batches, answers, replay };
        let builder = TextShap::builder(recorder, self.tokenizer.clone()).granularity(Granularity::Space).value(value);
        builder.targets(vec!["1".into()]).budget(budget).seed(seed).build(&self.device)
    }

    fn explain(&self, texts: &[&str], budget: Budget, seed: u64) -> Result<Vec<TextExplanation>> {
        self.shap(budget, Value::Margin, seed, false)?.explain(texts, 1)
    }

    fn bare(&self, batches: &[TokenBatch]) -> Result<()> {
        let forward = |batch: &TokenBatch| self.encoder.forward(batch).map(|y| drop(pellucid::kernels::read(y)));
        match self.device.is_cpu() {
            true => batches.par_iter().try_for_each(forward),
            false => batches.iter().try_for_each(forward),
        }
    }

    /// All texts, the bare forward of the same batches, and the same with forwards that take no time, by turns.
    fn speed(&self, texts: &[&str], args: &Args) -> Result<()> {
        let shap = |replay| self.shap(Budget::Rows(args.budget), Value::Probability, 0, replay);
        let [mut all, mut bare, mut host, mut again, mut tokens] = [(); 5].map(|()| Least::new());
        let mut reading = None;
        let mut count = 0;
        for turn in 0..args.repeats {
            let mut first = shap(false)?;
            all.time(|| first.explain(texts, 1))?;
            reading = Some(first.reading());
            let batches = std::mem::take(&mut *self.batches.lock().expect("no thread fails"));
            count = batches.len();
            bare.time(|| self.bare(&batches))?;
            if turn == 0 {
                // The batches of a run whose designs are known already.
                first.explain(texts, 1)?;
            }
            let mut from_memory = shap(true)?;
            host.time(|| from_memory.explain(texts, 1))?;
            again.time(|| from_memory.explain(texts, 1))?;
            tokens.time(|| texts.iter().try_for_each(|text| self.tokenizer.encode(text).map(drop)))?;
            self.batches.lock().expect("no thread fails").clear();
        }
        self.answers.lock().expect("no thread fails").clear();
        let (Some(reading), texts) = (reading, texts.len()) else { return Ok(()) };
        let padding = 100.0 * reading.padding as f64 / (reading.padding + reading.tokens) as f64;
        println!(
            "{texts} texts: {:.1} texts/s, {:.2} texts/CPU s; {} forwards ({} known before), {} tokens in {count} batches, {padding:.1} % padding",
            texts as f64 / all.0.wall,
            texts as f64 / all.0.cpu,
            reading.forwards,
            reading.known,
            reading.tokens,
        );
        println!("| | wall s | CPU s | of all, CPU |\n| --- | --- | --- | --- |");
        let line = |what: &str, times: &Times| {
            println!("| {what} | {:.3} | {:.3} | {:.1} % |", times.wall, times.cpu, 100.0 * times.cpu / all.0.cpu);
        };
        line("all", &all.0);
        line("bare forward of the same batches", &bare.0);
        line("all but the forwards", &host.0);
        let designs = Times { wall: host.0.wall - again.0.wall, cpu: host.0.cpu - again.0.cpu };
        line("- designs: drawn, fitted, solved", &designs);
        line("- tokens and players", &tokens.0);
        let rest = Times { wall: again.0.wall - tokens.0.wall, cpu: again.0.cpu - tokens.0.cpu };
        line("- coalitions, batches, values", &rest);
        println!("bare forward / all: {:.2} wall, {:.2} CPU", bare.0.wall / all.0.wall, bare.0.cpu / all.0.cpu);
        Ok(())
    }

    /// |φ̂ − φ|²/|φ|² of the margin, for texts short enough to enumerate.
    fn accuracy(&self, texts: &[&str], args: &Args) -> Result<()> {
        let words = |text: &&str| (args.words[0]..=args.words[1]).contains(&text.split_whitespace().count());
        let texts: Vec<&str> = texts.iter().copied().filter(words).take(40).collect();
        let mut once = Least::new();
        let exact = once.time(|| self.explain(&texts, Budget::Exact, 0))?;
        println!("exact: {} texts in {:.2} s, {:.2} CPU s", texts.len(), once.0.wall, once.0.cpu);
        println!(
            "| coalitions a word | median error | mean error | within 1.96 SE | ms a text alone | CPU ms | of it beside the forwards |\n| --- | --- | --- | --- | --- | --- | --- |"
        );
        for &per_word in &args.per_word {
            let (mut errors, mut inside, mut values) = (Vec::new(), 0, 0);
            let (mut wall, mut all, mut host) = (0.0, 0.0, 0.0);
            for (text, exact) in texts.iter().zip(&exact) {
                let shap =
                    |seed, replay| self.shap(Budget::Rows(per_word * exact.players.len()), Value::Margin, seed, replay);
                let mut least = f64::INFINITY;
                for seed in 0..SEEDS {
                    let mut shap = shap(seed, false)?;
                    let mut found = Ok(Vec::new());
                    let took = Clock::time(|| found = shap.explain(&[text], 1));
                    let found = found?.remove(0);
                    (least, all) = (least.min(took.wall), all + took.cpu);
                    let error: f32 = found.values.iter().zip(&exact.values).map(|(a, b)| (a - b).powi(2)).sum();
                    let off = found.values.iter().zip(&exact.values).map(|(a, b)| (a - b).abs());
                    // Values below 8 in f32, up to 12 of them.
                    let rounding = 96.0 * f32::EPSILON;
                    inside += off.zip(&found.stderr).filter(|(off, se)| *off <= 1.96 * **se + rounding).count();
                    values += exact.values.len();
                    errors.push(error / exact.values.iter().map(|b| b * b).sum::<f32>());
                }
                wall += least;
                let mut from_memory = (0..SEEDS).map(|seed| shap(seed, true)).collect::<Result<Vec<_>>>()?;
                let mut done = Ok(());
                let explain = |shap: &mut TextShap| shap.explain(&[text], 1).map(drop);
                host += Clock::time(|| done = from_memory.iter_mut().try_for_each(explain)).cpu;
                done?;
                self.answers.lock().expect("no thread fails").clear();
                self.batches.lock().expect("no thread fails").clear();
            }
            errors.sort_by(f32::total_cmp);
            let (runs, mean) = (errors.len(), errors.iter().sum::<f32>() / errors.len() as f32);
            println!(
                "| {per_word} | {:.2e} | {mean:.2e} | {:.1} % | {:.2} | {:.2} | {:.2} |",
                errors[runs / 2],
                100.0 * inside as f64 / values as f64,
                1e3 * wall / texts.len() as f64,
                1e3 * all / runs as f64,
                1e3 * host / runs as f64
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
    let bench = Bench { encoder, tokenizer, device, batches: Arc::default(), answers: Arc::default() };
    let texts = texts(&args.data, args.texts)?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    bench.speed(&texts, &args)?;
    bench.accuracy(&texts, &args)
}
