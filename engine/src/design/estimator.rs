//! The matrix of an estimator: fixed numbers that turn the contrasts of a design into attributions and their standard errors.

use ndarray::{Array2, ArrayView2, Axis};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// A linear estimator: φ − (v1 − v0)/n = M d.
#[derive(Debug, Clone)]
pub struct Estimator {
    /// `[players + more, pairs]`: M, then the rows that its errors come from.
    pub matrix: Array2<f32>,
    n_players: usize,
    errors: Errors,
}

/// How the rows under M tell how far M d may be off.
#[derive(Debug, Clone)]
enum Errors {
    /// Nothing in the design is random: no rows.
    Exact,
    /// For each of so many groups of pairs, what leaving it out would change in M d, `[players]` rows each: (g − 1)/g Σ change² (the
    /// jackknife, Efron & Stein 1981).
    Groups(usize),
    /// Probes, whose sum of squares is the variance of the contrasts in units of the model that made M; times the variances of the
    /// attributions under that model, `[players]`.
    Scale(Vec<f64>),
}

impl Estimator {
    /// An estimator that leaves nothing to chance: M `[players, pairs]`.
    pub fn exact(matrix: Array2<f64>) -> Self {
        Self::stacked(&[matrix.view()], Errors::Exact)
    }

    /// M `[players, pairs]` of a random design, and the changes, one `[players, pairs]` a deleted group.
    pub fn jackknife(matrix: Array2<f64>, deletions: &[Array2<f64>]) -> Self {
        let all: Vec<_> = std::iter::once(&matrix).chain(deletions).map(|m| m.view()).collect();
        Self::stacked(&all, Errors::Groups(deletions.len()))
    }

    /// M `[players, pairs]` of a random design, the variances of its errors under the model that made it, `[players]`, and the probes that
    /// say how much larger a row's contrasts are than that model's, `[probes, pairs]`.
    pub fn scaled(matrix: Array2<f64>, variances: Vec<f64>, probes: Array2<f64>) -> Self {
        Self::stacked(&[matrix.view(), probes.view()], Errors::Scale(variances))
    }

    fn stacked(parts: &[ArrayView2<f64>], errors: Errors) -> Self {
        let all = ndarray::concatenate(Axis(0), parts).expect("all have the same columns");
        Self { matrix: all.mapv(|x| x as f32), n_players: parts[0].nrows(), errors }
    }

    /// Whether nothing in the design is random.
    pub fn is_exact(&self) -> bool {
        matches!(self.errors, Errors::Exact)
    }

    /// Degrees of freedom of the variances.
    pub fn degrees(&self) -> usize {
        match &self.errors {
            Errors::Exact => 0,
            Errors::Groups(groups) => groups.saturating_sub(1),
            Errors::Scale(_) => self.matrix.nrows() - self.n_players,
        }
    }

    /// From matrix · contrasts of one row and output to M d and its variances, `[players]` each; the variances are zero if nothing is
    /// random, NaN if there are too few pairs to tell.
    pub fn finish(&self, product: &[f32]) -> (Vec<f64>, Vec<f64>) {
        let n = self.n_players;
        let values = product[..n].iter().map(|&x| f64::from(x)).collect();
        let square = |&x: &f32| f64::from(x) * f64::from(x);
        let variances = match &self.errors {
            Errors::Exact => vec![0.0; n],
            Errors::Groups(0 | 1) => vec![f64::NAN; n],
            Errors::Groups(groups) => {
                let share = (groups - 1) as f64 / *groups as f64;
                (0..n).map(|i| share * product[n + i..].iter().step_by(n).map(square).sum::<f64>()).collect()
            }
            Errors::Scale(variances) => {
                let scale: f64 = product[n..].iter().map(square).sum();
                variances.iter().map(|variance| variance * scale).collect()
            }
        };
        (values, variances)
    }
}

/// How much wider than the normal distribution's a 95 % interval of Student's with these degrees of freedom is, from one on.
pub fn widening(degrees: usize) -> f64 {
    let student = StudentsT::new(0.0, 1.0, degrees.max(1) as f64).expect("a positive number");
    student.inverse_cdf(0.975) / 1.959_963_984_540_054
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn widening_agrees_with_tables_of_student() {
        for (degrees, t) in [(1, 12.706), (2, 4.303), (6, 2.447), (15, 2.131), (30, 2.042)] {
            assert!((widening(degrees) * 1.959_963_985 / t - 1.0).abs() < 1e-3, "{degrees} degrees");
        }
    }

    #[test]
    fn variances_come_from_the_rows_under_the_matrix() {
        let matrix = array![[1.0, 0.0], [0.0, 1.0]];
        let groups = [array![[1.0, 0.0], [0.0, 3.0]], array![[0.0, 2.0], [0.0, 0.0]]];
        let product = |estimator: &Estimator| estimator.matrix.dot(&array![2.0, 1.0]).to_vec();
        let jackknife = Estimator::jackknife(matrix.clone(), &groups);
        assert_eq!(jackknife.finish(&product(&jackknife)), (vec![2.0, 1.0], vec![0.5 * (4.0 + 4.0), 0.5 * 9.0]));
        let scaled = Estimator::scaled(matrix.clone(), vec![0.1, 0.5], array![[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]);
        assert_eq!(scaled.finish(&product(&scaled)).1, vec![0.1 * 14.0, 0.5 * 14.0]);
        assert_eq!((jackknife.degrees(), scaled.degrees()), (1, 3));
        let alone = Estimator::jackknife(matrix, &groups[..1]);
        assert!(alone.finish(&product(&alone)).1.iter().all(|v| v.is_nan()));
    }
}
