//! Coalitions of a text's players as rows for the machine of tables.
//!
//! The row of text number t (from 0) has t + 1 for each present player and 0 for each absent one ([`super::beside`] has the rule for columns
//! beside the text), so that texts with the same number of players are rows of one model and share its batches and design. What a coalition
//! is worth is told less what the empty one is worth: the row of zeros, which says nothing of its text, is 0 for all of them.

use super::absence::{Absent, Sequence};
use super::batch::{batches, by_beginning};
use super::beside::{Beside, Said, is_present};
use super::encoder::{Encoder, TokenBatch};
use super::key::key;
use super::players::TextPlayers;
use super::tokenizer::Tokens;
use super::value::Valued;
use crate::explain::{Control, cat};
use crate::model::Model;
use crate::{Device, Error, Result, kernels};
use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Tokens of a batch on the CPU: few enough that what the model makes of them stays near the core, and in memory that is used again.
const CPU_TOKENS: usize = 512;
/// The same where beginnings are shared: what one batch has read the next reads again.
const CPU_SHARED_TOKENS: usize = 2048;

/// A text and the columns beside it, what they are worth whole and with no player.
pub(super) struct Text {
    pub tokens: Tokens,
    pub players: TextPlayers,
    /// `[columns]`
    pub numbers: Vec<f32>,
    /// The model's outputs on the whole text.
    pub whole: Vec<f32>,
    pub prediction: Vec<f64>,
    /// Without its players, on each background row, and the mean of these.
    pub empty: Vec<Vec<f64>>,
    pub base: Vec<f64>,
}

impl Text {
    pub fn n_players(&self, beside: &Beside) -> usize {
        self.players.spans.len() + beside.players.len()
    }
}

/// What a run has read so far.
#[derive(Debug, Default)]
pub(super) struct Odometer {
    pub forwards: AtomicU64,
    pub tokens: AtomicU64,
    pub padding: AtomicU64,
    /// Sequences that were known already.
    pub known: AtomicU64,
    /// Groups of players that were not opened.
    pub closed: AtomicU64,
}

/// A sequence, by its key, and the model's outputs on it.
type Known = (u128, Arc<[f32]>);

/// Runs token sequences: sorted into batches, each one once.
pub(super) struct Reader {
    pub encoder: Box<dyn Encoder>,
    pub absent: Absent,
    pub beside: Beside,
    pub valued: Valued,
    pub pad: i32,
    pub most_tokens: usize,
    /// Batches on the cores of a CPU, rather than one after the other on a device's queue.
    pub side_by_side: bool,
    pub control: Control,
    pub odometer: Odometer,
    pub texts: Mutex<Arc<Vec<Text>>>,
}

/// Outputs of sequences that a pilot has read, kept for the explanations that follow. Those that run side by side do not see each other's:
/// which comes first is chance.
#[derive(Default)]
pub(super) struct Memory {
    kept: Mutex<HashMap<u128, Arc<[f32]>>>,
    /// Outputs to be kept, while a pilot runs.
    fresh: Mutex<Option<Vec<Known>>>,
}

impl Memory {
    /// What runs until [`Self::settle`] is kept.
    pub fn record(&self) {
        *locked(&self.fresh) = Some(Vec::new());
    }

    pub fn settle(&self) {
        let fresh = locked(&self.fresh).take().unwrap_or_default();
        locked(&self.kept).extend(fresh);
    }

