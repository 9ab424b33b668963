//! How certain the order of the players is: a bootstrap over the explained rows, in the same pass.
//!
//! Replicate b counts row r w[r, b] ~ Poisson(1) times and sums w·|φ| for every output and player; the sums of one replicate put the
//! players in an order. For many rows this is the bootstrap's drawing with replacement (Hanley & MacGibbon 2006), and it needs neither
//! the rows again nor their number (Chamandy et al. 2012). The weights are a function of the seed and the row's number, and each sum
//! grows row by row, so the cut into blocks does not matter. What all rows have in common, the draw of one design, is not resampled.
//!
//! Players with equal sums share the better place: 1, 2, 2, 4.

use ndarray::ArrayView3;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

const REPLICATES: usize = 200;
/// Sums kept at most (32 MB), and the replicates that are made whatever their number: then the sums take about as much as the
/// summary's other totals.
const SUMS: usize = 1 << 22;
const FEWEST: usize = 25;
/// Streams of the seed's generator from here on belong to rows; designs draw from its first and last ones.
const FIRST_STREAM: u64 = 1 << 63;
/// Share of the replicates outside an interval, on either side.
const TAIL: f64 = 0.025;

/// A player's place among the players of one output, from 1 for the largest mean |φ|.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    pub rank: usize,
    /// The places that hold 95 % of the replicates, widened to hold `rank`.
    pub low: usize,
    pub high: usize,
    /// Standard deviation of the place over the replicates.
    pub stderr: f64,
}

/// Sums of |φ| over the replicates of the rows.
#[derive(Debug, Clone)]
pub struct Ranking {
    seed: u64,
    replicates: usize,
    /// `[output][player][replicate]`
    sums: Vec<f64>,
    /// `[replicate]`: rows drawn so far.
    drawn: Vec<u64>,
}

impl Ranking {
    pub fn new(outputs: usize, players: usize, seed: u64) -> Self {
        let cells = outputs * players;
        let replicates = (SUMS / cells.max(1)).clamp(FEWEST, REPLICATES);
        Self { seed, replicates, sums: vec![0.0; cells * replicates], drawn: vec![0; replicates] }
    }

    /// Adds some rows of `values` `[row, output, player]`; the first of them has number `first` among all rows, from 0.
    pub fn add(&mut self, values: ArrayView3<f32>, rows: &[usize], first: u64) {
        let replicates = self.replicates;
        let players = values.dim().2;
        let mut weights = vec![0u8; rows.len() * replicates];
        weights.par_chunks_exact_mut(replicates).enumerate().for_each(|(at, weights)| {
            draw(self.seed, first + at as u64, weights);
        });
        for weights in weights.chunks_exact(replicates) {
            self.drawn.iter_mut().zip(weights).for_each(|(sum, &w)| *sum += u64::from(w));
        }
        self.sums.par_chunks_exact_mut(replicates).enumerate().with_min_len(8).for_each(|(cell, sums)| {
            for (&row, weights) in rows.iter().zip(weights.chunks_exact(replicates)) {
                let size = f64::from(values[(row, cell / players, cell % players)].abs());
                sums.iter_mut().zip(weights).for_each(|(sum, &w)| *sum += size * f64::from(w));
            }
        });
    }

    /// The places of one output's players, whose mean |φ| are `means`.
    pub fn places(&self, output: usize, means: &[f64]) -> Vec<Place> {
        let players = means.len();
        let sums = &self.sums[output * players * self.replicates..][..players * self.replicates];
        // A replicate of few rows may have drawn none of them: it has no order.
        let replicates: Vec<usize> = (0..self.replicates).filter(|&b| self.drawn[b] > 0).collect();
        let order = |&b: &usize| order_of(&(0..players).map(|i| sums[i * self.replicates + b]).collect::<Vec<_>>());
        let orders: Vec<Vec<usize>> = replicates.par_iter().map(order).collect();
        let place = |(player, rank): (usize, usize)| Place::new(rank, orders.iter().map(|o| o[player]).collect());
        order_of(means).into_iter().enumerate().map(place).collect()
    }
}

