//! What every test needs: the devices to run on, fixtures, comparisons with named tolerances.

use pellucid::Device;
use std::path::PathBuf;

/// The devices of this machine: the CPU, and the GPU where there is one. `PELLUCID_REQUIRE_GPU=1` makes a missing GPU a failure.
pub fn devices() -> Vec<Device> {
    let mut found = vec![Device::cpu()];
    match gpu() {
        Some(device) => found.push(device),
        None => eprintln!("SKIPPED on the GPU: no adapter was found (PELLUCID_REQUIRE_GPU=1 makes this a failure)"),
    }
    found
}

/// The GPU, if one can be opened.
pub fn gpu() -> Option<Device> {
    let found = std::panic::catch_unwind(Device::gpu).ok();
    assert!(
        found.is_some() || std::env::var("PELLUCID_REQUIRE_GPU").as_deref() != Ok("1"),
        "PELLUCID_REQUIRE_GPU=1, but no GPU adapter could be opened"
    );
    found
}

/// A file under `tests/fixtures`.
pub fn fixture(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}
