//! What goes in: the table to explain, the players its columns make, the background.

use crate::args::{BackgroundArgs, ColumnArgs, InputArgs};
use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema as Columns};
use ndarray::Array2;
use pellucid::data::{
    Background, BackgroundChoice, Encoder, Layout, Partition, ReadOptions, Roles, Schema, Table, row_id,
};
use pellucid::effect::Axis;
use pellucid::explain::{FeatureValue, Players};
use pellucid::{Error, Result};
use std::path::Path;
use std::sync::Arc;

/// Rows of the background when nothing else is asked for.
const BACKGROUND_ROWS: usize = 100;

const GROUPS_FILE: &str =
    "write a TOML file with the line `[groups]` and then one group a line, such as `size = [\"height\", \"weight\"]`";

#[derive(Clone)]
pub struct Input {
    schema: Option<Schema>,
    roles: Roles,
    source: Source,
    players: Players,
    /// Positions of the id columns in the table.
    ids: Vec<usize>,
    finite: bool,
    limit: Option<usize>,
}

/// A table and the way from its columns to the model's features.
#[derive(Clone)]
struct Source {
    table: Table,
    encoder: Encoder,
}

impl Input {
    /// `apart`: columns of the table that are neither features nor ids, such as the label; `texts`: the same, read as text. `finite`: the
    /// model takes neither missing values nor infinities.
    pub fn open(
        args: &InputArgs,
        background: &BackgroundArgs,
        apart: &[String],
        texts: &[String],
        features: &[String],
        finite: bool,
    ) -> Result<Self> {
        let schema = schema(&args.columns)?;
        let mut roles = Roles { id: args.columns.id.clone(), ignore: args.columns.ignore.clone() };
        roles.id.extend(schema.iter().flat_map(|schema| schema.id.clone()));
        let table = Source::table(&args.data, schema.as_ref(), &roles, texts)?;
        table.positions(&roles.id)?;
        for others in [apart, texts] {
            table.positions(others)?;
            roles.ignore.extend_from_slice(others);
        }
        if background.background.is_none() {
            table.positions(&args.columns.ignore)?;
        }
        Ok(Self { limit: args.columns.rows, ..Self::of(table, schema, roles, features, finite)? })
    }

    /// A table that is open. `roles` of columns that it does not have are passed over.
    pub fn of(table: Table, schema: Option<Schema>, roles: Roles, features: &[String], finite: bool) -> Result<Self> {
        let source = Source::new(table, features, schema.as_ref(), &roles, finite)?;
        let ids = source.table.positions(&roles.id)?;
        let players = players(&source.encoder)?;
        Ok(Self { schema, roles, source, players, ids, finite, limit: None })
    }

    /// Model inputs `[rows, features]` of a batch of the table, or of the table as text. `first_row` is the number of its first row, from 1.
    pub fn encode(&self, batch: &RecordBatch, first_row: usize) -> Result<Array2<f32>> {
        let Source { table, encoder } = &self.source;
        encoder.encode(&flags(batch, table.schema())?, first_row).map_err(|e| table.blame(e))
    }

    pub fn players(&self) -> &Players {
        &self.players
    }

    /// The table up to `--rows`.
    fn rows(&self) -> Table {
        self.limit.map_or_else(|| self.source.table.clone(), |limit| self.source.table.first(limit))
    }

    /// Rows to explain.
    pub fn n_rows(&self) -> Result<usize> {
        self.rows().n_rows()
    }

    /// Columns of the output.
    pub fn layout(&self, outputs: Vec<String>, stderr: bool, interactions: bool) -> Result<Layout> {
        let ids = self.source.table.schema().project(&self.ids).map_err(|error| Error::input(error.to_string()))?;
        Ok(Layout { ids: ids.fields, outputs, players: self.players.names().to_vec(), stderr, interactions })
    }

    /// The parts of the table that a column tells apart.
    pub fn partition(&self, by: &str, seed: u64) -> Result<Partition> {
        Partition::read(&self.source.table, by, self.limit, seed)
    }

    /// The background rows, from `--background` or else from the table itself.
    pub fn background(&self, args: &BackgroundArgs, seed: u64) -> Result<Background> {
        let given = match &args.background {
            Some(path) => {
                let features = self.source.encoder.feature_names();
                let table = Source::table(path, self.schema.as_ref(), &self.roles, &[])?;
                Some(Source::new(table, features, self.schema.as_ref(), &self.roles, self.finite)?)
            }
            None => None,
        };
        let source = given.as_ref().unwrap_or(&self.source);
        let known = |name: &&String| self.source.has(name) || source.has(name);
        if let Some(unknown) = self.roles.ignore.iter().find(|name| !known(name)) {
            self.source.table.positions(std::slice::from_ref(unknown))?;
        }
        let choice = match args {
            choice if choice.background_all => BackgroundChoice::All,
            choice => match (choice.background_kmeans, choice.background_rows) {
                (Some(clusters), _) => BackgroundChoice::KMeans { clusters, seed },
                (None, Some(rows)) => BackgroundChoice::Sample { rows, seed },
                (None, None) if source.table.n_rows()? <= BACKGROUND_ROWS => BackgroundChoice::All,
                (None, None) => BackgroundChoice::Sample { rows: BACKGROUND_ROWS, seed },
            },
        };
        Background::read(&source.table, &source.encoder, choice, None, None)
    }

