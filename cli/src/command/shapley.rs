//! Shapley values of a table, block by block: what `shap` writes and `report` draws.

use super::input::Block;
use super::open::Opened;
use crate::args::{BackgroundArgs, DesignArgs, Draw, RunArgs};
use crate::number::{bytes, duration, significant, thousands};
use crate::progress::{self, Progress};
use crate::terminal::Terminal;
use pellucid::data::{Partition, of_file};
use pellucid::design::Hierarchy;
use pellucid::explain::{CohortSummary, Cohorts, Explanation, KernelShap, Players, Summary};
use pellucid::model::onnx::OnnxModel;
use pellucid::{Error, Result};
use std::path::Path;
use std::time::{Duration, Instant};

/// A run that takes longer than this is announced.
const LONG_RUN: Duration = Duration::from_secs(10);

/// An explainer and the work it has before it.
pub struct Shapley {
    pub shap: KernelShap,
    pub rows: usize,
    /// The parts of the table to compare.
    partition: Option<Partition>,
    /// Time spent on the background and the design.
    prepared: Duration,
}

/// What a pass over the table came to.
pub struct Pass {
    pub summary: Summary,
    pub cohorts: Option<Cohorts>,
    pub model_rows: u64,
    pub seconds: f64,
}

impl Shapley {
    pub fn prepare(
        opened: &Opened,
        background: &BackgroundArgs,
        design: &DesignArgs,
        run: &RunArgs,
        terminal: &Terminal,
    ) -> Result<Self> {
        let started = Instant::now();
        let preparing = progress::preparing(terminal);
        let partition = design.by.as_ref().map(|by| opened.input.partition(by, run.seed)).transpose()?;
        let shap = explainer(opened, background, design, run);
        drop(preparing);
        opened.tell(terminal);
        let (shap, rows) = (shap?, opened.input.n_rows()?);
        Ok(Self { shap, rows, partition, prepared: started.elapsed() })
    }

    pub fn model_rows(&self) -> u64 {
        (self.rows * self.shap.rows_per_instance()) as u64
    }

    /// The work in a line.
    pub fn plan(&self) -> String {
        let (rows, each) = (thousands(self.rows as u64), thousands(self.shap.rows_per_instance() as u64));
        format!("{rows} rows at {each} model rows each, {} in all", thousands(self.model_rows()))
    }

    /// Says what is about to be done.
    pub fn announce(&self, opened: &Opened, run: &RunArgs, terminal: &Terminal) {
        let provenance = self.shap.provenance();
        terminal.detail(&format!("model {}, outputs {}", provenance.model, provenance.outputs.join(", ")));
        terminal.detail(&format!("players {}", provenance.players.join(", ")));
        terminal.detail(&format!(
            "blocks of {} rows, {} for tiles",
            self.shap.block_rows(),
            bytes(run.memory.unwrap_or(opened.device.memory_bytes()))
        ));
        terminal.note(&format!(
            "explaining {}\n  design: {}\n  background: {}",
            self.plan(),
            provenance.design,
            provenance.background
        ));
    }

    /// Explains the first block: model rows a second, the time for the whole table, and the rows this was measured on.
    pub fn measure(&self, opened: &Opened) -> Result<(f64, Duration, usize)> {
        let started = Instant::now();
        let mut done = 0;
        opened.input.for_each_block(self.shap.block_rows(), &mut |block| {
            done = block.rows.nrows();
            self.shap.explain_from(block.rows.view(), block.first)?;
            Ok(false)
        })?;
        let rate = (done * self.shap.rows_per_instance()) as f64 / started.elapsed().as_secs_f64();
        Ok((rate, self.prepared + Duration::from_secs_f64(self.model_rows() as f64 / rate), done))
    }

