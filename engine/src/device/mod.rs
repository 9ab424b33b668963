//! What to run on: choose a device, open it, list what is there.
//!
//! `auto` takes the best hardware GPU (discrete, then integrated, then virtual) and otherwise the CPU. A software adapter
//! (lavapipe, WARP) is a GPU interface computed by the CPU, slower than the CPU path, so `auto` passes it over; it can be
//! asked for by number. An asked-for device that is missing is an error that lists what is there; nothing falls back in
//! silence: [`Device::why`] says how the choice came about.

mod choice;
mod guard;
mod list;

pub use choice::{AUTO_RULE, DeviceChoice};
pub(crate) use guard::failed;
pub use guard::guard;
pub use list::{DeviceInfo, DeviceKind, GpuLimits};

use crate::{Error, Result};
use std::sync::{Mutex, PoisonError};

/// Bytes of synthetic rows a tile may take on the CPU or on a software adapter, where they share the machine's memory.
const HOST_TILE_BYTES: u64 = 256 << 20;

/// Bytes of synthetic rows a tile may take on a hardware GPU: enough to fill the largest, small beside what they carry.
const GPU_TILE_BYTES: u64 = 1 << 30;

/// GPUs that are open. burn sets a GPU up once in a process, so opening it again hands out the same device.
static OPEN: Mutex<Vec<(DeviceInfo, burn::tensor::Device)>> = Mutex::new(Vec::new());

/// A device that is open: tensors live on it and kernels run on it. Clones are handles to the same device.
#[derive(Clone, Debug)]
pub struct Device {
    burn: burn::tensor::Device,
    info: DeviceInfo,
    why: String,
}

impl Device {
    /// The CPU through burn-flex; always there.
    pub fn cpu() -> Self {
        Self { burn: burn::tensor::Device::flex(), info: list::cpu(), why: "the CPU was asked for".into() }
    }

    /// Opens the chosen device. [`Error::Device`] if it is not there, not built in, or refuses to start.
    pub fn open(choice: DeviceChoice) -> Result<Self> {
        let gpus = list::gpus();
        let (wanted, why) = choice.pick(&gpus)?;
        let Some(info) = wanted else {
            return Ok(Self { why, ..Self::cpu() });
        };
        Ok(Self { burn: open_gpu(&info)?, info, why })
    }

    /// Every device of this machine that this build can use: the GPUs in the order `gpu:n` counts them, then the CPU.
    pub fn list() -> Vec<DeviceInfo> {
        let mut devices = list::gpus();
        devices.push(list::cpu());
        devices
    }

    /// burn's handle, for making tensors.
    pub fn burn(&self) -> &burn::tensor::Device {
        &self.burn
    }

    /// Whether tiles run side by side on this machine's cores, rather than one after the other on a device queue.
    pub fn is_cpu(&self) -> bool {
        self.info.kind == DeviceKind::Cpu
    }

    /// How to ask for this device again: `cpu`, `gpu:0`, `cuda:1`.
    pub fn name(&self) -> &str {
        &self.info.id
    }

    /// What this device is, with its limits.
    pub fn info(&self) -> &DeviceInfo {
        &self.info
    }

    /// Why this device was taken, in one sentence without a full stop.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// The default budget for the synthetic rows of one tile, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        let most = if self.info.kind.is_hardware_gpu() { GPU_TILE_BYTES } else { HOST_TILE_BYTES };
        match &self.info.limits {
            Some(limits) => most.min(limits.max_binding_bytes),
            None => most,
        }
    }

    /// Waits for all work given to the device. [`Error::Device`] if the device was lost. A tensor that could not be made
    /// (out of memory, a refused kernel) carries its failure to what is computed from it, and tells it when that is read.
    pub fn sync(&self) -> Result<()> {
        guard(self.name(), || self.burn.sync())?.map_err(|error| failed(self.name(), error))
    }
}

fn open_gpu(info: &DeviceInfo) -> Result<burn::tensor::Device> {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, device)) = open.iter().find(|(known, _)| known == info) {
        return Ok(device.clone());
    }
    let device = guard(&info.id, || list::start(info))??;
    open.push((info.clone(), device.clone()));
    Ok(device)
}

/// An error about a device, naming it.
fn missing(device: impl ToString, message: impl Into<String>) -> Error {
    Error::Device { device: device.to_string(), message: message.into() }
}
