//! Pellucid explains model decisions: mask → predict → value → solve → aggregate, batched on one device.

pub mod data;
pub mod design;
pub mod device;
pub mod error;
pub mod explain;
pub mod kernels;
pub mod model;

pub use device::Device;
pub use error::{Error, Result};
