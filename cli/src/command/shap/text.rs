//! `pellucid shap --tokenizer …`: one text, or a column of them, explained by their parts.

use super::super::open::{file_name, open_device};
use super::super::typed;
use crate::Exit;
use crate::args::{Draw, Link, ShapArgs};
use crate::interrupt::Interrupt;
use crate::number::{duration, significant, thousands};
use crate::progress::Progress;
use crate::terminal::Terminal;
use crate::text_table;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use pellucid::data::{Pending, ReadOptions, Table};
use pellucid::explain::Control;
use pellucid::report::{ModelCard, TextPage};
use pellucid::text::{
    Encoder, OnnxEncoder, TextExplanation, TextLayout, TextSample, TextShap, TextWriter, Tokenizer, Words,
    class_labels, explained,
};
use pellucid::transformer::Bert;
use pellucid::{Device, Error, Result};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Texts explained together: enough to fill batches, few enough to keep in memory.
const BLOCK: usize = 256;
/// Texts that a dry run is measured on.
const MEASURED: usize = 16;
/// Words in tables on a terminal; `--summary` has this many times ten.
const TOP: usize = 20;

/// Where the texts come from.
enum Source {
    Given(String),
    Column { table: Table, column: usize, ids: Vec<usize> },
}

/// What is done with some texts, their id columns and the number of the first.
type Work<'a> = &'a mut dyn FnMut(Vec<String>, Option<&RecordBatch>, usize) -> Result<()>;

/// Files of a run, open since before the work.
struct Files {
    writer: Option<(TextWriter, PathBuf)>,
    summary: Option<Pending>,
    report: Option<Pending>,
}

