//! Nearest rows by Euclidean distance, exactly: a k-d tree (Bentley 1975; Friedman, Bentley and Finkel 1977) whose leaves are read feature
//! by feature.
//!
//! Every distance is computed as Σ (x − y)², feature after feature in f64, and of equal distances the earlier row is nearer: the
//! answer is that of looking at every row in turn. A box's distance, summed in the same order from the least |x − y| of each feature, is never
//! above that of a row inside, since rounding keeps order; so what is left out could not have been among the nearest.

/// Rows of a leaf.
pub const LEAF: usize = 64;

/// Rows that are searched.
#[derive(Debug)]
pub struct Tree {
    features: usize,
    /// The row at each place; a leaf has `LEAF` places, the last one fewer.
    rows: Vec<u32>,
    /// `[leaf][feature][place in the leaf]`; beyond the last row infinite.
    values: Vec<f64>,
    nodes: Vec<Node>,
    /// `[node][low, high][feature]`.
    boxes: Vec<f64>,
}

#[derive(Debug)]
struct Node {
    /// The smallest row.
    first: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Leaf(usize),
    Halves([usize; 2]),
}

impl Tree {
    /// `points`: rows of `features` finite numbers each, one after the other.
    pub fn new(points: &[f64], features: usize) -> Tree {
        let n = points.len() / features;
        let mut tree = Tree {
            features,
            rows: (0..n as u32).collect(),
            values: vec![f64::INFINITY; n.div_ceil(LEAF) * LEAF * features],
            nodes: Vec::new(),
            boxes: Vec::new(),
        };
        if n > 0 {
            tree.split(points, 0, n.div_ceil(LEAF));
        }
        tree
    }

    pub fn leaves(&self) -> usize {
        self.rows.len().div_ceil(LEAF)
    }

    /// Rows of a leaf, in the order of its values.
    pub fn rows_of(&self, leaf: usize) -> &[u32] {
        &self.rows[leaf * LEAF..self.rows.len().min((leaf + 1) * LEAF)]
    }

    /// Makes the node of some leaves, and those under it.
    fn split(&mut self, points: &[f64], from: usize, to: usize) -> usize {
        let (start, end) = (from * LEAF, self.rows.len().min(to * LEAF));
        let first = self.rows[start..end].iter().min().copied().unwrap_or(0);
        let node = self.nodes.len();
        self.nodes.push(Node { first, kind: Kind::Leaf(from) });
        let widest = self.measure(points, start, end);
        if to - from == 1 {
            let features = self.features;
            let leaf = &mut self.values[start * features..];
            for (place, &row) in self.rows[start..end].iter().enumerate() {
                for (feature, &x) in points[row as usize * features..][..features].iter().enumerate() {
                    leaf[feature * LEAF + place] = x;
                }
            }
            return node;
        }
        let middle = from + (to - from).div_ceil(2);
        let at = |row: &u32| points[*row as usize * self.features + widest];
        self.rows[start..end]
            .select_nth_unstable_by(middle * LEAF - start, |a, b| at(a).total_cmp(&at(b)).then(a.cmp(b)));
        let halves = [self.split(points, from, middle), self.split(points, middle, to)];
        self.nodes[node].kind = Kind::Halves(halves);
        node
    }

    /// Appends the box of some places; gives its widest feature.
    fn measure(&mut self, points: &[f64], start: usize, end: usize) -> usize {
        let features = self.features;
        let (mut low, mut high) = (vec![f64::INFINITY; features], vec![f64::NEG_INFINITY; features]);
        for &row in &self.rows[start..end] {
            for (feature, &x) in points[row as usize * features..][..features].iter().enumerate() {
                low[feature] = low[feature].min(x);
                high[feature] = high[feature].max(x);
            }
        }
        let width = |&feature: &usize| high[feature] - low[feature];
        let widest = (0..features).max_by(|a, b| width(a).total_cmp(&width(b))).unwrap_or(0);
        self.boxes.extend(low);
        self.boxes.extend(high);
        widest
    }

    /// The `k` rows nearest to `at`.
    pub fn nearest(&self, at: &[f64], k: usize) -> Nearest {
        let mut nearest = Nearest::new(k);
        if !self.nodes.is_empty() {
            self.search(0, self.bound(0, at), at, &mut nearest);
        }
        nearest
    }

