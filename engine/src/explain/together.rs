//! Interactions over a whole table.

use super::mean::Mean;
use serde::Serialize;

/// A pair's Shapley interaction value over all rows, in units of the link.
#[derive(Debug, Clone, Serialize, PartialEq)]
pub struct GlobalInteraction {
    pub a: String,
    pub b: String,
    pub mean_abs: f64,
    pub mean_abs_stderr: f64,
    pub mean: f64,
    pub mean_stderr: f64,
    /// √ of the mean squared standard error of single values.
    pub typical_stderr: f64,
}

/// Running totals of one pair.
#[derive(Debug, Clone, Default)]
pub struct Together {
    absolute: Mean,
    signed: Mean,
    sampling_variance: Mean,
}

impl Together {
    pub fn add(&mut self, value: f64, stderr: f64) {
        self.absolute.add(value.abs());
        self.signed.add(value);
        self.sampling_variance.add(stderr * stderr);
    }

    pub fn finish(&self, a: String, b: String) -> GlobalInteraction {
        GlobalInteraction {
            a,
            b,
            mean_abs: self.absolute.mean,
            mean_abs_stderr: self.absolute.stderr(),
            mean: self.signed.mean,
            mean_stderr: self.signed.stderr(),
            typical_stderr: self.sampling_variance.mean.sqrt(),
        }
    }
}
