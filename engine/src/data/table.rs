//! A table on disk, read as Arrow batches as often as needed; memory holds one batch.

use super::{csv, jsonl, names, parquet};
use crate::{Error, Result};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// File formats of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// With a header line; quoted by `"`; the delimiter is given apart.
    Csv {
        delimiter: u8,
    },
    /// One JSON object of numbers, booleans, strings and nulls a line.
    JsonLines,
    Parquet,
}

impl Format {
    /// By extension: csv, tsv (tab), jsonl or ndjson, parquet or pq.
    pub fn from_path(path: &Path) -> Result<Format> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        match extension.as_str() {
            "csv" => Ok(Format::Csv { delimiter: b',' }),
            "tsv" | "tab" => Ok(Format::Csv { delimiter: b'\t' }),
            "jsonl" | "ndjson" => Ok(Format::JsonLines),
            "parquet" | "pq" => Ok(Format::Parquet),
            _ => Err(Error::input(format!("{}: the format of a table is told by its extension", path.display()))
                .hint("rename it to end in .csv, .tsv, .jsonl or .parquet, or name the format")),
        }
    }
}

/// How to read a table. The default takes the format from the extension.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    pub format: Option<Format>,
    /// Column types of CSV and JSON Lines are inferred from this many rows, at least 1; a later cell that does not fit is an error.
    pub infer_rows: usize,
    /// Columns of CSV and JSON Lines taken as text whatever they look like: ids (kept to the letter) and categories.
    pub text: Vec<String>,
    /// Column names of a CSV file without a header line; empty: its first line has them.
    pub names: Vec<String>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions { format: None, infer_rows: 1000, text: Vec::new(), names: Vec::new() }
    }
}

/// Batches of one pass over a table, in its order.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// A table with at least one row and column names that occur once.
#[derive(Clone)]
pub struct Table {
    path: PathBuf,
    format: Format,
    /// Of CSV: whether the first line names the columns.
    header: bool,
    /// Of the file.
    stored: SchemaRef,
    /// Of the batches that are given out.
    schema: SchemaRef,
    change: Option<Change>,
    /// The columns that the change needs; all if there is none here.
    needed: Option<Vec<String>>,
    /// The columns that are read; all if there is none here.
    narrow: Option<Vec<String>>,
    /// Rows at most, from the first on.
    limit: Option<usize>,
}

/// What each batch goes through, with the number of its first row, from 1.
type Change = Arc<dyn Fn(RecordBatch, usize) -> Result<RecordBatch> + Send + Sync>;

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Table { path, format, schema, .. } = self;
        f.debug_struct("Table").field("path", path).field("format", format).field("schema", schema).finish()
    }
}

