//! Cross-crate tests, one module a subject.

mod affine;
mod agreement;
mod axioms;
mod control;
mod coverage;
mod data;
mod device;
mod effect;
mod onnx;
mod oracle;
