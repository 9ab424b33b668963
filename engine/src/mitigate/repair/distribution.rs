//! The values of a column in one group, and how far groups are apart.

/// Different values, ascending, and how many rows have each.
#[derive(Debug, Clone)]
pub struct Distribution {
    pub values: Vec<f64>,
    pub counts: Vec<u64>,
    /// Rows with a smaller value.
    below: Vec<u64>,
    rows: u64,
}

impl Distribution {
    /// Of finite values in any order.
    pub fn new(all: Vec<f64>) -> Distribution {
        Distribution::of(all.into_iter().map(|value| (value, 1)).collect())
    }

    /// Of finite values in any order, each with a number of rows.
    pub fn of(mut all: Vec<(f64, u64)>) -> Distribution {
        all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut found = Distribution { values: Vec::new(), counts: Vec::new(), below: Vec::new(), rows: 0 };
        for same in all.chunk_by(|a, b| a.0 == b.0) {
            let count = same.iter().map(|(_, count)| count).sum();
            found.values.push(same[0].0);
            found.counts.push(count);
            found.below.push(found.rows);
            found.rows += count;
        }
        found
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Where a value stands: the share of rows below it and half of those equal to it.
    pub fn rank(&self, place: usize) -> f64 {
        (self.below[place] as f64 + 0.5 * self.counts[place] as f64) / self.rows as f64
    }

    /// Where each of the rows with a value would stand if they were told apart.
    pub fn ranks(&self, place: usize) -> impl Iterator<Item = f64> + use<> {
        let (below, rows) = (self.below[place], self.rows as f64);
        (0..self.counts[place]).map(move |i| ((below + i) as f64 + 0.5) / rows)
    }

    /// The value at a rank in (0, 1): row i of n, from 0, stands at (i + 1/2)/n (Hazen 1914), linear in between. There must be rows.
    pub fn quantile(&self, rank: f64) -> f64 {
        let n = self.rows as f64;
        let place = (rank * n - 0.5).clamp(0.0, n - 1.0);
        // A rank that is a row's own is that row, whatever rounding did: rank · n errs by at most an ε of n.
        let place = if (place - place.round()).abs() <= 2.0 * f64::EPSILON * n { place.round() } else { place };
        let (low, high) = (self.row(place.floor() as u64), self.row(place.ceil() as u64));
        if low == high { low } else { low + (high - low) * place.fract() }
    }

    /// The value of the `i`th row in their order, from 0.
    fn row(&self, i: u64) -> f64 {
        self.values[self.below.partition_point(|below| *below <= i) - 1]
    }
}

/// The largest difference of the shares of rows at or below a value, between any two groups that have rows (Kolmogorov & Smirnov), in [0, 1].
pub fn distance(groups: &[Distribution]) -> f64 {
    let mut steps: Vec<(f64, usize, u64)> = Vec::new();
    for (group, found) in groups.iter().enumerate() {
        steps.extend(found.values.iter().zip(&found.counts).map(|(&value, &count)| (value, group, count)));
    }
    steps.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut passed = vec![0u64; groups.len()];
    let mut farthest: f64 = 0.0;
    for same in steps.chunk_by(|a, b| a.0 == b.0) {
        same.iter().for_each(|&(_, group, count)| passed[group] += count);
        let shares = groups.iter().zip(&passed).filter(|(g, _)| g.rows > 0).map(|(g, &n)| n as f64 / g.rows as f64);
        let (low, high) = shares.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), s| (low.min(s), high.max(s)));
        farthest = farthest.max(high - low);
    }
    farthest
}

/// Correlation of two values of rows that come `count` at a time; none where one of them does not vary.
pub fn correlation(rows: &[(f64, f64, u64)]) -> Option<f64> {
    let n: f64 = rows.iter().map(|row| row.2 as f64).sum();
    let mean = |of: fn(&(f64, f64, u64)) -> f64| rows.iter().map(|row| of(row) * row.2 as f64).sum::<f64>() / n;
    let (x, y) = (mean(|row| row.0), mean(|row| row.1));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for &(a, b, count) in rows {
        let count = count as f64;
        xx += (a - x) * (a - x) * count;
        yy += (b - y) * (b - y) * count;
        xy += (a - x) * (b - y) * count;
    }
    (xx > 0.0 && yy > 0.0).then(|| (xy / (xx * yy).sqrt()).clamp(-1.0, 1.0))
}

/// The same of their ranks (Spearman 1904); equal values share the mean of their ranks.
pub fn rank_correlation(rows: &[(f64, f64, u64)]) -> Option<f64> {
    let ranks = |of: fn(&(f64, f64, u64)) -> f64| {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_unstable_by(|&a, &b| of(&rows[a]).total_cmp(&of(&rows[b])));
        let (mut ranks, mut before) = (vec![0.0; rows.len()], 0u64);
        for same in order.chunk_by(|&a, &b| of(&rows[a]) == of(&rows[b])) {
            let count: u64 = same.iter().map(|&row| rows[row].2).sum();
            same.iter().for_each(|&row| ranks[row] = before as f64 + 0.5 * count as f64);
            before += count;
        }
        ranks
    };
    let (a, b) = (ranks(|row| row.0), ranks(|row| row.1));
    let ranked: Vec<(f64, f64, u64)> = (0..rows.len()).map(|row| (a[row], b[row], rows[row].2)).collect();
    correlation(&ranked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_rows_are_rows() {
        let found = Distribution::new(vec![3.0, 1.0, 2.0, 2.0, 10.0]);
        assert_eq!((found.rank(0), found.rank(1), found.rank(3)), (0.1, 0.4, 0.9));
        for (rank, value) in [(0.1, 1.0), (0.3, 2.0), (0.5, 2.0), (0.7, 3.0), (0.9, 10.0), (0.8, 6.5), (0.01, 1.0)] {
            assert!((found.quantile(rank) - value).abs() < 1e-14, "{rank}: {}", found.quantile(rank));
        }
    }

    #[test]
    fn distances_and_correlations_by_hand() {
        let of = |values: &[f64]| Distribution::new(values.to_vec());
        assert_eq!(distance(&[of(&[1.0, 2.0]), of(&[2.0, 3.0, 4.0, 5.0])]), 0.75);
        assert_eq!(distance(&[of(&[1.0, 2.0]), of(&[2.0, 1.0]), of(&[])]), 0.0);
        let line = [(1.0, 2.0, 1), (2.0, 4.0, 3), (3.0, 6.0, 1)];
        assert_eq!((correlation(&line), rank_correlation(&line)), (Some(1.0), Some(1.0)));
        assert_eq!(rank_correlation(&[(1.0, 3.0, 1), (2.0, 100.0, 1)]), Some(1.0));
        assert_eq!(correlation(&[(1.0, 3.0, 1), (2.0, 3.0, 1)]), None);
    }
}
