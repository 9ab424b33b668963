//! Cohorts: the summary of a part of a table is the summary of its rows alone.

use ndarray::{Array1, Array2, Array3, Axis};
use pellucid::data::{Partition, ReadOptions, Table};
use pellucid::explain::{CohortSummary, Explanation, GlobalExplanation, Link, Provenance, Summary};

const ROWS: usize = 100;

fn explanation() -> Explanation {
    let value = |(r, k, i): (usize, usize, usize)| ((r * 37 + k * 11 + i * 5) % 23) as f32 / 7.0 - 1.5;
    Explanation {
        values: Array3::from_shape_fn((ROWS, 2, 3), value),
        stderr: Array3::from_elem((ROWS, 2, 3), 0.25),
        base_values: Array1::from_vec(vec![1.0, 2.0]),
        predictions: Array2::zeros((ROWS, 2)),
        spent: vec![1; ROWS],
        link: Link::Identity,
        interactions: None,
    }
}

fn rows_of(whole: &Explanation, rows: &[usize]) -> Explanation {
    Explanation {
        values: whole.values.select(Axis(0), rows),
        stderr: whole.stderr.select(Axis(0), rows),
        base_values: whole.base_values.clone(),
        predictions: whole.predictions.select(Axis(0), rows),
        spent: vec![1; rows.len()],
        link: whole.link,
        interactions: None,
    }
}

fn run() -> Provenance {
    let names = |names: &[&str]| names.iter().map(|n| n.to_string()).collect();
    Provenance { outputs: names(&["a", "b"]), players: names(&["x", "y", "z"]), seed: 4, ..Provenance::default() }
}

/// The cohorts of the first `rows` rows of a CSV of one column, read in batches of 7.
fn cohorts(cells: impl Fn(usize) -> String, rows: Option<usize>) -> Vec<(String, u64, Vec<GlobalExplanation>)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, format!("c\n{}", (0..ROWS).map(|r| cells(r) + "\n").collect::<String>())).unwrap();
    let table = Table::open(&path, &ReadOptions::default()).unwrap();
    let mut summary = CohortSummary::new(Partition::read(&table, "c", rows, 0).unwrap(), &run());
    let whole = explanation();
    let mut first = 0;
    for batch in table.batches(7).unwrap() {
        let batch = batch.unwrap();
        let batch = batch.slice(0, batch.num_rows().min(rows.unwrap_or(ROWS) - first));
        let numbers: Vec<usize> = (first..first + batch.num_rows()).collect();
        summary.add(&rows_of(&whole, &numbers), &batch).unwrap();
        first += batch.num_rows();
    }
    let found = summary.finish();
    assert_eq!(found.by, "c");
    found.cohorts.into_iter().map(|cohort| (cohort.name, cohort.rows, cohort.global)).collect()
}

#[test]
fn a_cohort_is_summed_up_as_if_it_were_the_table() {
    let letters = |r: usize| ["b", "a", "a", "b", "a"][r % 5].to_string();
    let found = cohorts(letters, None);
    assert_eq!(found.iter().map(|(name, rows, _)| (name.as_str(), *rows)).collect::<Vec<_>>(), [("a", 60), ("b", 40)]);
    for (name, rows, global) in found {
        let of: Vec<usize> = (0..ROWS).filter(|&r| letters(r) == name).collect();
        let mut alone = Summary::new(run().outputs, run().players, run().seed);
        alone.add(&rows_of(&explanation(), &of));
        let alone = alone.finish();
        assert_eq!((alone.len(), alone[0].rows), (2, rows));
        for (cohort, alone) in global.iter().zip(&alone) {
            assert_eq!((&cohort.values, cohort.base_value), (&alone.values, alone.base_value));
        }
    }
}

#[test]
fn every_row_is_in_one_part() {
    let names = |cells: &dyn Fn(usize) -> String, rows| -> Vec<(String, u64)> {
        cohorts(cells, rows).into_iter().map(|(name, rows, _)| (name, rows)).collect()
    };
    let is = |all: &[(&str, u64)]| all.iter().map(|(name, rows)| (name.to_string(), *rows)).collect::<Vec<_>>();
    // Numbers cut at their quartiles, with missing cells apart; missing cells are read as such beside numbers only.
    let numbers = |r: usize| if r % 5 == 4 { "NA".to_string() } else { (r as f64 / 2.0).to_string() };
    let quarters = [("0 to 11.5", 20), ("12.5 to 24", 20), ("25 to 36.5", 20), ("37.5 to 49", 20), ("missing", 20)];
    assert_eq!(names(&numbers, None), is(&quarters));
    // Only the first rows count.
    assert_eq!(names(&numbers, Some(6)), is(&[("0", 1), ("0.5", 1), ("1", 1), ("1.5", 1), ("2.5", 1), ("missing", 1)]));
    let many = |r: usize| if r < 50 { format!("n{}", r % 8) } else { format!("rare{}", r % 10) };
    let mut expected: Vec<(String, u64)> = (0..8).map(|n| (format!("n{n}"), if n < 2 { 7 } else { 6 })).collect();
    expected.push(("other (10 categories)".into(), 50));
    assert_eq!(names(&many, None), expected);
    let booleans = |r: usize| r.is_multiple_of(4).to_string();
    assert_eq!(names(&booleans, None), is(&[("false", 75), ("true", 25)]));
}
