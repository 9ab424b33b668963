//! Explaining models of text.
//!
//! A text with n players (tokens, words, sentences) is a row of n features for the machine that explains tables: a present player is 1,
//! an absent one 0, and the background is the one row of zeros. [`TextModel`] is the [`Model`](crate::model::Model) that turns each
//! such row into tokens on the host and runs an [`Encoder`] on them, so designs, standard errors and `tolerance` are those of tables.

mod encoder;

pub use encoder::{Encoder, TokenBatch};
