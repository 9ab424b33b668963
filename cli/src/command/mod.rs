//! One file a command: check, run, print.

pub mod demo;
pub mod devices;
mod input;
pub mod inspect;
mod open;
pub mod shap;
mod shapley;
