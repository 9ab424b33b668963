//! The one error of the library. Every message says what was given and what is allowed; the hint says what to do.

use std::path::{Path, PathBuf};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request could not be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request or its data are wrong. `hint` names the flag or the change that helps.
    #[error("{message}")]
    Input { message: String, hint: Option<String> },
    /// A file could not be read or written (missing, no permission, disk full).
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    /// The device is missing, lost or out of memory.
    #[error("device {device}: {message}")]
    Device { device: String, message: String },
    /// The caller asked the run to stop; what was finished before is kept.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    pub fn input(message: impl Into<String>) -> Self {
        Error::Input { message: message.into(), hint: None }
    }

    /// Adds what to do about it to an input error; other errors pass unchanged.
    pub fn hint(self, text: impl Into<String>) -> Self {
        match self {
            Error::Input { message, .. } => Error::Input { message, hint: Some(text.into()) },
            other => other,
        }
    }

    pub fn io(action: &'static str, path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Error::Io { action, path: path.as_ref().to_path_buf(), source }
    }
}
