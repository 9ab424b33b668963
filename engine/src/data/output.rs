//! Attributions to a file: opened before any work, written batch by batch, complete or absent.

use super::layout::{Layout, Value};
use super::pending::{Pending, Sink};
use crate::explain::Explanation;
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

/// File formats of attributions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// zstd; provenance in the key-value metadata, as `pellucid.*`.
    Parquet,
    /// Numbers in the shortest form that reads back to the same value.
    Csv,
    /// One object a row; NaN is null.
    JsonLines,
    /// The columns of SageMaker Clarify's `explanations_shap/out.csv`: `<player>_<output>`, then the ids.
    Clarify,
}

impl OutputFormat {
    /// By extension: parquet or pq, csv, jsonl or ndjson.
    pub fn from_path(path: &Path) -> Result<OutputFormat> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        match extension.as_str() {
            "parquet" | "pq" => Ok(OutputFormat::Parquet),
            "csv" => Ok(OutputFormat::Csv),
            "jsonl" | "ndjson" => Ok(OutputFormat::JsonLines),
            _ => Err(Error::input(format!("{}: the format of the output is told by its extension", path.display()))
                .hint("end it in .parquet, .csv or .jsonl, or name the format with `--format`")),
        }
    }
}

/// Writes attributions. Dropped before [`AttributionWriter::finish`], it leaves nothing behind.
pub struct AttributionWriter {
    layout: Layout,
    values: Vec<Value>,
    clarify: bool,
    schema: SchemaRef,
    encoder: Encoder,
    pending: Pending,
}

enum Encoder {
    Parquet(Box<ArrowWriter<Sink>>),
    Text { sink: Sink, json: bool, header_due: bool },
}

impl AttributionWriter {
    /// # Errors
    /// An existing file without `force`, a folder that is missing or cannot be written to, two columns of one name.
    pub fn create(
        path: impl AsRef<Path>,
        format: OutputFormat,
        layout: Layout,
        force: bool,
    ) -> Result<AttributionWriter> {
        let pending = Pending::create(path.as_ref(), force)?;
        let sink = pending.sink()?;
        Self::on(pending, sink, format, layout)
    }

    fn on(pending: Pending, sink: Sink, format: OutputFormat, layout: Layout) -> Result<AttributionWriter> {
        let clarify = format == OutputFormat::Clarify;
        let values = if clarify { layout.clarify_values() } else { layout.values() };
        let schema = layout.schema(&values, clarify)?;
        let encoder = match format {
            OutputFormat::Parquet => {
                let writer = ArrowWriter::try_new(sink, schema.clone(), Some(properties(&schema)));
                Encoder::Parquet(Box::new(writer.map_err(|e| unwritten(pending.path(), e))?))
            }
            OutputFormat::JsonLines => Encoder::Text { sink, json: true, header_due: false },
            OutputFormat::Csv | OutputFormat::Clarify => Encoder::Text { sink, json: false, header_due: true },
        };
        Ok(AttributionWriter { layout, values, clarify, schema, encoder, pending })
    }

    /// Columns of the file, in their order.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Adds rows. `ids` holds the layout's id columns for the same rows; none if the layout has none.
    pub fn write(&mut self, explanation: &Explanation, ids: Option<&RecordBatch>) -> Result<()> {
        let batch = self.layout.batch(&self.schema, &self.values, self.clarify, explanation, ids)?;
        let path = self.pending.path();
        match &mut self.encoder {
            Encoder::Parquet(writer) => writer.write(&batch).map_err(|e| unwritten(path, e)),
            Encoder::Text { sink, json, header_due } => {
                let bytes = if *json { as_json(&batch) } else { as_csv(&batch, std::mem::take(header_due)) };
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use ndarray::{Array1, Array2, Array3};
    use std::fs::{File, OpenOptions};

    /// `/dev/full` refuses every write as a full disk does.
    #[test]
    fn a_full_disk_is_told_and_leaves_nothing() {
        for format in [OutputFormat::Parquet, OutputFormat::Csv, OutputFormat::JsonLines, OutputFormat::Clarify] {
            let folder = std::env::temp_dir().join(format!("pellucid-full-{}-{format:?}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            let path = folder.join("out");
            let error = write_to(OpenOptions::new().write(true).open("/dev/full").unwrap(), &path, format).unwrap_err();
            let left = std::fs::read_dir(&folder).unwrap().count();
            std::fs::remove_dir_all(&folder).unwrap();
            assert_eq!(
                error.to_string(),
                format!("cannot write {}: No space left on device (os error 28)", path.display())
            );
            assert!(
                matches!(&error, Error::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull),
                "{error:?}"
            );
            assert_eq!(left, 0, "{format:?} left a file behind");
        }
    }

    fn write_to(full: File, path: &Path, format: OutputFormat) -> Result<()> {
        let layout =
            Layout { ids: Default::default(), outputs: vec!["y".into()], players: vec!["a".into()], stderr: false };
        let explanation = Explanation {
            values: Array3::zeros((3, 1, 1)),
            stderr: Array3::zeros((3, 1, 1)),
            base_values: Array1::zeros(1),
            predictions: Array2::zeros((3, 1)),
            spent: vec![1],
            link: crate::kernels::Link::Identity,
        };
        let mut writer = AttributionWriter::on(Pending::create(path, false)?, Box::new(full), format, layout)?;
        writer.write(&explanation, None)?;
        writer.finish(&[])
    }
}
