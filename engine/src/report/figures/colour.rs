//! Colours of points by the value of another player.

use super::output::{Output, text_of, value_of};
use super::spec::{extent, low_to_high};
use super::text::{cut, short};
use crate::explain::ExplainedRow;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Categories with a colour of their own.
const COLOURS: usize = 7;

/// How points are coloured: by a number within its 5 % to 95 % range, or by the most frequent categories.
pub struct Colour {
    /// The `color` channel over the field `c`; null without a partner.
    pub channel: Value,
    /// Names of the categories that `c` counts; empty for a number.
    pub groups: Vec<String>,
}

impl Colour {
    /// By the value of `other` in these rows.
    pub fn of(rows: &[&ExplainedRow], other: Option<usize>, output: &Output) -> Self {
        let Some(other) = other else { return Self { channel: Value::Null, groups: Vec::new() } };
        let title = cut(output.player_name(other), 50);
        let mut numbers: Vec<f64> = rows.iter().filter_map(|row| value_of(row, other)).collect();
        if 2 * numbers.len() >= rows.len() {
            numbers.sort_by(f64::total_cmp);
            let at = |share: f64| numbers[((numbers.len() - 1) as f64 * share).round() as usize];
            let (low, high) = (at(0.05), at(0.95));
            let (low, high) = if low < high { (low, high) } else { extent([low], 0.5) };
            return Self {
                channel: low_to_high("c", &title, (low, high), [&short(low), &short(high)]),
                groups: Vec::new(),
            };
        }
        let mut groups: Vec<String> = frequent(rows, other, COLOURS).into_iter().map(String::from).collect();
        if rows.iter().any(|row| !groups.iter().any(|group| group == text_of(row, other))) {
            groups.push("others".into());
        }
        let domain: Vec<usize> = (0..groups.len()).collect();
        let channel = json!({"field": "c", "type": "ordinal", "scale": {"domain": domain, "range": "category"},
            "legend": {"title": title, "orient": "top", "columns": {"expr": "width < 420 ? 1 : 3"}, "labelExpr": "groups[datum.value]", "labelLimit": 150, "titleLimit": 400,
                       "symbolType": "circle"}});
        Self { channel, groups }
    }

    /// What a row has in the field `c`.
    pub fn value(&self, row: &ExplainedRow, other: usize) -> Value {
        if self.groups.is_empty() {
            return json!(value_of(row, other));
        }
        let text = text_of(row, other);
        json!(self.groups.iter().position(|group| group == text).unwrap_or(self.groups.len() - 1))
    }
}

/// The most frequent texts of a player, most frequent first.
pub fn frequent<'a>(rows: &[&'a ExplainedRow], player: usize, most: usize) -> Vec<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    rows.iter().for_each(|row| *counts.entry(text_of(row, player)).or_default() += 1);
    let mut texts: Vec<(&str, usize)> = counts.into_iter().collect();
    texts.sort_by_key(|text| std::cmp::Reverse(text.1));
    texts.into_iter().take(most).map(|(text, _)| text).collect()
}
