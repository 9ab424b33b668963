//! Pictures: a linear network in closed form, a real one against enumeration, files of every kind, bad input.

mod arrays;

use burn::tensor::Tensor;
use pellucid::Device;
use pellucid::design::Budget;
use pellucid::image::{Absence, Channels, Fit, ImageShap, Layout, Picture, Preprocess, Segmenter, overlay};
use pellucid::kernels::read_count;
use pellucid::model::Model;
use pellucid::model::onnx::{Graph, OnnxModel};
use pellucid_tests::compare::alone;
use pellucid_tests::{devices, fixture};
use std::path::PathBuf;

/// A picture with a colour of its own in each pixel.
fn picture(width: u32, height: u32) -> Picture {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let bytes = pixels
        .flat_map(|(x, y)| [(37 * x + 11 * y) % 256, (7 * x * y + 50) % 256, (200 + 3 * y + x) % 256].map(|c| c as u8));
    Picture::from_rgb(width, height, bytes.collect()).unwrap()
}

/// The weight of a number of the input in the linear network.
fn weight(c: usize, y: usize, x: usize) -> f32 {
    ((5 * c + 3 * y + 7 * x) % 11) as f32 / 11.0 - 0.4
}

/// A network with one output, linear in its input of this layout, and another that is twice as large.
fn linear(layout: Layout) -> impl Fn(Tensor<4>) -> pellucid::Result<Tensor<2>> + Send + Sync {
    move |pictures| {
        let pictures = if layout == Layout::Nhwc { pictures.permute([0, 3, 1, 2]) } else { pictures };
        let [n, c, h, w] = pictures.dims();
        let weights: Vec<f32> = (0..c * h * w).map(|at| weight(at / (h * w), at / w % h, at % w)).collect();
        let weights = Tensor::<1>::from_floats(&weights[..], &pictures.device()).reshape([c * h * w, 1]);
        let outputs = pictures.reshape([n, c * h * w]).matmul(weights);
        Ok(Tensor::cat(vec![outputs.clone(), outputs * 2.0], 1))
    }
}

#[test]
fn a_linear_network_moves_by_what_each_segment_changes() {
    let (width, height) = (12, 8);
    let seen = picture(width, height);
    for device in devices() {
        for (layout, channels) in
            [(Layout::Nchw, Channels::Rgb), (Layout::Nhwc, Channels::Bgr), (Layout::Nchw, Channels::Grey)]
        {
            let mut preprocess = Preprocess::new(width, height, layout, channels);
            (preprocess.mean, preprocess.std) = (vec![0.25], vec![0.5]);
            let mut shap = ImageShap::new(linear(layout), preprocess);
            shap.segmenter = Segmenter::Grid { columns: 4, rows: 2 };
            shap.absence = Absence::Colour([10, 20, 30]);
            let found = shap.explain(&seen, &device).unwrap();
            // Higher on every picture whose first output is positive; here the sign decides.
            let scale = if found.outputs[0] == "output[1]" { 2.0 } else { 1.0 };
            let change = |at: usize, c: usize| {
                let [r, g, b] = [0, 1, 2].map(|c| f64::from(seen.bytes()[3 * at + c]) - [10.0, 20.0, 30.0][c]);
                let of = match channels {
                    Channels::Rgb => [r, g, b][c],
                    Channels::Bgr => [b, g, r][c],
                    Channels::Grey => 0.2126 * r + 0.7152 * g + 0.0722 * b,
                };
                of / 255.0 / 0.5
            };
            let n_channels = if channels == Channels::Grey { 1 } else { 3 };
            let mut expected = vec![0.0; found.segments.count];
            for at in 0..(width * height) as usize {
                let (y, x) = (at / width as usize, at % width as usize);
                let moved: f64 = (0..n_channels).map(|c| f64::from(weight(c, y, x)) * change(at, c)).sum();
                expected[found.segments.of_pixel[at] as usize] += scale * moved;
            }
            assert_eq!(found.segments.count, 8);
            // Sums of 288 products of at most 0.6 · 2.
            let tolerance = 288.0 * 1.2 * 2.0 * 8.0 * f64::from(f32::EPSILON);
            for (segment, expected) in expected.iter().enumerate() {
                let got = f64::from(found.values[(0, segment)]);
                assert!((got - expected).abs() < tolerance, "{layout:?} {channels:?}, {segment}: {got} for {expected}");
            }
        }
    }
}

