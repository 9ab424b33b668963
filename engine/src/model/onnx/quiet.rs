//! Panics of the layers below as errors: files may hold anything, and burn panics where shapes do not fit.

use crate::{Error, Result};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// Whether panics of this thread are caught and reported as errors.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Runs a function; a panic in it becomes its message and prints nothing.
pub fn quietly<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !CAUGHT.get() {
                before(info);
            }
        }));
    });
    let outer = CAUGHT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    CAUGHT.set(outer);
    result.map_err(|panic| {
        let text =
            panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string()));
        text.unwrap_or_else(|| "unknown reason".into()).lines().take(3).collect::<Vec<_>>().join(" ")
    })
}

/// The error of a file that cannot be interpreted.
pub fn broken(name: &str, why: &str) -> Error {
    Error::input(format!("{name} cannot be interpreted: {why}"))
        .hint("check the file with onnx.checker.check_model(path, full_check=True)")
}

/// Runs what may fail or panic; both are errors that name the file.
pub fn caught<T>(name: &str, f: impl FnOnce() -> Result<T>) -> Result<T> {
    quietly(f).unwrap_or_else(|panic| Err(broken(name, &panic)))
}
