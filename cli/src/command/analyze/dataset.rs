//! The data set: opened once, with the columns of its side files, each column's role by name.

use super::columns::{Header, Names, header};
use super::config::{Column, Config, DatasetType, Place, Side};
use super::flatten::flatten;
use super::join::{Other, join};
use super::uri::{local, one_file};
use crate::args::UriMap;
use arrow::csv::reader::Format as Csv;
use pellucid::data::{FileKind, Format, ReadOptions, Schema, Table};
use pellucid::{Error, Result};
use std::fs::File;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub struct Dataset {
    pub table: Table,
    /// The file's name.
    pub name: String,
    pub label: Option<String>,
    pub predicted: Option<String>,
    pub joinsource: Option<String>,
    pub excluded: Vec<String>,
    /// Columns that the model is sent, in the order of the data set.
    pub features: Vec<String>,
    /// Columns of the data set itself, to which numbers refer.
    pub own: Names,
    /// Columns of `facet_dataset_uri`.
    pub facets: Option<Names>,
    /// What the table is read from and what the user knows it as, if these differ.
    stands_for: Option<(PathBuf, PathBuf)>,
}

impl Dataset {
    /// `folder` is for files of this run, such as joined rows.
    ///
    /// # Errors
    /// No data; whatever the files or the columns asked for refuse.
    pub fn open(
        config: &Config,
        data: Option<&Path>,
        uris: &[UriMap],
        schema: Option<&Schema>,
        folder: &TempDir,
    ) -> Result<Self> {
        let path = match (data, &config.dataset_uri) {
            (Some(path), _) => one_file(path.to_path_buf(), "--data")?,
            (None, Some(uri)) => local(uri, "dataset_uri", uris)?,
            (None, None) => {
                return Err(Error::input("there is no data set")
                    .hint("give its file with `--data`, or `dataset_uri` in the configuration"));
            }
        };
        let text = schema.map(Schema::text_columns).unwrap_or_default();
        let read = Read { config, text: &text, folder: folder.path() };
        let (table, stands_for) = read.main(&path)?;
        let own = names(&table, &path);
        let joinsource = config.joinsource.as_ref().map(|column| own.find(column)).transpose()?;
        let (table, stands_for, facets, side) = read.beside(table, stands_for, &path, joinsource.as_deref(), uris)?;
        let label = config.label.as_ref().map(|column| read.labelled(&own, column, 0)).transpose()?;
        let predicted = match (side, &config.predicted_label) {
            (Some(name), _) => Some(name),
            (None, Some(column)) => Some(read.labelled(&own, column, usize::from(label.is_some()))?),
            (None, None) => None,
        };
        let excluded = own.find_all(&config.excluded)?;
        let role = |name: &String| {
            [&label, &predicted, &joinsource].into_iter().flatten().chain(&excluded).any(|other| other == name)
        };
        let features = own.all.iter().filter(|name| !role(name)).cloned().collect();
        let name = own.file.clone();
        Ok(Self { table, name, label, predicted, joinsource, excluded, features, own, facets, stands_for })
    }

    /// The column that a key means, in the file that has facets if there is one.
    pub fn column(&self, column: &Column) -> Result<String> {
        match &self.facets {
            Some(beside) if matches!(&column.place, Place::Name(name) if !beside.has(name) && self.own.has(name)) => {
                self.own.find(column)
            }
            Some(beside) => beside.find(column),
            None => self.own.find(column),
        }
    }

    /// Columns that are no features of a model.
    pub fn apart(&self) -> Vec<String> {
        let own = self.table.schema().fields().iter().map(|field| field.name());
        own.filter(|name| !self.features.contains(name) && self.joinsource.as_ref() != Some(name)).cloned().collect()
    }

    /// An error in words of the file that was given, where a copy is read.
    pub fn disclose(&self, error: Error) -> Error {
        match (error, &self.stands_for) {
            (Error::Input { message, hint }, Some((copy, given))) => {
                let message = message.replace(&copy.display().to_string(), &given.display().to_string());
                Error::Input { message, hint }
            }
            (error, _) => error,
        }
    }
}

fn names(table: &Table, path: &Path) -> Names {
    let all = table.schema().fields().iter().map(|field| field.name().clone()).collect();
    Names { all, file: path.file_name().unwrap_or_default().to_string_lossy().into_owned() }
}

/// How files are read.
struct Read<'a> {
    config: &'a Config,
    /// Columns that are text whatever they look like.
    text: &'a [String],
    folder: &'a Path,
}

type StandsFor = Option<(PathBuf, PathBuf)>;

