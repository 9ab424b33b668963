//! Which leaves of a tree may hold a row's nearest, found on a device: |y|² − 2 x·y of every pair by one matrix product, and the least of each
//! leaf. The leaves that the product's rounding cannot exclude are looked at on the host in f64, so that the answer is that of [`Tree::nearest`].

use super::neighbours::{LEAF, Nearest, Tree};
use crate::kernels::{Activation, affine, matrix, read, vector};
use crate::{Device, Error, Result};
use burn::tensor::Tensor;
use ndarray::Array2;
use rayon::prelude::*;

/// Pairs that are on the device at once, if its memory allows them.
const PAIRS: usize = 1 << 25;
/// Leaves of one product.
const LEAVES: usize = 1 << 10;
/// Stands for |y|² where there is no row: far above that of any, which is at most the number of features.
const NOWHERE: f32 = 1e30;
/// What f32 loses when numbers are less than its smallest.
const TINY: f64 = 1e-30;
/// Numbers may be this small or one over it.
const SMALL: f64 = 1e-100;

/// A tree whose rows are on a device.
pub struct Screen<'a> {
    tree: &'a Tree,
    device: &'a Device,
    /// Numbers are x ↦ (x − centre)·scale on the device, between −1 and 1.
    centre: Vec<f64>,
    scale: f64,
    parts: Vec<Part>,
    /// The largest |y| and the first row of each leaf.
    leaves: Vec<(f64, u32)>,
}

/// Some leaves: −2 y as columns, and |y|².
struct Part {
    leaves: usize,
    weight: Tensor<2>,
    bias: Tensor<1>,
}

