//! From what a column held to who is meant: its kind, the rule that decided it, and the side of each class.

use super::cell::python_float;
use super::column::{Class, Column, Type};
use super::request::{Kind, Mode, Selection};
use super::signature::{
    ABOVE, BOOL, BOOL_CAST, BOOL_READ, INTEGER_CAST, MISSING, NUMBER, NUMBER_CAST, Signature, TEXT, TEXT_CAST,
};

/// Share of different values from which whole numbers count as continuous.
const CONTINUOUS_SHARE: f64 = 0.05;

/// Where a cell belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Out,
    In,
    /// Counted nowhere.
    Unknown,
}

/// Which cells are in.
#[derive(Debug, Clone, PartialEq)]
pub enum Members {
    /// Those whose signature has one of the bits.
    Bits(Signature),
    /// Those of the classes.
    Classes(Vec<bool>),
}

/// One group of a column.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// `1`, `A,B`, `(40.0, 79.2]`.
    pub text: String,
    pub members: Members,
    mode: Mode,
}

impl Chosen {
    pub fn new(text: String, members: Members, mode: Mode) -> Chosen {
        Chosen { text, members, mode }
    }

    pub fn side(&self, class: usize, signature: Signature) -> Side {
        let inside = match &self.members {
            Members::Bits(bits) => signature & bits != 0,
            Members::Classes(classes) => classes[class],
        };
        match (signature & MISSING != 0, self.mode) {
            (true, Mode::Correct) => Side::Unknown,
            _ if inside => Side::In,
            _ => Side::Out,
        }
    }
}

/// A column, understood.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub kind: Kind,
    pub rule: String,
    /// One, or one for each value.
    pub groups: Vec<Chosen>,
    pub notes: Vec<String>,
}

/// The kind that the reference infers, and why.
pub fn infer(column: &Column, selection: &Selection) -> (Kind, String) {
    use Kind::{Categorical, Continuous};
    let (distinct, count) = (column.distinct(), column.rows - column.missing);
    let many = column.uncounted() || distinct as f64 / count as f64 >= CONTINUOUS_SHARE;
    let share = || {
        let more = if column.uncounted() { "more than " } else { "" };
        format!("{more}{distinct} different in {count} rows, {} 5 %", if many { "at least" } else { "less than" })
    };
    if let Some(kind) = selection.kind {
        return (kind, "as requested".into());
    }
    match column.dtype() {
        Type::Category => (Categorical, "the file types it as categories".into()),
        _ if selection.values.len() > 1 => (Categorical, "several values are given".into()),
        Type::Text if column.texts_of_integers() && many => {
            (Continuous, format!("texts of whole numbers, {}", share()))
        }
        Type::Text => (Categorical, "text".into()),
        Type::Float if column.missing > 0 => (Continuous, "numbers with missing cells or decimals".into()),
        Type::Float => (Continuous, "numbers with decimals".into()),
        Type::Integer if many => (Continuous, format!("whole numbers, {}", share())),
        Type::Integer => (Categorical, format!("whole numbers, {}", share())),
        Type::Bool => (Categorical, "true and false".into()),
    }
}

/// Who is meant. The error is the reason why the column cannot be used, in the reference's words under [`Mode::Clarify`].
pub fn resolve(column: &Column, selection: &Selection, mode: Mode) -> Result<Resolved, String> {
    let (kind, rule) = infer(column, selection);
    let mut found = Resolved { kind, rule, groups: Vec::new(), notes: Vec::new() };
    match (kind, selection.values.is_empty()) {
        (Kind::Continuous, _) => threshold(column, selection, mode, &mut found)?,
        (Kind::Categorical, false) => {
            let members = Members::Bits(matching(column, selection, mode)?);
            found.groups.push(Chosen { text: listed(selection), members, mode });
        }
        (Kind::Categorical, true) => found.groups = one_for_each(column, mode)?,
    }
    Ok(found)
}

fn listed(selection: &Selection) -> String {
    selection.values.iter().map(|v| v.python()).collect::<Vec<_>>().join(",")
}

/// The bits that mean "is one of the values": as written if any cell is, else after a cast to the column's type.
fn matching(column: &Column, selection: &Selection, mode: Mode) -> Result<Signature, String> {
    let (direct, cast) = match (column.dtype(), mode) {
        (Type::Bool, Mode::Clarify) => (BOOL, BOOL_CAST),
        (Type::Bool, Mode::Correct) => (BOOL, BOOL_READ),
        (Type::Integer, Mode::Clarify) => (NUMBER, INTEGER_CAST),
        (Type::Category, _) if column.max.is_finite() && !column.has(TEXT_CAST) => (NUMBER, NUMBER_CAST),
        (Type::Integer | Type::Float, _) => (NUMBER, NUMBER_CAST),
        (Type::Text | Type::Category, _) => (TEXT, TEXT_CAST),
    };
    if column.has(direct) {
        return Ok(direct);
    }
    let numeric = matches!(column.dtype(), Type::Integer | Type::Float);
    let wrong = selection.values.iter().find(|v| numeric && v.number().is_none());
    match (wrong, mode) {
        (Some(value), Mode::Clarify) => Err(format!("could not convert string to float: '{}'", value.python())),
        _ => Ok(cast),
    }
}

