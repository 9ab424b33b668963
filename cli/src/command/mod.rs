//! One file a command: check, run, print.

pub mod analyze;
pub mod bias;
pub mod demo;
pub mod devices;
mod effects;
mod explained;
mod figures;
pub mod image;
mod input;
pub mod inspect;
pub mod mitigate;
pub mod monitor;
mod open;
pub mod pdp;
mod put;
pub mod report;
pub mod shap;
mod shapley;
mod typed;
