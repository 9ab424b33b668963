//! Parts of a table that are measured one by one: rows with some values of a column, or numbers in an interval.

use super::cell::{Cell, Cells};
use super::column::Column;
use super::request::Value;
use super::signature::{BOOL, BOOL_READ, NUMBER, NUMBER_CAST, Signature, TEXT, TEXT_CAST};
use crate::data::Table;
use crate::{Error, Result};
use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, not, or};
use arrow::datatypes::DataType;
use std::fmt;
use std::sync::Arc;

/// The name of the rows that are in no segment.
pub const DEFAULT_SEGMENT: &str = "__default__";

/// Rows of a table whose cell in `column` is any of some values.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    pub column: String,
    /// Not empty, and no other segment's; `__default__` is taken.
    pub name: String,
    /// At least one.
    pub any_of: Vec<SegmentValue>,
}

/// What a cell is compared with. A missing cell is never equal, nor in any interval.
#[derive(Debug, Clone, PartialEq)]
pub enum SegmentValue {
    /// Numbers compare as numbers, booleans as booleans, texts as texts, as the values of a facet do.
    Equal(Value),
    /// Numbers from `low` to `high`, ends included unless open; ends may be infinite.
    Interval { low: f64, high: f64, low_open: bool, high_open: bool },
}

impl SegmentValue {
    /// Reads `[1, 4)` or `(-inf, 3]`; what is not two numbers between brackets is a text: `north`, `(none)`, `[a, b]`.
    ///
    /// # Errors
    /// An interval with one end that is no number, or that holds no number at all.
    pub fn parse(text: &str) -> Result<SegmentValue> {
        let written = text.trim();
        let equal = || Ok(SegmentValue::Equal(Value::Text(text.into())));
        let (low_open, high_open) = (written.starts_with('('), written.ends_with(')'));
        if !(low_open || written.starts_with('[')) || !(high_open || written.ends_with(']')) {
            return equal();
        }
        let Some((low, high)) = written[1..].strip_suffix([')', ']']).and_then(|inside| inside.split_once(',')) else {
            return equal();
        };
        let bad = |what: &str| {
            Err(Error::input(format!("the interval `{written}` {what}"))
                .hint("write two numbers from low to high, as in `[20, 40)` or `(-inf, 3]`: a bracket includes its end, a parenthesis does not"))
        };
        let number = |end: &str| end.trim().parse::<f64>().ok().filter(|end| !end.is_nan());
        match (number(low), number(high)) {
            (Some(low), Some(high)) if low < high || (low == high && !low_open && !high_open) => {
                Ok(SegmentValue::Interval { low, high, low_open, high_open })
            }
            (Some(low), Some(high)) if low > high => bad("goes from high to low"),
            (Some(_), Some(_)) => bad("holds no number"),
            (None, None) => equal(),
            (None, _) => bad(&format!("begins with `{}`, which is not a number", low.trim())),
            (_, None) => bad(&format!("ends with `{}`, which is not a number", high.trim())),
        }
    }

    fn holds(&self, number: f64) -> bool {
        match *self {
            SegmentValue::Equal(_) => false,
            SegmentValue::Interval { low, high, low_open, high_open } => {
                let above = if low_open { number > low } else { number >= low };
                above && if high_open { number < high } else { number <= high }
            }
        }
    }
}

impl fmt::Display for SegmentValue {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            SegmentValue::Equal(value) => f.write_str(&value.python()),
            SegmentValue::Interval { low, high, low_open, high_open } => {
                let (open, close) = (if *low_open { '(' } else { '[' }, if *high_open { ')' } else { ']' });
                write!(f, "{open}{low}, {high}{close}")
            }
        }
    }
}

/// One table a segment, in order, then [`DEFAULT_SEGMENT`] with the rows that are in none of them; a row may be in several. Each is
/// the whole table read through a filter, so it may turn out to have no rows. Columns of a file without types are numbers or text as
/// the table took them to be, so split it before it is read as text.
///
/// # Errors
/// A column that is not in the table, a segment without values, and a name that is empty, `__default__` or given twice.
pub fn split(table: &Table, segments: &[Segment]) -> Result<Vec<(String, Table)>> {
    check(table, segments)?;
    let members: Arc<[Member]> = segments.iter().map(|segment| Member::new(table, segment)).collect();
    let columns: Vec<String> = segments.iter().map(|segment| segment.column.clone()).collect();
    let part = |keep: Keep| {
        let members = members.clone();
        table.clone().through_columns(&columns, move |batch| keep.rows(&members, &batch))
    };
    let mut parts: Vec<(String, Table)> =
        segments.iter().enumerate().map(|(place, s)| (s.name.clone(), part(Keep::Of(place)))).collect();
    parts.push((DEFAULT_SEGMENT.into(), part(Keep::Rest)));
    Ok(parts)
}

