//! Columns of other files beside the rows of a table: by the order of the rows, or by an id that both have (an inner join).

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::{Field, Schema as Columns};
use pellucid::data::{BatchWriter, FileKind, Table, row_id};
use pellucid::{Error, Result};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

const BATCH_ROWS: usize = 1 << 15;

/// A file of more columns.
pub struct Other {
    pub table: Table,
    /// The columns to take from it.
    pub columns: Vec<String>,
}

/// One of them in memory.
struct Loaded {
    rows: RecordBatch,
    /// The row of each id, with a join.
    places: Option<HashMap<String, u32>>,
    name: String,
}

/// Writes the joined table to `to`; with `key`, rows whose id is in every file.
///
/// # Errors
/// Row counts that differ without a key; an id that occurs twice in one of the other files; no row left; a name that two files have.
pub fn join(main: &Table, others: &[Other], key: Option<&str>, to: &Path, kind: FileKind) -> Result<()> {
    let text = |table: &Table| if kind == FileKind::Csv { table.as_text() } else { table.clone() };
    let main = text(main);
    let loaded =
        others.iter().map(|other| load(&text(&other.table), &other.columns, key)).collect::<Result<Vec<_>>>()?;
    if key.is_none() {
        let rows = main.n_rows()?;
        if let Some(other) = loaded.iter().find(|other| other.rows.num_rows() != rows) {
            return Err(Error::input(format!(
                "{} has {} rows and {} has {rows}",
                other.name,
                other.rows.num_rows(),
                name(&main)
            ))
            .hint(
                "give both the same rows, or name the column of row ids that both have with `joinsource_name_or_index`",
            ));
        }
    }
    let schema = joined(&main, &loaded)?;
    let mut writer = BatchWriter::create(to, kind, schema.clone(), true)?;
    let (mut first, mut kept) = (0, 0);
    for batch in main.batches(BATCH_ROWS)? {
        let batch = batch?;
        let ids = key.map(|key| ids(&batch, key));
        let whole: Vec<u32> = (0..batch.num_rows() as u32).collect();
        let places = |other: &Loaded, row: u32| match (&ids, &other.places) {
            (Some(ids), Some(places)) => places.get(&ids[row as usize]).copied(),
            _ => Some(first + row),
        };
        let rows: Vec<u32> =
            whole.into_iter().filter(|&row| loaded.iter().all(|other| places(other, row).is_some())).collect();
        let mut cells = taken(batch.columns(), &rows)?;
        for other in &loaded {
            let at: Vec<u32> = rows.iter().filter_map(|&row| places(other, row)).collect();
            cells.extend(taken(other.rows.columns(), &at)?);
        }
        first += batch.num_rows() as u32;
        kept += rows.len();
        writer.write(&RecordBatch::try_new(schema.clone(), cells).map_err(|error| Error::input(error.to_string()))?)?;
    }
    if kept == 0 {
        return Err(Error::input("no row's id is in all files")
            .hint("is `joinsource_name_or_index` the right column, and written alike in each file?"));
    }
    writer.finish(&[])
}

fn name(table: &Table) -> String {
    table.path().file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn load(table: &Table, columns: &[String], key: Option<&str>) -> Result<Loaded> {
    let places = table.positions(columns)?;
    let wrong = |error: arrow::error::ArrowError| Error::input(error.to_string());
    let (mut batches, mut of_id) = (Vec::new(), HashMap::new());
    let mut rows = 0;
    for batch in table.batches(BATCH_ROWS)? {
        let batch = batch?;
        for id in key.map(|key| ids(&batch, key)).unwrap_or_default() {
            if of_id.insert(id.clone(), rows).is_some() {
                return Err(Error::input(format!("{}: the id `{id}` occurs twice", name(table)))
                    .hint("a join takes one row an id from it"));
            }
            rows += 1;
        }
        batches.push(batch.project(&places).map_err(wrong)?);
    }
    let schema = table.schema().project(&places).map_err(wrong)?;
    let rows = concat_batches(&Arc::new(schema), &batches).map_err(wrong)?;
    Ok(Loaded { rows, places: key.map(|_| of_id), name: name(table) })
}

/// The ids of a batch as text: whole numbers without a decimal point.
fn ids(batch: &RecordBatch, key: &str) -> Vec<String> {
    let Some(only) = batch.schema().index_of(key).ok().and_then(|at| batch.project(&[at]).ok()) else {
        return Vec::new();
    };
    (0..batch.num_rows()).map(|row| row_id(&only, row)).collect()
}

fn taken(columns: &[ArrayRef], rows: &[u32]) -> Result<Vec<ArrayRef>> {
    let rows = UInt32Array::from(rows.to_vec());
    columns
        .iter()
        .map(|column| take(column as &dyn Array, &rows, None).map_err(|error| Error::input(error.to_string())))
        .collect()
}

fn joined(main: &Table, others: &[Loaded]) -> Result<Arc<Columns>> {
    let nullable = |field: &Arc<Field>| Arc::new(field.as_ref().clone().with_nullable(true));
    let mut fields: Vec<Arc<Field>> = main.schema().fields().iter().map(nullable).collect();
    for other in others {
        for field in other.rows.schema().fields() {
            if fields.iter().any(|known| known.name() == field.name()) {
                return Err(Error::input(format!(
                    "the column `{}` is in {} and in another file",
                    field.name(),
                    other.name
                ))
                .hint("give it another name with `facet_headers` or `predicted_label_headers`"));
            }
            fields.push(nullable(field));
        }
    }
    Ok(Arc::new(Columns::new(fields)))
}
