//! Where the texts come from, and the columns beside them.

use super::super::super::input::Input;
use super::super::super::open::file_name;
use crate::args::ShapArgs;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Fields};
use ndarray::Array2;
use pellucid::data::{Background, ReadOptions, Table};
use pellucid::explain::{FeatureValue, Players};
use pellucid::text::{TextExplanation, TextLayout, TextShap};
use pellucid::{Error, Result};

/// Where the texts come from.
pub enum Source {
    Given(String),
    Column {
        table: Table,
        column: usize,
        ids: Vec<usize>,
        /// The columns beside the texts, if the model reads any.
        beside: Option<Box<Input>>,
    },
}

/// Some texts of a table and what is beside them.
pub struct Texts {
    pub texts: Vec<String>,
    /// The number of the first, from 1.
    pub first: usize,
    pub ids: Option<RecordBatch>,
    /// `[texts, columns]`
    numbers: Array2<f32>,
    /// Of each text what its columns hold, as in the table.
    values: Vec<Vec<FeatureValue>>,
}

impl Texts {
    pub fn explain(&self, shap: &mut TextShap) -> Result<Vec<TextExplanation>> {
        let texts: Vec<&str> = self.texts.iter().map(String::as_str).collect();
        let mut explained = shap.explain_beside(&texts, self.numbers.view(), self.first)?;
        for (text, values) in explained.iter_mut().zip(&self.values) {
            text.columns.iter_mut().zip(values).for_each(|(cell, value)| cell.value = value.clone());
        }
        Ok(explained)
    }
}

impl Source {
    pub fn open(args: &ShapArgs) -> Result<Self> {
        if let Some(text) = &args.text.text {
            return Ok(Self::Given(text.clone()));
        }
        let path = args.data.clone().unwrap_or_default();
        let open = |text: Vec<String>| Table::open(&path, &ReadOptions { text, ..ReadOptions::default() });
        let guessed = open(Vec::new())?;
        let columns = || {
            let columns: Vec<&str> = guessed.schema().fields().iter().map(|field| field.name().as_str()).collect();
            format!("name it with `--text-column`; {} has {}", path.display(), columns.join(", "))
        };
        let Some(name) = &args.text.text_column else {
            return Err(Error::input("which column holds the texts?").hint(columns()));
        };
        let column = guessed.positions(std::slice::from_ref(name))?[0];
        if guessed.schema().field(column).data_type().is_numeric() {
            let message = format!("{}: column `{name}` holds numbers, not texts", path.display());
            return Err(Error::input(message).hint(format!("which column holds the texts? {}", columns())));
        }
        let table = open([&args.columns.id[..], std::slice::from_ref(name)].concat())?;
        let ids = table.positions(&args.columns.id)?;
        Ok(Self::Column { table, column, ids, beside: None })
    }

    /// Matches the columns beside the texts to those that the model takes.
    ///
    /// # Errors
    /// A table that lacks some of them or has columns that nobody uses.
    pub fn take_columns(&mut self, args: &ShapArgs, columns: &[String]) -> Result<()> {
        let Self::Column { beside, .. } = self else { return Ok(()) };
        if !columns.is_empty() {
            let texts = args.text.text_column.as_slice();
            *beside = Some(Box::new(Input::open(&args.input(), &args.background, &[], texts, columns, true)?));
        }
        Ok(())
    }

    /// What stands in for absent columns, and who plays among them.
    pub fn background(&self, args: &ShapArgs) -> Result<Option<(Background, Players)>> {
        let Self::Column { table, beside: Some(input), .. } = self else { return Ok(None) };
        if args.background.background.is_none() && table.n_rows()? == 1 {
            return Err(Error::input("the table has one row: nothing else can stand in for its absent columns")
                .hint("give rows that stand for the population with `--background`"));
        }
        Ok(Some((input.background(&args.background, args.run.seed)?, input.players().clone())))
    }

    /// What the texts are called.
    pub fn name(&self) -> String {
        match self {
            Self::Given(_) => "the text given".into(),
            Self::Column { table, .. } => file_name(table.path()),
        }
    }

    pub fn layout(&self, shap: &TextShap, args: &ShapArgs) -> Result<TextLayout> {
        let (ids, column) = match self {
            Self::Given(_) => (Fields::empty(), "text".to_string()),
            Self::Column { table, column, ids, beside } => {
                let ids = match beside {
                    Some(input) => input.layout(Vec::new(), false, false)?.ids,
                    None => table.schema().project(ids).map_err(|error| Error::input(error.to_string()))?.fields,
                };
                (ids, table.schema().field(*column).name().clone())
            }
        };
        let beside = matches!(self, Self::Column { beside: Some(_), .. });
        Ok(TextLayout { ids, outputs: shap.outputs(), column, beside, stderr: args.result.stderr })
    }

    pub fn n_texts(&self, args: &ShapArgs) -> Result<usize> {
        match self {
            Self::Given(_) => Ok(1),
            Self::Column { table, .. } => {
                args.columns.rows.map_or_else(|| table.n_rows(), |rows| table.first(rows).n_rows())
            }
        }
    }

    /// One pass over the texts, in blocks of at most `size`.
    pub fn for_each_block(
        &self,
        args: &ShapArgs,
        size: usize,
        work: &mut dyn FnMut(Texts) -> Result<()>,
    ) -> Result<()> {
        let alone = |texts: Vec<String>, first: usize, ids: Option<RecordBatch>| {
            let numbers = Array2::zeros((texts.len(), 0));
            Texts { texts, first, ids, numbers, values: Vec::new() }
        };
        let ids_of = |ids: RecordBatch| (ids.num_columns() > 0).then_some(ids);
        let (table, column, ids, beside) = match self {
            Self::Given(text) => return work(alone(vec![text.clone()], 1, None)),
            Self::Column { table, column, ids, beside } => (table, *column, ids, beside),
        };
        if let Some(input) = beside {
            return input.for_each_block(size, &mut |block| {
                let texts = texts(&block.batch, column, block.first).map_err(|error| table.blame(error))?;
                let values = (0..texts.len()).map(|row| input.describe(&block, row).1).collect();
                work(Texts { texts, first: block.first, ids: ids_of(block.ids), numbers: block.rows, values })?;
                Ok(true)
            });
        }
        let table = args.columns.rows.map_or_else(|| table.clone(), |rows| table.first(rows));
        let mut first = 1;
        for batch in table.batches(size)? {
            let batch = batch?;
            let texts = texts(&batch, column, first).map_err(|error| table.blame(error))?;
            let ids = batch.project(ids).map_err(|error| Error::input(error.to_string()))?;
            work(alone(texts, first, ids_of(ids)))?;
            first += batch.num_rows();
        }
        Ok(())
    }
}

fn texts(batch: &RecordBatch, column: usize, first: usize) -> Result<Vec<String>> {
    let name = batch.schema_ref().field(column).name().clone();
    let cells =
        arrow::compute::cast(batch.column(column), &DataType::Utf8).map_err(|error| Error::input(error.to_string()))?;
    let cells = cells.as_string::<i32>();
    match (0..cells.len()).find(|&row| cells.is_null(row)) {
        Some(row) => Err(Error::input(format!("row {}, column `{name}`: the text is missing", first + row))
            .hint("leave such rows out of the table, or give them an empty text")),
        None => Ok((0..cells.len()).map(|row| cells.value(row).to_string()).collect()),
    }
}
