//! What each threshold does to one group, and the best mixtures of two thresholds: the upper hull.

/// A threshold, and what is positive above it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub above: f64,
    pub true_positives: u64,
    pub false_positives: u64,
}

/// The rows of one group.
#[derive(Debug, Clone)]
pub struct Curve {
    pub positives: u64,
    pub negatives: u64,
    /// From the threshold that nobody passes (∞) to the one that all do (−∞): one between each two scores that follow one another.
    pub points: Vec<Point>,
}

impl Curve {
    /// Of finite scores and whether the label is positive, in any order.
    pub fn new(rows: &[(f64, bool)]) -> Curve {
        let mut rows = rows.to_vec();
        rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let mut now = Point { above: f64::INFINITY, true_positives: 0, false_positives: 0 };
        let mut points = vec![now];
        let mut blocks = rows.chunk_by(|a, b| a.0 == b.0).peekable();
        while let Some(block) = blocks.next() {
            let positive = block.iter().filter(|row| row.1).count() as u64;
            now.true_positives += positive;
            now.false_positives += block.len() as u64 - positive;
            now.above = blocks.peek().map_or(f64::NEG_INFINITY, |next| between(next[0].0, block[0].0));
            points.push(now);
        }
        Curve { positives: now.true_positives, negatives: now.false_positives, points }
    }

    pub fn rows(&self) -> u64 {
        self.positives + self.negatives
    }
}

/// A number with `low <= x < high`, in the middle if there is room.
fn between(low: f64, high: f64) -> f64 {
    let middle = 0.5 * low + 0.5 * high;
    if middle >= low && middle < high { middle } else { low }
}

/// The least concave function over points `(x, y)` of ascending x: places of its corners, exact in whole numbers. Of points with one x
/// the highest counts, of equal ones the first.
pub fn hull(points: &[(i128, i128)]) -> Vec<usize> {
    let mut corners: Vec<usize> = Vec::new();
    for (place, &(x, y)) in points.iter().enumerate() {
        if corners.last().is_some_and(|&last| points[last].0 == x) {
            if points[corners[corners.len() - 1]].1 >= y {
                continue;
            }
            corners.pop();
        }
        while let [.., a, b] = corners[..] {
            let ((ax, ay), (bx, by)) = (points[a], points[b]);
            if (by - ay) * (x - bx) > (y - by) * (bx - ax) {
                break;
            }
            corners.pop();
        }
        corners.push(place);
    }
    corners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_lie_between_scores() {
        let curve = Curve::new(&[(0.2, false), (0.8, true), (0.2, true), (-3.0, false)]);
        let point = |above, true_positives, false_positives| Point { above, true_positives, false_positives };
        let [inf, low] = [f64::INFINITY, f64::NEG_INFINITY];
        assert_eq!(curve.points, [point(inf, 0, 0), point(0.5, 1, 0), point(-1.4, 2, 1), point(low, 2, 2)]);
        assert_eq!(between(1.0, 1.0 + f64::EPSILON), 1.0);
        assert_eq!(between(f64::MIN, f64::MAX), 0.0);
    }

    #[test]
    fn the_hull_is_concave() {
        assert_eq!(hull(&[(0, 0), (1, 1), (2, 5), (3, 5), (3, 6), (4, 6)]), [0, 2, 4, 5]);
        assert_eq!(hull(&[(0, 0), (0, 3), (5, 3), (9, 3)]), [1, 3]);
    }
}
