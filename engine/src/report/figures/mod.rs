//! Figures: pure functions from what a run found to Vega-Lite specifications with their numbers inside.
//!
//! A figure is one view of the width of its place; where it has parts above each other (a prediction over a heat map, a histogram
//! under a curve) they are layers whose scales end at different heights, so that they share their x axis at any width.

mod bar;
mod bars;
mod categories;
mod cohorts;
mod colour;
mod dependence;
mod effect;
mod force;
mod heatmap;
mod ice;
mod importance;
mod output;
mod pairs;
mod partner;
mod predictions;
mod rank;
pub(super) mod spec;
mod stability;
mod surface;
mod swarm;
#[cfg(test)]
mod tests;
pub(super) mod text;
mod together;
mod waterfall;

pub(super) use bar::bar;
pub(super) use bars::{Bar, bars};
pub(super) use cohorts::cohorts;
pub(super) use dependence::dependence;
pub(super) use effect::effect;
pub(super) use force::force;
pub(super) use heatmap::heatmap;
pub(super) use ice::{centred, derivative};
pub(super) use importance::importance;
pub(super) use output::Output;
pub(super) use pairs::{h_matrix, strengths};
pub(super) use predictions::predictions;
pub(super) use stability::stability;
pub(super) use surface::surface;
pub(super) use swarm::swarm;
pub(super) use together::{together, together_matrix};
pub(super) use waterfall::waterfall;
