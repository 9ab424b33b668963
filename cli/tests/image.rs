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