fn threshold(column: &Column, selection: &Selection, mode: Mode, found: &mut Resolved) -> Result<(), String> {
    let name = &column.name;
    let clarify = mode == Mode::Clarify;
    let value = match selection.values.as_slice() {
        [] if clarify => return Err("Threshold values must be provided for continuous features".into()),
        [] => {
            return Err(format!(
                "column `{name}` holds numbers, so it needs a threshold: rows above it are the group; or ask for its \
                 values by reading it as categorical"
            ));
        }
        [value] if value.number().is_some() => value,
        _ if clarify => {
            return Err("Facet/label value provided must be a single numeric threshold for continuous data".into());
        }
        values => {
            let values: Vec<String> = values.iter().map(|v| v.python()).collect();
            return Err(format!(
                "column `{name}` is continuous and takes one number as its threshold, not {}",
                values.join(", ")
            ));
        }
    };
    let whole = matches!(value, super::Value::Integer(_)) && column.dtype() != Type::Float;
    let limit = value.number().unwrap_or_default();
    let occurs = column.has(NUMBER | NUMBER_CAST);
    if mode == Mode::Correct && selection.kind.is_none() && occurs && limit >= column.max {
        found.kind = Kind::Categorical;
        found.rule = format!("{}, but none is above {}: taken as a value", found.rule, value.python());
        let members = Members::Bits(NUMBER | NUMBER_CAST);
        found.groups.push(Chosen { text: value.python(), members, mode });
        return Ok(());
    }
    if occurs && selection.kind.is_none() {
        found.notes.push(format!(
            "`{name}` was read as continuous ({}): {} is a threshold and means numbers above it. To mean the number itself, read the column as categorical.",
            found.rule,
            value.python()
        ));
    }
    found.groups.push(Chosen { text: interval(limit, column.max, whole), members: Members::Bits(ABOVE), mode });
    Ok(())
}

/// `(40.0, 79.2]`: from the threshold to the largest number, or the reverse; empty if they are equal.
fn interval(limit: f64, max: f64, whole: bool) -> String {
    let shown = |value: f64| if whole { format!("{value}") } else { python_float(value) };
    match limit.partial_cmp(&max) {
        Some(std::cmp::Ordering::Equal) => String::new(),
        Some(std::cmp::Ordering::Less) => format!("({}, {}]", shown(limit), shown(max)),
        _ => format!("({}, {}]", shown(max), shown(limit)),
    }
}

/// A group for each value, in order of first appearance.
fn one_for_each(column: &Column, mode: Mode) -> Result<Vec<Chosen>, String> {
    if column.crowded {
        let limit = column.classes.iter().filter(|c| c.signature != MISSING).count() - 1;
        return Err(format!(
            "column `{}` has more than {limit} different values: name those that make the group, or give a threshold",
            column.name
        ));
    }
    let parts = parts(column);
    let group = |(text, members): (String, Vec<bool>)| Chosen { text, members: Members::Classes(members), mode };
    let known = |(_, members): &(String, Vec<bool>)| mode == Mode::Clarify || !is_missing(column, members);
    Ok(parts.into_iter().filter(known).map(clear_missing(column)).map(group).collect())
}

fn is_missing(column: &Column, members: &[bool]) -> bool {
    members.iter().zip(&column.classes).any(|(&inside, class)| inside && class.signature & MISSING != 0)
}

/// A missing cell equals nothing, itself included: its group is empty.
fn clear_missing(column: &Column) -> impl Fn((String, Vec<bool>)) -> (String, Vec<bool>) {
    |(text, members)| match is_missing(column, &members) {
        true => (text, vec![false; members.len()]),
        false => (text, members),
    }
}

/// The classes of each value, by first appearance.
pub fn parts(column: &Column) -> Vec<(String, Vec<bool>)> {
    let mut parts: Vec<(String, Vec<bool>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for (place, Class { value, .. }) in column.classes.iter().enumerate() {
        let Some(value) = value else { continue };
        let text = column.shown(value);
        let part = *places.entry(text.clone()).or_insert_with(|| {
            parts.push((text, vec![false; column.classes.len()]));
            parts.len() - 1
        });
        parts[part].1[place] = true;
    }
    parts
}
