//! Coalitions of a picture's segments as rows for the machine of tables.

use super::Picture;
use super::preprocess::{Layout, Preprocess};
use super::segments::Segments;
use crate::explain::cat;
use crate::model::Model;
use crate::{Device, Error, Result, kernels};
use burn::tensor::{Int, Tensor, TensorData};
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// A network over batches of pictures: `[batch, …]` in its layout to `[batch, outputs]`.
pub type Network = dyn Fn(Tensor<4>) -> Result<Tensor<2>> + Send + Sync;

/// Numbers of a batch of pictures on a GPU: enough for full matrix products, few enough for what a network makes of them.
const BATCH_NUMBERS: usize = 1 << 22;
/// The same on the CPU, where batches go side by side: what lies between two layers stays in the last-level cache.
const CPU_BATCH_NUMBERS: usize = 1 << 19;

/// What turns presence into predictions. Cloning shares it.
#[derive(Clone)]
pub(super) struct ImageModel {
    features: Arc<Vec<String>>,
    outputs: Arc<Vec<String>>,
    network: Arc<Network>,
    preprocess: Arc<Preprocess>,
    device: Device,
    /// `[1, channels, height, width]`: the picture without any segment, and what all of them together change.
    absent: Tensor<4>,
    change: Tensor<4>,
    /// `[height · width]`
    of_pixel: Tensor<1, Int>,
    known: Arc<Known>,
}

/// Coalitions whose outputs are known.
#[derive(Default)]
pub(super) struct Known {
    outputs: Mutex<HashMap<Vec<u32>, Arc<[f32]>>>,
    /// Whether outputs are kept: while the design is made. What is asked again later was asked then.
    pub keeps: AtomicBool,
    /// Pictures that the network has seen.
    pub forwards: AtomicU64,
}

impl ImageModel {
    pub fn new(
        network: Arc<Network>,
        preprocess: &Preprocess,
        [seen, absent]: [&Picture; 2],
        segments: &Segments,
        device: &Device,
    ) -> Result<Self> {
        let shape = [1, preprocess.n_channels(), preprocess.height as usize, preprocess.width as usize];
        let upload = |picture: &Picture| {
            let numbers = preprocess.numbers(picture).into_iter().collect();
            Tensor::<4>::from_data(TensorData::new(numbers, shape), device.burn())
        };
        let absent = upload(absent);
        let of_pixel = kernels::list(segments.of_pixel.iter().map(|&segment| segment as i32).collect());
        let mut model = Self {
            features: Arc::new((0..segments.count).map(|segment| format!("segment {segment}")).collect()),
            outputs: Arc::new(Vec::new()),
            network,
            preprocess: Arc::new(preprocess.clone()),
            change: upload(seen) - absent.clone(),
            absent,
            of_pixel: Tensor::from_data(of_pixel, device.burn()),
            device: device.clone(),
            known: Arc::new(Known::default()),
        };
        let all = vec![1.0; segments.count];
        let whole = kernels::read(model.forward(&all, 1)?)?;
        model.outputs = Arc::new((0..whole.len()).map(|k| format!("output[{k}]")).collect());
        let mut known = model.known.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(bits(&all), whole.into());
        drop(known);
        Ok(model)
    }

    pub fn known(&self) -> Arc<Known> {
        self.known.clone()
    }

    /// The outputs `[count, outputs]` for `count` rows of presence.
    fn forward(&self, rows: &[f32], count: usize) -> Result<Tensor<2>> {
        let (n, [_, channels, height, width]) = (self.features.len(), self.absent.dims());
        let presence = Tensor::<2>::from_data(TensorData::new(rows.to_vec(), [count, n]), self.device.burn());
        let presence = presence.select(1, self.of_pixel.clone()).reshape([count, 1, height, width]);
        let pictures = self.absent.clone() + presence * self.change.clone();
        debug_assert_eq!(pictures.dims(), [count, channels, height, width]);
        let pictures = if self.preprocess.layout == Layout::Nhwc { pictures.permute([0, 2, 3, 1]) } else { pictures };
        let outputs = (self.network)(pictures)?;
        let [given, width] = outputs.dims();
        if given != count || width == 0 {
            return Err(Error::input(format!("the model gave {given} rows of {width} outputs for {count} pictures"))
                .hint("a model of pictures gives one row of numbers for each"));
        }
        self.known.forwards.fetch_add(count as u64, Relaxed);
        Ok(outputs)
    }
}

impl Model for ImageModel {
    fn feature_names(&self) -> &[String] {
        &self.features
    }

    fn output_names(&self) -> &[String] {
        &self.outputs
    }

    /// Outputs stay on the device, unless they are kept.
    fn predict(&self, rows: Tensor<2>) -> Result<Tensor<2>> {
        let (n, width) = (self.features.len(), self.outputs.len());
        if rows.dims()[0] == 0 {
            return Ok(Tensor::zeros([0, width], self.device.burn()));
        }
        let rows = kernels::read(rows)?;
        let keys: Vec<Vec<u32>> = rows.chunks_exact(n).map(bits).collect();
        let (mut due, mut known, mut places) = (Vec::new(), Vec::new(), vec![0; keys.len()]);
        let kept = self.known.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, key) in keys.iter().enumerate() {
            match kept.get(key) {
                Some(outputs) => {
                    places[at] = (known.len() / width) as i32;
                    known.extend_from_slice(outputs);
                }
                None => due.push(at),
            }
        }
        drop(kept);
        let n_known = known.len() / width;
        due.iter().enumerate().for_each(|(new, &at)| places[at] = (n_known + new) as i32);
        let numbers = if self.device.is_cpu() { CPU_BATCH_NUMBERS } else { BATCH_NUMBERS };
        let batch = (numbers / (3 * self.of_pixel.dims()[0])).clamp(1, 256);
        let forward = |members: &[usize]| {
            let presence: Vec<f32> = members.iter().flat_map(|&at| &rows[at * n..][..n]).copied().collect();
            self.forward(&presence, members.len())
        };
        let mut parts: Vec<Tensor<2>> = match self.device.is_cpu() {
            true => due.par_chunks(batch).map(forward).collect::<Result<_>>()?,
            false => due.chunks(batch).map(forward).collect::<Result<_>>()?,
        };
        if self.known.keeps.load(Relaxed) && !due.is_empty() {
            let found = kernels::read(cat(parts.clone(), 0))?;
            let mut kept = self.known.outputs.lock().unwrap_or_else(PoisonError::into_inner);
            due.iter().zip(found.chunks_exact(width)).for_each(|(&at, found)| {
                _ = kept.entry(keys[at].clone()).or_insert_with(|| found.into());
            });
        }
        if n_known == 0 {
            return Ok(cat(parts, 0));
        }
        parts.insert(0, Tensor::from_data(TensorData::new(known, [n_known, width]), self.device.burn()));
        Ok(cat(parts, 0).select(0, Tensor::from_data(kernels::list(places), self.device.burn())))
    }
}

/// Which segments are present.
fn bits(row: &[f32]) -> Vec<u32> {
    row.chunks(32).map(|part| part.iter().rev().fold(0, |bits, &x| bits << 1 | u32::from(x != 0.0))).collect()
}
