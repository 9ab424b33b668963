//! Explaining models of images.
//!
//! An image whose segments are n players is a row of n features for the machine that explains tables: a present segment is 1, an
//! absent one 0, and the background is the one row of zeros. `ImageModel` is the [`Model`](crate::model::Model) that turns each such row into
//! an image, segment by segment from the picture or from what stands in for it, and runs a network on it, so designs, standard errors and
//! `tolerance` are those of tables.

mod absence;
mod explain;
mod heatmap;
mod hierarchy;
mod model;
mod npy;
mod onnx;
mod picture;
mod preprocess;
mod segments;

pub use absence::Absence;
pub use explain::{ImageExplanation, ImageShap, SegmentValue};
pub use heatmap::overlay;
pub use npy::ArrayOptions;
pub use onnx::{OnnxNetwork, onnx_network};
pub use picture::Picture;
pub use preprocess::{Channels, Fit, Layout, Preprocess};
pub use segments::{Segmenter, Segments};
