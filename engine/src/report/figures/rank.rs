//! Ranks and what they are correlated with.

/// Ranks from 0 (lowest) to 1 (highest), ties at their mean; None stays None, a single value is ½.
pub fn ranks(numbers: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<usize> = (0..numbers.len()).filter(|&i| numbers[i].is_some()).collect();
    order.sort_by(|&a, &b| numbers[a].unwrap_or(0.0).total_cmp(&numbers[b].unwrap_or(0.0)));
    let mut ranks = vec![None; numbers.len()];
    let last = (order.len().max(2) - 1) as f64;
    let mut from = 0;
    while from < order.len() {
        let tied = order[from..].iter().take_while(|&&i| numbers[i] == numbers[order[from]]).count();
        let rank = if tied == order.len() { 0.5 } else { (from as f64 + (tied - 1) as f64 / 2.0) / last };
        order[from..from + tied].iter().for_each(|&i| ranks[i] = Some(rank));
        from += tied;
    }
    ranks
}

/// Spearman's correlation of pairs; None with fewer than three pairs or without spread.
pub fn correlation(pairs: &[(Option<f64>, f64)]) -> Option<f64> {
    let known: Vec<(f64, f64)> = pairs.iter().filter(|p| p.1.is_finite()).filter_map(|p| Some((p.0?, p.1))).collect();
    if known.len() < 3 {
        return None;
    }
    let of = |part: fn(&(f64, f64)) -> f64| ranks(&known.iter().map(|p| Some(part(p))).collect::<Vec<_>>());
    let (x, y) = (of(|p| p.0), of(|p| p.1));
    let sum = |a: &[Option<f64>], b: &[Option<f64>]| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a.unwrap_or(0.5) - 0.5) * (b.unwrap_or(0.5) - 0.5)).sum()
    };
    let spread = (sum(&x, &x) * sum(&y, &y)).sqrt();
    (spread > 0.0).then(|| sum(&x, &y) / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_rank() {
        let found = ranks(&[Some(5.0), None, Some(1.0), Some(5.0), Some(2.0), Some(3.0)]);
        assert_eq!(found, [Some(0.875), None, Some(0.0), Some(0.875), Some(0.25), Some(0.5)]);
    }

    #[test]
    fn correlation_sees_order_alone() {
        let pairs: Vec<_> = (1..9).map(|i| (Some(f64::from(i)), f64::from(i).exp())).collect();
        assert!((correlation(&pairs).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(correlation(&[(Some(1.0), 1.0), (Some(1.0), 2.0), (Some(1.0), 3.0)]), None);
    }
}
