//! Places of a configuration: each value is read with its path, so that every refusal names the key.

use super::config::{Column, Place};
use pellucid::bias;
use pellucid::data::did_you_mean;
use pellucid::{Error, Result};
use serde_json::{Map, Value};

/// A value and where it stands, as `methods.shap.num_samples` or `facet[0].name_or_index`.
#[derive(Clone)]
pub struct At<'a> {
    pub value: &'a Value,
    pub path: String,
}

impl<'a> At<'a> {
    pub fn root(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    /// An object that has no other keys than these.
    pub fn object(&self, known: &[&str]) -> Result<()> {
        let keys = self.map()?.keys();
        match keys.into_iter().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => {
                let nearest = did_you_mean(key, known.iter().copied());
                Err(Error::input(format!("`{}` is not a key{nearest}", self.beside(key))).hint(format!(
                    "keys of {} are {}",
                    self.shown(),
                    known.join(", ")
                )))
            }
        }
    }

    /// The value of a key, if it is there.
    pub fn get(&self, key: &str) -> Option<At<'a>> {
        let value = self.value.get(key)?;
        Some(At { value, path: self.beside(key) })
    }

    pub fn need(&self, key: &str) -> Result<At<'a>> {
        self.get(key).ok_or_else(|| {
            Error::input(format!("`{}` is missing", self.beside(key))).hint(format!("{} needs it", self.shown()))
        })
    }

    pub fn text(&self) -> Result<String> {
        self.value.as_str().map(str::to_string).ok_or_else(|| self.wrong("text"))
    }

    /// Text among a few words, in any case.
    pub fn word(&self, allowed: &[&'static str]) -> Result<&'static str> {
        let text = self.text()?;
        allowed.iter().copied().find(|word| word.eq_ignore_ascii_case(&text)).ok_or_else(|| {
            let nearest = did_you_mean(&text, allowed.iter().copied());
            Error::input(format!("`{}` is \"{text}\"{nearest}", self.path))
                .hint(format!("allowed are {}", allowed.join(", ")))
        })
    }

    /// A whole number of at least `least`.
    pub fn count(&self, least: u64) -> Result<u64> {
        let found = self.value.as_u64().filter(|&n| n >= least);
        found.ok_or_else(|| self.wrong(&format!("a whole number, {least} or more")))
    }

    pub fn number(&self) -> Result<f64> {
        self.value.as_f64().ok_or_else(|| self.wrong("a number"))
    }

    pub fn flag(&self) -> Result<bool> {
        self.value.as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    pub fn list(&self) -> Result<Vec<At<'a>>> {
        let items = self.value.as_array().ok_or_else(|| self.wrong("a list"))?;
        Ok(items.iter().enumerate().map(|(i, value)| At { value, path: format!("{}[{i}]", self.path) }).collect())
    }

    pub fn texts(&self) -> Result<Vec<String>> {
        self.list()?.iter().map(At::text).collect()
    }

    /// A column's name, or its number from 0.
    pub fn column(&self) -> Result<Column> {
        let place = match self.value {
            Value::String(name) => Place::Name(name.clone()),
            _ => Place::Index(
                self.value.as_u64().ok_or_else(|| self.wrong("a column's name, or its number from 0"))? as usize
            ),
        };
        Ok(Column { at: self.path.clone(), place })
    }

    pub fn columns(&self) -> Result<Vec<Column>> {
        self.list()?.iter().map(At::column).collect()
    }

    /// Values of a facet or label: texts and numbers.
    pub fn values(&self) -> Result<Vec<bias::Value>> {
        let one = |item: &At| match item.value {
            Value::Bool(value) => Ok(bias::Value::Bool(*value)),
            Value::String(text) => Ok(bias::Value::Text(text.clone())),
            Value::Number(n) => {
                Ok(n.as_i64().map_or_else(|| bias::Value::Number(n.as_f64().unwrap_or(f64::NAN)), bias::Value::Integer))
            }
            _ => Err(item.wrong("a number or text")),
        };
        self.list()?.iter().map(one).collect()
    }

    fn map(&self) -> Result<&'a Map<String, Value>> {
        self.value.as_object().ok_or_else(|| self.wrong("an object, { … }"))
    }

    /// What was given, and what is allowed.
    pub fn wrong(&self, allowed: &str) -> Error {
        Error::input(format!("{} is {}; it must be {allowed}", self.shown(), given(self.value)))
    }

    /// A key that is known and not supported.
    pub fn refused(&self, what: &str, hint: &str) -> Error {
        Error::input(format!("{}: {what}", self.shown())).hint(hint)
    }

    pub fn shown(&self) -> String {
        if self.path.is_empty() { "the configuration".into() } else { format!("`{}`", self.path) }
    }

    fn beside(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_string() } else { format!("{}.{key}", self.path) }
    }
}

/// A value in a message: short, with its kind where that is not plain.
fn given(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "an object".into(),
        other => {
            let text = other.to_string();
            match text.char_indices().nth(60) {
                Some((end, _)) => format!("{}…", &text[..end]),
                None => text,
            }
        }
    }
}
