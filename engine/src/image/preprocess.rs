//! From a picture to the numbers that a network takes.

use super::picture::Picture;
use crate::{Error, Result};
use image::imageops;
use ndarray::Array3;
use serde::{Deserialize, Serialize};

/// Where the axis of colours is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// `[batch, colours, height, width]`
    #[default]
    Nchw,
    /// `[batch, height, width, colours]`
    Nhwc,
}

/// Which colours, in which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    #[default]
    Rgb,
    Bgr,
    /// One channel, the luminance (ITU-R BT.709).
    Grey,
}

/// What happens to a picture of another shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Both sides are scaled on their own.
    #[default]
    Stretch,
    /// The largest part in the middle that has the right shape.
    Crop,
}

/// How pictures become a network's input: resized to width × height, each colour (value / `scale` − mean) / std.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    pub width: u32,
    pub height: u32,
    pub layout: Layout,
    pub channels: Channels,
    pub fit: Fit,
    /// What a colour of 0 to 255 is divided by: 255, or 1.
    pub scale: f32,
    /// One number for all channels or one for each, in the order of `channels`.
    pub mean: Vec<f32>,
    pub std: Vec<f32>,
}

impl Preprocess {
    /// For networks that take colours from 0 to 1.
    pub fn new(width: u32, height: u32, layout: Layout, channels: Channels) -> Self {
        Self { width, height, layout, channels, fit: Fit::Stretch, scale: 255.0, mean: vec![0.0], std: vec![1.0] }
    }

    /// From the shape that a network declares, `None` for an axis that is free: its layout is told by the axis of 1 or 3. `size` (width and
    /// height) is for axes that are free.
    ///
    /// # Errors
    /// A shape that is no batch of pictures, a size that is missing or another than the network's.
    pub fn of_shape(dims: &[Option<usize>], size: Option<(u32, u32)>) -> Result<Self> {
        let told: Vec<String> = dims.iter().map(|d| d.map_or("?".into(), |d| d.to_string())).collect();
        let told = format!("[{}]", told.join(", "));
        let colours = |axis: usize| dims[axis].filter(|&c| c == 1 || c == 3);
        let (layout, count, [height, width]) = match dims.len() {
            4 if colours(1).is_some() => (Layout::Nchw, colours(1), [dims[2], dims[3]]),
            4 if colours(3).is_some() => (Layout::Nhwc, colours(3), [dims[1], dims[2]]),
            _ => {
                return Err(Error::input(format!("an input of shape {told} takes no pictures"))
                    .hint("pictures go into [batch, colours, height, width] or [batch, height, width, colours] with 1 or 3 colours"));
            }
        };
        let side = |declared: Option<usize>, given: Option<u32>, name: &str| match (declared.map(|d| d as u32), given) {
            (Some(declared), Some(given)) if declared != given => Err(Error::input(format!(
                "the model takes pictures of {name} {declared}, not {given}; its input is {told}"
            ))
            .hint("leave the size out")),
            (Some(side), _) | (None, Some(side)) if side > 0 => Ok(side),
            _ => Err(Error::input(format!("the model takes pictures of any {name} (its input is {told})"))
                .hint("say the size it was trained with, as `--size 224x224`")),
        };
        let (width, height) = (side(width, size.map(|s| s.0), "width")?, side(height, size.map(|s| s.1), "height")?);
        let channels = if count == Some(1) { Channels::Grey } else { Channels::Rgb };
        Ok(Self::new(width, height, layout, channels))
    }

    pub fn n_channels(&self) -> usize {
        if self.channels == Channels::Grey { 1 } else { 3 }
    }

    /// # Errors
    /// No pixels, means and deviations of another number than the channels, deviations or a scale that cannot be divided by.
    pub fn check(&self) -> Result<()> {
        if self.width == 0 || self.height == 0 {
            return Err(Error::input(format!("a size of {} × {} has no pixels", self.width, self.height)));
        }
        for (name, list) in [("mean", &self.mean), ("std", &self.std)] {
            if list.len() != 1 && list.len() != self.n_channels() {
                let (given, due) = (list.len(), self.n_channels());
                return Err(Error::input(format!("{name} has {given} numbers, the model has {due} channels"))
                    .hint("give one number for all, or one for each channel"));
            }
        }
        let divisors = self.std.iter().chain([&self.scale]);
        if let Some(wrong) = divisors.chain(&self.mean).find(|x| !x.is_finite()) {
            return Err(Error::input(format!("mean, std and scale are numbers, not {wrong}")));
        }
        match self.std.iter().chain([&self.scale]).find(|&&x| x <= 0.0) {
            Some(wrong) => Err(Error::input(format!("std and scale are divided by, so they are above 0, not {wrong}"))),
            None => Ok(()),
        }
    }

    /// The picture at the network's size: what the network sees, still in colours.
    pub fn seen(&self, picture: &Picture) -> Picture {
        if self.fit == Fit::Stretch {
            return picture.resized(self.width, self.height);
        }
        let (w, h) = (u64::from(picture.width()), u64::from(picture.height()));
        let (wanted_w, wanted_h) = (u64::from(self.width), u64::from(self.height));
        // The part with w/h = wanted_w/wanted_h that touches two opposite sides.
        let (part_w, part_h) = if w * wanted_h > h * wanted_w {
            ((h * wanted_w / wanted_h).max(1), h)
        } else {
            (w, (w * wanted_h / wanted_w).max(1))
        };
        let (x, y) = ((w - part_w) / 2, (h - part_h) / 2);
        let part = imageops::crop_imm(&picture.rgb, x as u32, y as u32, part_w as u32, part_h as u32).to_image();
        Picture { rgb: part, notes: picture.notes.clone() }.resized(self.width, self.height)
    }

    /// The numbers of a picture that [`seen`](Self::seen) gave, `[channels, height, width]` whatever the layout.
    pub(super) fn numbers(&self, seen: &Picture) -> Array3<f32> {
        let of = |list: &[f32], c: usize| if list.len() == 1 { list[0] } else { list[c] };
        let colour = |rgb: [u8; 3], c: usize| match self.channels {
            Channels::Rgb => f32::from(rgb[c]),
            Channels::Bgr => f32::from(rgb[2 - c]),
            Channels::Grey => 0.2126 * f32::from(rgb[0]) + 0.7152 * f32::from(rgb[1]) + 0.0722 * f32::from(rgb[2]),
        };
        let shape = (self.n_channels(), self.height as usize, self.width as usize);
        Array3::from_shape_fn(shape, |(c, y, x)| {
            let rgb = seen.rgb.get_pixel(x as u32, y as u32).0;
            (colour(rgb, c) / self.scale - of(&self.mean, c)) / of(&self.std, c)
        })
    }
}
