//! What is there: the GPUs wgpu and CUDA find, and the CPU.

use super::{guard, missing};
use crate::Result;
use burn::tensor::wgpu::WgpuBackend;
use std::fmt::{self, Display, Formatter};
use std::sync::OnceLock;

/// One device of this machine.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DeviceInfo {
    /// What to write after `--device`: `cpu`, `gpu:0`, `cuda:1`.
    pub id: String,
    pub kind: DeviceKind,
    /// The name the part gives itself.
    pub hardware: String,
    /// What it is reached through: `burn-flex`, `Vulkan`, `Metal`, `DirectX 12`, `CUDA`.
    pub api: String,
    /// The driver's name and version as it states them; may be empty.
    pub driver: String,
    /// Threads this process may use at once; CPU only.
    pub cores: Option<usize>,
    /// The widest vector instructions used; CPU only.
    pub simd: Option<String>,
    /// GPU through wgpu only.
    pub limits: Option<GpuLimits>,
}

/// Limits of a GPU as its driver states them.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct GpuLimits {
    /// The largest buffer, in bytes.
    pub max_buffer_bytes: u64,
    /// The largest part of a buffer a kernel can see, in bytes.
    pub max_binding_bytes: u64,
    /// Threads in a workgroup.
    pub max_workgroup_threads: u32,
    /// Workgroups along one axis of a dispatch.
    pub max_workgroups: u32,
    /// Memory shared by a workgroup, in bytes.
    pub workgroup_memory_bytes: u32,
}

/// Sorted as `gpu:n` counts: the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    DiscreteGpu,
    IntegratedGpu,
    VirtualGpu,
    /// A GPU interface computed by the CPU: lavapipe, WARP.
    SoftwareGpu,
    Cpu,
}

impl DeviceKind {
    pub fn is_hardware_gpu(self) -> bool {
        matches!(self, Self::DiscreteGpu | Self::IntegratedGpu | Self::VirtualGpu)
    }
}

impl Display for DeviceKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DiscreteGpu => "discrete GPU",
            Self::IntegratedGpu => "integrated GPU",
            Self::VirtualGpu => "virtual GPU",
            Self::SoftwareGpu => "software GPU",
            Self::Cpu => "CPU",
        })
    }
}

/// A GPU and how burn addresses it: the n-th of its kind on its graphics API, or the n-th CUDA device.
struct Gpu {
    info: DeviceInfo,
    address: Address,
}

enum Address {
    Wgpu(burn::tensor::DeviceKind, WgpuBackend),
    #[cfg(feature = "cuda")]
    Cuda(usize),
}

/// Asked once: creating graphics instances again and again is slow, and not safe in every Vulkan loader.
fn all() -> &'static [Gpu] {
    static GPUS: OnceLock<Vec<Gpu>> = OnceLock::new();
    GPUS.get_or_init(|| {
        let mut gpus = guard("gpu", wgpu_adapters).unwrap_or_default();
        gpus.sort_by_key(|gpu| gpu.info.kind);
        for (n, gpu) in gpus.iter_mut().enumerate() {
            gpu.info.id = format!("gpu:{n}");
        }
        let mut all = cuda_devices();
        all.append(&mut gpus);
        all
    })
}

/// The GPUs, best first; CUDA devices lead where they are built in, because burn's kernels are fastest there.
pub(super) fn gpus() -> Vec<DeviceInfo> {
    all().iter().map(|gpu| gpu.info.clone()).collect()
}

/// Sets the GPU up in burn. May panic on a broken driver: call it under [`guard`].
pub(super) fn start(info: &DeviceInfo) -> Result<burn::tensor::Device> {
    let gpu = all().iter().find(|gpu| gpu.info == *info).ok_or_else(|| missing(&info.id, "not found"))?;
    match &gpu.address {
        Address::Wgpu(kind, api) => {
            let options = burn::tensor::Device::wgpu_options().device_kind(kind.clone()).graphics_api(*api);
            options.init().map_err(|error| missing(&info.id, format!("does not start: {error}")))
        }
        #[cfg(feature = "cuda")]
        Address::Cuda(n) => Ok(burn::tensor::Device::cuda(*n)),
    }
}

fn wgpu_adapters() -> Vec<Gpu> {
    let apis = [
        (wgpu::Backends::VULKAN, WgpuBackend::Vulkan, "Vulkan"),
        (wgpu::Backends::METAL, WgpuBackend::Metal, "Metal"),
        (wgpu::Backends::DX12, WgpuBackend::Dx12, "DirectX 12"),
    ];
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: apis.iter().fold(wgpu::Backends::empty(), |all, (api, ..)| all | *api),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let mut found = Vec::new();
    for (backends, api, api_name) in apis {
        // Ready at once outside a browser.
        let adapters = burn::tensor::try_read_sync(instance.enumerate_adapters(backends)).unwrap_or_default();
        let mut seen = [0; 4];
        found.extend(adapters.iter().filter_map(|adapter| gpu(adapter, api, api_name, &mut seen)));
    }
    found
}

