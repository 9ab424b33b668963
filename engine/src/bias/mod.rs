//! Bias metrics: does a label, or a model's prediction, treat a group differently?
//!
//! Terms: a *facet* is a column that splits rows into **d**, the group one asks about (rows that match the facet's values or exceed
//! its threshold), and **a**, all others. Label and prediction become positive or negative in the same way. One pass over the table
//! counts facet × stratum × label × prediction; every metric but the flip test is a function of these counts.
//!
//! [`Mode::Clarify`] follows smclarify 0.5 to the last digit, edge rules included; [`Mode::Correct`], the default, follows the
//! definitions (docs/theory.md, "Bias metrics"). Where they differ, a metric carries both values.

mod assemble;
mod bootstrap;
mod cell;
mod cells;
mod column;
mod count;
mod flip;
mod formula;
mod measure;
mod metric;
mod performance;
mod report;
mod request;
mod resolve;
mod signature;
mod view;

pub use measure::measure;
pub use metric::{Direction, Metric, Stage};
pub use report::{
    BasicStats, BiasReport, ClassCounts, FacetBias, GroupCounts, MetricValue, NamedValue, Other, Performance, Verdict,
};
pub use request::{BiasRequest, Bootstrap, Kind, Mode, Predicted, Selection, Value};