    /// Rows of the table that effects are averaged over, with their weights and labels.
    pub fn sample(&self, choice: BackgroundChoice, weights: Option<&str>, label: Option<&str>) -> Result<Background> {
        Background::read(&self.rows(), &self.source.encoder, choice, weights, label)
    }

    /// The raw columns that the model uses; columns that are one-hot in the table already and are one player are one.
    pub fn axes(&self, rows: &Background) -> Vec<Axis> {
        let (encoder, mut axes) = (&self.source.encoder, self.source.encoder.axes());
        for group in encoder.default_groups().iter().filter(|group| group.features.len() > 1) {
            let alone = |axis: &Axis| axis.features.len() == 1 && group.features.contains(&axis.features[0]);
            if axes.iter().filter(|axis| alone(axis)).count() < group.features.len() {
                continue;
            }
            let one_hot = Axis::one_hot(&group.name, &group.features, encoder.feature_names(), rows.rows.view());
            if let (Some(one_hot), Some(first)) = (one_hot, axes.iter().position(alone)) {
                axes[first] = one_hot;
                axes.retain(|axis| !alone(axis));
            }
        }
        axes
    }

    /// Columns of the table as the model sees them.
    pub fn columns(&self) -> Vec<Axis> {
        self.source.encoder.axes()
    }

    /// What a reader of the table knows of one row of a block: its id, and the value of each player.
    pub fn describe(&self, block: &Block, row: usize) -> (String, Vec<FeatureValue>) {
        let encoder = &self.source.encoder;
        let values = encoder.default_groups().iter().map(|group| encoder.raw_value(&block.batch, row, group));
        (row_id(&block.ids, row), values.collect())
    }

    /// One pass over the rows to explain, in blocks of at most `block_rows`. Ends early when `work` returns false.
    pub fn for_each_block(&self, block_rows: usize, work: &mut dyn FnMut(Block) -> Result<bool>) -> Result<()> {
        let mut first = 0;
        for batch in self.rows().batches(block_rows)? {
            let batch = batch?;
            let rows = self.source.encoder.encode(&batch, first + 1).map_err(|e| self.source.table.blame(e))?;
            let ids = batch.project(&self.ids).map_err(|error| Error::input(error.to_string()))?;
            let number = first + 1;
            first += batch.num_rows();
            if !work(Block { rows, first: number, batch, ids })? {
                break;
            }
        }
        Ok(())
    }
}

/// Some rows of the table.
pub struct Block {
    /// Model inputs `[rows, features]`.
    pub rows: Array2<f32>,
    /// The number of the first row, from 1.
    pub first: usize,
    /// The same rows as in the table.
    pub batch: RecordBatch,
    /// Their id columns.
    pub ids: RecordBatch,
}

impl Source {
    fn has(&self, column: &str) -> bool {
        self.table.schema().column_with_name(column).is_some()
    }

    /// The table, with ids, categories and `texts` as text.
    fn table(path: &Path, schema: Option<&Schema>, roles: &Roles, texts: &[String]) -> Result<Table> {
        let mut text = [&roles.id[..], texts].concat();
        text.extend(schema.iter().flat_map(|schema| schema.text_columns()));
        Table::open(path, &ReadOptions { text, ..ReadOptions::default() })
    }

    fn new(table: Table, features: &[String], schema: Option<&Schema>, roles: &Roles, finite: bool) -> Result<Self> {
        let encoder = Encoder::new(table.schema(), features, schema, roles).map_err(|e| table.blame(e))?;
        let encoder = if finite { encoder.finite() } else { encoder };
        Ok(Self { table, encoder })
    }
}

/// Columns of true and false that are read as text, as what they are: the model takes them for 1 and 0.
pub fn flags(batch: &RecordBatch, typed: &Columns) -> Result<RecordBatch> {
    let wrong = |error: arrow::error::ArrowError| Error::input(error.to_string());
    let (mut fields, mut cells) = (Vec::new(), Vec::new());
    for ((field, column), typed) in batch.schema().fields().iter().zip(batch.columns()).zip(typed.fields()) {
        let is_flag = *typed.data_type() == DataType::Boolean;
        fields.push(if is_flag { typed.clone() } else { field.clone() });
        cells.push(if is_flag { cast(column, &DataType::Boolean).map_err(wrong)? } else { column.clone() });
    }
    RecordBatch::try_new(Arc::new(Columns::new(fields)), cells).map_err(wrong)
}

/// `--schema`, with the groups of `--groups` in place of its own.
fn schema(args: &ColumnArgs) -> Result<Option<Schema>> {
    let mut schema = args.schema.as_ref().map(Schema::open).transpose()?;
    if let Some(path) = &args.groups {
        let groups = Schema::open(path).map_err(|error| error.hint(GROUPS_FILE))?.groups;
        if groups.is_empty() {
            return Err(Error::input(format!("{}: there are no groups", path.display())).hint(GROUPS_FILE));
        }
        schema.get_or_insert_default().groups = groups;
    }
    Ok(schema)
}

fn players(encoder: &Encoder) -> Result<Players> {
    let names = encoder.feature_names();
    let members = |features: &[usize]| features.iter().map(|&feature| names[feature].clone()).collect();
    let groups: Vec<_> =
        encoder.default_groups().iter().map(|group| (group.name.clone(), members(&group.features))).collect();
    Players::grouped(names, &groups)
}
