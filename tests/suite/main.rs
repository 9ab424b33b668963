//! Cross-crate tests, one module a subject.

mod agreement;
mod axioms;
mod data;
mod onnx;
mod oracle;
