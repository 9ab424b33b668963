//! Arrow batches to a file: opened before any work, written batch by batch, complete or absent.

use super::pending::{Pending, Sink};
use crate::{Error, Result};
use arrow::array::RecordBatch;
use arrow::csv::WriterBuilder as CsvBuilder;
use arrow::datatypes::SchemaRef;
use arrow::json::WriterBuilder as JsonBuilder;
use arrow::json::writer::LineDelimited;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use std::io::{self, Write};
use std::path::Path;

/// A row group of a Parquet file is written out when it holds about this many cells (4 MB of f32), or a thousand rows if those are more.
const ROW_GROUP_CELLS: usize = 1 << 20;
const ROW_GROUP_ROWS: usize = 1000;

/// How a file holds a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// zstd; provenance in the key-value metadata, as `pellucid.*`.
    Parquet,
    /// Numbers in the shortest form that reads back to the same value.
    Csv,
    /// One object a row; NaN is null.
    JsonLines,
}

impl FileKind {
    /// By extension: parquet or pq, csv, jsonl or ndjson.
    pub fn from_path(path: &Path) -> Option<FileKind> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        match extension.as_str() {
            "parquet" | "pq" => Some(FileKind::Parquet),
            "csv" => Some(FileKind::Csv),
            "jsonl" | "ndjson" => Some(FileKind::JsonLines),
            _ => None,
        }
    }
}

/// Writes batches of one schema. Dropped before [`BatchWriter::finish`], it leaves nothing behind.
pub struct BatchWriter {
    schema: SchemaRef,
    encoder: Encoder,
    pending: Pending,
}

enum Encoder {
    Parquet(Box<ArrowWriter<Sink>>),
    Text { sink: Sink, json: bool, header_due: bool },
}

impl BatchWriter {
    /// # Errors
    /// An existing file without `force`, a folder that is missing or cannot be written to.
    pub fn create(path: &Path, kind: FileKind, schema: SchemaRef, force: bool) -> Result<BatchWriter> {
        Self::onto(Pending::create(path, force)?, kind, schema)
    }

    /// Writes into a file that was opened before its columns were known.
    pub fn onto(pending: Pending, kind: FileKind, schema: SchemaRef) -> Result<BatchWriter> {
        let sink = pending.sink()?;
        Self::on(pending, sink, kind, schema)
    }

    pub(super) fn on(pending: Pending, sink: Sink, kind: FileKind, schema: SchemaRef) -> Result<BatchWriter> {
        let encoder = match kind {
            FileKind::Parquet => {
                let writer = ArrowWriter::try_new(sink, schema.clone(), Some(properties(&schema)));
                Encoder::Parquet(Box::new(writer.map_err(|e| unwritten(pending.path(), e))?))
            }
            FileKind::JsonLines => Encoder::Text { sink, json: true, header_due: false },
            FileKind::Csv => Encoder::Text { sink, json: false, header_due: true },
        };
        Ok(BatchWriter { schema, encoder, pending })
    }

    /// Columns of the file, in their order.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let path = self.pending.path();
        match &mut self.encoder {
            Encoder::Parquet(writer) => writer.write(batch).map_err(|e| unwritten(path, e)),
            Encoder::Text { sink, json, header_due } => {
                let bytes = if *json { as_json(batch) } else { as_csv(batch, std::mem::take(header_due)) };
                let bytes = bytes.map_err(|e| unwritten(path, ParquetError::from(e)))?;
                sink.write_all(&bytes).map_err(|e| Error::io("write", path, e))
            }
        }
    }

    /// Completes the file and gives it its name. `provenance` goes into a Parquet file's metadata under `pellucid.KEY`; the text
    /// formats have no place for it.
    pub fn finish(mut self, provenance: &[(String, String)]) -> Result<()> {
        match &mut self.encoder {
            Encoder::Parquet(writer) => {
                for (key, value) in provenance {
                    writer.append_key_value_metadata(KeyValue::new(format!("pellucid.{key}"), value.clone()));
                }
                writer.finish().map_err(|e| unwritten(self.pending.path(), e))?;
            }
            Encoder::Text { sink, json, header_due } => {
                if !*json && *header_due {
                    let header = as_csv(&RecordBatch::new_empty(self.schema.clone()), true);
                    let header = header.map_err(|e| unwritten(self.pending.path(), ParquetError::from(e)))?;
                    sink.write_all(&header).map_err(|e| Error::io("write", self.pending.path(), e))?;
                }
                sink.flush().map_err(|e| Error::io("write", self.pending.path(), e))?;
            }
        }
        self.pending.commit()
    }
}

fn as_csv(batch: &RecordBatch, header: bool) -> Result<Vec<u8>, arrow::error::ArrowError> {
    let mut writer = CsvBuilder::new().with_header(header).build(Vec::new());
    writer.write(batch)?;
    Ok(writer.into_inner())
}

fn as_json(batch: &RecordBatch) -> Result<Vec<u8>, arrow::error::ArrowError> {
    let mut writer = JsonBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
    writer.write(batch)?;
    writer.finish()?;
    Ok(writer.into_inner())
}

/// Attributions hardly repeat, so a dictionary of them would only cost memory; base values are one value.
fn properties(schema: &SchemaRef) -> WriterProperties {
    let columns = schema.fields().len().max(1);
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some((ROW_GROUP_CELLS / columns).max(ROW_GROUP_ROWS)));
    for field in schema.fields().iter().filter(|f| !f.data_type().is_floating() || f.name().starts_with("base_value")) {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(field.name().clone()), true);
    }
    properties.build()
}

/// The system's error if there is one inside, with its kind (disk full, say).
fn unwritten(path: &Path, error: ParquetError) -> Error {
    let source = match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(system) => *system,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other.to_string()),
    };
    Error::io("write", path, source)
}