    /// One pass over the table; `each` is given every explained block.
    pub fn explain(
        &self,
        opened: &Opened,
        terminal: &Terminal,
        each: &mut dyn FnMut(&Explanation, &Block) -> Result<()>,
    ) -> Result<Pass> {
        let provenance = self.shap.provenance();
        let mut summary = Summary::new(provenance.outputs.clone(), provenance.players.clone(), provenance.seed);
        let mut cohorts = self.partition.clone().map(|partition| CohortSummary::new(partition, provenance));
        let mut progress = Progress::new(terminal, Some(self.rows as u64));
        let started = Instant::now();
        let done = opened.input.for_each_block(self.shap.block_rows(), &mut |block| {
            let explained = self.shap.explain_from(block.rows.view(), block.first);
            progress.say(|| opened.tell(terminal));
            let explained = explained?;
            if block.first == 1 {
                let time = started.elapsed().mul_f64(self.rows as f64 / explained.n_rows() as f64);
                progress.say(|| tell_long(time, terminal));
            }
            each(&explained, &block)?;
            summary.add(&explained);
            cohorts.iter_mut().try_for_each(|cohorts| cohorts.add(&explained, &block.batch))?;
            progress.advance(explained.n_rows() as u64);
            Ok(true)
        });
        progress.finish();
        if let Err(Error::Interrupted) = done {
            let (done, all) = (thousands(summary.rows()), thousands(self.rows as u64));
            terminal.note(&format!("stopped after {done} of {all} rows"));
        }
        done?;
        let model_rows = opened.control.model_rows.load(std::sync::atomic::Ordering::Relaxed);
        let cohorts = cohorts.map(|cohorts| cohorts.finish());
        Ok(Pass { summary, cohorts, model_rows, seconds: started.elapsed().as_secs_f64() })
    }

    /// Says how it went.
    pub fn tell_pass(&self, pass: &Pass, terminal: &Terminal) {
        terminal.note(&format!(
            "{} rows in {} after {} of preparation: {} rows/s, {} model rows/s; worst additivity gap {}",
            thousands(pass.summary.rows()),
            duration(Duration::from_secs_f64(pass.seconds)),
            duration(self.prepared),
            significant(pass.summary.rows() as f64 / pass.seconds),
            thousands((pass.model_rows as f64 / pass.seconds) as u64),
            significant(pass.summary.worst_additivity_gap())
        ));
    }
}

fn explainer(opened: &Opened, background: &BackgroundArgs, design: &DesignArgs, run: &RunArgs) -> Result<KernelShap> {
    let model = OnnxModel::new(&opened.graph, &opened.device)?;
    let mut builder = KernelShap::builder(model, opened.input.background(background, run.seed)?)
        .model(&opened.model, opened.graph.sha256())
        .players(opened.input.players().clone())
        .targets(opened.targets.clone())
        .budget(design.budget.into())
        .design(design.design.into())
        .surrogate(design.surrogate.into())
        .link(run.link.into())
        .seed(run.seed)
        .control(opened.control.clone());
    if let Some(tolerance) = design.tolerance {
        builder = builder.tolerance(tolerance);
    }
    if design.draw == Draw::PerRow {
        builder = builder.draw_per_row();
    }
    if design.interactions {
        builder = builder.interactions();
    }
    if let Some(path) = &design.hierarchy {
        builder = builder.hierarchy(hierarchy(path.as_deref(), opened.input.players())?);
    }
    if let Some(bytes) = run.memory {
        builder = builder.memory(bytes);
    }
    builder.build(&opened.device)
}

/// Groups of players from a file.
fn hierarchy(path: Option<&Path>, players: &Players) -> Result<Hierarchy> {
    const FILE: &str = "give a JSON file such as {\"money\": [\"income\", \"debt\"], \"person\": [\"age\", \"region\"]}, or the same in TOML";
    let Some(path) = path else {
        return Err(Error::input("`--hierarchy` takes a file for the columns of a table").hint(FILE));
    };
    let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
    let groups: Result<serde_json::Value, String> =
        match path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml")) {
            true => toml::from_str(&text).map_err(|error| error.to_string()),
            false => serde_json::from_str(&text).map_err(|error| error.to_string()),
        };
    let groups = groups
        .map_err(|error| Error::input(format!("{} is no hierarchy: {}", path.display(), error.trim())).hint(FILE))?;
    players.hierarchy(&groups).map_err(|error| of_file(path, error))
}

/// Before a long run: how long, from the speed of its first block.
fn tell_long(time: Duration, terminal: &Terminal) {
    if time >= LONG_RUN {
        terminal.note(&format!("it will take about {}; Ctrl-C stops it and leaves nothing behind", duration(time)));
    }
}
