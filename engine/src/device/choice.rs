//! A device as a person names it, and the rule that turns the name into one of the devices that are there.

use super::{DeviceInfo, DeviceKind, missing};
use crate::{Error, Result};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// The rule of `auto`, for the help and the device list.
pub const AUTO_RULE: &str =
    "auto takes a hardware GPU (discrete, then integrated, then virtual), otherwise the CPU; never a software GPU";

const ALLOWED: &str = "auto, cpu, gpu, gpu:N, vulkan, vulkan:N, metal, dx12, cuda, cuda:N (N counts from 0)";

/// What to run on. Parsed from `auto|cpu|gpu[:n]|vulkan[:n]|metal|dx12|cuda[:n]`; without a number, 0 is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The rule of [`AUTO_RULE`].
    #[default]
    Auto,
    Cpu,
    /// The n-th GPU of [`super::Device::list`], through whichever graphics API lists it.
    Gpu(usize),
    /// The n-th Vulkan GPU, kernels compiled to SPIR-V. Needs the Cargo feature `vulkan`.
    Vulkan(usize),
    /// The first GPU on Metal.
    Metal,
    /// The first GPU on DirectX 12.
    Dx12,
    /// The n-th CUDA device. Needs the Cargo feature `cuda`.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || Error::input(format!("unknown device {text:?}; allowed: {ALLOWED}"));
        let (kind, number) = match text.split_once(':') {
            Some((kind, number)) => (kind, Some(number.parse::<usize>().map_err(|_| unknown())?)),
            None => (text, None),
        };
        match (kind, number) {
            ("auto", None) => Ok(Self::Auto),
            ("cpu", None) => Ok(Self::Cpu),
            ("gpu", n) => Ok(Self::Gpu(n.unwrap_or(0))),
            ("vulkan", n) => Ok(Self::Vulkan(n.unwrap_or(0))),
            ("metal", None) => Ok(Self::Metal),
            ("dx12", None) => Ok(Self::Dx12),
            ("cuda", n) => Ok(Self::Cuda(n.unwrap_or(0))),
            _ => Err(unknown()),
        }
    }
}

impl Display for DeviceChoice {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => write!(f, "auto"),
            Self::Cpu => write!(f, "cpu"),
            Self::Gpu(n) => write!(f, "gpu:{n}"),
            Self::Vulkan(n) => write!(f, "vulkan:{n}"),
            Self::Metal => write!(f, "metal"),
            Self::Dx12 => write!(f, "dx12"),
            Self::Cuda(n) => write!(f, "cuda:{n}"),
        }
    }
}

impl DeviceChoice {
    /// The chosen one of `gpus` (None: the CPU) and why. `gpus` is in the order of `Device::list`, best first.
    pub(super) fn pick(self, gpus: &[DeviceInfo]) -> Result<(Option<DeviceInfo>, String)> {
        if let Self::Auto = self {
            return Ok(auto(gpus));
        }
        let (api, n) = match self {
            Self::Auto | Self::Cpu => return Ok((None, "the CPU was asked for".into())),
            Self::Gpu(n) => (None, n),
            Self::Vulkan(n) => (Some("Vulkan"), n),
            Self::Metal => (Some("Metal"), 0),
            Self::Dx12 => (Some("DirectX 12"), 0),
            Self::Cuda(n) => (Some("CUDA"), n),
        };
        self.built_in()?;
        let wanted = |gpu: &&DeviceInfo| api.map_or(gpu.api != "CUDA", |api| gpu.api == api);
        let found = gpus.iter().filter(wanted).nth(n).ok_or_else(|| self.not_there(gpus))?;
        let note = match found.kind {
            DeviceKind::SoftwareGpu => ": a software adapter, computed by the CPU and slower than `--device cpu`",
            _ => "",
        };
        Ok((Some(found.clone()), format!("{self} was asked for{note}")))
    }

