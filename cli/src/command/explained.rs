//! The attributions that a report shows: computed now, or read from the file of an earlier run.

use super::input::Block;
use super::open::Opened;
use super::shapley::Shapley;
use crate::args::ReportArgs;
use crate::number::thousands;
use crate::terminal::Terminal;
use pellucid::data::{AttributionReader, Explained as Expected};
use pellucid::explain::{CohortSummary, Cohorts, Explanation, Provenance, RowSample, Summary};
use pellucid::model::onnx::OnnxModel;
use pellucid::{Error, Result};
use std::path::Path;

/// Rows read from the file and the table at a time.
const BLOCK_ROWS: usize = 1024;

pub struct Explained {
    pub summary: Summary,
    pub sample: RowSample,
    pub cohorts: Option<Cohorts>,
    pub provenance: Provenance,
}

impl Explained {
    /// The output whose extreme rows are shown: of two, which mirror each other in a classifier, the second.
    pub fn shown_output(&self) -> usize {
        usize::from(self.provenance.outputs.len() == 2)
    }
}

/// None after a dry run.
pub fn rows(opened: &Opened, args: &ReportArgs, terminal: &Terminal) -> Result<Option<Explained>> {
    let sample = RowSample::new(args.page.drawn_rows, args.run.seed).wanting(args.page.show.iter().copied());
    match &args.page.explanation {
        Some(path) => {
            let explained = read(opened, path, sample, args, terminal)?;
            if args.run.dry_run {
                terminal.data(&format!("{} fits the model and the table; nothing was written", path.display()))?;
                return Ok(None);
            }
            Ok(Some(explained))
        }
        None => compute(opened, sample, args, terminal),
    }
}

fn compute(
    opened: &Opened,
    mut sample: RowSample,
    args: &ReportArgs,
    terminal: &Terminal,
) -> Result<Option<Explained>> {
    let shapley = Shapley::prepare(opened, &args.background, &args.design, &args.run, terminal)?;
    if args.run.dry_run {
        super::shap::dry_run(&shapley, opened, terminal)?;
        return Ok(None);
    }
    shapley.announce(opened, &args.run, terminal);
    let pass = shapley.explain(opened, terminal, &mut |explained, block| {
        keep(&mut sample, opened, explained, block);
        Ok(())
    })?;
    shapley.tell_pass(&pass, terminal);
    let provenance = shapley.shap.provenance().clone();
    Ok(Some(Explained { summary: pass.summary, sample, cohorts: pass.cohorts, provenance }))
}

fn keep(sample: &mut RowSample, opened: &Opened, explained: &Explanation, block: &Block) {
    sample.offer(explained, block.first, |row| opened.input.describe(block, row));
}

/// Goes through the file and the table side by side.
fn read(
    opened: &Opened,
    path: &Path,
    mut sample: RowSample,
    args: &ReportArgs,
    terminal: &Terminal,
) -> Result<Explained> {
    let reader = AttributionReader::open(path)?;
    let provenance = reader.provenance().clone();
    reader.matches(&Expected {
        model: &opened.model,
        model_sha256: opened.graph.sha256(),
        players: opened.input.players().names(),
        outputs: &opened.outputs(),
        rows: opened.input.n_rows()?,
    })?;
    let link = args.run.link.name();
    if provenance.link != link {
        return Err(Error::input(format!(
            "{}: its link is {}, and --link is {link}: the report would mix two scales",
            path.display(),
            provenance.link
        ))
        .hint(format!("add `--link {}`", provenance.link)));
    }
    let model = OnnxModel::new(&opened.graph, &opened.device)?;
    let mut summary = Summary::new(provenance.outputs.clone(), provenance.players.clone(), provenance.seed);
    let partition = args.design.by.as_ref().map(|by| opened.input.partition(by, args.run.seed)).transpose()?;
    let mut cohorts = partition.map(|partition| CohortSummary::new(partition, &provenance));
    let mut blocks = reader.batches(BLOCK_ROWS)?;
    opened.input.for_each_block(BLOCK_ROWS, &mut |block| {
        let (explained, _) = blocks.next().transpose()?.ok_or_else(|| parted(path, block.first))?;
        if explained.n_rows() != block.rows.nrows() {
            return Err(parted(path, block.first));
        }
        explained.recheck(&model, &opened.targets, block.rows.view(), block.first, &opened.device)?;
        keep(&mut sample, opened, &explained, &block);
        summary.add(&explained);
        cohorts.iter_mut().try_for_each(|cohorts| cohorts.add(&explained, &block.batch))?;
        Ok(true)
    })?;
    let rows = thousands(summary.rows());
    terminal.note(&format!("{rows} rows explained in {}; their predictions are the model's", path.display()));
    let cohorts = cohorts.map(|cohorts| cohorts.finish());
    Ok(Explained { summary, sample, cohorts, provenance })
}

/// The file and the table stop going side by side.
fn parted(path: &Path, row: usize) -> Error {
    Error::input(format!("{}: from row {row} on it does not go with the table", path.display()))
        .hint("give the table that it explains")
}
