//! Attributions to a file: opened before any work, written batch by batch, complete or absent.

use super::batch_writer::{BatchWriter, FileKind};
use super::layout::{Layout, Value};
use super::pending::{Pending, Sink};
use crate::explain::Explanation;
use crate::{Error, Result};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use std::path::Path;

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
        match FileKind::from_path(path) {
            Some(FileKind::Parquet) => Ok(OutputFormat::Parquet),
            Some(FileKind::Csv) => Ok(OutputFormat::Csv),
            Some(FileKind::JsonLines) => Ok(OutputFormat::JsonLines),
            None => Err(Error::input(format!("{}: the format of the output is told by its extension", path.display()))
                .hint("end it in .parquet, .csv or .jsonl, or name the format with `--format`")),
        }
    }

    fn kind(self) -> FileKind {
        match self {
            OutputFormat::Parquet => FileKind::Parquet,
            OutputFormat::JsonLines => FileKind::JsonLines,
            OutputFormat::Csv | OutputFormat::Clarify => FileKind::Csv,
        }
    }
}

/// Writes attributions. Dropped before [`AttributionWriter::finish`], it leaves nothing behind.
pub struct AttributionWriter {
    layout: Layout,
    values: Vec<Value>,
    clarify: bool,
    writer: BatchWriter,
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
        let writer = BatchWriter::on(pending, sink, format.kind(), schema)?;
        Ok(AttributionWriter { layout, values, clarify, writer })
    }

    /// Columns of the file, in their order.
    pub fn schema(&self) -> &SchemaRef {
        self.writer.schema()
    }

    /// Adds rows. `ids` holds the layout's id columns for the same rows; none if the layout has none.
    pub fn write(&mut self, explanation: &Explanation, ids: Option<&RecordBatch>) -> Result<()> {
        let schema = self.writer.schema().clone();
        let batch = self.layout.batch(&schema, &self.values, self.clarify, explanation, ids)?;
        self.writer.write(&batch)
    }

    /// Completes the file and gives it its name; see [`BatchWriter::finish`].
    pub fn finish(self, provenance: &[(String, String)]) -> Result<()> {
        self.writer.finish(provenance)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use ndarray::{Array1, Array2, Array3};
    use std::fs::{File, OpenOptions};
    use std::io;

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
        let layout = Layout {
            ids: Default::default(),
            outputs: vec!["y".into()],
            players: vec!["a".into()],
            stderr: false,
            interactions: false,
        };
        let explanation = Explanation {
            values: Array3::zeros((3, 1, 1)),
            stderr: Array3::zeros((3, 1, 1)),
            base_values: Array1::zeros(1),
            predictions: Array2::zeros((3, 1)),
            spent: vec![1],
            link: crate::kernels::Link::Identity,
            interactions: None,
        };
        let mut writer = AttributionWriter::on(Pending::create(path, false)?, Box::new(full), format, layout)?;
        writer.write(&explanation, None)?;
        writer.finish(&[])
    }
}