    pub fn clear(&self) {
        *locked(&self.kept) = HashMap::new();
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reader {
    /// Tokens of a batch with its padding, at most.
    pub fn most_tokens(encoder: &dyn Encoder, memory: u64, device: &Device) -> usize {
        match device.is_cpu() {
            true if encoder.shares_beginnings() => CPU_SHARED_TOKENS,
            true => CPU_TOKENS,
            false => (memory / 4 / encoder.workspace().max(1) as u64).clamp(CPU_SHARED_TOKENS as u64, 1 << 22) as usize,
        }
    }

    /// The model's outputs, one list a sequence.
    pub fn outputs(&self, sequences: &[&Sequence]) -> Result<Vec<Vec<f32>>> {
        let lengths: Vec<usize> = sequences.iter().map(|sequence| sequence.len()).collect();
        let shared = self.encoder.shares_beginnings();
        let batches = match shared {
            true => by_beginning(sequences, self.most_tokens),
            false => batches(&lengths, self.most_tokens, !self.encoder.takes_mask()),
        };
        let run = |batch: &Vec<usize>| {
            if self.control.stop.load(Relaxed) {
                return Err(Error::Interrupted);
            }
            let members: Vec<&Sequence> = batch.iter().map(|&at| sequences[at]).collect();
            let batch = TokenBatch::of(&members, self.pad);
            let tokens = members.iter().map(|sequence| sequence.len()).sum::<usize>();
            self.odometer.tokens.fetch_add(tokens as u64, Relaxed);
            if !shared {
                self.odometer.padding.fetch_add((batch.sequences * batch.length - tokens) as u64, Relaxed);
            }
            self.encoder.forward(&batch)
        };
        let parts: Vec<Tensor<2>> = match self.side_by_side && !shared {
            true => batches.par_iter().map(run).collect::<Result<_>>()?,
            false => batches.iter().map(run).collect::<Result<_>>()?,
        };
        self.odometer.forwards.fetch_add(sequences.len() as u64, Relaxed);
        let mut outputs = vec![Vec::new(); sequences.len()];
        if !parts.is_empty() {
            let width = self.encoder.output_names().len();
            let all = kernels::read(cat(parts, 0))?;
            if all.len() != sequences.len() * width {
                let (sequences, numbers) = (sequences.len(), all.len());
                return Err(Error::input(format!(
                    "the model gave {numbers} numbers for {sequences} texts; it must give {width} each"
                )));
            }
            batches.concat().into_iter().zip(all.chunks_exact(width)).for_each(|(at, row)| outputs[at] = row.to_vec());
        }
        Ok(outputs)
    }

    /// The same, with each sequence run once, and not at all if a pilot has.
    pub fn distinct_outputs(&self, sequences: &[Sequence], memory: &Memory) -> Result<Vec<Arc<[f32]>>> {
        let keys: Vec<u128> = sequences.iter().map(key).collect();
        let kept = locked(&memory.kept);
        let mut known: HashMap<u128, Arc<[f32]>> =
            keys.iter().filter_map(|key| Some((*key, kept.get(key)?.clone()))).collect();
        drop(kept);
        let mut seen: HashSet<u128> = known.keys().copied().collect();
        let due: Vec<usize> = (0..keys.len()).filter(|&at| seen.insert(keys[at])).collect();
        self.odometer.known.fetch_add((sequences.len() - due.len()) as u64, Relaxed);
        let outputs = self.outputs(&due.iter().map(|&at| &sequences[at]).collect::<Vec<_>>())?;
        let made: Vec<Known> = due.iter().map(|&at| keys[at]).zip(outputs.into_iter().map(Arc::from)).collect();
        if let Some(fresh) = &mut *locked(&memory.fresh) {
            fresh.extend(made.iter().cloned());
        }
        known.extend(made);
        Ok(keys.iter().map(|key| known[key].clone()).collect())
    }

    /// What the model reads of a text where some players are absent, the columns' players behind its parts.
    pub fn sequence(&self, text: &Text, other: usize, present: impl Fn(usize) -> bool) -> Sequence {
        let parts = text.players.spans.len();
        let numbers = self.beside.numbers(&text.numbers, other, |player| present(parts + player));
        Sequence { numbers, ..self.absent.sequence(&text.tokens, &text.players, present) }
    }
}

/// Texts of one number of players as a model of rows.
pub(super) struct TextModel {
    reader: Arc<Reader>,
    memory: Arc<Memory>,
    features: Vec<String>,
}

impl TextModel {
    pub fn new(reader: Arc<Reader>, memory: Arc<Memory>, n_players: usize) -> Self {
        Self { reader, memory, features: (1..=n_players).map(|player| player.to_string()).collect() }
    }

    /// The values of host rows, less those of the empty coalition.
    fn values(&self, rows: &[f32]) -> Result<Vec<f32>> {
        let reader = &self.reader;
        let texts = locked(&reader.texts).clone();
        let width = reader.valued.outputs.names.len();
        let mut values = vec![0.0; rows.len() / self.features.len() * width];
        // The rows to run: their place, text and tokens.
        let (mut places, mut sequences) = (Vec::new(), Vec::new());
        for (place, row) in rows.chunks_exact(self.features.len()).enumerate() {
            let Said { text: Some(number), other, share } = Said::by(row) else { continue };
            let text = &texts[number];
            let Some(other) = other else {
                put(&mut values[place * width..][..width], &text.prediction, text.base.iter().copied());
                continue;
            };
            places.push((place, text, other, share));
            sequences.push(reader.sequence(text, other, |player| is_present(row[player])));
        }
        let outputs = reader.distinct_outputs(&sequences, &self.memory)?;
        for ((place, text, other, share), outputs) in places.into_iter().zip(outputs) {
            let less = text.empty[other].iter().zip(&text.base).map(|(empty, base)| empty + share * (base - empty));
            put(&mut values[place * width..][..width], &reader.valued.of(&outputs, &text.whole), less);
        }
        Ok(values)
    }
}

fn put(to: &mut [f32], values: &[f64], less: impl Iterator<Item = f64>) {
    to.iter_mut().zip(values).zip(less).for_each(|((to, value), less)| *to = (value - less) as f32);
}

impl Model for TextModel {
    fn feature_names(&self) -> &[String] {
        &self.features
    }

    fn output_names(&self) -> &[String] {
        &self.reader.valued.outputs.names
    }

    /// What the tokens of a row hold: it keeps tiles, whose tokens are made on the host, small.
    fn workspace(&self) -> usize {
        self.reader.encoder.workspace()
    }

    fn predict(&self, rows: Tensor<2>) -> Result<Tensor<2>> {
        let (device, n_rows) = (rows.device(), rows.dims()[0]);
        let values = self.values(&kernels::read(rows)?)?;
        Ok(Tensor::from_data(TensorData::new(values, [n_rows, self.output_names().len()]), &device))
    }
}
