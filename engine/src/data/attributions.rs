//! Attributions read back from the Parquet files of [`super::AttributionWriter`], with the provenance of the run.

use super::layout::{Layout, Value};
use super::names;
use super::parquet::{self, open};
use super::table::of_file;
use crate::explain::{Explanation, Interactions, Link, Provenance};
use crate::{Error, Result};
use ::parquet::file::metadata::{FileMetaData, KeyValue};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, SchemaRef};
use ndarray::{Array1, Array2, Array3};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the keys of our pairs begin with.
const PREFIX: &str = "pellucid.";
const WRITE_AGAIN: &str = "write it again with `pellucid shap … --output FILE.parquet`";
const ONLY_PARQUET: &str = "only Parquet carries the provenance that says what was explained: write the attributions with `pellucid shap … --output \
     FILE.parquet`";

/// A file of attributions, checked; holds no rows.
#[derive(Debug, Clone)]
pub struct AttributionReader {
    path: PathBuf,
    provenance: Provenance,
    layout: Layout,
    link: Link,
    n_rows: usize,
    /// Position in the file of each column of numbers, in the layout's order.
    columns: Vec<(Value, usize)>,
    /// Positions of the id columns.
    ids: Vec<usize>,
}

/// What a file of attributions should explain.
#[derive(Debug, Clone, Copy)]
pub struct Explained<'a> {
    pub model: &'a str,
    /// Empty for a model that is no file.
    pub model_sha256: &'a str,
    pub players: &'a [String],
    pub outputs: &'a [String],
    /// Rows of the table.
    pub rows: usize,
}

impl AttributionReader {
    /// Reads the footer: provenance, columns, number of rows.
    ///
    /// # Errors
    /// A file that is missing, not Parquet (CSV, JSON Lines and Clarify's layout carry no provenance), not Pellucid's, of a version
    /// with another provenance, without rows, or that lacks columns which its provenance promises.
    pub fn open(path: impl AsRef<Path>) -> Result<AttributionReader> {
        let path = path.as_ref().to_path_buf();
        require_parquet(&path)?;
        let of_path = |e| of_file(&path, e);
        let file = open(&path)?;
        let provenance = provenance(file.metadata().file_metadata()).map_err(of_path)?;
        let wrong_link = |_| Error::input(format!("`{}` is no link", provenance.link)).hint(WRITE_AGAIN);
        let link: Link = serde_json::from_value(provenance.link.clone().into()).map_err(wrong_link).map_err(of_path)?;
        let n_rows = file.metadata().file_metadata().num_rows() as usize;
        if n_rows == 0 {
            return Err(of_path(Error::input("it explains no rows").hint(WRITE_AGAIN)));
        }
        let (layout, columns) = columns(file.schema(), &provenance).map_err(of_path)?;
        let ids = (0..file.schema().fields().len()).filter(|at| columns.iter().all(|(_, other)| other != at)).collect();
        let mut reader = AttributionReader { path, provenance, layout, link, n_rows, columns, ids };
        reader.layout.ids = reader.ids.iter().map(|&at| file.schema().fields()[at].clone()).collect();
        Ok(reader)
    }

    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Outputs, players, id columns, and whether there are standard errors and interactions.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// One pass over the file in batches of at most `batch_rows` rows: attributions, and the id columns of the same rows. Standard
    /// errors are NaN if the file has none; `spent` is what was spent on a row at most.
    ///
    /// # Errors
    /// A file cut short, a missing value or text where a number is due.
    pub fn batches(&self, batch_rows: usize) -> Result<impl Iterator<Item = Result<(Explanation, RecordBatch)>> + '_> {
        let mut first = 1;
        Ok(parquet::batches(&self.path, batch_rows.max(1), None)?.map(move |batch| {
            let batch = batch?;
            let block = self.explanation(&batch, first).map_err(|e| of_file(&self.path, e))?;
            first += batch.num_rows();
            let ids = batch.project(&self.ids).map_err(|e| Error::input(e.to_string()))?;
            Ok((block, ids))
        }))
    }

    fn explanation(&self, batch: &RecordBatch, first_row: usize) -> Result<Explanation> {
        let (rows, outputs, players) = (batch.num_rows(), self.layout.outputs.len(), self.layout.players.len());
        let mut e = Explanation {
            values: Array3::zeros((rows, outputs, players)),
            stderr: Array3::from_elem((rows, outputs, players), f32::NAN),
            base_values: Array1::zeros(outputs),
            predictions: Array2::zeros((rows, outputs)),
            spent: vec![self.provenance.rows_per_instance as u64; rows],
            link: self.link,
            interactions: self.layout.interactions.then(|| Interactions::unknown(rows, outputs, players)),
        };
        for &(value, at) in &self.columns {
            if let Value::Base { k } = value {
                let column = numbers(batch, at, &DataType::Float64, first_row)?;
                e.base_values[k] = column.as_primitive::<Float64Type>().value(0);
                continue;
            }
            let column = numbers(batch, at, &DataType::Float32, first_row)?;
            let to = match value {
                Value::Shap { k, i } => e.values.slice_mut(ndarray::s![.., k, i]),
                Value::Stderr { k, i } => e.stderr.slice_mut(ndarray::s![.., k, i]),
                Value::Prediction { k } | Value::Base { k } => e.predictions.column_mut(k),
                Value::Interaction { k, pair, .. } | Value::InteractionStderr { k, pair, .. } => {
                    let Some(interactions) = &mut e.interactions else { continue };
                    let of = if value.is_stderr() { &mut interactions.stderr } else { &mut interactions.values };
                    of.slice_mut(ndarray::s![.., k, pair])
                }
            };
            to.into_iter().zip(column.as_primitive::<Float32Type>().values()).for_each(|(to, from)| *to = *from);
        }
        Ok(e)
    }

    /// Checks that these are the attributions of a model and a table.
    ///
    /// # Errors
    /// The first thing that differs: the model, its outputs, the players, the number of rows.
    pub fn matches(&self, expected: &Explained) -> Result<()> {
        let ours = &self.provenance;
        let hashed = !ours.model_sha256.is_empty() && !expected.model_sha256.is_empty();
        let same = if hashed { ours.model_sha256 == expected.model_sha256 } else { ours.model == expected.model };
        let difference = if !same {
            let of = |name: &str, hash: &str| match hash.get(..12) {
                Some(start) => format!("{name} (sha256 {start}…)"),
                None => name.to_string(),
            };
            let (file, given) = (of(&ours.model, &ours.model_sha256), of(expected.model, expected.model_sha256));
            Some((format!("it explains the model {file}, this is {given}"), "explain this model, or give that one"))
        } else if let Some(told) = differ(&ours.outputs, expected.outputs, "output") {
            Some((told, "choose the same outputs with `--target`"))
        } else if let Some(told) = differ(&ours.players, expected.players, "player") {
            Some((told, "give the same `--schema` and `--groups` as when it was written"))
        } else if self.n_rows != expected.rows {
            let (file, given) = (self.n_rows, expected.rows);
            Some((
                format!("it explains {file} rows, the table has {given}"),
                "give the table that it explains; `--rows` takes its first rows",
            ))
        } else {
            None
        };
        match difference {
            None => Ok(()),
            Some((told, hint)) => Err(of_file(&self.path, Error::input(told).hint(hint))),
        }
    }
}

