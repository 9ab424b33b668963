//! CPU and GPU kernels agree within derived bounds.
