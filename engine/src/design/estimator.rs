//! The matrix of an estimator: fixed numbers that turn the contrasts of a design into attributions and their standard errors.

use ndarray::Array2;

/// A linear estimator: φ − (v1 − v0)/n = M d.
#[derive(Debug, Clone)]
pub struct Estimator {
    /// `[players · (1 + groups), pairs]`: M, then for each jackknife group what leaving its pairs out would change in M d.
    pub matrix: Array2<f32>,
    n_players: usize,
    /// Nothing in the design is random.
    exact: bool,
}

impl Estimator {
    /// An estimator that leaves nothing to chance: M `[players, pairs]`.
    pub fn exact(matrix: Array2<f64>) -> Self {
        Self { exact: true, ..Self::new(matrix, Vec::new()) }
    }

    /// M `[players, pairs]` of a random design, and the changes, one `[players, pairs]` a deleted group.
    pub fn new(matrix: Array2<f64>, deletions: Vec<Array2<f64>>) -> Self {
        let n_players = matrix.nrows();
        let stack: Vec<_> = std::iter::once(&matrix).chain(&deletions).map(|m| m.mapv(|x| x as f32)).collect();
        let views: Vec<_> = stack.iter().map(|m| m.view()).collect();
        let matrix = ndarray::concatenate(ndarray::Axis(0), &views).expect("all have the same columns");
        Self { matrix, n_players, exact: false }
    }

    /// Whether nothing in the design is random.
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// Jackknife groups; the standard error has one degree of freedom fewer.
    pub fn n_groups(&self) -> usize {
        self.matrix.nrows() / self.n_players - 1
    }

    /// From matrix · contrasts of one row and output to M d and its variances, `[players]` each. The variance is the jackknife's,
    /// (g − 1)/g Σ_a change_a² (Efron & Stein 1981); zero if nothing is random, NaN if there are too few pairs to tell.
    pub fn finish(&self, product: &[f32]) -> (Vec<f64>, Vec<f64>) {
        let n = self.n_players;
        let values = product[..n].iter().map(|&x| f64::from(x)).collect();
        let groups = self.n_groups() as f64;
        let mut variances = vec![if self.exact || groups >= 2.0 { 0.0 } else { f64::NAN }; n];
        for change in product[n..].chunks_exact(n) {
            variances
                .iter_mut()
                .zip(change)
                .for_each(|(v, &x)| *v += f64::from(x) * f64::from(x) * (groups - 1.0) / groups);
        }
        (values, variances)
    }
}

/// How much wider than the normal distribution's a 95 % interval of Student's with these degrees of freedom is: t/z by the expansion of
/// Cornish and Fisher (Abramowitz & Stegun 26.7.5, to the third order), within 0.1 % from 6 degrees on.
pub fn widening(degrees: usize) -> f64 {
    let (z, degrees) = (1.959_963_985_f64, degrees.max(1) as f64);
    let first = (z.powi(2) + 1.0) / (4.0 * degrees);
    let second = (5.0 * z.powi(4) + 16.0 * z.powi(2) + 3.0) / (96.0 * degrees * degrees);
    let third = (3.0 * z.powi(6) + 19.0 * z.powi(4) + 17.0 * z.powi(2) - 15.0) / (384.0 * degrees.powi(3));
    1.0 + first + second + third
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widening_agrees_with_tables_of_student() {
        for (degrees, t) in [(6, 2.447), (8, 2.306), (15, 2.131), (30, 2.042)] {
            assert!((widening(degrees) * 1.959_963_985 / t - 1.0).abs() < 1e-3, "{degrees} degrees");
        }
    }
}