/// The first difference of two lists of names.
fn differ(file: &[String], given: &[String], what: &str) -> Option<String> {
    if file.len() != given.len() {
        return Some(format!("it explains {} {what}s, here are {}", file.len(), given.len()));
    }
    let at = (0..file.len()).find(|&at| file[at] != given[at])?;
    Some(format!("{what} {} is `{}` in it, and `{}` here", at + 1, file[at], given[at]))
}

fn require_parquet(path: &Path) -> Result<()> {
    let mut start = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| Error::io("open", path, e))?;
    file.take(4).read_to_end(&mut start).map_err(|e| Error::io("read", path, e))?;
    match start.as_slice() {
        b"PAR1" => Ok(()),
        b"" => Err(of_file(path, Error::input("the file is empty").hint(WRITE_AGAIN))),
        _ => Err(of_file(path, Error::input("not a Parquet file").hint(ONLY_PARQUET))),
    }
}

fn provenance(metadata: &FileMetaData) -> Result<Provenance> {
    let pairs = metadata.key_value_metadata();
    let ours =
        |pair: &KeyValue| Some((pair.key.strip_prefix(PREFIX)?.to_string(), pair.value.clone().unwrap_or_default()));
    let pairs: BTreeMap<String, String> = pairs.into_iter().flatten().filter_map(ours).collect();
    let Some(version) = pairs.get("version") else {
        return Err(Error::input(
            "it holds no provenance (`pellucid.…` in its metadata): these are not attributions as Pellucid writes them",
        )
        .hint(format!("{WRITE_AGAIN}; pandas and others drop the metadata when they write a file")));
    };
    Provenance::from_pairs(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))).map_err(|e| {
        let ours = env!("CARGO_PKG_VERSION");
        Error::input(format!("it was written by pellucid {version}, this is {ours}: {e}")).hint(WRITE_AGAIN)
    })
}

/// Where the columns are that a provenance promises.
fn columns(schema: &SchemaRef, provenance: &Provenance) -> Result<(Layout, Vec<(Value, usize)>)> {
    let (outputs, players) = (provenance.outputs.clone(), provenance.players.clone());
    let mut layout = Layout { ids: Default::default(), outputs, players, stderr: true, interactions: true };
    let find = |value: &Value| {
        let due = layout.field(*value, false);
        schema.index_of(due.name()).ok().map(|at| (*value, at)).ok_or(due)
    };
    let all = layout.values();
    let present = |kind: &dyn Fn(&Value) -> bool| all.iter().any(|value| kind(value) && find(value).is_ok());
    let stderr = present(&|value| value.is_stderr());
    let interactions = present(&|value| value.is_interaction());
    let due = all.iter().filter(|v| (stderr || !v.is_stderr()) && (interactions || !v.is_interaction()));
    let found: Vec<(Value, usize)> =
        due.map(find).collect::<Result<_, Field>>().map_err(|due| lacking(&due, schema))?;
    (layout.stderr, layout.interactions) = (stderr, interactions);
    Ok((layout, found))
}

fn lacking(due: &Field, schema: &SchemaRef) -> Error {
    let nearest = names::did_you_mean(due.name(), schema.fields().iter().map(|f| f.name().as_str()));
    Error::input(format!("it lacks the column `{}`{nearest}", due.name())).hint(WRITE_AGAIN)
}

/// A column as numbers, without a missing one.
fn numbers(batch: &RecordBatch, at: usize, kind: &DataType, first_row: usize) -> Result<Arc<dyn Array>> {
    let (column, schema) = (batch.column(at), batch.schema());
    let name = schema.field(at).name();
    if !column.data_type().is_numeric() {
        let found = column.data_type();
        return Err(Error::input(format!("column `{name}` holds {found}, not numbers")).hint(WRITE_AGAIN));
    }
    if let Some(row) = (0..column.len()).find(|&row| column.is_null(row)) {
        let row = first_row + row;
        return Err(Error::input(format!("row {row}, column `{name}`: the value is missing")).hint(WRITE_AGAIN));
    }
    cast(column, kind).map_err(|e| Error::input(format!("column `{name}`: {e}")))
}
