//! NumPy arrays as pictures: files that numpy wrote, arrays of any shape and type, files that are cut or changed.

use super::file;
use pellucid::image::{ArrayOptions, Layout, Picture};
use pellucid_tests::fixture;
use proptest::prelude::*;

/// A file as numpy writes it.
fn npy(kind: &str, fortran: bool, shape: &[usize], data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let header = format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': ({},), }}\n", sides.join(", "));
    [&b"\x93NUMPY\x01\x00"[..], &(header.len() as u16).to_le_bytes(), header.as_bytes(), data].concat()
}

fn open(bytes: &[u8], options: &ArrayOptions) -> Result<Picture, String> {
    let (_folder, path) = file("x.npy", bytes);
    Picture::open_as(&path, options).map_err(|e| format!("{e:?}"))
}

#[test]
fn files_that_numpy_wrote() {
    let read = |name: &str| Picture::open(fixture(&format!("pictures/{name}"))).unwrap();
    let expected: Vec<u8> = (0..30).map(|i| (14 * i % 256) as u8).collect();
    for (name, told) in [
        ("hwc_u1.npy", "an array of shape [2, 5, 3], |u1: read as height × width × colours, 0 black, 255 white"),
        ("hwc_f4_fortran.npy", "height × width × colours, 0 black, 1 white; rounded to 256 shades"),
        (
            "chw_f8.npy",
            "an array of shape [3, 2, 5], <f8: read as colours × height × width, 0 black, 255 white; rounded",
        ),
        ("chw_f4_big.npy", "colours × height × width, 0 black, 1 white; rounded to 256 shades"),
    ] {
        let found = read(name);
        assert_eq!((found.width(), found.height(), found.bytes()), (5, 2, &expected[..]), "{name}");
        assert!(found.notes.len() == 1 && found.notes[0].contains(told), "{name}: {:?}", found.notes);
    }
    assert_eq!(read("version2.npy").bytes(), [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
    let alpha = read("alpha.npy");
    assert_eq!((alpha.bytes(), alpha.notes.len()), (&[200, 100, 0, 127, 127, 127][..], 2));
    // Numbers up to 16 could be colours of 0 to 255; with the range they are what they were meant to be.
    let grey = |range| Picture::open_as(fixture("pictures/grey.npy"), &ArrayOptions { layout: None, range }).unwrap();
    assert_eq!(grey(None).bytes()[9..], [16, 16, 16]);
    assert_eq!(grey(Some((0.0, 16.0))).bytes(), [0, 0, 0, 64, 64, 64, 128, 128, 128, 255, 255, 255]);
}

proptest! {
    /// Every number comes to its place, whatever the order, the type and the place of the colours.
    #[test]
    fn numbers_come_to_their_places(
        (height, width) in (2usize..7, 5usize..9),
        colours in prop_oneof![Just(1usize), Just(3), Just(0)],
        first in any::<bool>(),
        fortran in any::<bool>(),
        kind in prop_oneof![Just("|u1"), Just("<f4"), Just(">f4"), Just("<f8"), Just(">f8")],
        seed in any::<u8>(),
    ) {
        let value = |y: usize, x: usize, c: usize| seed.wrapping_add((91 * y + 37 * x + 113 * c) as u8);
        let (shape, axes) = match (colours, first) {
            (0, _) => (vec![height, width], [0, 1, 2]),
            (_, true) => (vec![colours, height, width], [1, 2, 0]),
            (_, false) => (vec![height, width, colours], [0, 1, 2]),
        };
        let count: usize = shape.iter().product();
        let mut data = Vec::new();
        for at in 0..count {
            // The index of each axis at this place of the file.
            let (mut index, mut rest) = (vec![0; 3], at);
            let order: Vec<usize> = if fortran { (0..shape.len()).collect() } else { (0..shape.len()).rev().collect() };
            for axis in order {
                index[axis] = rest % shape[axis];
                rest /= shape[axis];
            }
            let byte = value(index[axes[0]], index[axes[1]], index[axes[2]]);
            match kind {
                "|u1" => data.push(byte),
                "<f4" => data.extend((f32::from(byte) / 255.0).to_le_bytes()),
                ">f4" => data.extend((f32::from(byte) / 255.0).to_be_bytes()),
                "<f8" => data.extend((f64::from(byte) / 255.0).to_le_bytes()),
                _ => data.extend((f64::from(byte) / 255.0).to_be_bytes()),
            }
        }
        let layout = (colours > 0).then_some(if first { Layout::Nchw } else { Layout::Nhwc });
        let options = ArrayOptions { layout, range: (kind != "|u1").then_some((0.0, 1.0)) };
        let found = open(&npy(kind, fortran, &shape, &data), &options).unwrap();
        prop_assert_eq!((found.height() as usize, found.width() as usize), (height, width));
        for (at, pixel) in found.bytes().chunks_exact(3).enumerate() {
            for (c, &byte) in pixel.iter().enumerate() {
                let c = if colours == 3 { c } else { 0 };
                prop_assert_eq!(byte, value(at / width, at % width, c));
            }
        }
    }

    /// A file that is changed anywhere is read or refused, and nothing else.
    #[test]
    fn a_changed_file_ends_no_program(at in 6usize..200, byte in any::<u8>(), cut in 0usize..200) {
        let mut bytes = npy("<f4", false, &[2, 3, 3], &[0; 72]);
        if let Some(changed) = bytes.get_mut(at) {
            *changed = byte;
        }
        let _ = open(&bytes, &ArrayOptions::default());
        bytes.truncate(cut.max(6));
        let _ = open(&bytes, &ArrayOptions::default());
    }
}

#[test]
fn arrays_that_are_no_pictures_say_why() {
    let plain = ArrayOptions::default();
    let floats = |values: &[f32]| values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let whole = npy("|u1", false, &[2, 2], &[0, 1, 2, 3]);
    for length in 6..whole.len() {
        let message = open(&whole[..length], &plain).unwrap_err();
        assert!(
            message.contains("x.npy") && (message.contains("cut short") || message.contains("takes 4 bytes")),
            "{message}"
        );
    }
    let object = npy("|O", false, &[2, 2], &[0; 32]);
    let fields = String::from_utf8_lossy(&npy("|u1", false, &[2], &[0, 0])[10..])
        .replace("'|u1'", "[('shape', '|u1'), ('y', '<f4')]")
        .into_bytes();
    let fields = [&b"\x93NUMPY\x01\x00"[..], &(fields.len() as u16 - 2).to_le_bytes(), &fields].concat();
    let range = |range| ArrayOptions { layout: None, range: Some(range) };
    for (bytes, options, expected) in [
        (npy("<f4", false, &[1, 2], &floats(&[0.0, f32::NAN])), plain, "NaN among its numbers"),
        (npy("<f4", false, &[1, 2], &floats(&[0.0, f32::INFINITY])), plain, "inf among its numbers"),
        (npy("<f4", false, &[1, 2], &floats(&[-0.5, 1.0])), plain, "go from -0.5 to 1"),
        (npy("<f4", false, &[1, 2], &floats(&[0.0, 17.0])), range((0.0, 16.0)), "beyond 0 to 16"),
        (npy("<f4", false, &[1, 2], &floats(&[0.0, 0.0])), range((1.0, 1.0)), "are no range"),
        (npy("<i4", false, &[2, 2], &[0; 16]), plain, "an array of <i4; u1, f4 and f8"),
        (object, plain, "an array of |O"),
        (fields, plain, "'y'"),
        (npy("|u1", false, &[3, 2, 3], &[0; 18]), plain, "two axes that could be its colours"),
        (npy("|u1", false, &[5, 2, 5], &[0; 50]), plain, "is no picture"),
        (npy("|u1", false, &[1, 3, 2, 2], &[0; 12]), plain, "is no picture"),
        (npy("|u1", false, &[4], &[0; 4]), plain, "is no picture"),
        (npy("|u1", false, &[0, 3], &[]), plain, "from 1 to 32768"),
        (npy("|u1", false, &[1, 40_000], &[0; 40_000]), plain, "from 1 to 32768"),
        (npy("<f8", false, &[usize::MAX, usize::MAX], &[0; 8]), plain, "too large"),
        (npy("|u1", false, &[2, 2], &[0; 5]), plain, "takes 4 bytes, the file has 5"),
        (b"\x93NUMPY\x09\x00\x01\x00 ".to_vec(), plain, "version 9"),
        (b"\x93NUMPY\x01\x00\x04\x00{}  ".to_vec(), plain, "header cannot be read"),
    ] {
        let message = open(&bytes, &options).unwrap_err();
        assert!(message.contains(expected), "{expected}: {message}");
    }
    let options = ArrayOptions { layout: Some(Layout::Nhwc), range: None };
    assert_eq!(open(&npy("|u1", false, &[3, 2, 3], &[0; 18]), &options).unwrap().height(), 3);
}