pub fn run(args: &ShapArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<Exit> {
    refuse_tables_options(args)?;
    let device = open_device(args.run.device, terminal)?;
    let tokenizer = Tokenizer::open(args.text.tokenizer.as_deref().unwrap_or_else(|| "".as_ref()))?;
    let source = Source::open(args)?;
    let (encoder, model, sha256) = load(args, &device)?;
    let mut control = Control::default();
    control.stop = interrupt.flag();
    let labels = labels(args, &*encoder, terminal);
    let mut shap = TextShap::boxed(encoder, tokenizer)
        .granularity(args.text.players())
        .absence(args.text.absent.as_ref().map(|absent| absent.0.clone()).unwrap_or_default())
        .value(args.text.value.into())
        .labels(labels)
        .targets(args.run.target.clone())
        .budget(args.design.budget.into())
        .design(args.design.design.into())
        .tolerance(args.design.tolerance)
        .seed(args.run.seed)
        .memory(args.run.memory)
        .control(control)
        .model(file_name(&args.model), sha256)
        .build(&device)?;
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
    let done = source.for_each_block(args, BLOCK, &mut |texts, ids, first_row| {
        let block = shap.explain(&texts.iter().map(String::as_str).collect::<Vec<_>>(), first_row)?;
        if let Some((writer, _)) = &mut files.writer {
            writer.write(&block, ids)?;
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
        return Ok((Box::new(encoder), ModelCard { name, facts: Vec::new() }, String::new()));
    }
    let encoder = OnnxEncoder::load(&args.model, device)?;
    let sha256 = encoder.sha256().to_string();
    let card = ModelCard::of(&name, encoder.card(), &sha256);
    Ok((Box::new(encoder), card, sha256))
}

/// Options that mean something for tables alone.
pub(super) fn refuse_tables_options(args: &ShapArgs) -> Result<()> {
    let background = &args.background;
    let refused = [
        (background.background.is_some(), "--background", "what stands in for absent words is `--absent`"),
        (background.background_rows.is_some(), "--background-rows", "what stands in for absent words is `--absent`"),
        (
            background.background_kmeans.is_some(),
            "--background-kmeans",
            "what stands in for absent words is `--absent`",
        ),
        (background.background_all, "--background-all", "what stands in for absent words is `--absent`"),
        (args.columns.schema.is_some(), "--schema", "only the column of texts is read"),
        (args.columns.groups.is_some(), "--groups", "larger players are `--granularity sentence` or `--span`"),
        (args.design.by.is_some(), "--by", "explain the parts of the table one by one"),
        (args.design.interactions, "--interactions", "leave it out: only single parts are explained"),
        (args.design.draw == Draw::PerRow, "--draw per-row", "leave it out"),
        (args.run.link == Link::Logit, "--link logit", "the log-odds of a class are `--value margin`"),
    ];
    match refused.iter().find(|(given, ..)| *given) {
        Some((_, option, hint)) => Err(Error::input(format!("{option} is not for texts")).hint(*hint)),
        None => Ok(()),
    }
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

impl Source {
    fn open(args: &ShapArgs) -> Result<Self> {
        if let Some(text) = &args.text.text {
            return Ok(Self::Given(text.clone()));
        }
        let path = args.data.clone().unwrap_or_default();
        let mut text = args.columns.id.clone();
        text.extend(args.text.text_column.clone());
        let table = Table::open(&path, &ReadOptions { text, ..ReadOptions::default() })?;
        let Some(name) = &args.text.text_column else {
            let columns =
                table.schema().fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ");
            return Err(Error::input("which column holds the texts?")
                .hint(format!("name it with `--text-column`; {} has {columns}", path.display())));
        };
        let column = table.positions(std::slice::from_ref(name))?[0];
        let ids = table.positions(&args.columns.id)?;
        Ok(Self::Column { table, column, ids })
    }

    /// What the texts are called.
    fn name(&self) -> String {
        match self {
            Self::Given(_) => "the text given".into(),
            Self::Column { table, .. } => file_name(table.path()),
        }
    }

    fn layout(&self, shap: &TextShap, args: &ShapArgs) -> Result<TextLayout> {
        let (ids, column) = match self {
            Self::Given(_) => Default::default(),
            Self::Column { table, column, ids } => {
                let ids = table.schema().project(ids).map_err(|error| Error::input(error.to_string()))?;
                (ids.fields, table.schema().field(*column).name().clone())
            }
        };
        let column = if column.is_empty() { "text".to_string() } else { column };
        Ok(TextLayout { ids, outputs: shap.outputs(), column, stderr: args.result.stderr })
    }

    fn n_texts(&self, args: &ShapArgs) -> Result<usize> {
        match self {
            Self::Given(_) => Ok(1),
            Self::Column { table, .. } => {
                args.columns.rows.map_or_else(|| table.n_rows(), |rows| table.first(rows).n_rows())
            }
        }
    }

    /// Texts with their id columns and the number of the first.
    fn for_each_block(&self, args: &ShapArgs, size: usize, work: Work) -> Result<()> {
        let (table, column, ids) = match self {
            Self::Given(text) => return work(vec![text.clone()], None, 1),
            Self::Column { table, column, ids } => (table, *column, ids),
        };
        let table = args.columns.rows.map_or_else(|| table.clone(), |rows| table.first(rows));
        let mut first = 1;
        for batch in table.batches(size)? {
            let batch = batch?;
            let texts = texts(&batch, column, first).map_err(|error| table.blame(error))?;
            let ids = batch.project(ids).map_err(|error| Error::input(error.to_string()))?;
            work(texts, (ids.num_columns() > 0).then_some(&ids), first)?;
            first += batch.num_rows();
        }
        Ok(())
    }
}

fn texts(batch: &RecordBatch, column: usize, first: usize) -> Result<Vec<String>> {
    let name = batch.schema_ref().field(column).name().clone();
    let cells =
        arrow::compute::cast(batch.column(column), &DataType::Utf8).map_err(|error| Error::input(error.to_string()))?;
    let cells = cells.as_string::<i32>();
    match (0..cells.len()).find(|&row| cells.is_null(row)) {
        Some(row) => Err(Error::input(format!("row {}, column `{name}`: the text is missing", first + row))
            .hint("leave such rows out of the table, or give them an empty text")),
        None => Ok((0..cells.len()).map(|row| cells.value(row).to_string()).collect()),
    }
}

impl Files {
    fn create(args: &ShapArgs, layout: TextLayout) -> Result<Self> {
        let paths = [&args.result.output, &args.result.summary, &args.text.report];
        let given: Vec<_> = paths.into_iter().flatten().collect();
        if let Some(path) = given.iter().enumerate().find_map(|(at, path)| given[..at].contains(path).then_some(path)) {
            return Err(
                Error::input(format!("{} is named for two files", path.display())).hint("give each a name of its own")
            );
        }
        let pending =
            |path: &Option<PathBuf>| path.as_deref().map(|path| Pending::create(path, args.result.force)).transpose();
        let writer = match (&args.result.output, args.result.format()) {
            (Some(path), Some(format)) => {
                Some((TextWriter::create(path, format.into(), layout, args.result.force)?, path.clone()))
            }
            _ => None,
        };
        Ok(Self { writer, summary: pending(&args.result.summary)?, report: pending(&args.text.report)? })
    }

    fn finish(self, shap: &TextShap, summary: &Value, page: &TextPage, terminal: &Terminal) -> Result<()> {
        let html = self.report.as_ref().map(|_| page.report().html()).transpose()?;
        let mut written = Vec::new();
        if let Some((writer, path)) = self.writer {
            writer.finish(&shap.provenance().to_pairs())?;
            written.push(path);
        }
        let texts = [(self.summary, Some(format!("{summary:#}\n"))), (self.report, html)];
        for (file, text) in texts.into_iter().filter_map(|(file, text)| Some((file?, text?))) {
            let path = file.path().to_path_buf();
            file.put(text.as_bytes())?;
            file.commit()?;
            written.push(path);
        }
        written.iter().for_each(|path| terminal.note(&format!("wrote {}", path.display())));
        Ok(())
    }
}

/// A single text must have something to explain.
fn one_must_play(text: &TextExplanation) -> Result<()> {
    match (text.players.is_empty(), text.text.trim().is_empty()) {
        (false, _) => Ok(()),
        (true, true) => Err(Error::input("the text is empty").hint("give at least one word with `--text`")),
        (true, false) => Err(Error::input("the model's tokenizer sees no word in the text")
            .hint("try `--granularity token`, or another text")),
    }
}

/// What a reader must know of texts that were not explained as they are.
#[derive(Default)]
struct Remarks {
    cut: Vec<(usize, usize)>,
    silent: Vec<usize>,
    /// Texts whose budget is too small to tell its errors.
    unsure: Vec<usize>,
}

impl Remarks {
    fn note(&mut self, text: &TextExplanation) {
        self.cut.extend(text.cut.as_ref().map(|cut| (text.row, cut.kept)));
        self.silent.extend(text.players.is_empty().then_some(text.row));
        self.unsure.extend(text.stderr.iter().any(|e| e.is_nan()).then_some(text.row));
    }

    fn tell(&self, terminal: &Terminal) {
        let numbered = |rows: &mut dyn Iterator<Item = usize>| {
            let rows: Vec<usize> = rows.collect();
            let first: Vec<String> = rows.iter().take(5).map(ToString::to_string).collect();
            let more = if rows.len() > 5 { ", …" } else { "" };
            (rows.len(), format!("{}{more}", first.join(", ")))
        };
        if let Some((_, kept)) = self.cut.first() {
            let (count, rows) = numbered(&mut self.cut.iter().map(|(row, _)| *row));
            let s = if count == 1 { "" } else { "s" };
            terminal.warn(&format!(
                "{count} text{s} cut to the {kept} tokens that model and tokenizer take (number {rows}); words beyond have no attribution"
            ));
        }
        if !self.unsure.is_empty() {
            let (count, rows) = numbered(&mut self.unsure.iter().copied());
            let s = if count == 1 { "" } else { "s" };
            terminal.warn(&format!(
                "the budget is too small to tell the errors of {count} text{s} (number {rows}): at least 4 forwards a word do"
            ));
        }
        if !self.silent.is_empty() {
            let (count, rows) = numbered(&mut self.silent.iter().copied());
            let s = if count == 1 { " has" } else { "s have" };
            terminal.warn(&format!("{count} text{s} no word (number {rows}): nothing to attribute to"));
        }
    }
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
}

fn dry_run(shap: &mut TextShap, source: &Source, args: &ShapArgs, terminal: &Terminal) -> Result<Exit> {
    let texts = source.n_texts(args)?;
    let (started, mut measured) = (Instant::now(), 0);
    let done = source.for_each_block(args, MEASURED, &mut |texts, _, first| {
        measured = texts.len();
        shap.explain(&texts.iter().map(String::as_str).collect::<Vec<_>>(), first)?;
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
    [
        ("Tokenizer", json!(tokenizer)),
        ("Parts", json!(format!("{:?}", args.text.players()).to_lowercase())),
        ("Absent parts", json!(shap.provenance().background)),
        ("Forwards", json!(reading.forwards)),
        ("Tokens", json!(reading.tokens)),
        ("Padding", json!(reading.padding)),
    ]
    .map(|(name, value)| (name.to_string(), value))
    .to_vec()
}
