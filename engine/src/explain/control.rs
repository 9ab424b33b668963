//! What a run tells and asks the outside while it works.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// A run's stop button, odometer and remarks. Clones share their state.
#[derive(Debug, Clone, Default)]
pub struct Control {
    /// Set it to stop the run at the next tile with [`Error::Interrupted`](crate::Error::Interrupted).
    pub stop: Arc<AtomicBool>,
    /// Model rows evaluated so far.
    pub model_rows: Arc<AtomicU64>,
    notes: Arc<Mutex<Vec<String>>>,
}

impl Control {
    /// Takes what the run had to say since the last call: a tile that had to shrink, say.
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn note(&self, text: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Relaxed)
    }

    pub(super) fn count(&self, model_rows: usize) {
        self.model_rows.fetch_add(model_rows as u64, Relaxed);
    }
}