impl Table {
    /// Reads the header and, for CSV and JSON Lines, the first rows. Columns of CSV and JSON Lines are Float64, Boolean or Utf8.
    ///
    /// # Errors
    /// A file that is missing, cut short, empty, without rows, without a known format, or with two columns of one name.
    pub fn open(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Table> {
        let path = path.as_ref().to_path_buf();
        let format = options.format.map_or_else(|| Format::from_path(&path), Ok)?;
        let schema = match format {
            Format::Csv { delimiter } => csv::schema(&path, delimiter, options)?,
            Format::JsonLines => jsonl::schema(&path, options)?,
            Format::Parquet => parquet::schema(&path)?,
        };
        names::require_unique(
            schema.fields().iter().map(|f| f.name().as_str()),
            &format!("columns of {}", path.display()),
        )?;
        let header = options.names.is_empty();
        Ok(Table {
            path,
            format,
            header,
            stored: schema.clone(),
            schema,
            change: None,
            needed: Some(Vec::new()),
            narrow: None,
            limit: None,
        })
    }

    /// The same table, whose batches go through `change` as they are read: it may add columns, leave out rows ([`Table::n_rows`] counts
    /// them all the same), or end a pass with an error. It gets each batch with the number of its first row in the file, from 1, and
    /// gives one of `schema`.
    pub fn through(
        self,
        schema: SchemaRef,
        change: impl Fn(RecordBatch, usize) -> Result<RecordBatch> + Send + Sync + 'static,
    ) -> Table {
        let before = self.change.clone();
        let change = move |batch: RecordBatch, first_row: usize| {
            let batch = before.as_ref().map_or(Ok(batch.clone()), |before| before(batch, first_row))?;
            change(batch, first_row)
        };
        Table { schema, change: Some(Arc::new(change)), needed: None, ..self }
    }

    /// [`Table::through`] for a change that looks at no other columns than these and passes all on as they are, so that columns nobody
    /// needs are not read.
    pub fn through_columns(
        self,
        columns: &[String],
        change: impl Fn(RecordBatch) -> Result<RecordBatch> + Send + Sync + 'static,
    ) -> Table {
        let needed = self.needed.as_ref().map(|needed| needed.iter().chain(columns).cloned().collect());
        let schema = self.schema.clone();
        Table { needed, ..self.through(schema, move |batch, _| change(batch)) }
    }

    /// The same table for somebody who needs these columns only. Of a Parquet file no others are read, unless a change needs them all;
    /// its texts come as dictionaries where the file has them so, whatever the schema says.
    pub(crate) fn narrowed(&self, columns: &[String]) -> Table {
        let narrow = self.needed.as_ref().map(|needed| needed.iter().chain(columns).cloned().collect());
        Table { narrow, ..self.clone() }
    }

    /// The same table as if it ended after `n` rows, at least 1.
    pub fn first(&self, n: usize) -> Table {
        Table { limit: Some(self.limit.map_or(n, |limit| limit.min(n)).max(1)), ..self.clone() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The number of rows: at once for Parquet, by a pass over the bytes for CSV and JSON Lines.
    pub fn n_rows(&self) -> Result<usize> {
        let rows = match self.format {
            Format::Csv { delimiter } => csv::count(&self.path, delimiter, self.header),
            Format::JsonLines => jsonl::count(&self.path),
            Format::Parquet => parquet::count(&self.path),
        }?;
        Ok(self.limit.map_or(rows, |limit| limit.min(rows)))
    }

    /// One pass over the table in batches of at most `batch_rows` rows (at least 1).
    pub fn batches(&self, batch_rows: usize) -> Result<Batches> {
        let rows = batch_rows.max(1);
        let batches = match self.format {
            Format::Csv { delimiter } => csv::batches(&self.path, delimiter, self.header, self.stored.clone(), rows),
            Format::JsonLines => jsonl::batches(&self.path, self.stored.clone(), rows),
            Format::Parquet => parquet::batches(&self.path, rows, self.narrow.as_deref()),
        }?;
        let batches = match self.limit {
            Some(limit) => first_rows(batches, limit),
            None => batches,
        };
        let Some(change) = self.change.clone() else { return Ok(batches) };
        let mut next_row = 1;
        Ok(Box::new(batches.map(move |batch| {
            let batch = batch?;
            let first_row = next_row;
            next_row += batch.num_rows();
            change(batch, first_row)
        })))
    }

    /// Whether the file has no types, so that those of the columns are guesses.
    pub fn is_untyped(&self) -> bool {
        self.format != Format::Parquet
    }

    /// The same table with every column of a CSV or JSON Lines file read as text, to the letter. Columns that a table got by
    /// [`Table::through`] stay as they are.
    pub fn as_text(&self) -> Table {
        let text = |columns: &SchemaRef| {
            let kind = |field: &Field| match self.stored.column_with_name(field.name()) {
                Some(_) if self.is_untyped() => DataType::Utf8,
                _ => field.data_type().clone(),
            };
            inferred(columns.fields().iter().map(|f| (f.name().clone(), kind(f))))
        };
        match self.is_untyped() {
            true => Table { stored: text(&self.stored), schema: text(&self.schema), ..self.clone() },
            false => self.clone(),
        }
    }

    /// Puts the table's path before the message of an input error.
    pub fn blame(&self, error: Error) -> Error {
        of_file(&self.path, error)
    }

    /// Positions of named columns.
    ///
    /// # Errors
    /// A name that is no column; the nearest one is suggested.
    pub fn positions(&self, wanted: &[String]) -> Result<Vec<usize>> {
        let columns = || self.schema.fields().iter().map(|f| f.name().as_str());
        let position = |name: &String| {
            columns().position(|c| c == name).ok_or_else(|| {
                let nearest = names::did_you_mean(name, columns());
                Error::input(format!("{}: there is no column `{name}`{nearest}", self.path.display()))
                    .hint(format!("its columns are {}", names::list(columns())))
            })
        };
        wanted.iter().map(position).collect()
    }
}

/// Batches until there were `limit` rows.
fn first_rows(mut batches: Batches, limit: usize) -> Batches {
    let mut left = limit;
    Box::new(std::iter::from_fn(move || {
        let batch = if left == 0 { None } else { batches.next() };
        batch.map(|batch| {
            let batch = batch?;
            let batch = batch.slice(0, batch.num_rows().min(left));
            left -= batch.num_rows();
            Ok(batch)
        })
    }))
}

/// The schema of inferred columns, all nullable.
pub fn inferred(columns: impl IntoIterator<Item = (String, DataType)>) -> SchemaRef {
    Arc::new(Schema::new(columns.into_iter().map(|(name, kind)| Field::new(name, kind, true)).collect::<Vec<_>>()))
}

/// The error of a table that has no rows to offer.
pub fn no_rows(path: &Path, found: &str) -> Error {
    Error::input(format!("{}: the table is empty ({found})", path.display())).hint("give a table with at least one row")
}

/// Puts the file's name before the message of an input error; other errors pass unchanged.
pub fn of_file(path: &Path, error: Error) -> Error {
    match error {
        Error::Input { message, hint } => Error::Input { message: format!("{}: {message}", path.display()), hint },
        other => other,
    }
}
