//! Affine layers with their activation: y = activation(x · W + b), one after the other.
//!
//! `x` is \[rows, inputs\], `W` \[inputs, outputs\], `b` \[outputs\], all f32 and row-major. This is the forward of a dense
//! network, where nearly all the work of an explanation goes.
//!
//! On the CPU a block of rows passes through all layers before the next block starts, so that what lies between two layers
//! never leaves the cache; the product is a register tile written with the CPU's own vector instructions. Unlike the other
//! twins it accumulates in f32: it is the production path, and its error is bounded by (inputs + 2)·ε·Σ|terms|.
//! NaN and infinities follow IEEE 754; ReLU of NaN is NaN.

pub(crate) mod activation;
// Their functions are unsafe as a whole, under the contracts they state.
#[allow(clippy::undocumented_unsafe_blocks)]
pub(crate) mod lanes;
mod sweep;
#[allow(clippy::undocumented_unsafe_blocks)]
pub(crate) mod tile;

pub use activation::Activation;
pub use sweep::{Sweep, straight, sweep};

use crate::{Kernel, kernel::params};
use rayon::prelude::*;
use std::{
    cell::RefCell,
    mem::MaybeUninit,
    sync::{Mutex, PoisonError},
};

params! {
    /// Rows of `x` and of the output.
    rows,
    /// Columns of `x`, rows of the weight.
    inputs,
    /// Columns of the weight and of the output.
    outputs,
    /// [`Activation::code`].
    activation,
}

/// One layer as tiles of the output; see [`Tile`].
pub const KERNEL: Kernel = Kernel {
    name: "affine",
    source: concat!(include_str!("common.wgsl"), include_str!("affine/activation.wgsl"), include_str!("affine.wgsl")),
    workgroup: Tile::DEFAULT.workgroup(),
    bindings: 5,
    params: Params::LAYOUT,
};

/// One layer of at most [`DOTS_OUTPUTS`] outputs, [`DOTS_ROWS`] rows a workgroup.
pub const DOTS: Kernel = Kernel {
    name: "affine_dots",
    source: concat!(
        include_str!("common.wgsl"),
        include_str!("affine/activation.wgsl"),
        include_str!("affine_dots.wgsl")
    ),
    workgroup: 256,
    bindings: 5,
    params: Params::LAYOUT,
};
pub const DOTS_OUTPUTS: usize = 4;
pub const DOTS_ROWS: usize = 8;

/// What one workgroup of [`KERNEL`] computes: `rows` × `columns` of the output (multiples of 8), from panels of `depth` inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tile {
    pub rows: u32,
    pub columns: u32,
    pub depth: u32,
}

impl Tile {
    /// The tile as the shader's text has it.
    pub const DEFAULT: Tile = Tile { rows: 128, columns: 128, depth: 16 };

    /// Lanes of a workgroup: each has 8 × 8 outputs.
    pub const fn workgroup(self) -> u32 {
        self.rows / 8 * (self.columns / 8)
    }

    /// The kernel for this tile. Texts other than the default's are made once and kept for the life of the process.
    pub fn kernel(self) -> &'static Kernel {
        static OTHERS: Mutex<Vec<(Tile, &Kernel)>> = Mutex::new(Vec::new());
        if self == Self::DEFAULT {
            return &KERNEL;
        }
        let mut others = OTHERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, kernel)) = others.iter().find(|(tile, _)| *tile == self) {
            return kernel;
        }
        let name = format!("affine {}×{}×{}", self.rows, self.columns, self.depth).leak();
        let kernel = Kernel { name, source: self.source().leak(), workgroup: self.workgroup(), ..KERNEL };
        others.push((self, Box::leak(Box::new(kernel))));
        others[others.len() - 1].1
    }

    /// The kernel's text with this tile in place of the default.
    fn source(self) -> String {
        let line = |name: &str, value: u32| format!("const TILE_{name} = {value}u;");
        let Tile { rows, columns, depth } = Self::DEFAULT;
        [("ROWS", rows, self.rows), ("COLUMNS", columns, self.columns), ("DEPTH", depth, self.depth)]
            .iter()
            .fold(KERNEL.source.to_string(), |text, &(name, from, to)| text.replace(&line(name, from), &line(name, to)))
    }
}

/// Rows that pass through all layers together: a multiple of the tile's 6 rows, small enough that two layers' outputs (256
/// wide: 96 KiB) and a weight (256 KiB) share a second-level cache of 512 KiB.
const BLOCK: usize = 48;

/// One layer: its weight \[inputs, outputs\], bias \[outputs\] and activation.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    weight: &'a [f32],
    bias: &'a [f32],
    activation: Activation,
}

impl<'a> Layer<'a> {
    /// # Panics
    /// If `bias` is empty or `weight` is not a whole number of rows of its length.
    pub fn new(weight: &'a [f32], bias: &'a [f32], activation: Activation) -> Self {
        let (values, outputs) = (weight.len(), bias.len());
        assert!(outputs > 0 && values % outputs == 0, "a weight of {values} values for {outputs} outputs");
        Self { weight, bias, activation }
    }

