//! NumPy arrays (`.npy`) as pictures.
//!
//! A file holds six magic bytes, a version, the length of a header, the header (a Python dictionary of `descr`, `fortran_order` and `shape`),
//! then the numbers (NumPy Enhancement Proposal 1). Every length is checked against the file before it is believed.

use super::Picture;
use super::picture::LONGEST_SIDE;
use super::preprocess::Layout;
use crate::{Error, Result};
use image::{DynamicImage, RgbaImage};
use std::fs::File;
use std::io::Read;
use std::path::Path;

pub(super) const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Numbers of an array at most; a file larger than so many doubles and a header is not read.
const MOST: usize = 128 << 20;
const LARGEST_FILE: u64 = 8 * MOST as u64 + (1 << 20);

/// How an array becomes a picture. What is not said is told by its shape and its numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ArrayOptions {
    /// Where the axis of colours is in an array of three axes: in front (`Nchw`) or last (`Nhwc`). Else it is the one of 1, 3 or 4.
    pub layout: Option<Layout>,
    /// The numbers that are black and white. Else 0 and 255 for bytes; for floats 0 and 1 if all lie there, or 0 and 255 if those do.
    pub range: Option<(f64, f64)>,
}

/// What a header says.
#[derive(Debug, PartialEq)]
struct Header {
    /// The type as NumPy writes it, such as `<f4`.
    kind: String,
    fortran: bool,
    shape: Vec<usize>,
}

/// The picture in a file.
pub(super) fn read(path: &Path, mut file: File, options: &ArrayOptions) -> Result<Picture> {
    let unread = |e| Error::io("read", path, e);
    if file.metadata().map_err(unread)?.len() > LARGEST_FILE {
        return Err(wrong(path, "the array is too large for a picture")
            .hint("make it smaller: the model sees it at its own size anyway"));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(unread)?;
    let (header, data) =
        split(&bytes).map_err(|what| wrong(path, &what).hint("was it written in full, by numpy.save?"))?;
    let numbers = numbers(&header, data).map_err(|what| {
        wrong(path, &what).hint("save it as uint8, float32 or float64: numpy.save(\"x.npy\", x.astype(numpy.float32))")
    })?;
    let axes = Axes::of(&header.shape, options.layout)
        .map_err(|(what, hint)| wrong(path, &format!("an array of shape {:?} {what}", header.shape)).hint(hint))?;
    let (low, high) = range(&header, &numbers, options.range).map_err(|(what, hint)| wrong(path, &what).hint(hint))?;
    let byte = |x: f64| ((x - low) / (high - low) * 255.0).round() as u8;
    let place = axes.places(&header);
    let [width, height] = [axes.width, axes.height].map(|axis| header.shape[axis] as u32);
    let rgba = RgbaImage::from_fn(width, height, |x, y| {
        let of = |c: usize| byte(numbers[place(y as usize, x as usize, c)]);
        image::Rgba(match axes.colours {
            1 => [of(0), of(0), of(0), 255],
            3 => [of(0), of(1), of(2), 255],
            _ => [of(0), of(1), of(2), of(3)],
        })
    });
    let mut picture = Picture::of(DynamicImage::ImageRgba8(rgba));
    let rounded =
        if header.kind.ends_with("u1") && (low, high) == (0.0, 255.0) { "" } else { "; rounded to 256 shades" };
    let note = format!(
        "an array of shape {:?}, {}: read as {}, {low} black, {high} white{rounded}",
        header.shape,
        header.kind,
        axes.told()
    );
    picture.notes.insert(0, note);
    Ok(picture)
}

fn wrong(path: &Path, what: &str) -> Error {
    Error::input(format!("{}: {what}", path.display()))
}

/// The header, and the bytes behind it.
fn split(bytes: &[u8]) -> Result<(Header, &[u8]), String> {
    let cut = || format!("the array is cut short, at {} bytes", bytes.len());
    let (version, rest) = bytes[MAGIC.len()..].split_first_chunk::<2>().ok_or_else(cut)?;
    let (length, rest) = match version[0] {
        1 => rest.split_first_chunk().map(|(n, rest)| (usize::from(u16::from_le_bytes(*n)), rest)),
        2 | 3 => rest.split_first_chunk().map(|(n, rest)| (u32::from_le_bytes(*n) as usize, rest)),
        other => return Err(format!("version {other} of NumPy's format; 1, 2 and 3 are known")),
    }
    .ok_or_else(cut)?;
    let (text, data) = rest.split_at_checked(length).ok_or_else(cut)?;
    let text = String::from_utf8_lossy(text);
    let header = parsed(&text).ok_or_else(|| {
        format!("the array's header cannot be read: {:?}", text.chars().take(120).collect::<String>())
    })?;
    Ok((header, data))
}

/// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`; types of several fields are lists, which have no quotes here.
fn parsed(text: &str) -> Option<Header> {
    let value = |key: &str| {
        let behind = text.split_once(&format!("'{key}'"))?.1;
        Some(behind.trim_start().strip_prefix(':')?.trim_start())
    };
    let kind = value("descr")?;
    let kind = match kind.strip_prefix('\'') {
        Some(quoted) => quoted.split_once('\'')?.0.to_string(),
        None => kind.split_once(", 'fortran_order'").map_or(kind, |(fields, _)| fields).to_string(),
    };
    let order = value("fortran_order")?;
    let fortran = order.starts_with("True");
    if !fortran && !order.starts_with("False") {
        return None;
    }
    let sides = value("shape")?.strip_prefix('(')?.split_once(')')?.0;
    let sides = sides.split(',').map(str::trim).filter(|side| !side.is_empty());
    Some(Header { kind, fortran, shape: sides.map(str::parse).collect::<Result<_, _>>().ok()? })
}

/// The numbers as they lie in the file.
fn numbers(header: &Header, data: &[u8]) -> Result<Vec<f64>, String> {
    let Header { kind, shape, .. } = header;
    let size = match kind.trim_start_matches(['<', '>', '|']) {
        "u1" => 1,
        "f4" => 4,
        "f8" => 8,
        _ => return Err(format!("an array of {kind}; u1, f4 and f8 can be pictures")),
    };
    let count = shape.iter().try_fold(1usize, |all, &side| all.checked_mul(side)).filter(|&count| count <= MOST);
    let count = count.ok_or_else(|| format!("an array of shape {shape:?} is too large for a picture"))?;
    if data.len() != count * size {
        let (due, given) = (count * size, data.len());
        return Err(format!("an array of shape {shape:?} takes {due} bytes, the file has {given}"));
    }
    let big = kind.starts_with('>');
    let number = |b: &[u8]| match (size, big) {
        (1, _) => f64::from(b[0]),
        (4, false) => f32::from_le_bytes([b[0], b[1], b[2], b[3]]).into(),
        (4, true) => f32::from_be_bytes([b[0], b[1], b[2], b[3]]).into(),
        (_, false) => f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]),
        (_, true) => f64::from_be_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]),
    };
    let numbers: Vec<f64> = data.chunks_exact(size).map(number).collect();
    match numbers.iter().find(|x| !x.is_finite()) {
        Some(x) => Err(format!("the array has {x} among its numbers")),
        None => Ok(numbers),
    }
}

