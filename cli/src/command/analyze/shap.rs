//! SHAP values of every row, by kernel SHAP on the configuration's baseline.

use super::baseline;
use super::config::Config;
use super::dataset::Dataset;
use super::methods::Shap;
use super::model::Model;
use crate::args::{AnalyzeArgs, BackgroundArgs, Budget, Design, DesignArgs, Draw, Link, RunArgs, Surrogate};
use crate::command::shapley::{Pass, Shapley};
use crate::number::thousands;
use crate::terminal::Terminal;
use arrow::array::RecordBatch;
use ndarray::Axis;
use pellucid::data::AttributionWriter;
use pellucid::explain::{Explanation, RowSample};
use pellucid::{Error, Result};
use std::path::Path;

/// Rows drawn in the report.
const DRAWN: usize = 1000;

/// An explainer with its baseline, before the work.
pub struct Prepared {
    pub shapley: Shapley,
    run: RunArgs,
    /// Players to report.
    pub kept: Vec<usize>,
}

/// What was found.
pub struct Explained {
    pub pass: Pass,
    pub sample: RowSample,
}

/// Coalitions for each row: what is asked for, at most all there are.
fn coalitions(asked: Option<u64>, players: usize) -> Result<u64> {
    let all = if players < 63 { (1u64 << players) - 2 } else { u64::MAX };
    let n = players as u64;
    let taken = asked.unwrap_or(2 * n + 2048).min(all);
    let least = (2 * n - 2).min(all);
    match taken >= least {
        true => Ok(taken),
        false => Err(Error::input(format!("`methods.shap.num_samples` is {taken}, too few for {players} features"))
            .hint(format!("give at least {least}, or leave it out for {}", (2 * n + 2048).min(all)))),
    }
}

impl Prepared {
    pub fn new(
        shap: &Shap,
        config: &Config,
        dataset: &Dataset,
        model: &Model,
        args: &AnalyzeArgs,
        folder: &Path,
        terminal: &Terminal,
    ) -> Result<Self> {
        let players = model.opened.input.players().names();
        let kept = kept(shap, dataset, players)?;
        let (rows, what) = baseline::read(shap, config, dataset, model, &args.uri)?;
        let coalitions = coalitions(shap.num_samples, players.len())?;
        let model_rows = coalitions.saturating_mul(rows.len() as u64);
        let told = |n: usize, what: &str| format!("{} {what}{}", thousands(n as u64), if n == 1 { "" } else { "s" });
        terminal.note(&format!(
            "baseline: {}, {what}\nnum_samples: {} coalitions × {} = {} model rows for each row, spent as below",
            told(rows.len(), "row"),
            thousands(coalitions),
            told(rows.len(), "baseline row"),
            thousands(model_rows)
        ));
        let background = BackgroundArgs {
            background: Some(baseline::write(&rows, dataset, folder)?),
            background_all: true,
            ..BackgroundArgs::default()
        };
        // One more for the row itself.
        let budget = if players.len() == 1 {
            Budget::Auto
        } else {
            Budget::ModelRows(usize::try_from(model_rows).unwrap_or(usize::MAX - 1) + 1)
        };
        let design = DesignArgs {
            budget,
            design: Design::Auto,
            surrogate: Surrogate::None,
            draw: Draw::Shared,
            tolerance: None,
            interactions: false,
            hierarchy: None,
            by: None,
        };
        let run = RunArgs {
            device: args.compute.device,
            target: Vec::new(),
            link: if shap.use_logit { Link::Logit } else { Link::Identity },
            seed: shap.seed.unwrap_or(0),
            memory: args.compute.memory,
            dry_run: args.compute.dry_run,
        };
        let shapley = Shapley::prepare(&model.opened, &background, &design, &run, terminal).map_err(in_own_keys)?;
        Ok(Self { shapley, run, kept })
    }

    /// One pass over the table; local values go to `writer`.
    pub fn explain(
        &self,
        model: &Model,
        writer: Option<&mut AttributionWriter>,
        terminal: &Terminal,
    ) -> Result<Explained> {
        let opened = &model.opened;
        self.shapley.announce(opened, &self.run, terminal);
        let mut sample = RowSample::new(DRAWN, self.run.seed);
        let mut writer = writer;
        let pass = self.shapley.explain(opened, terminal, &mut |explained, block| {
            sample.offer(explained, block.first, |row| opened.input.describe(block, row));
            match &mut writer {
                Some(writer) => writer.write(&self.only_kept(explained), first(&block.ids).as_ref()),
                None => Ok(()),
            }
        })?;
        self.shapley.tell_pass(&pass, terminal);
        Ok(Explained { pass, sample })
    }

    fn only_kept(&self, explained: &Explanation) -> Explanation {
        Explanation {
            values: explained.values.select(Axis(2), &self.kept),
            stderr: explained.stderr.select(Axis(2), &self.kept),
            ..explained.clone()
        }
    }
}

/// The join column, which is the first id if there is one.
fn first(ids: &RecordBatch) -> Option<RecordBatch> {
    (ids.num_columns() > 0).then(|| ids.project(&[0]).ok()).flatten()
}

fn kept(shap: &Shap, dataset: &Dataset, players: &[String]) -> Result<Vec<usize>> {
    if shap.features_to_explain.is_empty() {
        return Ok((0..players.len()).collect());
    }
    let mut kept = Vec::new();
    for column in &shap.features_to_explain {
        let name = dataset.own.find(column)?;
        match players.iter().position(|player| *player == name) {
            Some(player) if !kept.contains(&player) => kept.push(player),
            Some(_) => {}
            None => {
                return Err(Error::input(format!("`{}`: {name} is not a feature of the model", column.at))
                    .hint(format!("its features are {}", players.join(", "))));
            }
        }
    }
    kept.sort_unstable();
    Ok(kept)
}

/// The engine's hints name options of other commands.
fn in_own_keys(error: Error) -> Error {
    match error {
        Error::Input { message, hint: Some(hint) } if hint.contains("--link") => Error::Input {
            message,
            hint: Some(
                "leave out `methods.shap.use_logit`, or choose probabilities with `predictor.probability`".into(),
            ),
        },
        Error::Input { message, hint: Some(hint) } if hint.contains("--budget") => {
            Error::Input { message, hint: Some("give more `methods.shap.num_samples`, or fewer baseline rows".into()) }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coalitions_as_the_reference_counts_them() {
        assert_eq!(coalitions(None, 12).unwrap(), 2072);
        assert_eq!(coalitions(None, 5).unwrap(), 30);
        assert_eq!(coalitions(Some(10_000), 10).unwrap(), 1022);
        assert_eq!(
            coalitions(Some(100), 100).unwrap_err().to_string(),
            "`methods.shap.num_samples` is 100, too few for 100 features"
        );
        assert_eq!(coalitions(None, 70).unwrap(), 2188);
    }
}
