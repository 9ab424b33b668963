//! Cells as a reader of the table sees them.

use arrow::array::{Array, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// One cell; whole numbers without a decimal point, nothing for a missing value.
pub fn text(column: &dyn Array, row: usize) -> String {
    let shown = ArrayFormatter::try_new(column, &FormatOptions::default()).map(|f| f.value(row).to_string());
    let shown = shown.unwrap_or_default();
    let whole = column.data_type().is_floating().then(|| shown.strip_suffix(".0").map(str::to_string)).flatten();
    whole.unwrap_or(shown)
}

/// What tells a row from others: its id columns' cells, `name=value` if there are several.
pub fn row_id(ids: &RecordBatch, row: usize) -> String {
    match ids.columns() {
        [column] => text(column, row),
        columns => {
            let named = |(field, column): (&std::sync::Arc<arrow::datatypes::Field>, &arrow::array::ArrayRef)| {
                format!("{}={}", field.name(), text(column, row))
            };
            ids.schema_ref().fields().iter().zip(columns).map(named).collect::<Vec<_>>().join(", ")
        }
    }
}