fn check(table: &Table, segments: &[Segment]) -> Result<()> {
    table.positions(&segments.iter().map(|segment| segment.column.clone()).collect::<Vec<_>>())?;
    for (place, segment) in segments.iter().enumerate() {
        let name = &segment.name;
        let wrong = |what: &str, hint: &str| Err(Error::input(format!("the segment `{name}` {what}")).hint(hint));
        if name.is_empty() || name == DEFAULT_SEGMENT {
            return wrong("has a name that is taken", "`__default__` holds the rows in no segment; take another name");
        }
        if segments[..place].iter().any(|other| other.name == *name) {
            return wrong("is given twice", "give each segment a name of its own");
        }
        if segment.any_of.is_empty() {
            return wrong("has no values", "name at least one value or interval of its column");
        }
    }
    Ok(())
}

/// Which rows a part keeps.
#[derive(Clone, Copy)]
enum Keep {
    Of(usize),
    Rest,
}

impl Keep {
    fn rows(self, members: &[Member], batch: &RecordBatch) -> Result<RecordBatch> {
        let wrong = |error: arrow::error::ArrowError| Error::input(error.to_string());
        let kept = match self {
            Keep::Of(place) => members[place].rows(batch)?,
            Keep::Rest => {
                let nowhere = BooleanArray::from(vec![false; batch.num_rows()]);
                let any = members.iter().try_fold(nowhere, |any, member| or(&any, &member.rows(batch)?).map_err(wrong));
                not(&any?).map_err(wrong)?
            }
        };
        filter_record_batch(batch, &kept).map_err(wrong)
    }
}

/// Who is in a segment.
struct Member {
    column: String,
    values: Vec<Value>,
    intervals: Vec<SegmentValue>,
    /// The bits of a comparison that mean equal.
    equal: Signature,
    /// Whether texts come from a file without types.
    raw: bool,
}

impl Member {
    fn new(table: &Table, segment: &Segment) -> Member {
        let field = table.schema().field_with_name(&segment.column);
        let text = field.is_ok_and(|field| match field.data_type() {
            DataType::Dictionary(_, values) => !values.is_numeric(),
            kind => !kind.is_numeric() && *kind != DataType::Boolean,
        });
        let read = if text { 0 } else { BOOL | BOOL_READ | NUMBER | NUMBER_CAST };
        let value = |value: &SegmentValue| match value {
            SegmentValue::Equal(value) => Some(value.clone()),
            SegmentValue::Interval { .. } => None,
        };
        Member {
            column: segment.column.clone(),
            values: segment.any_of.iter().filter_map(value).collect(),
            intervals: segment.any_of.iter().filter(|v| value(v).is_none()).cloned().collect(),
            equal: TEXT | TEXT_CAST | read,
            raw: table.is_untyped(),
        }
    }

    fn rows(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        let name = &self.column;
        let array = batch.column_by_name(name).ok_or_else(|| Error::input(format!("there is no column `{name}`")))?;
        let cells = Cells::of(array, name, self.raw)?;
        let mut column = Column::new(name, &self.values, 0, false).uncounted_numbers();
        let classes = column.classes_of(&cells);
        let in_interval = |cell: Cell| {
            let number = if self.intervals.is_empty() { None } else { cell.number() };
            number.is_some_and(|number| self.intervals.iter().any(|interval| interval.holds(number)))
        };
        let is_in = |(row, &class): (usize, &u32)| {
            column.classes[class as usize].signature & self.equal != 0 || in_interval(cells.get(row))
        };
        Ok(classes.iter().enumerate().map(|place| Some(is_in(place))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(text: &str) -> SegmentValue {
        match SegmentValue::parse(text).unwrap() {
            value @ SegmentValue::Interval { .. } => value,
            other => panic!("{text} is {other:?}"),
        }
    }

    #[test]
    fn intervals_hold_their_ends_or_not() {
        let cases = [("[1, 4)", [1.0, 2.0], [0.9, 4.0]), ("(1,4]", [1.1, 4.0], [1.0, 4.1])];
        let endless = [("( -inf , 3 ]", [-1e300, 3.0], [3.1, f64::INFINITY]), ("[2, 2]", [2.0, 2.0], [1.9, 2.1])];
        for (text, inside, outside) in cases.into_iter().chain(endless) {
            assert!(inside.iter().all(|&x| interval(text).holds(x)), "{text}");
            assert!(!outside.iter().any(|&x| interval(text).holds(x)), "{text}");
        }
        assert_eq!(interval("(-inf,3.5]").to_string(), "(-inf, 3.5]");
        assert_eq!(interval("[-inf, 3]").to_string(), "[-inf, 3]");
    }

    #[test]
    fn what_is_no_interval_is_a_text_and_half_of_one_is_refused() {
        for text in ["north", "(none)", "[a, b]", "[]", "()", "(", "[1; 2]", "[1, 2", "", "é]"] {
            assert_eq!(SegmentValue::parse(text).unwrap(), SegmentValue::Equal(Value::Text(text.into())));
        }
        for (text, told) in [
            ("[4, 1]", "goes from high to low"),
            ("(1, 1]", "holds no number"),
            ("[1, x)", "ends with `x`"),
            ("[NaN, 2)", "begins with `NaN`"),
        ] {
            let error = SegmentValue::parse(text).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
