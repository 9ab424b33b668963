//! A uniform sample of a stream of unknown length.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Algorithm R (Vitter 1985): item `i` (from 0) takes a random place among the `capacity` kept with chance capacity / (i + 1).
#[derive(Debug, Clone)]
pub struct Reservoir {
    capacity: usize,
    random: ChaCha8Rng,
    offered: usize,
}

impl Reservoir {
    pub fn new(capacity: usize, seed: u64) -> Self {
        Reservoir { capacity, random: ChaCha8Rng::seed_from_u64(seed), offered: 0 }
    }

    /// Items offered so far.
    pub fn offered(&self) -> usize {
        self.offered
    }

    /// The place that the next item takes, if it is kept: one more, or that of an item which goes.
    pub fn place(&mut self) -> Option<usize> {
        let item = self.offered;
        self.offered += 1;
        if item < self.capacity {
            return Some(item);
        }
        let place = self.random.random_range(0..=item as u64) as usize;
        (place < self.capacity).then_some(place)
    }
}

/// Puts an item where [`Reservoir::place`] said.
pub fn put<T>(items: &mut Vec<T>, place: usize, item: T) {
    match items.get_mut(place) {
        Some(kept) => *kept = item,
        None => items.push(item),
    }
}
