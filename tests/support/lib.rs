//! What every test needs: the devices to run on, fixtures, comparisons with named tolerances.

pub mod browser;
pub mod compare;
pub mod effects;
pub mod onnx_file;
pub mod sample_report;
pub mod sparse;
pub mod toy_encoder;

use pellucid::Device;
use pellucid::device::DeviceChoice;
use std::path::PathBuf;

/// The devices of this machine: the CPU, and the GPU where there is one. `PELLUCID_REQUIRE_GPU=1` makes a missing GPU a failure.
pub fn devices() -> Vec<Device> {
    let mut found = vec![Device::cpu()];
    found.extend(gpu());
    found
}

/// The first GPU; a software one counts here. Without one the skip is said, or is a failure under `PELLUCID_REQUIRE_GPU=1`.
#[expect(clippy::print_stderr, reason = "a skipped test is said in the open")]
pub fn gpu() -> Option<Device> {
    match Device::open(DeviceChoice::Gpu(0)) {
        Ok(device) => Some(device),
        Err(error) => {
            assert!(std::env::var("PELLUCID_REQUIRE_GPU").as_deref() != Ok("1"), "PELLUCID_REQUIRE_GPU=1, but {error}");
            eprintln!("SKIPPED on the GPU: {error} (PELLUCID_REQUIRE_GPU=1 makes this a failure)");
            None
        }
    }
}

/// A file under `tests/fixtures`.
pub fn fixture(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}
