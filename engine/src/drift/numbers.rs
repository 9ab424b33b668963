//! A column of numbers: moments of all rows, and the numbers themselves of the rows kept.

/// What one pass found in a column of numbers.
#[derive(Debug, Clone)]
pub struct Numbers {
    /// Numbers that are not missing, in all rows.
    pub count: u64,
    pub mean: f64,
    squares: f64,
    pub min: f64,
    pub max: f64,
    /// Row by row while reading, NaN where missing; ascending and without NaN afterwards.
    kept: Vec<f64>,
}

impl Numbers {
    pub(super) fn new() -> Self {
        Numbers { count: 0, mean: 0.0, squares: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY, kept: Vec::new() }
    }

    /// Adds the cell of one row, NaN if missing, and keeps it at `place`.
    pub(super) fn add(&mut self, x: f64, place: Option<usize>) {
        // −0 and 0 are one number, and one in every order.
        let x = x + 0.0;
        if let Some(place) = place {
            crate::data::put(&mut self.kept, place, x);
        }
        if x.is_nan() {
            return;
        }
        self.count += 1;
        let step = x - self.mean;
        self.mean += step / self.count as f64;
        self.squares += step * (x - self.mean);
        self.min = self.min.min(x);
        self.max = self.max.max(x);
    }

    pub(super) fn finish(&mut self) {
        self.kept.retain(|x| !x.is_nan());
        self.kept.sort_unstable_by(f64::total_cmp);
    }

    /// Standard deviation (n − 1) of all rows; NaN of fewer than two or with infinities among them.
    pub fn deviation(&self) -> f64 {
        (self.squares / (self.count as f64 - 1.0)).sqrt()
    }

    /// Numbers of the rows kept, ascending: all of them, unless the table has more rows than were to be kept.
    pub fn kept(&self) -> &[f64] {
        &self.kept
    }

    /// The smallest kept number that is not below a share of them (inverse of the empirical distribution).
    pub fn quantile(&self, share: f64) -> f64 {
        let place = (share * self.kept.len() as f64).ceil() as usize;
        self.kept.get(place.clamp(1, self.kept.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
    }
}
