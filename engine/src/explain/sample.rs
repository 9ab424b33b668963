//! Explained rows kept for drawing: a uniform sample of a table of any length, and rows that were asked for.

use super::Explanation;
use crate::data::{Reservoir, put};
use serde::Serialize;
use std::collections::BTreeSet;

/// One explained row with what a reader of the table knows of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainedRow {
    /// Its number in the table, from 1.
    pub number: usize,
    /// Its id columns as text, `name=value` if there are several; empty without id columns.
    pub id: String,
    /// `[output]`: the model's raw outputs.
    pub predictions: Vec<f32>,
    /// `[output][player]`, in units of the link.
    pub values: Vec<Vec<f32>>,
    /// Same shape: standard errors.
    pub stderr: Vec<Vec<f32>>,
    /// `[player]`.
    pub features: Vec<FeatureValue>,
}

/// What a player is in one row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeatureValue {
    /// As in the table: `39`, `Private`, `a=1, b=2` for a group.
    pub text: String,
    /// For colours and axes, if the player is one number; a category has none.
    pub number: Option<f64>,
}

/// Rows kept of a stream: each with the same chance, and those asked for by number.
#[derive(Debug, Clone)]
pub struct RowSample {
    reservoir: Reservoir,
    sampled: Vec<ExplainedRow>,
    wanted: BTreeSet<usize>,
    asked: Vec<ExplainedRow>,
}

impl RowSample {
    /// Keeps `capacity` rows, or all if there are no more.
    pub fn new(capacity: usize, seed: u64) -> Self {
        let (sampled, asked) = (Vec::new(), Vec::new());
        Self { reservoir: Reservoir::new(capacity, seed), sampled, wanted: BTreeSet::new(), asked }
    }

    /// Keeps the rows of these numbers, from 1, as well.
    pub fn wanting(self, numbers: impl IntoIterator<Item = usize>) -> Self {
        Self { wanted: numbers.into_iter().collect(), ..self }
    }

    /// Offers the rows of a block, the first of which has number `first_row` in the table. `describe` gives the id and the players of a
    /// row by its position in the block; it is asked only about rows that are kept.
    pub fn offer(
        &mut self,
        block: &Explanation,
        first_row: usize,
        describe: impl Fn(usize) -> (String, Vec<FeatureValue>),
    ) {
        for row in 0..block.n_rows() {
            let number = first_row + row;
            let place = self.reservoir.place();
            let wanted = self.wanted.contains(&number);
            if place.is_none() && !wanted {
                continue;
            }
            let kept = ExplainedRow::new(block, row, number, describe(row));
            if wanted {
                self.asked.push(kept.clone());
            }
            if let Some(place) = place {
                put(&mut self.sampled, place, kept);
            }
        }
    }

    /// Rows offered so far.
    pub fn offered(&self) -> usize {
        self.reservoir.offered()
    }

    /// The sample, in the order of the table.
    pub fn rows(&self) -> Vec<ExplainedRow> {
        let mut rows = self.sampled.clone();
        rows.sort_by_key(|row| row.number);
        rows
    }

    /// The rows asked for by number, in the order of the table; fewer if the table ended before.
    pub fn asked(&self) -> &[ExplainedRow] {
        &self.asked
    }

    /// Rows to explain one by one, and why each: those asked for, then the rows of the sample with the highest, the lowest and the
    /// middle prediction of an output, called `name`. No row twice; of equal predictions the first row.
    pub fn shown(&self, output: usize, name: &str) -> Vec<(ExplainedRow, String)> {
        let rows = self.rows();
        let by_prediction =
            |a: &&ExplainedRow, b: &&ExplainedRow| a.predictions[output].total_cmp(&b.predictions[output]);
        let mut sorted: Vec<&ExplainedRow> = rows.iter().collect();
        sorted.sort_by(by_prediction);
        let (highest, lowest) = (rows.iter().rev().max_by(by_prediction), sorted.first().copied());
        let of = match self.offered() == rows.len() {
            true => String::new(),
            false => format!(" of {} rows drawn", rows.len()),
        };
        let mut shown: Vec<_> = self.asked.iter().map(|row| (row.clone(), "asked for".to_string())).collect();
        let middle = sorted.get(rows.len() / 2).copied();
        for (row, which) in [(highest, "highest"), (lowest, "lowest"), (middle, "middle")] {
            let Some(row) = row else { continue };
            if shown.iter().all(|(other, _)| other.number != row.number) {
                shown.push((row.clone(), format!("the {which} {name}{of}")));
            }
        }
        shown
    }
}

