//! What a label column says about each output of a model: a number to come near to, or a class to give probability to.

use super::Loss;
use crate::data::did_you_mean;
use crate::{Error, Result};

/// Distinct labels that a message lists.
const LISTED: usize = 6;

/// How labels and outputs go together.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'a> {
    /// The label of each row, as in the table.
    pub of_rows: &'a [String],
    /// The label of each class in the order of the model's outputs; empty if neither the model nor the user names them.
    pub classes: &'a [String],
    /// Outputs of the model.
    pub n_outputs: usize,
}

impl Labels<'_> {
    /// The loss that fits, and `[target][row]` what each of the outputs `targets` should have been: 1 or 0 for the probability of a
    /// class, the label itself for a number.
    ///
    /// Labels are classes if the classes are named, if the model has several outputs (then labels count them from 0), or if one
    /// output meets nothing but 0 and 1. Otherwise they are numbers.
    ///
    /// # Errors
    /// A label that is no class, or text where a number is due.
    pub fn truth(&self, targets: &[usize]) -> Result<(Loss, Vec<Vec<f64>>)> {
        if !self.classes.is_empty() && self.n_outputs > 1 && self.classes.len() != self.n_outputs {
            return Err(Error::input(format!(
                "{} classes are named, the model has {} outputs",
                self.classes.len(),
                self.n_outputs
            ))
            .hint("name the label of each output in order: `--classes no,yes`"));
        }
        let numbers: Option<Vec<f64>> = self.of_rows.iter().map(|label| label.trim().parse().ok()).collect();
        let binary = numbers.as_ref().is_some_and(|all| all.iter().all(|&y| y == 0.0 || y == 1.0));
        if self.classes.is_empty() && self.n_outputs == 1 && !binary {
            let numbers = numbers.ok_or_else(|| self.not_numbers())?;
            return Ok((Loss::SquaredError, vec![numbers; targets.len()]));
        }
        let classes = self.of_rows.iter().enumerate().map(|(row, label)| self.class(row, label));
        let classes = classes.collect::<Result<Vec<usize>>>()?;
        // One output is the probability of the last class: of 1, or of the second that is named.
        let scored = |target: usize| if self.n_outputs == 1 { 1 } else { target };
        let truth = |&target: &usize| classes.iter().map(|&class| f64::from(class == scored(target))).collect();
        Ok((Loss::LogLoss, targets.iter().map(truth).collect()))
    }

    /// The class of a row's label.
    fn class(&self, row: usize, label: &str) -> Result<usize> {
        let n_classes = self.n_outputs.max(2);
        let number = label.trim().parse::<f64>().ok();
        let same = |name: &String| name == label || (number.is_some() && name.trim().parse::<f64>().ok() == number);
        if let Some(class) = self.classes.iter().position(same) {
            return Ok(class);
        }
        match number {
            Some(y) if self.classes.is_empty() && y.fract() == 0.0 && (0.0..n_classes as f64).contains(&y) => {
                Ok(y as usize)
            }
            _ if self.classes.is_empty() => Err(Error::input(format!(
                "row {}: the label `{label}` is not one of the classes 0 to {}, which the model's outputs count; labels are {}",
                row + 1,
                n_classes - 1,
                self.listed()
            ))
            .hint("name the label of each output in order: `--classes no,yes`")),
            _ => {
                let nearest = did_you_mean(label, self.classes.iter().map(String::as_str));
                Err(Error::input(format!(
                    "row {}: the label `{label}` is not one of the classes {}{nearest}",
                    row + 1,
                    self.classes.join(", ")
                ))
                .hint("name the label of each output in order with `--classes`"))
            }
        }
    }

    fn not_numbers(&self) -> Error {
        Error::input(format!("the label is text, but the model has one output: labels are {}", self.listed()))
            .hint("for the probability of a class, name both in order: `--classes no,yes` if the output is that of yes")
    }

    /// Distinct labels, in order.
    fn listed(&self) -> String {
        let mut distinct: Vec<&str> = self.of_rows.iter().map(String::as_str).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let more = if distinct.len() > LISTED { ", …" } else { "" };
        format!("{}{more}", distinct.iter().take(LISTED).copied().collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|s| s.to_string()).collect()
    }

    fn truth(rows: &[&str], classes: &[&str], n_outputs: usize, targets: &[usize]) -> Result<(Loss, Vec<Vec<f64>>)> {
        Labels { of_rows: &texts(rows), classes: &texts(classes), n_outputs }.truth(targets)
    }

    #[test]
    fn classes_by_number_by_name_and_of_one_output() {
        let two = vec![vec![1.0, 0.0], vec![0.0, 1.0]];
        assert_eq!(truth(&["0", "1.0"], &[], 2, &[0, 1]).unwrap(), (Loss::LogLoss, two.clone()));
        assert_eq!(truth(&["no", "yes"], &["no", "yes"], 2, &[0, 1]).unwrap(), (Loss::LogLoss, two));
        assert_eq!(truth(&["0", "1"], &[], 1, &[0]).unwrap(), (Loss::LogLoss, vec![vec![0.0, 1.0]]));
        assert_eq!(truth(&["no", "yes"], &["no", "yes"], 1, &[0]).unwrap(), (Loss::LogLoss, vec![vec![0.0, 1.0]]));
    }

    #[test]
    fn numbers_are_numbers() {
        assert_eq!(truth(&["2.5", "-1"], &[], 1, &[0]).unwrap(), (Loss::SquaredError, vec![vec![2.5, -1.0]]));
    }

    #[test]
    fn labels_that_fit_nothing_are_named() {
        let message = |rows: &[&str], classes: &[&str], n| truth(rows, classes, n, &[0]).unwrap_err().to_string();
        assert!(message(&["0", "3"], &[], 3).contains("row 2: the label `3` is not one of the classes 0 to 2"));
        assert!(
            message(&["a", "b"], &[], 1).contains("the label is text, but the model has one output: labels are a, b")
        );
        assert!(
            message(&["yess"], &["no", "yes"], 2)
                .contains("`yess` is not one of the classes no, yes (did you mean `yes`?)")
        );
        assert!(message(&["a"], &["a", "b", "c"], 2).contains("3 classes are named, the model has 2 outputs"));
    }
}
