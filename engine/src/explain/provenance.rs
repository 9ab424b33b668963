//! What a run was: enough to repeat it, and to know what a file of attributions explains.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Enough to repeat the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    pub version: String,
    pub device: String,
    pub model: String,
    /// SHA-256 of the model's file, in lower-case hexadecimal digits; empty for a model that is no file.
    pub model_sha256: String,
    pub seed: u64,
    /// What the design came to: exact; permutation or leverage pairs, and on which background rows.
    pub design: String,
    /// The budget that was asked for: auto, exact, or a number of model rows.
    pub budget: String,
    /// The tolerance that was asked for.
    pub tolerance: Option<f64>,
    /// Model rows spent on each explained row, at most.
    pub rows_per_instance: usize,
    pub background_rows: usize,
    pub background: String,
    pub link: String,
    pub players: Vec<String>,
    /// `[features]`: the position in `players` of the player that holds each feature.
    pub player_of: Vec<u32>,
    pub outputs: Vec<String>,
}

impl Provenance {
    /// What the attributions are called.
    pub fn values(&self) -> &'static str {
        if self.design.starts_with("Owen") { "Owen values" } else { "Shapley values" }
    }

    /// As the key-value pairs of a file: text as it is, everything else as JSON.
    pub fn to_pairs(&self) -> Vec<(String, String)> {
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
        fields(self).into_iter().map(|(key, value)| (key, text(value))).collect()
    }

    /// From the pairs of [`Self::to_pairs`]; others are passed over.
    ///
    /// # Errors
    /// A pair that is missing, or whose value is something else.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let known = fields(&Self::default());
        let read = |(key, value): (&str, &str)| {
            let value = match known.get(key)? {
                Value::String(_) => Value::from(value),
                _ => serde_json::from_str(value).unwrap_or(Value::Null),
            };
            Some((key.to_string(), value))
        };
        let found: Map<String, Value> = pairs.into_iter().filter_map(read).collect();
        serde_json::from_value(Value::Object(found)).map_err(|e| Error::input(format!("the provenance has a {e}")))
    }
}

fn fields(provenance: &Provenance) -> Map<String, Value> {
    match serde_json::to_value(provenance) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_read_back() {
        let provenance = Provenance {
            model: "12".into(),
            budget: "4096".into(),
            seed: u64::MAX,
            tolerance: Some(0.1),
            players: vec!["a \"b\"".into(), "ü".into()],
            player_of: vec![1, 0, 1],
            ..Provenance::default()
        };
        let mut pairs = provenance.to_pairs();
        let of = |pairs: &[(String, String)]| {
            Provenance::from_pairs(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())))
        };
        assert!(pairs.contains(&("budget".into(), "4096".into())), "{pairs:?}");
        assert!(pairs.contains(&("players".into(), r#"["a \"b\"","ü"]"#.into())), "{pairs:?}");
        pairs.push(("unknown".into(), "{".into()));
        assert_eq!(of(&pairs).unwrap(), provenance);
        pairs.retain(|(key, _)| key != "model_sha256");
        assert_eq!(of(&pairs).unwrap_err().to_string(), "the provenance has a missing field `model_sha256`");
    }
}
