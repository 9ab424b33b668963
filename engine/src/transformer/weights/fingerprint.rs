//! The SHA-256 of a model's weights, taken beside their reading.

use crate::{Error, Result};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;

/// Bytes read at once.
const PART: usize = 1 << 20;

/// A hash in the making, on threads of its own. Dropping it ends it.
pub(super) struct Fingerprint {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<String>>>,
}

impl Fingerprint {
    /// Of one file its SHA-256, as `sha256sum FILE` tells it. Of several, in the order of their names, the SHA-256 of what `sha256sum`
    /// prints for them in their folder: `sha256sum *.safetensors | sha256sum`. None of no file.
    pub fn start(mut files: Vec<PathBuf>) -> Option<Self> {
        files.sort_unstable();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = match &files[..] {
            [] => return None,
            [_] => std::thread::spawn(move || of_file(&files[0], &stopped)),
            _ => std::thread::spawn(move || of_shards(&files, &stopped)),
        };
        Some(Self { stop, thread: Some(thread) })
    }

    /// The hash, in lower-case hexadecimal digits.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn finish(mut self) -> Result<String> {
        let hash = self.thread.take().map(JoinHandle::join);
        hash.transpose().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).unwrap_or_else(|| Ok(String::new()))
    }
}

impl Drop for Fingerprint {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}

fn of_shards(files: &[PathBuf], stop: &AtomicBool) -> Result<String> {
    let hashes = files.par_iter().map(|file| of_file(file, stop)).collect::<Result<Vec<_>>>()?;
    let name = |file: &PathBuf| file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let lines: String = files.iter().zip(hashes).map(|(file, hash)| format!("{hash}  {}\n", name(file))).collect();
    Ok(hexadecimal(&Sha256::digest(lines)))
}

fn of_file(path: &Path, stop: &AtomicBool) -> Result<String> {
    let mut file = File::open(path).map_err(|source| Error::io("open", path, source))?;
    let (mut hash, mut part) = (Sha256::new(), vec![0; PART]);
    while !stop.load(Relaxed) {
        match file.read(&mut part).map_err(|source| Error::io("read", path, source))? {
            0 => break,
            read => hash.update(&part[..read]),
        }
    }
    Ok(hexadecimal(&hash.finalize()))
}

fn hexadecimal(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
