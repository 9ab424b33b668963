//! Tables in and out.
//!
//! | step | type | memory |
//! | --- | --- | --- |
//! | read CSV, JSON Lines, Parquet | [`Table`] → Arrow batches | one batch |
//! | declare categories and groups | [`Schema`] | – |
//! | table columns → model features | [`Encoder`] → `[rows, features]` f32 | one batch |
//! | choose the background | [`Background`] | its rows; all rows for `All` and `KMeans` |
//! | write attributions | [`AttributionWriter`] | one row group |
//! | read them back | [`AttributionReader`] | one batch |
//!
//! Rows are counted from 1 in messages, without the header line.

mod attributions;
mod background;
mod batch_writer;
mod cells;
mod csv;
mod encoder;
mod jsonl;
mod kmeans;
mod layout;
mod matching;
mod names;
mod output;
mod parquet;
mod partition;
mod pending;
mod reservoir;
mod schema;
mod table;
mod text;

pub use attributions::{AttributionReader, Explained};
pub use background::{Background, BackgroundChoice};
pub use batch_writer::{BatchWriter, FileKind};
pub(crate) use cells::typed as typed_cells;
pub use encoder::{Encoder, Group, require_finite};
pub use layout::Layout;
pub use matching::Roles;
pub use names::did_you_mean;
pub(crate) use names::list as list_of;
pub(crate) use names::{list, require_unique};
pub use output::{AttributionWriter, OutputFormat};
pub use partition::Partition;
pub use pending::{Pending, Sink, remove_unfinished};
pub(crate) use reservoir::{Reservoir, put};
pub use schema::{Column, Encoding, Schema};
pub use table::{Batches, Format, ReadOptions, Table, of_file};
pub use text::row_id;
