//! Tables as they are shown: numbers of a column with the same decimals, few enough to read.

use super::Table;
use super::figures::text::short;
use serde::Serialize;
use serde_json::Value;

/// Digits of the largest number of a column; the others have as many decimals.
const DIGITS: i32 = 4;
/// Beyond these sizes digits before or after the point are too many to read.
const PLAIN: std::ops::Range<f64> = 1e-4..1e9;

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct ShownTable<'a> {
    title: &'a str,
    columns: Vec<ShownColumn<'a>>,
    rows: Vec<Vec<Cell>>,
    /// What to say of rows left out; empty if there are none.
    left_out: String,
}

#[derive(Debug, PartialEq, Serialize)]
struct ShownColumn<'a> {
    title: &'a str,
    number: bool,
}

#[derive(Debug, PartialEq, Serialize)]
struct Cell {
    text: String,
    number: bool,
    /// Numbers in full.
    value: Option<String>,
    /// `text` says less than `value`.
    rounded: bool,
}

pub(super) fn shown(table: &Table) -> ShownTable<'_> {
    let formats: Vec<Option<Format>> = (0..table.columns.len()).map(|c| Format::of(table, c)).collect();
    let columns = table.columns.iter().zip(&formats);
    ShownTable {
        title: &table.title,
        columns: columns.map(|(title, format)| ShownColumn { title, number: format.is_some() }).collect(),
        rows: table
            .rows
            .iter()
            .map(|row| row.iter().zip(&formats).map(|(v, f)| cell(v, f.as_ref())).collect())
            .collect(),
        left_out: match table.left_out {
            0 => String::new(),
            1 => "1 more row is left out.".into(),
            n => format!("{} more rows are left out.", grouped(&n.to_string())),
        },
    }
}

fn cell(value: &Value, format: Option<&Format>) -> Cell {
    let number = format.is_some();
    match (value, format) {
        (Value::Null, _) => Cell { text: "–".into(), number, value: None, rounded: false },
        (Value::Number(n), Some(format)) => {
            let (text, full) = (format.text(n.as_f64().unwrap_or(f64::NAN)), n.to_string());
            let rounded = text.replace(',', "").replace('−', "-") != full;
            Cell { text, number, value: Some(full), rounded }
        }
        (Value::Number(n), None) => {
            let full = n.to_string();
            let text = n.as_f64().filter(|_| n.is_f64()).map_or(full.clone(), short);
            Cell { rounded: text != full, text, number, value: Some(full) }
        }
        (Value::String(text), _) => Cell { text: text.clone(), number, value: None, rounded: false },
        (other, _) => Cell { text: other.to_string(), number, value: None, rounded: false },
    }
}

/// How the numbers of a column are written.
#[derive(Debug, PartialEq)]
enum Format {
    Decimals(usize),
    Scientific,
}

impl Format {
    /// `None` for a column without numbers, or with texts among them.
    fn of(table: &Table, column: usize) -> Option<Format> {
        let cells = || table.rows.iter().filter_map(|row| row.get(column)).filter(|v| !v.is_null());
        let numbers: Vec<f64> = cells().filter_map(Value::as_f64).collect();
        if numbers.is_empty() || numbers.len() < cells().count() {
            return None;
        }
        let largest = numbers.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
        if numbers.iter().all(|x| x.fract() == 0.0) && largest < PLAIN.end {
            return Some(Format::Decimals(0));
        }
        if !PLAIN.contains(&largest) {
            return Some(Format::Scientific);
        }
        let whole = largest.log10().floor() as i32 + 1;
        Some(Format::Decimals((DIGITS - whole).max(0) as usize))
    }

    /// Never 0 for a number that is not: those too small for the column's decimals are written as powers of ten.
    fn text(&self, x: f64) -> String {
        let text = match self {
            Format::Decimals(decimals) if x == 0.0 || x.abs() >= 0.5 * 10f64.powi(-(*decimals as i32)) => {
                grouped(&format!("{x:.decimals$}"))
            }
            _ if x == 0.0 => "0".into(),
            _ => format!("{x:.2e}"),
        };
        text.replace('-', "−")
    }
}

/// A comma between groups of three digits before the point.
fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut text = sign.to_string();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn column(values: Value) -> Vec<String> {
        let rows = values.as_array().unwrap().iter().map(|v| vec![v.clone()]).collect();
        let table = Table { columns: vec!["x".into()], rows, ..Table::default() };
        shown(&table).rows.into_iter().map(|mut row| row.remove(0).text).collect()
    }

    #[test]
    fn numbers_of_a_column_have_the_same_few_decimals_and_none_becomes_zero() {
        assert_eq!(column(json!([0.085671234, -0.0021, 0.0, null])), ["0.08567", "−0.00210", "0.00000", "–"]);
        assert_eq!(column(json!([12.5, 0.25, 1e-9])), ["12.50", "0.25", "1.00e−9"]);
        assert_eq!(column(json!([1234567, -1000, 7])), ["1,234,567", "−1,000", "7"]);
        assert_eq!(column(json!([123456.75, 2.0])), ["123,457", "2"]);
        assert_eq!(column(json!([3.2e-7, 0.0])), ["3.20e−7", "0"]);
        assert_eq!(column(json!([1e300])), ["1.00e300"]);
        assert_eq!(column(json!(["<b>", 1.5, true, 12345, 0.24398705])), ["<b>", "1.5", "true", "12345", "0.244"]);
        assert_eq!(column(json!([-0.4, 1.0])), ["−0.400", "1.000"]);
    }

    #[test]
    fn full_values_are_kept_and_rows_left_out_are_told() {
        let table = Table {
            columns: vec!["x".into()],
            rows: vec![vec![json!(0.123456789)], vec![json!(1234)]],
            left_out: 4950,
            ..Table::default()
        };
        let shown = shown(&table);
        assert_eq!((shown.rows[0][0].value.as_deref(), shown.rows[0][0].rounded), (Some("0.123456789"), true));
        assert_eq!(shown.left_out, "4,950 more rows are left out.");
    }
}
