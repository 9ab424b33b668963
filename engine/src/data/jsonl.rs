//! JSON Lines: one object a line. A key that a line lacks is a missing value; so is null.

use super::cells::{self, Kind};
use super::table::{self, Batches, ReadOptions};
use crate::{Error, Result};
use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, SchemaRef};
use rayon::prelude::*;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The cells of one line in the order of the file.
struct Record(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Cells;
        impl<'de> Visitor<'de> for Cells {
            type Value = Record;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("one object a line")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Record, M::Error> {
                let mut cells = Vec::with_capacity(map.size_hint().unwrap_or(0));
                while let Some(cell) = map.next_entry()? {
                    cells.push(cell);
                }
                Ok(Record(cells))
            }
        }
        deserializer.deserialize_map(Cells)
    }
}

/// Columns in the order of their first appearance, kinds from the first `infer_rows` rows.
pub fn schema(path: &Path, options: &ReadOptions) -> Result<SchemaRef> {
    let mut lines = Lines::open(path)?;
    let mut columns: Vec<(String, Kind)> = Vec::new();
    let first = lines.next_lines(options.infer_rows.max(1))?;
    if first.is_empty() {
        return Err(table::no_rows(path, "not a single line"));
    }
    for (r, line) in first.iter().enumerate() {
        for (name, value) in parse(line, r + 1).map_err(|e| table::of_file(path, e))?.0 {
            let kind = if options.text.contains(&name) { Kind::Text } else { kind_of(&value) };
            match columns.iter_mut().find(|(n, _)| *n == name) {
                Some((_, seen)) => *seen = seen.join(kind),
                None => columns.push((name, kind)),
            }
        }
    }
    if columns.is_empty() {
        return Err(table::no_rows(path, "objects without keys"));
    }
    Ok(table::inferred(columns.into_iter().map(|(name, kind)| (name, kind.data_type()))))
}

fn kind_of(value: &Value) -> Kind {
    match value {
        Value::Null => Kind::Missing,
        Value::Bool(_) => Kind::Boolean,
        Value::Number(_) => Kind::Number,
        _ => Kind::Text,
    }
}

pub fn batches(path: &Path, schema: SchemaRef, batch_rows: usize) -> Result<Batches> {
    let mut lines = Lines::open(path)?;
    let positions: HashMap<String, usize> =
        schema.fields().iter().enumerate().map(|(c, f)| (f.name().clone(), c)).collect();
    let mut first_row = 1;
    Ok(Box::new(std::iter::from_fn(move || {
        let text = match lines.next_lines(batch_rows) {
            Ok(text) if text.is_empty() => return None,
            Ok(text) => text,
            Err(error) => return Some(Err(error)),
        };
        let row = first_row;
        first_row += text.len();
        Some(batch(&text, row, &schema, &positions).map_err(|e| table::of_file(&lines.path, e)))
    })))
}

fn batch(
    lines: &[Vec<u8>],
    first_row: usize,
    schema: &SchemaRef,
    positions: &HashMap<String, usize>,
) -> Result<RecordBatch> {
    let rows: Vec<Result<Vec<Value>>> = (0..lines.len())
        .into_par_iter()
        .map(|r| aligned(parse(&lines[r], first_row + r)?, first_row + r, positions))
        .collect();
    let rows = rows.into_iter().collect::<Result<Vec<_>>>()?;
    let columns: Vec<Result<ArrayRef>> = (0..positions.len())
        .into_par_iter()
        .map(|c| column(&rows, c, schema.field(c).data_type(), schema.field(c).name(), first_row))
        .collect();
    let columns = columns.into_iter().collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(schema.clone(), columns).map_err(|e| Error::input(e.to_string()))
}

/// The record's values in the order of the schema.
fn aligned(record: Record, row: usize, positions: &HashMap<String, usize>) -> Result<Vec<Value>> {
    let mut values = vec![Value::Null; positions.len()];
    let mut filled = vec![false; positions.len()];
    for (name, value) in record.0 {
        let Some(&c) = positions.get(&name) else {
            return Err(Error::input(format!("row {row}: `{name}` is not a column of the rows before"))
                .hint("raise the number of rows that columns are inferred from, or drop the key"));
        };
        if std::mem::replace(&mut filled[c], true) {
            return Err(Error::input(format!("row {row}: `{name}` occurs twice")).hint("keep one of the two"));
        }
        values[c] = value;
    }
    Ok(values)
}

fn column(rows: &[Vec<Value>], c: usize, kind: &DataType, name: &str, first_row: usize) -> Result<ArrayRef> {
    let misfit = |r: usize, expected: &str| Err(cells::misfit(&rows[r][c].to_string(), expected, name, first_row + r));
    let cells = rows.iter().map(|row| &row[c]).enumerate();
    Ok(match kind {
        DataType::Float64 => Arc::new(
            cells
                .map(|(r, value)| match value {
                    Value::Null => Ok(None),
                    Value::Number(number) => Ok(number.as_f64()),
                    _ => misfit(r, "a number").map(|()| None),
                })
                .collect::<Result<Float64Array>>()?,
        ),
        DataType::Boolean => Arc::new(
            cells
                .map(|(r, value)| match value {
                    Value::Null => Ok(None),
                    Value::Bool(value) => Ok(Some(*value)),
                    _ => misfit(r, "true or false").map(|()| None),
                })
                .collect::<Result<BooleanArray>>()?,
        ),
        _ => Arc::new(
            cells
                .map(|(r, value)| match value {
                    Value::Null => Ok(None),
                    Value::String(text) => Ok(Some(text.clone())),
                    Value::Number(_) | Value::Bool(_) => Ok(Some(value.to_string())),
                    _ => misfit(r, "a number, true, false, text or null").map(|()| None),
                })
                .collect::<Result<StringArray>>()?,
        ),
    })
}

fn parse(line: &[u8], row: usize) -> Result<Record> {
    serde_json::from_slice(line).map_err(|e| {
        let message = e.to_string();
        let message = message.split(" at line ").next().unwrap_or("");
        Error::input(format!("row {row}, character {}: {message}", e.column()))
            .hint("write one JSON object a line, in UTF-8")
    })
}

pub fn count(path: &Path) -> Result<usize> {
    let mut lines = Lines::open(path)?;
    let (mut rows, mut line) = (0, Vec::new());
    while lines.next_line(&mut line)? {
        rows += 1;
    }
    Ok(rows)
}

/// The lines of a file that are not blank.
struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
}

impl Lines {
    fn open(path: &Path) -> Result<Lines> {
        let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
        Ok(Lines { path: path.to_path_buf(), reader: BufReader::with_capacity(1 << 20, file) })
    }

    fn next_line(&mut self, line: &mut Vec<u8>) -> Result<bool> {
        loop {
            line.clear();
            let n = self.reader.read_until(b'\n', line).map_err(|e| Error::io("read", &self.path, e))?;
            if n == 0 || !line.trim_ascii().is_empty() {
                return Ok(n > 0);
            }
        }
    }

    fn next_lines(&mut self, most: usize) -> Result<Vec<Vec<u8>>> {
        let (mut lines, mut line) = (Vec::new(), Vec::new());
        while lines.len() < most && self.next_line(&mut line)? {
            lines.push(std::mem::take(&mut line));
        }
        Ok(lines)
    }
}
