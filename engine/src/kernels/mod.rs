//! The device operations of the engine, as functions of tensors.
//!
//! Where a kernel runs follows from the device of its tensors: WGSL on a GPU, the rayon twin on the CPU (both from
//! `pellucid-shaders`). Each checks shapes before it starts; none reads anything back. [`read`] is the one road from a
//! device to the host, and [`read_count`] counts its use. [`attention`], [`norm`] and [`gelu`] are kernels on the CPU alone.
//!
//! T explained rows, F features, P coalition pairs, L run length (background rows averaged for a coalition), B background
//! rows, K model outputs, n players, W = ⌈n / 32⌉ words of a bit set, S sides of a pair, q rows of a projection, g groups of pairs.

mod affine;
mod attention;
mod cholesky;
mod conv;
mod gram;
mod launch;
mod link;
mod mask;
mod moments;
mod norm;
mod pairs;
mod project;
mod read;
mod sweep;
mod upload;
mod value;

pub use affine::{Activation, AffineLayer, Tile, affine, affine_chain, affine_tiled};
pub use attention::{Scores, attention};
pub use cholesky::solve;
pub use conv::{After, PoolKind, PoolShape, Shape as ConvShape, Weights as ConvWeights, conv, conv_weights, pool};
pub use gram::gram;
pub use link::Link;
pub use mask::mask;
pub use moments::moments;
pub use norm::{gelu, norm};
pub use pairs::Pairs;
pub use project::project;
pub use read::{read, read_count};
pub use sweep::{Sweep, sweep};
pub(crate) use upload::list;
pub use upload::{matrix, vector};
pub use value::{Averaging, value};