/// The digits network as one of pictures of 8 × 8.
fn digits(device: &Device) -> ImageShap {
    let graph = Graph::load(fixture("models/digits_cnn.onnx")).unwrap();
    let model = OnnxModel::new(&graph, device).unwrap();
    let network = move |pictures: Tensor<4>| {
        let [n, c, h, w] = pictures.dims();
        model.predict(pictures.reshape([n, c * h * w]))
    };
    let mut preprocess = Preprocess::new(8, 8, Layout::Nchw, Channels::Grey);
    preprocess.scale = 255.0 / 16.0;
    ImageShap::new(network, preprocess)
}

/// A three: bright strokes on black.
fn three() -> Picture {
    let rows = ["..####..", "......#.", "......#.", "...###..", "......#.", "......#.", ".#....#.", "..####.."];
    let bytes = rows.iter().flat_map(|row| row.bytes()).flat_map(|c| [if c == b'#' { 240 } else { 5 }; 3]);
    Picture::from_rgb(8, 8, bytes.collect()).unwrap()
}

#[test]
fn sampled_values_of_a_real_network_lie_within_their_errors_of_the_exact_ones() {
    for device in devices() {
        let mut shap = digits(&device);
        shap.segmenter = Segmenter::Grid { columns: 4, rows: 4 };
        shap.absence = Absence::Colour([0; 3]);
        (shap.targets, shap.budget) = (vec![3], Budget::Exact);
        let exact = shap.explain(&three(), &device).unwrap();
        shap.budget = Budget::Auto;
        let found = shap.explain(&three(), &device).unwrap();
        assert!(found.forwards <= 512 + 1, "{}", found.forwards);
        let gap = found.base_values[0] + found.values.sum() as f64 - found.predictions[0];
        assert!(gap.abs() < 16.0 * f64::from(f32::EPSILON), "{gap}");
        assert!((exact.predictions[0] - found.predictions[0]).abs() < 1e-6);
        for segment in 0..16 {
            let (error, stderr) = (found.values[(0, segment)] - exact.values[(0, segment)], found.stderr[(0, segment)]);
            // Of 32 values of two devices none should miss by more than four standard errors.
            assert!(error.abs() <= 4.0 * stderr + 1e-5, "segment {segment}: off by {error}, standard error {stderr}");
            assert!(exact.stderr[(0, segment)] == 0.0);
        }
        // The same picture and seed, the same bits.
        assert_eq!(shap.explain(&three(), &device).unwrap().values, found.values);
    }
}

#[test]
fn the_highest_output_is_explained_unless_others_are_asked_for() {
    let device = Device::cpu();
    let mut shap = digits(&device);
    shap.segmenter = Segmenter::Grid { columns: 2, rows: 2 };
    shap.labels = (0..10).map(|digit| format!("a {digit}")).collect();
    let found = shap.explain(&three(), &device).unwrap();
    let highest = found.outputs[0].clone();
    shap.targets = (0..10).collect();
    let all = shap.explain(&three(), &device).unwrap();
    let best = (0..10).max_by(|&a, &b| all.predictions[a].total_cmp(&all.predictions[b])).unwrap();
    assert_eq!((all.outputs.len(), &all.outputs[best]), (10, &highest));
    assert_eq!(all.values.row(best), found.values.row(0));
    shap.labels.pop();
    assert!(shap.explain(&three(), &device).unwrap_err().to_string().contains("9 labels for a model of 10 outputs"));
}

