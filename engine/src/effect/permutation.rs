//! Permutation importance (Breiman 2001; Fisher, Rudin & Dominici 2019): how much worse the model predicts when one column is shuffled.

use super::donors::{CELLS, Donors};
use super::explainer::Effects;
use super::tiles::batches;
use super::{Axis, Importance, Loss};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2, Axis as Dimension};
use pellucid_shaders::value::EPSILON;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Streams of the random numbers of the repeats, past those of designs.
const STREAM: u64 = 1 << 32;

impl Effects {
    /// The rise of the loss when an axis is taken from other rows, all its features together: for each axis its outputs one after the
    /// other. `truth` is `[output][row]`, rows in the order of the background as it was given, outputs as in
    /// [`Effects::output_names`]; the loss is of the model's outputs, without the link.
    ///
    /// In a repeat each row gets one donor, the same for every axis. With equal weights the donors are a permutation of the rows;
    /// otherwise a row is donor in proportion to its weight. Standard errors are over the repeats (NaN for one): they tell what
    /// another shuffle would change, not what other rows would.
    ///
    /// # Errors
    /// No repeat, a truth of another shape, missing, or for [`Loss::LogLoss`] other than 0 or 1, outputs that are no
    /// probabilities for [`Loss::LogLoss`], and whatever the model refuses.
    pub fn permutation(
        &self,
        axes: &[Axis],
        truth: &[Vec<f64>],
        loss: Loss,
        repeats: usize,
        seed: u64,
    ) -> Result<Vec<Importance>> {
        if repeats == 0 {
            return Err(Error::input("permutation importance needs at least 1 repeat, not 0").hint("10 is usual"));
        }
        self.check_truth(truth, loss)?;
        let rows = self.rows().nrows();
        let shuffled: Vec<Vec<usize>> = (0..repeats).map(|repeat| donors(self.weights(), seed, repeat)).collect();
        let jobs = axes.iter().flat_map(|axis| shuffled.iter().map(|donors| (&donors[..], &axis.features[..])));
        let jobs: Vec<(&[usize], &[usize])> = jobs.collect();
        let before = self.losses(self.predictions(), truth, loss)?;
        let mut after: Vec<Vec<f64>> = Vec::with_capacity(jobs.len());
        for batch in batches(jobs.iter().map(|_| self.rows().len()), CELLS) {
            let outputs = self.replaced(&jobs[batch])?;
            let outputs = outputs.axis_chunks_iter(Dimension(0), rows);
            after.extend(outputs.map(|outputs| self.losses(outputs, truth, loss)).collect::<Result<Vec<_>>>()?);
        }
        let importance = |(axis, after): (&Axis, &[Vec<f64>]), k: usize, output: &String| {
            let (rise, stderr) = mean(after.iter().map(|losses| losses[k] - before[k]));
            Importance { output: output.clone(), axis: axis.name.clone(), loss: before[k], rise, stderr }
        };
        let importances =
            |part| self.output_names().iter().enumerate().map(move |(k, output)| importance(part, k, output));
        Ok(axes.iter().zip(after.chunks(repeats)).flat_map(importances).collect())
    }

    /// For each job (a donor for each row, the features to take from it) the outputs of its rows, `[job · row, output]`.
    fn replaced(&self, jobs: &[(&[usize], &[usize])]) -> Result<Array2<f32>> {
        let rows = self.rows();
        let taken = |&donor: &usize, set: &[usize]| set.iter().map(|&f| (f, rows[(donor, f)])).collect::<Vec<_>>();
        let settings = jobs.iter().flat_map(|(donors, set)| donors.iter().map(move |donor| taken(donor, set)));
        let start = jobs.iter().flat_map(|_| 0..rows.nrows() as u32).collect();
        self.paired(&Donors::setting(self.features().len(), settings), start)
    }

    /// Mean loss of each output; rows of `truth` as they were given, rows of `outputs` as they are kept.
    fn losses(&self, outputs: ArrayView2<f32>, truth: &[Vec<f64>], loss: Loss) -> Result<Vec<f64>> {
        let mean = |(k, truth): (usize, &Vec<f64>)| {
            let terms = outputs.column(k).into_iter().zip(self.order()).zip(self.weights());
            terms.map(|((&output, &row), weight)| Ok(weight * loss.of(f64::from(output), truth[row])?)).sum()
        };
        truth.iter().enumerate().map(mean).collect()
    }

    fn check_truth(&self, truth: &[Vec<f64>], loss: Loss) -> Result<()> {
        let (outputs, rows) = (self.output_names().len(), self.given());
        if truth.len() != outputs || truth.iter().any(|column| column.len() != rows) {
            let shape = (truth.len(), truth.first().map_or(0, Vec::len));
            let message = format!(
                "the truth has shape {shape:?} (outputs, rows), the model and its background {:?}",
                (outputs, rows)
            );
            return Err(Error::input(message).hint("give what was true of each output and row of the background"));
        }
        let fits = |value: f64| if loss == Loss::LogLoss { value == 0.0 || value == 1.0 } else { value.is_finite() };
        for (output, column) in self.output_names().iter().zip(truth) {
            if let Some(row) = column.iter().position(|&value| !fits(value)) {
                let allowed = if loss == Loss::LogLoss { "0 or 1" } else { "a finite number" };
                let message = format!("the truth of `{output}` in row {} is {}, not {allowed}", row + 1, column[row]);
                return Err(Error::input(message).hint("leave out rows whose truth is not known"));
            }
        }
        Ok(())
    }
}

impl Loss {
    /// The loss of one output. Probabilities are clamped as by [`crate::explain::Link::Logit`].
    fn of(self, output: f64, truth: f64) -> Result<f64> {
        match self {
            Loss::SquaredError => Ok((output - truth).powi(2)),
            Loss::LogLoss if (-EPSILON..=1.0 + EPSILON).contains(&output) => {
                let of_truth = if truth == 1.0 { output } else { 1.0 - output };
                Ok(-of_truth.clamp(EPSILON, 1.0 - EPSILON).ln())
            }
            Loss::LogLoss => Err(Error::input(format!("the log loss takes probabilities, an output is {output}"))
                .hint("choose the squared error, or an output that is a probability")),
        }
    }
}

/// A donor for each row: a systematic sample by weight (Madow 1949), which takes every row once if the weights are equal, shuffled.
fn donors(weights: &[f64], seed: u64, repeat: usize) -> Vec<usize> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(STREAM + repeat as u64);
    let step = weights.iter().sum::<f64>() / weights.len() as f64;
    let (mut reached, mut next) = (0.0, step * random.random::<f64>());
    let mut donors = Vec::with_capacity(weights.len());
    for (row, weight) in weights.iter().enumerate() {
        reached += weight;
        while next < reached && donors.len() < weights.len() {
            donors.push(row);
            next += step;
        }
    }
    // Rounding of the sums may have cost the last one.
    donors.resize(weights.len(), donors.last().copied().unwrap_or(0));
    donors.shuffle(&mut random);
    donors
}

/// Mean and its standard error.
fn mean(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0) / count).sqrt())
}
