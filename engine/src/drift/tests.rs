//! What only this module sees: categories that are let go, and bins.

use super::bins::{self, Bin};
use super::categories::Categories;
use super::numbers::Numbers;

fn numbers(values: impl IntoIterator<Item = f64>) -> Numbers {
    let mut numbers = Numbers::new();
    values.into_iter().enumerate().for_each(|(row, x)| numbers.add(x, Some(row)));
    numbers.finish();
    numbers
}

fn rows(bins: &[Bin]) -> Vec<(&str, u64, u64)> {
    bins.iter().map(|bin| (bin.label.as_str(), bin.baseline, bin.data)).collect()
}

/// What came before the rest is counted to the last cell, and what comes again and again is never let go for good.
#[test]
fn frequent_categories_outlast_the_rare_ones() {
    let mut found = Categories::tracking(100);
    for i in 0..50_000u64 {
        if i % 5 == 0 {
            found.add("often");
        }
        found.add(&format!("rare {i}"));
        if i > 1000 && i % 50 == 0 {
            found.add("at times");
        }
    }
    assert_eq!(found.count("often"), (10_000, 0));
    let (counted, before) = found.count("at times");
    assert!(
        before > 0 && before <= found.total() / 100 && counted <= 980 && counted + before >= 980,
        "{counted}, {before}"
    );
    assert_eq!(found.top(1), [("often", 10_000)]);
    // 50,002 different texts; the estimate errs by 1/√1024, here four times that.
    assert!(!found.is_exact() && found.are_ids());
    assert!((found.distinct() as f64 / 50_002.0 - 1.0).abs() < 4.0 / 32.0, "{}", found.distinct());
}

#[test]
fn long_texts_are_told_apart_in_little_room() {
    let mut found = Categories::default();
    let text = "ä".repeat(10_000);
    found.add(&text);
    found.add(&format!("{text}x"));
    found.add(&text);
    assert_eq!((found.is_exact(), found.distinct()), (true, 2));
    assert!(found.top(2).iter().all(|(text, _)| text.len() < 250));
    assert_eq!(found.top(2)[0].1, 2);
}

#[test]
fn bins_hold_equal_shares_and_ties_stay_together() {
    let even = numbers((1..=100).map(f64::from));
    let found = bins::numeric(&even, &numbers([0.5, 25.0, 25.5, 1000.0]), 4);
    assert_eq!(
        rows(&found),
        [("at most 25", 25, 2), ("above 25 to 50", 25, 1), ("above 50 to 75", 25, 0), ("above 75", 25, 1)]
    );
    // Half the rows are the smallest number: what is below it is new.
    let tied = numbers([0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0]);
    let found = bins::numeric(&tied, &numbers([-1.0, 0.0, -0.0, 9.0]), 4);
    assert_eq!(rows(&found), [("below 0", 0, 1), ("0", 4, 2), ("above 0 to 2", 2, 0), ("above 2", 2, 1)]);
    let constant = numbers([7.0; 5]);
    let found = bins::numeric(&constant, &numbers([6.0, 7.0, 8.0]), 10);
    assert_eq!(rows(&found), [("below 7", 0, 1), ("7", 5, 1), ("above 7", 0, 1)]);
}

#[test]
fn infinities_are_numbers_and_nan_is_missing() {
    let found = numbers([f64::INFINITY, f64::NAN, 1.0, f64::NEG_INFINITY]);
    assert_eq!(found.kept(), [f64::NEG_INFINITY, 1.0, f64::INFINITY]);
    assert_eq!((found.count, found.min, found.max), (3, f64::NEG_INFINITY, f64::INFINITY));
}
