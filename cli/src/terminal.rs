//! What a person sees on stderr: errors with their hint, notes, a report of a panic. One place decides on colour, on
//! `--quiet` and `--verbose`, and on whether progress is drawn.

use crate::args::{Output, ProgressMode};
use pellucid::{Error, Result};
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone, Debug, Default)]
pub struct Terminal {
    quiet: bool,
    verbose: bool,
    json: bool,
    progress: ProgressMode,
}

impl Terminal {
    pub fn new(output: &Output) -> Self {
        Self { quiet: output.quiet, verbose: output.verbose, json: output.json, progress: output.progress }
    }

    /// The same, without notes.
    pub fn silent(&self) -> Self {
        Self { quiet: true, ..self.clone() }
    }

    /// Whether stdout is to carry JSON.
    pub fn json(&self) -> bool {
        self.json
    }

    /// How to show progress, with `auto` decided: a bar when stderr is a terminal and `--quiet` was not given.
    pub fn progress(&self) -> ProgressMode {
        match self.progress {
            ProgressMode::Auto if !self.quiet && std::io::stderr().is_terminal() => ProgressMode::Always,
            ProgressMode::Auto => ProgressMode::Never,
            asked_for => asked_for,
        }
    }

    /// `error: …`, an empty line, `hint: …`.
    pub fn error(&self, error: &Error) {
        let hint = match error {
            Error::Input { hint, .. } => hint.clone(),
            Error::Device { .. } => {
                Some("`pellucid devices` lists what can be used; `--device cpu` always works".into())
            }
            Error::Interrupted => Some("nothing was written; the same command starts again from the first row".into()),
            Error::Io { action, path, source } => io_hint(action, path, source.kind()),
            _ => None,
        };
        stderr_line(&format!("{} {error}", paint("error:", RED)));
        if let Some(hint) = hint {
            stderr_line(&format!("\n{} {hint}", paint("hint:", CYAN)));
        }
    }

    /// Something the user should know and may want to change; silent under `--quiet`.
    pub fn warn(&self, text: &str) {
        if !self.quiet {
            stderr_line(&format!("{} {text}", paint("warning:", YELLOW)));
        }
    }

    /// What the run is doing; silent under `--quiet`.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            stderr_line(text);
        }
    }

    /// Detail for `--verbose`.
    pub fn detail(&self, text: &str) {
        if self.verbose {
            stderr_line(text);
        }
    }

    /// Writes data to stdout and ends it with a newline.
    pub fn data(&self, text: &str) -> Result<()> {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(|e| Error::io("write", "standard output", e))
    }
}

fn io_hint(action: &str, path: &Path, kind: std::io::ErrorKind) -> Option<String> {
    use std::io::ErrorKind::{AlreadyExists, NotADirectory, NotFound, PermissionDenied, StorageFull};
    match kind {
        NotFound if action != "read" && action != "open" => Some("the folder must exist: create it first".into()),
        NotFound => Some(format!("is the path right? it was looked for from {}", current_dir())),
        NotADirectory => Some("a part of the path is a file, not a folder".into()),
        PermissionDenied => Some(format!("check who may read and write {}", path.display())),
        AlreadyExists => Some("use `--force` to replace it".into()),
        StorageFull => Some("free some space, or choose another disk with `--output`".into()),
        _ => None,
    }
}

fn current_dir() -> String {
    std::env::current_dir().map_or_else(|_| "the current folder".into(), |dir| dir.display().to_string())
}

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const CYAN: &str = "\x1b[1;36m";

/// Coloured when stderr is a terminal and `NO_COLOR` is unset or empty.
fn paint(text: &str, colour: &str) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) || !std::io::stderr().is_terminal();
    if plain { text.to_string() } else { format!("{colour}{text}\x1b[0m") }
}

/// Unlike `eprintln!`, does not panic when stderr is closed: there is nobody left to tell.
pub fn stderr_line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A line from outside the run, which knows nothing of a bar that may be drawn: it takes the bar's line.
pub fn note_over_a_bar(text: &str) {
    let clear = if std::io::stderr().is_terminal() { "\r\x1b[K" } else { "" };
    stderr_line(&format!("{clear}{text}"));
}

/// The last panic: where and what. Filled by the hook that [`record_panics`] installs.
pub type LastPanic = Arc<Mutex<String>>;

/// Keeps panics off the screen: the library turns those of the device layer into errors, and one that reaches `main` is
/// reported there once.
pub fn record_panics() -> LastPanic {
    let last = LastPanic::default();
    let record = last.clone();
    let backtrace = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        *record.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string();
        if backtrace {
            default(panic);
        }
    }));
    last
}

pub fn report_panic(panic: &LastPanic) {
    let what = panic.lock().unwrap_or_else(PoisonError::into_inner);
    stderr_line(&format!("{} pellucid failed unexpectedly: {what}", paint("error:", RED)));
    let version = env!("CARGO_PKG_VERSION");
    let hint = format!(
        "this is a bug; report it with the command and this text (version {version}), or run again with `RUST_BACKTRACE=1`"
    );
    stderr_line(&format!("\n{} {hint}", paint("hint:", CYAN)));
}
