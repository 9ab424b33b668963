//! Where a changed table goes: never over its input, in the types it came in.

use super::groups::BATCH_ROWS;
use crate::data::{BatchWriter, FileKind, Pending, Table, typed_cells};
use crate::{Error, Result};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use std::path::Path;
use std::sync::Arc;

/// A file to be, opened before any work.
pub struct Destination {
    pending: Pending,
    kind: FileKind,
}

impl Destination {
    /// `inputs`: files that must not be overwritten, whatever `force` says.
    ///
    /// # Errors
    /// An ending that tells no format, a path that is one of the inputs (by another name too: a link, `./`), one that exists (unless
    /// `force`), is a folder, or cannot be written to.
    pub fn create(path: &Path, inputs: &[&Path], force: bool) -> Result<Destination> {
        let kind = FileKind::from_path(path).ok_or_else(|| {
            Error::input(format!("{}: the format of the output is told by its extension", path.display()))
                .hint("end it in .csv, .jsonl or .parquet")
        })?;
        Destination::refuse_inputs(path, inputs)?;
        Ok(Destination { pending: Pending::create(path, force)?, kind })
    }

    /// # Errors
    /// A path that is one of the inputs, by whatever name.
    pub fn refuse_inputs(path: &Path, inputs: &[&Path]) -> Result<()> {
        match inputs.iter().find(|input| is_same_file(path, input)) {
            None => Ok(()),
            Some(input) => Err(Error::input(format!(
                "{} is the input {}, which is never overwritten",
                path.display(),
                input.display()
            ))
            .hint("give the output a name of its own")),
        }
    }

    pub fn path(&self) -> &Path {
        self.pending.path()
    }

    /// Writes all rows and completes the file; gives their number. Cells of a CSV file go to CSV to the letter. To other formats, a column that
    /// reads as numbers, or as true and false, gets that type; numbers that are all whole become integers.
    ///
    /// # Errors
    /// Whatever the table or the disk refuses; nothing is left behind then.
    pub fn write(self, table: &Table, provenance: &[(String, String)]) -> Result<u64> {
        let text = table.as_text();
        let schema = match self.kind {
            FileKind::Csv => text.schema().clone(),
            FileKind::JsonLines | FileKind::Parquet => typed(table, &text)?,
        };
        let mut writer = BatchWriter::onto(self.pending, self.kind, schema.clone())?;
        let mut rows = 0;
        for batch in text.batches(BATCH_ROWS)? {
            let batch = batch?;
            let columns = batch.columns().iter().zip(schema.fields());
            let cells = columns.map(|(cells, field)| as_field(cells, field, rows + 1)).collect::<Result<Vec<_>>>();
            let cells = cells.map_err(|e| table.blame(e))?;
            rows += batch.num_rows();
            let batch = RecordBatch::try_new(schema.clone(), cells).map_err(|e| Error::input(e.to_string()))?;
            writer.write(&batch)?;
        }
        writer.finish(provenance)?;
        Ok(rows as u64)
    }
}

/// Cells read to the letter, as the field has them.
fn as_field(cells: &ArrayRef, field: &Field, first_row: usize) -> Result<ArrayRef> {
    if cells.data_type() == field.data_type() || *cells.data_type() != DataType::Utf8 {
        return Ok(cells.clone());
    }
    let texts: &StringArray = cells.as_string();
    match field.data_type() {
        DataType::Int64 => Ok(Arc::new(texts.iter().map(|text| text.and_then(whole)).collect::<Int64Array>())),
        kind => typed_cells(texts, kind, field.name(), first_row),
    }
}

fn whole(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

/// The types of a table whose file has none: as guessed, and whole numbers as integers, which takes a pass.
fn typed(table: &Table, text: &Table) -> Result<SchemaRef> {
    let is_text = |place: usize| *text.schema().field(place).data_type() == DataType::Utf8;
    let number = |place: usize| *table.schema().field(place).data_type() == DataType::Float64 && is_text(place);
    let mut open: Vec<usize> = (0..table.schema().fields().len()).filter(|&place| number(place)).collect();
    if open.is_empty() {
        return Ok(table.schema().clone());
    }
    for batch in text.batches(BATCH_ROWS)? {
        let batch = batch?;
        open.retain(|&place| {
            let cells: &StringArray = batch.column(place).as_string();
            let missing = |cell: &str| typed_cells(&StringArray::from(vec![cell]), &DataType::Float64, "", 1);
            cells.iter().flatten().all(|cell| whole(cell).is_some() || missing(cell).is_ok_and(|c| c.is_null(0)))
        });
    }
    let kind = |(place, field): (usize, &Arc<Field>)| match open.contains(&place) {
        true => Arc::new(Field::new(field.name(), DataType::Int64, true)),
        false => field.clone(),
    };
    Ok(Arc::new(Schema::new(table.schema().fields().iter().enumerate().map(kind).collect::<Vec<_>>())))
}

/// Whether two paths lead to one file.
fn is_same_file(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(a).zip(real(b)).is_some_and(|(a, b)| a == b) || is_same_inode(a, b)
}

/// Hard links are two names of one file.
#[cfg(unix)]
fn is_same_inode(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |path: &Path| path.metadata().ok().map(|found| (found.dev(), found.ino()));
    id(a).zip(id(b)).is_some_and(|(a, b)| a == b)
}

#[cfg(not(unix))]
fn is_same_inode(_: &Path, _: &Path) -> bool {
    false
}
