//! What happens around a run: memory that runs out, a stop in the middle, transfers between device and host.

use burn::tensor::Tensor;
use ndarray::Array2;
use pellucid::data::Background;
use pellucid::design::Budget;
use pellucid::explain::{Control, Explanation, KernelShap};
use pellucid::kernels::read_count;
use pellucid::model::{HostFn, Model, TensorFn};
use pellucid::{Device, Error, Result};
use pellucid_tests::compare::{alone, assert_same_bits, noise};
use pellucid_tests::devices;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const FEATURES: usize = 12;

fn names(stem: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{stem}{i}")).collect()
}

fn table(seed: u64, rows: usize) -> Array2<f32> {
    Array2::from_shape_vec((rows, FEATURES), noise(seed, rows * FEATURES, -1.0, 1.0)).unwrap()
}

/// Sums of neighbours' products: every row on its own, the same bits in whatever tile.
fn curve(rows: Tensor<2>) -> Tensor<2> {
    let left = rows.clone().slice([0..rows.dims()[0], 0..FEATURES - 1]);
    let right = rows.clone().slice([0..rows.dims()[0], 1..FEATURES]);
    left.mul(right).sum_dim(1).tanh()
}

/// A device with room for so many rows of a tile.
struct Narrow {
    features: Vec<String>,
    outputs: Vec<String>,
    room: Arc<AtomicUsize>,
}

impl Narrow {
    fn new(room: usize) -> (Self, Arc<AtomicUsize>) {
        let room = Arc::new(AtomicUsize::new(room));
        (Self { features: names("x", FEATURES), outputs: names("y", 1), room: room.clone() }, room)
    }
}

impl Model for Narrow {
    fn feature_names(&self) -> &[String] {
        &self.features
    }

    fn output_names(&self) -> &[String] {
        &self.outputs
    }

    fn predict(&self, rows: Tensor<2>) -> Result<Tensor<2>> {
        match rows.dims()[0] > self.room.load(Relaxed) {
            true => Err(Error::Device { device: "narrow".into(), message: "out of memory".into() }),
            false => Ok(curve(rows)),
        }
    }
}

fn builder(model: impl Model + 'static, control: &Control) -> pellucid::explain::Builder {
    // 133 background rows do not fit a narrow tile; 1200 model rows a row are several tiles of any size.
    KernelShap::builder(model, Background::uniform(table(1, 133))).budget(Budget::Rows(1200)).control(control.clone())
}

fn assert_same(what: &str, found: &Explanation, expected: &Explanation) {
    assert_same_bits(what, found.values.as_slice().unwrap(), expected.values.as_slice().unwrap());
    assert_same_bits(what, found.stderr.as_slice().unwrap(), expected.stderr.as_slice().unwrap());
    assert_same_bits(what, found.predictions.as_slice().unwrap(), expected.predictions.as_slice().unwrap());
    assert_eq!(found.spent, expected.spent, "{what}");
}

#[test]
fn a_device_out_of_memory_gets_smaller_tiles() {
    let rows = table(2, 7);
    for device in devices() {
        // A byte of memory: the smallest tile, of 64 rows.
        let small = builder(Narrow::new(usize::MAX).0, &Control::default()).memory(1).build(&device).unwrap();
        let expected = small.explain(rows.view()).unwrap();
        let steps = |from: usize| {
            let tiles = std::iter::successors(Some(from / 2), |tile| (*tile > 64).then_some(tile / 2));
            tiles
                .map(|tile| format!("device narrow: out of memory; going on with tiles of {tile} model rows"))
                .collect::<Vec<_>>()
        };
        let bytes = 512 * 4 * (2 * FEATURES + 2 * 4 * FEATURES) as u64; // 512 rows

        let control = Control::default();
        let early = builder(Narrow::new(100).0, &control).memory(bytes).build(&device).unwrap();
        assert_eq!(control.take_notes(), steps(512), "on {}", device.name());
        assert_same("short of memory from the start", &early.explain(rows.view()).unwrap(), &expected);
        assert_eq!(control.take_notes(), Vec::<String>::new());

        let (model, room) = Narrow::new(usize::MAX);
        let late = builder(model, &control).memory(bytes).build(&device).unwrap();
        assert_same("memory in plenty", &late.explain(rows.view()).unwrap(), &expected);
        assert_eq!(control.take_notes(), Vec::<String>::new());
        room.store(100, Relaxed);
        assert_same("short of memory later", &late.explain(rows.view()).unwrap(), &expected);
        assert_eq!(control.take_notes(), steps(512), "on {}", device.name());
    }
}

