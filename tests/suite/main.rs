//! Cross-crate tests, one module a subject.

mod affine;
mod agreement;
mod ale;
mod association;
mod axioms;
mod bias;
mod browser;
mod cohorts;
mod control;
mod coverage;
mod data;
mod device;
mod drift;
mod effect;
mod figures;
mod image;
mod interaction;
mod mitigate;
mod network;
mod nodes;
mod onnx;
mod oracle;
mod permutation;
mod shapley_interactions;
mod text;
mod transformer;
