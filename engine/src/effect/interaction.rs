//! Friedman's H (Friedman & Popescu 2008): how much of the joint effect of two axes is not the sum of their own effects.
//!
//! Partial dependence of the two, and of each alone, at rows of the background and over the same rows: each row is a donor to all.

use super::donors::{CELLS, Donors};
use super::explainer::Effects;
use super::jackknife::Sample;
use super::tiles::batches;
use super::{Axis, Interaction};
use crate::{Error, Result};
use ndarray::{Array3, Axis as Dimension, s, stack};

/// Pairs whose means are held on the host at a time.
const PAIRS: usize = 256;

impl Effects {
    /// Friedman's H of every pair on the first `rows` of the background (it is shuffled; all of them if it has fewer): for each pair
    /// its outputs one after the other. Partial dependence goes through the link after its mean, as in [`super::Curve`].
    ///
    /// It takes (axes + pairs)·rows² model rows, each axis once however many pairs it is in. Standard errors are of the
    /// delete-a-group jackknife: ten groups of rows, each left out of the background and of the points of evaluation together. H is
    /// a root of a mean of squares, so sampling lifts it above 0 where there is no interaction. Where the joint effect is constant,
    /// within what f32 can tell, h is 0.
    ///
    /// # Errors
    /// Fewer than two rows, a pair twice, a pair of axes with a feature in common, and whatever the model refuses.
    pub fn interactions(&self, pairs: &[(Axis, Axis)], rows: usize) -> Result<Vec<Interaction>> {
        check(pairs)?;
        let rows = rows.min(self.rows().nrows());
        if rows < 2 {
            return Err(Error::input(format!("interactions need at least 2 background rows, not {rows}"))
                .hint("give more rows"));
        }
        let sample = Sample::new(&self.weights()[..rows], self.predictor.link);
        let mut axes: Vec<&[usize]> = Vec::new();
        for axis in pairs.iter().flat_map(|(a, b)| [a, b]) {
            if !axes.contains(&&axis.features[..]) {
                axes.push(&axis.features);
            }
        }
        let alone = self.group_means(&sample, &axes)?;
        let of = |axis: &Axis| &alone[axes.iter().position(|&features| features == axis.features).unwrap_or_default()];
        let mut found = Vec::with_capacity(pairs.len() * self.output_names().len());
        for pairs in pairs.chunks(PAIRS) {
            let joint: Vec<Vec<usize>> = pairs.iter().map(|(a, b)| [&a.features[..], &b.features].concat()).collect();
            let joint: Vec<&[usize]> = joint.iter().map(Vec::as_slice).collect();
            for ((a, b), both) in pairs.iter().zip(self.group_means(&sample, &joint)?) {
                found.extend(self.of_pair(&sample, [a, b], [of(a), of(b), &both]));
            }
        }
        Ok(found)
    }

    fn of_pair(&self, sample: &Sample, [a, b]: [&Axis; 2], means: [&Array3<f64>; 3]) -> Vec<Interaction> {
        let of_output = |(k, output): (usize, &String)| {
            let [one, two, both] = means.map(|means| means.slice(s![.., .., k]));
            let ([h, strength], [h_stderr, strength_stderr]) = sample.interaction(one, two, both);
            let (output, a, b) = (output.clone(), a.name.clone(), b.name.clone());
            Interaction { output, a, b, h, h_stderr, strength, strength_stderr }
        };
        self.output_names().iter().enumerate().map(of_output).collect()
    }

    /// For each set of features, the mean outputs `[group, row, output]` over a group of background rows with the set's features
    /// taken from a row of the sample.
    fn group_means(&self, sample: &Sample, sets: &[&[usize]]) -> Result<Vec<Array3<f64>>> {
        let rows = sample.rows();
        let mut found = Vec::with_capacity(sets.len());
        for batch in batches(sets.iter().map(|_| rows * self.features().len()), CELLS) {
            let sets = &sets[batch];
            let taken = |set: &[usize], row: usize| set.iter().map(|&f| (f, self.rows()[(row, f)])).collect::<Vec<_>>();
            let settings = sets.iter().flat_map(|set| (0..rows).map(move |row| taken(set, row)));
            let donors = Donors::setting(self.features().len(), settings);
            let groups: Vec<_> = sample.groups.iter().map(|g| self.means(&donors, g.clone())).collect::<Result<_>>()?;
            let groups: Vec<_> = groups.iter().map(|means| means.view()).collect();
            let means = stack(Dimension(0), &groups).expect("groups have one shape");
            found.extend(means.axis_chunks_iter(Dimension(1), rows).map(|set| set.to_owned()));
        }
        Ok(found)
    }
}

fn check(pairs: &[(Axis, Axis)]) -> Result<()> {
    for (at, (a, b)) in pairs.iter().enumerate() {
        if a.features.iter().any(|feature| b.features.contains(feature)) {
            let message = format!("`{}` and `{}` are not a pair: they have a feature in common", a.name, b.name);
            return Err(Error::input(message).hint("a pair takes two different columns"));
        }
        let same = |(c, d): &(Axis, Axis)| {
            (&c.features, &d.features) == (&a.features, &b.features)
                || (&d.features, &c.features) == (&a.features, &b.features)
        };
        if pairs[..at].iter().any(same) {
            return Err(
                Error::input(format!("the pair `{}`, `{}` is given twice", a.name, b.name)).hint("give each pair once")
            );
        }
    }
    Ok(())
}
