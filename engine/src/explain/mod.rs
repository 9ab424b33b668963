//! Explanations: Shapley values by kernel SHAP, and their summary over a table.

mod builder;
mod cohort;
mod control;
mod estimate;
mod interactions;
mod kernel_shap;
mod mean;
mod per_row;
mod placed;
mod players;
mod predictor;
mod provenance;
mod ranking;
mod recheck;
mod sample;
mod scores;
mod summary;
mod surrogate;
mod tiles;
mod together;

pub use builder::Builder;
pub use cohort::{Cohort, CohortSummary, Cohorts};
pub use control::Control;
pub use interactions::{Interactions, total};
pub use kernel_shap::KernelShap;
pub use players::Players;
pub(crate) use predictor::Predictor;
pub use provenance::Provenance;
pub(crate) use ranking::draw as poisson_weights;
pub use sample::{ExplainedRow, FeatureValue, RowSample};
pub use scores::Scores;
pub use summary::{GlobalExplanation, GlobalValue, Summary};
pub(crate) use tiles::{cat, chunks};
pub use together::GlobalInteraction;

pub use crate::kernels::Link;
use ndarray::{Array1, Array2, Array3};

/// Attributions of some rows. `base_values[k] + Σ_i values[r, k, i] = link(predictions[r, k])`.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// `[row, output, player]`, in units of the link.
    pub values: Array3<f32>,
    /// Standard error of each value, same shape; zeros where the design leaves nothing to chance, NaN where it cannot tell.
    pub stderr: Array3<f32>,
    /// `[output]`: the value of the empty coalition, link(mean prediction over the background).
    pub base_values: Array1<f64>,
    /// `[row, output]`: the model's raw outputs, before the link.
    pub predictions: Array2<f32>,
    /// `[row]`: model rows spent on each row.
    pub spent: Vec<u64>,
    pub link: Link,
    /// Of pairs of players, if the explainer was [asked for them](Builder::interactions).
    pub interactions: Option<Interactions>,
}

impl Explanation {
    fn empty(n_rows: usize, base_values: &Array1<f64>, n_players: usize, link: Link) -> Self {
        let n_outputs = base_values.len();
        Self {
            values: Array3::zeros((n_rows, n_outputs, n_players)),
            stderr: Array3::zeros((n_rows, n_outputs, n_players)),
            base_values: base_values.clone(),
            predictions: Array2::zeros((n_rows, n_outputs)),
            spent: vec![1; n_rows],
            link,
            interactions: None,
        }
    }

    pub fn n_rows(&self) -> usize {
        self.values.dim().0
    }

    /// The largest |base + Σ φ − link(prediction)| over rows and outputs.
    pub fn worst_additivity_gap(&self) -> f64 {
        (0..self.n_rows()).map(|row| self.additivity_gap(row)).fold(0.0, f64::max)
    }

    /// The same of one row.
    fn additivity_gap(&self, row: usize) -> f64 {
        let gap = |k: usize| {
            let sum: f64 = self.values.slice(ndarray::s![row, k, ..]).iter().map(|&v| f64::from(v)).sum();
            (self.base_values[k] + sum - self.link.apply(f64::from(self.predictions[(row, k)]))).abs()
        };
        (0..self.base_values.len()).map(gap).fold(0.0, f64::max)
    }
}
