//! Names of classes, from the file that Hugging Face's models have beside their weights.

use serde_json::Value;
use std::path::Path;

/// `id2label` of the `config.json` in the folder of a model's file, or in the folder itself; None where there is none.
pub fn class_labels(model: &Path) -> Option<Vec<String>> {
    let config = if model.is_dir() { model.join("config.json") } else { model.with_file_name("config.json") };
    let config: Value = serde_json::from_slice(&std::fs::read(config).ok()?).ok()?;
    let labels = config["id2label"].as_object()?;
    (0..labels.len()).map(|class| labels.get(&class.to_string())?.as_str().map(str::to_string)).collect()
}
