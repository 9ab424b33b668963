//! Which column of the table feeds which feature of the model.
//!
//! 1. **By name**, if every feature of the model is a feature of the table: a column of that name, or `column=category` of a
//!    column that the schema declares one-hot.
//! 2. **By order**, if the model's names are generic (`input[0]`, `input[1]`, … or `x0`, `x1`, …): the schema's columns in its
//!    order, or all columns of the table in theirs; their number must be the model's.
//! 3. Anything else is an error that names what is missing and what is left over.
//!
//! A column that feeds nothing is an error too, unless it is declared as id or ignored, or is called `target` (the label).

use super::names;
use super::schema::{Column, Encoding, Schema};
use crate::{Error, Result};
use arrow::datatypes::{DataType, Schema as Columns};

/// The label's column: left out unless the model names it.
const LABEL: &str = "target";

/// Columns with a role of their own.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    /// Copied to the output; features as well only if the model names them.
    pub id: Vec<String>,
    /// Never used.
    pub ignore: Vec<String>,
}

/// A column of the table and the features it feeds.
#[derive(Debug, Clone)]
pub struct Source {
    pub column: Column,
    /// For each feature of `column.features()`, its place in the model, if the model has it.
    pub places: Vec<Option<usize>>,
}

/// A complete match: every feature of the model is fed exactly once.
#[derive(Debug)]
pub struct Match {
    pub sources: Vec<Source>,
    /// Names to show, in the model's order.
    pub features: Vec<String>,
}

pub fn match_columns(table: &Columns, model: &[String], schema: Option<&Schema>, roles: &Roles) -> Result<Match> {
    if model.is_empty() {
        return Err(
            Error::input("the model takes no features").hint("there is nothing to explain; check the model's inputs")
        );
    }
    names::require_unique(model.iter().map(String::as_str), "features of the model")?;
    let offered = offered(table, schema, roles)?;
    let feeds = |name: &String| offered.iter().any(|c| c.features().contains(name));
    if model.iter().all(feeds) {
        return by_name(&offered, model, schema, roles);
    }
    match is_generic(model) {
        true => by_order(table, &offered, model, schema, roles),
        false => Err(mismatch(&offered, model, schema, roles)),
    }
}

/// The columns that could feed the model: the schema's first, in its order, then the table's others.
fn offered(table: &Columns, schema: Option<&Schema>, roles: &Roles) -> Result<Vec<Column>> {
    let has = |name: &str| table.column_with_name(name).is_some();
    let ignored = |name: &String| roles.ignore.contains(name) || schema.is_some_and(|s| s.ignore.contains(name));
    let mut offered = Vec::new();
    for column in schema.into_iter().flat_map(|s| &s.columns).filter(|c| !ignored(&c.name)) {
        if has(&column.name) {
            offered.push(column.clone());
        } else if column.is_categorical() && column.features().iter().all(|f| has(f)) {
            offered.extend(column.features().into_iter().map(numeric)); // encoded already
        } else {
            let nearest = names::did_you_mean(&column.name, table.fields().iter().map(|f| f.name().as_str()));
            return Err(Error::input(format!("the table lacks the schema's column `{}`{nearest}", column.name))
                .hint("add the column to the table, or take it out of the schema"));
        }
    }
    let declared: Vec<String> = offered.iter().map(|c| c.name.clone()).collect();
    let others = table.fields().iter().map(|f| f.name()).filter(|name| !declared.contains(name) && !ignored(name));
    offered.extend(others.map(|name| numeric(name.clone())));
    Ok(offered)
}

fn numeric(name: String) -> Column {
    Column { name, encoding: Encoding::Numeric, missing: None }
}

/// May the column be left over?
fn has_role(column: &Column, schema: Option<&Schema>, roles: &Roles) -> bool {
    column.name == LABEL || roles.id.contains(&column.name) || schema.is_some_and(|s| s.id.contains(&column.name))
}

fn by_name(offered: &[Column], model: &[String], schema: Option<&Schema>, roles: &Roles) -> Result<Match> {
    let place = |feature: &String| model.iter().position(|m| m == feature);
    let (mut sources, mut fed, mut extra) = (Vec::new(), vec![false; model.len()], Vec::new());
    for column in offered {
        let mut places: Vec<Option<usize>> = column.features().iter().map(place).collect();
        for p in &mut places {
            *p = p.filter(|&p| !std::mem::replace(&mut fed[p], true)); // an encoded and a raw column: the first one feeds
        }
        match places.iter().any(Option::is_some) {
            true => sources.push(Source { column: column.clone(), places }),
            false if has_role(column, schema, roles) => {}
            false => extra.push(&column.name),
        }
    }
    match extra.is_empty() {
        true => Ok(Match { sources, features: model.to_vec() }),
        false => Err(Error::input(format!("the model does not use {}: {}", columns(extra.len()), names::list(extra)))
            .hint(LEAVE_OUT)),
    }
}