impl Place {
    fn new(rank: usize, mut places: Vec<usize>) -> Self {
        if places.is_empty() {
            return Self { rank, low: rank, high: rank, stderr: 0.0 };
        }
        places.sort_unstable();
        let outside = (places.len() as f64 * TAIL) as usize;
        let (low, high) = (places[outside], places[places.len() - 1 - outside]);
        let mean = places.iter().sum::<usize>() as f64 / places.len() as f64;
        let squares: f64 = places.iter().map(|&place| (place as f64 - mean).powi(2)).sum();
        let stderr = (squares / (places.len() as f64 - 1.0).max(1.0)).sqrt();
        Self { rank, low: low.min(rank), high: high.max(rank), stderr }
    }
}

/// The place of each value, 1 for the largest; equal ones share the better place.
fn order_of(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[b].total_cmp(&values[a]));
    let mut places = vec![0; values.len()];
    let mut place = 1;
    for (at, &i) in order.iter().enumerate() {
        if at > 0 && values[i] != values[order[at - 1]] {
            place = at + 1;
        }
        places[i] = place;
    }
    places
}

/// How often each replicate counts a row: Poisson(1) by inversion of 32 random bits.
pub(crate) fn draw(seed: u64, row: u64, weights: &mut [u8]) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(FIRST_STREAM + row);
    for weight in weights {
        let u: u32 = random.random();
        *weight = match FIRST_BITS[(u >> 20) as usize] {
            MIXED => number(u),
            weight => weight,
        };
    }
}

/// Poisson(1) by inversion.
const fn number(u: u32) -> u8 {
    let mut k = 0;
    while k < CUMULATIVE.len() && u >= CUMULATIVE[k] {
        k += 1;
    }
    k as u8
}

/// The number that the first 12 of the bits decide, nearly always.
const FIRST_BITS: [u8; 1 << 12] = {
    let (mut table, mut i) = ([MIXED; 1 << 12], 0);
    while i < table.len() {
        let first = (i as u32) << 20;
        if number(first) == number(first | 0xf_ffff) {
            table[i] = number(first);
        }
        i += 1;
    }
    table
};
/// They do not decide it.
const MIXED: u8 = u8::MAX;

