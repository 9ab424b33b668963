//! The history of checks: a Parquet file of one tidy row a check and run.
//!
//! A run adds its rows by writing the whole file anew under a temporary name and renaming it, while it holds the lock of a neighbour
//! `NAME.lock`: runs at the same time wait for each other, a run that dies leaves the old file, and its lock goes with its process.

use super::check::{Check, CheckKind};
use crate::data::{BatchWriter, FileKind, ReadOptions, Table};
use crate::{Error, Result};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef, TimeUnit, TimestampMillisecondType};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const BATCH_ROWS: usize = 1 << 14;
/// How long another run may hold the lock.
const PATIENCE: Duration = Duration::from_secs(60);

const TEXTS: [&str; 5] = ["kind", "name", "measure", "facet", "facet_value"];
const NUMBERS: [&str; 5] = ["value", "low", "high", "threshold", "p_value"];

/// A check of an earlier run.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Milliseconds since 1970, UTC.
    pub time: i64,
    pub check: Check,
}

/// A history on disk.
#[derive(Debug, Clone)]
pub struct History {
    path: PathBuf,
}

impl History {
    /// A file that exists already is checked; it is made when rows are added.
    ///
    /// # Errors
    /// A name that does not end in .parquet, a file that is damaged or is something else.
    pub fn open(path: impl AsRef<Path>) -> Result<History> {
        let path = path.as_ref().to_path_buf();
        if FileKind::from_path(&path) != Some(FileKind::Parquet) {
            return Err(Error::input(format!("{}: the history is a Parquet file", path.display()))
                .hint("end its name in .parquet"));
        }
        let history = History { path };
        history.stored()?;
        Ok(history)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The table, if there is a file.
    fn stored(&self) -> Result<Option<Table>> {
        if !self.path.try_exists().map_err(|e| Error::io("open", &self.path, e))? {
            return Ok(None);
        }
        let table = Table::open(&self.path, &ReadOptions::default()).map_err(kept_as_it_is)?;
        let columns = |schema: &Schema| -> Vec<(String, DataType)> {
            schema.fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect()
        };
        match columns(table.schema()) == columns(&schema()) {
            true => Ok(Some(table)),
            false => Err(kept_as_it_is(Error::input(format!(
                "{}: not a history of `pellucid monitor`",
                self.path.display()
            )))),
        }
    }

    /// All records, oldest run first.
    ///
    /// # Errors
    /// A file that is damaged or is something else.
    pub fn read(&self) -> Result<Vec<Record>> {
        let Some(table) = self.stored()? else { return Ok(Vec::new()) };
        let mut records = Vec::new();
        for batch in table.batches(BATCH_ROWS)? {
            records.extend(records_of(&batch?).ok_or_else(|| {
                kept_as_it_is(Error::input(format!("{}: a record lacks its time or kind", self.path.display())))
            })?);
        }
        records.sort_by_key(|record| record.time);
        Ok(records)
    }

    /// Adds the checks of a run at `time`, in milliseconds since 1970.
    ///
    /// # Errors
    /// A file that is damaged or is something else (it is left as it is), a lock that another run holds for a minute, a folder
    /// that cannot be written to.
    pub fn append(&self, time: i64, checks: &[Check]) -> Result<()> {
        let _lock = self.lock()?;
        let stored = self.stored()?;
        let mut writer = BatchWriter::create(&self.path, FileKind::Parquet, schema(), true)?;
        if let Some(table) = stored {
            for batch in table.batches(BATCH_ROWS)? {
                writer.write(&batch.map_err(kept_as_it_is)?)?;
            }
        }
        writer.write(&batch_of(time, checks)?)?;
        writer.finish(&[("history".into(), "1".into()), ("version".into(), env!("CARGO_PKG_VERSION").into())])
    }

    /// Held until the file is closed, also by a process that ends.
    fn lock(&self) -> Result<File> {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|e| Error::io("create", &path, e))?;
        let since = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if since.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::input(format!("{}: another run has held it for a minute", path.display()))
                        .hint("wait for that run to end, or give this one a history of its own"));
                }
                Err(TryLockError::Error(e)) => return Err(Error::io("lock", &path, e)),
            }
        }
    }
}

fn kept_as_it_is(error: Error) -> Error {
    error.hint("it was left as it is: name another file, or move this one away to begin a new history")
}

fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let mut fields = vec![Field::new("time", time, false)];
    fields.extend(TEXTS.map(|name| Field::new(name, DataType::Utf8, false)));
    fields.extend(NUMBERS.map(|name| Field::new(name, DataType::Float64, true)));
    fields.push(Field::new("violated", DataType::Boolean, false));
    fields.push(Field::new("message", DataType::Utf8, false));
    Arc::new(Schema::new(fields))
}

fn batch_of(time: i64, checks: &[Check]) -> Result<RecordBatch> {
    let times = TimestampMillisecondArray::from(vec![time; checks.len()]).with_timezone("UTC");
    let text = |of: fn(&Check) -> &str| Arc::new(StringArray::from_iter_values(checks.iter().map(of))) as ArrayRef;
    let number = |of: fn(&Check) -> Option<f64>| Arc::new(checks.iter().map(of).collect::<Float64Array>()) as ArrayRef;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(times),
        text(|c| c.kind.name()),
        text(|c| &c.name),
        text(|c| &c.measure),
        text(|c| &c.facet),
        text(|c| &c.facet_value),
        number(|c| c.value),
        number(|c| c.low),
        number(|c| c.high),
        number(|c| c.threshold),
        number(|c| c.p_value),
        Arc::new(BooleanArray::from_iter(checks.iter().map(|c| Some(c.violated)))),
        text(|c| &c.message),
    ];
    RecordBatch::try_new(schema(), columns).map_err(|e| Error::input(format!("the history: {e}")))
}

/// None where a cell that must be there is not.
fn records_of(batch: &RecordBatch) -> Option<Vec<Record>> {
    let times = batch.column_by_name("time")?.as_primitive_opt::<TimestampMillisecondType>()?;
    let text = |name: &str| batch.column_by_name(name)?.as_string_opt::<i32>();
    let number = |name: &str| batch.column_by_name(name)?.as_primitive_opt::<Float64Type>();
    let [kind, name, measure, facet, facet_value] = TEXTS.map(text);
    let [value, low, high, threshold, p_value] = NUMBERS.map(number);
    let (violated, message) = (batch.column_by_name("violated")?.as_boolean_opt()?, text("message")?);
    let cell = |column: Option<&StringArray>, row: usize| column.map(|column| column.value(row).to_string());
    let at = |column: Option<&arrow::array::PrimitiveArray<Float64Type>>, row: usize| {
        column.filter(|column| column.is_valid(row)).map(|column| column.value(row))
    };
    let record = |row: usize| {
        Some(Record {
            time: times.is_valid(row).then(|| times.value(row))?,
            check: Check {
                kind: CheckKind::named(kind?.value(row))?,
                name: cell(name, row)?,
                measure: cell(measure, row)?,
                facet: cell(facet, row)?,
                facet_value: cell(facet_value, row)?,
                value: at(value, row),
                low: at(low, row),
                high: at(high, row),
                threshold: at(threshold, row),
                p_value: at(p_value, row),
                violated: violated.value(row),
                message: message.value(row).to_string(),
            },
        })
    };
    (0..batch.num_rows()).map(record).collect()
}