fn by_order(
    table: &Columns,
    offered: &[Column],
    model: &[String],
    schema: Option<&Schema>,
    roles: &Roles,
) -> Result<Match> {
    let declared = |c: &Column| {
        schema.is_some_and(|s| s.columns.iter().any(|d| d.name == c.name || d.features().contains(&c.name)))
    };
    let by_schema = schema.is_some_and(|s| !s.columns.is_empty());
    let (taken, others): (Vec<&Column>, Vec<&Column>) =
        offered.iter().partition(|c| if by_schema { declared(c) } else { !has_role(c, schema, roles) });
    let features: Vec<String> = taken.iter().flat_map(|c| c.features()).collect();
    let undeclared: Vec<&String> = others.iter().filter(|c| !has_role(c, schema, roles)).map(|c| &c.name).collect();
    if !undeclared.is_empty() {
        return Err(Error::input(format!(
            "the schema does not declare {}: {}",
            columns(undeclared.len()),
            names::list(undeclared)
        ))
        .hint(LEAVE_OUT));
    }
    if features.len() != model.len() {
        return Err(wrong_count(table, &taken, &features, model));
    }
    names::require_unique(features.iter().map(String::as_str), "features of the table")?;
    let mut next = 0..model.len();
    let source = |c: &Column| Source { column: c.clone(), places: c.features().iter().map(|_| next.next()).collect() };
    Ok(Match { sources: taken.into_iter().map(source).collect(), features })
}

const LEAVE_OUT: &str = "leave columns out with `--ignore NAME`, copy them to the output with `--id NAME`, or list them under `id` or `ignore` in the schema file";

fn columns(n: usize) -> String {
    if n == 1 { "1 column".into() } else { format!("{n} columns") }
}

fn wrong_count(table: &Columns, taken: &[&Column], features: &[String], model: &[String]) -> Error {
    let is_text = |c: &&&Column| {
        let found = table.column_with_name(&c.name).map(|(_, f)| f.data_type());
        !c.is_categorical() && matches!(found, Some(DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View))
    };
    let text: Vec<&String> = taken.iter().filter(is_text).map(|c| &c.name).collect();
    let text = if text.is_empty() { String::new() } else { format!("; there is text in {}", names::list(text)) };
    let (n, m) = (features.len(), model.len());
    let difference = if n > m { format!("{} too many", n - m) } else { format!("{} too few", m - n) };
    Error::input(format!(
        "the model takes {m} features (unnamed, so matched by order) and the table offers {n}, {difference}: {}{text}",
        names::list(features)
    ))
    .hint(if n > m { LEAVE_OUT } else { "add the missing columns in the model's order; declare categorical columns, which become several features, in a schema file" })
}

fn mismatch(offered: &[Column], model: &[String], schema: Option<&Schema>, roles: &Roles) -> Error {
    let features: Vec<String> = offered.iter().flat_map(|c| c.features()).collect();
    let missing: Vec<String> = model.iter().filter(|m| !features.contains(m)).cloned().collect();
    let unused = |c: &&Column| !has_role(c, schema, roles) && !c.features().iter().any(|f| model.contains(f));
    let extra: Vec<&str> = offered.iter().filter(unused).map(|c| c.name.as_str()).collect();
    let nearest: String = missing.iter().take(3).map(|m| names::did_you_mean(m, extra.iter().copied())).collect();
    let left = if extra.is_empty() { String::new() } else { format!("; left over are {}", names::list(&extra)) };
    Error::input(format!(
        "the table lacks {} of the model's {} features: {}{nearest}{left}",
        missing.len(),
        model.len(),
        names::list(&missing)
    ))
    .hint("rename the columns to the model's features; declare categorical columns in a schema file")
}

/// Names that say nothing: one stem and a running number from 0 or 1, as in `input[3]` or `x3`.
fn is_generic(model: &[String]) -> bool {
    let numbered = |name: &String| -> Option<(String, usize)> {
        let bare = name.strip_suffix(']').unwrap_or(name);
        let stem = bare.trim_end_matches(|c: char| c.is_ascii_digit());
        Some((stem.to_string(), bare[stem.len()..].parse().ok()?))
    };
    let Some(found) = model.iter().map(numbered).collect::<Option<Vec<_>>>() else { return false };
    let (stem, first) = &found[0];
    *first <= 1 && found.iter().enumerate().all(|(i, (s, number))| s == stem && *number == first + i)
}
