//! One file a command: check, run, print.

pub mod demo;
pub mod devices;
pub mod inspect;
pub mod shap;