    pub fn inputs(&self) -> usize {
        self.weight.len() / self.bias.len()
    }

    pub fn outputs(&self) -> usize {
        self.bias.len()
    }
}

/// `x` \[rows, inputs of the first layer\] through all layers: \[rows, outputs of the last\].
///
/// On a thread of a rayon pool it runs on that thread alone, since tiles are already spread over the cores; elsewhere blocks
/// of rows are spread over the pool. The result is the same, bit for bit.
///
/// # Panics
/// If there is no layer, or sizes do not fit.
pub fn affine(x: &[f32], rows: usize, layers: &[Layer]) -> Vec<f32> {
    let (first, last) = (layers.first().expect("at least one layer"), layers.last().expect("at least one layer"));
    let (inputs, outputs) = (first.inputs(), last.outputs());
    assert_eq!(x.len(), rows * inputs, "values for {rows} rows of {inputs}");
    for pair in layers.windows(2) {
        assert_eq!(pair[0].outputs(), pair[1].inputs(), "outputs of a layer and inputs of the next");
    }
    let mut out = Vec::new();
    if rayon::current_thread_index().is_some() {
        serial(x, rows, layers, &mut out);
        return out;
    }
    out.reserve_exact(rows * outputs);
    let room = &mut out.spare_capacity_mut()[..rows * outputs];
    room.par_chunks_mut(BLOCK * outputs).enumerate().for_each(|(block, out)| {
        let rows = out.len() / outputs;
        through(&x[block * BLOCK * inputs..][..rows * inputs], rows, layers, out);
    });
    // SAFETY: the chunks cover `room`, and `through` has written each of them.
    unsafe { out.set_len(rows * outputs) };
    out
}

/// [`affine`] on this thread: `out` is replaced by the outputs, in its own memory where that is enough.
fn serial(x: &[f32], rows: usize, layers: &[Layer], out: &mut Vec<f32>) {
    let (inputs, outputs) = (layers[0].inputs(), layers[layers.len() - 1].outputs());
    out.clear();
    out.reserve(rows * outputs);
    let room = &mut out.spare_capacity_mut()[..rows * outputs];
    for (block, out) in room.chunks_mut(BLOCK * outputs).enumerate() {
        let rows = out.len() / outputs;
        through(&x[block * BLOCK * inputs..][..rows * inputs], rows, layers, out);
    }
    // SAFETY: the chunks cover `room`, and `through` has written each of them.
    unsafe { out.set_len(rows * outputs) };
}

/// Each value replaced by its activation. Threads as in [`affine`].
pub fn activate(values: &mut [f32], activation: Activation) {
    // SAFETY: a task over one slice has no contract.
    let part = |values: &mut [f32]| unsafe { lanes::best(Activate { values, activation }) };
    match rayon::current_thread_index() {
        Some(_) => part(values),
        None => values.par_chunks_mut(1 << 14).for_each(part),
    }
}

struct Activate<'a> {
    values: &'a mut [f32],
    activation: Activation,
}

impl lanes::Task for Activate<'_> {
    #[inline(always)]
    unsafe fn run<L: lanes::Lanes>(self) {
        self.activation.apply::<L>(self.values);
    }
}

