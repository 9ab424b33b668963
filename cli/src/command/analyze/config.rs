//! An analysis configuration of SageMaker Clarify as typed values. Each key is honoured, accepted without effect (a remark says so) or
//! refused by name.

use super::methods::Methods;
use super::predictor::Predictor;
use pellucid::bias::Value;

/// A column as a configuration names it, and the key that does.
#[derive(Debug, Clone)]
pub struct Column {
    pub at: String,
    pub place: Place,
}

#[derive(Debug, Clone)]
pub enum Place {
    /// A name; a JMESPath for `label` and `predicted_label` of JSON and JSON Lines.
    Name(String),
    Index(usize),
}

/// How the rows are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatasetType {
    Csv,
    JsonLines,
    Json,
    Parquet,
}

#[derive(Debug)]
pub struct Config {
    pub kind: DatasetType,
    pub dataset_uri: Option<String>,
    pub headers: Option<Vec<String>>,
    pub label: Option<Column>,
    pub features: Option<String>,
    pub predicted_label: Option<Column>,
    /// Columns in files of their own.
    pub facet_dataset: Option<Side>,
    pub predicted_dataset: Option<Side>,
    pub joinsource: Option<Column>,
    pub excluded: Vec<Column>,
    pub label_values: Vec<Value>,
    pub probability_threshold: Option<f64>,
    pub facets: Vec<Facet>,
    pub group: Option<Column>,
    pub segments: Vec<SegmentConfig>,
    pub methods: Methods,
    pub predictor: Predictor,
    /// What was accepted and has no effect here.
    pub remarks: Vec<String>,
}

/// A file beside the data set.
#[derive(Debug)]
pub struct Side {
    pub at: String,
    pub uri: String,
    pub headers: Option<Vec<String>>,
}

#[derive(Debug)]
pub struct Facet {
    pub column: Column,
    pub values: Vec<Value>,
}

/// Parts of the data set that are measured on their own.
#[derive(Debug)]
pub struct SegmentConfig {
    pub at: String,
    pub column: Column,
    pub name: Option<String>,
    pub segments: Vec<Vec<Value>>,
    /// Names to show: one a segment, and perhaps one for the rest.
    pub aliases: Vec<String>,
}
