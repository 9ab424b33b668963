//! `predictor`: which outputs of the model are explained, what they are called, and which label a row is predicted to have.

use super::config::{Column, Place};
use super::keys::At;
use pellucid::model::onnx::Outputs;
use pellucid::{Error, Result};
use std::path::PathBuf;

/// The settings as written.
#[derive(Debug, Default)]
pub struct Predictor {
    /// Our own key: a model on this machine.
    pub model_path: Option<PathBuf>,
    /// The key that names a hosted model.
    pub hosted: Option<String>,
    pub label: Option<Column>,
    pub probability: Option<Column>,
    pub label_headers: Vec<String>,
}

/// Keys of a model behind an endpoint, which a local model does not need.
const HOSTED: [&str; 9] = [
    "instance_type",
    "initial_instance_count",
    "endpoint_name_prefix",
    "target_model",
    "accelerator_type",
    "custom_attributes",
    "content_type",
    "accept_type",
    "record_template",
];

impl Predictor {
    pub fn read(at: &At, remarks: &mut Vec<String>) -> Result<Self> {
        let own = [
            "model_path",
            "model_name",
            "endpoint_name",
            "content_template",
            "label",
            "probability",
            "label_headers",
            "time_series_predictor_config",
        ];
        at.object(&[&own[..], &HOSTED].concat())?;
        if let Some(series) = at.get("time_series_predictor_config") {
            return Err(series.refused("time series are not supported", "leave it out"));
        }
        let hosted = ["endpoint_name", "model_name"].into_iter().find(|key| at.get(key).is_some());
        let unused: Vec<String> = hosted
            .iter()
            .chain(&HOSTED)
            .chain(&["content_template"])
            .filter(|key| at.get(key).is_some())
            .map(|key| format!("`{}.{key}`", at.path))
            .collect();
        if !unused.is_empty() {
            remarks.push(format!("the model runs here, so this has no effect: {}", unused.join(", ")));
        }
        let header = |item: &At| match item.value.as_i64() {
            Some(number) => Ok(number.to_string()),
            None => item.text(),
        };
        Ok(Self {
            model_path: at.get("model_path").map(|at| at.text()).transpose()?.map(PathBuf::from),
            hosted: hosted.map(|key| format!("{}.{key}", at.path)),
            label: at.get("label").map(|at| at.column()).transpose()?,
            probability: at.get("probability").map(|at| at.column()).transpose()?,
            label_headers: at
                .get("label_headers")
                .map_or(Ok(Vec::new()), |at| at.list()?.iter().map(header).collect())?,
        })
    }
}

/// The outputs to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// Columns of the model's outputs.
    pub targets: Vec<usize>,
    /// What the reference calls each: the label headers, else `label0`, `label1`, …
    pub labels: Vec<String>,
    /// What a person calls each: its label header, else the model's own name.
    pub shown: Vec<String>,
    /// The class each stands for, where it is known.
    pub classes: Option<Vec<String>>,
    /// Why these, if that needs saying.
    pub why: Option<String>,
}

impl Predictor {
    /// Chooses among the outputs of a model.
    ///
    /// # Errors
    /// An output that is not there; headers that do not fit the outputs.
    pub fn choose(&self, outputs: &Outputs) -> Result<Chosen> {
        let (mut targets, mut why) = self.scores(outputs)?;
        let headers = &self.label_headers;
        if headers.len() == 1 && targets.len() == 2 {
            targets.remove(0);
            why = Some(format!("one label header: the second of two outputs, {}", outputs.names[targets[0]]));
        }
        if !headers.is_empty() && headers.len() != targets.len() {
            let names: Vec<&str> = targets.iter().map(|&t| outputs.names[t].as_str()).collect();
            return Err(Error::input(format!(
                "`predictor.label_headers` has {} names for {} outputs: {}",
                headers.len(),
                targets.len(),
                names.join(", ")
            ))
            .hint("give one name for each output, in their order"));
        }
        let own: Option<Vec<String>> = targets.iter().map(|&t| outputs.labels[t].clone()).collect();
        let labels = match headers.is_empty() {
            true => (0..targets.len()).map(|i| format!("label{i}")).collect(),
            false => headers.clone(),
        };
        let names = targets.iter().map(|&t| outputs.names[t].clone()).collect();
        let shown = if headers.is_empty() { names } else { headers.clone() };
        let classes = if headers.is_empty() { own } else { Some(headers.clone()) };
        Ok(Chosen { targets, labels, shown, classes, why })
    }