thread_local! {
    /// What lies between two layers: one block before, one after.
    static BETWEEN: RefCell<[Vec<f32>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

/// One block of rows through all layers.
fn through(x: &[f32], rows: usize, layers: &[Layer], out: &mut [MaybeUninit<f32>]) {
    let (last, inner) = layers.split_last().expect("at least one layer");
    let widest = inner.iter().map(Layer::outputs).max().unwrap_or(0);
    BETWEEN.with_borrow_mut(|between| {
        for buffer in between.iter_mut() {
            buffer.reserve(rows * widest);
        }
        let mut x = x.as_ptr();
        // SAFETY: each address is valid for rows × the layer's width: `x` and `out` by the caller's checks, the buffers by
        // the reservation; source and target of a layer are different buffers.
        unsafe {
            for (i, layer) in inner.iter().enumerate() {
                let out = between[i % 2].as_mut_ptr();
                tile::layer(tile::Block::dense(x, rows, layer, out));
                x = out;
            }
            tile::layer(tile::Block::dense(x, rows, last, out.as_mut_ptr().cast()));
        }
    });
}

#[cfg(test)]
#[allow(clippy::undocumented_unsafe_blocks)]
mod tests {
    use super::*;
    use tile::Block;

    /// Deterministic values in \[−1, 1\].
    fn values(count: usize, seed: u64) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    /// Compares one layer without activation with f64 sums. Bound: inputs products and additions and the bias, one rounding
    /// each, γ ≤ (inputs + 2)·ε of the sum of the terms' sizes.
    fn check(x: &[f32], rows: usize, layer: &Layer, out: &[f32], what: &str) {
        let (inputs, outputs) = (layer.inputs(), layer.outputs());
        for (i, &value) in out.iter().enumerate() {
            let (row, column) = (i / outputs, i % outputs);
            let terms = (0..inputs).map(|k| x[row * inputs + k] as f64 * layer.weight[k * outputs + column] as f64);
            let bias = layer.bias[column] as f64;
            let (sum, size) = terms.fold((bias, bias.abs()), |(sum, size), term| (sum + term, size + term.abs()));
            let bound = (inputs + 2) as f64 * f32::EPSILON as f64 * size;
            let error = (value as f64 - sum).abs();
            assert!(
                error <= bound,
                "{what} {rows}×{inputs}×{outputs} at {row},{column}: {value} not {sum}, error {error} > {bound}"
            );
        }
    }

    type LayerKernel = unsafe fn(Block);

    /// The kernels this CPU can run.
    fn kernels() -> Vec<(&'static str, LayerKernel)> {
        let mut kernels: Vec<(&str, LayerKernel)> =
            vec![("portable", |block| unsafe { lanes::Task::run::<lanes::Portable>(block) })];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                kernels.push(("avx2", |block| unsafe { lanes::avx2(block) }));
            }
            if is_x86_feature_detected!("avx512f") {
                kernels.push(("avx512", |block| unsafe { lanes::avx512(block) }));
            }
        }
        kernels
    }

    #[test]
    fn every_kernel_agrees_with_f64_at_awkward_sizes() {
        for rows in [1, 2, 5, 6, 7, 13] {
            for inputs in [0, 1, 3, 16, 17, 30, 65] {
                for outputs in [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 48, 63, 64, 65, 100, 130] {
                    let (x, weight, bias) = (values(rows * inputs, 1), values(inputs * outputs, 2), values(outputs, 3));
                    let layer = &Layer::new(&weight, &bias, Activation::None);
                    for (name, kernel) in kernels() {
                        let mut out = vec![f32::NAN; rows * outputs];
                        unsafe { kernel(Block::dense(x.as_ptr(), rows, layer, out.as_mut_ptr())) };
                        check(&x, rows, layer, &out, name);
                    }
                }
            }
        }
    }

    #[test]
    fn weights_beyond_the_cache_go_by_panels() {
        let (rows, inputs, outputs) = (8, 700, 200);
        let (x, weight, bias) = (values(rows * inputs, 1), values(inputs * outputs, 2), values(outputs, 3));
        let layer = Layer::new(&weight, &bias, Activation::None);
        check(&x, rows, &layer, &affine(&x, rows, &[layer]), "panels");
    }

    #[test]
    fn a_chain_is_its_layers_one_by_one_and_its_bits_do_not_depend_on_the_batch() {
        let widths = [30, 33, 64, 3, 70, 1];
        let parameters: Vec<_> = widths.windows(2).map(|w| (values(w[0] * w[1], 5), values(w[1], 6))).collect();
        let kinds = [Activation::Relu, Activation::Tanh, Activation::Sigmoid, Activation::None, Activation::Sigmoid];
        let layers: Vec<_> = parameters.iter().zip(kinds).map(|((w, b), kind)| Layer::new(w, b, kind)).collect();
        let rows = 2 * BLOCK + 11;
        let x = values(rows * 30, 7);
        let whole = affine(&x, rows, &layers);
        let by_layer = layers.iter().fold(x.clone(), |x, layer| affine(&x, rows, &[*layer]));
        assert_eq!(whole, by_layer);
        for rows in [1, 5, 50] {
            assert_eq!(affine(&x[..rows * 30], rows, &layers), whole[..rows]);
        }
        let in_a_pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(in_a_pool.install(|| affine(&x, rows, &layers)), whole);
        assert_eq!(affine(&[], 0, &layers), []);
    }

    #[test]
    fn nan_and_infinity_pass() {
        for outputs in [1, 3, 20] {
            let (weight, bias) = (vec![1.0; 2 * outputs], vec![0.0; outputs]);
            let x = [f32::NAN, 1.0, f32::INFINITY, 1.0, f32::NEG_INFINITY, f32::INFINITY, -1.0, -1.0];
            let out = affine(&x, 4, &[Layer::new(&weight, &bias, Activation::Relu)]);
            for (row, expected) in [f32::NAN, f32::INFINITY, f32::NAN, 0.0].into_iter().enumerate() {
                let row = &out[row * outputs..][..outputs];
                assert!(
                    row.iter().all(|v| v.to_bits() == expected.to_bits() || v.is_nan() && expected.is_nan()),
                    "{row:?} not {expected}"
                );
            }
        }
    }

    #[test]
    fn other_tiles_are_valid_shaders() {
        for tile in [Tile { rows: 64, columns: 64, depth: 8 }, Tile { rows: 64, columns: 256, depth: 32 }] {
            let kernel = tile.kernel();
            let module = naga::front::wgsl::parse_str(kernel.source).unwrap();
            assert_eq!(module.entry_points[0].workgroup_size, [tile.workgroup(), 1, 1], "{}", kernel.name);
            assert!(std::ptr::eq(kernel, tile.kernel()));
        }
    }
}
