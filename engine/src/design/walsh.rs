//! Sums over sets of players of the products of their signs.

/// The highest order that the sums go to.
const ORDERS: usize = 5;

/// e₀ … e₅ of n signs ±1 with this sum: e_m = Σ_{|T| = m} χ_T, χ_T the product of the signs of T. They are the coefficients of
/// (1 + x)^p (1 − x)^(n−p), p = (n + sum)/2, and so (m + 1) e_{m+1} = sum·e_m − (n − m + 1) e_{m−1} (Krawtchouk's recurrence). With `sum` = n
/// they count the sets, C(n, m).
pub fn elementary(sum: f64, n: f64) -> [f64; ORDERS + 1] {
    let mut all = [1.0, sum, 0.0, 0.0, 0.0, 0.0];
    for m in 1..ORDERS {
        all[m + 1] = (sum * all[m] - (n - m as f64 + 1.0) * all[m - 1]) / (m + 1) as f64;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums over subsets of signs, counted one by one.
    #[test]
    fn closed_forms_are_sums_over_subsets() {
        for n in 2..9 {
            for bits in 0..1u32 << n {
                let sign = |i: u32| if bits >> i & 1 == 1 { 1.0 } else { -1.0 };
                let over = |size: u32| -> f64 {
                    let subsets = (0..1u32 << n).filter(|subset| subset.count_ones() == size);
                    subsets.map(|t| (0..n).filter(|i| t >> i & 1 == 1).map(sign).product::<f64>()).sum()
                };
                let expected: [f64; ORDERS + 1] = std::array::from_fn(|m| over(m as u32));
                assert_eq!(elementary((0..n).map(sign).sum(), n.into()), expected, "{bits:b} of {n}");
            }
        }
    }
}