impl ExplainedRow {
    fn new(block: &Explanation, row: usize, number: usize, (id, features): (String, Vec<FeatureValue>)) -> Self {
        let by_output = |array: &ndarray::Array3<f32>| -> Vec<Vec<f32>> {
            array.index_axis(ndarray::Axis(0), row).outer_iter().map(|values| values.to_vec()).collect()
        };
        Self {
            number,
            id,
            predictions: block.predictions.row(row).to_vec(),
            values: by_output(&block.values),
            stderr: by_output(&block.stderr),
            features,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::Link;
    use ndarray::{Array1, Array2, Array3};
    use std::cell::RefCell;

    /// Rows `from..to`; the prediction of row r is (7 r) mod 10, its one attribution r.
    fn block(from: usize, to: usize) -> Explanation {
        let rows = to - from;
        Explanation {
            values: Array3::from_shape_fn((rows, 1, 1), |(r, _, _)| (from + r) as f32),
            stderr: Array3::from_elem((rows, 1, 1), 0.5),
            base_values: Array1::zeros(1),
            predictions: Array2::from_shape_fn((rows, 1), |(r, _)| ((from + r) * 7 % 10) as f32),
            spent: vec![1; rows],
            link: Link::Identity,
            interactions: None,
        }
    }

    fn described(row: usize, from: usize) -> (String, Vec<FeatureValue>) {
        let number = (from + row) as f64;
        (format!("id {number}"), vec![FeatureValue { text: number.to_string(), number: Some(number) }])
    }

    fn sample(rows: usize, capacity: usize, seed: u64) -> RowSample {
        let mut sample = RowSample::new(capacity, seed).wanting([2, 1000]);
        for from in (1..=rows).step_by(10) {
            sample.offer(&block(from, (from + 10).min(rows + 1)), from, |row| described(row, from));
        }
        sample
    }

    #[test]
    fn a_short_table_is_kept_whole() {
        let sample = sample(25, 30, 0);
        let rows = sample.rows();
        assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), (1..=25).collect::<Vec<_>>());
        assert_eq!(
            rows[16],
            ExplainedRow {
                number: 17,
                id: "id 17".into(),
                predictions: vec![9.0],
                values: vec![vec![17.0]],
                stderr: vec![vec![0.5]],
                features: vec![FeatureValue { text: "17".into(), number: Some(17.0) }],
            }
        );
        assert_eq!(sample.asked(), [rows[1].clone()]);
    }

    /// Each of 50 rows is among 10 with chance 1/5: over 2,000 seeds its count has mean 400 and standard deviation 17.9; the seeds are fixed.
    #[test]
    fn every_row_has_the_same_chance() {
        let mut counts = [0f64; 50];
        for seed in 0..2000 {
            let rows = sample(50, 10, seed).rows();
            assert_eq!(rows.len(), 10);
            rows.iter().for_each(|row| counts[row.number - 1] += 1.0);
        }
        let sd = (2000.0f64 * 0.2 * 0.8).sqrt();
        assert!(counts.iter().all(|count| (count - 400.0).abs() < 4.5 * sd), "{counts:?}");
    }

    #[test]
    fn only_rows_that_are_kept_are_described() {
        let described = RefCell::new(Vec::new());
        let mut sample = RowSample::new(0, 0).wanting([3, 7]);
        sample.offer(&block(1, 11), 1, |row| {
            described.borrow_mut().push(row);
            (String::new(), vec![])
        });
        assert_eq!((described.into_inner(), sample.rows().len(), sample.offered()), (vec![2, 6], 0, 10));
    }

    #[test]
    fn shown_rows_are_the_extremes_and_the_middle_once_each() {
        let told = |sample: &RowSample| -> Vec<(usize, String)> {
            sample.shown(0, "y").into_iter().map(|(row, why)| (row.number, why)).collect()
        };
        let expected = |all: &[(usize, &str)]| all.iter().map(|(row, why)| (*row, why.to_string())).collect::<Vec<_>>();
        // Row 7 has 9, row 10 has 0; of 0 … 9 the sixth is 5, row 5.
        let all = [(2, "asked for"), (7, "the highest y"), (10, "the lowest y"), (5, "the middle y")];
        assert_eq!(told(&sample(10, 10, 0)), expected(&all));
        assert_eq!(told(&sample(1, 10, 0)), expected(&[(1, "the highest y")]));
        let drawn = told(&sample(500, 10, 0));
        assert_eq!(drawn.len(), 4);
        assert!(drawn[1..].iter().all(|(_, why)| why.ends_with(" of 10 rows drawn")), "{drawn:?}");
        assert!(RowSample::new(10, 0).shown(0, "y").is_empty());
    }

    #[test]
    fn of_equal_predictions_the_first_row_is_shown() {
        let shown = sample(20, 20, 0).shown(0, "y");
        assert_eq!(shown.iter().map(|(row, _)| row.number).collect::<Vec<_>>()[..3], [2, 7, 10]);
    }
}
