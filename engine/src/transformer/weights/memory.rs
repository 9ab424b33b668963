//! How much memory a model takes, before it is loaded.

use super::Precision;
use crate::device::DeviceKind;
use crate::{Device, Error, Result};

/// Memory that a model needs, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Numbers in its weights.
    pub parameters: u64,
    /// The weights on the device.
    pub weights: u64,
    /// The largest of them on the device, which must fit one buffer.
    pub largest: u64,
    /// On the host while a tensor passes through: the largest as stored, and converted.
    pub passing: u64,
}

impl Estimate {
    pub(crate) fn of<'a>(shapes: impl Iterator<Item = &'a Vec<usize>>, precision: Precision) -> Self {
        let size = |shape: &Vec<usize>| shape.iter().map(|&n| n as u64).product::<u64>();
        let (parameters, largest) = shapes.map(size).fold((0, 0), |(sum, most), n| (sum + n, most.max(n)));
        let bytes = precision.bytes();
        Self { parameters, weights: bytes * parameters, largest: bytes * largest, passing: (4 + bytes) * largest }
    }

    /// Whether a device has room for it. The free memory of hardware GPUs is not known; there the largest buffer counts.
    ///
    /// # Errors
    /// Too little memory, a tensor larger than the device's buffers may be.
    pub(crate) fn check(&self, device: &Device) -> Result<()> {
        if let Some(limits) = &device.info().limits
            && self.largest > limits.max_binding_bytes
        {
            return Err(Error::input(format!(
                "the largest tensor takes {}, and buffers of device {} at most {}",
                gigabytes(self.largest),
                device.name(),
                gigabytes(limits.max_binding_bytes)
            ))
            .hint("use `--precision f16`, or another device"));
        }
        let shares_host = matches!(device.info().kind, DeviceKind::Cpu | DeviceKind::SoftwareGpu);
        let needed = self.passing + if shares_host { self.weights } else { 0 };
        let Some(free) = available_memory().filter(|&free| needed > free) else { return Ok(()) };
        let (millions, weights) = (self.parameters as f64 / 1e6, gigabytes(self.weights));
        Err(Error::input(format!(
            "the model has {millions:.0} million parameters: {weights} of weights and {} while they are read; {} are free",
            gigabytes(self.passing),
            gigabytes(free)
        ))
        .hint("take a smaller model, `--precision f16`, or a device with its own memory"))
    }
}

/// Bytes that programs may still take on this machine, where the system says so (Linux does).
pub fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes << 10)
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.2} GB", bytes as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_larger_than_memory_is_refused_with_its_size() {
        let shapes = [vec![1 << 20, 1 << 20], vec![1 << 10]];
        let estimate = Estimate::of(shapes.iter(), Precision::F16);
        assert_eq!(estimate.weights, 2 * ((1 << 40) + (1 << 10)));
        assert_eq!(estimate.passing, 6 << 40);
        if available_memory().is_some() {
            let message = estimate.check(&Device::cpu()).unwrap_err().to_string();
            assert!(
                message.starts_with("the model has 1099512 million parameters: 2199.02 GB of weights"),
                "{message}"
            );
        }
        assert!(Estimate::of([vec![10, 10]].iter(), Precision::F32).check(&Device::cpu()).is_ok());
    }
}
