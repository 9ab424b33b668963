//! One pass over a table, and the metrics of what it counted.

use super::{BiasReport, BiasRequest};
use crate::data::Table;
use crate::{Error, Result};

/// Measures a table.
///
/// # Errors
/// A column that is not in the table, a facet or label without what its kind needs, and whatever the table refuses. A metric that
/// cannot be computed is not an error: it is null with its reason.
pub fn measure(table: &Table, request: &BiasRequest) -> Result<BiasReport> {
    let facets = request.facets.iter().map(|f| f.column.clone());
    table.positions(&facets.chain([request.label.column.clone()]).collect::<Vec<_>>())?;
    Err(Error::input("counting is not part of this version"))
}
