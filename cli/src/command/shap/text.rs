//! `pellucid shap --tokenizer …`: one text, or a column of them with the columns beside it, explained by their parts.

mod files;
mod remarks;
mod source;

use super::super::open::{file_name, open_device};
use super::super::typed;
use super::textual::{configured, refuse_tables_options};
use crate::Exit;
use crate::args::ShapArgs;
use crate::interrupt::Interrupt;
use crate::number::{duration, significant, thousands};
use crate::progress::Progress;
use crate::terminal::Terminal;
use crate::text_table;
use files::Files;
use pellucid::report::{ModelCard, TextPage};
use pellucid::text::{Encoder, OnnxEncoder, TextSample, TextShap, Tokenizer, Words, class_labels, explained};
use pellucid::transformer::Bert;
use pellucid::{Device, Error, Result};
use remarks::{Remarks, one_must_play};
use serde_json::{Value, json};
use source::Source;
use std::time::{Duration, Instant};

/// Texts explained together: enough to fill batches, few enough to keep in memory.
const BLOCK: usize = 256;
/// Texts that a dry run is measured on.
const MEASURED: usize = 16;
/// Words in tables on a terminal; `--summary` has this many times ten.
const TOP: usize = 20;

pub fn run(args: &ShapArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<Exit> {
    let device = open_device(args.run.device, terminal)?;
    let tokenizer = Tokenizer::open(args.text.tokenizer.as_deref().unwrap_or_else(|| "".as_ref()))?;
    let mut source = Source::open(args)?;
    let (encoder, model, sha256) = load(args, &device)?;
    refuse_tables_options(args, !encoder.columns().is_empty())?;
    source.take_columns(args, encoder.columns())?;
    let labels = labels(args, &*encoder, terminal);
    let mut builder = configured(TextShap::boxed(encoder, tokenizer), args, sha256, interrupt)
        .granularity(args.text.players())
        .hierarchy(args.design.hierarchy.is_some())
        .absence(args.text.absent.as_ref().map(|absent| absent.0.clone()).unwrap_or_default())
        .value(args.text.value.into())
        .labels(labels);
    if let Some((background, players)) = source.background(args)? {
        builder = builder.beside(background, players);
    }
    let mut shap = builder.build(&device)?;
    let mut files = Files::create(args, source.layout(&shap, args)?)?;
    if args.run.dry_run {
        return dry_run(&mut shap, &source, args, terminal);
    }
    let shown = text_table::shown(&shap.outputs());
    let mut words = Words::new(shap.outputs());
    let mut sample = TextSample::new(shown.start, args.text.show.iter().copied(), args.run.seed);
    let texts = source.n_texts(args)?;
    if let Some(number) = args.text.show.iter().find(|&&number| number > texts) {
        return Err(Error::input(format!("--show {number}: there are {texts} texts"))
            .hint(format!("give numbers from 1 to {texts}, in the order of the table")));
    }
    let mut remarks = Remarks::default();
    let mut progress = Progress::new(terminal, Some(texts as u64));
    let started = Instant::now();
    let mut first = None;
    let done = source.for_each_block(args, BLOCK, &mut |texts| {
        let block = texts.explain(&mut shap)?;
        if let Some((writer, _)) = &mut files.writer {
            writer.write(&block, texts.ids.as_ref())?;
        }
        for text in &block {
            words.add(text);
            sample.offer(text);
            remarks.note(text);
        }
        progress.advance(block.len() as u64);
        first = first.take().or_else(|| block.into_iter().next());
        Ok(())
    });
    progress.finish();
    done?;
    if let (Source::Given(_), Some(text)) = (&source, &first) {
        one_must_play(text)?;
    }
    remarks.tell(terminal);
    let seconds = started.elapsed();
    tell_pass(&shap, &words, seconds, terminal);
    let global = words.finish(10 * TOP);
    let summary = json!({
        "texts": words.texts(), "seconds": seconds.as_secs_f64(), "reading": shap.reading(),
        "worst_additivity_gap": words.worst_additivity_gap(), "words": global, "provenance": shap.provenance(),
    });
    let page = TextPage {
        title: format!("{} on {}", file_name(&args.model), source.name()),
        command: typed::command(),
        created: chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string(),
        model,
        data: source.name(),
        provenance: shap.provenance(),
        shown: &sample.shown(),
        words: &global,
        worst_additivity_gap: words.worst_additivity_gap(),
        settings: settings(args, &shap),
    };
    files.finish(&shap, &summary, &page, terminal)?;
    let one = first.filter(|_| matches!(source, Source::Given(_)));
    match (one, terminal.json()) {
        (Some(text), true) => {
            let mut json = Value::Object(explained(&text, &shap.outputs(), true));
            json["provenance"] = json!(shap.provenance());
            terminal.data(&format!("{json:#}"))?;
        }
        (None, true) => terminal.data(&format!("{summary:#}"))?,
        (Some(text), false) => terminal.data(&text_table::explanation(&text, &shap.outputs(), shown))?,
        (None, false) => terminal.data(&text_table::words(&global[shown], TOP))?,
    }
    Ok(Exit::Done)
}

/// The model, what a report says of it, and the SHA-256 of its file if it is one.
fn load(args: &ShapArgs, device: &Device) -> Result<(Box<dyn Encoder>, ModelCard, String)> {
    let name = file_name(&args.model);
    if args.model.is_dir() {
        let encoder = Bert::load(&args.model, device, args.prompt.precision)?;
        let sha256 = encoder.sha256().to_string();
        let facts = vec![("SHA-256 of the weights".to_string(), sha256.clone())];
        return Ok((Box::new(encoder), ModelCard { name, facts }, sha256));
    }
    let encoder = OnnxEncoder::load(&args.model, device)?;
    let sha256 = encoder.sha256().to_string();
    let card = ModelCard::of(&name, encoder.card(), &sha256);
    Ok((Box::new(encoder), card, sha256))
}

/// Names of the classes as typed, else those beside the model if there are as many as outputs.
fn labels(args: &ShapArgs, encoder: &dyn Encoder, terminal: &Terminal) -> Option<Vec<String>> {
    if !args.text.labels.is_empty() {
        return Some(args.text.labels.clone());
    }
    let found = class_labels(&args.model).filter(|labels| labels.len() == encoder.output_names().len());
    if let Some(labels) = &found {
        terminal.note(&format!("classes: {} (config.json beside the model)", labels.join(", ")));
    }
    found
}

fn tell_pass(shap: &TextShap, words: &Words, time: Duration, terminal: &Terminal) {
    let reading = shap.reading();
    let rate = reading.tokens as f64 / time.as_secs_f64();
    let padding = 100.0 * reading.padding as f64 / (reading.tokens + reading.padding).max(1) as f64;
    terminal.note(&format!(
        "{} texts in {}: {} forwards ({} more were known), {} tokens/s, {padding:.1} % padding; worst additivity gap {}",
        thousands(words.texts()),
        duration(time),
        thousands(reading.forwards),
        thousands(reading.known),
        thousands(rate as u64),
        significant(words.worst_additivity_gap())
    ));
    if reading.closed > 0 {
        terminal.note(&format!(
            "{} groups of words stayed closed and are parts of their own; a larger `--budget` opens more",
            thousands(reading.closed)
        ));
    }
}

fn dry_run(shap: &mut TextShap, source: &Source, args: &ShapArgs, terminal: &Terminal) -> Result<Exit> {
    let texts = source.n_texts(args)?;
    let (started, mut measured) = (Instant::now(), 0);
    let done = source.for_each_block(args, MEASURED, &mut |texts| {
        measured = texts.texts.len();
        texts.explain(shap)?;
        Err(Error::Interrupted)
    });
    if !matches!(done, Err(Error::Interrupted)) || measured == 0 {
        done?;
    }
    let seconds = started.elapsed().as_secs_f64() / measured.max(1) as f64 * texts as f64;
    let forwards = shap.reading().forwards as f64 / measured.max(1) as f64 * texts as f64;
    if terminal.json() {
        terminal.data(
            &json!({"texts": texts, "forwards": forwards, "seconds": seconds, "measured_on": measured}).to_string(),
        )?;
        return Ok(Exit::Done);
    }
    terminal.data(&format!(
        "{} texts, about {} forwards\nabout {}, measured on {measured} texts; nothing was written",
        thousands(texts as u64),
        thousands(forwards as u64),
        duration(Duration::from_secs_f64(seconds))
    ))?;
    Ok(Exit::Done)
}

fn settings(args: &ShapArgs, shap: &TextShap) -> Vec<(String, Value)> {
    let reading = shap.reading();
    let tokenizer = args.text.tokenizer.as_ref().map(|path| file_name(path)).unwrap_or_default();
    let columns = &shap.provenance().players;
    let beside = (!columns.is_empty()).then(|| ("Columns beside the text", json!(columns.join(", "))));
    [
        ("Tokenizer", json!(tokenizer)),
        ("Parts", json!(format!("{:?}", args.text.players()).to_lowercase())),
        ("Absent parts", json!(shap.provenance().background)),
        ("Forwards", json!(reading.forwards)),
        ("Tokens", json!(reading.tokens)),
        ("Padding", json!(reading.padding)),
    ]
    .into_iter()
    .chain(beside)
    .map(|(name, value)| (name.to_string(), value))
    .collect()
}
