//! Columns that depend on each other, against pandas, NumPy and SciPy (tests/fixtures/oracles/association.json).

use ndarray::{Array2, array};
use pellucid::effect::{Axis, associations};
use pellucid_tests::effects::{codes, csv, one_hot};
use pellucid_tests::fixture;
use serde_json::Value;

/// Both sides compute in f64; sums of 1,013 rows of numbers whose deviations are as large as they are themselves round by less than
/// 1,013·ε = 2·10⁻¹³ of a variance. The root of a small Cramér's V stretches that.
const ROUNDING: f64 = 1e-10;

/// The raw columns of the oracle as axes of the features in `train.csv`.
fn axes(data: &str, oracle: &Value, features: &[String], rows: &Array2<f32>) -> Vec<Axis> {
    let names = |kind: &str| oracle[kind].as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned());
    let place = |name: &str| features.iter().position(|f| f == name).unwrap();
    let category = |name: String| {
        if data == "adult" {
            let hot: Vec<usize> =
                (0..features.len()).filter(|&f| features[f].starts_with(&format!("{name}="))).collect();
            return one_hot(&name, &hot);
        }
        let mut found: Vec<f32> = rows.column(place(&name)).iter().copied().filter(|v| !v.is_nan()).collect();
        found.sort_by(f32::total_cmp);
        found.dedup();
        codes(&name, place(&name), &found)
    };
    let numeric = names("numeric").map(|name| Axis::number(&name, place(&name)));
    numeric.chain(names("categorical").map(category)).collect()
}

#[test]
fn strengths_equal_those_of_pandas_and_scipy() {
    let text = std::fs::read_to_string(fixture("oracles/association.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    for data in ["adult", "titanic"] {
        let (features, rows) = csv(&format!("data/{data}/train.csv"));
        let weights = vec![1.0 / rows.nrows() as f64; rows.nrows()];
        let found = associations(&axes(data, &json[data], &features, &rows), rows.view(), &weights, 0.0);
        let expected = json[data]["pairs"].as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{data}");
        assert!(found.windows(2).all(|pair| pair[0].strength >= pair[1].strength), "{data}: strongest first");
        for pair in expected {
            let (a, b, strength) = (&pair["a"], &pair["b"], pair["strength"].as_f64().unwrap());
            let found = found.iter().find(|found| *a == found.a && *b == found.b).unwrap();
            assert!((found.strength - strength).abs() < ROUNDING, "{data}: {a}, {b} {} for {strength}", found.strength);
        }
    }
}

#[test]
fn a_weight_counts_as_so_many_rows() {
    let rows = array![[1.0, 2.0, 0.0, 1.0], [2.0, -1.0, 1.0, 1.0], [4.0, 3.0, 1.0, 0.0], [0.5, 9.0, 0.0, 0.0]];
    let times = [1, 3, 2, 0];
    let again: Vec<usize> = (0..4).flat_map(|row| std::iter::repeat_n(row, times[row])).collect();
    let axes = [Axis::number("x", 0), Axis::number("y", 1), codes("c", 2, &[0.0, 1.0]), codes("d", 3, &[0.0, 1.0])];
    let weighted = associations(&axes, rows.view(), &times.map(|n| n as f64 / 6.0), 0.0);
    let repeated = associations(&axes, rows.select(ndarray::Axis(0), &again).view(), &[1.0 / 6.0; 6], 0.0);
    assert_eq!(weighted.len(), 6);
    for (one, other) in weighted.iter().zip(&repeated) {
        assert_eq!((&one.a, &one.b), (&other.a, &other.b));
        assert!((one.strength - other.strength).abs() < ROUNDING, "{one:?} {other:?}");
    }
}

#[test]
fn constant_and_missing_columns_have_no_associations() {
    let nan = f32::NAN;
    let rows = array![[1.0, 0.1, nan, 1.0, 7.0], [2.0, 0.1, nan, 0.0, 7.0], [3.0, 0.1, 5.0, 1.0, 7.0]];
    let axes = [
        Axis::number("x", 0),
        Axis::number("constant", 1),
        Axis::number("once", 2),
        codes("c", 3, &[0.0, 1.0]),
        codes("one category", 4, &[6.0, 7.0]),
    ];
    let found = associations(&axes, rows.view(), &[1.0 / 3.0; 3], 0.0);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0].a[..], &found[0].b[..]), ("x", "c"));
    // x is 1 and 3 in one category, 2 in the other: both have the same mean.
    assert_eq!(found[0].strength, 0.0);
}

#[test]
fn what_is_weaker_than_asked_for_is_left_out() {
    let rows = array![[1.0, 2.0, 1.0], [2.0, 4.0, -1.0], [3.0, 6.0, 1.0], [4.0, 8.0, -1.0]];
    let axes = [Axis::number("x", 0), Axis::number("twice", 1), Axis::number("other", 2)];
    let found = associations(&axes, rows.view(), &[0.25; 4], 0.7);
    assert_eq!(found.len(), 1, "{found:?}");
    // r² of exact lines: a few roundings.
    assert!((found[0].strength - 1.0).abs() < 4.0 * f64::EPSILON);
}
