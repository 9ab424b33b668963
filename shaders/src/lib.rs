//! Kernels, each twice: WGSL for the GPU and a rayon twin for the CPU.
//!
//! Neighbours of one name: `mask.wgsl` is the kernel, `mask.rs` its twin over plain slices, which accumulates in f64 and so
//! serves as the reference. [`KERNELS`] lists them all; one unit test parses and validates every shader and compares its
//! parameters, workgroup size and bindings with this table, without a GPU.
//!
//! Conventions: arrays are row-major; binding 0 is the parameters, then the inputs, then the outputs in the order of the
//! twin's arguments; every binding is `read_write`, because pooled buffers may share one allocation; a dispatch longer than
//! one dimension allows is folded over `y` (`group_index` in `common.wgsl`); no atomics, so the same input gives the same bits.
//!
//! [`attention`], [`conv`], [`norm`] and [`pool`] are for the CPU alone: a GPU has the array library's own operations for them.

pub mod affine;
pub mod attention;
pub mod cholesky;
pub mod conv;
pub mod gram;
pub mod mask;
pub mod moments;
pub mod norm;
pub mod pool;
pub mod project;
pub mod value;

mod kernel;

pub use kernel::{Kernel, Layout};

/// Every kernel of the crate.
pub const KERNELS: &[&Kernel] = &[
    &mask::KERNEL,
    &value::KERNEL,
    &moments::KERNEL,
    &project::KERNEL,
    &gram::KERNEL,
    &cholesky::KERNEL,
    &affine::KERNEL,
    &affine::DOTS,
];