/// 2³² · P(Poisson(1) ≤ k) for k = 0, 1, …; beyond, the chance is below 2⁻³².
const CUMULATIVE: [u32; 12] = {
    let mut bounds = [0; 12];
    let (mut chance, mut sum, mut k) = (1.0 / std::f64::consts::E, 0.0, 0);
    while k < bounds.len() {
        sum += chance;
        bounds[k] = (sum * 4_294_967_296.0) as u32;
        k += 1;
        chance /= k as f64;
    }
    bounds
};

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, s};

    /// Four players: two that are far apart, two whose means are 6/13 and 5/11.
    fn values(rows: usize) -> Array3<f32> {
        Array3::from_shape_fn((rows, 1, 4), |(r, _, i)| match i {
            0 => 0.001,
            1 => 5.0,
            2 => f32::from((r * 19) % 13 < 6),
            _ => -f32::from((r * 31) % 11 < 5),
        })
    }

    fn of(values: &Array3<f32>, blocks: &[usize]) -> Ranking {
        let mut ranking = Ranking::new(1, values.dim().2, 7);
        let mut first = 0;
        for &rows in blocks {
            let block = values.slice(s![first..first + rows, .., ..]);
            ranking.add(block, &(0..rows).collect::<Vec<_>>(), first as u64);
            first += rows;
        }
        ranking
    }

    #[test]
    fn clear_places_are_certain_and_close_ones_are_not() {
        let values = values(200);
        let means: Vec<f64> =
            (0..4).map(|i| values.slice(s![.., 0, i]).mapv(|v| f64::from(v.abs())).mean().unwrap()).collect();
        let places = of(&values, &[200]).places(0, &means);
        assert_eq!(places[1], Place { rank: 1, low: 1, high: 1, stderr: 0.0 });
        assert_eq!(places[0], Place { rank: 4, low: 4, high: 4, stderr: 0.0 });
        for close in [&places[2], &places[3]] {
            assert_eq!((close.low, close.high), (2, 3), "{places:?}");
            assert!((0.1..=0.5025).contains(&close.stderr), "{places:?}");
        }
        assert_eq!(places[2].rank + places[3].rank, 5);
    }

    #[test]
    fn blocks_of_any_size_give_the_same_sums() {
        let values = values(50);
        let whole = of(&values, &[50]);
        for blocks in [&[1; 50][..], &[17, 33], &[49, 1]] {
            let cut = of(&values, blocks);
            assert_eq!((&whole.sums, &whole.drawn), (&cut.sums, &cut.drawn));
        }
    }

    /// The table of the first bits gives what all bits do.
    #[test]
    fn the_first_bits_decide_as_all_do() {
        let mut weights = [0; REPLICATES];
        for row in 0..500 {
            draw(3, row, &mut weights);
            let mut random = ChaCha8Rng::seed_from_u64(3);
            random.set_stream(FIRST_STREAM + row);
            for weight in weights {
                let u: u32 = random.random();
                assert_eq!(usize::from(weight), CUMULATIVE.iter().filter(|&&bound| u >= bound).count());
            }
        }
    }

    /// Over many draws mean and variance of a Poisson(1) are 1, within 5 standard errors: √(1/n) and √((μ₄ − σ⁴)/n) = √(3/n).
    #[test]
    fn weights_are_poisson_and_differ_from_row_to_row() {
        let rows = 1000;
        let all: Vec<f64> = (0..rows)
            .flat_map(|row| {
                let mut weights = [0; REPLICATES];
                draw(3, row, &mut weights);
                weights.map(f64::from)
            })
            .collect();
        let n = all.len() as f64;
        let mean = all.iter().sum::<f64>() / n;
        let variance = all.iter().map(|w| (w - 1.0).powi(2)).sum::<f64>() / n;
        assert!((mean - 1.0).abs() < 5.0 / n.sqrt(), "{mean}");
        assert!((variance - 1.0).abs() < 5.0 * (3.0 / n).sqrt(), "{variance}");
        let zeros = all.iter().filter(|&&w| w == 0.0).count() as f64 / n;
        let chance = (-1.0f64).exp();
        assert!((zeros - chance).abs() < 5.0 * (chance * (1.0 - chance) / n).sqrt(), "{zeros}");
        assert_ne!(all[..REPLICATES], all[REPLICATES..2 * REPLICATES]);
    }

    /// The spread of bootstrap means is the standard error of the mean: s/√R, to the noise of 200 replicates (5/√400 = 25 %).
    #[test]
    fn replicates_spread_like_the_standard_error() {
        let rows = 400;
        let values = values(rows);
        let ranking = of(&values, &[rows]);
        let sums = &ranking.sums[2 * REPLICATES..3 * REPLICATES];
        let means: Vec<f64> = sums.iter().zip(&ranking.drawn).map(|(sum, &n)| sum / n as f64).collect();
        let mean = means.iter().sum::<f64>() / means.len() as f64;
        let spread = (means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / (means.len() - 1) as f64).sqrt();
        let column = values.slice(s![.., 0, 2]).mapv(f64::from);
        let stderr = column.std(1.0) / (rows as f64).sqrt();
        assert!((spread / stderr - 1.0).abs() < 0.25, "{spread} {stderr}");
    }

    #[test]
    fn equal_values_share_the_better_place() {
        assert_eq!(order_of(&[2.0, 0.0, 3.0, 2.0, 0.0]), [2, 4, 1, 2, 4]);
        let idle = Ranking::new(1, 2, 0).places(0, &[0.0, 0.0]);
        assert!(idle.iter().all(|place| *place == Place { rank: 1, low: 1, high: 1, stderr: 0.0 }));
    }

    #[test]
    fn wide_models_have_fewer_replicates() {
        assert_eq!(Ranking::new(10, 100, 0).replicates, REPLICATES);
        assert_eq!(Ranking::new(100, 1000, 0).replicates, 41);
        assert_eq!(Ranking::new(1000, 1000, 0).replicates, FEWEST);
    }
}
