//! Random weights, made in memory: a model of any size to measure a machine with.

use super::Source;
use crate::Result;
use burn::tensor::TensorData;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Weights lie evenly within ±√3 · 0.02, which is a deviation of 0.02, as models are initialised; those of norms are 1, biases 0.
const SPREAD: f32 = 0.034_641;
/// Numbers that one stream of random bits makes.
const PART: usize = 1 << 20;

pub(super) struct Random {
    seed: u64,
    shapes: BTreeMap<String, Vec<usize>>,
}

impl Random {
    pub fn new(seed: u64, shapes: BTreeMap<String, Vec<usize>>) -> Self {
        Self { seed, shapes }
    }
}

impl Source for Random {
    fn name(&self) -> String {
        "random weights".into()
    }

    fn shapes(&self) -> &BTreeMap<String, Vec<usize>> {
        &self.shapes
    }

    fn read(&mut self, name: &str) -> Result<TensorData> {
        let shape = self.shapes[name].clone();
        let count = shape.iter().product();
        let constant = match name {
            _ if name.ends_with(".bias") => Some(0.0),
            _ if name.contains("norm") => Some(1.0),
            _ => None,
        };
        let mut numbers = vec![constant.unwrap_or_default(); count];
        if constant.is_none() {
            let number = self.shapes.keys().take_while(|other| other.as_str() < name).count() as u64;
            numbers.par_chunks_mut(PART).enumerate().for_each(|(part, numbers)| {
                let mut random = ChaCha8Rng::seed_from_u64(self.seed);
                random.set_stream(number << 32 | part as u64);
                numbers.iter_mut().for_each(|x| *x = SPREAD * (2.0 * random.random::<f32>() - 1.0));
            });
        }
        Ok(TensorData::new(numbers, shape))
    }

    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}