/// What each axis means.
struct Axes {
    height: usize,
    width: usize,
    /// The axis of colours, none in an array of two.
    colour: Option<usize>,
    colours: usize,
}

impl Axes {
    /// What is wrong and what helps, otherwise.
    fn of(shape: &[usize], layout: Option<Layout>) -> Result<Self, (String, &'static str)> {
        const WANTED: &str =
            "a picture is [height, width], [height, width, colours] or [colours, height, width] with 1, 3 or 4 colours";
        let is_colour = |axis: usize| [1, 3, 4].contains(&shape[axis]);
        let colour = match (shape.len(), layout) {
            (2, _) => None,
            (3, Some(Layout::Nchw)) if is_colour(0) => Some(0),
            (3, Some(Layout::Nhwc)) if is_colour(2) => Some(2),
            (3, None) if is_colour(0) && is_colour(2) => {
                return Err((
                    "has two axes that could be its colours".into(),
                    "say which with `--array-layout hwc` or `chw`",
                ));
            }
            (3, None) if is_colour(0) => Some(0),
            (3, None) if is_colour(2) => Some(2),
            _ => return Err(("is no picture".into(), WANTED)),
        };
        let first = usize::from(colour == Some(0));
        let axes = Self { height: first, width: first + 1, colour, colours: colour.map_or(1, |axis| shape[axis]) };
        let longest = LONGEST_SIDE as usize;
        if [axes.height, axes.width].iter().any(|&axis| !(1..=longest).contains(&shape[axis])) {
            return Err((format!("has sides that are not from 1 to {longest}"), WANTED));
        }
        Ok(axes)
    }

    fn told(&self) -> &'static str {
        match self.colour {
            None => "height × width",
            Some(0) => "colours × height × width",
            Some(_) => "height × width × colours",
        }
    }

    /// Where the number of a pixel's colour lies.
    fn places(&self, header: &Header) -> impl Fn(usize, usize, usize) -> usize + use<> {
        let axes = header.shape.len();
        let behind = |axis: usize| if header.fortran { 0..axis } else { axis + 1..axes };
        let stride = |axis: usize| header.shape[behind(axis)].iter().product::<usize>();
        let [down, right] = [self.height, self.width].map(stride);
        let deep = self.colour.map_or(0, stride);
        move |y, x, c| y * down + x * right + c * deep
    }
}

/// The numbers that are black and white; what is wrong and what helps, otherwise.
fn range(header: &Header, numbers: &[f64], given: Option<(f64, f64)>) -> Result<(f64, f64), (String, &'static str)> {
    const HINT: &str = "say which numbers are black and white, as `--array-range 0,16`";
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let most = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let within = |&(low, high): &(f64, f64)| low <= least && most <= high;
    if let Some((low, high)) = given {
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Err((format!("black at {low} and white at {high} are no range"), HINT));
        }
        return given
            .filter(within)
            .ok_or_else(|| (format!("the array's numbers go from {least} to {most}, beyond {low} to {high}"), HINT));
    }
    let usual: &[(f64, f64)] = if header.kind.ends_with("u1") { &[(0.0, 255.0)] } else { &[(0.0, 1.0), (0.0, 255.0)] };
    usual.iter().copied().find(within).ok_or_else(|| (format!("the array's numbers go from {least} to {most}"), HINT))
}