    /// The outputs that are scores: those of `probability`, or of `label` alone, or all.
    fn scores(&self, outputs: &Outputs) -> Result<(Vec<usize>, Option<String>)> {
        let all: Vec<usize> = (0..outputs.names.len()).collect();
        match (&self.probability, &self.label) {
            (Some(column), label) => match &column.place {
                Place::Index(index) => {
                    // A label in the reply takes a place of its own, which the scores of this model do not have.
                    let before = label.as_ref().is_some_and(|l| matches!(l.place, Place::Index(l) if l < *index));
                    let whole = all.len() > 1 && *index == 1 && before;
                    let at = index - usize::from(before);
                    match () {
                        _ if whole => Ok((
                            all,
                            Some(format!("`{}` is {index}, behind the label: all scores of the model", column.at)),
                        )),
                        _ if at < all.len() => Ok((vec![at], None)),
                        _ => Err(Error::input(format!(
                            "`{}` is {index}, and the model has {} outputs",
                            column.at,
                            all.len()
                        ))
                        .hint(format!("count from 0; the outputs are {}", outputs.names.join(", ")))),
                    }
                }
                Place::Name(path) => Ok(match outputs.select(path) {
                    Ok(found) => (found, None),
                    Err(_) => (
                        all,
                        Some(format!(
                            "`{}` is a path into an endpoint's reply: here, all outputs of the model",
                            column.at
                        )),
                    ),
                }),
            },
            (None, Some(Column { place: Place::Index(index), .. }))
                if all.len() > 1 && *index < all.len() && self.label_headers.is_empty() =>
            {
                Ok((vec![*index], None))
            }
            _ => Ok((all, None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn outputs(width: usize) -> Outputs {
        Outputs::new(&[("probabilities".to_string(), width)], None)
    }

    fn chosen(settings: Value, width: usize) -> Result<Chosen> {
        Predictor::read(&At { value: &settings, path: "predictor".into() }, &mut Vec::new())?.choose(&outputs(width))
    }

    #[test]
    fn outputs_and_their_names() {
        let both = chosen(json!({}), 2).unwrap();
        assert_eq!((both.targets, both.labels), (vec![0, 1], vec!["label0".to_string(), "label1".into()]));
        let second = chosen(json!({"label_headers": [">50K"]}), 2).unwrap();
        assert_eq!((second.targets, second.labels), (vec![1], vec![">50K".to_string()]));
        assert_eq!(chosen(json!({"probability": 1}), 3).unwrap().targets, [1]);
        assert_eq!(chosen(json!({"label": 0, "probability": 1}), 3).unwrap().targets, [0, 1, 2]);
        assert_eq!(chosen(json!({"label": 0, "probability": 1}), 1).unwrap().targets, [0]);
        let path = chosen(json!({"probability": "predictions[0].score"}), 1).unwrap();
        assert!(path.why.unwrap().contains("`predictor.probability` is a path"));
        let wrong = chosen(json!({"label_headers": ["a", "b"]}), 3).unwrap_err().to_string();
        assert_eq!(
            wrong,
            "`predictor.label_headers` has 2 names for 3 outputs: probabilities[0], probabilities[1], probabilities[2]"
        );
        assert_eq!(
            chosen(json!({"probability": 3}), 3).unwrap_err().to_string(),
            "`predictor.probability` is 3, and the model has 3 outputs"
        );
    }

    #[test]
    fn keys_of_hosted_models_are_accepted_and_told() {
        let (settings, mut told) =
            (json!({"model_name": "m", "instance_type": "ml.m5.large", "initial_instance_count": 1}), Vec::new());
        let read = Predictor::read(&At { value: &settings, path: "predictor".into() }, &mut told).unwrap();
        assert_eq!(read.hosted.as_deref(), Some("predictor.model_name"));
        assert!(
            told[0].contains("`predictor.instance_type`") && told[0].contains("`predictor.model_name`"),
            "{told:?}"
        );
    }
}
