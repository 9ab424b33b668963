//! Values that no cell has: mostly a spelling.

use super::column::{Column, Type};
use super::request::{Kind, Selection, Value};
use crate::data::did_you_mean;

/// One sentence for each text among the values that no cell of the column equals, with the nearest that one does. Nothing where the column
/// does not hold text, or more different texts than are kept.
pub fn unmatched(column: &Column, selection: &Selection) -> Vec<String> {
    let text = matches!(column.dtype(), Type::Text | Type::Category) && selection.kind != Some(Kind::Continuous);
    if !text || column.uncounted() {
        return Vec::new();
    }
    let seen = column.texts();
    let written = |value: &Value| value.python();
    let absent = |value: &String| seen.binary_search(&value.as_str()).is_err();
    let said = |value: String| {
        let nearest = did_you_mean(&value, seen.iter().copied());
        format!("no cell of `{}` is `{value}`{nearest}", column.name)
    };
    selection.values.iter().map(written).filter(absent).map(said).collect()
}
