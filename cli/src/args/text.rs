//! Options of `shap` for texts.

use super::value;
use clap::{ArgGroup, Args, ValueEnum};
use pellucid::text;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

/// Explaining models of text; --tokenizer switches it on.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Texts")]
#[command(group = ArgGroup::new("reader").args(["tokenizer", "prompt"]).multiple(true))]
pub struct TextArgs {
    /// Explain a text model: the tokenizer.json that it was trained with.
    #[arg(long, value_name = "FILE")]
    pub tokenizer: Option<PathBuf>,
    /// The text to explain, in place of --data.
    #[arg(long, value_name = "TEXT", requires = "reader", conflicts_with = "data")]
    pub text: Option<String>,
    /// The column of --data that holds the texts; the others are matched to the numbers that the model reads beside them, if it reads any.
    #[arg(long, value_name = "COLUMN", requires = "reader")]
    pub text_column: Option<String>,
    /// What gets an attribution.
    #[arg(long, value_enum, default_value_t, value_name = "PART", requires = "reader")]
    pub granularity: Granularity,
    /// A part of --text or --prompt in place of --granularity: START:END in characters from 0, without END itself. Repeatable.
    #[arg(long, value_name = "START:END", requires = "reader", conflicts_with_all = ["granularity", "data"], value_parser = span)]
    pub span: Vec<Range<usize>>,
    /// What stands in for absent parts: `mask` (mask tokens), `pad` (padding that is not attended to), `delete` (taken out), or a text
    /// [default: mask, of prompts delete].
    #[arg(long, value_name = "mask|pad|delete|TEXT", requires = "reader")]
    pub absent: Option<Absent>,
    /// What is explained of the model's outputs.
    #[arg(long, value_enum, default_value_t, value_name = "VALUE", requires = "reader")]
    pub value: Value,
    /// Names of the classes, in the model's order [default: `id2label` of the config.json beside the model].
    #[arg(long, value_name = "NAME,NAME…", value_delimiter = ',', requires = "reader")]
    pub labels: Vec<String>,
    /// Also write a report with coloured texts, an HTML file.
    #[arg(long, value_name = "FILE", requires = "reader")]
    pub report: Option<PathBuf>,
    /// A text that the report shows, by its number from 1. Repeatable [default: the highest, the lowest and the middle prediction].
    #[arg(long, value_name = "ROW", requires = "report", value_parser = value::at_least_1)]
    pub show: Vec<usize>,
}

/// `--granularity`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Granularity {
    /// The model's tokens.
    Token,
    /// Words, by Unicode's rules.
    #[default]
    Word,
    /// What stands between white space.
    Space,
    /// Sentences, by Unicode's rules.
    Sentence,
}

/// `--absent`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent(pub text::Absence);

impl FromStr for Absent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(match text {
            "mask" => text::Absence::Mask,
            "pad" => text::Absence::Pad,
            "delete" | "" => text::Absence::Delete,
            text => text::Absence::Text(text.to_owned()),
        }))
    }
}

/// `--value`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Value {
    /// The similarity for models that embed texts, the probability for others.
    #[default]
    Auto,
    /// Of a class, by softmax.
    Probability,
    /// As the model gives it: the logit of a class.
    Output,
    /// Log-odds of a class: with two classes the difference of their logits.
    Margin,
    /// The cosine of the embedding to that of the whole text.
    Similarity,
}

impl TextArgs {
    /// Who plays.
    pub fn players(&self) -> text::Granularity {
        match self.granularity {
            _ if !self.span.is_empty() => text::Granularity::Spans(self.span.clone()),
            Granularity::Token => text::Granularity::Token,
            Granularity::Word => text::Granularity::Word,
            Granularity::Space => text::Granularity::Space,
            Granularity::Sentence => text::Granularity::Sentence,
        }
    }
}

impl From<Value> for text::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Auto => Self::Auto,
            Value::Probability => Self::Probability,
            Value::Output => Self::Output,
            Value::Margin => Self::Margin,
            Value::Similarity => Self::Similarity,
        }
    }
}

fn span(text: &str) -> Result<Range<usize>, String> {
    let parsed = text.split_once(':').and_then(|(start, end)| Some(start.parse().ok()?..end.parse().ok()?));
    parsed.ok_or_else(|| "two numbers of characters, such as 0:5".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_absences_parse() {
        assert_eq!(span("3:7"), Ok(3..7));
        assert!(["3", "a:b", "3:", ":4", "-1:2"].iter().all(|text| span(text).is_err()));
        assert_eq!("delete".parse(), Ok(Absent(text::Absence::Delete)));
        assert_eq!("...".parse(), Ok(Absent(text::Absence::Text("...".into()))));
    }
}
