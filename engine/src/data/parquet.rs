//! Parquet, read by row group; the number of rows is in the footer.

use super::table::{self, Batches};
use crate::{Error, Result};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Encoding;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

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

/// `only`: the columns that are read, texts as dictionaries if the file has them so throughout.
pub fn batches(path: &Path, batch_rows: usize, only: Option<&[String]>) -> Result<Batches> {
    let wrong = |e: parquet::errors::ParquetError| misread(path, &e.to_string());
    let mut reader = open(path)?;
    if let Some(only) = only {
        let options = ArrowReaderOptions::new().with_schema(coded(&reader));
        let metadata = ArrowReaderMetadata::try_new(reader.metadata().clone(), options).map_err(wrong)?;
        let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
        reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        let places = reader.schema().fields().iter().enumerate().filter(|(_, field)| only.contains(field.name()));
        let mask = ProjectionMask::roots(reader.parquet_schema(), places.map(|(place, _)| place).collect::<Vec<_>>());
        reader = reader.with_projection(mask);
    }
    let reader = reader.with_batch_size(batch_rows).build().map_err(wrong)?;
    let path = path.to_path_buf();
    Ok(Box::new(reader.map(move |batch| batch.map_err(|e| misread(&path, &e.to_string())))))
}

/// The schema with texts as dictionaries where all pages of the column are.
fn coded(reader: &ParquetRecordBatchReaderBuilder<File>) -> SchemaRef {
    let groups = reader.metadata().row_groups();
    let is_coded = |name: &str| {
        groups.iter().all(|group| {
            let chunk =
                group.columns().iter().find(|chunk| matches!(chunk.column_path().parts(), [part] if part == name));
            chunk
                .and_then(|chunk| chunk.page_encoding_stats_mask())
                .is_some_and(|mask| mask.is_only(Encoding::PLAIN_DICTIONARY) || mask.is_only(Encoding::RLE_DICTIONARY))
        })
    };
    let field = |field: &Arc<Field>| match field.data_type() {
        DataType::Utf8 if is_coded(field.name()) => {
            let kind = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            Arc::new(field.as_ref().clone().with_data_type(kind))
        }
        _ => field.clone(),
    };
    let fields: Vec<_> = reader.schema().fields().iter().map(field).collect();
    Arc::new(Schema::new_with_metadata(fields, reader.schema().metadata().clone()))
}

pub fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| misread(path, &e.to_string()))
}

fn misread(path: &Path, message: &str) -> Error {
    Error::input(format!("{}: not a complete Parquet file ({message})", path.display()))
        .hint("copy or write the file again; if it is CSV or JSON Lines, give it that extension")
}