impl<'a> Screen<'a> {
    /// `points` are those of the tree, `others` those that will be asked for; both rows of `features` finite numbers. None where their
    /// squares come near the ends of f64.
    pub fn new(
        tree: &'a Tree,
        points: &[f64],
        others: &[f64],
        features: usize,
        device: &'a Device,
    ) -> Option<Screen<'a>> {
        let n = (points.len() / features).max(1) as f64;
        let mut centre = vec![0.0; features];
        for point in points.chunks(features) {
            centre.iter_mut().zip(point).for_each(|(sum, x)| *sum += x / n);
        }
        let reach = |points: &[f64]| {
            points.iter().zip(centre.iter().cycle()).fold(0f64, |reach, (x, c)| reach.max((x - c).abs()))
        };
        let reach = reach(points).max(reach(others));
        if !(SMALL..=1.0 / SMALL).contains(&reach) {
            return None;
        }
        // A power of two changes no digits.
        let scale = (-reach.log2().ceil()).exp2();
        let mut screen = Screen { tree, device, centre, scale, parts: Vec::new(), leaves: Vec::new() };
        for from in (0..tree.leaves()).step_by(LEAVES) {
            let part = screen.part(points, from, tree.leaves().min(from + LEAVES));
            screen.parts.push(part);
        }
        Some(screen)
    }

    fn moved(&self, point: &[f64]) -> Vec<f64> {
        point.iter().zip(&self.centre).map(|(x, c)| (x - c) * self.scale).collect()
    }

    fn part(&mut self, points: &[f64], from: usize, to: usize) -> Part {
        let features = self.centre.len();
        let columns = (to - from) * LEAF;
        let (mut weight, mut bias) = (Array2::<f32>::zeros((features, columns)), vec![NOWHERE; columns]);
        for leaf in from..to {
            let mut largest = 0f64;
            for (place, &row) in self.tree.rows_of(leaf).iter().enumerate() {
                let y = self.moved(&points[row as usize * features..][..features]);
                let column = (leaf - from) * LEAF + place;
                y.iter().enumerate().for_each(|(feature, y)| weight[[feature, column]] = (-2.0 * y) as f32);
                let square: f64 = y.iter().map(|y| y * y).sum();
                bias[column] = square as f32;
                largest = largest.max(square);
            }
            let first = self.tree.rows_of(leaf).iter().min().copied().unwrap_or(0);
            self.leaves.push((largest.sqrt(), first));
        }
        Part { leaves: to - from, weight: matrix(weight.view(), self.device), bias: vector(bias, self.device) }
    }

    /// The `k` nearest of each of `others`, rows of features.
    ///
    /// # Errors
    /// A device that fails, or whose products are further from the exact distances than f32 allows.
    pub fn nearest(&self, others: &[f64], k: usize) -> Result<Vec<Nearest>> {
        let features = self.centre.len();
        let widest = self.parts.iter().map(|part| part.leaves * LEAF).max().unwrap_or(LEAF);
        let pairs = PAIRS.min(self.device.memory_bytes() as usize / 8);
        let tile = (pairs / widest).max(1) * features;
        let mut found = Vec::with_capacity(others.len() / features);
        for rows in others.chunks(tile) {
            found.extend(self.tile(rows, k)?);
        }
        Ok(found)
    }

    fn tile(&self, others: &[f64], k: usize) -> Result<Vec<Nearest>> {
        let features = self.centre.len();
        let rows = others.len() / features;
        let moved: Vec<Vec<f64>> = others.chunks(features).map(|at| self.moved(at)).collect();
        let x = Array2::from_shape_fn((rows, features), |(row, feature)| moved[row][feature] as f32);
        let x = matrix(x.view(), self.device);
        let least = |part: &Part| {
            let pairs = affine(x.clone(), &part.weight, &part.bias, Activation::None);
            read(pairs.reshape([rows * part.leaves, LEAF]).min_dim(1))
        };
        let least = self.parts.iter().map(least).collect::<Result<Vec<Vec<f32>>>>()?;
        let one = |row: usize| {
            let at = &others[row * features..][..features];
            let own = |(part, least): (&Part, &Vec<f32>)| least[row * part.leaves..][..part.leaves].to_vec();
            let least: Vec<f32> = self.parts.iter().zip(&least).flat_map(own).collect();
            self.one(at, &moved[row], &least, k)
        };
        (0..rows).into_par_iter().map(one).collect()
    }

    /// The nearest of one row, given the least |y|² − 2 x·y of each leaf.
    fn one(&self, at: &[f64], moved: &[f64], least: &[f32], k: usize) -> Result<Nearest> {
        let square: f64 = moved.iter().map(|x| x * x).sum();
        let (size, terms) = (square.sqrt(), at.len() as f64 + 8.0);
        // The product's own error ([`affine`]: inputs + 2), that of what it is made of, and what f64 loses: each of them ε of the terms.
        let error = |leaf: usize| {
            let (y, _) = self.leaves[leaf];
            terms * f64::from(f32::EPSILON) * (y * y + 2.0 * size * y + f64::EPSILON.sqrt() * square) + TINY
        };
        let back = 1.0 / (self.scale * self.scale);
        let bound = |leaf: usize| (f64::from(least[leaf]) + square - error(leaf)).max(0.0) * back;
        let mut nearest = Nearest::new(k);
        let look = |leaf: usize, nearest: &mut Nearest| {
            let found = self.tree.scan(leaf, at, nearest) / back;
            let said = f64::from(least[leaf]) + square;
            match (found - said).abs() <= error(leaf) {
                true => Ok(()),
                false => Err(Error::Device {
                    device: self.device.name().into(),
                    message: format!("a distance of {found} came out as {said}, further off than f32 rounds"),
                }),
            }
        };
        let start = (0..least.len()).min_by(|&a, &b| bound(a).total_cmp(&bound(b)));
        if let Some(start) = start {
            look(start, &mut nearest)?;
        }
        for leaf in (0..least.len()).filter(|leaf| Some(*leaf) != start) {
            if nearest.may_gain(bound(leaf), self.leaves[leaf].1) {
                look(leaf, &mut nearest)?;
            }
        }
        Ok(nearest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceChoice;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Random numbers far from 0, numbers on a grid with many equal distances, features of very different size, one point many times.
    #[test]
    fn a_device_finds_what_the_tree_finds() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut devices = vec![Device::cpu()];
        devices.extend(Device::open(DeviceChoice::Gpu(0)));
        assert!(devices.len() == 2 || std::env::var_os("PELLUCID_REQUIRE_GPU").is_none());
        for (n, features, steps, scale) in
            [(1, 1, 3, 1.0), (3000, 12, 1 << 20, 1e6), (2000, 9, 3, 0.1), (500, 30, 1000, 1e-200), (900, 10, 1, 7.0)]
        {
            let mut points = |count: usize| -> Vec<f64> {
                let one =
                    |i: usize| scale * (1e3 + f64::from(random.random_range(0..steps)) * 10f64.powi(i as i32 % 3));
                (0..count * features).map(one).collect()
            };
            let (points, others) = (points(n), points(70));
            let tree = Tree::new(&points, features);
            for device in &devices {
                let Some(screen) = Screen::new(&tree, &points, &others, features, device) else {
                    assert!(steps == 1 || scale < 1e-100);
                    continue;
                };
                for k in [1, 5] {
                    let found = screen.nearest(&others, k).unwrap();
                    for (found, at) in found.iter().zip(others.chunks(features)) {
                        assert_eq!(found.found, tree.nearest(at, k).found, "{n} × {features} on {}", device.name());
                    }
                }
            }
        }
    }
}