#[test]
fn segments_cover_the_picture() {
    let seen = picture(60, 40);
    let grid = Segmenter::Grid { columns: 7, rows: 3 }.segments(&seen).unwrap();
    assert_eq!((grid.count, grid.sizes().iter().sum::<usize>()), (21, 2400));
    assert!(grid.sizes().iter().all(|size| (8 * 13..=9 * 14).contains(size)), "{:?}", grid.sizes());
    assert_eq!((grid.boxes()[0], grid.of_pixel[0]), ([0, 0, 9, 14], 0));
    // Two flat halves, left and right: superpixels keep to the border.
    let halves: Vec<u8> = (0..40).flat_map(|_| (0..60).flat_map(|x| [if x < 31 { 20 } else { 220 }; 3])).collect();
    let halves = Picture::from_rgb(60, 40, halves).unwrap();
    let slic = Segmenter::Slic { count: 12, compactness: 5 }.segments(&halves).unwrap();
    assert!((6..=24).contains(&slic.count), "{}", slic.count);
    for (segment, [x, _, width, _]) in slic.boxes().into_iter().enumerate() {
        assert!(x + width <= 31 || x >= 31, "segment {segment} is on both sides: {x}, {width}");
    }
    let masks = Segmenter::Masks(halves.clone()).segments(&seen).unwrap();
    assert_eq!((masks.count, masks.sizes()), (2, vec![31 * 40, 29 * 40]));
    assert_eq!(masks.centres()[1].0, 45.0);
    let message = |segmenter: Segmenter| segmenter.segments(&seen).unwrap_err().to_string();
    assert!(message(Segmenter::Slic { count: 0, compactness: 10 }).contains("0 segments"));
    assert!(message(Segmenter::Slic { count: 5, compactness: 0 }).contains("compactness of 0"));
    assert!(message(Segmenter::Grid { columns: 100, rows: 100 }).contains("10000 segments"));
}

#[test]
fn a_heat_map_tints_what_raises_red_and_what_lowers_blue() {
    let device = Device::cpu();
    let mut shap = ImageShap::new(linear(Layout::Nchw), Preprocess::new(12, 8, Layout::Nchw, Channels::Rgb));
    shap.segmenter = Segmenter::Grid { columns: 4, rows: 2 };
    let found = shap.explain(&picture(12, 8), &device).unwrap();
    let map = overlay(&found, 0, 120);
    assert_eq!((map.width(), map.height()), (120, 80));
    let ranked = found.ranked(0);
    assert!(ranked.windows(2).all(|two| two[0].attribution.abs() >= two[1].attribution.abs()));
    let strongest = &ranked[0];
    let at = 10 * strongest.y as usize * 120 + 10 * strongest.x as usize;
    let [r, _, b] = [0, 1, 2].map(|c| map.bytes()[3 * at + c]);
    assert!(if strongest.attribution > 0.0 { r > b } else { b > r }, "{strongest:?}: {r} {b}");
}

fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

#[test]
fn files_of_every_kind() {
    let (_folder, path) = file("a.png", &picture(9, 5).png().unwrap());
    assert_eq!(Picture::open(&path).unwrap(), picture(9, 5));
    let open = |name: &str| Picture::open(fixture(&format!("pictures/{name}"))).unwrap();
    // Two pixels, the second half transparent black: white shines through.
    let alpha = open("alpha.png");
    assert_eq!((alpha.bytes(), alpha.notes.len()), (&[200, 100, 0, 127, 127, 127][..], 1));
    assert_eq!(open("grey.png").bytes(), [0, 0, 0, 255, 255, 255]);
    let deep = open("grey16.png");
    assert_eq!((deep.bytes(), deep.notes.len()), (&[0, 0, 0, 128, 128, 128][..], 1));
    // Stored lying on its side: the camera says to turn it.
    let turned = open("turned.jpg");
    assert_eq!((turned.width(), turned.height()), (8, 16));
    assert!(turned.bytes()[0] > 200 && turned.bytes()[turned.bytes().len() - 3] < 50, "{:?}", turned.bytes());
}

