//! What to run on: choose a device, open it, list what is there.

/// A device that is open: tensors live on it and kernels run on it.
#[derive(Clone, Debug)]
pub struct Device {
    burn: burn::tensor::Device,
    is_cpu: bool,
    name: String,
}

impl Device {
    /// The CPU through burn-flex; always there.
    pub fn cpu() -> Self {
        Self { burn: burn::tensor::Device::flex(), is_cpu: true, name: "cpu".into() }
    }

    /// The default GPU through wgpu.
    pub fn gpu() -> Self {
        Self { burn: burn::tensor::Device::wgpu(Default::default()), is_cpu: false, name: "gpu".into() }
    }

    /// burn's handle, for making tensors.
    pub fn burn(&self) -> &burn::tensor::Device {
        &self.burn
    }

    /// Whether tiles run side by side on this machine's cores, rather than one after the other on a device queue.
    pub fn is_cpu(&self) -> bool {
        self.is_cpu
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}
