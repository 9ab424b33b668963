//! Owen values of pictures.

use burn::tensor::Tensor;
use ndarray::Array2;
use pellucid::Device;
use pellucid::data::Background;
use pellucid::design::{Budget, DesignChoice};
use pellucid::explain::{KernelShap, Link};
use pellucid::image::{Absence, Channels, ImageShap, Layout, Picture, Preprocess, Segmenter, Segments};
use pellucid::model::onnx::{Graph, OnnxModel};
use pellucid::model::{HostFn, Model};
use pellucid_tests::{devices, fixture};

/// The digits network over pictures of 8 × 8, and its outputs for one.
fn network(device: &Device) -> impl Fn(Tensor<4>) -> pellucid::Result<Tensor<2>> + Send + Sync + 'static {
    let graph = Graph::load(fixture("models/digits_cnn.onnx")).unwrap();
    let model = OnnxModel::new(&graph, device).unwrap();
    move |pictures| {
        let [n, c, h, w] = pictures.dims();
        model.predict(pictures.reshape([n, c * h * w]))
    }
}

fn digits(device: &Device) -> ImageShap {
    let mut preprocess = Preprocess::new(8, 8, Layout::Nchw, Channels::Grey);
    preprocess.scale = 255.0 / 16.0;
    let mut shap = ImageShap::new(network(device), preprocess);
    shap.absence = Absence::Colour([0; 3]);
    (shap.targets, shap.hierarchy) = (vec![3, 5], true);
    shap
}

/// A three: bright strokes on black.
fn three() -> Picture {
    let rows = ["..####..", "......#.", "......#.", "...###..", "......#.", "......#.", ".#....#.", "..####.."];
    let bytes = rows.iter().flat_map(|row| row.bytes()).flat_map(|c| [if c == b'#' { 240 } else { 5 }; 3]);
    Picture::from_rgb(8, 8, bytes.collect()).unwrap()
}

/// Exact values by the machine of tables, over presence of the segments, with the same hierarchy.
fn by_tables(segments: &Segments, link: Link) -> Array2<f32> {
    let device = Device::cpu();
    let (net, picture) = (network(&device), three());
    let of_pixel = segments.of_pixel.clone();
    let names = (0..segments.count).map(|i| i.to_string()).collect();
    let outputs = vec!["3".into(), "5".into()];
    let hierarchy = segments.hierarchy(&picture).unwrap();
    let bright: Vec<f32> = picture.bytes().iter().step_by(3).map(|&c| f32::from(c) * 16.0 / 255.0).collect();
    let model = HostFn::new(names, outputs, move |rows: ndarray::ArrayView2<f32>| {
        let pixels = |row: ndarray::ArrayView1<f32>| {
            (0..64).map(|at| row[of_pixel[at] as usize] * bright[at]).collect::<Vec<_>>()
        };
        let numbers: Vec<f32> = rows.rows().into_iter().flat_map(pixels).collect();
        let shape = [rows.nrows(), 1, 8, 8];
        let tensor = Tensor::<4>::from_data(burn::tensor::TensorData::new(numbers, shape), Device::cpu().burn());
        let found: Vec<f32> = net(tensor).unwrap().into_data().try_to_vec().unwrap();
        Array2::from_shape_fn((rows.nrows(), 2), |(row, k)| found[row * 10 + [3, 5][k]])
    });
    let background = Background::uniform(Array2::zeros((1, segments.count)));
    let builder = KernelShap::builder(model, background).hierarchy(hierarchy).budget(Budget::Exact).link(link);
    let found = builder.build(&device).unwrap().explain(Array2::ones((1, segments.count)).view()).unwrap();
    found.values.index_axis(ndarray::Axis(0), 0).to_owned()
}

#[test]
fn all_regions_opened_are_exact_values() {
    for device in devices() {
        for link in [Link::Identity, Link::Logit] {
            let mut shap = digits(&device);
            shap.segmenter = Segmenter::Grid { columns: 8, rows: 4 };
            (shap.budget, shap.link) = (Budget::Exact, link);
            let found = shap.explain(&three(), &device).unwrap();
            assert_eq!((found.segments.count, found.provenance.design.as_str()), (32, "Owen values, exact"));
            let expected = by_tables(&found.segments, link);
            // Probabilities agree to 1e-6; log-odds of those above 0.001 to a thousand times that.
            let tolerance = if link == Link::Identity { 1e-5 } else { 1e-2 };
            for (at, (got, expected)) in found.values.iter().zip(&expected).enumerate() {
                assert!((got - expected).abs() < tolerance, "{link:?} {at}: {got}, by tables {expected}");
            }
            for k in 0..2 {
                let whole = link.apply(found.predictions[k]);
                let sum: f64 = found.values.row(k).iter().map(|&v| f64::from(v)).sum();
                assert!((found.base_values[k] + sum - whole).abs() < 1e-5);
            }
        }
    }
}

#[test]
fn a_small_budget_shows_regions() {
    let device = Device::cpu();
    let mut shap = digits(&device);
    shap.segmenter = Segmenter::Grid { columns: 8, rows: 8 };
    shap.budget = Budget::Rows(60);
    let found = shap.explain(&three(), &device).unwrap();
    assert!(found.forwards <= 60 + 1, "{}", found.forwards);
    assert!((4..64).contains(&found.segments.count), "{}", found.segments.count);
    assert_eq!(found.values.ncols(), found.segments.count);
    assert_eq!(found.segments.sizes().iter().sum::<usize>(), 64);
    assert!(found.segments.sizes().iter().any(|&size| size > 1));
    assert!(found.stderr.iter().all(|&error| error > 0.0));
    assert_eq!(found.provenance.design, "Owen values, regions opened step by step");
    assert_eq!(found.provenance.players.len(), found.segments.count);
    for k in 0..2 {
        let sum: f64 = found.values.row(k).iter().map(|&v| f64::from(v)).sum();
        assert!((found.base_values[k] + sum - found.predictions[k]).abs() < 1e-5);
    }
    assert_eq!(shap.explain(&three(), &device).unwrap().values, found.values, "nothing is random");
}

#[test]
fn random_orders_and_refusals() {
    let device = Device::cpu();
    let mut shap = digits(&device);
    shap.segmenter = Segmenter::Grid { columns: 4, rows: 4 };
    shap.budget = Budget::Exact;
    let exact = shap.explain(&three(), &device).unwrap();
    (shap.budget, shap.design) = (Budget::Rows(3001), DesignChoice::Permutation);
    let found = shap.explain(&three(), &device).unwrap();
    assert_eq!(found.provenance.design, "Owen values, permutation, per background row");
    for (at, (got, expected)) in found.values.iter().zip(&exact.values).enumerate() {
        let stderr = found.stderr.iter().nth(at).unwrap();
        assert!((got - expected).abs() <= 4.0 * stderr + 1e-5, "{at}: {got} ± {stderr}, {expected}");
    }
    let refused = |shap: &ImageShap| shap.explain(&three(), &device).map(|_| ()).unwrap_err().to_string();
    shap.design = DesignChoice::PerBackground;
    assert!(refused(&shap).contains("leverage pairs estimate Shapley values"));
    (shap.budget, shap.design) = (Budget::Rows(100), DesignChoice::Exact);
    assert!(refused(&shap).contains("exact values take"));
    (shap.budget, shap.design) = (Budget::Rows(3), DesignChoice::Auto);
    assert!(refused(&shap).contains("below the minimum of 4"));
    (shap.budget, shap.targets) = (Budget::Auto, vec![10]);
    assert!(refused(&shap).contains("output 10 was asked for"));
}
