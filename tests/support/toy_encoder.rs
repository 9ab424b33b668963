//! A small model of token sequences whose every number can be followed.

use burn::tensor::{Tensor, TensorData};
use pellucid::text::{Encoder, TokenBatch};
use pellucid::{Device, Result};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// Two outputs a sequence: weights of its tokens by place and their neighbours, squashed. Padding counts for nothing.
pub struct ToyEncoder {
    pub names: Vec<String>,
    pub device: Device,
    pub vocabulary: Option<usize>,
    pub positions: Option<usize>,
    pub takes_mask: bool,
    /// Sequences it was given, each with its padding.
    pub seen: Arc<Mutex<Vec<Vec<i32>>>>,
    pub cells: Arc<AtomicU64>,
}

impl ToyEncoder {
    pub fn new(device: &Device) -> Self {
        Self {
            names: vec!["logits[0]".into(), "logits[1]".into()],
            device: device.clone(),
            vocabulary: None,
            positions: None,
            takes_mask: true,
            seen: Arc::default(),
            cells: Arc::default(),
        }
    }

    /// The outputs of one sequence; tokens with mask 0 are as if they were not there.
    pub fn outputs(ids: &[i32], mask: &[i32]) -> [f32; 2] {
        let weight = |id: i32| f64::from((id.wrapping_mul(7919) % 101) - 50) / 60.0;
        let tokens: Vec<(usize, i32)> = ids.iter().copied().enumerate().filter(|(at, _)| mask[*at] != 0).collect();
        let single: f64 = tokens.iter().map(|&(at, id)| weight(id) * (1.0 + 0.3 * (at as f64).sin())).sum();
        let pairs: f64 = tokens.windows(2).map(|pair| weight(pair[0].1) * weight(pair[1].1 + 3)).sum();
        [(0.4 * single + pairs).tanh() as f32, (single * 0.2 - 0.5 * pairs) as f32]
    }
}

impl Encoder for ToyEncoder {
    fn output_names(&self) -> &[String] {
        &self.names
    }

    fn vocabulary(&self) -> Option<usize> {
        self.vocabulary
    }

    fn positions(&self) -> Option<usize> {
        self.positions
    }

    fn takes_mask(&self) -> bool {
        self.takes_mask
    }

    fn forward(&self, batch: &TokenBatch) -> Result<Tensor<2>> {
        self.cells.fetch_add((batch.sequences * batch.length) as u64, Relaxed);
        let rows = batch.ids.chunks_exact(batch.length).zip(batch.mask.chunks_exact(batch.length));
        let mut outputs = Vec::new();
        for (ids, mask) in rows {
            self.seen.lock().unwrap().push(ids.to_vec());
            outputs.extend(Self::outputs(ids, mask));
        }
        Ok(Tensor::from_data(TensorData::new(outputs, [batch.sequences, 2]), self.device.burn()))
    }
}