/// `seen` counts the adapters of each kind so far, which is how burn numbers them. None for what burn cannot address.
fn gpu(adapter: &wgpu::Adapter, api: WgpuBackend, api_name: &str, seen: &mut [usize; 4]) -> Option<Gpu> {
    use burn::tensor::DeviceKind as Kind;
    let info = adapter.get_info();
    let kind = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => DeviceKind::DiscreteGpu,
        wgpu::DeviceType::IntegratedGpu => DeviceKind::IntegratedGpu,
        wgpu::DeviceType::VirtualGpu => DeviceKind::VirtualGpu,
        wgpu::DeviceType::Cpu => DeviceKind::SoftwareGpu,
        wgpu::DeviceType::Other => return None,
    };
    let n = seen[kind as usize];
    seen[kind as usize] += 1;
    let address = match kind {
        DeviceKind::DiscreteGpu => Kind::DiscreteGpu(n),
        DeviceKind::IntegratedGpu => Kind::IntegratedGpu(n),
        DeviceKind::VirtualGpu => Kind::VirtualGpu(n),
        _ if n == 0 => Kind::Cpu,
        _ => return None,
    };
    let limits = adapter.limits();
    let limits = GpuLimits {
        max_buffer_bytes: limits.max_buffer_size,
        max_binding_bytes: limits.max_storage_buffer_binding_size.min(limits.max_buffer_size),
        max_workgroup_threads: limits.max_compute_invocations_per_workgroup,
        max_workgroups: limits.max_compute_workgroups_per_dimension,
        workgroup_memory_bytes: limits.max_compute_workgroup_storage_size,
    };
    let driver = format!("{} {}", info.driver, info.driver_info).trim().to_string();
    let info = DeviceInfo {
        id: String::new(),
        kind,
        hardware: info.name,
        api: api_name.into(),
        driver,
        cores: None,
        simd: None,
        limits: Some(limits),
    };
    Some(Gpu { info, address: Address::Wgpu(address, api) })
}

#[cfg(not(feature = "cuda"))]
fn cuda_devices() -> Vec<Gpu> {
    Vec::new()
}

/// None where the CUDA driver is missing, which burn reports by a panic.
#[cfg(feature = "cuda")]
fn cuda_devices() -> Vec<Gpu> {
    let found = || burn::tensor::Device::enumerate(burn::tensor::DeviceType::Cuda).into_iter().collect::<Vec<_>>();
    let found = guard("cuda", found).unwrap_or_default();
    let describe = |(n, device): (usize, burn::tensor::Device)| Gpu {
        info: DeviceInfo {
            id: format!("cuda:{n}"),
            kind: DeviceKind::DiscreteGpu,
            hardware: device.identity().map_or_else(|| "CUDA device".into(), |identity| identity.name),
            api: "CUDA".into(),
            driver: String::new(),
            cores: None,
            simd: None,
            limits: None,
        },
        address: Address::Cuda(n),
    };
    found.into_iter().enumerate().map(describe).collect()
}

/// The CPU.
pub(super) fn cpu() -> DeviceInfo {
    DeviceInfo {
        id: "cpu".into(),
        kind: DeviceKind::Cpu,
        hardware: cpu_name(),
        api: "burn-flex".into(),
        driver: String::new(),
        cores: Some(std::thread::available_parallelism().map_or(1, |n| n.get())),
        simd: Some(simd().into()),
        limits: None,
    }
}

/// The model name Linux states; elsewhere the architecture.
fn cpu_name() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| std::env::consts::ARCH.to_string(), |(_, name)| name.trim().to_string())
}

fn simd() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            return "AVX-512";
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return "AVX2 with FMA";
        }
        "SSE2"
    }
    #[cfg(target_arch = "aarch64")]
    {
        "NEON"
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        "portable"
    }
}

#[cfg(test)]
mod tests {
    use crate::Device;
    use crate::device::DeviceChoice;

    #[test]
    fn the_list_ends_with_the_cpu_and_every_entry_opens_by_its_id() {
        let list = Device::list();
        assert_eq!(list.last().unwrap().id, "cpu");
        for info in list {
            let device = Device::open(info.id.parse::<DeviceChoice>().unwrap()).unwrap();
            assert_eq!(device.info(), &info);
            assert!(device.memory_bytes() >= 64 << 20, "{}: {} bytes", info.id, device.memory_bytes());
            let again = Device::open(info.id.parse::<DeviceChoice>().unwrap()).unwrap();
            assert_eq!(again.burn(), device.burn());
            device.sync().unwrap();
        }
    }
}
