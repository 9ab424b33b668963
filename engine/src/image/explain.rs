//! Explanations of pictures.

use super::model::{ImageModel, Network};
use super::{Absence, Picture, Preprocess, Segmenter, Segments};
use crate::data::Background;
use crate::design::{Budget, DesignChoice, EXACT_PLAYERS};
use crate::explain::{Control, KernelShap, Link, Provenance};
use crate::model::Model;
use crate::{Device, Error, Result};
use burn::tensor::Tensor;
use ndarray::{Array2, Axis};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Forwards that `Budget::Auto` spends: so many for each segment, and at least the second number.
const AUTO_FORWARDS: (usize, usize) = (20, 512);

/// Explains what a network sees in pictures, segment by segment, with kernel SHAP. The fields after the network are its settings; change them
/// as needed.
pub struct ImageShap {
    network: Arc<Network>,
    pub preprocess: Preprocess,
    pub segmenter: Segmenter,
    /// Owen values over regions in place of Shapley values: segments are merged with neighbours of like colour ([`Segments::hierarchy`]), and regions are
    /// opened where they move the outputs, as far as the budget goes or until the errors are within the tolerance ([`crate::design::Unfolding`]);
    /// regions that were not opened are segments of the explanation. With [`DesignChoice::Permutation`] the orders that keep regions together
    /// are drawn at random.
    pub hierarchy: bool,
    pub absence: Absence,
    /// Which outputs are explained, by number; empty: the one that is highest for the picture.
    pub targets: Vec<usize>,
    /// Names of the outputs; empty: `output[0]` and so on.
    pub labels: Vec<String>,
    /// Pictures to show the network for each explanation. [`Budget::Auto`]: all coalitions where there are at most 512, else 20 for
    /// each segment and at least 512.
    pub budget: Budget,
    pub design: DesignChoice,
    pub link: Link,
    pub tolerance: Option<f64>,
    pub seed: u64,
    pub control: Control,
    /// Name and SHA-256 of the model's file, for the provenance.
    pub model: (String, String),
}

/// Attributions of one picture: `base_values[k] + Σ_i values[k, i] = link(predictions[k])`.
#[derive(Debug, Clone)]
pub struct ImageExplanation {
    /// The picture at the network's size, and with all segments absent.
    pub seen: Picture,
    pub absent: Picture,
    /// With a hierarchy also regions of them that were not opened.
    pub segments: Segments,
    /// Names of the outputs that were explained.
    pub outputs: Vec<String>,
    /// `[output, segment]`, in units of the link.
    pub values: Array2<f32>,
    /// Standard error of each value; zeros where nothing is left to chance. With a hierarchy [`crate::design::Part::errors`].
    pub stderr: Array2<f32>,
    /// `[output]`: what the picture without segments is worth.
    pub base_values: Vec<f64>,
    /// `[output]`: the network's output for the picture.
    pub predictions: Vec<f64>,
    /// The largest |base + Σ φ − link(prediction)| over the outputs.
    pub additivity_gap: f64,
    /// Pictures that the network has seen.
    pub forwards: u64,
    pub provenance: Provenance,
}

/// One segment's part in one output.
#[derive(Debug, Clone, Serialize, PartialEq)]
pub struct SegmentValue {
    pub segment: usize,
    /// In pixels of the network's picture: the rectangle that holds the segment, its middle, and how many pixels it has.
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
    pub centre: (f64, f64),
    pub pixels: usize,
    pub attribution: f32,
    pub stderr: f32,
}

impl ImageShap {
    /// `network` takes batches of pictures as `preprocess` says and gives one row of outputs for each.
    pub fn new(
        network: impl Fn(Tensor<4>) -> Result<Tensor<2>> + Send + Sync + 'static,
        preprocess: Preprocess,
    ) -> Self {
        Self {
            network: Arc::new(network),
            preprocess,
            segmenter: Segmenter::default(),
            hierarchy: false,
            absence: Absence::default(),
            targets: Vec::new(),
            labels: Vec::new(),
            budget: Budget::Auto,
            design: DesignChoice::Auto,
            link: Link::Identity,
            tolerance: None,
            seed: 0,
            control: Control::default(),
            model: Default::default(),
        }
    }