    fn built_in(self) -> Result<()> {
        let (feature, there) = match self {
            Self::Vulkan(_) => ("vulkan", cfg!(feature = "vulkan")),
            Self::Cuda(_) => ("cuda", cfg!(feature = "cuda")),
            _ => return Ok(()),
        };
        if there {
            return Ok(());
        }
        let other = if feature == "vulkan" { "; `gpu` uses Vulkan too, with kernels compiled from WGSL" } else { "" };
        Err(missing(self, format!("not built in; build with `--features {feature}`{other}")))
    }

    fn not_there(self, gpus: &[DeviceInfo]) -> Error {
        let there: Vec<String> = gpus.iter().map(|gpu| format!("{} ({}, {})", gpu.id, gpu.hardware, gpu.api)).collect();
        let there = if there.is_empty() { "no GPU".to_string() } else { there.join(", ") };
        missing(self, format!("not found; this machine has {there} and cpu"))
    }
}

fn auto(gpus: &[DeviceInfo]) -> (Option<DeviceInfo>, String) {
    let hardware = |gpu: &&DeviceInfo| gpu.kind.is_hardware_gpu();
    if let Some(gpu) = gpus.iter().find(hardware) {
        return (Some(gpu.clone()), format!("{} is the best GPU here ({})", gpu.hardware, gpu.kind));
    }
    let why = match gpus.first() {
        Some(gpu) => format!("no hardware GPU was found ({} is a software adapter)", gpu.hardware),
        None => "no GPU was found".into(),
    };
    (None, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpu(id: &str, kind: DeviceKind, api: &'static str) -> DeviceInfo {
        DeviceInfo {
            id: id.into(),
            kind,
            hardware: format!("card {id}"),
            api: api.into(),
            driver: String::new(),
            cores: None,
            simd: None,
            limits: None,
        }
    }

    #[test]
    fn names_parse_and_print_the_same() {
        for text in ["auto", "cpu", "gpu:2", "vulkan:1", "metal", "dx12", "cuda:0"] {
            assert_eq!(text.parse::<DeviceChoice>().unwrap().to_string(), text);
        }
        assert_eq!("gpu".parse::<DeviceChoice>().unwrap(), DeviceChoice::Gpu(0));
    }

    #[test]
    fn unknown_names_are_refused_with_the_allowed_ones() {
        for text in ["", "GPU", "gpu:", "gpu:x", "gpu:-1", "cpu:0", "auto:1", "metal:1", "tpu"] {
            let message = text.parse::<DeviceChoice>().unwrap_err().to_string();
            assert!(message.contains("allowed: auto, cpu, gpu"), "{text}: {message}");
        }
    }

    #[test]
    fn auto_takes_the_first_hardware_gpu_and_never_a_software_one() {
        let software = gpu("gpu:1", DeviceKind::SoftwareGpu, "Vulkan");
        let hardware = gpu("gpu:0", DeviceKind::IntegratedGpu, "Vulkan");
        let pick = |gpus: &[DeviceInfo]| DeviceChoice::Auto.pick(gpus).unwrap();
        assert_eq!(pick(&[hardware.clone(), software.clone()]).0, Some(hardware));
        let (none, why) = pick(std::slice::from_ref(&software));
        assert_eq!(none, None);
        assert_eq!(why, "no hardware GPU was found (card gpu:1 is a software adapter)");
        assert_eq!(pick(&[]), (None, "no GPU was found".into()));
        assert_eq!(DeviceChoice::Gpu(0).pick(std::slice::from_ref(&software)).unwrap().0, Some(software));
    }

    #[test]
    fn a_missing_device_is_an_error_that_lists_what_is_there() {
        let gpus = [gpu("gpu:0", DeviceKind::DiscreteGpu, "Vulkan")];
        let message = |choice: DeviceChoice| choice.pick(&gpus).unwrap_err().to_string();
        assert_eq!(
            message(DeviceChoice::Gpu(1)),
            "device gpu:1: not found; this machine has gpu:0 (card gpu:0, Vulkan) and cpu"
        );
        assert!(message(DeviceChoice::Metal).starts_with("device metal: not found"));
        if cfg!(not(feature = "cuda")) {
            assert_eq!(message(DeviceChoice::Cuda(0)), "device cuda:0: not built in; build with `--features cuda`");
        }
    }
}
