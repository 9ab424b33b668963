//! Pellucid explains model decisions: mask → predict → value → solve → aggregate, batched on one device.

pub mod bias;
pub mod data;
pub mod design;
pub mod device;
pub mod drift;
pub mod effect;
pub mod error;
pub mod explain;
pub mod image;
pub mod kernels;
pub mod mitigate;
pub mod model;
pub mod report;
pub mod surrogate;
pub mod text;
pub mod transformer;

pub use device::Device;
pub use error::{Error, Result};