    /// Explains a picture.
    ///
    /// # Errors
    /// Settings that do not fit the network or the picture, a budget too small for the segments, outputs that are not finite,
    /// [`Error::Interrupted`] when stopped.
    pub fn explain(&self, picture: &Picture, device: &Device) -> Result<ImageExplanation> {
        self.preprocess.check()?;
        let seen = self.preprocess.seen(picture);
        let absent = self.absence.of(&seen, &self.preprocess);
        let segments = self.segmenter.segments(&seen)?;
        let model = ImageModel::new(self.network.clone(), &self.preprocess, [&seen, &absent], &segments, device)?;
        let names = self.names(model.output_names())?;
        let targets = self.targets(&model, segments.count, device)?;
        if self.unfolds() {
            return self.unfold(model, [seen, absent], &segments, (&names, targets), device);
        }
        let (known, whole) = (model.known(), Array2::ones((1, segments.count)));
        let mut builder = KernelShap::builder(model, Background::uniform(Array2::zeros((1, segments.count))))
            .model(&*self.model.0, &*self.model.1)
            .targets(targets.clone())
            .budget(self.spend(segments.count))
            .design(self.design)
            .link(self.link)
            .seed(self.seed)
            .pilot(whole.clone())
            .control(self.control.clone());
        if let Some(tolerance) = self.tolerance {
            builder = builder.tolerance(tolerance);
        }
        if self.hierarchy {
            builder = builder.hierarchy(segments.hierarchy(&seen)?);
        }
        known.keeps.store(true, Relaxed);
        let shap = builder.build(device)?;
        known.keeps.store(false, Relaxed);
        let found = shap.explain(whole.view())?;
        Ok(ImageExplanation {
            seen,
            absent,
            segments,
            outputs: targets.iter().map(|&target| names[target].clone()).collect(),
            values: found.values.index_axis(Axis(0), 0).to_owned(),
            stderr: found.stderr.index_axis(Axis(0), 0).to_owned(),
            base_values: found.base_values.to_vec(),
            predictions: found.predictions.row(0).iter().map(|&p| f64::from(p)).collect(),
            additivity_gap: found.worst_additivity_gap(),
            forwards: known.forwards.load(Relaxed),
            provenance: shap.provenance().clone(),
        })
    }

    fn names(&self, plain: &[String]) -> Result<Vec<String>> {
        match self.labels.len() {
            0 => Ok(plain.to_vec()),
            given if given == plain.len() => Ok(self.labels.clone()),
            given => Err(Error::input(format!("{given} labels for a model of {} outputs", plain.len()))
                .hint("give one for each output, in their order")),
        }
    }

    /// The outputs asked for, or the highest.
    fn targets(&self, model: &ImageModel, segments: usize, device: &Device) -> Result<Vec<usize>> {
        if !self.targets.is_empty() {
            return Ok(self.targets.clone());
        }
        let outputs = crate::kernels::read(model.predict(Tensor::ones([1, segments], device.burn()))?)?;
        let highest = outputs.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(k, _)| k);
        Ok(vec![highest.unwrap_or_default()])
    }

    pub(super) fn spend(&self, segments: usize) -> Budget {
        if self.budget != Budget::Auto {
            return self.budget;
        }
        if segments <= EXACT_PLAYERS && 1 << segments <= AUTO_FORWARDS.1 {
            return Budget::Exact;
        }
        Budget::Rows((AUTO_FORWARDS.0 * segments).max(AUTO_FORWARDS.1))
    }
}

impl ImageExplanation {
    /// The segments of an output, the largest attribution first.
    pub fn ranked(&self, output: usize) -> Vec<SegmentValue> {
        let (boxes, centres, sizes) = (self.segments.boxes(), self.segments.centres(), self.segments.sizes());
        let value = |segment: usize| {
            let [x, y, width, height] = boxes[segment];
            SegmentValue {
                segment,
                x,
                y,
                width,
                height,
                centre: centres[segment],
                pixels: sizes[segment],
                attribution: self.values[(output, segment)],
                stderr: self.stderr[(output, segment)],
            }
        };
        let mut all: Vec<SegmentValue> = (0..self.segments.count).map(value).collect();
        all.sort_by(|a, b| b.attribution.abs().total_cmp(&a.attribution.abs()));
        all
    }
}
