//! Figures: pure functions from what a run found to Vega-Lite specifications with their numbers inside.
//!
//! A figure is one view of the width of its place; where it has parts above each other (a prediction over a heat map, a histogram
//! under a curve) they are layers whose scales end at different heights, so that they share their x axis at any width.

mod bar;
mod force;
mod output;
mod rank;
mod spec;
mod swarm;
pub(super) mod text;
mod waterfall;

pub(super) use bar::bar;
pub(super) use force::force;
pub(super) use output::Output;
pub(super) use swarm::swarm;
pub(super) use waterfall::waterfall;