#[test]
fn a_device_that_fails_on_the_smallest_tile_is_an_error() {
    let error = builder(Narrow::new(63).0, &Control::default()).build(&Device::cpu()).err().unwrap();
    assert!(matches!(&error, Error::Device { .. }), "{error:?}");
    assert_eq!(error.to_string(), "device narrow: out of memory");
}

/// The model presses the button in its tenth tile: the run ends within the tiles that were under way.
#[test]
fn a_stop_ends_the_run_between_tiles() {
    for device in devices() {
        let control = Control::default();
        let (stop, calls) = (control.stop.clone(), Arc::new(AtomicUsize::new(usize::MAX / 2)));
        let counted = calls.clone();
        let model = TensorFn::new(names("x", FEATURES), names("y", 1), move |rows: Tensor<2>| {
            if counted.fetch_add(1, Relaxed) == 9 {
                stop.store(true, Relaxed);
            }
            curve(rows)
        });
        let shap = builder(model, &control).memory(1).build(&device).unwrap();
        let rows = table(3, 40);
        calls.store(0, Relaxed);
        let error = shap.explain(rows.view()).unwrap_err();
        assert!(matches!(error, Error::Interrupted), "{error:?}");
        let (called, cores) = (calls.load(Relaxed), std::thread::available_parallelism().unwrap().get());
        assert!((10..=10 + cores).contains(&called), "{called} calls on {}", device.name());
        control.stop.store(false, Relaxed);
        assert_eq!(shap.explain(rows.view()).unwrap().n_rows(), 40);
        assert!(calls.load(Relaxed) > 10 * called, "{} calls in all", calls.load(Relaxed));
    }
}

#[test]
fn model_rows_are_counted() {
    let control = Control::default();
    let shap = builder(Narrow::new(usize::MAX).0, &control).build(&Device::cpu()).unwrap();
    let before = control.model_rows.load(Relaxed);
    let block = shap.explain(table(4, 9).view()).unwrap();
    assert_eq!(control.model_rows.load(Relaxed) - before, block.spent.iter().sum::<u64>());
    assert!(block.spent.iter().all(|&spent| spent > 1000 && spent <= 1200), "{:?}", block.spent);
}

/// Two reads a block, whatever the number of tiles: the predictions of its rows, and the products of the solve. Nothing comes back to the
/// host between mask and solve.
#[test]
fn a_block_costs_two_reads() {
    alone("control::a_block_costs_two_reads", || {
        for device in devices() {
            let rows = table(5, 200);
            let reads = |memory: u64| {
                let shap =
                    builder(Narrow::new(usize::MAX).0, &Control::default()).memory(memory).build(&device).unwrap();
                let before = read_count();
                shap.explain(rows.view()).unwrap();
                read_count() - before
            };
            assert_eq!((reads(1), reads(64 << 20)), (2, 2), "on {}", device.name());
        }
    });
}

/// Finite on the rows and on the background, not on mixtures of the two: no attribution may come out.
#[test]
fn outputs_that_are_not_finite_are_errors() {
    let model = |f: fn(f32, f32) -> f32| {
        let function = move |rows: ndarray::ArrayView2<f32>| {
            Array2::from_shape_fn((rows.nrows(), 1), |(r, _)| f(rows[(r, 0)], rows[(r, 1)]))
        };
        HostFn::new(names("x", FEATURES), names("y", 1), function)
    };
    let built = |f, background: Array2<f32>| {
        KernelShap::builder(model(f), Background::uniform(background)).budget(Budget::Rows(200)).build(&Device::cpu())
    };
    let told = |error: Error| match error {
        Error::Input { message, hint } => format!("{message}\nhint: {}", hint.unwrap()),
        other => panic!("{other:?}"),
    };
    let root = |a: f32, b: f32| (a * b).sqrt();
    let (below, above) = (Array2::from_elem((1, FEATURES), -1.0), Array2::from_elem((3, FEATURES), 1.0));
    assert_eq!(
        told(built(root, below.clone()).unwrap().explain_from(above.view(), 11).unwrap_err()),
        "the model's output `y0` is not finite when some features of row 11 are replaced by those of background rows\n\
         hint: attributions need finite outputs: give a background of rows that go with these, or group the features that depend on each other with `--groups`"
    );
    let finite = "hint: attributions need finite outputs: is that row in the range the model was made for? has it missing values?";
    let log = |a: f32, _| a.ln();
    assert_eq!(
        told(built(log, above).unwrap().explain_from(below.view(), 11).unwrap_err()),
        format!("the model's output `y0` is NaN for row 11\n{finite}")
    );
    assert_eq!(
        told(built(log, below).err().unwrap()),
        format!("the model's output `y0` is NaN for a background row\n{finite}")
    );
}
