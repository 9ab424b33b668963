//! Attributions laid over the picture.

use super::{ImageExplanation, Picture};
use image::{Rgb, RgbImage, imageops};

/// Raises and lowers the output: red and blue, told apart with any kind of colour vision.
const RAISES: [f64; 3] = [214.0, 39.0, 40.0];
const LOWERS: [f64; 3] = [31.0, 90.0, 200.0];
/// How much of the strongest segment is colour.
const STRONGEST: f64 = 0.8;
/// How much of a segment's edge is dark.
const EDGE: f64 = 0.35;

/// The picture in grey, each segment tinted red if it raises the output and blue if it lowers it, as strongly as its attribution is large; a
/// picture smaller than `side` pixels is enlarged by a whole number.
pub fn overlay(explanation: &ImageExplanation, output: usize, side: u32) -> Picture {
    let ImageExplanation { seen, segments, values, .. } = explanation;
    let largest = values.row(output).iter().fold(0.0f32, |a, &v| a.max(v.abs()));
    let times = (side / segments.width.max(segments.height).max(1)).max(1);
    let tint = |x: u32, y: u32, edge: bool| {
        let value = f64::from(values[(output, segments.of_pixel[(y * segments.width + x) as usize] as usize)]);
        let share = if largest > 0.0 { STRONGEST * value.abs() / f64::from(largest) } else { 0.0 };
        let [r, g, b] = seen.rgb.get_pixel(x, y).0.map(f64::from);
        let grey = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        let colour = if value >= 0.0 { RAISES } else { LOWERS };
        let dark = if edge { 1.0 - EDGE } else { 1.0 };
        Rgb(colour.map(|c| ((grey * (1.0 - share) + c * share) * dark).round() as u8))
    };
    let rgb = if times == 1 {
        RgbImage::from_fn(segments.width, segments.height, |x, y| tint(x, y, segments.is_edge(x, y)))
    } else {
        let plain = RgbImage::from_fn(segments.width, segments.height, |x, y| tint(x, y, false));
        imageops::resize(&plain, times * segments.width, times * segments.height, imageops::FilterType::Nearest)
    };
    Picture { rgb, notes: Vec::new() }
}
