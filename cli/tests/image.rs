//! `image` as a user meets it: a picture explained, and what is refused.

mod support;

use serde_json::Value;
use support::{Folder, fixture, run};

/// `image` for the network of digits, with more options behind.
fn image(more: &[&str]) -> (i32, String, String) {
    let model = fixture("models/digits_cnn.onnx");
    let mut arguments = vec!["image", "--device", "cpu", "--model", &model];
    arguments.extend(more);
    run(&arguments)
}

#[test]
fn a_picture_gets_a_heat_map_and_numbers_that_add_up() {
    let (folder, picture) = (Folder::new(), fixture("pictures/turned.jpg"));
    let output = folder.path("why").display().to_string();
    let options = [&picture, "--grid", "4x4", "--scale", "16", "--absent", "#000000", "--output", &output];
    let (code, stdout, stderr) = image(&options);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("turned.jpg: output[") && stdout.contains("6 more"), "{stdout}");
    let mut names: Vec<String> = std::fs::read_dir(folder.path("why"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["turned.heatmap.png", "turned.json"]);
    let written = std::fs::read_to_string(folder.path("why/turned.json")).unwrap();
    let json: Value = serde_json::from_str(&written).unwrap();
    let explained = &json["outputs"][0];
    let sum: f64 = explained["segments"].as_array().unwrap().iter().map(|s| s["attribution"].as_f64().unwrap()).sum();
    let [prediction, base] = ["prediction", "base_value"].map(|key| explained[key].as_f64().unwrap());
    // Sixteen attributions and a prediction, each rounded to f32.
    assert!((base + sum - prediction).abs() < 17.0 * f64::from(f32::EPSILON), "{base} + {sum} for {prediction}");
    let pixels: u64 = json["segment_runs"].as_array().unwrap().iter().map(|run| run[1].as_u64().unwrap()).sum();
    assert_eq!((json["width"].as_u64(), json["height"].as_u64(), pixels), (Some(8), Some(8), 64));
    // What is there is not replaced unless asked for, and says the same again.
    let (code, _, stderr) = image(&options);
    assert!(code == 2 && stderr.contains("--force"), "{stderr}");
    let (code, ..) = image(&[&options[..], &["--force"]].concat());
    assert_eq!(
        (code, std::fs::read_to_string(folder.path("why/turned.json")).unwrap().len()),
        (0, written.len() + " --force".len())
    );
}

#[test]
fn what_cannot_be_explained_is_refused() {
    let (folder, picture) = (Folder::new(), fixture("pictures/turned.jpg"));
    let unused = folder.path("unused").display().to_string();
    let text = folder.file("notes.png", "not a picture");
    for (options, expected) in [
        (vec![text.as_str()], "notes.png"),
        (vec![&picture, "--target", "33"], "10 outputs"),
        (vec![&picture, "--labels", "cat,dog"], "2 labels for a model of 10 outputs"),
        (vec![&picture, "--mean", "0.1,0.2"], "mean has 2 numbers"),
        (vec![&picture, "--size", "9x8"], "width 8, not 9"),
        (vec![&picture, "--segments", "500"], "500 segments"),
        (vec![&picture, "--absent", "#12"], "six hexadecimal digits"),
        (vec![&picture, "--model-output", "probs"], "probs"),
        (vec![&picture, &picture, "--output", &unused], "two pictures"),
        (vec!["no/such.jpg"], "no/such.jpg"),
    ] {
        let (code, stdout, stderr) = image(&options);
        assert_eq!((code, stdout.as_str()), (2, ""), "{options:?}: {stderr}");
        assert!(stderr.contains(expected), "{options:?}: {stderr}");
    }
    assert_eq!(folder.names(), ["notes.png"]);
}

#[test]
fn an_array_is_a_picture_like_any_other() {
    let grey = fixture("pictures/grey.npy");
    let (code, stdout, stderr) =
        image(&[&grey, "--grid", "2x2", "--array-range", "0,16", "--absent", "#000000", "--json"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stderr.contains("grey.npy: an array of shape [2, 2], <f4: read as height × width, 0 black, 16 white"),
        "{stderr}"
    );
    let json: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&json["picture"], json["outputs"][0]["segments"].as_array().unwrap().len()), (&"grey.npy".into(), 4));
    for (options, expected) in [
        (vec!["--array-range", "0,8"], "go from 0 to 16, beyond 0 to 8"),
        (vec!["--array-range", "8,0"], "the smaller first"),
        (vec!["--array-layout", "whc"], "possible values: hwc, chw"),
    ] {
        let (code, _, stderr) = image(&[&[grey.as_str()], &options[..]].concat());
        assert!(code == 2 && stderr.contains(expected), "{options:?}: {stderr}");
    }
}

#[test]
fn a_page_shows_the_pictures_and_their_numbers() {
    let (folder, picture) = (Folder::new(), fixture("pictures/turned.jpg"));
    let report = folder.path("page.html").display().to_string();
    let options = [&picture, "--grid", "4x4", "--scale", "16", "--target", "1", "--target", "7", "--report", &report];
    let (code, _, stderr) = image(&options);
    assert_eq!(code, 0, "{stderr}");
    let html = std::fs::read_to_string(&report).unwrap();
    // The picture, what stands in for absent segments, and a heat map an output.
    assert_eq!(html.matches("href=\"data:image/png;base64,iVBORw0KGgo").count(), 4);
    assert_eq!(html.matches("<figure ").count(), 2);
    for expected in
        ["What moved output[7]", "digits_cnn.onnx on turned.jpg", "4 × 4 rectangles", "SHA-256", "16 segments"]
    {
        assert!(html.contains(expected), "{expected}");
    }
    let (code, _, stderr) = image(&options);
    assert!(code == 2 && stderr.contains("--force"), "{stderr}");
    assert_eq!(folder.names(), ["page.html"]);
}
