//! Ctrl-C: the first asks the run to finish its tile and close what is written, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set by Ctrl-C (and by SIGTERM); the engine polls it between tiles.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on. Where the system refuses, Ctrl-C ends the process as usual.
    pub fn install() -> Self {
        let interrupt = Self::default();
        let asked = interrupt.0.clone();
        let _ = ctrlc::set_handler(move || {
            if asked.swap(true, Ordering::SeqCst) {
                pellucid::data::remove_unfinished();
                std::process::exit(crate::Exit::Interrupted as i32);
            }
            crate::terminal::note_over_a_bar("stopping after this tile; press Ctrl-C again to stop at once");
        });
        interrupt
    }

    /// What the engine polls.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }
}
