//! What stands in for absent segments.

use super::picture::Picture;
use super::preprocess::Preprocess;
use image::{Rgb, RgbImage, imageops};

/// What the network sees where a segment is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Absence {
    /// The picture out of focus: a Gaussian blur with a deviation of a tenth of the shorter side.
    #[default]
    Blur,
    /// The picture's mean colour.
    Mean,
    /// A colour: red, green, blue.
    Colour([u8; 3]),
    /// Another picture, at the same size.
    Picture(Picture),
}

impl Absence {
    /// The picture with all segments absent, at the network's size.
    pub(super) fn of(&self, seen: &Picture, preprocess: &Preprocess) -> Picture {
        let (width, height) = seen.rgb.dimensions();
        let rgb = match self {
            Absence::Blur => imageops::blur(&seen.rgb, width.min(height) as f32 / 10.0),
            Absence::Mean => {
                let mean = |c: usize| {
                    let sum: u64 = seen.rgb.pixels().map(|pixel| u64::from(pixel.0[c])).sum();
                    let pixels = u64::from(width) * u64::from(height);
                    ((sum + pixels / 2) / pixels) as u8
                };
                RgbImage::from_pixel(width, height, Rgb([mean(0), mean(1), mean(2)]))
            }
            Absence::Colour(colour) => RgbImage::from_pixel(width, height, Rgb(*colour)),
            Absence::Picture(picture) => preprocess.seen(picture).rgb,
        };
        Picture { rgb, notes: Vec::new() }
    }
}
