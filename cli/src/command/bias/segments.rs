//! `--segment`: parts of the table, each measured like the whole.

use super::facet::{self, Named};
use super::{limits, request};
use crate::args::MeasureArgs;
use crate::bias_table;
use crate::terminal::Terminal;
use pellucid::bias::{BiasReport, DEFAULT_SEGMENT, Segment, SegmentValue, split};
use pellucid::data::Table;
use pellucid::report::bias::LimitCheck;
use pellucid::{Error, Result};
use serde_json::{Value, json};

/// What was found in one segment, or why nothing was.
pub struct Part {
    pub name: String,
    pub found: Result<BiasReport, String>,
}

/// The segments that were typed: `COLUMN=VALUE,…` where a value may be an interval, or `COLUMN>X`.
pub fn parse(typed: &[String], table: &Table) -> Result<Vec<Segment>> {
    let one = |text: &String| {
        let (column, named) = facet::parse("segment", text, table)?;
        let any_of = match named {
            Named::Each => {
                return Err(Error::input(format!("`--segment {text}`: no values of `{column}` are named"))
                    .hint(format!("name those of one segment, as `{column}=north,south` or `'{column}=[20, 40)'`")));
            }
            Named::Above(low) => {
                vec![SegmentValue::Interval { low, high: f64::INFINITY, low_open: true, high_open: false }]
            }
            Named::Values(values) => intervals_whole(values)
                .iter()
                .map(|value| match SegmentValue::parse(value)? {
                    SegmentValue::Equal(_) => Ok(SegmentValue::Equal(request::value(value, &column, table))),
                    interval => Ok(interval),
                })
                .collect::<Result<_>>()?,
        };
        Ok(Segment { column, name: text.trim().to_string(), any_of })
    };
    typed.iter().map(one).collect()
}

/// The commas of intervals are no commas between values.
fn intervals_whole(values: Vec<String>) -> Vec<String> {
    let mut whole: Vec<String> = Vec::new();
    for value in values {
        match whole.last_mut() {
            Some(begun) if opens(begun) && value.trim_end().ends_with([')', ']']) => {
                begun.push(',');
                begun.push_str(&value);
            }
            _ => whole.push(value),
        }
    }
    whole
}

fn opens(text: &str) -> bool {
    text.trim_start().starts_with(['(', '[']) && !text.contains(',') && !text.trim_end().ends_with([')', ']'])
}

/// Measures each segment, and the rows in none if there are any.
pub fn measure(
    table: &Table,
    segments: &[Segment],
    terminal: &Terminal,
    measure: impl Fn(Table) -> Result<BiasReport>,
) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let all = if segments.is_empty() { Vec::new() } else { split(table, segments)? };
    for (name, table) in all {
        let found = match measure(table) {
            Ok(found) if found.rows == 0 && name == DEFAULT_SEGMENT => continue,
            Ok(found) if found.rows == 0 => {
                terminal.warn(&format!("no row is in the segment {name}"));
                Err("no row is in this segment".to_string())
            }
            Err(Error::Input { message, .. }) => {
                terminal.warn(&format!("the segment {name} could not be measured: {message}"));
                Err(message)
            }
            found => Ok(found?),
        };
        parts.push(Part { name, found });
    }
    Ok(parts)
}

impl Part {
    /// Every limit on every facet of the segment.
    pub fn limits(&self, args: &MeasureArgs) -> Vec<LimitCheck> {
        match &self.found {
            Ok(found) => {
                let of_segment =
                    |check: LimitCheck| LimitCheck { facet: format!("{} in {}", check.facet, self.name), ..check };
                limits::check(args, found).into_iter().map(of_segment).collect()
            }
            Err(why) => {
                let broken = |limit: &crate::args::Limit| LimitCheck {
                    limit: limit.to_string(),
                    facet: format!("the segment {}", self.name),
                    value: String::new(),
                    broken: !args.allow_missing,
                    why: why.clone(),
                };
                args.fail_if.iter().map(broken).collect()
            }
        }
    }

    pub fn document(&self) -> Result<Value> {
        let mut document = json!({ "name": self.name });
        match &self.found {
            Ok(found) => {
                let found = serde_json::to_value(found).map_err(|error| Error::input(error.to_string()))?;
                if let (Some(document), Value::Object(found)) = (document.as_object_mut(), found) {
                    document.extend(found);
                }
            }
            Err(why) => document["error"] = json!(why),
        }
        Ok(document)
    }

    pub fn describe(&self) -> String {
        let title = match self.name.as_str() {
            DEFAULT_SEGMENT => "Rows in no segment".to_string(),
            name => format!("Segment {name}"),
        };
        let line = "═".repeat(title.chars().count());
        let found = self.found.as_ref().map_or_else(|why| format!("not measured: {why}"), bias_table::describe);
        format!("{title}\n{line}\n\n{found}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_keep_their_commas() {
        let whole = |text: &str| intervals_whole(text.split(',').map(String::from).collect());
        assert_eq!(whole("[20, 40),(-inf,3],7"), ["[20, 40)", "(-inf,3]", "7"]);
        assert_eq!(whole("north,(south),[1"), ["north", "(south)", "[1"]);
    }
}
