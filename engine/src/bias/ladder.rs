//! A histogram of numbers whose range is not known before: its bins widen as the numbers spread, along the widths 1, 2, 10, 20, 100 …
//! times a power of ten, each a multiple of the one before. So bins join without remainder, the counts are the same in any order of
//! the numbers, and the edges are short decimals, where the counts are exact (of numbers below 1e22).

/// Bins at most.
const BINS: i64 = 2001;
/// Level of the narrowest bins, 1e-12 wide: level 2e has width 10^e, level 2e + 1 twice that.
const FINEST: i32 = -24;
/// Places up to here are exact in an f64.
const PLACES: f64 = (1u64 << 52) as f64;

/// Counts of numbers; bin k holds those in (edge(k − 1), edge(k)].
#[derive(Debug, Clone, PartialEq)]
pub struct Ladder {
    level: i32,
    /// Of the first count.
    low: i64,
    counts: Vec<u64>,
}

impl Default for Ladder {
    fn default() -> Self {
        Ladder { level: FINEST, low: 0, counts: Vec::new() }
    }
}

/// Edges of one level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edges {
    level: i32,
}

impl Edges {
    /// The f64 nearest to k times the width.
    pub fn at(self, k: i64) -> f64 {
        let multiple = (k * i64::from(1 + self.level.rem_euclid(2))) as f64;
        match self.level.div_euclid(2) {
            power @ ..0 => multiple / 10f64.powi(-power),
            power => multiple * 10f64.powi(power),
        }
    }

    pub fn width(self) -> f64 {
        self.at(1)
    }

    /// The first edge not below a finite number.
    pub fn above(self, x: f64) -> i64 {
        let mut k = (x / self.width()).ceil() as i64;
        // The quotient is off by a rounding or two.
        while self.at(k - 1) >= x {
            k -= 1;
        }
        while self.at(k) < x {
            k += 1;
        }
        k
    }

    fn holds(self, x: f64) -> bool {
        (x / self.width()).abs() < PLACES
    }
}

impl Ladder {
    /// Counts a finite number.
    pub fn add(&mut self, x: f64) {
        while !self.edges().holds(x) {
            self.widen();
        }
        self.put(self.edges().above(x), x);
    }

    fn put(&mut self, mut bin: i64, x: f64) {
        if self.counts.is_empty() {
            self.low = bin;
        }
        loop {
            let high = self.low + self.counts.len() as i64 - 1;
            let (low, high) = (self.low.min(bin), high.max(bin));
            if high - low < BINS {
                self.stretch(low, high);
                self.counts[(bin - low) as usize] += 1;
                return;
            }
            self.widen();
            bin = self.edges().above(x);
        }
    }

    /// Makes room for the bins from `low` to `high`.
    fn stretch(&mut self, low: i64, high: i64) {
        let before = (self.low - low) as usize;
        self.counts.splice(0..0, std::iter::repeat_n(0, before));
        self.low = low;
        self.counts.resize(((high - low) as usize + 1).max(self.counts.len()), 0);
    }

    /// Joins bins to those of the next width.
    fn widen(&mut self) {
        let factor = if self.level.rem_euclid(2) == 0 { 2 } else { 5 };
        self.level += 1;
        let up = |bin: i64| bin.div_euclid(factor) + i64::from(bin.rem_euclid(factor) > 0);
        let (low, counts) = (self.low, std::mem::take(&mut self.counts));
        self.low = up(low);
        for (bin, n) in (low..).zip(counts) {
            let place = (up(bin) - self.low) as usize;
            if self.counts.len() <= place {
                self.counts.resize(place + 1, 0);
            }
            self.counts[place] += n;
        }
    }

    /// Adds the numbers of another.
    pub fn join(&mut self, other: &Ladder) {
        let mut other = other.clone();
        if other.counts.is_empty() {
            return;
        }
        if self.counts.is_empty() {
            *self = other;
            return;
        }
        loop {
            match self.level.cmp(&other.level) {
                std::cmp::Ordering::Less => self.widen(),
                std::cmp::Ordering::Greater => other.widen(),
                std::cmp::Ordering::Equal => {
                    let high = |ladder: &Ladder| ladder.low + ladder.counts.len() as i64 - 1;
                    let (low, high) = (self.low.min(other.low), high(self).max(high(&other)));
                    if high - low < BINS {
                        self.stretch(low, high);
                        let into = &mut self.counts[(other.low - low) as usize..];
                        into.iter_mut().zip(&other.counts).for_each(|(sum, n)| *sum += n);
                        return;
                    }
                    self.widen();
                }
            }
        }
    }

    /// Widens the bins to those of a level of another ladder that is not finer.
    pub fn widen_to(&mut self, edges: Edges) {
        while self.level < edges.level {
            self.widen();
        }
    }

    pub fn edges(&self) -> Edges {
        Edges { level: self.level }
    }

    /// First and last bin; none without numbers.
    pub fn range(&self) -> Option<(i64, i64)> {
        (!self.counts.is_empty()).then(|| (self.low, self.low + self.counts.len() as i64 - 1))
    }

    /// Numbers above edge k, for each of ascending k.
    pub fn above(&self, edges: &[i64]) -> Vec<u64> {
        let (mut bin, mut passed) = (0, 0);
        let all: u64 = self.counts.iter().sum();
        let beyond = |&edge: &i64| {
            while bin < self.counts.len() && self.low + bin as i64 <= edge {
                passed += self.counts[bin];
                bin += 1;
            }
            all - passed
        };
        edges.iter().map(beyond).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[f64]) -> Ladder {
        let mut ladder = Ladder::default();
        numbers.iter().for_each(|&x| ladder.add(x));
        ladder
    }

    fn exact(ladder: &Ladder, numbers: &[f64]) {
        let edges = ladder.edges();
        let (low, high) = ladder.range().unwrap();
        let places: Vec<i64> = (low - 2..high + 2).collect();
        for (&k, n) in places.iter().zip(ladder.above(&places)) {
            let threshold = edges.at(k);
            assert_eq!(n, numbers.iter().filter(|&&x| x > threshold).count() as u64, "{threshold}");
        }
    }

    #[test]
    fn counts_above_edges_are_exact() {
        let shares: Vec<f64> = (0..5000u32).map(|i| f64::from(i * 7919 % 1001) / 1000.0).collect();
        let odd: Vec<f64> = (0..3000u32).map(|i| (f64::from(i) * 0.7).sin().exp2() - 3.3).collect();
        for numbers in
            [shares, odd, vec![0.07, 0.0, 0.3, 1e-9], vec![1e20, -3e20, 7.0], vec![1e9 + 1.0, 1e9 + 2.0], vec![0.0]]
        {
            exact(&of(&numbers), &numbers);
        }
    }

    #[test]
    fn shares_have_edges_at_thousandths() {
        let ladder = of(&[0.0, 1.0, 0.5]);
        assert_eq!((ladder.edges().width(), ladder.edges().at(70)), (0.001, 0.07));
        assert_eq!(ladder.range(), Some((0, 1000)));
    }

    #[test]
    fn neither_order_nor_parts_matter() {
        let numbers: Vec<f64> = (0..400u32).map(|i| (f64::from(i) * 1.3).cos().powi(3) * f64::from(i * i)).collect();
        let whole = of(&numbers);
        let mut reversed = numbers.clone();
        reversed.reverse();
        assert_eq!(of(&reversed), whole);
        for cut in [1, 200, 399] {
            let mut joined = of(&numbers[..cut]);
            joined.join(&of(&numbers[cut..]));
            assert_eq!(joined, whole);
        }
    }
}
