//! Segments of a picture: superpixels, a grid, or given masks.

use super::picture::Picture;
use crate::{Error, Result};
use image::imageops::{FilterType, resize};
use std::collections::BTreeMap;

/// Players of a picture at most; more are a mistake in a mask, or more than a budget could tell apart.
const MOST: usize = 4096;

/// How a picture is cut.
#[derive(Debug, Clone, PartialEq)]
pub enum Segmenter {
    /// Superpixels (SLIC; Achanta et al. 2012): about `count` patches of like colour. `compactness` from 1 (follow colours) to 20 (squares).
    Slic { count: u32, compactness: u8 },
    /// A grid of rectangles.
    Grid { columns: u32, rows: u32 },
    /// Each colour of this picture is a segment; it is brought to the size of the other without mixing colours.
    Masks(Picture),
}

impl Default for Segmenter {
    fn default() -> Self {
        Segmenter::Slic { count: 50, compactness: 10 }
    }
}

/// Which segment each pixel belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segments {
    pub width: u32,
    pub height: u32,
    /// `[height · width]`, row by row; segments count from 0 in the order in which they are met.
    pub of_pixel: Vec<u32>,
    pub count: usize,
}

impl Segmenter {
    /// Cuts a picture.
    ///
    /// # Errors
    /// No segments asked for, more than pixels, or masks with more than 4096 colours.
    pub fn segments(&self, picture: &Picture) -> Result<Segments> {
        let (width, height) = (picture.width(), picture.height());
        let labels: Vec<u64> = match self {
            Segmenter::Slic { count, compactness } => {
                self.check(u64::from(*count), width, height)?;
                if !(1..=20).contains(compactness) {
                    return Err(
                        Error::input(format!("a compactness of {compactness}")).hint("it is a number from 1 to 20")
                    );
                }
                let labels =
                    simple_clustering::slic_from_bytes(*count, *compactness, width, height, None, picture.bytes());
                let labels =
                    labels.map_err(|e| Error::input(format!("the picture cannot be cut into superpixels: {e}")))?;
                labels.into_iter().map(|label| label as u64).collect()
            }
            Segmenter::Grid { columns, rows } => {
                self.check(u64::from(*columns) * u64::from(*rows), width, height)?;
                let cell = |at: u32, side: u32, cells: u32| u64::from(at) * u64::from(cells) / u64::from(side);
                let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
                pixels.map(|(x, y)| cell(y, height, *rows) * u64::from(*columns) + cell(x, width, *columns)).collect()
            }
            Segmenter::Masks(masks) => {
                let masks = resize(&masks.rgb, width, height, FilterType::Nearest);
                masks.pixels().map(|p| u64::from(u32::from_be_bytes([0, p.0[0], p.0[1], p.0[2]]))).collect()
            }
        };
        let found = Segments::of(width, height, &labels);
        if found.count > MOST {
            return Err(Error::input(format!("{} segments; at most {MOST} can be told apart", found.count))
                .hint("a mask has one flat colour for each segment: save it as PNG, without smooth edges"));
        }
        Ok(found)
    }

    fn check(&self, count: u64, width: u32, height: u32) -> Result<()> {
        let most = (u64::from(width) * u64::from(height)).min(MOST as u64);
        if (1..=most).contains(&count) {
            return Ok(());
        }
        Err(Error::input(format!("{count} segments of a picture of {width} × {height} pixels"))
            .hint(format!("ask for 1 to {most}")))
    }
}

impl Segments {
    fn of(width: u32, height: u32, labels: &[u64]) -> Self {
        let mut numbers: BTreeMap<u64, u32> = BTreeMap::new();
        let of_pixel = labels
            .iter()
            .map(|label| {
                let next = numbers.len() as u32;
                *numbers.entry(*label).or_insert(next)
            })
            .collect();
        Self { width, height, of_pixel, count: numbers.len() }
    }

    /// `[segment]`: pixels in it.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.count];
        self.of_pixel.iter().for_each(|&segment| sizes[segment as usize] += 1);
        sizes
    }

    /// `[segment]`: its mean pixel, x from the left and y from the top.
    pub fn centres(&self) -> Vec<(f64, f64)> {
        let mut sums = vec![(0.0, 0.0); self.count];
        for (at, &segment) in self.of_pixel.iter().enumerate() {
            let (x, y) = (at as u32 % self.width, at as u32 / self.width);
            let sum = &mut sums[segment as usize];
            *sum = (sum.0 + f64::from(x), sum.1 + f64::from(y));
        }
        sums.into_iter().zip(self.sizes()).map(|((x, y), size)| (x / size as f64, y / size as f64)).collect()
    }

    /// `[segment]`: the rectangle that holds it, x, y, width, height.
    pub fn boxes(&self) -> Vec<[u32; 4]> {
        let mut ends = vec![[u32::MAX, u32::MAX, 0, 0]; self.count];
        for (at, &segment) in self.of_pixel.iter().enumerate() {
            let (x, y) = (at as u32 % self.width, at as u32 / self.width);
            let [left, top, right, bottom] = &mut ends[segment as usize];
            (*left, *top, *right, *bottom) = ((*left).min(x), (*top).min(y), (*right).max(x), (*bottom).max(y));
        }
        ends.into_iter().map(|[left, top, right, bottom]| [left, top, right - left + 1, bottom - top + 1]).collect()
    }

    /// Whether the pixel right of this one, or below it, is another segment's.
    pub(super) fn is_edge(&self, x: u32, y: u32) -> bool {
        let at = |x: u32, y: u32| self.of_pixel[(y * self.width + x) as usize];
        (x + 1 < self.width && at(x, y) != at(x + 1, y)) || (y + 1 < self.height && at(x, y) != at(x, y + 1))
    }
}
