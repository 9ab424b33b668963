//! The one road from a device back to the host.

use crate::Result;
use crate::device::failed;
use burn::tensor::Tensor;
use std::sync::atomic::{AtomicU64, Ordering};

/// Reads of this process so far.
static READS: AtomicU64 = AtomicU64::new(0);

/// The values of a tensor in row-major order. Waits for the work that makes them; errors of queued kernels appear here.
///
/// # Errors
/// [`crate::Error::Device`] if the device was lost, ran out of memory or refused a kernel.
pub fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    READS.fetch_add(1, Ordering::Relaxed);
    let device = format!("{:?}", tensor.device());
    let data = tensor.try_into_data().map_err(|error| failed(&device, error))?;
    data.try_into_vec::<f32>().map_err(|error| failed(&device, error))
}

/// How often [`read`] was called in this process: a test can show that nothing is read between two points.
pub fn read_count() -> u64 {
    READS.load(Ordering::Relaxed)
}
