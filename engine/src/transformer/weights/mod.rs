//! Weights from files to a device: names and shapes are compared with the configuration before any is read, then tensors come
//! one by one, so that the host holds no more than the largest.

mod blocks;
mod fingerprint;
mod gguf;
mod header;
mod memory;
mod random;
mod shards;

pub(crate) use gguf::Gguf;
pub(crate) use header::Meta;
pub use memory::{Estimate, available_memory};
pub(crate) use shards::SafeTensors;

use crate::data::list;
use crate::{Device, Error, Result};
use burn::tensor::{DType, Tensor, TensorData};
use fingerprint::Fingerprint;
use random::Random;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The numbers that a model computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    #[default]
    F32,
    F16,
    BF16,
}

impl Precision {
    pub(crate) fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
            Self::BF16 => DType::BF16,
        }
    }

    /// Bytes of a number.
    pub fn bytes(self) -> u64 {
        if self == Self::F32 { 4 } else { 2 }
    }
}

impl std::str::FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "f32" => Ok(Self::F32),
            "f16" => Ok(Self::F16),
            "bf16" => Ok(Self::BF16),
            _ => Err(Error::input(format!("unknown precision {text:?}; allowed: f32, f16, bf16"))),
        }
    }
}

/// A file or files of named tensors, under the names that Hugging Face gives them.
pub(crate) trait Source {
    /// What messages call it.
    fn name(&self) -> String;
    /// Every tensor and its shape.
    fn shapes(&self) -> &BTreeMap<String, Vec<usize>>;
    /// The numbers of one of them, as f32, f16 or bf16.
    fn read(&mut self, name: &str) -> Result<TensorData>;
    /// Where they lie.
    fn files(&self) -> Vec<PathBuf>;
}

/// Hands tensors to the parts of a model as they are built. A model is built twice: first to note what it asks for, then,
/// if that is what the files hold, to load it.
pub(crate) struct Loader {
    source: Box<dyn Source>,
    device: Device,
    precision: Precision,
    /// The shape asked for by name; filled by the first building.
    asked: BTreeMap<String, Vec<usize>>,
    checked: bool,
}

impl Loader {
    /// Builds a model from a source; with it comes the SHA-256 of the source's files, taken while they are read. `spare` says of a tensor
    /// that nobody asks for whether it may be left.
    ///
    /// # Errors
    /// Tensors missing, left over or of another shape, all at once; a precision that the device lacks; a model larger than memory.
    pub fn load<T>(
        source: Box<dyn Source>,
        device: &Device,
        precision: Precision,
        spare: impl Fn(&str) -> bool,
        build: impl Fn(&mut Loader) -> Result<T>,
    ) -> Result<(T, String)> {
        let mut loader = Self::new(source, device, precision)?;
        build(&mut loader)?;
        loader.compare(spare)?;
        Estimate::of(loader.asked.values(), precision).check(device)?;
        let fingerprint = Fingerprint::start(loader.source.files());
        loader.checked = true;
        let built = build(&mut loader)?;
        Ok((built, fingerprint.map(Fingerprint::finish).transpose()?.unwrap_or_default()))
    }

    /// Builds a model of random weights, whose tensors are those that it asks for.
    ///
    /// # Errors
    /// A precision that the device lacks; a model larger than memory.
    pub fn random<T>(
        seed: u64,
        device: &Device,
        precision: Precision,
        build: impl Fn(&mut Loader) -> Result<T>,
    ) -> Result<T> {
        let mut loader = Self::new(Box::new(Random::new(seed, BTreeMap::new())), device, precision)?;
        build(&mut loader)?;
        Estimate::of(loader.asked.values(), precision).check(device)?;
        loader.source = Box::new(Random::new(seed, loader.asked.clone()));
        loader.checked = true;
        build(&mut loader)
    }

    fn new(source: Box<dyn Source>, device: &Device, precision: Precision) -> Result<Self> {
        if !device.burn().supports_dtype(precision.dtype()) {
            return Err(Error::input(format!("device {} does not compute in {precision:?}", device.name()))
                .hint("use `--precision f32`"));
        }
        Ok(Self { source, device: device.clone(), precision, asked: BTreeMap::new(), checked: false })
    }

    /// Whether the files hold a tensor: for parts that a model may lack.
    pub fn has(&self, name: &str) -> bool {
        self.source.shapes().contains_key(name)
    }

    /// The tensor of that name. While the model is being checked, a placeholder.
    pub fn tensor<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Result<Tensor<D>> {
        if !self.checked {
            self.asked.insert(name.into(), shape.to_vec());
            return Ok(Tensor::zeros([1; D], self.device.burn()));
        }
        let data = self.source.read(name)?;
        Ok(Tensor::from_data(data, (self.device.burn(), self.precision.dtype())))
    }

    fn compare(&self, spare: impl Fn(&str) -> bool) -> Result<()> {
        let there = self.source.shapes();
        let missing: Vec<&String> = self.asked.keys().filter(|name| !there.contains_key(*name)).collect();
        let extra: Vec<&String> =
            there.keys().filter(|name| !self.asked.contains_key(*name) && !spare(name.as_str())).collect();
        let reshaped: Vec<String> = (self.asked.iter())
            .filter_map(|(name, asked)| {
                there.get(name).filter(|given| *given != asked).map(|given| (name, asked, given))
            })
            .map(|(name, asked, given)| format!("`{name}` is {given:?} and must be {asked:?}"))
            .collect();
        if missing.is_empty() && extra.is_empty() && reshaped.is_empty() {
            return Ok(());
        }
        let part = |what: &str, names: &[&String]| match names.len() {
            0 => String::new(),
            n => format!("; {n} {what}: {}", list(names)),
        };
        let shapes = match reshaped.len() {
            0 => String::new(),
            n => format!("; {n} of another shape: {}", reshaped[..n.min(4)].join(", ")),
        };
        let message = format!(
            "the tensors of {} are not those of its configuration{}{}{shapes}",
            self.source.name(),
            part("missing", &missing),
            part("not expected", &extra)
        );
        Err(Error::input(message).hint("are config.json and the weights of one model, and complete?"))
    }
}
