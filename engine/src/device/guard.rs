//! Failures of the device layer, as errors.
//!
//! burn 0.22 hands failures out in two ways. What a queued kernel met (no memory, a refused kernel) stays with the tensor
//! and is an `Err` when something computed from it is read; a lost device is an `Err` of `sync`. A driver that cannot even
//! start panics on the calling thread.

use crate::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs device work and turns a panic in it into [`Error::Device`] with the reason. Tensors made inside are dropped, so
/// their memory is free again.
pub fn guard<T>(device: &str, work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| failed(device, panic_text(payload.as_ref())))
}

/// An error about a device from burn's report, of which the innermost cause is kept.
pub(crate) fn failed(device: &str, report: impl ToString) -> Error {
    Error::Device { device: device.to_string(), message: innermost(&report.to_string()) }
}

fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("the device layer panicked").to_string()
}

/// Reports are chains of `Caused by:`, each link a line or a few, backtraces last.
fn innermost(report: &str) -> String {
    let last = report.rsplit("Caused by:").next().unwrap_or(report);
    let line = last.lines().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or(report).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_its_reason() {
        let error = guard("gpu:0", || -> () { panic!("no adapter for {}", 7) }).unwrap_err();
        assert_eq!(error.to_string(), "device gpu:0: no adapter for 7");
    }

    #[test]
    fn the_innermost_cause_is_told() {
        let report =
            "An error happened\nCaused by:\n  An IO error happened\nCaused by:\n  no room for 8 bytes\nNo backtrace";
        assert_eq!(failed("gpu:0", report).to_string(), "device gpu:0: no room for 8 bytes");
    }
}
