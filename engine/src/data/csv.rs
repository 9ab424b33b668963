//! CSV: a header, then rows. Every cell is read as text and converted here, so that a message can name row, column and cell.

use super::cells::{self, Kind};
use super::table::{self, Batches, ReadOptions};
use crate::{Error, Result};
use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::csv::reader::{BufReader as Records, Format, ReaderBuilder};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use rayon::prelude::*;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

const BUFFER_BYTES: usize = 1 << 20;

/// Names from the header, kinds from the first `infer_rows` rows.
pub fn schema(path: &Path, delimiter: u8, options: &ReadOptions) -> Result<SchemaRef> {
    let header = options.names.is_empty();
    let names = if header { self::header(path, delimiter)? } else { options.names.clone() };
    let as_text = table::inferred(names.iter().map(|name| (name.clone(), DataType::Utf8)));
    let first = records(path, delimiter, header, as_text, options.infer_rows.max(1))?.next();
    let found = if header { "a header and no rows" } else { "not a single line" };
    let first = first.ok_or_else(|| table::no_rows(path, found))?.map_err(|e| misread(path, header, e))?;
    let kind = |name: &String, cells: &ArrayRef| match options.text.contains(name) {
        true => Kind::Text,
        false => cells.as_string::<i32>().iter().flatten().fold(Kind::Missing, |kind, cell| kind.join(Kind::of(cell))),
    };
    Ok(table::inferred(
        names.iter().zip(first.columns()).map(|(name, cells)| (name.clone(), kind(name, cells).data_type())),
    ))
}

/// Column names, trimmed; a column without one is called `column N`, from 1.
fn header(path: &Path, delimiter: u8) -> Result<Vec<String>> {
    let format = Format::default().with_header(true).with_delimiter(delimiter);
    let (header, _) = format.infer_schema(open(path)?, Some(0)).map_err(|e| misread(path, true, e))?;
    let names: Vec<String> = header.fields().iter().map(|f| f.name().trim().to_string()).collect();
    if names.is_empty() {
        return Err(table::no_rows(path, "no header line"));
    }
    Ok(names.into_iter().enumerate().map(|(i, n)| if n.is_empty() { format!("column {}", i + 1) } else { n }).collect())
}

pub fn batches(path: &Path, delimiter: u8, header: bool, schema: SchemaRef, batch_rows: usize) -> Result<Batches> {
    let as_text = table::inferred(schema.fields().iter().map(|f| (f.name().clone(), DataType::Utf8)));
    let records = records(path, delimiter, header, as_text, batch_rows)?;
    let path = path.to_path_buf();
    let mut first_row = 1;
    Ok(Box::new(records.map(move |batch| {
        let batch = batch.map_err(|e| misread(&path, header, e))?;
        let columns: Vec<Result<ArrayRef>> = (0..schema.fields().len())
            .into_par_iter()
            .map(|c| {
                let field = schema.field(c);
                cells::typed(batch.column(c).as_string(), field.data_type(), field.name(), first_row)
            })
            .collect();
        first_row += batch.num_rows();
        let columns = columns.into_iter().collect::<Result<Vec<_>>>().map_err(|e| table::of_file(&path, e))?;
        RecordBatch::try_new(schema.clone(), columns).map_err(|e| misread(&path, header, e))
    })))
}

fn records(
    path: &Path,
    delimiter: u8,
    header: bool,
    as_text: SchemaRef,
    rows: usize,
) -> Result<Records<BufReader<File>>> {
    let builder =
        ReaderBuilder::new(Arc::clone(&as_text)).with_header(header).with_delimiter(delimiter).with_batch_size(rows);
    builder.build_buffered(open(path)?).map_err(|e| misread(path, header, e))
}

/// The file after its byte order mark, if it has one.
fn open(path: &Path) -> Result<BufReader<File>> {
    let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
    let start = reader.fill_buf().map_err(|e| Error::io("read", path, e))?;
    let mark = if start.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    reader.consume(mark);
    Ok(reader)
}

fn misread(path: &Path, header: bool, error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, e) => Error::io("read", path, e),
        ArrowError::CsvError(message) => {
            Error::input(format!("{}: {}", path.display(), in_rows(&message, header).unwrap_or(message)))
                .hint("each line needs as many cells as the header, in UTF-8; quote a cell that holds the delimiter")
        }
        other => Error::input(format!("{}: {other}", path.display())),
    }
}

/// Arrow's words in ours: it counts lines from 1, the header too, and says "incorrect number of fields for line 3, expected 2 got 1" or
/// "Encountered invalid UTF-8 data for line 3 and field 2".
fn in_rows(message: &str, header: bool) -> Option<String> {
    let (what, rest) = message.split_once(" for line ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    let row = rest[..digits].parse::<usize>().ok()?.checked_sub(usize::from(header))?;
    if let Some((expected, got)) = rest[digits..].strip_prefix(", expected ").and_then(|r| r.split_once(" got ")) {
        return Some(format!("row {row}: expected {expected} cells, got {got}"));
    }
    let column = rest[digits..].strip_prefix(" and field ")?;
    what.contains("UTF-8").then(|| format!("row {row}: column {column} is not UTF-8"))
}

/// The number of rows, after the header if there is one: records as the reader splits them, blank lines left out.
pub fn count(path: &Path, delimiter: u8, header: bool) -> Result<usize> {
    #[derive(Clone, Copy, PartialEq)]
    enum At {
        RecordStart,
        FieldStart,
        Bare,
        Quoted,
        QuoteInQuoted,
    }
    let mut reader = open(path)?;
    let (mut at, mut records) = (At::RecordStart, 0usize);
    loop {
        let bytes = reader.fill_buf().map_err(|e| Error::io("read", path, e))?;
        if bytes.is_empty() {
            break;
        }
        for &byte in bytes {
            at = match (at, byte) {
                (At::Quoted, b'"') => At::QuoteInQuoted,
                (At::Quoted, _) | (At::RecordStart | At::FieldStart | At::QuoteInQuoted, b'"') => At::Quoted,
                (At::RecordStart, b'\n' | b'\r') => At::RecordStart,
                (_, b'\n' | b'\r') => {
                    records += 1;
                    At::RecordStart
                }
                (_, b) if b == delimiter => At::FieldStart,
                _ => At::Bare,
            };
        }
        let n = bytes.len();
        reader.consume(n);
    }
    Ok((records + usize::from(at != At::RecordStart)).saturating_sub(usize::from(header)))
}
