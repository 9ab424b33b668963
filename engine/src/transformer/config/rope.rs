//! Rotary position embeddings: pairs of coordinates turned by an angle that grows with the position (Su et al. 2021, RoFormer).

use super::keys::Keys;
use crate::{Error, Result};

/// The angles of rotary embeddings.
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    /// Base of the geometric series of frequencies, `theta^(-2i / head size)`.
    pub theta: f64,
    pub scaling: Scaling,
}

/// How frequencies are stretched beyond the positions that the model was first trained on.
#[derive(Debug, Clone, PartialEq)]
pub enum Scaling {
    None,
    /// All frequencies divided by the factor.
    Linear(f64),
    /// Llama 3: wavelengths above `original / low` are stretched by `factor`, those below `original / high` kept, between them blended.
    Llama3 {
        factor: f64,
        low: f64,
        high: f64,
        original: f64,
    },
    /// What each frequency is divided by, as a GGUF file gives it.
    Divisors(Vec<f64>),
}

impl Rope {
    /// Reads `rope_parameters` (or the older `rope_theta` and `rope_scaling`).
    pub(super) fn from_keys(keys: &Keys, default_theta: f64) -> Result<Self> {
        let (new, old) = (keys.object("rope_parameters")?, keys.object("rope_scaling")?);
        let theta = keys.number("rope_theta", Some(default_theta))?;
        let Some(parameters) = new.or(old) else { return Ok(Self { theta, scaling: Scaling::None }) };
        parameters.only("partial_rotary_factor", &["1.0", "1"])?;
        let theta = parameters.number("rope_theta", Some(theta))?;
        let kind = parameters.text("rope_type", &parameters.text("type", "default")?)?;
        let scaling = match kind.as_str() {
            "default" => Scaling::None,
            "linear" => Scaling::Linear(parameters.number("factor", None)?),
            "llama3" => Scaling::Llama3 {
                factor: parameters.number("factor", None)?,
                low: parameters.number("low_freq_factor", None)?,
                high: parameters.number("high_freq_factor", None)?,
                original: parameters.number("original_max_position_embeddings", None)?,
            },
            other => {
                return Err(Error::input(format!("rope scaling of type {other:?} is not supported"))
                    .hint("supported: default, linear, llama3"));
            }
        };
        Ok(Self { theta, scaling })
    }

    /// Radians a position for each pair of coordinates, `[head_size / 2]`.
    pub fn frequencies(&self, head_size: usize) -> Vec<f64> {
        let plain = (0..head_size / 2).map(|i| self.theta.powf(-2.0 * i as f64 / head_size as f64));
        match &self.scaling {
            Scaling::None => plain.collect(),
            Scaling::Linear(factor) => plain.map(|f| f / factor).collect(),
            Scaling::Divisors(divisors) => plain.zip(divisors).map(|(f, d)| f / d).collect(),
            &Scaling::Llama3 { factor, low, high, original } => {
                plain.map(|f| llama3(f, factor, low, high, original)).collect()
            }
        }
    }

    /// Cosines and sines of the angles at positions `0..positions`, each `[positions, head_size / 2]` in row-major order.
    pub(crate) fn tables(&self, head_size: usize, positions: usize) -> [Vec<f32>; 2] {
        let frequencies = self.frequencies(head_size);
        let angles = (0..positions).flat_map(|p| frequencies.iter().map(move |f| p as f64 * f));
        angles.map(|angle| (angle.cos() as f32, angle.sin() as f32)).unzip::<_, _, Vec<_>, Vec<_>>().into()
    }
}

fn llama3(frequency: f64, factor: f64, low: f64, high: f64, original: f64) -> f64 {
    // Turns made over the original positions.
    let turns = original * frequency / std::f64::consts::TAU;
    let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
    kept * frequency + (1.0 - kept) * frequency / factor
}
