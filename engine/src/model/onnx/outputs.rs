//! Names of a model's output columns, and how a user's `--target` finds them.

use crate::{Error, Result};
use std::ops::Range;

/// The output columns of a model.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// One name a column: the output's own name when it has one column, else `probabilities[setosa]` or `probabilities[0]`.
    pub names: Vec<String>,
    /// The class each column scores, for classifiers that carry labels.
    pub labels: Vec<Option<String>>,
    /// Columns of each output of the file.
    pub tensors: Vec<(String, Range<usize>)>,
}

impl Outputs {
    /// From names and widths of the file's outputs; labels go to the outputs that have one column a label.
    pub fn new(widths: &[(String, usize)], class_labels: Option<&[String]>) -> Self {
        let mut outputs = Self::default();
        for (name, width) in widths {
            let start = outputs.names.len();
            outputs.tensors.push((name.clone(), start..start + width));
            let labels = class_labels.filter(|labels| labels.len() == *width && *width > 1);
            for column in 0..*width {
                let label = labels.map(|labels| labels[column].clone());
                let inside = label.clone().unwrap_or_else(|| column.to_string());
                outputs.names.push(if *width == 1 { name.clone() } else { format!("{name}[{inside}]") });
                outputs.labels.push(label);
            }
        }
        outputs
    }

    /// The columns a target means: the name of a column or of an output, else a class label, else an index from 0.
    pub fn select(&self, target: &str) -> Result<Vec<usize>> {
        if let Some(column) = self.names.iter().position(|name| name == target) {
            return Ok(vec![column]);
        }
        if let Some((_, columns)) = self.tensors.iter().find(|(name, _)| name == target) {
            return Ok(columns.clone().collect());
        }
        let labelled: Vec<usize> =
            (0..self.labels.len()).filter(|&c| self.labels[c].as_deref() == Some(target)).collect();
        if !labelled.is_empty() {
            return Ok(labelled);
        }
        match target.parse::<usize>() {
            Ok(column) if column < self.names.len() => Ok(vec![column]),
            _ => Err(Error::input(format!("the model has no output {target:?}")).hint(format!(
                "its outputs are {}; an index from 0 to {} or a class label works too",
                self.names.join(", "),
                self.names.len() - 1
            ))),
        }
    }
}