    fn search(&self, node: usize, bound: f64, at: &[f64], nearest: &mut Nearest) {
        if !nearest.may_gain(bound, self.nodes[node].first) {
            return;
        }
        match self.nodes[node].kind {
            Kind::Leaf(leaf) => drop(self.scan(leaf, at, nearest)),
            Kind::Halves(halves) => {
                let mut halves = halves.map(|half| (self.bound(half, at), half));
                if halves[1].0 < halves[0].0 {
                    halves.swap(0, 1);
                }
                halves.into_iter().for_each(|(bound, half)| self.search(half, bound, at, nearest));
            }
        }
    }

    /// The least distance that a row in the node's box may have.
    fn bound(&self, node: usize, at: &[f64]) -> f64 {
        let (low, high) = self.boxes[node * 2 * self.features..][..2 * self.features].split_at(self.features);
        let apart = |((low, high), x): ((&f64, &f64), &f64)| (low - x).max(x - high).max(0.0);
        low.iter().zip(high).zip(at).map(apart).map(|x| x * x).sum()
    }

    /// Looks at every row of a leaf; gives the least distance.
    pub fn scan(&self, leaf: usize, at: &[f64], nearest: &mut Nearest) -> f64 {
        let mut distances = [0.0; LEAF];
        let (columns, _) = self.values[leaf * LEAF * self.features..].as_chunks::<LEAF>();
        for (column, y) in columns.iter().zip(at) {
            distances.iter_mut().zip(column).for_each(|(sum, x)| *sum += (x - y) * (x - y));
        }
        let rows = self.rows_of(leaf);
        let least = distances[..rows.len()].iter().fold(f64::INFINITY, |least, &d| if d < least { d } else { least });
        if nearest.may_gain(least, 0) {
            rows.iter().zip(&distances).for_each(|(&row, &distance)| nearest.offer(distance, row));
        }
        least
    }
}

/// The nearest rows so far.
#[derive(Debug)]
pub struct Nearest {
    k: usize,
    /// Distance (squared) and row, nearest first.
    pub found: Vec<(f64, u32)>,
}

impl Nearest {
    pub fn new(k: usize) -> Nearest {
        Nearest { k, found: Vec::with_capacity(k + 1) }
    }

    /// Whether a row no nearer than `distance` and no earlier than `row` might be among the nearest.
    pub fn may_gain(&self, distance: f64, row: u32) -> bool {
        match self.found.last() {
            Some(&worst) if self.found.len() == self.k => (distance, row) < worst,
            _ => self.k > 0,
        }
    }

    fn offer(&mut self, distance: f64, row: u32) {
        if self.may_gain(distance, row) {
            let place = self.found.partition_point(|&nearer| nearer < (distance, row));
            self.found.insert(place, (distance, row));
            self.found.truncate(self.k);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// All rows in turn.
    pub fn plainly(points: &[f64], features: usize, at: &[f64], k: usize) -> Vec<(f64, u32)> {
        let distance = |p: &[f64]| p.iter().zip(at).map(|(x, y)| (x - y) * (x - y)).sum::<f64>();
        let mut all: Vec<(f64, u32)> =
            points.chunks(features).enumerate().map(|(row, p)| (distance(p), row as u32)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all.truncate(k);
        all
    }

    /// Numbers on a grid have many equal distances, also between grid points to rows in different leaves; of one size they are all alike.
    #[test]
    fn as_looking_at_every_row() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for (n, features, steps) in
            [(1, 1, 3), (64, 2, 4), (65, 3, 2), (1000, 1, 1), (3000, 4, 1000), (777, 20, 5), (2000, 2, 4)]
        {
            let mut point = |count: usize| -> Vec<f64> {
                (0..count * features).map(|_| f64::from(random.random_range(0..steps)) * 0.5).collect()
            };
            let (points, mut asked) = (point(n), point(60));
            asked.iter_mut().for_each(|x| *x += if n == 2000 { 0.25 } else { 0.0 });
            let tree = Tree::new(&points, features);
            for at in asked.chunks(features) {
                for k in [1, 5] {
                    assert_eq!(tree.nearest(at, k).found, plainly(&points, features, at, k), "{n} × {features}");
                }
            }
        }
    }
}
