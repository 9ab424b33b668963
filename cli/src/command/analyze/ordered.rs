//! JSON whose keys keep their order: readers of the reference's files line up features by it.

use serde_json::Value;

/// A JSON document in the order in which it was put together.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Value(Value),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub fn object<K: Into<String>>(entries: impl IntoIterator<Item = (K, Json)>) -> Json {
        Json::Object(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    pub fn list<T: Into<Json>>(items: impl IntoIterator<Item = T>) -> Json {
        Json::List(items.into_iter().map(Into::into).collect())
    }

    /// Adds an entry to an object.
    pub fn put(&mut self, key: &str, value: impl Into<Json>) {
        if let Json::Object(entries) = self {
            entries.push((key.to_string(), value.into()));
        }
    }

    /// With two spaces a level; lists of plain values in one line.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write(0, &mut text);
        text
    }

    fn write(&self, level: usize, text: &mut String) {
        let line = |text: &mut String, level: usize| {
            text.push('\n');
            text.push_str(&"  ".repeat(level));
        };
        match self {
            Json::Value(value) => text.push_str(&value.to_string()),
            Json::List(items) => {
                let plain = items.iter().all(|item| matches!(item, Json::Value(_)));
                text.push('[');
                for (i, item) in items.iter().enumerate() {
                    text.push_str(if i > 0 { if plain { ", " } else { "," } } else { "" });
                    if !plain {
                        line(text, level + 1);
                    }
                    item.write(level + 1, text);
                }
                if !plain {
                    line(text, level);
                }
                text.push(']');
            }
            Json::Object(entries) => {
                text.push('{');
                for (i, (key, value)) in entries.iter().enumerate() {
                    text.push_str(if i > 0 { "," } else { "" });
                    line(text, level + 1);
                    text.push_str(&format!("{}: ", Value::from(key.as_str())));
                    value.write(level + 1, text);
                }
                if !entries.is_empty() {
                    line(text, level);
                }
                text.push('}');
            }
        }
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Json::Value(value)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Json::Value(text.into())
    }
}

impl From<&String> for Json {
    fn from(text: &String) -> Self {
        Json::Value(text.as_str().into())
    }
}

impl From<u64> for Json {
    fn from(number: u64) -> Self {
        Json::Value(number.into())
    }
}

/// Infinities are words, as in the reference; NaN is null.
impl From<f64> for Json {
    fn from(number: f64) -> Self {
        Json::Value(match number {
            f64::INFINITY => "Infinity".into(),
            f64::NEG_INFINITY => "-Infinity".into(),
            number => number.into(),
        })
    }
}

impl From<Option<f64>> for Json {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Json::Value(Value::Null), Json::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_order_and_infinities_are_words() {
        let mut json =
            Json::object([("b", Json::list([1.5, f64::INFINITY, f64::NAN])), ("a\"", Json::Object(Vec::new()))]);
        json.put("c", Json::list([Json::list(["x"])]));
        let text = "{\n  \"b\": [1.5, \"Infinity\", null],\n  \"a\\\"\": {},\n  \"c\": [\n    [\"x\"]\n  ]\n}";
        assert_eq!(json.text(), text);
        assert!(serde_json::from_str::<Value>(&json.text()).is_ok());
    }
}
