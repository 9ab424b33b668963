//! The link between a mean prediction and the scale that attributions add up on.

use pellucid_shaders::value::{EPSILON, logit};
use serde::{Deserialize, Serialize};

/// Applied to the mean prediction of a coalition, before effects are added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// The prediction itself.
    #[default]
    Identity,
    /// ln(p / (1 − p)) of a probability. It is clamped to \[ε, 1 − ε\] with ε = 2⁻²³, the spacing of f32 at one, so a model
    /// that is certain gives ±15.9 and not infinity. NaN stays NaN.
    Logit,
}

impl Link {
    /// The link of one value, in f64.
    pub fn apply(self, value: f64) -> f64 {
        match self {
            Link::Identity => value,
            Link::Logit => logit(value),
        }
    }

    /// The derivative at one value, in f64; of the logit at the clamped probability.
    pub fn slope(self, value: f64) -> f64 {
        match self {
            Link::Identity => 1.0,
            Link::Logit => {
                let p = value.clamp(EPSILON, 1.0 - EPSILON);
                1.0 / (p * (1.0 - p))
            }
        }
    }
}
