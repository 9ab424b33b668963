//! Accumulated local effects, first order (Apley & Zhu 2020).

use super::bins::Bins;
use super::donors::{CELLS, Donors};
use super::explainer::Effects;
use super::tiles::batches;
use super::{Ale, Axis};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2, Axis as Dimension};

impl Effects {
    /// Accumulated local effects: for each axis its outputs one after the other. Differences of link(output).
    ///
    /// A number is cut at quantiles into at most `bins` bins, and each row is moved across its own bin: two model rows a row. An ordinal
    /// column (one feature, a number for each category) has a bin between neighbouring categories of those that occur, and each row
    /// is moved from its own category to the ones beside it: up to four. Rows without a finite value or of an unknown category are left out. A constant column has one edge, effect 0, and no bins; one without values has no edges.
    ///
    /// Effects are centred: Σ share·(effect\[bin\] + effect\[bin + 1\])/2 is 0, the plug-in of Apley & Zhu; of an ordinal column
    /// Σ share·effect over the categories. Standard errors are those of the bins' means, given where the rows lie; a bin of a single
    /// row takes the variance within the others.
    ///
    /// # Errors
    /// No bins, a categorical axis of several features (one-hot: it has no order), and whatever the model refuses.
    pub fn ale(&self, axes: &[Axis], bins: usize) -> Result<Vec<Ale>> {
        if bins == 0 {
            return Err(Error::input("accumulated local effects need at least 1 bin, not 0").hint("20 is usual"));
        }
        let cut: Vec<Bins> = axes.iter().map(|axis| self.cut(axis, bins)).collect::<Result<_>>()?;
        let cells = cut.iter().map(|bins| 2 * bins.moves.len() * self.features().len());
        let mut found = Vec::with_capacity(axes.len() * self.output_names().len());
        for batch in batches(cells, CELLS) {
            let outputs = self.moved(&axes[batch.clone()], &cut[batch.clone()])?;
            let mut rest = outputs.view();
            for (axis, bins) in axes[batch.clone()].iter().zip(&cut[batch]) {
                let (own, others) = rest.split_at(Dimension(0), 2 * bins.moves.len());
                found.extend(self.accumulated(axis, bins, own));
                rest = others;
            }
        }
        Ok(found)
    }

    fn cut(&self, axis: &Axis, bins: usize) -> Result<Bins> {
        match axis.features[..] {
            [feature] if axis.categories.is_empty() => {
                Ok(Bins::numeric(self.rows().column(feature).iter().copied(), self.weights(), bins))
            }
            [_] => Ok(Bins::ordinal(axis, self.rows().view(), self.weights())),
            _ => Err(Error::input(format!(
                "`{}` has no accumulated local effects: its {} categories are features of their own, without an order",
                axis.name,
                axis.features.len()
            ))
            .hint("leave it out, or look at its partial dependence")),
        }
    }

    /// Outputs of every move's row on the lower edge, then on the upper.
    fn moved(&self, axes: &[Axis], cut: &[Bins]) -> Result<Array2<f32>> {
        let moves =
            || axes.iter().zip(cut).flat_map(|(axis, bins)| bins.moves.iter().map(move |of_row| (axis, bins, of_row)));
        let settings = moves().flat_map(|(axis, bins, of_row)| {
            [of_row.bin, of_row.bin + 1].map(|edge| [(axis.features[0], bins.values[edge])])
        });
        let start = moves().flat_map(|(_, _, of_row)| [of_row.row as u32; 2]).collect();
        self.paired(&Donors::setting(self.features().len(), settings), start)
    }

    fn accumulated(&self, axis: &Axis, bins: &Bins, outputs: ArrayView2<f32>) -> Vec<Ale> {
        let label = |&position: &f64| axis.categories.get(position as usize).map(|category| category.label.clone());
        let labels: Vec<String> =
            if axis.categories.is_empty() { Vec::new() } else { bins.edges.iter().filter_map(label).collect() };
        let link = |output: f32| self.predictor.link.apply(f64::from(output));
        let of_output = |(k, output): (usize, &String)| {
            let pairs = outputs.exact_chunks((2, outputs.ncols()));
            let change: Vec<f64> = pairs.into_iter().map(|pair| link(pair[(1, k)]) - link(pair[(0, k)])).collect();
            let (effect, stderr) = bins.accumulate(&change);
            Ale {
                output: output.clone(),
                axis: axis.name.clone(),
                edges: bins.edges.clone(),
                labels: labels.clone(),
                share: bins.share.clone(),
                effect,
                stderr,
            }
        };
        self.output_names().iter().enumerate().map(of_output).collect()
    }
}
