//! The settings of effects, checked once.

use super::explainer::Effects;
use crate::data::Background;
use crate::explain::{Control, Link, Predictor};
use crate::model::Model;
use crate::{Device, Result};

/// The settings of [`Effects`]; `build` checks them all.
pub struct Builder {
    model: Box<dyn Model>,
    background: Background,
    targets: Option<Vec<usize>>,
    link: Link,
    seed: u64,
    memory: Option<u64>,
    control: Control,
}

impl Builder {
    pub(super) fn new(model: Box<dyn Model>, background: Background) -> Self {
        let (targets, link, seed, memory, control) = (None, Link::Identity, 0, None, Control::default());
        Self { model, background, targets, link, seed, memory, control }
    }

    /// Which outputs to look at, as columns of the model's outputs. Default: all.
    pub fn targets(mut self, targets: Vec<usize>) -> Self {
        self.targets = Some(targets);
        self
    }

    /// The units of the effects, applied to mean outputs. Default: identity, the model's own outputs.
    pub fn link(mut self, link: Link) -> Self {
        self.link = link;
        self
    }

    /// Everything random follows from it: which rows become ICE lines. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Bytes that tiles may take on the device. Default: the device's own figure.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    pub fn control(mut self, control: Control) -> Self {
        self.control = control;
        self
    }

    /// Checks the settings and predicts the background.
    ///
    /// # Errors
    /// A background that does not fit the model or is empty, predictions that are not finite, a logit link on outputs outside [0, 1].
    pub fn build(self, device: &Device) -> Result<Effects> {
        let predictor = Predictor::new(self.model, self.targets, self.link, self.memory, self.control, device)?;
        predictor.check_background(&self.background)?;
        Effects::new(predictor, self.background, self.seed)
    }
}
