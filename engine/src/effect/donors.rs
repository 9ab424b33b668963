//! Rows whose values are put into background rows.

use crate::kernels::Sweep;
use ndarray::Array2;
use std::ops::Range;

/// Cells of donors made on the host at a time: 64 MiB of f32, enough rows for full tiles.
pub(super) const CELLS: usize = 1 << 24;

/// Pseudo-rows, and which of their features are put into the background rows they meet. The player of a feature is the feature.
pub(super) struct Donors {
    /// `[donors, features]`; what a donor does not put in is 0.
    pub rows: Array2<f32>,
    /// Bit sets `[donors · words]`, as in [`crate::kernels::Pairs`].
    pub members: Vec<u32>,
}

impl Donors {
    /// One donor for each list of features and what they are set to.
    pub fn setting<I>(features: usize, settings: impl IntoIterator<Item = I>) -> Self
    where
        I: IntoIterator<Item = (usize, f32)>,
    {
        let words = words(features);
        let (mut rows, mut members) = (Vec::new(), Vec::new());
        for setting in settings {
            let (row, set) = (rows.len(), members.len());
            rows.resize(row + features, 0.0);
            members.resize(set + words, 0u32);
            for (feature, value) in setting {
                rows[row + feature] = value;
                members[set + feature / 32] |= 1 << (feature % 32);
            }
        }
        let n = rows.len() / features;
        Self { rows: Array2::from_shape_vec((n, features), rows).expect("whole rows"), members }
    }

    pub fn len(&self) -> usize {
        self.rows.nrows()
    }

    /// The one feature that a donor puts in; None if there are others.
    pub fn only(&self, donor: usize) -> Option<usize> {
        let words = words(self.rows.ncols());
        let members = &self.members[donor * words..][..words];
        let first = members.iter().position(|&word| word != 0)?;
        let alone = members.iter().map(|word| word.count_ones()).sum::<u32>() == 1;
        alone.then(|| 32 * first + members[first].trailing_zeros() as usize)
    }

    /// Donors that put in one feature each, as sweeps: neighbours with the same feature are points of one.
    pub fn sweeps(&self, donors: Range<usize>) -> Vec<Sweep> {
        let mut sweeps: Vec<Sweep> = Vec::new();
        for (donor, feature) in donors.filter_map(|donor| Some((donor, self.only(donor)?))) {
            let point = self.rows[(donor, feature)];
            match sweeps.last_mut() {
                Some(sweep) if sweep.feature == feature => sweep.points.push(point),
                _ => sweeps.push(Sweep { feature, points: vec![point] }),
            }
        }
        sweeps
    }
}

/// Words of a set of features.
pub(super) fn words(features: usize) -> usize {
    features.div_ceil(32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_bits_lie_at_their_features() {
        let donors = Donors::setting(34, [vec![(33, 2.0), (0, 1.0)], vec![], vec![(1, 3.0)]]);
        assert_eq!(donors.rows.dim(), (3, 34));
        assert_eq!((donors.rows[(0, 0)], donors.rows[(0, 33)], donors.rows[(2, 1)]), (1.0, 2.0, 3.0));
        assert_eq!(donors.members, [1, 2, 0, 0, 2, 0]);
        assert_eq!([0, 1, 2].map(|donor| donors.only(donor)), [None, None, Some(1)]);
    }

    #[test]
    fn neighbours_with_one_feature_are_a_sweep() {
        let donors = Donors::setting(40, [[(33, 2.0)], [(33, 1.0)], [(0, 1.0)], [(33, 3.0)]]);
        let sweep = |feature, points: &[f32]| Sweep { feature, points: points.to_vec() };
        assert_eq!(donors.sweeps(0..4), [sweep(33, &[2.0, 1.0]), sweep(0, &[1.0]), sweep(33, &[3.0])]);
        assert_eq!(donors.sweeps(1..2), [sweep(33, &[1.0])]);
    }
}