#[test]
fn files_that_are_no_pictures() {
    let whole = picture(64, 64).png().unwrap();
    for (name, bytes, expected) in [
        ("empty.png", &b""[..], "broken"),
        ("text", b"hello, I am no picture", "not a picture"),
        ("cut.png", &whole[..whole.len() / 2], "broken"),
        ("header.png", &whole[..20], "broken"),
    ] {
        let (_folder, path) = file(name, bytes);
        let error = Picture::open(&path).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(name), "{name}: {error}");
    }
    let missing = Picture::open("no/such.png").unwrap_err().to_string();
    assert!(missing.contains("no/such.png"), "{missing}");
    // A header that claims 100,000 pixels a side is refused before any memory is taken.
    let mut huge = whole.clone();
    huge[16..20].copy_from_slice(&100_000u32.to_be_bytes());
    huge[20..24].copy_from_slice(&100_000u32.to_be_bytes());
    let (_folder, path) = file("huge.png", &huge);
    assert!(Picture::open(&path).is_err());
    assert!(Picture::from_rgb(2, 2, vec![0; 11]).unwrap_err().to_string().contains("11 bytes"));
    assert!(Picture::from_rgb(0, 0, Vec::new()).is_err());
}

#[test]
fn the_shape_of_an_input_tells_the_layout() {
    let of = |dims: &[usize], size| {
        let dims: Vec<Option<usize>> = dims.iter().map(|&d| (d > 0).then_some(d)).collect();
        Preprocess::of_shape(&dims, size).map_err(|e| e.to_string())
    };
    let nchw = of(&[0, 3, 20, 30], None).unwrap();
    assert_eq!((nchw.layout, nchw.channels, nchw.width, nchw.height), (Layout::Nchw, Channels::Rgb, 30, 20));
    let nhwc = of(&[1, 20, 30, 1], None).unwrap();
    assert_eq!((nhwc.layout, nhwc.channels, nhwc.width, nhwc.height), (Layout::Nhwc, Channels::Grey, 30, 20));
    assert_eq!(of(&[0, 3, 0, 0], Some((5, 7))).unwrap().height, 7);
    assert!(of(&[0, 3, 0, 0], None).unwrap_err().contains("any width"));
    assert!(of(&[0, 3, 20, 30], Some((30, 21))).unwrap_err().contains("height 20, not 21"));
    assert!(of(&[0, 64], None).unwrap_err().contains("[?, 64]"));
    assert!(of(&[0, 7, 7, 512], None).unwrap_err().contains("takes no pictures"));
    let wrong = |change: fn(&mut Preprocess)| {
        let mut preprocess = Preprocess::new(4, 4, Layout::Nchw, Channels::Rgb);
        change(&mut preprocess);
        preprocess.check().unwrap_err().to_string()
    };
    assert!(wrong(|p| p.mean = vec![0.0; 2]).contains("mean has 2 numbers"));
    assert!(wrong(|p| p.std = vec![1.0, 0.0, 1.0]).contains("above 0, not 0"));
    assert!(wrong(|p| p.scale = f32::NAN).contains("not NaN"));
    assert!(wrong(|p| p.width = 0).contains("no pixels"));
}

#[test]
fn a_crop_keeps_the_middle() {
    let mut preprocess = Preprocess::new(4, 4, Layout::Nchw, Channels::Rgb);
    preprocess.fit = Fit::Crop;
    let wide = picture(12, 4);
    let seen = preprocess.seen(&wide);
    let row = |picture: &Picture, from: usize| picture.bytes()[3 * from..][..12].to_vec();
    assert_eq!((row(&seen, 0), row(&seen, 4)), (row(&wide, 4), row(&wide, 16)));
    preprocess.fit = Fit::Stretch;
    assert_ne!(row(&preprocess.seen(&wide), 0), row(&wide, 4));
}

/// Of 4,096 pictures each tile's rows are read, and no batch's outputs.
#[test]
fn outputs_stay_on_the_device() {
    alone("image::outputs_stay_on_the_device", || {
        for device in devices() {
            let mut shap = digits(&device);
            shap.segmenter = Segmenter::Grid { columns: 4, rows: 3 };
            (shap.targets, shap.budget) = (vec![3], Budget::Exact);
            let before = read_count();
            assert_eq!(shap.explain(&three(), &device).unwrap().forwards, 1 << 12);
            let reads = read_count() - before;
            // Sixteen batches or more in eight tiles on the CPU.
            assert!(reads < 16, "{reads} reads on {}", device.name());
        }
    });
}
