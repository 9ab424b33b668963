//! Means over the background and their standard errors, put together from runs of rows, in f64.
//!
//! For weights w and values x of n rows: W = Σw, V = Σw², the mean c = Σwx/W, A = Σw²(x − c), Q = Σw²(x − c)². The sandwich variance
//! of c, Q/W² · n/(n − 1), is s²/n for equal weights. Two runs have the mean (W₁c₁ + W₂c₂)/(W₁ + W₂), and sums move from a centre c₁ to
//! c by δ = c₁ − c: A + δV, Q + 2δA + δ²V. Both are exact.

/// Rows of a run and their weights.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Run {
    pub rows: f64,
    /// W
    pub weight: f64,
    /// V
    pub square: f64,
}

impl Run {
    pub fn of(weights: &[f32]) -> Self {
        let of_one = |&w: &f32| Run { rows: 1.0, weight: f64::from(w), square: f64::from(w).powi(2) };
        weights.iter().map(of_one).fold(Self::default(), Self::and)
    }

    fn and(self, other: Self) -> Self {
        Self { rows: self.rows + other.rows, weight: self.weight + other.weight, square: self.square + other.square }
    }
}

/// What is known of one average: the mean, and the sums about it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moments {
    run: Run,
    pub mean: f64,
    /// A
    first: f64,
    /// Q
    second: f64,
}

impl Moments {
    /// From three numbers of the kernel: mean, A and Q about it.
    pub fn of(run: Run, numbers: &[f32]) -> Self {
        let [mean, first, second] = [0, 1, 2].map(|at| f64::from(numbers[at]));
        Self { run, mean, first, second }
    }

    /// Adds a run of other rows.
    pub fn add(&mut self, other: &Self) {
        let run = self.run.and(other.run);
        let mean = (self.run.weight * self.mean + other.run.weight * other.mean) / run.weight;
        let (a, b) = (self.about(mean), other.about(mean));
        *self = Self { run, mean, first: a.first + b.first, second: a.second + b.second };
    }

    fn about(&self, centre: f64) -> Self {
        let (shift, square) = (self.mean - centre, self.run.square);
        Self {
            run: self.run,
            mean: centre,
            first: self.first + shift * square,
            second: self.second + 2.0 * shift * self.first + shift * shift * square,
        }
    }

    /// Variance of the mean; NaN for a single row, which cannot tell.
    pub fn variance(&self) -> f64 {
        self.second.max(0.0) / self.run.weight.powi(2) * self.run.rows / (self.run.rows - 1.0)
    }

    pub fn stderr(&self) -> f64 {
        self.variance().sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The three numbers of a run, in f64.
    fn direct(x: &[f64], w: &[f32]) -> Moments {
        let run = Run::of(w);
        let w = w.iter().map(|&w| f64::from(w));
        let mean = x.iter().zip(w.clone()).map(|(x, w)| x * w).sum::<f64>() / run.weight;
        let sum = |power: i32| x.iter().zip(w.clone()).map(|(x, w)| w * w * (x - mean).powi(power)).sum();
        Moments { run, mean, first: sum(1), second: sum(2) }
    }

    #[test]
    fn parts_make_the_whole() {
        let x = [1000.5, 1003.0, 998.25, 1001.0, 1002.0, 990.0, 1000.0];
        let w = [0.5, 2.0, 1.0, 0.25, 3.0, 1.5, 0.75];
        let whole = direct(&x, &w);
        for cuts in [vec![0, 7], vec![0, 1, 7], vec![0, 3, 4, 7], vec![0, 1, 2, 3, 4, 5, 6, 7]] {
            let mut sum = Moments::default();
            cuts.windows(2).for_each(|cut| sum.add(&direct(&x[cut[0]..cut[1]], &w[cut[0]..cut[1]])));
            // A few roundings of sums about a centre of the size of the deviations.
            let tolerance = 1e-14 * whole.second;
            assert!((sum.mean - whole.mean).abs() < 1e-12, "{cuts:?}: {} for {}", sum.mean, whole.mean);
            assert!(
                (sum.second - whole.second).abs() < 10.0 * tolerance,
                "{cuts:?}: {} for {}",
                sum.second,
                whole.second
            );
            assert_eq!(sum.run, whole.run, "{cuts:?}");
        }
    }

    #[test]
    fn equal_weights_give_the_classical_error() {
        let x = [1.0, 4.0, -2.0, 0.5];
        let mean = x.iter().sum::<f64>() / 4.0;
        let classical = (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 3.0 / 4.0).sqrt();
        assert!((direct(&x, &[0.25; 4]).stderr() - classical).abs() < 1e-15);
        assert!(direct(&[3.0], &[1.0]).stderr().is_nan());
    }
}
