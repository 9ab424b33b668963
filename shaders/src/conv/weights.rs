//! Weights in the order in which the kernels read them.

use super::Shape;

/// Channels of the result in a tile.
pub(super) const ROWS: usize = 8;
/// Up to so many results of a single channel are computed plane by plane.
const PLANES: usize = 4;

/// The weight and bias of a convolution, packed once for any number of calls.
#[derive(Clone, Debug)]
pub struct Weights {
    /// For each group, for each strip of its channels (eight, and what is left as 4, 2 and 1): \[taps, channels of the strip\].
    values: Vec<f32>,
    bias: Vec<f32>,
    groups: usize,
    /// Factors of one channel: inputs / groups · window.
    depth: usize,
    window: usize,
}

impl Weights {
    /// `weight` is \[outputs, inputs / groups, window\], `bias` \[outputs\].
    ///
    /// # Panics
    /// If lengths do not fit each other.
    pub fn new(weight: &[f32], bias: &[f32], groups: usize, window: usize) -> Self {
        let outputs = bias.len();
        assert!(outputs > 0 && groups > 0 && outputs.is_multiple_of(groups), "{outputs} channels in {groups} groups");
        let depth = weight.len() / outputs;
        assert!(
            depth * outputs == weight.len() && window > 0 && depth.is_multiple_of(window),
            "a weight of {} values",
            weight.len()
        );
        let mut values = Vec::with_capacity(weight.len());
        for group in 0..groups {
            let first = group * (outputs / groups);
            for (start, rows) in strips(outputs / groups) {
                let channel = |r: usize| &weight[(first + start + r) * depth..][..depth];
                values.extend((0..depth).flat_map(|k| (0..rows).map(move |r| channel(r)[k])));
            }
        }
        Self { values, bias: bias.to_vec(), groups, depth, window }
    }

    pub(super) fn check(&self, shape: &Shape) {
        let given = (self.bias.len(), self.groups, self.depth, self.window);
        let inputs = shape.inputs / shape.groups;
        assert_eq!(given, (shape.outputs, shape.groups, inputs * shape.taps(), shape.taps()), "weights");
        assert_eq!(inputs * shape.groups, shape.inputs, "channels in groups");
    }

    /// Whether each result is the window of one plane.
    pub(super) fn by_plane(&self) -> bool {
        self.depth == self.window && self.bias.len() / self.groups <= PLANES
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    pub(super) fn bias(&self) -> &[f32] {
        &self.bias
    }

    /// The factors of a strip that begins at a channel of the result.
    pub(super) fn strip(&self, channel: usize) -> &[f32] {
        &self.values[channel * self.depth..]
    }

    /// The factors of one channel, one a tap: `(at, step)` of [`Weights::strip`]'s of its group.
    pub(super) fn taps(&self, channel: usize) -> impl Iterator<Item = f32> + '_ {
        let each = self.bias.len() / self.groups;
        let (start, rows) =
            strips(each).find(|(start, rows)| channel % each < start + rows).expect("a channel of the group");
        let group = channel - channel % each;
        self.strip(group + start)[channel % each - start..].iter().step_by(rows).take(self.depth).copied()
    }
}

/// Start and length of the strips of so many channels.
pub(super) fn strips(channels: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rows = [ROWS, 4, 2, 1].into_iter().find(|&rows| start + rows <= channels)?;
        start += rows;
        Some((start - rows, rows))
    })
}
