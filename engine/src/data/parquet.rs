//! Parquet, read by row group; the number of rows is in the footer.

use super::table::{self, Batches};
use crate::{Error, Result};
use arrow::datatypes::SchemaRef;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::Path;

pub fn schema(path: &Path) -> Result<SchemaRef> {
    let file = open(path)?;
    match file.metadata().file_metadata().num_rows() {
        0 => Err(table::no_rows(path, "a Parquet file of no rows")),
        _ => Ok(file.schema().clone()),
    }
}

pub fn count(path: &Path) -> Result<usize> {
    Ok(open(path)?.metadata().file_metadata().num_rows() as usize)
}

pub fn batches(path: &Path, batch_rows: usize) -> Result<Batches> {
    let reader = open(path)?.with_batch_size(batch_rows).build().map_err(|e| misread(path, &e.to_string()))?;
    let path = path.to_path_buf();
    Ok(Box::new(reader.map(move |batch| batch.map_err(|e| misread(&path, &e.to_string())))))
}

pub fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| misread(path, &e.to_string()))
}

fn misread(path: &Path, message: &str) -> Error {
    Error::input(format!("{}: not a complete Parquet file ({message})", path.display()))
        .hint("copy or write the file again; if it is CSV or JSON Lines, give it that extension")
}
