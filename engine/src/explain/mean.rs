//! A running mean with its standard error.

/// Welford's running mean and variance.
#[derive(Debug, Clone, Default)]
pub struct Mean {
    count: f64,
    pub mean: f64,
    squares: f64,
}

impl Mean {
    pub fn add(&mut self, x: f64) {
        self.count += 1.0;
        let step = x - self.mean;
        self.mean += step / self.count;
        self.squares += step * (x - self.mean);
    }

    /// Standard error of the mean, 0 for a single value.
    pub fn stderr(&self) -> f64 {
        if self.count < 2.0 { 0.0 } else { (self.squares / (self.count - 1.0) / self.count).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn welford_matches_the_two_pass_formula() {
        let values = [1.0, 4.0, -2.0, 0.5];
        let mut mean = Mean::default();
        values.iter().for_each(|&x| mean.add(x));
        let expected = values.iter().sum::<f64>() / 4.0;
        let variance = values.iter().map(|x| (x - expected).powi(2)).sum::<f64>() / 3.0;
        assert!((mean.mean - expected).abs() < 1e-15);
        assert!((mean.stderr() - (variance / 4.0).sqrt()).abs() < 1e-15);
    }
}
