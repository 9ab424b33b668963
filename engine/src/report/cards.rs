//! What a report says of the model and the table themselves.

use super::{ColumnCard, ModelCard};
use crate::effect::Axis;
use crate::model::onnx::Card;
use ndarray::ArrayView2;

/// Categories that a column's summary names.
const NAMED: usize = 3;

impl ModelCard {
    /// The facts of an ONNX file; `name` is the file's, `sha256` its fingerprint.
    pub fn of(name: &str, card: &Card, sha256: &str) -> ModelCard {
        let join = |texts: Vec<String>| texts.join(", ");
        let operator = |op: &crate::model::onnx::OperatorCard| match op.count {
            1 => op.name.clone(),
            n => format!("{} ×{n}", op.name),
        };
        let opsets = card.opsets.iter().map(|(domain, version)| format!("{domain} {version}")).collect();
        let mut facts = vec![
            ("Graph", card.name.clone()),
            ("Written by", card.producer.clone()),
            ("Operator sets", join(opsets)),
            ("Inputs", join(card.inputs.iter().map(|t| t.to_string()).collect())),
            ("Outputs", join(card.outputs.iter().map(|t| t.to_string()).collect())),
            ("Classes", card.class_labels.as_ref().map_or(String::new(), |labels| labels.join(", "))),
            ("Operators", join(card.operators.iter().map(operator).collect())),
            ("Parameters", card.parameters.to_string()),
            ("Floating-point operations a row", card.flops_per_row.map_or(String::new(), |n| n.to_string())),
            ("SHA-256", sha256.to_string()),
        ];
        facts.retain(|(_, text)| !text.is_empty());
        ModelCard { name: name.into(), facts: facts.into_iter().map(|(fact, text)| (fact.into(), text)).collect() }
    }
}

impl ColumnCard {
    /// A column as `rows` `[rows, features]` show it.
    pub fn of(axis: &Axis, rows: ArrayView2<f32>) -> ColumnCard {
        let is_missing = |row: &ndarray::ArrayView1<f32>| axis.features.iter().any(|&f| row[f].is_nan());
        let missing = rows.rows().into_iter().filter(is_missing).count() as u64;
        let (kind, summary) = match axis.categories.is_empty() {
            true => ("number", numbers(axis, rows)),
            false => ("category", categories(axis, rows)),
        };
        ColumnCard { name: axis.name.clone(), kind: kind.into(), missing, summary }
    }
}

fn numbers(axis: &Axis, rows: ArrayView2<f32>) -> String {
    let values: Vec<f64> =
        rows.column(axis.features[0]).iter().filter(|x| !x.is_nan()).map(|&x| f64::from(x)).collect();
    if values.is_empty() {
        return "no value".into();
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{} to {}, mean {}", short(low), short(high), short(mean))
}

/// Four significant digits, as short as they go.
fn short(value: f64) -> String {
    let rounded: f64 = format!("{value:.3e}").parse().unwrap_or(value);
    if rounded != 0.0 && !(1e-4..1e9).contains(&rounded.abs()) { format!("{rounded:e}") } else { format!("{rounded}") }
}

fn categories(axis: &Axis, rows: ArrayView2<f32>) -> String {
    let mut counts = vec![0usize; axis.categories.len()];
    for row in rows.rows() {
        let is = |values: &[f32]| axis.features.iter().zip(values).all(|(&f, &v)| row[f] == v);
        if let Some(found) = axis.categories.iter().position(|category| is(&category.values)) {
            counts[found] += 1;
        }
    }
    let mut order: Vec<usize> = (0..counts.len()).filter(|&c| counts[c] > 0).collect();
    order.sort_by_key(|&c| std::cmp::Reverse(counts[c]));
    let share = |&c: &usize| {
        format!("{} {:.0} %", axis.categories[c].label, 100.0 * counts[c] as f64 / rows.nrows().max(1) as f64)
    };
    let named: Vec<String> = order.iter().take(NAMED).map(share).collect();
    let rest = order.len().saturating_sub(NAMED);
    if rest == 0 { named.join(", ") } else { format!("{} and {rest} more", named.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Category;
    use ndarray::array;

    #[test]
    fn columns_are_summed_up() {
        let rows = array![[17.0, 1.0, 0.0], [f32::NAN, 1.0, 0.0], [90.0, 0.0, 1.0]];
        let age = Axis { name: "age".into(), features: vec![0], categories: vec![] };
        let category = |label: &str, values: [f32; 2]| Category { label: label.into(), values: values.to_vec() };
        let sex = Axis {
            name: "sex".into(),
            features: vec![1, 2],
            categories: vec![category("f", [0.0, 1.0]), category("m", [1.0, 0.0])],
        };
        let card = ColumnCard::of(&age, rows.view());
        assert_eq!((card.missing, card.summary.as_str()), (1, "17 to 90, mean 53.5"));
        assert_eq!(ColumnCard::of(&sex, rows.view()).summary, "m 67 %, f 33 %");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.0, 38.61234, 1e-7, 123456.0, -0.5].map(short), ["0", "38.61", "1e-7", "123500", "-0.5"]);
    }
}
