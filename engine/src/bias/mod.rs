//! Bias metrics: does a label, or a model's prediction, treat a group differently?
//!
//! Terms: a *facet* is a column that splits rows into **d**, the group one asks about (rows that match the facet's values or exceed
//! its threshold), and **a**, all others. Label and prediction become positive or negative in the same way. One pass over the table
//! counts facet × stratum × label × prediction; every metric but the flip test is a function of these counts.
//!
//! [`Mode::Clarify`] follows smclarify 0.5 to the last digit, edge rules included; [`Mode::Correct`], the default, follows the
//! definitions (docs/theory.md, "Bias metrics"). Where they differ, a metric carries both values.
//!
//! Beside the metrics, where asked for and in the same pass ([`Details`]): calibration within groups, the threshold curve, errors of
//! predicted numbers, classes one by one, several thresholds of the label.

mod assemble;
mod bootstrap;
mod calibration;
mod check;
mod choices;
mod classes;
mod coding;

pub(crate) mod cell;
pub(crate) mod cells;
pub(crate) mod column;
mod count;
mod curve;
mod deep;
mod flip;
mod interval;
mod joint;
mod ladder;

pub(crate) mod formula;
mod measure;
mod metric;
mod nearest;
mod neighbours;
mod performance;
mod regression;
mod report;
mod scored;
mod screen;
mod segment;
mod sheet;
mod thresholds;

pub(crate) mod request;
pub(crate) mod resolve;
pub(crate) mod signature;
mod view;

pub use calibration::{Calibration, Reliability, ReliabilityBin};
pub use classes::{Choice, Classes, Distance, Distribution};
pub use curve::{Curve, MetricCurve, Rates};
pub use deep::{Asked, Details};
pub use interval::Analytic;
pub use measure::{measure, measure_on};
pub use metric::{Direction, Metric, Stage};
pub use regression::{Gap, Regression};
pub use report::{
    BasicStats, BiasReport, ClassCounts, FacetBias, GroupCounts, MetricValue, NamedValue, Other, Performance, Verdict,
};
pub(crate) use report::{number, pair};
pub use request::{BiasRequest, Bins, Bootstrap, Kind, Mode, Predicted, Selection, Value};
pub use segment::{DEFAULT_SEGMENT, Segment, SegmentValue, split};
