//! Typed access to a JSON object, with errors that name the key.

use crate::{Error, Result};
use serde_json::{Map, Value};

/// The keys of `config.json`.
pub(super) struct Keys<'a>(pub &'a Map<String, Value>);

impl Keys<'_> {
    /// None if the key is missing or null.
    fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    fn wrong(&self, key: &str, allowed: &str) -> Error {
        let given = self.0.get(key).map_or("missing".to_string(), Value::to_string);
        Error::input(format!("`{key}` in config.json is {given}; it must be {allowed}"))
    }

    /// A whole number above 0; `default` where the key is missing and there is one.
    pub fn count(&self, key: &str, default: Option<usize>) -> Result<usize> {
        let found = match self.get(key) {
            Some(value) => value.as_u64().and_then(|n| usize::try_from(n).ok()),
            None => default,
        };
        found.filter(|&n| n > 0 && n < 1 << 32).ok_or_else(|| self.wrong(key, "a whole number above 0"))
    }

    /// A finite number above 0.
    pub fn number(&self, key: &str, default: Option<f64>) -> Result<f64> {
        let found = self.get(key).map_or(default, Value::as_f64);
        found.filter(|n| n.is_finite() && *n > 0.0).ok_or_else(|| self.wrong(key, "a number above 0"))
    }

    pub fn flag(&self, key: &str, default: bool) -> Result<bool> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| self.wrong(key, "true or false")),
        }
    }

    pub fn text(&self, key: &str, default: &str) -> Result<String> {
        match self.get(key) {
            None => Ok(default.into()),
            Some(value) => value.as_str().map(str::to_string).ok_or_else(|| self.wrong(key, "a text")),
        }
    }

    pub fn object(&self, key: &str) -> Result<Option<Keys<'_>>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_object().map(|map| Some(Keys(map))).ok_or_else(|| self.wrong(key, "an object"))
    }

    /// A token number or a list of them; empty if the key is missing.
    pub fn tokens(&self, key: &str) -> Result<Vec<u32>> {
        let token = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
        let found = match self.get(key) {
            None => Some(Vec::new()),
            Some(Value::Array(all)) => all.iter().map(token).collect(),
            Some(one) => token(one).map(|id| vec![id]),
        };
        found.ok_or_else(|| self.wrong(key, "a token number or a list of them"))
    }

    /// Refuses a key whose value changes the computation in a way that is not built.
    pub fn only(&self, key: &str, allowed: &[&str]) -> Result<()> {
        match self.get(key) {
            None => Ok(()),
            Some(value) if allowed.contains(&value.to_string().trim_matches('"')) => Ok(()),
            Some(_) => Err(self.wrong(key, &format!("{} (others are not supported)", allowed.join(" or ")))),
        }
    }
}
