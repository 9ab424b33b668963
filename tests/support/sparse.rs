//! Games of many players with known Shapley values: sums of alls and anys, and a sigmoid of few players.

use ndarray::{Array2, ArrayView2};
use pellucid::data::Background;
use pellucid::explain::{Builder, KernelShap};
use pellucid::model::HostFn;
use std::sync::Arc;

/// What a row of 0/1 flags is worth.
type Worth = dyn Fn(&[f32]) -> f64 + Send + Sync;

/// A game over 0/1 rows, and its Shapley values.
#[derive(Clone)]
pub struct Game {
    pub players: usize,
    worth: Arc<Worth>,
    pub phi: Vec<f64>,
}

/// Random numbers, so that benchmarks can have these games too: SplitMix64 (Steele, Lea & Flood 2014).
struct Draws(u64);

impl Draws {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// A number near the standard normal.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// Some of the players `0..n`, in random order.
    fn some(&mut self, n: usize, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in 0..count {
            let other = i + self.below(n - i);
            order.swap(i, other);
        }
        order.truncate(count);
        order
    }
}

impl Game {
    /// `terms` random sets of 1 to `order` players, each worth a random number when all, or any, of them are there: an even split of it each.
    pub fn sets(players: usize, terms: usize, order: usize, seed: u64) -> Self {
        let mut rng = Draws::new(seed);
        let mut term = |_| {
            let count = 1 + rng.below(order);
            (rng.some(players, count), rng.below(2) == 0, rng.normal())
        };
        let sets: Vec<(Vec<usize>, bool, f64)> = (0..terms).map(&mut term).collect();
        let mut phi = vec![0.0; players];
        sets.iter().for_each(|(set, _, worth)| set.iter().for_each(|&i| phi[i] += worth / set.len() as f64));
        let worth = move |row: &[f32]| {
            let on = |&i: &usize| row[i] > 0.5;
            let holds = |set: &[usize], any: bool| if any { set.iter().any(on) } else { set.iter().all(on) };
            sets.iter().map(|(set, any, worth)| if holds(set, *any) { *worth } else { 0.0 }).sum()
        };
        Self { players, worth: Arc::new(worth), phi }
    }

    /// The logistic function of a weighted sum of `active` of the players, at most 16.
    pub fn sigmoid(players: usize, active: usize, scale: f64, seed: u64) -> Self {
        let mut rng = Draws::new(seed);
        let at = rng.some(players, active);
        let weights: Vec<f64> = at.iter().map(|_| rng.normal() * scale / (active as f64).sqrt()).collect();
        let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
        let of = |set: u32| logistic((0..active).filter(|i| set >> i & 1 == 1).map(|i| weights[i]).sum());
        let mut phi = vec![0.0; players];
        // 1/(k C(active, k)) for sets of k players with i, given the one without.
        let mut ways = 1.0;
        let share = |k: usize| {
            ways *= (active - k + 1) as f64 / k as f64;
            1.0 / (k as f64 * ways)
        };
        let share: Vec<f64> = std::iter::once(0.0).chain((1..=active).map(share)).collect();
        for set in 0u32..1 << active {
            (0..active).filter(|i| set >> i & 1 == 1).for_each(|i| {
                phi[at[i]] += share[set.count_ones() as usize] * (of(set) - of(set & !(1 << i)));
            });
        }
        let weights_of = weights.clone();
        let worth = move |row: &[f32]| logistic(at.iter().zip(&weights_of).map(|(&i, w)| f64::from(row[i]) * w).sum());
        Self { players, worth: Arc::new(worth), phi }
    }

    /// A network that all players act on, with its Shapley values from `walks` random orders and their reverses.
    pub fn dense(players: usize, walks: usize, seed: u64) -> Self {
        const INNER: usize = 32;
        let mut rng = Draws::new(seed);
        let scale = 2.0 / (players as f64).sqrt();
        let inner: Vec<Vec<f64>> = (0..INNER).map(|_| (0..players).map(|_| scale * rng.normal()).collect()).collect();
        let (shift, outer): (Vec<f64>, Vec<f64>) = (0..INNER).map(|_| (rng.normal(), rng.normal())).unzip();
        let all: Vec<f64> = (0..INNER).map(|u| shift[u] + inner[u].iter().sum::<f64>()).collect();
        let out = |sums: &[f64]| -> f64 { sums.iter().zip(&outer).map(|(s, o)| s.max(0.0) * o).sum() };
        let mut phi = vec![0.0; players];
        for _ in 0..walks {
            let order = rng.some(players, players);
            let (mut up, mut down) = (shift.clone(), all.clone());
            for i in order {
                let before = out(&up) - out(&down);
                for u in 0..INNER {
                    up[u] += inner[u][i];
                    down[u] -= inner[u][i];
                }
                phi[i] += 0.5 * (out(&up) - out(&down) - before) / walks as f64;
            }
        }
        let worth = move |row: &[f32]| {
            let sum = |u: usize| shift[u] + inner[u].iter().zip(row).map(|(w, &x)| w * f64::from(x)).sum::<f64>();
            (0..INNER).map(|u| sum(u).max(0.0) * outer[u]).sum()
        };
        Self { players, worth: Arc::new(worth), phi }
    }

    /// An explainer of the row of ones against the row of zeros, itself the pilot.
    pub fn builder(&self) -> Builder {
        let names = (0..self.players).map(|i| format!("x{i}")).collect();
        let worth = self.worth.clone();
        let predict = move |rows: ArrayView2<f32>| {
            let values = rows.outer_iter().map(|row| worth(&row.to_vec()) as f32).collect();
            Array2::from_shape_vec((rows.nrows(), 1), values).unwrap()
        };
        let nobody = Background::uniform(Array2::zeros((1, self.players)));
        KernelShap::builder(HostFn::new(names, vec!["y".into()], predict), nobody).pilot(self.all())
    }

    pub fn all(&self) -> Array2<f32> {
        Array2::ones((1, self.players))
    }

    /// |φ̂ − φ|²/|φ|²
    pub fn error<'a>(&self, values: impl IntoIterator<Item = &'a f32>) -> f64 {
        let wrong: f64 = values.into_iter().zip(&self.phi).map(|(&v, p)| (f64::from(v) - p).powi(2)).sum();
        wrong / self.phi.iter().map(|p| p * p).sum::<f64>()
    }
}
