//! The reference's other two reports: basic statistics of a group, and the model's performance on the whole table.

use super::cells::{Split, Sums};
use super::column::{Column, Type};
use super::count::Counts;
use super::report::{BasicStats, ClassCounts, GroupCounts, NamedValue, Performance};
use super::request::Mode;
use super::resolve::parts;

/// Rows of one group.
pub fn group_counts(sums: &Sums, group: usize) -> GroupCounts {
    let [[tn, fp], [fnn, tp]] = sums.confusion[group].map(|row| row.map(|n| n as u64));
    let [negative, positive] = sums.observed[group].map(|n| n as u64);
    GroupCounts {
        rows: negative + positive,
        positive,
        predicted_positive: tp + fp,
        true_positive: tp,
        false_positive: fp,
        false_negative: fnn,
        true_negative: tn,
    }
}

/// Of group d; shares of an empty group are 0 and 1, as the reference has them.
pub fn basic_stats(sums: &Sums, with_predictions: bool) -> BasicStats {
    let [a, d] = Sums::rows(&sums.observed);
    let positive = zero_over_zero(sums.observed[1][1], d);
    let [[tn, fp], [fnn, tp]] = sums.confusion[1];
    BasicStats {
        proportion: zero_over_zero(d, a + d),
        observed_label_distribution: [positive, 1.0 - positive],
        confusion_matrix: with_predictions.then(|| [tp, fp, fnn, tn].map(|n| zero_over_zero(n, tp + fp + fnn + tn))),
    }
}

fn zero_over_zero(over: f64, under: f64) -> f64 {
    if over == 0.0 && under == 0.0 { 0.0 } else { over / under }
}

/// Of all rows `[label][prediction]`.
pub fn performance(whole: &Split, classes: Option<ClassCounts>, mode: Mode) -> Performance {
    let [[tn, fp], [fnn, tp]] = *whole;
    let n = tn + fp + fnn + tp;
    let value = |name: &'static str, description: &'static str, over: f64, under: f64| NamedValue {
        name,
        description,
        value: match (over == 0.0 && under == 0.0, mode) {
            (true, Mode::Correct) => None,
            (true, Mode::Clarify) => Some(0.0),
            _ => Some(over / under),
        },
    };
    let metrics = vec![
        value("Accuracy", "Proportion of inputs assigned the correct predicted label by the model.", tp + tn, n),
        value(
            "Proportion of Positive Predictions in Labels",
            "Proportion of input assigned in positive predicted label.",
            tp + fp,
            n,
        ),
        value(
            "Proportion of Negative Predictions in Labels",
            "Proportion of input assigned the negative predicted label.",
            tn + fnn,
            n,
        ),
        value(
            "True Positive Rate / Recall",
            "Proportion of inputs with positive observed label correctly assigned the positive predicted label.",
            tp,
            tp + fnn,
        ),
        value(
            "True Negative Rate / Specificity",
            "Proportion of inputs with negative observed label correctly assigned the negative predicted label.",
            tn,
            tn + fp,
        ),
        value(
            "Acceptance Rate / Precision",
            "Proportion of inputs with positive predicted label that actually have a positive observed label.",
            tp,
            tp + fp,
        ),
        value(
            "Rejection Rate",
            "Proportion of inputs with negative predicted label that actually have a negative observed label.",
            tn,
            tn + fnn,
        ),
        value(
            "Conditional Acceptance",
            "Ratio between the positive observed labels and positive predicted labels.",
            tp + fnn,
            tp + fp,
        ),
        value(
            "Conditional Rejection",
            "Ratio between the negative observed labels and negative predicted labels.",
            tn + fp,
            tn + fnn,
        ),
        value("F1 Score", "Harmonic mean of precision and recall.", 2.0 * tp, 2.0 * tp + fp + fnn),
    ];
    Performance {
        metrics,
        binary_confusion_matrix: [tp, fp, fnn, tn].map(|x| zero_over_zero(x, n)),
        confusion_matrix: classes,
    }
}

/// What each class of a column is called; none for missing cells.
pub fn names(column: &Column) -> Vec<Option<String>> {
    let mut names = vec![None; column.classes.len()];
    for (name, members) in parts(column) {
        let missing = |place: usize| column.classes[place].signature == super::signature::MISSING;
        (0..members.len()).filter(|&p| members[p] && !missing(p)).for_each(|p| names[p] = Some(name.clone()));
    }
    names
}

/// Names once each, ascending, numbers by size.
pub fn in_order(names: &mut Vec<String>) {
    names.sort_by(|a, b| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    });
    names.dedup();
}

/// Class × class counts of rows that have both; none if a column has too many values to tell them apart. The reference has no classes
/// that are only predicted, and takes true and false for 1 and 0.
pub fn class_counts(label: &Column, predicted: &Column, outcomes: &Counts, mode: Mode) -> Option<ClassCounts> {
    if label.crowded || predicted.crowded {
        return None;
    }
    let (observed, mut given) = (names(label), names(predicted));
    let mut classes: Vec<String> = observed.iter().flatten().cloned().collect();
    match mode {
        Mode::Correct => classes.extend(given.iter().flatten().cloned()),
        Mode::Clarify if label.dtype() == Type::Integer => given.iter_mut().flatten().for_each(|name| match &**name {
            "True" => *name = "1".into(),
            "False" => *name = "0".into(),
            _ => {}
        }),
        Mode::Clarify => {}
    }
    in_order(&mut classes);
    let place = |name: &String| classes.iter().position(|c| c == name);
    let mut counts = vec![vec![0; classes.len()]; classes.len()];
    for (row, predictions) in outcomes.iter().enumerate() {
        for (column, n) in predictions.iter().enumerate() {
            let (row, column) = (observed[row].as_ref().and_then(place), given[column].as_ref().and_then(place));
            if let (Some(row), Some(column)) = (row, column) {
                counts[row][column] += n;
            }
        }
    }
    Some(ClassCounts { classes, counts })
}