impl Read<'_> {
    fn main(&self, path: &Path) -> Result<(Table, StandsFor)> {
        match self.config.kind {
            DatasetType::Csv => Ok((self.csv(path, self.config.headers.as_deref(), &self.used())?, None)),
            DatasetType::Parquet => Ok((self.table(path, Format::Parquet, Vec::new(), &[])?, None)),
            DatasetType::JsonLines if self.config.features.is_none() => {
                Ok((self.table(path, Format::JsonLines, Vec::new(), &[])?, None))
            }
            DatasetType::JsonLines | DatasetType::Json => {
                let copy = self.copy(path, "jsonl");
                let columns = flatten(path, self.config, &copy)?;
                Ok((self.table(&copy, Format::JsonLines, Vec::new(), &columns)?, Some((copy, path.to_path_buf()))))
            }
        }
    }

    /// A file of this run that is called as the one it stands for.
    fn copy(&self, path: &Path, ending: &str) -> PathBuf {
        self.folder.join(path.with_extension(ending).file_name().unwrap_or_default())
    }

    /// `names`: of a file without a header line. `columns`: those of the file, where they are known before.
    fn table(&self, path: &Path, format: Format, names: Vec<String>, columns: &[String]) -> Result<Table> {
        let mut text = self.text.to_vec();
        text.extend(self.config.joinsource.iter().filter_map(|column| match &column.place {
            Place::Name(name) => Some(name.clone()),
            Place::Index(index) => columns.get(*index).cloned(),
        }));
        Table::open(path, &ReadOptions { format: Some(format), text, names, ..ReadOptions::default() })
    }

    fn csv(&self, path: &Path, headers: Option<&[String]>, used: &[&str]) -> Result<Table> {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let first = first_line(path)?;
        let csv = Format::Csv { delimiter: b',' };
        match header(&first, headers, used, &file)? {
            Header::InFile => self.table(path, csv, Vec::new(), &first),
            Header::Given(names) => self.table(path, csv, names.clone(), &names),
        }
    }

    /// Names that the configuration uses: where the first line has one, it is a header.
    fn used(&self) -> Vec<&str> {
        let config = self.config;
        let columns = [&config.label, &config.predicted_label, &config.joinsource, &config.group].into_iter().flatten();
        let columns = columns.chain(config.facets.iter().map(|facet| &facet.column)).chain(&config.excluded);
        columns
            .filter_map(|column| if let Place::Name(name) = &column.place { Some(name.as_str()) } else { None })
            .collect()
    }

    /// The table with the columns of its side files, those of facets, and the column of predictions among them.
    fn beside(
        &self,
        table: Table,
        stands_for: StandsFor,
        path: &Path,
        key: Option<&str>,
        uris: &[UriMap],
    ) -> Result<(Table, StandsFor, Option<Names>, Option<String>)> {
        let (facet, predicted) = (&self.config.facet_dataset, &self.config.predicted_dataset);
        if facet.is_none() && predicted.is_none() {
            return Ok((table, stands_for, None, None));
        }
        let mut others = Vec::new();
        let open = |side: &Side| -> Result<(Table, Names)> {
            let path = local(&side.uri, &side.at, uris)?;
            let opened = match Format::from_path(&path) {
                Ok(Format::Parquet) => self.table(&path, Format::Parquet, Vec::new(), &[])?,
                _ => self.csv(&path, side.headers.as_deref(), &[self.used(), vec!["predicted_label"]].concat())?,
            };
            if let Some(key) = key
                && opened.schema().column_with_name(key).is_none()
            {
                return Err(Error::input(format!(
                    "`{}`: {} has no column `{key}` to join by",
                    side.at,
                    path.display()
                ))
                .hint("`joinsource_name_or_index` is a column of every file"));
            }
            let all = names(&opened, &path);
            Ok((opened, all))
        };
        let facets = facet.as_ref().map(open).transpose()?;
        let not_key =
            |names: &Names| names.all.iter().filter(|name| Some(name.as_str()) != key).cloned().collect::<Vec<_>>();
        if let Some((table, names)) = &facets {
            others.push(Other { table: table.clone(), columns: not_key(names) });
        }
        let predicted = match predicted.as_ref().map(open).transpose()? {
            Some((table, names)) => {
                let column = match (&self.config.predicted_label, &not_key(&names)[..]) {
                    (Some(column), _) => names.find(column)?,
                    (None, [only]) => only.clone(),
                    (None, _) => names
                        .find(&Column { at: "predicted_label".into(), place: Place::Name("predicted_label".into()) })?,
                };
                others.push(Other { table, columns: vec![column.clone()] });
                Some(column)
            }
            None => None,
        };
        let parquet = self.config.kind == DatasetType::Parquet;
        let (kind, format, ending) = match parquet {
            true => (FileKind::Parquet, Format::Parquet, "parquet"),
            false => (FileKind::Csv, Format::Csv { delimiter: b',' }, "csv"),
        };
        let copy = self.copy(path, ending);
        join(&table, &others, key, &copy, kind)?;
        let columns: Vec<String> = table.schema().fields().iter().map(|field| field.name().clone()).collect();
        let table = self.table(&copy, format, Vec::new(), &columns)?;
        Ok((table, Some((copy, path.to_path_buf())), facets.map(|(_, names)| names), predicted))
    }

    /// The column of a label: of JSON rows it stands behind the features.
    fn labelled(&self, own: &Names, column: &Column, place: usize) -> Result<String> {
        match self.config.features {
            None => own.find(column),
            Some(_) => {
                let others =
                    usize::from(self.config.label.is_some()) + usize::from(self.config.predicted_label.is_some());
                Ok(own.all[own.all.len() - others + place].clone())
            }
        }
    }
}

/// The cells of a CSV file's first line.
pub fn first_line(path: &Path) -> Result<Vec<String>> {
    let file = File::open(path).map_err(|error| Error::io("open", path, error))?;
    let found = Csv::default().with_header(true).infer_schema(file, Some(0));
    let (found, _) = found.map_err(|error| Error::input(format!("{}: {error}", path.display())))?;
    Ok(found.fields().iter().map(|cell| cell.name().trim_start_matches('\u{feff}').trim().to_string()).collect())
}
