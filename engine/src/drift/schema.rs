//! Columns that came, went, or changed their kind.

use super::profile::{Content, Profile};
use serde::Serialize;

/// What is different about a column as a whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum SchemaChange {
    /// In the baseline, not in the new data: breaks whatever reads it.
    Missing { column: String },
    /// In the new data only; told, not a violation.
    Extra { column: String },
    /// Numbers here, categories there.
    Kind { column: String, baseline: &'static str, data: &'static str },
}

impl SchemaChange {
    pub fn column(&self) -> &str {
        match self {
            Self::Missing { column } | Self::Extra { column } | Self::Kind { column, .. } => column,
        }
    }

    /// Whether it counts as drift.
    pub fn is_violation(&self) -> bool {
        !matches!(self, Self::Extra { .. })
    }

    /// One sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Missing { column } => format!("The baseline has the column {column}, the new data has not"),
            Self::Extra { column } => format!("The new data has the column {column}, the baseline has not"),
            Self::Kind { column, baseline, data } => {
                format!("The column {column} holds {baseline} in the baseline and {data} in the new data")
            }
        }
    }
}

/// Differences in the baseline's order of columns, new columns last. A column whose cells are all missing changes no kind.
pub fn schema_changes(baseline: &Profile, data: &Profile) -> Vec<SchemaChange> {
    let of = |column: &super::ColumnProfile| match data.column(&column.name) {
        None => Some(SchemaChange::Missing { column: column.name.clone() }),
        Some(found) if differ(&column.content, &found.content) => Some(SchemaChange::Kind {
            column: column.name.clone(),
            baseline: column.content.kind(),
            data: found.content.kind(),
        }),
        Some(_) => None,
    };
    let extra = data.columns.iter().filter(|column| baseline.column(&column.name).is_none());
    let extra = extra.map(|column| SchemaChange::Extra { column: column.name.clone() });
    baseline.columns.iter().filter_map(of).chain(extra).collect()
}

fn differ(a: &Content, b: &Content) -> bool {
    matches!((a, b), (Content::Numbers(_), Content::Categories(_)) | (Content::Categories(_), Content::Numbers(_)))
}
