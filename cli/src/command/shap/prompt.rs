//! `pellucid shap --prompt …`: which parts of a prompt make a language model answer as it does.

use super::super::open::{file_name, open_device};
use super::super::put::put;
use super::textual::{configured, refuse_tables_options};
use crate::Exit;
use crate::args::ShapArgs;
use crate::interrupt::Interrupt;
use crate::number::{duration, significant, thousands};
use crate::terminal::Terminal;
use crate::text_table;
use pellucid::data::Pending;
use pellucid::text::{Absence, TextExplanation, TextLayout, TextShap, TextWriter, Tokenizer, Value, explained};
use pellucid::transformer::{Decoder, Prompt, Saving, tokenizer};
use pellucid::{Error, Result};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

pub fn run(args: &ShapArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<Exit> {
    refuse_tables_options(args, false)?;
    let typed = args.prompt.prompt.as_deref().unwrap_or_default();
    if typed.trim().is_empty() {
        return Err(Error::input("the prompt is empty").hint("give at least one word with `--prompt`"));
    }
    let device = open_device(args.run.device, terminal)?;
    let started = Instant::now();
    let tokenizer = match &args.text.tokenizer {
        Some(path) => Tokenizer::open(path)?,
        None => tokenizer(&args.model)?,
    };
    let prompt = match args.prompt.raw {
        true => Prompt::raw(typed),
        false => Prompt::chat(typed, &args.model, &tokenizer)?,
    };
    let decoder = Arc::new(Decoder::load(&args.model, &device, args.prompt.precision)?);
    let sha256 = decoder.sha256().to_string();
    terminal.note(&format!("loaded {} in {}", file_name(&args.model), duration(started.elapsed())));
    let started = Instant::now();
    let answer = answer(args, &prompt, &decoder, &tokenizer)?;
    let reply = tokenizer.decode(&answer)?;
    terminal.note(&format!("answer: {reply:?} ({} tokens, {})", answer.len(), duration(started.elapsed())));
    let players = prompt.players(&args.text.players(), &tokenizer)?;
    let model = prompt.answered(decoder, &tokenizer, &answer, &players)?;
    let (saving, labels) = (model.saving(), model.labels().to_vec());
    let mut shap = configured(TextShap::builder(model, tokenizer), args, sha256, interrupt)
        .granularity(players)
        .hierarchy(args.design.hierarchy.is_some())
        .absence(args.text.absent.as_ref().map_or(Absence::Delete, |absent| absent.0.clone()))
        .value(Value::Output)
        .labels(Some(labels))
        .build(&device)?;
    let outputs = shap.outputs();
    let files = Files::create(args, &outputs)?;
    let started = Instant::now();
    let text = shap.explain(&[&prompt.text], 1)?.remove(0);
    if text.players.is_empty() {
        return Err(Error::input("the tokenizer sees no word in the prompt").hint("try `--granularity token`"));
    }
    let (seconds, forwards) = (started.elapsed(), shap.reading().forwards);
    terminal.note(&format!(
        "{} forwards of {} tokens in {}: {} tokens/s; {:.1} % of them shared and read once; additivity gap {}",
        thousands(forwards),
        thousands(saving.asked()),
        duration(seconds),
        thousands((saving.run() as f64 / seconds.as_secs_f64()) as u64),
        100.0 * saving.share(),
        significant(text.additivity_gap())
    ));
    let characters = |at: usize| prompt.text[..at].chars().count();
    let mut object = explained(&text, &outputs, true);
    object.insert(
        "prompt".into(),
        json!({"start": characters(prompt.message.start), "end": characters(prompt.message.end)}),
    );
    object.insert("answer".into(), json!(reply));
    object.insert("reading".into(), reading(&saving, forwards));
    object.insert("provenance".into(), json!(shap.provenance()));
    files.finish(&shap, &text, &format!("{:#}\n", json!(object)), terminal)?;
    match terminal.json() {
        true => terminal.data(&format!("{:#}", json!(object)))?,
        // The total comes last.
        false => terminal.data(&text_table::explanation(&text, &outputs, outputs.len() - 1..outputs.len()))?,
    }
    Ok(Exit::Done)
}

/// Tokens of the answer as typed, or of the one that the model gives.
fn answer(args: &ShapArgs, prompt: &Prompt, decoder: &Decoder, tokenizer: &Tokenizer) -> Result<Vec<u32>> {
    if let Some(text) = &args.prompt.answer {
        return Ok(tokenizer.piece(text)?.iter().map(|&id| id as u32).collect());
    }
    let answer = decoder.answer(&prompt.tokens(tokenizer)?, args.prompt.answer_tokens)?;
    if answer.is_empty() {
        return Err(Error::input("the model ends its answer before it begins").hint("give one with `--answer`"));
    }
    Ok(answer)
}

fn reading(saving: &Saving, forwards: u64) -> serde_json::Value {
    json!({"forwards": forwards, "tokens": saving.asked(), "tokens_run": saving.run(), "share_saved": saving.share()})
}

/// Files of a run, open since before the work.
struct Files {
    writer: Option<TextWriter>,
    summary: Option<Pending>,
}

impl Files {
    fn create(args: &ShapArgs, outputs: &[String]) -> Result<Self> {
        let result = &args.result;
        let layout = TextLayout {
            outputs: outputs.to_vec(),
            column: "prompt".into(),
            stderr: result.stderr,
            ..TextLayout::default()
        };
        let writer = match (&result.output, result.format()) {
            (Some(path), Some(format)) => Some(TextWriter::create(path, format.into(), layout, result.force)?),
            _ => None,
        };
        let summary = result.summary.as_deref().map(|path| Pending::create(path, result.force)).transpose()?;
        Ok(Self { writer, summary })
    }

    fn finish(self, shap: &TextShap, text: &TextExplanation, summary: &str, terminal: &Terminal) -> Result<()> {
        if let Some(mut writer) = self.writer {
            writer.write(std::slice::from_ref(text), None)?;
            writer.finish(&shap.provenance().to_pairs())?;
        }
        if let Some(file) = self.summary {
            put(file, summary.as_bytes(), terminal)?;
        }
        Ok(())
    }
}
