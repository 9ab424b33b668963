//! Kernels, each twice: WGSL for the GPU and a rayon twin for the CPU.
