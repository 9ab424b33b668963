//! What is explained of a model's outputs.

use crate::model::onnx::Outputs;
use crate::{Error, Result};

/// What a coalition of players is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Value {
    /// Similarity for models that embed, probability for all others.
    #[default]
    Auto,
    /// A class's probability: softmax over the outputs, or the sigmoid of a single one.
    Probability,
    /// The outputs as they are: logits of a classifier, numbers of a regression.
    Output,
    /// The log-odds of a class: its logit less the log of the sum of the others' exponentials; of two classes, the difference of their logits.
    Margin,
    /// The cosine of the embedding to that of the whole text.
    Similarity,
}

/// A value with the outputs of one model.
#[derive(Debug, Clone)]
pub(super) struct Valued {
    kind: Value,
    /// Names of the values, their labels.
    pub outputs: Outputs,
}

impl Valued {
    /// `names` are the model's, `labels` one a class; `embeds` says that the model has no head.
    ///
    /// # Errors
    /// A value that the model has not, labels that are not one an output.
    pub fn new(kind: Value, names: &[String], labels: Option<&[String]>, embeds: bool) -> Result<Self> {
        let kind = match kind {
            Value::Auto if embeds => Value::Similarity,
            Value::Auto => Value::Probability,
            kind => kind,
        };
        if let Some(labels) = labels.filter(|labels| labels.len() != names.len() && !embeds) {
            let message = format!("there are {} class labels, the model has {} outputs", labels.len(), names.len());
            return Err(Error::input(message).hint("give one label a class, in the model's order"));
        }
        if embeds && matches!(kind, Value::Probability | Value::Margin) {
            return Err(Error::input("the model embeds texts: it has no classes").hint("use `--value similarity`"));
        }
        let base = names.first().and_then(|name| name.split('[').next()).unwrap_or("output");
        let outputs = match kind {
            Value::Similarity => Outputs::new(&[("similarity".into(), 1)], None),
            Value::Output => Outputs::new(&[(base.into(), names.len())], labels),
            Value::Margin => Outputs::new(&[("margin".into(), names.len())], labels),
            _ => Outputs::new(&[("probability".into(), names.len())], labels),
        };
        Ok(Self { kind, outputs })
    }

    /// The values of one text's outputs; `whole` are those of the whole text.
    pub fn of(&self, outputs: &[f32], whole: &[f32]) -> Vec<f64> {
        let z = |k: usize| f64::from(outputs[k]);
        let each = (0..outputs.len()).map(z);
        match self.kind {
            Value::Output => each.collect(),
            Value::Similarity => vec![cosine(outputs, whole)],
            Value::Margin => (0..outputs.len()).map(|k| log_odds(outputs, k)).collect(),
            Value::Probability | Value::Auto => {
                (0..outputs.len()).map(|k| 1.0 / (1.0 + (-log_odds(outputs, k)).exp())).collect()
            }
        }
    }
}

/// z_k − ln Σ_{j≠k} exp(z_j); z itself if it is alone.
fn log_odds(outputs: &[f32], k: usize) -> f64 {
    let others = || outputs.iter().enumerate().filter(|(j, _)| *j != k).map(|(_, &z)| f64::from(z));
    let largest = others().fold(f64::NEG_INFINITY, f64::max);
    let z = f64::from(outputs[k]);
    if outputs.len() == 1 { z } else { z - largest - others().map(|z| (z - largest).exp()).sum::<f64>().ln() }
}

/// NaN where one of the two is 0.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: Value, outputs: &[f32], whole: &[f32]) -> Vec<f64> {
        let names: Vec<String> = (0..outputs.len()).map(|k| format!("logits[{k}]")).collect();
        Valued::new(kind, &names, None, kind == Value::Similarity).unwrap().of(outputs, whole)
    }

    #[test]
    fn values_are_those_of_their_formulas() {
        let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        let (a, b) = (1.0f32, 3.0f32);
        assert!(near(&of(Value::Margin, &[a, b], &[]), &[-2.0, 2.0]));
        let p = 1.0 / (1.0 + (-2.0f64).exp());
        assert!(near(&of(Value::Probability, &[a, b], &[]), &[1.0 - p, p]));
        assert!(near(&of(Value::Probability, &[0.0], &[]), &[0.5]));
        assert!(near(&of(Value::Output, &[a, b], &[]), &[1.0, 3.0]));
        let three = of(Value::Probability, &[0.0, 1.0, 2.0], &[]);
        let sum: f64 = (0..3).map(|k| f64::from(k).exp()).sum();
        assert!(near(&three, &[1.0 / sum, 1f64.exp() / sum, 2f64.exp() / sum]));
        assert!(near(&of(Value::Similarity, &[3.0, 4.0], &[0.0, 2.0]), &[0.8]));
        assert!(near(&of(Value::Probability, &[-800.0, 800.0], &[]), &[0.0, 1.0]));
    }

    #[test]
    fn values_are_named_after_classes() {
        let names = ["logits[0]".to_string(), "logits[1]".to_string()];
        let labels = ["ham".to_string(), "spam".to_string()];
        let valued = Valued::new(Value::Auto, &names, Some(&labels), false).unwrap();
        assert_eq!(valued.outputs.names, ["probability[ham]", "probability[spam]"]);
        assert_eq!(valued.outputs.select("spam").unwrap(), [1]);
        assert!(Valued::new(Value::Margin, &names, None, true).is_err());
        assert!(Valued::new(Value::Output, &names, Some(&labels[..1]), false).is_err());
    }
}
